"""Where a difference ends: the layer that gets another input and returns what it returned before."""

from __future__ import annotations

from netscope.comparison.result import Absorbed, Diff, Pair


def absorbed(diff: Diff) -> Absorbed | None:
    """The last layer whose input differs and whose output does not, if everything after it is the same.

    None when nothing differs, when the difference goes on to the end, or when it is not the input of a
    layer that carries it there (a layer that was replaced by one of the same output).
    """
    around = {pair.parent for pair in diff.pairs}
    leaves = [pair for number, pair in enumerate(diff.pairs) if number not in around]
    last = max((n for n, pair in enumerate(leaves) if pair.status != "="), default=-1)
    if last < 0:
        return None
    for n in (last, last + 1):
        if n < len(leaves) and _absorbs(leaves[n]):
            return Absorbed(leaves[n].path) if n + 1 < len(leaves) else None
    return None


def _absorbs(pair: Pair) -> bool:
    before, after = pair.before, pair.after
    if before is None or after is None or not before.inputs or not before.outputs:
        return False
    if any(change.kind != "result" for change in pair.changes):
        return False
    return before.inputs != after.inputs and before.outputs == after.outputs
