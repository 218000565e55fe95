"""What changed about a layer, in words: `TOLD` is the one table of them.

A change is told once. Its shape is not told of a weight when a hyperparameter says it already, nor the
figures that have a column, nor what every layer of the network has in common.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from netscope.answers.diff import Change, Pair
from netscope.base import units
from netscope.report.layer import Shape
from netscope.show.columns.ranks import places

Tell = Callable[[Any, Any], str]

# Longest text of one value.
VALUE: Final = 32
# Operators that are named before the rest is only counted.
OPERATORS: Final = 3


def words(pair: Pair, untold: Collection[Change], shown: Collection[str]) -> tuple[str, ...]:
    """What differs of the layer itself, a few words each; nothing of its output shape, which has a column.

    Args:
        untold: changes that are told elsewhere.
        shown: keys of the quantities that have a column.
    """
    changes = [change for change in pair.changes if change not in untold]
    told = list(_sizes(changes))
    for change in changes:
        if change.what in _SIDES or change.what in _ELSEWHERE or _is_implied(change, pair, changes):
            continue
        tell = _tensor(change) if _is_tensor(change, pair) else TOLD.get(change.what) or _tie(change)
        told.append((tell or _named(change.what))(change.before, change.after))
    if told or any(change.what == "output" for change in changes):
        return tuple(text for text in told if text)
    return tuple(_figures(changes, shown))


def is_forced(change: Change) -> bool:
    """Whether a layer that has no choice changes so when what comes in changes: so many features, no more."""
    return change.what in _FORCED and change.before is not None and change.after is not None


def value_text(value: Any) -> str:
    """A raw value in a few words: (11, 11) -> "11", True -> "yes", 1e-05 -> "1e-05"."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        texts = [value_text(item) for item in value]
        alike = 1 <= len(texts) <= 3 and len(set(texts)) == 1
        return texts[0] if alike else units.TIMES.join(texts) or "()"
    return _short(str(value)) or "''"


def _short(text: str) -> str:
    return text if len(text) <= VALUE else f"{text[: VALUE - 1]}…"


def arrow(before: Any, after: Any) -> str:
    """(11, 11), (7, 7) -> "11→7"."""
    texts = value_text(before), value_text(after)
    if texts[0] == texts[1]:
        texts = str(before), str(after)
    return units.arrow(*texts)


def output_text(before: Any, after: Any) -> str:
    """Output shapes without the leading sizes that they have in common: "55×55 → 110×110"."""
    if _is_shape(before) and _is_shape(after):
        if len(before) == len(after):
            first = next((n for n, pair in enumerate(zip(before, after, strict=True)) if len({*pair}) > 1), 0)
            before, after = before[first:], after[first:]
        return f"{units.shape(before)} → {units.shape(after)}"
    several = isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after)
    if several and not _is_shape(before) and not _is_shape(after):
        differing = [output_text(old, new) for old, new in zip(before, after, strict=True) if old != new]
        return ", ".join(differing[:2]) + (", …" if len(differing) > 2 else "")
    return f"{_leaves(before)} → {_leaves(after)}"


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(type(side) is int for side in value)


def _leaves(value: Any) -> str:
    if not value or _is_shape(value):
        return "none" if value is None else units.shape(value)
    shapes: list[Shape | None] = list(value)
    return ", ".join(units.shape(shape) for shape in shapes[:3]) + (", …" if len(shapes) > 3 else "")


# Sizes that come as in and out, told together: (what comes in, what goes out, what they are called).
_BOTH: Final = (("in_channels", "out_channels", "channels"), ("in_features", "out_features", "features"))
_SIDES: Final = frozenset(what for *both, _ in _BOTH for what in both)


def _sizes(changes: Collection[Change]) -> Iterator[str]:
    found = {change.what: arrow(change.before, change.after) for change in changes}
    for took, gave, name in _BOTH:
        texts = [f"{side} {found[what]}" for side, what in (("in", took), ("out", gave)) if what in found]
        if len(texts) == 2 and found[took] == found[gave]:
            yield f"{name} {found[took]}"
        elif texts:
            yield f"{name} {', '.join(texts)}"


# What a layer's own columns, label or header say.
_ELSEWHERE: Final = frozenset({"output", "name", "batch", "own_macs", "own_vector", "own_output_bytes"})

# An activation returns what it gets; a norm has as many features as come in.
_FORCED: Final = _ELSEWHERE - {"name"} | frozenset(
    "output_dtype num_features normalized_shape num_channels weight bias running_mean running_var".split()
)


def _is_tensor(change: Change, pair: Pair) -> bool:
    """Whether it is a parameter or buffer that differs in its shape."""
    names = {
        p.name for layer in (pair.before, pair.after) if layer for p in (*layer.parameters, *layer.buffers)
    }
    values = (change.before, change.after)
    return change.what in names and all(value is None or _is_shape(value) for value in values)


def _is_implied(change: Change, pair: Pair, changes: Collection[Change]) -> bool:
    """Whether the other changes say it: the shape of a weight, or all of a module's own description."""
    others = [c for c in changes if c.kind == "definition" and c.what != "detail" and not _is_tensor(c, pair)]
    if change.what == "detail":
        return bool(others)
    if change.what.endswith(".shared_with"):
        return any(c.what == "shared_with" for c in others)
    if change.what == "operators":
        # What is sent says which collectives came and went.
        return any(c.what == "type" for c in others) or any(c.what == "sends" for c in changes)
    if change.what in ("kdim", "vdim"):
        return any(
            c.what == "embed_dim" and (c.before, c.after) == (change.before, change.after) for c in others
        )
    if not _is_tensor(change, pair):
        return False
    if change.before is None or change.after is None:
        return any(c.what == "type" or isinstance(c.after, bool) for c in others)
    # A size that became another one.
    sides = [sides for sides in zip(change.before, change.after, strict=False) if sides[0] != sides[1]]
    return any(c.what in _SIZING or c.what == "type" or (c.before, c.after) in sides for c in others)


