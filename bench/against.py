"""`python -m bench.against TREE`: first and warm calls of this checkout beside those of another.

Fresh processes of the two checkouts take turns, and who comes first changes with each round. So what the
machine does meanwhile befalls both alike, and the ratio of a round is fairer than that of two medians.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import machine, markdown
from bench.call import Measured
from bench.processes import ROOT, progress, python, run
from bench.samples import Samples, geometric_mean
from bench.speed import NETWORKS
from netscope.base import units
from netscope.report.measured.intervals import Interval, interval_of_rounds

ROUNDS: Final = 9

Take = Callable[[Measured], float]

# What is compared: wall and CPU seconds of either call, and of the imports that come before the first. Which
# call Python collects garbage in depends on how much was imported before.
TAKES: Final[dict[str, Take]] = {
    "first, wall": lambda run: run.first.wall,
    "first, CPU": lambda run: run.first.cpu,
    "warm, wall": lambda run: run.second.wall,
    "warm, CPU": lambda run: run.second.cpu,
    "warm, without collections": lambda run: run.second.wall - run.second.collecting,
    "imports": lambda run: run.imports,
}

_METHOD: Final = """\
Now over before: below 1 this checkout is the faster. Each line has the median of each side, the median of the
rounds' ratios, and where the typical ratio lies with 95% confidence. Each sample is a fresh process that runs
`python -m bench.call netscope torchvision/NAME` of either checkout. It imports torch, torchvision and its own
modules before the clock starts; how long the last took is given apart."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One network: what both checkouts measured, round by round."""

    name: str
    before: tuple[Measured, ...]
    now: tuple[Measured, ...]

    def ratios(self, take: Take) -> Samples:
        """Now over before, round by round."""
        return Samples.of(take(b) / take(a) for a, b in zip(self.before, self.now, strict=True))

    def row(self, what: str, take: Take) -> tuple[str, ...]:
        """A line of the table."""
        ratios = self.ratios(take)
        medians = [Samples.of(map(take, side)).median for side in (self.before, self.now)]
        return (f"`{self.name}`", what, *map(units.seconds, medians), f"{ratios.median:.3f}", _within(ratios))


def _within(ratios: Samples) -> str:
    found: Interval | None = interval_of_rounds([[ratio] for ratio in ratios.values])
    return "" if found is None else f"{found.low:.3f} to {found.high:.3f}"


def compare(before: Path, now: Path, name: str, rounds: int) -> Compared:
    """Race the two checkouts on one network; one more round comes first and is not kept."""
    progress(f"against: {name}, {rounds} rounds")
    sides: dict[Path, list[Measured]] = {before: [], now: []}
    for number in range(rounds + 1):
        for tree in (before, now) if number % 2 else (now, before):
            sides[tree].append(_child(tree, name))
    return Compared(name, tuple(sides[before][1:]), tuple(sides[now][1:]))


def _child(tree: Path, name: str) -> Measured:
    command = python("-m", "bench.call", "netscope", f"torchvision/{name}")
    return Measured.read(run(command, tree=tree).stdout)


def report(found: Sequence[Compared]) -> str:
    """The tables: all networks together, then each."""
    header = ("network", "call", "before", "now", "ratio", "95%")
    together = []
    for what, take in TAKES.items():
        # The rounds of all networks: each has its own level, and the ratio has none.
        rounds = zip(*(network.ratios(take).values for network in found), strict=True)
        means = Samples.of(map(geometric_mean, rounds))
        together.append(
            (f"all {len(found)}, geometric mean", what, "", "", f"{means.median:.3f}", _within(means))
        )
    each = [network.row(what, take) for network in found for what, take in TAKES.items()]
    return f"{markdown.table(header, [*together, *each])}\n\n{_METHOD}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.against", description=__doc__)
    parser.add_argument("tree", type=Path, metavar="TREE", help="the other checkout, the one before")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"{ROUNDS} without it")
    parser.add_argument(
        "--networks",
        nargs="+",
        default=NETWORKS,
        metavar="NAME",
        help="of torchvision; those of the benchmark",
    )
    asked = parser.parse_args(arguments)
    before = asked.tree.resolve()
    if not (before / "bench" / "call.py").is_file():
        parser.error(f"{asked.tree} is no checkout of netscope")
    loads = [machine.load()]
    found = [compare(before, ROOT, name, asked.rounds) for name in asked.networks]
    loads.append(machine.load())
    print(report(found), end="")
    print(f"\n{asked.rounds} rounds; load {loads[0]:.2f} at the start, {loads[1]:.2f} at the end.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
