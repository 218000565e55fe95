"""A workload is profiled: traced, held on the machine, measured, and its report filled in."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from netscope.base.errors import NetscopeError, TraceError, UsageError, interrupts, said
from netscope.base.workload import Workload
from netscope.machine.profiling.curve import Curve
from netscope.machine.profiling.held import device_of, dtype_in, held
from netscope.machine.profiling.join import with_roof, with_times
from netscope.machine.profiling.passes import Passed, passes
from netscope.machine.profiling.settings import AUTO, HERE, NONE, Settings, Watcher
from netscope.machine.profiling.traffic import moved_bytes
from netscope.machine.timing import curve as curve_
from netscope.machine.timing.backend import Backend
from netscope.machine.timing.backends import backend_of
from netscope.machine.timing.devices import DeviceSpec, spec_of, spec_of_driver
from netscope.machine.timing.roofline import calibrated
from netscope.report.measured.links import Links
from netscope.report.measured.samples import Measurement
from netscope.report.measured.timing import Roof
from netscope.report.report import Report
from netscope.trace.memory import too_large

if TYPE_CHECKING:
    from netscope.machine.ranks.together import Together

# Makes the workload at a batch, and its report with the trace that it was made from.
Prepare = Callable[[int], tuple[Workload, Report]]


def _unwatched(what: str, done: float) -> None:
    """Nobody looks on."""


def profile(
    prepare: Prepare,
    batch: int,
    device: str | Backend | None,
    settings: Settings,
    watch: Watcher | None = None,
    samples: int | None = None,
    ranks: Together | None = None,
) -> Report:
    """The report of a network with what it takes on a machine.

    samples:
        in a step; read off the first input's first dimension when it is not told.
    ranks:
        those that profile their parts of the network at the same time.

    Raises:
        UsageError: the machine is not there or cannot do what was asked for, or the module is elsewhere.
        TraceError: a step raised, or memory did not suffice.
    """
    tell = watch or _unwatched
    if ranks is not None:
        ranks.at("the building of the network")
        settings = replace(settings, as_built=True)
    workload, report = prepare(batch)
    backend = _backend(workload, device, settings)
    dtype = _dtype(workload, backend, settings)
    size = _samples(report) if samples is None else samples
    with _told(workload, backend, size):
        passed = _measured(workload, report, backend, settings, size, dtype, tell, ranks)
        tell("roof", 0.9)
        # One at a time: on a processor they would be in each other's way. The rows are the first rank's.
        roof = None
        if ranks is None or ranks.rank == 0:
            roof = _roof_of(_spec(backend, settings, dtype), dtype)
        if ranks is not None:
            ranks.at("the end")
            ranks.align()
    assert report.facts is not None
    made = with_roof(report, moved_bytes(report.facts), roof)
    if passed.breakdown is not None:
        made = with_times(made, passed.breakdown.layers, passed.entered)
    tell("done", 1.0)
    return made.but(timing=passed.timing, events=passed.events)


def profile_batches(
    prepare: Prepare,
    batches: Sequence[int],
    device: str | Backend | None,
    settings: Settings,
    watch: Watcher | None = None,
) -> Curve:
    """Steps of several batch sizes, from the smallest up until memory does not suffice.

    Raises:
        UsageError, TraceError: as `profile` does, memory aside.
    """
    tell = watch or _unwatched
    ordered = sorted(set(batches))
    workload, report = prepare(ordered[0])
    backend = _backend(workload, device, settings)
    alone = replace(settings, layers=False)
    found: dict[int, Passed] = {}

    def measure(batch: int) -> Measurement:
        workload, report = prepare(batch)
        share, start = 1 / len(ordered), ordered.index(batch) / len(ordered)
        dtype = _dtype(workload, backend, settings)

        def told(what: str, done: float) -> None:
            tell(f"batch {batch}, {what}", start + share * done)

        passed = _measured(workload, report, backend, alone, batch, dtype, told)
        found[batch] = passed
        return passed.timing.latency

    with _told(workload, backend, None):
        points = curve_.curve(ordered, measure, backend)
    tell("done", 1.0)
    return Curve(
        name=report.name,
        source=report.source,
        description=report.description,
        inputs=report.inputs,
        training=report.training,
        timings=tuple(found[point.batch].timing for point in points.points),
        too_large=points.too_large,
        environment=report.environment,
    )


def roofline(
    prepare: Prepare,
    batch: int,
    device_spec: str,
    dtype: str | None,
    node: int | None = None,
    network: float | None = None,
) -> Report:
    """The report of a network with the least that its forward takes on a machine, which need not be there.

    device_spec:
        a name of `timing.devices`, or "here" for this machine's processor or GPU.
    node, network:
        GPUs in a node, and bytes a second of one to other nodes, in place of the machine's own.

    Raises:
        UsageError: there is no such machine.
    """
    spec = None if device_spec == HERE else spec_of(device_spec)
    workload, report = prepare(batch)
    assert report.facts is not None
    held_in = dtype or dtype_in(workload.module)
    if spec is None:
        backend = backend_of(default_device())
        with backend.steady(None):
            spec = calibrated(backend, [held_in] if held_in in backend.dtypes() else [])
    return with_roof(
        report, moved_bytes(report.facts), _roof_of(spec, held_in, _links(report, spec, node, network))
    )


def _samples(report: Report) -> int:
    """The first dimension of the first input that has one."""
    return next((leaf.shape[0] for leaf in report.inputs if leaf.shape), 1)


def default_device() -> str:
    """A GPU where torch finds one, else the processor."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _backend(workload: Workload, device: str | Backend | None, settings: Settings) -> Backend:
    """The machine to measure on: the user's own module is measured where it is."""
    own = device_of(workload.module) if workload.rebuild is None else None
    backend = (
        backend_of((own or default_device()) if device is None else device)
        if device is None or isinstance(device, str)
        else device
    )
    if settings.cuda_graph and not backend.asynchronous:
        raise UsageError(
            f"nothing is replayed as a graph on {backend.device().target}.", hint="leave out --cuda-graph"
        )
    target = backend.device().target
    if own is not None and own != target:
        raise UsageError(f"the module is on {own}, not on {target}.", hint=f"move it: model.to({target!r})")
    return backend


