"""The drawing of a report: its data flow, identical neighbours folded, each distinct group laid out once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import Final, NamedTuple

from netscope.base import units
from netscope.base.opnames import short_name
from netscope.report.flow import INPUT, MODULE, OPERATOR, OUTPUT, Flow, FlowEdge, FlowNode, path_of
from netscope.report.layer import Layer, Shape
from netscope.report.operators import describe
from netscope.report.report import Report
from netscope.report.tree import looks_of
from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnGroup, DrawnNode
from netscope.show.drawing.folding import Run, Wire, runs_of
from netscope.show.drawing.ranks import Link, Stand, in_order, stand
from netscope.show.drawing.stretches import Stretch, stretches_of
from netscope.show.strings import visible, width_of

# Boxes that are seen at first; a level of modules is opened where all of it adds no more than these.
VISIBLE: Final = 60

# Sizes in pixels: of a character, of the room around a text, of boxes.
CHARACTER: Final = 7
AROUND: Final = 22
NARROWEST: Final = 56
WIDEST: Final = 240
ONE_LINE: Final = 24
TWO_LINES: Final = 40
PORT: Final = 10

# Names of a copy that are told.
_TOLD: Final = 3
# Boxes that are open at most, and within each other, whatever depth is asked for.
MOST_OPEN: Final = 20_000
DEEPEST: Final = 100
# Times that a group is folded again, for runs of runs.
_FOLDS: Final = 4

_DIGITS: Final = re.compile(r"\d+")


def drawing_of(
    report: Report, told: Callable[[str], Hashable] | None = None, *, placed: bool = True
) -> Drawing | None:
    """The network as it is to be drawn; None for a report without its data flow.

    Args:
        told: what there is to say of a row; rows of which other things are said are no copies of each other.
        placed: whether boxes are to be in their places. Without, they only are in their order, for who places
            them by itself, and nothing needs igraph.

    Raises:
        MissingExtraError: igraph is needed, and not installed.
    """
    flow = report.flow
    if flow is None or not flow.groups:
        return None
    groups = _Groups(report, flow, told, stand if placed else in_order).all()
    return Drawing(
        name=report.name,
        groups=groups,
        opened=opened_of(groups),
        values=values_of(report),
        failed=None if report.error is None else report.error_path,
    )


def box(
    kind: str, label: str, below: str = "", *, times: int = 1, inside: int = -1, path: str = ""
) -> DrawnNode:
    """A box as large as its texts need, not yet in its place."""
    badge = f" {units.times(times)}" if times > 1 else ""
    longest = max(width_of(visible(label[:WIDEST])) + len(badge), width_of(visible(below[:WIDEST])))
    width = min(max(NARROWEST, CHARACTER * longest + AROUND), WIDEST)
    height = TWO_LINES if below else ONE_LINE
    return DrawnNode(kind, label, below, path, False, inside, width, height, 0, 0.0, times)  # type: ignore[arg-type]


def port(kind: str, label: str) -> DrawnNode:
    """Where a value enters a box or leaves it."""
    return DrawnNode(kind, label, "", "", False, -1, PORT, PORT, 0, 0.0)  # type: ignore[arg-type]


class _Draft(NamedTuple):
    """A box, and what it is: equal for boxes that may be copies of one another; None for one that is none."""

    node: DrawnNode
    look: Hashable | None = None


class _Written(NamedTuple):
    """The index of a group that was drawn, and how many boxes it has fewer than nodes, for its runs."""

    group: int
    less: int

    def port(self, node: int) -> int:
        """The index of an output, which come last."""
        return node - self.less if node >= 0 else node


class _Groups:
    """The groups of a drawing in the making."""

    def __init__(
        self,
        report: Report,
        flow: Flow,
        told: Callable[[str], Hashable] | None,
        stand: Callable[[int, int, int, tuple[Link, ...]], Stand],
    ) -> None:
        self._stand = stand
        self._report = report
        self._flow = flow
        self._rows = {layer.path: layer for layer in report.layers}
        texts = [describe(layer) for layer in report.layers]
        self._texts = {layer.path: text for layer, text in zip(report.layers, texts, strict=True)}
        looks = looks_of(
            report.layers,
            lambda layer: (self._texts[layer.path], None if told is None else told(layer.path)),
        )
        self._looks = {layer.path: look for layer, look in zip(report.layers, looks, strict=True)}
        self._shape = _shape_text(report)
        self._drawn: list[DrawnGroup] = [DrawnGroup((), ())]  # the first is to be that of the network
        self._same: dict[tuple[tuple[DrawnNode, ...], tuple[Wire, ...]], int] = {}
        self._stands: dict[tuple[int, int, int, tuple[Link, ...]], Stand] = {}
        # Groups of the flow that were drawn: what is inside a row of that look.
        self._known: dict[tuple[int, int], _Written] = {}

    def all(self) -> list[DrawnGroup]:
        """That of the network first."""
        waiting: list[tuple[int, str, bool]] = [(0, "", False)]
        while waiting:
            index, path, ready = waiting.pop()
            key = self._key(index, path)
            if key in self._known:
                continue
            if ready:
                self._known[key] = self._draw(index, path)
                continue
            waiting.append((index, path, True))
            waiting += [
                (node.inside, path_of(path, node), False)
                for node in self._flow.groups[index].nodes
                if node.inside is not None
            ]
        return self._drawn

    def _key(self, index: int, path: str) -> tuple[int, int]:
        return index, self._looks.get(path, -1)

    def _draw(self, index: int, path: str) -> _Written:
        group = self._flow.groups[index]
        called = Counter([(node.name, node.elsewhere) for node in group.nodes if node.kind == MODULE])
        calls: Counter[tuple[str, bool]] = Counter()
        drafts = []
        for number, node in enumerate(group.nodes):
            name = (node.name, node.elsewhere)
            calls[name] += 1
            drafts.append(self._draft(index, number, path, (calls[name], called[name])))
        wires = [self._wire(edge, self._inside(group.nodes[edge.source], path)) for edge in group.edges]
        return self._write(drafts, wires, whole=index == 0)

    def _inside(self, node: FlowNode, around: str) -> _Written | None:
        """What was drawn inside a node."""
        return None if node.inside is None else self._known[self._key(node.inside, path_of(around, node))]

    def _draft(self, index: int, number: int, path: str, call: tuple[int, int]) -> _Draft:
        group = self._flow.groups[index]
        node = group.nodes[number]
        if node.kind == MODULE:
            return self._module(node, path_of(path, node), self._inside(node, path), call)
        if node.kind == OPERATOR:
            drawn = box("operator", short_name(node.name))._replace(macs=node.macs)
            return _Draft(drawn, (node.name, node.macs, node.vector))
        if index:
            return _Draft(port(node.kind, node.name))
        alone = [one.kind for one in group.nodes].count(node.kind) == 1
        counted = not node.name.strip("0123456789.")
        named = "" if counted and alone else node.name
        shapes = [
            self._shape(edge.shape if node.kind == INPUT else edge.read or edge.shape)
            for edge in group.edges
            if number == (edge.source if node.kind == INPUT else edge.target)
        ]
        label = f"{node.kind} {named}".rstrip() if counted else named
        return _Draft(box(node.kind, label, next(filter(None, shapes), "")))

    def _module(self, node: FlowNode, path: str, written: _Written | None, call: tuple[int, int]) -> _Draft:
        row = self._rows.get(path)
        inside = -1 if written is None else written.group
        below = "" if row is None else self._texts[path]
        label = node.name or ("" if row is None else row.type) or "module"
        drawn = box("module", label, below, inside=inside, path=node.name)
        marks = [] if row is None else _marks(row)
        number, calls = call
        if calls > 1:
            marks.append(f"call {units.count(number)} of {units.count(calls)}")
        # Copies differ by a number in their names.
        look = (inside, below, self._looks.get(path), _DIGITS.sub("#", node.name), node.elsewhere)
        return _Draft(drawn._replace(elsewhere=node.elsewhere, marks=tuple(marks)), look)

    def _wire(self, edge: FlowEdge, source: _Written | None) -> Wire:
        read = self._shape(edge.read)
        made = self._shape(edge.shape) or read
        out, into = (-1 if port is None else port for port in (edge.out_port, edge.in_port))
        out = out if source is None else source.port(out)
        return Wire(edge.source, edge.target, made, out, into, read if read != made else "")

    # Writing a group

    def _write(
        self, drafts: Sequence[_Draft], wires: Sequence[Wire], *, whole: bool = False, fold: bool = True
    ) -> _Written:
        """Draw the group with those boxes, its runs folded."""
        count = len(drafts)
        for _ in range(_FOLDS if fold else 0):
            runs = runs_of(
                [draft.look for draft in drafts],
                [draft.node.inside >= 0 for draft in drafts],
                [_stem(draft.node.path) for draft in drafts],
                wires,
            )
            # A group that is nothing but one run is the inside of that run.
            if not runs:
                break
            drafts, wires = self._folded(drafts, wires, runs)
        if fold:
            drafts, wires = self._gathered(drafts, wires)
        nodes = tuple([draft.node for draft in drafts])
        key = (nodes, tuple(wires))
        if not whole and key in self._same:
            return _Written(self._same[key], count - len(nodes))
        links = [Link(wire.source, wire.target, wire.out_port) for wire in wires]
        inputs = sum([node.kind == INPUT for node in nodes])
        outputs = sum([node.kind == OUTPUT for node in nodes])
        stood = self._stood(inputs, len(nodes) - inputs - outputs, outputs, tuple(links))
        placed = [
            node._replace(rank=rank, x=x) for node, rank, x in zip(nodes, stood.ranks, stood.xs, strict=True)
        ]
        edges = [
            DrawnEdge(wire.source, wire.target, wire.text, bends, wire.out_port, wire.in_port)
            for wire, bends in zip(wires, stood.bends, strict=True)
        ]
        if whole:
            self._drawn[0] = DrawnGroup(placed, edges)
            return _Written(0, count - len(nodes))
        self._drawn.append(DrawnGroup(placed, edges))
        self._same[key] = len(self._drawn) - 1
        return _Written(len(self._drawn) - 1, count - len(nodes))

    def _stood(self, inputs: int, inner: int, outputs: int, links: tuple[Link, ...]) -> Stand:
        key = (inputs, inner, outputs, links)
        if key not in self._stands:
            self._stands[key] = self._stand(inputs, inner, outputs, links)
        return self._stands[key]

    def _gathered(
        self, drafts: Sequence[_Draft], wires: Sequence[Wire]
    ) -> tuple[Sequence[_Draft], Sequence[Wire]]:
        """The group with a box in place of each long stretch of operators."""
        for start, end in reversed(stretches_of([draft.node.kind for draft in drafts])):
            stretch = Stretch(start, end, wires)
            within = [
                *(_Draft(port(INPUT, "")) for _ in stretch.taken),
                *drafts[start:end],
                *(_Draft(port(OUTPUT, "")) for _ in stretch.given),
            ]
            inside = self._write(within, list(stretch.inner()), fold=False)
            often = Counter([draft.node.label for draft in drafts[start:end]])
            below = _listed([name for name, _ in often.most_common()])
            drawn = box("module", units.plural(end - start, "operator"), below, inside=inside.group)
            drafts = [*drafts[:start], _Draft(drawn), *drafts[end:]]
            wires = stretch.outer(wires)
        return drafts, wires

    def _folded(
        self, drafts: Sequence[_Draft], wires: Sequence[Wire], runs: Sequence[Run]
    ) -> tuple[list[_Draft], list[Wire]]:
        """The group with a box in place of each run."""
        reads: list[list[Wire]] = [[] for _ in drafts]
        leaves: list[list[Wire]] = [[] for _ in drafts]
        for wire in wires:
            reads[wire.target].append(wire)
            leaves[wire.source].append(wire)
        places: dict[int, int] = {}  # of nodes in no run, and of the first nodes of runs
        folds: dict[int, _Fold] = {}
        kept: list[_Draft] = []
        starts = {run.start: run for run in runs}
        index = 0
        while index < len(drafts):
            places[index] = len(kept)
            run = starts.get(index)
            if run is None:
                kept.append(drafts[index])
                index += 1
                continue
            fold = _Fold(run, drafts, reads, leaves)
            kept.append(self._run(fold))
            folds.update(dict.fromkeys(range(run.start, run.end), fold))
            index = run.end
        found: dict[Wire, None] = {}
        for wire in wires:
            source, target = folds.get(wire.source), folds.get(wire.target)
            if source is not None and source is target:
                continue
            start, out = (
                (places[wire.source], wire.out_port)
                if source is None
                else (
                    places[source.run.start],
                    source.out_port(wire),
                )
            )
            end, into = (
                (places[wire.target], wire.in_port)
                if target is None
                else (
                    places[target.run.start],
                    target.in_port(wire),
                )
            )
            read = wire.read if target is None else ""
            found[Wire(start, end, wire.made, out, into, read)] = None
        return kept, list(found)

    def _run(self, fold: _Fold) -> _Draft:
        """The box of a run, with a group that holds its copies."""
        run = fold.run
        nodes = fold.drafts[run.start : run.end]
        copies = [nodes[first : first + run.period] for first in range(0, len(nodes), run.period)]
        boxes = [copy[0] for copy in copies] if run.period == 1 else self._copies(fold, copies)
        inside = self._write(
            [
                *(_Draft(port(INPUT, "")) for _ in fold.taken),
                *boxes,
                *(_Draft(port(OUTPUT, "")) for _ in fold.left),
            ],
            list(fold.inner()),
            fold=False,
        )
        below = boxes[0].node.below
        names = [draft.node.label for draft in (boxes if boxes[0].node.path else nodes) if draft.node.path]
        label = _span(names[0], names[-1]) if names else below or boxes[0].node.label
        drawn = box("run", label, below if below != label else "", times=run.times, inside=inside.group)
        return _Draft(drawn, ("run", run.times, tuple([draft.look for draft in copies[0]])))

    def _copies(self, fold: _Fold, copies: Sequence[Sequence[_Draft]]) -> list[_Draft]:
        """The boxes of copies of several nodes, each with a group that holds them."""
        paths = [_common(copy) for copy in copies]
        named = all(paths) and len(set(paths)) == len(paths)
        below = _listed([draft.node.below or draft.node.label for draft in copies[0]])
        boxes = []
        for number, (path, copy) in enumerate(zip(paths, copies, strict=True)):
            names = [draft.node.label for draft in copy if draft.node.path]
            span = _span(names[0], names[-1]) if names else ""
            label = path if named else span if span and "…" not in span else f"{number + 1} of {len(copies)}"
            inner = [_below(draft, path) for draft in copy] if named else copy
            drafts = [
                *(_Draft(port(INPUT, "")) for _ in fold.taken),
                *inner,
                *(_Draft(port(OUTPUT, "")) for _ in fold.given),
            ]
            inside = self._write(drafts, list(fold.within(number)))
            fold.less = inside.less
            boxes.append(_Draft(box("module", label, below, inside=inside.group, path=path if named else "")))
        return boxes


class _Fold:
    """A run, and the values that its copies take and give.

    taken:
        what a copy reads from beyond it: from a node outside the run, or from the copy before.
    given:
        what of a copy is read by others: the offset of the node, and its port.
    left:
        that part of it which leaves the run, from the last copy or from all.
    less:
        how many boxes fewer there are within a copy than nodes, for its own runs.
    """

    def __init__(
        self,
        run: Run,
        drafts: Sequence[_Draft],
        reads: Sequence[Sequence[Wire]],
        leaves: Sequence[Sequence[Wire]],
    ) -> None:
        self.run = run
        self.drafts = drafts
        self.less = 0
        self._reads = reads
        self._leaves = leaves
        start, period, _ = run
        self._last = run.end - period
        self.taken: dict[tuple[int, int], int] = {}  # by source and port, as the second copy reads
        for node in range(start + period, start + 2 * period):
            for wire in reads[node]:
                if wire.source < start + period:
                    self.taken.setdefault((wire.source, wire.out_port), len(self.taken))
        self.given: dict[tuple[int, int], int] = {}
        for source, out in self.taken:
            if source >= start:
                self.given.setdefault((source - start, out), len(self.given))
        # What all copies give to a node outside, all give; of the rest the last one's is meant.
        common = {
            (node - start, wire.out_port, wire.target, wire.in_port)
            for node in range(start, start + period)
            for wire in leaves[node]
            if wire.target >= run.end
        }
        self.left: dict[tuple[int, int, bool], int] = {}
        self._left: dict[Wire, int] = {}
        for node in range(start, run.end):
            offset = (node - start) % period
            for wire in leaves[node]:
                if wire.target < run.end:
                    continue
                self.given.setdefault((offset, wire.out_port), len(self.given))
                shared = (offset, wire.out_port, wire.target, wire.in_port) in common
                port = self.left.setdefault((offset, wire.out_port, shared), len(self.left))
                self._left[wire] = port
        # The input of the run by which each wire from outside comes in.
        self._into: dict[Wire, int] = {}
        for node in range(start, run.end):
            for wire, twin in self._twins(node):
                if wire.source < start:
                    self._into[wire] = self.taken[twin.source, twin.out_port]

    def in_port(self, wire: Wire) -> int:
        """The input of the run by which a wire from outside comes in."""
        return self._into[wire]

    def out_port(self, wire: Wire) -> int:
        """The output of the run by which a wire leaves it."""
        return len(self.taken) + self.run.times + self._left[wire]

    def within(self, number: int) -> Iterator[Wire]:
        """The wires of one copy of several nodes: inputs come first, then the nodes, then the outputs."""
        start, period, _ = self.run
        first = start + number * period
        ports = len(self.taken)
        for offset in range(period):
            for wire, twin in self._twins(first + offset):
                if wire.source >= first:
                    source = ports + wire.source - first
                    yield wire._replace(source=source, target=ports + offset)
                else:
                    source = self.taken[twin.source, twin.out_port]
                    yield wire._replace(source=source, target=ports + offset, out_port=-1)
        texts = self._texts()
        for (offset, out), place in self.given.items():
            yield Wire(ports + offset, ports + period + place, texts.get((offset, out), ""), out)

    def inner(self) -> Iterator[Wire]:
        """The wires between the copies: inputs come first, then the copies, then the outputs."""
        start, period, times = self.run
        ports = len(self.taken)
        found: dict[Wire, None] = {}
        for number in range(times):
            for offset in range(period):
                for wire, twin in self._twins(start + number * period + offset):
                    if wire.source >= start + number * period:
                        continue
                    place = self.taken[twin.source, twin.out_port]
                    into, read = (wire.in_port, wire.read) if period == 1 else (place, "")
                    if number == 0 or twin.source < start:
                        found[Wire(place, ports + number, wire.made, -1, into, read)] = None
                    else:
                        given = (twin.source - start, twin.out_port)
                        before, out = ports + number - 1, self._out(given)
                        found[Wire(before, ports + number, wire.made, out, into, read)] = None
        texts = self._texts()
        for (offset, out, shared), place in self.left.items():
            given = (offset, out)
            for number in range(0 if shared else times - 1, times):
                text = texts.get(given, "")
                found[Wire(ports + number, ports + times + place, text, self._out(given))] = None
        yield from found

    def _out(self, given: tuple[int, int]) -> int:
        """The port of a copy's box from which a value comes."""
        if self.run.period == 1:
            return given[1]
        return len(self.taken) + self.run.period - self.less + self.given[given]

    def _twins(self, node: int) -> Iterator[tuple[Wire, Wire]]:
        """What a node reads, each with what the same node of the second copy reads there."""
        start, period, _ = self.run
        return zip(self._reads[node], self._reads[start + period + (node - start) % period], strict=True)

    def _texts(self) -> dict[tuple[int, int], str]:
        """What is written at the values that a copy gives."""
        start, period, _ = self.run
        return {
            (node - start, wire.out_port): wire.made
            for first in (start, self._last)
            for node in range(first, first + period)
            for wire in self._leaves[node]
        } | {
            (node - self._last, wire.out_port): wire.made
            for node in range(self._last, self.run.end)
            for wire in self._leaves[node]
        }


