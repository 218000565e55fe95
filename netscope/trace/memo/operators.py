"""Operators that need not run: a shape rule says what they make, or an earlier call did.

The layouts of an operator's arguments make the key under which it is remembered. On a hit nothing is
computed: the results are made from the layouts remembered. On a miss a shape rule is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from netscope.base.plain import is_plain
from netscope.trace.dispatched import FOR_RULES, Dispatched, Unusual
from netscope.trace.facts import Operator
from netscope.trace.operators import operator_of
from netscope.trace.schema import Effect, Schema
from netscope.trace.shapes import Layout
from netscope.trace.standins import PLAIN_TENSORS, is_meta
from netscope.trace.tags import Tags, tensors_in

if TYPE_CHECKING:
    from netscope.trace.recorder import Recorder


class Remembered:
    """An operator on given arguments, and how its results are made without running it.

    layouts:
        of what it returns, in order, None where it returned None.
    structure:
        `torch.Tensor` for a lone result, `tuple` or `list`; None for anything that layouts cannot tell.
    effect:
        OTHER where it has to be run every time.
    makes_anew:
        whether its results are new tensors of these layouts.
    """

    __slots__ = ("effect", "layouts", "makes_anew", "operator", "structure")

    def __init__(
        self, operator: Operator, layouts: tuple[Layout | None, ...], structure: Any, effect: Effect
    ) -> None:
        self.operator = operator
        self.layouts = layouts
        self.structure = structure
        self.effect = Effect.OTHER if structure is None else effect
        self.makes_anew = self.effect in (Effect.MAKES, Effect.VIEWS)


class OperatorMemo:
    """What is known of the operators of one recording on meta.

    The recorder that has it is told at every turn: in a circle neither would be freed when the trace is over.
    """

    def __init__(self, tags: Tags) -> None:
        self._tags = tags
        self._asks_rules = not is_plain("rules")
        self._remembers = not is_plain("operators")
        self._known: dict[tuple[Any, ...], Remembered] = {}

    def recall(
        self, recorder: Recorder, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, Dispatched | None]:
        """The results of a call that is known, recorded; or else the call, with what is known of it."""
        reads: list[int] = []
        unusual: list[Unusual] = []
        # By identity: operators live for ever, and their own hash runs in Python.
        key = self._key(schema, (*args, *kwargs, *kwargs.values()) if kwargs else args, reads, unusual)
        try:
            known = self._known.get(key)
        except TypeError:  # an argument that cannot be hashed
            key, known = (), None
        if known is not None and known.makes_anew and not unusual and not schema.makes_constants:
            return _results(recorder, known, reads), None
        if Unusual.SPARSE in unusual:  # what is stored of a result depends on values
            key, known = (), None
        return None, Dispatched(schema, args, kwargs, reads, unusual, key, known)

    def made(self, recorder: Recorder, call: Dispatched) -> Any:
        """The results of an operator, recorded; NotImplemented for one that has to run."""
        known = call.known or self._ruled(recorder, call)
        if known is None:
            return NotImplemented
        if known.makes_anew:
            return _results(recorder, known, call.reads)
        return recorder.returned(known.operator, call) if known.effect is Effect.WRITES else NotImplemented

    def keep(self, call: Dispatched, operator: Operator, result: Any) -> None:
        """Remember an operator that has been run."""
        structure: Any = None
        items: list[Any] = tensors_in(result)
        if isinstance(result, torch.Tensor):
            structure = torch.Tensor
        elif isinstance(result, (tuple, list)) and all(
            item is None or isinstance(item, torch.Tensor) for item in result
        ):
            structure, items = (tuple if isinstance(result, tuple) else list), list(result)
        layouts = tuple([None if item is None else self._tags.layout_of(item) for item in items])
        self._remember(call, Remembered(operator, layouts, structure, call.schema.effect))

    def _ruled(self, recorder: Recorder, call: Dispatched) -> Remembered | None:
        """What a shape rule says of an operator that was not met before."""
        if not self._asks_rules or call.opaque:
            return None
        arguments = self._tags.layouts(call.args, call.kwargs)
        schema = call.schema
        made = recorder.inferred(schema, arguments)
        if made is None:
            return None
        structure, layouts = (torch.Tensor, (made,)) if isinstance(made, Layout) else (tuple, made)
        operator = operator_of(schema.name, schema.tags, arguments, layouts)
        known = Remembered(operator, layouts, structure, schema.effect)
        self._remember(call, known)
        return known

    def _remember(self, call: Dispatched, known: Remembered) -> None:
        if self._remembers and call.key:
            self._known[call.key] = known

    def _key(
        self, called: Any, values: tuple[Any, ...], reads: list[int], unusual: list[Unusual]
    ) -> tuple[Any, ...]:
        """All of the arguments that results depend on; fills `reads`, and `unusual` with what there is."""
        parts: list[Any] = [called]
        carried = self._tags.key
        for value in values:
            kind = type(value)
            if kind in PLAIN_TENSORS or isinstance(value, torch.Tensor):
                # `carried`, without the call: this is most of what a known operator takes.
                tag = value.__dict__.get(carried)
                if tag is None or tag[0].shape != value.shape:
                    tag = self._tags.adopt(value)
                    if not is_meta(value):
                        unusual.append(Unusual.OFF_META)
                        if tag[0].spec.stored is not None:
                            unusual.append(Unusual.SPARSE)
                parts.append(tag[0])
                reads.append(tag[1])
            elif kind is int or value is None or kind is str:
                parts.append(value)
            elif kind is list or kind is tuple:
                if value and type(value[0]) is int:  # sizes, strides: all integers, by schema
                    parts.append(tuple(value))
                else:
                    parts.append(self._key(kind, tuple(value), reads, unusual))
            elif kind is float or kind is bool:  # 1, 1.0 and True hash alike
                parts.append((kind, value))
            else:
                parts.append(value)
                if kind not in FOR_RULES:
                    unusual.append(Unusual.OPAQUE)
        return tuple(parts)


def _results(recorder: Recorder, known: Remembered, reads: list[int]) -> Any:
    made = recorder.made(known.operator, known.layouts, reads, known.effect is Effect.VIEWS)
    return made[0] if known.structure is torch.Tensor else known.structure(made)
