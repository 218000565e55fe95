"""Where a difference ends: the layer that gets another input and returns what it returned before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netscope.answers.diff.result import Absorbed, Diff, Pair
from netscope.report.layer import Layer

if TYPE_CHECKING:
    from netscope.answers.explain.lines import Line


def absorbed(diff: Diff) -> Absorbed | None:
    """The last layer whose input differs and whose output does not, if everything after it is the same.

    None when nothing differs, when the difference goes on to the end, or when it is not the input of a
    layer that carries it there (a layer that was replaced by one of the same output).
    """
    leaves = diff.leaves
    last = max((n for n, pair in enumerate(leaves) if pair.status != "="), default=-1)
    if last < 0:
        return None
    for n in (last, last + 1):
        if n < len(leaves) and _absorbs(leaves[n]):
            ends = n + 1 < len(leaves) and not _passed_by(diff, leaves[n])
            return Absorbed(leaves[n].path, _because(leaves[n])) if ends else None
    return None


def _passed_by(diff: Diff, pair: Pair) -> bool:
    """Whether the difference goes round a layer: what is around returns another thing, or what follows is."""
    number = next(n for n, one in enumerate(diff.pairs) if one is pair)
    if any(one.status != "=" for one in diff.pairs[number + 1 :]):
        return True
    while (number := diff.pairs[number].parent) >= 0:
        around = diff.pairs[number]
        if around.before is None or around.after is None or around.before.outputs != around.after.outputs:
            return True
    return False


def _absorbs(pair: Pair) -> bool:
    before, after = pair.before, pair.after
    if before is None or after is None or not before.inputs or not before.outputs:
        return False
    if any(change.kind != "result" for change in pair.changes):
        return False
    return before.inputs != after.inputs and before.outputs == after.outputs


def _because(pair: Pair) -> str:
    """The arithmetic of a window that fits as often into both inputs, or what an adaptive pool does.

    "" for a layer that has no such line, or whose inputs differ in something that it does not tell of.
    """
    assert pair.before is not None
    assert pair.after is not None
    before, after = _sides(pair.before), _sides(pair.after)
    # One line tells of all sides where they are alike.
    before, after = (some * len(other) if len(some) == 1 else some
                     for some, other in ((before, after), (after, before)))  # fmt: skip
    if [line.value for line in before] != [line.value for line in after]:
        return ""
    from netscope.answers.explain.pools import KEPT

    texts = []
    for old, new in zip(before, after, strict=True):
        if new.note == KEPT:
            continue
        if old.formula and new.formula and old.formula != new.formula:
            texts.append(f"{old.formula} = {new.formula} = {new.value}")
        elif not new.formula and _differ_in_sides_only(pair):
            texts.append(f"{new.label} {new.value} {new.note}")
    return " and ".join(dict.fromkeys(texts))


def _sides(layer: Layer) -> list[Line]:
    """What derives the output's sides."""
    from netscope.answers.explain.table import derivation_of

    lines = [line for line in derivation_of(layer).head if line.key.startswith("output_")]
    return [line for line in lines if line == line.checked()]


def _differ_in_sides_only(pair: Pair) -> bool:
    """Whether batch and maps of what comes in are the same: only what an adaptive pool reduces differs."""
    assert pair.before is not None
    assert pair.after is not None
    dims = pair.layer.base[-2:-1]
    if not dims.isdecimal():
        return False
    old, new = (layer.input_shapes[0] for layer in (pair.before, pair.after))
    return len(old) == len(new) and old[: -int(dims)] == new[: -int(dims)]
