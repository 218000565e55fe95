"""Predictions of memory against what torch says: `python -m tools.memory_report [--fresh] [--only NAME]`.

Each section measures its cases, one after another. What was measured goes to `.cache/memory_report.jsonl`, a
line a case, so that a run that was broken off goes on where it was. `reports/memory.md` then has all of it.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.memory_report.section import Result, Section
from tools.memory_report.sections import SECTIONS

ROOT: Final = Path(__file__).resolve().parents[2]
REPORT: Final = ROOT / "reports" / "memory.md"
RESULTS: Final = ROOT / ".cache" / "memory_report.jsonl"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what has not been measured, and write the report; 1 when a case failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.memory_report", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--only", choices=[section.name for section in SECTIONS], help="measure this section")
    parser.add_argument("--only-report", action="store_true", help="of what has been measured")
    asked = parser.parse_args(arguments)
    results = read(RESULTS)
    if asked.fresh:
        results = [] if asked.only is None else [one for one in results if one["section"] != asked.only]
        write(RESULTS, results)
    if not asked.only_report:
        for section in SECTIONS:
            if asked.only in (None, section.name):
                measure(section, RESULTS)
    results = read(RESULTS)
    REPORT.write_text(text(results), encoding="utf-8")
    failed = [one for one in results if "error" in one]
    for one in failed:
        print(f"failed: {one['section']} {one['case']}: {one['error']}", file=sys.stderr)
    return int(bool(failed))


def measure(section: Section, path: Path) -> None:
    """Every case of a section that has no line yet."""
    path.parent.mkdir(exist_ok=True)
    done = {one["case"] for one in read(path) if one["section"] == section.name}
    cases = section.cases()
    with path.open("a", encoding="utf-8") as file:
        for number, case in enumerate(cases, 1):
            if case in done:
                continue
            started = time.perf_counter()
            line: dict[str, object] = {"section": section.name, "case": case}
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    line |= section.measure(case)
            except Exception as error:  # noqa: BLE001 - it is a result
                line["error"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            line["seconds"] = round(time.perf_counter() - started, 1)
            gc.collect()
            file.write(json.dumps(line) + "\n")
            file.flush()
            print(f"{section.name}: {number} of {len(cases)}: {case}, {line['seconds']} s", flush=True)


def read(path: Path) -> list[Result]:
    """The lines that there are."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, results: Sequence[Result]) -> None:
    """These lines, and no others."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in results), encoding="utf-8")


def text(results: Sequence[Result]) -> str:
    """The report."""
    lines = [
        "# Memory, predicted and measured",
        "",
        f"Made by `make memory-report`, with {versions()}.",
    ]
    for section in SECTIONS:
        known = {one["case"]: one for one in results if one["section"] == section.name}
        mine = [known[case] for case in section.cases() if case in known]
        if mine:
            lines += ["", f"## {section.title}", "", section.text(mine)]
    return "\n".join(lines) + "\n"


def versions() -> str:
    """Of what was asked, and the processor as far as scratch depends on it."""
    from importlib import metadata

    from netscope.formulas.scratch import this_machine

    machine = this_machine()
    names = ("torch", "torchvision", "timm", "transformers")
    told = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    return f"{told}, on a processor with {machine.threads} threads and vectors of {32 * machine.lanes} bits"


if __name__ == "__main__":
    sys.exit(main())
