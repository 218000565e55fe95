"""The page of a comparison: a line for each network, the smallest figure of each quantity told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from netscope.answers.compare import Comparison, Variant, document
from netscope.base import units
from netscope.base.units import TOTAL
from netscope.report.quantities import QUANTITIES, Number, Quantity, find
from netscope.report.store import documents
from netscope.show import page as p
from netscope.show.quantities import number_text
from netscope.show.strings import cut, short
from netscope.show.words import leaves, partial_notes

# Longest error in a table; data formats carry it all.
ERROR: Final = 200


@dataclass(frozen=True, slots=True)
class _Board:
    """A comparison, the order in which its networks are shown, and which of their quantities."""

    comparison: Comparison
    variants: tuple[Variant, ...]
    quantities: tuple[Quantity, ...]

    @property
    def alike(self) -> bool:
        """Whether two have the same name, and may differ in their input alone."""
        return len({one.name for one in self.variants}) < len(self.variants)

    def change(self, variant: Variant, quantity: Quantity) -> str:
        """By which part it differs from the first; "" for the first itself."""
        if variant is self.comparison.first:
            return ""
        delta = self.comparison.delta(variant, quantity.key)
        return "" if delta.after is None else units.change(delta.before, delta.after)


def page(comparison: Comparison, *, columns: Sequence[str] | None = None, sort: str | None = None) -> p.Page:
    """What `netscope compare` shows.

    Args:
        columns: keys of `quantities.QUANTITIES`; the main ones that are known without it.
        sort: "name", or a quantity, largest first; failed networks come last.

    Raises:
        UsageError: there is no such quantity.
    """
    variants = comparison.variants if sort is None else tuple(_sorted(comparison, sort))
    if columns is not None:
        quantities = tuple(dict.fromkeys(map(find, columns)))
    else:
        known = {key for one in comparison for key, value in one.quantities.items() if value is not None}
        known |= {"params", "macs"}
        quantities = tuple(q for q in QUANTITIES if not q.follows and q.key in known)
    board = _Board(comparison, variants, quantities)
    return p.Page(
        title=", ".join(one.name for one in variants),
        head=(),
        sections=lambda: _sections(board),
        records=lambda: p.Records(document.COLUMNS, map(document.values, variants), documents.SCHEMA_VERSION),
        document=lambda: p.Document(*documents.values_of(document.document(Comparison(variants)))),
    )


def _sorted(comparison: Comparison, sort: str) -> list[Variant]:
    """Stable: equals stay in the order in which they were named."""
    if sort == "name":
        return sorted(comparison, key=lambda one: (one.report is None, one.name))
    key = find(sort).key

    def rank(one: Variant) -> tuple[bool, Number]:
        value = one.quantities.get(key)
        return value is None, -(value or 0)

    return sorted(comparison, key=rank)


def _sections(board: _Board) -> Iterator[p.Section]:
    headings = [
        p.Heading("model", floor=16, name=True),
        p.Heading("input", floor=14, drop=0 if board.alike else 20),
    ]
    for number, quantity in enumerate(board.quantities):
        headings += [
            p.Heading(quantity.title, right=True, units=True, drop=2 + 2 * number),
            p.Heading("", right=True, drop=3 + 2 * number, spare=True),
        ]
    yield p.Table(headings, [p.Row(list(_cells(board, one))) for one in board.variants])
    several = board.comparison
    failed = [one for one in board.variants if one.report is None]
    notes = [p.Note(f"{short(one.name)}: {_said(one)}", "bad") for one in failed]
    notes += partial_notes(*(one.report for one in board.variants if one.report is not None))
    if several.first is not None and len(several) > 1:
        which = f", {_said(several.first)}" if board.alike else ""
        notes.append(p.Note(f"changes are against {short(several.first.name)}{which}", "dim"))
    yield p.Notes(notes)


def _cells(board: _Board, one: Variant) -> Iterator[p.Cell]:
    failed = one.report is None
    tone: p.Tone = "bad" if failed else "title" if one is board.comparison.first else ""
    yield p.Cell(one.name, tone, code=True)
    yield p.Cell("✗ failed", "bad") if failed else p.Cell(_said(one), "dim")
    for quantity in board.quantities:
        if failed:
            yield from (p.EMPTY, p.EMPTY)
            continue
        least: p.Tone = "accent" if one is board.comparison.least(quantity.key) else ""
        figure, change = _figure(one, quantity), board.change(one, quantity)
        yield p.Cell(figure, least, f"({change})" if change else "", brief=p.Cell(figure, least))
        yield p.Cell(change, "dim")


def _figure(one: Variant, quantity: Quantity) -> str:
    """The figure, its lower bound where it is not known."""
    assert one.report is not None
    value = quantity.of_report(one.report)
    if value is None and quantity.at_least is not None:
        return units.at_least(number_text(quantity, quantity.at_least(one.report, one.report.root), TOTAL))
    return number_text(quantity, value, TOTAL)


def _said(one: Variant) -> str:
    """Its input, or why there is none."""
    if one.report is None:
        return cut(f"✗ {' '.join(one.error.split())}", ERROR)
    mode = " train" if one.report.training else ""
    return (leaves(one.report.inputs, most=2) or "none") + mode
