"""Saved reports that are not whole: today's come back as they were, older ones get what they lack."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import netscope
from netscope.report import store
from netscope.report.layer import UNDONE
from netscope.report.report import Report
from tests.partial import THREAD, Borrows, Fails, failed, unseen
from tests.reports import around, linear, report, uncalled


def reread(whole: Report) -> Report:
    return store.from_dict(json.loads(store.to_json(whole)))


def older(whole: Report, version: int) -> dict[str, Any]:
    """The report as an older netscope wrote it, for which what was not done was 0."""
    data = json.loads(store.to_json(whole))
    data["schema_version"] = version
    for layer in data["layers"]:
        del layer["used_by"], layer["unseen"]
        assert layer["output_bytes"] is not None
    return data


def stopped() -> Report:
    """A failed forward, made by hand with the figures of older versions: net.a was done, net.b raised."""
    inner = [
        linear("net.a", (1, 4), (1, 4)),
        replace(uncalled("net.b"), calls=1, completed=False),
        uncalled("net.c"),
        uncalled("net.used", used=True),
    ]
    rows = [linear("stem", (1, 4), (1, 4)), *around("net", "Sequential", inner, completed=False)]
    whole = report("bad", "Bad", rows)
    root = replace(whole.layers[0], completed=False)
    return replace(whole, layers=(root, *whole.layers[1:]), error="RuntimeError: no", error_path="net.b")


def test_reports_that_are_not_whole_come_back_equal() -> None:
    for one in (unseen(("block", THREAD), (None, THREAD)), failed(Fails(), torch.zeros(1, 8))):
        again = reread(one)
        assert again == one
        assert not again.whole
        assert again.output_bytes is None


def test_json_has_null_for_what_is_not_known() -> None:
    data = json.loads(unseen(("block", THREAD)).to_json())
    for key in ("macs", "flops", "vector", "output_bytes", "weight_layers"):
        assert data["totals"][key] is None
    assert data["totals"]["counted_macs"] == 144
    root = data["layers"][0]
    assert root["unseen"] == root["unknown"]
    assert root["unseen"][THREAD] == 1
    assert root["flops"] is None


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_report_of_a_failed_forward_is_as_one_of_today(version: int) -> None:
    written = older(stopped(), version)
    assert written["totals"]["macs"] == 32  # as if that were all
    found = store.from_dict(written)
    assert {layer.path: layer.macs for layer in found.layers} == {
        "": None,
        "stem": 16,
        "net": None,
        "net.a": 16,
        "net.b": None,
        "net.c": None,
        "net.used": None,
    }
    # The root's and the container's own work, b, c.
    assert found.unknown == found.root.unseen == {UNDONE: 4}
    assert found["net.used"].unknown == {}
    assert (found.counted_macs, found.output_bytes, found.counted_output_bytes) == (32, None, 32)
    assert found.params == 5 * 20
    assert not netscope.check(found, macs="1K").passed
    assert netscope.check(found, "stem:macs=16", params="100").passed


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_report_does_not_say_who_used_a_layer(version: int) -> None:
    rows = [linear("fc", (1, 4), (1, 4)), uncalled("read", used=True), uncalled("never")]
    found = store.from_dict(older(report("calls", "Calls", rows), version))
    assert found["read"].macs is None
    assert found["read"].read_elsewhere
    assert found["read"].used_by == ()
    assert found["never"].macs == 0
    assert found.macs == 16


def test_a_report_of_today_says_who(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    netscope.summary(Borrows("functional"), args=(torch.zeros(1, 8),)).to_json(path)
    assert netscope.load(path)["fc"].used_by == ("",)
    assert netscope.load(path)["fc"].macs is None
