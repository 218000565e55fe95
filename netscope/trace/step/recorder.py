"""The recorder of a step: every storage is followed from the operator that made it to its end.

It runs below autograd as the recorder of a forward does, but autograd is there and does what it does: it
keeps what it keeps, and lets go of it. A storage tells by a weak reference when nobody holds it any more,
in Python or in C++. So views must be views: operators run on torch's meta kernels and are not stood in for.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import torch

from netscope.base.plain import is_plain
from netscope.trace.dispatched import Dispatched
from netscope.trace.facts import Operator, Storage, Unseen
from netscope.trace.keeper import Keeper
from netscope.trace.operators import operator_of
from netscope.trace.recorder import Recorder
from netscope.trace.schema import Effect, Schema, schema_of
from netscope.trace.shapes import Layout
from netscope.trace.sharded import divided_like, do_their_own, is_divided, local_of, propagates
from netscope.trace.standins import is_meta
from netscope.trace.step.facts import Event, Phase
from netscope.trace.step.kernels import kernels_of
from netscope.trace.step.numbers import Numbers
from netscope.trace.step.tensors import Placed, in_kernel, inside, tells_device
from netscope.trace.step.units import Units
from netscope.trace.tags import Tag, Tags, tensors_in

_aten: Final = torch.ops.aten
_sequence_number: Final[Any] = torch._C._autograd._get_sequence_nr
_ADD: Final = _aten.add.Tensor
_IN_PLACE: Final = frozenset({"inplace"})
# What formulas of gradients do in the zeros that they have just made, unless a mode is active: then they take
# the form that makes a tensor anew (`areAnyTensorSubclassLike` in torch/csrc/autograd/FunctionsManual.cpp).
_INTO_ZEROS: Final = {
    _aten.index_put.default: _aten.index_put_.default,
    _aten.scatter.src: _aten.scatter_.src,
    _aten.scatter_add.default: _aten.scatter_add_.default,
    _aten.index_add.default: _aten.index_add_.default,
}
# Whose kernels copy what does not lie as they want it.
_LAID_OUT: Final = frozenset(
    {
        _aten.convolution.default,
        _aten.convolution_backward.default,
        _aten.embedding.default,
        _aten.embedding_dense_backward.default,
        _aten.native_layer_norm.default,
        _aten.native_layer_norm_backward.default,
        _aten.native_group_norm.default,
        _aten._scaled_dot_product_flash_attention_for_cpu_backward.default,
    }
)
_ZEROS: Final = frozenset({"aten.new_zeros.default", "aten.zeros.default", "aten.zeros_like.default"})
# Who holds a tensor that only autograd's engine has, as seen from here: it, and those that hand it over.
_ALONE: Final = 4
_STORAGE_ALONE: Final = 2
# It returns a workspace, of a size that oneDNN alone knows.
_RECURRENT: Final = _aten.mkldnn_rnn_layer.default
# Stands for a value that decides on nothing; 0 and 1 would, in a denominator.
_ANY: Final = 0.5
_READS_A_VALUE: Final = "aten._local_scalar_dense.default"


def _holders(tensor: Any) -> int:
    """How many hold a tensor, in C++ and Python."""
    return int(tensor._use_count())


class Lives(Tags):
    """Storages known by what they are, and followed to their end. No tensor is held.

    events:
        what came and went.
    op:
        tells how many operators have begun.
    """

    def __init__(self, on_meta: bool) -> None:
        super().__init__(on_meta)
        self.events: list[Event] = []
        self.ops: list[Any] = []
        self.alive: dict[int, int] = {}
        # Storages of numbers that autograd keeps.
        self.numbers: list[int] = []
        # Storages that are the processor's on every device: those, and lone numbers that have a value.
        self.hosted: set[int] = set()
        self._references: dict[int, weakref.ref[Any]] = {}
        # Tensors with values that no operator of the step made, and that carry a tag all the same.
        self._adopted: list[weakref.ref[torch.Tensor]] = []
        # Of a network that is divided among ranks.
        self.units: Units | None = None

    def let_go(self) -> None:
        """Follow nothing any more."""
        super().let_go()
        for reference in self._adopted:
            tensor = reference()
            if tensor is not None:  # it may be somebody's, and is to be as it was
                tensor.__dict__.pop(self.key, None)
        self._adopted.clear()
        if self.units is not None:
            self.units.let_go()
        self._references.clear()
        self.alive.clear()

    def storage_of(self, tensor: torch.Tensor, born: int) -> int:
        """The index of a tensor's storage, which is followed from now on.

        born:
            the operator that made it, should it be new.
        """
        held = tensor.untyped_storage()
        address = held._cdata
        known = self.alive.get(address)
        if known is not None:
            return known
        index = len(self.storages)
        nbytes = held.nbytes()
        self.alive[address] = index
        self.storages.append(Storage(nbytes, born))
        events, ops, alive, references = self.events, self.ops, self.alive, self._references
        elastic = None if self.units is None else self.units.made(held, index, nbytes)

        def over(_: object) -> None:
            if references.pop(address, None) is not None:
                del alive[address]
                last = nbytes if elastic is None else elastic.nbytes
                if last or not nbytes:
                    events.append(Event(index, last, False, len(ops)))

        references[address] = weakref.ref(held, over)
        events.append(Event(index, nbytes, True, len(ops)))
        if self._on_meta and tensor.ndim == 0 and tensor.is_floating_point() and not is_meta(tensor):
            self.hosted.add(index)
        return index

    def kept_number(self, nbytes: int) -> Callable[[], None]:
        """Follow memory that no tensor in sight has; to be called when it is let go of."""
        index = len(self.storages)
        events, ops = self.events, self.ops
        self.storages.append(Storage(nbytes, len(ops) - 1))
        self.numbers.append(index)
        self.hosted.add(index)
        events.append(Event(index, nbytes, True, len(ops)))

        def over() -> None:
            events.append(Event(index, nbytes, False, len(ops)))

        return over

    def adopt(self, tensor: torch.Tensor) -> Tag:
        """The tag of a tensor that no operator returned: one that was there, or a copy of autograd's."""
        if is_divided(type(tensor)):
            return self.given(local_of(tensor))
        try:
            tag = self.write(tensor, self.layout_of(tensor), self.storage_of(tensor, -1))
        except (RuntimeError, NotImplementedError):
            return super().adopt(tensor)
        if not is_meta(tensor):
            self._adopted.append(weakref.ref(tensor))
        return tag

    def mark(self, tensor: torch.Tensor, storage: int) -> None:
        """Tag a tensor that an operator made, or that lies where one was given."""
        with suppress(RuntimeError, NotImplementedError):
            storage = self.storage_of(tensor, len(self.ops))
        self.write(tensor, self.layout_of(tensor), storage)

    def is_foreign(self, tensor: torch.Tensor) -> bool:
        """Whether it was there before the recording."""
        tag = self.of(tensor)
        return tag is not None and self.storages[tag[1]].born < 0

    def orphans(self) -> set[int]:
        """None: what autograd makes by itself is not to be told from work out of sight."""
        return set()


