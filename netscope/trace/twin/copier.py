"""The copier: everything that a module and its arguments reach, once each."""

from __future__ import annotations

import collections
import copy
import functools
import itertools
import random
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import torch

from netscope.trace.sharded import is_state
from netscope.trace.standins import is_meta
from netscope.trace.twin.kinds import ATOMS, HEAP_TYPE, Kind, kind_of, slots_of
from netscope.trace.twin.shared import Shared, contents_of, dict_of

# Copied by torch's own or the standard library's code, never by an owner's class.
_EMPTY: Final = frozenset({dict, collections.OrderedDict, set})
_PROXIES: Final = frozenset({weakref.ProxyType, weakref.CallableProxyType})
_EMPTY_CELL: Final = object()
_MAXLEN: Final[Any] = collections.deque.__dict__["maxlen"]
# What torch gives to every module that it makes.
_TORCHS: Final = frozenset(name for name, value in vars(torch.nn.Module()).items() if type(value) in _EMPTY)


class Copier:
    """Copies objects, the same object to the same copy.

    tensor:
        makes the twin of a tensor.
    replace:
        what else is to be replaced, by its class, and each time that it is met.
    gradient:
        makes the twin of a parameter's gradient.
    script:
        copies a scripted module.

    A worklist, not recursion: networks nest deeper than Python does. Only what cannot change (tuples,
    functions, methods) is copied at once with what it holds, and stays the same object where nothing in it
    is a copy.
    """

    def __init__(
        self,
        tensor: Callable[[torch.Tensor], torch.Tensor],
        replace: dict[type, Callable[[Any], Any]] | None = None,
        gradient: Callable[[torch.Tensor], torch.Tensor] | None = None,
        script: Callable[[Any], Any] = copy.deepcopy,
    ) -> None:
        self._tensor = tensor
        self._gradient = gradient or tensor
        self._replace = dict(replace or {})
        self._script = script
        # id -> (original, kept so that the id stays its own; copy)
        self._known: dict[int, tuple[Any, Any]] = {}
        self._waiting: list[tuple[Callable[[Any, Any], None], Any, Any]] = []
        self._kinds: dict[type, Kind] = {
            **dict.fromkeys(ATOMS, Kind.ATOM),
            **dict.fromkeys(self._replace, Kind.REPLACED),
        }
        self._slots: dict[type, _Slots] = {}
        # What weak references of copies refer to.
        self._held: list[Any] = []
        self.modules: list[torch.nn.Module] = []
        self.tensors: list[torch.Tensor] = []
        # What has globals and class attributes that a forward may write to.
        self.functions: list[types.FunctionType] = []
        self.classes: set[type] = set()
        # Copies that may hold each other in a circle.
        self._others: list[Any] = []
        # What was shared though it may change.
        self._shared: list[Shared] = []
        self._fillers: tuple[tuple[type, Callable[[Any, Any], None]], ...] = (
            (dict, self._fill_dict),
            (list, self._fill_list),
            (set, self._fill_set),
        )
        self._makers: dict[Kind, Callable[[Any, type], Any]] = {
            Kind.REPLACED: lambda value, cls: self._replace[cls](value),
            Kind.TENSOR: self._of_tensor,
            Kind.MODULE: self._of_module,
            Kind.SCRIPTED: self._of_script,
            Kind.PLAIN: self._of_object,
            Kind.DICT: self._of_dict,
            Kind.LIST: self._of_list,
            Kind.TUPLE: self._of_tuple,
            Kind.SET: self._of_set,
            Kind.FROZENSET: self._of_frozenset,
            Kind.DEQUE: self._of_deque,
            Kind.FUNCTION: self._of_function,
            Kind.METHOD: self._of_method,
            Kind.BUILTIN_METHOD: self._of_builtin_method,
            Kind.PARTIAL: self._of_partial,
            Kind.CACHED: self._of_cached,
            Kind.CELL: self._of_cell,
            Kind.REFERENCE: self._of_reference,
            Kind.WEAK_CONTAINER: self._of_weak_container,
            Kind.ITERATOR: self._of_iterator,
            Kind.BYTES: lambda value, cls: self._remember(value, value[:]),
            Kind.VIEW: self._of_view,
            Kind.STREAM: self._of_stream,
            Kind.LOCK: lambda value, cls: self._remember(value, _unlocked(cls)),
            Kind.LOCAL: self._of_local,
            Kind.ARRAY: self._of_array,
            Kind.GENERATOR: self._of_generator,
            Kind.SHARED: self._share,
            Kind.SERVICE: lambda value, cls: self._remember(value, value),
        }

    def __call__(self, value: Any) -> Any:
        """The copy of anything, complete."""
        with torch._C.DisableTorchFunctionSubclass():  # owners' classes of tensors have one
            made = self._copy(value)
            waiting = self._waiting
            while waiting:
                fill, original, copied = waiting.pop()
                fill(original, copied)
        return made

    def references(self) -> list[weakref.ref[Any]]:
        """To what was copied."""
        return [*map(weakref.ref, self.modules), *map(weakref.ref, self.tensors)]

    def originals(self) -> list[Any]:
        """What was copied."""
        return [original for original, made in self._known.values() if made is not original]

    def states(self) -> list[Any]:
        """Copies of what torch keeps beside modules that are divided among ranks."""
        if not any(map(is_state, self._kinds)):
            return []
        return [made for original, made in self._known.values() if is_state(type(original))]

    def put_back(self) -> list[str]:
        """Put back what is shared; what of it had changed, and whether that could be, in words."""
        return [said for shared in self._shared if (said := shared.put_back())]

    def take_apart(self) -> None:
        """Empty the copies, so that they go without the collector, which would have to look for circles."""
        ends = {cls for cls in set(map(type, self.modules)) if hasattr(cls, "__del__")}
        for module in self.modules:
            own = dict_of(module)
            if ends and type(module) in ends:  # which is not to happen to a copy
                with suppress(TypeError):
                    object.__setattr__(module, "__class__", torch.nn.Module)
            own.clear()
        for other in self._others:
            if type(other) is types.CellType:
                del other.cell_contents
                continue
            dict_of(other).clear()
            bases: tuple[Any, ...] = (collections.OrderedDict, dict, list, set, collections.deque)
            for base in bases:
                if issubclass(type(other), base):
                    base.clear(other)
                    break
            for slot in _slots_in(self._slots, type(other)):
                with suppress(AttributeError):  # not set
                    slot.__delete__(other)
        for container in (self.modules, self.tensors, self._others, self._held, self._waiting, self._shared):
            container.clear()
        self._known.clear()
        self._makers.clear()
        self._fillers = ()
        self._replace.clear()

    def _kind(self, cls: type) -> Kind:
        kind = self._kinds.get(cls)
        if kind is None:
            kind = self._kinds[cls] = kind_of(cls)
        return kind

    def _copy(self, value: Any) -> Any:
        """The copy, of which what can change is filled in later."""
        cls = type(value)
        kind = self._kinds.get(cls) or self._kind(cls)
        if kind is Kind.ATOM:
            return value
        known = self._known.get(id(value))
        return self._makers[kind](value, cls) if known is None else known[1]

    def _remember(self, value: Any, copied: Any) -> Any:
        """The copy from now on; an earlier one, where what it holds has led back to it."""
        return self._known.setdefault(id(value), (value, copied))[1]

    def _later(self, fill: Callable[[Any, Any], None], value: Any, copied: Any) -> Any:
        known = self._known.setdefault(id(value), (value, copied))[1]
        if known is copied:
            self._waiting.append((fill, value, copied))
            self._others.append(copied)
        return known

    def _share(self, value: Any, cls: type) -> Any:
        self._shared.append(Shared(value, dict_of(value)))
        return self._remember(value, value)

    # Attributes

    def _attributes(self, value: Any, copied: Any) -> None:
        """Give the copy the attributes and slots, past all that its class says of setting them."""
        own = dict_of(value)
        if own:
            dict_of(copied).update(self._items(own))
        self._slotted(value, copied)

    def _slotted(self, value: Any, copied: Any) -> None:
        cls = type(value)
        for slot in _slots_in(self._slots, cls):
            try:
                held = slot.__get__(value, cls)
            except AttributeError:  # not set
                continue
            slot.__set__(copied, self._copy(held))

    def _items(self, own: dict[Any, Any]) -> dict[Any, Any]:
        """A dictionary of the same keys with copies as values."""
        made = own.copy()
        kinds, known = self._kinds, self._known
        for key, value in made.items():
            cls = type(value)
            if cls in _EMPTY and not value and id(value) not in known:
                made[key] = self._remember(value, cls())
            elif kinds.get(cls) is not Kind.ATOM:
                made[key] = self._copy(value)
        return made

    def _of_module(self, value: torch.nn.Module, cls: type) -> torch.nn.Module:
        made: torch.nn.Module = _new(cls)
        self.modules.append(made)
        self._known[id(value)] = value, made
        fill: Callable[[Any, Any], None] = self._fill_module
        if issubclass(cls, (dict, list, set)):  # as well
            fill = next(f for base, f in self._fillers if issubclass(cls, base))
        self._waiting.append((fill, value, made))
        return made

    def _fill_module(self, value: torch.nn.Module, copied: torch.nn.Module) -> None:
        """As `_attributes`, which takes half as long again: there are hundreds of modules, much alike."""
        own = dict_of(value)
        made = dict_of(copied)
        made.update(own)
        copy_ = self._copy
        for key, item in own.copy().items():
            cls = type(item)
            if cls in ATOMS:
                continue
            if key in _TORCHS and (cls is dict or cls in _EMPTY):
                # Torch makes these for each module, and nobody else has them.
                if not item:
                    made[key] = cls()
                    continue
                if cls is dict:
                    made[key] = {k: None if v is None else copy_(v) for k, v in item.items()}
                    continue
            made[key] = copy_(item)
        if _slots_in(self._slots, type(value)):
            self._slotted(value, copied)

    def _of_object(self, value: Any, cls: type) -> Any:
        self.classes.add(cls)
        made = types.SimpleNamespace.__new__(cls) if issubclass(cls, types.SimpleNamespace) else _new(cls)
        return self._later(self._attributes, value, made)

    def _of_script(self, value: Any, cls: type) -> Any:
        made = self._script(value)
        self.modules.extend(torch.nn.Module.modules(made))
        return self._remember(value, made)

    def _of_tensor(self, value: torch.Tensor, cls: type) -> torch.Tensor:
        made = self._tensor(value)
        self._remember(value, made)
        if made is value:
            return made
        self.tensors.append(made)
        if value.is_leaf and value.grad is not None:
            made.grad = self._gradient_of(value.grad, made)
        if value.__dict__:
            self._waiting.append((self._attributes, value, made))
            self._others.append(made)
        return made

    def _gradient_of(self, gradient: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """Where its tensor's copy is: of two tensors on meta one may keep its values, and the other not."""
        copied = self._gradient(gradient)
        if is_meta(copied) is is_meta(made):
            return copied
        return torch.empty_like(gradient, device="meta") if is_meta(made) else gradient.detach().clone()

    # Containers

    def _of_dict(self, value: Any, cls: type) -> Any:
        plain = cls is dict and ATOMS.issuperset(map(type, value.values()))
        if plain and ATOMS.issuperset(map(type, value)):
            return self._remember(value, value.copy())
        if issubclass(cls, collections.defaultdict):
            made: Any = collections.defaultdict.__new__(cls)
            collections.defaultdict.__init__(made, self._copy(value.default_factory))
        else:
            made = _base_of(cls, (collections.OrderedDict, dict)).__new__(cls)
        return self._later(self._fill_dict, value, made)

    def _fill_dict(self, value: Any, copied: Any) -> None:
        cls = type(value)
        base = _base_of(cls, (collections.OrderedDict, dict))
        put = base.__setitem__
        for key, item in list(base.items(value)):
            put(copied, self._key(key), self._copy(item))
        if cls not in (dict, collections.OrderedDict):
            self._attributes(value, copied)

    def _key(self, key: Any) -> Any:
        """Of a key or a member. Those with a hash of their own do not change, so they stay what they are."""
        cls = type(key)
        if cls in ATOMS:
            return key
        hashed: Any = cls.__hash__
        if hashed is object.__hash__ or issubclass(cls, (torch.Tensor, tuple, frozenset, weakref.ref)):
            return self._copy(key)
        return key

    def _of_list(self, value: Any, cls: type) -> Any:
        if cls is list and ATOMS.issuperset(map(type, value)):
            return self._remember(value, value.copy())
        return self._later(self._fill_list, value, _bare(list, cls))

    def _fill_list(self, value: Any, copied: Any) -> None:
        list.extend(copied, [self._copy(item) for item in list.__iter__(value)])
        if type(value) is not list:
            self._attributes(value, copied)

    def _of_tuple(self, value: Any, cls: type) -> Any:
        """Those in it first, and those in them before that: they may be chained by thousands."""
        known, waiting = self._known, [value]
        while waiting:
            inner = [
                item
                for item in tuple.__iter__(waiting[-1])
                if id(item) not in known and self._kind(type(item)) is Kind.TUPLE
            ]
            if inner:
                waiting += inner
                continue
            last = waiting.pop()
            if id(last) not in known:
                self._lone_tuple(last, type(last))
        return known[id(value)][1]

    def _lone_tuple(self, value: Any, cls: type) -> Any:
        items = [self._copy(item) for item in tuple.__iter__(value)]
        own = cls is not tuple and dict_of(value)
        if not own and all(map(_same, items, tuple.__iter__(value))):
            return self._remember(value, value)
        known = self._known.get(id(value))  # reached again through a list in it
        if known is not None:
            return known[1]
        try:
            made: Any = tuple.__new__(cls, items)
        except TypeError:  # laid out by C: a result of torch's, a struct sequence
            made = cls(items)
        if own:
            return self._later(self._attributes, value, made)
        return self._remember(value, made)

    def _of_set(self, value: Any, cls: type) -> Any:
        return self._later(self._fill_set, value, _bare(set, cls))

    def _fill_set(self, value: Any, copied: Any) -> None:
        set.update(copied, [self._key(item) for item in set.__iter__(value)])
        if type(value) is not set:
            self._attributes(value, copied)

    def _of_frozenset(self, value: Any, cls: type) -> Any:
        items = [self._key(item) for item in frozenset.__iter__(value)]
        if all(map(_same, items, frozenset.__iter__(value))):
            return self._remember(value, value)
        return self._remember(value, frozenset.__new__(cls, items))

    def _of_deque(self, value: Any, cls: type) -> Any:
        made: Any = _bare(collections.deque, cls)
        collections.deque.__init__(made, (), _MAXLEN.__get__(value))
        return self._later(self._fill_deque, value, made)

    def _fill_deque(self, value: Any, copied: Any) -> None:
        collections.deque.extend(copied, [self._copy(item) for item in collections.deque.__iter__(value)])
        if type(value) is not collections.deque:
            self._attributes(value, copied)

    # Functions

    def _of_function(self, value: types.FunctionType, cls: type) -> Any:
        self.functions.append(value)
        cells, defaults, named = value.__closure__ or (), value.__defaults__, value.__kwdefaults__
        own = value.__dict__
        if not cells and not own and not named and (not defaults or ATOMS.issuperset(map(type, defaults))):
            return self._remember(value, value)
        made = types.FunctionType(
            value.__code__,
            value.__globals__,
            value.__name__,
            None,
            tuple([self._copy(cell) for cell in cells]) or None,
        )
        # Before what it holds, which may hold it.
        self._remember(value, made)
        made.__defaults__ = self._copy(defaults)
        made.__kwdefaults__ = self._copy(named)
        made.__qualname__, made.__module__ = value.__qualname__, value.__module__
        made.__doc__, made.__annotations__ = value.__doc__, value.__annotations__
        if own:
            self._waiting.append((self._attributes, value, made))
            self._others.append(made)
        return made

    def _of_cell(self, value: types.CellType, cls: type) -> Any:
        return self._later(self._fill_cell, value, types.CellType())

    def _fill_cell(self, value: types.CellType, copied: types.CellType) -> None:
        held = contents_of(value, _EMPTY_CELL)
        if held is not _EMPTY_CELL:
            if issubclass(type(held), type):
                self.classes.add(held)
            copied.cell_contents = self._copy(held)

    def _of_method(self, value: types.MethodType, cls: type) -> Any:
        function, holder = self._copy(value.__func__), self._copy(value.__self__)
        if function is value.__func__ and holder is value.__self__:
            return value
        return self._remember(value, types.MethodType(function, holder))

    def _of_builtin_method(self, value: types.BuiltinMethodType, cls: type) -> Any:
        if value.__self__ is None or isinstance(value.__self__, types.ModuleType):
            return value
        holder = self._copy(value.__self__)
        if holder is value.__self__:
            return value
        name = value.__name__
        for base in type(holder).__mro__:  # past an owner's method of the same name
            method: Any = base.__dict__.get(name)
            if type(method) in (types.MethodDescriptorType, types.WrapperDescriptorType):
                return self._remember(value, method.__get__(holder))
        return self._remember(value, getattr(holder, name))

    def _of_partial(self, value: Any, cls: type) -> Any:
        function, args = self._copy(value.func), self._copy(value.args)
        named = {name: self._copy(item) for name, item in value.keywords.items()}
        made: Any = functools.partial.__new__(cls, function, *args, **named)
        return self._later(self._attributes, value, made)

    def _of_cached(self, value: Any, cls: type) -> Any:
        """With a cache of its own, which is empty."""
        made = functools.lru_cache(**value.cache_parameters())(self._copy(value.__wrapped__))
        return self._remember(value, made)

    # References

    def _of_reference(self, value: Any, cls: type) -> Any:
        try:
            # What a proxy stands for, it tells by the methods that every object has.
            target = value.__reduce_ex__.__self__ if cls in _PROXIES else value()
        except ReferenceError:
            return value
        if target is None:
            return value
        copied = self._copy(target)
        if copied is target:
            return self._remember(value, value)
        self._held.append(copied)
        kind: Any = weakref.proxy if cls in _PROXIES else cls
        try:
            made = kind(copied)
        except TypeError:  # of a kind that nothing refers to weakly
            made = value
        return self._remember(value, made)

    def _of_weak_container(self, value: Any, cls: type) -> Any:
        return self._later(self._fill_weak_container, value, cls())

    def _fill_weak_container(self, value: Any, copied: Any) -> None:
        # Past its own iteration, which makes a note in it for the time.
        if isinstance(value, weakref.WeakSet):
            held: Any = value
            for reference in list(held.data):
                self._held.append(self._key(reference()))
                copied.add(self._held[-1])
            return
        by_key = isinstance(value, weakref.WeakKeyDictionary)
        for left, right in list(value.data.items()):
            key, item = self._key(left() if by_key else left), self._copy(right if by_key else right())
            self._held += [key, item]
            copied[key] = item

    def _of_iterator(self, value: Any, cls: type) -> Any:
        if cls is itertools.count:
            try:
                made: Any = itertools.count(*map(int, repr(value)[6:-1].split(",")))
            except ValueError:  # of other numbers
                return self._share(value, cls)
            return self._remember(value, made)
        try:
            maker, args, *state = value.__reduce__()
        except (TypeError, DeprecationWarning):  # of a Python that does not copy it, or will not soon
            return self._share(value, cls)
        made = maker(*[self._copy(arg) for arg in args])
        if state and state[0] is not None:
            # Last of all: one that goes backwards looks at how long the copy of its list is.
            self._waiting.insert(0, (_set_state, state[0], (made, self._copy(state[0]))))
        return self._remember(value, made)

    def _of_view(self, value: memoryview, cls: type) -> Any:
        try:
            whole = value.c_contiguous and memoryview(value.obj).nbytes == value.nbytes
        except ValueError:  # released
            return value
        memory = self._copy(value.obj)
        if not whole or memory is value.obj:  # where it begins, it does not tell; or of a file's memory, say
            return self._share(value, cls)
        made: Any = memoryview(memory)
        if value.ndim and (made.format, made.shape) != (value.format, value.shape):
            made = made.cast("B").cast(value.format, value.shape)
        return self._remember(value, made.toreadonly() if value.readonly else made)

    def _of_stream(self, value: Any, cls: type) -> Any:
        if value.closed:
            return value
        made = cls(value.getvalue())
        made.seek(value.tell())
        return self._remember(value, made)

    def _of_local(self, value: Any, cls: type) -> Any:
        """What it holds for this thread."""
        if getattr(cls, "__init__") is not object.__init__:  # noqa: B009 - as the checker of types wants it
            return self._share(value, cls)
        made: Any = threading.local.__new__(cls)
        self._remember(value, made)
        made.__dict__.update(self._items(value.__dict__))
        return made

    # Numbers

    def _of_array(self, value: Any, cls: type) -> Any:
        numpy: Any = sys.modules["numpy"]
        if isinstance(value, numpy.memmap):
            made = value.view()
            made.flags.writeable = False
            return self._remember(value, made)
        base = value.base
        if type(base) is numpy.ndarray and base.flags.forc and not base.dtype.hasobject:
            offset = value.__array_interface__["data"][0] - base.__array_interface__["data"][0]
            memory = self._copy(base)
            memory = memory if base.flags.c_contiguous else memory.T
            plain = numpy.ndarray(value.shape, value.dtype, memory, offset, value.strides)
        else:
            plain = numpy.array(value, copy=True, order="K", subok=False)
        if value.dtype.hasobject and value.dtype.names is None:
            self._waiting.append((self._fill_array, value, plain))
        made = plain if cls is numpy.ndarray else plain.view(cls)
        if not value.flags.writeable:
            made.flags.writeable = False
        if cls is not numpy.ndarray:
            return self._later(self._attributes, value, made)
        return self._remember(value, made)

    def _fill_array(self, value: Any, copied: Any) -> None:
        """Of objects, which it has from the original."""
        copied.flags.writeable = True
        for place in sys.modules["numpy"].ndindex(copied.shape):
            copied[place] = self._copy(copied[place])
        copied.flags.writeable = value.flags.writeable

    def _of_generator(self, value: Any, cls: type) -> Any:
        if cls is torch.Generator:
            return self._remember(value, value.clone_state())
        kind: Any = cls
        base: Any = random.Random
        if issubclass(cls, base):
            made: Any = base.__new__(kind)
            base.setstate(made, base.getstate(value))
            return self._later(self._attributes, value, made)
        if cls.__name__ == "Generator":  # of numpy, whose numbers come from another object
            return self._remember(value, kind(self._copy(value.bit_generator)))
        return self._remember(value, copy.deepcopy(value))  # by numpy's own code


_Slots = tuple[types.MemberDescriptorType, ...]


def _slots_in(known: dict[type, _Slots], cls: type) -> _Slots:
    """The slots of a class, looked up once."""
    slots = known.get(cls)
    if slots is None:
        slots = known[cls] = slots_of(cls)
    return slots


def _new(cls: type) -> Any:
    try:
        return object.__new__(cls)
    except TypeError:  # one that is a dictionary as well, say
        base: Any = next(base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE)
        return base.__new__(cls)


def _bare(base: Any, cls: type) -> Any:
    return base.__new__(cls)


def _base_of(cls: type, bases: Iterable[type]) -> Any:
    return next(base for base in bases if issubclass(cls, base))


def _set_state(_: Any, copied: tuple[Any, Any]) -> None:
    iterator, state = copied
    iterator.__setstate__(state)


def _same(one: Any, other: Any) -> bool:
    return one is other


def _unlocked(cls: type) -> Any:
    return threading.Lock() if cls is type(threading.Lock()) else threading.RLock()
