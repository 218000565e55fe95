"""Checks of what is connected to what: redundant biases, dead branches, ties to one input size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.base.workload import TensorSpec
from netscope.report.layer import Layer
from netscope.trace.facts import OpCall, Trace

# Norms that subtract each channel's own mean. Layer and group norms take means over several channels.
_CENTRING: Final = (
    "aten.native_batch_norm.",
    "aten._native_batch_norm_legit",
    "aten.cudnn_batch_norm.",
    "aten._batch_norm_with_update.",
    "aten._batch_norm_no_update.",
)


@check("NS201", "bias-before-norm", "warning", traced=True)
def bias_before_norm(look: Look) -> Iterator[Remark]:
    """A bias is added right before a norm that subtracts it again."""
    trace = look.trace
    assert trace is not None
    makers, readers = _makers_and_readers(trace)
    reported: set[str] = set()
    for op in trace.ops:
        if not op.operator.name.startswith(_CENTRING) or not op.reads:
            continue
        made = makers.get(op.reads[0], ())
        if len(made) != 1 or readers.get(op.reads[0], 0) != 1:  # changed in between, or read elsewhere too
            continue
        size = _bias(made[0])
        path = trace.calls[made[0].call].path
        if size and path not in reported and _is_parameter(trace, made[0]):
            reported.add(path)
            norm = trace.calls[op.call].path
            yield Remark(
                path,
                f"its bias is subtracted again by {norm or 'the norm'} right behind:"
                f" bias=False saves {units.plural(size, 'parameter')}.",
            )


def _makers_and_readers(trace: Trace) -> tuple[dict[int, list[OpCall]], dict[int, int]]:
    """For each storage the operators that wrote it, and how many read it; views do neither."""
    makers: dict[int, list[OpCall]] = {}
    readers: dict[int, int] = {}
    for op in trace.ops:
        if "view" in op.operator.tags:
            continue
        for storage in op.reads:
            readers[storage] = readers.get(storage, 0) + 1
        for storage in op.writes:
            makers.setdefault(storage, []).append(op)
    return makers, readers


def _bias(op: OpCall) -> int:
    """Elements of the bias that a convolution or a linear layer adds; 0 for none."""
    args = op.operator.args
    if op.operator.name.startswith("aten.convolution") and len(args) > 2:
        bias = args[2]
    elif op.operator.name.startswith("aten.addmm"):
        bias = args[0]
    else:
        return 0
    return bias.numel if isinstance(bias, TensorSpec) and len(bias.shape) == 1 else 0


def _is_parameter(trace: Trace, op: OpCall) -> bool:
    fact = trace.modules[trace.calls[op.call].module]
    return any(parameter.name == "bias" for parameter in fact.parameters)


@check("NS301", "never-called", "warning")
def never_called(look: Look) -> Iterator[Remark]:
    """A module with parameters takes no part in the forward."""
    if look.report.error is not None:
        return
    dead = ""
    for layer in look.report.layers:
        if layer.used or layer.kind != "module" or layer.shared_with is not None:
            continue
        if dead and layer.path.startswith(f"{dead}."):
            continue
        dead = layer.path
        if not layer.params:
            continue
        size = units.count(layer.params)
        if look.trained is not None and _in_training(layer, look.trained):
            text = f"called in training only: its {size} parameters take no part in evaluation."
            yield Remark(layer.path, text, "info")
        else:
            yield Remark(layer.path, f"never called in this forward: its {size} parameters have no use.")


def _in_training(layer: Layer, trained: frozenset[str]) -> bool:
    return layer.path in trained or any(path.startswith(f"{layer.path}.") for path in trained)


@check("NS302", "unused-parameters", "warning", traced=True)
def unused_parameters(look: Look) -> Iterator[Remark]:
    """A module that is called has parameters that no operator reads."""
    trace = look.trace
    assert trace is not None
    if trace.error is not None:
        return
    called = {call.module for call in trace.calls}
    met = {p.identity for fact in trace.modules for p in fact.parameters if p.storage >= 0}
    for index, fact in enumerate(trace.modules):
        if index not in called:
            continue
        unused = [p for p in fact.parameters if p.storage < 0 and not p.packed and p.identity not in met]
        if unused:
            names = ", ".join(p.name for p in unused)
            size = units.plural(sum(p.spec.numel for p in unused), "parameter")
            verb = "is" if len(unused) == 1 else "are"
            yield Remark(fact.path, f"{names} {verb} never read in this forward: {size} without use.")


@check("NS303", "fixed-input-size", "info", traced=True)
def fixed_input_size(look: Look) -> Iterator[Remark]:
    """A flatten feeds a linear layer, which ties the network to one input size."""
    trace = look.trace
    assert trace is not None
    makers, _ = _makers_and_readers(trace)
    sides = [i.shape for i in look.report.inputs if i.shape is not None]
    if not sides or not sides[0]:
        return
    flattened: dict[tuple[int, tuple[int, ...]], tuple[int, ...]] = {}
    for op in trace.ops:
        args, outputs = op.operator.args, op.operator.outputs
        if _is_flatten(op):
            # Another first dimension is no batch: heads of attention, regions of a detector.
            if args[0].shape[0] == sides[0][0] and not any(
                "adaptive" in maker.operator.name for maker in makers.get(op.reads[0], ())
            ):
                flattened[op.writes[0], outputs[0].shape] = args[0].shape
        elif op.operator.name.startswith(("aten.addmm.", "aten.mm.", "aten.linear.")):
            place = 1 if op.operator.name.startswith("aten.addmm.") else 0
            maps = flattened.pop((op.reads[place], args[place].shape), None)
            if maps is None:
                continue
            at = f" {units.shape(sides[0][2:])}" if len(sides[0]) > 2 else " one size"
            yield Remark(
                trace.calls[op.call].path,
                f"it takes {units.count(maps[1])} maps of {units.shape(maps[2:])} flattened to"
                f" {units.count(math.prod(maps[1:]))}, which ties the network to inputs of{at};"
                " an adaptive pool before it would not.",
            )


def _is_flatten(op: OpCall) -> bool:
    """A reshape of maps of more than one position into one row a sample."""
    args, outputs = op.operator.args, op.operator.outputs
    if not op.operator.name.startswith(
        ("aten.view.", "aten._unsafe_view.", "aten.reshape.", "aten.flatten.")
    ):
        return False
    before = args[0].shape if args and isinstance(args[0], TensorSpec) else ()
    if len(before) < 3 or not outputs or len(outputs[0].shape) != 2:
        return False
    return math.prod(before[2:]) > 1 and outputs[0].shape == (before[0], math.prod(before[1:]))
