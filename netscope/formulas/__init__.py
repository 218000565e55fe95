"""Formulas: operator -> cost, one pure function of specs each, its derivation beside it.

    cost_of(operator)               # Cost, or None when unknown
    @formula("mylib.my_op")         # add or replace one

A module here is a family of operators, and is found by being here. Those that most networks run are
registered with this package; the others when an operator is met that has no formula yet.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

from netscope.formulas.registry import (
    Formula,
    Uncountable,
    contraction,
    cost_of,
    formula,
    later,
    registered,
    temporary_formulas,
    vector,
)

__all__ = [
    "Formula",
    "Uncountable",
    "contraction",
    "cost_of",
    "formula",
    "registered",
    "temporary_formulas",
    "vector",
]

# What images run through, from the first layer to the last.
_COMMON: Final = ("contractions", "movement", "normalization", "pointwise", "pooling", "reductions")

for _family in _COMMON:
    import_module(f"{__name__}.{_family}")

# One after the other, until the operator is found. Attention, the one most often needed, comes first.
later(
    f"{__name__}.{found.stem}"
    for found in sorted(Path(__file__).parent.glob("[a-z]*.py"))
    if found.stem not in (*_COMMON, "registry", "complex", "sparse")
)
