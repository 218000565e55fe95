"""Random networks, known edits of them, and what a diff should then say.

A network is a tree of `Part`s, each with an identity that survives every edit but its own removal. So the
true pairing of the layers of an edited network is known, and with it the edit script that a diff should
recover. What no one could tell apart is left out: edits never touch neighbours (a layer removed
beside one that was inserted may as well have been exchanged for it), and nothing moves past its own double.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from netscope.answers.diff import Diff

WIDTHS = (8, 12, 16, 20, 24, 32, 40, 48)
ACTIVATIONS = ("ReLU", "GELU", "SiLU", "Tanh", "LeakyReLU")
NORMS = ("BatchNorm2d", "GroupNorm", "InstanceNorm2d", "LocalResponseNorm")
POOLS = ("MaxPool2d", "AvgPool2d")
IDLE = ("Dropout", "Dropout2d", "Identity")

Edit = tuple[str, ...]
Script = frozenset[Edit]


@dataclass
class Part:
    """A layer, or a container when it has `parts`.

    name:
        None where the container around numbers its parts.
    """

    identity: int
    kind: str
    name: str | None = None
    width: int = 0
    kernel: int = 3
    parts: list[Part] | None = None
    numbers: bool = False

    def walk(self) -> Iterator[Part]:
        yield self
        for part in self.parts or ():
            yield from part.walk()

    @property
    def look(self) -> object:
        """Layers of the same look cannot be told apart; a container is known by what it holds."""
        if self.parts is None:
            return self.kind, self.width, self.kernel
        return self.kind, tuple(part.look for part in self.parts)

    def containers(self) -> list[Part]:
        return [part for part in self.walk() if part.parts is not None]


class Residual(nn.Sequential):
    """Adds its input when the shape allows: a module with work of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        return x + y if x.shape == y.shape else y


def module(part: Part, channels: int) -> tuple[nn.Module, int]:
    """The network of that part for so many input channels, and its output channels."""
    if part.parts is None:
        return LAYERS[part.kind](part, channels), part.width or channels
    made = Residual() if part.kind == "Residual" else nn.Sequential()
    for number, inner in enumerate(part.parts):
        layer, channels = module(inner, channels)
        made.add_module(str(number) if part.numbers else inner.name or "", layer)
    return made, channels


LAYERS: dict[str, Callable[[Part, int], nn.Module]] = {
    "Conv2d": lambda part, c: nn.Conv2d(c, part.width, part.kernel, padding="same"),
    "BatchNorm2d": lambda part, c: nn.BatchNorm2d(c),
    "GroupNorm": lambda part, c: nn.GroupNorm(1, c),
    "InstanceNorm2d": lambda part, c: nn.InstanceNorm2d(c, affine=True),
    "LocalResponseNorm": lambda part, c: nn.LocalResponseNorm(5),
    "MaxPool2d": lambda part, c: nn.MaxPool2d(3, stride=1, padding=1),
    "AvgPool2d": lambda part, c: nn.AvgPool2d(3, stride=1, padding=1),
    **{kind: lambda part, c, kind=kind: getattr(nn, kind)() for kind in (*ACTIVATIONS, *IDLE)},
}


@dataclass
class Edited:
    """A network before and after, and what was done to it."""

    before: Part
    after: Part
    script: set[Edit] = field(default_factory=set)


