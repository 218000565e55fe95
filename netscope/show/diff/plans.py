"""What a diff says of two ways to divide a network: tables of what is sent, and of what a rank has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.answers.diff.plans import Plans
from netscope.base import units
from netscope.report.quantities import Delta
from netscope.report.ranks import Ranks
from netscope.show import page as p
from netscope.show.ranks import Text, place
from netscope.show.strings import short

_TITLES: Final[dict[str, tuple[str, Text]]] = {
    "params": ("params", units.count),
    "param_bytes": ("param bytes", units.binary),
    "macs": ("MACs", units.metric),
    "backward_macs": ("backward MACs", units.metric),
    "wire_bytes": ("on the wire", units.binary),
    "peak": ("peak", units.binary),
}


def whose(ranks: Ranks | None) -> str:
    """The rank of a plan, in a head."""
    return "undivided" if ranks is None else place(ranks)


def sections(found: Plans) -> Iterator[p.Section]:
    """What moves to the wire, then what each rank saves."""
    if found.sent:
        yield _sent(found)
    yield _held(found)


def _sent(found: Plans) -> p.Table:
    headings = [
        p.Heading("on the wire"),
        p.Heading("axis"),
        p.Heading("phase", drop=2),
        *_sides(),
    ]
    rows = [
        p.Row(
            [
                p.Cell(row.collective, "title"),
                p.Cell(short(row.axis)),
                p.Cell(row.phase, "dim"),
                *_cells(row.delta, units.binary),
            ]
        )
        for row in found.sent
    ]
    return p.Table(headings, rows)


def _held(found: Plans) -> p.Table:
    """Each figure once where the rank shown is as full as the fullest."""
    rows = []
    for held in found.held:
        title, text = _TITLES[held.key]
        if held.own == Delta(None, None) == held.most:
            continue
        rows.append(p.Row([p.Cell(title, "title"), *_cells(held.own, text)]))
        if held.most != held.own:
            rows.append(p.Row([p.Cell(f"{title}, most", "dim"), *_cells(held.most, text)]))
    return p.Table([p.Heading("of a rank"), *_sides()], rows)


def _sides() -> list[p.Heading]:
    return [
        p.Heading("before", right=True, units=True),
        p.Heading("after", right=True, units=True),
        p.Heading("change", right=True, units=True, drop=1),
        p.Heading("", right=True),
    ]


def _cells(delta: Delta, text: Text) -> list[p.Cell]:
    """Before, after and what became of it."""
    sides = [p.Cell(text(_whole(value))) for value in (delta.before, delta.after)]
    change = delta.change
    if change is None:
        return [*sides, p.Cell(units.UNKNOWN, "warn"), p.EMPTY]
    if not change:
        return [*sides, p.Cell("the same", "dim"), p.EMPTY]
    part = "gone" if delta.after == 0 else units.change(delta.before, delta.after)
    return [*sides, p.Cell(units.difference(text(_whole(change)))), p.Cell(part, "accent")]


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
