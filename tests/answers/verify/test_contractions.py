"""The arithmetic of contractions by shapes: by hand, and against the loops that define them."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.answers.verify.contractions import RULES, bare, macs_of
from netscope.base.workload import TensorSpec


def t(*shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(shape, dtype)


SIDES = st.integers(1, 7)


def test_names_without_namespace_and_overload() -> None:
    assert bare("aten.mm.default") == bare("aten::mm") == bare("aten.mm") == "mm"
    assert bare("flex_attention") == "flex_attention"


@pytest.mark.parametrize(
    ("operator", "args", "out", "macs"),
    [
        ("mm", (t(2, 3), t(3, 5)), t(2, 5), 2 * 3 * 5),
        ("bmm", (t(4, 2, 3), t(4, 3, 5)), t(4, 2, 5), 4 * 2 * 3 * 5),
        ("matmul", (t(3), t(7, 3, 5)), t(7, 5), 7 * 3 * 5),
        ("mv", (t(2, 3), t(3)), t(2), 6),
        ("dot", (t(9), t(9)), t(), 9),
        ("addmm", (t(5), t(2, 3), t(3, 5)), t(2, 5), 30),
        ("addbmm", (t(2, 5), t(4, 2, 3), t(4, 3, 5)), t(2, 5), 4 * 2 * 3 * 5),
        ("linear", (t(2, 6, 3), t(5, 3), None), t(2, 6, 5), 2 * 6 * 3 * 5),
        ("bilinear", (t(2, 3), t(2, 4), t(5, 3, 4)), t(2, 5), 2 * (5 * 3 * 4 + 5 * 4)),
        # AlexNet's first layer: 11*11*3 for each of 96 maps of 55*55.
        ("convolution", (t(1, 3, 227, 227), t(96, 3, 11, 11)), t(1, 96, 55, 55), 105_415_200),
        # Depthwise: 9 for each of 8 maps of 5*5.
        ("convolution", (t(1, 8, 5, 5), t(8, 1, 3, 3)), t(1, 8, 5, 5), 9 * 8 * 25),
        ("conv2d", (t(1, 8, 5, 5), t(8, 1, 3, 3), None, 1, 1, 1, 8), t(1, 8, 5, 5), 9 * 8 * 25),
        ("_convolution_mode", (t(1, 3, 5, 5), t(8, 3, 3, 3), None, [1], "same", [1], 1), t(1, 8, 5, 5), 5400),
        ("conv2d_relu", (t(1, 3, 5, 5), (t(8, 3, 3, 3), t(8)), 0.1, 0), t(1, 8, 5, 5), 5400),
        # Transposed: each of 3*8*8 inputs meets 8 kernels of 4*4.
        ("conv_transpose2d", (t(1, 3, 8, 8), t(3, 8, 4, 4)), t(1, 8, 16, 16), 3 * 64 * 8 * 16),
        ("convolution", (t(1, 3, 8, 8), t(3, 8, 4, 4), None, [2], [1], [1], True), t(1, 8, 16, 16), 24_576),
        # ViT-B/16: 12 heads, 197 tokens, 64 features, both products.
        ("scaled_dot_product_attention", (t(1, 12, 197, 64),) * 3, t(1, 12, 197, 64), 12 * 197 * 197 * 128),
        # 8 heads of queries on 2 of keys.
        ("scaled_dot_product_attention", (t(1, 8, 5, 4), *(t(1, 2, 5, 4),) * 2), t(1, 8, 5, 4), 8 * 25 * 8),
        ("lstm", (t(5, 2, 4), [], [t(24, 4), t(24, 6), t(24), t(24)]), t(5, 2, 6), 10 * 24 * 10),
        ("lstm", (t(11, 4), t(7), [], [t(24, 4), t(24, 6)]), t(11, 6), 11 * 24 * 10),
        ("gru_cell", (t(2, 5), t(2, 7), t(21, 5), t(21, 7)), t(2, 7), 2 * 21 * 12),
        ("_grouped_mm", (t(10, 4), t(3, 4, 6)), t(10, 6), 10 * 4 * 6),
        ("cdist", (t(3, 4), t(5, 4), 2.0), t(3, 5), 3 * 5 * 4),
        ("cdist", (t(3, 4), t(5, 4), 1.0), t(3, 5), 0),
        ("mm", (t(2, 3, dtype="complex64"), t(3, 5, dtype="complex64")), t(2, 5, dtype="complex64"), 4 * 30),
        ("relu", (t(2, 3),), t(2, 3), 0),
        ("mm", ("odd",), t(2, 3), 0),
    ],
)
def test_by_hand(operator: str, args: tuple[object, ...], out: TensorSpec, macs: int) -> None:
    assert macs_of(operator, args, [out]) == macs


@given(st.lists(SIDES, min_size=3, max_size=3))
def test_a_matrix_product_is_three_loops(sides: list[int]) -> None:
    n, k, m = sides
    loops = sum(1 for _ in itertools.product(range(n), range(k), range(m)))
    assert macs_of("mm", (t(n, k), t(k, m)), [t(n, m)]) == loops


@given(SIDES, SIDES, SIDES, st.integers(1, 3), st.integers(1, 3), st.integers(0, 2))
def test_a_convolution_is_its_loops(
    side: int, maps: int, depth: int, kernel: int, stride: int, pad: int
) -> None:
    padded = side + 2 * pad
    places = len(range(0, padded - kernel + 1, stride))
    loops = sum(1 for _ in itertools.product(range(places), range(maps), range(depth), range(kernel)))
    assert macs_of("convolution", (t(1, depth, side), t(maps, depth, kernel)), [t(1, maps, places)]) == loops


@pytest.mark.parametrize(
    ("equation", "one", "other", "out"),
    [
        ("bij,bkj->bik", (2, 3, 4), (2, 5, 4), 2 * 3 * 4 * 5),
        ("ij,jk", (3, 4), (4, 5), 60),
        ("ij,ij->ij", (3, 4), (3, 4), 0),  # element by element
        ("i,j->ij", (3,), (4,), 0),
        ("ijl,jk->ik", (3, 4, 9), (4, 5), 60),  # torch sums l up before
        ("bcxd,bcyd->bcxy", (2, 3, 4, 1), (2, 3, 5, 1), 0),  # a sum of one element
    ],
)
def test_einsum(equation: str, one: tuple[int, ...], other: tuple[int, ...], out: int) -> None:
    assert macs_of("einsum", (equation, [t(*one), t(*other)]), [t(1)]) == out


def test_what_is_not_known_is_no_reason() -> None:
    assert macs_of("einsum", ("ij,jk,kl->il", [t(2, 3), t(3, 4), t(4, 5)]), [t(2, 5)]) == 0
    assert math.prod(()) == 1
    assert "softmax" not in RULES
