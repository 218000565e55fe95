"""Part: torchvision's networks and the zoo's. Nothing is timed."""

from __future__ import annotations

from typing import Final

from bench import networks, published, seeds
from bench.processes import progress
from bench.results import Figure, Grid, Part, all_of
from netscope.answers.verify.weights import published_params, weights_of
from netscope.base import units

TOLERANCE: Final = 0.006

_METHOD: Final = """\
Every network is summarised by its name, `netscope.summary("torchvision/NAME")`, and built for real with
torchvision's own builder and no weights; parameters are compared with the sum over `module.parameters()`.

Each published weight's `num_params` is compared with that summary. Where they differ, the network that
torchvision builds for that very weight is built too (its loading left out, so nothing is downloaded), the
difference is read off parameter by parameter, and netscope is asked for it twice: as a module, and by name
where an option of the builder makes the same network.

MACs are compared with `meta["_ops"]` at the crop size of the weight's own `transforms()`; the vision
transformers are built for it with `image_size`. Published figures are in G and rounded to three decimals,
which is 1.2% of the smallest: a deviation counts from the nearest number that rounds to what is printed, and
networks that are off by more as printed are named.
"""


def measure(pairs: int | None = None) -> Part:
    """Sweep everything. `pairs` is for the parts that take turns."""
    swept = networks.sweep()
    explained, as_built, weights = _against_published(swept)
    progress("correctness: multiply-accumulates of the classification weights")
    operations = sorted(published.operations(), key=lambda found: -abs(found.deviation))
    held = seeds.compare()
    return Part(
        "Correctness",
        _METHOD,
        (
            *_sweep_figures(swept),
            *_params_figures(explained, as_built, weights),
            *_operations_figures(operations),
            _seed_figure(held),
        ),
        (_explained_grid(explained), _operations_grid(operations)),
        tuple(f"- {network.name}: {wrong}" for network in held for wrong in network.wrong),
    )


def _against_published(swept: list[networks.Swept]) -> tuple[list[published.Explained], int, int]:
    """The weights that are not the network as built; how many are; how many there are."""
    explained = []
    as_built = total = 0
    for network in swept:
        for weight in weights_of(network.name):
            total += 1
            if network.params == published_params(weight):
                as_built += 1
            else:
                progress(f"correctness: the network of {weight}")
                explained.append(published.explain(network.name, weight, network.params or 0))
    return explained, as_built, total


def _sweep_figures(swept: list[networks.Swept]) -> tuple[Figure, ...]:
    failed = "; ".join(f"{network.name}: {network.error}" for network in swept if network.params is None)
    wrong = ", ".join(network.name for network in swept if network.params is not None and not network.agrees)
    uncounted = [network.name for network in swept if network.unknown]
    return (
        all_of(
            "torchvision's networks summarised", sum(n.params is not None for n in swept), len(swept), failed
        ),
        all_of("parameters as really built", sum(n.agrees for n in swept), len(swept), wrong),
        Figure(
            "networks with an operator that is not counted",
            "0",
            f"{len(uncounted)}" + (f": {', '.join(uncounted)}" if uncounted else ""),
            not uncounted,
        ),
        Figure("traced on", "", _rungs(swept)),
    )


def _rungs(swept: list[networks.Swept]) -> str:
    rungs = [network.rung for network in swept if network.rung]
    return ", ".join(f"{rung} {rungs.count(rung)}" for rung in dict.fromkeys(rungs))


def _params_figures(explained: list[published.Explained], as_built: int, total: int) -> tuple[Figure, ...]:
    accounted = [weight for weight in explained if weight.accounted_for]
    unexplained = ", ".join(weight.weight for weight in explained if not weight.accounted_for)
    return (
        all_of(
            "published `num_params` of the weights whose configuration is the built one",
            as_built,
            total - len(accounted),
            f"{len(explained)} more are configured otherwise",
        ),
        all_of(
            "published `num_params` of the others, once configured as they are",
            len(accounted),
            len(explained),
            unexplained,
        ),
    )


def _operations_figures(operations: list[published.Operations]) -> tuple[Figure, ...]:
    close = [o for o in operations if o.beyond_rounding <= TOLERANCE]
    printed = [o for o in operations if abs(o.deviation) > TOLERANCE]
    outside = ", ".join(o.weight for o in operations if o.beyond_rounding > TOLERANCE)
    same = sum(o.same_as_printed for o in operations)
    rounded = "; ".join(
        f"{o.weight.partition('.')[0]} {o.macs / 1e9:.4f} printed as {o.published}" for o in printed
    )
    return (
        all_of("GMACs of the classification weights within 0.6%", len(close), len(operations), outside),
        Figure("… that round to the printed number itself", "", f"{same:,} of {len(operations):,}"),
        Figure(
            "… further than 0.6% from it as printed",
            "",
            f"{len(printed)}" + (f": {rounded}" if rounded else ""),
        ),
    )


def _seed_figure(held: list[seeds.Held]) -> Figure:
    rows = sum(network.rows for network in held)
    wrong = sum(len(network.wrong) for network in held)
    names = ", ".join(network.name for network in held)
    return Figure(
        f"rows worked out by hand ({names})",
        f"{rows} of {rows}",
        f"{wrong} wrong" if wrong else f"{rows} of {rows}, and all totals",
        not wrong,
    )


def _explained_grid(explained: list[published.Explained]) -> Grid:
    return Grid(
        f"The {len(explained)} weights whose network is not the one built without weights:",
        (
            "weight",
            "published",
            "as built",
            "reason",
            "netscope on its network",
            "by name",
            "netscope by name",
        ),
        tuple(
            (
                f"`{weight.weight}`",
                units.count(weight.published),
                units.count(weight.as_built),
                weight.reason or "**unknown**",
                units.count(weight.params),
                f"`{weight.option}`" if weight.option else "no option of the builder",
                "" if weight.by_name is None else units.count(weight.by_name),
            )
            for weight in explained
        ),
    )


def _operations_grid(operations: list[published.Operations], rows: int = 12) -> Grid:
    return Grid(
        f"The {rows} classification weights whose printed GMACs are furthest from netscope's:",
        ("weight", "crop", "GMACs published", "GMACs", "off", "off beyond rounding"),
        tuple(
            (
                f"`{found.weight}`",
                str(found.crop),
                str(found.published),
                f"{found.macs / 1e9:.6f}",
                f"{found.deviation:+.2%}",
                f"{found.beyond_rounding:.2%}",
            )
            for found in operations[:rows]
        ),
    )
