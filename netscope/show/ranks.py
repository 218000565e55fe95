"""What a report says of its ranks: which one it is, what is sent, how they differ, what is done in vain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from netscope.base import units
from netscope.report.ranks import (
    PHASES,
    Axis,
    RankKind,
    Ranks,
    Traffic,
    coordinates_of,
    spread,
    together,
    wire_bytes,
)
from netscope.report.report import Report
from netscope.show import page as p
from netscope.show.columns.ranks import part
from netscope.show.strings import short

# Rows of kinds of ranks, and of repeated work, that are shown; a data format has all of them.
_KINDS: Final = 12
_REPEATED: Final = 6
# Runs of ranks that are written out.
_RUNS: Final = 3
# What is spread over ranks, in the order in which it is shown: of bytes, of MACs, or counted.
Text = Callable[[int | None], str]
_FIGURES: Final[tuple[tuple[str, str, Text], ...]] = (
    ("params", "params", units.count),
    ("param bytes", "param_bytes", units.binary),
    ("MACs", "macs", units.metric),
    ("backward MACs", "backward_macs", units.metric),
    ("on the wire", "wire_bytes", units.binary),
    ("peak", "peak", units.binary),
)


def place(ranks: Ranks) -> str:
    """Whose figures a report has: "rank 0 of 256, mesh dp=32 × tp=8", and of which stages."""
    mesh = mesh_text(ranks.mesh)
    text = f"rank {ranks.rank} of {units.count(ranks.world)}" + (f", mesh {mesh}" if mesh else "")
    stages = ranks.own.stages
    if not stages and ranks.own.stage is None:
        return text
    return f"{text}, stages {stages_text(ranks.own)}" if stages else f"{text}, stage {stages_text(ranks.own)}"


def mesh_text(mesh: Iterable[Axis]) -> str:
    """ "dp=32 × tp=8"."""
    return f" {units.TIMES} ".join(f"{short(axis.name)}={axis.size}" for axis in mesh)


def facts(report: Report) -> Iterator[p.Fact]:
    """Of the rank beside the whole."""
    ranks = report.ranks
    if ranks is None:
        return
    whole = report.root.global_macs
    share = part(report.root.rank_share)
    own = ranks.own
    undivided = "undivided" if own.stage is None else "of its stages, undivided"
    note = f"{undivided}; of them this rank does {share}"
    yield p.Fact("global MACs", units.metric(whole, units.TOTAL), note, "")
    if ranks.trained:
        times = units.ratio(own.backward_macs, own.macs)
        note = "of this rank" + (" in a step" if ranks.microbatches > 1 else "")
        if times:
            note = f"{note}, {units.number(times)} times those of its forward"
        yield p.Fact("backward", units.metric(own.backward_macs, units.TOTAL), note, "")
    if ranks.world > 1:
        phases = phases_of(own.traffic)
        texts = [f"{phase} {units.binary(wire_bytes(own.traffic, phase))}" for phase in phases]
        step = "a step" if ranks.trained else "a forward"
        note = f"what this rank sends in {step}, at the least" + (f": {', '.join(texts)}" if texts else "")
        yield p.Fact("on the wire", units.binary(own.wire_bytes, units.TOTAL), note)
    if (total := ranks.macs) is not None and ranks.world > 1:
        forward = "a forward"
        if ranks.microbatches > 1:
            forward = f"the forwards of {units.plural(ranks.microbatches, 'microbatch', 'microbatches')}"
        note = f"of all {units.count(ranks.world)} in {forward}" + _in_vain(ranks)
        yield p.Fact("all ranks", f"{units.metric(total, units.TOTAL)} MACs", note, "")


def phases_of(traffic: Iterable[Traffic]) -> list[str]:
    """The parts of a step in which something is sent, in their order."""
    found = dict.fromkeys(one.phase for one in traffic)
    return sorted(found, key=lambda phase: PHASES.index(phase) if phase in PHASES else len(PHASES))


def _in_vain(ranks: Ranks) -> str:
    """What part of the own rank's work others do too."""
    again = ranks.microbatches * sum(one.macs for one in ranks.repeated)
    share = units.ratio(again, ranks.own.macs)
    return f"; {units.percent(share)} of this rank's work is done by others too" if share else ""


