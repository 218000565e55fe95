from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.answers.explain.formula import evaluate, repeated, total, without_ones
from tests.answers.explain.support import worked_out


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("floor((227 + 2*0 - 1*(11-1) - 1)/4) + 1", 55),
        ("ceil((7 - 2)/2) + 1", 4),
        ("(224 - 11) % 4", 1),
        ("-16 - 1*16", -32),
        ("floor(13*1.5)", 19),
        ("96/2", 48),
        ("7/2", None),
        ("10 - 3 - 2", 5),
    ],
)
def test_a_formula_is_worked_out_exactly(formula: str, value: int | None):
    assert evaluate(formula) == value


@pytest.mark.parametrize("text", ["", "a + 1", "print(1)", "2**9", "floor(1, 2)", "1/0", "'x'", "floor(x=1)"])
def test_anything_else_is_no_formula(text: str):
    with pytest.raises(ValueError, match="formula"):
        evaluate(text)


def test_a_sum_of_thousands_of_terms_is_no_trouble():
    assert evaluate(" + ".join(["1", "2"] * 5000)) == 15_000


def test_sums_count_equal_terms_and_leave_nothing_out():
    assert total([5, 5, 0, 7]) == "2*5 + 7"
    assert total(["3*3", "3*3", "1 + 2"]) == "2*3*3 + 1 + 2"
    assert total([]) == total([0, 0]) == "0"
    assert repeated(2, "3 + 4") == "2*(3 + 4)"
    assert repeated(1, "3 + 4") == "3 + 4"
    assert repeated(3, "(3 + 4)*2") == "3*(3 + 4)*2"
    assert without_ones((1, 96, 55, 55)) == "96*55*55"
    assert without_ones((1, 1)) == "1"
    assert without_ones(()) == "1"


@given(terms=st.lists(st.integers(0, 10**12)))
def test_a_sum_comes_to_what_its_terms_come_to(terms: list[int]):
    assert evaluate(total(terms)) == worked_out(total(terms)) == sum(terms)
