"""The model of torch's caching allocator: by hand, beside torch's own answers, and whatever is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.answers.memory.allocator import (
    OutOfMemory,
    Peak,
    Replay,
    Segment,
    Settings,
    record,
    replay,
    segment_bytes,
)
from netscope.answers.memory.events import Event
from netscope.base.errors import UsageError
from tools.counting.allocator import ours

KIB = 2**10
MIB = 2**20

TORCH = json.loads((Path(__file__).parents[2] / "data" / "allocator.json").read_text(encoding="utf-8"))


def timeline(*steps: tuple[str, int] | str) -> list[Event]:
    """("a", bytes) allocates a block of that name, "a" releases it."""
    asked: dict[str, int] = {}
    found = []
    for step in steps:
        allocates = not isinstance(step, str)
        name, nbytes = (step[0], step[1]) if allocates else (step, asked[step])
        asked[name] = nbytes
        found.append(Event(ord(name), nbytes, allocates))
    return found


def blocks(segments: tuple[Segment, ...]) -> list[list[int]]:
    """Bytes of the blocks of each segment, free ones negative."""
    return [[b.nbytes if b.event is not None else -b.nbytes for b in segment.blocks] for segment in segments]


def left(
    events: list[Event], settings: Settings | None = None, capacity: int | None = None
) -> list[list[int]]:
    """The same, after the last event."""
    return blocks(record(events, settings, capacity).segments)


# By hand.


def test_a_small_tensor_gets_whole_512_bytes_of_a_2_mib_segment():
    # 1,000 = 1.95 x 512, so 2 x 512 = 1,024; of 2,097,152 there remain 2,096,128.
    found = replay(timeline(("a", 1000)))
    assert (found.allocated, found.reserved, found.requested) == ((1024,), (2 * MIB,), (1000,))
    assert blocks(found.segments) == [[1024, -2_096_128]]
    assert (found.idle, found.largest_free) == (2_096_128, 2_096_128)


def test_small_ends_with_1_mib():
    # 1 MiB is small: two fill a segment of 2 MiB, the third has a second one.
    # One byte more is 1 MiB + 512 and large: of 20 MiB = 20,971,520 there remain 19,922,432 after 1,049,088.
    events = timeline(("a", MIB), ("b", MIB), ("c", MIB), ("d", MIB + 1))
    assert replay(events).reserved == (2 * MIB, 2 * MIB, 4 * MIB, 24 * MIB)
    assert left(events) == [[MIB, MIB], [MIB, -MIB], [1_049_088, -19_922_432]]


def test_large_ends_with_10_mib_and_then_segments_are_of_2_mib_steps():
    # 10 MiB - 512 shares 20 MiB; 10 MiB - 511 rounds up to 10 MiB and has 10 of its own.
    # 10 MiB + 1 rounds up to 10,486,272: its segment is 12 MiB = 12,582,912, and 2,096,640 remain.
    assert left(timeline(("a", 10 * MIB - 512))) == [[10_485_248, -10_486_272]]
    assert left(timeline(("a", 10 * MIB - 511))) == [[10 * MIB]]
    assert left(timeline(("a", 10 * MIB + 1))) == [[10_486_272, -2_096_640]]


def test_a_large_block_is_split_only_where_more_than_1_mib_remains():
    # 11 MiB have 12: exactly 1 MiB would remain, so all 12 are allocated where 11 were asked for.
    found = replay(timeline(("a", 11 * MIB)))
    assert (found.allocated, found.requested, found.reserved) == ((12 * MIB,), (11 * MIB,), (12 * MIB,))
    # In a cached block of 20 MiB, 19 MiB leave 1 MiB, and 512 bytes less leave 512 bytes more.
    assert left(timeline(("a", 20 * MIB), "a", ("b", 19 * MIB))) == [[20 * MIB]]
    assert left(timeline(("a", 20 * MIB), "a", ("b", 19 * MIB - 512))) == [[19_922_432, -1_049_088]]


def test_a_small_block_is_split_where_512_bytes_remain():
    # 1 MiB - 512 beside 1 MiB: 512 bytes remain and are a block. The whole of them goes to 1 byte.
    events = timeline(("a", MIB), ("b", MIB - 512), ("c", 1))
    assert left(events[:2]) == [[MIB, MIB - 512, -512]]
    assert left(events) == [[MIB, MIB - 512, 512]]


def test_the_smallest_block_that_fits_is_taken():
    # Cached: 30, 12, 20 MiB. 11 fit into the 12, 1 remains and is lost. 13 fit into the 20, 7 remain.
    # 7 fit into these 7 though the 30 are free. Nothing new is reserved: 30 + 12 + 20 = 62.
    events = timeline(
        ("a", 30 * MIB), ("b", 12 * MIB), ("c", 20 * MIB), "a", "b", "c",
        ("d", 11 * MIB), ("e", 13 * MIB), ("f", 7 * MIB),
    )  # fmt: skip
    found = replay(events)
    assert found.reserved[2:] == (62 * MIB,) * 7
    assert found.allocated[6:] == (12 * MIB, 25 * MIB, 32 * MIB)
    assert left(events) == [[-30 * MIB], [12 * MIB], [13 * MIB, 7 * MIB]]


def test_of_equal_blocks_the_lowest_address_is_taken():
    # Four segments of 16 MiB; the third is released before the first, and yet the first is used again.
    events = timeline(
        ("a", 16 * MIB), ("b", 16 * MIB), ("c", 16 * MIB), ("d", 16 * MIB), "c", "a", ("e", 16 * MIB)
    )
    assert left(events) == [[16 * MIB], [16 * MIB], [-16 * MIB], [16 * MIB]]


def test_free_neighbours_become_one():
    # Three times 6 MiB in 20, 2 remain. With the first and the third released there are 6 and 6 + 2 = 8:
    # 14 MiB free, and yet 9 need a second segment: of 40 MiB then 6 + 9 = 15 are in use and 25 are not, the
    # largest piece 20 - 9 = 11. With the second released too, the first segment is one of 20 again.
    events = timeline(("a", 6 * MIB), ("b", 6 * MIB), ("c", 6 * MIB), "a", "c", ("d", 9 * MIB), "b")
    assert left(events[:3]) == [[6 * MIB, 6 * MIB, 6 * MIB, -2 * MIB]]
    assert left(events[:5]) == [[-6 * MIB, 6 * MIB, -8 * MIB]]
    found = replay(events)
    assert found.peak_reserved == Peak(40 * MIB, 5)
    assert found.peak_allocated == found.peak_requested == Peak(18 * MIB, 2)
    assert (found.idle, found.largest_free, found.fragmentation) == (25 * MIB, 11 * MIB, 0.625)
    assert blocks(found.segments) == [[-6 * MIB, 6 * MIB, -8 * MIB], [9 * MIB, -11 * MIB]]
    assert left(events) == [[-20 * MIB], [9 * MIB, -11 * MIB]]
    assert (found.end_allocated, found.end_reserved, found.end_requested) == (9 * MIB, 40 * MIB, 9 * MIB)


def test_neighbours_of_another_segment_stay_apart():
    # Two segments of 10 MiB, one after the other and both free, do not make the 20 that are asked for.
    events = timeline(("a", 10 * MIB), ("b", 10 * MIB), "a", "b", ("c", 20 * MIB))
    assert left(events) == [[-10 * MIB], [-10 * MIB], [20 * MIB]]


def test_small_requests_never_use_large_segments():
    # 20 MiB are cached, and 100 bytes reserve 2 MiB more; nor do 1.5 MiB use what remains of these.
    events = timeline(("a", 20 * MIB), "a", ("b", 100), ("c", 3 * MIB // 2))
    assert replay(events).reserved == (20 * MIB, 20 * MIB, 22 * MIB, 22 * MIB)
    # 20 - 1.5 = 18.5 MiB.
    assert left(events) == [[3 * MIB // 2, -37 * MIB // 2], [512, -(2 * MIB - 512)]]


def test_nothing_is_handed_out_for_0_bytes():
    found = replay(timeline(("a", 0), ("b", 1), "a", "b"))
    assert (found.allocated, found.reserved) == ((0, 512, 512, 0), (0, 2 * MIB, 2 * MIB, 2 * MIB))
    nothing = replay([])
    assert (nothing.peak_reserved, nothing.segments, nothing.fragmentation) == (Peak(0, None), (), 0.0)


def test_a_step_of_training_uses_the_same_memory_again():
    # Weights 2 x 4 MiB share 20 MiB. The activation of 8 and the first gradient of 4 fill it: 8 + 8 + 4.
    # The second gradient needs 20 more. The activation gone, momentum of 4 has the smallest that fits:
    # 8 (released) rather than 16 (rest of the second), and the second momentum the 4 that remain of them.
    events = timeline(
        ("w", 4 * MIB), ("v", 4 * MIB), ("x", 8 * MIB), ("g", 4 * MIB), ("h", 4 * MIB), "x",
        ("m", 4 * MIB), ("n", 4 * MIB),
    )  # fmt: skip
    found = replay(events)
    assert found.reserved == tuple(n * MIB for n in (20, 20, 20, 20, 40, 40, 40, 40))
    assert found.allocated == tuple(n * MIB for n in (4, 8, 16, 20, 24, 16, 20, 24))
    assert left(events) == [[4 * MIB] * 5, [4 * MIB, -16 * MIB]]


def test_a_full_device_gets_wholly_free_segments_back():
    # Of 40 MiB, 20 and 2 are cached. 30 more would be 52, so both go back: 30 are reserved.
    events = timeline(("a", 20 * MIB), "a", ("b", 1), "b", ("c", 30 * MIB))
    found = replay(events, capacity=40 * MIB)
    assert found.reserved == (20 * MIB, 20 * MIB, 22 * MIB, 22 * MIB, 30 * MIB)
    assert found.out_of_memory is None
    assert [(a.kind, a.nbytes // MIB) for a in record(events, capacity=40 * MIB).actions[-4:]] == [
        ("segment_free", 20), ("segment_free", 2), ("segment_alloc", 30), ("alloc", 30)
    ]  # fmt: skip


def test_memory_runs_out_where_that_is_not_enough():
    # 12 + 12 of 40 MiB, the first released and given back: 12 + 30 = 42 are too many, 40 - 12 = 28 are left.
    # What comes after is not served.
    events = timeline(("a", 12 * MIB), ("b", 12 * MIB), "a", ("c", 30 * MIB), ("d", 1))
    found = replay(events, capacity=40 * MIB)
    assert found.out_of_memory == OutOfMemory(event=3, nbytes=30 * MIB, free=28 * MIB)
    assert found.reserved == (12 * MIB, 24 * MIB, 24 * MIB, 12 * MIB)
    assert found.peak_reserved == Peak(24 * MIB, 1)


def test_memory_runs_out_although_enough_is_free_in_pieces():
    # 5 MiB hold a segment of 20. Of 30 MiB, 15 in it and 10 outside are free, and 16 are not to be had.
    events = timeline(("a", 5 * MIB), ("b", 16 * MIB))
    found = replay(events, capacity=30 * MIB)
    assert found.out_of_memory == OutOfMemory(event=1, nbytes=16 * MIB, free=10 * MIB)
    # In a segment that grows it is 5 + 16 = 21 MiB, which are two pages of 20: too many for 30, not for 40.
    growing = Settings(expandable_segments=True)
    assert replay(events, growing, 30 * MIB).out_of_memory is not None
    assert replay(events, growing, 40 * MIB).out_of_memory is None


def test_a_segment_in_use_stays_whole():
    # 5 and 5 in 20, the first released. 16 do not fit behind the second (10), nor beside the 20 on 30 MiB.
    events = timeline(("a", 5 * MIB), ("b", 5 * MIB), "a", ("c", 16 * MIB))
    assert replay(events, capacity=30 * MIB).out_of_memory == OutOfMemory(3, 16 * MIB, 10 * MIB)
    assert left(events, capacity=30 * MIB) == [[-5 * MIB, 5 * MIB, -10 * MIB]]


def test_as_somebody_saw_it():
    """A product and a sum on a GPU: forum of PyTorch, topic 178671, 2023, torch 1.13 and 2.0."""
    # W 1000 x 10, b 10, X 1000 in float32; X @ W with cuBLAS's 8,519,680 bytes; its sum with b; X @ W goes.
    events = timeline(("W", 40_000), ("b", 40), ("X", 4_000), ("c", 8_519_680), ("t", 40), ("y", 40), "t")
    segments = record(events).segments
    assert blocks(segments) == [[40_448, 512, 4_096, -512, 512, -2_051_072], [8_519_680, -12_451_840]]
    assert [(segment.nbytes, segment.allocated) for segment in segments] == [
        (2_097_152, 45_568), (20_971_520, 8_519_680)
    ]  # fmt: skip


# Settings, by hand.


def test_expandable_segments_grow_by_pages():
    # 30 MiB are two pages of 20. 15 use the 10 that remain and one page more: 60, and 15 are free.
    # With segments of their own they are 30 + 16. A small one has a page of 2 MiB either way.
    events = timeline(("a", 30 * MIB), ("b", 15 * MIB), ("c", 100))
    found = replay(events, Settings(expandable_segments=True))
    assert found.reserved == (40 * MIB, 60 * MIB, 62 * MIB)
    assert sorted(blocks(found.segments)) == [[512, -(2 * MIB - 512)], [30 * MIB, 15 * MIB, -15 * MIB]]
    assert replay(events).reserved == (30 * MIB, 46 * MIB, 48 * MIB)


def test_free_pages_of_expandable_segments_go_back():
    # Blocks at 0-30, 30-60 and 60-90 MiB, mapped to 100. The middle one is released. 31 MiB would be these 10
    # at the end and two pages more: 140. On a device of 120 the one page that is wholly free, 40-60, goes
    # back first, so that it is 80 + 40; and on one of 100 that is not enough, and 100 - 80 = 20 are left.
    growing = Settings(expandable_segments=True)
    events = timeline(("a", 30 * MIB), ("b", 30 * MIB), ("c", 30 * MIB), "b", ("d", 31 * MIB))
    assert replay(events, growing).reserved[-1] == 140 * MIB
    assert replay(events, growing, 120 * MIB).reserved[-1] == 120 * MIB
    assert left(events, growing, 120 * MIB) == [
        [30 * MIB, -10 * MIB], [30 * MIB, 31 * MIB, -19 * MIB]
    ]  # fmt: skip
    assert replay(events, growing, 100 * MIB).out_of_memory == OutOfMemory(4, 31 * MIB, 20 * MIB)
    assert left(events, growing, 100 * MIB) == [[30 * MIB, -10 * MIB], [30 * MIB, -10 * MIB]]


def test_expandable_segments_prefer_what_cannot_grow():
    # 70, 70 and 45 MiB are mapped to 200, so 15 are free at the end; the first 70 are released. On a device
    # without end the 15 could become any size, and 10 go into the 70. On one of 200 there are addresses for
    # 225, which are 12 pages of 20: with the 40 that are not mapped the 15 are 55, less than 70.
    growing = Settings(expandable_segments=True)
    events = timeline(("a", 70 * MIB), ("b", 70 * MIB), ("c", 45 * MIB), "a", ("d", 10 * MIB))
    assert left(events, growing) == [[10 * MIB, -60 * MIB, 70 * MIB, 45 * MIB, -15 * MIB]]
    assert left(events, growing, 200 * MIB) == [[-70 * MIB, 70 * MIB, 45 * MIB, 10 * MIB, -5 * MIB]]


def test_blocks_beyond_max_split_size_are_kept_whole():
    # 100 MiB are cached and 64 is the limit: 50 get their own; 90 get all of the 100, as 100 < 90 + 20.
    limit = Settings(max_split_size=64 * MIB)
    events = timeline(("a", 100 * MIB), "a", ("b", 50 * MIB), ("c", 90 * MIB))
    found = replay(events, limit)
    assert found.reserved == (100 * MIB, 100 * MIB, 150 * MIB, 150 * MIB)
    assert found.allocated == (100 * MIB, 0, 50 * MIB, 150 * MIB)
    # 80 do not: 100 = 80 + 20.
    assert replay(timeline(("a", 100 * MIB), "a", ("b", 80 * MIB)), limit).reserved[-1] == 180 * MIB


def test_one_block_beyond_max_split_size_goes_back_where_it_is_enough():
    # 70, 100 and 2 MiB are cached on a device of 180. 80 need their own: 252 are too many. The smallest
    # segment of at least 80 goes back, 70 and 2 stay: 152.
    events = timeline(("a", 70 * MIB), ("b", 100 * MIB), ("c", 1), "a", "b", "c", ("d", 80 * MIB))
    found = replay(events, Settings(max_split_size=64 * MIB), 180 * MIB)
    assert found.reserved[-1] == 152 * MIB


def test_the_largest_blocks_beyond_max_split_size_go_back_until_it_is_enough():
    # 70, 80 and 90 MiB are cached on a device of 260, and none is 150. 90 and 80 go back, the 70 stay.
    events = timeline(
        ("a", 70 * MIB), ("b", 80 * MIB), ("c", 90 * MIB), "a", "b", "c", ("d", 150 * MIB)
    )  # fmt: skip
    found = replay(events, Settings(max_split_size=64 * MIB), 260 * MIB)
    assert found.reserved[-1] == 220 * MIB


def test_sizes_are_rounded_to_steps_between_powers_of_2():
    four = Settings(roundup_power2_divisions=4)
    # Up to 4 x 512 = 2,048 as ever. From 4,096 in steps of 1,024; from 8 MiB in steps of 2 MiB.
    assert [four.rounded(n) for n in (1_200, 2_048, 4_096, 4_097, 5_120)] == [
        1_536,
        2_048,
        4_096,
        5_120,
        5_120,
    ]
    assert [four.rounded(n) for n in (12 * MIB, 12 * MIB + 1, 15 * MIB)] == [12 * MIB, 14 * MIB, 16 * MIB]
    assert Settings().rounded(12 * MIB + 1) == 12 * MIB + 512


def test_what_is_asked_of_the_device():
    sizes = (512, MIB, MIB + 512, 10 * MIB - 512, 10 * MIB, 10 * MIB + 512, 13 * MIB)
    assert [segment_bytes(size) // MIB for size in sizes] == [2, 2, 20, 20, 10, 12, 14]


def test_settings_are_read_as_torch_spells_them():
    assert Settings.parse("") == Settings()
    text = "expandable_segments:True, max_split_size_mb:64, max_non_split_rounding_mb:40"
    assert Settings.parse(text) == Settings(64 * MIB, 40 * MIB, 0, True)
    assert Settings.parse("roundup_power2_divisions:8,expandable_segments:false") == Settings(
        None, 20 * MIB, 8
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("garbage_collection_threshold:0.8", "has no option 'garbage_collection_threshold'"),
        ("max_split_size_mb:19", "max_split_size_mb:19: it must be at least 20"),
        ("max_split_size_mb", "max_split_size_mb:"),
        ("roundup_power2_divisions:3", "it must be 0 or a power of 2"),
        ("roundup_power2_divisions:[256:1,>:2]", "only one number for all sizes"),
        ("expandable_segments:yes", "it must be True or False"),
    ],
)
def test_other_settings_are_refused(text: str, said: str):
    with pytest.raises(UsageError) as caught:
        Settings.parse(text)
    assert said in str(caught.value)


def test_a_timeline_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="event 1: block 97 is allocated, and once more"):
        replay(timeline(("a", 1), ("a", 1)))
    with pytest.raises(ValueError, match="event 0: block 5 is released, and is not allocated"):
        replay([Event(5, 1, False)])


# Beside torch's own allocator.


@pytest.mark.parametrize("case", TORCH["cases"], ids=lambda case: f"{case['settings']} {case['capacity']}")
def test_it_does_as_torch_does(case: dict[str, object]):
    """See tools/counting: these are torch's answers."""
    said = {name: case[name] for name in ("served", "most", "full", "segments")}
    assert ours(case["settings"], case["capacity"], case["steps"]) == said


