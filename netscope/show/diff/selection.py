"""What of a diff to show: `Differences` from a `Diff` and what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from netscope.answers.diff import Change, Diff, Pair, figures
from netscope.answers.diff.everywhere import everywhere
from netscope.base.errors import UsageError
from netscope.report.layer import Layer
from netscope.report.operators import describe
from netscope.report.quantities import find
from netscope.report.tree import lasts_of
from netscope.show.diff.blocks import blocks
from netscope.show.diff.folding import Block, DiffDraft
from netscope.show.diff.rows import Differences, DiffRow
from netscope.show.diff.words import output_text, words


def build(
    diff: Diff,
    *,
    depth: int | None = None,
    layers: str | None = None,
    columns: Sequence[str] | None = None,
    everything: bool = False,
    command: str = "",
) -> Differences:
    """What of the diff to show.

    Args:
        depth: rows at most that deep (the root is 0); a container there says how much in it changed.
        layers: a glob on qualified names ("features.*"), before or after, as a flat list.
        columns: keys of `quantities.QUANTITIES`; without it, those that changed.
        everything: open what is folded: unchanged layers, what only passes a change on, blocks in which
            the same things changed, and what is inside of added and removed blocks.
        command: what was typed for it.

    Raises:
        UsageError: an unknown quantity, a path that nothing matches, a negative depth.
    """
    if depth is not None and depth < 0:
        raise UsageError(f"the depth must be 0 or more, not {depth}.")
    chosen = None if columns is None else tuple(dict.fromkeys(map(find, columns)))
    quantities = (
        figures.changed(diff) if chosen is None else tuple(q for q in chosen if q.of_layer is not None)
    )
    shared = everywhere(diff)
    shown = frozenset(quantity.key for quantity in quantities)
    if layers is not None:
        rows = _matching(diff, layers, shared, shown)
    else:
        drafts = blocks(diff, shared, shown, depth=depth, everything=everything)
        rows = _rows(diff, drafts, everything)
    return Differences(
        diff=diff,
        quantities=quantities,
        totals=figures.telling(diff) if chosen is None else chosen,
        rows=tuple(rows),
        shared=shared,
        flat=layers is not None,
        everything=everything,
        command=command,
    )


def _rows(diff: Diff, drafts: Block, everything: bool) -> list[DiffRow]:
    """Finished rows of a tree, the root's only where something about it is to be told."""
    root, *rest = drafts
    kept = [root] if root.kind == "layer" and root.mark != "=" else []
    if diff.absorbed is not None and not everything:  # a sentence says of the rest that it is identical
        last = max(n for n, draft in enumerate([root, *rest]) if draft.kind not in ("same", "around"))
        rest = rest[:last]
    for draft in rest:
        draft.level -= 1
    root.level = 0
    shown = [*kept, *rest]
    around: list[str] = []
    rows = []
    for draft, lasts in zip(shown, lasts_of([draft.level for draft in shown]), strict=True):
        del around[draft.level :]
        rows.append(_row(diff, draft, lasts, ".".join([*around, draft.label])))
        if draft is not root:
            around.append(draft.label.rpartition(" → ")[2])
    return rows


def _row(diff: Diff, draft: DiffDraft, lasts: tuple[bool, ...], path: str) -> DiffRow:
    pairs, behind = (
        tuple(diff.pairs[number] for number in numbers) for numbers in (draft.pairs, draft.followers)
    )
    return DiffRow(
        kind=draft.kind,
        mark=draft.mark,
        pairs=pairs,
        label=draft.label,
        path=path,
        lasts=lasts,
        words=draft.words,
        output=draft.output,
        behind=behind,
        followers=_followers(draft, [pair.layer for pair in behind]),
        layers=draft.layers,
        quiet=draft.quiet,
        partial=draft.partial,
    )


def _followers(draft: DiffDraft, layers: Sequence[Layer]) -> tuple[str, ...]:
    """What the layers behind a row's are called; behind several numbers, numbers are only of a type."""
    several = len(draft.pairs) > 1 and not draft.label.isdecimal()
    names = [
        layer.name if not layer.name.isdecimal() else layer.type if several else f"{layer.name} {layer.type}"
        for layer in layers
    ]
    return tuple(dict.fromkeys(names))


def _matching(diff: Diff, path: str, shared: Sequence[Change], shown: frozenset[str]) -> list[DiffRow]:
    """A row for every pair on that path."""
    around = {pair.parent for pair in diff.pairs}
    rows = []
    for number, pair in enumerate(diff.pairs):
        paths = [layer.path for layer in (pair.before, pair.after) if layer is not None]
        if not any(fnmatchcase(one, path) for one in paths):
            continue
        told = [change for change in pair.changes if change not in shared]
        output = next((change for change in told if change.what == "output"), None)
        label = " → ".join(dict.fromkeys(paths)) if _renamed(pair) else pair.path or "(root)"
        rows.append(
            DiffRow(
                kind="layer",
                mark=pair.status,
                pairs=(pair,),
                label=label,
                path=label,
                words=words(pair, shared, shown) if pair.status in "=~" else (describe(pair.layer),),
                output="" if output is None else output_text(output.before, output.after),
                quiet=number in around and not pair.changes,
            )
        )
    if not rows:
        from netscope.base.suggest import instead_of

        known = [layer.path for report in (diff.before, diff.after) for layer in report.layers if layer.path]
        hint = instead_of(path, list(dict.fromkeys(known)))
        raise UsageError(f"neither network has a layer on the path {path!r}.", hint=hint)
    return rows


def _renamed(pair: Pair) -> bool:
    return any(change.what in _PLACES for change in pair.changes)


_PLACES: Final = frozenset({"name", "moved"})
