"""Random module graphs: branches, residuals, shared layers, tuples, views and work between modules."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

SIDE = 4


class Both(nn.Module):
    """Returns what it makes, and what it was given as it is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.norm(x) * 2, x


class Gate(nn.Module):
    """Takes a dictionary, splits one of its tensors in two views of it, and returns a dictionary."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.Conv2d(width, 2 * width, 1)

    def forward(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        a, b = self.up(given["x"]).chunk(2, 1)
        return {"out": a * b.sigmoid(), "gate": b}


class Mixer(nn.Module):
    """A linear layer over positions, between two views."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(SIDE * SIDE, SIDE * SIDE)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x.flatten(2)).unflatten(2, (SIDE, SIDE))


class Scaled(nn.Module):
    """Work without a module, on a parameter of its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        return torch.relu(x * self.gain) - other.mean((2, 3), keepdim=True)


class Graph(nn.Module):
    """Steps that read any earlier values and add one or two."""

    def __init__(self, rng: random.Random, width: int, depth: int, length: int) -> None:
        super().__init__()
        self.program: list[tuple[Callable[..., Any], str | None, tuple[int, ...]]] = []
        values = 1
        for number in range(length):
            run, module, takes, makes = rng.choice(STEPS)(rng, width, depth)
            name = None if module is None else f"m{number}"
            if module is not None:
                self.add_module(f"m{number}", module)
                if rng.random() < 0.2:
                    self.program.append((run, name, self.taken(rng, values, takes)))
                    values += makes
            self.program.append((run, name, self.taken(rng, values, takes)))
            values += makes
        self.returned = (
            sorted(rng.sample(range(1, values), min(2, values - 1))) if depth == 0 else [values - 1]
        )

    @staticmethod
    def taken(rng: random.Random, values: int, takes: int) -> tuple[int, ...]:
        """Mostly what was made last."""
        return tuple(values - 1 if rng.random() < 0.6 else rng.randrange(values) for _ in range(takes))

    def forward(self, x: Tensor) -> Any:
        values = [x]
        for run, name, takes in self.program:
            made = run(None if name is None else getattr(self, name), *(values[place] for place in takes))
            values += made if isinstance(made, (list, tuple)) else [made]
        found = [values[place] for place in self.returned]
        return found[0] if len(found) == 1 else {"first": found[0], "rest": (found[1],)}


Drawn = tuple[Callable[..., Any], nn.Module | None, int, int]


def layer(rng: random.Random, width: int, depth: int) -> Drawn:
    """A layer of torch's, some of which hand on what they are given."""
    made = rng.choice(
        [
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ReLU(inplace=False),
            nn.Identity(),
            nn.Dropout(),
            nn.Sequential(nn.Conv2d(width, width, 1), nn.GELU()),
            nn.Sequential(nn.Flatten(1), nn.Unflatten(1, (width, SIDE, SIDE))),
            nn.Sequential(nn.Identity()),
            Mixer(),
        ]
    )
    return (lambda module, x: module(x)), made, 1, 1


def pair(rng: random.Random, width: int, depth: int) -> Drawn:
    """A module with two results."""
    return (lambda module, x: module(x)), Both(width), 1, 2


def gate(rng: random.Random, width: int, depth: int) -> Drawn:
    """A module that speaks in dictionaries."""
    return (lambda module, x: list(module({"x": x}).values())), Gate(width), 1, 2


def scaled(rng: random.Random, width: int, depth: int) -> Drawn:
    """A module of two arguments."""
    return (lambda module, x, y: module(x, other=y)), Scaled(width), 2, 1


def between(rng: random.Random, width: int, depth: int) -> Drawn:
    """Work between the modules."""
    two: Callable[..., Any] = rng.choice(
        [
            lambda _, x, y: x + y,
            lambda _, x, y: x * y.sigmoid(),
            lambda _, x, y: torch.cat([x, y], 1)[:, ::2],
            lambda _, x, y: torch.cat([x[:, :1], y[:, 1:]], 1),
            lambda _, x, y: torch.stack((x, y)).mean(0),
            lambda _, x, y: (x.clone().add_(y)).relu_(),
            lambda _, x, y: written(x.clone(), y),
            lambda _, x, y: torch.where(x > 0, x, y),
        ]
    )
    return two, None, 2, 1


def written(x: Tensor, y: Tensor) -> Tensor:
    """Writes to parts, read apart and whole."""
    first, rest = x[:, :1], x[:, 1:]
    first.mul_(2)
    rest.copy_(y[:, 1:])
    return x * first + rest.sum()


def halves(rng: random.Random, width: int, depth: int) -> Drawn:
    """Views of one tensor, read apart."""
    return (lambda _, x: [x * torch.cat(x.chunk(2, 1)[::-1], 1), x.transpose(2, 3).contiguous()]), None, 1, 2


def inner(rng: random.Random, width: int, depth: int) -> Drawn:
    """A graph within, if it is not too deep."""
    if depth > 1:
        return layer(rng, width, depth)
    return (lambda module, x: module(x)), Graph(rng, width, depth + 1, rng.randint(1, 4)), 1, 1


STEPS: list[Callable[[random.Random, int, int], Drawn]] = [
    *[layer] * 4, *[between] * 4, *[inner] * 2, pair, gate, scaled, halves
]  # fmt: skip


def graph(seed: int) -> tuple[nn.Module, tuple[Tensor]]:
    """The network of a seed, and its argument."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    width = rng.choice([2, 4, 8])
    return Graph(rng, width, 0, rng.randint(2, 9)).eval(), (torch.randn(2, width, SIDE, SIDE),)
