"""Documents: what is written as JSON and is no report. One version for all of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from netscope.report.layer import Tensor
from netscope.report.report import Report
from netscope.report.store.writing import plain

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Network:
    """One of the networks: its name, its input and how it ran."""

    name: str
    source: str
    description: str
    inputs: tuple[Tensor, ...]
    training: bool


def network(report: Report) -> Network:
    """What a report says of the network as a whole."""
    return Network(report.name, report.source, report.description, report.inputs, report.training)


def values_of(whole: Any) -> tuple[dict[str, Any], str]:
    """A document, a dataclass, as plain JSON values, and the name of its last field, a tuple of rows."""
    names = [spec.name for spec in dataclasses.fields(whole)]
    return {name: plain(getattr(whole, name)) for name in names}, names[-1]
