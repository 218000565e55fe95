"""The page of a profile: figures, where the time went, the rows, and what to doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from netscope.base import units
from netscope.report.measured.breakdown import StepWork
from netscope.report.measured.remarks import QUARTERS, TWENTIETHS
from netscope.report.measured.samples import Measurement
from netscope.report.measured.timing import COMPILED, EAGER, GRAPH, Roof, Timing
from netscope.report.report import Report
from netscope.show import measured_ranks, summary
from netscope.show import page as p
from netscope.show.drawing.machine import samples, scatter
from netscope.show.rows import LayerTable
from netscope.show.selection import build
from netscope.show.strings import short
from netscope.show.words import head, partial_notes, unseen

_ROOFLINE: Final = "path operator macs moved_bytes intensity bound bound_share limited_by"
_RANKED: Final = "path operator macs rank_share moved_bytes bound wire_bytes network_seconds limited_by"
_PROFILE: Final = "path operator time time_share kernels flops_per_second intensity limited_by efficiency"
_TRAINING: Final = (
    "path operator time time_share forward_time backward_time kernels flops_per_second efficiency"
)

# Rows that are shown unless more are asked for.
HEAVIEST: Final = 10
# Operators without a layer that are named.
_NAMED: Final = 3
# The share of a step that rounding makes.
_NOTHING: Final = 1e-9
_FORMS: Final = {COMPILED: "compiled", GRAPH: "replayed as a graph"}
_BARS: Final[dict[str, p.Tone]] = {"layers": "accent", "unattributed": "warn"}


def page(
    report: Report,
    *,
    everything: bool = False,
    depth: int | None = None,
    top: int | None = None,
    columns: Sequence[str] | None = None,
) -> p.Page:
    """What `netscope profile` shows.

    Args:
        everything: the whole network as a tree, and not only the heaviest rows.
        depth: the same, at most that deep.
        top: how many of the heaviest rows.
        columns: keys of `columns.COLUMNS`; those that fit the report without it.

    Raises:
        UsageError: an unknown column, a senseless number.
    """
    by = "time" if report.timing is not None else "network_seconds" if _sends_longest(report) else "bound"
    tree = (everything or depth is not None) and top is None
    shown = build(
        report,
        depth=depth,
        columns=columns,
        default=_columns(report),
        sort=None if tree else by,
        top=top if top is not None or tree else HEAVIEST,
        # Of the blocks of a divided network each sends the same.
        fold=report.ranks is not None and not everything,
    )

    def records() -> p.Records:
        """All rows, unless some were asked for."""
        part = top is not None or depth is not None
        return (shown if part else build(report, columns=columns)).records()

    return p.Page(
        title=report.name,
        head=_head(report),
        sections=lambda: _sections(shown),
        records=records,
        document=lambda: summary.document(report),
    )


def _sends_longest(report: Report) -> bool:
    """Whether a rank sends for longer than it computes."""
    busy = report.busiest_forward
    return busy is not None and busy.seconds > (report.rows_bound or 0.0)


def _columns(report: Report) -> list[str]:
    """Those that are shown unless columns are named."""
    if report.timing is None and report.roof is not None and report.roof.links is not None:
        return _RANKED.split()
    keys = _ROOFLINE if report.timing is None else _TRAINING if report.training else _PROFILE
    without = () if report.roof is not None else ("limited_by", "efficiency")
    return [key for key in keys.split() if key not in without]


def _sections(table: LayerTable) -> Iterator[p.Section]:
    report = table.report
    timing = report.timing
    yield p.Facts(facts(report))
    if timing is not None and timing.reconciliation is not None:
        if where := parts(timing):
            yield p.Bars("where the time went", where)
        yield p.Notes([p.Note(equation(timing))], close=True)
    if timing is not None and timing.ranks is not None:
        yield from measured_ranks.sections(timing.ranks)
    if timing is not None and len(timing.latency.samples) > 1:
        yield samples(timing.latency)
    if report.roof is not None and (drawn := scatter(report, report.roof)) is not None:
        yield drawn
    if timing is None or timing.reconciliation is not None:
        yield from summary.pictured(table)
        if text := shown(table):
            yield p.Notes([p.Note(text, "dim", hint="--all shows the whole network")], close=True)
    if report.ranks is not None:
        from netscope.show import links  # few networks are divided

        yield from links.sections(report)
    yield p.Notes(sentences(report))


def _head(report: Report) -> list[p.Piece]:
    """What was measured, on what, and how."""
    found = head(report)
    if report.timing is not None:
        found += setting(report.timing)
    elif report.roof is not None:
        found.append(p.Piece(f"on {report.roof.title} in {report.roof.dtype or units.UNKNOWN}"))
    return found


def setting(timing: Timing) -> list[p.Piece]:
    """The machine and how it was used."""
    device = timing.device
    found = [p.Piece(f"{device.target}: {device.name}")]
    if timing.threads is not None:
        found.append(p.Piece(f"{units.plural(timing.threads, 'thread')} used"))
    if timing.dtype:
        found.append(p.Piece(timing.dtype))
    if timing.optimizer is not None:
        found.append(p.Piece(timing.optimizer))
    if timing.channels_last:
        found.append(p.Piece("channels last"))
    if timing.form in _FORMS:
        found.append(p.Piece(_FORMS[timing.form]))
    if timing.cold:
        found.append(p.Piece("cold caches"))
    return found


def facts(report: Report) -> list[p.Fact]:
    """The figures of the whole network, the most wanted first."""
    if report.timing is None:
        return list(_roofline(report))
    return [*_latency(report.timing), *_throughput(report), *_memory(report), *_roof(report)]


def _latency(timing: Timing) -> Iterator[p.Fact]:
    measured = timing.latency
    tone: p.Tone = "accent" if timing.converged else "warn"
    yield p.Fact("latency", units.seconds(measured.median, units.TOTAL), _spread(measured), tone)
    if timing.form == GRAPH:
        yield p.Fact("eager", units.seconds(timing.called.median), "called step by step", "")
    elif timing.replayed is not None:
        note = {
            True: "replayed as a graph: the device waits for the host to hand work over",
            False: "replayed as a graph: the device is kept busy",
            None: "replayed as a graph: whether the device waits for the host, the noise does not tell",
        }[timing.launch_bound]
        tone = "warn" if timing.launch_bound else ""
        yield p.Fact("launches", units.seconds(timing.replayed.median), note, tone)
    if timing.queued is not None:
        note = "between two marks in its queue of steps, without the host's time where it is ahead"
        yield p.Fact("on the device", units.seconds(timing.queued.median), note, "")
    for name in timing.called.phases:
        phase = timing.called.phase(name)
        share = units.percent(timing.called.share(name))
        yield p.Fact(name, units.seconds(phase.median), f"{share} of a step", "")


def _spread(measured: Measurement) -> str:
    """ "median of 240 steps; 95% CI 12.31 to 12.42 ms; IQR 80.0 us; p95 12.9 ms"."""
    interval, count = measured.interval, len(measured.samples)
    parts = [f"median of {units.plural(count, 'step')}"]
    if interval is not None:
        level = units.percent(interval.level).replace(".0%", "%")
        parts.append(f"{level} CI {units.seconds_between(interval.low, interval.high, units.TOTAL)}")
    if count >= QUARTERS:
        parts.append(f"IQR {units.seconds(measured.iqr)}")
    if count >= TWENTIETHS:
        parts.append(f"p95 {units.seconds(measured.p95)}")
    return "; ".join(parts)


def _throughput(report: Report) -> Iterator[p.Fact]:
    timing = report.timing
    assert timing is not None
    how = "samples a second" + (", steps back to back" if timing.back_to_back is not None else "")
    yield p.Fact("throughput", f"{units.rate(timing.samples_per_second)}/s", how, "accent")
    rates = report.flops_per_second, report.bytes_per_second
    if timing.work is not None:
        yield p.Fact("achieved", _flops_a_second(rates[0]), _work(timing.work), "")
    elif not report.training and any(rates):
        moved, of = units.bandwidth(rates[1]), "of what must be moved"
        if rates[0] == 0:
            yield p.Fact("achieved", moved, of, "")
        else:
            yield p.Fact("achieved", _flops_a_second(rates[0]), f"and {moved} {of}", "")


def _work(work: StepWork) -> str:
    """ "over the whole step: MACs 714 M forward + 1.36 G backward, as they ran"."""
    forward, backward = units.metric(work.forward_macs), units.metric(work.backward_macs)
    text = f"over the whole step: MACs {forward} forward + {backward} backward, as they ran"
    if work.unknown:
        text += f"; uncounted operators: {units.count(sum(work.unknown.values()))}"
    return text


def _memory(report: Report) -> Iterator[p.Fact]:
    if report.peak_memory is None:
        return
    held = units.binary(report.state_bytes)
    also = ", inputs and optimizer state" if report.training else " and inputs"
    note = f"beyond what is there before a step: weights ({held}){also}"
    yield p.Fact("peak memory", units.binary(report.peak_memory), note, "")


def _roof(report: Report) -> Iterator[p.Fact]:
    """The lower bound beside what was measured."""
    roof, timing = report.roof, report.timing
    if roof is None or timing is None or report.bound is None:
        return
    share = units.percent(report.efficiency)
    yield p.Fact(
        "lower bound",
        units.seconds(report.bound),
        f"of {'the forward' if report.training else 'a step'}: {share} of what it took; no prediction",
        "",
    )
    yield _machine(roof)


def _machine(roof: Roof) -> p.Fact:
    """What it is held against: peak, bandwidth, and where they are from."""
    dtype = f"in {roof.dtype}" if roof.dtype else "in its dtype"
    note = f"at most {dtype}, {units.bandwidth(roof.bandwidth)}; {roof.source}"
    return p.Fact("roof", _flops_a_second(roof.peak), note, "")


def _flops_a_second(rate: float | None) -> str:
    text = units.rate(rate)
    return f"{text}FLOP/s" if text[-1:].isalpha() else f"{text} FLOP/s"


def _roofline(report: Report) -> Iterator[p.Fact]:
    roof = report.roof
    assert roof is not None
    tone: p.Tone = "warn" if report.bound is None else "accent"
    yield p.Fact("lower bound", units.seconds(report.bound), "a forward takes no less: no prediction", tone)
    if report.ranks is not None:
        from netscope.show import links  # few networks are divided

        yield from links.facts(report)
    shares = report.bounds
    for what in ("compute", "memory"):
        if what in shares:
            yield p.Fact(
                f"{what}-bound",
                units.percent(shares[what]),
                "of that time" if report.ranks is None else "of what rows take",
                "",
            )
    yield p.Fact("FLOPs", units.metric(report.flops, units.TOTAL), _known(report), "")
    moved = report.root.roof
    if moved is not None:
        note = "inputs and parameters read once, outputs written once, layer by layer"
        yield p.Fact("must move", units.binary(moved.moved_bytes, units.TOTAL), note, "")
    yield _machine(roof)
    yield p.Fact(
        "ridge", f"{units.number(roof.ridge)} FLOPs/B", "from there on arithmetic is what limits", ""
    )


def _known(report: Report) -> str:
    texts = [f"uncounted operators: {units.count(report.unknown_calls)}"] if report.unknown_calls else []
    if said := unseen(report):
        texts.append(f"not seen: {said}")
    return "; ".join(texts)


def parts(timing: Timing) -> list[p.Bar]:
    """Where the time of an instrumented step went; nothing where that was not looked at."""
    found = timing.reconciliation
    if found is None:
        return []
    shares = found.shares
    if not shares:
        return []
    homeless = ", ".join(short(work.name) for work in timing.unattributed[:_NAMED])
    more = len(timing.unattributed) - _NAMED
    homeless += f" and {units.count(more)} more" if more > 0 else ""
    # A processor that has no operator to run runs the code around them.
    idling = "" if timing.threads is None else "Python between operators"
    made = [("layers", found.layers, ""), ("unattributed", found.unattributed, homeless)]
    if timing.optimizer is not None:
        made.append(("optimizer", found.optimizer, ""))
    made.append(("idle", found.idle, idling))
    return [
        p.Bar(label, shares[label], units.seconds(seconds), note, _BARS.get(label, "dim"))
        for label, seconds, note in made
    ]


def equation(timing: Timing) -> str:
    """ "end to end 12.3 ms = layers 11.8 ms + unattributed 210 us + idle 300 us − instruments 10.0 us"."""
    found = timing.reconciliation
    if found is None:
        return ""
    terms = [f"layers {units.seconds(found.layers)}", f"+ unattributed {units.seconds(found.unattributed)}"]
    if timing.optimizer is not None:
        terms.append(f"+ optimizer {units.seconds(found.optimizer)}")
    if found.overlap > 0:
        terms.append(f"{units.MINUS} at the same time {units.seconds(found.overlap)}")
    terms.append(f"+ idle {units.seconds(found.idle)}")
    share = units.percent(abs(timing.overhead or 0.0))
    if abs(found.residual) < _NOTHING * found.end_to_end:
        pass  # as on a device, where idling is what the work leaves
    elif found.residual < 0:
        terms.append(f"{units.MINUS} instruments {units.seconds(-found.residual)} ({share})")
    else:
        terms.append(f"+ unexplained {units.seconds(found.residual)} ({share})")
    return f"end to end {units.seconds(found.end_to_end)} = {' '.join(terms)}"


def sentences(report: Report) -> list[p.Note]:
    """What to know before the figures are trusted, and what could not be had."""
    timing = report.timing
    lines: list[p.Note] = []
    if timing is not None:
        lines += [p.Note(remark, "warn", mark="! ") for remark in timing.remarks]
        if timing.form == COMPILED:
            lines.append(p.Note("compiled code has no layers: only whole steps were measured", "dim"))
        if timing.form == EAGER and report.training and timing.reconciliation is not None:
            lines.append(
                p.Note("the bound, and FLOP/s and efficiency of layers, are those of the forward", "dim")
            )
    if report.fused:
        what = f"{units.plural(report.fused, 'layer')} ran inside a kernel of one around"
        lines.append(p.Note(f"{what}: {units.UNKNOWN} stands for a time that cannot be told apart", "dim"))
    lines += [p.Note(f"note: {note}", "dim") for note in report.notes]
    lines += partial_notes(report)
    if report.roof is not None and None in (report.roof.peak, report.roof.bandwidth):
        lines.append(p.Note(_half(report.roof), "warn", mark="! "))
    if report.roof is not None and report.beats_roof:
        text = "an efficiency above 100% means that the machine can do more than its roof says"
        lines.append(p.Note(text, "dim"))
    return lines


def _half(roof: Roof) -> str:
    """What of a machine is not known, and what its bounds are of then."""
    unknown = f"peak in {roof.dtype or 'this dtype'}" if roof.peak is None else "bandwidth"
    known = "memory" if roof.peak is None else "arithmetic"
    if roof.peak is None and roof.bandwidth is None:
        return f"neither the {unknown} nor the bandwidth of {roof.title} is known: nothing is bounded"
    return f"the {unknown} of {roof.title} is not known: bounds are of {known} alone"


def shown(table: LayerTable) -> str:
    """ "10 of 24 rows, 97.0% of the layers' time"; "" when all are there."""
    if len(table.rows) >= table.matching:
        return ""
    report, own = table.report, table.figures
    text = f"{units.count(len(table.rows))} of {units.plural(table.matching, 'row')}"
    if own.machine is not None:
        if report.timing is not None and report.timing.reconciliation is not None:
            whole, have, of = report.timing.reconciliation.layers, own.time or 0.0, "the layers' time"
        else:
            whole, have, of = report.bound or 0.0, own.bound or 0.0, "the bound"
        if whole:
            text += f", {units.percent(have / whole)} of {of}"
    return text
