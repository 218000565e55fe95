"""Operators as facts: what was called, on which shapes, with which other arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from netscope.base.workload import TensorSpec
from netscope.trace.facts import Operator
from netscope.trace.shapes import Layout
from netscope.trace.shapes.layout import broadcast, dtype_name

# Arguments with layouts in place of tensors: positional, named.
Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_VERBATIM = frozenset({int, float, bool, str, complex, type(None)})


def operator_of(
    name: str, tags: frozenset[str], arguments: Arguments, layouts: Sequence[Layout | None]
) -> Operator:
    """The fact of an operator. Arguments that are None by name were not given."""
    args, kwargs = arguments
    return Operator(
        name,
        tuple([_spec(value) for value in args]),
        {k: _spec(v) for k, v in kwargs.items() if v is not None} if kwargs else {},
        tuple([layout.spec for layout in layouts if layout is not None]),
        tags,
    )


def _spec(value: Any) -> Any:
    """An argument as it is written down: layouts as specs, everything unusual as text."""
    kind = type(value)
    if kind in _VERBATIM:
        return value
    if kind is Layout:
        return value.spec
    if kind is list:
        return tuple([_spec(item) for item in value])
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
