"""Tensors of a recording that live on when it is over: found, and taken out of what holds them.

A cache, a list or a variable outside every object that was copied may have kept one. Its owner's next forward
would meet a tensor without data. So each tensor that a recording makes holds its token: when all is over and
the token is held by anybody, that is looked into, which takes a look at every object of the process. It is
the exception: nothing is done where nothing is left.
"""

from __future__ import annotations

import functools
import gc
import operator
import random
import sys
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import torch

from netscope.trace.tags import Token
from netscope.trace.twin.kinds import Kind, kind_of
from netscope.trace.twin.shared import contents_of, dict_of

# Containers between a tensor and what has a name, at most.
_DEEP: Final = 6


class _Gone:
    """In place of what is not there."""


_GONE: Final = _Gone()
# What is put back wherever it changed.
_PLAIN: Final = frozenset({int, float, bool, str, bytes, _Gone})


class Outside:
    """What modules' globals, classes and closures held before a forward, as far as its classes reach.

    Beside containers of tensors these are numbers: how often something was called, whether it was warned of.
    And generators of random numbers, which are drawn from and seeded where nobody sees it.
    """

    def __init__(self, classes: Iterable[type], functions: Iterable[types.FunctionType] = ()) -> None:
        # id -> (the container, what was in it)
        self._before: dict[int, tuple[Any, Any]] = {}
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
            held = contents_of(cell, _GONE)
            if held is _GONE:
                continue
            self._before[id(cell)] = cell, held
            if type(held) in (dict, list, set, deque):
                self._keep(held)
        self._keep(function.__dict__)

    def put_back(self, tensors: bool = False) -> None:
        """Put back numbers and texts that changed. What else did may be an import or a registration.

        tensors:
            these as well; else they are looked for by `clear`.
        """
        plain = _PLAIN | {torch.Tensor, torch.nn.Parameter} if tensors else _PLAIN
        for _, put_back in self._generators.values():
            put_back()
        for holder, before in self._before.values():
            if isinstance(holder, type):
                now: Any = vars(holder)
            elif isinstance(holder, dict):
                now = holder
            elif type(holder) is types.CellType:
                self._cell_back(holder, before)
                continue
            else:
                if _changed(holder, before) and plain.issuperset(map(type, [*holder, *before])):
                    holder.clear()
                    holder.update(before) if isinstance(holder, set) else holder.extend(before)
                continue
            if len(now) == len(before) and all(map(operator.is_, now.values(), before.values())):
                continue
            for key in [*now, *before]:
                is_now, was = now.get(key, _GONE), before.get(key, _GONE)
                if is_now is was or not (type(is_now) in plain and type(was) in plain):
                    continue
                if isinstance(holder, type):
                    type.__delattr__(holder, key) if was is _GONE else type.__setattr__(holder, key, was)
                elif was is _GONE:
                    dict.pop(holder, key)
                else:
                    dict.__setitem__(holder, key, was)

    def _cell_back(self, cell: types.CellType, before: Any) -> None:
        now = contents_of(cell, _GONE)
        if now is not before and type(now) in _PLAIN and type(before) in _PLAIN:
            cell.cell_contents = before

    def _keep(self, container: Any) -> None:
        if id(container) not in self._before:
            self._before[id(container)] = container, container.copy()

    def of(self, container: Any) -> Any:
        """What a container, or a class, held before; `_GONE` where that is not known."""
        return self._before.get(id(container), (None, _GONE))[1]


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


def clear(
    token: Token, twins: list[Any], outside: Outside, own: list[torch.nn.Module]
) -> tuple[list[str], int]:
    """Take what is left out of what holds it. The caller holds the token once.

    twins:
        weak references to the copies that were made.
    own:
        modules that netscope built, which may keep what they like; but another forward is not to meet it.

    Returns where something was left, in words, and how many tensors are left all the same.
    """
    if not _is_left(token, twins):
        return [], 0
    _sweep(own, token)
    if not _is_left(token, twins):
        return [], 0
    gc.collect()
    if not _is_left(token, twins):
        return [], 0
    places: dict[str, None] = {}
    left = _left(token, twins)
    watched = [weakref.ref(item) for item in left]
    _take_out(left, outside, places, [twins, left])
    left.clear()
    if any(reference() is not None for reference in watched):
        gc.collect()
    return list(places), sum(reference() is not None for reference in watched)


