"""The page of explanations: a block for each layer, a question a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from netscope.answers.explain import Explanation, Explanations, Line
from netscope.base import units
from netscope.report.layer import Layer
from netscope.report.operators import describe
from netscope.report.store import plain
from netscope.show import page as p
from netscope.show.strings import short
from netscope.show.words import head

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
    for explanation in explanations:
        yield p.Title(_title(explanation), close=True)
        yield p.Derivations(
            [p.Derived(line.label, line.formula, figure(line), line.note) for line in explanation]
        )
        telling = [one for one in explanation.parts if one.params or one.counted_macs or one.output_bytes]
        if telling:
            yield _parts(telling)


def figure(line: Line) -> str:
    """The value with its unit: "1,161,600 bytes, 1.11 MiB"."""
    text = units.count(line.value)
    if line.unit == "bytes" and line.value is not None and line.value >= 1024:
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
        pieces.append(p.Piece("not called"))
    return pieces


def _shapes(shapes: Iterable[tuple[int, ...]]) -> str:
    return ", ".join(map(units.shape, shapes))


def _parts(parts: Sequence[Layer]) -> p.Table:
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
                p.Cell(units.count(part.macs)),
                p.Cell(units.binary(part.output_bytes)),
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
    return {**head, "name": report.name, "source": report.source, "layers": layers}
