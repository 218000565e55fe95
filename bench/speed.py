"""Part: building and tracing from a name, against torchinfo on the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from bench.call import IMAGE, OWN, SHARED, Measured
from bench.processes import in_turns, progress, python, run
from bench.results import Figure, Grid, Part
from bench.samples import Pairs, Samples, geometric_mean
from netscope.base import units

NETWORKS: Final = ("alexnet", "vgg16", "resnet50", "vit_b_16", "swin_t", "convnext_base", "densenet201")
OPPONENTS: Final = ("torchinfo", "torchinfo-meta")
# No opponent: what building on meta and a forward take by themselves.
BARE: Final = "bare"
CONTESTANTS: Final = ("netscope", *OPPONENTS, BARE)
PAIRS: Final = 5

ON_CPU: Final = 10.0
ON_META: Final = 5.0
ON_META_AIM: Final = 10.0

_METHOD: Final = """\
One fresh process for each sample, the contestants in turns, after one round that is not kept. These are
imported before the clock starts: {shared} for all; then {own}; or `torchinfo`, whose import brings all of it.
The first call in a process is what counts, the second is given beside it ("warm"). Neither side turns its
result into text.

- netscope: `netscope.summary("torchvision/NAME")`, whose example input is one image of 224×224.
- torchinfo on the CPU: `summary(get_model(NAME, weights=None), (1, 3, 224, 224), verbose=0, device="cpu")`.
- torchinfo on meta, its best case: the network built under `torch.device("meta")`, then
  `summary(network, input_data=a meta image, verbose=0, device="meta")`.
- bare: torch alone, for comparison. The network built under `torch.device("meta")`, and one forward of a
  meta image without gradients; nothing is looked at, nothing is written down.

Times are wall seconds, medians over the processes. A ratio is the median of the ratios of each round, theirs
over ours; its smallest and largest stand behind it. On a busy machine torchinfo's forward, which runs on all
cores, is held up more than netscope. So "best" compares the quickest process of each side, and a target is
met only if both ratios meet it.
"""


@dataclass(frozen=True, slots=True)
class Raced:
    """One network: what every contestant measured, round by round."""

    name: str
    runs: dict[str, list[Measured]]

    def pairs(self, opponent: str, call: str = "first") -> Pairs:
        """Wall seconds of netscope beside those of an opponent; `call` is "first" or "second"."""
        return Pairs(self.walls("netscope", call), self.walls(opponent, call))

    def walls(self, contestant: str, call: str = "first") -> Samples:
        """Wall seconds of a contestant's calls."""
        return Samples.of(getattr(run, call).wall for run in self.runs[contestant])

    def with_imports(self, opponent: str) -> Pairs:
        """First calls with what importing each side's own modules took."""
        return self._adjusted(opponent, lambda run: run.first.wall + run.imports)

    def without_collecting(self, opponent: str) -> Pairs:
        """First calls less what collecting garbage took on each side."""
        return self._adjusted(opponent, lambda run: run.first.wall - run.first.collecting)

    def _adjusted(self, opponent: str, seconds: Callable[[Measured], float]) -> Pairs:
        return Pairs(*(Samples.of(map(seconds, self.runs[side])) for side in ("netscope", opponent)))

    @property
    def fair(self) -> bool:
        """Whether all saw the same network at the same input."""
        everyone = [run for runs in self.runs.values() for run in runs]
        return len({run.params for run in everyone}) == 1 and all(
            run.inputs in ((), (IMAGE,)) for run in everyone
        )


def measure(pairs: int | None = None) -> Part:
    """Race on all networks, `pairs` rounds each."""
    raced = [_race(name, pairs or PAIRS) for name in NETWORKS]
    return Part(
        "Speed",
        _METHOD.format(shared=_listed(SHARED), own=_listed(OWN["netscope"])),
        (*(_cpu_figure(network) for network in raced), *_meta_figures(raced)),
        tuple(_grid(raced, call) for call in ("first", "second")),
        _remarks(raced),
    )


def _race(name: str, rounds: int) -> Raced:
    progress(f"speed: {name}, {rounds} rounds of {', '.join(CONTESTANTS)}")
    raced = Raced(name, in_turns({who: partial(_child, who, name) for who in CONTESTANTS}, rounds))
    if not raced.fair:
        raise RuntimeError(f"the contestants were not given the same {name}")
    return raced


def _child(contestant: str, name: str) -> Measured:
    return Measured.read(run(python("-m", "bench.call", contestant, f"torchvision/{name}")).stdout)


