"""What a diff says: totals first, then a tree of what changed, then where the difference ends.

Every quantity has the part by which it changed; before and after stand beside it where there is room. On a
pull request it is a comment, with the rows folded away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from netscope.answers.diff import Diff, document, figures
from netscope.base import units
from netscope.base.units import TOTAL, UNKNOWN
from netscope.report.quantities import Quantity
from netscope.report.store import documents
from netscope.show import page as p
from netscope.show.diff.rows import RUNS, Differences, DiffRow
from netscope.show.diff.selection import build
from netscope.show.diff.sentences import ending, followers, head, nothing, tally, timed, told, verdict
from netscope.show.quantities import FigureText, figure_text
from netscope.show.strings import short
from netscope.show.words import partial_notes

if TYPE_CHECKING:
    from netscope.show.drawing.difference import DrawnDiff

# A row that holds one part in so many of all that a quantity changed by is one of the few that matter.
HEAVY: Final = 10

# Followers that are named, beside the layer and by themselves; of more only the number is told.
FOLLOWERS: Final = 2
NAMED: Final = 4

# Longest text of an output.
OUTPUT: Final = 44

_MARKS: Final[dict[str, p.Tone]] = {"": "", "=": "dim", "~": "accent", "+": "added", "-": "bad"}


def page(diff: Diff, **view: Any) -> p.Page:
    """What `netscope diff` shows; `view` is what `selection.build` takes.

    Raises:
        UsageError: an unknown quantity, a path that nothing matches, a negative depth.
    """
    differences = build(diff, **view)
    names = [short(report.name) for report in (diff.before, diff.after)]
    return p.Page(
        title=" → ".join(dict.fromkeys(names)),
        head=head(differences),
        sections=lambda: _sections(differences),
        records=lambda: _records(differences),
        document=lambda: p.Document(*documents.values_of(document.document(diff))),
        comment=p.Comment("diff", " ".join(names), f"netscope: {verdict(diff)}", differences.command),
    )


def _records(differences: Differences) -> p.Records:
    """A record a pair, the root's first, which has the totals; all pairs unless a path is asked for."""
    diff = differences.diff
    pairs = [row.pairs[0] for row in differences.rows] if differences.flat else diff.pairs
    return p.Records(document.headings(), map(document.values, pairs), documents.SCHEMA_VERSION)


def _sections(differences: Differences) -> Iterator[p.Section]:
    diff = differences.diff
    if partial := partial_notes(diff.before, diff.after):
        yield p.Notes(partial)
    if not diff and not differences.everything and not differences.flat:
        yield p.Notes([p.Note(nothing(diff), "accent")])
        yield p.Notes(timed(diff), close=True)
        return
    yield _totals(differences)
    if diff.plans is not None:
        from netscope.show.diff import plans  # few networks are divided

        yield from plans.sections(diff.plans)
    yield p.Difference(lambda **how: _drawn(diff, **how))
    repeated = any(row.times > 1 for row in differences.rows)
    if differences.rows:
        text = f"{units.TIMES}N: the same change in each, with the figures of all N together"
        below = [p.Notes([p.Note(text, "dim")])] if repeated else []
        yield p.Folded(tally(diff), [_rows(differences), *below])
    notes = []
    if end := ending(diff):
        notes.append(p.Note(end, "accent", mark="=  "))
    # Only who typed a command has an option to type.
    hint = "--all shows them" if differences.folded and differences.command else ""
    yield p.Notes([*notes, p.Note(tally(diff), "dim", hint=hint)], close=repeated)
    yield p.Notes(timed(diff), close=True)


def _drawn(diff: Diff, *, placed: bool = True) -> DrawnDiff | None:
    from netscope.show.drawing.difference import difference_of  # tables for people need none of it

    return difference_of(diff, placed=placed)


def _totals(differences: Differences) -> p.Table:
    headings = [p.Heading(title, right=bool(title)) for title in ("", "before", "after", "change")]
    headings[3] = headings[3]._replace(drop=1)
    rows = []
    for quantity in differences.totals:
        text = figure_text(quantity, figures.total(differences.diff, quantity), TOTAL)
        cells = [
            p.Cell(quantity.title, "dim"),
            p.Cell(text.before, brief=p.Cell(text.before, behind="→")),
            p.Cell(text.after),
        ]
        if text.percent:
            tone: p.Tone = "warn" if text.percent == UNKNOWN else "accent"
            cells += [p.Cell(text.change), p.Cell(text.percent, tone)]
        else:
            cells[1] = p.Cell(text.before, brief=p.EMPTY)
            cells += [p.Cell("the same", "dim"), p.EMPTY]
        rows.append(p.Row(cells))
    return p.Table([*headings, p.Heading("", right=True)], rows, bare=True)


