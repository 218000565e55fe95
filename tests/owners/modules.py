"""Owners with hidden modules, hooks, names that hide torch's own, and classes with their own ideas."""

from __future__ import annotations

import abc
import array
import copy
import functools
import io
import logging
import tempfile
import threading
import weakref
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.owners.owner import Does, L, Made, after, owner, rows, with_

# -- Modules that torch does not know of


def teacher() -> nn.Module:
    """In training mode, with statistics that move."""
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)).train()


@owner("a module in a tuple, in training mode", macs=2 * L)
def hidden_in_tuple() -> nn.Module:
    return Does(lambda self, x: self.held[0](self.linear(x)), held=(teacher(),))


@owner("a module in a dict of lists of tuples", macs=2 * L)
def hidden_in_containers() -> nn.Module:
    return Does(lambda self, x: self.held["a"][0][1](self.linear(x)), held={"a": [(1, teacher())]})


@owner("a module in a lambda", macs=2 * L)
def hidden_in_lambda() -> nn.Module:
    other = teacher()
    return Does(lambda self, x: self.call(self.linear(x)), call=lambda x: other(x) * 2)


@owner("a module in the closure of the forward itself", macs=2 * L)
def hidden_in_closure() -> nn.Module:
    other = teacher()
    return Does(lambda self, x: other(self.linear(x)))


@owner("a module in a functools.partial", macs=2 * L)
def hidden_in_partial() -> nn.Module:
    def call(module: nn.Module, x: Tensor, scale: Tensor) -> Tensor:
        return module(x) * scale.add_(1)

    held = functools.partial(call, teacher(), scale=torch.ones(4))
    return Does(lambda self, x: self.call(self.linear(x)), call=held)


@owner("a module behind a bound method", macs=2 * L)
def hidden_in_method() -> nn.Module:
    return Does(lambda self, x: self.call(self.linear(x)), call=teacher().forward)


@owner("a module in a dataclass", macs=2 * L)
def hidden_in_dataclass() -> nn.Module:
    @dataclass
    class Holder:
        net: nn.Module
        asked: int = 0

    def does(self: Does, x: Tensor) -> Tensor:
        self.held.asked += 1
        return self.held.net(self.linear(x))

    return Does(does, held=Holder(teacher()))


@owner("a module of the file", macs=2 * L)
def hidden_in_globals() -> Made:
    TEACHERS["a"] = teacher()
    return Made(Does(lambda self, x: TEACHERS["a"](self.linear(x))), (rows(),), beside=TEACHERS)


TEACHERS: dict[str, nn.Module] = {}


@owner("a default of the forward that is a module", macs=2 * L)
def hidden_in_default() -> nn.Module:
    def does(self: Does, x: Tensor, other: nn.Module = teacher()) -> Tensor:  # noqa: B008 - the very thing
        return other(self.linear(x))

    return Does(does)


@owner("a teacher whose weights follow by a moving average", macs=2 * L)
def moving_average() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        for mine, theirs in zip(self.linear.parameters(), self.held[0].parameters(), strict=False):
            theirs.data.mul_(0.9).add_(mine.data, alpha=0.1)
        return self.held[0](self.linear(x))

    return Does(does, held=(teacher(),))


# -- Names that hide torch's


@owner("`self.train = False`", quiet=True)
def named_train() -> nn.Module:
    return with_(nn.Sequential(nn.Linear(4, 4)), {"train": False})


@owner("`self.parameters = {...}`, `self.buffers`, `self.modules`, `self.children` as attributes", quiet=True)
def named_parameters() -> nn.Module:
    hidden = {"parameters": {"lr": 0.1}, "buffers": [], "modules": None, "children": 3}
    return with_(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), hidden)


@owner("`self.named_modules = None` and its relatives", quiet=True)
def named_modules() -> nn.Module:
    hidden = dict.fromkeys(("named_modules", "named_parameters", "named_buffers", "named_children"))
    return with_(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), hidden)


@owner("`self.to`, `self.state_dict`, `self.eval`, `self.apply`, `self.zero_grad` as attributes", quiet=True)
def named_methods() -> nn.Module:
    hidden = {"to": "cpu", "state_dict": {}, "eval": True, "apply": 1, "zero_grad": None, "cpu": "i7"}
    return with_(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), hidden)


@owner("`self.type`, `self.device`, `self.dtype`, `self.name`, `self.shape` as attributes", quiet=True)
def named_facts() -> nn.Module:
    hidden = {"type": 1, "device": "here", "dtype": "big", "name": None, "shape": (), "weight": "heavy"}
    return with_(nn.Sequential(nn.Linear(4, 4)), hidden)


