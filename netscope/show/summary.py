"""The page of a report: its rows, the totals below them, and what there is to know of the trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from netscope.base import units
from netscope.base.opnames import operator_list
from netscope.report.analysis.tiling import untiled_windows, wide_padding
from netscope.report.partial import unmade
from netscope.report.report import Report
from netscope.show import page as p
from netscope.show.columns import known_to
from netscope.show.rows import LayerTable
from netscope.show.selection import build
from netscope.show.strings import short
from netscope.show.words import failure, head, leaves, unseen

if TYPE_CHECKING:
    from netscope.show.drawing.drawing import Drawing
    from netscope.show.grid import Grid

# Footnotes that are shown; `netscope lint` has all.
MOST_WARNINGS = 3


def page(report: Report, **view: Any) -> p.Page:
    """What `netscope summary` shows; `view` is what `selection.build` takes.

    Raises:
        UsageError: an unknown column, a filter that nothing matches, a senseless number.
    """
    table = build(report, **view)
    return p.Page(
        title=report.name,
        head=head(report),
        sections=lambda: _sections(table),
        records=table.records,
        document=lambda: document(report),
    )


def document(report: Report) -> p.Document:
    """The whole report, whatever rows and columns are shown: a saved report never lacks a layer.

    Beside what the store keeps, every layer has the columns that a report can fill, each under its key.
    """
    from netscope.report import store  # a summary for people needs none of it

    values = store.to_dict(report)
    columns = known_to(report)
    for kept, layer in zip(values["layers"], report.layers, strict=True):
        for column in columns:
            if column.key not in kept:
                kept[column.key] = store.plain(column.get(layer, report))
    return p.Document(values, "layers")


def _sections(table: LayerTable) -> Iterator[p.Section]:
    yield from pictured(table)
    yield p.Facts(_facts(table))
    yield p.Notes(list(_notes(table)), close=True)
    yield from of_ranks(table.report)


def of_ranks(report: Report) -> Iterator[p.Section]:
    """What there is to say of a network that is divided among ranks; nothing of another."""
    if report.ranks is not None:
        from netscope.show import ranks  # few networks are divided

        yield from ranks.sections(report)


def pictured(table: LayerTable) -> Iterator[p.Section]:
    """The network as a picture, and its rows."""
    report = table.report

    def drawn(*, placed: bool = True) -> Drawing | None:
        from netscope.show.drawing.make import drawing_of  # tables for people need none of it

        return drawing_of(report, placed=placed)

    def grid() -> Grid:
        from netscope.show.grid import grid_of

        return grid_of(report, [column.key for column in table.columns])

    yield p.Network(drawn)
    yield p.Layers(table.table(), grid)


def _facts(table: LayerTable) -> list[p.Fact]:
    """The totals of the report, most wanted first. They are the whole network's, however few rows show."""
    report = table.report
    found = [
        *_weight_layers(report),
        _params(report),
        _macs(report),
        *_of_rank(report),
        *_vector(report),
        *_uncounted(report),
        _outputs(report),
        *_returns(report),
    ]
    if len(table.rows) < table.matching or table.flat:
        found.append(_shown(table))
    found.append(_traced(report))
    return found


def _notes(table: LayerTable) -> Iterator[p.Note]:
    """Lines of their own below the facts: notes of the tracer, and the error that stopped it."""
    report = table.report
    if any(row.heads_run for row in table.rows):
        yield p.Note(f"{units.TIMES}N: identical blocks in one, with the figures of all N together", "dim")
    yield from (p.Note(f"note: {note}", "dim") for note in report.notes)
    warnings = footnotes(report)
    yield from (p.Note(f"{w.code} {short(w.path)}: {w.message}", "warn") for w in warnings[:MOST_WARNINGS])
    if len(warnings) > MOST_WARNINGS:
        more = units.plural(len(warnings) - MOST_WARNINGS, "more warning")
        yield p.Note(f"{more}: netscope lint shows them", "warn")
    if report.error is not None:
        yield p.Note(f"✗ {failure(report)}", "bad")


def _weight_layers(report: Report) -> list[p.Fact]:
    counts = report.weight_layer_counts
    if not counts:
        return []
    kinds = " + ".join(f"{units.count(n)} {kind}" for kind, n in counts.items())
    value = units.count(sum(counts.values()))
    if report.weight_layers is None:
        return [p.Fact("weight layers", units.at_least(value), kinds + _ends(report), "warn")]
    return [p.Fact("weight layers", value, kinds)]


def _ends(report: Report) -> str:
    return ", up to the failure" if report.error is not None else ""


