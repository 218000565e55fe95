from __future__ import annotations

import dataclasses

import pytest

from netscope.report.layer import Layer, Window, later

SEEN = Window((3, 3), (-1, -1), (1.0, 1.0), (1.0, 1.0))


def test_a_window_may_be_a_function_that_is_called_once_and_late() -> None:
    called = []

    def find() -> Window:
        called.append("once")
        return SEEN

    layer = Layer(path="a", type="Conv2d", window=later(find))
    assert not called
    assert layer.window == SEEN
    assert layer.receptive_field == (3, 3)
    assert layer == Layer(path="a", type="Conv2d", window=SEEN)
    assert called == ["once"]


def test_a_layer_of_little_has_the_defaults_of_its_class() -> None:
    layer = Layer(path="a", type="Conv2d")
    assert layer.window is None
    for spec in dataclasses.fields(Layer):
        if spec.default is not dataclasses.MISSING:
            assert getattr(layer, spec.name) == spec.default
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.window = SEEN  # type: ignore[misc]
