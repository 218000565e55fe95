"""Reports as JSON: lossless, versioned, and never a surprise when a file is broken.

The form follows the dataclasses: a field is a key of the same name. Derived figures that readers want
(`output_shape`, `flops`, `totals`, ...) are written beside the fields and recomputed on load. Tuples are
lists in JSON and come back as tuples; a float that JSON lacks is {"$float": "inf"}.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import os
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from netscope.cost import VectorOps
from netscope.errors import StoreError
from netscope.report import SCHEMA_VERSION, Layer, Parameter, Report, Tensor, Window

Decode = Callable[[Any, str], Any]

# Properties written beside the fields.
DERIVED: Final[dict[type, tuple[str, ...]]] = {
    Layer: (
        "name",
        "input_shapes",
        "output_shape",
        "output_shapes",
        "parameter_shapes",
        "weight_shape",
        "bias_shape",
        "flops",
        "receptive_field",
        "jump",
        "rf_start",
        "sees_all",
    ),
    Parameter: ("numel",),
    Tensor: (),
    Window: (),
    VectorOps: ("total",),
}
TOTALS: Final = (
    "params",
    "trainable_params",
    "frozen_params",
    "param_bytes",
    "buffer_bytes",
    "macs",
    "flops",
    "counted_macs",
    "vector",
    "output_bytes",
    "weight_layers",
    "unknown",
)


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain JSON values.

    Raises:
        StoreError: a value in it has no place in JSON.
    """
    head: dict[str, Any] = {"schema_version": report.schema_version}
    for spec in dataclasses.fields(Report):
        if spec.name == "layers":
            head["totals"] = {name: _plain(getattr(report, name)) for name in TOTALS}
        head[spec.name] = _plain(getattr(report, spec.name))
    return head


def from_dict(data: Any) -> Report:
    """The report of `to_dict`.

    Raises:
        StoreError: it is not one, or was written by a newer netscope.
    """
    if not isinstance(data, dict) or "schema_version" not in data or "layers" not in data:
        raise StoreError("this is not a netscope report.")
    version = data["schema_version"]
    if type(version) is not int or version < 1:
        raise StoreError(f"this is not a netscope report: its schema_version is {_short(version)}.")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"this report has schema_version {_short(version)}; this netscope reads up to {SCHEMA_VERSION}.",
            hint="update netscope to read it",
        )
    try:
        report: Report = _decoder(Report)(data, "report")
    except RecursionError:
        raise StoreError("this is not a netscope report: it is nested too deeply.") from None
    if not report.layers:
        raise StoreError("this is not a netscope report: it has no layers.")
    return report


def to_json(report: Report, path: str | os.PathLike[str] | None = None) -> str:
    """The report as JSON text, one line a layer; also written to `path` when given.

    Raises:
        StoreError: the file cannot be written.
    """
    data = to_dict(report)
    lines = []
    for key, value in data.items():
        if key == "layers":
            rows = ",\n".join("    " + json.dumps(row, allow_nan=False) for row in value)
            lines.append(f'  "layers": [\n{rows}\n  ]')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)}")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if path is not None:
        write_text(path, text)
    return text


def load(path: str | os.PathLike[str]) -> Report:
    """The report saved in a file.

    Raises:
        StoreError: there is no such file, or it is not a report that this netscope can read.
    """
    name = _short(os.fspath(path))
    try:
        data = json.loads(Path(path).read_bytes().decode("utf-8-sig"), parse_constant=_refuse)
    except OSError as error:
        raise StoreError(f"cannot read {name}: {error.strerror or error}.") from None
    except RecursionError:
        raise StoreError(f"{name}: this is not a netscope report: it is nested too deeply.") from None
    except ValueError as error:
        what = _one_line(str(error))
        raise StoreError(f"{name}: this is not JSON: {what}.") from None
    try:
        return from_dict(data)
    except StoreError as error:
        raise StoreError(f"{name}: {error.message}", hint=error.hint) from None


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a file whole or not at all; what stood there before stays until the new text is complete.

    Raises:
        StoreError: the file cannot be written.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            # A pipe or a device cannot be replaced, only written to.
            target.write_text(text, encoding="utf-8", newline="\n")
            return
        _replace(target, text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or _one_line(str(error))
        raise StoreError(f"cannot write {_short(os.fspath(path))}: {reason}.") from None


def _replace(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.name[:100]}.{os.urandom(4).hex()}.tmp")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o7777)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not allowed")


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")[:200]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:80]}…{text[-30:]}"


