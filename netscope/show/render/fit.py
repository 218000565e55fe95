"""Which columns of a table fit a terminal, and how wide each may be.

When the rows are too wide, columns leave by `Heading.drop`, highest first (of a summary's: share, weight +
bias, output memory, operator, output, params), until the rest fits with its texts shortened to no less than
`Heading.floor`. One that fits again once a wider one has left comes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from netscope.show.render.text import width_of

GAP: Final = "  "


class Heading(NamedTuple):
    """How a column of a terminal's table behaves.

    right:
        whether its texts stand at the right, as numbers do.
    drop:
        when the terminal is narrow, higher ones leave first; 0 stays.
    floor:
        how narrow its texts may be shortened; 0 for never.
    name:
        whether its texts are names, which differ at their ends and are elided in the middle.
    """

    title: str
    right: bool = False
    drop: int = 0
    floor: int = 0
    name: bool = False


def fit(
    columns: Sequence[Heading], texts: Sequence[Sequence[int]], room: int | None
) -> tuple[list[int], list[int]]:
    """Which columns stay, and how wide each of all is; `texts` are the widths of every column's cells."""
    natural = [max([width_of(column.title), *wide]) for column, wide in zip(columns, texts, strict=True)]
    everything = list(range(len(columns)))
    if room is None:
        return everything, natural
    floors = [min(wide, column.floor or wide) for wide, column in zip(natural, columns, strict=True)]

    def taken(shown: Sequence[int], widths: Sequence[int]) -> int:
        return sum(widths[i] for i in shown) + len(GAP) * (len(shown) - 1)

    shown = everything
    leaving = sorted((i for i in everything if columns[i].drop), key=lambda i: -columns[i].drop)
    left: list[int] = []
    for i in leaving:
        if taken(shown, floors) <= room:
            break
        shown = [j for j in shown if j != i]
        left.append(i)
    for i in reversed(left):
        again = sorted([*shown, i])
        if taken(again, floors) <= room:
            shown = again
    return shown, _shortened(shown, natural, floors, texts, taken(shown, natural) - room)


def _shortened(
    shown: Sequence[int],
    natural: Sequence[int],
    floors: Sequence[int],
    texts: Sequence[Sequence[int]],
    excess: int,
) -> list[int]:
    """Widths that are `excess` narrower together, taken where the fewest texts are cut."""
    widths = list(natural)
    lengths = [Counter(wide) for wide in texts]
    cut_at = {i: lengths[i][widths[i]] for i in shown}
    for _ in range(excess):
        able = [i for i in shown if widths[i] > floors[i]]
        if not able:
            break
        i = min(able, key=lambda i: (cut_at[i], floors[i] - widths[i]))
        widths[i] -= 1
        cut_at[i] += lengths[i][widths[i]]
        excess -= 1
    if excess > 0:
        widths[shown[0]] = max(4, widths[shown[0]] - excess)
    return widths
