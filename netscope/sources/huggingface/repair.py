"""The smallest change by which a configuration that contradicts itself, or leaves something out, can be built.

Default configurations of transformers are often of no network at all: 14 heads of a width of 1152, a number
of experts that is None. What is wrong is found from the error that building raises: from the field that the
line which failed reads, and from what such a field means in every configuration. What was given by the user
is never changed. What the error cannot tell stands in `_DECLARED`, each with its reason.
"""

from __future__ import annotations

import dis
import linecache
import re
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Final, NamedTuple

# Fields that have the width of what is split among heads, and the number of these.
_WIDTHS: Final = ("hidden_size", "d_model", "embed_dim", "n_embd", "dim")
_HEADS: Final = ("num_attention_heads", "num_heads", "n_head", "encoder_attention_heads")
# Lines before a `raise` in which its condition is looked for.
_CONDITION: Final = 6

_UNSET: Final = object()


class Change(NamedTuple):
    """A field of a configuration that was changed: `vision: 14 -> 16 heads`.

    part:
        where in the configuration: "vision_config", "" for the whole.
    before:
        None for what was not set.
    """

    part: str
    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        where = re.sub("_config$", "", self.part.rpartition(".")[2])
        noun = "heads" if self.field in _HEADS else self.field.removeprefix("num_")
        plain = isinstance(self.before, (int, float)) and not isinstance(self.before, bool)
        told = (
            f"{self.before} -> {_short(self.after)} {noun}"
            if plain
            else f"{self.field} {_short(self.before)} -> {_short(self.after)}"
        )
        return f"{where}: {told}" if where else told


def _short(value: Any) -> str:
    """A value in few letters."""
    if value is None:
        return "unset"
    if isinstance(value, (list, tuple)) and len(value) > 4 and len(set(map(str, value))) == 1:
        return f"{len(value)} x {value[0]}"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def parts(config: Any) -> dict[str, Any]:
    """A configuration and those in it, by their place: {"": whole, "vision_config": part}."""
    found: dict[str, Any] = {}

    def visit(part: Any, place: str) -> None:
        if any(part is other for other in found.values()):
            return
        found[place] = part
        for name, value in vars(part).items():
            if hasattr(value, "to_dict") and hasattr(value, "model_type"):
                visit(value, f"{place}.{name}".lstrip("."))

    visit(config, "")
    return found


def mend(config: Any, attempt: Any, given: dict[str, Any], error: BaseException) -> list[Change]:
    """Change the configuration in view of the error that building `attempt`, a copy of it, raised.

    Returns:
        what was changed; nothing where the error tells of nothing that could be.
    """
    for part, field in _culprits(error):
        place = _place(part, attempt)
        if place is None or _is_given(given, place, field):
            continue
        changed = _changed(parts(config)[place], place, field)
        if changed:
            return changed
    return []


def _is_given(given: dict[str, Any], place: str, field: str) -> bool:
    """Whether the user gave that field a value."""
    values: Any = given
    for name in filter(None, place.split(".")):
        values = values.get(name) if isinstance(values, dict) else None
    return isinstance(values, dict) and values.get(field) is not None


def _place(part: Any, attempt: Any) -> str | None:
    """Where in a configuration a part of it is, or the one that it was copied from."""
    known = parts(attempt)
    same = [place for place, other in known.items() if other is part]
    alike = [place for place, other in known.items() if type(other) is type(part)]
    return next(iter(same + alike), None)


def _changed(part: Any, place: str, field: str) -> list[Change]:
    """Set a field that is unset to what it means, or make the heads divide the width."""
    before = _value(part, field)
    if before is None or before is _UNSET:
        after = _meaning(part, field)
        if after is _UNSET:
            return []
    elif field in _HEADS:
        after = _fitting_heads(part, before)
        if after == before:
            return []
    else:
        return []
    setattr(part, field, after)
    return [Change(place, field, None if before is _UNSET else before, after)]


def _value(part: Any, field: str) -> Any:
    try:
        return getattr(part, field)
    except AttributeError:
        return _UNSET


def _first(part: Any, fields: tuple[str, ...]) -> Any:
    return next((v for v in (_value(part, field) for field in fields) if isinstance(v, int) and v), None)


def _fitting_heads(part: Any, heads: int) -> int:
    """The nearest number of heads that divides the width; of two as near, the larger."""
    width = _first(part, _WIDTHS)
    if not width or width % heads == 0:
        return heads
    divisors = [n for n in range(1, width + 1) if width % n == 0]
    return min(divisors, key=lambda n: (abs(n - heads), -n))


# What is unset -> what it then means, as most of the networks that have such a field take it.


