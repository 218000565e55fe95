"""Tensors of a recording that live on when it is over: found, and taken out of what holds them.

A cache, a list or a variable outside every object that was copied may have kept one. Its owner's next forward
would meet a tensor without data. So each tensor that a recording makes holds its token: when all is over and
the token is held by anybody, that is looked into, which takes a look at every object of the process. It is
the exception: nothing is done where nothing is left.
"""

from __future__ import annotations

import dis
import functools
import gc
import sys
import types
import weakref
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import torch

from netscope.base.collector import thawed
from netscope.trace.outside import GONE, Outside
from netscope.trace.tags import Token

# Containers between a tensor and what has a name, at most.
_DEEP: Final = 6


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
    # What is frozen is not found among what holds something.
    with thawed():
        return _cleared(token, twins, outside)


def _cleared(token: Token, twins: list[Any], outside: Outside) -> tuple[list[str], int]:
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
                for key in [key for key, value in held.items() if is_of(value, token)]:
                    del held[key]
            elif type(held) is list and any(is_of(value, token) for value in held):
                held[:] = [value for value in held if not is_of(value, token)]


def is_of(value: Any, token: Token | None) -> bool:
    """Whether it is a tensor that a recording made."""
    return (
        token is not None
        and issubclass(type(value), torch.Tensor)
        and any(type(tag) is tuple and len(tag) == 3 and tag[2] is token for tag in value.__dict__.values())
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
    elif isinstance(holder, dict) and depth and (wrapper := _wrapper_of(holder)) is not None:
        _above(wrapper, outside, places, skip, depth)
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
        if before is GONE:
            holder.cell_contents = None
        else:
            holder.cell_contents = before
    elif kind is tuple and depth:
        _above(holder, outside, places, skip, depth)
    elif isinstance(holder, (torch.Tensor, types.FunctionType, types.MethodType)):
        return
    else:
        _out_of_object(holder, items, places)


def _above(inner: Any, outside: Outside, places: dict[str, None], skip: dict[int, Any], depth: int) -> None:
    """Take what holds it out of what holds that."""
    one = {id(inner): inner}
    skip[id(one)] = one
    for above in _holders(skip, inner):
        _take_out_of(above, one, outside, places, skip, depth - 1)
    one.clear()


def _wrapper_of(attributes: dict[Any, Any]) -> torch.Tensor | None:
    """The tensor of a class of its own that is made of the tensors among its attributes."""
    owner = _owner_of(attributes)
    made_of = isinstance(owner, torch.Tensor) and hasattr(type(owner), "__tensor_flatten__")
    return owner if made_of else None


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
        old = before.get(key, GONE) if before is not GONE else GONE
        if old is GONE and isinstance(owner, types.ModuleType) and key in _empty_at_first(owner):
            old = None
        if isinstance(owner, type):
            if old is GONE:
                type.__delattr__(owner, key)
            else:
                type.__setattr__(owner, key, old)
        elif old is GONE:
            dict.pop(holder, key, None)
        else:
            dict.__setitem__(holder, key, old)
        if not where.startswith("torch.nested."):  # a dummy of torch's, which nobody has to know of
            places[f"{where} ({'taken out' if old is GONE else 'put back'})"] = None


def _empty_at_first(module: types.ModuleType) -> set[str]:
    """The globals that a module itself sets to None, to be filled by whoever comes first."""
    try:
        code: Any = module.__spec__.loader.get_code(module.__name__)  # type: ignore[union-attr]
        steps = list(dis.get_instructions(code))
    except Exception:  # noqa: BLE001 - a loader of somebody else's, or none
        return set()
    return {
        str(step.argval)
        for before, step in pairwise(steps)
        if step.opname in ("STORE_NAME", "STORE_GLOBAL")
        and before.opname == "LOAD_CONST"
        and before.argval is None
    }


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