def test_torchs_answers_are_of_all_kinds():
    kinds = {(case["settings"], case["capacity"] is not None) for case in TORCH["cases"]}
    assert len(kinds) == 14
    assert {case["full"] for case in TORCH["cases"]} == {True, False}


# Whatever is drawn.

SIZES = st.one_of(
    st.integers(0, 4 * KIB),
    st.integers(0, 40 * MIB),
    st.sampled_from([MIB, MIB + 1, 10 * MIB - 512, 10 * MIB, 19 * MIB, 20 * MIB, 512 * MIB]),
)
SETTINGS = st.builds(
    Settings,
    max_split_size=st.sampled_from([None, 20 * MIB, 32 * MIB]),
    roundup_power2_divisions=st.sampled_from([0, 4]),
    expandable_segments=st.booleans(),
)
CAPACITIES = st.none() | st.integers(1, 200).map(lambda n: n * MIB)


@st.composite
def timelines(draw: st.DrawFn) -> list[Event]:
    """Each step allocates, or releases one of those that live."""
    found: list[Event] = []
    live: list[Event] = []
    for block, (nbytes, which) in enumerate(
        draw(st.lists(st.tuples(SIZES, st.integers(0, 99)), max_size=60))
    ):
        if which % 2 and live:
            gone = live.pop(which % len(live))
            found.append(gone._replace(allocates=False))
        else:
            live.append(Event(block, nbytes, True))
            found.append(live[-1])
    return found


