"""What is outside of every object that is copied: modules' globals, classes, closures; kept, and put back."""

from __future__ import annotations

import functools
import inspect
import operator
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import torch

from netscope.trace.keeper import Kept
from netscope.trace.twin.kinds import Kind, kind_of
from netscope.trace.twin.shared import contents_of, dict_of

# Objects between a name and what is kept, at most.
_DEEP: Final = 12


class _Gone:
    """In place of what is not there."""


GONE: Final = _Gone()
# What is put back wherever it changed.
_PLAIN: Final[frozenset[type[Any]]] = frozenset({int, float, bool, str, bytes, _Gone})
_PLAIN_AND_TENSORS: Final[frozenset[type[Any]]] = _PLAIN | {type(None), torch.Tensor, torch.nn.Parameter}


class Outside:
    """What modules' globals, classes and closures held before a forward, as far as its classes reach.

    Beside containers of tensors these are numbers: how often something was called, whether it was warned of.
    And generators of random numbers, which are drawn from and seeded where nobody sees it.
    """

    def __init__(self, classes: Iterable[type], functions: Iterable[types.FunctionType] = ()) -> None:
        # id -> (the container, what was in it)
        self._before: dict[int, tuple[Any, Any]] = {}
        # id -> the tensor, with its values; and caches of functions, with what they knew.
        self._values: dict[int, Kept] = {}
        self._caches: list[tuple[Any, Any]] = []
        self._deep = False
        # id -> (the generator, how to put back its state)
        self._generators: dict[int, tuple[Any, Callable[[], None]]] = {}
        homes = self._homes = set[str]()
        for cls in classes:
            for base in cls.__mro__:
                home = base.__module__
                if _is_settled(home):
                    continue
                homes.add(home)
                if id(base) not in self._before:
                    self._before[id(base)] = base, dict(vars(base))
        for _, names in list(self._before.values()):
            self._namespace(names)
        functions = [one for one in functions if not _is_settled(one.__module__ or "")]
        self._functions = functions
        homes.update(one.__module__ for one in functions if one.__module__)
        modules = [vars(sys.modules[home]) for home in homes if home in sys.modules]
        for function in functions:
            modules.append(function.__globals__)
            self._function(function)
        for names in modules:
            if id(names) not in self._before:
                self._keep(names)
                self._namespace(names)

    def _namespace(self, names: Any) -> None:
        for value in list(names.values()):
            if type(value) in (dict, list, set, deque):
                self._keep(value)
            elif getattr(type(value), "__module__", None) in self._homes:
                self._keep(dict_of(value))
            elif type(value) is types.FunctionType:
                self._function(value)
            elif _may_draw(type(value)) and kind_of(type(value)) is Kind.GENERATOR:
                self._generators.setdefault(id(value), (value, _put_back_of(value)))

    def _function(self, function: types.FunctionType) -> None:
        for cell in function.__closure__ or ():
            held = contents_of(cell, GONE)
            if held is GONE:
                continue
            self._before[id(cell)] = cell, held
            if type(held) in (dict, list, set, deque):
                self._keep(held)
        self._keep(function.__dict__)

    def with_values(self, but: Iterable[Any] = ()) -> Outside:
        """Keep, too, what is in the tensors that the code names, and what its caches know.

        For a forward that is run for real, and not under a recording, which sees each write.

        but:
            what is not to be looked at, nor what is in it: of that there are copies.
        """
        self._deep = True
        seen = set(map(id, but))
        waiting = [(value, _DEEP) for value in self._named()]
        while waiting:
            value, deep = waiting.pop()
            if id(value) in seen or not deep:
                continue
            seen.add(id(value))
            cls = type(value)
            if issubclass(cls, torch.Tensor):
                if value.layout is torch.strided and not value.is_meta:
                    self._values[id(value)] = Kept(value)
                waiting.append((value.grad if value.is_leaf else None, deep - 1))
            elif cls is functools._lru_cache_wrapper:
                self._caches.append((value, value.cache_info().misses))
            elif issubclass(cls, (dict, list, set, deque)):
                if cls in (dict, list, set, deque):
                    self._keep(value)
                waiting += [(item, deep - 1) for item in _items(value)]
            elif issubclass(cls, tuple):
                waiting += [(item, deep - 1) for item in value]
            elif issubclass(cls, torch.nn.Module) or cls.__module__ in self._homes:
                waiting.append((dict_of(value), deep - 1))
        return self

    def _named(self) -> Iterator[Any]:
        """What classes and closures hold, and of modules' globals what the code of these names.

        Not all globals: of a script these are its data too, and its other networks.
        """
        waiting: list[Any] = [*self._functions]
        for holder, before in self._before.values():
            if isinstance(holder, type):
                held = _items(before)
            elif type(holder) is types.CellType:
                held = [before]
            else:
                continue
            yield from held
            waiting += held
        seen = set()
        while waiting:
            function = inspect.unwrap(_function_of(waiting.pop()))
            if not isinstance(function, types.FunctionType) or function in seen:
                continue
            seen.add(function)
            codes = [function.__code__]
            for code in codes:
                codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
            for name in {name for code in codes for name in code.co_names}:
                value = function.__globals__.get(name)
                if value is not None:
                    yield value
                if getattr(value, "__module__", None) in self._homes:
                    waiting += vars(value).values() if isinstance(value, type) else [value]

    def put_back(self) -> None:
        """Put back numbers and texts that changed. What else did may be an import or a registration.

        Tensors as well where their values are kept; else they are looked for by `survivors.clear`.
        """
        plain = _PLAIN_AND_TENSORS if self._deep else _PLAIN
        for kept in self._values.values():
            kept.restore()
        for cached, known in self._caches:
            if cached.cache_info().misses != known:
                cached.cache_clear()
        for _, put_back in self._generators.values():
            put_back()
        for holder, before in self._before.values():
            if isinstance(holder, type):
                _names_back(holder, vars(holder), before, plain)
            elif isinstance(holder, dict):
                _names_back(holder, holder, before, plain)
            elif type(holder) is types.CellType:
                now = contents_of(holder, GONE)
                if now is not before and type(now) in plain and type(before) in plain:
                    holder.cell_contents = before
            elif _changed(holder, before) and plain.issuperset(map(type, [*holder, *before])):
                holder.clear()
                holder.update(before) if isinstance(holder, set) else holder.extend(before)

    def _keep(self, container: Any) -> None:
        if id(container) not in self._before:
            self._before[id(container)] = container, container.copy()

    def of(self, container: Any) -> Any:
        """What a container, or a class, held before; `GONE` where that is not known."""
        return self._before.get(id(container), (None, GONE))[1]


