"""What is found in a cache, of whatever class, and what a network is given again."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from netscope.base.workload import TensorSpec, Workload
from netscope.trace import record
from netscope.trace.decoding import Decoding, encoder_length, held, operators, tensors_of

X, Y, Z = (torch.zeros(size) for size in (2, 3, 4))


class Slotted:
    __slots__ = ("kept", "unset")

    def __init__(self, kept: Any) -> None:
        self.kept = kept


class Plain:
    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)

    def __call__(self) -> None: ...


@dataclass
class Fields:
    keys: Any
    values: Any


Pair = namedtuple("Pair", "k v")  # noqa: PYI024 - as people have them


@pytest.mark.parametrize(
    ("cache", "places"),
    [
        (X, [""]),
        ([(X, Y), (Z,)], ["0.0", "0.1", "1.0"]),
        ({"k": {0: X}, 1: Y}, ["k.0", "1"]),
        (Pair(X, None), ["k"]),
        (Fields(X, [Y]), ["keys", "values.0"]),
        (Slotted(Plain(a=X, b="text", c=len, d=nn.Linear(2, 2))), ["kept.a"]),
        (Plain(layers=[Plain(keys=X, again=X), Plain(keys=Y)]), ["layers.0.keys", "layers.1.keys"]),
        (None, []),
        ([1, "a", torch.float32], []),
    ],
)
def test_places(cache: Any, places: list[str]) -> None:
    assert [place for place, _ in tensors_of(cache)] == places


def test_what_holds_itself() -> None:
    cache = Plain(keys=X)
    cache.owner = cache
    assert [place for place, _ in tensors_of(cache)] == ["keys"]


class Rows(nn.Module):
    """Keeps the last rows of what it was given, a view of them all."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor, past: Any = None, **_: Any) -> Any:
        kept = torch.cat([*(past or []), self.inner(x)], dim=1)
        return {"out": kept.sum(), "past": [kept[:, -2:]], "encoder_out": x}


def traced(network: nn.Module, *lengths: int) -> Any:
    text = [((TensorSpec((1, length, 4)),), {}) for length in lengths]
    return record(Workload("it", Decoding(network), ([text],)))


def test_storages_after_each_call() -> None:
    trace = traced(Rows(), 6, 1, 1)
    ((first, second, third),) = held(trace)
    # Two rows of 16 bytes are seen, and all of what they are a view of is kept: of six, and then of three.
    assert [(one.place, one.spec.shape, one.nbytes, one.path) for one in first] == [("0", (1, 2, 4), 96, "")]
    assert [one.nbytes for one in (*second, *third)] == [48, 48]
    assert encoder_length(trace) == 1
    assert len(operators(trace)) == 3


class Projected(Rows):
    """What it keeps is multiplied with weights when it is read."""

    def forward(self, x: torch.Tensor, past: Any = None, **_: Any) -> Any:
        kept = torch.cat([*(past or []), x], dim=1)
        return {"out": self.inner(kept), "past": [kept]}


def test_what_is_read_through_weights() -> None:
    assert [one.projected for one in held(traced(Projected(), 6, 1))[0][1]] == [True]
    assert [one.projected for one in held(traced(Rows(), 6, 1))[0][1]] == [False]


class Unnamed(nn.Module):
    def forward(self, x: torch.Tensor, memory: Any = None) -> Any:
        kept = x if memory is None else torch.cat([memory[0], x], dim=1)
        return x, (kept * 1,)


class NotAgain(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return x, (x * 1,)


class Nothing(nn.Module):
    def forward(self, x: torch.Tensor, past: Any = None) -> Any:
        return {"x": x * 1, "hidden_states": (x * 1,), "parts": [x * 1]}


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (Rows(), [(1, 2, 4)] * 2),
        (Unnamed(), [(1, 3, 4), (1, 4, 4)]),
        (NotAgain(), [(1, 3, 4)]),
        (Nothing(), []),
    ],
)
def test_what_is_given_again(network: nn.Module, shapes: list[tuple[int, ...]]) -> None:
    calls = held(traced(network, 3, 1))
    assert [one.spec.shape for text in calls for call in text for one in call] == shapes
