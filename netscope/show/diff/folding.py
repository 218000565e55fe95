"""Rows to be, and blocks of them that read the same put together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from netscope.answers.diff import Status
from netscope.base import units
from netscope.show.diff.rows import RUNS, Kind


@dataclass(slots=True)
class DiffDraft:
    """A row to be; `pairs` are numbers in `Diff.pairs`, `level` is the depth within its block."""

    kind: Kind
    mark: Status | Literal[""]
    pairs: tuple[int, ...]
    label: str
    level: int = 0
    words: tuple[str, ...] = ()
    output: str = ""
    followers: tuple[int, ...] = ()
    layers: int = 1
    quiet: bool = False
    partial: bool = False
    look: tuple[Hashable, ...] = ()


Block = list[DiffDraft]


def look(block: Block) -> Hashable:
    """Equal for blocks that read the same but for names and sizes; a run of the same rows never repeats."""
    if block[0].kind in RUNS:
        return id(block)
    names = [draft.label for draft in block[1:] if draft.kind != "same"]
    return (
        tuple((draft.level, draft.look) for draft in block if draft.kind != "same"),
        tuple(names),
        " → " in block[0].label,
    )


def merged(alike: list[Block]) -> Block:
    """One block for several that look the same. Unchanged runs need not be the same in all of them."""
    if len(alike) == 1:
        return alike[0]
    head: Block = []
    runs: list[dict[int, DiffDraft]] = []
    for block in alike:
        place = -1
        for draft in block:
            if draft.kind != "same":
                place += 1
                if place == len(head):
                    head.append(draft)
                    runs.append({})
                elif head[place] is not draft:
                    head[place].pairs += draft.pairs
                    head[place].followers += draft.followers
                    head[place].layers += draft.layers
                continue
            known = runs[place].setdefault(draft.level, draft)
            if known is not draft:
                known.pairs += draft.pairs
                known.layers += draft.layers
    head[0].label = _span([block[0].label for block in alike])
    return [row for draft, below in zip(head, runs, strict=True)
            for row in (draft, *(below[level] for level in sorted(below, reverse=True)))]  # fmt: skip


def _span(labels: Sequence[str]) -> str:
    """("1", "2", "3") -> "1-3"; ("0", "3", "6") -> "0, 3, 6"."""
    numbers = [int(label) for label in labels if label.isdecimal()]
    if len(numbers) < len(labels) or numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return units.span(labels[0], labels[-1])
    return ", ".join(labels) if len(labels) < 4 else f"{labels[0]}…{labels[-1]}"
