"""Owners whose arguments and plain objects the forward writes to."""

from __future__ import annotations

import queue
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tests.owners.owner import Does, L, Made, owner, rows


class Cache:
    """As transformers' DynamicCache: a list of keys that grows with every token."""

    def __init__(self) -> None:
        self.keys: list[Tensor] = []
        self.seen = 0

    def update(self, layer: int, new: Tensor) -> Tensor:
        if layer == len(self.keys):
            self.keys.append(new)
        else:
            self.keys[layer] = torch.cat([self.keys[layer], new])
        self.seen += len(new)
        return self.keys[layer]


def cached(self: Does, x: Tensor, cache: Cache) -> Tensor:
    y = self.linear(x)
    return y @ cache.update(0, y).T


def filled() -> Cache:
    cache = Cache()
    cache.update(0, torch.randn(5, 4))
    return cache


@owner("a cache of five tokens as an argument, which the forward adds two to", macs=L + 2 * 7 * 4)
def cache_argument() -> Made:
    return Made(Does(cached), (rows(),), {"cache": filled()})


@owner("a cache within a dict within a list within an argument", macs=L + 2 * 7 * 4)
def cache_nested() -> Made:
    return Made(Does(lambda self, x, held: cached(self, x, held["a"][0])), (rows(), {"a": [filled()]}))


@owner("an empty cache as an attribute, which the forward fills", macs=L + 2 * 2 * 4)
def cache_attribute() -> nn.Module:
    return Does(lambda self, x: cached(self, x, self.cache), cache=Cache())


@owner("transformers' DynamicCache with 5 tokens, and one more", macs=None, needs="transformers")
def dynamic_cache() -> Made:
    from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=16,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    cache = DynamicCache(config=config)
    for layer in range(2):
        cache.update(torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 4), layer)
    ids = torch.randint(0, 16, (1, 1))
    return Made(
        LlamaForCausalLM(config).eval(),
        (),
        {"input_ids": ids, "past_key_values": cache, "use_cache": True},
    )


@owner("transformers' DynamicCache in the hands of a small module", macs=L, needs="transformers")
def dynamic_cache_held() -> Made:
    from transformers import DynamicCache

    def does(self: Does, x: Tensor, cache: Any) -> Tensor:
        y = self.linear(x)
        keys, _ = cache.update(y[None, None], y[None, None], 0)
        return keys.sum(2)

    cache = DynamicCache()
    cache.update(torch.randn(1, 1, 5, 4), torch.randn(1, 1, 5, 4), 0)
    return Made(Does(does), (rows(),), {"cache": cache})


class Data:
    """As PyG's: a bag of tensors that modules write back to."""

    def __init__(self, **tensors: Tensor) -> None:
        self.__dict__["_store"] = dict(tensors)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_store"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._store[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._store


def doubled(self: Does, d: Any) -> Tensor:
    d.x = d.x * 2
    return self.linear(d.x)


@owner("a graph as an argument: `d.x = d.x * 2`")
def graph_argument() -> Made:
    return Made(Does(doubled), (Data(x=rows(), edges=torch.zeros(2, 3, dtype=torch.int64)),))


@owner("a graph by keyword")
def graph_keyword() -> Made:
    return Made(Does(doubled), (), {"d": Data(x=rows())})


@owner("a graph changed in place: `d.x.mul_(2)`")
def graph_in_place() -> Made:
    return Made(Does(lambda self, d: self.linear(d.x.mul_(2))), (Data(x=rows()),))


@dataclass
class Batch:
    x: Tensor
    seen: list[Tensor] = field(default_factory=list)
    steps: int = 0


@owner("a dataclass as an argument, all of whose fields the forward sets")
def dataclass_argument() -> Made:
    def does(self: Does, b: Batch) -> Tensor:
        b.steps += 1
        b.x = self.linear(b.x)
        b.seen.append(b.x)
        return b.x

    return Made(Does(does), (Batch(rows()),))


@dataclass(frozen=True)
class Frozen:
    x: Tensor
    log: list[Tensor] = field(default_factory=list)


@owner("a frozen dataclass with a list that grows")
def frozen_dataclass() -> Made:
    return Made(Does(lambda self, b: (b.log.append(b.x), self.linear(b.x.add_(1)))[1]), (Frozen(rows()),))


@dataclass
class State:
    last: Tensor | None = None
    times: int = 0


def remembers(self: Does, x: Tensor) -> Tensor:
    self.state.last = y = self.linear(x)
    self.state.times += 1
    return y


@owner("a dataclass as an attribute, whose field becomes the output")
def dataclass_attribute() -> nn.Module:
    return Does(remembers, state=State())


@owner("a SimpleNamespace as an attribute")
def namespace_attribute() -> nn.Module:
    return Does(remembers, state=SimpleNamespace(last=None, times=0))