def plain(value: Any) -> Any:
    """A value of a report, a diff or the like as JSON has it.

    Raises:
        StoreError: it has no place in JSON.
    """
    return _plain(value)


# Out: dataclasses become plain values, and subclasses (torch.Size, numpy.float64) what they derive from.

_PLAIN: Final[tuple[type[Any], ...]] = (int, float, str, tuple, list, dict)


def _plain(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is tuple or kind is list:
        return [_plain(item) for item in value]
    if kind is dict:
        return {_key(key): _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        names = [spec.name for spec in dataclasses.fields(kind)]
        names += DERIVED.get(kind, ())
        return {name: _plain(getattr(value, name)) for name in names}
    for plain in _PLAIN:
        if isinstance(value, plain):
            return _plain(plain(value))
    raise StoreError(f"a report cannot keep a {kind.__module__}.{kind.__qualname__} ({_short(value)}).")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise StoreError(f"a report cannot keep the key {_short(key)}: it is no text.")
    return f"${key}" if key.startswith("$") else key


# In: one decoder for each type of field, made from its annotation.


def _wrong(place: str, wanted: str, value: Any) -> StoreError:
    return StoreError(f"this is not a netscope report: {place} must be {wanted}, not {_short(value)}.")


def _scalar(kind: type, wanted: str) -> Decode:
    def decode(value: Any, place: str) -> Any:
        if type(value) is not kind:
            raise _wrong(place, wanted, value)
        return value

    return decode


def _float(value: Any, place: str) -> float:
    if type(value) is dict and value.keys() == {"$float"}:
        value = _any(value, place)
    try:
        return float(value) if type(value) in (int, float) else _scalar(float, "a number")(value, place)
    except OverflowError:
        raise _wrong(place, "a number of sensible size", value) from None


def _any(value: Any, place: str) -> Any:
    if type(value) is list:
        return tuple(_any(item, place) for item in value)
    if type(value) is dict:
        if value.keys() == {"$float"}:
            if value["$float"] not in ("inf", "-inf", "nan"):
                raise _wrong(place, "inf, -inf or nan", value["$float"])
            return float(value["$float"])
        return {key.removeprefix("$"): _any(item, place) for key, item in value.items()}
    return value


@functools.cache
def _decoder(annotation: Any) -> Decode:
    """What turns a JSON value into a value of that annotation, or refuses it by its place."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return _any
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if dataclasses.is_dataclass(annotation):
        return _object(typing.cast(type, annotation))
    if origin in (typing.Union, types.UnionType):
        (some,) = (kind for kind in inner if kind is not types.NoneType)
        decode = _decoder(some)
        return lambda value, place: None if value is None else decode(value, place)
    if origin is tuple:
        return _tuple(inner)
    if origin is dict:
        return _dict(_decoder(inner[1]))
    raise TypeError(f"no decoder for {annotation}")


def _object(kind: type) -> Decode:
    hints = typing.get_type_hints(kind)
    specs = [(spec.name, _decoder(hints[spec.name]), _has_default(spec)) for spec in dataclasses.fields(kind)]

    def decode(value: Any, place: str) -> Any:
        if type(value) is not dict:
            raise _wrong(place, "an object", value)
        fields = {}
        for name, decode_field, optional in specs:
            if name in value:
                fields[name] = decode_field(value[name], f"{place}.{name}")
            elif not optional:
                raise StoreError(f"this is not a netscope report: {place} has no {name}.")
        return kind(**fields)

    return decode


def _has_default(spec: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return spec.default is not missing or spec.default_factory is not missing


def _tuple(inner: tuple[Any, ...]) -> Decode:
    decode = _decoder(inner[0])
    length = None if inner[-1] is Ellipsis else len(inner)

    def decode_all(value: Any, place: str) -> Any:
        if type(value) is not list or (length is not None and len(value) != length):
            raise _wrong(place, "a list" if length is None else f"a list of {length}", value)
        return tuple([decode(item, f"{place}[{number}]") for number, item in enumerate(value)])

    return decode_all


def _dict(decode: Decode) -> Decode:
    def decode_all(value: Any, place: str) -> Any:
        if type(value) is not dict:
            raise _wrong(place, "an object", value)
        return {key.removeprefix("$"): decode(item, f"{place}.{_short(key)}") for key, item in value.items()}

    return decode_all


_SCALARS: Final[dict[Any, Decode]] = {
    str: _scalar(str, "text"),
    int: _scalar(int, "a whole number"),
    bool: _scalar(bool, "true or false"),
    float: _float,
}
