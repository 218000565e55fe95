"""Checks of training against evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.layer import FUNCTIONAL
from netscope.trace.facts import OpCall, Trace

_SOFTMAX: Final = ("aten._softmax.", "aten.softmax.", "aten._safe_softmax.")
_DROPOUT: Final = ("aten.native_dropout.", "aten.bernoulli_.", "aten.bernoulli.")
_BATCH_NORM: Final = ("aten.native_batch_norm.", "aten._native_batch_norm_legit.")


def _path(trace: Trace, op: OpCall) -> str:
    return trace.calls[op.call].path if op.call >= 0 else ""


@check("NS401", "softmax-output", "warning", traced=True)
def softmax_output(look: Look) -> Iterator[Remark]:
    """The network ends in a softmax, which cross entropy takes once more."""
    assert look.trace is not None
    first = next((value for value in look.trace.outputs if value.spec is not None), None)
    if first is None or first.storage < 0:
        return
    made = next(
        (
            op
            for op in reversed(look.trace.ops)
            if first.storage in op.writes and "view" not in op.operator.tags
        ),
        None,
    )
    if made is not None and made.operator.name.startswith(_SOFTMAX):
        yield Remark(
            _path(look.trace, made),
            f"the output of {units.shape(made.operator.outputs[0].shape)} is a softmax: cross entropy takes"
            " another, which flattens its gradients; return logits and apply softmax when predicting.",
        )


@check("NS402", "training-mode", "error", traced=True)
def training_mode(look: Look) -> Iterator[Remark]:
    """Dropout or batch statistics are at work though the network is in evaluation mode."""
    trace = look.trace
    assert trace is not None
    yield from _left(look)
    if trace.training:
        return
    reported: set[str] = set()
    for op in trace.ops:
        name, path = op.operator.name, _path(trace, op)
        if path in reported:
            continue
        if name.startswith(_DROPOUT):
            reported.add(path)
            yield Remark(
                _own(path, trace, op),
                "random zeros are drawn in evaluation mode: functional dropout needs training=self.training.",
            )
        elif name.startswith(_BATCH_NORM) and _batch_statistics(trace, op):
            reported.add(path)
            yield Remark(
                _own(path, trace, op),
                "batch statistics are used in evaluation mode, so that results depend on the batch.",
                "warning",
            )


def _own(path: str, trace: Trace, op: OpCall) -> str:
    """The row that shows what the call ran itself."""
    inside = op.call >= 0 and any(call.parent == op.call for call in trace.calls)
    return f"{path}.{FUNCTIONAL}".lstrip(".") if inside else path


def _batch_statistics(trace: Trace, op: OpCall) -> bool:
    """In place of running ones; instance norms, which are made of this, have none to use."""
    base = trace.modules[trace.calls[op.call].module].base if op.call >= 0 else ""
    args = op.operator.args
    return len(args) > 5 and args[5] is True and "InstanceNorm" not in base


def _left(look: Look) -> Iterator[Remark]:
    """Parts that stayed in training mode when the whole was put into evaluation mode."""
    modes = look.modes or {}
    if modes.get("", True):
        return
    for layer in look.report.layers:
        what = "Dropout" if "Dropout" in layer.base else "BatchNorm" if "BatchNorm" in layer.base else ""
        if what and modes.get(layer.path, False):
            yield Remark(
                layer.path,
                f"this {what} is in training mode while the network is in evaluation mode: call eval() on the"
                " whole network.",
            )
