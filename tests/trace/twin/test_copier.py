"""The copier: everything that is reached, once each, with nothing of its owner's called or written to."""

from __future__ import annotations

import array
import collections
import enum
import functools
import gc
import io
import itertools
import random
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from netscope.trace.twin import tensors
from netscope.trace.twin.copier import Copier

MUTABLE = (dict, list, set, collections.deque, bytearray, np.ndarray, Tensor, nn.Module)


def twin(tensor: Tensor) -> Tensor:
    return tensor.detach().clone()


def copied(value: Any) -> Any:
    return Copier(twin)(value)


class Node:
    """With attributes."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def me(self) -> Any:
        return self


class Slotted:
    __slots__ = ("__weakref__", "next", "other")


class Items(list[Any]):
    """A list that has ideas of its own."""

    def append(self, item: Any) -> None:
        raise AssertionError

    def __iter__(self) -> Any:
        raise AssertionError


# -- The same object once


def shares(make: Callable[[Any], Any], find: Callable[[Any], Any]) -> None:
    """What is reached in two ways is one object in the copy as well, and not the owner's."""
    held = Node(name="held")
    for pair in ((held, make(held)), (make(held), held)):
        both = copied(list(pair))
        one, other = both if pair[0] is held else reversed(both)
        assert type(one) is Node
        assert one is not held
        assert find(other) is one


def with_attribute(value: Any, held: Any) -> Any:
    value.a = held
    return value


def default_of(held: Any) -> Any:
    def function(a: Any = held) -> Any:
        return a

    return function


def named_default_of(held: Any) -> Any:
    def function(*, a: Any = held) -> Any:
        return a

    return function


def local_of(held: Any) -> Any:
    return with_attribute(threading.local(), held)


