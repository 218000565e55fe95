"""The page of a network's memory: every figure that there is, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netscope.base.errors import UsageError
from netscope.report.report import Report
from netscope.show import text
from tests.show.answers import network, remembered


def shown(report: Report, **view: object) -> str:
    return text(report, "table", width=160, **view)


def test_the_figures_come_first() -> None:
    lines = shown(remembered()).splitlines()
    assert "train" not in lines[0].split("·")[-1]
    assert "as on cuda" in lines[0]
    assert lines[2].split()[:4] == ["training", "peak", "900", "B"]
    assert "in backward, at net (net)" in lines[2]
    whole = "\n".join(lines)
    for words in (
        "saved for backward",
        "inference peak",
        "2 batches a step",
        "autocast bfloat16",
        "checkpoint net",
        "the prediction is 1.1636 of it",
        "fsdp of 8",
        "KV cache",
        "8 B  of a sequence, while no window is full",
        "window of 4",
        "within the kernel",
    ):
        assert words in whole, words


def test_a_forward_alone_says_how_to_see_more() -> None:
    report = remembered()
    assert report.memory is not None
    memory = replace(
        report.memory, training=None, saved_for_backward=None, gradients=None, optimizer_state=None,
        sharded=None, measured=None, cache=None,
    )  # fmt: skip
    said = shown(replace(report, memory=memory))
    assert "training peak" not in said
    assert "saved" not in said.splitlines()[0]
    assert "--train shows a step of training" in said


def test_shares_are_of_the_peak() -> None:
    said = shown(remembered())
    # 300, 500 and 100 of 900 bytes.
    for share in ("33.3%", "55.6%", "11.1%"):
        assert share in said


def test_layers_have_their_columns() -> None:
    rows = remembered().to_csv(columns=["saved", "live", "peak"]).splitlines()
    assert rows[0].split(",")[1:] == ["path", "saved", "own_saved", "live", "peak"]
    assert rows[2].split(",")[1:] == ["net", "500", "500", "600", "700"]
    with pytest.raises(UsageError, match="without its memory"):
        network().to_csv(columns=["saved"])


def test_a_plain_report_has_no_such_page() -> None:
    assert network().verb == "summary"
    assert remembered().verb == "memory"
