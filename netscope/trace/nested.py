"""Nested tensors, made inside a forward: rows of different lengths.

A jagged one is a class of Python around the rows end to end, and does its operators on these: they are what
is recorded. A strided one is torch's own, and its operators run whole, on the rung where there are values.
Either is written down by the shape that its rows have end to end, (17, 8) for sequences of 5, 9 and 3.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import torch

from netscope.trace.facts import Storage
from netscope.trace.operators import operator_of
from netscope.trace.schema import Schema
from netscope.trace.shapes.layout import contiguous_strides
from netscope.trace.tags import tensors_in

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder
    from netscope.trace.shapes import Layout


@functools.cache
def are_jagged(types: tuple[type, ...]) -> bool:
    """Whether jagged tensors are among what an operator is given, by the classes with a say in it."""
    return any(
        cls.__name__ == "NestedTensor" and cls.__module__ == "torch.nested._internal.nested_tensor"
        for cls in types
    )


def values_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """The rows of a jagged tensor, end to end; None for any other."""
    rows: torch.Tensor | None = getattr(tensor, "_values") if are_jagged((type(tensor),)) else None  # noqa: B009
    return rows


def sizes_of(tensor: torch.Tensor) -> list[list[int]]:
    """The shape of each row of a strided one."""
    with torch._C._DisableTorchDispatch():
        sizes: list[list[int]] = tensor._nested_tensor_size().tolist()
    return sizes


def packed_shape(tensor: torch.Tensor) -> tuple[int, ...]:
    """What a strided one's rows are end to end: along the first dimension, where the others agree."""
    sizes = sizes_of(tensor)
    if sizes and sizes[0] and all(row[1:] == sizes[0][1:] for row in sizes):
        return (sum(row[0] for row in sizes), *sizes[0][1:])
    return (sum(math.prod(row) for row in sizes),)


class Nested:
    """The strided ones of one recording: their layouts and storages."""

    def __init__(self) -> None:
        # Kept alive, so that an identity is not given out twice.
        self._known: dict[int, tuple[torch.Tensor, Layout, int]] = {}

    def let_go(self) -> None:
        """Hold on to no tensor."""
        self._known.clear()

    def concerns(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether an operator makes one, or is given one."""
        if not self._known and "nested" not in schema.name:
            return False
        return "nested" in schema.name or any(t.is_nested for t in tensors_in((args, tuple(kwargs.values()))))

    def run(self, recorder: Recorder, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of an operator as a whole, recorded."""
        given = tensors_in((args, tuple(kwargs.values())))
        reads = [self._met(recorder, tensor)[1] for tensor in given]
        arguments = self._layouts(recorder, args), {k: self._layouts(recorder, v) for k, v in kwargs.items()}
        result = schema.func(*args, **kwargs)
        made = tensors_in(result)
        aliases = [] if schema.is_composite else schema.aliases
        layouts, writes = [], []
        for index, tensor in enumerate(made):
            alias = aliases[index] if len(aliases) == len(made) else None
            home = reads[0] if alias == 0 and reads else None
            if not tensor.is_nested:
                layouts.append(recorder.tags.layout_of(tensor))
                writes.append(recorder.born(tensor) if home is None else home)
                if home is not None and recorder.tags.met(tensor) is None:
                    recorder.tags.mark(tensor, home)
                continue
            layout, storage = self._met(recorder, tensor, home, born=len(recorder.ops))
            layouts.append(layout)
            writes.append(storage)
        if "scaled_dot_product" in schema.name and given and given[0].is_nested:
            self._attention(recorder, schema, args, kwargs, (reads, writes), given[0])
        else:
            recorder.record(operator_of(schema.name, schema.tags, arguments, layouts), reads, writes)
        return result

    def _attention(
        self,
        recorder: Recorder,
        schema: Schema,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        storages: tuple[list[int], list[int]],
        query: torch.Tensor,
    ) -> None:
        """Sequence by sequence: each attends to itself alone."""

        def row(value: Any, index: int) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            shape = tuple(sizes_of(value)[index] if value.is_nested else value.shape)
            return recorder.tags.layout(shape, contiguous_strides(shape), value.dtype)

        for index in range(len(sizes_of(query))):
            given = tuple([row(value, index) for value in args])
            named = {name: row(value, index) for name, value in kwargs.items()}
            recorder.record(operator_of(schema.name, schema.tags, (given, named), given[:1]), *storages)

    def spec_of(self, tensor: torch.Tensor) -> tuple[Layout, int] | None:
        """The layout and the storage of one that was met."""
        known = self._known.get(id(tensor))
        return None if known is None else known[1:]

    def _met(
        self, recorder: Recorder, tensor: torch.Tensor, home: int | None = None, born: int = -1
    ) -> tuple[Layout, int]:
        if not tensor.is_nested:
            tag = recorder.tags.given(tensor)
            return tag[0], tag[1]
        known = self._known.get(id(tensor))
        if known is None:
            shape = packed_shape(tensor)
            layout = recorder.tags.layout(shape, contiguous_strides(shape), tensor.dtype)
            if home is None:
                home = len(recorder.storages)
                recorder.storages.append(Storage(layout.nbytes, born))
            known = self._known[id(tensor)] = tensor, layout, home
        return known[1], known[2]

    def _layouts(self, recorder: Recorder, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return self._met(recorder, value)[0]
        if isinstance(value, tuple):
            return tuple([self._layouts(recorder, item) for item in value])
        if isinstance(value, list):
            return [self._layouts(recorder, item) for item in value]
        return value
