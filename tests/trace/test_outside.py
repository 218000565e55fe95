"""What a forward reaches by name, kept with its values for a forward that is run for real."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn

from netscope.trace.outside import Outside

TABLE = torch.arange(3.0)
DATA = torch.arange(5.0)
NETS: dict[str, Any] = {"a": nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))}
LAST: Any = None


@functools.lru_cache
def window(size: int) -> Tensor:
    return torch.ones(size)


def helper(x: Tensor) -> Tensor:
    global LAST
    LAST = x
    TABLE.data.add_(1)
    return x + window(3).sum()


class Reaches(nn.Module):
    own = torch.zeros(2)

    def forward(self, x: Tensor) -> Any:
        type(self).own += 1
        return NETS["a"](helper(x))


def test_values_of_what_the_code_names_are_put_back() -> None:
    window.cache_clear()
    before = {name: value.clone() for name, value in NETS["a"].state_dict().items()}
    outside = Outside([Reaches]).with_values()
    Reaches()(torch.ones(4, 2))
    assert TABLE.tolist() == [1, 2, 3]
    assert window.cache_info().currsize == 1
    outside.put_back()
    assert TABLE.tolist() == [0, 1, 2]
    assert Reaches.own.tolist() == [0, 0]
    assert LAST is None
    assert window.cache_info().currsize == 0
    assert all(torch.equal(value, before[name]) for name, value in NETS["a"].state_dict().items())


def test_a_cache_that_knew_it_all_stays() -> None:
    window.cache_clear()
    window(3)
    outside = Outside([Reaches]).with_values()
    Reaches()(torch.ones(4, 2))
    outside.put_back()
    assert window.cache_info().currsize == 1


def test_no_copy_is_made_of_what_no_code_of_it_names() -> None:
    """A script's data and its other networks may be large."""
    outside = Outside([Reaches]).with_values(but=[NETS])
    kept = {id(kept._tensor) for kept in outside._values.values()}
    assert id(TABLE) in kept
    assert id(DATA) not in kept
    assert not kept.intersection(map(id, NETS["a"].parameters()))
