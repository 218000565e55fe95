"""Which rows and columns of a report to show: a `LayerTable` from a `Report` and what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from netscope.base import units
from netscope.base.errors import UsageError
from netscope.report import operators
from netscope.report.layer import UNCALLED, Layer
from netscope.report.own import NOTHING, Own, all_of
from netscope.report.report import Report
from netscope.report.tree import folds_of, lasts_of
from netscope.show import columns as columns_
from netscope.show.columns import Column
from netscope.show.rows import LayerRow, LayerTable, State
from netscope.show.strings import short


def build(
    report: Report,
    *,
    depth: int | None = None,
    only: Sequence[str] = (),
    layers: str | None = None,
    columns: Sequence[str] | None = None,
    default: Sequence[str] | None = None,
    sort: str | None = None,
    top: int | None = None,
    fold: bool = False,
) -> LayerTable:
    """What of the report to show.

    Args:
        depth: rows at most that deep (the root is 0); deeper ones are added to their ancestor's row.
        only: types or torch.nn base classes, as a flat list.
        layers: a glob on qualified names ("features.*"), as a flat list.
        columns: keys of `columns.COLUMNS`; those of `default` without it, or else of `columns.default_of`.
        sort: a column to sort by, largest number first, as a flat list.
        top: at most that many rows, sorted by MACs unless `sort` says otherwise.
        fold: show runs of identical siblings once.

    Raises:
        UsageError: an unknown column, a filter that nothing matches, a senseless number.
    """
    if depth is not None and depth < 0:
        raise UsageError(f"the depth must be 0 or more, not {depth}.")
    if top is not None and top < 1:
        raise UsageError(f"the number of rows must be 1 or more, not {top}.")
    sort = sort or ("macs" if top is not None else None)
    usual = columns_.default_of(report) if default is None else default
    chosen = columns_.choose(usual if columns is None else columns)
    if report.memory is None and (asked := [column.key for column in chosen if column in columns_.MEMORY]):
        raise UsageError(
            f"the report of {short(report.name)} was made without its memory ({asked[0]}).",
            hint="netscope memory MODEL has them, with --train for what is saved",
        )
    if report.ranks is None and (asked := [column.key for column in chosen if column in columns_.RANKS]):
        raise UsageError(
            f"the report of {short(report.name)} is not that of a rank ({asked[0]}).",
            hint="--mesh dp=32,tp=8 makes one of a module that is divided",
        )
    if columns is None and not report.whole:  # nobody knows the whole that parts would be of
        chosen = tuple(column for column in chosen if column.key != "share")
    key = None if sort is None else _sort_column(sort)
    flat = bool(only or layers or key)

    nodes = nodes_of(report, fold)
    _show(report, nodes, depth, _filter(report, nodes, only, layers))
    _gather(nodes, all_of(report), drop_empty=flat and not only)
    rows = [_row(report, nodes, node, flat) for node in nodes if node.visible]
    table = LayerTable(
        report=report,
        columns=chosen,
        rows=tuple(rows if flat else _with_branches(rows)),
        chosen=columns is not None,
        flat=flat,
        sort=sort,
        matching=len(rows),
    )
    if key is not None:
        table = _sorted(table, key, top)
    return _with_sum(table)


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A row to be: one layer, or the identical layers of a folded run (indices into `report.layers`)."""

    copies: tuple[int, ...]
    name: str
    path: str
    parent: int
    figures: Own = NOTHING
    active: bool = False
    visible: bool = False
    expanded: bool = False


def nodes_of(report: Report, fold: bool) -> list[Node]:
    """Rows to be in preorder, runs of identical siblings in one node when folded."""
    layers = report.layers
    nodes: list[Node] = []
    for copies, last, parent in folds_of(layers, operators.describe if fold else None):
        first = layers[copies[0]]
        if parent < 0:
            nodes.append(Node(copies, "", "", parent))
            continue
        around = nodes[parent]
        alone = last == copies[0]
        name = first.name if alone else units.span(first.name, layers[last].name)
        within_one = around.path == layers[around.copies[0]].path
        path = first.path if alone and within_one else ".".join(filter(None, (around.path, name)))
        nodes.append(Node(copies, name, path, parent))
    return nodes


Matches = Callable[[Node], bool]


def _filter(report: Report, nodes: Sequence[Node], only: Sequence[str], path: str | None) -> Matches:
    """Whether a node is of the types and the paths that were asked for.

    Raises:
        UsageError: no layer is.
    """
    from netscope.base.suggest import instead_of

    types = set(only)

    def of_type(layer: Layer) -> bool:
        return not types.isdisjoint((layer.type, layer.base, operators.SHORT.get(layer.type, ""), layer.kind))

    def matches(node: Node) -> bool:
        layer = report.layers[node.copies[0]]
        on_path = path is None or fnmatchcase(layer.path, path) or fnmatchcase(node.path, path)
        return on_path and (not types or of_type(layer))

    if types and not any(map(of_type, report.layers)):
        known = list(dict.fromkeys(layer.type for layer in report.layers if layer.kind == "module"))
        raise UsageError(
            f"{report.name!r} has no layer of type {', '.join(only)}.", hint=instead_of(only[0], known)
        )
    if (types or path is not None) and not any(map(matches, nodes)):
        hint = instead_of(path or "", [layer.path for layer in report.layers if layer.path])
        raise UsageError(f"{report.name!r} has no layer on the path {path!r}.", hint=hint)
    return matches


