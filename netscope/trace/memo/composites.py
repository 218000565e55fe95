"""Composite functions, written down again without being taken apart.

What `linear` or `matmul` falls apart into is settled by the layouts of its tensors, whether they
want gradients, and its other arguments. The first such call is taken apart, and the operators that were
recorded are kept; one that agrees in all of these is recorded from there, on its own storages. It saves the
dispatcher's way to each of them, which is most of what a transformer's forward is.

Only those are kept that got plain meta tensors, wrote to nothing but what they made, and made tensors alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch

from netscope.trace.memo.templates import OpTemplate, observed_ops, replay
from netscope.trace.schema import Schema
from netscope.trace.shapes import Layout
from netscope.trace.standins import PLAIN_TENSORS, is_meta
from netscope.trace.tags import Tags

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder

# Arguments that are part of a key as they are. 1, 1.0 and True hash alike, and so do not stand here.
_AS_THEY_ARE: Final = frozenset(
    {int, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format}
)
_NEW: Final = object()


class _Made(NamedTuple):
    """A result: a new tensor of a layout in a slot's storage, or the given tensor at a place."""

    layout: Layout | None
    at: int


class _Template(NamedTuple):
    """What a call recorded. `structure` is None for a lone result."""

    ops: tuple[OpTemplate, ...]
    results: tuple[_Made, ...]
    structure: type[list[Any] | tuple[Any, ...]] | None


class _Seen(NamedTuple):
    """A first call, not looked into: most are met once. Its operators are those in that range."""

    first_op: int
    end: int
    slots: list[int]
    # With storages in place of slots.
    results: tuple[_Made, ...]
    structure: type[list[Any] | tuple[Any, ...]] | None


class CompositeCall(NamedTuple):
    """A call that may be taken from the memo.

    tensors, slots:
        those that it was given, in order, and their storages.
    new:
        whether it was not met before; `template` is None as well for one that cannot be remembered.
    """

    key: tuple[Any, ...]
    tensors: list[torch.Tensor]
    slots: list[int]
    new: bool
    template: _Template | None


class CompositeMemo:
    """What is known of composite functions in one recording."""

    def __init__(self, tags: Tags) -> None:
        self._tags = tags
        # Those that were met as one operator or none, which is as soon done as looked up.
        self._small: set[Schema] = set()
        # None for a call that was met and cannot be remembered.
        self._known: dict[tuple[Any, ...], Any] = {}

    def call(
        self, recorder: Recorder, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> CompositeCall | None:
        """A call of a composite function; None where it has to be taken apart."""
        if schema in self._small or schema.written:
            return None
        tensors: list[torch.Tensor] = []
        slots: list[int] = []
        values = (*args, *kwargs, *kwargs.values()) if kwargs else args
        parts = self._parts(schema, values, tensors, slots)
        if parts is None:
            return None
        parts.append(torch.is_grad_enabled())
        key = tuple(parts)
        known = self._known.get(key, _NEW)
        if type(known) is _Seen:
            known = self._known[key] = _looked_into(recorder, known)
        return CompositeCall(key, tensors, slots, known is _NEW, known if type(known) is _Template else None)

    def _parts(
        self, first: Any, values: tuple[Any, ...] | list[Any], tensors: list[torch.Tensor], slots: list[int]
    ) -> list[Any] | None:
        """All of the arguments that it depends on; None where there are others."""
        parts: list[Any] = [first]
        carried = self._tags.key
        for value in values:
            kind = type(value)
            if kind in PLAIN_TENSORS:
                # `given`, without the calls.
                tag = value.__dict__.get(carried)
                if tag is None or tag[0].shape != value.shape:
                    if not is_meta(value):
                        return None
                    tag = self._tags.adopt(value)
                # A product is folded to fewer dimensions only where no gradient would be the dearer for it.
                parts += tag[0], value.requires_grad
                tensors.append(value)
                slots.append(tag[1])
            elif kind in _AS_THEY_ARE:
                parts.append(value)
            elif kind is float or kind is bool:
                parts.append((kind, value))
            elif kind is list or kind is tuple:
                inner = self._parts(kind, value, tensors, slots)
                if inner is None:
                    return None
                parts.append(tuple(inner))
            else:
                return None
        return parts

    def apply(self, recorder: Recorder, call: CompositeCall, template: _Template) -> Any:
        """Record the call; its result."""
        slots = replay(recorder, template.ops, call.slots)
        results = []
        for layout, at in template.results:
            if layout is None:
                results.append(call.tensors[at])
                continue
            made = recorder.empty(layout)
            self._tags.write(made, layout, slots[at])
            results.append(made)
        return results[0] if template.structure is None else template.structure(results)

    def keep(self, recorder: Recorder, call: CompositeCall, result: Any, first_op: int) -> None:
        """Remember what the call recorded, the operators from `first_op` on."""
        if len(recorder.ops) - first_op < 2:
            self._small.add(call.key[0])
        else:
            self._known[call.key] = self._seen(recorder, call, result, first_op)

    def _seen(self, recorder: Recorder, call: CompositeCall, result: Any, first_op: int) -> _Seen | None:
        # Whether it is to be read as its conjugate is not in a layout.
        if any(tensor.is_complex() for tensor in call.tensors):
            return None
        structure = type(result) if type(result) in (list, tuple) else None
        items: Any = (result,) if structure is None else result
        places = {id(tensor): place for place, tensor in enumerate(call.tensors)}
        results = []
        for item in items:
            if id(item) in places:
                results.append(_Made(None, places[id(item)]))
                continue
            tag = self._tags.carried(item) if type(item) in PLAIN_TENSORS and is_meta(item) else None
            if tag is None:
                return None
            results.append(_Made(tag[0], tag[1]))
        if len(set(map(id, items))) < len(results):
            return None
        return _Seen(first_op, len(recorder.ops), call.slots, tuple(results), structure)


def _looked_into(recorder: Recorder, seen: _Seen) -> _Template | None:
    """What others of its kind can be written down from, None if it did more than compute."""
    slots = {storage: slot for slot, storage in enumerate(seen.slots)}
    if len(slots) < len(seen.slots):  # two in one storage: which was meant?
        return None
    ops = observed_ops(recorder, range(seen.first_op, seen.end), slots, frozenset())
    if ops is None or any(made.layout is not None and made.at not in slots for made in seen.results):
        return None
    results = [made if made.layout is None else _Made(made.layout, slots[made.at]) for made in seen.results]
    return _Template(ops, tuple(results), seen.structure)