class Generator:
    """Draws networks and edits; the same seed, the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.identities = itertools.count()

    # Networks

    def network(self) -> Part:
        root = self.container(depth=0)
        while sum(1 for _ in root.walk()) < 12:
            root = self.container(depth=0)
        return root

    def container(self, depth: int) -> Part:
        kind = self.random.choice(("Sequential", "Sequential", "Residual")) if depth else "Sequential"
        made = Part(next(self.identities), kind, parts=[], numbers=self.random.random() < 0.5)
        assert made.parts is not None
        for _ in range(self.random.randint(3, 7)):
            if depth < 2 and self.random.random() < 0.3:
                made.parts.append(self.container(depth + 1))
            else:
                made.parts.extend(self.layers())
        self.name(made)
        return made

    def layers(self) -> list[Part]:
        """A layer, or a convolution with what usually follows it."""
        if self.random.random() < 0.3:
            return [self.layer(self.random.choice((*POOLS, *IDLE)))]
        block = [self.layer("Conv2d")]
        if self.random.random() < 0.7:
            block.append(self.layer(self.random.choice(NORMS)))
        if self.random.random() < 0.8:
            block.append(self.layer(self.random.choice(ACTIVATIONS)))
        return block

    def layer(self, kind: str) -> Part:
        made = Part(next(self.identities), kind)
        if kind == "Conv2d":
            made.width, made.kernel = self.random.choice(WIDTHS), self.random.choice((1, 3, 5))
        return made

    def name(self, container: Part) -> None:
        for part in container.parts or ():
            if not container.numbers and part.name is None:
                part.name = self.new_name(part)

    def new_name(self, part: Part) -> str:
        words = {"Conv2d": "conv", "Sequential": "stage", "Residual": "block"}
        word = words.get(part.kind, part.kind.lower()[:4])
        return f"{word}{self.random.choice('abcdefgh')}{part.identity}"

    # Edits

    def edited(self, edits: int) -> Edited:
        before = self.network()
        made = Edited(before, copy.deepcopy(before))
        self.used: set[int] = set()
        for kind in self.random.choices(list(EDITS), k=edits):
            EDITS[kind](self, made)
        return made

    def places(self, root: Part) -> list[tuple[Part, int]]:
        """Every part that no edit has come near, as its container and its place there."""
        return [
            (container, place)
            for container in root.containers()
            for place in range(len(container.parts or ()))
            if not self.near(container, place)
        ]

    def near(self, container: Part, place: int) -> bool:
        """Whether an edit touched this place, what is within it, or a neighbour."""
        assert container.parts is not None
        around = container.parts[max(0, place - 1) : place + 2]
        within = [part for neighbour in around for part in neighbour.walk()]
        return any(part.identity in self.used for part in (container, *within))

    def take(self, root: Part, wanted: Callable[[Part, Part], bool]) -> tuple[Part, int] | None:
        """A place whose part is wanted; it and its neighbours are used from then on."""
        able = [(c, n) for c, n in self.places(root) if c.parts is not None and wanted(c, c.parts[n])]
        if not able:
            return None
        container, place = self.random.choice(able)
        assert container.parts is not None
        for part in container.parts[max(0, place - 1) : place + 2]:
            self.used.update(inner.identity for inner in part.walk())
        return container, place

    def insert(self, made: Edited) -> None:
        found = self.take(made.after, lambda container, part: True)
        if found is None:
            return
        container, place = found
        assert container.parts is not None
        around = {part.kind for part in container.parts[max(0, place - 1) : place + 1]}
        kinds = [kind for kind in LAYERS if kind not in around]
        new = self.layer(self.random.choice(kinds))
        container.parts.insert(place, new)
        self.name(container)
        self.used.add(new.identity)
        made.script.add(("insert", str(new.identity)))

    def delete(self, made: Edited) -> None:
        found = self.take(made.after, lambda c, part: part.parts is None and len(c.parts or ()) > 2)
        if found is None:
            return
        container, place = found
        assert container.parts is not None
        made.script.add(("delete", str(container.parts.pop(place).identity)))

    def rename(self, made: Edited) -> None:
        found = self.take(made.after, lambda container, part: not container.numbers)
        if found is None:
            return
        part = found[0].parts[found[1]]  # type: ignore[index]
        part.name = f"{self.new_name(part)}_new"
        made.script.add(("rename", str(part.identity)))

    def widen(self, made: Edited) -> None:
        found = self.take(made.after, lambda container, part: part.kind == "Conv2d")
        if found is None:
            return
        part = found[0].parts[found[1]]  # type: ignore[index]
        part.width *= 2
        made.script.add(("widen", str(part.identity)))

    def swap(self, made: Edited) -> None:
        others = {kind: kinds for kinds in (ACTIVATIONS, NORMS, POOLS, IDLE) for kind in kinds}
        found = self.take(made.after, lambda container, part: part.kind in others)
        if found is None:
            return
        part = found[0].parts[found[1]]  # type: ignore[index]
        part.kind = self.random.choice([kind for kind in others[part.kind] if kind != part.kind])
        made.script.add(("swap", str(part.identity)))

    def move(self, made: Edited) -> None:
        """Convolutions and containers go anywhere, other layers within their container."""
        found = self.take(made.after, lambda container, part: len(container.parts or ()) > 3)
        if found is None:
            return
        container, place = found
        assert container.parts is not None
        part = container.parts[place]
        inside = {id(inner) for inner in part.walk()}
        homes = [
            home
            for home in made.after.containers()
            if id(home) not in inside and not self.doubles(part, home)
        ]
        heavy = part.kind == "Conv2d" or part.parts is not None
        if not homes or self.doubles(part, container):
            return
        home = self.random.choice(homes) if heavy else container
        targets = [
            n
            for n in range(len(home.parts or ()))
            if not self.near(home, n) and (home is not container or abs(n - place) > 1)
        ]
        if not targets:
            return
        target = self.random.choice(targets)
        assert home.parts is not None
        for neighbour in home.parts[max(0, target - 1) : target + 2]:
            self.used.update(inner.identity for inner in neighbour.walk())
        container.parts.pop(place)
        home.parts.insert(target - (home is container and target > place), part)
        part.name = part.name if not home.numbers else None
        self.name(home)
        made.script.add(("move", str(part.identity)))

    def doubles(self, part: Part, container: Part) -> bool:
        """Whether the container holds another that looks the same."""
        return any(other is not part and other.look == part.look for other in container.parts or ())


EDITS: dict[str, Callable[[Generator, Edited], None]] = {
    "insert": Generator.insert,
    "delete": Generator.delete,
    "rename": Generator.rename,
    "widen": Generator.widen,
    "move": Generator.move,
    "swap": Generator.swap,
}


def paths(root: Part) -> dict[str, int]:
    """{qualified name: identity}."""
    found: dict[str, int] = {}

    def visit(part: Part, path: str) -> None:
        found[path] = part.identity
        for number, inner in enumerate(part.parts or ()):
            name = str(number) if part.numbers else inner.name or ""
            visit(inner, f"{path}.{name}" if path else name)

    visit(root, "")
    return found


def recovered(diff: Diff, made: Edited) -> set[Edit]:
    """The edit script that a diff tells."""
    before, after = paths(made.before), paths(made.after)
    script: set[Edit] = set()
    for pair in diff.pairs:
        if pair.layer.kind == "functional":
            continue
        if pair.before is None:
            script.add(("insert", str(after[pair.path])))
        elif pair.after is None:
            script.add(("delete", str(before[pair.path])))
        elif before[pair.before.path] != after[pair.after.path]:
            script.add(("mistaken", str(before[pair.before.path]), str(after[pair.after.path])))
        else:
            identity = str(after[pair.path])
            told = {change.what for change in pair.changes}
            script |= {(EDIT_OF[what], identity) for what in told & EDIT_OF.keys()}
    return script


EDIT_OF = {
    "name": "rename",
    "moved": "move",
    "order": "move",
    "type": "swap",
    "out_channels": "widen",
}
