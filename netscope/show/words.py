"""What several pages say in the same words: what was looked at, and what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netscope.base import units
from netscope.base.opnames import operator_list
from netscope.report.layer import FUNCTIONAL, UNCALLED, UNDONE, Layer, Tensor
from netscope.report.partial import places
from netscope.report.report import Report
from netscope.show.page import Note, Piece
from netscope.show.strings import cut, cut_middle, short, visible

# Longest source and description of a network in a head.
_SOURCE = 100
# Things said of it beside.
_SAID = 6
# Longest error; data formats carry it all.
_ERROR = 400
_SHORT = 200
# What the root is called, of which something is said that it did.
_ROOT = "the network's own forward"
# Layers that are named one by one.
_NAMED = 3
# How the path of what a module ran itself ends.
_OWN = f".{FUNCTIONAL}"


def head(report: Report) -> list[Piece]:
    """The line above all: name, source, input, mode; what a description has after a semicolon by itself."""
    source = report.source
    described, *more = report.description.split("; ")
    if described:
        source = f"{source} ({described})" if source else described
    pieces = [Piece(short(report.name), "title")]
    if source:
        pieces.append(Piece(cut_middle(source, _SOURCE)))
    pieces += [Piece(cut_middle(one, _SOURCE)) for one in more[:_SAID]]
    if len(more) > _SAID:
        pieces.append(Piece(f"{len(more) - _SAID} more"))
    inputs = "inputs" if len(report.inputs) > 1 else "input"
    pieces.append(Piece(f"{inputs} {leaves(report.inputs, most=4) or 'none'}"))
    pieces.append(Piece("train" if report.training else "eval"))
    if report.ranks is not None:
        from netscope.show.ranks import place  # few networks are divided

        pieces.append(Piece(place(report.ranks)))
    return pieces


def partial(report: Report) -> str:
    """Why a report is not whole: "conv2 raised ...; work and memory are lower bounds"; "" for a whole one."""
    texts = [] if report.error is None else [failure(report, _SHORT).rstrip(".")]
    if said := unseen(report):
        texts.append(f"not seen: {said}")
    return f"{'; '.join(texts)}; work and memory are lower bounds" if texts else ""


def partial_notes(*reports: Report) -> list[Note]:
    """A line for each of the reports that is not whole, once."""
    texts = [f"{short(report.name)} is partial: {partial(report)}" for report in reports if not report.whole]
    return [Note(text, "warn", mark="! ") for text in dict.fromkeys(texts)]


def unknown_text(unknown: Mapping[str, int], reports: Sequence[Report]) -> str:
    """What of a layer of these reports was not counted, seen or done."""
    words = {what for report in reports for what in report.root.unseen}
    operators = {what: times for what, times in unknown.items() if what not in words}
    seen = {what: n for what, n in unknown.items() if what in words - {UNDONE, UNCALLED}}
    texts = [f"not counted {visible(operator_list(operators, all_of_them=True))}"] if operators else []
    texts += [f"not seen: {visible(operator_list(seen, all_of_them=True))}"] if seen else []
    if UNCALLED in unknown:
        texts.append(f"may have run unseen: {units.plural(unknown[UNCALLED], 'layer')}")
    if UNDONE in unknown:
        places = [where_failed(report) for report in reports if report.error is not None]
        texts.append(f"the forward failed in {' and in '.join(dict.fromkeys(places))}")
    return "; ".join(texts)


def used_by(layer: Layer) -> str:
    """Where the work of a layer is counted that was never called, and whose parameters others read."""
    if not layer.used_by:
        return "never called; its work is counted where its parameters are used"
    names = [short(path) or _ROOT for path in layer.used_by]
    more = f" and {units.count(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
    users = f"{', '.join(names[:_NAMED])}{more}"
    return f"never called; its parameters are used by {users}, where its work is counted"


def failure(report: Report, longest: int = _ERROR) -> str:
    """Which layer raised what, of a report with an error."""
    return f"{where_failed(report)} raised {visible(cut(report.error or '', longest))}"


def where_failed(report: Report) -> str:
    """The layer of a report with an error that raised it."""
    return short(report.error_path) or _ROOT


def unseen(report: Report) -> str:
    """What the trace did not see, and where: "head: work in a thread of its own"."""
    texts = []
    # What may have run is told behind what surely did.
    for what, paths in sorted(places(report).items(), key=lambda place: place[0] == UNCALLED):
        if what == UNDONE:
            continue
        names = [short(f".{path}".removesuffix(_OWN)[1:]) or _ROOT for path in paths]
        more = f" and {units.count(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
        where = ", ".join(names[:_NAMED]) + more
        times = report.root.unseen.get(what, 1)
        text = f"{visible(what)} {units.times(times)}" if times > len(paths) else visible(what)
        texts.append(f"may have run there: {where}" if what == UNCALLED else f"{where}: {text}")
    return "; ".join(texts)


def leaves(some: tuple[Tensor, ...], most: int) -> str:
    """Places, shapes and dtypes; the type's name of what is no tensor."""
    texts = []
    for leaf in some[:most]:
        place = f"{short(leaf.place)} " if leaf.place.strip("0123456789.") else ""
        if len(some) == 1 and leaf.place.isidentifier():
            place = ""
        if leaf.shape is None:
            texts.append(f"{place}{short(leaf.opaque or units.UNKNOWN)}")
        else:
            words = [units.shape(leaf.shape), short(leaf.dtype or units.UNKNOWN), leaf.layout or ""]
            texts.append(f"{place}{' '.join(filter(None, words))}")
    if len(some) > most:
        texts.append(f"+{units.count(len(some) - most)}")
    return ", ".join(texts)
