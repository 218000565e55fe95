"""Two networks side by side, as they are to be drawn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from netscope.answers.diff import Change, Diff, Pair
from netscope.answers.diff.everywhere import everywhere
from netscope.report.operators import describe
from netscope.show.diff.words import output_text, words
from netscope.show.drawing.drawing import Drawing
from netscope.show.drawing.make import drawing_of

# Of a picture no figures are beside the words.
_NO_COLUMNS: Final[frozenset[str]] = frozenset()


class DrawnPair(NamedTuple):
    """Two rows that belong together.

    before, after:
        their paths; None where there is none.
    status:
        "=", "~" (changed), "+" (added) or "-" (removed), as of `netscope.answers.diff`.
    text:
        what changed, in words; "" for nothing.
    """

    before: str | None
    after: str | None
    status: str
    text: str = ""


class DrawnDiff(NamedTuple):
    """Both networks and how their rows pair up."""

    before: Drawing
    after: Drawing
    pairs: Sequence[DrawnPair]


def difference_of(diff: Diff, *, placed: bool = True) -> DrawnDiff | None:
    """Both networks as they are to be drawn; None where the data flow of one is not known.

    A run is of blocks that the same happened to.

    Args:
        placed: whether boxes are to be in their places, as of `netscope.show.drawing.make.drawing_of`.

    Raises:
        MissingExtraError: igraph is needed, and not installed.
    """
    shared = everywhere(diff)
    pairs = [DrawnPair(*_paths(pair), pair.status, _told(pair, shared)) for pair in diff.pairs]
    said = {pair: (pair.status, pair.text) for pair in pairs}
    before = drawing_of(diff.before, {pair.before: said[pair] for pair in pairs}.get, placed=placed)
    after = drawing_of(diff.after, {pair.after: said[pair] for pair in pairs}.get, placed=placed)
    return None if before is None or after is None else DrawnDiff(before, after, pairs)


def _paths(pair: Pair) -> tuple[str | None, str | None]:
    return (
        None if pair.before is None else pair.before.path,
        None if pair.after is None else pair.after.path,
    )


def _told(pair: Pair, shared: Collection[Change]) -> str:
    """What changed about a layer, in words; nothing of what is only within it."""
    if pair.status in "+-":
        return describe(pair.layer)
    told = list(words(pair, shared, _NO_COLUMNS)) if pair.status == "~" else []
    output = next((c for c in pair.changes if c.what == "output" and c not in shared), None)
    if output is not None:
        told.append(f"output {output_text(output.before, output.after)}")
    return ", ".join(told)
