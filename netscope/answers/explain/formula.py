"""Arithmetic as text: formulas with their numbers put in, and what they come to.

A formula is made of whole numbers, decimals, `+ - * / %`, brackets, `floor(...)` and `ceil(...)`. It is
worked out in fractions, so a division is exact until floor or ceil takes it.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import groupby
from typing import Final

_BINARY: Final[dict[type, Callable[[Fraction, Fraction], Fraction]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: Final[dict[str, Callable[[Fraction], int]]] = {"floor": math.floor, "ceil": math.ceil}


def evaluate(formula: str) -> int | None:
    """What a formula comes to; None when that is no whole number.

    Raises:
        ValueError: it is no formula.
    """
    try:
        # Terms one by one, for Python's parser gives up on a sum of thousands of them.
        result = sum((_value(ast.parse(term, mode="eval").body) for term in _terms(formula)), Fraction())
    except (SyntaxError, ZeroDivisionError, RecursionError) as error:
        raise ValueError(f"{formula!r} is no formula") from error
    return int(result) if result.denominator == 1 else None


def _terms(formula: str) -> list[str]:
    """What is added up outside all brackets."""
    terms, depth = [""], 0
    for piece in formula.split(" + "):
        terms[-1] += piece
        depth += piece.count("(") - piece.count(")")
        if depth == 0:
            terms.append("")
        else:
            terms[-1] += " + "
    return terms[:-1] if depth == 0 else terms


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number):
            return Fraction(str(number))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _BINARY[type(sign)](_value(left), _value(right))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.Call(func=ast.Name(id="floor" | "ceil" as name), args=[argument], keywords=[]):
            return Fraction(_FUNCTIONS[name](_value(argument)))
    raise ValueError(f"{ast.unparse(node)!r} is no part of a formula")


def comes_to(formula: str, figure: int | None) -> bool:
    """Whether there is a formula and it comes to the figure."""
    try:
        return evaluate(formula) == figure
    except ValueError:
        return False


def product(factors: Iterable[object]) -> str:
    """(96, 55, 55) -> "96*55*55"; "1" without any."""
    return "*".join(map(str, factors)) or "1"


def without_ones(sizes: Iterable[int]) -> str:
    """The product of sizes, leading ones left out: (1, 96, 55, 55) -> "96*55*55"."""
    kept = list(sizes)
    while len(kept) > 1 and kept[0] == 1:
        del kept[0]
    return product(kept)


def repeated(times: int, formula: str) -> str:
    """(1, "a") -> "a"; (8, "3*3*10") -> "8*3*3*10"; a sum is put in brackets."""
    if times == 1 or not formula:
        return formula
    return f"{times}*({formula})" if _is_sum(formula) else f"{times}*{formula}"


def total(terms: Iterable[int | str]) -> str:
    """A sum; zeros are left out and runs of equal terms counted: [5, 5, 0, 7] -> "2*5 + 7"."""
    kept = [str(term) for term in terms if term not in (0, "", "0")]
    runs = [repeated(len(list(run)), term) for term, run in groupby(kept)]
    return " + ".join(runs) or "0"


def _is_sum(formula: str) -> bool:
    depth = 0
    for character in formula:
        depth += (character == "(") - (character == ")")
        if depth == 0 and character in "+-%/":
            return True
    return False
