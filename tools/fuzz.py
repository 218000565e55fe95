"""`python -m tools.fuzz [--seconds N] [--seed S] [PYTEST ARGUMENT ...]`: properties on ever new cases.

A round runs all tests that hypothesis draws cases for and all that are marked `drawn`, with a seed of its
own. Rounds follow each other until a test fails, the time is up, or Ctrl-C. The same seed draws the same
cases, and what was found becomes a fixed case beside the property that it broke.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

_CHOSEN: Final = "(hypothesis or drawn) and not slow and not gpu and not browser"
_PYTEST: Final = ("-q", "-p", "no:cacheprovider", "--hypothesis-profile=fuzz", "--hypothesis-show-statistics")
# Networks drawn in a round, for each that the suite draws.
_DRAWS: Final = "20"
# pytest's own: tests failed.
_FAILED: Final = 1
_PASSED: Final = re.compile(r"(\d+) passed")
_CASES: Final = re.compile(r"(\d+) passing")
_BROKEN: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Round:
    """What one run of pytest told. `code` is pytest's."""

    seed: int
    code: int
    text: str

    @property
    def tests(self) -> int:
        """Tests that passed."""
        return sum(map(int, _PASSED.findall(self.text)[-1:]))

    @property
    def cases(self) -> int:
        """Cases that hypothesis drew and that passed."""
        return sum(map(int, _CASES.findall(self.text)))

    @property
    def again(self) -> str:
        """The command that runs what failed on the same cases."""
        broken = " ".join(dict.fromkeys(_BROKEN.findall(self.text)))
        return f"make fuzz FUZZ_SEED={self.seed} FUZZ_ARGS={shlex.quote(broken)}"


def run(seed: int, arguments: Sequence[str], seconds: float | None) -> Round | None:
    """One round; None when its time was up first."""
    drawn = ["-m", _CHOSEN, f"--hypothesis-seed={seed}"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *_PYTEST, *drawn, *arguments],
            cwd=ROOT,
            env={"NETSCOPE_DRAWS": _DRAWS, **os.environ, "NETSCOPE_SEED": str(seed)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return None
    return Round(seed, done.returncode, done.stdout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when nothing was found, 1 when something was, pytest's own when it could not run."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop after so long; never without it")
    parser.add_argument("--seed", type=int, help="one round with this seed")
    asked, rest = parser.parse_known_args(arguments)
    started = time.monotonic()
    rounds: list[Round] = []
    try:
        while not rounds or asked.seed is None:
            left = None if asked.seconds is None else asked.seconds - (time.monotonic() - started)
            seed = secrets.randbits(32) if asked.seed is None else asked.seed
            made = run(seed, rest, left) if left is None or left > 0 else None
            if made is None:
                break
            rounds.append(made)
            if made.code:
                print(made.text)
                again = f"the same cases again: {made.again}"
                print(again if made.code == _FAILED else f"pytest ended with {made.code}")
                break
            print(f"round {len(rounds)}, seed {seed}: {made.tests} tests, {made.cases:,} cases", flush=True)
    except KeyboardInterrupt:
        pass
    whole = [made for made in rounds if not made.code]
    cases = sum(made.cases for made in whole)
    print(f"{len(whole)} rounds passed in {time.monotonic() - started:.0f} s: {cases:,} cases of hypothesis")
    return rounds[-1].code if rounds else 0


if __name__ == "__main__":
    sys.exit(main())