def _names_back(holder: Any, now: Any, before: dict[str, Any], plain: frozenset[type[Any]]) -> None:
    """Of a class, or a dictionary."""
    if len(now) == len(before) and all(map(operator.is_, now.values(), before.values())):
        return
    for key in [*now, *before]:
        is_now, was = now.get(key, GONE), before.get(key, GONE)
        if is_now is was or not (type(is_now) in plain and type(was) in plain):
            continue
        if isinstance(holder, type):
            type.__delattr__(holder, key) if was is GONE else type.__setattr__(holder, key, was)
        elif was is GONE:
            dict.pop(holder, key)
        else:
            dict.__setitem__(holder, key, was)


def _function_of(member: Any) -> Any:
    """What a member of a class runs."""
    if isinstance(member, property):
        return member.fget
    return getattr(member, "__func__", member)


def _items(container: Any) -> Iterable[Any]:
    return list(container.values()) if isinstance(container, dict) else list(container)


def _changed(holder: Any, before: Any) -> bool:
    return len(holder) != len(before) or not all(map(operator.is_, holder, before))


def _may_draw(cls: type) -> bool:
    """Whether it is worth a closer look: there are many things in modules."""
    return issubclass(cls, (random.Random, torch.Generator)) or "numpy.random" in str(cls.__module__)


def _put_back_of(generator: Any) -> Callable[[], None]:
    """What puts back the state that a generator has now."""
    if isinstance(generator, random.Random):
        before: Any = random.Random.getstate(generator)
        return lambda: random.Random.setstate(generator, before)
    if isinstance(generator, torch.Generator):
        before = generator.get_state()
        return functools.partial(_set_state, generator, before)
    bits = getattr(generator, "bit_generator", getattr(generator, "_bit_generator", generator))
    before = bits.state
    return lambda: setattr(bits, "state", before)


def _set_state(generator: torch.Generator, state: torch.Tensor) -> None:
    generator.set_state(state)


def _is_settled(home: str) -> bool:
    """Whether modules of that name keep nothing that a forward changes."""
    return home.partition(".")[0] in ("torch", "builtins", "netscope")
