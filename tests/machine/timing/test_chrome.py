"""Chrome traces: what Perfetto needs to open them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import jsonschema
import torch
from torch import nn

from netscope.machine.timing.backends.cpu import Cpu
from netscope.machine.timing.chrome import chrome_trace
from netscope.machine.timing.scopes import recorded
from netscope.machine.timing.steps import Training
from tests.machine.timing.fake import FakeBackend, FakeStep, Kernel, forward

# The parts of the Trace Event Format that are used: complete, metadata and flow events.
NUMBER = {"type": "number", "minimum": 0}
TIMES = {"ts": NUMBER, "dur": NUMBER}
COMMON = {"pid": {"type": "integer"}, "tid": {"type": "integer"}, "name": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "required": ["traceEvents"],
    "properties": {
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "traceEvents": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["ph", "pid", "tid", "name"],
                "properties": {**COMMON, "ph": {"enum": ["X", "M", "s", "f"]}},
                "allOf": [
                    {
                        "if": {"properties": {"ph": {"const": "X"}}},
                        "then": {
                            "required": ["ts", "dur", "cat"],
                            "properties": TIMES,
                        },
                    },
                    {
                        "if": {"properties": {"ph": {"const": "M"}}},
                        "then": {
                            "required": ["args"],
                            "properties": {"name": {"enum": ["process_name", "thread_name"]}},
                        },
                    },
                    {
                        "if": {"properties": {"ph": {"enum": ["s", "f"]}}},
                        "then": {"required": ["ts", "id", "cat"]},
                    },
                ],
            },
        },
    },
}


def checked(trace: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a trace that is of the format, goes through JSON, and nests on every track."""
    trace = json.loads(json.dumps(trace, allow_nan=False))
    jsonschema.validate(trace, SCHEMA)
    tracks: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            tracks[event["pid"], event["tid"]].append(event)
    for track in tracks.values():
        ends: list[float] = []
        for event in track:
            while ends and ends[-1] <= event["ts"] + 1e-3:
                ends.pop()
            assert not ends or event["ts"] + event["dur"] <= ends[-1] + 2e-3  # a nanosecond of rounding each
            ends.append(event["ts"] + event["dur"])
    return trace["traceEvents"]


def test_a_devices_trace_has_layers_operators_kernels_and_arrows():
    backend = FakeBackend()
    step = FakeStep(backend, forward(Kernel("a", 1e-3, name="gemm"), Kernel("a.b", 2e-3, stream=7)))
    events = checked(chrome_trace(step.recorded(2), name="toy"))
    names = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert names == {"toy layers", "toy host", "toy device"}
    layers = [e for e in events if e.get("cat") == "layer"]
    assert [layer["name"] for layer in layers] == ["a", "a.b"] * 2
    kernels = [e for e in events if e.get("cat") == "device"]
    assert [(k["name"], k["tid"]) for k in kernels] == [("gemm", 0), ("kernel", 7)] * 2
    assert [k["args"]["layer"] for k in kernels] == ["a", "a.b"] * 2
    assert kernels[0]["dur"] == 1000
    starts, ends = ([e for e in events if e["ph"] == ph] for ph in "sf")
    assert [e["id"] for e in starts] == [e["id"] for e in ends]
    assert len(ends) == 4
    assert all(a["ts"] <= b["ts"] for a, b in zip(starts, ends, strict=True))


def test_a_processors_trace_has_the_modules_by_path():
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    step = Training(module, (torch.randn(2, 4),), {})
    events = checked(chrome_trace(recorded(step, module, Cpu(), 1), name="tiny"))
    assert {e["name"] for e in events if e.get("cat") == "layer"} == {"tiny", "0", "1"}
    assert {e["name"] for e in events if e.get("cat") == "phase"} == {"forward", "backward", "optimizer"}
    assert [e["name"] for e in events if e.get("cat") == "step"] == ["step"]
    operators = [e for e in events if e.get("cat") == "operator"]
    assert {e["args"]["layer"] for e in operators if e["name"] == "aten::addmm"} == {"0"}
    assert {e["args"]["layer"] for e in operators if "ReluBackward" in e["name"]} == {"1"}


def test_nothing_recorded_is_an_empty_trace():
    assert checked(chrome_trace(())) == []
