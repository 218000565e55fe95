"""`netscope.profile`: how long a network takes on a machine."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from operator import index
from typing import TYPE_CHECKING, Any, Unpack, overload

from netscope.api.reading import Reader, reader
from netscope.api.summary import trace
from netscope.base import arguments, collector
from netscope.base.errors import UsageError
from netscope.base.mesh import Mesh, ranks_of
from netscope.base.request import Request, batch_of
from netscope.base.workload import Input, Workload

if TYPE_CHECKING:
    from typing import TypedDict

    from netscope.api.reading import Model
    from netscope.machine.profiling.curve import Curve
    from netscope.machine.profiling.run import Prepare
    from netscope.machine.profiling.settings import Watcher
    from netscope.machine.ranks.together import Together
    from netscope.machine.timing.backend import Backend
    from netscope.report.report import Report

    class Conditions(TypedDict, total=False):
        """The keywords of `profile` beside the batch."""

        device: str | Backend | None
        input: Input | None
        args: tuple[Any, ...]
        kwargs: Mapping[str, Any] | None
        dtype: str | None
        train: bool
        optimizer: str | None
        channels_last: bool
        compile: bool
        cuda_graph: bool
        cold_cache: bool
        threads: int | None
        warmup: float | None
        min_time: float | None
        max_time: float | None
        device_spec: str
        options: Mapping[str, Any] | None
        watch: Watcher | None
        mesh: Any
        rank_timeout: float | None


@overload
def profile(model: Model, *, batch: int = 1, **how: Unpack[Conditions]) -> Report: ...
@overload
def profile(model: Model, *, batch: Sequence[int], **how: Unpack[Conditions]) -> Curve: ...
def profile(
    model: Model,
    *,
    device: str | Backend | None = None,
    input: Input | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    batch: int | Sequence[int] = 1,
    dtype: str | None = None,
    train: bool = False,
    optimizer: str | None = None,
    channels_last: bool = False,
    compile: bool = False,
    cuda_graph: bool = False,
    cold_cache: bool = False,
    threads: int | None = None,
    warmup: float | None = None,
    min_time: float | None = None,
    max_time: float | None = None,
    device_spec: str = "auto",
    options: Mapping[str, Any] | None = None,
    watch: Watcher | None = None,
    mesh: Any = None,
    rank_timeout: float | None = None,
) -> Report | Curve:
    """Measure how long a network takes on a machine: `netscope.profile("alexnet").timing.median`.

    Steps are timed with nothing around them until their interval is narrow. Layers come from another pass,
    and both are reconciled in `report.timing.reconciliation`.

    Where torch.distributed has a group of several ranks, it is called on all of them, and they are measured
    together: `report.timing.ranks` has each one's step, and what their collectives take.

    Args:
        model: a name, a module or a Workload; networks that netscope builds get random weights. A Report
            that is a profile, or the file of one, is returned as it is.
        device: "cpu", "cuda", "cuda:1", a torch.device or a Backend. A module is measured where it is; for a
            name, on a GPU if torch finds one, else on the processor.
        input, args, kwargs, options: as for `summary`. Specs become random tensors.
        batch: samples in a step. Several batches give a curve in place of a report.
        dtype: "fp32", "tf32", "bf16" or "fp16", of a network built from a name; of a module only "tf32",
            which lets products of float32 tensors be rounded, where "fp32" does not.
        train: measure forward, backward and optimizer, on random gradients of the outputs. Gradients are
            dropped between steps, outside of the measured time.
        optimizer: of a training step, "adamw" (without one), "sgd" or "adam", with a learning rate of zero.
        channels_last: with images and weights in that layout.
        compile: through torch.compile; layers are then not told apart.
        cuda_graph: the time of the forward replayed as a CUDA graph.
        cold_cache: write over the caches before each step. Without it a step finds what the one before has
            left there, as in use. `triton.testing.do_bench` does so: its median is `timing.queued.median`
            of a profile with cold caches.
        threads: of the host; torch's own number without it.
        warmup, min_time, max_time: seconds: at least to warm up, at least and at most to measure. Up to 10 by
            default, less once the median is known to within 1%.
        device_spec: the machine that layers are held against: a name (`netscope roofline --list`), "here"
            for this one as a copy and a matrix product find it, "none", or "auto": by the name of the
            device, else "here".
        watch: called with what is being done and the share that is done.
        mesh: of the ranks that there are, by axis: "dp=2,tp=4" or a dict, for a factory that takes a mesh.
        rank_timeout: seconds after which ranks of which none moves are given up: 30 without it, and 600
            of ranks that are compiled.

    Returns:
        A Report with `timing`, and with `timing` and `roof` for each layer; of several batches a Curve. The
        module, its arguments, the random generators and torch's global state are as they were before.

    Raises:
        UsageError: the device is not there, or cannot do that; a module is elsewhere; else as `summary`.
        TraceError: the forward, or a step, raised, or memory did not suffice.
    """
    found = reader(model)
    batches = _batches(batch)
    request = Request(input, args, kwargs, batches[0], dtype, train, options, mesh)
    device = _device(device)
    flags = {
        "channels_last": channels_last,
        "compile": compile,
        "cuda_graph": cuda_graph,
        "cold_cache": cold_cache,
    }
    flags = {name: arguments.flag(name, value) for name, value in flags.items()}
    if watch is not None and not callable(watch):
        arguments.refuse("watch", "a function", watch, "write watch=lambda what, done: ...")
    if found.ready:
        request = replace(request, batch=1 if batches == [1] else 0)
        others = (device, optimizer, *flags.values(), threads)
        pace = (warmup, min_time, max_time)
        asked = device_spec != "auto" or any(others) or pace != (None, None, None)
        return made_already(found, request, asked=asked)
    with collector.paused():  # torch comes in here
        from netscope.machine.profiling.run import profile as profile_one
        from netscope.machine.profiling.run import profile_batches
        from netscope.machine.profiling.settings import (
            Settings,
            checked,
            device_spec_of,
            dtype_of,
            optimizer_of,
            pace_of,
            patience_of,
            threads_of,
        )

    settings = checked(
        Settings(
            train=request.train,
            optimizer=optimizer_of(optimizer, request.train),
            dtype=dtype_of(dtype),
            **flags,
            threads=threads_of(threads),
            device_spec=device_spec_of(device_spec),
            pace=pace_of(warmup, min_time, max_time),
        )
    )
    patience = patience_of(rank_timeout, compiled=settings.compile)
    several = _several()
    if several and settings.cuda_graph:
        raise UsageError("a step of several ranks is not replayed as a graph.", hint="leave out --cuda-graph")
    if request.mesh is not None and not several:
        raise UsageError(
            "the ranks of a mesh are measured where they are, and this process is alone.",
            hint=f"start them: torchrun --nproc-per-node {ranks_of(request.mesh)} -m netscope profile ...",
        )
    prepare = prepared(found, request, settings.dtype)
    whole = bool(request.args or request.kwargs or isinstance(model, Workload))
    # Variables of the context that a step sets are its own.
    context = contextvars.copy_context()
    if not isinstance(batch, Sequence) and len(batches) == 1:
        samples = None if whole else batches[0]
        with _together(patience) if several else nullcontext() as ranks:
            return context.run(
                profile_one, prepare, batches[0], device, settings, watch, samples=samples, ranks=ranks
            )
    if several:
        raise UsageError("a curve is of one process.", hint="give several ranks one --batch")
    if whole:
        raise UsageError("arguments have their batch already.", hint="give input= without the batch")
    return context.run(profile_batches, prepare, batches, device, settings, watch)


def made_already(found: Reader, request: Request, *, asked: bool) -> Report:
    """The report that was made already, to be shown once more.

    Args:
        asked: whether something else was asked for, beside the request.

    Raises:
        UsageError: it knows of no machine, is of another revision, or something was asked of it.
        StoreError: it cannot be read.
    """
    if not found.saved:
        raise UsageError(
            "networks of other revisions are not measured.",
            hint="check the revision out (git worktree add ...) and profile it there",
        )
    report = found.read(Request())
    assert not isinstance(report, Workload)
    if request.told or asked:
        raise UsageError(
            "a report was made already; nothing else can be asked of it.", hint="name the network"
        )
    if report.timing is None and report.roof is None:
        raise UsageError(
            f"the report of {report.name} was made without a machine.", hint="name the network itself"
        )
    return report


def prepared(found: Reader, request: Request, dtype: str | None) -> Prepare:
    """What makes the workload and its report for a batch, in that dtype of `settings.DTYPES`.

    Raises:
        UsageError: the arguments contradict each other.
    """
    from netscope.machine.profiling.settings import DTYPES

    if dtype not in (None, "tf32") and not found.named:
        raise UsageError("dtype= is for models built from a name.", hint="convert the module: model.to(...)")
    named = DTYPES[dtype] if dtype is not None and found.named else None

    def prepare(batch: int) -> tuple[Workload, Report]:
        with _on_mesh(found, request.mesh):
            workload = found.read(replace(request, batch=batch, dtype=named, mesh=None))
        assert isinstance(workload, Workload)
        return workload, trace(workload, train=request.train)

    return prepare


def _several() -> bool:
    """Whether this process is a rank of several. Nothing is imported for that."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return False
    return bool(distributed.get_world_size() > 1 and distributed.get_backend() != "fake")