def sections(report: Report) -> Iterator[p.Section]:
    """Tables of what is sent, of kinds of ranks, and of work that is repeated."""
    ranks = report.ranks
    if ranks is None:
        return
    if ranks.own.traffic:
        yield _traffic(ranks.own.traffic)
    yield from _of_all(ranks)
    if ranks.repeated:
        yield _repeated(ranks)
    if notes := list(_notes(ranks)):
        yield p.Notes(notes)


def of_all(report: Report) -> Iterator[p.Section]:
    """Tables of what other ranks have, and whether there are any."""
    if report.ranks is not None:
        yield from _of_all(report.ranks)
        if notes := list(_notes_of_all(report.ranks)):
            yield p.Notes(notes)


def _of_all(ranks: Ranks) -> Iterator[p.Section]:
    if len(ranks.kinds) > 1:
        yield _spreads(ranks)
        yield _kinds(ranks)


def _traffic(traffic: Iterable[Traffic]) -> p.Table:
    headings = [
        p.Heading("collective"),
        p.Heading("axis"),
        p.Heading("ranks", right=True, drop=3),
        p.Heading("phase", drop=1),
        p.Heading("calls", right=True, drop=2),
        p.Heading("buffer", right=True, units=True, drop=4),
        p.Heading("on the wire", right=True, units=True),
    ]
    found = sorted(together(traffic), key=lambda one: -one.wire_bytes)
    whole = sum(one.wire_bytes for one in found)
    return p.Table(
        headings,
        [
            p.Row(
                [
                    p.Cell(one.collective, "title"),
                    p.Cell(short(one.axis)),
                    p.Cell(units.count(one.ranks)),
                    p.Cell(one.phase, "dim"),
                    p.Cell(units.count(one.calls)),
                    p.Cell(units.binary(one.buffer_bytes)),
                    p.Cell(units.binary(one.wire_bytes), "accent" if one.wire_bytes * 10 >= whole else ""),
                ]
            )
            for one in found
        ],
    )


def _spreads(ranks: Ranks) -> p.Table:
    headings = [
        p.Heading("over all ranks" if ranks.whole else "over the ranks asked for"),
        p.Heading("minimum", right=True, units=True),
        p.Heading("maximum", right=True, units=True),
        p.Heading("imbalance", right=True),
        p.Heading("worst rank", right=True),
    ]
    rows = []
    for title, key, text in _FIGURES:
        values = [getattr(kind, key) for kind in ranks.kinds]
        found = spread(ranks, values)
        if found is None or not found.most:
            continue
        over = found.imbalance
        cells = [
            p.Cell(title, "title"),
            p.Cell(text(found.least)),
            p.Cell(text(found.most)),
            p.Cell("none" if not over else units.percent(over), "warn" if over and over >= 0.1 else ""),
            p.Cell(units.count(found.worst) if over else "", "dim"),
        ]
        rows.append(p.Row(cells))
    return p.Table(headings, rows)


def _kinds(ranks: Ranks) -> p.Table:
    staged = any(kind.stage is not None for kind in ranks.kinds)
    kinds = sorted(ranks.kinds, key=lambda kind: (kind.stage or 0, kind.ranks[0]))
    headings = [
        *([p.Heading("stage", right=True)] if staged else []),
        p.Heading("ranks" if staged else units.plural(len(kinds), "kind of rank", "kinds of ranks")),
        p.Heading("count", right=True, drop=6),
        *(p.Heading(title, right=True, units=True, drop=drop) for title, _, _, drop in _shown(ranks)),
        *([p.Heading("bubble", right=True)] if ranks.bubble is not None else []),
    ]
    rows = []
    for kind in kinds[:_KINDS]:
        stage = [p.Cell(stages_text(kind), "title")] if staged else []
        cells = [
            *stage,
            p.Cell(ranks_text(kind.ranks), "" if staged else "title"),
            p.Cell(units.count(len(kind.ranks)), "dim"),
            *(p.Cell(text(getattr(kind, key))) for _, key, text, _ in _shown(ranks)),
            *([p.Cell(units.percent(idle_of(ranks, kind)))] if ranks.bubble is not None else []),
        ]
        rows.append(p.Row(cells))
    return p.Table(headings, rows)


