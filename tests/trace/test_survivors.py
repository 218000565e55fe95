"""What a forward leaves outside of all copies is put right or named, and nothing else is touched.

The globals of this file, its classes and its functions are the outside.
"""

from __future__ import annotations

import functools
import gc
import random
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netscope.base import collector
from netscope.base.workload import Workload
from netscope.trace import Trace, record, survivors
from netscope.trace.outside import GONE, Outside
from netscope.trace.tags import Token

HERE = __name__

LAST: Any = None
TABLE: dict[Any, Any] = {}
ITEMS: list[Any] = []
RECENT: deque[Any] = deque(maxlen=2)
SEEN: list[weakref.ref[Tensor]] = []
COUNTS = [0, 0]
WARNED: set[Any] = set()
CALLS = 0
TORCHS = torch.Generator()
PYTHONS = random.Random(1)
NUMPYS = np.random.default_rng(1)


class Settings:
    """A class of this file, which has one object."""

    def __init__(self) -> None:
        self.last: Any = None
        self.calls = 0


SETTINGS = Settings()


@functools.lru_cache
def bounded(length: int) -> Tensor:
    return torch.ones(length)


@functools.cache
def unbounded(length: int) -> tuple[Tensor, Tensor]:
    return torch.ones(length), torch.zeros(length)


class Leaves(nn.Module):
    """Does what a test says, beside a linear layer."""

    last: Any = None
    calls = 0

    def __init__(self, does: Callable[[Leaves, Tensor], object]) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x)
        self.does(self, y)
        return y


def traced(does: Callable[[Any, Tensor], object], *rungs: str) -> Trace:
    return record(Workload("leaves", Leaves(does), (torch.ones(1, 2),)), ladder=rungs or ("meta",))


def left(trace: Trace) -> list[str]:
    """Where something was left, by its notes."""
    start = "the forward left a tensor of the trace in "
    assert all(note.startswith(start) for note in trace.notes), trace.notes
    return sorted(note.removeprefix(start) for note in trace.notes)


# -- Tensors


def test_a_forward_that_leaves_nothing_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survivors, "_left", None)
    assert traced(lambda self, y: None).notes == ()


def in_a_global(self: Leaves, y: Tensor) -> None:
    global LAST
    LAST = y


def in_a_closure() -> tuple[Callable[[Any, Tensor], None], Callable[[], Any]]:
    """Of a function that is in no copy: a global finds it."""
    kept: Any = "before"

    def keep(y: Tensor) -> None:
        nonlocal kept
        kept = y

    def keeps(self: Leaves, y: Tensor) -> None:
        REGISTERED[0](y)

    REGISTERED.append(keep)
    return keeps, lambda: kept


REGISTERED: list[Any] = []

PLACES: dict[str, tuple[Callable[[Any, Tensor], object], Callable[[], Any], Any, list[str]]] = {
    "a global": (in_a_global, lambda: LAST, None, [f"{HERE}.LAST (put back)"]),
    "a dictionary": (lambda _, y: TABLE.update(a=y), lambda: TABLE, {}, [f"{HERE}.TABLE['a'] (taken out)"]),
    "a list": (lambda _, y: ITEMS.append(y), lambda: ITEMS, [], [f"{HERE}.ITEMS (taken out)"]),
    "a deque": (lambda _, y: RECENT.append(y), lambda: list(RECENT), [], [f"{HERE}.RECENT (taken out)"]),
    "a set": (lambda _, y: WARNED.add(y), lambda: WARNED, set(), [f"{HERE}.WARNED (taken out)"]),
    "a tuple in a list": (
        *(lambda _, y: ITEMS.append((1, (y,))), lambda: ITEMS, [], [f"{HERE}.ITEMS (taken out)"]),
    ),
    "a tuple in a dictionary": (
        *(lambda _, y: TABLE.update(b=(y, y)), lambda: TABLE, {}, [f"{HERE}.TABLE['b'] (taken out)"]),
    ),
    "an attribute of a class": (
        *(
            lambda self, y: setattr(type(self), "last", y),
            lambda: Leaves.last,
            None,
            ["Leaves.last (put back)"],
        ),
    ),
    "a new one of a class": (
        *(lambda self, y: setattr(type(self), "new", y), lambda: hasattr(Leaves, "new"), False),
        ["Leaves.new (taken out)"],
    ),
    "an object": (
        *(
            lambda _, y: setattr(SETTINGS, "last", y),
            lambda: SETTINGS.last,
            None,
            ["Settings.last (put back)"],
        ),
    ),
    "a bounded cache": (
        *(lambda _, y: bounded(3), lambda: bounded.cache_info().currsize, 0),
        [f"the cache of {HERE}.bounded (cleared)"],
    ),
    "a cache of tuples": (
        *(lambda _, y: unbounded(3), lambda: unbounded.cache_info().currsize, 0),
        [f"the cache of {HERE}.unbounded (cleared)"],
    ),
}


def test_a_tensor_is_taken_out_of_its_place() -> None:
    """All at once: each trace that leaves something looks through the process."""

    def leaves(self: Leaves, y: Tensor) -> None:
        for does, _, _, _ in PLACES.values():
            one = y + 1
            SEEN.append(weakref.ref(one))
            does(self, one)

    held = {place: before for place, (_, _, before, _) in PLACES.items()}
    assert {place: find() for place, (_, find, _, _) in PLACES.items()} == held
    trace = traced(leaves)
    assert {place: find() for place, (_, find, _, _) in PLACES.items()} == held
    assert set(left(trace)) == {note for _, _, _, notes in PLACES.values() for note in notes}
    assert [reference() for reference in SEEN] == [None] * len(PLACES)
    SEEN.clear()