@owner("a class whose `train(trainer=None, **how)` starts a training run", quiet=True)
def trains_itself() -> nn.Module:
    class Yolo(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.epochs = 0

        def train(self, trainer: Any = None, **how: Any) -> None:  # type: ignore[override]
            self.epochs += 100
            with torch.no_grad():
                self.linear.weight.add_(1)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x)

    return nn.Sequential(Yolo())


@owner("the same at the root, with an `eval` that raises", quiet=True)
def trains_itself_root() -> nn.Module:
    class Yolo(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.epochs = 0

        def train(self, trainer: Any = None, **how: Any) -> None:  # type: ignore[override]
            self.epochs += 100

        def eval(self) -> Any:
            raise RuntimeError("this network is never evaluated")

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x)

    return Yolo()


class Lora(nn.Linear):
    """Merges its low-rank part into the weight for evaluation, as loralib does."""

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.down = nn.Parameter(torch.randn(2, 4))
        self.up = nn.Parameter(torch.randn(4, 2))
        self.merged = False

    def train(self, mode: bool = True) -> Any:
        super().train(mode)
        if mode == self.merged:
            self.weight.data += (self.up @ self.down) * (-1 if mode else 1)
            self.merged = not mode
        return self

    def forward(self, input: Tensor) -> Tensor:
        y = super().forward(input)
        return y if self.merged else y + input @ self.down.T @ self.up.T


# Rows by 4 by 2, and back.
LOW_RANK = 2 * (4 * 2 + 2 * 4)


@owner("a LoRA layer whose `train()` merges by `.data +=`, in training mode", macs=None, quiet=True)
def lora_training() -> nn.Module:
    return nn.Sequential(Lora())


@owner("the same, merged, and asked about in training mode", macs=None, train=True, quiet=True)
def lora_merged() -> nn.Module:
    return nn.Sequential(Lora()).eval()


@owner("a `train` that refuses: batch normalisation frozen for good", quiet=True)
def frozen_norm() -> nn.Module:
    class Frozen(nn.BatchNorm1d):
        def train(self, mode: bool = True) -> Any:
            return super().train(False)

    return nn.Sequential(nn.Linear(4, 4), Frozen(4).train())


# -- Classes with their own ideas


@owner("`__getattr__` that raises for what it does not know", quiet=True)
def getattr_raises() -> nn.Module:
    class Strict(nn.Sequential):
        def __getattr__(self, name: str) -> Any:
            if name.startswith("_netscope") or name in ("shape", "_is_hf_initialized"):
                raise RuntimeError(f"nobody asks for {name}")
            return super().__getattr__(name)

    return Strict(nn.Linear(4, 4))


@owner("`__getattr__` that answers everything", quiet=True)
def getattr_answers() -> nn.Module:
    class Anything(nn.Sequential):
        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return lambda *args, **kwargs: None

    module = nn.Sequential(nn.Linear(4, 4))
    module.__class__ = Anything  # its own constructor would find that everything is there already
    return module


@owner("a plain object whose `__getattr__` raises RuntimeError and counts", quiet=True)
def counting_object() -> nn.Module:
    class Counts:
        def __init__(self) -> None:
            self.asked = 0

        def __getattr__(self, name: str) -> Any:
            self.asked += 1
            raise RuntimeError(f"nobody asks for {name}")

    return Does(lambda self, x: self.linear(x), held=Counts())


@owner("its own `__call__`, which counts and scales")
def own_call() -> nn.Module:
    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.calls = 0

        def __call__(self, x: Tensor) -> Tensor:
            self.calls += 1
            return super().__call__(x) * 2

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x)

    return Called()


@owner("`__setattr__` that keeps a list of what was set, and `__delattr__` that refuses")
def own_setattr() -> nn.Module:
    class Notes(nn.Module):
        def __init__(self) -> None:
            self.__dict__["log"] = []
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def __setattr__(self, name: str, value: Any) -> None:
            self.__dict__["log"].append(name)
            super().__setattr__(name, value)

        def __delattr__(self, name: str) -> None:
            raise RuntimeError("nothing is ever deleted")

        def forward(self, x: Tensor) -> Tensor:
            y = self.linear(x)
            self.last = y
            return y

    return Notes()


