"""Another way to work a formula out, so that the package does not check itself."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import netscope
from netscope.answers.explain import Explanation
from netscope.report.report import Report

_ALLOWED = re.compile(r"(?:floor\(|ceil\(|\d+(?:\.\d+)?|[-+*/%() ])+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def worked_out(formula: str) -> Fraction:
    """What the formula comes to by Python's own rules, in fractions."""
    assert _ALLOWED.fullmatch(formula), formula
    exact = _NUMBER.sub(lambda number: f"F('{number[0]}')", formula)
    names = {"F": Fraction, "floor": math.floor, "ceil": math.ceil, "__builtins__": {}}
    return Fraction(eval(exact, names))  # noqa: S307 - digits, signs, floor and ceil only


def holds(report: Report) -> None:
    """Every formula comes to its value, and every value is the traced one."""
    explanations = netscope.explain(report)
    assert [e.path for e in explanations] == [layer.path for layer in report]
    for explanation in explanations:
        for line in explanation:
            if line.formula:
                assert worked_out(line.formula) == line.value, (explanation.path, line)
        layer = explanation.layer
        assert explanation["params"].value == layer.params
        assert explanation["macs"].value == layer.macs
        assert explanation["output_bytes"].value == layer.output_bytes
        if layer.output_shape is not None:
            assert explanation["output_elements"].value == math.prod(layer.output_shape)
        sides = sides_of(explanation)
        if sides:
            assert tuple(sides) == (layer.output_shape or ())[-len(sides) :]


def sides_of(explanation: Explanation) -> list[int | None]:
    """The output sides that an explanation names, a square's twice."""
    if "output_side" in explanation:
        shape = explanation.layer.output_shape or ()
        return [explanation["output_side"].value] * (len(shape) - (2 if len(shape) > 3 else 1))
    names = [f"output_{name}" for name in ("depth", "height", "width", "length")]
    return [explanation[name].value for name in names if name in explanation]


def surprises(report: Report) -> list[tuple[str, str]]:
    """Lines of modules whose formula did not give the traced figure; functional work has none to give."""
    return [
        (said.path, line.key)
        for said in netscope.explain(report)
        for line in said
        if "as traced" in line.note and said.layer.kind == "module"
    ]
