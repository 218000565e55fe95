"""Where a peer runs: a twin of the network on meta, which costs no weights and no work; else a real one.

Peers were made for real tensors. `Stage.open` is to be entered around what they do: a mode below them lets
meta and small real tensors meet, has `torch.jit` trace what has no values, and tells of every operator that
ran, and in which module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import torch
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from netscope.base.workload import TensorSpec, Workload
from netscope.trace.here import here
from netscope.trace.memory import too_large
from netscope.trace.modules import Names
from netscope.trace.rungs import RUNGS, copying, device_of, keep_from_fused, make_plain, set_mode
from netscope.trace.shapes.layout import Layout, dtype_name
from netscope.trace.shapes.registry import infer, rule_for
from netscope.trace.standins import Standins, dressed, standins
from netscope.trace.storage import stored_of
from netscope.trace.twin import tensors

_META: Final = torch.device("meta")
_RECURRENT: Final = (torch.nn.RNNBase, torch.nn.RNNCellBase)
_STATEFUL: Final = frozenset(
    f"{kind}{cell}" for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu") for cell in ("", "_cell")
)
# Given to whoever wants to hear of operators: (operator, arguments, what it returned).
Listener = Callable[[Any, Sequence[Any], Any], None]


class Stage:
    """A network that a peer may run, and what it is called with.

    paths:
        the first qualified name of each module, by its id.
    inside:
        paths of the modules that are running, the outermost first.
    listener:
        hears of every operator that runs on the lowest level.
    """

    def __init__(
        self,
        rung: str,
        module: torch.nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        classes: Standins | None = None,
    ) -> None:
        self.rung, self.classes = rung, classes
        self.module, self.args, self.kwargs = module, args, kwargs
        names = Names(module)
        self.paths = {key: found[0] for key, found in names.of.items()}
        self.modules = {found[0]: m for m, found in zip(names.modules, names.of.values(), strict=True)}
        self.inside: list[str] = []
        self.listener: Listener | None = None

    @property
    def listed(self) -> tuple[str, ...]:
        """Names of all parameters, those that are tied by each."""
        return tuple(name for name, _ in self.module.named_parameters(remove_duplicate=False))

    @property
    def path(self) -> str:
        """Of the module that is running."""
        return self.inside[-1] if self.inside else ""

    @contextmanager
    def open(self) -> Iterator[None]:
        """In here a peer may run."""
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(_Below(self))
            if any(isinstance(m, _RECURRENT) for m in self.modules.values()):
                stack.enter_context(_Above())
            here.outside = self.classes is not None
            stack.callback(setattr, here, "outside", False)
            hooks = torch.nn.modules.module
            stack.callback(hooks.register_module_forward_pre_hook(self._enter).remove)
            stack.callback(hooks.register_module_forward_hook(self._leave, always_call=True).remove)
            yield

    def _enter(self, module: torch.nn.Module, args: Any) -> None:
        # One that is registered nowhere is its caller's.
        self.inside.append(self.paths.get(id(module), self.path))

    def _leave(self, module: torch.nn.Module, args: Any, result: Any) -> None:
        self.inside.pop()


@contextmanager
def staged(workload: Workload, rung: str, train: bool) -> Iterator[Stage]:
    """The stage on that rung, "meta" or "real". In a process of its own: nothing is put back.

    Raises:
        MemoryError: the weights would not fit.
    """
    if rung == "real":
        lazy = any(map(is_lazy, workload.module.parameters()))
        refusal = None if lazy else too_large(workload.module)
        if refusal is not None:
            raise MemoryError(refusal)
        with RUNGS["real"](workload, train, True) as prepared:
            yield Stage(rung, prepared.module, prepared.args, prepared.kwargs)
        return
    # They say that they are where the owner's are, so that the forward goes the way that it goes there.
    classes = standins(torch.device("cpu") if workload.rebuild else device_of(workload.module))

    def make(spec: TensorSpec) -> torch.Tensor:
        made: torch.Tensor = dressed(
            torch.empty(spec.shape, dtype=getattr(torch, spec.dtype), device=_META), classes.tensor
        )
        return made

    with copying(tensors.on_meta(classes), make) as copier:
        with torch.no_grad():
            module, args, kwargs = copier((workload.module, workload.args, workload.kwargs))
        modules = list(module.modules())
        make_plain(modules)
        keep_from_fused(modules)
        set_mode(modules, train)
        yield Stage(rung, module, args, kwargs, classes)


def specs(values: Any) -> Any:
    """The same with a TensorSpec for each tensor; a packed weight and its bias are two."""
    values = tree_map_only(torch.ScriptObject, _unpacked, values)
    return tree_map_only(torch.Tensor, _spec, values)


def _unpacked(value: Any) -> Any:
    try:
        return tuple(value.unpack())
    except (AttributeError, RuntimeError, TypeError):  # of another class
        return value


def _spec(tensor: torch.Tensor) -> TensorSpec:
    shape = () if is_lazy(tensor) else tuple(map(int, tensor.shape))
    try:
        stored = stored_of(tensor)
    except NotImplementedError:  # which depends on values
        stored = None
    return TensorSpec(shape, dtype_name(tensor.dtype), stored)


def specs_of(values: Any) -> list[TensorSpec]:
    """Those of the tensors among values."""
    return [leaf for leaf in tree_leaves(specs(values)) if isinstance(leaf, TensorSpec)]


class _Below(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs operators below all that a peer does."""

    supports_higher_order_operators = True

    def __init__(self, stage: Stage) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stage = stage

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outside, here.outside = here.outside, False  # torch is to see where tensors are
        try:
            return self._dispatched(func, args, kwargs or {})
        finally:
            here.outside = outside

    def _dispatched(self, func: Any, args: Any, kwargs: Any) -> Any:
        if torch._C._get_tracing_state() is None:
            return self._run(func, args, kwargs)
        if func is torch.ops.aten.convolution.default:
            # A kernel with data would call this one, which is what `torch.jit` writes down.
            with _tracing(True), self:
                return torch.ops.aten._convolution.default(*args, False, False, False, False, **kwargs)
        with _tracing(False):
            return self._run(func, args, kwargs)

    def _run(self, func: Any, args: Any, kwargs: Any) -> Any:
        stage = self._stage
        if stage.rung == "meta":
            if func is torch.ops.aten._convolution.default:
                func, args = torch.ops.aten.convolution.default, args[:9]
            result = _on_meta(func, args, kwargs)
            if stage.classes is not None:
                dressed(result, stage.classes.tensor)
        else:
            result = func(*args, **kwargs)
        if stage.listener is not None:
            stage.listener(func, (*args, *kwargs.values()), result)
        return result


