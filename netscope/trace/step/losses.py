"""What a network is trained by where its owner does not say: a number to take the gradient of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from netscope.base.errors import UsageError
from netscope.trace.sharded import is_divided
from netscope.trace.tree import leaves

Loss = Callable[[Any], torch.Tensor]


def usual_loss(output: Any) -> torch.Tensor:
    """The loss that the network returned; else cross-entropy over logits; else the mean of all of it.

    Logits are what is called so, or a lone result of two dimensions (batch, classes). The classes are in the
    last dimension of what is called logits, and the targets are zeros.

    Raises:
        UsageError: nothing of what was returned has a gradient.
    """
    own = _named(output, "loss")
    if own is not None and own.requires_grad:
        return own.float().sum()
    logits = _logits(output)
    if logits is None:
        return mean_loss(output)
    flat = logits.float().reshape(-1, logits.shape[-1])
    targets = torch.zeros(flat.shape[0], dtype=torch.int64, device=flat.device)
    if is_divided(type(flat)):
        from torch.distributed.tensor import DTensor, Replicate

        mesh = flat.device_mesh  # type: ignore[attr-defined]
        targets = DTensor.from_local(targets, mesh, [Replicate()] * mesh.ndim, run_check=False)
    return torch.nn.functional.cross_entropy(flat, targets)


@contextmanager
def of_parts(output: Any) -> Iterator[None]:
    """To be entered around the usual loss and its backward: ranks that divide classes have their own each.

    As torch's `loss_parallel`, which does not end where the loss raises.
    """
    logits = _logits(output)
    if logits is None or not is_divided(type(logits)):
        yield
        return
    if not any(placed.is_shard(logits.ndim - 1) for placed in logits.placements):  # type: ignore[attr-defined]
        yield
        return
    from torch.distributed.tensor.parallel import loss as losses

    parallel: Any = losses

    parallel._enable_custom_loss_ops()
    try:
        yield
    finally:
        parallel._disable_custom_loss_ops()


def mean_loss(output: Any) -> torch.Tensor:
    """The mean of all that the network returned.

    Raises:
        UsageError: nothing of it has a gradient.
    """
    parts = [
        leaf.float().mean()
        for _, leaf in leaves(output)
        if isinstance(leaf, torch.Tensor) and leaf.requires_grad
    ]
    if not parts:
        raise UsageError(
            "nothing that the network returns has a gradient: there is nothing to train.",
            hint="leave out train=True, or give a parameter requires_grad",
        )
    return sum(parts[1:], parts[0])


def _logits(output: Any) -> torch.Tensor | None:
    """Scores of classes that can be trained; None where there are none, or a loss of the network's own."""
    own = _named(output, "loss")
    if own is not None and own.requires_grad:
        return None
    logits = _named(output, "logits")
    if logits is None and isinstance(output, torch.Tensor) and output.ndim == 2:
        logits = output
    trained = logits is not None and logits.is_floating_point() and logits.ndim >= 2 and logits.requires_grad
    return logits if trained else None


def _named(output: Any, name: str) -> torch.Tensor | None:
    found = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
    return found if isinstance(found, torch.Tensor) else None
