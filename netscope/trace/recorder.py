"""The dispatch mode that writes down every operator.

It is entered below autograd, which has nothing to do in a forward that is only counted. So it is given
composite functions whole: those of `COMPOSITES` are written down as they are, and the others fall apart into
what they are made of.

On the meta rung it stands in for them: what an operator makes is known from a shape rule or an earlier call
(`netscope.trace.memo`), or else from torch's meta kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch.utils import _python_dispatch
from torch.utils._python_dispatch import TorchDispatchMode

from netscope.base.plain import is_plain
from netscope.trace.casting import Casting, recorded
from netscope.trace.chance import whole
from netscope.trace.collectives import stood_in
from netscope.trace.composites import ATTENTION, COMPOSITES, OF_COMPLEX
from netscope.trace.dispatched import Dispatched
from netscope.trace.facts import OpCall, Operator, Redistributed, Storage, Unseen
from netscope.trace.higher import run_higher
from netscope.trace.keeper import Keeper
from netscope.trace.memo.operators import OperatorMemo
from netscope.trace.nested import Nested, are_jagged
from netscope.trace.operators import Arguments, fits, operator_of
from netscope.trace.running import META, argument, run, run_on_meta, run_sparse, run_with_values, stays_home
from netscope.trace.schema import Effect, Schema, schema_of
from netscope.trace.shapes import Layout, infer, rule_for
from netscope.trace.sharded import do_their_own, propagates
from netscope.trace.standins import Standins, dressed, is_meta
from netscope.trace.tags import NO_KWARGS, Tags, tensors_in

_NO_TAGS: frozenset[str] = frozenset()
_CPU: Final = torch.device("cpu")
_COMPOSITE: Final = torch._C.DispatchKey.CompositeImplicitAutograd
# What torch's modes keep of the process while they are active, and where it is.
FLAGS: Final = {
    "old_dispatch_mode_flags": "_is_in_torch_dispatch_mode",
    "old_non_infra_dispatch_mode_flags": "_is_in_non_infra_torch_dispatch_mode",
    "old_without_ignore_compile_internals_dispatch_mode_flags": (
        "_is_in_any_mode_without_ignore_compile_internals"
    ),
}
# The layout of a lone result, or those of several.
Inferred = Layout | tuple[Layout, ...]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records operators into `ops`; `scope` is the module call that they belong to.

    on_meta:
        operators are not run but stood in for; tensors on other devices are taken by their layout.
    on_fake:
        operators are run on fake tensors, and stood in for where that fails.
    home:
        where the owner's tensors are; those of a forward on meta say that they are there.
    keeper:
        keeps what is nobody's twin from being changed.
    copied:
        whether what was there before the forward are copies.
    divided:
        tensors were met of which this is one rank's part.
    asked, redistributed:
        the operator that such tensors were given last, and those of them that were laid out anew.
    last:
        no other rung is tried after this: what no rung knows is passed over, and said to be.
    failed:
        what could not be done on this rung; a forward may have caught that and gone on.
    """

    # Without it torch refuses flex_attention and cond while a mode is active.
    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # The base class would wrap __torch_dispatch__ so that torch.compile skips it, which imports
        # torch._dynamo and sympy: a second, in a process that compiles nothing. Versions that do not
        # ask simply ignore this.
        return False

    def __init__(
        self,
        on_meta: bool,
        on_fake: bool = False,
        *,
        home: torch.device = _CPU,
        classes: Standins | None = None,
        keeper: Keeper | None = None,
        copied: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.on_meta = on_meta
        self.on_fake = on_fake
        self.home = home
        self.tensor_class = torch.Tensor if classes is None else classes.tensor
        self.keeper = keeper
        self.copied = copied
        self.last = False
        self.divided = False
        # Names of groups of which each rank has a batch of its own.
        self.data_groups: set[str] = set()
        self.asked = ""
        self.redistributed: list[Redistributed] = []
        self.failed: list[str] = []
        self.unseen: list[Unseen] = []
        self.scope = -1
        self.ops: list[OpCall] = []
        self.tags = Tags(on_meta)
        self.storages = self.tags.storages
        self._schemas: dict[int, Schema] = {}
        self.memo = (
            None if not on_meta or (is_plain("rules") and is_plain("operators")) else OperatorMemo(self.tags)
        )
        self.nested = None if on_meta or on_fake else Nested()
        # On meta: storages of real tensors whose values would have changed, had operators been run.
        self.stale: set[int] = set()
        self._autocast = Casting(home)
        # None while autocast is off.
        self._casting: Casting | None = None

    def __exit__(self, *error: object) -> None:
        # An interrupt may have come in the middle of this, and it is called once more; or this thread's modes
        # have been put back before, and another's is not to be popped.
        kept = [(getattr(self, flags), name) for flags, name in FLAGS.items() if hasattr(self, flags)]
        most = max([len(flags) for flags, _ in kept])
        if not most:
            return
        for flags, name in kept:
            if len(flags) < most:
                flags.append(getattr(_python_dispatch, name))
        depth = torch._C._len_torch_dispatch_stack()
        if not depth or torch._C._get_dispatch_stack_at(depth - 1) is not self:
            torch._C._push_on_torch_dispatch_stack(self)
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def let_go(self) -> None:
        """Hold on to no tensor."""
        self.tags.let_go()
        if self.nested is not None:
            self.nested.let_go()

    def leave(self) -> None:
        """End what an interrupt kept from ending, and what torch notes of it for the process."""
        while any(getattr(self, flags, ()) for flags in FLAGS):
            self.__exit__(None, None, None)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if kwargs is None:
            kwargs = NO_KWARGS
        if types and do_their_own(tuple(types)):
            return self.falls_apart(func)
        if self.divided and propagates(self):
            return func(*args, **kwargs)
        if self._casting is not None and self.on_meta:
            result, args, kwargs = self._casting.dispatched(self, func, args, kwargs)
            if result is not NotImplemented:
                return result
        # By identity: operators live for ever, and their own hash runs in Python.
        schema = self._schemas.get(id(func))
        if schema is None:
            if isinstance(func, torch._ops.HigherOrderOperator):
                return run_higher(self, func, args, kwargs)
            schema = self._schemas[id(func)] = schema_of(func)
        if types or self.nested is not None:
            result = self._nested(schema, types, args, kwargs)
            if result is not NotImplemented:
                return result
        if schema.is_query:
            return func(*args, **kwargs)
        if schema.is_collective:
            return stood_in(self, schema, args, kwargs)
        return self.made_by(schema, args, kwargs)

    def same_memory(self, tensor: torch.Tensor) -> torch.Tensor:
        """Another tensor that is this one to all who look."""
        with torch._C._DisableTorchDispatch():
            other = tensor.detach()
        _, storage, _ = self.tags.given(tensor)
        self.tags.mark(other, storage)
        return other

    def made_by(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of an operator, recorded."""
        if schema.is_composite:
            made = self._composite(schema, args, kwargs) if self._is_whole(schema, args) else NotImplemented
            return self._taken_apart(schema, args, kwargs) if made is NotImplemented else made
        return self._made_by(schema, args, kwargs)

    def falls_apart(self, func: Any) -> Any:
        """Let a divided tensor, which knows what its own part takes, run an operator."""
        self.divided, self.asked = True, str(func)
        return NotImplemented

    def _made_by(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of an operator that no other is behind."""
        try:
            if schema.written and self.keeper is not None:
                self._keep(schema, args, kwargs)
            if schema.is_copy and self.on_meta and stays_home(args[0], kwargs, self.home):
                return args[0]
            if self.memo is None:
                return self._computed(Dispatched.read(schema, args, kwargs, self.tags))
            result, unknown = self.memo.recall(self, schema, args, kwargs)
            return result if unknown is None else self._computed(unknown)
        except Exception:
            self.fail(schema.name)
            raise

    def _nested(self, schema: Schema, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of an operator on nested tensors; NotImplemented for one on others."""
        if types and are_jagged(tuple(types)):
            jagged = next(cls for cls in types if are_jagged((cls,)))
            with self:
                return jagged.__torch_dispatch__(schema.func, types, args, kwargs)
        if schema.is_query or self.nested is None or not self.nested.concerns(schema, args, kwargs):
            return NotImplemented
        return self.nested.run(self, schema, args, kwargs)

    def _keep(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Keep what is about to be written to, where it was there before and is nobody's twin."""
        assert self.keeper is not None
        for place in schema.written if schema.only_if is None or args[schema.only_if] else ():
            for tensor in tensors_in(argument(place, args, kwargs)):
                real = type(tensor) in (torch.Tensor, torch.nn.Parameter) and not is_meta(tensor)
                if real and self.was_there(tensor):
                    self.keeper.keep(tensor)

    def see_autocast(self) -> None:
        """See whether the owner's code, which runs, has autocast on."""
        self._casting = self._autocast if self._autocast.is_on() else None

    def forget_casts(self) -> None:
        """Let go of the weights that autocast converted on meta."""
        self._autocast.forget()

    def was_there(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor was there before the forward."""
        tag = self.tags.of(tensor)
        return tag is None or self.storages[tag[1]].born < 0

    def owns(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor is the forward's own or a copy, so that nobody minds what is written to it."""
        if not self.was_there(tensor):
            return True
        return self.copied and self.keeper is not None and self.keeper.is_ours(tensor)

    def fail(self, what: str) -> None:
        """Remember what could not be done."""
        self.failed.append(what)

    def _computed(self, call: Dispatched) -> Any:
        """The same, where it was not met before."""
        memo = self.memo
        if call.sparse:
            return run_sparse(self, call)
        if not self.on_meta:
            return run(self, call)
        if call.off_meta or call.schema.makes_constants:
            result = run_with_values(self, call)
            if result is not NotImplemented:
                return result
        if memo is not None:
            result = memo.made(self, call)
            if result is not NotImplemented:
                return result
        return run_on_meta(self, call)

    def _taken_apart(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a composite function makes of others, which come here in turn."""
        if self._casting is not None and not self.on_meta:
            with self._casting.within(schema.func):
                return recorded(self, schema.func._op_dk, _COMPOSITE, *args, **kwargs)
        # `recorded`, without the call: most operators of a network come out of here.
        torch._C._push_on_torch_dispatch_stack(self)
        try:
            return schema.func._op_dk(_COMPOSITE, *args, **kwargs)
        finally:
            torch._C._pop_torch_dispatch_stack(None)

    def _is_whole(self, schema: Schema, args: tuple[Any, ...]) -> bool:
        """Whether a composite function is recorded as one operator."""
        name = schema.name
        if name in COMPOSITES:
            # What a recurrent layer makes under autocast is decided step by step, inside it.
            return self._casting is None or name == ATTENTION
        return name in OF_COMPLEX and bool(args[0].is_complex())

    def _composite(self, schema: Schema, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a composite function as one operator; NotImplemented where no rule says what it makes."""
        name = schema.name
        reads = [self.tags.given(tensor)[1] for tensor in tensors_in((args, tuple(kwargs.values())))]
        if self.on_meta:
            # By its rule: what torch's meta kernel does of it is not what devices do.
            rule = rule_for(name)
            arguments = self.tags.layouts(args, kwargs)
            made = self._interned(infer(rule, *arguments)) if rule else None
            if made is not None:
                layouts = (made,) if isinstance(made, Layout) else made
                operator = operator_of(name, _NO_TAGS, arguments, layouts)
                results = self.made(operator, layouts, reads)
                return results[0] if isinstance(made, Layout) else tuple(results)
            if name in COMPOSITES:
                return NotImplemented
        result = whole(schema.func, args, kwargs) if name in COMPOSITES else schema.func(*args, **kwargs)
        if self.on_meta:
            result = dressed(result, self.tensor_class)
        operator = self.observed(name, _NO_TAGS, args, kwargs, result)
        self.record(operator, reads, [self.born(item) for item in tensors_in(result)])
        return result

    # What operators make

    def met(self, name: str) -> Schema | None:
        """The schema of an operator that was met under this name."""
        return next((schema for schema in self._schemas.values() if schema.name == name), None)

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

    def observed(
        self, name: str, tags: frozenset[str], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> Operator:
        """An operator that torch ran."""
        layouts = [self.tags.layout_of(tensor) for tensor in tensors_in(result)]
        return operator_of(name, tags, self.tags.layouts(args, kwargs), layouts)

    # Results

    def empty(self, layout: Layout) -> torch.Tensor:
        """A tensor of the meta rung. To be called where no mode is active."""
        tensor: Any = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
        tensor.__class__ = self.tensor_class
        return tensor  # type: ignore[no-any-return]

    def kernel(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What torch makes of an operator, where there may be no values. No mode is active."""
        made = func(*args, **kwargs)
        return dressed(made, self.tensor_class) if self.on_meta else made

    def record(self, operator: Operator, reads: Sequence[int], writes: Sequence[int]) -> None:
        """Write down a call of an operator."""
        self.ops.append(OpCall(operator, self.scope, tuple(reads), tuple(writes)))

    def born(self, tensor: torch.Tensor) -> int:
        """Tag what the operator about to be recorded made, and give it a storage."""
        storage = len(self.storages)
        self.tags.mark(tensor, storage)
        self.storages.append(Storage(self.tags.layout_of(tensor).nbytes, len(self.ops)))
        return storage

    def made(
        self, operator: Operator, layouts: Sequence[Layout | None], reads: Sequence[int], views: bool = False
    ) -> list[torch.Tensor | None]:
        """New meta tensors of these layouts as the results of an operator, which is recorded.

        A view becomes a tensor of its own, too: without values only its layout matters, and its tag says
        whose storage it is.
        """
        results: list[torch.Tensor | None] = []
        writes = []
        ops, storages, tensor_class = self.ops, self.storages, self.tensor_class
        key, token = self.tags.key, self.tags.token
        for layout in layouts:
            if layout is None:
                results.append(None)
                continue
            # `empty` and `Tags.write`, without the calls: every operator of a network passes here.
            tensor: Any = torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=META)
            tensor.__class__ = tensor_class
            if views:
                storage = reads[0]
            else:
                storage = len(storages)
                storages.append(Storage(layout.nbytes, len(ops)))
            tensor.__dict__[key] = layout, storage, token
            writes.append(storage)
            results.append(tensor)
        ops.append(OpCall(operator, self.scope, tuple(reads), tuple(writes)))
        return results

    def returned(self, operator: Operator, call: Dispatched) -> torch.Tensor:
        """The result of an in-place operator that need not run, recorded: its first argument."""
        target: torch.Tensor = call.args[0]
        if not is_meta(target):
            self.stale.add(call.reads[0])
        self.record(operator, call.reads, call.reads[:1])
        return target