# Words


def _stem(path: str) -> str:
    """What names of one copy have in common: all before the last dot, or the number at the end."""
    around, dot, _ = path.rpartition(".")
    if dot:
        return around
    digits = _DIGITS.findall(path)
    return digits[-1] if digits and path != digits[-1] else ""


def _span(first: str, last: str) -> str:
    return first if first == last else units.span(first, last)


def _listed(texts: Sequence[str]) -> str:
    """ "conv, bn, relu", and how many more."""
    told = list(dict.fromkeys(texts))
    more = f" +{len(told) - _TOLD}" if len(told) > _TOLD else ""
    return ", ".join(told[:_TOLD]) + more


def _common(copy: Sequence[_Draft]) -> str:
    """The dotted beginning that the names of a copy's modules have in common; "" where there is none."""
    modules = [draft.node for draft in copy if draft.node.kind == MODULE]
    if any(node.elsewhere for node in modules):
        return ""
    common = []
    for level in zip(*(node.path.split(".")[:-1] for node in modules), strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return ".".join(common)


def _below(draft: _Draft, around: str) -> _Draft:
    """The draft as it is within the box of that name."""
    node = draft.node
    if node.kind != MODULE or not node.path:
        return draft
    path = node.path[len(around) + 1 :]
    new = box("module", path, node.below, inside=node.inside, path=path)
    return draft._replace(node=new._replace(marks=node.marks))


def _marks(row: Layer) -> list[str]:
    marks = []
    if row.shared_with is not None:
        marks.append(f"shared with {row.shared_with or 'the network'}")
    if not row.completed:
        marks.append("not completed")
    return marks


def _shape_text(report: Report) -> Callable[[Shape | None], str]:
    """How shapes are written: without the samples of a batch, where all that comes and goes has as many."""
    ends = [leaf.shape for leaf in (*report.inputs, *report.root.outputs) if leaf.shape is not None]
    leading = {shape[0] if shape else -1 for shape in ends}
    batch = leading.pop() if len(leading) == 1 else -1
    known: dict[Shape | None, str] = {None: ""}

    def text(shape: Shape | None) -> str:
        if shape not in known:
            assert shape is not None
            known[shape] = units.shape(shape[1:] if len(shape) > 1 and shape[0] == batch else shape)
        return known[shape]

    return text


# What is open, and what boxes are worth


def opened_of(
    groups: Sequence[DrawnGroup], kinds: Collection[str] = ("module",), most: int = VISIBLE
) -> frozenset[tuple[int, ...]]:
    """The boxes of those kinds that are open at first: level by level, while what is seen stays little."""
    opened: set[tuple[int, ...]] = set()
    seen = len(groups[0].nodes)
    level: list[tuple[tuple[int, ...], DrawnNode]] = [
        ((number,), node) for number, node in enumerate(groups[0].nodes)
    ]
    while level:
        inner: list[tuple[tuple[int, ...], DrawnNode]] = []
        opening = set()
        for steps, node in level:
            if node.kind not in kinds or not is_worth_opening(groups, node):
                continue
            opening.add(steps)
            inner += [((*steps, number), one) for number, one in enumerate(groups[node.inside].nodes)]
        seen += sum([node.kind not in (INPUT, OUTPUT) for _, node in inner])
        if seen > most:
            break
        opened |= opening
        level = inner
    return frozenset(opened)


def opened_to(groups: Sequence[DrawnGroup], depth: int, most: int = MOST_OPEN) -> frozenset[tuple[int, ...]]:
    """All boxes that are less deep than that, up to a number."""
    opened: set[tuple[int, ...]] = set()
    waiting: list[tuple[tuple[int, ...], int, int]] = [((), 0, 0)]
    for steps, inside, deep in waiting:
        for number, node in enumerate(groups[inside].nodes):
            within = deep + 1
            small = len(opened) < most and len(steps) < DEEPEST
            if small and within <= depth and is_worth_opening(groups, node):
                opened.add((*steps, number))
                waiting.append(((*steps, number), node.inside, within))
    return frozenset(opened)


def is_worth_opening(groups: Sequence[DrawnGroup], node: DrawnNode) -> bool:
    """Whether modules are inside: the operators of a normalisation are for who asks for them."""
    return node.inside >= 0 and any(one.kind in ("module", "run") for one in groups[node.inside].nodes)


def values_of(report: Report) -> dict[str, dict[str, float | None]]:
    """{quantity: {path: value}} of all quantities that the report has, with everything inside."""
    wanted: dict[str, Callable[[Layer], float | None]] = {
        "macs": lambda layer: layer.macs,
        "params": lambda layer: layer.params,
        "output_bytes": lambda layer: layer.output_bytes,
    }
    if report.timing is not None:
        wanted = {"time": lambda layer: layer.time, **wanted}
    if report.roof is not None:
        wanted["bound"] = lambda layer: layer.bound
    if report.memory is not None:
        wanted |= {"saved": lambda layer: layer.saved, "live": lambda layer: layer.live}
    return {key: {layer.path: get(layer) for layer in report.layers} for key, get in wanted.items()}
