"""What the tensors of a trace are made of: meta, fake or real.

Each rung is a function that prepares a module and arguments for one recording. A model that needs values
(`.item()`, detection's boxes) goes down one rung at a time. What runs is never the owner's module but a twin
of it; one that netscope built from a name is its own.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Final, NamedTuple

import torch

from netscope.base.errors import NetscopeError
from netscope.base.plain import is_plain
from netscope.base.workload import TensorSpec, Workload
from netscope.trace.constants import most_kept
from netscope.trace.here import here
from netscope.trace.keeper import Keeper
from netscope.trace.modules import Names
from netscope.trace.recorder import Recorder
from netscope.trace.running import META
from netscope.trace.sharded import adopt_states, without_reducers
from netscope.trace.standins import Standins, standins
from netscope.trace.twin import tensors
from netscope.trace.twin.copier import Copier

_CPU: Final = torch.device("cpu")


class Prepared(NamedTuple):
    """A module and arguments that may be run without harm, and what to record with.

    copier:
        has made the copies.
    surroundings:
        is to be entered around the forward, and the forward alone.
    """

    module: torch.nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    names: Names
    recorder: Recorder
    copier: Copier
    surroundings: AbstractContextManager[object] = nullcontext()


Rung = Callable[[Workload, bool, bool], AbstractContextManager[Prepared]]


@contextmanager
def meta(workload: Workload, train: bool, first: bool) -> Iterator[Prepared]:
    """No data at all: operators are stood in for by shape rules, or by torch's meta kernels."""
    home = _CPU if workload.rebuild else device_of(workload.module)
    classes = standins(home)
    twin = tensors.on_meta(classes)

    def make(spec: TensorSpec) -> torch.Tensor:
        if home == _CPU and spec.numel <= most_kept(torch_dtype(spec)):
            return random_tensor(spec, home)  # token ids, masks: what a real forward would be given
        made: Any = _empty(spec, META)
        made.__class__ = classes.tensor
        return made  # type: ignore[no-any-return]

    with holding(workload, twin, make, train, first, owned=workload.rebuild is not None) as held:
        module, args, kwargs, names, copier = held
        if workload.rebuild:
            _dress(names.modules, classes)
        keep_from_fused(names.modules)
        with keeping(names, copier) as keeper:
            copied = workload.rebuild is None
            recorder = Recorder(on_meta=True, home=home, classes=classes, keeper=keeper, copied=copied)
            yield Prepared(module, args, kwargs, names, recorder, copier)


@contextmanager
def fake(workload: Workload, train: bool, first: bool) -> Iterator[Prepared]:
    """torch's fake tensors: no data either, but on a device that has kernels."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    twin = tensors.on_fake(mode)

    def make(spec: TensorSpec) -> torch.Tensor:
        with mode:
            return _empty(spec, "cpu")

    with holding(workload, twin, make, train, first, owned=False) as held:
        module, args, kwargs, names, copier = held
        with keeping(names, copier) as keeper:
            recorder = Recorder(on_meta=False, on_fake=True, keeper=keeper)
            yield Prepared(module, args, kwargs, names, recorder, copier, _faking(mode, recorder))


@contextmanager
def _faking(mode: AbstractContextManager[object], recorder: Recorder) -> Iterator[None]:
    """Fake tensors, without the log of every operator that would not do: the ladder goes on anyway."""
    from netscope.trace.exits import exits_watched

    _quiet()
    with mode, exits_watched(recorder):
        yield


class _NotHere(logging.Filter):
    """Drops what this thread's recording on fake tensors gives rise to."""

    def filter(self, record: logging.LogRecord) -> bool:
        return here.recorder is None or not here.recorder.on_fake


def _quiet() -> None:
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    if not any(isinstance(one, _NotHere) for one in logger.filters):
        logger.addFilter(_NotHere())


@contextmanager
def real(workload: Workload, train: bool, first: bool) -> Iterator[Prepared]:
    """The real forward on the model's own device, on copies of everything that it could write to."""
    from netscope.trace.exits import exits_watched

    twin = tensors.copied()
    device = device_of(workload.module) if workload.rebuild is None else _CPU

    def make(spec: TensorSpec) -> torch.Tensor:
        return random_tensor(spec, device)

    module = workload.rebuild() if workload.rebuild else None
    with holding(workload, twin, make, train, True, owned=module is not None, built=module) as held:
        ready, args, kwargs, names, copier = held
        with keeping(names, copier) as keeper:
            recorder = Recorder(on_meta=False, home=device, keeper=keeper)
            yield Prepared(ready, args, kwargs, names, recorder, copier, exits_watched(recorder))


