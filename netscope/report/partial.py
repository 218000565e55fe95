"""What a report does not know: work that no trace saw, or that a failed forward did not do.

It stands in `Layer.unknown` in words, of its row and of all rows around, so that whatever minds operators
without a formula minds it too: their figures are lower bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from netscope.report.layer import FUNCTIONAL, UNCALLED, UNDONE, Layer
from netscope.report.report import Report
from netscope.report.tree import children_of, parents_of

# Modules that only hold others, or parameters, and cannot be called.
_HOLDERS: Final = frozenset({"ModuleList", "ModuleDict", "ParameterList", "ParameterDict"})

# {index of a row: {what: times}}
Marks = Mapping[int, Mapping[str, int]]


def with_unseen(report: Report, unseen: Iterable[tuple[str, str]]) -> Report:
    """The report of a trace that did not see everything: (path of the row, what) for each that it did not.

    A layer without a call may have run there, so nothing is known of it.
    """
    layers = report.layers
    places = {layer.path: index for index, layer in enumerate(layers)}
    marks: dict[int, Counter[str]] = {}
    for path, what in unseen:
        own = f"{path}.{FUNCTIONAL}" if path else FUNCTIONAL
        marks.setdefault(places.get(own, places[path]), Counter())[what] += 1
        inside = f"{path}." if path else ""
        for index in _idle(layers):
            if layers[index].path.startswith(inside):
                marks.setdefault(index, Counter())[UNCALLED] = 1
    return report.but(layers=_marked(layers, marks)) if marks else report


def with_failure(report: Report) -> Report:
    """The report of a forward that raised: of what it did not complete only lower bounds are known.

    That is the row that failed, all around it, and those that were never reached. Others keep their figures.
    """
    layers = report.layers
    if report.error is None or UNDONE in layers[0].unknown:
        return report
    inner = children_of(layers)
    marks: dict[int, Mapping[str, int]] = {}
    around = tuple(report.error_path.split(".")) if report.error_path else ()
    for index, layer in enumerate(layers):
        steps = tuple(layer.path.split(".")) if layer.path else ()
        if layer.kind != "module" or (layer.completed and steps != around[: len(steps)]):
            continue
        # What it ran itself has a row of its own where there is any.
        own = [child for child in inner[index] if layers[child].kind == "functional"]
        marks[own[0] if own else index] = {UNDONE: 1}
    marks |= {index: {UNDONE: 1} for index in _idle(layers)}
    return report.but(layers=_marked(layers, marks))


def with_uses(report: Report) -> Report:
    """A report from before `used_by`: nothing is known of a layer whose parameters others read."""
    layers = tuple(
        layer.but(macs=None, vector=None, output_bytes=None)
        if layer.used and not layer.calls and layer.parameters and layer.kind == "module"
        else layer
        for layer in report.layers
    )
    return report.but(layers=layers)


def _idle(layers: Sequence[Layer]) -> list[int]:
    """Rows that were not called though they could be, and that nobody else read; not those around others."""
    return [
        index
        for index, (layer, inner) in enumerate(zip(layers, children_of(layers), strict=True))
        if not layer.calls
        and not inner
        and not (layer.used and layer.parameters)
        and not (layer.type in _HOLDERS and layer.type == layer.base)
    ]


def _marked(layers: Sequence[Layer], marks: Marks) -> tuple[Layer, ...]:
    """The rows with these marks, of their own, on them and on all rows around."""
    more = [Counter(marks.get(index, {})) for index in range(len(layers))]
    for index, parent in reversed(list(enumerate(parents_of(layers)))):
        if parent >= 0:
            more[parent].update(more[index])
    nothing = {"macs": None, "vector": None, "output_bytes": None}
    return tuple(
        layer.but(
            unknown=dict(Counter(layer.unknown) + new), unseen=dict(Counter(layer.unseen) + new), **nothing
        )
        if new
        else layer
        for layer, new in zip(layers, more, strict=True)
    )


def own_unknown(report: Report) -> list[dict[str, int]]:
    """For every layer what is unknown of it outside the rows inside it."""
    layers = report.layers
    if not layers or not layers[0].unknown:
        return [{} for _ in layers]
    own = []
    for layer, inside in zip(layers, children_of(layers), strict=True):
        rest = Counter(layer.unknown)
        for child in inside:
            rest.subtract(layers[child].unknown)
        own.append(dict(+rest))
    return own


def places(report: Report) -> dict[str, list[str]]:
    """{what: paths}: where the work is that was not seen, the innermost rows."""
    found: dict[str, list[str]] = {}
    for layer, own in zip(report.layers, own_unknown(report), strict=True):
        for what in own:
            if what in layer.unseen:
                found.setdefault(what, []).append(layer.path)
    return found


def unmade(report: Report, path: str = "") -> list[str]:
    """Lazy layers, in that one, which did not run, so that nobody knows what parameters they get."""
    inside = f"{path}." if path else ""
    return [
        layer.path
        for layer in report.layers
        if layer.base.startswith("Lazy")
        and not layer.parameters
        and (layer.path == path or layer.path.startswith(inside))
    ]
