from __future__ import annotations

from dataclasses import fields

import pytest

from netscope.base.errors import UsageError
from netscope.report.layer import Layer, Parameter
from netscope.report.report import Report
from netscope.show.columns import BY_KEY, COLUMNS, DEFAULT, choose, find
from netscope.show.columns.column import PARAMETERS, SHAPES
from tests.reports import alexnet, stack
from tests.show.answers import profile

DISPLAYED_ONLY = {"operator", "rf"}
# Parts of the network's own figures, or of its machine, which a layer does not know.
SHARES = {"share", "time_share", "bound_share", "network_seconds"}


def test_keys_are_the_attributes_of_a_layer() -> None:
    attributes = {spec.name for spec in fields(Layer)} | set(dir(Layer))
    assert {column.key for column in COLUMNS} - attributes == DISPLAYED_ONLY | SHARES
    assert set(dir(Report)) >= SHARES


def test_keys_are_unique() -> None:
    assert len(BY_KEY) == len(COLUMNS)


def test_raw_values_are_those_of_the_layer() -> None:
    for report in (alexnet(), profile()):
        for layer in report.layers:
            for column in COLUMNS:
                if column.key not in DISPLAYED_ONLY | SHARES | {"vector"}:
                    assert column.get(layer, report) == getattr(layer, column.key)


def test_every_column_is_one_defined_quantity() -> None:
    for column in COLUMNS:
        assert column.help.endswith(".")
        assert column.help[0].isupper() or column.help[0].isdigit()
        assert "\n" not in column.help


def test_every_value_of_every_column_has_a_text() -> None:
    report = stack(2)
    for layer in report.layers:
        for column in COLUMNS:
            value = column.get(layer, report) if column.display is None else column.display(layer)
            assert isinstance(column.kind.text(value), str)


def test_the_default_columns_tell_the_whole_story() -> None:
    assert list(DEFAULT) == [
        "path",
        "operator",
        "output_shapes",
        "parameter_shapes",
        "params",
        "macs",
        "share",
        "output_bytes",
    ]


def test_chosen_columns_begin_with_the_path_and_come_once() -> None:
    assert [column.key for column in choose(["macs", "path", "macs"])] == ["path", "macs"]


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        find("trainable")
    assert caught.value.message == "there is no column 'trainable'."
    assert caught.value.hint is not None
    assert "trainable_params" in caught.value.hint


def test_many_parameters_of_the_same_shape_are_counted() -> None:
    shapes = {f"w{i}": (4, 4) for i in range(6)}
    assert PARAMETERS.text(shapes) == "6·(4×4)"
    assert PARAMETERS.text({"weight": (96, 3, 11, 11), "bias": (96,)}) == "96×3×11×11 + 96"


def test_what_is_no_tensor_is_named() -> None:
    assert SHAPES.text(((1, 2), "Categorical", ())) == "1×2, Categorical, scalar"
    assert SHAPES.text(((1,),) * 5) == "1, 1, 1, +2"


def test_parameters_know_their_elements() -> None:
    assert Parameter("weight", (4, 3), "float32", True, 48).numel == 12
