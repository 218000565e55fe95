"""Random numbers of the process: where its generators stand, and that they stand there again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from netscope.base.meta.chance import States


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    before = np.random.get_state()
    np.random.seed(7)
    yield
    np.random.set_state(before)


def state() -> Any:
    kind, key, *others = np.random.get_state()
    return kind, key.tolist(), *others


def test_numpys_generator_is_put_back() -> None:
    before = state()
    states = States()
    np.random.rand(3)
    states.restore()
    assert state() == before


@pytest.mark.parametrize("drawn", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("then", [1, 2, 3])
def test_a_normal_number_that_numpy_has_kept_is_put_back(drawn: int, then: int) -> None:
    """It draws two at once: of an odd number of draws one is left, which is in no memory of the generator."""
    States()
    for _ in range(drawn):
        np.random.normal()
    before = state()
    states = States()
    for _ in range(then):
        np.random.normal()
    states.restore()
    assert state() == before


def test_another_kind_of_generator_is_put_back() -> None:
    usual = np.random.get_bit_generator()
    np.random.set_bit_generator(np.random.PCG64(3))
    try:
        states = States()
        expected = np.random.rand(2).tolist()
        states.restore()
        assert np.random.rand(2).tolist() == expected
    finally:
        np.random.set_bit_generator(usual)
