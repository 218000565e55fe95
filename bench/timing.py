"""Part: steps as netscope measures them, against torch.utils.benchmark, and whose time they were."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any, Final

from bench.processes import progress
from bench.results import Figure, Grid, Part, all_of
from bench.samples import Samples
from netscope.base import units
from netscope.report.measured.intervals import Ratio

NETWORKS: Final = ("alexnet", "resnet50", "vit_b_16")
ROUNDS: Final = 150
AGREEMENT: Final = 0.05

ATTRIBUTED: Final = (
    *("alexnet", "vgg11", "resnet50", "densenet121", "mobilenet_v3_large"),
    *("efficientnet_b0", "convnext_tiny", "googlenet", "swin_t", "vit_b_16"),
)
FORWARD: Final = 0.99
BACKWARD: Final = 0.95
_STEPS: Final = 3

RUNS: Final = 1000
COVERED: Final = 0.9

_METHOD: Final = """\
Both in one process, on the same module, input and threads, in {rounds} turns: one step as netscope measures
it, then one under `torch.utils.benchmark.Timer.timeit(1)`. Compared are the medians, with the interval of
their ratio, and the quickest steps, which a busy machine disturbs least.

Attribution: {steps} steps at a batch of 2 under the profiler, forward alone and whole training steps. The
share is that of the time of all operators of the forward and the backward that was put down to some module.

Coverage: {runs:,} measurements of a machine that only pretends to be one, with steps of 10 ms, each repeat
of another seed: noise of 2% that a step shares with the one before, 5% of steps up to three times as long, 1%
that all steps of a round share, and a truth that drifts and swings meanwhile. Covered is the median of the
planted truth of the very steps that were measured.
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """Seconds of each step by either, and the ratio of the medians, ours to theirs."""

    name: str
    ours: Samples
    theirs: Samples
    ratio: Ratio

    @property
    def best(self) -> float:
        """The same of the quickest steps."""
        return self.ours.least / self.theirs.least

    @property
    def agree(self) -> bool:
        """Whether both ratios are near enough to one."""
        return all(abs(ratio - 1) <= AGREEMENT for ratio in (self.ratio.value, self.best))


@dataclass(frozen=True, slots=True)
class Attributed:
    """Shares of operator time with a layer, in inference and in training."""

    name: str
    inference: float
    training: float


def measure(pairs: int | None = None) -> Part:
    """Compare on each network, `pairs` rounds each."""
    rounds = pairs or ROUNDS
    compared = [_compare(name, rounds) for name in NETWORKS]
    attributed = [_attribute(name) for name in ATTRIBUTED]
    progress(f"timing: coverage of {RUNS} intervals")
    covered = sum(map(_covers, range(RUNS)))
    good = [a for a in attributed if a.inference >= FORWARD and a.training >= BACKWARD]
    return Part(
        "Timing",
        _METHOD.format(rounds=rounds, steps=_STEPS, runs=RUNS),
        (
            *map(_figure, compared),
            all_of(
                f"networks with ≥ {units.percent(FORWARD)} of the operators' time in inference and "
                f"≥ {units.percent(BACKWARD)} in training put down to layers",
                len(good),
                len(attributed),
            ),
            Figure(
                "95% intervals that cover the planted truth",
                f"≥ {units.percent(COVERED)}",
                f"{units.percent(covered / RUNS)} of {units.count(RUNS)}",
                covered >= COVERED * RUNS,
            ),
        ),
        (
            Grid(
                "Share of the operators' time that has a layer:",
                ("network", "inference", "training"),
                tuple(
                    (f"`{a.name}`", f"{a.inference * 100:.2f}%", f"{a.training * 100:.2f}%")
                    for a in attributed
                ),
            ),
        ),
    )


def _prepared(name: str, batch: int) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    from netscope.machine.timing.inputs import arguments
    from netscope.machine.timing.weights import materialised
    from netscope.sources import resolve

    workload = resolve(f"torchvision/{name}", batch=batch)
    return materialised(workload, "cpu"), *arguments(workload, "cpu")


def _compare(name: str, rounds: int) -> Compared:
    import torch
    from torch.utils.benchmark import Timer

    from netscope.machine.timing.backends.cpu import Cpu
    from netscope.machine.timing.measure import undisturbed
    from netscope.machine.timing.meter import Meter
    from netscope.machine.timing.steps import Inference
    from netscope.report.measured.intervals import ratio_of_rounds
    from netscope.report.measured.samples import Pace

    progress(f"timing: {name}, {rounds} turns with torch.utils.benchmark")
    module, args, kwargs = _prepared(name, 1)
    module.eval()
    backend = Cpu()
    meter = Meter(Inference(module, args, kwargs), backend, Pace(round_seconds=0, round_samples=1))
    theirs: list[tuple[float, ...]] = []
    with undisturbed(backend), torch.no_grad():
        timer = Timer(
            "module(*args)", globals={"module": module, "args": args}, num_threads=torch.get_num_threads()
        )
        meter.warm_up()
        for _ in range(rounds):
            meter.round()
            theirs.append((timer.timeit(1).median,))
    ours = [r.samples for r in meter.measurement().rounds]
    return Compared(
        name,
        Samples.of(sample for r in ours for sample in r),
        Samples.of(sample for r in theirs for sample in r),
        ratio_of_rounds(ours, theirs),
    )


def _attribute(name: str) -> Attributed:
    from netscope.machine.timing.attribution import attribute
    from netscope.machine.timing.backends.cpu import Cpu
    from netscope.machine.timing.scopes import recorded
    from netscope.machine.timing.steps import Inference, Training

    progress(f"timing: attribution of {name}")
    module, args, kwargs = _prepared(name, 2)
    shares = []
    for train in (False, True):
        module.train(train)
        step = Training(module, args, kwargs, "sgd") if train else Inference(module, args, kwargs)
        found = attribute(recorded(step, module, Cpu(), _STEPS), on_device=False)
        shares.append(found.share or 0.0)
    return Attributed(name, *shares)


def _covers(seed: int) -> bool:
    """Whether the interval of one measurement under everything at once holds the truth."""
    from netscope.machine.timing.measure import converge
    from netscope.machine.timing.meter import Meter
    from netscope.report.measured.samples import Pace
    from tests.machine.timing.fake import FakeBackend, FakeStep, Kernel, Noise, forward

    def drift(now: float) -> float:
        return math.exp(0.003 * now) * (1 + 0.003 * math.sin(5 * now + seed))

    backend = FakeBackend(noise=Noise(seed, 0.02, alike=0.6, outliers=0.05, rounds=0.01, drift=drift))
    measured = converge(Meter(FakeStep(backend, forward(Kernel("a", 0.01))), backend, Pace()))
    taken = sum(len(r.samples) for r in measured.rounds)
    truth = statistics.median(backend.true_steps[-taken:])
    return measured.interval is not None and truth in measured.interval


def _figure(compared: Compared) -> Figure:
    interval = compared.ratio.interval
    known = "" if interval is None else f", 95% interval {interval.low:.3f} to {interval.high:.3f}"
    return Figure(
        f"`{compared.name}`, a step, against `torch.utils.benchmark`",
        f"within {units.percent(AGREEMENT)}",
        f"{compared.ratio.value:.3f}× ({units.seconds(compared.ours.median)} against "
        f"{units.seconds(compared.theirs.median)}{known}), best {compared.best:.3f}×",
        compared.agree,
    )
