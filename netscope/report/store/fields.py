"""Which fields of a dataclass are saved, and of which types: what decoders and schemas are derived from."""

from __future__ import annotations

import dataclasses
import functools
import typing
from typing import Any, Final

from netscope.report.measured.events import Event
from netscope.report.measured.timing import LayerRoof, LayerTiming, Roof, Timing
from netscope.trace.facts import Trace

# Types that a report's annotations name and its modules import for type checkers alone: most reports have
# neither been measured nor held against a machine.
_NAMED: Final[dict[str, Any]] = {
    kind.__name__: kind for kind in (Event, LayerRoof, LayerTiming, Roof, Timing, Trace)
}


@functools.cache
def saved(kind: type) -> dict[str, dataclasses.Field[Any]]:
    """The fields of a dataclass that the store keeps, by name."""
    return {spec.name: spec for spec in dataclasses.fields(kind) if spec.metadata.get("saved", True)}


def types_of(annotated: Any) -> dict[str, Any]:
    """What the annotations of a class or a function stand for."""
    return typing.get_type_hints(annotated, localns=_NAMED)
