"""What pictures and pages have in common: colours, letters, statuses, and by what layers are compared.

Static pictures, plots and charts take it from here, and so do the style sheet and the script of a page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from netscope.base import units
from netscope.report import quantities

# Letters that are all as wide as each other.
MONO: Final = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace'

# Name -> (light, dark). Each can be read on "card", and is a variable of a page's style by that name.
COLOURS: Final[dict[str, tuple[str, str]]] = {
    "bg": ("#fbfbfc", "#121417"),
    "card": ("#ffffff", "#191c20"),
    "group": ("#eceff3", "#2a2f37"),
    "soft": ("#f2f4f7", "#20242a"),
    "fg": ("#1b1f24", "#e6e9ed"),
    "dim": ("#5a626d", "#9ba4af"),
    "line": ("#dfe3e8", "#2e343b"),
    "edge": ("#aab2bd", "#58616c"),
    "accent": ("#2458c5", "#8fb4ff"),
    "tint": ("#e8effd", "#1f2c47"),
    "heat": ("#7ea6f4", "#2f5cb5"),
    "warn": ("#835400", "#dcab57"),
    "bad": ("#b1241b", "#ff9189"),
    # What became of a layer.
    "added": ("#17703f", "#6cc993"),
    "removed": ("#b1241b", "#ff9189"),
    "changed": ("#8f5600", "#eab04b"),
    # Kinds of layers: neighbours differ, and still do for those who see fewer colours, or print them.
    "conv": ("#2563c9", "#5b93ec"),
    "linear": ("#7340c8", "#a67cf0"),
    "norm": ("#0f8a75", "#34b89f"),
    "activation": ("#d08700", "#e6ad3c"),
    "pool": ("#bb3d80", "#e26fa9"),
    "attention": ("#c8372f", "#ee6f65"),
    "embedding": ("#4c7a12", "#8fbf4a"),
    "other": ("#64748b", "#8796ab"),
}


class Status(NamedTuple):
    """What became of a layer.

    sign:
        before its name, "" for none.
    look:
        how its border is drawn, and a colour of `COLOURS` where it has one.
    said:
        in words.
    """

    sign: str
    look: str
    said: str


STATUSES: Final[dict[str, Status]] = {
    "=": Status("", "same", "the same"),
    "~": Status("~", "changed", "changed"),
    "+": Status("+", "added", "added"),
    "-": Status(units.MINUS, "removed", "removed"),
}
# Of a layer that only has other shapes, for what comes before it changed.
PASSED: Final = Status("", "passed", "only other shapes")
# Of one in which the forward failed.
FAILED: Final = Status("✗", "failed", "the forward failed here")


class Quantity(NamedTuple):
    """By what layers are compared: what it is called, and how its values read."""

    title: str
    told: Callable[..., str]


def _title(key: str) -> str:
    return quantities.find(key).title


# Those that layers have, the most wanted first: by what a map is drawn when nobody says it.
QUANTITIES: Final[dict[str, Quantity]] = {
    "time": Quantity("time", units.seconds),
    "bound": Quantity("bound", units.seconds),
    "saved": Quantity("saved", units.binary),
    "live": Quantity("live", units.binary),
    "macs": Quantity(_title("macs"), units.metric),
    "params": Quantity(_title("params"), units.metric),
    "output_bytes": Quantity(_title("output_bytes"), units.binary),
}