@owner("a plain object in a plain object in a list in a dict as an attribute")
def deep_plain() -> nn.Module:
    inner = SimpleNamespace(deeper={"list": [SimpleNamespace(last=torch.zeros(2, 4))]})

    def does(self: Does, x: Tensor) -> Tensor:
        self.outer.inner.deeper["list"][0].last = y = self.linear(x)
        return y

    return Does(does, outer=SimpleNamespace(inner=inner))


class Slots:
    __slots__ = ("last", "times")

    def __init__(self) -> None:
        self.times = 0


@owner("an object of __slots__, one of them empty before")
def slots_attribute() -> nn.Module:
    return Does(remembers, state=Slots())


@owner("a UserDict and a UserList that the forward fills")
def user_containers() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        self.dict["y"] = y
        self.list.append(y)
        return y

    return Does(does, dict=UserDict(x=torch.ones(1)), list=UserList([1]))


class TensorDict:
    """As tensordict's: tensors of one batch size, which modules read from and write to."""

    def __init__(self, batch: tuple[int, ...], **tensors: Tensor) -> None:
        self.batch_size = torch.Size(batch)
        self._tensors = tensors

    def __getitem__(self, key: str) -> Tensor:
        return self._tensors[key]

    def __setitem__(self, key: str, value: Tensor) -> None:
        assert value.shape[: len(self.batch_size)] == self.batch_size
        self._tensors[key] = value


@owner("a TensorDict that its module writes its output into, and returns")
def tensor_dict() -> Made:
    def does(self: Does, td: TensorDict) -> TensorDict:
        td["y"] = self.linear(td["x"])
        return td

    return Made(Does(does), (TensorDict((2,), x=rows()),))


@owner("a tuple of tensors, changed in place by a forward that reads a value")
def tuple_in_place() -> Made:
    def does(self: Does, pair: tuple[Tensor, Tensor]) -> float:
        y, z = pair
        y.mul_(2)
        z.zero_()
        return float(self.linear(y).sum())

    return Made(Does(does), ((rows(), rows()),))


@owner("a dict argument that the forward pops from and adds to")
def dict_argument() -> Made:
    def does(self: Does, batch: dict[str, Any]) -> dict[str, Any]:
        batch["y"] = self.linear(batch.pop("x"))
        return batch

    return Made(Does(does), ({"x": rows(), "n": 3},))


@owner("the hidden state of an LSTM written in place", macs=3 * 2 * 4 * 6 * (4 + 6))
def lstm_state() -> Made:
    class Stateful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 6)

        def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
            y, new = self.lstm(x, state)
            for old, one in zip(state, new, strict=True):
                old.copy_(one)
            return y

    return Made(Stateful(), (torch.randn(3, 2, 4), (torch.randn(1, 2, 6), torch.randn(1, 2, 6))))


@owner("an LSTM's hidden state kept as an attribute", macs=3 * 2 * 4 * 6 * (4 + 6))
def lstm_kept() -> Made:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 6)
            self.hidden: Any = None

        def forward(self, x: Tensor) -> Tensor:
            y, self.hidden = self.lstm(x, self.hidden)
            return y

    return Made(Keeps(), (torch.randn(3, 2, 4),))


@owner("an argument written in place", macs=L)
def argument_in_place() -> Made:
    return Made(Does(lambda self, x: self.linear(x.add_(1))), (rows(),))


@owner("one tensor under two names, changed by one of them")
def argument_twice() -> Made:
    x = rows()
    return Made(Does(lambda self, x, y: self.linear(x.add_(1) * y)), (x,), {"y": x})


@owner("an argument that is a view of a buffer, and written to")
def argument_views_buffer() -> Made:
    module = Does(lambda self, x: self.linear(x.add_(1)) + self.table.sum())
    module.register_buffer("table", torch.zeros(3, 4))
    return Made(module, (module.table[:2],))


@owner("a gradient is asked of the argument: `x.requires_grad_()`")
def argument_flag() -> Made:
    return Made(Does(lambda self, x: self.linear(x.requires_grad_())), (rows(),))


@owner("a numpy array as an argument, written to")
def array_argument() -> Made:
    def does(self: Does, x: Tensor, counts: Any) -> Tensor:
        counts += 1
        return self.linear(x) * float(counts.sum())

    return Made(Does(does), (rows(), np.zeros(3)))


@owner("a numpy array as an attribute, written to")
def array_attribute() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        self.counts[0] += 1
        return self.linear(x) * float(self.counts[0])

    return Does(does, counts=np.zeros(3))


@owner("an array of objects, one of them a tensor")
def array_of_objects() -> nn.Module:
    held = np.empty(2, dtype=object)
    held[0] = torch.ones(4)

    def does(self: Does, x: Tensor) -> Tensor:
        self.held[1] = y = self.linear(x) + self.held[0]
        return y

    return Does(does, held=held)


