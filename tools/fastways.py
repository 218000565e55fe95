"""What each fast way buys: `python -m tools.fastways [NETWORK ...] [--samples N] [--ways WAY ...]`.

A process that has imported torch, torchvision and netscope's own modules, and has called nothing yet, is
forked for every sample. It summarises the network once, which is the first call, and five times more, of
which the quickest is the warm call. For each way a sample without it is taken right before or after one with
everything, in turns. What is compared is CPU time, since other programs lengthen wall time far more. Given is
the median over the pairs of how much longer a call takes without the way, with the quartiles behind it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import warnings
from importlib import import_module
from typing import Final, NamedTuple

from bench.call import OWN, SHARED
from netscope.base.plain import FAST_WAYS, plain

SAMPLES: Final = 15
WARM_CALLS: Final = 5


class Sample(NamedTuple):
    """CPU seconds of a process' first call and of its quickest later one."""

    first: float
    warm: float


def main() -> None:
    """Measure, and print a table for each network."""
    parser = argparse.ArgumentParser(prog="python -m tools.fastways", description=__doc__)
    parser.add_argument("networks", nargs="*", default=["resnet50"], metavar="NETWORK", help="of torchvision")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="pairs of processes for each way")
    parser.add_argument("--ways", nargs="*", choices=FAST_WAYS, default=FAST_WAYS, metavar="WAY")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for module in (*SHARED, *OWN["netscope"]):
        import_module(module)
    for network in asked.networks:
        print(f"{network}: how much longer a call takes without")
        print(f"  {'':10} {'first call':>28} {'warm call':>28}")
        for name, ways in (*((way, (way,)) for way in asked.ways), ("all", FAST_WAYS)):
            pairs = [_pair(f"torchvision/{network}", ways, turn) for turn in range(asked.samples)]
            print(f"  {name:10} {_longer(pairs, 0):>28} {_longer(pairs, 1):>28}", flush=True)


def _pair(model: str, ways: tuple[str, ...], turn: int) -> tuple[Sample, Sample]:
    """With everything and without these ways, by turns this first or that."""
    if turn % 2:
        return _sample(model, ()), _sample(model, ways)
    without = _sample(model, ways)
    return _sample(model, ()), without


def _sample(model: str, ways: tuple[str, ...]) -> Sample:
    """One process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, json.dumps(_measured(model, ways)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        text = told.read()
    os.waitpid(child, 0)
    if not text:
        sys.exit(f"{model}: no figures without {', '.join(ways) or 'anything'}")
    return Sample(*json.loads(text))


def _measured(model: str, ways: tuple[str, ...]) -> Sample:
    import netscope

    seconds = []
    for _ in range(1 + WARM_CALLS):
        started = time.process_time()
        if ways:
            with plain(*ways):
                netscope.summary(model)
        else:
            netscope.summary(model)
        seconds.append(time.process_time() - started)
    return Sample(seconds[0], min(seconds[1:]))


def _longer(pairs: list[tuple[Sample, Sample]], call: int) -> str:
    """By the median, with quartiles: `+15% (+12% to +19%)`."""
    ratios = [without[call] / everything[call] - 1 for everything, without in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:+.0%} ({low:+.0%} to {high:+.0%})"


if __name__ == "__main__":
    main()
