"""The tree of a report's rows, read off their preorder, with runs of identical siblings folded on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.show import operators
from netscope.show.figures import NOTHING, Figures


@dataclass(slots=True)
class Node:
    """A row to be: one layer, or the identical layers of a folded run (indices into `report.layers`)."""

    copies: tuple[int, ...]
    name: str
    path: str
    parent: int
    figures: Figures = NOTHING
    active: bool = False
    visible: bool = False
    expanded: bool = False


def nodes_of(report: Report, children: Sequence[Sequence[int]], fold: bool) -> list[Node]:
    """Rows to be in preorder, runs of identical siblings in one node when folded."""
    alike = _signatures(report.layers, children) if fold else None
    nodes: list[Node] = []
    stack: list[tuple[tuple[int, ...], str, str, int]] = [((0,), "", "", -1)]
    while stack:
        copies, name, path, parent = stack.pop()
        nodes.append(Node(copies, name, path, parent))
        here = len(nodes) - 1
        inner = list(zip(*(children[i] for i in copies), strict=True))
        below = []
        for run in _runs(report.layers, inner, alike):
            first, last = report.layers[run[0][0]], report.layers[run[-1][0]]
            both = first.name if len(run) == 1 else range_of(first.name, last.name)
            full = (
                first.path if path == report.layers[copies[0]].path and len(run) == 1 else _join(path, both)
            )
            below.append((tuple(i for position in run for i in position), both, full, here))
        stack.extend(reversed(below))
    return nodes


def uncounted(layers: Sequence[Layer], children: Sequence[Sequence[int]]) -> list[bool]:
    """For every layer whether an operator outside the rows below it could not be counted."""

    def calls(index: int) -> int:
        return sum(layers[index].unknown.values())

    return [calls(i) > sum(map(calls, inner)) for i, inner in enumerate(children)]


def _signatures(layers: Sequence[Layer], children: Sequence[Sequence[int]]) -> list[int]:
    """A number for every layer, equal for layers whose whole subtrees look the same."""
    known: dict[Any, int] = {}
    numbers = [0] * len(layers)
    for index in range(len(layers) - 1, -1, -1):
        layer = layers[index]
        look = (
            (layer.kind, layer.type, layer.base, operators.describe(layer), layer.calls, layer.used),
            (layer.completed, layer.registered, layer.shared_with, layer.inputs, layer.outputs),
            (layer.parameters, layer.buffers, tuple(layer.operators.items())),
            (layer.own_params, layer.own_macs, layer.own_vector, layer.own_output_bytes),
            tuple((layers[child].name, numbers[child]) for child in children[index]),
        )
        numbers[index] = known.setdefault(look, len(known))
    return numbers


def _runs(
    layers: Sequence[Layer], inner: Sequence[tuple[int, ...]], alike: Sequence[int] | None
) -> list[list[tuple[int, ...]]]:
    """Consecutive identical siblings together; each alone when `alike` is None."""
    runs: list[list[tuple[int, ...]]] = []
    for position in inner:
        same = alike is not None and runs and alike[runs[-1][0][0]] == alike[position[0]]
        if same and layers[position[0]].kind == "module":
            runs[-1].append(position)
        else:
            runs.append([position])
    return runs


def range_of(first: str, last: str) -> str:
    """("0", "11") -> "0-11"; ("block_1", "block_4") -> "block_1-4"; others keep both names."""
    stem = first.rstrip("0123456789")
    number = last[len(stem) :]
    if stem != first and last.startswith(stem) and number.isdigit():
        return f"{first}-{number}"
    return f"{first}…{last}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
