"""Formulas that are wrong, each in another way. In effect for a block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from netscope.base.cost import Cost
from netscope.formulas import formula, temporary_formulas
from netscope.formulas.registry import _all, contraction
from netscope.trace.facts import Operator

CONVOLUTION: Final = "aten.convolution"
ATTENTION: Final = "aten.scaled_dot_product_attention"


def _changed(name: str, change: Callable[[Operator, int], int]) -> None:
    """The formula of an operator, with another figure for its multiply-accumulates."""
    right = _all()[name]

    def wrong(op: Operator) -> Cost:
        cost = right(op)
        assert cost is not None
        return contraction(change(op, cost.macs), cost.vector)

    formula(name)(wrong)


def _doubled() -> None:
    _changed(CONVOLUTION, lambda op, macs: 2 * macs)


def _no_linear() -> None:
    for name in ("aten.addmm", "aten.linear", "aten.mm"):
        _changed(name, lambda op, macs: 0)


def _half_attention() -> None:
    _changed(ATTENTION, lambda op, macs: macs // 2)


def _one_layer() -> None:
    """The first convolution of an image, by one multiply-accumulate."""
    _changed(CONVOLUTION, lambda op, macs: macs + (op.args[1].shape[1] == 3))


def _bias() -> None:
    """As torchinfo has it."""
    _changed(CONVOLUTION, lambda op, macs: macs + (op.outputs[0].numel if op.args[2] is not None else 0))
    _changed("aten.addmm", lambda op, macs: macs + op.outputs[0].numel)


def _norms() -> None:
    """As fvcore has it."""
    for name in (
        "aten.native_batch_norm",
        "aten._native_batch_norm_legit_no_training",
        "aten.native_layer_norm",
    ):

        def wrong(op: Operator, each: int = 5 if "layer" in name else 2) -> Cost:
            return contraction(each * op.outputs[0].numel)

        formula(name)(wrong)


def _groups() -> None:
    """A depthwise convolution as if it were none."""
    _changed(CONVOLUTION, lambda op, macs: macs * op.args[8])


PLANTED: Final = {
    "convolutions twice": _doubled,
    "no linear layers": _no_linear,
    "half of attention": _half_attention,
    "one layer by one": _one_layer,
    "bias as torchinfo": _bias,
    "norms as fvcore": _norms,
    "groups forgotten": _groups,
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """While active, that error is netscope's."""
    with temporary_formulas():
        PLANTED[name]()
        yield
