"""A curve over batch sizes as plain JSON values; the published schema is derived from the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netscope.machine.profiling.curve import Curve
from netscope.report.layer import Tensor
from netscope.report.measured.timing import Timing
from netscope.report.store.documents import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class CurveDocument:
    """What `netscope profile --batch 1,8 --format json` writes."""

    schema_version: int
    kind: Literal["curve"]
    name: str
    source: str
    description: str
    inputs: tuple[Tensor, ...]
    training: bool
    environment: dict[str, str]
    best: int | None
    knee: int | None
    too_large: int | None
    timings: tuple[Timing, ...]


def document(curve: Curve) -> CurveDocument:
    """The curve in its published form, with all raw samples."""
    return CurveDocument(
        schema_version=SCHEMA_VERSION,
        kind="curve",
        name=curve.name,
        source=curve.source,
        description=curve.description,
        inputs=curve.inputs,
        training=curve.training,
        environment=curve.environment,
        best=curve.best,
        knee=curve.knee,
        too_large=curve.too_large,
        timings=curve.timings,
    )