def _params(report: Report) -> p.Fact:
    if not report.params:
        return _unmade(report, p.Fact("params", "0")) if unmade(report) else p.Fact("params", "none", tone="")
    if not report.frozen_params:
        state = "all trainable"
    elif not report.trainable_params:
        state = "all frozen"
    else:
        state = (
            f"{units.count(report.trainable_params)} trainable, {units.count(report.frozen_params)} frozen"
        )
    note = f"{units.binary(report.param_bytes, units.TOTAL)}, {state}"
    if report.buffer_bytes:
        note += f"; buffers {units.binary(report.buffer_bytes)}"
    return _unmade(report, p.Fact("params", units.count(report.params), note))


def _unmade(report: Report, params: p.Fact) -> p.Fact:
    """The fact, as a lower bound where lazy layers have not made their parameters."""
    lazy = unmade(report)
    if not lazy:
        return params
    note = f"{params.note}; not made yet: those of {units.plural(len(lazy), 'lazy layer')}"
    return p.Fact(params.label, units.at_least(params.value), note, "warn")


def _macs(report: Report) -> p.Fact:
    macs = report.counted_macs
    value, flops = units.metric(macs, units.TOTAL), units.metric(2 * macs, units.TOTAL)
    tone: p.Tone = "accent"
    if report.macs is None:
        value, flops, tone = units.at_least(value), units.at_least(flops), "warn"
    note = f"FLOPs {flops} = 2 × MACs"
    causal = report.root.causal_macs
    if causal != macs:
        part = units.metric(causal, units.TOTAL)
        masked = any("flex_attention" in layer.operators for layer in report.layers)
        note += (
            f"; masked attention counted full, {part} without what masks hide"
            if masked
            else f"; causal attention counted full, {part} if halved"
        )
    return p.Fact("MACs", value, note + _ends(report), tone)


def _of_rank(report: Report) -> list[p.Fact]:
    if report.ranks is None:
        return []
    from netscope.show import ranks  # few networks are divided

    return list(ranks.facts(report))


def _vector(report: Report) -> list[p.Fact]:
    value = units.metric(report.counted_vector.total, units.TOTAL)
    if report.vector is None:
        return [p.Fact("vector ops", units.at_least(value), _ends(report).removeprefix(", "), "warn")]
    return [p.Fact("vector ops", value, "uncounted: none", "")]


def _uncounted(report: Report) -> list[p.Fact]:
    found = []
    operators = {what: calls for what, calls in report.unknown.items() if what not in report.root.unseen}
    if operators:
        names = operator_list(operators, all_of_them=True)
        found.append(p.Fact("uncounted", units.count(report.unknown_calls), names, "warn"))
    if said := unseen(report):
        found.append(p.Fact("not seen", units.UNKNOWN, said, "warn"))
    return found


def _outputs(report: Report) -> p.Fact:
    nbytes = units.binary(report.counted_output_bytes, units.TOTAL)
    note = "new memory that layers returned"
    if report.output_bytes is None:
        return p.Fact("outputs", units.at_least(nbytes), note + _ends(report), "warn")
    return p.Fact("outputs", nbytes, note, "")


def _returns(report: Report) -> list[p.Fact]:
    """What the network returns, where that is more than the tensor of its last row."""
    outputs = report.root.outputs
    if len(outputs) < 2:
        return []
    return [p.Fact("returns", units.count(len(outputs)), leaves(outputs, most=12), "")]


def _shown(table: LayerTable) -> p.Fact:
    report, figures = table.report, table.figures
    note = f"of {units.count(table.matching)}" if len(table.rows) < table.matching else ""
    parts = [note] if note else []
    if report.counted_macs and report.whole:
        parts.append(f"{units.percent(report.share(figures.macs))} of MACs")
    if report.params:
        parts.append(f"{units.percent(units.ratio(figures.params, report.params))} of params")
    return p.Fact("rows shown", units.count(len(table.rows)), ", ".join(parts), "")


def _traced(report: Report) -> p.Fact:
    rung = {"meta": "meta", "fake": "fake tensors", "real": "real tensors"}.get(report.rung, report.rung)
    note = f": {report.rung_reason}" if report.rung_reason else ""
    return p.Fact("traced", units.seconds(report.trace_seconds), f"on {rung}{note}", "dim")


class Footnote(NamedTuple):
    """One line: the check of `netscope lint` that says the same, the layer, the sentence."""

    code: str
    path: str
    message: str


def footnotes(report: Report) -> tuple[Footnote, ...]:
    """Those of a report: what it shows by itself, cheap enough for every summary."""
    found = (("NS101", untiled_windows(report)), ("NS103", wide_padding(report)))
    return tuple(Footnote(code, *remark) for code, remarks in found for remark in remarks)
