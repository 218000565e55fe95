"""The snapshot: as torch makes them, and read by torch's own functions."""

from __future__ import annotations

import copy
import pickle
import pickletools
from typing import Any

import pytest
from hypothesis import given
from torch.cuda import _memory_viz as viz

from netscope.answers.memory.allocator import Settings, replay
from netscope.answers.memory.events import Event, Frame
from netscope.answers.memory.snapshot import pickled, snapshot
from tests.answers.memory.test_allocator import CAPACITIES, MIB, SETTINGS, timelines

FC1 = (Frame("aten.addmm.default", "encoder.layers.0.fc1", "forward"),)
RELU = (Frame("aten.relu.default", "encoder.relu", "forward"),)
GRADIENT = (Frame("aten.mm.default", "encoder.layers.0.fc1", "backward"),)
WEIGHT = (Frame("parameter", "encoder.layers.0.fc1"),)

# A weight that stays; two activations and a gradient, of which one is there at the end.
STEP = [
    Event(0, 3 * MIB, True, WEIGHT),
    Event(1, 30 * MIB + 100, True, FC1),
    Event(2, 1000, True, RELU),
    Event(1, 30 * MIB + 100, False),
    Event(3, 5 * MIB, True, GRADIENT),
    Event(2, 1000, False, GRADIENT),
]


def trace_of(events: list[Event]) -> list[dict[str, Any]]:
    """The history of the one device."""
    return snapshot(events)["device_traces"][0]


def test_it_is_made_as_torch_makes_it():
    """The keys that torch 2.14.1 has, of a record with Python frames."""
    made = snapshot(STEP)
    assert sorted(made) == [
        "allocator_settings", "device_traces", "external_annotations", "host_segments", "host_traces",
        "segments",
    ]  # fmt: skip
    assert sorted(made["allocator_settings"]) == [
        "PYTORCH_CUDA_ALLOC_CONF", "expandable_segments", "garbage_collection_threshold",
        "graph_capture_record_stream_reuse", "max_cached_size", "max_round_threshold", "max_split_size",
        "pinned_num_register_threads", "pinned_use_cuda_host_register", "release_lock_on_cudamalloc",
        "roundup_power2_divisions",
    ]  # fmt: skip
    assert {tuple(sorted(entry)) for entry in made["device_traces"][0]} == {
        (
            "action",
            "addr",
            "compile_context",
            "frames",
            "pool_id",
            "size",
            "stream",
            "time_us",
            "user_metadata",
        )
    }
    assert {tuple(sorted(segment)) for segment in made["segments"]} == {
        (
            "active_size", "address", "allocated_size", "blocks", "device", "frames", "is_expandable",
            "requested_size", "segment_pool_id", "segment_type", "stream", "total_size",
        )
    }  # fmt: skip
    assert {tuple(sorted(block)) for segment in made["segments"] for block in segment["blocks"]} == {
        ("address", "frames", "requested_size", "size", "state")
    }


def test_the_trace_by_hand():
    # 3 MiB in 20; 30 MiB + 100 in 32; 1000 in 2. The gradient of 5 fits behind the weight, in 17.
    assert [(entry["action"], entry["size"], entry["time_us"]) for entry in trace_of(STEP)] == [
        ("segment_alloc", 20 * MIB, 0), ("alloc", 3 * MIB, 0),
        ("segment_alloc", 32 * MIB, 1), ("alloc", 30 * MIB + 100, 1),
        ("segment_alloc", 2 * MIB, 2), ("alloc", 1000, 2),
        ("free_requested", 30 * MIB + 100, 3), ("free_completed", 30 * MIB + 100, 3),
        ("alloc", 5 * MIB, 4),
        ("free_requested", 1000, 5), ("free_completed", 1000, 5),
    ]  # fmt: skip


def test_the_segments_by_hand():
    first, second, third = snapshot(STEP)["segments"]
    assert [(block["size"], block["requested_size"], block["state"]) for block in first["blocks"]] == [
        (3 * MIB, 3 * MIB, "active_allocated"),
        (5 * MIB, 5 * MIB, "active_allocated"),
        (12 * MIB, 0, "inactive"),
    ]  # fmt: skip
    assert (first["segment_type"], first["total_size"], first["allocated_size"]) == (
        "large",
        20 * MIB,
        8 * MIB,
    )
    assert first["blocks"][1]["address"] == first["address"] + 3 * MIB
    assert [block["size"] for block in second["blocks"]] == [32 * MIB]
    assert (third["segment_type"], third["total_size"], third["requested_size"]) == ("small", 2 * MIB, 0)


