"""Part: steps as netscope measures them, against torch.utils.benchmark, and whose time they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from bench.processes import progress
from bench.results import Figure, Grid, Part, all_of
from netscope import units
from netscope.timing.intervals import Ratio

NETWORKS: Final = ("alexnet", "resnet50", "vit_b_16")
ROUNDS: Final = 15
AGREEMENT: Final = 0.05

ATTRIBUTED: Final = (
    *("alexnet", "vgg11", "resnet50", "densenet121", "mobilenet_v3_large"),
    *("efficientnet_b0", "convnext_tiny", "googlenet", "swin_t", "vit_b_16"),
)
FORWARD: Final = 0.99
BACKWARD: Final = 0.95
_STEPS: Final = 3

_METHOD: Final = """\
Both in one process, on the same module, input and threads, in {rounds} rounds of turns: a round of netscope's
own measurement, then as many steps under `torch.utils.benchmark.Timer.timeit`. Compared are the median of all
of netscope's steps and the median of the timer's rounds, with the interval of their ratio.

Attribution: {steps} steps at a batch of 2 under the profiler, forward alone and whole training steps. The
share is that of the time of all operators of the forward and the backward that was put down to some module.
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """Seconds a step by either, and the ratio of ours to theirs."""

    name: str
    ours: float
    theirs: float
    ratio: Ratio

    @property
    def off(self) -> float:
        """How far ours is from theirs, as a share of theirs."""
        return abs(self.ratio.value - 1)


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
    good = [a for a in attributed if a.inference >= FORWARD and a.training >= BACKWARD]
    return Part(
        "Timing",
        _METHOD.format(rounds=rounds, steps=_STEPS),
        (
            *map(_figure, compared),
            all_of(
                f"networks with ≥ {units.percent(FORWARD)} of the operators' time in inference and "
                f"≥ {units.percent(BACKWARD)} in training put down to layers",
                len(good),
                len(attributed),
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
    from netscope.sources import resolve
    from netscope.timing.inputs import arguments
    from netscope.timing.weights import materialised

    workload = resolve(f"torchvision/{name}", batch=batch)
    return materialised(workload, "cpu"), *arguments(workload, "cpu")


def _compare(name: str, rounds: int) -> Compared:
    import torch
    from torch.utils.benchmark import Timer

    from netscope.timing.backends.cpu import Cpu
    from netscope.timing.intervals import ratio_of_rounds
    from netscope.timing.measure import Meter, undisturbed
    from netscope.timing.samples import Pace
    from netscope.timing.steps import Inference

    progress(f"timing: {name}, {rounds} rounds in turns with torch.utils.benchmark")
    module, args, kwargs = _prepared(name, 1)
    module.eval()
    backend = Cpu()
    meter = Meter(Inference(module, args, kwargs), backend, Pace())
    theirs: list[tuple[float, ...]] = []
    with undisturbed(backend), torch.no_grad():
        timer = Timer(
            "module(*args)", globals={"module": module, "args": args}, num_threads=torch.get_num_threads()
        )
        meter.warm_up()
        for _ in range(rounds):
            meter.round()
            steps = len(meter.measurement().rounds[-1].samples)
            theirs.append((timer.timeit(steps).median,))
    measured = meter.measurement()
    ratio = ratio_of_rounds([r.samples for r in measured.rounds], theirs)
    return Compared(name, measured.median, measured.median / ratio.value, ratio)


def _attribute(name: str) -> Attributed:
    from netscope.timing.attribution import attribute
    from netscope.timing.backends.cpu import Cpu
    from netscope.timing.scopes import recorded
    from netscope.timing.steps import Inference, Training

    progress(f"timing: attribution of {name}")
    module, args, kwargs = _prepared(name, 2)
    shares = []
    for train in (False, True):
        module.train(train)
        step = Training(module, args, kwargs, "sgd") if train else Inference(module, args, kwargs)
        found = attribute(recorded(step, module, Cpu(), _STEPS), on_device=False)
        shares.append(found.share or 0.0)
    return Attributed(name, *shares)


def _figure(compared: Compared) -> Figure:
    interval = compared.ratio.interval
    known = "" if interval is None else f", 95% interval {interval.low:.3f} to {interval.high:.3f}"
    return Figure(
        f"`{compared.name}`, a step, against `torch.utils.benchmark`",
        f"within {units.percent(AGREEMENT)}",
        f"{compared.ratio.value:.3f}× ({units.seconds(compared.ours)} "
        f"against {units.seconds(compared.theirs)}{known})",
        compared.off <= AGREEMENT,
    )
