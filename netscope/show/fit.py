"""Of a network's memory: the largest batch or sequence that fits, and what to change first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netscope.base import units
from netscope.report.memory import Change, Fit
from netscope.show import page as p
from netscope.show.strings import short

_NOUNS: Final = {"batch": "batch", "sequence": "sequence", "context": "context"}
_MEASURES: Final = {"allocated": "allocated at the peak", "reserved": "reserved at least"}
# What is typed stands below its row where it is longer.
_WIDEST: Final = 40


def sections(fit: Fit, device: str) -> Iterator[p.Section]:
    """What belongs below a memory's own figures."""
    yield p.Facts(list(_facts(fit)))
    if (drawn := curve(fit)) is not None:
        yield drawn
    if fit.changes:
        yield _changes(fit)
    yield p.Notes([p.Note(text, "dim") for text in _notes(fit, device)], close=bool(fit.changes))


def _facts(fit: Fit) -> Iterator[p.Fact]:
    noun = _NOUNS[fit.over]
    limit = units.binary(fit.limit, units.TOTAL) + (f" of {fit.machine}" if fit.machine else "")
    before, following = f"{_bytes(fit.at_rest)} before the step", fit.next_size
    if fit.largest:
        size = units.count(fit.largest)
        yield p.Fact(
            f"largest {noun}",
            size if fit.bound is None else units.at_least(size),
            f"{_bytes(fit.peak)} {_MEASURES[fit.measure]}, of {limit}; {before}",
        )
    else:
        yield p.Fact(
            f"largest {noun}",
            "none",
            f"not even {units.count(following)} fits in {limit}; {before}",
            "bad",
        )
    if fit.next_peak is not None:
        yield p.Fact(
            f"{noun} of {units.count(following)}",
            _bytes(fit.next_peak),
            f"does not fit, by {units.binary(fit.next_peak - fit.limit)}",
            "warn",
        )
    elif fit.refused is not None:
        yield p.Fact(
            f"{noun} of {units.count(following)}",
            "none",
            f"the network takes none: {short(fit.refused)}",
            "warn",
        )


def curve(fit: Fit) -> p.Plot | None:
    """What each size that was tried takes, and the limit; None where it is one size."""
    noun = _NOUNS[fit.over]
    tried = sorted((one.size, one.nbytes) for one in fit.tried if one.nbytes is not None)
    if len(tried) < 2:
        return None
    points = [p.Point(size, nbytes, noun) for size, nbytes in tried]
    limit = units.binary(fit.limit) + (f" of {short(fit.machine)}" if fit.machine else "")
    marks = [p.Mark("y", fit.limit, limit)]
    if fit.largest:
        marks.append(p.Mark("x", fit.largest, f"largest {noun} {units.count(fit.largest)}"))
    return p.Plot(
        f"memory over the {noun}",
        p.Axis(noun, lambda value: units.count(round(value)), binary=True),
        p.Axis(_MEASURES[fit.measure], lambda value: units.binary(round(value)), binary=True),
        [p.Series("tried", points, "line"), p.Series("", points, "dots")],
        marks,
        f"{units.count(fit.largest) if fit.largest else 'No size'} is the largest that fits in {limit}",
    )


def _bytes(nbytes: int | None) -> str:
    return units.binary(nbytes, units.TOTAL)


def _changes(fit: Fit) -> p.Table:
    longest = max(len(change.typed) for change in fit.changes)
    return p.Table(
        [
            p.Heading(f"to change, at {_NOUNS[fit.over]} {units.count(fit.size)}", floor=16),
            p.Heading("saves", right=True, units=True),
            p.Heading("FLOPs", right=True),
            p.Heading("results", drop=2),
            p.Heading("largest", right=True, drop=1),
            p.Heading("type", wraps=longest > _WIDEST),
        ],
        [
            p.Row(
                [
                    p.Cell(change.what),
                    p.Cell(
                        units.binary(change.saves), "accent" if change.saves * 10 >= fit.size_peak else ""
                    ),
                    p.Cell(units.change(fit.macs, change.macs)),
                    p.Cell("differ", "warn") if change.arithmetic else p.Cell("same", "dim"),
                    p.Cell(_largest(fit, change)),
                    p.Cell(change.typed, code=True),
                ]
            )
            for change in fit.changes
        ],
    )


def _largest(fit: Fit, change: Change) -> str:
    if change.largest is None:
        return ""
    if not change.largest:
        return "none"
    text = units.count(change.largest)
    return units.at_least(text) if change.largest == fit.bound else text


def _notes(fit: Fit, device: str) -> Iterator[str]:
    tried = ", ".join(units.count(one.size) for one in fit.tried)
    yield f"recorded at {tried}"
    if fit.bound is not None:
        by = "" if fit.bound_by is None else f", its configuration's {fit.bound_by}"
        yield f"no more than {units.count(fit.bound)} was tried{by}"
    if not fit.changes:
        yield "nothing that was tried saves anything"
    if fit.machine is not None:
        yield "a machine's memory as it is sold: its driver keeps some, for ECC of GDDR memory a sixteenth"
    if fit.measure == "reserved":
        yield "near the limit torch gives free segments back and asks for others, which takes time"
    if device == "cuda":
        yield "what a device takes for itself comes on top: its context, and what cuDNN takes"
