"""A profile's picture, of planted figures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from netscope import show
from netscope.report import store
from netscope.report.measured.breakdown import LayerTime, StepWork, Work
from netscope.report.measured.samples import Measurement, Reading, Round
from netscope.report.report import Report
from netscope.show.profile import equation, parts
from netscope.show.screen import Screen
from netscope.show.selection import build
from netscope.show.strings import width_of
from tests.reports import ROOF, alexnet, measured, profiled, steady

# conv1 and fc6 of AlexNet, by hand: bytes are those of inputs, parameters and outputs in float32.
CONV1 = 4 * (3 * 227 * 227 + 34_944 + 96 * 55 * 55)
FC6 = 4 * (9216 + 37_752_832 + 4096)
TIMES = {
    "features.conv1": LayerTime(2e-3, 0.0, 4, 0),
    "features.norm1": LayerTime(3e-3, 0.0, 17, 0),
    "classifier.fc6": LayerTime(4e-3, 0.0, 2, 0),
    "flatten": LayerTime(1e-6, 0.0, 1, 0),
}
MOVED = {"features.conv1": CONV1, "classifier.fc6": FC6, "features.norm1": 2 * 4 * 96 * 55 * 55}

# 2 x MACs / 1 TFLOP/s, or bytes / 100 GB/s: conv1 to conv5 0.2108, 0.8958, 0.2990, 0.4486 and 0.2990 ms,
# norm1 0.0232 ms, fc6 to fc8 1.5106 (of memory), 0.0336 and 0.0082 ms.
BOUND = 3.7288e-3

PICTURE = """\
alexnet · zoo (Krizhevsky et al. 2012, single stream) · input 1×3×227×227 float32 · eval
  cpu: A processor (2 threads) · 1 thread used · fp32

latency          10.00 ms  median of 54 steps; 95% CI 9.993 to 10.01 ms; IQR 20.0 us; p95 10.0 ms
throughput          100/s  samples a second
achieved      227 GFLOP/s  and 15.5 GB/s of what must be moved
peak memory      1.00 MiB  beyond what is there before a step: weights (238 MiB) and inputs
lower bound       3.73 ms  of a step: 37.3% of what it took; no prediction
roof         1.00 TFLOP/s  at most in fp32, 100 GB/s; made up

layers        ████████████████████████████████████      90.9%  9.00 ms
unattributed  ██                                         5.0%   500 us  aten::to
idle          ██                                         4.0%   400 us  Python between operators
end to end 10.0 ms = layers 9.00 ms + unattributed 500 us + idle 400 us + unexplained 99.0 us (1.0%)

