from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netscope
from netscope.answers.diff import Absorbed, diff
from netscope.answers.explain.formula import evaluate
from netscope.report.layer import Layer, Tensor
from netscope.report.report import Report
from tests.nets import chain, head
from tests.reports import around, conv, leaf, linear, pool, relu


def test_a_pool_that_fits_as_often_into_both_inputs() -> None:
    change = diff(head(55), head(56))
    assert change.absorbed == Absorbed("features.2", "floor((55 - 3)/2) + 1 = floor((56 - 3)/2) + 1 = 27")
    assert change.counts == {"=": 4, "~": 2, "+": 0, "-": 0}


@given(side=st.integers(5, 300))
@settings(max_examples=60)
def test_the_arithmetic_holds_wherever_there_is_any(side: int) -> None:
    found = diff(head(side), head(side + 1)).absorbed
    assert (found is not None) == (side % 2 == 1)  # 3 by 2: an odd side and the next even one
    if found is not None:
        old, new, value = found.because.split(" = ")
        assert evaluate(old) == evaluate(new) == int(value) == (side - 3) // 2 + 1


def test_nothing_is_absorbed_where_the_difference_goes_on() -> None:
    assert diff(head(55), head(57)).absorbed is None
    assert diff(head(55), head(55)).absorbed is None
    assert diff(head(55), head(55, classes=5)).absorbed is None


def adaptive(took: tuple[int, ...], size: int = 2, **other: Any) -> Report:
    pool = leaf(
        "pool", "AdaptiveAvgPool2d", took, (1, 4, size, size), hyperparameters={"output_size": size}, **other
    )
    rows = [conv("conv", took, took, 3, padding=1), pool, leaf("last", "Tanh", (1, 4, 2, 2), (1, 4, 2, 2))]
    return chain("adaptive", rows)


def test_an_adaptive_pool_says_what_it_does() -> None:
    found = diff(adaptive((1, 4, 8, 8)), adaptive((1, 4, 11, 9))).absorbed
    assert found == Absorbed("pool", "output side 2 as asked for, at any input size")


def test_a_side_that_a_pool_leaves_alone_is_no_reason() -> None:
    def pooled(height: int) -> Report:
        pool = leaf(
            "pool",
            "AdaptiveAvgPool2d",
            (1, 4, height, 8),
            (1, 4, 2, 8),
            hyperparameters={"output_size": (2, None)},
        )
        rows = [leaf("act", "ReLU", (1, 4, height, 8), (1, 4, height, 8)), pool]
        return chain("half", [*rows, leaf("last", "Tanh", (1, 4, 2, 8), (1, 4, 2, 8))])

    found = diff(pooled(8), pooled(9)).absorbed
    assert found == Absorbed("pool", "output height 2 as asked for, at any input size")


def test_a_square_and_an_oblong_input_have_the_same_arithmetic() -> None:
    def pooled(height: int) -> Report:
        rows = [
            relu("act", (1, 4, height, 6)),
            pool("pool", (1, 4, height, 6), (1, 4, 2, 2)),
            leaf("last", "Tanh", (1, 4, 2, 2), (1, 4, 2, 2)),
        ]
        return chain("odd", rows)

    because = "floor(({} - 3)/2) + 1 = floor(({} - 3)/2) + 1 = 2"
    assert diff(pooled(6), pooled(5)).absorbed == Absorbed("pool", because.format(6, 5))
    assert diff(pooled(5), pooled(6)).absorbed == Absorbed("pool", because.format(5, 6))


@pytest.mark.parametrize("within", [False, True])
def test_nothing_ends_that_goes_round_the_layer(within: bool) -> None:
    def net(side: int) -> Report:
        rows = [
            conv("part.conv", (1, 4, side, side), (1, 4, side, side), 1),
            leaf("part.pool", "MyPool", (1, 4, side, side), (1, 4)),
            linear("part.fc", (1, 4), (1, 2)),
        ]
        part = around("part", "Block", rows)
        last = [linear("last", (1, 2), (1, 2))] if within else []
        both = (Tensor("0", (1, 2), "float32"), Tensor("1", (1, 4, side, side), "float32"))
        whole = chain("two", [*part, *last])
        at = whole.layers.index(whole["part" if within else ""])
        layers = list(whole.layers)
        layers[at] = replace(layers[at], outputs=both)
        return replace(whole, layers=tuple(layers))

    found = diff(net(8), net(9))
    assert found["part.fc"].status == "="
    assert found.absorbed is None


def test_a_layer_that_has_no_such_line_gives_no_reason() -> None:
    def pooled(side: int, pool: Layer) -> Report:
        rows = [conv("conv", (1, 3, side, side), (1, 4, side, side), 3, padding=1), pool]
        return chain("odd", [*rows, linear("fc", (1, 4), (1, 2))])

    def custom(side: int) -> Layer:
        return leaf("pool", "MyPool", (1, 4, side, side), (1, 4))

    assert diff(pooled(8, custom(8)), pooled(9, custom(9))).absorbed == Absorbed("pool", "")


def test_a_formula_that_does_not_come_to_the_traced_side_is_not_shown() -> None:
    def broken(report: Report) -> Report:
        rows = [
            replace(x, hyperparameters={**x.hyperparameters, "stride": 3}) if x.path == "features.2" else x
            for x in report.layers
        ]
        return replace(report, layers=tuple(rows))

    assert diff(broken(head(55)), broken(head(56))).absorbed == Absorbed("features.2", "")


@pytest.mark.parametrize(("before", "after"), [((224, 224), (227, 227)), ((224, 224), (227, 224))])
def test_torchvisions_alexnet(before: tuple[int, int], after: tuple[int, int]) -> None:
    pytest.importorskip("torchvision")

    found = netscope.diff("torchvision/alexnet", input=(3, *before), input_b=(3, *after)).absorbed
    assert found is not None
    assert found.path == "features.2"
