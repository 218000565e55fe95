"""Part: whole processes, from the command line's Enter to its next prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Final

from bench.processes import Finished, in_turns, netscope, progress, python, run
from bench.results import Figure, Grid, Part
from bench.samples import Pairs, Samples
from netscope.base import units

PAIRS: Final = 9

COST: Final = 1.15
AT_ONCE: Final = 0.3

# What must not be imported on the way to a network of the zoo.
HEAVY: Final = ("torchvision", "sympy", "torch._dynamo", "pandas")

_ALEXNET: Final = ("summary", "alexnet", "--input", "3x227x227")

# Each command stands beside the import that it is compared with, and both take turns.
_BESIDE: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (_ALEXNET, "torch"),
    (("summary", "torchvision/alexnet"), "torchvision"),
    (("summary", "torchvision/resnet50"), "torchvision"),
)

# What the shell has typed when Tab is pressed; the last word is being completed.
_COMPLETED: Final = ("netscope su", "netscope summary alex", "netscope summary torchvision/res")

_METHOD: Final = """\
Whole processes, timed from outside: start, imports, work, text into a pipe, exit. Contestants take turns,
after one round that is not kept; medians of {rounds}, and ratios of medians. Bytecode is compiled and files
are in the page cache. netscope's command imports with garbage collection off, `python -c` as Python does,
which is how it can take less than the import alone. Completion is asked for as bash asks
(`_NETSCOPE_COMPLETE=complete_bash`, `COMP_WORDS`, `COMP_CWORD`).
"""


def measure(pairs: int | None = None) -> Part:
    """Time every command, `pairs` rounds each."""
    rounds = pairs or PAIRS
    compared = [_compare(command, module, rounds) for command, module in _BESIDE]
    progress(f"coldstart: help and completion, {rounds} rounds")
    at_once = in_turns(
        {
            "netscope --help": partial(run, netscope("--help")),
            **{f"completion of `{typed}`": partial(_complete, typed) for typed in _COMPLETED},
        },
        rounds,
    )
    return Part(
        "Cold start",
        _METHOD.format(rounds=rounds),
        (
            *(
                _cost_figure(command, module, walls)
                for (command, module), walls in zip(_BESIDE, compared, strict=True)
            ),
            _heavy_figure(),
            *(_at_once_figure(name, _walls(finished)) for name, finished in at_once.items()),
        ),
        (_grid(compared),),
    )


def _compare(command: Sequence[str], module: str, rounds: int) -> Pairs:
    progress(f"coldstart: netscope {' '.join(command)} beside import {module}, {rounds} rounds")
    finished = in_turns(
        {
            "ours": partial(run, netscope(*command)),
            "theirs": partial(run, python("-c", f"import {module}")),
        },
        rounds,
    )
    return Pairs(_walls(finished["ours"]), _walls(finished["theirs"]))


def _walls(finished: list[Finished]) -> Samples:
    return Samples.of(process.wall for process in finished)


def _complete(typed: str) -> Finished:
    """What the completion function of bash does when Tab is pressed behind this."""
    finished = run(
        netscope(),
        {
            "_NETSCOPE_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(typed.split(" ")) - 1),
        },
    )
    last = typed.rpartition(" ")[2]
    if not any(line.startswith(last) for line in finished.stdout.splitlines()):
        raise RuntimeError(f"nothing completes {typed!r}: {finished.stdout!r}")
    return finished


def _cost_figure(command: Sequence[str], module: str, walls: Pairs) -> Figure:
    return Figure(
        f"`netscope {' '.join(command)}` against `import {module}`",
        f"≤ {COST} times as long",
        f"{walls.cost:.2f}× ({units.seconds(walls.ours.median)} "
        f"against {units.seconds(walls.theirs.median)})",
        walls.cost <= COST,
    )


def _heavy_figure() -> Figure:
    """Ask a process that has just run the command what it has imported."""
    program = (
        "import json, sys; from netscope.cli import main; "
        f"assert main({list(_ALEXNET)!r}) == 0; "
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    imported = json.loads(run(python("-c", program)).stdout.splitlines()[-1])
    return Figure(
        f"of {', '.join(HEAVY)}, imported by `netscope {' '.join(_ALEXNET)}`",
        "none",
        ", ".join(imported) or "none",
        not imported,
    )


def _at_once_figure(name: str, walls: Samples) -> Figure:
    line = f"`{name}`" if name.startswith("netscope") else name
    return Figure(
        line,
        f"≤ {units.seconds(AT_ONCE)}",
        f"{units.seconds(walls.median)} ({units.seconds(walls.least)} to {units.seconds(walls.most)})",
        walls.median <= AT_ONCE,
    )


def _grid(compared: list[Pairs]) -> Grid:
    return Grid(
        "Whole processes:",
        ("command", "median", "least", "most"),
        tuple(
            row
            for (command, module), walls in zip(_BESIDE, compared, strict=True)
            for row in (
                _grid_row(f"netscope {' '.join(command)}", walls.ours),
                _grid_row(f'python -c "import {module}"', walls.theirs),
            )
        ),
    )


def _grid_row(command: str, walls: Samples) -> tuple[str, ...]:
    return (f"`{command}`", *map(units.seconds, (walls.median, walls.least, walls.most)))