@contextmanager
def keeping(names: Names, copier: Copier) -> Iterator[Keeper]:
    """Keeps what is written to and is none of the copies' or the module's own."""
    modules = list(names.modules)  # others are met by the forward

    def ours() -> Iterator[torch.Tensor]:
        yield from copier.tensors
        for module in modules:
            for tensor in (*module._parameters.values(), *module._buffers.values()):
                if tensor is not None:
                    yield tensor

    keeper = Keeper(ours)
    try:
        yield keeper
    finally:
        keeper.restore()


RUNGS: Final[dict[str, Rung]] = {"meta": meta, "fake": fake, "real": real}


def device_of(module: torch.nn.Module) -> torch.device:
    """Where the first parameter or buffer of the module is; the CPU for one that has none."""
    waiting = [module]
    seen = {id(module)}
    while waiting:
        part = waiting.pop()
        for tensor in (*part._parameters.values(), *part._buffers.values()):
            if tensor is not None:
                return tensor.device
        children = [child for child in reversed(part._modules.values()) if child is not None]
        waiting += [child for child in children if id(child) not in seen]
        seen.update(map(id, children))
    return _CPU


Held = tuple[torch.nn.Module, tuple[Any, ...], dict[str, Any], Names, Copier]


@contextmanager
def holding(
    workload: Workload,
    twin: Callable[[torch.Tensor], torch.Tensor],
    make: Callable[[TensorSpec], torch.Tensor],
    train: bool,
    first: bool,
    *,
    owned: bool,
    built: torch.nn.Module | None = None,
) -> Iterator[Held]:
    """A module and arguments that nobody else has, in the wanted mode.

    twin:
        makes the twins of the tensors that are copied.
    first:
        whether the module that netscope built is as it built it; else it builds another one.
    owned:
        whether the module is netscope's own and runs itself: it has nobody to miss its tensors.
    built:
        what netscope built for this rung.
    """
    module = built or workload.module
    if built is None and workload.rebuild and not first:
        module = _anew(workload)
    with ExitStack() as stack:
        copier = stack.enter_context(copying(twin, make))
        with torch.no_grad():
            if owned:
                args, kwargs = copier((workload.args, workload.kwargs))
            else:
                module, args, kwargs = copier((module, workload.args, workload.kwargs))
                adopt_states(copier.states())
        names = Names(module)
        stack.callback(names.let_go)
        if owned:
            stack.enter_context(attributes_kept(names.modules))
        make_plain(names.modules)
        without_reducers(names.modules)
        set_mode(names.modules, train)
        yield module, args, kwargs, names, copier


def _anew(workload: Workload) -> torch.nn.Module:
    """The network of a name as it was before the first rung."""
    from netscope.base.meta.building import build

    assert workload.rebuild is not None
    try:
        return build(workload.rebuild)
    except NetscopeError:  # its constructor cannot do without values: the one that there is was put back
        return workload.module


