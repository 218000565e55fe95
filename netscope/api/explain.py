"""`netscope.explain`: why each figure is what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netscope.api.summary import summary
from netscope.base.workload import Workload
from netscope.report.report import Report

if TYPE_CHECKING:
    import os

    import torch

    from netscope.answers.explain import Explanations


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
    from netscope.answers.explain import explain

    return explain(summary(model, **how), layer)
