"""How partial figures read: as lower bounds, with what was not seen and where."""

from __future__ import annotations

import csv
import io
import json

import pytest
import torch

import netscope
from netscope import show
from netscope.report.report import Report
from netscope.show.strings import width_of
from netscope.show.words import partial
from tests.partial import NUMPY, THREAD, Borrows, Fails, Net, failed, unseen


def lines(report: Report, width: int = 100, **view: object) -> list[str]:
    """The lines, with single blanks and without branches."""
    text = show.text(report, "table", width=width, **view)
    assert all(width_of(line) <= width for line in text.splitlines())
    return [" ".join(line.strip("│├└─ ").split()) for line in text.splitlines()]


def test_rows_and_totals_are_lower_bounds_and_the_place_is_named() -> None:
    shown = lines(unseen(("block", THREAD)))
    for line in (
        "layer operator output weight + bias params MACs out mem",
        "stem Linear = 8×8 + 8 72 64 32 B",
        "aux Linear not seen 8×8 + 8 72 ? ?",
        "(functional) mul 1×8 ? ≥ 32 B",
        "idle Linear not called 8×8 + 8 72",
        "weight layers ≥ 3 3 linear",
        "MACs ≥ 144 FLOPs ≥ 288 = 2 × MACs",
        "vector ops ≥ 26",
        "outputs ≥ 104 B new memory that layers returned",
    ):
        assert line in shown
    where = f"not seen ? block: {THREAD}; may have run there: block.aux, block.kept.0 outputs"
    assert where in " ".join(shown)
    assert "uncounted: none" not in " ".join(shown)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_place_is_lost_on_a_narrow_terminal(width: int) -> None:
    text = " ".join(lines(unseen(("block", THREAD), ("head", NUMPY)), width))
    assert f"block: {THREAD}" in text
    assert f"head: {NUMPY}" in text


def test_a_row_with_layers_within_that_are_not_shown_is_a_bound() -> None:
    shown = lines(unseen(("block", THREAD)), depth=1)
    assert "block Block = 216 ≥ 64 ≥ 64 B" in shown
    assert "head Linear 1×2 2×8 + 2 18 16 8 B" in shown


def test_words_that_look_like_an_operators_name_stay_whole() -> None:
    what = "aten.foo failed and the forward went on"
    report = unseen((None, what))
    assert f"the network's own forward: {what}" in " ".join(lines(report))
    assert what in report.to_csv()


def test_operators_and_unseen_work_are_told_apart() -> None:
    class Odd(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(torch.linalg.eigvals(x.view(2, 2, 2)).real.repeat(1, 2).view(1, 8))

    shown = lines(unseen(("head", NUMPY), net=Odd()))
    assert "uncounted 1 linalg_eig" in shown
    assert f"not seen ? head: {NUMPY}" in shown


def test_a_failed_forward_counts_up_to_the_failure() -> None:
    shown = lines(failed(Fails(), torch.zeros(1, 8)))
    for line in (
        "1 Linear ✗ raised here 4×8 + 4 36 ? ?",
        "2 ReLU not reached ? ?",
        "head Linear not reached 2×4 + 2 10 ? ?",
        "MACs ≥ 48 FLOPs ≥ 96 = 2 × MACs, up to the failure",
        "weight layers ≥ 3 3 linear, up to the failure",
        "outputs ≥ 48 B new memory that layers returned, up to the failure",
    ):
        assert line in shown
    assert not any("not seen" in line for line in shown)


def test_a_layer_that_another_uses_says_so() -> None:
    report = netscope.summary(Borrows("functional"), args=(torch.zeros(1, 8),))
    shown = lines(report)
    assert "fc Linear used by parent 8×8 + 8 72" in shown
    assert "MACs 80 FLOPs 160 = 2 × MACs" in shown
    row = next(row for row in csv.DictReader(io.StringIO(report.to_csv())) if row["path"] == "fc")
    assert (row["macs"], row["own_macs"]) == ("", "0")  # the work is in another row
    said = " ".join(str(netscope.explain(report, "fc")).split())
    assert "not called, used by (root)" in said
    assert "MACs ? it is counted where the parameters are used, in (root)" in said


def test_a_diff_counts_the_work_of_such_a_layer_once() -> None:
    before, after = (
        netscope.summary(net, args=(torch.zeros(1, 8),)) for net in (Borrows("functional"), Borrows("bias"))
    )
    diff = netscope.diff(before, after)
    assert diff.totals["macs"].change == -64
    assert "partial" not in str(diff)


def test_every_format_has_it() -> None:
    report = unseen(("block", THREAD), ("block", THREAD))
    for form in ("table", "markdown", "html"):
        text = report.to(form)
        assert f"{THREAD} ×2" in text
        assert "≥ 144" in text
    data = json.loads(report.to_json())
    assert data["totals"]["macs"] is None
    assert data["layers"][0]["unseen"][THREAD] == 2
    frame = report.to_pandas().set_index("path")
    assert frame["macs"].isna()[["", "block", "block.aux"]].all()
    assert frame["macs"]["stem"] == 64
    assert frame["own_macs"].isna()["block.(functional)"]


def test_every_answer_says_it() -> None:
    report = unseen(("block", THREAD))
    why = f"net is partial: not seen: block: {THREAD}"
    answers = (
        netscope.check(report, macs="1K"),
        netscope.diff(report, report),
        netscope.diff(netscope.summary(Net(), args=(torch.zeros(1, 8),)), report),
        netscope.compare([report, report]),
        netscope.lint(report),
        netscope.explain(report, "head"),
    )
    for answer in answers:
        for text in (str(answer), answer.to_markdown()):
            assert why in " ".join(text.replace("\\", "").split())
    assert not netscope.diff(report, report)
    assert not netscope.diff(report, report).whole
    assert "idle" in str(netscope.lint(report))  # never called, and not where anything was unseen
    assert "block.aux" not in str(list(netscope.lint(report)))


def test_nothing_of_a_whole_report_is_partial() -> None:
    report = netscope.summary(Net(), args=(torch.zeros(1, 8),))
    assert partial(report) == ""
    assert "uncounted: none" in " ".join(lines(report))
    assert "partial" not in str(netscope.diff(report, report))
