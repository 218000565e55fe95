"""Operator -> cost: the one table, how names find their formula, and what a formula may ask.

A formula is a pure function of an `Operator`'s specs:

    @formula("mylib.rotate")
    def rotate(op: Operator) -> Cost:
        return vector(op.outputs[0].numel, mul=2, add=1)

It answers None, or lets `Uncountable` pass, where specs do not determine the cost. Nothing here
imports torch.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from operator import index
from typing import Any, Final, TypeVar

from netscope.base.cost import FREE, Cost, VectorOps
from netscope.base.errors import interrupts, said
from netscope.base.workload import TensorSpec
from netscope.formulas.complex import is_complex, of_complex
from netscope.formulas.sparse import is_sparse, of_sparse
from netscope.trace.facts import Operator

Formula = Callable[[Operator], Cost | None]
_F = TypeVar("_F", bound=Formula)

_FORMULAS: Final[dict[str, Formula]] = {}

# Modules that register more of them, and are imported when an operator is met that has no formula yet.
_LATER: Final[list[str]] = []

NOTHING: Final = VectorOps()
_KINDS: Final = ("contraction", "vector", "free")


class Uncountable(Exception):
    """The specs do not determine the cost; `cost_of` turns it into None."""


def formula(*names: str) -> Callable[[_F], _F]:
    """Register the decorated function as the cost of the operators of these names.

    A packet's name ("aten.add") stands for all its overloads, a full one ("aten.add.Scalar") for
    itself and goes before the packet. In-place forms ("aten.add_") and out= overloads are those of
    the functional operator unless they are registered themselves. Higher-order operators have neither
    namespace nor overload ("flex_attention"). The latest registration wins, so a formula of
    netscope's own can be replaced.

    Raises:
        ValueError: a name is malformed, or none was given (`@formula` without parentheses).
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError('formula() wants operator names, as in @formula("mylib.my_op")')
    for name in names:
        if name.count(".") > 2 or not all(name.split(".")):
            raise ValueError(f'{name!r} is no operator name: write "mylib.my_op" or "mylib.my_op.overload"')

    def register(function: _F) -> _F:
        for name in names:
            _FORMULAS[name] = function
        return function

    return register


def later(modules: Iterable[str]) -> None:
    """Name modules of formulas that few networks need."""
    _LATER.extend(modules)


def _all() -> dict[str, Formula]:
    """Every formula there is."""
    while _LATER:
        _import_next()
    return _FORMULAS


def _import_next() -> None:
    """Have one more family. What somebody registered before netscope's own were all there stays."""
    before = dict(_FORMULAS)
    import_module(_LATER[0])
    del _LATER[0]  # not before: an import that is interrupted is done again
    _FORMULAS.update(before)


@contextmanager
def temporary_formulas() -> Iterator[None]:
    """What is registered inside the block is forgotten after it, and what it replaced comes back."""
    before = dict(_all())
    try:
        yield
    finally:
        _FORMULAS.clear()
        _FORMULAS.update(before)


def registered() -> tuple[str, ...]:
    """The names that have a formula, sorted."""
    return tuple(sorted(_all()))


def cost_of(operator: Operator) -> Cost | None:
    """The cost of one call of `operator`; None when nothing honest can be said of it.

    An operator without a formula is free when torch's schema calls it a view or a factory, and
    unknown otherwise: never a silent zero. A formula that raises, most likely somebody's own, leaves its
    operator unknown and is warned of.
    """
    name = operator.name
    found = _resolve(name, _FORMULAS)
    if found is None and is_sparse(operator):
        return of_sparse(operator, None)
    if found is None and "view" in operator.tags:
        return FREE  # no family that comes later has any
    while found is None and _LATER:
        _import_next()
        found = _resolve(name, _FORMULAS)
    if found is None:
        return FREE if "factory" in operator.tags else None
    try:
        if is_sparse(operator) and _is_ours(found):
            return of_sparse(operator, found)
        cost = found(operator)
        if cost is None:
            return None
        if not _is_ours(found):
            return _sound(cost)  # somebody's own says what it means
        return of_complex(operator, cost) if is_complex(operator) else cost
    except Uncountable:
        return None
    except BaseException as error:  # whatever it is, the rest of the network can be counted
        if interrupts(error):
            raise
        warnings.warn(f"the formula of {name} failed, its calls are not counted: {said(error)}", stacklevel=2)
        return None


def _is_ours(function: Formula) -> bool:
    return getattr(function, "__module__", "").startswith("netscope.formulas.")


