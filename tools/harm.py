"""What netscope does to others: `python -m tools.harm [KIND ...] [--count N] [--seed S]`.

interrupts:
    Ctrl-C at random instants of a summary, of a trace that needs values, and of a profile; then whether
    everything is as it was, by `tests.owners.describe`.
threads:
    forwards and random numbers of other threads beside summaries, and summaries of ten threads at once.
forks:
    children that are forked while another thread summarises, and summarise themselves.
survivors:
    tensors that live on after the summaries of torchvision's networks, and of some of transformers'.

The work is done by processes of `tools.harm_work`, so that one that dies or hangs is counted too. The exit
code is 1 when any harm was done.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]

# Which share of all interrupts each gets: a profile takes a second, and the others milliseconds.
SHARES: Final = {"summary": 0.7, "values": 0.26, "profile": 0.04}
# A worker that tells nothing for so long hangs.
_SILENCE: Final = 120.0
# Told of every trial, and no harm.
_PLAIN: Final = frozenset(
    {"trials", "interrupted", "finished", "forwards", "numbers", "summaries", "networks"}
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked, print figures; 1 when there was harm."""
    parser = argparse.ArgumentParser(prog="python -m tools.harm", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)}; all without one")
    parser.add_argument("--count", type=int, help="interrupts, summaries beside threads, forks, or networks")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    asked = parser.parse_args(arguments)
    unknown = set(asked.kinds) - set(KINDS)
    if unknown:
        parser.error(f"no kind is {', '.join(sorted(unknown))}")
    harmed = False
    for kind in asked.kinds or KINDS:
        started = time.monotonic()
        for what, counts in KINDS[kind](asked.count, asked.seed):
            harmed |= bool(harm(counts))
            print(f"{kind:10} {what:12} {said(counts)}", flush=True)
        print(f"{kind:10} took {time.monotonic() - started:.0f} s", flush=True)
    return int(harmed)


def harm(counts: Counter[str]) -> dict[str, int]:
    """Those of the counts that should be none."""
    return {key: count for key, count in counts.items() if count and key not in _PLAIN}


def said(counts: Counter[str]) -> str:
    """In a line, what is plain first."""
    plain = [f"{key} {counts[key]:,}" for key in counts if key in _PLAIN]
    found = [f"{key} {count:,}" for key, count in sorted(harm(counts).items())]
    return f"{', '.join(plain)}: {', '.join(found) or 'no harm'}"


def interrupts(count: int | None, seed: int) -> Iterator[tuple[str, Counter[str]]]:
    """A worker goes on until the process itself is harmed; the rest is another's."""
    for case, share in SHARES.items():
        counts: Counter[str] = Counter()
        wanted = round((2000 if count is None else count) * share)
        while (left := wanted - counts["trials"] + counts["finished"]) > 0:
            seed += 1
            made = worked("interrupts", case, str(left), str(seed))
            counts += made
            if not made["trials"]:  # it died without a word, and must not be asked for ever
                break
        yield case, counts


def threads(count: int | None, seed: int) -> Iterator[tuple[str, Counter[str]]]:
    """One model in two threads, and ten models in ten."""
    yield "beside", worked("beside", str(300 if count is None else count))
    yield "together", worked("together", str(10 if count is None else max(1, count // 30)))


def forks(count: int | None, seed: int) -> Iterator[tuple[str, Counter[str]]]:
    """Children of a process that is tracing."""
    yield "children", worked("forks", str(200 if count is None else count))


def survivors(count: int | None, seed: int) -> Iterator[tuple[str, Counter[str]]]:
    """All networks of torchvision, and 60 kinds of transformers."""
    yield "torchvision", worked("survivors", "torchvision", str(1000 if count is None else count))
    yield "transformers", worked("survivors", "hf", str(60 if count is None else count))


KINDS: Final[dict[str, Callable[[int | None, int], Iterator[tuple[str, Counter[str]]]]]] = {
    "interrupts": interrupts,
    "threads": threads,
    "forks": forks,
    "survivors": survivors,
}


def worked(*arguments: str) -> Counter[str]:
    """What a worker counted: the sum of the lines it told, and how it ended where that is harm."""
    command = [sys.executable, "-m", "tools.harm_work", *arguments]
    counts: Counter[str] = Counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        watched = _Watched(process)
        for line in process.stdout:
            watched.heard()
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                for note in told.pop("notes"):
                    print(f"  {note}", flush=True)
                counts.update(told)
        watched.stop()
    if watched.hung:
        counts["hung"] += 1
    elif process.returncode:
        counts["died"] += 1
    return counts


class _Watched:
    """Ends a process that tells nothing any more."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        import threading

        self.hung = False
        self._process = process
        self._heard = threading.Event()
        self._done = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def heard(self) -> None:
        self._heard.set()

    def stop(self) -> None:
        self._done = True
        self._heard.set()

    def _watch(self) -> None:
        while not self._done:
            self._heard.clear()
            if not self._heard.wait(_SILENCE) and not self._done:
                self.hung = True
                self._process.kill()
                return


if __name__ == "__main__":
    sys.exit(main())
