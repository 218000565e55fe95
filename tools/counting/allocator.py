"""Our model of the allocator beside torch's own: `python -m tools.counting.allocator`.

Torch's serves a device that only counts, see `tools.counting.device`. Timelines are drawn at random; for each
of them the bytes allocated, reserved and requested after every event, the most that was reserved, the
blocks of all segments at the end and whether memory ran out must be equal. `--write` keeps a few of torch's
answers as tests/data/allocator.json, which the suite holds the model against wherever it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from netscope.answers.memory.allocator import Settings, record, replay
from netscope.answers.memory.events import Event
from tools.counting.device import environment

SERVED = Path(__file__).with_name("served.py")
DATA = Path(__file__).parents[2] / "tests" / "data" / "allocator.json"

SETTINGS = (
    "",
    "expandable_segments:True",
    "max_split_size_mb:20",
    "max_split_size_mb:64,max_non_split_rounding_mb:40",
    "roundup_power2_divisions:4",
    "expandable_segments:True,roundup_power2_divisions:8",
    "expandable_segments:True,max_split_size_mb:32",
)
_MIB = 2**20
# Sizes at which something begins or ends.
_EDGES = tuple(
    edge + more
    for edge in (512, _MIB, 2 * _MIB, 10 * _MIB, 20 * _MIB)
    for more in (-1025, -512, -511, -1, 0, 1, 512)
    if edge + more > 0
)
# Exponents of 2 between which sizes are drawn.
_RANGES = ((0, 22), (0, 30), (18, 26), (9, 21), (20, 28))

Steps = list[tuple[int, int]]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tools.counting.allocator", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="timelines to draw (100)")
    parser.add_argument("--seed", type=int, default=0, help="of the first one (0)")
    parser.add_argument("--write", action="store_true", help="keep torch's answers to short timelines")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = environment(Path(folder))
        if given.write:
            cases = [drawn(seed, short=True) for seed in range(2 * len(SETTINGS))]
            said = [case | served(made, **case) for case in cases]
            lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in said)
            DATA.write_text(f'{{"torch": "{torch.__version__}", "cases": [\n{lines}\n]}}\n', encoding="utf-8")
            print(f"{len(said)} timelines of torch {torch.__version__} in {DATA.name}")
            return
        wrong = 0
        for seed in range(given.seed, given.seed + given.rounds):
            case = drawn(seed)
            if ours(**case) != served(made, **case):
                wrong += 1
                print(f"seed {seed}, {case['settings'] or 'defaults'}: not as torch has it")
    print(f"torch {torch.__version__}: {given.rounds - wrong} of {given.rounds} timelines equal")
    sys.exit(bool(wrong))


def drawn(seed: int, short: bool = False) -> dict[str, Any]:
    """A timeline, settings and perhaps a capacity."""
    rng = random.Random(seed)  # noqa: S311
    low, high = rng.choice(_RANGES)
    length, keep = (60, 8) if short else (rng.choice((30, 200, 1000)), rng.choice((5, 50, 300)))
    sizes = [max(1, int(2 ** rng.uniform(low, high))) for _ in range(rng.choice((3, 10, 100)))]
    live: list[int] = []
    steps: Steps = []
    for block in range(length):
        if live and rng.random() < (0.6 if len(live) > keep else 0.35):
            steps.append((live.pop(rng.randrange(len(live))), 0))
        else:
            steps.append((block, rng.choice(_EDGES) if rng.random() < 0.1 else rng.choice(sizes)))
            live.append(block)
    if rng.random() < 0.3:
        rng.shuffle(live)
        steps += [(block, 0) for block in live]
    settings = SETTINGS[seed % len(SETTINGS)]
    most = replay(events(steps), Settings.parse(settings)).peak_reserved.nbytes
    # Of every two of one kind of settings, one on a device that may be too small.
    capacity = int(most * rng.uniform(0.5, 1.05)) // _MIB * _MIB if seed // len(SETTINGS) % 2 else None
    return {"settings": settings, "capacity": capacity or None, "steps": steps}


def events(steps: Steps) -> list[Event]:
    """Their events."""
    asked: dict[int, int] = {}
    found = []
    for block, nbytes in steps:
        found.append(Event(block, nbytes or asked[block], allocates=bool(nbytes)))
        asked[block] = nbytes
    return found


def served(made: dict[str, str], settings: str, capacity: int | None, steps: Steps) -> dict[str, Any]:
    """What torch does with them."""
    also = {"PYTORCH_ALLOC_CONF": settings} | ({"COUNTING_BYTES": str(capacity)} if capacity else {})
    result = subprocess.run(
        [sys.executable, str(SERVED)],
        input=json.dumps(steps),
        capture_output=True,
        text=True,
        env=os.environ | made | also,
        check=False,
    )
    if result.returncode:
        raise SystemExit(f"torch's allocator could not be run:\n{result.stderr}")
    found: dict[str, Any] = json.loads(result.stdout)
    return found | {"segments": sorted(found["segments"])}


def ours(settings: str, capacity: int | None, steps: Steps) -> dict[str, Any]:
    """What the model does with them, as torch's is told."""
    found = replay(events(steps), Settings.parse(settings), capacity)
    left = record(events(steps), Settings.parse(settings), capacity).segments
    return {
        "served": [
            list(three) for three in zip(found.allocated, found.reserved, found.requested, strict=True)
        ],
        "most": found.peak_reserved.nbytes,
        "full": found.out_of_memory is not None,
        "segments": sorted([b.nbytes if b.event is not None else -b.nbytes for b in s.blocks] for s in left),
    }


if __name__ == "__main__":
    main()
