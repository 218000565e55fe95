"""How an object is copied, told by its class alone.

A class may lie about itself (`__class__`), hide its state (`__getattr__`) or have ideas about copies
(`__copy__`, `__reduce__`): none of these is asked.
"""

from __future__ import annotations

import array
import collections
import enum
import functools
import io
import itertools
import random
import sys
import threading
import types
import weakref
from typing import Final

import torch

from netscope.trace.sharded import is_state

# Py_TPFLAGS_HEAPTYPE: made while running, as classes written in Python are.
HEAP_TYPE: Final = 1 << 9


class Kind(enum.Enum):
    """What is done with an object."""

    ATOM = enum.auto()  # has no state that a forward changes: shared
    REPLACED = enum.auto()  # by what the one who copies says
    SHARED = enum.auto()  # has, and cannot be copied: shared and watched
    SERVICE = enum.auto()  # of the process, which other threads use meanwhile: shared
    TENSOR = enum.auto()
    MODULE = enum.auto()
    SCRIPTED = enum.auto()
    PLAIN = enum.auto()  # its attributes are all there is to it
    DICT = enum.auto()
    LIST = enum.auto()
    TUPLE = enum.auto()
    SET = enum.auto()
    FROZENSET = enum.auto()
    DEQUE = enum.auto()
    FUNCTION = enum.auto()
    METHOD = enum.auto()
    BUILTIN_METHOD = enum.auto()
    PARTIAL = enum.auto()
    CACHED = enum.auto()  # a function in an lru_cache
    CELL = enum.auto()
    REFERENCE = enum.auto()
    WEAK_CONTAINER = enum.auto()
    ITERATOR = enum.auto()
    BYTES = enum.auto()
    VIEW = enum.auto()  # of bytes
    STREAM = enum.auto()  # in memory
    LOCK = enum.auto()
    LOCAL = enum.auto()
    ARRAY = enum.auto()
    GENERATOR = enum.auto()  # of random numbers


# What an interpreter has one of, or that never changes.
ATOMS: Final[frozenset[type]] = frozenset(
    {
        *(bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented)),
        *(type, types.ModuleType, range, slice, property, classmethod, staticmethod, types.CodeType),
        *(types.GenericAlias, types.UnionType, types.WrapperDescriptorType, types.ClassMethodDescriptorType),
        *(types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType),
        *(torch.Size, torch.dtype, torch.device, torch.layout, torch.memory_format, torch.ScriptObject),
        *(torch.finfo, torch.iinfo),
    }
)

_NONE: Final[dict[str, int]] = {}

_EXACT: Final[dict[type, Kind]] = {
    types.FunctionType: Kind.FUNCTION,
    types.MethodType: Kind.METHOD,
    types.BuiltinMethodType: Kind.BUILTIN_METHOD,
    types.MethodWrapperType: Kind.BUILTIN_METHOD,
    types.CellType: Kind.CELL,
    functools._lru_cache_wrapper: Kind.CACHED,
    **dict.fromkeys((weakref.ref, weakref.WeakMethod), Kind.REFERENCE),
    **dict.fromkeys((weakref.ProxyType, weakref.CallableProxyType), Kind.REFERENCE),
    weakref.WeakKeyDictionary: Kind.WEAK_CONTAINER,
    weakref.WeakValueDictionary: Kind.WEAK_CONTAINER,
    weakref.WeakSet: Kind.WEAK_CONTAINER,
    **dict.fromkeys(
        map(type, map(iter, ([], (), range(0), range(2**70), "", "é", b"", bytearray()))), Kind.ITERATOR
    ),
    **dict.fromkeys(map(type, (reversed([]), iter(int, 1), iter(collections.OrderedDict()))), Kind.ITERATOR),
    **dict.fromkeys((enumerate, zip, map, filter, reversed), Kind.ITERATOR),
    **dict.fromkeys(map(type, map(iter, ({}, _NONE.values(), _NONE.items(), set()))), Kind.ITERATOR),
    **{cls: Kind.ITERATOR for cls in vars(itertools).values() if isinstance(cls, type)},
    bytearray: Kind.BYTES,
    memoryview: Kind.VIEW,
    array.array: Kind.BYTES,
    io.BytesIO: Kind.STREAM,
    io.StringIO: Kind.STREAM,
    type(threading.Lock()): Kind.LOCK,
    type(threading.RLock()): Kind.LOCK,
    torch.Generator: Kind.GENERATOR,
}

