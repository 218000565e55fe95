"""Which fields of a record are saved, and of which types: what decoders and schemas are derived from.

A record is a dataclass or a named tuple, which takes an eighth of the time to define.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from typing import Any, Final

from netscope.report.flow import Flow
from netscope.report.measured.events import Event
from netscope.report.measured.timing import LayerRoof, LayerTiming, Roof, Timing
from netscope.report.memory import LayerMemory, Memory, Moment
from netscope.report.misfits import Misfit
from netscope.report.ranks import LayerRank, Ranks
from netscope.trace.facts import Trace
from netscope.trace.step.facts import Step

# Types that a report's annotations name and its modules import for type checkers alone: most reports have
# neither been measured nor held against a machine.
_NAMED: Final[dict[str, Any]] = {
    kind.__name__: kind
    for kind in (
        Event,
        Flow,
        LayerMemory,
        LayerRank,
        LayerRoof,
        LayerTiming,
        Memory,
        Misfit,
        Moment,
        Ranks,
        Roof,
        Step,
        Timing,
        Trace,
    )
}


def is_record(kind: Any) -> bool:
    """Whether values of that type are written as objects."""
    return isinstance(kind, type) and (
        dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    )


@functools.cache
def saved(kind: type) -> dict[str, bool]:
    """The fields of a record that the store keeps, and whether each may be left out."""
    if not dataclasses.is_dataclass(kind):
        named: Any = kind
        return {name: name in named._field_defaults for name in named._fields}
    missing = dataclasses.MISSING
    return {
        spec.name: spec.default is not missing or spec.default_factory is not missing
        for spec in dataclasses.fields(kind)
        if spec.metadata.get("saved", True)
    }


def types_of(annotated: Any) -> dict[str, Any]:
    """What the annotations of a class or a function stand for."""
    return typing.get_type_hints(annotated, localns=_NAMED)
