"""Who a tensor is: its layout and the storage that it lies in, known by identity.

Tensors that operators made carry their tag in an attribute, whose name is of one recording alone: what
another one left on a tensor is not seen. Those that were there before (parameters, inputs) may be the user's,
so their tags are kept here.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any, Final

import torch

from netscope.trace.facts import Storage
from netscope.trace.shapes import Layout
from netscope.trace.shapes.layout import contiguous_strides
from netscope.trace.sharded import is_divided, local_of
from netscope.trace.standins import PLAIN_TENSORS, is_meta
from netscope.trace.storage import stored_of


class Token:
    """Of one recording. All tags of living tensors hold it, so that it tells whether any is left."""


# A layout, an index into the trace's storages, and whose trace it is.
Tag = tuple[Layout, int, Token]

NO_KWARGS: dict[str, Any] = {}

_NUMBERS = frozenset({int, float, bool, str, type(None)})
_numbers: Final = itertools.count()


class Tags:
    """Layouts and storages of all tensors of one recording. Equal layouts are one object.

    key:
        the attribute that holds a tag.
    """

    def __init__(self, on_meta: bool) -> None:
        self._on_meta = on_meta
        self.token = Token()
        number = next(_numbers)
        self.key: Final = f"_netscope_tag_{number}"
        # That of a tensor that has values where others have none.
        self._constant: Final = f"_netscope_constant_{number}"
        self.storages: list[Storage] = []
        self._layouts: dict[tuple[Any, ...], Layout] = {}
        # Both keep what they know alive, so that an identity is not given out twice.
        self._foreign: dict[int, tuple[torch.Tensor, Tag]] = {}
        self._foreign_storages: dict[int, tuple[Any, int]] = {}

    def let_go(self) -> None:
        """Hold on to no tensor, and to the token no longer."""
        self.token = Token()
        for held in (self._foreign, self._foreign_storages):
            held.clear()

    def carried(self, tensor: torch.Tensor) -> Tag | None:
        """The tag that a tensor carries; None where it carries none, or has been given another shape."""
        tag: Tag | None = tensor.__dict__.get(self.key)
        return None if tag is None or tag[0].shape != tensor.shape else tag

    def write(self, tensor: torch.Tensor, layout: Layout, storage: int) -> Tag:
        """Have a tensor carry its tag."""
        tag = tensor.__dict__[self.key] = layout, storage, self.token
        return tag

    def of(self, tensor: torch.Tensor) -> Tag | None:
        """The tag of any tensor; None for one that has no storage (a functorch wrapper)."""
        try:
            return self.given(tensor)
        except (RuntimeError, NotImplementedError):
            return None

    def given(self, tensor: torch.Tensor) -> Tag:
        """The tag of a tensor that an operator is given."""
        return self.carried(tensor) or self.adopt(tensor)

    def met(self, tensor: torch.Tensor) -> Tag | None:
        """The tag of a tensor that an operator or a call met, else None."""
        known = self._foreign.get(id(tensor))
        # Those that were there before carry no tag, nor is a dictionary to be made for each just to see that.
        if known is not None:
            return known[1]
        tag: Tag | None = tensor.__dict__.get(self.key) or tensor.__dict__.get(self._constant)
        return tag

    def home_of(self, storage: torch.UntypedStorage) -> int | None:
        """The index of a storage in which a tensor lies that was there before and was met, else None."""
        home = self._foreign_storages.get(storage._cdata)
        return None if home is None else home[1]

    def orphans(self) -> set[int]:
        """The storages of tensors that nobody holds any more and no operator made: it was done out of sight.

        What was there before is still held by whom it belongs to.
        """
        # References to one that is held here alone, counted as they are below.
        alone = max([sys.getrefcount(held) for held, (_, _) in [(Token(), (0, 0))]])
        return {
            storage
            for tensor, (layout, storage, _) in self._foreign.values()
            if sys.getrefcount(tensor) <= alone
            and (is_meta(tensor) or type(tensor) not in PLAIN_TENSORS)
            and layout.dtype.is_floating_point  # torch makes indices from lists by itself
            and layout.numel
            and not isinstance(tensor, torch.nn.Parameter)
        }

    def is_foreign(self, tensor: torch.Tensor) -> bool:
        """Whether it was there before the recording."""
        return id(tensor) in self._foreign

    def adopt(self, tensor: torch.Tensor) -> Tag:
        """The tag of a tensor that no operator made."""
        if is_divided(type(tensor)):
            return self.given(local_of(tensor))
        shaped = type(tensor) in PLAIN_TENSORS or not torch.nn.parameter.is_lazy(tensor)
        shape = tensor.shape if shaped else ()
        constant: Tag | None = tensor.__dict__.get(self._constant)
        if constant is not None and constant[0].shape == shape:
            return constant
        known = self._foreign.get(id(tensor))
        # A tensor that was given other data (`p.data = ...`) keeps its identity, not its layout.
        if known is not None and known[1][0].shape == shape and known[1][0].dtype is tensor.dtype:
            return known[1]
        layout = self.layout_of(tensor) if shaped else self.layout((), (), tensor.dtype)
        try:
            storage = tensor.untyped_storage()
            address = storage._cdata
        except (RuntimeError, NotImplementedError):
            storage = None
            address = id(tensor)
        home = self._foreign_storages.get(address)
        if home is None:
            home = self._foreign_storages[address] = storage, len(self.storages)
            self.storages.append(Storage(layout.nbytes, -1))
        tag = layout, home[1], self.token
        self._foreign[id(tensor)] = tensor, tag
        return tag

    def mark(self, tensor: torch.Tensor, storage: int) -> None:
        """Tag a tensor that an operator made, in a storage that is known.

        On meta, one that has values is a constant, and is to be met as one.
        """
        tag = self.layout_of(tensor), storage, self.token
        constant = self._on_meta and not is_meta(tensor)
        tensor.__dict__[self._constant if constant else self.key] = tag

    def layout(self, shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype) -> Layout:
        """The one object for a layout."""
        key = shape, stride, dtype
        layout = self._layouts.get(key)
        if layout is None:
            shape = tuple(shape)  # else a torch.Size, which compares and hashes alike
            layout = self._layouts[shape, stride, dtype] = Layout(shape, stride, dtype)
        return layout

    def layout_of(self, tensor: torch.Tensor) -> Layout:
        """The layout that a tensor has now.

        Raises:
            NotImplementedError: it is sparse and has no values, so that its size is not known.
        """
        stored = None if tensor.layout is torch.strided else stored_of(tensor)
        try:
            stride = tensor.stride() if stored is None else contiguous_strides(tuple(tensor.shape))
        except (RuntimeError, NotImplementedError):  # nested, opaque
            stride = contiguous_strides(tuple(tensor.shape))
        if stored is None:
            return self.layout(tensor.shape, stride, tensor.dtype)
        shape = tuple(tensor.shape)
        key = shape, stride, tensor.dtype, stored
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = Layout(shape, stride, tensor.dtype, stored)
        return layout

    def layouts(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with layouts in place of tensors, and lists in place of tuples."""
        return tuple([self._layout_in(a) for a in args]), (
            {k: self._layout_in(v) for k, v in kwargs.items() if k not in ("device", "layout")}
            if kwargs
            else NO_KWARGS
        )

    def _layout_in(self, value: Any) -> Any:
        kind = type(value)
        if kind in _NUMBERS:
            return value
        if kind in PLAIN_TENSORS or isinstance(value, torch.Tensor):
            # `carried`, without the call: a densenet's lists are long.
            tag = value.__dict__.get(self.key)
            if tag is None or tag[0].shape != value.shape:
                known = self._foreign.get(id(value))
                tag = self.adopt(value) if known is None else known[1]
            return tag[0]
        if kind is list or kind is tuple:
            if value and type(value[0]) is int:
                return list(value)
            return [self._layout_in(item) for item in value]
        return value


def flat(value: Any) -> list[Any]:
    """The items of nested lists and tuples."""
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors among them."""
    return [item for item in flat(value) if isinstance(item, torch.Tensor)]