@contextmanager
def copying(
    twin: Callable[[torch.Tensor], torch.Tensor],
    make: Callable[[TensorSpec], Any],
    gradient: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Iterator[Copier]:
    """A copier, whose copies are taken apart at the end, so that they go at once."""
    packed = torch.nn.utils.rnn.PackedSequence

    def of_packed(value: Any) -> Any:
        # Lengths are part of its structure, not of its data, and must stay readable.
        kept = [None if item is None else item.clone() for item in value[1:]]
        return tuple.__new__(packed, (copier(value.data), *kept))

    copier = Copier(twin, {TensorSpec: make, packed: of_packed}, gradient)
    try:
        yield copier
    finally:
        copier.put_back()
        copier.take_apart()


@contextmanager
def attributes_kept(modules: list[torch.nn.Module]) -> Iterator[None]:
    """For modules that netscope built itself and may run again: their classes and attributes are put back."""
    saved = [(module, type(module), module.__dict__.copy()) for module in modules]
    try:
        yield
    finally:
        for module, kind, attributes in saved:
            if type(module) is not kind:
                object.__setattr__(module, "__class__", kind)
            module.__dict__.clear()
            module.__dict__.update(attributes)


def make_plain(modules: list[torch.nn.Module]) -> None:
    """Have the modules run as they are written: what is compiled would bypass a recording."""
    dynamo: Any = sys.modules.get("torch._dynamo.eval_frame")
    for m in modules:
        m.__dict__.pop("_compiled_call_impl", None)
    compiled = () if dynamo is None else (dynamo.OptimizedModule,)
    for m in _of_classes(modules, (torch.nn.TransformerEncoder, *compiled)):
        own = m.__dict__
        if isinstance(m, torch.nn.TransformerEncoder):
            own["use_nested_tensor"] = False  # which would hide the layers' work; it costs the same on paper
        else:
            own["forward"] = own["_modules"]["_orig_mod"].__call__


def _of_classes(modules: list[torch.nn.Module], classes: tuple[type, ...]) -> list[torch.nn.Module]:
    """Those that are of these classes: most networks have none."""
    found = {cls for cls in set(map(type, modules)) if issubclass(cls, classes)}
    return [m for m in modules if type(m) in found] if found else []


def _dress(modules: list[torch.nn.Module], classes: Standins) -> None:
    """Have the tensors of a module that netscope built say that they are at home."""
    for m in modules:
        for tensor in m._parameters.values():
            if type(tensor) is torch.nn.Parameter and tensor.is_meta:
                made: Any = tensor
                made.__class__ = classes.parameter
        for buffer in m._buffers.values():
            if type(buffer) is torch.Tensor and buffer.is_meta:
                made = buffer
                made.__class__ = classes.tensor


def keep_from_fused(modules: list[torch.nn.Module]) -> None:
    """Have attention see a weight on meta: it then keeps from the fused way, which hides its children."""
    for module in _of_classes(modules, (torch.nn.MultiheadAttention,)):
        weight: Any = module._parameters.get("in_proj_weight")
        if weight is not None and issubclass(type(weight), torch.nn.Parameter):
            weight.__class__ = torch.nn.Parameter


def set_mode(modules: list[torch.nn.Module], train: bool) -> None:
    """What `train(train)` does of a module, without calling what a class or an instance has in its place.

    But where that is a `train(mode)` as well, which keeps some layers as they are, say.

    modules:
        that one, and all that are registered in it.
    """
    plain = is_plain("modes")
    scripted, usual = torch.jit.ScriptModule, torch.nn.Module.train
    classes: set[type[torch.nn.Module]] = set(map(type, modules))
    if not plain and not any(c.train is not usual or issubclass(c, scripted) for c in classes):
        for m in modules:
            m.__dict__["training"] = train
        return
    waiting = modules[:1]
    seen: set[int] = set()
    while waiting:
        m = waiting.pop()
        if id(m) in seen:
            continue
        seen.add(id(m))
        cls = type(m)
        if issubclass(cls, scripted):
            m.training = train
            waiting += [child for _, child in m._modules.items() if child is not None]
            continue
        if (cls.train is not usual or plain) and _takes_mode(m):
            try:
                cls.train(m, train)
                continue
            except Exception:  # noqa: BLE001, S110 - the user's code; exported programs have one mode for good
                pass
        m.__dict__["training"] = train
        waiting += [child for child in m._modules.values() if child is not None]


def _takes_mode(module: torch.nn.Module) -> bool:
    """Whether `train` of a module is a method that takes a mode."""
    if "train" in module.__dict__:
        return False
    try:
        _, mode, *others = inspect.signature(type(module).train).parameters.values()
    except (TypeError, ValueError):
        return False
    required = any(
        p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in others
    )
    return (
        mode.kind is mode.POSITIONAL_OR_KEYWORD
        and (mode.name == "mode" or mode.default is True)
        and not required
    )


def torch_dtype(spec: TensorSpec) -> torch.dtype:
    """Of a spec."""
    dtype = getattr(torch, spec.dtype)
    assert isinstance(dtype, torch.dtype)
    return dtype


def _empty(spec: TensorSpec, device: str | torch.device) -> torch.Tensor:
    return torch.empty(spec.shape, dtype=torch_dtype(spec), device=device)


def random_tensor(spec: TensorSpec, device: torch.device) -> torch.Tensor:
    """Values that most networks can digest: normal noise, small token ids, all-true masks."""
    dtype = torch_dtype(spec)
    generator = torch.Generator().manual_seed(0)
    if dtype is torch.bool:
        return torch.ones(spec.shape, dtype=dtype, device=device)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(spec.shape, generator=generator).to(device, dtype)
    return torch.randint(0, 8, spec.shape, generator=generator).to(device, dtype)
