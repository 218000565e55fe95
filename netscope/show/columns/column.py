"""What a column is: where its value comes from, what it means and how it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from netscope.base import opnames, units
from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.show.figures import Figures

Kind = Literal[
    "text",
    "name",
    "count",
    "metric",
    "bytes",
    "share",
    "shape",
    "shapes",
    "sides",
    "parameters",
    "counts",
    "mapping",
    "seconds",
    "rate",
    "number",
    "percent",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of every table.

    key:
        the attribute's name, as on `Layer`, in JSON and in CSV.
    title, help:
        the heading, and one sentence that defines the quantity and its unit.
    kind:
        how a value reads: a key of `KINDS`.
    get:
        the raw value of a layer with everything inside it.
    own:
        for a figure that adds up: its value from the row's own `Figures`.
    display:
        what a person should see instead of the raw value, where that says more.
    zero:
        the text for 0 in a table; None shows the number.
    default:
        whether it is shown unless columns are named.
    adds:
        whether the `own` values of all rows add up to the whole network's; ratios do not.
    drop:
        when the terminal is narrow, higher ones leave first; 0 stays.
    floor:
        how narrow its texts may be shortened; 0 for never.
    """

    key: str
    title: str
    help: str
    kind: Kind
    get: Callable[[Layer, Report], Any]
    own: Callable[[Figures, Report], Any] | None = None
    display: Callable[[Layer], Any] | None = None
    zero: str | None = None
    default: bool = False
    adds: bool = True
    drop: int = 50
    floor: int = 0

    @property
    def right(self) -> bool:
        """Whether its texts stand at the right: numbers do."""
        return self.kind in _NUMBERS

    @property
    def bounded(self) -> bool:
        """Whether an uncounted operator makes its figure a lower bound."""
        return self.key in _BOUNDED


_NUMBERS: Final = frozenset(
    {"count", "metric", "bytes", "share", "sides", "seconds", "rate", "number", "percent"}
)
_BOUNDED: Final = frozenset({"macs", "flops", "vector"})

Leaf = tuple[int, ...] | str


def _parameters(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """{"weight": (96, 3, 11, 11), "bias": (96,)} -> "96×3×11×11 + 96", the same shape twice as "2(…)"."""
    runs: list[list[Any]] = []
    for sizes in shapes.values():
        text = units.shape(sizes)
        if runs and runs[-1][0] == text and len(shapes) > 4:
            runs[-1][1] += 1
        else:
            runs.append([text, 1])
    return " + ".join(text if n == 1 else f"{n}·({text})" for text, n in runs)


def _leaves(leaves: tuple[Leaf, ...]) -> str:
    """Shapes and the names of what is no tensor, the first three."""
    texts = [leaf if isinstance(leaf, str) else units.shape(leaf) for leaf in leaves[:3]]
    if len(leaves) > 3:
        texts.append(f"+{len(leaves) - 3}")
    return ", ".join(texts)


def _mapping(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}={units.shape(v) if isinstance(v, tuple) and v and all(type(x) is int for x in v) else v}"
        for key, v in values.items()
    )


# How each kind of value reads. None is unknown for a number, and simply not there for the rest.
KINDS: Final[dict[str, Callable[[Any], str]]] = {
    "text": lambda value: "" if value is None else str(value),
    "name": str,
    "count": units.count,
    "metric": units.metric,
    "bytes": units.binary,
    "share": units.share,
    "shape": lambda value: "" if value is None else units.shape(value),
    "shapes": _leaves,
    "sides": lambda value: "" if value is None else value if isinstance(value, str) else units.sides(value),
    "parameters": _parameters,
    "counts": lambda value: opnames.operator_list(value, all_of_them=True),
    "mapping": _mapping,
    "seconds": units.seconds,
    "rate": units.rate,
    "number": units.number,
    "percent": units.percent,
}