layer           operator            time  time %  kernels  FLOP/s  FLOPs/B  limited by  efficiency
classifier.fc6  Linear           4.00 ms    42.1        2  18.9 G     0.50  memory           37.8%
features.norm1  LRN n=5          3.00 ms    31.6       17                   memory            0.8%
features.conv1  Conv2d 11×11 /4  2.00 ms    21.1        4   105 G      110  compute          10.5%
3 of 23 rows, 100.0% of the layers' time (--all shows the whole network)
"""


def profile(**other: Any) -> Report:
    return profiled(
        alexnet(),
        TIMES,
        latency=steady(1e-2),
        unattributed=[Work("aten::to", 1, 5e-4)],
        idle=4e-4,
        moved=MOVED,
        roof=ROOF,
        **other,
    )


def shown(report: Report, width: int | None = 100, **how: Any) -> str:
    return show.text(report, "table", width=width, **{"top": 3, **how})


def test_the_picture() -> None:
    assert shown(profile()) == PICTURE


def test_the_bound_is_that_of_hand_arithmetic() -> None:
    report = profile()
    assert report.bound == pytest.approx(BOUND, rel=1e-4)
    shares = report.bounds
    assert shares["memory"] == pytest.approx((1.5106e-3 + 0.0232e-3) / BOUND, rel=1e-3)
    # conv2 and the rest move nothing in this plan, so they are all arithmetic.
    assert shares["compute"] == pytest.approx(1 - shares["memory"])


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = shown(profile(), width)
    assert max(map(width_of, text.splitlines())) <= width
    assert "10.00 ms" in text
    if width < 80:
        assert "not shown, for want of width" in text


def test_off_a_terminal_nothing_is_wrapped_and_ascii_suffices() -> None:
    assert len(shown(profile(), None).splitlines()) == len(PICTURE.splitlines()) - 1
    text = show.text(profile(), "table", screen=Screen(encoding="ascii"))
    assert text.isascii()
    assert "####" in text


def test_rows_of_the_tree_add_up_to_the_layers() -> None:
    text = shown(profile(), None, everything=True, top=None)
    assert "├─ conv1" in text
    assert "--all" not in text
    table = build(profile())
    assert table.figures.time == pytest.approx(9.001e-3)
    folded = build(profile(), depth=1)
    assert folded.figures.time == pytest.approx(9.001e-3)


def test_parts_and_equation_show_what_is_left_over() -> None:
    timing = profile().timing
    assert [part.label for part in parts(timing)] == ["layers", "unattributed", "idle"]
    assert sum(part.share for part in parts(timing)) == pytest.approx(1)
    slower = profiled(alexnet(), TIMES, latency=steady(8e-3), idle=4e-4)
    assert equation(slower.timing).endswith("− instruments 1.40 ms (17.5%)")
    assert "the instruments made a step 17.5% longer" in " ".join(slower.timing.remarks)


def test_a_training_step_has_its_phases_and_the_optimizer() -> None:
    phases = {"forward": [[4e-3]] * 5, "backward": [[5e-3]] * 5, "optimizer": [[1e-3]] * 5}
    latency = measured(*[[1e-2]] * 5, phases=phases)
    report = profile(optimizer="sgd", called=latency)
    report = replace(report, training=True, timing=replace(report.timing, reconciliation=None))
    text = shown(report)
    assert "backward          5.00 ms  50.0% of a step" in text
    assert "· sgd" in text
    assert "achieved" not in text  # nobody knows what its backward computes
    assert "and inputs and optimizer state" not in text
    counted = replace(report.timing, work=StepWork(1_135_256_096, 2_164_743_904))
    text = shown(replace(report, timing=counted))
    # twice 3.3 G in ten milliseconds
    assert "achieved      660 GFLOP/s  over the whole step: MACs 1.14 G forward + 2.16 G backward" in text
    partly = replace(counted, work=StepWork(1_135_256_096, 0, {"mine.op": 3}))
    text = shown(replace(report, timing=partly))
    assert "achieved         ? FLOP/s" in text
    assert "uncounted operators: 3" in text


def test_compiled_code_says_why_it_has_no_layers() -> None:
    report = profile(form="compiled", reconciliation=None)
    text = shown(report)
    assert "compiled code has no layers" in text
    assert "classifier.fc6" not in text


@pytest.mark.parametrize(
    ("replayed", "said"),
    [
        (steady(5e-3), "the device waits for the host"),
        (steady(9.9e-3), "the device is kept busy"),
        (measured([9e-3]), "the noise does not tell"),
    ],
)
def test_launches_are_judged_by_the_replay(replayed: Measurement, said: str) -> None:
    assert said in shown(profile(replayed=replayed), None)
    graph = profile(replayed=replayed, form="graph")
    assert graph.timing.median == replayed.median
    assert "called step by step" in shown(graph)


def test_doubts_are_plain_sentences() -> None:
    slow = Reading(clock=1.2e9, throttled=("power cap",))
    rounds = [Round((1e-2,), wall=1e-2, waited=2e-3, reading=slow if i < 3 else None) for i in range(8)]
    report = profile()
    latency = replace(report.timing.called, rounds=tuple(rounds))
    text = shown(replace(report, timing=replace(report.timing, called=latency)))
    assert "! clock dropped to 1,200 MHz in 3 of 8 rounds (power cap); those were left out" in text
    assert "! the machine is shared: 20.0% of the time went by waiting for a processor" in text


def test_colour_is_for_a_terminal_and_the_answer() -> None:
    text = show.text(profile(), "table", screen=Screen(100, color=True), top=3)
    assert "\x1b[36m" in text
    assert "".join(text.split("\x1b[36m")).count("█") == PICTURE.count("█")


def test_markdown_has_the_same_figures() -> None:
    text = profile().to_markdown(top=3)
    assert text.startswith("**alexnet** · zoo")
    assert "- latency: **10.00 ms** (median of 54 steps; 95% CI" in text
    assert "| layers | 90.9% | 9.00 ms |" in text
    assert "| `classifier.fc6` | Linear | **4.00 ms** | **42.1** | 2 |" in text


def test_data_formats_carry_every_layer_raw() -> None:
    report = profile()
    data = json.loads(report.to_json())
    assert store.from_dict(data) == report
    (fc6,) = [row for row in data["layers"] if row["path"] == "classifier.fc6"]
    assert fc6["timing"]["own"]["forward"] == 4e-3
    assert fc6["roof"]["moved_bytes"] == FC6
    frame = report.to_pandas().set_index("path")
    assert frame["own_time"].sum() == pytest.approx(9.001e-3)
    assert frame.loc["features", "time"] == pytest.approx(5e-3)
    assert frame.loc["classifier.fc6", "efficiency"] == pytest.approx(FC6 / 1e11 / 4e-3)
    assert "own_efficiency" not in frame
    assert "time" not in alexnet().to_pandas()


def test_a_roofline_says_what_limits() -> None:
    report = replace(profile(), timing=None)
    text = shown(report)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "lower bound 3.73 ms a forward takes no less: no prediction" in lines
    assert "memory-bound 41.1% of that time" in lines
    # 1 TFLOP/s over 100 GB/s
    assert "ridge 10 FLOPs/B from there on arithmetic is what limits" in lines
    assert lines[-4].startswith("classifier.fc6")


def test_half_a_roof_says_what_its_bounds_are_of() -> None:
    for known, said in (
        ({"peak": None}, "the peak in fp32 of A machine is not known: bounds are of memory alone"),
        ({"bandwidth": None}, "the bandwidth of A machine is not known: bounds are of arithmetic alone"),
        (
            {"peak": None, "bandwidth": None},
            "neither the peak in fp32 nor the bandwidth of A machine is known",
        ),
    ):
        text = shown(replace(profile(), roof=replace(ROOF, title="A machine", **known)), None)
        assert f"\n! {said}" in text


def test_a_notebook_shows_the_timing() -> None:
    page = profile()._repr_html_()
    assert "10.00 ms" in page
    assert page.index("10.00 ms") < page.index("classifier")


def test_few_samples_have_no_quarters_and_no_twentieths() -> None:
    for taken, said in (
        ([1e-2], "median of 1 step"),
        ([1e-2] * 3, "median of 3 steps"),
        ([1e-2] * 4, "median of 4 steps; IQR 0 s"),
        ([1e-2] * 20, "median of 20 steps; IQR 0 s; p95 10.0 ms"),
    ):
        timing = replace(profile().timing, called=measured(taken))
        (line,) = (
            line for line in shown(replace(profile(), timing=timing)).splitlines() if "latency" in line
        )
        assert line.endswith(f"  {said}")


def test_a_network_without_macs_achieves_bytes() -> None:
    one = profile()
    layers = (replace(one.root, macs=0), *one.layers[1:])
    (line,) = (line for line in shown(replace(one, layers=layers)).splitlines() if "achieved" in line)
    assert line == "achieved        15.5 GB/s  of what must be moved"