WAYS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "list": (lambda x: [x], lambda c: c[0]),
    "list of a class": (lambda x: Items([x]), lambda c: list.__getitem__(c, 0)),
    "tuple": (lambda x: (1, (x,)), lambda c: c[1][0]),
    "dict": (lambda x: {"a": x}, lambda c: c["a"]),
    "key": (lambda x: {x: 1}, lambda c: next(iter(c))),
    "ordered": (lambda x: collections.OrderedDict(a=x), lambda c: c["a"]),
    "default": (lambda x: collections.defaultdict(list, a=x), lambda c: c["a"]),
    "factory": (lambda x: collections.defaultdict(lambda: x), lambda c: c["new"]),
    "set": (lambda x: {x}, lambda c: next(iter(c))),
    "frozenset": (lambda x: frozenset([x]), lambda c: next(iter(c))),
    "deque": (lambda x: collections.deque([x]), lambda c: c[0]),
    "object": (lambda x: Node(a=x), lambda c: c.a),
    "namespace": (lambda x: types.SimpleNamespace(a=x), lambda c: c.a),
    "module": (lambda x: with_attribute(nn.Linear(1, 1), x), lambda c: c.a),
    "tensor": (lambda x: with_attribute(torch.ones(1), x), lambda c: c.a),
    "array": (lambda x: np.array([x], dtype=object), lambda c: c[0]),
    "closure": (lambda x: lambda: x, lambda c: c()),
    "default argument": (default_of, lambda c: c()),
    "named default": (named_default_of, lambda c: c()),
    "function's attribute": (lambda x: with_attribute(lambda: None, x), lambda c: c.a),
    "method": (lambda x: types.MethodType(lambda self: self, x), lambda c: c()),
    "partial": (lambda x: functools.partial(lambda a, b: (a, b), x, b=x), lambda c: c()[0]),
    "partial's name": (lambda x: functools.partial(lambda a, b: (a, b), 1, b=x), lambda c: c()[1]),
    "cached": (lambda x: functools.lru_cache(lambda: x), lambda c: c()),
    "cell": (lambda x: (lambda: x).__closure__[0], lambda c: c.cell_contents),  # type: ignore[index]
    "reference": (weakref.ref, lambda c: c()),
    "method reference": (lambda x: weakref.WeakMethod(x.me), lambda c: c()()),
    "weak set": (lambda x: weakref.WeakSet([x]), lambda c: next(iter(c))),
    "weak values": (lambda x: weakref.WeakValueDictionary(a=x), lambda c: c["a"]),
    "weak keys": (lambda x: weakref.WeakKeyDictionary({x: 1}), lambda c: next(iter(c))),
    "iterator": (lambda x: iter([x]), next),
    "backwards": (lambda x: reversed([1, x]), next),
    "zip": (lambda x: zip([x], [1], strict=True), lambda c: next(c)[0]),
    "chain": (lambda x: itertools.chain([x], [1]), next),
    "local": (local_of, lambda c: c.a),
    "append": (lambda x: [x].append, lambda c: c.__self__[0]),
    "set item": (lambda x: {"a": x}.__setitem__, lambda c: c.__self__["a"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_reached_twice_is_copied_once(way: str) -> None:
    shares(*WAYS[way])


def test_what_a_proxy_stands_for_is_the_copy() -> None:
    node = Node()
    one, proxy = copied([node, weakref.proxy(node)])
    proxy.seen = 1
    assert vars(one) == {"seen": 1}
    assert vars(node) == {}
    proxy = weakref.proxy(Node())  # of one that is gone
    assert copied(proxy) is proxy


def test_two_closures_share_their_variable() -> None:
    def counter() -> tuple[Callable[[], None], Callable[[], int]]:
        count = 0

        def add() -> None:
            nonlocal count
            count += 1

        return add, lambda: count

    owner = counter()
    add, count = copied(owner)
    add()
    assert (count(), owner[1]()) == (1, 0)


def test_a_cached_function_has_a_cache_of_its_own() -> None:
    calls: list[int] = []

    @functools.lru_cache(maxsize=3)
    def double(x: int) -> int:
        calls.append(x)
        return 2 * x

    double(1)
    made = copied(double)
    assert (made(1), made(2), made(1)) == (2, 4, 2)
    assert made.cache_info() == (1, 2, 3, 2)
    assert double.cache_info() == (0, 1, 3, 1)
    assert calls == [1]


def test_methods_of_built_in_classes_go_past_the_owners() -> None:
    add = copied(list.append.__get__(Items()))
    add(3)
    assert list.__getitem__(add.__self__, 0) == 3


def test_what_cannot_change_is_shared() -> None:
    class Colour(enum.Enum):
        RED = 1

    def plain(a: int = 1) -> int:
        return a

    for value in (
        *(1, "text", None, len, torch.float32, Colour.RED, Node, plain, np.float32(1), torch.Size([1])),
        *(
            frozenset([1]),
            (1, ("a", plain)),
            torch.relu,
            range(3),
            weakref.ref(Node),
            torch.ops.aten.add.Tensor,
        ),
    ):
        assert copied(value) is value
    ended = weakref.ref(Node())
    assert copied(ended) is ended


class Keyed:
    def __init__(self) -> None:
        self.items = [1]

    def __hash__(self) -> int:
        return 7

    def __eq__(self, other: object) -> bool:
        return self is other


def test_keys_with_a_hash_of_their_own_stay() -> None:
    key = Keyed()
    assert next(iter(copied({key: 1}))) is key
    assert next(iter(copied({key}))) is key


def test_a_tensor_is_given_to_a_function_once() -> None:
    given: list[Tensor] = []

    def make(tensor: Tensor) -> Tensor:
        given.append(tensor)
        return torch.zeros_like(tensor)

    one, weight = torch.ones(2), nn.Parameter(torch.ones(2))
    weight.grad = torch.full((2,), 3.0)
    copier = Copier(make, gradient=lambda gradient: gradient + 1)
    a, b, c = copier([one, one, {"w": weight}])
    assert a is b
    assert c["w"].grad.tolist() == [4.0, 4.0]
    assert [id(tensor) for tensor in given] == [id(one), id(weight)]
    assert [id(tensor) for tensor in copier.tensors] == [id(a), id(c["w"])]


def test_a_tensor_that_stays_keeps_its_gradient() -> None:
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    gradient = weight.grad
    copier = Copier(lambda tensor: tensor)
    assert copier([weight])[0] is weight
    assert weight.grad is gradient
    assert copier.tensors == []


def test_what_is_to_be_replaced_is() -> None:
    replace: dict[type, Callable[[Any], Any]] = {Node: lambda node: node.name}
    copier = Copier(twin, replace)
    assert copier([Node(name="a"), {"x": Node(name="b")}]) == ["a", {"x": "b"}]
    copier.take_apart()
    assert list(replace) == [Node]


# -- Modules


class Shares(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(2, 2)
        self.two = nn.Linear(2, 2)
        self.two.weight = self.one.weight
        self.again = self.one
        self.hidden = [self.two]
        self.parent = weakref.ref(self)
        self.bound = self.one.forward
        self.register_buffer("count", torch.zeros(1), persistent=False)
        self.register_forward_hook(self.hook)

    def hook(self, *_: Any) -> None: ...


def test_a_module_is_copied_with_what_is_tied() -> None:
    module = Shares().eval()
    made = copied(module)
    assert type(made) is Shares
    assert made.two.weight is made.one.weight is not module.one.weight
    assert made.again is made.one is not module.one
    assert made.hidden[0] is made.two
    assert made.parent() is made
    assert made.bound.__self__ is made.one
    assert next(iter(made._forward_hooks.values())).__self__ is made
    assert list(made.state_dict()) == list(module.state_dict())
    assert made._non_persistent_buffers_set == {"count"}
    assert (made.training, made.one.training) == (False, False)
    x = torch.ones(1, 2)
    assert torch.equal(made.two(made.one(x)), module.two(module.one(x)))


def test_what_torch_gives_to_modules_is_never_shared() -> None:
    module, made = nn.Linear(1, 1), None
    made = copied(module)
    for name, value in vars(module).items():
        if isinstance(value, MUTABLE):
            assert vars(made)[name] is not value, name


def test_modules_that_are_containers_as_well() -> None:
    class Table(nn.Module, dict[str, Any]):  # type: ignore[misc]
        def __hash__(self) -> int:
            return id(self)

    table = Table()
    nn.Module.__init__(table)
    table["held"] = [table]
    table.linear = nn.Linear(1, 1)
    made = copied(table)
    assert type(made) is Table
    assert made["held"][0] is made
    assert made.linear is not table.linear


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_scripted_module_is_copied_by_torch() -> None:
    module = torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))
    copier = Copier(twin)
    made = copier([module, module])
    assert made[0] is made[1] is not module
    assert made[0].weight is not module.weight
    assert made[0] in copier.modules


# -- Nothing of the owner's is called

CALLS: collections.Counter[str] = collections.Counter()


def noting(name: str) -> Callable[..., Any]:
    inherited = getattr(object, name, None)

    def noted(self: Any, *args: Any) -> Any:
        CALLS[name] += 1
        if name == "__getattr__":
            raise AttributeError(name)
        assert inherited is not None, name
        return inherited(self, *args)

    return noted


NOTED = (
    *("__getattr__", "__setattr__", "__getattribute__", "__delattr__", "__eq__", "__hash__", "__repr__"),
    *("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__dir__"),
    *("__class__", "__len__", "__bool__", "__iter__", "__getitem__", "__contains__", "__call__", "__init__"),
)
NOTES: dict[str, Any] = {name: noting(name) for name in NOTED}
NOTES["__class__"] = property(NOTES["__class__"])


@pytest.mark.parametrize("base", [object, nn.Module, dict, list, collections.deque, tuple, Tensor])
def test_nothing_of_the_owners_is_called(base: Any) -> None:
    """Its class has a say in all of these, and in what it is."""
    asked = {"__getattribute__", "__class__"} if base is Tensor else set()  # torch asks by these
    noted = {name: noted for name, noted in NOTES.items() if name not in asked}
    made: Any = type("Noted", (base,), noted)
    value = base.__new__(made)
    if base is nn.Module:
        object.__getattribute__(value, "__dict__").update(vars(nn.Module()))
    object.__getattribute__(value, "__dict__")["held"] = [1]
    function = (lambda: value) if base is not tuple else None
    structure = [value, {"a": value}, (value,), types.SimpleNamespace(a=value), function]
    CALLS.clear()
    copier = Copier(tensors.copied() if base is not Tensor else plain_twin)
    copies = copier(structure)
    assert dict(CALLS) == {}
    assert type(copies[0]) is made
    assert copies[0] is not value
    assert object.__getattribute__(copies[0], "__dict__")["held"] == [1]
    CALLS.clear()
    copier.put_back()
    copier.take_apart()
    assert dict(CALLS) == {}


def plain_twin(tensor: Tensor) -> Tensor:
    made: Any = torch.empty(0)
    made.__class__ = type(tensor)
    return made  # type: ignore[no-any-return]


def test_an_owners_class_of_tensors_is_not_asked() -> None:
    calls: list[str] = []

    class Tells(Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            calls.append(str(func))
            return super().__torch_function__(func, types, args, kwargs)

    value = torch.ones(4).as_subclass(Tells)
    calls.clear()
    with torch.no_grad():
        made = Copier(tensors.copied())([value])[0]
    assert calls == []
    assert type(made) is Tells
    assert made.tolist() == [1.0] * 4


# -- Depth


def test_long_chains_are_copied_without_recursion() -> None:
    length = 10_000
    for link in (
        lambda inner: Node(next=inner),
        lambda inner: [inner],
        lambda inner: {"next": inner},
        lambda inner: collections.deque([inner]),
        lambda inner: lambda: inner,
        lambda inner: ([inner],),
        lambda inner: (inner, []),
        lambda inner: functools.partial(print, [inner]),
    ):
        chain: Any = Node()
        for _ in range(length):
            chain = link(chain)
        copier = Copier(twin)
        assert copier(chain) is not chain
        copier.take_apart()
        length = 2_000  # of the others


def test_modules_nest_deeply() -> None:
    module: nn.Module = nn.Identity()
    for _ in range(3_000):
        outer = nn.Module()
        outer.inner = module
        module = outer
    copier = Copier(twin)
    made, depth = copier(module), 0
    while "inner" in made._modules:
        made, depth = made._modules["inner"], depth + 1
    assert depth == 3_000
    assert len(copier.modules) == 3_001
    while "inner" in module._modules:  # one after the other, since their end is recursive
        module = module._modules.pop("inner")


# -- Circles


def circle_of_slots() -> Any:
    one, other = Slotted(), Slotted()
    one.next, other.next = other, one
    return one


def own_function() -> Any:
    def function() -> Any:
        return function

    function.me = function  # type: ignore[attr-defined]
    return function


def own_partial() -> Any:
    held: list[Any] = []
    held.append(functools.partial(print, held))
    return held[0]


def circle(make: Callable[[], Any], close: Callable[[Any], object]) -> Callable[[], Any]:
    def made() -> Any:
        value = make()
        close(value)
        return value

    return made


class Listed(list[Any]):
    pass


class Named(dict[str, Any]):
    pass


CIRCLES: dict[str, Callable[[], Any]] = {
    "object": circle(Node, lambda x: vars(x).update(me=x)),
    "slots": circle_of_slots,
    "list": circle(Listed, lambda x: x.append(x)),
    "dict": circle(Named, lambda x: x.update(me=x)),
    "method": circle(Node, lambda x: vars(x).update(call=types.MethodType(print, x))),
    "function": own_function,
    "partial": own_partial,
    "module": circle(nn.Module, lambda x: setattr(x, "hidden", [x])),
    "tensor": circle(lambda: torch.ones(1), lambda x: setattr(x, "me", x)),
    "array in an object": circle(Node, lambda x: vars(x).update(all=np.array([x], dtype=object))),
    "cached": circle(Node, lambda x: vars(x).update(call=functools.lru_cache(lambda: x))),
    "weak keys": circle(Node, lambda x: vars(x).update(known=weakref.WeakKeyDictionary({x: x}))),
    "deque": circle(Node, lambda x: vars(x).update(last=collections.deque([x]))),
    "namespace": circle(types.SimpleNamespace, lambda x: vars(x).update(me=(x,))),
}


@contextmanager
def no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("name", CIRCLES)
def test_no_circle_of_copies_is_left(name: str) -> None:
    value = CIRCLES[name]()
    with no_collector():
        copier = Copier(twin)
        held = copier([value])
        (made,) = held
        assert made is not value
        dies = None if type(made) is types.SimpleNamespace else weakref.ref(made)
        kept = [made] if dies is None else []
        copier.take_apart()
        held.clear()
        del made, held
        assert dies is None or dies() is None
        assert all(vars(one) == {} for one in kept)
        copier_dies = weakref.ref(copier)
        del copier
        assert copier_dies() is None
    # The owner's is whole.
    again = Copier(twin)
    again(value)
    again.take_apart()


def test_a_circle_leads_to_itself() -> None:
    node = CIRCLES["object"]()
    made = copied(node)
    assert made.me is made
    items = CIRCLES["list"]()
    made = copied(items)
    assert made[0] is made
    function = copied(own_function())
    assert function.me is function is function()
    held = (held_list := [], 1)
    held_list.append(held)
    pair = copied(held)
    assert pair[0][0] is pair


def test_finalizers_do_not_run_for_copies() -> None:
    ended: list[int] = []

    class Ends(nn.Module):
        def __del__(self) -> None:
            ended.append(id(self))

    module = Ends()
    copier = Copier(twin)
    copier([module])
    copier.take_apart()
    del copier
    assert ended == []


# -- Numbers, bytes, and what has a place in something


def test_views_of_one_array_stay_views_of_one() -> None:
    for order in ("C", "F"):
        whole = np.arange(12.0).reshape(3, 4, order=order)  # type: ignore[call-overload]
        owner = whole.copy(order=order)  # type: ignore[call-overload]
        parts = [owner, owner[1:], owner[::-1, 1::2], owner.T, owner[0, 0, None]]
        made = copied(parts)
        assert all(np.array_equal(a, b) for a, b in zip(made, parts, strict=True))
        assert [a.strides for a in made] == [b.strides for b in parts]
        made[0][:] = -1
        assert all((part == -1).all() for part in made)
        assert np.array_equal(owner, whole)


def test_an_array_that_is_read_only_stays_so() -> None:
    value = np.arange(3)
    value.flags.writeable = False
    assert not copied(value).flags.writeable


def test_arrays_of_classes_and_of_objects() -> None:
    masked = np.ma.array([1, 2], mask=[True, False])
    made = copied(masked)
    assert type(made) is np.ma.MaskedArray
    assert made.mask.tolist() == [True, False]
    made.mask[1] = True
    assert masked.mask.tolist() == [True, False]
    lone = np.empty((), dtype=object)
    lone[()] = [1]
    assert copied(lone)[()] == [1]
    assert copied(lone)[()] is not lone[()]


def test_arrays_of_objects_may_hold_themselves() -> None:
    array = np.empty(2, dtype=object)
    array[0] = array
    array[1] = held = [1]
    array.flags.writeable = False
    made = copied(array)
    assert made[0] is made
    assert made[1] is not held
    assert not made.flags.writeable
    array.flags.writeable = True
    for one in (array, made):  # which no collector would
        one.flags.writeable = True
        one[0] = None


def test_bytes_and_their_views() -> None:
    content = bytearray(b"abc")
    made, view, fixed = copied([content, memoryview(content), memoryview(content).toreadonly()])
    view[0] = 0
    assert (made[0], fixed[0], content[0]) == (0, 0, ord("a"))
    assert fixed.readonly
    numbers = copied(array.array("d", [1.0]))
    assert numbers == array.array("d", [1.0])
    table = memoryview(np.arange(6, dtype=">i4").reshape(2, 3))
    assert copied(table).shape == (2, 3)
    assert copied(table).tobytes() == table.tobytes()
    released = memoryview(b"")
    released.release()
    assert copied(released) is released


def test_a_view_of_what_is_shared_is_put_back() -> None:
    import ctypes

    memory = (ctypes.c_char * 3)(*b"abc")
    copier = Copier(twin)
    view = copier(memoryview(memory).cast("B"))
    view[0] = 0
    assert copier.put_back() == ["memoryview, which cannot be copied and was put back"]
    assert memory.raw == b"abc"


def test_streams_stay_where_they_are_read() -> None:
    for stream in (io.BytesIO(b"abc"), io.StringIO("abc")):
        stream.read(1)
        made = copied(stream)
        assert made.read() == stream.getvalue()[1:]
        assert stream.tell() == 1
    closed = io.BytesIO()
    closed.close()
    assert copied(closed) is closed


ITERATORS: dict[str, Callable[[], Iterator[Any]]] = {
    "list": lambda: iter([1, 2, 3]),
    "backwards": lambda: reversed([3, 2, 1]),
    "tuple": lambda: iter((1, 2, 3)),
    "range": lambda: iter(range(1, 4)),
    "text": lambda: iter("äöü"),
    "dict": lambda: iter({1: 1, 2: 2, 3: 3}),
    "items": lambda: iter({1: 1, 2: 2, 3: 3}.items()),
    "ordered": lambda: iter(collections.OrderedDict.fromkeys((1, 2, 3))),
    "count": lambda: itertools.count(5, 2),
    "cycle": lambda: itertools.cycle([1, 2]),
    "chain": lambda: itertools.chain([1, 2], [3]),
    "enumerate": lambda: enumerate([1, 2, 3]),
    "zip": lambda: zip([1, 2], [3, 4], strict=True),
    "map": lambda: map(str, [1, 2, 3]),
    "islice": lambda: itertools.islice([1, 2, 3], 2),
    "calls": lambda: iter([1, 2, 3].pop, None),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ITERATORS)
def test_iterators_go_on_from_where_they_are(name: str) -> None:
    expected = list(itertools.islice(ITERATORS[name](), 2))
    iterator = ITERATORS[name]()
    assert next(iterator) == expected[0]
    made = copied(iterator)
    assert made is not iterator
    assert next(made) == expected[1]
    assert next(iterator) == expected[1]


def test_iterators_that_are_not_copied_are_watched() -> None:
    copier = Copier(twin)
    made = copier(iter(collections.deque([1, 2])))
    next(made)
    assert copier.put_back() == ["_deque_iterator, which cannot be copied and was not put back"]


class Own(random.Random):
    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.drawn = [seed]


GENERATORS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "random": (lambda: random.Random(3), lambda g: g.random()),
    "random's normal": (lambda: random.Random(3), lambda g: g.gauss(0, 1)),
    "of a class": (lambda: Own(3), lambda g: g.random()),
    "method": (lambda: random.Random(3).random, lambda draw: draw()),
    "numpy": (lambda: np.random.default_rng(3), lambda g: g.random()),
    "numpy's old": (lambda: np.random.RandomState(3), lambda g: g.normal()),
    "numpy's bits": (lambda: np.random.PCG64(3), lambda g: g.random_raw()),
    "torch": (lambda: torch.Generator().manual_seed(3), lambda g: torch.rand(1, generator=g).item()),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_of_random_numbers_go_on_apart(name: str) -> None:
    make, draw = GENERATORS[name]
    untouched = make()
    expected = [draw(untouched) for _ in range(3)]
    generator = make()
    assert draw(generator) == expected[0]
    made = copied(generator)
    assert [draw(made), draw(made)] == expected[1:]
    assert [draw(generator), draw(generator)] == expected[1:]


def test_generators_share_their_bits() -> None:
    bits = np.random.PCG64(1)
    for pair in ([bits, np.random.Generator(bits)], [np.random.Generator(bits), bits]):
        made = copied(pair)
        generator, source = sorted(made, key=lambda one: isinstance(one, np.random.PCG64))
        assert generator.bit_generator is source is not bits
    own = Own(2)
    assert copied(own).drawn == [2]
    assert copied(own).drawn is not own.drawn


def test_locks_are_open() -> None:
    lock = threading.Lock()
    with lock:
        made = copied(lock)
        assert made.acquire(blocking=False)
    event = threading.Event()
    again = copied(event)
    again.set()
    assert (again.is_set(), event.is_set()) == (True, False)
    assert again.wait(0.1)


def test_of_a_thread_only_its_own_is_copied() -> None:
    held = threading.local()
    held.items = [1]
    made = copied(held)
    made.items.append(2)
    assert held.items == [1]

    class Starts(threading.local):
        def __init__(self) -> None:
            self.items: list[int] = []

    class Inherits(Starts):
        pass

    for value in (Starts(), Inherits()):
        assert copied(value) is value


# -- Any structure


@st.composite
def structures(draw: st.DrawFn) -> Any:
    """Containers and objects that refer to each other at random, circles too."""
    count = draw(st.integers(1, 8))
    makers: list[Callable[[], Any]] = [list, dict, set, Node, Slotted, collections.deque, Listed]
    made = [draw(st.sampled_from(makers))() for _ in range(count)]
    atoms = st.sampled_from([1, "a", None, 2.5, (), frozenset()])
    for one in made:
        held: list[Any] = []
        for _ in range(draw(st.integers(0, 4))):
            item = made[draw(st.integers(0, count - 1))] if draw(st.booleans()) else draw(atoms)
            held.append((item, 1) if draw(st.booleans()) else item)
        for item in held:
            put(one, item)
    return made[0]


def put(holder: Any, item: Any) -> None:
    if isinstance(holder, (list, collections.deque)):
        holder.append(item)
    elif isinstance(holder, dict):
        holder[str(len(holder))] = item
    elif isinstance(holder, Node):
        setattr(holder, f"a{len(vars(holder))}", item)
    elif isinstance(holder, Slotted):
        if not hasattr(holder, "next"):
            holder.next = item
        else:
            holder.other = item
    elif type(item) in (Node, Slotted, int, str):
        holder.add(item)


def parts(value: Any) -> list[Any]:
    """What it holds, in an order that its copy has as well."""
    if isinstance(value, (list, tuple, collections.deque)):
        return list(value)
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, Node):
        return [*vars(value), *vars(value).values()]
    if isinstance(value, Slotted):
        return [getattr(value, name) for name in ("next", "other") if hasattr(value, name)]
    return []


def alike(one: Any, other: Any) -> None:
    """The same classes and values, the same things met again, and nothing that changes in both."""
    there: dict[int, Any] = {}
    back: dict[int, Any] = {}
    waiting = [(one, other)]
    while waiting:
        a, b = waiting.pop()
        assert type(a) is type(b)
        if not isinstance(a, (Node, Slotted, set, *MUTABLE)):
            if isinstance(a, tuple) and a:
                waiting += zip(a, b, strict=True)
            else:
                assert a is b
            continue
        assert a is not b
        if id(a) in there or id(b) in back:
            assert there.get(id(a)) is b
            assert back.get(id(b)) is a
            continue
        there[id(a)], back[id(b)] = b, a
        if isinstance(a, set):  # each member of one has its like in the other, or is it
            assert len(a) == len(b)
            assert {x for x in a if type(x) in (int, str)} == {x for x in b if type(x) in (int, str)}
            assert not {id(x) for x in a if type(x) is Node} & {id(x) for x in b}
            continue
        waiting += zip(parts(a), parts(b), strict=True)


@given(structures())
def test_any_structure_is_copied_as_it_is(structure: Any) -> None:
    copier = Copier(twin)
    made = copier([structure])
    alike([structure], made)
    copier.take_apart()
    alike([structure], copied([structure]))  # the owner's is whole