# Hyperparameters that decide how large weights and buffers are.
_SIZING: Final = _SIDES | frozenset(
    "kernel_size groups num_features normalized_shape num_channels num_embeddings embedding_dim embed_dim "
    "kdim vdim hidden_size input_size num_layers bidirectional proj_size num_parameters in1_features "
    "in2_features placements".split()
)


def _tensor(change: Change) -> Tell:
    def tell(before: Shape | None, after: Shape | None) -> str:
        if before is None:
            return f"+{change.what}"
        if after is None:
            return f"{units.MINUS}{change.what}"
        return f"{change.what} {units.shape(before)} → {units.shape(after)}"

    return tell


def _tie(change: Change) -> Tell | None:
    """Of a parameter that is, or was, that of another layer."""
    name, dot, what = change.what.rpartition(".")
    return (lambda before, after: f"{name} {_tied(before, after)}") if dot and what == "shared_with" else None


def _named(name: str) -> Tell:
    return lambda before, after: f"{name} {arrow(before, after)}"


def _either(gained: str, lost: str) -> Tell:
    return lambda before, after: gained if after else lost


def _order(before: str | None, after: str | None) -> str:
    if (before or "").isdecimal() and (after or "").isdecimal():
        return f"place {before}→{after}"
    if after is None:
        return f"now first, not after {before}"
    return f"now after {after}, not {'first' if before is None else before}"


def _moved(before: str, after: str) -> str:
    if after.rpartition(".")[0] == before:
        return "wrapped"
    return "unwrapped" if before.rpartition(".")[0] == after else f"moved from {before}"


def _trainable(before: Any, after: Any) -> str:
    if isinstance(after, tuple):
        return "partly frozen"
    return {True: "unfrozen", False: "frozen"}.get(after, f"trainable {arrow(before, after)}")


def _tied(before: str | None, after: str | None) -> str:
    return f"no longer tied to {before or '(root)'}" if after is None else f"tied to {after or '(root)'}"


def _returns(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """The places of a structure's tensors: "returns 0, 1 → a, b.0"; one by itself has no place."""
    old, new = (", ".join(place or "a tensor" for place in places) for places in (before, after))
    return f"returns {_short(old or 'nothing')} → {_short(new or 'nothing')}"


def _operators(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """What was added or dropped: "+add, −mul ×2"."""
    texts = []
    for name in sorted({*before, *after}):
        more = after.get(name, 0) - before.get(name, 0)
        times = f" {units.times(abs(more))}" if abs(more) > 1 else ""
        texts += [f"{'+' if more > 0 else units.MINUS}{name}{times}"] if more else []
    rest = len(texts) - OPERATORS
    return ", ".join(texts[:OPERATORS]) + (f" and {rest} more" if rest > 0 else "")


def _placements(before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]) -> str:
    """How parameters are laid out: "weight dp S(0) → dp R"."""
    texts = []
    for name in dict.fromkeys([*before, *after]):
        old, new = (places(side[name]) if name in side else "undivided" for side in (before, after))
        texts += [f"{name} {old} → {new}"] if old != new else []
    alike = {text.partition(" ")[2] for text in texts}
    return f"placed {alike.pop()}" if len(alike) == 1 else ", ".join(texts)


def _sends(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """What goes to the wire: "sends all_gather dp 0 B → 1.00 MiB"."""
    texts = [
        f"{what} {units.arrow(units.binary(before.get(what, 0)), units.binary(after.get(what, 0)))}"
        for what in dict.fromkeys([*before, *after])
        if before.get(what, 0) != after.get(what, 0)
    ]
    return f"sends {', '.join(texts)}"


def _uncounted(before: Mapping[str, int] | None, after: Mapping[str, int] | None) -> str:
    return f"uncounted {', '.join(after)}" if after else "all counted"


# What differs -> how it is told. A newcomer adds a line; without one the change goes by its name.
TOLD: Final[dict[str, Tell]] = {
    "type": arrow,
    "moved": _moved,
    "order": _order,
    "kernel_size": _named("kernel"),
    "num_features": _named("features"),
    "normalized_shape": _named("shape"),
    "num_channels": _named("channels"),
    "num_heads": _named("heads"),
    "num_groups": _named("groups"),
    "num_embeddings": _named("rows"),
    "embedding_dim": _named("width"),
    "embed_dim": _named("width"),
    "hidden_size": _named("hidden"),
    "input_size": _named("in"),
    "num_layers": _named("layers"),
    "negative_slope": _named("slope"),
    "detail": arrow,
    "training": lambda before, after: "eval→train" if after else "train→eval",
    "trainable": _trainable,
    "packed": _either("packed", "unpacked"),
    "registered": _either("registered", "unregistered"),
    "shared_with": _tied,
    "returns": _returns,
    "output_dtype": _named("output"),
    "operators": _operators,
    "placements": _placements,
    "sends": _sends,
    "unknown": _uncounted,
}


# Own figures that may be all that differs, with the quantity that tells of them.
_OWN: Final[dict[str, tuple[str, str, Callable[[int | None], str]]]] = {
    "own_macs": ("macs", "MACs", units.metric),
    "own_vector": ("vector", "vector ops", units.metric),
    "own_output_bytes": ("output_bytes", "outputs", units.binary),
}


def _figures(changes: Collection[Change], shown: Collection[str]) -> Iterator[str]:
    for change in changes:
        key, title, text = _OWN.get(change.what, ("", "", units.count))
        if key and key not in shown:
            yield f"{title} {text(change.before)} → {text(change.after)}"
