"""What an owner has, object by object, so that two moments can be compared: independent of any guard.

`describe(module, args, kwargs)` walks everything that can be reached: attributes and slots, containers in
their order, tensors by value, arrays, generators, closures, what an `lru_cache` holds, the attributes of the
owner's classes, and the globals that its functions name. `differences(before, after)` says what changed.
"""

from __future__ import annotations

import builtins
import contextvars
import functools
import gc
import hashlib
import io
import itertools
import logging
import random
import signal
import sys
import threading
import types
import warnings
import weakref
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._mode_utils import no_dispatch

Facts = dict[str, Any]

# What is theirs is not walked: their classes have no caches of the owner's, and their globals are `process`.
_LIBRARIES: Final = frozenset(
    {"builtins", "netscope", "numpy", "pytest", "timm", "torch", "torchvision", "transformers"}
)
_ATOMS: Final = (
    bool, int, float, complex, str, bytes, range, slice, type(None), type(Ellipsis), type(NotImplemented),
    torch.dtype, torch.device, torch.layout, torch.memory_format, np.generic, np.dtype,
)  # fmt: skip
_LOCKS: Final = (type(threading.Lock()), type(threading.RLock()))
_EMPTY: Final[tuple[Iterable[object], ...]] = ([], (), {}, set(), "", range(0), {}.values(), {}.items())
_ITERATORS: Final = (
    *(type(iter(one)) for one in _EMPTY),
    *(zip, map, filter, enumerate, reversed),
    *(itertools.count, itertools.cycle, itertools.repeat, itertools.chain),
)
# What torch's compiler notes on what it has compiled, at the owner's wish.
_NOTES: Final = ("_dynamo", "_torchdynamo", "__dynamo")
_ABSENT: Final = "absent"


@dataclass(frozen=True, slots=True)
class Description:
    """Facts of every object, by the way that leads to it.

    kept:
        the objects themselves, so that no identity is used twice while the description lives.
    """

    facts: dict[str, Facts] = field(repr=False)
    kept: list[object] = field(repr=False)


def describe(
    module: object,
    args: object = (),
    kwargs: object = None,
    beside: object = (),
    *,
    identity: bool = True,
    versions: bool = True,
) -> Description:
    """Everything that can be reached from a module and its arguments, and the state of the process.

    Args:
        beside: what else is the owner's and cannot be reached from there.
        identity: with the identities of objects; without them two owners from one maker compare equal.
        versions: with the counters of tensors, which real steps on the owner's own memory may move.
    """
    walk = _Walk(identity, versions)
    walk.start({"module": module, "args": args, "kwargs": kwargs, "beside": beside})
    walk.facts["process"] = process() if identity else _values_of(process())
    return Description(walk.facts, walk.kept)


def differences(before: Description, after: Description) -> list[str]:
    """What changed between two moments, a line each; none when nothing did."""
    lines: list[str] = []
    for label, was in before.facts.items():
        now = after.facts.get(label)
        if now is None:
            lines.append(f"{_short(label)}: is gone")
            continue
        if was.get("id") != now.get("id"):
            lines.append(f"{_short(label)}: is another object, {now.get('type')} where {was.get('type')} was")
        lines += [
            _changed(f"{_short(label)}: {key}", was.get(key, _ABSENT), now.get(key, _ABSENT))
            for key in {**was, **now}
            if key != "id" and was.get(key, _ABSENT) != now.get(key, _ABSENT)
        ]
    lines += [f"{_short(label)}: is new" for label in after.facts if label not in before.facts]
    return lines


def _changed(what: str, was: Any, now: Any) -> str:
    if isinstance(was, dict) and isinstance(now, dict):
        names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
        return f"{what} differ in {', '.join(map(str, names))}"
    return f"{what} was {_said(was)} and is {_said(now)}"


def _said(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:80]}...{text[-30:]}"


def _short(label: str) -> str:
    return label if len(label) <= 160 else f"{label[:60]}...{label[-80:]}"