def test_what_somebody_else_has_frozen_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector._state, "frozen", False)  # the command line may have run in this process
    gc.freeze()
    frozen = gc.get_freeze_count()
    traced(lambda self, y: unbounded(4))
    assert gc.get_freeze_count() == frozen
    unbounded.cache_clear()


def test_it_is_found_where_the_collector_does_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    gc.freeze()
    monkeypatch.setattr(collector._state, "frozen", True)  # by the command line, of what it imported
    frozen = gc.get_freeze_count()
    try:
        trace = traced(lambda self, y: unbounded(3))
        assert left(trace) == [f"the cache of {HERE}.unbounded (cleared)"]
        assert gc.get_freeze_count() >= frozen
    finally:
        gc.unfreeze()


def test_a_variable_of_a_closure_is_put_back() -> None:
    keeps, kept = in_a_closure()
    try:
        assert left(traced(keeps)) == ["a variable of a closure (put back)"]
    finally:
        REGISTERED.clear()
    assert kept() in ("before", None)


@pytest.mark.parametrize("rung", ["meta", "real"])
def test_a_twin_that_registers_itself_is_taken_out(rung: str) -> None:
    trace = traced(lambda self, y: ITEMS.append(self), rung)
    assert ITEMS == []
    assert left(trace) == [f"{HERE}.ITEMS (taken out)"]


def test_what_others_put_there_stays() -> None:
    mine, module, before = torch.ones(2), nn.Linear(1, 1), torch.zeros(1)
    ITEMS[:] = [mine, (mine, 1)]
    TABLE.update(mine=mine, a=before)
    RECENT.extend([module, mine])
    window = bounded(7)
    try:
        trace = traced(lambda _, y: (ITEMS.insert(1, y), TABLE.update(a=y, b=y)))
        assert [one is mine for one in ITEMS] == [True, False]
        assert ITEMS[1][0] is mine
        assert list(TABLE) == ["mine", "a"]
        assert TABLE["a"] is before
        assert list(RECENT) == [module, mine]
        assert bounded(7) is window
        assert left(trace) == [
            f"{HERE}.ITEMS (taken out)",
            f"{HERE}.TABLE['a'] (put back)",
            f"{HERE}.TABLE['b'] (taken out)",
        ]
    finally:
        ITEMS.clear()
        TABLE.clear()
        RECENT.clear()
        bounded.cache_clear()


class Closed:
    __slots__ = ("__weakref__", "held")


def test_what_cannot_be_taken_out_is_counted() -> None:
    closed = Closed()
    ITEMS.append(closed)
    try:
        (note,) = traced(lambda _, y: setattr(ITEMS[0], "held", y)).notes
        assert note == "1 tensors of the trace live on where they could not be taken out"
        del closed.held
    finally:
        ITEMS.clear()


def test_a_token_that_is_held_by_nobody_needs_no_search() -> None:
    token = Token()
    assert survivors.clear(token, [], Outside([]), []) == ([], 0)
    held = [token]
    places, count = survivors.clear(token, [], Outside([]), [])
    assert (places, count) == ([], 0)
    assert held == [token]  # not of ours to take out
    assert weakref.ref(Token)() is Token


# -- Numbers and texts


def counts(self: Any, y: Tensor) -> None:
    global CALLS
    CALLS += 1
    COUNTS[0] += 1
    WARNED.add("once")
    RECENT.append(3)
    TABLE["calls"] = 1
    SETTINGS.calls += 1
    type(self).calls += 1
    counts.calls = 1  # type: ignore[attr-defined]


def test_numbers_are_put_back() -> None:
    RECENT.extend([1, 2])
    try:
        trace = traced(counts)
        assert (CALLS, COUNTS, WARNED, list(RECENT), TABLE) == (0, [0, 0], set(), [1, 2], {})
        assert (SETTINGS.calls, Leaves.calls, hasattr(counts, "calls")) == (0, 0, False)
        assert trace.notes == ()
    finally:
        RECENT.clear()


def test_what_may_be_a_registration_stays() -> None:
    """An import within a forward, say, registers classes."""
    try:
        traced(lambda _, y: (ITEMS.append(Settings), TABLE.update(settings=Settings), WARNED.add(Settings)))
        assert [*ITEMS, *TABLE.values(), *WARNED] == [Settings] * 3
    finally:
        ITEMS.clear()
        TABLE.clear()
        WARNED.clear()


def draws(self: Any, y: Tensor) -> None:
    PYTHONS.random()
    NUMPYS.random()
    TORCHS.manual_seed(3)
    torch.rand(1, generator=TORCHS)


@pytest.mark.parametrize("rung", ["meta", "real"])
def test_generators_stand_where_they_stood(rung: str) -> None:
    before = PYTHONS.getstate(), NUMPYS.bit_generator.state, TORCHS.get_state()
    traced(draws, rung)
    assert PYTHONS.getstate() == before[0]
    assert NUMPYS.bit_generator.state == before[1]
    assert torch.equal(TORCHS.get_state(), before[2])


def test_of_what_is_outside_it_is_known_what_it_held() -> None:
    outside = Outside([Leaves])
    ITEMS.append(1)
    TABLE["a"] = 1
    assert outside.of(ITEMS) == []
    assert outside.of(TABLE) == {}
    assert outside.of(Leaves)["calls"] == 0
    assert outside.of([]) is GONE
    outside.put_back()
    assert (ITEMS, TABLE) == ([], {})


def test_torchs_own_is_never_looked_at() -> None:
    outside = Outside([nn.Linear, nn.Module, int])
    assert outside._before == {}
