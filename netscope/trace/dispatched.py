"""An operator and its arguments, as the dispatcher hands them over."""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

import torch

from netscope.trace.schema import Schema
from netscope.trace.standins import is_meta
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


class Unusual(enum.Enum):
    """What may be among the arguments of an operator on meta."""

    OFF_META = enum.auto()  # a tensor that lives on another device
    OPAQUE = enum.auto()  # something that no shape rule reads
    SPARSE = enum.auto()  # a tensor that stores but some of its elements


class Dispatched:
    """One call of an operator.

    reads:
        storages of the tensors among the arguments, in order.
    off_meta, opaque, sparse:
        what is unusual of the arguments.
    key, known:
        for the memo: under which it is remembered, () for one that cannot be; and what is known of it.
    """

    __slots__ = ("args", "key", "known", "kwargs", "off_meta", "opaque", "reads", "schema", "sparse")

    def __init__(
        self,
        schema: Schema,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reads: list[int],
        unusual: Collection[Unusual],
        key: tuple[Any, ...] = (),
        known: Remembered | None = None,
    ) -> None:
        self.schema = schema
        self.args = args
        self.kwargs = kwargs
        self.reads = reads
        self.off_meta = Unusual.OFF_META in unusual
        self.opaque = Unusual.OPAQUE in unusual
        self.sparse = Unusual.SPARSE in unusual
        self.key = key
        self.known = known

    @classmethod
    def read(cls, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any], tags: Tags) -> Dispatched:
        """Look through the arguments."""
        reads: list[int] = []
        unusual = set()
        for value in flat((*args, *kwargs.values())):
            if isinstance(value, torch.Tensor):
                layout, storage, _ = tags.given(value)
                reads.append(storage)
                if not is_meta(value):
                    unusual.add(Unusual.OFF_META)
                if layout.spec.stored is not None:
                    unusual.add(Unusual.SPARSE)
            elif type(value) not in FOR_RULES:
                unusual.add(Unusual.OPAQUE)
        return cls(schema, args, kwargs, reads, unusual)
