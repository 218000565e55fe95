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
    """One of the networks: its name, its input and how it ran.

    error, unseen:
        what its forward raised, and what its trace did not see: its figures are lower bounds then.
    """

    name: str
    source: str
    description: str
    inputs: tuple[Tensor, ...]
    training: bool
    error: str | None
    unseen: dict[str, int]


def network(report: Report) -> Network:
    """What a report says of the network as a whole."""
    return Network(
        name=report.name,
        source=report.source,
        description=report.description,
        inputs=report.inputs,
        training=report.training,
        error=report.error,
        unseen=report.root.unseen,
    )


def values_of(whole: Any) -> tuple[dict[str, Any], str]:
    """A document, a dataclass, as plain JSON values, and the name of its last field, a tuple of rows."""
    names = [spec.name for spec in dataclasses.fields(whole)]
    return {name: plain(getattr(whole, name)) for name in names}, names[-1]