@owner("a module with `__slots__`")
def slots_module() -> nn.Module:
    class Slotted(nn.Module):
        __slots__ = ("extra", "last")

        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.extra = torch.ones(4)

        def forward(self, x: Tensor) -> Tensor:
            self.last = y = self.linear(x) + self.extra
            self.extra.add_(1)
            return y

    return Slotted()


@owner("a metaclass, an abstract base and several ancestors")
def many_ancestors() -> nn.Module:
    class Meta(abc.ABCMeta):
        made = 0

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            cls.made += 1
            return super().__call__(*args, **kwargs)

    class Mixin:
        count = 0

        def touch(self) -> None:
            self.count += 1

    class Base(nn.Module, abc.ABC, metaclass=Meta):
        @abc.abstractmethod
        def forward(self, x: Tensor) -> Tensor: ...

    class Both(Mixin, Base, dict):  # type: ignore[type-arg]
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def __hash__(self) -> int:  # type: ignore[override]
            return id(self)

        def forward(self, x: Tensor) -> Tensor:
            self.touch()
            self["y"] = y = self.linear(x)
            return y

    return Both()


@owner("`__deepcopy__`, `__copy__` and `__reduce_ex__` that raise")
def never_copied() -> nn.Module:
    class Never(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.steps = 0

        def _refuse(self, *args: Any) -> Any:
            raise RuntimeError("this is never copied")

        __deepcopy__ = __copy__ = __reduce__ = __reduce_ex__ = __getstate__ = _refuse  # type: ignore[assignment]

        def forward(self, x: Tensor) -> Tensor:
            self.steps += 1
            self.register_buffer("last", self.linear(x))
            return self.last

    return nn.Sequential(Never())


@owner("a plain object that raises when it is copied, and counts shallow copies")
def object_never_copied() -> nn.Module:
    class Handle:
        copies = 0

        def __init__(self) -> None:
            self.last: Tensor | None = None

        def __copy__(self) -> Any:
            type(self).copies += 1
            return self

        def __deepcopy__(self, memo: Any) -> Any:
            raise RuntimeError("a handle is never copied")

    def does(self: Does, x: Tensor) -> Tensor:
        self.handle.last = y = self.linear(x)
        return y

    return Does(does, handle=Handle())


@owner("objects whose `__eq__` raises, `__hash__` is None, `__len__` and `__bool__` raise, in containers")
def uncomparable() -> nn.Module:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("compared")

        def __len__(self) -> int:
            raise RuntimeError("measured")

        def __bool__(self) -> bool:
            raise RuntimeError("asked for truth")

        def __iter__(self) -> Any:
            raise RuntimeError("gone through")

        def __repr__(self) -> str:
            raise RuntimeError("shown")

    odd = Odd()

    def does(self: Does, x: Tensor) -> Tensor:
        self.held.append(y := self.linear(x))
        return y

    return Does(does, odd=odd, held=[odd, {"a": odd}, (odd,)])


@owner(
    "a module whose `__eq__` raises, whose `__hash__` is by type, whose `__len__` is 0",
    macs=2 * L,
    quiet=True,
)
def uncomparable_module() -> nn.Module:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("compared")

        def __hash__(self) -> int:
            return 1

        def __len__(self) -> int:
            return 0

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x)

    return nn.Sequential(Odd(), Odd())


@owner("an object with `__del__` that counts how many went")
def counted_ends() -> nn.Module:
    class Handle:
        gone: list[int] = []  # noqa: RUF012 - of the class, as is the point

        def __init__(self) -> None:
            self.last: Tensor | None = None

        def __del__(self) -> None:
            self.gone.append(1)

    def does(self: Does, x: Tensor) -> Tensor:
        self.handle.last = y = self.linear(x)
        return y

    return Does(does, handle=Handle())


@owner("properties with setters that count, over a tensor")
def properties() -> nn.Module:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self._scale = torch.ones(4)
            self.sets = 0

        @property
        def scale(self) -> Tensor:
            return self._scale

        @scale.setter
        def scale(self, value: Tensor) -> None:
            self._scale = value
            self.sets += 1

        def forward(self, x: Tensor) -> Tensor:
            self.scale = self.scale * 2
            return self.linear(x) * self.scale

    return Scaled()


class Mode(Enum):
    """State that is no tensor."""

    COLD = 0
    WARM = 1


@owner("an Enum that changes, a lock that is taken, a logger, and a counter")
def plain_values() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        with self.lock:
            self.mode = Mode.WARM
            self.calls += 1
            self.log.debug("called")
        return self.linear(x)

    held = {"lock": threading.RLock(), "log": logging.getLogger("tests.owners.plain"), "mode": Mode.COLD}
    return Does(does, calls=0, **held)


