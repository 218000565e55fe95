"""`netscope.diff`: what changed between two networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netscope.answers.diff import Diff
from netscope.api.ready import has_input
from netscope.base.errors import UsageError
from netscope.base.workload import Input, Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    import os

    import torch

    Model = str | os.PathLike[str] | torch.nn.Module | Workload | Report

# What `summary` takes beside the model, by name, and what calls it.
How = dict[str, Any]
Summarize = Callable[[Any, How], Report]


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
) -> Diff:
    """Say what changed between two networks: `print(netscope.diff("alexnet", "zfnet"))`.

    Args:
        before, after: Reports, or whatever `summary` takes. Without `after` it is the same network, and one
            of the arguments in `_b` says what is different.
        input, args, kwargs, batch, dtype, train, options: as `summary` takes them, of both networks; a
            Report, or the name of a saved one, has its own.
        input_b and the like: those of `after`, where they are others.

    Returns:
        a frozen Diff of pairs of layers. `if change:` asks whether anything differs.

    Raises:
        UsageError: nothing to compare with, or an argument for what is a report; else what `summary` raises.
    """
    how = {"input": input, "args": args, "kwargs": kwargs, "batch": batch, "dtype": dtype, "train": train}
    how_b = {"input": input_b, "args": args_b, "kwargs": kwargs_b, "batch": batch_b, "dtype": dtype_b}
    how |= {"options": options}
    how_b |= {"train": train_b, "options": options_b}
    return diff_of(before, after, given(how), given(how_b), summarized, "{}_b=".format, "{}=".format)


def diff_of(
    before: Any,
    after: Any,
    how: How,
    how_b: How,
    summarize: Summarize,
    spell_b: Callable[[str], str],
    spell: Callable[[str], str],
) -> Diff:
    """The diff of two networks that `summarize` traces or reads.

    Args:
        how, how_b: what was said of both, and of the second alone.
        spell_b, spell: how such an argument is written, for a message.

    Raises:
        UsageError: nothing to compare with, or an argument for what is a report.
    """
    from netscope.answers.diff import diff

    if after is None:
        if not how_b:
            wanted = ", ".join(map(spell_b, ("input", "batch", "dtype", "train", "options")))
            raise UsageError(
                "a diff is of two networks, or of one in two ways.",
                hint=f"name a second one, or give one of {wanted}",
            )
        after = before
    both = is_report(before) and is_report(after)
    refused = [*map(spell_b, how_b if is_report(after) else ()), *map(spell, how if both else ())]
    if refused:
        which = "both networks are saved reports" if both else "the second network is a saved report"
        have = "which have their inputs" if both else "which has its input"
        raise UsageError(f"{which}, {have} already.", hint=f"leave out {', '.join(refused)}")
    second_how = {} if is_report(after) else {**how, **how_b}
    first = summarize(before, {} if is_report(before) else how)
    second = summarize(after, second_how)
    if first.name == second.name and "options" in how_b:
        first = replace(first, name=_with_options(first.name, how.get("options")))
        second = replace(second, name=_with_options(second.name, how_b["options"]))
    return diff(first, second)


def is_report(model: Any) -> bool:
    """Whether it is a report already, or the name of a saved one: then nothing can be asked of it."""
    return not isinstance(model, Workload) and has_input(model)


def given(how: How) -> How:
    """Those of the arguments that were given."""
    return {key: value for key, value in how.items() if value is not None}


def _with_options(name: str, options: Mapping[str, Any] | None) -> str:
    """One network with different options goes by two names: "lenet num_classes=100"."""
    return " ".join([name, *(f"{key}={value}" for key, value in (options or {}).items())])


def summarized(model: Any, how: How) -> Report:
    """As `netscope.summary` does."""
    from netscope.api.summary import summary

    return summary(model, **how)
