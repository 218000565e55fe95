"""The recipes of CONTRIBUTING.md, read so that they can be carried out.

A recipe is a section. Of its blocks one with a title is a file: written anew, or, as a `diff`, a change to a
file that is there, whose other lines are found in it exactly once. A `console` block has commands that then
work.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

CONTRIBUTING: Final = Path(__file__).parents[1] / "CONTRIBUTING.md"

_BLOCK: Final = re.compile(
    r'^(?P<ticks>`{3,})(?P<language>\w*)(?: title="(?P<path>[^"]+)")?\n(?P<text>.*?)^(?P=ticks)$',
    re.DOTALL | re.MULTILINE,
)


class Written(NamedTuple):
    """A file of its own."""

    path: str
    text: str

    def to(self, before: str | None) -> str:
        """What the file then says.

        Raises:
            ValueError: it is there already.
        """
        if before is not None:
            raise ValueError(f"{self.path} is there already")
        return self.text


class Changed(NamedTuple):
    """A change to a file that is there."""

    path: str
    old: str
    new: str

    def to(self, before: str | None) -> str:
        """What the file then says.

        Raises:
            ValueError: it does not say once what the change says of it.
        """
        found = 0 if before is None else before.count(self.old)
        if before is None or found != 1:
            raise ValueError(f"{self.path} has this {found} times, and not once:\n{self.old}")
        return before.replace(self.old, self.new)


class Recipe(NamedTuple):
    """What to write, in order, and the commands that then work, each as its words."""

    name: str
    steps: tuple[Written | Changed, ...]
    commands: tuple[list[str], ...]

    @property
    def paths(self) -> set[str]:
        """Every file that it touches."""
        return {step.path for step in self.steps}

    def carry_out(self, tree: Path) -> None:
        """Write it all, in a copy of the repository.

        Raises:
            ValueError: a step does not fit what is there.
        """
        for step in self.steps:
            path = tree / step.path
            text = step.to(path.read_text(encoding="utf-8") if path.exists() else None)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def recipes(text: str | None = None) -> list[Recipe]:
    """All recipes of the document, CONTRIBUTING.md without one."""
    if text is None:
        text = CONTRIBUTING.read_text(encoding="utf-8")
    _, _, body = text.partition("\n## Recipes\n")
    return [_recipe(*part.split("\n", 1)) for part in re.split(r"^### ", body, flags=re.MULTILINE)[1:]]


def _recipe(name: str, body: str) -> Recipe:
    blocks = list(_BLOCK.finditer(body))
    steps = tuple(_step(block) for block in blocks if block["path"])
    lines = [
        line for block in blocks if block["language"] == "console" for line in block["text"].splitlines()
    ]
    return Recipe(name, steps, tuple(shlex.split(line[2:]) for line in lines if line.startswith("$ ")))


def _step(block: re.Match[str]) -> Written | Changed:
    if block["language"] != "diff":
        return Written(block["path"], block["text"])
    lines = block["text"].splitlines(keepends=True)
    return Changed(block["path"], _side(lines, " -"), _side(lines, " +"))


def _side(lines: Sequence[str], signs: str) -> str:
    return "".join(line[1:] for line in lines if line[0] in signs)