def digest(content: bytes) -> str:
    """A few letters that stand for the bytes."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()


class _Walk:
    """A worklist, not recursion: networks nest deeper than Python does."""

    def __init__(self, identity: bool, versions: bool) -> None:
        self.facts: dict[str, Facts] = {}
        self.kept: list[object] = []
        self._identity = identity
        self._versions = versions and identity
        self._labels: dict[int, str] = {}
        self._used = {"roots", "process"}
        self._waiting: deque[tuple[str, object]] = deque()

    def start(self, roots: Mapping[str, object]) -> None:
        self.facts["roots"] = {name: self.token(value, name) for name, value in roots.items()}
        while self._waiting:
            label, value = self._waiting.popleft()
            facts: Facts = {"type": _name(type(value))}
            if self._identity:
                facts |= {"id": id(value), "class": id(type(value))}
            self.facts[label] = facts | self._facts(value, label)

    def token(self, value: object, label: str) -> str:
        """What stands for a value where it is found; anything that has parts is looked at later, once."""
        kind = type(value)
        if kind in _ATOMS or issubclass(kind, (np.generic, torch.Size)):
            return f"{kind.__name__} {value!r}"
        # The class is asked, not the value, which may answer in its own way.
        if issubclass(kind, Enum):
            return f"{_name(kind)} {vars(value)['_name_']}"
        if issubclass(kind, types.ModuleType):
            return f"module {vars(value)['__name__']}"
        if issubclass(kind, type) and not _ours(cast(type, value).__module__):
            return f"class {_name(cast(type, value))}"
        known = self._labels.get(id(value))
        if known is None:
            if issubclass(kind, type):
                label = f"class {_name(cast(type, value))}"
            while label in self._used:
                label += "'"
            self._used.add(label)
            self._labels[id(value)] = known = label
            self.kept.append(value)
            self._waiting.append((label, value))
        return f"-> {known}"

    def _facts(self, value: Any, label: str) -> Facts:
        for kinds, facts in _KINDS:
            if issubclass(type(value), kinds):
                return facts(self, value, label)
        return self.object(value, label)

    def object(self, value: Any, label: str) -> Facts:
        """Attributes and slots, and the class where it is the owner's."""
        facts: Facts = {}
        if _ours(type(value).__module__):
            facts["of"] = self.token(type(value), "class")
        try:
            attributes = object.__getattribute__(value, "__dict__")
        except AttributeError:
            attributes = None
        if isinstance(attributes, dict):
            facts["attributes"] = ", ".join(name for name in attributes if not name.startswith(_NOTES))
            for name, held in list(attributes.items()):
                if name.startswith(_NOTES) or name == "error_on_graph_break":  # a note of the compiler's
                    continue
                facts[f".{name}"] = self.token(held, f"{label}.{name}")
        for kind in type(value).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else tuple(slots):
                member = kind.__dict__.get(_mangled(kind, name))
                if isinstance(member, types.MemberDescriptorType):
                    try:
                        held = member.__get__(value, kind)
                    except AttributeError:
                        held = _ABSENT
                    facts[f".{name}"] = self.token(held, f"{label}.{name}")
        return facts

    def items(self, pairs: Any, label: str) -> Facts:
        facts: Facts = {}
        keys = []
        for place, (key, held) in enumerate(list(pairs)):
            said = self.token(key, f"{label}.keys[{place}]")
            keys.append(said)
            shown = repr(key) if type(key) in _ATOMS else said
            facts[f"[{shown}]"] = self.token(held, f"{label}[{shown}]")
        return {"keys": ", ".join(keys), **facts}

    def dictionary(self, value: Any, label: str) -> Facts:
        base = OrderedDict if isinstance(value, OrderedDict) else dict
        facts = self.items(base.items(value), label) | self.object(value, label)
        factory = value.default_factory if issubclass(type(value), defaultdict) else None
        return facts | ({} if factory is None else {"factory": self.token(factory, f"{label}.factory")})

    def sequence(self, value: Any, label: str) -> Facts:
        base = next(kind for kind in (list, tuple, deque) if isinstance(value, kind))
        facts: Facts = {"length": base.__len__(value)}
        for place, held in enumerate(base.__iter__(value)):
            facts[f"[{place}]"] = self.token(held, f"{label}[{place}]")
        if base is deque:
            facts["maxlen"] = value.maxlen
        return facts | self.object(value, label)

    def collection(self, value: Any, label: str) -> Facts:
        base = set if isinstance(value, set) else frozenset
        held = sorted(base.__iter__(value), key=lambda one: (_name(type(one)), _rank(one)))
        tokens = [self.token(one, f"{label}{{{place}}}") for place, one in enumerate(held)]
        return {"length": len(held), "elements": ", ".join(sorted(tokens))} | self.object(value, label)

    def tensor(self, value: Tensor, label: str) -> Facts:
        # Past the modes that somebody may have left on the stack, and past what a subclass thinks.
        with no_dispatch(), torch._C.DisableTorchFunctionSubclass(), torch.no_grad(), _quiet():
            facts = self._tensor(value, label)
        return facts | self.object(value, label)

    def _tensor(self, value: Tensor, label: str) -> Facts:
        facts: Facts = {
            "dtype": str(value.dtype),
            "device": str(value.device),
            "layout": str(value.layout),
            "requires_grad": value.requires_grad,
            "leaf": value.is_leaf,
            "inference": value.is_inference(),
            "grad_fn": type(value.grad_fn).__name__,
            "grad": self.token(value.grad if value.is_leaf else None, f"{label}.grad"),
            "hooks": self.token(value._backward_hooks, f"{label}._backward_hooks"),
            "base": self.token(value._base, f"{label}._base"),
        }
        if self._versions and not value.is_inference():
            facts["version"] = value._version
        if nn.parameter.is_lazy(value):
            return facts | {"shape": "not yet"}
        facts["shape"] = "nested" if value.is_nested else tuple(value.shape)
        if value.layout is torch.strided and not value.is_nested:
            facts |= {"stride": value.stride(), "offset": value.storage_offset()}
            if (
                self._identity
                and value.device.type == "cpu"
                and not hasattr(type(value), "__tensor_flatten__")
            ):
                facts["memory"] = value.data_ptr()
        return facts | {"values": self._values(value)}

    def _values(self, value: Tensor) -> str:
        """The bytes of all elements, in short."""
        if value.device.type == "meta" or type(value).__name__ in ("FakeTensor", "FunctionalTensor"):
            return "none"
        if hasattr(type(value), "__tensor_flatten__"):
            names, _ = cast(Any, value).__tensor_flatten__()
            return " ".join(f"{name} {self._values(getattr(value, name))}" for name in names)
        plain = value.detach()
        if value.is_nested:
            return " ".join(map(self._values, plain.unbind()))
        if value.is_quantized:
            return f"{value.q_scale()} {value.q_zero_point()} {self._values(plain.int_repr())}"
        if value.layout is torch.sparse_coo:
            return f"{self._values(plain._indices())} {self._values(plain._values())} {value.is_coalesced()}"
        if value.layout is torch.sparse_csr:
            parts = plain.crow_indices(), plain.col_indices(), plain.values()
            return " ".join(map(self._values, parts))
        if value.layout is not torch.strided:
            return self._values(plain.to_dense())
        flat = plain.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        return digest(flat.view(torch.uint8).numpy().tobytes()) if flat.numel() else "empty"

    def module(self, value: nn.Module, label: str) -> Facts:
        facts = self.dictionary(value, label) if isinstance(value, dict) else self.object(value, label)
        if isinstance(value, torch.jit.ScriptModule):  # what it holds is kept in C++
            held = {**dict(value.named_parameters()), **dict(value.named_buffers())}
            facts["training"] = value.training
            facts["scripted"] = " ".join(f"{name} {self._values(one)}" for name, one in held.items())
        return facts

    def array(self, value: Any, label: str) -> Facts:
        facts: Facts = {
            "dtype": str(value.dtype),
            "shape": value.shape,
            "strides": value.strides,
            "writeable": value.flags.writeable,
        }
        if self._identity:
            facts["memory"] = value.ctypes.data
        if value.dtype.hasobject:
            facts["values"] = ", ".join(self.token(one, f"{label}[{i}]") for i, one in enumerate(value.flat))
        else:
            facts["values"] = digest(value.tobytes())
        return facts | self.object(value, label)

    def function(self, value: types.FunctionType, label: str) -> Facts:
        """Closure, defaults and attributes; of the owner's functions the globals that they name, too."""
        home = str(value.__globals__.get("__name__", ""))
        ours = _ours(home) or _ours(value.__module__)
        facts: Facts = self.object(value, label) if ours else {}  # torch notes things on its own functions
        facts["code"] = value.__code__.co_qualname
        facts["defaults"] = self.token(value.__defaults__, f"{label}.__defaults__")
        facts["keyword defaults"] = self.token(value.__kwdefaults__, f"{label}.__kwdefaults__")
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            facts[f"closes over {name}"] = self.token(cell, f"{label}<{name}>")
        if _ours(home):
            for name in sorted(_names(value.__code__)):
                if name in value.__globals__ or not hasattr(builtins, name):
                    held = value.__globals__.get(name, _ABSENT)
                    facts[f"global {name}"] = self.token(held, f"{home}.{name}")
        return facts

    def cell(self, value: types.CellType, label: str) -> Facts:
        try:
            return {"holds": self.token(value.cell_contents, label.replace("<", "(").replace(">", ")"))}
        except ValueError:
            return {"holds": "nothing"}

    def class_(self, value: type, label: str) -> Facts:
        """A class of the owner's: what stands in it and in its bases, but for names that are Python's."""
        facts: Facts = {"bases": ", ".join(self.token(base, "class") for base in value.__mro__[1:])}
        for name, held in list(vars(value).items()):
            own = isinstance(held, (types.FunctionType, property, staticmethod, classmethod))
            if own or not ((name.startswith("__") and name.endswith("__")) or name == "_abc_impl"):
                facts[f".{name}"] = self.token(held, f"{label}.{name}")
        return facts

    def remembered(self, value: Any, label: str) -> Facts:
        """An `lru_cache`: the keys and results that it holds, by the collector. Nobody can undo its hits."""
        info = value.cache_info()
        held = [one for one in gc.get_referents(value) if one is not type(value)]
        size = (info.currsize, info.maxsize)
        facts: Facts = {"size": size, "function": self.token(value.__wrapped__, f"{label}.__wrapped__")}
        for place, one in enumerate(held):
            facts[f"holds {place}"] = self.token(one, f"{label}.held[{place}]")
        return facts

    def reduced(self, value: Any, label: str) -> Facts:
        """An iterator: how far it is."""
        if type(value) is itertools.cycle or type(value) is itertools.chain:
            held = [one for one in gc.get_referents(value) if one is not type(value)]
            return {f"holds {i}": self.token(one, f"{label}.held[{i}]") for i, one in enumerate(held)}
        made, *state = value.__reduce__()[1:]  # the tuples are new every time, what is in them is not
        return {"state": ", ".join(self.token(one, f"{label}.state") for one in (*made, *state))}

    def generator(self, value: types.GeneratorType[Any, Any, Any], label: str) -> Facts:
        frame = value.gi_frame
        if frame is None:
            return {"at": "its end"}
        held = {f"local {name}": self.token(one, f"{label}.{name}") for name, one in frame.f_locals.items()}
        return {"at": frame.f_lasti, **held}

    def stored(self, names: str, value: Any, label: str) -> Facts:
        """The attributes of that name, and those of a plain object."""
        found = {name: self.token(getattr(value, name), f"{label}.{name}") for name in names.split()}
        return self.object(value, label) | found


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _rank(value: object) -> str:
    return repr(value) if type(value) in _ATOMS else str(id(value))


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _mangled(kind: type, name: str) -> str:
    private = name.startswith("__") and not name.endswith("__")
    return f"_{kind.__name__.lstrip('_')}{name}" if private else name


