"""Operators that need not run: a shape rule says what they make, or an earlier call did.

The layouts of an operator's arguments make the key under which it is remembered. On a hit nothing is
computed: the results are made from the layouts remembered. On a miss a shape rule is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from netscope.base.plain import is_plain
from netscope.trace.dispatched import FOR_RULES, Dispatched
from netscope.trace.facts import Operator
from netscope.trace.operators import operator_of
from netscope.trace.schema import Effect
from netscope.trace.shapes import Layout
from netscope.trace.tags import PLAIN_TENSORS, tag_of, tensors_in

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
    """

    __slots__ = ("effect", "layouts", "operator", "structure")

    def __init__(
        self, operator: Operator, layouts: tuple[Layout | None, ...], structure: Any, effect: Effect
    ) -> None:
        self.operator = operator
        self.layouts = layouts
        self.structure = structure
        self.effect = Effect.OTHER if structure is None else effect


class OperatorMemo:
    """What is known of the operators of one recording on meta."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tags = recorder.tags
        self._asks_rules = not is_plain("rules")
        self._remembers = not is_plain("operators")
        self._known: dict[tuple[Any, ...], Remembered] = {}

    def read(self, call: Dispatched) -> None:
        """As `Dispatched.read`; and what is known of such a call."""
        if not self._remembers:
            call.read(self._tags)
            return
        args, kwargs = call.args, call.kwargs
        # By identity: operators live for ever, and their own hash runs in Python.
        key = self._key(call, call.schema, (*args, *kwargs, *kwargs.values()) if kwargs else args)
        try:
            call.known = self._known.get(key)
            call.key = key
        except TypeError:  # an argument that cannot be hashed
            pass

    def made(self, call: Dispatched) -> Any:
        """The results of an operator, recorded; NotImplemented for one that has to run."""
        known = call.known
        if known is None:
            known = self._ruled(call)
            if known is None:
                return NotImplemented
        recorder = self._recorder
        effect = known.effect
        if effect is Effect.OTHER:
            return NotImplemented
        if effect is Effect.WRITES:
            return recorder.returned(known.operator, call)
        results = recorder.made(known.operator, known.layouts, call.reads, views=effect is Effect.VIEWS)
        return results[0] if known.structure is torch.Tensor else known.structure(results)

    def keep(self, call: Dispatched, operator: Operator, result: Any) -> None:
        """Remember an operator that has been run."""
        if not call.key:
            return
        structure: Any = None
        items: list[Any] = tensors_in(result)
        if isinstance(result, torch.Tensor):
            structure = torch.Tensor
        elif isinstance(result, (tuple, list)) and all(
            item is None or isinstance(item, torch.Tensor) for item in result
        ):
            structure, items = (tuple if isinstance(result, tuple) else list), list(result)
        layouts = tuple([None if item is None else self._tags.layout_of(item) for item in items])
        self._known[call.key] = Remembered(operator, layouts, structure, call.schema.effect)

    def _ruled(self, call: Dispatched) -> Remembered | None:
        """What a shape rule says of an operator that was not met before."""
        if not self._asks_rules or call.opaque:
            return None
        arguments = self._tags.layouts(call.args, call.kwargs)
        schema = call.schema
        made = self._recorder.inferred(schema, arguments)
        if made is None:
            return None
        structure, layouts = (torch.Tensor, (made,)) if isinstance(made, Layout) else (tuple, made)
        operator = operator_of(schema.name, schema.tags, arguments, layouts)
        known = Remembered(operator, layouts, structure, schema.effect)
        if call.key:
            self._known[call.key] = known
        return known

    def _key(self, call: Dispatched, kind: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Everything about arguments that their results depend on."""
        parts: list[Any] = [kind]
        for value in values:
            kind = type(value)
            if kind in PLAIN_TENSORS or isinstance(value, torch.Tensor):
                tag = tag_of(value)
                if tag is None:
                    tag = self._tags.adopt(value)
                    if not value.is_meta:
                        call.off_meta = True
                parts.append(tag[0])
                call.reads.append(tag[1])
            elif kind is int or value is None or kind is str:
                parts.append(value)
            elif kind is list or kind is tuple:
                if value and type(value[0]) is int:  # sizes, strides: all integers, by schema
                    parts.append(tuple(value))
                else:
                    parts.append(self._key(call, kind, tuple(value)))
            elif kind is float or kind is bool:  # 1, 1.0 and True hash alike
                parts.append((kind, value))
            else:
                parts.append(value)
                if kind not in FOR_RULES:
                    call.opaque = True
        return tuple(parts)
