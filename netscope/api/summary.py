"""`netscope.summary`: a network traced once."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netscope.api.asked import Asked, check_call, workload_of
from netscope.api.ready import ready
from netscope.base.errors import TraceError
from netscope.base.workload import Input, Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    import torch


def summary(
    model: str | os.PathLike[str] | torch.nn.Module | Workload | Report,
    *,
    input: Input | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    batch: int = 1,
    dtype: str | None = None,
    train: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Trace a network once and report every layer's shapes, parameters, MACs and memory.

    Args:
        model: a name ("alexnet", "torchvision/resnet50", "pkg.mod:factory", "file.py:factory",
            "report.json", "main@file.py:factory" for another git revision), a module, or a Workload.
        input: sizes without the batch ("3x224x224" or (3, 224, 224)), one for each argument;
            "ids=128:int64" names a keyword argument. A name's own example input is used when this is left
            out.
        args, kwargs: real arguments instead, any pytree; a TensorSpec stands for a tensor.
        batch: the batch that is put before `input` and the example input.
        dtype: of floating point parameters and inputs, as "bfloat16"; as built when left out.
        train: trace in training mode.
        options: keyword arguments of the factory behind a name (`-k` on the command line).

    Returns:
        A frozen Report. The module, its arguments, the random generators and torch's global state are
        as they were before.

    Raises:
        UsageError: an unreadable input, or no input for a module that needs one.
        SourceError: the name means nothing or the factory failed.
        StoreError: a saved report cannot be read.
        TraceError: the forward raised. `.report` has the rows up to the failing layer.
    """
    asked = Asked(input, args, kwargs, batch, dtype, train, options)
    check_call(model, asked)
    if isinstance(model, Report):
        return model
    with collector_paused():
        if isinstance(model, (str, os.PathLike)):
            form = ready(os.fspath(model))
            if form is not None:
                return form.read(os.fspath(model), asked)
        return trace(workload_of(model, asked), train=train)


def trace(workload: Workload, *, train: bool = False) -> Report:
    """The report of a workload. Raises as `summary` does."""
    from netscope.base.environment import environment
    from netscope.report.analysis.analyze import analyze
    from netscope.trace import ForwardError, record

    try:
        facts = record(workload, train=train)
    except ForwardError as failure:
        partial = analyze(failure.trace, workload, environment=environment())
        where = failure.trace.error_path
        message = (failure.trace.error or "").strip().splitlines()
        raise TraceError(
            f"{workload.name}: the forward failed in {where or 'the model itself'}: {message[0]}",
            report=partial,
            path=where,
        ) from failure.__cause__
    return analyze(facts, workload, environment=environment())


@contextmanager
def collector_paused() -> Iterator[None]:
    """A summary makes tens of thousands of objects that live on and hardly a cycle.

    Each full collection in between would walk all of torch: four fifths of the time of a DenseNet.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