def _on_meta(func: Any, args: Any, kwargs: Any) -> Any:
    """On meta if any tensor is: one with data beside it is stood in for."""
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if kwargs.get("device") is not None and any(t.is_meta for t in given):
        kwargs = {**kwargs, "device": _META}
    mixed = any(t.is_meta for t in given) and not all(t.is_meta for t in given)
    if not mixed:
        return _made_of(func, args, kwargs)
    known: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def stand_in(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_meta or not tensor.dim():  # a number may come from anywhere
            return tensor
        made = torch.empty_strided(tuple(tensor.shape), tensor.stride(), dtype=tensor.dtype, device=_META)
        known[id(made)] = made, tensor
        return made

    result = func(
        *tree_map_only(torch.Tensor, stand_in, args), **tree_map_only(torch.Tensor, stand_in, kwargs)
    )
    # What was written to in place is still the tensor that it was.
    return tree_map_only(torch.Tensor, lambda t: known[id(t)][1] if id(t) in known else t, result)


def _made_of(func: Any, args: Any, kwargs: Any) -> Any:
    """What torch makes of it, or a shape rule of netscope's where torch has no kernel for meta."""
    try:
        return func(*args, **kwargs)
    except (RuntimeError, NotImplementedError):
        rule = rule_for(str(func)) if isinstance(func, torch._ops.OpOverload) else None
        if rule is None or func._schema.is_mutable:
            raise
        as_layouts = tree_map_only(
            torch.Tensor, lambda t: Layout(tuple(t.shape), t.stride(), t.dtype), (args, kwargs)
        )
        made = infer(rule, *as_layouts)
        if type(made) is not tuple:
            raise
        shape, stride, dtype = made
        return torch.empty_strided(shape, stride, dtype=dtype, device=_META)


class _Above(TorchFunctionMode):
    """Stands in for the states that recurrent layers make, which torch compares with the input above all."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in _STATEFUL:
            outside, here.outside = here.outside, False
            try:
                given = [leaf for leaf in tree_leaves(args) if isinstance(leaf, torch.Tensor)]
                if any(t.is_meta for t in given):
                    args = tree_map_only(torch.Tensor, lambda t: t if t.is_meta else t.to(_META), args)
            finally:
                here.outside = outside
        return func(*args, **(kwargs or {}))


@contextmanager
def _tracing(on: bool) -> Iterator[None]:
    """Have `torch.jit` write down what runs in here, or not see it: it would take sizes for tensors."""
    tracer = torch._C._dispatch_key_parse("Tracer")
    tracing: Any = torch._C
    state = tracing._get_tracing_state()
    excluded = torch._C._dispatch_tls_is_dispatch_key_excluded(tracer)
    torch._C._dispatch_tls_set_dispatch_key_excluded(tracer, False)
    if not on:
        tracing._set_tracing_state(None)
    try:
        yield
    finally:
        tracing._set_tracing_state(state)
        torch._C._dispatch_tls_set_dispatch_key_excluded(tracer, excluded)
