"""`netscope.check`: whether a network is within its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netscope.api.asked import Asked
from netscope.api.ready import has_input
from netscope.api.summary import summary
from netscope.base.workload import Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    import os

    import torch

    from netscope.answers.check import Checked


def check(
    model: str | os.PathLike[str] | torch.nn.Module | Workload | Report,
    *limits: str,
    against: str | os.PathLike[str] | torch.nn.Module | Workload | Report | None = None,
    fail_if: str | Sequence[str] = (),
    **named: Any,
) -> Checked:
    """Hold a network against limits: `netscope.check("alexnet", params="65M", macs="<=1.2G").passed`.

    Args:
        model: a Report, or whatever `summary` takes.
        limits: what must hold: "params=65M" (at most), "features.conv1:macs<120M". See
            `netscope.answers.check.limit` for the language.
        against: what changes are changes of; a Report, or whatever `summary` takes.
        fail_if: changes that must not be: "macs>+5%", "params>0", "changed".
        named: limits by the name of their quantity (`params="65M"`); and what else `summary` takes:
            input, args, kwargs, batch, dtype, train, options. Those hold for `against` too.

    Returns:
        a verdict on each limit; one that is about a figure that is not known is not passed.

    Raises:
        UsageError: a limit cannot be read, a change is limited without `against`, or there is no limit;
            else what `summary` raises.
    """
    from netscope.answers.check import check_report, parse_change, parse_limit, parse_named, require

    how = {key: named.pop(key) for key in Asked._fields if key in named}
    held = [*map(parse_limit, limits), *(parse_named(key, value) for key, value in named.items())]
    changes = map(parse_change, [fail_if] if isinstance(fail_if, str) else fail_if)
    required = require([*held, *changes], compared=against is not None)
    report = summary(model, **how)
    base = None if against is None else summary(against, **({} if has_input(against) else how))
    return check_report(report, required, base)
