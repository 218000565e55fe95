"""An operator and its arguments, as the dispatcher hands them over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from netscope.trace.schema import Schema
from netscope.trace.tags import Tags, flat

if TYPE_CHECKING:
    from netscope.trace.memo.operators import Remembered

# What shape rules take, beside layouts and lists of either.
FOR_RULES: Final = frozenset(
    {
        *(int, float, complex, bool, str, type(None)),
        *(torch.dtype, torch.device, torch.layout, torch.memory_format),
    }
)


class Dispatched:
    """One call of an operator.

    reads:
        storages of the tensors among the arguments, in order.
    off_meta:
        whether one of these tensors lives on another device than meta.
    opaque:
        whether an argument holds something that no shape rule reads.
    key, known:
        for the memo: under which it is remembered, () for one that cannot be; and what is known of it.
    """

    __slots__ = ("args", "key", "known", "kwargs", "off_meta", "opaque", "reads", "schema")

    def __init__(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.schema = schema
        self.args = args
        self.kwargs = kwargs
        self.reads: list[int] = []
        self.off_meta = False
        self.opaque = False
        self.key: tuple[Any, ...] = ()
        self.known: Remembered | None = None

    def read(self, tags: Tags) -> None:
        """Look through the arguments."""
        for value in flat((*self.args, *self.kwargs.values())):
            if isinstance(value, torch.Tensor):
                self.off_meta |= not value.is_meta
                self.reads.append(tags.given(value)[1])
            elif type(value) not in FOR_RULES:
                self.opaque = True
