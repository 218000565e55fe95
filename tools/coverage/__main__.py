"""A public score: `python -m tools.coverage [--only PATTERN ...] [--limit N] [--jobs N] [--again] [--keep]`.

Every network of torchvision, timm, transformers, netscope's zoo and the packages of `packages`, each in a
process of its own with a limit of time: whether it is summarised, how, and what others who count say of it.
Results go to build/coverage/RESULTS.jsonl one by one. What is there for the same source of netscope and the
same version of its library is not done again, so that an interrupted run goes on where it was. The report,
reports/coverage.md and .json, is written at the end of a run, and by `--report` without one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from importlib import metadata
from typing import IO, Any, Final, Self

from tools.coverage import report, results
from tools.coverage.families import UNFIT, titles
from tools.coverage.results import ROOT, Record, Results

_LOGS: Final = ROOT / "build" / "coverage" / "logs"
_VERSIONS: Final = ("netscope", "torch")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is left, write the report."""
    parser = argparse.ArgumentParser(prog="python -m tools.coverage", description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="PATTERN", help="networks: 'timm/vit_*', 'diffusers/*'"
    )
    parser.add_argument("--limit", type=int, help="at most so many networks of each family, spread over it")
    parser.add_argument("--jobs", type=int, default=2, help="networks at a time")
    parser.add_argument("--again", action="store_true", help="try failures again")
    parser.add_argument(
        "--keep", action="store_true", help="results of other states of netscope's source stand"
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="of the processor, for a network; as many for oracles"
    )
    parser.add_argument("--memory", type=int, default=8192, help="MiB for a network")
    parser.add_argument(
        "--report", action="store_true", help="write the report of what there is, and no more"
    )
    asked = parser.parse_args(arguments)
    found = Results()
    if not asked.report:
        state = results.state()
        with Progress() as progress:
            for title in titles():
                if _asked_for(title, asked.only):
                    _family(title, asked, state, found, progress)
    write(Results())  # with what other runs have added meanwhile
    return 0


def _asked_for(title: str, patterns: Sequence[str] | None) -> bool:
    """Whether any network of a family may be meant."""
    return patterns is None or any(fnmatchcase(title, pattern.partition("/")[0]) for pattern in patterns)


def write(found: Results) -> None:
    """Both files of the report."""
    versions = {name: metadata.version(name) for name in _VERSIONS}
    document = results.document(found, titles(), UNFIT, versions)
    results.REPORT.write_text(results.text_of(document), encoding="utf-8")
    results.REPORT.with_suffix(".md").write_text(report.text_of(document), encoding="utf-8")
    sys.stderr.write(f"{report.head(Counter(map(report.verdict, document['networks'])))}\n")


class Progress:
    """How far it is, on stderr: a line that moves on a terminal, else a line now and then."""

    _EVERY: Final = 20

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._moves = console.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Bar(*columns, console=console, disable=not self._moves)
        self._failed = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, title: str, total: int) -> None:
        """A family with so many networks left."""
        self._title, self._total, self._done, self._failed = title, total, 0, 0
        self._task = self._bar.add_task(title, total=total)

    def done(self, record: Record) -> None:
        """One of them."""
        self._done += 1
        self._failed += "failed" in record
        said = f"{self._title}/{record['name']}: {record['error']}" if "failed" in record else ""
        self._bar.update(self._task, advance=1, description=f"{self._title}, {self._failed} failed")
        if self._moves:
            if said:
                self._bar.console.print(said, highlight=False, markup=False)
        elif said or self._done % self._EVERY == 0 or self._done == self._total:
            self.say(f"{self._title} {self._done} of {self._total}, {self._failed} failed  {said}".rstrip())

    def say(self, text: str) -> None:
        """A line."""
        print(text, file=sys.stderr, flush=True)


def _family(title: str, asked: Any, state: str, found: Results, progress: Progress) -> None:
    """All that is left of a family, by as many servers as there are jobs."""
    first = Server(title, asked)
    hello = first.answer()
    if hello is None or "names" not in hello:
        error = "its process ended" if hello is None else hello["error"]
        progress.say(f"{title}: {error}")
        found.add({"family": title, "state": state, "version": _version(title), "error": error})
        first.end()
        return
    version, names = hello["version"], hello["names"]
    about = {"family": title, "state": state, "version": version, "names": names}
    if found.families.get(title) != about:
        found.add(about)
    wanted = [name for name in names if any(fnmatchcase(f"{title}/{name}", p) for p in asked.only or ["*"])]
    if asked.limit is not None and len(wanted) > asked.limit:
        wanted = [wanted[index * len(wanted) // asked.limit] for index in range(asked.limit)]
    left = [n for n in wanted if not found.has(title, n, None if asked.keep else state, version, asked.again)]
    progress.begin(title, len(left))
    queue, lock = iter(left), threading.Lock()

    def work(server: Server | None) -> None:
        for name in _each(queue, lock):
            if server is None:
                server = Server(title, asked)
                server.answer()
            told = server.ask(name)
            if told is None:  # a server never ends by itself
                told = {"name": name, "failed": "crash", "error": "the process that forks for it died"}
                server.end()
                server = None
            record = {"family": title, "state": state, "version": version, **told}
            with lock:
                found.add(record)
                progress.done(record)
        if server is not None:
            server.end()

    count = max(1, min(asked.jobs, len(left)))
    threads = [
        threading.Thread(target=work, args=(first if not n else None,), daemon=True) for n in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _each(names: Iterator[str], lock: threading.Lock) -> Iterator[str]:
    """The names, each for one of the threads that share them."""
    while True:
        with lock:
            name = next(names, None)
        if name is None:
            return
        yield name


def _version(title: str) -> str:
    from tools.coverage.families import family

    try:
        return family(title).version
    except Exception:  # noqa: BLE001 - whatever kept it from being imported
        return ""


class Server:
    """A process of `tools.coverage.server`."""

    def __init__(self, title: str, asked: Any) -> None:
        _LOGS.mkdir(parents=True, exist_ok=True)
        self._log: IO[str] = (_LOGS / f"{title}.log").open("a", encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "tools.coverage.server",
            title,
            f"{asked.seconds:g}",
            str(asked.memory),
        ]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )

    def answer(self) -> dict[str, Any] | None:
        """Its next line; None if it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def ask(self, name: str) -> dict[str, Any] | None:
        """What it finds out about a network."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{name}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        return self.answer()

    def end(self) -> None:
        """It ends when there are no more names."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._log.close()


if __name__ == "__main__":
    sys.exit(main())
