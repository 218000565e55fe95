"""What an explanation is made of. Frozen, raw numbers; text is made of them on a higher floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from netscope.answers.explain.formula import comes_to
from netscope.base.answer import Answer
from netscope.report.layer import Layer
from netscope.report.report import Report


@dataclass(frozen=True, slots=True)
class Line:
    """One question and its answer.

    key:
        what the answer is, for programs: "output_height", "params", "macs", ...
    label:
        the same for people.
    value:
        the figure, from the trace where it has one; None for an unknown.
    formula:
        arithmetic that comes to `value`, the layer's numbers put in; "" where there is nothing to work out.
    unit:
        what `value` counts ("numbers", "bytes", "pixels").
    note:
        a few words more.
    """

    key: str
    label: str
    value: int | None
    formula: str = ""
    unit: str = ""
    note: str = ""

    def but(self, **changed: str) -> Line:
        """The same line with other texts."""
        return replace(self, **changed)  # type: ignore[arg-type]

    def checked(self) -> Line:
        """The line itself, or without its formula if that does not come to the value.

        A subclass may do something else than the class that its derivation was written for; then the
        traced figure stands alone.
        """
        if not self.formula or comes_to(self.formula, self.value):
            return self
        note = f"{self.note}; " if self.note else ""
        return replace(self, formula="", note=f"{note}as traced, which is not what the usual formula gives")


class Derivation(NamedTuple):
    """What one family of operators has to say about a layer.

    head, tail:
        lines before and behind those that every layer has.
    params, macs:
        formulas of the figures for one call; "" for none.
    params_note, macs_note:
        a few words to them.
    """

    head: tuple[Line, ...] = ()
    params: str = ""
    params_note: str = ""
    macs: str = ""
    macs_note: str = ""
    tail: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One layer's questions and answers; `explanation["params"].formula` is one of them.

    parts:
        the layers directly inside it, of which it is the sum.
    """

    layer: Layer
    lines: tuple[Line, ...]
    parts: tuple[Layer, ...] = ()

    @property
    def path(self) -> str:
        """Qualified name of the layer, "" for the root."""
        return self.layer.path

    def __getitem__(self, key: str) -> Line:
        """The line of that key.

        Raises:
            KeyError: there is none; the message lists those that there are.
        """
        for line in self.lines:
            if line.key == key:
                return line
        raise KeyError(f"no line {key!r}; there are {', '.join(line.key for line in self.lines)}")

    def __contains__(self, key: object) -> bool:
        return any(line.key == key for line in self.lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class Explanations(Answer):
    """The explanations of some layers of a report, in execution order. `print` shows them."""

    report: Report
    items: tuple[Explanation, ...]

    def __getitem__(self, which: int | str) -> Explanation:
        """By position, or by the layer's qualified name.

        Raises:
            KeyError: no explained layer has that name.
            IndexError: there are fewer.
        """
        if isinstance(which, int):
            return self.items[which]
        for item in self.items:
            if item.path == which:
                return item
        raise KeyError(f"{which!r} is not among the explained layers")

    def __iter__(self) -> Iterator[Explanation]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def verb(self) -> str:
        """Its page."""
        return "explain"
