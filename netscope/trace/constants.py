"""Small tensors made from numbers alone: positions, masks. On meta they keep their values.

Networks ask such values what to do (whether positions start anew within a sequence, say), and a meta tensor
has none to tell. They cost next to nothing, so they are computed for real; whatever meets a tensor without
values has none itself. Small buffers and arguments that a forward may ask (how many rows, which places) have
theirs too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch

from netscope.trace.standins import is_meta

# Elements of a constant that is still worth computing with: the mask of an image's pixels.
SMALL: Final = 2**19
# Elements of an owner's tensor that is copied with its values.
KEPT: Final = 2**16


def most_kept(dtype: torch.dtype) -> int:
    """Elements of an owner's tensor that still has its values on meta: numbers that count or choose.

    Of others a lone one: a threshold. What a network computes with has none, so that it is not computed.
    """
    return 1 if dtype.is_floating_point or dtype.is_complex else KEPT


# Where it is computed, whatever device was asked for.
HERE: Final[dict[str, Any]] = {"device": torch.device("cpu")}


def _span(start: float, end: float, step: float = 1) -> float:
    return (end - start) / step if step else math.inf


def _volume(sizes: Sequence[int], *_: Any) -> float:
    return math.prod(sizes)


# Memory to be filled with sizes and places, by indices.
_EMPTY: Final = "aten.empty.memory_format"
_COUNTING: Final = frozenset({torch.int64, torch.int32, torch.bool})
# What these are like has no say in their values. Of fractions they may be gradients, which are where that is.
_SIZED: Final = frozenset({"aten.new_zeros.default", "aten.new_ones.default", "aten.new_full.default"})
_LIKE: Final = frozenset({"aten.zeros_like.default", "aten.ones_like.default", "aten.full_like.default"})

# Operator -> how many elements it makes of its positional arguments.
_ELEMENTS: Final[dict[str, Callable[..., float]]] = {
    "aten.arange.default": lambda end: _span(0, end),
    "aten.arange.start": _span,
    "aten.arange.start_step": _span,
    "aten.ones.default": _volume,
    "aten.zeros.default": _volume,
    "aten.full.default": _volume,
    _EMPTY: _volume,
    **dict.fromkeys(_SIZED, lambda like, sizes, *_: _volume(sizes)),
    **dict.fromkeys(_LIKE, lambda like, *_: like.numel()),
}


def makes_constants(operator: str) -> bool:
    """Whether `is_constant` may be true of that operator."""
    return operator in _ELEMENTS


def is_constant(operator: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call of an operator that makes constants makes a small and ordinary one."""
    try:
        elements = _ELEMENTS[operator](*args)
    except TypeError:  # an argument by name, or no number: let torch say what it thinks of it
        return False
    if operator == _EMPTY and kwargs.get("dtype") not in _COUNTING:
        return False
    if (operator in _LIKE or operator in _SIZED) and (kwargs.get("dtype") or args[0].dtype) not in _COUNTING:
        return False
    return 0 <= elements <= SMALL and not kwargs.get("pin_memory")


def most_elements(tensors: Sequence[torch.Tensor], args: Sequence[Any]) -> int:
    """More than an operator of these arguments can make of them: outer products, repeated as told."""
    most = math.prod(max(1, tensor.numel()) for tensor in tensors)
    for value in args:
        if isinstance(value, (list, tuple)):
            most *= math.prod(max(1, abs(size)) for size in value if isinstance(size, int))
    return most


def most_chosen(shape: Sequence[int], indices: Sequence[torch.Tensor | None]) -> int:
    """More than an index of these can choose of a tensor of that shape."""
    left, chosen = list(shape), []
    for index in indices:
        if index is None:
            left.append(left.pop(0))
            continue
        mask = index.dtype in (torch.bool, torch.uint8)
        del left[: index.ndim if mask else 1]
        chosen.append((index.numel(),) if mask else tuple(index.shape))
    try:
        count = math.prod(torch.broadcast_shapes(*chosen))  # type: ignore[no-untyped-call]
    except RuntimeError:  # masks, which may choose fewer
        count = math.prod(math.prod(sizes) for sizes in chosen)
    return count * math.prod(left)


def stays(tensor: torch.Tensor, kwargs: dict[str, Any]) -> bool:
    """Whether a copy to another device is none, because the original would have been made there."""
    return not is_meta(tensor) and changes_device_alone(tensor, kwargs)


def changes_device_alone(tensor: torch.Tensor, kwargs: dict[str, Any]) -> bool:
    """Whether a copy is like the original in all but where it is."""
    same = {"dtype": tensor.dtype, "layout": tensor.layout, "memory_format": torch.preserve_format}
    changed = [key for key, value in kwargs.items() if value is not None and value != same.get(key)]
    return {"device", "non_blocking"}.issuperset(changed)
