"""Shape rules for the operators that most networks are made of.

`rule_for("aten.add.Tensor")` finds one; `RULES` is the whole table.
"""

from netscope.trace.shapes import contractions, movement, pointwise, reductions, views, windows
from netscope.trace.shapes.layout import Layout, Made, contiguous
from netscope.trace.shapes.registry import RULES, Rule, check_dtypes, infer, rule, rule_for

__all__ = [
    "RULES",
    "Layout",
    "Made",
    "Rule",
    "check_dtypes",
    "contiguous",
    "contractions",
    "infer",
    "movement",
    "pointwise",
    "reductions",
    "rule",
    "rule_for",
    "views",
    "windows",
]