def _cpu_figure(network: Raced) -> Figure:
    pairs = network.pairs("torchinfo")
    ratio = pairs.speedups.median
    return Figure(
        f"`{network.name}`, first call, against torchinfo on the CPU",
        f"≥ {ON_CPU:.0f} times as fast",
        f"{_ratio(ratio)} ({units.seconds(pairs.ours.median)} "
        f"against {units.seconds(pairs.theirs.median)}), best {_ratio(pairs.best)}",
        min(ratio, pairs.best) >= ON_CPU,
    )


def _meta_figures(raced: list[Raced]) -> tuple[Figure, ...]:
    line = f"all {len(raced)}, geometric mean, against torchinfo on meta"
    first, second = (_means([n.pairs("torchinfo-meta", call) for n in raced]) for call in ("first", "second"))
    return (
        Figure(
            f"{line}, first call",
            f"≥ {ON_META:.0f} times as fast, aim {ON_META_AIM:.0f}",
            f"{_ratio(first[0])}, best {_ratio(first[1])}",
            min(first) >= ON_META,
        ),
        Figure(f"{line}, warm", "", f"{_ratio(second[0])}, best {_ratio(second[1])}"),
        _bare_figure(raced),
    )


def _bare_figure(raced: list[Raced]) -> Figure:
    """How much faster than torchinfo something would be that builds, runs once and does nothing else."""
    races = [Pairs(n.walls(BARE), n.walls("torchinfo-meta")) for n in raced]
    median, best = _means(races)
    return Figure(
        f"all {len(raced)}, geometric mean, of torch alone against torchinfo on meta, first call",
        "",
        f"{_ratio(median)}, best {_ratio(best)}",
    )


def _means(races: list[Pairs]) -> tuple[float, float]:
    """Geometric means of the median ratios, and of those of the quickest."""
    medians = geometric_mean(pairs.speedups.median for pairs in races)
    return medians, geometric_mean(pairs.best for pairs in races)


def _grid(raced: list[Raced], call: str) -> Grid:
    rounds = len(raced[0].runs["netscope"])
    which = "First calls" if call == "first" else "Warm: second calls in the same processes"
    return Grid(
        f"{which}, medians of {rounds}:",
        (
            "network",
            "netscope",
            "torchinfo, CPU",
            "ratio",
            "best",
            "torchinfo, meta",
            "ratio",
            "best",
            "bare",
        ),
        tuple(_grid_row(network, call) for network in raced),
    )


def _grid_row(network: Raced, call: str) -> tuple[str, ...]:
    cells = [f"`{network.name}`", _seconds(network.walls("netscope", call))]
    for opponent in OPPONENTS:
        pairs = network.pairs(opponent, call)
        speedups = pairs.speedups
        cells += [
            _seconds(pairs.theirs),
            f"{_ratio(speedups.median)} ({speedups.least:.1f} to {speedups.most:.1f})",
            _ratio(pairs.best),
        ]
    return (*cells, _seconds(network.walls(BARE, call)))


def _remarks(raced: list[Raced]) -> tuple[str, str]:
    """What stays outside the clock, what came in, and what the collector had to do with it."""
    ours, theirs = (
        Samples.of(run.imports for network in raced for run in network.runs[side]).median
        for side in ("netscope", "torchinfo")
    )
    late = sorted({name for n in raced for run in n.runs["netscope"] for name in run.imported_meanwhile})
    imports = (
        f"Importing the contestant's own modules took {units.seconds(ours)} (netscope) and "
        f"{units.seconds(theirs)} (torchinfo). "
        f"{_otherwise(raced, 'With it on both sides', Raced.with_imports)} "
        f"Modules that netscope imported while the clock ran: {_listed(late) or 'none'}."
    )
    collecting = (
        "A collection of all the garbage in a process that has imported torchvision takes as long as many a "
        "trace, and falls into the calls that allocate most. netscope pauses the collector during a call. "
        + _otherwise(raced, "Less the time spent collecting, on both sides,", Raced.without_collecting)
    )
    return imports, collecting


def _otherwise(raced: list[Raced], if_so: str, pairs: Callable[[Raced, str], Pairs]) -> str:
    cpu = min(pairs(network, "torchinfo").speedups.median for network in raced)
    meta = geometric_mean(pairs(network, "torchinfo-meta").speedups.median for network in raced)
    return (
        f"{if_so} the smallest ratio against the CPU would be {_ratio(cpu)} and the geometric mean against "
        f"meta {_ratio(meta)}."
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _seconds(samples: Samples) -> str:
    return units.seconds(samples.median)


def _ratio(ratio: float) -> str:
    return f"{ratio:.1f}×"
