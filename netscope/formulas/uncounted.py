"""Operators that are known and yet cannot be counted from shapes, each with the reason.

They answer None like any other unknown operator; the reason can be shown beside the name.
"""

from __future__ import annotations

from typing import Final

from netscope.formulas.registry import formula
from netscope.trace.facts import Operator

_DEGREE: Final = "the degree of the polynomial is data"
_ITERATION: Final = "the number of iterations depends on the values"
_RAGGED: Final = "sizes of the parts are data"
_SPARSE: Final = "the number of stored elements is data"

UNCOUNTED: Final[dict[str, str]] = {
    **{
        f"aten.special_{kind}_polynomial_{letter}": _DEGREE
        for kind, letters in {
            "chebyshev": "tuvw",
            "shifted_chebyshev": "tuvw",
            "hermite": ("h", "he"),
            "laguerre": "l",
            "legendre": "p",
        }.items()
        for letter in letters
    },
    "aten.gcd": "Euclid's algorithm takes as many steps as the values ask for",
    "aten.lcm": "Euclid's algorithm takes as many steps as the values ask for",
    **dict.fromkeys(
        (
            "aten.linalg_eig",
            "aten.linalg_eigvals",
            "aten._linalg_eigvals",
            "aten._linalg_eigh",
            "aten._linalg_svd",
            "aten.svd",
            "aten.linalg_matrix_exp",
            "aten.linalg_pinv",
            "aten.linalg_lstsq",
        ),
        _ITERATION,
    ),
    "aten.segment_reduce": _RAGGED,
    **dict.fromkeys(
        ("aten._cslt_sparse_mm", "aten._sparse_semi_structured_mm"),
        _SPARSE,
    ),
}


@formula(*UNCOUNTED)
def uncounted(op: Operator) -> None:
    """None, for the reason in the table."""
    return