def _rows(differences: Differences) -> p.Table:
    rows = differences.rows
    tones = _tones(rows)
    columns: list[tuple[p.Heading, list[p.Cell]]] = [
        (p.Heading(""), [p.Cell(row.mark, _MARKS[row.mark]) for row in rows]),
        (p.Heading("layer", name=True, floor=16), _layers(differences, tones)),
        (
            p.Heading("what changed", floor=32),
            [p.Cell(told(row, differences), tone) for row, tone in zip(rows, tones, strict=True)],
        ),
    ]
    if any(row.output for row in rows):
        outputs = [p.Cell(row.output, "dim") for row in rows]
        columns.append((p.Heading("output", drop=20, longest=OUTPUT), outputs))
    for number, quantity in enumerate(differences.quantities):
        texts = [_figure(differences, row, quantity) for row in rows]
        percents = _percents(differences, quantity, texts, tones)
        if not any(cell.text for cell in percents):
            continue
        drop = _DROPS.get(quantity.key, 30 + number)
        columns.append((p.Heading(quantity.title, right=True, drop=drop), percents))
        values = [p.Cell("" if text is None else text.values, "dim") for text in texts]
        if any(cell.text for cell in values):
            drop = 60 if quantity.key == "macs" else 61 + number
            columns.append((p.Heading("before → after", right=True, drop=drop, spare=True), values))
    cells = zip(*(cells for _, cells in columns), strict=True)
    whole = differences.everything or differences.flat
    around = [not whole and row.kind in ("same", "around") for row in rows]
    return p.Table(
        [heading for heading, _ in columns],
        [p.Row(these, around=that) for these, that in zip(cells, around, strict=True)],
    )


# When a terminal is narrow, before and after leave first, then figures other than these, then these,
# highest first; only then texts are shortened.
_DROPS: Final = {"params": 25, "macs": 1}


def _tones(rows: Sequence[DiffRow]) -> list[p.Tone]:
    """Dim for what is only around, the same, or has to follow from something else that is shown."""
    leading = any(row.mark == "~" and not row.quiet for row in rows)

    def tone(row: DiffRow) -> p.Tone:
        if row.kind in ("renamed", "moved"):
            return ""
        return "dim" if row.kind != "layer" or row.mark == "=" or (row.quiet and leading) else ""

    return [tone(row) for row in rows]


def _layers(differences: Differences, tones: Sequence[p.Tone]) -> list[p.Cell]:
    """The layer column. The range of a run is told as far as it makes the column no wider."""
    rows = differences.rows
    cells = [_layer(row, tone, differences.flat) for row, tone in zip(rows, tones, strict=True)]
    widest = max(
        (_width(cell) for cell, row in zip(cells, rows, strict=True) if row.kind not in RUNS), default=0
    )
    for number, (cell, row) in enumerate(zip(cells, rows, strict=True)):
        first, between, _ = row.label.partition("…")
        if row.kind in RUNS and between and _width(cell) > widest > 0:
            cells[number] = cell._replace(brief=cell.seen._replace(text=f"{short(first)}…"))
    return cells


def _width(cell: p.Cell) -> int:
    """About as wide as it is drawn."""
    seen = cell.seen
    return 3 * len(seen.lasts) + len(short(seen.text)) + len(seen.behind)


def _layer(row: DiffRow, tone: p.Tone, flat: bool) -> p.Cell:
    """Branches, name, ×12, and the layers that only pass its change on; by itself the whole path."""
    times = [units.times(row.times)] if row.times > 1 else []
    typed = row.kind == "layer" and row.mark == "~" and row.layer.name.isdecimal() and not flat
    behind = " ".join([*times, *([short(row.layer.type)] if typed else [])])
    behind += "".join(f", {name}" for name in followers(row, FOLLOWERS))
    brief = p.Cell(row.label, tone, behind, lasts=row.lasts)
    named = " ".join(times) + "".join(f", {name}" for name in followers(row, NAMED))
    return p.Cell(row.path, tone, named, code=True, brief=brief)


def _figure(differences: Differences, row: DiffRow, quantity: Quantity) -> FigureText | None:
    if not row.has_figures:
        return None
    return figure_text(quantity, figures.figure(differences.diff, row.counted, quantity))


def _percents(
    differences: Differences, quantity: Quantity, texts: Sequence[FigureText | None], tones: Sequence[p.Tone]
) -> list[p.Cell]:
    """The part by which each row changed."""
    moved = figures.movement(differences.diff, quantity)
    cells = []
    for row, text, tone in zip(differences.rows, texts, tones, strict=True):
        if text is None:
            cells.append(p.EMPTY)
            continue
        change = figures.figure(differences.diff, row.counted, quantity).delta.change or 0
        heavy = row.kind == "layer" and change and abs(change) * HEAVY >= moved
        emphasis: p.Tone = "warn" if text.percent == UNKNOWN else "accent" if heavy else tone
        whole = f"{text.values} ({text.percent})" if text.values else text.short
        cells.append(p.Cell(whole, emphasis, brief=p.Cell(text.short, emphasis)))
    return cells
