"""The dispatch mode that writes down every operator, and on the meta rung stands in for it.

The layouts of an operator's arguments make the key under which it was met before. On a hit nothing is
computed: the results are made from the layouts remembered. On a miss a shape rule is asked, then torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from netscope.shapes import Layout, check_dtypes, infer, rule_for
from netscope.trace.constants import HERE, SMALL, is_constant, most_elements, stays
from netscope.trace.entries import Arguments, Entry, fits, operator_of, structure_of
from netscope.trace.facts import OpCall, Storage, make
from netscope.trace.schema import Effect, Schema
from netscope.trace.tags import NO_KWARGS, TAG, Tags, tensors_in

META = torch.device("meta")

_NO_TAGS: frozenset[str] = frozenset()


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
        self._memo: dict[tuple[Any, ...], Entry] = {}
        # On meta: storages of real tensors whose values would have changed, had operators been run.
        self._stale: set[int] = set()

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
            return self._run(schema, key, args, kwargs, reads)
        try:
            entry = self._memo.get(key)
        except TypeError:  # an argument that cannot be hashed
            entry, key = None, ()
        if entry is None and not strangers & 2:
            entry = self.ruled(schema, key, self.tags.layouts(args, kwargs))
        if strangers & 1 or schema.makes_constants:
            result = self._with_values(schema, key, entry, args, kwargs, reads)
            if result is not NotImplemented:
                return result
        if entry is None or entry.effect is Effect.OTHER:
            return self._run_on_meta(schema, key, args, kwargs, reads, bool(strangers & 1))
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
        entry = self._memo.get(key)
        if self.on_meta and entry is None:
            rule = rule_for(name)
            arguments = self.tags.layouts(args, kwargs)
            made = infer(rule, *arguments) if rule else None
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
            entry = self._memo[key] = self._observed((name, _NO_TAGS, Effect.MAKES), args, kwargs, result)
        self._record(entry, reads, [self._born(item) for item in tensors_in(result)])
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
        entry = self._observed((name, _NO_TAGS, Effect.MAKES), (query, key, value), NO_KWARGS, result)
        self._record(entry, reads, [self._born(item) for item in tensors_in(result)])
        return result

    # Entries

    def schema_of(self, name: str) -> Schema | None:
        """The schema of an operator that was met under this name."""
        return next((schema for schema in self._schemas.values() if schema.name == name), None)

    def ruled(self, schema: Schema, key: tuple[Any, ...], arguments: Arguments) -> Entry | None:
        """The entry of an operator not met before, where that takes no run of it."""
        called = schema.name, schema.tags, schema.effect
        if schema.effect is Effect.WRITES:
            if not fits(arguments):
                return None
            target = arguments[0][0]
            return self._remember(key, called, arguments, (target.shape, target.stride, target.dtype))
        if schema.rule is None:
            return None
        made = infer(schema.rule, *arguments)
        return None if made is None else self._remember(key, called, arguments, made)

    def _remember(
        self,
        key: tuple[Any, ...],
        called: tuple[str, frozenset[str], Effect],
        arguments: Arguments,
        made: Any,
    ) -> Entry:
        """From what a shape rule said. `called` is the operator's name, tags and effect."""
        name, tags, effect = called
        single = type(made) is tuple
        layouts = tuple([self.tags.layout(*one) for one in ([made] if single else made)])
        operator = operator_of(name, tags, arguments, layouts)
        entry = Entry(operator, layouts, torch.Tensor if single else tuple, effect)
        if key:
            self._memo[key] = entry
        return entry

    def _observed(
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

    def _record(self, entry: Entry, reads: list[int], writes: list[int]) -> None:
        self.ops.append(make(OpCall, (entry.operator, self.scope, tuple(reads), tuple(writes))))

    def _born(self, tensor: torch.Tensor) -> int:
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
            self._stale.add(reads[0])
        self._record(entry, reads, reads[:1])
        return target

    # Running

    def _run_on_meta(
        self,
        schema: Schema,
        key: tuple[Any, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reads: list[int],
        strangers: bool,
    ) -> Any:
        """Let torch's meta kernel run it, on stand-ins for tensors that live elsewhere."""
        given = args, kwargs
        if strangers:
            if schema.tags & {"inplace"}:
                self._stale.update(reads)
            args = tuple([self._on_meta(a) for a in args])
            kwargs = {k: self._on_meta(v) for k, v in kwargs.items()}
        if schema.on_device and ("device" in kwargs or "factory" in schema.tags):
            kwargs = {k: v for k, v in kwargs.items() if k not in ("pin_memory", "non_blocking")}
            kwargs["device"] = META
        return self._run(schema, key, args, kwargs, reads, given)

    def _on_meta(self, value: Any) -> Any:
        """A meta stand-in for a tensor on another device, inside lists too."""
        if isinstance(value, torch.Tensor):
            tag = self.tags.of(value)
            if value.is_meta or tag is None:
                return value
            layout: Layout = tag[0]
            twin = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
            twin.__dict__[TAG] = tag
            return twin
        if isinstance(value, (list, tuple)):
            return type(value)(self._on_meta(item) for item in value)
        return value

    def _with_values(
        self,
        schema: Schema,
        key: tuple[Any, ...],
        entry: Entry | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reads: list[int],
    ) -> Any:
        """On meta, the result of an operator that can have values; NotImplemented where it cannot."""
        if schema.name == "aten._to_copy.default" and stays(args[0], kwargs):
            return args[0]
        if schema.makes_constants:
            known = is_constant(schema.name, args, kwargs)
        else:
            known = schema.is_exact and self._all_known(entry, args, kwargs, reads)
        if not known:
            return NotImplemented
        here = {**kwargs, **HERE} if "device" in kwargs or schema.makes_constants else kwargs
        return self._run(schema, key, args, here, reads)

    def _all_known(
        self, entry: Entry | None, args: tuple[Any, ...], kwargs: dict[str, Any], reads: list[int]
    ) -> bool:
        """Whether all tensors are small constants with true values, so that the result can have one too.

        Lengths of packed sequences, for one, decide shapes.
        """
        if not self._stale.isdisjoint(reads):
            return False
        tensors = tensors_in((args, tuple(kwargs.values())))
        if any(tensor.is_meta or tensor.numel() > SMALL for tensor in tensors):
            return False
        if entry is None:
            return most_elements(tensors, args) <= SMALL
        return entry.effect is Effect.VIEWS or all(x is None or x.numel <= SMALL for x in entry.layouts)

    def _run(
        self,
        schema: Schema,
        key: tuple[Any, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reads: list[int],
        given: Arguments | None = None,
    ) -> Any:
        """Let torch run the operator, then tag and record what came out.

        `given` are the caller's arguments where `args` are stand-ins: an in-place operator must return
        the caller's tensor.
        """
        try:
            entry = self._memo.get(key)
        except TypeError:
            entry, key = None, ()
        if entry is None:
            check_dtypes(schema.name, self.tags.layouts(args, kwargs)[0])
        result = self._kernel(schema, args, kwargs)
        if entry is None:
            entry = self._observed((schema.name, schema.tags, schema.effect), args, kwargs, result)
            if key:
                self._memo[key] = entry
        if schema.effect is Effect.MAKES:
            self._record(entry, reads, [self._born(item) for item in tensors_in(result)])
            return result
        results = [result] if len(schema.aliases) == 1 else list(result or ())
        writes: list[int] = []
        for index, (alias, item) in enumerate(zip(schema.aliases, results, strict=False)):
            if alias is None:
                writes.extend(self._born(tensor) for tensor in tensors_in(item))
                continue
            writes.extend(self._aliased(item, _argument(alias, args, kwargs)))
            if given is not None and "inplace" in schema.tags:
                results[index] = _argument(alias, *given)
        self._record(entry, reads, writes)
        if given is None or "inplace" not in schema.tags or not results:
            return result
        return results[0] if len(results) == 1 else tuple(results)

    def _kernel(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What torch makes of it, or on fake tensors what a shape rule does where torch fails."""
        try:
            return schema.func(*args, **kwargs)
        except (RuntimeError, NotImplementedError):
            if not self.on_fake or schema.rule is None or schema.effect is not Effect.MAKES:
                raise
            made = infer(schema.rule, *self.tags.layouts(args, kwargs))
            if type(made) is not tuple:
                raise
            shape, stride, dtype = made
            return torch.empty_strided(shape, stride, dtype=dtype)

    def _aliased(self, item: Any, source: Any) -> list[int]:
        """Tag a result that lies in an argument's storage."""
        tensors = tensors_in(item)
        owner = next((self.tags.of(t) for t in (*tensors_in(source), *tensors)), None)
        storage = -1 if owner is None else owner[1]
        for tensor in tensors:
            if not self.tags.is_foreign(tensor):
                self.tags.mark(tensor, storage)
        return [storage] * len(tensors)


def _argument(alias: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[alias] if isinstance(alias, int) else kwargs.get(alias)


def _in_transform() -> bool:
    """Under vmap, grad or another functorch transform, tensors are wrapped: leave them alone."""
    return torch._C._functorch.peek_interpreter_stack() is not None