def _ours(module: str | None) -> bool:
    top = str(module).partition(".")[0]
    return top not in _LIBRARIES and top not in sys.stdlib_module_names


def _names(code: types.CodeType) -> Iterator[str]:
    """Names that a function, or one inside it, looks up outside of itself."""
    seen = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            seen |= set(_names(constant))
    yield from seen


def _plain(read: Callable[[Any], object]) -> Callable[[_Walk, Any, str], Facts]:
    """One fact that has no parts."""
    return lambda walk, value, label: {"state": read(value)}


def _has(names: str) -> Callable[[_Walk, Any, str], Facts]:
    return lambda walk, value, label: walk.stored(names, value, label)


def _numpy_state(value: Any) -> str:
    """Of a generator of numpy's: the array of its numbers as bytes, the rest as text."""
    old = isinstance(value, np.random.RandomState)
    held = value.get_state(legacy=False) if old else value.bit_generator.state
    inner = held["state"]
    numbers = inner.get("key")
    rest = {name: one for name, one in inner.items() if name != "key"}
    others = {name: one for name, one in held.items() if name != "state"}
    return f"{None if numbers is None else digest(numbers.tobytes())} {rest} {others}"


# What is looked at, and how; the first that fits. What is not here has attributes and slots, or nothing.
_KINDS: Final[tuple[tuple[Any, Callable[[_Walk, Any, str], Facts]], ...]] = (
    (Tensor, _Walk.tensor),
    (nn.Module, _Walk.module),
    (dict, _Walk.dictionary),
    ((list, tuple, deque), _Walk.sequence),
    ((set, frozenset), _Walk.collection),
    (np.ndarray, _Walk.array),
    ((bytearray, memoryview, array), _plain(lambda held: digest(bytes(held)))),
    (threading.local, lambda walk, value, label: walk.items(value.__dict__.items(), label)),
    (types.MappingProxyType, lambda walk, value, label: walk.items(value.items(), label)),
    (contextvars.ContextVar, lambda walk, value, label: {"holds": walk.token(value.get(), f"{label}()")}),
    (torch.Generator, _plain(lambda g: (digest(g.get_state().numpy().tobytes()), g.initial_seed()))),
    ((np.random.Generator, np.random.RandomState), _plain(_numpy_state)),
    (random.Random, _plain(lambda r: hash(r.getstate()))),
    (types.FunctionType, _Walk.function),
    (types.CellType, _Walk.cell),
    (type, _Walk.class_),
    (types.MethodType, _has("__self__ __func__")),
    ((staticmethod, classmethod), _has("__func__")),
    (property, _has("fget fset")),
    (functools.partial, _has("func args keywords")),
    (functools._lru_cache_wrapper, _Walk.remembered),
    (weakref.ref, lambda walk, value, label: {"refers to": walk.token(value(), f"{label}()")}),
    (types.GeneratorType, _Walk.generator),
    (_ITERATORS, _Walk.reduced),
    (_LOCKS, _plain(lambda lock: "locked" if "unlocked" not in repr(lock) else "unlocked")),
    (logging.Logger, _plain(lambda log: (log.name, log.level, log.disabled, len(log.handlers)))),
    (io.IOBase, _plain(lambda file: "closed" if file.closed else file.tell())),
)


