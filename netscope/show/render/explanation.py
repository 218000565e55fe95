"""Explanations as text. `EXPLANATION_FORMATS` is the one list of forms, the same as those of a report.

Every renderer has the form of `netscope.show.render.Render`, with explanations in place of a table.
"""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from netscope.answers.explain import Explanation, Explanations, Line
from netscope.base import units
from netscope.report.layer import Layer
from netscope.show.operators import describe
from netscope.show.render.markdown import code, escape
from netscope.show.render.paint import Piece, painted, room_for, wants_color
from netscope.show.render.renderer import Render
from netscope.show.render.summary import header, short
from netscope.show.render.text import encoding_of, pad, visible, width_of

# Lines that are wrapped all the same are at least that long.
_NARROWEST: Final = 24


def figure(line: Line) -> str:
    """The value with its unit: "1,161,600 bytes, 1.11 MiB"."""
    text = units.count(line.value)
    if line.unit == "bytes" and line.value is not None and line.value >= 1024:
        return f"{text} bytes, {units.binary(line.value)}"
    if not line.unit:
        return text
    unit = line.unit.removesuffix("s") if line.value == 1 and line.unit != "MACs" else line.unit
    return f"{text} {unit}"


def title(explanation: Explanation) -> list[str]:
    """Path, operator and shapes."""
    layer = explanation.layer
    pieces = [short(layer.path) or "(root)", short(describe(layer))]
    shapes = [_shapes(side) for side in (layer.input_shapes, layer.output_shapes) if side]
    if shapes:
        pieces.append(" → ".join(shapes))
    if not layer.calls:
        pieces.append("not called")
    return pieces


def _shapes(shapes: Iterable[tuple[int, ...]]) -> str:
    return ", ".join(map(units.shape, shapes))


# On a terminal


def to_terminal(
    explanations: Explanations,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """A block for each layer: a question a line, what it takes to answer, and the answer."""
    room, encoding = room_for(width, stream), encoding_of(stream)
    coloured = wants_color(stream) if color is None else color
    above = " · ".join(text for text, _ in header(explanations.report))
    lines: list[list[Piece]] = [[Piece(text, "dim")] for text in _wrapped(above, room, 0)]
    for explanation in explanations:
        name, *rest = title(explanation)
        lines += [[], [Piece(name, "title"), *(Piece(f" · {text}") for text in rest)]]
        label_width = max(width_of(line.label) for line in explanation)
        for line in explanation:
            lines += _answer(line, label_width, room)
        lines += _parts(explanation.parts)
    return "".join(painted(line, coloured, encoding) for line in lines)


def _answer(line: Line, label_width: int, room: int | None) -> list[list[Piece]]:
    """Label, formula, value and note; what does not fit goes on below itself."""
    indent = label_width + 3
    value, note = figure(line), visible(line.note)
    head = Piece(f" {pad(line.label, label_width, right=False)}  ", "dim")
    whole = indent + width_of(f"{line.formula} = {value}")
    if room is not None and line.formula and whole > room:
        *full, last = _wrapped(f"{line.formula} = {value}", room, indent)
        lines = [[Piece(text)] for text in (*full, last)]
    else:
        lines = [[Piece(f"{line.formula} = " if line.formula else ""), Piece(value, "accent")]]
    if note:
        used = indent + sum(width_of(piece.text) for piece in lines[-1])
        if room is None or used + 2 + width_of(note) <= room:
            lines[-1].append(Piece(f"  {note}", "dim"))
        else:
            lines += [[Piece(text, "dim")] for text in _wrapped(note, room, indent)]
    blank = Piece(" " * indent)
    return [[head if not number else blank, *pieces] for number, pieces in enumerate(lines)]


def _parts(parts: Sequence[Layer]) -> list[list[Piece]]:
    """What a composite is the sum of."""
    telling = [part for part in parts if part.params or part.counted_macs or part.output_bytes]
    if not telling:
        return []
    rows = [("part", "params", "MACs", "new memory")]
    rows += [
        (short(part.name), units.count(part.params), units.count(part.macs), units.binary(part.output_bytes))
        for part in telling
    ]
    widths = [max(width_of(row[place]) for row in rows) for place in range(4)]
    return [
        [
            Piece(
                " " + "  ".join(pad(row[i], widths[i], right=i > 0) for i in range(4)),
                "" if number else "dim",
            )
        ]
        for number, row in enumerate(rows)
    ]


def _wrapped(text: str, room: int | None, indent: int) -> list[str]:
    if room is None:
        return [text]
    return textwrap.wrap(text, max(_NARROWEST, room - indent), break_on_hyphens=False) or [""]


# Elsewhere


def to_markdown(
    explanations: Explanations,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """A heading and a table for each layer."""
    (name, _), *rest = header(explanations.report)
    lines = [" · ".join([f"**{escape(name)}**", *(escape(text) for text, _ in rest)])]
    for explanation in explanations:
        path, *words = title(explanation)
        lines += ["", f"#### {' · '.join([code(path), *map(escape, words)])}", "", "| | | | |"]
        lines.append("|---|---|---:|---|")
        for line in explanation:
            formula = code(line.formula) if line.formula else ""
            lines.append(f"| {line.label} | {formula} | {escape(figure(line))} | {escape(line.note)} |")
    return "\n".join(lines) + "\n"


def to_csv(
    explanations: Explanations,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """A heading and one line a question, raw."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["schema_version", "path", "type", *_LINE])
    version = explanations.report.schema_version
    for explanation in explanations:
        layer = explanation.layer
        for line in explanation:
            values = [getattr(line, key) for key in _LINE]
            writer.writerow([version, layer.path, layer.type, *("" if v is None else v for v in values)])
    return text.getvalue()


def to_json(
    explanations: Explanations,
    *,
    width: int | None = None,
    color: bool | None = None,
    stream: TextIO | None = None,
) -> str:
    """Everything, raw."""
    report = explanations.report
    layers = [
        {
            "path": explanation.layer.path,
            "type": explanation.layer.type,
            "operator": describe(explanation.layer),
            "input_shapes": explanation.layer.input_shapes,
            "output_shapes": explanation.layer.output_shapes,
            "lines": [{key: getattr(line, key) for key in _LINE} for line in explanation],
            "parts": [part.path for part in explanation.parts],
        }
        for explanation in explanations
    ]
    whole = {"schema_version": report.schema_version, "name": report.name, "source": report.source}
    return json.dumps({**whole, "layers": layers}, indent=1, ensure_ascii=False) + "\n"


_LINE: Final = ("key", "label", "formula", "value", "unit", "note")

EXPLANATION_FORMATS: Final[dict[str, Render[Explanations]]] = {
    "table": to_terminal,
    "markdown": to_markdown,
    "csv": to_csv,
    "json": to_json,
}
