"""`netscope.summary`: every layer's shapes, parameters, MACs and memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from netscope.api.reading import Reader, reader
from netscope.base import collector
from netscope.base.errors import TraceError, interrupts, said
from netscope.base.request import Request
from netscope.base.workload import Input, Workload
from netscope.report.quantities import OF_CACHE, OF_TRAINING, find

if TYPE_CHECKING:
    from netscope.api.reading import Model
    from netscope.report.report import Report
    from netscope.trace import ForwardError


def summary(
    model: Model,
    *,
    input: Input | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    batch: int = 1,
    dtype: str | None = None,
    train: bool = False,
    options: Mapping[str, Any] | None = None,
    mesh: Any = None,
    rank: int | str | None = None,
) -> Report:
    """Trace a network once and report every layer's shapes, parameters, MACs and memory.

    Args:
        model: a name ("alexnet", "torchvision/resnet50", "pkg.mod:factory", "file.py:factory",
            "report.json", "main@file.py:factory" for another git revision), a module, or a Workload.
        input: sizes without the batch ("3x224x224" or (3, 224, 224)), one for each argument;
            "ids=128:int64" names a keyword argument, "scalar" is one number. A name's own example input is
            used when this is left out.
        args, kwargs: real arguments instead, any pytree; a TensorSpec stands for a tensor.
        batch: the batch that is put before `input` and the example input.
        dtype: of floating point parameters and inputs, as "bfloat16" or torch.bfloat16; as built when left
            out.
        train: trace in training mode.
        options: keyword arguments of the factory behind a name (`-k` on the command line).
        mesh: the ranks that the factory divides its network among, by axis: "dp=32,tp=8", or a dict. None of
            them need be there: this process stands for one after the other.
        rank: whose rows to report; "all", or None, for the first one's beside what all others have.

    Returns:
        A frozen Report. The module, its arguments, the random generators and torch's global state are
        as they were before.

    Raises:
        UsageError: an unreadable input, or no input for a module that needs one; an argument that is not what
            its name says.
        SourceError: the name means nothing or the factory failed.
        StoreError: a saved report cannot be read.
        TraceError: the forward raised. `.report` has the rows up to the failing layer.
    """
    request = Request(input, args, kwargs, batch, dtype, train, options, mesh, rank)
    return report_of(reader(model), request)


def report_of(found: Reader, request: Request, quantities: Iterable[str] = ()) -> Report:
    """The report of what was found by its name: it is traced, unless it is one. Raises as `summary` does.

    Args:
        quantities: keys of those that it should have; a report that is there has what it has.
    """
    with collector.paused():
        asked = {key for key in quantities if find(key).of == "memory"}
        if request.mesh is not None:
            if asked and not found.ready:
                from netscope.api.memory import memory

                return memory(found.model, **request.asdict())
            from netscope.api.ranks import ranked

            return ranked(found, request)
        model = found.read(request)
        if not isinstance(model, Workload):
            return model
        if not asked:
            return trace(model, train=request.train)
        from netscope.api.memory import CONTEXT, remembered

        batch = request.batch if OF_CACHE in asked else None
        return remembered(
            model,
            train=request.train,
            trained=not asked.isdisjoint(OF_TRAINING),
            context=CONTEXT if OF_CACHE in asked else None,
            batch=batch,
        )


@collector.paused()
def trace(workload: Workload, *, train: bool = False) -> Report:
    """The report of a workload. Raises as `summary` does."""
    from netscope.base.environment import environment
    from netscope.report.analysis.analyze import analyze
    from netscope.trace import ForwardError, record
    from netscope.trace.sharded import is_divided_module

    if is_divided_module(workload.module):
        from netscope.api.ranks import of_divided

        return of_divided(workload, train=train)[0]
    try:
        facts = record(workload, train=train)
    except ForwardError as failure:
        raise failed(workload, failure) from failure.__cause__
    except BaseException as error:
        if isinstance(error, Exception) or interrupts(error):
            raise
        raise TraceError(f"{workload.name}: the forward failed: {said(error)}") from error
    return analyze(facts, workload, environment=environment())


def failed(workload: Workload, failure: ForwardError) -> TraceError:
    """What to say of a forward that raised."""
    from netscope.base.environment import environment
    from netscope.report.analysis.analyze import analyze

    partial = analyze(failure.trace, workload, environment=environment())
    where = failure.trace.error_path
    cause = failure.__cause__
    assert cause is not None
    what, hint = f"failed in {where or 'the model itself'}", None
    if failure.not_real:  # whether it is the model's own, nobody knows
        what = f"failed{f' in {where}' if where else ''} on {failure.trace.rung} tensors"
        hint = f"it was not tried on real tensors: {failure.not_real}"
    return TraceError(
        f"{workload.name}: the forward {what}: {said(cause)}", hint=hint, report=partial, path=where
    )
