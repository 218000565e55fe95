"""Out: a report, plain values, text, a file; the file whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from netscope.base import arguments
from netscope.base.cost import VectorOps
from netscope.base.errors import StoreError
from netscope.report.cache import Cache, CacheLayer
from netscope.report.layer import Layer, Parameter, Tensor, Window
from netscope.report.measured.breakdown import Reconciliation, StepWork
from netscope.report.measured.samples import Measurement
from netscope.report.measured.timing import LayerTiming, Roof, Timing
from netscope.report.memory import Memory
from netscope.report.misfits import Misfit, Side
from netscope.report.report import Report
from netscope.report.store.fields import is_record, saved
from netscope.report.store.wording import one_line, short

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
    Cache: ("nbytes", "after_prefill", "bytes_per_token", "bytes_per_token_at_context"),
    CacheLayer: ("kind", "window", "nbytes", "bytes_per_token"),
    Memory: ("training_peak",),
    Misfit: (),
    Side: (),
    VectorOps: ("total",),
    LayerTiming: ("seconds", "kernels"),
    Measurement: ("median", "iqr", "p95", "interval", "uncertainty", "converged"),
    Reconciliation: ("residual",),
    StepWork: ("macs",),
    Roof: ("ridge",),
    Timing: ("median", "samples_per_second", "launch_bound", "overhead", "remarks"),
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
    "latency",
    "throughput",
    "peak_memory",
    "flops_per_second",
    "bytes_per_second",
    "bound",
    "inference_peak",
    "saved_for_backward",
    "training_peak",
    "kv_bytes_per_token",
    "wire_bytes",
    "step_bound",
)


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain JSON values.

    Raises:
        StoreError: a value in it has no place in JSON.
    """
    head: dict[str, Any] = {"schema_version": report.schema_version}
    for field in saved(Report):
        if field == "layers":
            head["totals"] = {name: _plain(getattr(report, name)) for name in TOTALS}
        head[field] = _plain(getattr(report, field))
    return head


def to_json(report: Report, path: str | os.PathLike[str] | None = None) -> str:
    """The report as JSON text, one line a layer; also written to `path` when given.

    Raises:
        StoreError: the file cannot be written.
    """
    text = text_of(to_dict(report), "layers")
    if path is not None:
        write_text(path, text)
    return text


def text_of(values: Mapping[str, Any], rows: str) -> str:
    """Plain JSON values as text: a line for each key, and one for each item of the list under `rows`."""
    lines = []
    for key, value in values.items():
        if key == rows and value:
            items = ",\n".join("    " + _text(item) for item in value)
            lines.append(f"  {json.dumps(key)}: [\n{items}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {_text(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a file of text as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all; what stood there before stays until the new one is complete.

    Raises:
        StoreError: the file cannot be written.
        UsageError: that is no name of a file.
    """
    path = arguments.path("path", path)
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            # A pipe or a device cannot be replaced, only written to.
            target.write_bytes(data)
            return
        _replace(target, data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or one_line(str(error))
        raise StoreError(f"cannot write {short(path)}: {reason}.") from None


def _replace(target: Path, data: bytes) -> None:
    draft = target.with_name(f".netscope-{os.urandom(8).hex()}.tmp")  # longer names may not fit
    try:
        with draft.open("xb") as file:
            file.write(data)
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o7777)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def plain(value: Any) -> Any:
    """A value of a report, a diff or the like as JSON has it.

    Raises:
        StoreError: it has no place in JSON.
    """
    return _plain(value)


# Dataclasses become plain values, and subclasses (torch.Size, numpy.float64) what they derive from.

_PLAIN: Final[tuple[type[Any], ...]] = (int, float, str, tuple, list, dict)


def _plain(value: Any) -> Any:
    kind: Any = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is tuple or kind is list:
        return [_plain(item) for item in value]
    if kind is dict:
        return {_key(key): _plain(item) for key, item in value.items()}
    if is_record(kind):
        return {name: _plain(getattr(value, name)) for name in (*saved(kind), *DERIVED.get(kind, ()))}
    for plain in _PLAIN:
        if isinstance(value, plain):
            return _plain(plain(value))
    raise StoreError(f"a report cannot keep a {kind.__module__}.{kind.__qualname__} ({short(value)}).")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise StoreError(f"a report cannot keep the key {short(key)}: it is no text.")
    return f"${key}" if key.startswith("$") else key
