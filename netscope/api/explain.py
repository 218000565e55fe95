"""`netscope.explain`: why each figure is what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from netscope.api.summary import summary
from netscope.base import arguments
from netscope.base.request import How

if TYPE_CHECKING:
    from netscope.answers.explain import Explanations
    from netscope.api.reading import Model


def explain(model: Model, layer: str | None = None, **how: Unpack[How]) -> Explanations:
    """Say why each figure of a layer is what it is: `print(netscope.explain("alexnet", "conv1"))`.

    Args:
        model: a Report, or whatever `summary` takes.
        layer: a qualified name ("features.conv1"), its last part ("conv1") or a glob ("features.*"); all
            layers when left out.
        how: what else `summary` takes: input, args, kwargs, batch, dtype, train, options, mesh, rank.

    Returns:
        the explained layers, in execution order; each has lines of a label, a formula with the layer's
        numbers put in, and the value that it comes to.

    Raises:
        UsageError: no layer has that name; else what `summary` raises.
    """
    from netscope.answers.explain import explain

    if layer is not None:
        arguments.text("layer", layer, 'write layer="features.conv1"')
    return explain(summary(model, **how), layer)
