"""What netscope does, as Python functions. The command line and the package's face call these."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netscope.errors import TraceError, UsageError
from netscope.report import Report
from netscope.workload import TensorSpec, Workload

if TYPE_CHECKING:
    import torch

    from netscope.explanation import Explanations

Input = str | TensorSpec | Sequence[str | TensorSpec]


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
            "report.json"), a module, or a Workload.
        input: sizes without the batch ("3x224x224"), one for each argument; "ids=128:int64" names a
            keyword argument. A name's own example input is used when this is left out.
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
        TraceError: the forward raised. `.report` has the rows up to the failing layer.
    """
    if isinstance(model, Report):
        return model
    with _collector_paused():
        return _summary(model, input, args, kwargs, batch, dtype, train, options)


def _summary(
    model: str | os.PathLike[str] | torch.nn.Module | Workload,
    input: Input | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None,
    batch: int,
    dtype: str | None,
    train: bool,
    options: Mapping[str, Any] | None,
) -> Report:
    if isinstance(model, (str, os.PathLike)):
        name = os.fspath(model)
        if name.endswith(".json") and not name.startswith("hf/"):
            from netscope.store import load

            return load(name)
        from netscope.sources import resolve

        workload = resolve(
            name,
            input=input,
            batch=batch,
            dtype=dtype,
            options=dict(options or {}),
            args=args or None,
            kwargs=None if kwargs is None else dict(kwargs),
        )
    elif isinstance(model, Workload):
        workload = model
    else:
        workload = _of_module(model, input, args, kwargs, batch, dtype)
    return trace(workload, train=train)


def explain(
    model: str | os.PathLike[str] | torch.nn.Module | Workload | Report,
    layer: str | None = None,
    **how: Any,
) -> Explanations:
    """Say why each figure of a layer is what it is: `print(netscope.explain("alexnet", "conv1"))`.

    Args:
        model: a Report, or whatever `summary` takes.
        layer: a qualified name ("features.conv1"), its last part ("conv1") or a glob ("features.*"); all
            layers when left out.
        how: what else `summary` takes: input, args, kwargs, batch, dtype, train, options.

    Returns:
        the explained layers, in execution order; each has lines of a label, a formula with the layer's
        numbers put in, and the value that it comes to.

    Raises:
        UsageError: no layer has that name; else what `summary` raises.
    """
    from netscope.explanation import explain

    return explain(summary(model, **how), layer)


def trace(workload: Workload, *, train: bool = False) -> Report:
    """The report of a workload. Raises as `summary` does."""
    from netscope.analyze import analyze
    from netscope.environment import environment
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
def _collector_paused() -> Iterator[None]:
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


def _of_module(
    module: torch.nn.Module,
    input: Input | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None,
    batch: int,
    dtype: str | None,
) -> Workload:
    import torch

    if not isinstance(module, torch.nn.Module):
        raise UsageError(
            f"a {type(module).__name__} is no network.",
            hint="give a torch.nn.Module, a name such as 'torchvision/resnet50', or a Workload",
        )
    if dtype is not None:
        raise UsageError("dtype= is for models built from a name.", hint="convert the module: model.to(...)")
    if input is not None:
        from netscope.sources.inputs import Setting, combine

        if args:
            raise UsageError("input= and args= both give the arguments.", hint="use one of them")
        args, named = combine(None, input, Setting(type(module).__name__, module, batch))
        kwargs = {**named, **(kwargs or {})}
    if not args and not kwargs and input is None and _needs_arguments(module):
        raise UsageError(
            f"{type(module).__name__} needs an input.",
            hint="summary(model, input='3x224x224') or summary(model, args=(tensor,))",
        )
    return Workload(type(module).__name__, module, tuple(args), dict(kwargs or {}))


def _needs_arguments(module: torch.nn.Module) -> bool:
    import inspect

    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):
        return False
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in signature.parameters.values()
    )
