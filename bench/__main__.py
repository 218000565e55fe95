"""`python -m bench [PART ...] [--pairs N]`: measure and print; all parts together write the report."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

from bench import machine, markdown
from bench.processes import ROOT, progress
from bench.results import Part

PARTS: Final = ("correctness", "speed", "coldstart", "size", "diffing", "timing")
# Load above which the machine has other things to do, and what to say then.
IDLE: Final = 0.5
BUSY: Final = (
    "**The machine was busy** (load {load:.1f} before the first measurement), so times are longer than they "
    "need be and scatter. Measure on an idle machine for figures to quote."
)
REPORT: Final = ROOT / "reports" / "benchmark.md"


def main() -> int:
    """Exit code 0, whatever was measured; 1 when a part could not be, and nothing is written then."""
    asked = arguments(sys.argv[1:])
    chosen = [part for part in PARTS if part in asked.parts] if asked.parts else list(PARTS)
    before = machine.load()
    parts = [_measured(part, asked.pairs) for part in chosen]
    described = [*machine.describe(), ("load", f"{before:.2f} at the start, {machine.load():.2f} at the end")]
    command = " ".join(["python -m bench", *asked.parts]) if asked.parts or asked.pairs else "make bench"
    text = markdown.report(parts, described, command, BUSY.format(load=before) if before > IDLE else "")
    print(text, end="")
    if any(part.error for part in parts):
        return 1
    if not asked.parts:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(text, encoding="utf-8")
        progress(f"written to {REPORT.relative_to(ROOT)}")
    return 0


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line: `parts`, none for all of them, and `pairs`."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", type=_part, metavar="PART", help=f"of {', '.join(PARTS)}; all without it"
    )
    parser.add_argument("--pairs", type=int, help="rounds of whatever takes turns, in place of 3 to 9")
    return parser.parse_args(given)


def _part(text: str) -> str:
    if text not in PARTS:  # argparse's own `choices` do not let a list be empty
        raise argparse.ArgumentTypeError(f"no part is named {text!r}: {', '.join(PARTS)}")
    return text


def _measured(name: str, pairs: int | None) -> Part:
    """One part; one that raises says so and leaves the others to be measured and printed."""
    measure: Callable[[int | None], Part] = import_module(f"bench.{name}").measure
    started = time.perf_counter()
    try:
        part = measure(pairs)
    except Exception as error:  # noqa: BLE001 - an hour's measurements are not lost to the last of them
        traceback.print_exc()
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Part(name.capitalize(), error=said)
    progress(f"{name} took {time.perf_counter() - started:.0f} s")
    return part


if __name__ == "__main__":
    sys.exit(main())