# By the built-in class that instances are laid out like.
_LAYOUTS: Final[tuple[tuple[type, Kind], ...]] = (
    (torch.Tensor, Kind.TENSOR),
    (torch.jit.ScriptModule, Kind.SCRIPTED),
    (torch.nn.Module, Kind.MODULE),
    (dict, Kind.DICT),
    (list, Kind.LIST),
    (tuple, Kind.TUPLE),
    (set, Kind.SET),
    (frozenset, Kind.FROZENSET),
    (collections.deque, Kind.DEQUE),
    (functools.partial, Kind.PARTIAL),
    (types.SimpleNamespace, Kind.PLAIN),
    (threading.local, Kind.LOCAL),
    (random.Random, Kind.GENERATOR),
)

# Services of the process and descriptions of programs: no forward has them for itself. By the first names of
# the module that defines the class.
_SERVICES: Final = frozenset(
    {
        *("logging", "subprocess", "multiprocessing", "concurrent", "asyncio", "socket", "ssl", "selectors"),
        *("sqlite3", "http", "urllib", "tempfile", "io", "_io", "ctypes", "importlib", "inspect", "ast"),
        *("torch.fx", "torch._dynamo", "torch._inductor", "torch._ops", "torch.distributed", "torch.cuda"),
        *("torch.utils.tensorboard", "torch.utils.data", "torch.autograd", "torch.profiler", "netscope"),
        "torch._C",
    }
)


def kind_of(cls: type) -> Kind:
    """How instances of exactly that class are copied."""
    exact = _EXACT.get(cls)
    if exact is not None:
        return exact
    if cls in ATOMS or issubclass(cls, (type, enum.Enum, torch._ops.OpOverload)):
        return Kind.ATOM
    for layout, kind in _LAYOUTS:
        if issubclass(cls, layout):
            return kind
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if issubclass(cls, numpy.ndarray):
            return Kind.ARRAY
        if issubclass(cls, (numpy.generic, numpy.dtype)):
            return Kind.ATOM
    chance = sys.modules.get("numpy.random")
    if chance is not None and (
        cls in (chance.Generator, chance.RandomState) or issubclass(cls, chance.BitGenerator)
    ):
        return Kind.GENERATOR
    if issubclass(cls, (int, float, complex, str, bytes)):
        return Kind.ATOM
    if issubclass(cls, io.IOBase):
        return Kind.SHARED
    serves = any(_is_service(base) for base in cls.__mro__) or issubclass(cls, threading.Thread)
    if serves and not is_state(cls):
        return Kind.SERVICE
    return Kind.PLAIN if _is_plain(cls) else Kind.SHARED


def _is_service(cls: type) -> bool:
    home = str(cls.__module__)
    return home in _SERVICES or any(home.startswith(f"{name}.") for name in _SERVICES)


def _is_plain(cls: type) -> bool:
    """Whether attributes are all that instances hold, and nothing happens when one goes away."""
    if not cls.__flags__ & HEAP_TYPE or "__del__" in _names(cls):
        return False
    try:
        object.__new__(cls)
    except TypeError:  # laid out like something that is not written in Python, or abstract
        return False
    # A pointer for each slot, and one each for attributes and weak references; more is C's.
    return cls.__basicsize__ <= object.__basicsize__ + 8 * (2 + len(slots_of(cls)))


def _names(cls: type) -> set[str]:
    return {name for base in cls.__mro__[:-1] for name in base.__dict__}


def slots_of(cls: type) -> tuple[types.MemberDescriptorType, ...]:
    """The slots of a class written in Python."""
    return tuple(
        member
        for base in cls.__mro__
        if "__slots__" in base.__dict__  # C has such members too, which are not to be set
        for member in base.__dict__.values()
        if type(member) is types.MemberDescriptorType
    )