def _head_dim(part: Any) -> Any:
    width, heads = _first(part, _WIDTHS), _first(part, _HEADS)
    return width // heads if width and heads else _UNSET


def _heads(part: Any) -> Any:
    return _first(part, _HEADS) or _UNSET


def _layers(kind: str) -> Callable[[Any], Any]:
    def layers(part: Any) -> Any:
        count = _first(part, ("num_hidden_layers", "num_layers", "n_layer"))
        return [kind] * count if count else _UNSET

    return layers


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda part: value


_MEANINGS: Final[dict[str, Callable[[Any], Any]]] = {
    "head_dim": _head_dim,
    "attention_head_dim": _head_dim,
    "num_key_value_heads": _heads,
    "layer_types": _layers("full_attention"),
    "mlp_layer_types": _layers("dense"),
    # Token ids that are nowhere: no padding, no placeholder.
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), _constant(None)),
    # Letters, as of wav2vec2's own vocabulary.
    "vocab_size": _constant(32),
    # A day of hours.
    "prediction_length": _constant(24),
    "rope_theta": _constant(10_000.0),
    **dict.fromkeys(("dropout", "dropout_rate", "attention_dropout", "hidden_dropout"), _constant(0.0)),
}


def _meaning(part: Any, field: str) -> Any:
    meaning = _MEANINGS.get(field)
    return _UNSET if meaning is None else meaning(part)


# From an error to the fields that the lines which raised it had read.


def _culprits(error: BaseException) -> Iterator[tuple[Any, str]]:
    """(a configuration, one of its fields), the likeliest first."""
    if isinstance(error, AttributeError) and _is_config(error.obj):
        yield error.obj, error.name
    frames = list(_frames(error.__traceback__))
    for frame, line in reversed(frames):
        yield from _read_by(frame, line)
    if "divisible" in str(error) or "multiple of" in str(error):
        for frame, _ in reversed(frames):
            for config in _configs(frame):
                yield from ((config, field) for field in _HEADS)


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _is_config(value: Any) -> bool:
    return hasattr(value, "to_diff_dict") and hasattr(value, "model_type")


def _configs(frame: FrameType) -> list[Any]:
    """The configurations that a frame has at hand."""
    own = frame.f_locals.get("self")
    at_hand = [*frame.f_locals.values(), *(vars(own).values() if hasattr(own, "__dict__") else ())]
    return list({id(value): value for value in at_hand if _is_config(value)}.values())


def _read_by(frame: FrameType, line: int) -> Iterator[tuple[Any, str]]:
    """Fields that a frame's statement reads and that are unset."""
    text = _statement(frame, line)
    configs = _configs(frame)
    for owner, field in re.findall(r"([\w.]+)\.(\w+)", text):
        held = _evaluated(frame, owner)
        if _is_config(held):
            if _value(held, field) in (None, _UNSET):
                yield held, field
        elif held is not None and getattr(held, field, _UNSET) is None:  # self.head_dim, read from it before
            yield from ((config, field) for config in configs if _value(config, field) in (None, _UNSET))
    for name in re.findall(r"\b\w+\b", text):
        if frame.f_locals.get(name, _UNSET) is None:
            yield from ((config, name) for config in configs if _value(config, name) in (None, _UNSET))


def _evaluated(frame: FrameType, dotted: str) -> Any:
    first, *rest = dotted.split(".")
    value = frame.f_locals.get(first)
    for name in rest:
        value = getattr(value, name, None)
    return value


def _statement(frame: FrameType, line: int) -> str:
    """The lines of the statement that a frame is in; of a `raise`, with the condition before it."""
    code = frame.f_code
    starts = sorted({start for _, start in dis.findlinestarts(code) if start is not None})
    first = max((start for start in starts if start <= line), default=line)
    until = min((start for start in starts if start > line), default=line + 1)
    text = [linecache.getline(code.co_filename, n) for n in range(first, min(until, first + 12))]
    if text and text[0].lstrip().startswith("raise"):
        text = [linecache.getline(code.co_filename, n) for n in range(first - _CONDITION, first)] + text
    return "".join(text)


def required(model_type: str, given: dict[str, Any]) -> tuple[dict[str, Any], list[Change]]:
    """Values without which there is no configuration of that type at all, unless they are given."""
    return {}, []


def declared(config: Any, given: dict[str, Any]) -> list[Change]:
    """Make the changes that no error of building leads to."""
    changes = []
    for place, part in parts(config).items():
        for field, after in _contradicting(part):
            if not _is_given(given, place, field):
                changes.append(Change(place, field, _value(part, field), after))
                setattr(part, field, after)
    return changes


def _contradicting(part: Any) -> Iterator[tuple[str, Any]]:
    """Fields of which the forward would find out."""
    return iter(())
