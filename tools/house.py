"""`python -m tools.house [--tree PATH] [--against PATH]`: the house in figures, as a Markdown table.

How wide it is (names at the top level), how it hangs together (edges and circles of imports), and what
`netscope summary alexnet` has to load of it. `--against` puts another checkout before this one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tools import imports

ROOT: Final = Path(__file__).resolve().parents[1]
ROUNDS: Final = 9
COMMAND: Final = ("summary", "alexnet")

# What makes text of answers: the folder, and what it was before it was one.
_SHOW: Final = ("show",)
_SHOW_BEFORE: Final = tuple("render differences columns table figures operators tree export".split())

_METHOD: Final = """\
Rooms are the files and folders at the top level of `netscope/`. Imports are read from the source; those for
type checkers are left out, those inside functions are counted where the line says so. The CPU time of own
modules is measured in the running command, with bytecode compiled: a clock stands at the two places where
Python imports, the search for a module and the execution of its body, and what passes is put down to the
innermost module that is being imported, so that one of netscope does not pay for what it imports. Medians of
{rounds} fresh processes of each kind, which take turns after a round that is not kept."""

# Runs the command as its script does, and writes what it took to the file that comes first.
_PROBE: Final = """\
import importlib.machinery as machinery, json, sys, time
clock = time.process_time_ns
spent, stack, last = {}, ["__main__"], clock()
def turn():
    global last
    now = clock()
    spent[stack[-1]] = spent.get(stack[-1], 0) + now - last
    last = now
def within(name, call, *arguments):
    turn()
    stack.append(name)
    try:
        return call(*arguments)
    finally:
        turn()
        stack.pop()
class Finder:
    def find_spec(self, name, path=None, target=None):
        return within(name, self.search, name, path, target)
    def search(self, *asked):
        for finder in sys.meta_path[1:]:
            spec = finder.find_spec(*asked) if hasattr(finder, "find_spec") else None
            if spec is not None:
                return spec
for loader in (machinery.SourceFileLoader, machinery.SourcelessFileLoader, machinery.ExtensionFileLoader):
    for method in {"create_module", "exec_module"} & set(dir(loader)):
        def timed(self, subject, call=getattr(loader, method)):
            return within((getattr(subject, "__spec__", None) or subject).name, call, self, subject)
        setattr(loader, method, timed)
sys.meta_path.insert(0, Finder())
into, sys.argv = sys.argv[1], ["netscope", *sys.argv[2:]]
from netscope.cli import main
code = main()
turn()
own = {name: ns for name, ns in spent.items() if name.partition(".")[0] == "netscope"}
loaded = [name for name in sys.modules if name.partition(".")[0] == "netscope"]
where = sys.modules["netscope"].__file__
json.dump({"own": own, "loaded": loaded, "code": code, "where": where}, open(into, "w"))
"""

_IMPORT_TORCH: Final = """\
import json, sys, time
before = time.process_time_ns()
import torch
json.dump(time.process_time_ns() - before, open(sys.argv[1], "w"))
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the command loads of netscope's own modules: how many, and their CPU time in ns by name."""

    modules: int
    spent: Mapping[str, int]

    @property
    def ns(self) -> int:
        """CPU time of all together."""
        return sum(self.spent.values())


@dataclass(frozen=True, slots=True)
class House:
    """One checkout, measured."""

    files: int
    folders: int
    modules: int
    edges: tuple[int, int]
    rooms_in_circles: tuple[list[int], list[int]]
    circles: list[tuple[int, bool]]
    loaded: int
    own_ns: float
    torch_ns: float
    show: int
    readme: int


def structure(tree: Path) -> tuple[list[imports.Import], list[imports.Import]]:
    """Imports of a checkout's package: those that happen on import alone, and all."""
    found = imports.imports(tree / "netscope")
    return [i for i in found if not i.lazy], found


def lines_of_show(package: Path) -> int:
    """Lines of Python that make text of answers."""
    places = _SHOW if (package / "show").is_dir() else _SHOW_BEFORE
    files = [path for place in places for path in (package / place).rglob("*.py")]
    files += [path for place in places if (path := package / f"{place}.py").is_file()]
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


def measure(trees: Sequence[Path], rounds: int = ROUNDS) -> list[House]:
    """The houses, whose commands take turns with each other and with `import torch`."""
    summaries: list[list[Loaded]] = [[] for _ in trees]
    torch: list[int] = []
    for number in range(rounds + 1):
        sys.stderr.write(f"house: round {number} of {rounds}\n")
        ran = [_loaded(tree) for tree in trees]
        took = int(_probed(_IMPORT_TORCH, trees[0]))  # type: ignore[call-overload]
        if number:  # the first compiles bytecode and warms the page cache
            torch.append(took)
            for kept, new in zip(summaries, ran, strict=True):
                kept.append(new)
    return [_house(tree, runs, torch) for tree, runs in zip(trees, summaries, strict=True)]


