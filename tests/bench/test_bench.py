"""The parts of the benchmark that measure nothing: statistics, judgements, text, what a child tells."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from types import SimpleNamespace

import pytest
from torch import nn

import netscope
from bench import markdown, published, seeds, speed
from bench.__main__ import arguments
from bench.call import IMAGE, Call, Measured
from bench.processes import in_turns, python, run
from bench.published import Explained, Operations
from bench.results import Figure, Grid, Part, all_of
from bench.samples import Pairs, Samples, geometric_mean


def test_all_parts_are_measured_unless_some_are_named(capsys: pytest.CaptureFixture[str]):
    assert arguments([]).parts == []
    asked = arguments(["size", "speed", "--pairs", "2"])
    assert (asked.parts, asked.pairs) == (["size", "speed"], 2)
    with pytest.raises(SystemExit):
        arguments(["sped"])
    assert (
        "no part is named 'sped': correctness, speed, coldstart, size, diffing, timing"
        in capsys.readouterr().err
    )


def test_ratios_are_taken_pair_by_pair():
    pairs = Pairs(Samples((1.0, 2.0, 4.0)), Samples((10.0, 10.0, 20.0)))
    assert pairs.speedups.values == (10.0, 5.0, 5.0)
    assert pairs.speedups.median == 5.0
    assert (pairs.speedups.least, pairs.speedups.most) == (5.0, 10.0)
    assert pairs.cost == 0.2
    assert pairs.best == 10.0


def test_uneven_or_missing_samples_are_refused():
    with pytest.raises(ValueError, match="2 samples cannot be paired with 1"):
        Pairs(Samples((1.0, 2.0)), Samples((1.0,)))
    with pytest.raises(ValueError, match="no samples"):
        Samples.of([])


def test_the_geometric_mean_of_a_ratio_and_its_inverse_is_one():
    assert geometric_mean([8.0, 1 / 8]) == pytest.approx(1.0)
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


def test_everyone_has_a_turn_each_round_and_the_first_round_is_not_kept():
    order: list[str] = []

    def turn(name: str) -> int:
        order.append(name)
        return len(order)

    results = in_turns({name: partial(turn, name) for name in "ab"}, 2)
    assert "".join(order) == "ababab"
    assert results == {"a": [3, 5], "b": [4, 6]}


def test_a_process_is_timed_and_its_bytecode_is_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    done = run(
        python("-c", "import os, sys; print(sys.dont_write_bytecode, os.environ['MARK'])"), {"MARK": "x"}
    )
    assert done.stdout.split() == ["False", "x"]
    assert done.wall > 0
    assert done.cpu >= 0


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match=r"ended with 3: the reason"):
        run(python("-c", "import sys; print('the reason', file=sys.stderr); sys.exit(3)"))


@pytest.mark.parametrize(("good", "total", "met"), [(3, 3, True), (2, 3, False), (0, 0, False)])
def test_all_of_none_is_not_all(good: int, total: int, met: bool):
    assert all_of("layers", good, total).met is met


def test_a_table_sets_figures_to_the_right_and_escapes_pipes():
    assert markdown.table(("name", "ms"), [("a|b", "1.5 ms"), ("c", "≥ 2 ms")]).splitlines() == [
        "| name | ms |",
        "| --- | ---: |",
        "| a\\|b | 1.5 ms |",
        "| c | ≥ 2 ms |",
    ]


def test_the_report_counts_what_was_judged():
    part = Part(
        "Speed",
        "How it was measured.\n",
        (Figure("a", "≥ 2", "3", True), Figure("b", "≥ 2", "1", False), Figure("c", "", "5")),
        (Grid("Behind it:", ("x", "y"), (("n", "1"),)),),
        ("A note.",),
    )
    text = markdown.report([part, Part("Size", error="no memory")], [("CPU", "fast")], "make bench", "Busy.")
    assert "Made by `make bench`" in text
    assert "**1 of 2 targets met; 1 part missing.**\n\nBusy.\n\n## Speed" in text
    assert "| b | ≥ 2 | 1 | **no** |" in text
    assert "| c |  | 5 |  |" in text
    assert "## Size\n\n**It could not be measured:** no memory" in text
    assert text.index("How it was measured.") < text.index("Behind it:") < text.index("A note.")
    assert text.index("A note.") < text.index("| CPU | fast |")


def operations(macs: int, published_figure: float) -> Operations:
    return Operations("W", 224, published_figure, macs)


def test_a_deviation_counts_from_what_would_be_printed_the_same():
    small = operations(40_476_448, 0.04)
    assert small.deviation == pytest.approx(0.0119, abs=1e-4)
    assert small.beyond_rounding == 0
    assert small.same_as_printed
    wrong = operations(41_000_000, 0.04)
    assert wrong.beyond_rounding == pytest.approx(0.0125)
    assert not wrong.same_as_printed


class Plain(nn.Module):
    def __init__(self, **layers: nn.Module):
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        norm = nn.BatchNorm2d(2)
        self.register_buffer("weight", norm.weight.detach())
        self.register_buffer("bias", norm.bias.detach())


def test_the_reason_is_read_off_the_difference():
    one, two = nn.Linear(2, 2), nn.Linear(2, 3)
    assert published.difference(Plain(a=one), Plain(a=one, aux=two)) == "auxiliary head"
    dropped = published.difference(Plain(a=one, aux1=two), Plain(a=one))
    assert dropped == "auxiliary heads dropped after training"
    frozen = published.difference(Plain(norm=nn.BatchNorm2d(2)), Plain(norm=Frozen()))
    assert frozen.startswith("frozen BatchNorm")
    assert published.difference(Plain(a=one), Plain(a=two)) == ""
    assert published.difference(Plain(a=one), Plain(b=two)) == ""


def test_a_weight_without_a_reason_is_not_accounted_for():
    known = Explained("W", 10, 8, "auxiliary head", 10, "-k aux_loss=True", 10)
    assert known.accounted_for
    assert not Explained("W", 10, 8, "", 10).accounted_for
    assert not Explained("W", 10, 8, "auxiliary head", 10, "-k aux_loss=True", 9).accounted_for


def test_the_zoo_is_compared_row_by_row():
    expected = json.loads(seeds.FILE.read_text(encoding="utf-8"))["lenet"]
    report = netscope.summary("lenet")
    assert seeds.held("lenet", report, expected).wrong == ()
    expected["layers"][0]["params"] += 1
    expected["layers"].append(expected["layers"][-1])
    expected["macs"] += 1
    first, length, total = seeds.held("lenet", report, expected).wrong
    assert first.startswith("row 1: ")
    assert length == "8 rows, not 9"
    assert total.startswith("macs: ")


def measured(contestant: str, wall: float, **changes: object) -> Measured:
    call = Call(wall, wall, 0.0, 1_000_000, 0)
    inputs = (IMAGE,) if contestant == "netscope" else ()
    facts = Measured(contestant, "torchvision/x", 5, inputs, 0.5, call, call, ("late",))
    return Measured(**{**{name: getattr(facts, name) for name in facts.__slots__}, **changes})


def test_a_child_is_understood():
    told = measured("netscope", 0.1)
    assert Measured.read(f"a model's own words\n{json.dumps(asdict(told))}\n") == told


def test_a_race_compares_the_same_network_only():
    runs = {who: [measured(who, wall)] for who, wall in (("netscope", 0.1), ("torchinfo", 2.0))}
    raced = speed.Raced("x", runs)
    assert raced.fair
    assert raced.pairs("torchinfo").speedups.values == pytest.approx((20.0,))
    assert raced.with_imports("torchinfo").speedups.values == pytest.approx((2.5 / 0.6,))
    runs["torchinfo"] = [measured("torchinfo", 2.0, params=6)]
    assert not speed.Raced("x", runs).fair
    runs["netscope"] = [measured("netscope", 0.1, inputs=((1, 3, 299, 299),))]
    assert not speed.Raced("x", {"netscope": runs["netscope"]}).fair


def test_leaves_are_rows_without_rows_below():
    rows = [
        SimpleNamespace(path=path, kind=kind, type=type_)
        for path, kind, type_ in (
            ("", "module", "Net"),
            ("a", "module", "Sequential"),
            ("a.0", "module", "Conv2d"),
            ("a.1", "module", "Dropout"),
            ("(functional)", "functional", "(functional)"),
        )
    ]
    assert [row.path for row in seeds.leaves(rows)] == ["a.0"]


@pytest.mark.whole
def test_the_child_imports_nothing_before_its_clock():
    heavy = ("torch", "netscope", "numpy")
    program = f"import sys; import bench.call; print([m for m in {heavy} if m in sys.modules])"
    assert run(python("-c", program)).stdout.strip() == "[]"


@pytest.mark.whole
def test_netscope_is_all_there_before_its_clock():
    pytest.importorskip("torchvision")
    told = Measured.read(run(python("-m", "bench.call", "netscope", "torchvision/alexnet")).stdout)
    assert told.inputs == (IMAGE,)
    assert [name for name in told.imported_meanwhile if name.startswith("netscope")] == []
