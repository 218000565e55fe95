"""A report with other values of some fields."""

from __future__ import annotations

import dataclasses

import pytest

import netscope
from netscope.report.report import Report


def late(report: Report) -> list[str]:
    """What has not been worked out yet."""
    return [name for name in ("misfits", "flow") if callable(report.__dict__[f"_{name}"])]


def test_what_is_to_be_worked_out_later_still_is() -> None:
    report = netscope.summary("lenet")
    assert late(report) == ["misfits", "flow"]
    copy = report.but(name="another")
    assert (copy.name, report.name) == ("another", "lenet")
    assert late(copy) == ["misfits", "flow"]
    assert copy.flow == report.flow
    assert copy == dataclasses.replace(report, name="another")


def test_figures_are_those_of_the_new_rows() -> None:
    report = netscope.summary("lenet")
    assert report.counted_output_bytes > 0
    assert report.but(layers=report.layers[:1]).counted_output_bytes == 0


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="a report has no nam"):
        netscope.summary("lenet").but(nam="another")


def test_a_memory_does_not_work_out_the_flow() -> None:
    assert "flow" in late(netscope.memory("lenet", device="cuda"))
