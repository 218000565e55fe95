"""Rows to be: what of a report may become a row of a table, under the names that tables show."""

from __future__ import annotations

from dataclasses import dataclass

from netscope.base import units
from netscope.report import operators
from netscope.report.own import NOTHING, Own
from netscope.report.report import Report
from netscope.report.tree import folds_of


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
        path = first.path if alone and within_one else _join(around.path, name)
        nodes.append(Node(copies, name, path, parent))
    return nodes


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