def _sound(cost: Any) -> Cost:
    """The cost in Python's integers, which can be added up: somebody's own formula may return anything.

    Raises:
        TypeError, ValueError: it is no cost.
    """
    if not isinstance(cost, Cost):
        kind = type(cost).__name__
        raise TypeError(f"a formula returns contraction(...), vector(...) or None, not {kind}")
    counts = (cost.macs, cost.causal_macs or 0, *cost.vector)
    if all(type(n) is int and n >= 0 for n in counts) and cost.kind in _KINDS:
        return cost
    if cost.kind not in _KINDS:
        raise ValueError(f"a cost is of kind {', '.join(_KINDS)}, not {cost.kind!r}")
    if min(counts) < 0:
        raise ValueError(f"it returned a negative count, {min(counts)}")
    causal = None if cost.causal_macs is None else index(cost.causal_macs)
    return Cost(cost.kind, index(cost.macs), VectorOps(*map(index, cost.vector)), causal)


def _resolve(name: str, formulas: Mapping[str, Formula]) -> Formula | None:
    """The formula of a full operator name: itself, its packet, its functional form, its packet."""
    for candidate in _spellings(name):
        if candidate in formulas:
            return formulas[candidate]
    return None


def _spellings(name: str) -> Iterator[str]:
    yield name
    packet, _, overload = name.rpartition(".")
    yield packet
    # "aten.__iand__" is a name of its own, not the in-place form of "aten.__iand_".
    if packet.endswith("_") and not packet.endswith("__"):
        functional = packet[:-1]
        yield f"{functional}.{overload}"
        yield functional


def arg(op: Operator, position: int, name: str, default: Any = None) -> Any:
    """The argument at `position` or called `name`, whichever way it was passed."""
    if position < len(op.args):
        return op.args[position]
    return op.kwargs.get(name, default)


def tensor(op: Operator, position: int, name: str) -> TensorSpec:
    """The same for an argument that has to be a tensor; `Uncountable` when it is none."""
    value = arg(op, position, name)
    if not isinstance(value, TensorSpec):
        raise Uncountable(f"{op.name}: argument {position} ({name}) is no tensor")
    return value


def packet_of(op: Operator) -> str:
    """The operator's name without namespace, overload and in-place mark: "add" for "aten.add_.Tensor"."""
    packet = op.name.split(".", 2)[1]
    return packet[:-1] if packet.endswith("_") and not packet.endswith("__") else packet


def optional_tensor(op: Operator, position: int, name: str) -> TensorSpec | None:
    """The same for a tensor that may be absent."""
    value = arg(op, position, name)
    return value if isinstance(value, TensorSpec) else None


def output(op: Operator, index: int = 0) -> TensorSpec:
    """The `index`-th tensor returned; `Uncountable` when the call returned fewer."""
    if index >= len(op.outputs):
        raise Uncountable(f"{op.name} returned {len(op.outputs)} tensors")
    return op.outputs[index]


def specs_in(values: Any) -> list[TensorSpec]:
    """The tensors among `values`, lists flattened."""
    if isinstance(values, TensorSpec):
        return [values]
    if isinstance(values, (list, tuple)):
        return [spec for value in values for spec in specs_in(value)]
    return []


def as_dims(value: Any) -> list[int]:
    """A dimension argument (None, an int, a list of ints) as a list; None is the empty list."""
    if value is None:
        return []
    return [value] if isinstance(value, int) else list(value)


def contraction(macs: int, vector: VectorOps = NOTHING, causal_macs: int | None = None) -> Cost:
    """`macs` multiply-accumulates, with the vector arithmetic that comes along."""
    return Cost("contraction", macs, vector, causal_macs)


def vector(elements: int, *, add: int = 0, mul: int = 0, div: int = 0, exp: int = 0, cmp: int = 0) -> Cost:
    """So many operations of each kind on each of `elements`."""
    return Cost("vector", vector=VectorOps(add, mul, div, exp, cmp) * elements)


def ops(*parts: VectorOps) -> Cost:
    """The sum of `parts` as the cost of a vector operator."""
    return Cost("vector", vector=total(parts))


def total(parts: Iterable[VectorOps]) -> VectorOps:
    """The sum of `parts`."""
    result = NOTHING
    for part in parts:
        result += part
    return result


def ceil_log2(n: int) -> int:
    """The least k with 2**k >= n; 0 for n <= 1."""
    return max(n - 1, 0).bit_length()


def broadcast(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """The shape of an elementwise operation on shapes of equal rank; an empty side stays empty."""
    return [0 if 0 in pair else max(pair) for pair in zip(a, b, strict=True)]


def product(sizes: Iterable[int]) -> int:
    """The product of `sizes`, 1 for none."""
    return math.prod(sizes)