@owner("a lock that the forward leaves taken")
def lock_left() -> nn.Module:
    def change(self: Does) -> None:
        self.lock.acquire(blocking=False)

    return after(change, lock=threading.Lock())


@owner("an open file and a text buffer, written to", macs=L)
def open_file() -> nn.Module:
    def change(self: Does) -> None:
        self.text.write("called\n")

    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the owner goes
    file.write(b"abc")
    return after(change, file=_Closed(file), text=io.StringIO())


class _Closed:
    """A file that is closed with its owner."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __del__(self) -> None:
        self.file.close()


@owner("lists, a deque, a defaultdict, a set and an OrderedDict subclass with its own `__setitem__`")
def containers() -> nn.Module:
    class Loud(OrderedDict):  # type: ignore[type-arg]
        sets = 0

        def __setitem__(self, key: Any, value: Any) -> None:
            self.sets = getattr(self, "sets", 0) + 1
            super().__setitem__(key, value)

    def change(self: Does) -> None:
        new = self.linear.weight * 2
        self.list.append(new)
        self.deque.appendleft(new)
        self.default["a"].append(new)
        self.loud["b"] = new
        self.loud.move_to_end("a")
        self.set.add(new)
        self.set.discard(1)

    return after(
        change,
        list=[torch.ones(1)],
        deque=deque([1, 2], maxlen=2),
        default=defaultdict(list, a=[1]),
        loud=Loud(a=1, c=2),
        set={1, 2},
    )


@owner("cycles: a list in itself, an object that holds its module, a child that holds its parent")
def cycles() -> nn.Module:
    held: list[Any] = []
    held.append(held)
    plain = SimpleNamespace(last=None)
    module = Does(lambda self, x: self.linear(x), held=held, plain=plain)
    plain.owner = module
    module.linear.__dict__["parent"] = module

    def does(self: Does, x: Tensor) -> Tensor:
        self.linear.parent.plain.owner.plain.last = y = self.linear(x)
        return y

    module.does = does
    return module


@owner("weak references to the parent: ref, WeakKeyDictionary, WeakSet, proxy")
def weak_parents() -> nn.Module:
    class Child(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            parent = self.parent()
            assert parent is not None
            parent.calls += 1
            self.known[parent] = self.known[parent] + 1
            assert parent in self.parents
            self.proxy.last = y = super().forward(input)
            return y

    module = nn.Sequential(Child(4, 4))
    module.calls = 0  # type: ignore[assignment]
    links = {
        "parent": weakref.ref(module),
        "known": weakref.WeakKeyDictionary({module: 0}),
        "parents": weakref.WeakSet([module]),
        "proxy": weakref.proxy(module),
    }
    with_(module[0], links)
    return module


@owner("a bound method of the parent held by the child")
def bound_parent() -> nn.Module:
    class Parent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.seen: list[Tensor] = []
            self.linear.report = self.note  # type: ignore[assignment]

        def note(self, y: Tensor) -> None:
            self.seen.append(y)

        def forward(self, x: Tensor) -> Tensor:
            y = self.linear(x)
            self.linear.report(y)
            return y

    return Parent()


@owner("a forward that is an attribute: `self.forward = self.other`, and a patched child")
def patched_forward() -> nn.Module:
    class Swaps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.calls = 0
            self.forward = self.other  # type: ignore[method-assign]
            inner = self.linear.forward
            self.linear.forward = lambda input: inner(input) * 2  # type: ignore[method-assign]

        def other(self, x: Tensor) -> Tensor:
            self.calls += 1
            return self.linear(x)

    return Swaps()


@owner("modules nested 200 deep, about as deep as Python lets them call each other")
def deep() -> nn.Module:
    inner: nn.Module = after(lambda self: setattr(self, "last", self.linear.weight * 2))
    for _ in range(200):
        inner = nn.Sequential(inner)
    return inner


@owner("containers nested 300 deep, a tensor at the bottom that is written to")
def deep_containers() -> nn.Module:
    bottom = torch.zeros(4)
    held: Any = bottom
    for depth in range(300):
        held = [held] if depth % 2 else {"a": held}

    def does(self: Does, x: Tensor) -> Tensor:
        found = self.held
        while not isinstance(found, Tensor):
            found = found["a"] if isinstance(found, dict) else found[0]
        return self.linear(x) + found.add_(1)

    return Does(does, held=held)


@owner("a list of 600 tensors, one of them written to")
def many_tensors() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        return self.linear(x) + self.held[123].add_(1)

    return Does(does, held=[torch.zeros(1) for _ in range(600)])


# -- Hooks


@owner("forward hooks of every kind that append to a list")
def hooks() -> nn.Module:
    seen: list[Any] = []
    module = nn.Sequential(nn.Linear(4, 4))
    module.register_forward_hook(lambda m, args, out: seen.append(out))
    module.register_forward_pre_hook(lambda m, args: seen.append(args))
    module[0].register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True)
    module[0].register_forward_pre_hook(lambda m, args, kwargs: seen.append(m), with_kwargs=True)
    module[0].register_forward_hook(lambda m, args, out: out * 2, always_call=True)
    module.register_full_backward_hook(lambda m, i, o: seen.append(i))
    module.seen = seen  # type: ignore[assignment]
    return module


@owner("hooks of the state dict, and one that runs before it is loaded", quiet=True)
def state_hooks() -> nn.Module:
    seen: list[Any] = []
    module = nn.Sequential(nn.Linear(4, 4))
    module.register_state_dict_post_hook(lambda *args: seen.append("saved"))
    module.register_state_dict_pre_hook(lambda *args: seen.append("saving"))
    module.register_load_state_dict_pre_hook(lambda *args: seen.append("loading"))
    module.register_load_state_dict_post_hook(lambda *args: seen.append("loaded"))
    module.seen = seen  # type: ignore[assignment]
    return module


@owner("a hook that is a bound method of an object that collects features")
def hook_method() -> nn.Module:
    class Collector:
        def __init__(self) -> None:
            self.features: dict[str, Tensor] = {}

        def collect(self, module: nn.Module, args: Any, output: Tensor) -> None:
            self.features[type(module).__name__] = output

    collector = Collector()
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    for child in module:
        child.register_forward_hook(collector.collect)
    return module


@owner("a hook that takes itself away when it has run")
def hook_once() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4))
    handles: list[Any] = []

    def once(m: nn.Module, args: Any, output: Tensor) -> None:
        handles.pop().remove()

    handles.append(module[0].register_forward_hook(once))
    module.handles = handles  # type: ignore[assignment]
    return module


@owner("a hook that is registered by the forward, at every call")
def hook_grows() -> nn.Module:
    seen: list[Tensor] = []
    return after(lambda self: self.linear.register_forward_hook(lambda m, a, o: seen.append(o)), seen=seen)


@owner("a hook on a parameter, and one on gradients that accumulate", quiet=True)
def hook_parameter() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 4))
    seen: list[Tensor] = []
    module[0].weight.register_hook(seen.append)
    module[0].weight.register_post_accumulate_grad_hook(seen.append)
    module.seen = seen  # type: ignore[assignment]
    return module


# -- Modules that are made of modules in the forward


@owner("a copy of itself made in the forward", macs=2 * L)
def copies_itself() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.shadow = copy.deepcopy(self.linear)
        return self.shadow(self.linear(x))

    return Does(does)


@owner("saved and loaded in the forward", macs=2 * L)
def pickles_itself() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.states.append({name: value.clone() for name, value in self.linear.state_dict().items()})
        y = self.linear(x)
        self.linear.load_state_dict(self.states[-1])
        return self.linear(y)

    return Does(does, states=[])


@owner("a module that is called by `.forward()`, and one by its class", macs=2 * L)
def called_otherwise() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.calls += 1
        return nn.Linear.forward(self.other, self.linear.forward(x))

    return Does(does, calls=0, other=nn.Linear(4, 4))


@owner("it asks who it is: its type, its child's parent, whether a tensor is its parameter", macs=L)
def knows_itself() -> nn.Module:
    class Knows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.weights = [self.linear.weight, self.linear.bias]
            self.linear.__dict__["parent"] = self
            self.calls = 0

        def forward(self, x: Tensor) -> Tensor:
            assert type(self) is Knows
            assert self.linear.parent is self
            assert self.weights[0] is self.linear.weight
            assert any(p is self.weights[1] for p in self.parameters())
            assert dict(self.named_modules())["linear"] is self.linear
            self.calls += 1
            return self.linear(x)

    return Knows()


@owner("bytes that change: a bytearray, an array, a memoryview")
def raw_bytes() -> nn.Module:
    def change(self: Does) -> None:
        self.bytes[0] += 1
        self.array.append(1.0)
        self.view[1] = 7

    held = bytearray(4)
    return after(change, bytes=bytearray(2), array=array.array("d", [0.0]), view=memoryview(held), under=held)
