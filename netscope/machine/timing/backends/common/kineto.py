"""torch.profiler's recordings as events.

Read from what `export_chrome_trace` writes, the profiler's one public form with everything in it: threads,
streams, correlations and sequence numbers.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from netscope.report.measured.events import LAYER, PHASE, STEP, Event, Kind

# The profiler's categories -> kinds. What is not named here is no work: annotations, waiting, Python.
_KINDS: Final[dict[str, Kind]] = {
    "cpu_op": "operator",
    "cuda_runtime": "launch",
    "cuda_driver": "launch",
    "xpu_runtime": "launch",
    "xpu_driver": "launch",
    "privateuse1_runtime": "launch",
    "privateuse1_driver": "launch",
    "kernel": "device",
    "gpu_memcpy": "device",
    "gpu_memset": "device",
}
# Our own ranges are operators or annotations to the profiler, depending on how they were made.
_RANGES: Final = ("cpu_op", "user_annotation")
# Silences the profiler's messages about itself on stderr; it counts from 0 (all) upwards.
_QUIET: Final = {"KINETO_LOG_LEVEL": "99"}


def record(run: Callable[[], object], *, cuda: bool = False) -> tuple[Event, ...]:
    """Everything that ran during `run()`."""
    return read(_traced(run, cuda=cuda)["traceEvents"])


def peak_memory(run: Callable[[], object]) -> int:
    """The most bytes that the host's allocator had handed out during `run()`, over those before."""
    allocated = peak = 0
    for raw in _traced(run, memory=True)["traceEvents"]:
        if raw.get("name") == "[memory]" and raw["args"].get("Device Type") == 0:
            allocated += raw["args"]["Bytes"]
            peak = max(peak, allocated)
    return peak


def _traced(run: Callable[[], object], *, cuda: bool = False, memory: bool = False) -> dict[str, Any]:
    with quiet(), profiler_of(cuda, memory) as profiler:
        run()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        trace: dict[str, Any] = json.loads(path.read_bytes())
    return trace


def profiler_of(cuda: bool, memory: bool) -> Any:
    """torch.profiler; of the host alone what is under it, which writes the same.

    To ask for its CUDA graphs the former imports the compiler, which takes a second, sets a variable of the
    environment and adds a filter of warnings.
    """
    if cuda:
        from torch.profiler import ProfilerActivity, profile

        activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
        return profile(activities=activities, profile_memory=memory, acc_events=True)
    from torch.autograd.profiler import profile as of_the_host

    return of_the_host(use_kineto=True, profile_memory=memory)


@contextmanager
def quiet() -> Iterator[None]:
    """Have the profiler say nothing of itself on standard error."""
    ours = {name: value for name, value in _QUIET.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def read(trace: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """The events among the "traceEvents" of a profiler's trace; time begins with the first of them."""
    raws = [raw for raw in trace if raw.get("ph") == "X" and _kind(raw) is not None]
    if not raws:
        return ()
    # By the host's clock: some versions of CUPTI stamp kernels with zero.
    beginning = min([raw["ts"] for raw in raws if _kind(raw) != "device"], default=raws[0]["ts"])
    lanes = _forward_lanes(raws)
    return tuple([_event(raw, beginning, lanes) for raw in raws])


def _kind(raw: Mapping[str, Any]) -> Kind | None:
    category, name = raw.get("cat", ""), raw["name"]
    if category in _RANGES:
        for prefix, kind in _OUR_RANGES.items():
            if name.startswith(prefix):
                return kind
    return _KINDS.get(category)


_OUR_RANGES: Final[dict[str, Kind]] = {LAYER: "layer", PHASE: "phase", STEP: "step"}


def _event(raw: Mapping[str, Any], beginning: float, lanes: Mapping[int, int]) -> Event:
    kind, name, args = _kind(raw), raw["name"], raw.get("args", {})
    assert kind is not None
    for prefix, ours in _OUR_RANGES.items():
        if kind == ours:
            name = name.removeprefix(prefix)
    start = (raw["ts"] - beginning) * 1e-6
    return Event(
        kind,
        name,
        start,
        start + raw.get("dur", 0) * 1e-6,
        int(args.get("stream", raw["tid"])) if kind == "device" else int(raw["tid"]),
        int(args.get("correlation", -1)),
        int(args.get("Sequence number", -1)),
        lanes.get(_forward_thread(raw), -1),
        int(args.get("External id", -1)),
    )


def _forward_thread(raw: Mapping[str, Any]) -> int:
    """Of an autograd node that is run, the number of the thread that made it; 0 for all else."""
    args = raw.get("args", {})
    return int(args.get("Fwd thread id", 0)) if "Sequence number" in args else 0


def _forward_lanes(raws: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    """The profiler's own numbers of threads -> the system's, which everything else has.

    The trace has both for no event. A number belongs to the thread whose operators have the sequence
    numbers of that number's nodes.
    """
    made: dict[int, set[int]] = defaultdict(set)
    wanted: dict[int, set[int]] = defaultdict(set)
    for raw in raws:
        sequence = raw.get("args", {}).get("Sequence number")
        if sequence is not None:
            thread = _forward_thread(raw)
            (wanted[thread] if thread else made[int(raw["tid"])]).add(sequence)
    lanes = {}
    for thread, sequences in wanted.items():
        shared = Counter({lane: len(sequences & own) for lane, own in made.items()})
        if shared:
            lanes[thread] = shared.most_common(1)[0][0]
    return lanes
