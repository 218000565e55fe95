from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from netscope.report.layer import Layer
from netscope.report.tree import children_of, ends_of, folds_of, inverted, parents_of, preorder


class Row(NamedTuple):
    depth: int


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Rows in preorder: each at most one deeper than the row before it, none as high as the root."""
    depths = [0]
    for _ in range(draw(st.integers(0, 30))):
        depths.append(draw(st.integers(1, depths[-1] + 1)))
    return [Row(depth) for depth in depths]


@given(rows())
def test_the_tree_has_the_depths_and_the_order_of_the_rows(found: list[Row]) -> None:
    parents, children = parents_of(found), children_of(found)
    assert parents[0] == -1
    for index, row in enumerate(found[1:], 1):
        assert found[parents[index]].depth == row.depth - 1
        assert index in children[parents[index]]
    assert list(preorder(0, lambda index: children[index])) == list(range(len(found)))
    assert inverted(parents) == children


@given(rows())
def test_a_subtree_is_a_slice(found: list[Row]) -> None:
    children = children_of(found)
    for index, end in enumerate(ends_of(found)):
        assert list(preorder(index, lambda index: children[index])) == list(range(index, end))


def test_identical_siblings_are_one_fold_in_all_their_copies() -> None:
    relu = Layer(path="", type="ReLU")
    layers = [
        replace(relu, type="Net"),
        *(
            replace(relu, path=path, depth=path.count(".") + 1, type=type_)
            for path, type_ in (
                ("0", "Block"), ("0.0", "ReLU"), ("0.1", "ReLU"), ("0.2", "Tanh"),
                ("1", "Block"), ("1.0", "ReLU"), ("1.1", "ReLU"), ("1.2", "Tanh"),
                ("2", "ReLU"),
            )
        ),
    ]  # fmt: skip
    folds = folds_of(layers, lambda layer: layer.type)
    assert [fold.copies for fold in folds] == [(0,), (1, 5), (2, 6, 3, 7), (4, 8), (9,)]
    assert [fold.last for fold in folds] == [0, 5, 3, 4, 9]
    assert [fold.parent for fold in folds] == [-1, 0, 1, 1, 0]
    assert [fold.copies for fold in folds_of(layers, None)] == [(index,) for index in range(10)]
