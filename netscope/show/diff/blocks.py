"""From pairs to rows of a tree: what need not be seen apart is put together.

A block is the rows of one subtree. Blocks are made from the leaves up. Around a container, runs of
unchanged children become one row, a child that only passes a change on joins the row before it, and
consecutive children in which the same things changed become one block whose rows stand for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Final, Literal, cast

from netscope.answers.diff import Change, Diff
from netscope.answers.diff.everywhere import only_that
from netscope.base.units import plural, span
from netscope.report.operators import describe
from netscope.report.quantities import QUANTITIES, Delta
from netscope.report.tree import ends_of, inverted
from netscope.show.diff.folding import Block, DiffDraft, look, merged
from netscope.show.diff.rows import RUNS, Kind
from netscope.show.diff.words import is_forced, output_text, words

# What has become of a subtree as a whole: all of it the same, all of it changed only in what everything
# changed in, or it has only another name or place; all of it added or removed; or none of these.
State = Literal["same", "shared", "renamed", "moved", "whole", "open"]


_PLACES: Final[dict[str, State]] = {"name": "renamed", "moved": "moved"}


def blocks(
    diff: Diff,
    shared: Collection[Change],
    shown: Collection[str],
    *,
    depth: int | None = None,
    everything: bool = False,
) -> Block:
    """All rows of a diff, the root's first.

    Args:
        shared: the changes that are told once for all layers.
        shown: keys of the quantities that have a column.
        depth: rows at most that deep.
        everything: fold nothing.
    """
    return _Builder(diff, shared, shown, depth, everything).build()


class _Builder:
    def __init__(
        self,
        diff: Diff,
        shared: Collection[Change],
        shown: Collection[str],
        depth: int | None,
        everything: bool,
    ) -> None:
        self.pairs = diff.pairs
        self.shared, self.shown, self.depth, self.everything = shared, shown, depth, everything
        self.children = inverted([pair.parent for pair in self.pairs])
        self.leaf = {id(pair) for pair in diff.leaves}
        # Layers without layers within, and how many of those changed.
        self.leaves = [0] * len(self.pairs)
        self.changed = [0] * len(self.pairs)
        self.states: list[State] = ["open"] * len(self.pairs)
        # Layers within in the network that has it, where those that moved away or in are counted too.
        self.sizes = {
            id(layer): end - index
            for report in (diff.before, diff.after)
            for index, (layer, end) in enumerate(zip(report.layers, ends_of(report.layers), strict=True))
        }

    def build(self) -> Block:
        made: dict[int, Block] = {}
        for number in range(len(self.pairs) - 1, -1, -1):
            inner = self.children[number]
            self._count(number)
            self.states[number] = self._state(number)
            below = [(child, made.pop(child)) for child in inner]
            made[number] = self._block(number, below)
        return made[0]

    def _count(self, number: int) -> None:
        pair, inner = self.pairs[number], self.children[number]
        leaf = id(pair) in self.leaf
        self.leaves[number] = leaf + sum(self.leaves[child] for child in inner)
        self.changed[number] = (leaf and pair.status != "=") + sum(self.changed[child] for child in inner)

    def _state(self, number: int) -> State:
        pair = self.pairs[number]
        within = {self.states[child] for child in self.children[number]}
        if pair.status == "=":
            return "same"
        if pair.status == "~":
            told = {change.what for change in pair.changes}
            if within <= {"same"} and len(told) == 1 and told <= _PLACES.keys():
                return _PLACES[told.pop()]
            alike = only_that(pair, self.shared) or not pair.changes
            return "shared" if alike and self.shared and within <= {"same", "shared"} else "open"
        return "open" if self._is_partial(number) else "whole"

    def _block(self, number: int, below: Sequence[tuple[int, Block]]) -> Block:
        """The rows of a subtree."""
        pair, state = self.pairs[number], self.states[number]
        own = self._own(number)
        if self.depth is not None and pair.layer.depth >= self.depth and below:
            if state == "open" and pair.status == "~":
                own.kind, own.mark, own.quiet = "layer", "~", False
                own.words += (f"{self.changed[number]:,} of {plural(self.leaves[number], 'layer')} changed",)
            return [own]
        if state == "whole" and not self.everything:
            return [own]
        rows = [own]
        for block in self._within(below):
            for draft in block:
                draft.level += 1
            rows += block
        return rows

    def _own(self, number: int) -> DiffDraft:
        """The row of a layer by itself."""
        pair = self.pairs[number]
        around = bool(self.children[number])
        label = pair.layer.name or "(root)"
        if pair.before and pair.after and any(change.what == "name" for change in pair.changes):
            label = f"{pair.before.name} → {label}"
        draft = DiffDraft("layer", pair.status, (number,), label, layers=self.leaves[number])
        if pair.status in ("+", "-"):
            draft.words = (self._inventory(number),)
            draft.partial = self._is_partial(number)
            draft.look = (pair.status, draft.words, self._figures(number))
            return draft
        told = [change for change in pair.changes if change not in self.shared]
        draft.words = words(pair, self.shared, self.shown)
        draft.quiet = all(change.kind == "result" for change in told)
        if around and draft.quiet and pair.status == "~":
            draft.kind, draft.mark, draft.words = "around", "", ()
        else:
            output = next((change for change in told if change.what == "output"), None)
            draft.output = "" if output is None else output_text(output.before, output.after)
        draft.look = (pair.layer.type, draft.kind, draft.words, draft.output, self._figures(number))
        return draft

    def _is_partial(self, number: int) -> bool:
        """Whether something within what was added was there before, or of what was removed still is."""
        whole = self.pairs[number]
        waiting, found = [number], 0
        while waiting:
            number = waiting.pop()
            found += self.pairs[number].status == whole.status
            waiting += self.children[number]
        return found < self.sizes[id(whole.layer)]

    def _inventory(self, number: int) -> str:
        """What was added or removed: the layer, and how many are within."""
        text = describe(self.pairs[number].layer)
        if self.children[number] and self.states[number] == "whole":
            text += f", {plural(self.leaves[number], 'layer')}"
        return text

    def _figures(self, number: int) -> Hashable:
        """How the figures changed: layers with the same proportions look the same."""
        deltas = self.pairs[number].deltas
        return tuple(
            _proportion(deltas[quantity.key])
            for quantity in QUANTITIES
            if quantity.of_layer is not None and quantity.kind != "seconds" and quantity.key in self.shown
        )

    def _within(self, below: Sequence[tuple[int, Block]]) -> Iterator[Block]:
        """The blocks of the children of one layer."""
        if self.everything:
            yield from (block for _, block in below)
            return
        found: list[Block] = []
        for (state, _), grouped in groupby(below, key=lambda child: self._kinship(child[0])):
            run = list(grouped)
            if state in RUNS and (state != "moved" or len(run) > 1):
                found.append([self._run(state, [number for number, _ in run])])
            else:
                for _, block in run:
                    if found and self._follows(found[-1], block):
                        ahead, behind = found[-1][0], block[0]
                        ahead.followers += behind.pairs
                        ahead.look = (*ahead.look, _place(ahead.label, behind.label), *behind.look)
                    else:
                        found.append(block)
        for _, alike in groupby(found, key=look):
            yield merged(list(alike))

    def _kinship(self, number: int) -> tuple[State, str]:
        """What has become of a subtree, and of one that moved, what was around it."""
        pair, state = self.pairs[number], self.states[number]
        moved = state == "moved" and pair.before is not None
        return state, pair.before.path.rpartition(".")[0] if moved and pair.before else ""

    def _run(self, state: State, numbers: Sequence[int]) -> DiffDraft:
        first, last = (self.pairs[n] for n in (numbers[0], numbers[-1]))
        label = _between(first.layer.name, last.layer.name)
        if state == "renamed" and first.before and last.before:
            label = f"{_between(first.before.name, last.before.name)} → {label}"
        return DiffDraft(
            cast(Kind, state),
            "=" if state == "same" else "~",
            tuple(numbers),
            label,
            layers=sum(self.leaves[n] for n in numbers),
            quiet=True,
            look=(state,),
        )

    def _follows(self, ahead: Block, block: Block) -> bool:
        """Whether a layer only passes on what the one before it changed, and computes no MACs."""
        first, second = ahead[0], block[0]
        if len(ahead) > 1 or len(block) > 1 or first.kind != "layer" or second.output == "":
            return False
        pair = self.pairs[second.pairs[0]]
        if pair.status != "~" or pair.layer.counted_macs or first.mark != "~":
            return False
        forced = all(map(is_forced, pair.changes)) and not self.children[second.pairs[0]]
        return forced and first.output == second.output


def _place(ahead: str, behind: str) -> Hashable:
    """Where a layer stands behind another: of two numbers, how far."""
    return int(behind) - int(ahead) if ahead.isdecimal() and behind.isdecimal() else behind


def _between(first: str, last: str) -> str:
    return first if first == last else span(first, last)


def _proportion(delta: Delta) -> Hashable:
    if not delta.before or delta.after is None:
        return delta.before, delta.after
    return Fraction(delta.after) / Fraction(delta.before)