def test_frames_tell_the_operator_then_the_layers_then_the_phase():
    entries = trace_of(STEP)
    assert viz._frames_fmt(entries[3]["frames"]) == [
        "encoder.layers.0.fc1:0:aten.addmm.default",
        "encoder.layers.0:0:forward",
        "encoder.layers:0:forward",
        "encoder:0:forward",
        "step:0:forward",
    ]
    assert viz._frames_fmt(entries[1]["frames"])[-1] == "step:0:step"
    outside = trace_of([Event(0, 1, True, (Frame("input"),))])[1]
    assert viz._frames_fmt(outside["frames"]) == ["network:0:input", "step:0:step"]
    # A release has its own frames, or else those of the allocation.
    assert entries[6]["frames"] == entries[3]["frames"]
    assert entries[9]["frames"][-1]["name"] == "backward"
    # A name with these is left out by torch's readers, a path with them is not.
    odd = [Event(0, 1, True, (Frame("aten.add.Tensor", "conv_start.PyObject_", "forward"),))]
    shown = viz._frames_fmt(trace_of(odd)[1]["frames"])
    assert shown[:2] == ["conv_start.PyObject_:0:aten.add.Tensor", "conv_start:0:forward"]


def test_torch_draws_a_flame_graph_by_layer():
    lines = viz.memory(pickle.loads(pickled(STEP)), format_flamegraph=str).splitlines()
    weight = "encoder.layers.0.fc1:0:parameter"
    layers = "encoder:0:{0};encoder.layers:0:{0};encoder.layers.0:0:{0}"
    assert lines[0] == f"stream_0;active_allocated;step:0:step;{layers.format('step')};{weight} {3 * MIB}"
    assert f"stream_0;active_allocated;step:0:backward;{layers.format('backward')}" in lines[1]
    by_segment = viz.segments(pickle.loads(pickled(STEP)), format_flamegraph=str).splitlines()
    assert [line.split(";", 2)[2] for line in by_segment] == [line.split(";", 1)[1] for line in lines]


def test_torch_sums_it_up():
    # Of 20 + 32 + 2 = 54 MiB, 8 are allocated, and nothing was lost by rounding.
    text = viz.segsum(pickle.loads(pickled(STEP)))
    assert (
        "segments: 3\ntotal_reserved: 54.0MiB\ntotal_allocated: 8.0MiB\ntotal_free: 46.0MiB (0.0% internal)"
        in text
    )


def test_torch_writes_the_trace_out():
    lines = viz.trace(pickle.loads(pickled(STEP))).splitlines()
    assert lines[1] == "11 entries"
    assert lines[3] == "b = a[0:3.0MiB]"
    assert lines[9] == "# free completed for d 30.0MiB"


def test_torch_makes_pages_of_it():
    for page in (viz.trace_plot, viz.segment_plot):
        assert "MemoryViz.js" in page(pickle.loads(pickled(STEP)))
    assert "Cached" in viz.trace_plot(pickle.loads(pickled(STEP)), plot_segments=True)
    # What is not released: 3 segments, and 2 blocks.
    kept = viz.filter_alloc_free_pairs(pickle.loads(pickled(STEP)))["device_traces"][0]
    assert [entry["action"] for entry in kept].count("alloc") == 2
    assert len(kept) == 5


def test_memory_that_runs_out_is_told():
    events = [*STEP, Event(9, 40 * MIB, True, FC1)]
    made = snapshot(events, capacity=60 * MIB)
    # The 32 and the 2 are given back; 20 + 40 are then 60.
    assert [entry["action"] for entry in made["device_traces"][0]][-4:] == [
        "segment_free", "segment_free", "segment_alloc", "alloc"
    ]  # fmt: skip
    made = snapshot(events, capacity=59 * MIB)
    last = made["device_traces"][0][-1]
    assert (last["action"], last["size"], last["device_free"]) == ("oom", 40 * MIB, 39 * MIB)
    assert "raise OutOfMemoryError # 40.0MiB requested, 39.0MiB free in CUDA" in viz.trace(made)