class StepRecorder(Recorder):  # type: ignore[no-untyped-call]
    """Records a step: operators as its base does, and what becomes of storages.

    placed:
        the classes of tensors without data; None where tensors are real.
    """

    def __init__(self, device: torch.device, *, placed: Placed | None, keeper: Keeper) -> None:
        super().__init__(on_meta=placed is not None, home=device, keeper=keeper, copied=True)
        self.memo = None
        self.placed = placed
        self.tags: Lives = Lives(self.on_meta)
        self.storages = self.tags.storages
        self.tags.ops = self.ops
        self.phases: list[Phase] = []
        self._kernels = kernels_of(device)
        # Whether a value that is not there may be any: in an optimizer it decides on no shape.
        self._any_value = False
        # Those of kernels on this device; a build without any for it has the processor's.
        self._keys = ("CPU",) if device.type == "cpu" else (device.type.upper(), "CPU")
        # Storages that were there before the step.
        self._before = 0
        # By autograd's number of an operation, the call that it belongs to.
        self._scopes: dict[int, int] = {}
        # An operator that is about to be recorded, and how its tensors lie (see `formulas.scratch`).
        self._laid_out: tuple[str, frozenset[str]] = "", frozenset()
        self.numbers = Numbers(self.tags)
        # By an operator and what it was given, what it made: see `_computed`.
        self._known: dict[tuple[Any, ...], tuple[Operator, list[Layout], type]] = {}
        self._remembers = not is_plain("operators")
        # What autograd is given to keep, with the call that it was in.
        self.kept: list[tuple[weakref.ref[_Kept], int]] = []

    # The step

    def phase(self, name: str) -> None:
        """A part of the step begins."""
        if not self.phases:
            self._before = len(self.storages)
        self.numbers.see(None)
        self.phases.append(Phase(name, len(self.tags.events), len(self.ops)))
        self._any_value = name in ("optimizer", "zero_grad", "state")

    @contextmanager
    def forwarding(self) -> Iterator[None]:
        """See what autograd keeps."""

        def keep(tensor: torch.Tensor) -> _Kept:
            kept = _Kept(self._alias(tensor))
            self.tags.given(kept.tensor)  # a number that torch made a tensor of is met nowhere else
            self.kept.append((weakref.ref(kept), self.scope))
            return kept

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept.tensor):
            yield

    def same_memory(self, tensor: torch.Tensor) -> torch.Tensor:
        """Another tensor that is this one to all who look."""
        other = self._alias(tensor)
        self.tags.mark(other, -1)
        return other

    def _alias(self, tensor: torch.Tensor) -> torch.Tensor:
        """The same memory, without what computed it: autograd is not to hold its own result."""
        if is_divided(type(tensor)):
            return divided_like(tensor, self._alias(local_of(tensor)))
        if self.placed is not None and self.placed.is_placed(tensor):
            return self.placed.place(tensor)
        with torch._C._DisableTorchDispatch():
            return tensor.detach()

    def follow_units(self, locate: Callable[[str], int]) -> None:
        """The network is divided among ranks: see whose parameters are whole, and when."""
        self.divided = True
        tags = self.tags
        tags.units = Units(tags.events, self.ops, locate, lambda tensor: tags.given(tensor)[1])

    @property
    def gathered(self) -> set[int]:
        """Storages of parameters that were made whole of what ranks have of them."""
        return set() if self.tags.units is None else self.tags.units.gathered

    # Operators

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if types and do_their_own(tuple(types)):
            return self.falls_apart(func)
        if self.divided:
            if propagates(self):
                return func(*args, **(kwargs or {}))
            if self.tags.units is not None and self.tags.units.see(func, args, kwargs or {}):
                return func(*args)
        where = tells_device(func, self.home)
        if where is not None:
            return where
        node: Any = torch._C._current_autograd_node()
        self.numbers.see(node)
        if node is None:
            if self.scope < 0 and self.tags.units is not None:
                return self._for_unit(func, types, args, kwargs)
            if self.scope >= 0:
                # The first that sees a number is what autograd has just given it to.
                self._scopes.setdefault(_sequence_number(), self.scope)
            result = self._inside(func, types, args, kwargs)
            self.numbers.given(func, args, result)
            return result
        scope, self.scope = self.scope, self._scope_of(node)
        try:
            if func is _ADD and self._accumulates(*args):
                if self.placed is not None:
                    return self._added_in_place(*args)
                func = _aten.add_.Tensor
            if func in _INTO_ZEROS and self._is_new(args[0]):
                func = _INTO_ZEROS[func]
            return self._inside(func, types, args, kwargs)
        finally:
            self.scope = scope

    def _for_unit(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        """What no module's call and no node of autograd is about, such as the end of a backward."""
        assert self.tags.units is not None
        self.scope = self.tags.units.scope
        try:
            return self._inside(func, types, args, kwargs)
        finally:
            self.scope = -1

    def _meet(self, func: Any) -> None:
        """Take an operator for a composite only where it is one on this device."""
        schema = schema_of(func)
        if schema.is_composite and any(
            torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key) for key in self._keys
        ):
            schema = Schema(func, whole=True)
        self._schemas[id(func)] = schema

    def _inside(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        if id(func) not in self._schemas and isinstance(func, torch._ops.OpOverload):
            self._meet(func)
        if func in _LAID_OUT:
            self._laid_out = schema_of(func).name, frozenset(_how_laid_out(args))
        before, inside.now = inside.now, True
        try:
            return super().__torch_dispatch__(func, types, args, kwargs)
        finally:
            inside.now = before

    def _accumulates(self, one: torch.Tensor, other: torch.Tensor, *rest: Any) -> bool:
        """Whether autograd's engine adds up two gradients in the memory of the first.

        It does so with a tensor that nobody else has, but not with one of a class of its own, as these are
        (`can_accumulate_inplace` in torch/csrc/autograd/input_buffer.cpp).
        """
        return (
            not torch.is_grad_enabled()
            and one.shape == other.shape
            and one.dtype == other.dtype
            and _holders(one) <= _ALONE
            and torch._C._storage_Use_Count(one.untyped_storage()._cdata) <= _STORAGE_ALONE
            and self.tags.layout_of(one).is_dense
        )

    def record(self, operator: Operator, reads: Sequence[int], writes: Sequence[int]) -> None:
        """Write down a call of an operator, and how its tensors lie where its scratch depends on it."""
        name, tags = self._laid_out
        if operator.name == name and not tags <= operator.tags:
            operator = operator._replace(tags=operator.tags | tags)
        super().record(operator, reads, writes)

    def _is_new(self, tensor: torch.Tensor) -> bool:
        """Whether it is zeros that the operators before this one have made."""
        born = self.storages[self.tags.given(tensor)[1]].born
        return born >= len(self.ops) - 2 and born >= 0 and self.ops[born].operator.name in _ZEROS

    def _added_in_place(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        with in_kernel():
            made = one.view_as(one)
        result: torch.Tensor = self._placed(made)
        self.tags.mark(result, -1)
        (layout, storage, _), (_, read, _) = self.tags.given(one), self.tags.given(other)
        operator = operator_of("aten.add_.Tensor", _IN_PLACE, ((layout, layout), {}), (layout,))
        self.record(operator, (storage, read), (storage,))
        return result

    def _scope_of(self, node: Any) -> int:
        """The call whose gradient a node of autograd's graph computes."""
        if self.tags.units is not None:
            scope = self.tags.units.scope
            if scope >= 0:
                return scope
        number = node._sequence_nr()
        if number >= 2**62:
            return -1
        return self._scopes.get(number + 1, self._scopes.get(number, -1))

    def _nested(self, schema: Schema, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.placed is not None and schema.is_query:
            return self.kernel(schema.func, args, kwargs)
        return super()._nested(schema, tuple(t for t in types if not self._is_ours(t)), args, kwargs)

    def _made_by(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._any_value and schema.name == _READS_A_VALUE and self._is_valueless(args[0]):
            return _ANY
        return super()._made_by(schema, args, kwargs)

    def _computed(self, call: Dispatched) -> Any:
        """What it makes is known where the same was made of tensors that lie in the same way.

        Torch's own kernels for meta are Python: they took a quarter of the time of a step of 80 blocks.
        """
        schema = call.schema
        plain = schema.effect is Effect.MAKES and not (call.off_meta or call.opaque or call.sparse)
        if self.placed is None or not (plain and self._remembers) or schema.is_random:
            return super()._computed(call)
        key = id(schema.func), *_frozen(self.tags.layouts(call.args, call.kwargs))
        known = self._known.get(key)
        if known is None:
            result = super()._computed(call)
            made = result if isinstance(result, (list, tuple)) else [result]
            if all(type(one) is self.placed.tensor for one in made) and self._is_apart(len(made)):
                layouts = [self.tags.given(one)[0] for one in made]
                self._known[key] = self.ops[-1].operator, layouts, type(result)
            return result
        operator, layouts, kind = known
        results = [self.empty(layout) for layout in layouts]
        self.record(operator, call.reads, [self.born(one) for one in results])
        if kind is list:
            return results
        return tuple(results) if issubclass(kind, tuple) else results[0]

    def _is_apart(self, results: int) -> bool:
        """Whether what the last operator made has memory of its own, each for itself: some only say so."""
        last = len(self.ops) - 1
        written = set(self.ops[last].writes)
        return len(written) == results and all(self.storages[one].born == last for one in written)

    def _is_valueless(self, tensor: torch.Tensor) -> bool:
        return is_meta(tensor) or self.tags.given(tensor)[1] in self.stale

    def owns(self, tensor: torch.Tensor) -> bool:
        """Whether it is the step's own or a copy, as is what torch makes by itself once the step runs."""
        return (bool(self.phases) and self.tags.given(tensor)[1] >= self._before) or super().owns(tensor)

    def _is_ours(self, kind: type) -> bool:
        return self.placed is not None and (kind in (self.placed.tensor, self.placed.parameter))

    def _is_whole(self, schema: Schema, args: tuple[Any, ...]) -> bool:
        return False  # what it falls apart into is what autograd sees

    def _taken_apart(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        before, inside.now = inside.now, False
        try:
            return super()._taken_apart(schema, args, kwargs)
        finally:
            inside.now = before

    def kernel(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What torch's kernel makes: that of meta, unless all is real."""
        placed = self.placed
        if placed is None:
            return func(*args, **kwargs)
        if not any(placed.is_placed(t) or is_meta(t) for t in tensors_in((args, tuple(kwargs.values())))):
            device = kwargs.get("device")
            if device is None or torch.device(device).type == "cpu":
                return func(*args, **kwargs)
        if func is _RECURRENT and args[-1]:
            self.unseen.append(Unseen(self.scope, "what oneDNN keeps of a recurrent layer for backward"))
        with in_kernel():
            made = self._kernels.get(func, func)(*args, **kwargs)
        return self._placed(made)

    def _placed(self, made: Any) -> Any:
        assert self.placed is not None
        if isinstance(made, torch.Tensor):
            return self.placed.place(made) if type(made) is torch.Tensor and is_meta(made) else made
        if isinstance(made, (list, tuple)):
            items = [self._placed(item) for item in made]
            return items if type(made) is list else tuple(items)
        return made

    def empty(self, layout: Layout) -> torch.Tensor:
        """A tensor without data. To be called where no mode is active."""
        tensor = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device="meta")
        return tensor if self.placed is None else self.placed.place(tensor)

    def born(self, tensor: torch.Tensor) -> int:
        """Tag what the operator about to be recorded made; its storage."""
        self.tags.mark(tensor, -1)
        return self.tags.given(tensor)[1]


class _Kept:
    """What autograd keeps, for as long as it does."""

    __slots__ = ("__weakref__", "tensor")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


def _frozen(value: Any) -> Any:
    """Arguments as a key. A number is another one as a float, and as a flag."""
    if isinstance(value, (list, tuple)):
        return tuple([_frozen(item) for item in value])
    if isinstance(value, dict):
        return tuple([(name, _frozen(item)) for name, item in value.items()])
    return value if isinstance(value, Layout) else (type(value), value)


def _how_laid_out(args: tuple[Any, ...]) -> Iterator[str]:
    """Tags of an operator's tensors that are not contiguous, by their places."""
    for place, tensor in enumerate(args):
        if isinstance(tensor, torch.Tensor) and not tensor.is_contiguous():
            last = (
                tensor.is_contiguous(memory_format=torch.channels_last)
                if tensor.ndim == 4
                else tensor.ndim == 5 and tensor.is_contiguous(memory_format=torch.channels_last_3d)
            )
            yield f"channels_last.{place}" if last else f"strided.{place}"