def _together(patience: float | None) -> AbstractContextManager[Together]:
    from netscope.machine.ranks.together import joined

    return joined(patience)


def _on_mesh(found: Reader, mesh: Mesh | None) -> AbstractContextManager[object]:
    """With a mesh of the ranks that there are, for a factory that takes one."""
    if mesh is None:
        return nullcontext()
    if not found.named:
        raise UsageError("mesh= is for a factory, which divides its network on it.", hint="give its name")
    from netscope.base.meta.world import among

    return among(mesh)


def _batches(given: Any) -> list[int]:
    """Batch sizes; a list of one for one.

    Raises:
        UsageError: there is none, or one is below one.
    """
    if type(given).__module__ == "numpy" and getattr(given, "ndim", None) == 1:
        given = given.tolist()
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        return [batch_of(given)]
    batches = [index(one) if arguments.is_whole(one) else 0 for one in given]
    if not batches or min(batches) < 1:
        raise UsageError("batches are whole numbers from 1 up.", hint="give batch=[1, 8, 32]")
    return batches


def _device(given: Any) -> str | Backend | None:
    """A device by name, also where torch's own is given; a Backend as it is.

    Raises:
        UsageError: it is none of these.
    """
    if type(given).__module__ == "torch" and type(given).__name__ == "device":
        return str(given)
    if not (given is None or isinstance(given, str) or hasattr(given, "mark")):
        arguments.refuse("device", "the name of a device", given, 'write device="cuda:0", or a torch.device')
    found: str | Backend | None = given
    return found
