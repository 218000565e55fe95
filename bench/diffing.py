"""Part: what a diff takes, of long networks and of two saved reports."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from bench.processes import Finished, netscope, progress, run
from bench.results import Figure, Grid, Part
from bench.samples import Samples
from netscope.answers.diff import diff
from netscope.base import units
from netscope.report.layer import Layer, Tensor
from netscope.report.layer import Parameter as Weight
from netscope.report.report import Report

ROUNDS: Final = 5

LONG: Final = 1_000
LONGEST: Final = 5_000
LONG_LIMIT: Final = 1.0
LONGEST_LIMIT: Final = 2.0
PROCESS_LIMIT: Final = 0.5

_METHOD: Final = """\
`diff(before, after)` on reports that are there already, made for this: chains of convolution, batch norm and
ReLU, flat or in blocks of {block}. The other network has a layer inserted after every fiftieth, is twice as
wide throughout, or both. Wall seconds of the worst of {rounds} calls in one process.

`netscope diff base.json head.json`: a fresh process each time, its wall time from start to end, the median of
{rounds} after one that is not counted. The two reports are torchvision's ResNet-50 and ResNeXt-50 where
torchvision is at hand, else chains of 150 layers.
"""
_BLOCK: Final = 30


class Race(NamedTuple):
    """Two reports and how their diff did."""

    title: str
    layers: tuple[int, int]
    walls: Samples
    limit: float


def measure(pairs: int | None = None) -> Part:
    """Time all diffs, `pairs` times each."""
    rounds = pairs or ROUNDS
    races = [
        _race(f"{what} of {n:,} layers", chain(n, 8, flat=flat), other(n, flat), limit, rounds)
        for n, limit in ((LONG, LONG_LIMIT), (LONGEST, LONGEST_LIMIT))
        for flat in (True, False)
        for what, other in _OTHERS.items()
    ]
    processes = _processes(rounds)
    walls = Samples.of(done.wall for done in processes)
    return Part(
        "Diff",
        _METHOD.format(rounds=rounds, block=_BLOCK),
        (
            *(
                Figure(
                    f"two networks of {n:,} layers, beyond the traces",
                    f"≤ {units.seconds(limit)}",
                    units.seconds(worst),
                    worst <= limit,
                )
                for n, limit in ((LONG, LONG_LIMIT), (LONGEST, LONGEST_LIMIT))
                for worst in [max(race.walls.most for race in races if race.limit == limit)]
            ),
            Figure(
                "`netscope diff base.json head.json`, whole process",
                f"≤ {units.seconds(PROCESS_LIMIT)}",
                units.seconds(walls.median),
                walls.median <= PROCESS_LIMIT,
            ),
        ),
        (
            Grid(
                "Each diff:",
                ("networks", "layers", "median", "worst"),
                tuple(
                    (
                        race.title,
                        " and ".join(map(units.count, race.layers)),
                        units.seconds(race.walls.median),
                        units.seconds(race.walls.most),
                    )
                    for race in races
                ),
            ),
        ),
    )


_OTHERS: Final[dict[str, Callable[[int, bool], Report]]] = {
    "one with insertions": lambda n, flat: chain(n, 8, flat=flat, every=50),
    "one twice as wide": lambda n, flat: chain(n, 16, flat=flat),
    "one twice as wide with insertions": lambda n, flat: chain(n, 16, flat=flat, every=50),
}


def chain(length: int, width: int, *, flat: bool, every: int = 0) -> Report:
    """A report of that many layers; every so many, one more."""
    kinds = [("Conv2d", "BatchNorm2d", "ReLU")[n % 3] for n in range(length)]
    if every:
        for n in range(length - every, 0, -every):
            kinds.insert(n, ("GELU", "Dropout", "Tanh")[n % 3])
    rows: list[Layer] = []
    channels = 3
    for n, kind in enumerate(kinds):
        block, place = divmod(n, _BLOCK)
        if not flat and place == 0:
            rows.append(Layer(path=str(block), type="Sequential", base="Sequential", depth=1))
        path, depth = (str(n), 1) if flat else (f"{block}.{place}", 2)
        rows.append(_layer(kind, path, depth, channels, width))
        channels = width
    root = Layer(path="", type="Sequential", base="Sequential", params=sum(row.params for row in rows))
    return Report(name=f"chain of {length}", source="bench", layers=(root, *rows))


def _layer(kind: str, path: str, depth: int, channels: int, width: int) -> Layer:
    image = (Tensor("", (1, width, 16, 16), "float32"),)
    parameters: tuple[Weight, ...] = ()
    hyperparameters: dict[str, object] = {}
    if kind == "Conv2d":
        hyperparameters = {"in_channels": channels, "out_channels": width, "kernel_size": (3, 3)}
        parameters = (Weight("weight", (width, channels, 3, 3), "float32", True, 36 * width * channels),)
    elif kind == "BatchNorm2d":
        hyperparameters = {"num_features": width}
        parameters = (Weight("weight", (width,), "float32", True, 4 * width),)
    return Layer(
        path=path,
        type=kind,
        base=kind,
        depth=depth,
        hyperparameters=hyperparameters,
        parameters=parameters,
        params=sum(p.numel for p in parameters),
        inputs=image,
        outputs=image,
    )


def _race(title: str, before: Report, after: Report, limit: float, rounds: int) -> Race:
    progress(f"diff: {title}")
    walls = []
    for _ in range(rounds):
        started = time.perf_counter()
        found = diff(before, after)
        walls.append(time.perf_counter() - started)
        if not found:
            raise RuntimeError(f"{title}: no difference was found")
    return Race(title, (len(before), len(after)), Samples.of(walls), limit)


def _processes(rounds: int) -> list[Finished]:
    """The command on two saved reports, run anew each time."""
    progress("diff: two saved reports")
    with tempfile.TemporaryDirectory() as folder:
        saved = [Path(folder) / name for name in ("base.json", "head.json")]
        for path, report in zip(saved, _two_reports(), strict=True):
            report.to_json(path)
        command = netscope("diff", *map(str, saved), "--format", "json")
        done = [run(command) for _ in range(rounds + 1)][1:]
    if "pairs" not in json.loads(done[0].stdout):
        raise RuntimeError("netscope diff printed no diff")
    return done


def _two_reports() -> tuple[Report, Report]:
    from netscope import SourceError, summary

    try:
        return summary("torchvision/resnet50"), summary("torchvision/resnext50_32x4d")
    except SourceError:
        return chain(150, 8, flat=False), chain(150, 16, flat=False)