@given(timelines(), SETTINGS, CAPACITIES)
def test_it_holds_together(events: list[Event], settings: Settings, capacity: int | None):
    found = replay(events, settings, capacity)
    served = len(found.allocated)
    assert served == len(events) or found.out_of_memory == OutOfMemory(
        served - 1, settings.rounded(events[served - 1].nbytes), capacity - found.end_reserved
    )
    for allocated, reserved, requested in zip(found.allocated, found.reserved, found.requested, strict=True):
        assert reserved >= allocated >= requested >= 0
        assert capacity is None or reserved <= capacity
    last = record(events, settings, capacity)
    well_made(last.segments)
    assert sum(segment.nbytes for segment in last.segments) == found.end_reserved
    assert sum(segment.allocated for segment in last.segments) == found.end_allocated
    assert sum(segment.requested for segment in last.segments) == found.end_requested
    asked = {b.event: b.requested for s in last.segments for b in s.blocks if b.event is not None}
    full = found.out_of_memory is not None
    assert asked == living(events[: served - full])
    peaks(found)


def well_made(segments: tuple[Segment, ...]) -> None:
    """Nothing overlaps, segments have no gaps, free neighbours are one, and all is of whole 512 bytes."""
    end = 0
    for segment in segments:
        assert segment.address >= end
        end = segment.address
        free = False
        for block in segment.blocks:
            assert block.address == end
            assert block.nbytes > 0
            assert block.nbytes % 512 == block.address % 512 == 0
            assert block.requested <= block.nbytes
            assert not (free and block.event is None)
            free = block.event is None
            end += block.nbytes
        assert end == segment.address + segment.nbytes


