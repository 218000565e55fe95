from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

import pytest
from torch import nn

import netscope
from netscope.report import store
from netscope.report.measured.events import Event
from netscope.report.report import Report
from tools.schemas import schema


@pytest.fixture(scope="module")
def report() -> Report:
    """Of a profile, as far as fields go: with a trace and an event."""
    traced = netscope.summary(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), input="3x8x8")
    return replace(traced, events=(Event("operator", "aten::relu", 0.0, 1.0),))


def test_a_report_under_another_name_keeps_its_trace(report: Report) -> None:
    renamed = replace(report, name="mine")
    assert renamed.facts is report.facts
    assert renamed.events is report.events
    assert renamed.facts is not None
    assert [call.path for call in renamed.facts.calls] == ["", "0", "1"]


def test_copies_have_all_of_it(report: Report) -> None:
    for again in (copy.copy(report), copy.deepcopy(report), pickle.loads(pickle.dumps(report))):
        assert again == report
        assert again.facts == report.facts
        assert again.events == report.events
        assert again["0"].receptive_field == (3, 3)


def test_files_and_comparisons_leave_out_trace_and_events(report: Report) -> None:
    text = store.to_json(report)
    assert {"facts", "events"}.isdisjoint(json.loads(text))
    assert {"facts", "events"}.isdisjoint(schema()["properties"])
    loaded = store.from_dict(json.loads(text))
    assert (loaded.facts, loaded.events) == (None, None)
    assert loaded == report
    smuggled = store.from_dict({**json.loads(text), "facts": "anything", "events": 5})
    assert (smuggled.facts, smuggled.events) == (None, None)
