"""What several pages say in the same words: what was looked at, and what goes in and comes out."""

from __future__ import annotations

from netscope.base import units
from netscope.report.layer import Tensor
from netscope.report.report import Report
from netscope.show.page import Piece
from netscope.show.strings import cut_middle, short

# Longest source and description of a network in a head.
_SOURCE = 100


def head(report: Report) -> list[Piece]:
    """The line above all: name, source, input, mode."""
    source = report.source
    if report.description:
        source = f"{source} ({report.description})" if source else report.description
    pieces = [Piece(short(report.name), "title")]
    if source:
        pieces.append(Piece(cut_middle(source, _SOURCE)))
    inputs = "inputs" if len(report.inputs) > 1 else "input"
    pieces.append(Piece(f"{inputs} {leaves(report.inputs, most=4) or 'none'}"))
    pieces.append(Piece("train" if report.training else "eval"))
    return pieces


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
            texts.append(f"{place}{units.shape(leaf.shape)} {short(leaf.dtype or units.UNKNOWN)}")
    if len(some) > most:
        texts.append(f"+{units.count(len(some) - most)}")
    return ", ".join(texts)
