"""What pure calls are written down from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netscope.trace.memo.templates import SlotAccess, picker

PLACES = st.lists(st.integers(0, 9), max_size=6).map(tuple)


@given(PLACES)
def test_a_picker_takes_these_items_and_always_as_a_tuple(places: tuple[int, ...]) -> None:
    held = [f"item {place}" for place in range(10)]
    assert picker(places)(held) == tuple(held[place] for place in places)


@given(PLACES, PLACES)
def test_an_access_finds_the_storages_of_its_slots(reads: tuple[int, ...], writes: tuple[int, ...]) -> None:
    slots = [100 + slot for slot in range(10)]
    access = SlotAccess.of(reads, writes)
    assert access.pick_reads(slots) == tuple(100 + slot for slot in reads)
    assert access.pick_writes(slots) == tuple(100 + slot for slot in writes)
