"""The page of a curve: batch sizes and what they bring, a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from netscope.base import units
from netscope.machine.profiling.curve import Curve
from netscope.machine.profiling.document import document
from netscope.report.measured.timing import Timing
from netscope.report.store import documents
from netscope.show import page as p
from netscope.show.profile import setting
from netscope.show.strings import short

_KNEE: Final = "← knee"
_FULL: Final = "out of memory"

_COLUMNS: Final[tuple[tuple[str, Callable[[Curve, Timing], str]], ...]] = (
    ("batch", lambda _, t: units.count(t.batch)),
    ("latency", lambda _, t: units.seconds(t.median)),
    ("±", lambda _, t: units.percent(t.latency.uncertainty)),
    ("samples/s", lambda _, t: units.rate(t.samples_per_second)),
    ("of the best", lambda c, t: units.percent(c.of_best(t))),
    ("peak mem", lambda _, t: units.binary(t.peak_memory)),
)

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


def page(curve: Curve) -> p.Page:
    """What `netscope profile` shows of several batch sizes."""
    return p.Page(
        title=curve.name,
        head=_head(curve),
        sections=lambda: _sections(curve),
        records=lambda: p.Records(
            tuple(_VALUES),
            [[value(curve, timing) for value in _VALUES.values()] for timing in curve],
            documents.SCHEMA_VERSION,
        ),
        document=lambda: p.Document(*documents.values_of(document(curve))),
    )


def _head(curve: Curve) -> list[p.Piece]:
    source = f"{curve.source} ({curve.description})" if curve.description else curve.source
    found = [p.Piece(short(curve.name), "title"), p.Piece(source)]
    shapes = [units.shape(("N", *leaf.shape[1:])) for leaf in curve.inputs if leaf.shape]  # type: ignore[arg-type]
    if shapes:
        found.append(p.Piece(f"input {', '.join(shapes)}"))
    found.append(p.Piece("train" if curve.training else "eval"))
    return found + (setting(curve.timings[0]) if curve.timings else [])


def _sections(curve: Curve) -> Iterator[p.Section]:
    headings = [
        p.Heading(title, right=True, units=True, drop=number if number > 1 else 0)
        for number, (title, _) in enumerate(_COLUMNS)
    ]
    rows = [_row(curve, timing) for timing in curve]
    if curve.too_large is not None:
        blank = [p.EMPTY] * (len(_COLUMNS) - 1)
        rows.append(p.Row([p.Cell(units.count(curve.too_large), "bad"), *blank, p.Cell(_FULL, "bad")]))
    yield p.Table([*headings, p.Heading()], rows)
    if len(curve) > 1:
        yield from plots(curve)
    yield p.Notes([*_verdict(curve), *_doubts(curve)])


def plots(curve: Curve) -> Iterator[p.Plot]:
    """Throughput and latency over the batch, with the knee."""
    batch = p.Axis("batch", lambda value: units.count(round(value)), log=True, binary=True)
    marks = [] if curve.knee is None else [p.Mark("x", curve.knee, f"knee at {units.count(curve.knee)}")]
    if curve.too_large is not None:
        marks.append(p.Mark("x", curve.too_large, f"{units.count(curve.too_large)}: {_FULL}"))
    best = max(curve, key=lambda timing: timing.samples_per_second)
    first, last = curve.timings[0], curve.timings[-1]
    fastest = f"At most {units.rate(best.samples_per_second)} samples a second, at {units.count(best.batch)}"
    longest = (
        f"From {units.seconds(first.median)} at a batch of {units.count(first.batch)} "
        f"to {units.seconds(last.median)} at {units.count(last.batch)}"
    )
    rates = [p.Point(timing.batch, timing.samples_per_second, "samples a second") for timing in curve]
    times = [p.Point(timing.batch, timing.median, "latency") for timing in curve]
    shown = (
        ("throughput over the batch", p.Axis("samples/s", units.rate), rates, fastest),
        ("latency over the batch", p.Axis("latency", units.seconds), times, longest),
    )
    for title, axis, points, summary in shown:
        both = [p.Series("measured", points), p.Series("", points, "dots")]
        yield p.Plot(title, batch, axis, both, marks, summary)


def _row(curve: Curve, timing: Timing) -> p.Row:
    knee = timing.batch == curve.knee
    tone: p.Tone = "accent" if knee else "" if timing.converged else "warn"
    cells = [p.Cell(text(curve, timing), tone) for _, text in _COLUMNS]
    return p.Row([*cells, p.Cell(_KNEE if knee else "", "accent")])


def _verdict(curve: Curve) -> Iterator[p.Note]:
    """Where more samples stop to bring more throughput, and where memory ends."""
    if curve.knee is not None:
        text = (
            f"knee at {units.count(curve.knee)}: the smallest batch with nine tenths of the best throughput"
        )
        yield p.Note(text, "accent")
    elif len(curve) > 1:
        yield p.Note("throughput still rises at the last batch: larger ones may bring more", "dim")
    if curve.too_large is not None:
        yield p.Note(f"memory does not suffice for a batch of {units.count(curve.too_large)}", "bad")


def _doubts(curve: Curve) -> Iterator[p.Note]:
    for timing in curve:
        for remark in timing.remarks:
            yield p.Note(f"batch {units.count(timing.batch)}: {remark}", "warn", mark="! ")
