"""Report -> explanations: which layers, and for each of them the lines that every layer has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from netscope.answers.explain.field import field_lines
from netscope.answers.explain.formula import comes_to, repeated, total, without_ones
from netscope.answers.explain.lines import Derivation, Explanation, Explanations, Line
from netscope.answers.explain.table import DERIVATIONS, derivation_of
from netscope.base import units
from netscope.base.errors import UsageError
from netscope.base.workload import ITEM_SIZE
from netscope.report.layer import UNCALLED, UNDONE, Layer
from netscope.report.quantities import find
from netscope.report.report import Report
from netscope.report.tree import children_of

# What the whole network is called, whose path is empty.
ROOT: Final = "(root)"

_WEIGHT_KINDS: Final = {"conv": "convolution", "linear": "linear"}


def explain(report: Report, pattern: str | None = None) -> Explanations:
    """Why each figure of the layers is what it is.

    Args:
        pattern: a qualified name ("features.conv1"), its last part ("conv1"), or a glob of either
            ("features.*", "conv?"), or "(root)" for the whole network; all layers without it.

    Raises:
        UsageError: no layer has such a name.
    """
    layers = report.layers
    inside = children_of(layers)
    explained = [
        _explained(report, layers[i], tuple([layers[part] for part in inside[i]]))
        for i in _chosen(report, pattern)
    ]
    return Explanations(
        report, tuple(replace(e, lines=(*_depth(report), *e.lines)) if not e.path else e for e in explained)
    )


def _depth(report: Report) -> tuple[Line, ...]:
    """How many layers with weights the network has, as people count its layers."""
    counts = report.weight_layer_counts
    if not counts:
        return ()
    note = " and ".join(units.plural(n, _WEIGHT_KINDS[kind]) for kind, n in counts.items())
    if report.weight_layers is None:
        return (Line("weight_layers", "weight layers", None, note=f"{units.at_least(note)}"),)
    return (Line("weight_layers", "weight layers", report.weight_layers, total(counts.values()), note=note),)


def _chosen(report: Report, pattern: str | None) -> list[int]:
    """Indices of the layers meant: of that path, else of that name, else those that the glob matches."""
    layers = report.layers
    if pattern is None:
        return list(range(len(layers)))
    found = [i for i, layer in enumerate(layers) if layer.path == pattern]
    found = found or [i for i, layer in enumerate(layers) if layer.path and layer.name == pattern]
    if pattern == ROOT:
        found = [i for i, layer in enumerate(layers) if not layer.path]
    if not found:
        names = [(i, layer.path, layer.name) for i, layer in enumerate(layers) if layer.path]
        found = [i for i, path, name in names if fnmatchcase(path, pattern) or fnmatchcase(name, pattern)]
    if found:
        return found
    from netscope.base.suggest import instead_of

    known = [layer.path for layer in layers if layer.path]
    if not known:
        raise UsageError(
            f"{report.name!r} has no layer {pattern!r}.", hint="it is one layer: leave the name out"
        )
    raise UsageError(f"{report.name!r} has no layer {pattern!r}.", hint=instead_of(pattern, known))


def _explained(report: Report, layer: Layer, parts: tuple[Layer, ...]) -> Explanation:
    known = derivation_of(layer) if layer.base in DERIVATIONS or not parts else Derivation()
    macs = _macs(layer, parts, known).checked()
    # The steps of a derivation that the trace does not confirm would mislead.
    head = [line for line in known.head if line.unit != "MACs" or macs.formula]
    common = [_params(layer, parts, known), macs, *_outputs(layer), _memory(report, layer, parts)]
    lines = [*head, *common, *field_lines(layer), *known.tail]
    return Explanation(layer, tuple(line.checked() for line in lines), parts)


def _params(layer: Layer, parts: Sequence[Layer], known: Derivation) -> Line:
    if not layer.params:
        return Line("params", "params", 0, note=known.params_note or "none")
    if comes_to(known.params, layer.params) or not parts:
        return Line("params", "params", layer.params, known.params, note=known.params_note)
    own = sum(p.numel for p in layer.parameters if p.shared_with is None) if layer.own_params else 0
    sizes = [own, *(part.params for part in parts)]
    twice = sum(sizes) - layer.params
    formula = total(sizes) + (f" - {twice}" if twice > 0 else "")
    note = "the sum of its parts"
    if twice > 0:
        note += f", {units.count(twice)} shared between them counted once"
    return Line("params", "params", layer.params, formula, note=note)


def _macs(layer: Layer, parts: Sequence[Layer], known: Derivation) -> Line:
    if layer.macs is None:
        return Line("macs", "MACs", None, note=_because(layer, layer.counted_macs))
    if not layer.macs:
        return Line("macs", "MACs", 0, note=known.macs_note or "none")
    formula, note = repeated(layer.calls, known.macs), known.macs_note
    if layer.calls > 1:
        note = f"{units.plural(layer.calls, 'call')}" + (f", {note}" if note else "")
    if comes_to(formula, layer.macs) or (known.macs and not parts and layer.base in DERIVATIONS):
        return Line("macs", "MACs", layer.macs, formula, note=note)
    if not parts:
        return Line("macs", "MACs", layer.macs, note="as traced")
    formula = total([layer.own_macs, *(part.counted_macs for part in parts)])
    return Line("macs", "MACs", layer.macs, formula, note="the sum of its parts")


def _because(layer: Layer, bound: int) -> str:
    """Why a figure is not known, and what it is at least."""
    operators = [what for what in layer.unknown if what not in layer.unseen]
    if layer.read_elsewhere:
        users = f", in {', '.join(path or ROOT for path in layer.used_by)}" if layer.used_by else ""
        texts = [f"it is counted where the parameters are used{users}"]
    else:
        texts = [f"{', '.join(operators)} could not be counted"] if operators else []
        if UNDONE in layer.unseen:
            texts.append("the forward failed before all of it was done")
        seen = [what for what in layer.unseen if what not in (UNDONE, UNCALLED)]
        texts += [f"not seen: {', '.join(seen)}"] if seen else []
        if UNCALLED in layer.unseen:
            texts.append("it may have run unseen" if not layer.calls else "layers within may have run unseen")
    known = f"{units.at_least(units.count(bound))}: " if bound or operators else ""
    return f"{known}{'; '.join(texts)}"


def _outputs(layer: Layer) -> list[Line]:
    """Elements of each tensor returned."""
    tensors = [tensor for tensor in layer.outputs if tensor.shape is not None]
    lines = []
    for place, tensor in enumerate(tensors):
        assert tensor.shape is not None
        count = 1
        for side in tensor.shape:
            count *= side
        first = not place
        name = f" {tensor.place or place}" if len(tensors) > 1 else ""
        key = "output_elements" if first else f"output_elements_{place}"
        note = tensor.dtype or ""
        if first and layer.calls > 1 and layer.kind == "module":
            note += f", of the first of {units.plural(layer.calls, 'call')}"
        lines.append(Line(key, f"output{name}", count, without_ones(tensor.shape), "numbers", note))
    return lines


def _memory(report: Report, layer: Layer, parts: Sequence[Layer]) -> Line:
    """Bytes of new storages."""
    if layer.output_bytes is None:
        note = _because(layer, _new_bytes(report, layer))
        return Line("output_bytes", "new memory", None, unit="bytes", note=note)
    if not layer.output_bytes:
        note = "in place, or a view: no new memory" if layer.outputs else "it returned no tensor"
        return Line("output_bytes", "new memory", 0, unit="bytes", note=note)
    if parts:
        formula = total([layer.own_output_bytes, *(_new_bytes(report, part) for part in parts)])
        note = "what the layers within returned, together"
        return Line("output_bytes", "new memory", layer.output_bytes, formula, "bytes", note)
    formula = total(
        _bytes(tensor.shape, tensor.dtype) for tensor in layer.outputs if tensor.shape is not None
    )
    formula = repeated(layer.calls, formula)
    if not comes_to(formula, layer.output_bytes):
        formula = ""  # some of it is a view, or was kept beside what was returned
    return Line(
        "output_bytes", "new memory", layer.output_bytes, formula, "bytes", "" if formula else "as traced"
    )


def _new_bytes(report: Report, layer: Layer) -> int:
    """Bytes that a layer and all within returned, or the part of them that is known."""
    at_least = find("output_bytes").at_least
    assert at_least is not None
    return int(at_least(report, layer) if layer.output_bytes is None else layer.output_bytes)


def _bytes(shape: tuple[int, ...], dtype: str | None) -> str:
    size = ITEM_SIZE.get(dtype or "", 0)
    return f"{without_ones(shape)}*{int(size)}" if size == int(size) else "0"
