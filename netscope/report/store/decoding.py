"""Plain values -> dataclasses: one decoder for each type of field, made from its annotation.

A decoder returns a value of that type or raises `Wrong`; those around it add to its place, so that a
report without fault is read without a word being put together.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from typing import Any, Final

from netscope.report.layer import Window
from netscope.report.store.fields import is_record, saved, types_of
from netscope.report.store.wording import short

Decode = Callable[[Any], Any]

# Counts, sizes and bytes: far more than any network has, and few enough digits to calculate with.
LARGEST: Final = 2**127 - 1

# The only whole numbers in a report that may be negative: a window starts in the padding.
SIGNED: Final = frozenset({(Window, "start")})


class Wrong(Exception):
    """A value is not what its place takes."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says
        self.place = ""

    def within(self, place: str) -> Wrong:
        """The same, seen from further out."""
        self.place = place + self.place
        return self


@functools.cache
def decoder(annotation: Any) -> Decode:
    """What turns a JSON value into a value of that annotation, or raises `Wrong`."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return decode_any
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if is_record(annotation):
        return _object(annotation)
    if origin in (typing.Union, types.UnionType):
        (some,) = (kind for kind in inner if kind is not types.NoneType)
        decode = decoder(some)
        return lambda value: None if value is None else decode(value)
    if origin is tuple:
        return _tuple(decoder(inner[0]), None if inner[-1] is Ellipsis else len(inner))
    if origin is dict:
        return _dict(decoder(inner[1]))
    raise TypeError(f"no decoder for {annotation}")


def decode_any(value: Any) -> Any:
    """What a field of any type holds: lists are tuples, keys are what they were."""
    if type(value) is list:
        return tuple([decode_any(item) for item in value])
    if type(value) is dict:
        if value.keys() == {"$float"}:
            if value["$float"] not in ("inf", "-inf", "nan"):
                raise _wrong("inf, -inf or nan", value["$float"])
            return float(value["$float"])
        return {key.removeprefix("$"): decode_any(item) for key, item in value.items()}
    return value


def _wrong(wanted: str, value: Any) -> Wrong:
    return Wrong(f"must be {wanted}, not {short(value)}")


def _scalar(kind: type, wanted: str) -> Decode:
    def decode(value: Any) -> Any:
        if type(value) is not kind:
            raise _wrong(wanted, value)
        return value

    return decode


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise _wrong("a whole number of sensible size", value)
    return value


def _signed(value: Any) -> int:
    if type(value) is not int or not -LARGEST <= value <= LARGEST:
        raise _wrong("a whole number of sensible size", value)
    return value


def _float(value: Any) -> float:
    if type(value) is dict and value.keys() == {"$float"}:
        value = decode_any(value)
    if type(value) is float:
        return value
    if type(value) is int and abs(value) <= LARGEST:
        return float(value)
    raise _wrong("a number of sensible size", value)


def _object(kind: type) -> Decode:
    types_ = types_of(kind)
    specs = [
        (
            name,
            _tuple(_signed, None) if (kind, name) in SIGNED else decoder(types_[name]),
            not optional,
        )
        for name, optional in saved(kind).items()
    ]

    def decode(value: Any) -> Any:
        if type(value) is not dict:
            raise _wrong("an object", value)
        fields = {}
        for name, decode_field, required in specs:
            if name in value:
                try:
                    fields[name] = decode_field(value[name])
                except Wrong as wrong:
                    raise wrong.within(f".{name}") from None
            elif required:
                raise Wrong(f"has no {name}")
        return kind(**fields)

    return decode


def _tuple(decode: Decode, length: int | None) -> Decode:
    def decode_all(value: Any) -> Any:
        if type(value) is not list or (length is not None and len(value) != length):
            raise _wrong("a list" if length is None else f"a list of {length}", value)
        items: list[Any] = []
        try:
            for item in value:
                items.append(decode(item))  # noqa: PERF401 - its length says which item was wrong
        except Wrong as wrong:
            raise wrong.within(f"[{len(items)}]") from None
        return tuple(items)

    return decode_all


def _dict(decode: Decode) -> Decode:
    def decode_all(value: Any) -> Any:
        if type(value) is not dict:
            raise _wrong("an object", value)
        items = {}
        for key, item in value.items():
            try:
                items[key.removeprefix("$")] = decode(item)
            except Wrong as wrong:
                raise wrong.within(f".{short(key)}") from None
        return items

    return decode_all


_SCALARS: Final[dict[Any, Decode]] = {
    str: _scalar(str, "text"),
    int: _whole,
    bool: _scalar(bool, "true or false"),
    float: _float,
}
