"""The page of a network's memory: the figures, whose it is at the peak, the step's course, and the layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from netscope.base import opnames, units
from netscope.report.cache import Cache, CacheLayer, total
from netscope.report.memory import Measured, Memory, Moment, Sharded, StepMemory
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
        fold=not everything,
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
    always = 0 if memory.training is not None else memory.parameters + memory.buffers
    yield p.Notes([p.Note(line) for line in _course(step, always)], close=True, drawn=True)
    if step.timeline:
        yield timeline(step)
    yield _alive(step, everything)
    if memory.cache is not None:
        yield from _cache(memory.cache)
    if table.report.ranks is not None:
        from netscope.show import ranks  # few networks are divided

        yield from ranks.of_all(table.report)
    yield from summary.pictured(table)
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
    if memory.measured is not None:
        yield from _measured(memory, memory.measured)
    if memory.sharded is not None:
        yield _sharded(memory.sharded)
    reserved = memory.step.reserved
    if reserved is not None:
        free = units.percent(reserved.fragmented / reserved.reserved if reserved.reserved else 0.0)
        blocks = f"{_total(reserved.allocated)} in blocks of 512 bytes"
        note = f"in segments, for {blocks}; {free} of it free in between"
        if reserved.workspace:
            note += f"; {units.binary(reserved.workspace)} of it cuBLAS's, of {short(reserved.gpu)}"
        yield p.Fact("reserved", _total(reserved.reserved), note, "")


def _measured(memory: Memory, found: Measured) -> Iterator[p.Fact]:
    """What was predicted beside what was measured, and their ratio."""
    reserved = memory.step.reserved
    # With what a kernel takes for itself, as an allocator counts that too.
    forward = memory.inference.peak - memory.parameters - memory.buffers
    if reserved is None:
        pairs = [
            ("training", memory.training_peak, found.training_peak),
            ("inference", forward, found.inference_peak),
        ]
    else:  # as torch counts there: in blocks, and with what is no tensor
        peak = found.inference_peak + memory.parameters + memory.buffers
        pairs = [
            ("allocated", reserved.allocated, peak if memory.training is None else found.training_peak),
            ("reserved", reserved.reserved, found.reserved),
        ]
    told = [(name, says, was) for name, says, was in pairs if says is not None and was is not None]
    (_, says, was), *others = told
    texts = [f"the prediction is {_of_it(says, was)}"]
    texts += [f"{name} {_total(was)}, {_of_it(says, was)}" for name, says, was in others]
    yield p.Fact("measured", _total(was), "; ".join([*texts, f"allocator of {short(found.device)}"]), "")


def _of_it(predicted: int, measured: int) -> str:
    """ "0.998 of it"; "equal"."""
    return "equal" if predicted == measured else f"{predicted / max(measured, 1):.4f} of it"


def _sharded(found: Sharded) -> p.Fact:
    parts = [
        ("parameters", found.parameters),
        ("gradients", found.gradients),
        ("optimizer state", found.optimizer_state),
        ("gathered from others", found.gathered),
    ]
    texts = [f"{name} {units.binary(nbytes)}" for name, nbytes in parts]
    label = f"{found.strategy} of {units.count(found.world)}"
    return p.Fact(label, _total(found.peak), f"peak of a rank: {', '.join(texts)}")


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


def _course(step: StepMemory, always: int) -> Iterator[str]:
    """The step over time as a line of blocks, part by part.

    always:
        what is there all the time, and left out.
    """
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
    ends = units.binary(lowest - always), units.binary(lowest + room - always)
    yield f"{text}  from {ends[0]} to {ends[1]}{', parameters apart' if always else ''}"


def timeline(step: StepMemory) -> p.Plot:
    """What is alive at each operator of a step, and where the most is."""
    moments = step.timeline
    points = []
    marks: list[p.Mark] = []
    part = ""
    for number, moment in enumerate(moments, 1):
        points.append(p.Point(number, moment.nbytes, _moment(moment), moment.path))
        if moment.part != part:
            part = moment.part
            if part not in ("zero_grad", "loss"):
                marks.append(p.Mark("x", number, part))
    highest = max(range(len(moments)), key=lambda number: moments[number].nbytes)
    what = f"peak {units.binary(step.peak)}"
    if step.at.path is not None or step.at.operator:
        what += f", {short(step.at.path or opnames.short_name(step.at.operator))}"
    marks.append(p.Mark("x", highest + 1, what))
    roles = [
        f"{role} {units.binary(nbytes)} ({units.percent(nbytes / step.peak)})"
        for role, nbytes in sorted(step.roles.items(), key=lambda of: -of[1])
        if nbytes and step.peak
    ]
    if step.scratch:
        roles.append(f"within the kernel {units.binary(step.scratch)}")
    summary = f"The most, {_total(step.peak)}, is alive {_where(step.at)}: {', '.join(roles)}"
    return p.Plot(
        "memory over the step",
        p.Axis("operators, in order", lambda value: units.count(round(value))),
        p.Axis("bytes alive", lambda value: units.binary(round(value)), binary=True),
        [p.Series("alive", points, "area")],
        marks,
        summary,
    )


def _moment(moment: Moment) -> str:
    """ "backward, layer1.0.conv1 (convolution_backward)"."""
    name = f" ({opnames.short_name(moment.operator)})" if moment.operator else ""
    return f"{moment.part}, {short(moment.path or 'the network itself')}{name}" if moment.part else name


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


def _cache(cache: Cache) -> Iterator[p.Section]:
    """What a decoder keeps of the tokens before: in all, and by kind of layer."""
    yield p.Facts(
        [
            p.Fact(
                "KV cache",
                _total(cache.nbytes),
                f"for {units.plural(cache.context, 'token')} of {units.plural(cache.batch, 'sequence')}"
                + _after_prefill(cache),
            ),
            p.Fact("KV a token", _each(cache.bytes_per_token), "of a sequence, while no window is full"),
            p.Fact("the next one", _each(cache.bytes_per_token_at_context), "at that context", ""),
        ]
    )
    rows = []
    for layers in _alike(cache):
        first = layers[0]
        window = "" if first.window is None else f"of {units.count(first.window)}"
        shapes = ", ".join(
            f"{one.name} {units.shape(one.shape)} {one.dtype}"
            for one in first.tensors
            if one.shape is not None and one.kind != "scalar"
        )
        cells = [
            p.Cell(units.plural(len(layers), "layer"), "accent"),
            p.Cell(first.kind, behind=window),
            p.Cell(shapes, "dim"),
            p.Cell(_each(total(layers, lambda one: one.bytes_per_token))),
            p.Cell(units.binary(total(layers, lambda one: one.nbytes))),
        ]
        rows.append(p.Row(cells))
    headings = [
        p.Heading("cache"),
        p.Heading("kind"),
        p.Heading("keeps", drop=2, floor=20),
        p.Heading("a token", right=True, units=True),
        p.Heading("bytes", right=True, units=True),
    ]
    yield p.Table(headings, rows)
    yield p.Notes([p.Note(f"note: {note}", "dim") for note in cache.notes], close=True)
    if (grown := growth(cache)) is not None:
        yield grown


# Contexts at which a cache is drawn.
_CONTEXTS: Final = 32


def growth(cache: Cache) -> p.Plot | None:
    """What a cache keeps as the context grows to the one asked for; None where its layers do not tell."""
    contexts = sorted({max(1, cache.context * number // _CONTEXTS) for number in range(1, _CONTEXTS + 1)})
    windows = {layer.window for layer in cache.layers if layer.window is not None}
    contexts = sorted({*contexts, *(window for window in windows if 0 < window < cache.context)})
    found = [(context, cache.at(context)) for context in contexts]
    known = [(context, nbytes) for context, nbytes in found if nbytes is not None]
    if len(known) < 2:
        return None
    points = [p.Point(context, nbytes, "cache") for context, nbytes in known]
    marks = [
        p.Mark("x", window, f"window of {units.count(window)} full")
        for window in sorted(windows)
        if window < cache.context
    ]
    return p.Plot(
        "KV cache over the context",
        p.Axis("tokens of a sequence", lambda value: units.count(round(value)), binary=True),
        p.Axis("bytes kept", lambda value: units.binary(round(value)), binary=True),
        [p.Series("cache", points)],
        marks,
        f"{_total(known[-1][1])} at {units.plural(known[-1][0], 'token')} of "
        f"{units.plural(cache.batch, 'sequence')}",
    )


def _alike(cache: Cache) -> list[list[CacheLayer]]:
    """Layers of one kind and of one size, together."""
    found: dict[object, list[CacheLayer]] = {}
    for layer in cache.layers:
        found.setdefault((layer.kind, layer.window, layer.nbytes, layer.bytes_per_token), []).append(layer)
    return list(found.values())


def _after_prefill(cache: Cache) -> str:
    if cache.after_prefill is None or cache.after_prefill == cache.nbytes:
        return ""
    return f"; {units.binary(cache.after_prefill)} right after all are given at once"


def _each(nbytes: float | None) -> str:
    """Bytes of a token, exactly: people know these numbers."""
    if nbytes is None:
        return units.UNKNOWN
    return f"{nbytes:,.0f} B" if nbytes == int(nbytes) else f"{nbytes:,.1f} B"


def _holder(path: str | None, operator: str) -> str:
    if path:
        return path
    return "(the network itself)" if path == "" else "(no layer)" if operator else "(there before)"


def _notes(report: Report) -> Iterator[p.Note]:
    yield from partial_notes(report)
    yield from (p.Note(f"note: {note}", "dim") for note in report.notes)
    memory = _of(report)
    if memory.device == "cuda":
        text = "not in these figures: CUDA's context, and what cuDNN takes while it convolves"
        yield p.Note(text, "dim")
    if memory.training is None:
        yield p.Note("of a forward alone", "dim", hint="--train shows a step of training")
