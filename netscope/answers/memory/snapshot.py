"""A timeline as torch's memory snapshot, so that its readers open a step that never ran.

What `torch.cuda.memory._snapshot()` returns and `_dump_snapshot` pickles, for pytorch.org/memory_viz and for
`torch.cuda._memory_viz`. The actions' times are the numbers of their events, in microseconds.

Frames are files and lines there, innermost first. Here an operator is a name in the file of its layer, then
come the layers around it, outermost last, then the phase:

    encoder.layers.0.fc1:0:aten.addmm.default
    encoder.layers.0:0:forward
    encoder.layers:0:forward
    encoder:0:forward
    step:0:forward

A layer's path is never a name: readers leave out names with "_start" in them and the like.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from netscope.answers.memory.allocator import Action, Block, Recording, Segment, Settings, record
from netscope.answers.memory.events import Event, Frame

# The viewer's own reader of pickles knows of 2, 3 and 4.
PROTOCOL: Final = 4
# From 1 MiB on each power of 2 has divisions of its own, and the last of them all larger sizes.
_ROUNDINGS: Final = 16
_POOL: Final = (0, 0)
_STREAM: Final = 0
_DEVICE: Final = 0

Frames = list[dict[str, Any]]


def pickled(events: Sequence[Event], settings: Settings | None = None, capacity: int | None = None) -> bytes:
    """The snapshot's file: the same bytes for the same events."""
    return pickle.dumps(snapshot(events, settings, capacity), protocol=PROTOCOL)


def snapshot(
    events: Sequence[Event], settings: Settings | None = None, capacity: int | None = None
) -> dict[str, Any]:
    """The snapshot after the last event, with the history of all of them; arguments as `replay` has them."""
    recording = record(events, settings, capacity)
    frames = _frames_of(events)
    return {
        "segments": [_segment(segment, frames) for segment in recording.segments],
        "device_traces": [list(_trace(recording, events, frames))],
        "allocator_settings": _settings(Settings() if settings is None else settings),
        "external_annotations": [],
        "host_segments": [],
        "host_traces": [],
    }


def _trace(
    recording: Recording, events: Sequence[Event], frames: Callable[[int], Frames]
) -> Iterator[dict[str, Any]]:
    owners: dict[int, int] = {}
    for action in recording.actions:
        if action.kind == "alloc":
            owners[action.address] = action.event
        if action.kind == "free":
            # As torch has it: the frames of the release, or else of the allocation.
            owner = owners.pop(action.address)
            by = frames(action.event if events[action.event].frames else owner)
            yield _entry("free_requested", action, by)
            yield _entry("free_completed", action, by)
        else:
            yield _entry(action.kind, action, frames(action.event))


def _entry(kind: str, action: Action, frames: Frames) -> dict[str, Any]:
    oom = action.kind == "oom"
    return {
        "action": kind,
        "device_free" if oom else "addr": action.free if oom else action.address,
        "size": action.nbytes,
        "stream": _STREAM,
        "time_us": action.event,
        "pool_id": _POOL,
        "compile_context": "N/A",
        "user_metadata": "",
        "frames": frames,
    }


def _segment(segment: Segment, frames: Callable[[int | None], Frames]) -> dict[str, Any]:
    return {
        "device": _DEVICE,
        "address": segment.address,
        "total_size": segment.nbytes,
        "allocated_size": segment.allocated,
        "active_size": segment.allocated,
        "requested_size": segment.requested,
        "stream": _STREAM,
        "segment_type": "small" if segment.small else "large",
        "segment_pool_id": _POOL,
        "is_expandable": segment.expandable,
        "frames": frames(segment.event),
        "blocks": [_block(block, frames) for block in segment.blocks],
    }


def _block(block: Block, frames: Callable[[int | None], Frames]) -> dict[str, Any]:
    return {
        "address": block.address,
        "size": block.nbytes,
        "requested_size": block.requested,
        "state": "inactive" if block.event is None else "active_allocated",
        "frames": frames(block.event),
    }


def _settings(settings: Settings) -> dict[str, Any]:
    """Under torch's names, with torch's defaults for what is not modelled."""
    return {
        "PYTORCH_CUDA_ALLOC_CONF": _spelt(settings),
        "max_split_size": -1 if settings.max_split_size is None else settings.max_split_size,
        "garbage_collection_threshold": 0.0,
        "expandable_segments": settings.expandable_segments,
        "pinned_num_register_threads": 1,
        "release_lock_on_cudamalloc": False,
        "pinned_use_cuda_host_register": False,
        "graph_capture_record_stream_reuse": False,
        "max_round_threshold": -1,
        "max_cached_size": -1,
        "roundup_power2_divisions": {
            sys.intern(str(2**n)): settings.roundup_power2_divisions for n in range(_ROUNDINGS)
        },
    }


def _spelt(settings: Settings) -> str:
    """Those that are not torch's defaults, as PYTORCH_ALLOC_CONF has them."""
    default = Settings()
    said = []
    if settings.expandable_segments:
        said.append("expandable_segments:True")
    if settings.max_split_size is not None:
        said.append(f"max_split_size_mb:{settings.max_split_size >> 20}")
    if settings.max_non_split_rounding != default.max_non_split_rounding:
        said.append(f"max_non_split_rounding_mb:{settings.max_non_split_rounding >> 20}")
    if settings.roundup_power2_divisions:
        said.append(f"roundup_power2_divisions:{settings.roundup_power2_divisions}")
    return sys.intern(",".join(said))


def _frames_of(events: Sequence[Event]) -> Callable[[int | None], Frames]:
    """The frames of an event, one and the same list for all events of one place.

    A pickle names again what is one object, and writes out what is only equal: so that the bytes do not hang
    on which of them the caller shared, all are made one here.
    """
    stacks: dict[tuple[Frame, ...], Frames] = {(): []}
    frames: dict[tuple[str, str], dict[str, Any]] = {}

    def frame(filename: str, name: str) -> dict[str, Any]:
        key = (filename, name)
        if key not in frames:
            frames[key] = {"filename": sys.intern(filename), "line": 0, "name": sys.intern(name)}
        return frames[key]

    def stack(event: int | None) -> Frames:
        who = () if event is None else events[event].frames
        if who not in stacks:
            stacks[who] = [frame(*line) for line in _lines(who)]
        return stacks[who]

    return stack


def _lines(frames: tuple[Frame, ...]) -> Iterator[tuple[str, str]]:
    """File and name of each line; the layers around, and the phase, are those of the outermost frame."""
    for frame in frames:
        yield frame.where or "network", frame.name
    phase = frames[-1].phase or "step"
    path = frames[-1].where
    while "." in path:
        path = path.rpartition(".")[0]
        yield path, phase
    yield "step", phase
