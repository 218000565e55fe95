"""A recording as a Chrome trace (the Trace Event Format), which Perfetto and chrome://tracing open.

Three groups of tracks: the layers as the host called them, the host's operators, and the device's streams.
Launches and what they launched are tied by arrows, and everything names the layer that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from netscope.machine.timing.attribution import layers_of
from netscope.report.measured.events import Event

_MICRO: Final = 1e6
# Kind -> (process, what its tracks are called).
_GROUPS: Final[dict[str, tuple[int, str]]] = {
    "step": (1, "layers"),
    "phase": (1, "layers"),
    "layer": (1, "layers"),
    "operator": (2, "host"),
    "launch": (2, "host"),
    "device": (3, "device"),
}
_TRACKS: Final = {1: "thread", 2: "thread", 3: "stream"}


def chrome_trace(events: Iterable[Event], *, name: str = "") -> dict[str, Any]:
    """The trace as what `json.dump` takes.

    name:
        of the network, which its own calls (path "") go by.
    """
    recorded = sorted(events, key=lambda e: (e.start, -e.end))
    slices = [_slice(event, layer, name) for event, layer in zip(recorded, layers_of(recorded), strict=True)]
    return {
        "displayTimeUnit": "ms",
        "traceEvents": [*_names(recorded, name), *slices, *_arrows(recorded)],
    }


def _slice(event: Event, layer: str | None, name: str) -> dict[str, Any]:
    args: dict[str, Any] = {}
    if layer is not None:
        args["layer"] = layer
    if event.correlation >= 0:
        args["correlation"] = event.correlation
    if event.sequence >= 0:
        args["sequence number"] = event.sequence
    return {
        "ph": "X",
        "name": _title(event, name),
        "cat": event.kind,
        "pid": _GROUPS[event.kind][0],
        "tid": event.lane,
        "ts": event.start * _MICRO,
        "dur": event.seconds * _MICRO,
        "args": args,
    }


def _title(event: Event, name: str) -> str:
    if event.kind == "step":
        return "step"
    if event.kind == "layer":
        return event.name or name or "(network)"
    return event.name


def _names(recorded: Iterable[Event], name: str) -> list[dict[str, Any]]:
    """What the groups and their tracks are called."""
    tracks = sorted({(*_GROUPS[event.kind], event.lane) for event in recorded})
    titles = dict(sorted({(group, title) for group, title, _ in tracks}))
    return [
        *(_named("process_name", group, 0, f"{name} {title}".strip()) for group, title in titles.items()),
        *(_named("thread_name", group, lane, f"{_TRACKS[group]} {lane}") for group, _, lane in tracks),
    ]


def _named(what: str, group: int, lane: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": group, "tid": lane, "args": {"name": name}}


def _arrows(recorded: Iterable[Event]) -> list[dict[str, Any]]:
    """From each launch to everything that it launched."""
    launches: dict[int, Event] = {}
    landed: dict[int, list[Event]] = {}
    for event in recorded:
        if event.kind == "launch" and event.correlation >= 0:
            launches[event.correlation] = event
        elif event.kind == "device" and event.correlation >= 0:
            landed.setdefault(event.correlation, []).append(event)
    arrows = []
    for number, (correlation, works) in enumerate(sorted(landed.items())):
        launch = launches.get(correlation)
        if launch is None:
            continue
        for index, work in enumerate(works):
            both = {"cat": "launch", "name": "launch", "id": f"{number}.{index}"}
            arrows.append({**both, "ph": "s", **_place(launch)})
            arrows.append({**both, "ph": "f", "bp": "e", **_place(work)})
    return arrows


def _place(event: Event) -> dict[str, Any]:
    return {"pid": _GROUPS[event.kind][0], "tid": event.lane, "ts": event.start * _MICRO}