def _sweep(modules: list[torch.nn.Module], token: Token) -> None:
    """Drop what the caches of these modules hold of a recording."""
    for module in modules:
        for held in module.__dict__.values():
            if type(held) is dict:
                for key in [key for key, value in held.items() if _is_of(value, token)]:
                    del held[key]
            elif type(held) is list and any(_is_of(value, token) for value in held):
                held[:] = [value for value in held if not _is_of(value, token)]


def _is_of(value: Any, token: Token) -> bool:
    return issubclass(type(value), torch.Tensor) and any(
        type(tag) is tuple and len(tag) == 3 and tag[2] is token for tag in value.__dict__.values()
    )


def _references() -> int:
    """How many references to its token a recording has that left nothing, counted as `clear` counts them.

    Each time anew: once torch.compile was used in a process, its frames hold their arguments once more.
    """

    def caller() -> int:
        token = Token()
        return clearing(token)

    def clearing(token: Token) -> int:
        return counting(token)

    def counting(token: Token) -> int:
        return sys.getrefcount(token)

    return caller()


def _is_left(token: Token, twins: list[Any]) -> bool:
    return sys.getrefcount(token) > _references() or any(reference() is not None for reference in twins)


def _left(token: Token, twins: list[Any]) -> list[Any]:
    """Tensors that hold the token, and copies that live."""
    found = [made for made in (reference() for reference in twins) if made is not None]
    tags = [holder for holder in gc.get_referrers(token) if type(holder) is tuple and len(holder) == 3]
    attributes = [holder for holder in gc.get_referrers(*tags) if type(holder) is dict] if tags else []
    if attributes:
        found += [t for t in gc.get_referrers(*attributes) if isinstance(t, torch.Tensor)]
    return list({id(one): one for one in found}.values())


def _take_out(items: list[Any], outside: Outside, places: dict[str, None], ours: list[Any]) -> None:
    """Take these out of whatever holds them, and say where that was."""
    skip = {id(one): one for one in ours}
    wanted = {id(item): item for item in items}
    skip[id(wanted)] = wanted
    # All at once: each look for what holds something goes through every object of the process.
    for holder in _holders(skip, *items):
        inside = {id(one): one for one in gc.get_referents(holder) if id(one) in wanted}
        skip[id(inside)] = inside
        _take_out_of(holder, inside, outside, places, skip, _DEEP)
        inside.clear()
    wanted.clear()


def _holders(skip: dict[int, Any], *items: Any) -> Iterator[Any]:
    """What holds any of these, frames aside. The list of them is to be skipped in its turn."""
    found = gc.get_referrers(*items)
    skip[id(found)] = found
    skip[id(items)] = items
    for holder in found:
        if id(holder) not in skip and not isinstance(holder, types.FrameType | types.GeneratorType):
            yield holder


def _take_out_of(
    holder: Any,
    items: dict[int, Any],
    outside: Outside,
    places: dict[str, None],
    skip: dict[int, Any],
    depth: int,
) -> None:
    """Take these, by their identities, out of what holds them."""
    kind = type(holder)
    cached = _cached_function(holder)
    if cached is not None:
        cached.cache_clear()
        places[f"the cache of {_name_of(cached)} (cleared)"] = None
    elif isinstance(holder, dict):
        _out_of_dict(holder, items, outside, places)
    elif isinstance(holder, (list, deque)):
        places[f"{_where(holder)} (taken out)"] = None
        kept = [one for one in holder if id(one) not in items]
        holder.clear()
        holder.extend(kept)
    elif isinstance(holder, set):
        places[f"{_where(holder)} (taken out)"] = None
        for item in items.values():
            holder.discard(item)
    elif kind is types.CellType:
        before = outside.of(holder)
        places["a variable of a closure (put back)"] = None
        if before is _GONE:
            holder.cell_contents = None
        else:
            holder.cell_contents = before
    elif kind is tuple and depth:
        one = {id(holder): holder}
        skip[id(one)] = one
        for above in _holders(skip, holder):
            _take_out_of(above, one, outside, places, skip, depth - 1)
        one.clear()
    elif isinstance(holder, (torch.Tensor, types.FunctionType, types.MethodType)):
        return
    else:
        _out_of_object(holder, items, places)


