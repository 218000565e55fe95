"""Batch sizes and what they bring: one line each, as text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any, Final, TextIO

from netscope.base import units
from netscope.machine.profiling.curve import Curve
from netscope.machine.profiling.document import to_json
from netscope.report.measured.timing import Timing
from netscope.report.store.documents import SCHEMA_VERSION
from netscope.show.render.cells import Cell, cell, joined_by_dots, laid_out, on_units
from netscope.show.render.fit import Heading
from netscope.show.render.markdown import escape
from netscope.show.render.paint import painted, room_for, wants_color
from netscope.show.render.profile.terminal import marked, wrapped
from netscope.show.render.profile.words import setting
from netscope.show.render.summary import Tone, short
from netscope.show.render.text import encoding_of, for_encoding, visible

_KNEE: Final = "← knee"
_FULL: Final = "out of memory"

Column = tuple[str, Callable[[Curve, Timing], str]]

_COLUMNS: Final[tuple[Column, ...]] = (
    ("batch", lambda _, t: units.count(t.batch)),
    ("latency", lambda _, t: units.seconds(t.median)),
    ("±", lambda _, t: units.percent(t.latency.uncertainty)),
    ("samples/s", lambda _, t: units.rate(t.samples_per_second)),
    ("of the best", lambda c, t: units.percent(c.of_best(t))),
    ("peak mem", lambda _, t: units.binary(t.peak_memory)),
)


def to_terminal(
    curve: Curve, *, width: int | None = None, color: bool | None = None, stream: TextIO | None = None
) -> str:
    """A line a batch, the knee marked, and what is to be doubted."""
    room, encoding = room_for(width, stream), encoding_of(stream)
    columns: list[list[Cell]] = []
    headings: list[Heading] = []
    for number, (title, text) in enumerate(_COLUMNS):
        texts = [cell(for_encoding(text(curve, t), encoding), _tone(curve, t)) for t in curve]
        if curve.too_large is not None:
            texts.append(cell("" if number else units.count(curve.too_large), "bad"))
        columns.append(on_units(texts))
        headings.append(Heading(title, right=True, drop=number if number > 1 else 0))
    marks = [cell(for_encoding(_KNEE if t.batch == curve.knee else "", encoding), "accent") for t in curve]
    columns.append([*marks, *([cell(_FULL, "bad")] if curve.too_large is not None else [])])
    headings.append(Heading(""))
    laid = laid_out(headings, columns, room)
    lines = [*joined_by_dots(_pieces(curve), room), [], laid.head, *laid.body]
    said = [*_verdict(curve), *_doubts(curve)]
    if said:
        lines.append([])
        for sentence, shade in said:
            lines += wrapped(marked(sentence, shade), room, shade)
    coloured = wants_color(stream) if color is None else color
    return "".join(painted(line, coloured, encoding) for line in lines)


def to_markdown(curve: Curve) -> str:
    """The same as a GitHub-flavoured table."""
    (name, _), *rest = _pieces(curve)
    lines = [" · ".join([f"**{escape(name)}**", *(escape(text) for text, _ in rest)]), ""]
    lines += [_line([title for title, _ in _COLUMNS] + [""]), _line(["---:"] * len(_COLUMNS) + ["---"])]
    for timing in curve:
        mark = "knee" if timing.batch == curve.knee else ""
        lines.append(_line([*(text(curve, timing) for _, text in _COLUMNS), mark]))
    if curve.too_large is not None:
        lines.append(_line([units.count(curve.too_large), *[""] * (len(_COLUMNS) - 1), _FULL]))
    said = [*_verdict(curve), *_doubts(curve)]
    lines += ["", *(f"- {escape(text)}" for text, _ in said)] if said else []
    return "\n".join(lines) + "\n"


_VALUES: Final[dict[str, Callable[[Curve, Timing], Any]]] = {
    "batch": lambda _, t: t.batch,
    "latency": lambda _, t: t.median,
    "latency_low": lambda _, t: None if t.interval is None else t.interval.low,
    "latency_high": lambda _, t: None if t.interval is None else t.interval.high,
    "converged": lambda _, t: t.converged,
    "throughput": lambda _, t: t.samples_per_second,
    "of_best": lambda c, t: c.of_best(t),
    "peak_memory": lambda _, t: t.peak_memory,
    "knee": lambda c, t: t.batch == c.knee,
}


def to_csv(curve: Curve) -> str:
    """One line a batch, raw: seconds, samples a second, bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["schema_version", *_VALUES])
    writer.writerows([SCHEMA_VERSION, *(value(curve, t) for value in _VALUES.values())] for t in curve)
    return out.getvalue()


def _tone(curve: Curve, timing: Timing) -> Tone:
    return "accent" if timing.batch == curve.knee else "" if timing.converged else "warn"


def _pieces(curve: Curve) -> list[tuple[str, Tone]]:
    found: list[tuple[str, Tone]] = [(short(curve.name), "title")]
    source = f"{curve.source} ({curve.description})" if curve.description else curve.source
    found.append((visible(source), ""))
    shapes = [units.shape(("N", *leaf.shape[1:])) for leaf in curve.inputs if leaf.shape]  # type: ignore[arg-type]
    if shapes:
        found.append((f"input {', '.join(shapes)}", ""))
    found.append(("train" if curve.training else "eval", ""))
    return found + (setting(curve.timings[0]) if curve.timings else [])


def _verdict(curve: Curve) -> list[tuple[str, Tone]]:
    """Where more samples stop to bring more throughput, and where memory ends."""
    lines: list[tuple[str, Tone]] = []
    if curve.knee is not None:
        knee = (
            f"knee at {units.count(curve.knee)}: the smallest batch with nine tenths of the best throughput"
        )
        lines.append((knee, "accent"))
    elif len(curve) > 1:
        lines.append(("throughput still rises at the last batch: larger ones may bring more", "dim"))
    if curve.too_large is not None:
        lines.append((f"memory does not suffice for a batch of {units.count(curve.too_large)}", "bad"))
    return lines


def _doubts(curve: Curve) -> list[tuple[str, Tone]]:
    return [
        (f"batch {units.count(timing.batch)}: {visible(remark)}", "warn")
        for timing in curve
        for remark in timing.remarks
    ]


def _line(texts: list[str]) -> str:
    return f"| {' | '.join(texts)} |"


FORMATS: Final[dict[str, Callable[..., str]]] = {
    "table": to_terminal,
    "markdown": lambda curve, **_: to_markdown(curve),
    "csv": lambda curve, **_: to_csv(curve),
    "json": lambda curve, **_: to_json(curve),
}
