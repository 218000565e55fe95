"""How an object is copied, told by its class."""

from __future__ import annotations

import array
import collections
import dataclasses
import enum
import functools
import io
import itertools
import logging
import pathlib
import random
import threading
import types
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from netscope.trace.twin.kinds import ATOMS, Kind, kind_of, slots_of


class Colour(enum.Enum):
    RED = 1


class Plain:
    pass


class Slotted:
    __slots__ = ("one", "two")


class Both(Slotted):
    __slots__ = ("__dict__", "three")


@dataclasses.dataclass(slots=True)
class Data:
    items: list[int]


class Ends:
    def __del__(self) -> None: ...


class Ended(Ends):
    pass


class Liar:
    __class__ = dict  # type: ignore[assignment]


class Handler(logging.Handler):
    pass


class Worker(threading.Thread):
    pass


class Point(NamedTuple):
    x: int


def of(*bases: type) -> type:
    """A class of somebody's own."""
    return types.new_class("Own", bases)


def number() -> Iterator[int]:
    yield 1


def captured(value: Any) -> Any:
    """The cell of a closure."""
    (cell,) = (lambda: value).__closure__ or ()
    return cell


CLASSES: dict[Kind, tuple[type, ...]] = {
    Kind.ATOM: (
        *(int, str, type(None), type, range, torch.Size, torch.dtype, torch.device, types.ModuleType),
        *(Colour, enum.EnumMeta, of(int), of(str), np.float32, np.dtype("f4").__class__, bool),
        type(torch.ops.aten.add.Tensor),
    ),
    Kind.SHARED: (
        *(object, type(number()), io.BufferedRandom, io.TextIOWrapper, Ends, Ended),
        *(ValueError, of(ValueError)),
    ),
    Kind.SERVICE: (*(Handler, logging.Logger, Worker, type(torch.fx.Graph()), torch.utils.data.DataLoader),),
    Kind.TENSOR: (torch.Tensor, nn.Parameter, nn.UninitializedParameter, of(torch.Tensor), of(nn.Parameter)),
    Kind.MODULE: (nn.Module, nn.Linear, of(nn.Linear), nn.ModuleList, of(nn.Module, dict)),
    Kind.SCRIPTED: (torch.jit.ScriptModule,),
    Kind.PLAIN: (
        *(Plain, Slotted, Both, Data, types.SimpleNamespace, of(types.SimpleNamespace), Liar),
        *(threading.Event, threading.Condition, type(pathlib.Path())),
    ),
    Kind.DICT: (dict, collections.OrderedDict, collections.defaultdict, collections.Counter, of(dict)),
    Kind.LIST: (list, of(list)),
    Kind.TUPLE: (tuple, Point, of(tuple), torch.return_types.max, nn.utils.rnn.PackedSequence),
    Kind.SET: (set, of(set)),
    Kind.FROZENSET: (frozenset, of(frozenset)),
    Kind.DEQUE: (collections.deque, of(collections.deque)),
    Kind.FUNCTION: (type(of),),
    Kind.METHOD: (types.MethodType,),
    Kind.BUILTIN_METHOD: (type([].append), type({}.__setitem__)),
    Kind.PARTIAL: (functools.partial, of(functools.partial)),
    Kind.CACHED: (type(functools.cache(of)),),
    Kind.CELL: (type(captured(1)),),
    Kind.REFERENCE: (weakref.ref, weakref.WeakMethod, weakref.ProxyType, weakref.CallableProxyType),
    Kind.WEAK_CONTAINER: (weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary),
    Kind.ITERATOR: (
        *map(
            type, (iter([]), reversed([]), iter("é"), iter({}), iter({}.items()), iter(int, 1), iter(set()))
        ),
        *(zip, enumerate, map, filter, itertools.count, itertools.cycle),
    ),
    Kind.BYTES: (bytearray, array.array),
    Kind.VIEW: (memoryview,),
    Kind.STREAM: (io.BytesIO, io.StringIO),
    Kind.LOCK: (type(threading.Lock()), type(threading.RLock())),
    Kind.LOCAL: (threading.local, of(threading.local)),
    Kind.ARRAY: (np.ndarray, np.ma.MaskedArray, np.memmap, of(np.ndarray)),
    Kind.GENERATOR: (
        *(random.Random, of(random.Random), random.SystemRandom, torch.Generator),
        *(np.random.Generator, np.random.RandomState, np.random.PCG64),
    ),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_class_tells_its_kind(kind: Kind) -> None:
    assert {cls: kind_of(cls) for cls in CLASSES[kind]} == dict.fromkeys(CLASSES[kind], kind)


def test_every_kind_has_a_class() -> None:
    """But for what the one who copies replaces."""
    assert set(Kind) - set(CLASSES) == {Kind.REPLACED}


def test_atoms_hold_nothing_that_is_bound() -> None:
    """A method of a built-in class writes to what it is bound to."""
    held: dict[str, int] = {}
    for bound in (held.update, held.__setitem__, [].append):
        assert type(bound) not in ATOMS


def test_slots_are_those_of_classes_written_in_python() -> None:
    assert [slot.__name__ for slot in slots_of(Both)] == ["three", "one", "two"]
    assert slots_of(Plain) == ()
    assert slots_of(slice) == ()