def _cached_function(holder: Any) -> Any:
    """The function whose `lru_cache` that is: it holds results itself, or in a dictionary without bounds."""
    held_by = gc.get_referrers(holder) if isinstance(holder, dict) else ()
    return next((one for one in (holder, *held_by) if type(one) is functools._lru_cache_wrapper), None)


def _out_of_dict(
    holder: dict[Any, Any], items: dict[int, Any], outside: Outside, places: dict[str, None]
) -> None:
    owner = _owner_of(holder)
    before = outside.of(owner if isinstance(owner, type) else holder)
    for key in [key for key, value in holder.items() if id(value) in items]:
        if isinstance(owner, types.ModuleType):
            where = f"{owner.__name__}.{key}"
        elif isinstance(owner, type):
            where = f"{owner.__qualname__}.{key}"
        elif owner is not None:
            where = f"{type(owner).__qualname__}.{key}"
        else:
            where = f"{_where(holder)}[{_short(key)}]"
        old = before.get(key, _GONE) if before is not _GONE else _GONE
        if isinstance(owner, type):
            if old is _GONE:
                type.__delattr__(owner, key)
            else:
                type.__setattr__(owner, key, old)
        elif old is _GONE:
            dict.pop(holder, key, None)
        else:
            dict.__setitem__(holder, key, old)
        places[f"{where} ({'taken out' if old is _GONE else 'put back'})"] = None


def _out_of_object(holder: Any, items: dict[int, Any], places: dict[str, None]) -> None:
    """Of one that keeps its attributes without a dictionary."""
    for name in [n for n, value in list(getattr(holder, "__dict__", {}).items()) if id(value) in items]:
        places[f"{type(holder).__qualname__}.{name} (taken out)"] = None
        holder.__dict__.pop(name, None)


def _owner_of(attributes: dict[Any, Any]) -> Any:
    """The module, class or object whose attributes these are."""
    name = attributes.get("__name__")
    if isinstance(name, str) and vars(sys.modules.get(name, sys)) is attributes:
        return sys.modules[name]
    for one in gc.get_referrers(attributes):
        if isinstance(one, (type, types.ModuleType)) or getattr(one, "__dict__", None) is attributes:
            return one
    return None


def _where(container: Any) -> str:
    """The name by which a container is known, if it has one."""
    for holder in gc.get_referrers(container):
        if isinstance(holder, dict):
            # In a function of its own: a comprehension here would hold the container in a cell.
            key = _key_of(holder, container)
            owner = _owner_of(holder)
            if key is not None and owner is not None:
                name = (
                    owner.__name__
                    if isinstance(owner, (type, types.ModuleType))
                    else type(owner).__qualname__
                )
                return f"{name}.{key}"
        elif type(holder) is types.CellType:
            return f"a {type(container).__name__} of a closure"
    return f"a {type(container).__name__}"


def _key_of(names: dict[Any, Any], value: Any) -> str | None:
    return next((key for key, held in names.items() if held is value and isinstance(key, str)), None)


def _name_of(function: Any) -> str:
    return (
        f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}".lstrip(
            "."
        )
    )


def _short(key: Any) -> str:
    text = repr(key) if isinstance(key, (str, int, float, tuple)) else f"<{type(key).__name__}>"
    return text if len(text) <= 40 else text[:39] + "…"
