"""The page of a network's memory: the figures, whose it is at the peak, the step's course, and the layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from netscope.base import opnames, units
from netscope.report.memory import Memory, Moment, StepMemory
from netscope.report.report import Report
from netscope.show import fit, summary
from netscope.show import page as p
from netscope.show.rows import LayerTable
from netscope.show.selection import build
from netscope.show.strings import short
from netscope.show.words import head, partial_notes

_TRAINING: Final = ("path", "operator", "output_shapes", "saved", "live", "peak")
_INFERENCE: Final = ("path", "operator", "output_shapes", "live", "peak")
# Rows of layers, and of whom is alive at the peak, that are shown unless more are asked for.
HEAVIEST: Final = 10
_ALIVE: Final = 6
# The course of a step: its signs from low to high, and how many.
_SIGNS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 48
_BARS: Final[dict[str, p.Tone]] = {
    "saved for backward": "accent",
    "activations and temporaries": "accent",
    "gradients": "warn",
}


def page(
    report: Report,
    *,
    everything: bool = False,
    depth: int | None = None,
    top: int | None = None,
    columns: Sequence[str] | None = None,
) -> p.Page:
    """What `netscope memory` shows; the arguments are those of a profile's page.

    Raises:
        UsageError: an unknown column, a senseless number.
    """
    tree = (everything or depth is not None) and top is None
    trained = report.training_peak is not None
    shown = build(
        report,
        depth=depth,
        columns=columns,
        default=_TRAINING if trained else _INFERENCE,
        sort=None if tree else "saved" if trained else "peak",
        top=top if top is not None or tree else HEAVIEST,
    )

    def records() -> p.Records:
        part = top is not None or depth is not None
        return (shown if part else build(report, columns=columns)).records()

    return p.Page(
        title=report.name,
        head=_head(report),
        sections=lambda: _sections(shown, everything),
        records=records,
        document=lambda: summary.document(report),
    )


def _head(report: Report) -> list[p.Piece]:
    memory = _of(report)
    found = [*head(report), p.Piece(f"as on {memory.device}")]
    if memory.training is not None:
        found.append(p.Piece(memory.optimizer or "no optimizer"))
        if memory.loss not in (None, "usual"):
            found.append(p.Piece(f"loss {memory.loss}"))
    if memory.amp is not None:
        found.append(p.Piece(f"autocast {memory.amp}"))
    if memory.checkpoint:
        found.append(p.Piece(f"checkpoint {short(', '.join(memory.checkpoint))}"))
    if memory.accumulate > 1:
        found.append(p.Piece(f"{units.count(memory.accumulate)} batches a step"))
    return found


def _of(report: Report) -> Memory:
    assert report.memory is not None
    return report.memory


def _sections(table: LayerTable, everything: bool) -> Iterator[p.Section]:
    memory = _of(table.report)
    step = memory.step
    yield p.Facts(list(_facts(memory)))
    if memory.fit is not None:
        yield from fit.sections(memory.fit, memory.device)
    whole = sum(step.roles.values()) + step.scratch
    parts = dict(step.roles) | ({"within the kernel": step.scratch} if step.scratch else {})
    yield p.Bars(
        "at the peak",
        [
            p.Bar(role, nbytes / whole, units.binary(nbytes), "", _BARS.get(role, "dim"))
            for role, nbytes in parts.items()
        ],
    )
    yield p.Notes([p.Note(line) for line in _course(step)], close=True)
    yield _alive(step, everything)
    yield table.table()
    if len(table.rows) < table.matching:
        text = f"{units.count(len(table.rows))} of {units.plural(table.matching, 'row')}"
        yield p.Notes([p.Note(text, "dim", hint="--all shows the whole network")], close=True)
    yield p.Notes(list(_notes(table.report)))


def _facts(memory: Memory) -> Iterator[p.Fact]:
    if memory.training is not None:
        yield p.Fact("training peak", _total(memory.training.peak), _where(memory.training.at))
        yield p.Fact(
            "saved for backward",
            _total(memory.saved_for_backward),
            "what autograd keeps when a forward is over",
        )
    if memory.training is None:
        where = f"activations, {_where(memory.inference.at)}; all included {_total(memory.inference.peak)}"
    else:
        where = "activations at most, in a forward without gradients"
    yield p.Fact("inference peak", _total(memory.inference_peak), where)
    yield p.Fact("parameters", _total(memory.parameters), _beside(memory), "")
    if memory.training is not None:
        yield p.Fact("gradients", _total(memory.gradients), _kept(memory), "")
        if memory.optimizer is not None:
            yield p.Fact("optimizer state", _total(memory.optimizer_state), short(memory.optimizer), "")
    reserved = memory.step.reserved
    if reserved is not None:
        free = units.percent(reserved.fragmented / reserved.reserved if reserved.reserved else 0.0)
        note = f"in segments, for {_total(reserved.allocated)} in blocks of 512 bytes; {free} of it free in between"
        yield p.Fact("reserved", _total(reserved.reserved), note, "")


def _total(nbytes: int | None) -> str:
    return units.binary(nbytes, units.TOTAL)


def _beside(memory: Memory) -> str:
    parts = [("buffers", memory.buffers), ("inputs", memory.inputs)]
    return "; ".join(f"{name} {units.binary(nbytes)}" for name, nbytes in parts if nbytes)


def _kept(memory: Memory) -> str:
    return "let go before each step" if memory.set_to_none else "kept from step to step, filled with zeros"


def _where(at: Moment) -> str:
    """ "in backward, at layer1.0.conv1 (convolution_backward)"."""
    text = f"in {at.part}" if at.part else ""
    if at.path is not None:
        text += f", at {short(at.path) or 'the network itself'}"
    return f"{text} ({opnames.short_name(at.operator)})" if at.operator else text


def _course(step: StepMemory) -> Iterator[str]:
    """The step over time as a line of blocks, part by part."""
    moments = step.timeline
    if not moments:
        return
    lowest = min(moment.nbytes for moment in moments)
    room = (max(moment.nbytes for moment in moments) - lowest) or 1
    each = max(1, -(-len(moments) // _WIDTH))
    text = ""
    part = None
    for start in range(0, len(moments), each):
        some = moments[start : start + each]
        if some[0].part != part and some[0].part not in ("zero_grad", "loss"):
            part = some[0].part
            text += f"{' ' if text else ''}{part} "
        highest = max(moment.nbytes for moment in some)
        text += _SIGNS[round((highest - lowest) / room * (len(_SIGNS) - 1))]
    yield f"{text}  from {units.binary(lowest)} to {units.binary(lowest + room)}"


def _alive(step: StepMemory, everything: bool) -> p.Table:
    """Who is alive at the peak."""
    holders = step.holders if everything else step.holders[:_ALIVE]
    return p.Table(
        [
            p.Heading("alive at the peak", name=True, floor=12),
            p.Heading("for"),
            p.Heading("made by", drop=2),
            p.Heading("pieces", right=True, drop=3),
            p.Heading("bytes", right=True, units=True),
        ],
        [
            p.Row(
                [
                    p.Cell(_holder(one.path, one.operator), code=bool(one.path)),
                    p.Cell(one.role, "dim"),
                    p.Cell(opnames.short_name(one.operator) if one.operator else "", "dim"),
                    p.Cell(units.count(one.blocks)),
                    p.Cell(units.binary(one.nbytes), "accent" if one.nbytes * 10 >= step.peak else ""),
                ]
            )
            for one in holders
        ],
    )


def _holder(path: str | None, operator: str) -> str:
    if path:
        return path
    return "(the network itself)" if path == "" else "(no layer)" if operator else "(there before)"


def _notes(report: Report) -> Iterator[p.Note]:
    yield from partial_notes(report)
    yield from (p.Note(f"note: {note}", "dim") for note in report.notes)
    memory = _of(report)
    if memory.training is None:
        yield p.Note("of a forward alone", "dim", hint="--train shows a step of training")
