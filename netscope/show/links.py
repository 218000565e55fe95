"""The third bound of a roofline: what is sent by which link, and how long that takes at least."""

from __future__ import annotations

from collections.abc import Iterator

from netscope.base import units
from netscope.report.measured.links import NETWORK, Busiest, Links
from netscope.report.report import Report
from netscope.show import page as p
from netscope.show.ranks import phases_of
from netscope.show.strings import short


def facts(report: Report) -> Iterator[p.Fact]:
    """The bound of arithmetic and memory beside that of the links, of a forward and of a step."""
    if report.ranks is None or report.roof is None or report.roof.links is None:
        return
    busy = report.busiest_forward
    if busy is not None:
        note = f"arithmetic and memory {units.seconds(report.rows_bound)}; {_limits(report.rows_bound, busy)}"
        yield p.Fact("network", units.seconds(busy.seconds), f"{_of(busy)} in a forward; {note}", "")
    whole, step = report.step_bound, report.busiest()
    if whole is None:
        return
    work = report.step_work_bound
    note = "arithmetic alone in the backward, and nothing is sent"
    if step is not None:
        parts = f"{_of(step)} {units.seconds(step.seconds)}, arithmetic and memory {units.seconds(work)}"
        note = f"{parts}; {_limits(work, step)}"
    yield p.Fact("a step", units.seconds(whole), note)


def _of(busy: Busiest) -> str:
    """ "network along dp"."""
    return f"{short(busy.link)} along {short(busy.axis)}" if busy.axis else short(busy.link)


def _limits(work: float | None, busy: Busiest) -> str:
    """Which of both takes longer."""
    if work is None:
        return "what else it takes is not known"
    link = short(busy.link)
    return f"{link} limits" if busy.seconds > work else f"{link} does not limit"


def sections(report: Report) -> Iterator[p.Section]:
    """What is sent by each link along each axis, and how long that takes."""
    if report.ranks is None or report.roof is None or report.roof.links is None or not report.loads():
        return
    links = report.roof.links
    phases = phases_of(report.ranks.own.traffic)
    seconds = [{(load.link, load.axis): load.seconds for load in report.loads(phase)} for phase in phases]
    headings = [
        p.Heading("link"),
        p.Heading("axis"),
        p.Heading("on the wire", right=True, units=True),
        p.Heading("at most", right=True, units=True, drop=1),
        *(p.Heading(phase, right=True, units=True) for phase in phases),
        p.Heading("a step", right=True, units=True),
    ]
    rows = [
        p.Row(
            [
                p.Cell(short(load.link), "title"),
                p.Cell(short(load.axis)),
                p.Cell(units.binary(load.wire_bytes)),
                p.Cell(units.bandwidth(links.rate(load.link)), "dim"),
                *(p.Cell(units.seconds(times.get((load.link, load.axis), 0.0))) for times in seconds),
                p.Cell(units.seconds(load.seconds), "accent"),
            ]
        )
        for load in sorted(report.loads(), key=lambda load: -(load.seconds or 0.0))
    ]
    yield p.Table(headings, rows)
    yield p.Notes([p.Note(text, "dim") for text in _said(report, links)], close=True)


def _said(report: Report, links: Links) -> Iterator[str]:
    """What the bound takes for granted, and what is not known."""
    yield (
        "a bound and no prediction: links, arithmetic and memory are taken to overlap all the time, and each "
        f"rank to send at its link's rate in one direction; nodes of {units.count(links.node)}"
    )
    if report.ranks is not None and report.ranks.trained:
        yield "of a row, what is on the wire is that of a step; its network and its bound are of a forward"
    if any(load.link == NETWORK for load in report.loads()):
        yield "between nodes only what must leave one counts, sent by the adapters of all its ranks"
    if unknown := sorted({load.link for load in report.loads() if load.seconds is None}):
        yield f"not known of this machine: {', '.join(unknown)}; what goes over it is left out of the bound"
    if links.source:
        yield f"links: {links.source}"
