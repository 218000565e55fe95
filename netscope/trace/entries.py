"""What is remembered of an operator on given arguments, so that it need not be run or ruled again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from netscope.base.workload import TensorSpec
from netscope.trace.facts import Operator
from netscope.trace.schema import Effect
from netscope.trace.shapes import Layout
from netscope.trace.shapes.layout import broadcast, dtype_name

# Arguments with layouts in place of tensors: positional, named.
Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_VERBATIM = frozenset({int, float, bool, str, complex, type(None)})


class Entry:
    """An operator on given arguments.

    layouts:
        of what it returns, in order, None where it returned None.
    structure:
        `torch.Tensor` for a lone result, `tuple` or `list`; None for anything that layouts cannot tell.
    effect:
        how its result is made again without running it; OTHER where it cannot.
    """

    __slots__ = ("effect", "layouts", "operator", "structure")

    def __init__(
        self, operator: Operator, layouts: tuple[Layout | None, ...], structure: Any, effect: Effect
    ) -> None:
        self.operator = operator
        self.layouts = layouts
        self.structure = structure
        self.effect = Effect.OTHER if structure is None else effect


def structure_of(result: Any) -> tuple[Any, list[Any]]:
    """The structure of a result, as in `Entry`, and its items."""
    if isinstance(result, torch.Tensor):
        return torch.Tensor, [result]
    if isinstance(result, (tuple, list)) and all(
        item is None or isinstance(item, torch.Tensor) for item in result
    ):
        return (tuple if isinstance(result, tuple) else list), list(result)
    return None, []


def operator_of(
    name: str, tags: frozenset[str], arguments: Arguments, layouts: Sequence[Layout | None]
) -> Operator:
    """The fact of an operator. Arguments that are None by name were not given."""
    args, kwargs = arguments
    return Operator(
        name,
        _specs(args),
        {k: _spec(v) for k, v in kwargs.items() if v is not None} if kwargs else {},
        tuple([layout.spec for layout in layouts if layout is not None]),
        tags,
    )


def fits(arguments: Arguments) -> bool:
    """Whether everything written into the first argument broadcasts to it, so that it cannot fail."""
    args, kwargs = arguments
    target = args[0]
    others = (*args[1:], *kwargs.values())
    if not isinstance(target, Layout) or any(isinstance(other, list) for other in others):
        return False
    layouts = [other for other in others if isinstance(other, Layout)]
    return not layouts or (
        broadcast([target.shape, *(layout.shape for layout in layouts)]) == target.shape
        and all(layout.dtype in (target.dtype, torch.bool) for layout in layouts)
    )


def _specs(values: Iterable[Any]) -> tuple[Any, ...]:
    """`_spec` of each; a call of it is saved for what most of them are."""
    return tuple(
        [
            value if (kind := type(value)) in _VERBATIM else value.spec if kind is Layout else _spec(value)
            for value in values
        ]
    )


def _spec(value: Any) -> Any:
    """An argument as it is written down: layouts as specs, everything unusual as text."""
    kind = type(value)
    if kind in _VERBATIM:
        return value
    if kind is Layout:
        return value.spec
    if kind is list:
        return tuple(value) if value and type(value[0]) is int else _specs(value)
    if kind is torch.ScriptObject:
        return _unpacked(value)
    return str(value).removeprefix("torch.")


def _unpacked(value: torch.ScriptObject) -> Any:
    """The weight and bias inside a packed quantised parameter, as specs; else the object's type."""
    try:
        with _disable_current_modes():  # it makes tensors, which no mode should see
            inside = value.unpack()  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError, NotImplementedError):
        return str(value._type())
    return tuple(
        TensorSpec(tuple(t.shape), dtype_name(t.dtype)) if isinstance(t, torch.Tensor) else None
        for t in inside
    )
