"""The dispatch mode that writes down every operator, and on the meta rung stands in for it.

The layouts of an operator's arguments make the key under which it was met before. On a hit nothing is
computed: the results are made from the layouts remembered. On a miss a shape rule is asked, then torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from netscope.trace.entries import Arguments, Entry, fits, operator_of, structure_of
from netscope.trace.facts import OpCall, Storage, make
from netscope.trace.running import META, Met, run, run_on_meta, run_with_values
from netscope.trace.schema import Effect, Schema
from netscope.trace.shapes import Layout, infer, rule_for
from netscope.trace.tags import NO_KWARGS, TAG, Tags, tensors_in

_NO_TAGS: frozenset[str] = frozenset()
# The layout of a lone result, or those of several.
Inferred = Layout | tuple[Layout, ...]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records operators into `ops`; `scope` is the module call that they belong to.

    on_meta:
        operators are not run but stood in for; tensors on other devices are taken by their layout.
    on_fake:
        operators are run on fake tensors, and stood in for where that fails.
    paused:
        operators run as if nobody looked.
    """

    # Without it torch refuses flex_attention and cond while a mode is active.
    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # The base class would wrap __torch_dispatch__ so that torch.compile skips it, which imports
        # torch._dynamo and sympy: a second, in a process that compiles nothing. Versions that do not
        # ask simply ignore this.
        return False

    def __init__(self, on_meta: bool, on_fake: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.on_meta = on_meta
        self.on_fake = on_fake
        self.paused = False
        self.scope = -1
        self.ops: list[OpCall] = []
        self.tags = Tags(on_meta)
        self.storages = self.tags.storages
        self._schemas: dict[int, Schema] = {}
        self.memo: dict[tuple[Any, ...], Entry] = {}
        # On meta: storages of real tensors whose values would have changed, had operators been run.
        self.stale: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if kwargs is None:
            kwargs = NO_KWARGS
        # By identity, here and in keys: operators live for ever, and their own hash runs in Python.
        schema = self._schemas.get(id(func))
        if schema is None:
            if isinstance(func, torch._ops.HigherOrderOperator):
                return self._higher_order(func, args, kwargs)
            schema = self._schemas[id(func)] = Schema(func)
        if self.paused or schema.is_query:
            return func(*args, **kwargs)
        reads: list[int] = []
        key, strangers = self.tags.key(schema, args, kwargs, reads)
        if not self.on_meta:
            return run(self, Met(schema, key, args, kwargs, reads))
        try:
            entry = self.memo.get(key)
        except TypeError:  # an argument that cannot be hashed
            entry, key = None, ()
        if entry is None and not strangers & 2:
            entry = self.ruled(schema, key, self.tags.layouts(args, kwargs))
        if strangers & 1 or schema.makes_constants:
            result = run_with_values(self, Met(schema, key, args, kwargs, reads), entry)
            if result is not NotImplemented:
                return result
        if entry is None or entry.effect is Effect.OTHER:
            return run_on_meta(self, Met(schema, key, args, kwargs, reads), bool(strangers & 1))
        if entry.effect is Effect.WRITES:
            return self._returned(entry, args[0], reads)
        return self._made_again(entry, reads)

    def composite(
        self, name: str, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Record a composite function as one operator."""
        plain = not self.paused and not torch.is_autocast_enabled("cpu") and not _in_transform()
        if not plain or torch.is_grad_enabled():
            return original(*args, **kwargs)
        reads: list[int] = []
        key, _ = self.tags.key(name, args, kwargs, reads)
        entry = self.memo.get(key)
        if self.on_meta and entry is None:
            rule = rule_for(name)
            arguments = self.tags.layouts(args, kwargs)
            made = self._interned(infer(rule, *arguments)) if rule else None
            if made is None:
                return original(*args, **kwargs)
            entry = self._remember(key, (name, _NO_TAGS, Effect.MAKES), arguments, made)
        self.paused = True
        try:
            if self.on_meta and entry is not None:
                return self._made_again(entry, reads)
            result = original(*args, **kwargs)
        finally:
            self.paused = False
        if entry is None:
            entry = self.memo[key] = self.observed((name, _NO_TAGS, Effect.MAKES), args, kwargs, result)
        self.record(entry, reads, [self.born(item) for item in tensors_in(result)])
        return result

    def _higher_order(
        self, func: torch._ops.HigherOrderOperator, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """An operator that takes functions.

        Raises:
            NotImplementedError: for one that cannot be looked into.
        """
        name = str(func)
        if self.paused:
            return func(*args, **kwargs)
        if name == "cond":
            # The condition is data: this fails on meta and fake tensors, and the ladder goes on.
            condition, on_true, on_false, operands = args
            with self:
                return (on_true if condition else on_false)(*operands)
        if name != "flex_attention":
            raise NotImplementedError(f"netscope cannot look into the higher-order operator {name}")
        query, key, value = args[:3]
        reads: list[int] = []
        self.tags.key(name, (query, key, value), NO_KWARGS, reads)
        result = func(*args, **kwargs)  # recording is off in here, so it stays one operator
        entry = self.observed((name, _NO_TAGS, Effect.MAKES), (query, key, value), NO_KWARGS, result)
        self.record(entry, reads, [self.born(item) for item in tensors_in(result)])
        return result

    # Entries

    def schema_of(self, name: str) -> Schema | None:
        """The schema of an operator that was met under this name."""
        return next((schema for schema in self._schemas.values() if schema.name == name), None)

    def ruled(self, schema: Schema, key: tuple[Any, ...], arguments: Arguments) -> Entry | None:
        """The entry of an operator not met before, where that takes no run of it."""
        made = self.inferred(schema, arguments)
        if made is None:
            return None
        return self._remember(key, (schema.name, schema.tags, schema.effect), arguments, made)

    def inferred(self, schema: Schema, arguments: Arguments) -> Inferred | None:
        """What an operator makes of these arguments, None where it takes a run of it to know."""
        if schema.effect is Effect.WRITES:
            return arguments[0][0] if fits(arguments) else None
        return None if schema.rule is None else self._interned(infer(schema.rule, *arguments))

    def _interned(self, made: Any) -> Inferred | None:
        """What a shape rule said, as layouts."""
        if type(made) is tuple:
            return self.tags.layout(*made)
        return None if made is None else tuple([self.tags.layout(*one) for one in made])

    def _remember(
        self,
        key: tuple[Any, ...],
        called: tuple[str, frozenset[str], Effect],
        arguments: Arguments,
        made: Inferred,
    ) -> Entry:
        """From what was inferred. `called` is the operator's name, tags and effect."""
        name, tags, effect = called
        structure, layouts = (torch.Tensor, (made,)) if isinstance(made, Layout) else (tuple, made)
        entry = Entry(operator_of(name, tags, arguments, layouts), layouts, structure, effect)
        if key:
            self.memo[key] = entry
        return entry

    def observed(
        self,
        called: tuple[str, frozenset[str], Effect],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> Entry:
        """From what torch returned."""
        name, tags, effect = called
        structure, items = structure_of(result)
        if structure is None:
            items = tensors_in(result)
        layouts = tuple([None if t is None else self.tags.layout_of(t) for t in items])
        operator = operator_of(name, tags, self.tags.layouts(args, kwargs), layouts)
        return Entry(operator, layouts, structure, effect)

    # Results

    def record(self, entry: Entry, reads: list[int], writes: list[int]) -> None:
        """Write down a call of an operator."""
        self.ops.append(make(OpCall, (entry.operator, self.scope, tuple(reads), tuple(writes))))

    def born(self, tensor: torch.Tensor) -> int:
        """Tag what the operator about to be recorded made, and give it a storage."""
        storage = len(self.storages)
        self.tags.mark(tensor, storage)
        self.storages.append(make(Storage, (self.tags.layout_of(tensor).nbytes, len(self.ops))))
        return storage

    def _made_again(self, entry: Entry, reads: list[int]) -> Any:
        """New meta tensors of the entry's layouts.

        A view becomes a tensor of its own, too: without values only its layout matters, and its tag says
        whose storage it is.
        """
        results: list[torch.Tensor | None] = []
        writes = []
        views = entry.effect is Effect.VIEWS
        ops, storages = self.ops, self.storages
        for layout in entry.layouts:
            if layout is None:
                results.append(None)
                continue
            tensor = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
            if views:
                storage = reads[0]
            else:
                storage = len(storages)
                storages.append(make(Storage, (layout.nbytes, len(ops))))
            tensor.__dict__[TAG] = layout, storage
            writes.append(storage)
            results.append(tensor)
        ops.append(make(OpCall, (entry.operator, self.scope, tuple(reads), tuple(writes))))
        return results[0] if entry.structure is torch.Tensor else entry.structure(results)

    def _returned(self, entry: Entry, target: torch.Tensor, reads: list[int]) -> torch.Tensor:
        """An in-place operator that needs no run: its first argument is the result."""
        if not target.is_meta:
            self.stale.add(reads[0])
        self.record(entry, reads, reads[:1])
        return target


def _in_transform() -> bool:
    """Under vmap, grad or another functorch transform, tensors are wrapped: leave them alone."""
    return torch._C._functorch.peek_interpreter_stack() is not None
