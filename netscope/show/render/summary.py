"""The sentences around a table: the header that says what was looked at, the facts below the rows."""

from __future__ import annotations

from typing import Literal, NamedTuple

from netscope.base import units
from netscope.base.cost import VectorOps
from netscope.base.opnames import operator_list
from netscope.report.layer import Tensor
from netscope.report.report import Report
from netscope.show.columns import KINDS, Column
from netscope.show.footnotes import footnotes
from netscope.show.render.text import cut, cut_middle, visible
from netscope.show.table import Cell, Row, Table

Tone = Literal["", "title", "accent", "added", "warn", "bad", "dim"]

# Longest name, type or description in a table for people; data formats carry them in full.
LONGEST = 60

# Findings of `netscope lint` that a summary shows below its table.
MOST_WARNINGS = 3
# Longest error; data formats carry it all.
ERROR = 400


class Fact(NamedTuple):
    """One line below the rows: what it is, the figure, and what there is to say about it."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "accent"


# What a row says in place of its output shape.
STATES: dict[str, str] = {
    "": "",
    "uncalled": "not called",
    "by parent": "used by parent",
    "unreached": "not reached",
    "raised": "✗ raised here",
    "stopped": "✗",
}


def short(text: str) -> str:
    """A user's text, safe and at most `LONGEST` columns wide."""
    return visible(cut_middle(text, LONGEST)) if len(text) > LONGEST else visible(text)


def cell_text(column: Column, cell: Cell) -> str:
    """A raw value as people read it, safe to print."""
    value, mark = cell
    if value == 0 and column.zero is not None and mark != "bound":
        return "" if mark == "inner" else column.zero
    text = KINDS[column.kind](value)
    if mark == "bound":
        return units.at_least(text) if value else units.UNKNOWN
    if mark == "shared":
        return f"({text})"
    return text if text.isprintable() else visible(text)


def header(report: Report) -> list[tuple[str, Tone]]:
    """The pieces of the line above the rows: name, source, input, mode."""
    source = report.source
    if report.description:
        source = f"{source} ({report.description})" if source else report.description
    pieces: list[tuple[str, Tone]] = [(short(report.name), "title")]
    if source:
        pieces.append((visible(cut_middle(source, 100)), ""))
    pieces.append((_inputs(report.inputs), ""))
    pieces.append(("train" if report.training else "eval", ""))
    return pieces


def _inputs(inputs: tuple[Tensor, ...]) -> str:
    return ("inputs " if len(inputs) > 1 else "input ") + (leaves(inputs, most=4) or "none")


def leaves(some: tuple[Tensor, ...], most: int) -> str:
    """Places, shapes and dtypes; the type's name of what is no tensor."""
    texts = []
    for leaf in some[:most]:
        place = f"{short(leaf.place)} " if leaf.place.strip("0123456789.") else ""
        if len(some) == 1 and leaf.place.isidentifier():
            place = ""
        if leaf.shape is None:
            texts.append(f"{place}{short(leaf.opaque or units.UNKNOWN)}")
        else:
            texts.append(f"{place}{units.shape(leaf.shape)} {short(leaf.dtype or units.UNKNOWN)}")
    if len(some) > most:
        texts.append(f"+{units.count(len(some) - most)}")
    return ", ".join(texts)


def facts(table: Table) -> list[Fact]:
    """The totals of the report, most wanted first. They are the whole network's, however few rows show."""
    report = table.report
    found = [
        *_weight_layers(report),
        _params(report),
        _macs(report),
        *_vector(report),
        *_uncounted(report),
        *_outputs(report),
        *_returns(report),
    ]
    if len(table.rows) < table.matching or table.flat:
        found.append(_shown(table))
    found.append(_traced(report))
    return found