def _dtype(workload: Workload, backend: Backend, settings: Settings) -> str:
    """What is computed in, as a key of `settings.DTYPES`; "" for something that has no such name."""
    own = dtype_in(workload.module)
    found = settings.dtype or own
    if found == "tf32" and own != "fp32":
        raise UsageError("tf32 is a way to multiply fp32, and the network is of another dtype.")
    if found and found not in backend.dtypes():
        device = backend.device()
        raise UsageError(
            f"{device.name} ({device.target}) does not compute in {found}.",
            hint=f"use {', '.join(sorted(backend.dtypes()))}",
        )
    return found


def _measured(
    workload: Workload,
    report: Report,
    backend: Backend,
    settings: Settings,
    batch: int,
    dtype: str,
    watch: Watcher,
    ranks: Together | None = None,
) -> Passed:
    assert report.facts is not None
    watch("weights", 0.0)
    if workload.rebuild is not None:
        refusal = too_large(workload.module, backend.device().memory if backend.asynchronous else None)
        if refusal is not None:
            raise TraceError(
                f"{workload.name}: {refusal}.", hint="`netscope roofline` bounds it without weights"
            )
    try:
        with held(workload, report.facts, backend.device().target, settings) as (module, args, kwargs):
            return passes(
                module, args, kwargs, backend, settings, batch=batch, dtype=dtype, watch=watch, ranks=ranks
            )
    finally:
        backend.release()


@contextmanager
def _told(workload: Workload, backend: Backend, batch: int | None) -> Iterator[None]:
    """What a step raises, as an error for people."""
    try:
        yield
    except NetscopeError:
        raise
    except BaseException as error:
        if interrupts(error):
            raise
        device = backend.device()
        if backend.out_of_memory(error):
            # Who holds on to the error would hold on to all that its frames have.
            told: BaseException | None = error
            while told is not None:
                traceback.clear_frames(told.__traceback__)
                told = told.__context__
            backend.release()
            size = "" if batch is None else f" for a batch of {batch}"
            raise TraceError(
                f"{workload.name}: the memory of {device.name} ({device.target}) does not suffice{size}.",
                hint="give a smaller --batch, or --dtype bf16",
            ) from error
        raise TraceError(f"{workload.name}: a step on {device.target} failed: {said(error)}") from error


def _spec(backend: Backend, settings: Settings, dtype: str) -> DeviceSpec | None:
    """The machine that layers are held against."""
    if settings.device_spec == NONE:
        return None
    if settings.device_spec not in (AUTO, HERE):
        return spec_of(settings.device_spec)
    known = spec_of_driver(backend.device().name) if settings.device_spec == AUTO else None
    if known is not None:
        return known
    with backend.steady(settings.threads):
        return calibrated(backend, [dtype] if dtype else [])


def _links(report: Report, spec: DeviceSpec, node: int | None, network: float | None) -> Links | None:
    """Of a machine that has ranks of a network beside it; None for one that works alone."""
    return None if report.ranks is None else (spec.links or Links()).but(node, network)


def _roof_of(spec: DeviceSpec | None, dtype: str, links: Links | None = None) -> Roof | None:
    if spec is None:
        return None
    return Roof(spec.name, spec.title, dtype, spec.peak(dtype), spec.bandwidth, spec.source, links)