def test_settings_are_told():
    said = snapshot(STEP, Settings(max_split_size=64 * MIB, roundup_power2_divisions=4))["allocator_settings"]
    assert said["PYTORCH_CUDA_ALLOC_CONF"] == "max_split_size_mb:64,roundup_power2_divisions:4"
    assert said["max_split_size"] == 64 * MIB
    assert said["roundup_power2_divisions"]["32768"] == 4
    growing = Settings(expandable_segments=True, max_non_split_rounding=30 * MIB)
    text = snapshot(STEP, growing)["allocator_settings"]["PYTORCH_CUDA_ALLOC_CONF"]
    assert Settings.parse(text) == growing
    assert snapshot(STEP)["allocator_settings"]["max_split_size"] == -1


def test_segments_that_grow_are_mapped():
    made = snapshot(STEP, Settings(expandable_segments=True))
    assert {segment["is_expandable"] for segment in made["segments"]} == {True}
    mapped = [entry["size"] for entry in made["device_traces"][0] if entry["action"] == "segment_map"]
    assert mapped == [20 * MIB, 20 * MIB, 2 * MIB]
    viz.segsum(made)
    viz.trace(made)


# What the viewer's reader of pickles knows (torch/utils/viz/MemoryViz.js).
KNOWN = set(
    "APPEND APPENDS BINFLOAT BINGET BININT BININT1 BININT2 BINPUT BINUNICODE DICT EMPTY_DICT EMPTY_LIST"
    " EMPTY_TUPLE FRAME LIST LONG1 LONG_BINGET LONG_BINPUT MARK MEMOIZE NEWFALSE NEWTRUE NONE PROTO SETITEM"
    " SETITEMS SHORT_BINUNICODE STOP TUPLE TUPLE1 TUPLE2 TUPLE3".split()
)


def test_the_viewer_can_read_it():
    operations = list(pickletools.genops(pickled(STEP)))
    assert {operation.name for operation, _, _ in operations} <= KNOWN
    assert operations[0][1] <= 4
    # Its numbers are floats of 64 bits.
    assert max(argument for _, argument, _ in operations if isinstance(argument, int)) < 2**53


def test_the_bytes_do_not_hang_on_what_the_caller_shared():
    apart = [
        Event(event.block, event.nbytes, event.allocates, tuple(Frame(*map(_again, f)) for f in event.frames))
        for event in STEP
    ]
    assert pickled(apart) == pickled(STEP) == pickled(copy.deepcopy(STEP))


def _again(text: str) -> str:
    return "".join(list(text))


@given(timelines(), SETTINGS, CAPACITIES)
def test_torch_reads_our_peaks_from_it(events: list[Event], settings: Settings, capacity: int | None):
    found = replay(events, settings, capacity)
    data = pickle.loads(pickled(events, settings, capacity))
    trace = data["device_traces"][0]
    assert _peak(trace, "alloc", "free_completed") == found.peak_requested.nbytes
    reserved = (
        _peak(trace, f"segment_{more}", f"segment_{less}")
        for more, less in [("alloc", "free"), ("map", "unmap")]
    )
    assert max(reserved) == found.peak_reserved.nbytes
    text = viz.segsum(data)  # which adds up, and raises where that fails
    assert f"segments: {len(data['segments'])}" in text
    viz.trace(data)


def _peak(trace: list[dict[str, int]], more: str, less: str) -> int:
    """The most that the viewer draws."""
    live = peak = 0
    for entry in trace:
        live += entry["size"] * ((entry["action"] == more) - (entry["action"] == less))
        peak = max(peak, live)
    return peak


@pytest.mark.parametrize("capacity", [None, 60 * MIB])
def test_nothing_at_all_is_a_snapshot_too(capacity: int | None):
    made = pickle.loads(pickled([], capacity=capacity))
    assert (made["segments"], made["device_traces"]) == ([], [[]])
    viz.segsum(made)
    assert viz.trace(made) == ""