def living(events: list[Event]) -> dict[int, int]:
    """Bytes by the event that allocated them, of those that are not released; 0 bytes are nowhere."""
    found: dict[int, tuple[int, int]] = {}
    for number, event in enumerate(events):
        if event.allocates:
            found[event.block] = (number, event.nbytes)
        else:
            del found[event.block]
    return {number: nbytes for number, nbytes in found.values() if nbytes}


def peaks(found: Replay) -> None:
    """They are where the curves have them, and the segments are of the peak."""
    for peak, curve in (
        (found.peak_allocated, found.allocated),
        (found.peak_requested, found.requested),
    ):
        assert peak.nbytes == max(curve, default=0)
        assert peak.event is None or curve.index(peak.nbytes) == peak.event
    assert found.peak_reserved.nbytes >= max(found.reserved, default=0)
    well_made(found.segments)
    free = [block.nbytes for segment in found.segments for block in segment.blocks if block.event is None]
    assert found.idle == sum(free)
    assert found.largest_free == max(free, default=0)


@given(timelines(), SETTINGS)
def test_everything_is_returned(events: list[Event], settings: Settings):
    back = [Event(events[n].block, nbytes, False) for n, nbytes in living(events).items()]
    found = replay([*events, *back], settings)
    assert (found.end_allocated, found.end_requested) == (0, 0)
    for segment in record([*events, *back], settings).segments:
        assert len(segment.blocks) == 1
        assert segment.blocks[0].event is None


@given(timelines(), SETTINGS, CAPACITIES)
def test_it_does_the_same_every_time(events: list[Event], settings: Settings, capacity: int | None):
    assert replay(events, settings, capacity) == replay(events, settings, capacity)
    assert record(events, settings, capacity) == record(events, settings, capacity)


@given(timelines())
def test_more_than_enough_is_as_good_as_no_limit(events: list[Event]):
    free = replay(events)
    assert replay(events, capacity=max(free.peak_reserved.nbytes, 1)) == free