def process() -> Facts:
    """Generators, modes, patched functions and settings of the process and of this thread."""
    module = nn.modules.module
    facts: Facts = {
        "type": "process",
        "torch's generator": digest(torch.get_rng_state().numpy().tobytes()),
        "Python's generator": hash(random.getstate()),
        "numpy's generator": _numpy_state(np.random.mtrand._rand),
        "default dtype": str(torch.get_default_dtype()),
        "default device": str(torch.get_default_device()),
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": (
            torch.is_autocast_enabled("cpu"),
            torch.get_autocast_dtype("cpu"),
            torch.is_autocast_cache_enabled(),
        ),
        "dispatch modes": torch._C._len_torch_dispatch_stack(),
        "function modes": torch._C._len_torch_function_stack(),
        "fused attention": torch.backends.mha.get_fastpath_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "anomaly": torch.is_anomaly_enabled(),
        "compiler": _stance(),
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), len(gc.callbacks)),
        "recursion limit": sys.getrecursionlimit(),
        "warnings": (id(warnings.filters), digest(repr(warnings.filters).encode())),
        "traced": (sys.gettrace() is None, sys.getprofile() is None),
        "interrupt": id(signal.getsignal(signal.SIGINT)),
        "loggers": [
            (name, log.level, log.disabled)
            for name, log in sorted(logging.root.manager.loggerDict.items())
            if isinstance(log, logging.Logger) and (log.disabled or log.level)
        ],
        "global hooks": {
            name: list(map(id, held.values()))
            for name, held in vars(module).items()
            if name.startswith("_global") and isinstance(held, dict)
        },
    }
    for name, held in _PATCHED.items():
        facts[f"functions of {name}"] = _held_by(held)
    for kind in _layers():
        facts[f"class {kind.__name__}"] = _held_by(kind)
    return facts


def _held_by(held: Any) -> dict[str, int]:
    """What a module or class holds; but that attribute as this thread reads it, which others do otherwise."""
    read = {name: getattr(held, name) for name in ("_compiled_call_impl",) if name in vars(held)}
    return {name: id(value) for name, value in {**vars(held), **read}.items()}


def _values_of(facts: Facts) -> Facts:
    """Without what is told by identity alone."""
    told = ("functions ", "class ", "warnings", "interrupt", "global hooks")
    return {key: value for key, value in facts.items() if not key.startswith(told)}


_PATCHED: Final = {
    "Module": nn.Module,
    "torch.nn.functional": nn.functional,
    "torch.nn.init": nn.init,
    "torch._VF": torch._VF,
    "Tensor": Tensor,
    "Parameter": nn.Parameter,
}


@functools.cache
def _layers() -> tuple[type, ...]:
    return tuple(sorted({one for one in vars(nn).values() if isinstance(one, type)}, key=_name))


def _stance() -> str:
    frame = sys.modules.get("torch._dynamo.eval_frame")
    return str(getattr(getattr(frame, "_stance", None), "stance", "default"))