def _show(report: Report, nodes: Sequence[Node], depth: int | None, matches: Matches) -> None:
    """Say which nodes are visible and which stand around visible ones."""
    for node in nodes:
        layer = report.layers[node.copies[0]]
        node.visible = (depth is None or layer.depth <= depth) and matches(node)
    for node in reversed(nodes):
        layer = report.layers[node.copies[0]]
        node.active = node.active or layer.calls > 0
        if node.parent >= 0:
            parent = nodes[node.parent]
            parent.active = parent.active or node.active
            parent.expanded = parent.expanded or node.visible or node.expanded


def _gather(nodes: Sequence[Node], owns: Sequence[Own], *, drop_empty: bool) -> None:
    """Give every layer's own figures to the nearest visible row around it.

    A row around others that is left with none is dropped on request.
    """
    owner: list[int] = []
    for index, node in enumerate(nodes):
        owner.append(index if node.visible else owner[node.parent] if node.parent >= 0 else -1)
        if owner[-1] >= 0:
            into = nodes[owner[-1]]
            for copy in node.copies:
                into.figures = into.figures.plus(owns[copy])
    if drop_empty:
        for node in nodes:
            node.visible = node.visible and (bool(node.figures) or not node.expanded)


def _row(report: Report, nodes: Sequence[Node], node: Node, flat: bool) -> LayerRow:
    layer = report.layers[node.copies[0]]
    name = node.path if flat else node.name
    return LayerRow(
        layer=layer,
        path=node.path,
        label=name or "(root)",
        figures=node.figures,
        times=len(node.copies),
        heads_run=len(node.copies) > (len(nodes[node.parent].copies) if node.parent >= 0 and not flat else 1),
        expanded=node.expanded,
        state=_state(report, layer, node.active),
        marks=tuple(_marks(layer)),
    )


def _state(report: Report, layer: Layer, active: bool) -> State:
    if not layer.completed and layer.calls:
        return "raised" if layer.path == report.error_path else "stopped"
    if active or layer.kind == "functional" or layer.shared_with is not None:
        return ""
    if layer.used:
        return "by parent" if layer.parameters else ""
    if report.error:
        return "unreached"
    return "unseen" if UNCALLED in layer.unknown else "uncalled"


def _marks(layer: Layer) -> Iterable[str]:
    if layer.shared_with is not None:
        yield f"shared with {layer.shared_with or '(root)'}"
    else:
        for source in dict.fromkeys(p.shared_with for p in layer.parameters if p.shared_with is not None):
            yield f"shared with {source}"
        for source in dict.fromkeys(p.overlaps for p in layer.parameters if p.overlaps is not None):
            yield f"overlaps {source}"
    if not layer.registered:
        yield "unregistered"
    if any(p.packed for p in layer.parameters):
        yield "packed"
    if layer.calls > 1 and layer.kind != "functional":
        yield f"{layer.calls:,} calls"


def _with_branches(rows: Sequence[LayerRow]) -> list[LayerRow]:
    """The rows with the flags that draw the tree, in which all ancestors of a visible row are visible."""
    lasts = lasts_of([row.layer.depth for row in rows])
    return [row._replace(lasts=flags) for row, flags in zip(rows, lasts, strict=True)]


def _sort_column(key: str) -> Column:
    column = columns_.find(key)
    if not column.kind.sorts:
        able = ", ".join(c.key for c in columns_.COLUMNS if c.kind.sorts)
        raise UsageError(f"rows cannot be sorted by {key!r}.", hint=f"sort by {able}")
    return column


def _sorted(table: LayerTable, column: Column, top: int | None) -> LayerTable:
    """Largest number first, texts by alphabet, unknown last; equals stay in execution order."""

    def value(row: LayerRow) -> Any:
        return table.value(row, column).raw

    known = [row for row in table.rows if value(row) is not None]
    numbers = all(isinstance(value(row), (int, float)) for row in known)
    key = value if numbers else (lambda row: str(value(row)))
    known.sort(key=key, reverse=numbers)
    rows = [*known, *(row for row in table.rows if value(row) is None)]
    return table._replace(rows=tuple(rows[:top]))


def _with_sum(table: LayerTable) -> LayerTable:
    total = NOTHING
    for row in table.rows:
        total = total.plus(row.figures)
    return table._replace(figures=total)
