"""The page of explanations: a block for each layer, a question a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from netscope.answers.explain import Explanation, Explanations, Line
from netscope.base import units
from netscope.report.layer import UNCALLED, UNDONE, Layer
from netscope.report.operators import describe
from netscope.report.quantities import find
from netscope.report.report import Report
from netscope.report.store import plain
from netscope.show import page as p
from netscope.show.strings import short
from netscope.show.words import head, partial_notes

_LINE: Final = ("key", "label", "formula", "value", "unit", "note")


def page(explanations: Explanations) -> p.Page:
    """What `netscope explain` shows."""
    report = explanations.report
    return p.Page(
        title=report.name,
        head=head(report),
        sections=lambda: _sections(explanations),
        records=lambda: p.Records(("path", "type", *_LINE), _rows(explanations), report.schema_version),
        document=lambda: p.Document(_document(explanations), "layers"),
    )


def _sections(explanations: Explanations) -> Iterator[p.Section]:
    if partial := partial_notes(explanations.report):
        yield p.Notes(partial)
    for explanation in explanations:
        yield p.Title(_title(explanation), close=True)
        yield p.Derivations(
            [p.Derived(line.label, line.formula, figure(line), line.note) for line in explanation]
        )
        telling = [one for one in explanation.parts if one.params or one.macs != 0 or one.output_bytes != 0]
        if telling:
            yield _parts(explanations.report, telling)


def figure(line: Line) -> str:
    """The value with its unit: "1,161,600 bytes, 1.11 MiB"."""
    text = units.count(line.value)
    if line.value is None:
        return text
    if line.unit == "bytes" and line.value >= 1024:
        return f"{text} bytes, {units.binary(line.value)}"
    if not line.unit:
        return text
    unit = line.unit.removesuffix("s") if line.value == 1 and line.unit != "MACs" else line.unit
    return f"{text} {unit}"


def _title(explanation: Explanation) -> list[p.Piece]:
    """Path, operator and shapes."""
    layer = explanation.layer
    pieces = [p.Piece(short(layer.path) or "(root)", "title"), p.Piece(short(describe(layer)))]
    shapes = [_shapes(side) for side in (layer.input_shapes, layer.output_shapes) if side]
    if shapes:
        pieces.append(p.Piece(" → ".join(shapes)))
    if not layer.calls:
        pieces.append(p.Piece(_uncalled(layer)))
    return pieces


def _uncalled(layer: Layer) -> str:
    """Why a layer has no call."""
    if layer.read_elsewhere:
        users = [short(path) or "(root)" for path in layer.used_by[:2]]
        return f"not called, used by {' and '.join(users)}" if users else "not called, used by others"
    if UNDONE in layer.unknown:
        return "not reached"
    return "not called that was seen" if UNCALLED in layer.unknown else "not called"


def _shapes(shapes: Iterable[tuple[int, ...]]) -> str:
    return ", ".join(map(units.shape, shapes))


def _amount(report: Report, part: Layer, key: str) -> str:
    """A figure of a part, or its lower bound."""
    quantity = find(key)
    assert quantity.of_layer is not None
    assert quantity.at_least is not None
    text = units.binary if quantity.kind == "bytes" else units.count
    value = quantity.of_layer(part)
    if value is not None:
        return text(int(value))
    bound = int(quantity.at_least(report, part))
    return units.at_least(text(bound)) if bound else units.UNKNOWN


def _parts(report: Report, parts: Sequence[Layer]) -> p.Table:
    """What a composite is the sum of."""
    headings = [
        p.Heading("part", name=True, floor=12),
        p.Heading("params", right=True, drop=1),
        p.Heading("MACs", right=True, units=True),
        p.Heading("new memory", right=True, units=True, drop=2),
    ]
    rows = [
        p.Row(
            (
                p.Cell(part.name, code=True),
                p.Cell(units.count(part.params)),
                p.Cell(_amount(report, part, "macs")),
                p.Cell(_amount(report, part, "output_bytes")),
            )
        )
        for part in parts
    ]
    return p.Table(headings, rows)


def _rows(explanations: Explanations) -> Iterator[list[Any]]:
    for explanation in explanations:
        layer = explanation.layer
        for line in explanation:
            yield [layer.path, layer.type, *(getattr(line, key) for key in _LINE)]


def _document(explanations: Explanations) -> dict[str, Any]:
    report = explanations.report
    layers = [
        {
            "path": explanation.layer.path,
            "type": explanation.layer.type,
            "operator": describe(explanation.layer),
            "input_shapes": plain(explanation.layer.input_shapes),
            "output_shapes": plain(explanation.layer.output_shapes),
            "lines": [{key: getattr(line, key) for key in _LINE} for line in explanation],
            "parts": [part.path for part in explanation.parts],
        }
        for explanation in explanations
    ]
    head = {"schema_version": report.schema_version, "kind": "explanation"}
    whole = {"error": report.error, "unseen": report.root.unseen}
    return {**head, "name": report.name, "source": report.source, **whole, "layers": layers}