@owner("a list argument that grows, a deque, a defaultdict, a Counter and a set beside it")
def containers_argument() -> Made:
    def does(self: Does, x: Tensor, held: list[Any]) -> Tensor:
        y = self.linear(x)
        held.append(y)
        held[0].append(y)
        held[1]["a"].append(y)
        held[2]["calls"] += 1
        held[3].add(y)
        held[4].move_to_end("a")
        return y

    ordered = OrderedDict(a=1, b=2)
    return Made(Does(does), (rows(), [deque([1], maxlen=2), defaultdict(list), Counter(), {3}, ordered]))


@owner("a queue that the forward takes from and puts to")
def queue_attribute() -> nn.Module:
    waiting: queue.Queue[Tensor] = queue.Queue()
    waiting.put(torch.ones(4))

    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x) + self.waiting.get_nowait()
        self.waiting.put(torch.ones(4))
        return y

    return Does(does, waiting=waiting)


@owner("a module as an argument, with statistics that move", macs=2 * L)
def module_argument() -> Made:
    class Other(nn.Sequential):
        pass

    other = Other(nn.Linear(4, 4), nn.BatchNorm1d(4)).train()
    return Made(Does(lambda self, x, other: other(self.linear(x))), (rows(), other))


@owner("an object whose method the forward calls, with a module inside", macs=2 * L)
def plain_object_with_module() -> nn.Module:
    class Teacher:
        def __init__(self) -> None:
            self.net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
            self.asked = 0

        def __call__(self, x: Tensor) -> Tensor:
            self.asked += 1
            return self.net(x)

    return Does(lambda self, x: self.teacher(self.linear(x)), teacher=Teacher())


class Pair(NamedTuple):
    x: Tensor
    times: list[int]


@owner("a NamedTuple changed in place, with a list in it")
def named_tuple() -> Made:
    def does(self: Does, pair: Pair) -> Pair:
        pair.times.append(1)
        return pair._replace(x=self.linear(pair.x.mul_(2)))

    return Made(Does(does), (Pair(rows(), []),))


@owner("subclasses of list, dict and tuple with attributes, all written to")
def subclassed_containers() -> Made:
    class List(list):  # type: ignore[type-arg]
        last: Any = None

    class Dict(dict):  # type: ignore[type-arg]
        def __missing__(self, key: str) -> Tensor:
            self[key] = torch.zeros(4)
            return self[key]

    class Tuple(tuple):  # type: ignore[type-arg]  # noqa: SLOT001 - it has attributes
        pass

    def does(self: Does, held: Any) -> Tensor:
        found, made, both = held
        y = self.linear(found[0]) + made["offset"]
        found.last = both.last = y
        found.append(y)
        return y

    return Made(Does(does), (Tuple((List([rows()]), Dict(), Tuple())),))


@owner("a ChainMap, a read-only view of a dict, and a dict's values")
def mapping_views() -> Made:
    def does(self: Does, x: Tensor, chain: Any, proxy: Any) -> Tensor:
        y = self.linear(x) + proxy["offset"]
        chain["y"] = y
        return y

    held = {"offset": torch.ones(4)}
    return Made(Does(does), (rows(), ChainMap({}, held), MappingProxyType(held)))


@owner("an iterator over tensors as an argument, which the forward uses up", macs=3 * L)
def iterator_argument() -> Made:
    return Made(Does(lambda self, xs: [self.linear(x) for x in xs]), (iter([rows() for _ in range(3)]),))


@owner("a packed sequence, whose data is written to", macs=4 * 4 * 4)
def packed_sequence() -> Made:
    def does(self: Does, packed: Any) -> Tensor:
        return self.linear(packed.data.mul_(2))

    return Made(Does(does), (nn.utils.rnn.pack_sequence([torch.randn(3, 4), torch.randn(1, 4)]),))


@owner("a distribution as an argument, sampled from", macs=L)
def distribution() -> Made:
    def does(self: Does, normal: Any) -> Tensor:
        return self.linear(normal.rsample((2,)))

    return Made(Does(does), (torch.distributions.Normal(torch.zeros(4), torch.ones(4)),))


@owner("a static cache: a buffer written to at a place that an int says", macs=L)
def static_cache() -> Made:
    def does(self: Does, x: Tensor, position: Tensor) -> Tensor:
        y = self.linear(x)
        self.keys.index_copy_(0, position, y)
        self.keys[self.place : self.place + 2] = y
        self.place += 2
        return self.keys * 1

    module = Does(does, place=2)
    module.register_buffer("keys", torch.zeros(8, 4))
    return Made(module, (rows(), torch.tensor([0, 1])))
