"""Walking arguments and results: containers, named tuples, dataclasses, opaque leaves."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch

from netscope.base.workload import TensorSpec

Leaf = tuple[str, Any]


def leaves(value: Any, place: str = "") -> Iterator[Leaf]:
    """Every leaf with its place: "0", "logits", "boxes.1"; "" when `value` itself is the leaf."""
    if isinstance(value, (torch.Tensor, TensorSpec)):
        yield place, value
        return
    if type(value) in (list, tuple):
        for index, child in enumerate(value):
            if isinstance(child, torch.Tensor):
                yield (f"{place}.{index}" if place else str(index)), child
            else:
                yield from leaves(child, f"{place}.{index}" if place else str(index))
        return
    for key, child in _children(value):
        yield from leaves(child, f"{place}.{key}" if place else str(key))
    if not _is_container(value):
        yield place, value


def map_tensors(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same structure with `change` applied to each tensor and TensorSpec; nothing is modified.

    Containers are rebuilt, so a forward that appends to a list argument does not reach the caller's.
    """
    if isinstance(value, (torch.Tensor, TensorSpec)):
        return change(value)
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        # Lengths are part of its structure, not of its data, and must stay readable.
        return value._replace(data=change(value.data))
    if isinstance(value, tuple):
        items = [map_tensors(item, change) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, (list, set, frozenset)):
        return type(value)(map_tensors(item, change) for item in value)
    if isinstance(value, dict):
        twin = copy.copy(value)
        for key, item in value.items():
            dict.__setitem__(twin, key, map_tensors(item, change))
        _set_fields(value, twin, change)
        return twin
    if _is_dataclass(value):
        copied = copy.copy(value)
        _set_fields(value, copied, change)
        return copied
    return value


def _set_fields(value: Any, twin: Any, change: Callable[[Any], Any]) -> None:
    """Change the fields of a dataclass, which a dict may be too (transformers' outputs are)."""
    for field in dataclasses.fields(value) if _is_dataclass(value) else ():
        if hasattr(value, field.name):
            object.__setattr__(twin, field.name, map_tensors(getattr(value, field.name), change))


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _is_container(value: Any) -> bool:
    return isinstance(value, (tuple, list, set, frozenset, dict)) or _is_dataclass(value)


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, (tuple, list, set, frozenset)):
        yield from enumerate(value)
    elif _is_dataclass(value):
        yield from ((field.name, getattr(value, field.name, None)) for field in dataclasses.fields(value))