def _shown(ranks: Ranks) -> list[tuple[str, str, Text, int]]:
    """The figures of kinds that any of them has, and which leaves first where there is little room."""
    drops = {"params": 5, "param bytes": 3, "backward MACs": 4}
    return [
        (title, key, text, drops.get(title, 1))
        for title, key, text in _FIGURES
        if any(getattr(kind, key) for kind in ranks.kinds)
    ]


def idle_of(ranks: Ranks, kind: RankKind) -> float | None:
    """The part of a step in which such a rank of a pipeline waits."""
    if ranks.bubble is None:
        return None
    at = [
        place
        for axis, place in zip(ranks.mesh, coordinates_of(kind.ranks[0], ranks.mesh), strict=True)
        if axis.role == "pipeline"
    ]
    where = at[0] if at else kind.stage
    return None if where is None or where >= len(ranks.bubble.idle) else ranks.bubble.idle[where]


def _repeated(ranks: Ranks) -> p.Table:
    headings = [
        p.Heading("repeated work", name=True, floor=14),
        p.Heading("along", drop=1),
        p.Heading("times", right=True),
        p.Heading("MACs each", right=True, units=True),
    ]
    found = sorted(ranks.repeated, key=lambda one: -one.macs * one.times)
    rows = [
        p.Row(
            [
                p.Cell(one.path or "(root)", code=True),
                p.Cell(short(one.axis)),
                p.Cell(units.times(one.times)),
                p.Cell(units.metric(one.macs)),
            ]
        )
        for one in found[:_REPEATED]
    ]
    return p.Table(headings, rows)


def _notes(ranks: Ranks) -> Iterator[p.Note]:
    more = len(ranks.repeated) - _REPEATED
    if more > 0:
        yield p.Note(f"repeated work in {units.plural(more, 'row')} more; JSON has them", "dim")
    yield from _notes_of_all(ranks)
    if ranks.implicit:
        times = sum(one.times for one in ranks.implicit)
        nbytes = units.binary(sum(one.buffer_bytes for one in ranks.implicit))
        text = f"{units.plural(times, 'redistribution')} of {nbytes} that nobody wrote"
        yield p.Note(f"{text}: netscope lint names them", "warn", mark="! ")


def _notes_of_all(ranks: Ranks) -> Iterator[p.Note]:
    more = len(ranks.kinds) - _KINDS
    if more > 0:
        yield p.Note(f"and {units.plural(more, 'kind')} of ranks more; JSON has them", "dim")
    if len(ranks.kinds) == 1 and ranks.world > 1:
        if ranks.whole:
            same = f"all {units.count(ranks.world)} ranks have parts of the same sizes"
            yield p.Note(f"{same}, and are taken to do the same", "dim")
        else:
            yield p.Note("only this rank was looked at", "dim", hint="--rank all looks at all of them")
    if ranks.bubble is not None:
        batches = units.plural(ranks.bubble.microbatches, "microbatch", "microbatches")
        worst = units.percent(max(ranks.bubble.idle, default=None))
        waits = f"a rank of the pipeline waits up to {worst} of a step, transfers taken to be free"
        yield p.Note(f"{short(ranks.bubble.schedule)} of {batches}: {waits}", "dim")


def stages_text(kind: RankKind) -> str:
    """The stages of a pipeline that ranks have: "0", "0, 4"."""
    stages = kind.stages or (() if kind.stage is None else (kind.stage,))
    return ranks_text(stages)


def ranks_text(ranks: Sequence[int]) -> str:
    """(0, 1, 2, 5) -> "0-2, 5"; (0, 8, 16, 24) -> "0, 8, … 24"."""
    runs: list[list[int]] = []
    for rank in ranks:
        if runs and rank == runs[-1][1] + 1:
            runs[-1][1] = rank
        else:
            runs.append([rank, rank])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(texts if len(texts) <= _RUNS else [*texts[:2], f"… {texts[-1]}"])