def remarks(table: Table) -> list[tuple[str, Tone]]:
    """Lines of their own below the facts: notes of the tracer, and the error that stopped it."""
    report = table.report
    lines: list[tuple[str, Tone]] = []
    if any(row.heads_run for row in table.rows):
        text = f"{units.TIMES}N: identical blocks in one, with the figures of all N together"
        lines.append((text, "dim"))
    lines += [(f"note: {visible(note)}", "dim") for note in report.notes]
    warnings = footnotes(report)
    lines += [(f"{w.code} {short(w.path)}: {visible(w.message)}", "warn") for w in warnings[:MOST_WARNINGS]]
    if len(warnings) > MOST_WARNINGS:
        more = units.plural(len(warnings) - MOST_WARNINGS, "more warning")
        lines.append((f"{more}: netscope lint shows them", "warn"))
    if report.error is not None:
        where = short(report.error_path) or "the network's own forward"
        lines.append((f"✗ {where} raised {visible(cut(report.error, ERROR))}", "bad"))
    return lines


def suffix(row: Row) -> str:
    """The remarks that follow a row's operator."""
    return " ".join(f"({short(mark)})" for mark in row.marks)


def _weight_layers(report: Report) -> list[Fact]:
    counts = report.weight_layer_counts
    if not counts:
        return []
    return [Fact("weight layers", units.count(sum(counts.values())), _joined(counts))]


def _joined(counts: dict[str, int]) -> str:
    return " + ".join(f"{units.count(n)} {kind}" for kind, n in counts.items())


def _params(report: Report) -> Fact:
    if not report.params:
        return Fact("params", "none", tone="")
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
    return Fact("params", units.count(report.params), note)


def _macs(report: Report) -> Fact:
    macs = report.counted_macs
    value, flops = units.metric(macs, units.TOTAL), units.metric(2 * macs, units.TOTAL)
    tone: Tone = "accent"
    if report.macs is None:
        value, flops, tone = units.at_least(value), units.at_least(flops), "warn"
    note = f"FLOPs {flops} = 2 × MACs"
    causal = report.root.causal_macs
    if causal != macs:
        note += f"; causal attention counted full, {units.metric(causal, units.TOTAL)} if halved"
    if report.error is not None:
        note += ", up to the failure"
    return Fact("MACs", value, note, tone)


def _vector(report: Report) -> list[Fact]:
    total = VectorOps()
    for layer in report.layers:
        total = total + layer.own_vector
    value = units.metric(total.total, units.TOTAL)
    if report.vector is None:
        return [Fact("vector ops", units.at_least(value), tone="warn")]
    return [Fact("vector ops", value, "uncounted: none", "")]


def _uncounted(report: Report) -> list[Fact]:
    if not report.unknown:
        return []
    calls = sum(report.unknown.values())
    names = visible(operator_list(report.unknown, all_of_them=True))
    return [Fact("uncounted", units.count(calls), names, "warn")]


def _outputs(report: Report) -> list[Fact]:
    return [
        Fact("outputs", units.binary(report.output_bytes, units.TOTAL), "new memory that layers returned", "")
    ]


def _returns(report: Report) -> list[Fact]:
    """What the network returns, where that is more than the tensor of its last row."""
    outputs = report.root.outputs
    if len(outputs) < 2:
        return []
    return [Fact("returns", units.count(len(outputs)), leaves(outputs, most=12), "")]


def _shown(table: Table) -> Fact:
    report, figures = table.report, table.figures
    note = f"of {units.count(table.matching)}" if len(table.rows) < table.matching else ""
    parts = [note] if note else []
    if report.counted_macs:
        parts.append(f"{units.percent(figures.macs / report.counted_macs)} of MACs")
    if report.params:
        parts.append(f"{units.percent(figures.params / report.params)} of params")
    return Fact("rows shown", units.count(len(table.rows)), ", ".join(parts), "")


def _traced(report: Report) -> Fact:
    rung = {"meta": "meta", "fake": "fake tensors", "real": "real tensors"}.get(
        report.rung, visible(report.rung)
    )
    note = visible(report.rung_reason)
    return Fact(
        "traced", units.seconds(report.trace_seconds), f"on {rung}" + (f": {note}" if note else ""), "dim"
    )
