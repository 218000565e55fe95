"""One answer of every kind, of networks made by hand: the network and its layers have any name."""

from __future__ import annotations

from dataclasses import replace

from netscope.answers.check import Checked, Outcome, check_report, parse_change, parse_limit
from netscope.answers.compare.variants import Comparison, Variant
from netscope.answers.diff import diff
from netscope.answers.explain import explain
from netscope.answers.lint import Finding, Findings
from netscope.answers.models import Catalog, Listed
from netscope.answers.verify import Figure, Opinion, Reason, Verification
from netscope.base.answer import Answer
from netscope.machine.profiling.curve import Curve
from netscope.machine.timing.devices import DeviceSpec, DeviceSpecs
from netscope.report.cache import Cache, CacheLayer, CacheTensor
from netscope.report.measured.breakdown import LayerTime, Work
from netscope.report.measured.links import Links
from netscope.report.memory import (
    Holder,
    LayerMemory,
    Measured,
    Memory,
    Moment,
    Reserved,
    Sharded,
    StepMemory,
    StepPart,
)
from netscope.report.ranks import Axis, Bubble, Implicit, LayerRank, Part, RankKind, Ranks, Repeated, Traffic
from netscope.report.report import Report
from tests.reports import ROOF, functional, linear, profiled, report, steady


def network(name: str = "net", width: int = 4) -> Report:
    """Two layers, one of which could not be counted."""
    unknown = {f"{name}.odd": 1}
    odd = functional("(functional)", (1, width), unknown, unknown=unknown, macs=None, vector=None)
    rows = [replace(linear(name, (1, 4), (1, width)), type=name), odd]
    words = {"description": name, "notes": (name,), "rung": "fake", "rung_reason": name}
    return report(name, name, rows, **words, source=name)


def profile(name: str = "net") -> Report:
    """All of it measured, and held against a machine."""
    return profiled(
        network(name),
        {name: LayerTime(2e-3, 0.0, 4, 0)},
        latency=steady(1e-2),
        unattributed=[Work(name, 1, 5e-4)],
        idle=4e-4,
        moved={name: 1000},
        roof=replace(ROOF, title=name, source=name, bandwidth=None),
        optimizer=name,
    )


def remembered(name: str = "net") -> Report:
    """Its memory in a step of training, what a run took, a rank's part, and a cache."""
    at = Moment("backward", f"aten.{name}.default", name, 900)
    step = StepMemory(
        900,
        at,
        100,
        {"parameters": 300, "saved for backward": 500},
        (Holder("saved for backward", name, name, 500, 2), Holder("parameters", None, "", 300, 1)),
        (StepPart("forward", 300, 800, 800), StepPart("backward", 800, 900, 400)),
        (Moment("forward", name, "", 800), at),
        Reserved(1024, 2097152, 2096128),
    )
    key = CacheTensor(name, (1, 2, 4), "float32", "window", 32, 64, 8, 0, 4)
    whole = network(name)
    memory = Memory(
        device="cuda",
        parameters=300,
        buffers=8,
        inputs=16,
        inference_peak=96,
        inference=step,
        training=step,
        saved_for_backward=500,
        gradients=300,
        optimizer_state=600,
        optimizer=name,
        loss=name,
        amp="bfloat16",
        accumulate=2,
        checkpoint=(name,),
        cache=Cache(8, 2, (CacheLayer(name, name, (key,)),), 8, notes=(name,)),
        sharded=Sharded("fsdp", 8, 38, 38, 75, 20, 400, (name,)),
        measured=Measured(name, 96, 880, 2097152),
    )
    rows = [row.but(memory=LayerMemory(500, 500, 600, 700)) for row in whole.layers]
    return replace(whole, memory=memory, layers=tuple(rows))


def rank(name: str = "net") -> Report:
    """One of two stages of a pipeline, with work that is repeated and a redistribution nobody wrote."""
    whole = network(name)
    sent = (Traffic(name, name, 2, 2, name, 1, 100, 50),)
    placed = Part(name, (8, 4), (4, 4), {name: "S(0)"})
    rows = [row.but(rank=LayerRank((placed,), placed, 32, 32, 64, sent, sent)) for row in whole.layers]
    stages = tuple(RankKind((at,), at, 16, 64, 16 + at, None, 80, sent) for at in range(2))
    ranks = Ranks(
        mesh=(Axis(name, 2, "pipeline", 1),),
        world=2,
        rank=0,
        coordinates=(0,),
        trained=True,
        kinds=stages,
        repeated=(Repeated(name, name, 2, 16),),
        implicit=(Implicit(name, name, name, name, 1, 100),),
        bubble=Bubble(name, 2, (0.25, 0.25)),
    )
    return replace(whole, layers=tuple(rows), ranks=ranks)


def verification(name: str, whole: Report) -> Verification:
    """A peer that has more, for a reason and for none, and one that crashed."""
    figure = Figure("macs", 16, 20, (Reason(name, name, {name: 3}),), {"": 1})
    opinion = Opinion(name, name, name, name, None, figure, {name: 19, "": 1}, note=name)
    return Verification(whole, {name: 16}, (opinion, Opinion(f"{name}2", name, error=name)))


def answers(name: str = "net") -> dict[str, Answer]:
    """Every answer by its kind."""
    whole, other, timed = network(name), network(name, width=8), profile(name)
    assert timed.timing is not None
    failed = replace(whole, error=name, error_path=name)
    limits = [parse_limit("params=1"), parse_limit("macs<1K"), parse_change("changed")]
    checked = check_report(other, limits, whole, name)
    lost = Checked(name, None, error=name)
    found = [Finding("NS101", "untiled-windows", severity, name, name) for severity in ("error", "info")]
    timings = (timed.timing, replace(timed.timing, batch=8))
    return {
        "summary": whole,
        "failure": failed,
        "profile": timed,
        "roofline": replace(timed, timing=None),
        "curve": Curve(name, name, name, whole.inputs, timings=timings, too_large=64),
        "diff": diff(whole, other),
        "comparison": Comparison(
            (Variant(name, whole), Variant(f"{name}2", other), Variant(name, None, name))
        ),
        "explanations": explain(whole),
        "findings": Findings(whole, tuple(found), ("NS201",)),
        "checked": checked,
        "outcome": Outcome((checked, lost), f"netscope check {name}", name),
        "verification": verification(name, whole),
        "memory": remembered(name),
        "rank": rank(name),
        "models": Catalog((Listed(name, "zoo", name, name), Listed(name, "other", name)), (name,)),
        "machines": DeviceSpecs(
            (DeviceSpec(name, name, {"fp32": 1e12}, 1e11, 80, name, (name,), Links(name, 1e9, source=name)),),
            name,
        ),
    }
