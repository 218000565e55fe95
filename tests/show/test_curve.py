"""Batch sizes side by side, of planted figures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from netscope import show
from netscope.machine.profiling.curve import Curve
from netscope.report.measured.timing import Timing
from netscope.show.strings import width_of
from tests.reports import alexnet, measured, steady
from tests.show.test_profile import profile


def timing(batch: int, seconds: float, **other: Any) -> Timing:
    return replace(profile().timing, batch=batch, called=steady(seconds), reconciliation=None, **other)


def curve(**other: Any) -> Curve:
    timings = (timing(1, 1e-3), timing(8, 2e-3), timing(32, 7.8e-3))
    return Curve("alexnet", "zoo", inputs=alexnet().inputs, timings=timings, **other)


CURVE = """\
alexnet · zoo · input N×3×227×227 · eval · cpu: A processor (2 threads) · 1 thread used · fp32

batch  latency     ±  samples/s  of the best  peak mem
    1  1.00 ms  0.1%     1.00 K        24.4%  1.00 MiB
    8  2.00 ms  0.1%     4.00 K        97.5%  1.00 MiB  ← knee
   32  7.80 ms  0.1%     4.10 K       100.0%  1.00 MiB

knee at 8: the smallest batch with nine tenths of the best throughput
"""


def test_a_curve_is_a_line_a_batch() -> None:
    assert show.text(curve(), "table", width=100) == CURVE
    assert str(curve()) == CURVE.rstrip("\n")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_of_a_curve_is_wider_than_the_terminal(width: int) -> None:
    doubtful = Curve("alexnet", "zoo", timings=(replace(timing(1, 1e-3), called=measured([1e-3])),))
    for one in (curve(too_large=64), doubtful):
        text = show.text(one, "table", width=width)
        assert max(map(width_of, text.splitlines())) <= width
    assert "! batch 1: not converged" in text
    assert "\n- batch 1: not converged" in doubtful.to_markdown()


def test_memory_that_ended_is_the_last_line() -> None:
    text = show.text(curve(too_large=128), "table", width=100)
    assert text.splitlines()[-4].split() == ["128", "out", "of", "memory"]
    assert "memory does not suffice for a batch of 128" in text
    empty = Curve("alexnet", "zoo", too_large=1)
    assert "memory does not suffice for a batch of 1" in str(empty)
    assert "| 1 |  |  |  |  |  | **out of memory** |" in empty.to_markdown()


def test_debuggers_print_no_samples() -> None:
    assert repr(curve()) == "<Curve of alexnet: batches 1, 8, 32>"
    assert repr(profile().timing) == "<Timing of 10.0 ms a step on cpu: 54 samples>"


def test_curves_in_data_formats() -> None:
    lines = curve().to_csv().splitlines()
    assert lines[0].startswith("schema_version,batch,latency,latency_low")
    assert len(lines) == 4
    assert lines[2].endswith(",1048576,True")
    data = json.loads(curve().to_json())
    assert (data["kind"], data["knee"], data["best"], data["too_large"]) == ("curve", 8, 32, None)
    assert [one["batch"] for one in data["timings"]] == [1, 8, 32]
    assert len(data["timings"][0]["called"]["rounds"]) == 9
    assert (
        "| 8 | **2.00 ms** | **0.1%** | **4.00 K** | **97.5%** | **1.00 MiB** | **← knee** |"
        in curve().to_markdown()
    )
