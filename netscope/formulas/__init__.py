"""Formulas: operator -> cost, one pure function of specs each, its derivation beside it.

    cost_of(operator)               # Cost, or None when unknown
    @formula("mylib.my_op")         # add or replace one

Importing this package registers netscope's own; a module here is a family of operators.
"""

from __future__ import annotations

from netscope.formulas import (
    attention,
    backward,
    contractions,
    foreach,
    fused,
    linalg,
    losses,
    movement,
    normalization,
    pointwise,
    pooling,
    quantized,
    recurrent,
    reductions,
    sampling,
    softmax,
    spectral,
    transformer,
    uncounted,
    vision,
)
from netscope.formulas.registry import (
    Formula,
    Uncountable,
    contraction,
    cost_of,
    formula,
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

# Named so that the imports above are seen to be for their registrations.
_FAMILIES = (
    attention,
    backward,
    contractions,
    foreach,
    fused,
    linalg,
    losses,
    movement,
    normalization,
    pointwise,
    pooling,
    quantized,
    recurrent,
    reductions,
    sampling,
    softmax,
    spectral,
    transformer,
    uncounted,
    vision,
)
