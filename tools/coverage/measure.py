"""One network: summarised, and held beside the oracles. It runs in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import netscope
from tools.coverage import oracles
from tools.coverage.families import Family

if TYPE_CHECKING:
    from netscope.base.workload import Workload
    from netscope.report.report import Report

_LONGEST: Final = 300

# Why a network was not summarised.
BUILD: Final = "build"
FORWARD: Final = "forward"
BUG: Final = "bug"


def summarised(family: Family, name: str) -> tuple[dict[str, Any], Report | None]:
    """What a summary says of it, or why there is none; and the report.

    `seconds` are those of the processor, building included, imports of torch and the library not: others
    may have kept the machine busy.
    """
    from netscope.api.summary import trace

    started = time.process_time()
    try:
        report = trace(family.read(name))
    except netscope.TraceError as error:
        return _failed(FORWARD, error, started), None
    except netscope.NetscopeError as error:
        return _failed(BUILD, error, started), None
    except Exception as error:  # noqa: BLE001 - netscope promises errors of its own
        return _failed(BUG, error, started), None
    seconds = time.process_time() - started
    unseen = report.root.unseen
    found: dict[str, Any] = {
        "seconds": round(seconds, 3),
        "rung": report.rung,
        "why": report.rung_reason,
        "layers": len(report),
        "params": report.params,
        "macs": report.macs,
        "at_least": report.counted_macs if report.macs is None else None,
        "uncounted": {what: times for what, times in report.unknown.items() if what not in unseen},
        "unseen": dict(unseen),
    }
    return {key: value for key, value in found.items() if value not in (None, "", {})}, report


def held(family: Family, name: str, report: Report) -> dict[str, Any]:
    """{oracle: what it says}."""

    def read() -> Workload:
        return family.read(name)

    found: dict[str, oracles.Opinion | None] = {
        "parameters": oracles.parameters(report, read().module),
    }
    if family.title == "torchvision":
        found["published_params"] = oracles.published_params(report, name, read)
        found["published_macs"] = oracles.published_macs(report, name)
    found["flop_counter"] = oracles.flop_counter(report, read)
    return {oracle: opinion.as_json() for oracle, opinion in found.items() if opinion is not None}


def measured(
    family: Family, name: str, tell: Callable[[dict[str, Any]], None], more_time: Callable[[], None]
) -> None:
    """Tell of the summary first: an oracle may never come back."""
    found, report = summarised(family, name)
    tell(found)
    if report is not None:
        more_time()
        tell({"oracles": held(family, name, report)})


def _failed(stage: str, error: Exception, started: float) -> dict[str, Any]:
    from netscope.base.errors import said

    line = str(error).splitlines()[0] if isinstance(error, netscope.NetscopeError) else said(error)
    seconds = round(time.process_time() - started, 3)
    return {"seconds": seconds, "failed": stage, "error": line[:_LONGEST]}
