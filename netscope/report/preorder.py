"""The tree behind a list of layers: they stand in preorder, each with its depth."""

from __future__ import annotations

from collections.abc import Sequence

from netscope.report.layer import Layer


def children_of(layers: Sequence[Layer]) -> list[list[int]]:
    """For every layer the indices of its children, read off the preorder's depths."""
    children: list[list[int]] = [[] for _ in layers]
    open_: list[int] = []
    for index, layer in enumerate(layers):
        while open_ and layers[open_[-1]].depth >= layer.depth and len(open_) > 1:
            open_.pop()
        if open_:
            children[open_[-1]].append(index)
        open_.append(index)
    return children


def parents_of(children: Sequence[Sequence[int]]) -> list[int]:
    """For every layer the index of the one around it, -1 for the root."""
    parents = [-1] * len(children)
    for index, inner in enumerate(children):
        for child in inner:
            parents[child] = index
    return parents
