"""The dispatch mode that writes down every operator, and on the meta rung stands in for it.

Each tensor met carries a tag, (its layout, the index of its storage), in an attribute; tags make the
key under which an operator on the same arguments was met before. On a hit nothing is computed: the
outputs are made from the remembered layouts. On a miss a shape rule is asked, then torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from netscope.shapes import Layout, Rule, infer, rule_for
from netscope.shapes.layout import broadcast, contiguous_strides, dtype_name
from netscope.trace.facts import OpCall, Operator, Storage
from netscope.workload import TensorSpec

META = torch.device("meta")
_TAG = "_netscope_tag"
_Tag = tuple[Layout, int]

# Returns its argument's memory though its schema does not say so.
_HIDDEN_VIEWS = frozenset({"aten._unsafe_view.default"})

# Made for a device; on the meta rung every device is meta.
_SKIPPED_OPTIONS = ("pin_memory", "non_blocking")


class _Schema:
    """What a dispatcher function does to memory, read once from its schema."""

    __slots__ = (
        *("aliases", "func", "is_exact", "is_query", "moves"),
        *( "name", "resizes", "rule", "tags", "writes"),
    )

    def __init__(self, func: Any) -> None:
        schema = func._schema
        self.func = func
        self.name = str(func)
        # Questions about a tensor (its device, its sizes), which fake tensors ask aloud.
        self.is_query = self.name.startswith(("prim.", "aten.sym_", "aten.is_"))
        arguments = schema.arguments
        aliased = [i for i, a in enumerate(arguments) if a.alias_info is not None]
        self.aliases: list[int | str | None] = []
        for returned in schema.returns:
            info = returned.alias_info
            if self.name in _HIDDEN_VIEWS:
                self.aliases.append(0)
            elif info is None:
                self.aliases.append(None)
            else:
                same = [i for i in aliased if arguments[i].alias_info.before_set & info.before_set]
                index = (same or aliased)[0]
                kwarg_only = arguments[index].kwarg_only
                self.aliases.append(arguments[index].name if kwarg_only else index)
        self.writes = any(a.alias_info is not None and a.alias_info.is_write for a in arguments)
        # Gives the same result at every run, and changes nothing.
        self.is_exact = not self.writes and torch.Tag.nondeterministic_seeded not in func.tags
        self.resizes = torch.Tag.inplace_view in func.tags or self.name.startswith(
            ("aten.resize", "aten.set_")
        )
        self.moves = any(a.name == "device" for a in arguments)
        self.rule: Rule | None = None if self.resizes else rule_for(self.name)
        views = not self.writes and any(alias is not None for alias in self.aliases)
        takes_tensor = any("Tensor" in str(a.type) for a in arguments)
        self.tags = frozenset(
            tag
            for tag, holds in (
                ("view", views),
                ("inplace", self.writes),
                ("factory", not takes_tensor and bool(schema.returns)),
                ("pointwise", torch.Tag.pointwise in func.tags),
            )
            if holds
        )


    @property
    def called(self) -> tuple[str, frozenset[str]]:
        """What names the operator in the record."""
        return self.name, self.tags


class _Entry:
    """An operator on given arguments, and the layouts of what it makes."""

    __slots__ = ("layouts", "operator", "structure")

    def __init__(self, operator: Operator, layouts: tuple[Layout | None, ...], structure: str) -> None:
        self.operator = operator
        self.layouts = layouts
        # "one", "tuple" or "list" where outputs can be made again from layouts, "other" where not.
        self.structure = structure


class Recorder(TorchDispatchMode):
    """Records operators into `ops` and `storages`; `scope` is the module call that they belong to.

    on_meta:
        operators are not run but stood in for; tensors on other devices are taken by their layout.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # The base class would wrap __torch_dispatch__ so that torch.compile skips it, which imports
        # torch._dynamo and sympy: a second, in a process that compiles nothing. Older and newer
        # versions that do not ask simply ignore this.
        return False

    def __init__(self, on_meta: bool) -> None:
        super().__init__()
        self.on_meta = on_meta
        self.scope = -1
        self.ops: list[OpCall] = []
        self.storages: list[Storage] = []
        self.paused = False
        self._schemas: dict[Any, _Schema] = {}
        self._memo: dict[tuple[Any, ...], _Entry] = {}
        self._layouts: dict[tuple[Any, ...], Layout] = {}
        self._foreign: dict[int, tuple[torch.Tensor, _Tag]] = {}
        self._foreign_storages: dict[int, tuple[Any, int]] = {}
        # On meta: storages of real tensors whose values would have changed, had operators been run.
        self._stale: set[int] = set()

    # What the rest of the tracer asks

    def tag(self, tensor: torch.Tensor) -> _Tag | None:
        """Layout and storage of any tensor; None for one that has none (a functorch wrapper)."""
        known: _Tag | None = tensor.__dict__.get(_TAG)
        if known is None:
            try:
                return self._adopt(tensor)
            except (RuntimeError, NotImplementedError):
                return None
        return known

    def met(self, tensor: torch.Tensor) -> _Tag | None:
        """Layout and storage of a tensor that an operator or a call met, else None."""
        tag: _Tag | None = tensor.__dict__.get(_TAG)
        if tag is None:
            known = self._foreign.get(id(tensor))
            return known and known[1]
        return tag

    def composite(
        self, name: str, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Record a composite function as one operator."""
        plain = not self.paused and not torch.is_autocast_enabled("cpu") and not _in_transform()
        if not plain or torch.is_grad_enabled():
            return original(*args, **kwargs)
        reads: list[int] = []
        key, _ = self._key(name, args, kwargs, reads)
        entry = self._memo.get(key)
        if self.on_meta:
            if entry is None:
                rule = rule_for(name)
                layouts = self._layouts_of(args, kwargs)
                made = infer(rule, *layouts) if rule else None
                if made is None:
                    return original(*args, **kwargs)
                entry = self._remember(key, (name, _NO_TAGS), layouts, made)
        self.paused = True
        try:
            if self.on_meta:
                assert entry is not None
                return self._make(entry, reads)
            result = original(*args, **kwargs)
        finally:
            self.paused = False
        if entry is None:
            entry = self._memo[key] = self._entry(name, _NO_TAGS, args, kwargs, result)
        self._tag_fresh(entry, reads, result)
        return result

    # The mode

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        schema = self._schemas.get(func)
        if schema is None:
            schema = self._schemas[func] = _Schema(func)
        if schema.is_query:
            return func(*args, **kwargs)
        reads: list[int] = []
        key, strangers = self._key(func, args, kwargs, reads)
        if not self.on_meta:
            return self._run(schema, key, args, kwargs, reads)
        try:
            entry = self._memo.get(key)
        except TypeError:  # an argument that cannot be hashed
            entry = None
            key = ()
        aliases = schema.aliases
        if entry is not None and entry.structure != "other":
            if len(aliases) == 1 and aliases[0] is not None:
                if schema.writes and not schema.resizes:
                    return self._returned_argument(schema, entry, args, kwargs, reads)
            elif not schema.writes:
                return self._make(entry, reads)
        if entry is None and not strangers & 2:
            layouts = self._layouts_of(args, kwargs)
            if schema.writes:
                if aliases == [0] and not schema.resizes and _fits(*layouts):
                    target = layouts[0][0]
                    made = target.shape, target.stride, target.dtype
                    entry = self._remember(key, schema.called, layouts, made)
                    return self._returned_argument(schema, entry, args, kwargs, reads)
            elif schema.rule is not None:
                made = infer(schema.rule, *layouts)
                if made is not None:
                    return self._make(self._remember(key, schema.called, layouts, made), reads)
        return self._run_on_meta(schema, key, args, kwargs, reads, strangers)

    # Keys and layouts

    def _key(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], reads: list[int]
    ) -> tuple[tuple[Any, ...], int]:
        """A hashable key of the call; fills `reads`.

        The second result has bit 1 set if a tensor lives on another device than meta, bit 2 if an
        argument holds something that no rule reads.
        """
        parts: list[Any] = [func]
        strangers = 0
        for value in (*args, *kwargs, *kwargs.values()) if kwargs else args:
            kind = type(value)
            if kind is int or kind is str or value is None:
                parts.append(value)
            elif isinstance(value, torch.Tensor):
                tag: _Tag | None = value.__dict__.get(_TAG)
                if tag is None:
                    tag = self._adopt(value)
                    strangers |= not value.is_meta
                parts.append(tag[0])
                reads.append(tag[1])
            elif kind is list or kind is tuple:
                if value and type(value[0]) is int:  # sizes, strides: all integers, by schema
                    parts.append(tuple(value))
                else:
                    inner, found = self._key(kind, tuple(value), {}, reads)
                    strangers |= found
                    parts.append(inner)
            elif kind is float or kind is bool:
                parts.append((kind, value))
            else:
                parts.append(value)
                strangers |= 2 * (kind not in _HARMLESS)
        return tuple(parts), strangers

    def _adopt(self, tensor: torch.Tensor) -> _Tag:
        """Tag a tensor that no operator made: a parameter, an input, a constant."""
        lazy = torch.nn.parameter.is_lazy(tensor)
        shape = () if lazy else tuple(tensor.shape)
        known = self._foreign.get(id(tensor))
        # A tensor that was given other data (`p.data = ...`) keeps its identity, not its layout.
        if known is not None and known[1][0].shape == shape and known[1][0].dtype is tensor.dtype:
            return known[1]
        layout = self._layout(shape, () if lazy else _stride(tensor), tensor.dtype)
        tag = layout, self._storage_of(tensor, layout)
        # Not written to the tensor: it may be the user's. Holding it keeps its id its own.
        self._foreign[id(tensor)] = tensor, tag
        return tag

    def _storage_of(self, tensor: torch.Tensor, layout: Layout) -> int:
        try:
            storage = tensor.untyped_storage()
        except (RuntimeError, NotImplementedError):
            storage = None
        address = id(tensor) if storage is None else storage._cdata
        known = self._foreign_storages.get(address)
        if known is None:
            self.storages.append(Storage(layout.nbytes, -1))
            known = self._foreign_storages[address] = storage, len(self.storages) - 1
        return known[1]

    def _layout(self, shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype) -> Layout:
        key = shape, stride, dtype
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = Layout(shape, stride, dtype)
        return layout

    def _layouts_of(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with layouts in place of tensors."""
        return tuple([self._layout_in(a) for a in args]), {
            k: self._layout_in(v) for k, v in kwargs.items() if k not in ("device", "layout")
        }

    def _layout_in(self, value: Any) -> Any:
        kind = type(value)
        if kind in _NUMBERS:
            return value
        if isinstance(value, torch.Tensor):
            tag: _Tag = value.__dict__.get(_TAG) or self._adopt(value)
            return tag[0]
        if kind is list or kind is tuple:
            if value and type(value[0]) is int:
                return list(value)
            return [self._layout_in(item) for item in value]
        return value

    # Entries

    def _remember(
        self,
        key: tuple[Any, ...],
        called: tuple[str, frozenset[str]],
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        made: Any,
    ) -> _Entry:
        """From what a shape rule said. `called` is the operator's name and tags."""
        single = type(made) is tuple
        layouts = tuple([self._layout(*one) for one in ([made] if single else made)])
        entry = _Entry(_operator(*called, *arguments, layouts), layouts, "one" if single else "tuple")
        if key:
            self._memo[key] = entry
        return entry

    def _entry(
        self,
        name: str,
        tags: frozenset[str],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> _Entry:
        """From what torch returned."""
        structure = "one" if isinstance(result, torch.Tensor) else "other"
        items = [result] if structure == "one" else []
        if isinstance(result, (tuple, list)) and all(
            item is None or isinstance(item, torch.Tensor) for item in result
        ):
            structure = "tuple" if isinstance(result, tuple) else "list"
            items = list(result)
        elif structure == "other":
            items = [item for item in _flat(result) if isinstance(item, torch.Tensor)]
        layouts = tuple(
            None if t is None else self._layout(tuple(t.shape), _stride(t), t.dtype) for t in items
        )
        return _Entry(_operator(name, tags, *self._layouts_of(args, kwargs), layouts), layouts, structure)

    # Results

    def _make(self, entry: _Entry, reads: list[int]) -> Any:
        """New meta tensors of the entry's layouts."""
        born = len(self.ops)
        storages = self.storages
        if entry.structure == "one":
            layout = entry.layouts[0]
            assert layout is not None
            made = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
            made.__dict__[_TAG] = layout, len(storages)
            self.ops.append(OpCall(entry.operator, self.scope, tuple(reads), (len(storages),)))
            storages.append(Storage(layout.nbytes, born))
            return made
        first = len(storages)
        results: list[torch.Tensor | None] = []
        for layout in entry.layouts:
            if layout is None:
                results.append(None)
                continue
            made = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
            made.__dict__[_TAG] = layout, len(storages)
            storages.append(Storage(layout.nbytes, born))
            results.append(made)
        self.ops.append(
            OpCall(entry.operator, self.scope, tuple(reads), tuple(range(first, len(storages))))
        )
        return tuple(results) if entry.structure == "tuple" else results

    def _returned_argument(
        self,
        schema: _Schema,
        entry: _Entry,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reads: list[int],
    ) -> Any:
        """An in-place operator that needs no run: the argument is the result."""
        place = schema.aliases[0]
        result = args[place] if isinstance(place, int) else kwargs[place]  # type: ignore[index]
        tag = self.tag(result)
        if tag is not None and not result.is_meta:
            self._stale.add(tag[1])
        self.ops.append(
            OpCall(entry.operator, self.scope, tuple(reads), () if tag is None else (tag[1],))
        )
        return result

    def _tag_fresh(self, entry: _Entry, reads: list[int], result: Any) -> None:
        """Tag what torch made as new storages and record the call."""
        writes = []
        for item in _flat(result):
            if isinstance(item, torch.Tensor):
                layout = self._layout(tuple(item.shape), _stride(item), item.dtype)
                item.__dict__[_TAG] = layout, len(self.storages)
                writes.append(len(self.storages))
                self.storages.append(Storage(layout.nbytes, len(self.ops)))
        self.ops.append(OpCall(entry.operator, self.scope, tuple(reads), tuple(writes)))

    def _run_on_meta(
        self,
        schema: _Schema,
        key: tuple[Any, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reads: list[int],
        strangers: int,
    ) -> Any:
        if strangers & 1:
            if schema.is_exact and self._known(args, kwargs, reads):
                return self._run(schema, key, args, kwargs, reads)
            self._stale.update(reads if schema.writes else ())
            originals = args, kwargs
            args = tuple(self._on_meta(a) for a in args)
            kwargs = {k: self._on_meta(v) for k, v in kwargs.items()}
        else:
            originals = None
        if schema.moves and ("device" in kwargs or "factory" in schema.tags):
            kwargs = {k: v for k, v in kwargs.items() if k not in _SKIPPED_OPTIONS}
            kwargs["device"] = META
        return self._run(schema, key, args, kwargs, reads, originals)

    def _on_meta(self, value: Any) -> Any:
        """A meta stand-in for a tensor on another device, inside lists too."""
        if isinstance(value, torch.Tensor):
            if value.is_meta:
                return value
            tag: _Tag = value.__dict__.get(_TAG) or self._adopt(value)
            layout = tag[0]
            twin = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
            twin.__dict__[_TAG] = tag
            return twin
        if isinstance(value, (list, tuple)):
            return type(value)(self._on_meta(item) for item in value)
        return value

    def _known(self, args: tuple[Any, ...], kwargs: dict[str, Any], reads: list[int]) -> bool:
        """Whether all tensors are small constants with true values, so that the result can have one too.

        Lengths of packed sequences, for one, decide shapes.
        """
        if not self._stale.isdisjoint(reads):
            return False
        return all(
            not tensor.is_meta and tensor.numel() <= _SMALL
            for value in (*args, *kwargs.values())
            for tensor in _flat(value)
            if isinstance(tensor, torch.Tensor)
        )

    def _run(
        self,
        schema: _Schema,
        key: tuple[Any, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reads: list[int],
        originals: tuple[tuple[Any, ...], dict[str, Any]] | None = None,
    ) -> Any:
        """Let torch run the operator, then tag and record what came out.

        `originals` are the caller's arguments where `args` are stand-ins: an in-place operator must
        return the caller's tensor.
        """
        result = schema.func(*args, **kwargs)
        try:
            entry = self._memo.get(key)
        except TypeError:
            entry, key = None, ()
        if entry is None:
            entry = self._entry(schema.name, schema.tags, args, kwargs, result)
            if key:
                self._memo[key] = entry
        aliases = schema.aliases
        if not any(alias is not None for alias in aliases):
            self._tag_fresh(entry, reads, result)
            return result
        results = [result] if len(aliases) == 1 else list(result)
        writes: list[int] = []
        for index, (alias, item) in enumerate(zip(aliases, results, strict=False)):
            if alias is None:
                for one in _flat(item):
                    if isinstance(one, torch.Tensor):
                        layout = self._layout(tuple(one.shape), _stride(one), one.dtype)
                        one.__dict__[_TAG] = layout, len(self.storages)
                        writes.append(len(self.storages))
                        self.storages.append(Storage(layout.nbytes, len(self.ops)))
                continue
            source = args[alias] if isinstance(alias, int) else kwargs.get(alias)
            if schema.writes and originals is not None:
                old, named = originals
                results[index] = old[alias] if isinstance(alias, int) else named.get(alias)
            storage = self._storage_for(source, item)
            for one in _flat(item):
                if isinstance(one, torch.Tensor):
                    writes.append(storage)
                    if id(one) not in self._foreign:
                        layout = self._layout(tuple(one.shape), _stride(one), one.dtype)
                        one.__dict__[_TAG] = layout, storage
        self.ops.append(OpCall(entry.operator, self.scope, tuple(reads), tuple(writes)))
        if originals is not None and schema.writes:
            return results[0] if len(aliases) == 1 else tuple(results)
        return result

    def _storage_for(self, source: Any, item: Any) -> int:
        """The storage that a result shares with the argument it aliases."""
        for tensor in _flat(source):
            if isinstance(tensor, torch.Tensor):
                tag = self.tag(tensor)
                if tag is not None:
                    return tag[1]
        for tensor in _flat(item):
            if isinstance(tensor, torch.Tensor):
                return self._adopt(tensor)[1]
        return -1


# Elements of a constant that is still worth computing with.
_SMALL = 2**16

_NUMBERS = frozenset({int, float, bool, str, type(None)})
_NO_TAGS: frozenset[str] = frozenset()

_HARMLESS = frozenset(
    {torch.dtype, torch.device, torch.layout, torch.memory_format, list, tuple, type(None), complex}
)


def _operator(
    name: str,
    tags: frozenset[str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    layouts: Sequence[Layout | None],
) -> Operator:
    return Operator(
        name,
        tuple([_spec_in(a) for a in args]),
        {k: _spec_in(v) for k, v in kwargs.items() if v is not None} if kwargs else {},
        tuple(layout.spec for layout in layouts if layout is not None),
        tags,
    )


def _fits(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether everything written into the first argument broadcasts to it, so cannot fail."""
    target = args[0]
    others = (*args[1:], *kwargs.values())
    if any(isinstance(other, list) for other in others):
        return False
    layouts = [other for other in others if isinstance(other, Layout)]
    return not layouts or (
        broadcast([target.shape, *(layout.shape for layout in layouts)]) == target.shape
        and all(layout.dtype in (target.dtype, torch.bool) for layout in layouts)
    )


def _spec_in(value: Any) -> Any:
    """An argument as it is written down: layouts as specs, everything unusual as text."""
    kind = type(value)
    if kind in _NUMBERS:
        return value
    if kind is Layout:
        return value.spec
    if kind is list:
        if value and type(value[0]) is int:
            return tuple(value)
        return tuple([_spec_in(item) for item in value])
    if kind is torch.ScriptObject:
        return _unpacked(value)
    return value if kind is complex else str(value).removeprefix("torch.")


def _unpacked(value: torch.ScriptObject) -> Any:
    """The weight and bias inside a packed quantised parameter, as specs; else the object's type."""
    try:
        inside = value.unpack()
    except (AttributeError, RuntimeError, NotImplementedError):
        return str(value._type())
    return tuple(
        TensorSpec(tuple(t.shape), dtype_name(t.dtype)) if isinstance(t, torch.Tensor) else None
        for t in inside
    )


def _stride(tensor: torch.Tensor) -> tuple[int, ...]:
    try:
        return tensor.stride()
    except (RuntimeError, NotImplementedError):  # sparse, opaque (mkldnn) and nested tensors
        return contiguous_strides(tuple(tensor.shape))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in _flat(item)]
    return [value]


def _in_transform() -> bool:
    """Under vmap, grad or another functorch transform, tensors are wrapped: leave them alone."""
    return torch._C._functorch.peek_interpreter_stack() is not None
