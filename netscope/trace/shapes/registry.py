"""The table of shape rules: aten operator -> function of layouts.

A rule gets the operator's arguments with every tensor replaced by its `Layout` and returns what the
operator makes, or None to leave the case to torch's own meta kernel. A wrong call is such a case: torch
then raises the error that people know. Rules exist for speed alone: the first meta kernel written in
Python costs a second of imports, and each call of one up to half a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from netscope.trace.shapes.layout import Made, dtype_name

Rule = Callable[..., Made | Sequence[Made] | None]

RULES: Final[dict[str, Rule]] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule under aten names: "add" for every overload, "where.self" for one."""

    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return register


def rule_for(name: str) -> Rule | None:
    """The rule for a qualified operator name such as "aten.add.Tensor"; in-place forms share theirs."""
    namespace, _, rest = name.partition(".")
    if namespace != "aten":
        return None
    packet, _, overload = rest.partition(".")
    if overload.endswith("out"):
        return None
    return RULES.get(rest) or RULES.get(packet) or RULES.get(packet.removesuffix("_"))


# The arguments of these, from the first that is multiplied, must be of one dtype. Kernels insist on it,
# torch's meta kernels do not.
_ONE_DTYPE: Final[dict[str, int]] = {
    **dict.fromkeys(("aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.convolution"), 0),
    **dict.fromkeys(("aten.addmm", "aten.baddbmm", "aten.addmv"), 1),
}


def check_dtypes(name: str, args: Sequence[Any]) -> None:
    """Raise what a kernel would, for factors of different dtypes.

    Raises:
        RuntimeError: as torch does.
    """
    first = _ONE_DTYPE.get(name.rpartition(".")[0])
    if first is not None and args[first].dtype != args[first + 1].dtype:
        raise RuntimeError(
            f"expected input and weight to have the same dtype, but got "
            f"{dtype_name(args[first].dtype)} and {dtype_name(args[first + 1].dtype)}"
        )


def infer(function: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Made | Sequence[Made] | None:
    """What the rule says; None also where the arguments are not of the form that it expects."""
    try:
        return function(*args, **kwargs)
    except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError):
        return None
