"""Fresh processes, timed from outside, in turns."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

ROOT: Final = Path(__file__).resolve().parents[1]

# Settings of the shell that would be measured instead of the program: without bytecode every import compiles.
_DISTURBING: Final = (
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "PYTHONPROFILEIMPORTTIME",
    "PYTHONMALLOC",
    "PYTHONDEVMODE",
    "PYTHONUNBUFFERED",
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ran to its end. `wall` and `cpu` (user and system, all threads) are in seconds."""

    wall: float
    cpu: float
    stdout: str
    stderr: str


def run(command: Sequence[str], extra: Mapping[str, str] | None = None, tree: Path = ROOT) -> Finished:
    """Run a command from a checkout's root and time it whole, from its start to its end.

    extra:
        environment variables to set for it.
    tree:
        the checkout, whose netscope is imported; this one without it.

    Raises:
        RuntimeError: it failed; the message has the end of what it said.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _DISTURBING}
    environment.update(extra or {}, PYTHONPATH=str(tree))
    before = _children_cpu()
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - commands that this package spells out
        list(command), cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - started
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {said}")
    return Finished(wall, _children_cpu() - before, done.stdout, done.stderr)


def python(*arguments: str) -> list[str]:
    """A command for this Python."""
    return [sys.executable, *arguments]


def netscope(*arguments: str) -> list[str]:
    """A command for netscope: the installed script where there is one, else the module."""
    script = Path(sys.executable).with_name("netscope")
    return [str(script), *arguments] if script.exists() else python("-m", "netscope", *arguments)


def in_turns(contestants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Call each contestant once a round, in the same order; one more round comes first and is not kept.

    That first round compiles bytecode and fills the page cache for all of them.
    """
    for contestant in contestants.values():
        contestant()
    results: dict[str, list[T]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            results[name].append(contestant())
    return results


def progress(text: str) -> None:
    """Tell who waits what is being measured."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
