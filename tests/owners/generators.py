"""Owners that draw random numbers, or read a clock of their own."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from tests.owners.owner import Does, L, Made, owner, rows


@owner("a torch.Generator as an attribute")
def torch_generator() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        return self.linear(x) + torch.rand(4, generator=self.g)

    return Does(does, g=torch.Generator().manual_seed(1))


@owner("a torch.Generator in a dict, used for a dropout of one's own")
def torch_generator_nested() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x)
        return y * torch.empty(2, 4).bernoulli_(0.5, generator=self.held["g"])

    return Does(does, held={"g": torch.Generator().manual_seed(1)})


@owner("a torch.Generator as an argument, whose numbers are read")
def torch_generator_argument() -> Made:
    def does(self: Does, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.linear(x) * float(torch.rand(1, generator=generator))

    return Made(Does(does), (rows(),), {"generator": torch.Generator().manual_seed(1)})


@owner("a torch.Generator in a closure")
def torch_generator_closure() -> nn.Module:
    g = torch.Generator().manual_seed(1)
    return Does(lambda self, x: self.linear(x) + torch.rand(4, generator=g))


@owner("numpy's default_rng")
def numpy_generator() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        return self.linear(x) * float(self.g.random())

    return Does(does, g=np.random.default_rng(1))


@owner("numpy's RandomState, as an attribute and as an argument")
def numpy_random_state() -> Made:
    def does(self: Does, x: Tensor, state: np.random.RandomState) -> Tensor:
        return self.linear(x) * float(self.g.rand() + state.rand())

    return Made(Does(does, g=np.random.RandomState(1)), (rows(), np.random.RandomState(2)))


@owner("Python's random.Random")
def python_generator() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        return self.linear(x) * self.g.random()

    return Does(does, g=random.Random(1))


@owner("stochastic depth by Python's own generator", macs=None)
def global_python() -> nn.Module:
    return Does(lambda self, x: self.linear(x) if random.random() < 0.5 else x)


@owner("numbers of all three global generators")
def global_generators() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        y = self.linear(x) + torch.randn(4)
        return y * random.random() * float(np.random.rand())

    return Does(does)


@owner("dropout in training mode", train=True)
def dropout() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))


@owner("the global generator seeded by the forward")
def seeds_itself() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        torch.manual_seed(7)
        random.seed(7)
        np.random.seed(7)
        return self.linear(x) + torch.rand(4)

    return Does(does)


@owner("the state of a generator set by the forward")
def sets_generator() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        state = self.g.get_state()
        y = self.linear(x) + torch.rand(4, generator=self.g)
        self.states.append(state)
        return y

    return Does(does, g=torch.Generator().manual_seed(1), states=[])


@owner("itertools' count and cycle, taken from at every call")
def iterators() -> nn.Module:
    def does(self: Does, x: Tensor) -> Tensor:
        return self.linear(x) * next(self.count) * next(self.cycle) + next(self.iter)

    return Does(does, count=itertools.count(1), cycle=itertools.cycle([1.0, 2.0]), iter=iter([3.0, 4.0, 5.0]))


@owner("a generator object, which nobody can copy or wind back, and the forward leaves alone", quiet=True)
def generator_object() -> nn.Module:
    def numbers() -> Iterator[int]:
        yield from range(1, 1000)

    module = Does(lambda self, x: self.linear(x) if self.numbers else x, numbers=numbers())
    next(module.numbers)
    return module


@owner("a learning of codes with random restarts, values read", macs=L + 2 * 3 * 4)
def restarts() -> nn.Module:
    class Codebook(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.register_buffer("codes", torch.randn(3, 4))
            self.register_buffer("used", torch.zeros(3))

        def forward(self, x: Tensor) -> Tensor:
            y = self.linear(x)
            nearest = (y @ self.codes.T).argmax(1)
            self.used.index_add_(0, nearest, torch.ones(len(nearest), device=y.device))
            for unused in (self.used == 0).nonzero().flatten().tolist():
                self.codes[unused] = torch.randn(4)
            return self.codes[nearest]

    return Codebook()