def _house(tree: Path, runs: Sequence[Loaded], torch: Sequence[int]) -> House:
    files, folders = imports.rooms(tree / "netscope")
    found = structure(tree)
    rooms = [imports.edges(i.rooms for i in part) for part in found]
    circles = imports.circles(imports.edges(i.modules for i in found[1]))
    at_import, everywhere = ([len(circle) for circle in imports.circles(part)] for part in rooms)
    return House(
        files=len(files),
        folders=len(folders),
        modules=len(imports.modules(tree / "netscope")),
        edges=(len(rooms[0]), len(rooms[1])),
        rooms_in_circles=(at_import, everywhere),
        circles=[(len(circle), imports.within_one_folder(circle)) for circle in circles],
        loaded=runs[0].modules,
        own_ns=median(run.ns for run in runs),
        torch_ns=median(torch),
        show=lines_of_show(tree / "netscope"),
        readme=(tree / "README.md").stat().st_size,
    )


def _loaded(tree: Path) -> Loaded:
    told = _probed(_PROBE, tree, *COMMAND)
    assert isinstance(told, dict)
    if told["code"] or not Path(told["where"]).is_relative_to(tree):
        raise RuntimeError(f"netscope {' '.join(COMMAND)} did not run from {tree}: {told['where']}")
    return Loaded(len(told["loaded"]), told["own"])


def _probed(program: str, tree: Path, *arguments: str) -> object:
    """What a fresh process writes, with the checkout's netscope and as a user's shell would run it."""
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        subprocess.run(
            [sys.executable, "-c", program, str(told), *arguments],
            check=True,
            cwd=tree,
            env=quiet | {"PYTHONPATH": str(tree)},
            stdout=subprocess.DEVNULL,
        )
        result: object = json.loads(told.read_text(encoding="utf-8"))
        return result


def _sizes(circles: Sequence[int], unit: str) -> str:
    return f"{len(circles)} (of {', '.join(map(str, circles))} {unit})" if circles else "0"


def _circles(circles: Sequence[tuple[int, bool]]) -> str:
    if not circles:
        return "0"
    return ", ".join(f"{size} {'within a folder' if one else 'across folders'}" for size, one in circles)


_LINES: Final[dict[str, Callable[[House], str]]] = {
    "names at the top level": lambda h: f"{h.files + h.folders} ({h.files} files, {h.folders} folders)",
    "modules": lambda h: f"{h.modules}",
    "edges between rooms, at import": lambda h: f"{h.edges[0]}",
    "edges between rooms, inside functions too": lambda h: f"{h.edges[1]}",
    "circles of rooms, at import": lambda h: _sizes(h.rooms_in_circles[0], "rooms"),
    "circles of rooms, inside functions too": lambda h: _sizes(h.rooms_in_circles[1], "rooms"),
    "circles of modules, inside functions too": lambda h: _circles(h.circles),
    f"own modules that `netscope {' '.join(COMMAND)}` loads": lambda h: f"{h.loaded}",
    "their CPU time": lambda h: f"{h.own_ns / 1e6:.1f} ms",
    "the same, of the CPU time of `import torch`": lambda h: (
        f"{h.own_ns / h.torch_ns:.1%} (of {h.torch_ns / 1e6:.0f} ms)"
    ),
    "lines that make text of answers": lambda h: f"{h.show:,}",
    "README": lambda h: f"{h.readme:,} bytes",
}


def table(houses: Mapping[str, House], rounds: int = ROUNDS) -> str:
    """A Markdown table with a column for each house, and how it was measured."""
    lines = [f"| | {' | '.join(houses)} |", "|---|" + "---|" * len(houses)]
    for line, told in _LINES.items():
        lines.append(f"| {line} | {' | '.join(told(house) for house in houses.values())} |")
    return "\n".join([*lines, "", _METHOD.format(rounds=rounds)]) + "\n"


def heaviest(tree: Path, most: int = 20) -> str:
    """Own modules of the command by their CPU time, for one who wants fewer."""
    spent = sorted(_loaded(tree).spent.items(), key=lambda pair: -pair[1])[:most]
    return "".join(f"{ns / 1e6:8.2f} ms  {name}\n" for name, ns in spent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tools.house", description=__doc__)
    parser.add_argument(
        "--tree", type=Path, default=ROOT, help="the checkout to measure; this one without it"
    )
    parser.add_argument("--against", type=Path, help="the checkout that stands before it")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"fresh processes; {ROUNDS} without it")
    parser.add_argument(
        "--heaviest", action="store_true", help="list the modules that cost most, and no table"
    )
    asked = parser.parse_args(arguments)
    if asked.heaviest:
        print(heaviest(asked.tree.resolve()), end="")
        return 0
    trees = {"before": asked.against, "now": asked.tree} if asked.against else {"now": asked.tree}
    houses = measure([tree.resolve() for tree in trees.values()], asked.rounds)
    print(table(dict(zip(trees, houses, strict=True)), asked.rounds), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
