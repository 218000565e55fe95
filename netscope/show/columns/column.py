"""What a column is: where its value comes from, what it means and how it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from netscope.base import opnames, units
from netscope.report.layer import Layer
from netscope.report.own import Own
from netscope.report.report import Report
from netscope.show.page import Cell

if TYPE_CHECKING:
    from netscope.show.rows import LayerRow, LayerTable


class Kind(NamedTuple):
    """How a value reads. None is unknown for a number, and simply not there for the rest.

    type:
        of the values, in JSON.
    number:
        whether it is one, which stands at the right.
    sorts:
        whether rows can be sorted by it.
    """

    text: Callable[[Any], str]
    type: Any
    number: bool = False
    sorts: bool = False


class Column(NamedTuple):
    """One column of every table.

    key:
        the attribute's name, as on `Layer`, in JSON and in CSV.
    title, help:
        the heading, and one sentence that defines the quantity and its unit.
    kind:
        how a value reads.
    get:
        the raw value of a layer with everything inside it.
    own:
        for a figure that adds up: its value from what is the row's own (`Own`).
    display:
        what a person should see instead of the raw value, where that says more.
    look:
        the cell of a row, for a column that shows more than a value.
    bounded:
        what of a row makes its figure a lower bound: "unknown" for anything that was not counted, "unseen"
        for what was not even seen; "" for nothing.
    counted_elsewhere:
        whether a row that has nothing of its own shows what another row counts.
    part:
        the part that a row has of the network's, by which it is one of the few that matter.
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
    own: Callable[[Own, Report], Any] | None = None
    display: Callable[[Layer], Any] | None = None
    look: Callable[[LayerTable, LayerRow], Cell] | None = None
    bounded: Literal["", "unknown", "unseen"] = ""
    counted_elsewhere: bool = False
    part: Callable[[Own, Report], float | None] | None = None
    zero: str | None = None
    default: bool = False
    adds: bool = True
    drop: int = 50
    floor: int = 0


def attribute(key: str, title: str, help: str, kind: Kind, **more: Any) -> Column:
    """The column of a layer's attribute of that name."""
    return Column(key, title, help, kind, lambda layer, _: getattr(layer, key), **more)


def figure(key: str, title: str, help: str, kind: Kind, *, zero: str = "", **more: Any) -> Column:
    """The column of a figure that a layer, and what is a row's own, have under that name."""
    return attribute(key, title, help, kind, own=lambda own, _: getattr(own, key), zero=zero, **more)


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


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _shape(value: Any) -> str:
    return "" if value is None else units.shape(value)


def _sides(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else units.sides(value)


TEXT: Final = Kind(_text, str | bool | None, sorts=True)
NAME: Final = Kind(str, str, sorts=True)
COUNT: Final = Kind(units.count, int | None, number=True, sorts=True)
METRIC: Final = Kind(units.metric, int | None, number=True, sorts=True)
BYTES: Final = Kind(units.binary, int | None, number=True, sorts=True)
SHARE: Final = Kind(units.share, float | None, number=True, sorts=True)
SECONDS: Final = Kind(units.seconds, float | None, number=True, sorts=True)
RATE: Final = Kind(units.rate, float | None, number=True, sorts=True)
NUMBER: Final = Kind(units.number, float | None, number=True, sorts=True)
PERCENT: Final = Kind(units.percent, float | None, number=True, sorts=True)
SIDES: Final = Kind(_sides, tuple[float, ...] | None, number=True)
SHAPE: Final = Kind(_shape, tuple[int, ...] | None)
SHAPES: Final = Kind(_leaves, tuple[tuple[int, ...], ...])
PARAMETERS: Final = Kind(_parameters, dict[str, tuple[int, ...]])
COUNTS: Final = Kind(lambda value: opnames.operator_list(value, all_of_them=True), dict[str, int])
MAPPING: Final = Kind(_mapping, dict[str, Any])
