"""A drawing for paper, where nothing opens: a run shows what is in one copy, and how many there are."""

from __future__ import annotations

from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnGroup, DrawnNode


def in_blocks(drawing: Drawing) -> Drawing:
    """The drawing with the first copy inside each run, where a copy has something inside."""
    copies = {index: _first(drawing, node) for index, node in _runs(drawing)}
    groups = [_group(group, drawing, copies) for group in drawing.groups]
    return drawing._replace(groups=groups, opened=frozenset())


def _runs(drawing: Drawing) -> list[tuple[int, DrawnNode]]:
    """The runs by their groups."""
    return [
        (node.inside, node)
        for group in drawing.groups
        for node in group.nodes
        if node.kind == "run" and node.inside >= 0
    ]


def _first(drawing: Drawing, run: DrawnNode) -> int | None:
    """The index of the first copy within the run's group; None where nothing is inside it."""
    nodes = drawing.groups[run.inside].nodes
    number = next(index for index, node in enumerate(nodes) if node.kind != "input")
    return number if nodes[number].inside >= 0 else None


def _group(group: DrawnGroup, drawing: Drawing, copies: dict[int, int | None]) -> DrawnGroup:
    nodes = list(group.nodes)
    into: dict[int, dict[int, int]] = {}  # of runs: {its port: that of the copy}
    for number, node in enumerate(group.nodes):
        first = copies.get(node.inside) if node.kind == "run" else None
        if first is None:
            continue
        inner = drawing.groups[node.inside]
        copy = inner.nodes[first]
        last = first + node.times - 1
        into[number] = {edge.source: edge.in_port for edge in inner.edges if edge.target == first}
        into[number] |= {edge.target: edge.out_port for edge in inner.edges if edge.source == last}
        nodes[number] = node._replace(inside=copy.inside, path=copy.path, elsewhere=copy.elsewhere)
    edges = [_edge(edge, into) for edge in group.edges]
    return DrawnGroup(nodes, edges)


def _edge(edge: DrawnEdge, into: dict[int, dict[int, int]]) -> DrawnEdge:
    return edge._replace(
        out_port=into.get(edge.source, {}).get(edge.out_port, edge.out_port),
        in_port=into.get(edge.target, {}).get(edge.in_port, edge.in_port),
    )
