"""`netscope.diff`: what changed between two networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netscope.api.reading import reader
from netscope.api.summary import report_of
from netscope.base import arguments
from netscope.base.arguments import renamed, spelled
from netscope.base.errors import UsageError
from netscope.base.request import Request
from netscope.base.workload import Input

if TYPE_CHECKING:
    from netscope.answers.diff import Diff
    from netscope.api.reading import Model


def diff(
    before: Model,
    after: Model | None = None,
    *,
    input: Input | None = None,
    input_b: Input | None = None,
    args: tuple[Any, ...] | None = None,
    args_b: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    kwargs_b: Mapping[str, Any] | None = None,
    batch: int | None = None,
    batch_b: int | None = None,
    dtype: str | None = None,
    dtype_b: str | None = None,
    train: bool | None = None,
    train_b: bool | None = None,
    options: Mapping[str, Any] | None = None,
    options_b: Mapping[str, Any] | None = None,
    mesh: Any = None,
    mesh_b: Any = None,
    rank: int | str | None = None,
    rank_b: int | str | None = None,
    memory: bool = False,
) -> Diff:
    """Say what changed between two networks: `print(netscope.diff("alexnet", "zfnet"))`.

    Args:
        before, after: Reports, or whatever `summary` takes. Without `after` it is the same network, and one
            of the arguments in `_b` says what is different.
        input, args, kwargs, batch, dtype, train, options, mesh, rank: as `summary` takes them, of both
            networks; a Report, or the name of a saved one, has its own.
        input_b and the like: those of `after`, where they are others.
        memory: also what a step of training with AdamW takes of memory, as `netscope.memory` says it; hand
            reports of that in for another optimizer, or other ways.

    Returns:
        a frozen Diff of pairs of layers. `if change:` asks whether anything differs.

    Raises:
        UsageError: nothing to compare with, or an argument for what is a report; else what `summary` raises.
    """
    how = given(
        input=input,
        args=args,
        kwargs=kwargs,
        batch=batch,
        dtype=dtype,
        train=train,
        options=options,
        mesh=mesh,
        rank=rank,
    )
    how_b = given(
        input=input_b,
        args=args_b,
        kwargs=kwargs_b,
        batch=batch_b,
        dtype=dtype_b,
        train=train_b,
        options=options_b,
        mesh=mesh_b,
        rank=rank_b,
    )
    if after is None and not how_b:
        wanted = spelled("input_b", "batch_b", "dtype_b", "train_b", "options_b", "mesh_b")
        raise UsageError(
            "a diff is of two networks, or of one in two ways.",
            hint=f"name a second one, or give one of {wanted}",
        )
    request = Request(**how)
    with renamed({name: f"{name}_b" for name in how_b}):
        request_b = Request(**{**how, **how_b})
    first = reader(before)
    second = first if after is None else reader(after)
    both = first.saved and second.saved
    refused = [f"{name}_b" for name in how_b if second.saved] + [name for name in how if both]
    if refused:
        which = "both networks are saved reports" if both else "the second network is a saved report"
        have = "which have their inputs" if both else "which has its input"
        raise UsageError(f"{which}, {have} already.", hint=f"leave out {spelled(*refused)}")
    remembered: tuple[str, ...] = (
        ("training_peak", "inference_peak") if arguments.flag("memory", memory) else ()
    )
    old = report_of(first, Request() if first.saved else request, remembered)
    new = report_of(second, Request() if second.saved else request_b, remembered)
    if old.name == new.name and "options" in how_b:
        old = old.but(name=_with_options(old.name, options))
        new = new.but(name=_with_options(new.name, options_b))
    from netscope.answers.diff import diff

    return diff(old, new)


def given(**how: Any) -> dict[str, Any]:
    """Those of the arguments that were given."""
    return {key: value for key, value in how.items() if value is not None}


def _with_options(name: str, options: Mapping[str, Any] | None) -> str:
    """One network with different options goes by two names: "lenet num_classes=100"."""
    return " ".join([name, *(f"{key}={value}" for key, value in (options or {}).items())])
