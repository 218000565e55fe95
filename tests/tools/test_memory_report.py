from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.memory_report import __main__ as memory_report
from tools.memory_report import peaks, saved
from tools.memory_report.section import Section, signed


def cast(predicted: int, seen: int, rung: str = "meta") -> dict[str, Any]:
    return {
        "predicted": predicted,
        "seen": seen,
        "storages": 1,
        "equal": predicted == seen,
        "rung": rung,
        "reason": "it asks",
    }


def both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"float32": first, "autocast to bfloat16": second}


def way(
    peak: int, recorded: int, end: int = 1, within: str = "aten::add", conv: bool = False
) -> dict[str, Any]:
    return {
        "end": end,
        "end_recorded": 1,
        "peak": peak,
        "peak_recorded": recorded,
        "in": "aten.add.Tensor",
        "in_recorded": within,
        "convolutions": conv,
    }


def test_the_worst_is_named_and_signed() -> None:
    results = [
        {"section": "saved", "case": "a", **both(cast(8, 8), cast(8, 8, "real"))},
        {"section": "saved", "case": "b", **both(cast(8, 8), cast(9, 10))},
        {"section": "saved", "case": "c", "error": "ValueError: no"},
    ]
    text = saved.text(results)
    assert "3 of 6 equal" in text
    assert "Worst: b, -10.000%" in text
    assert "- run on real tensors: a: it asks" in text
    assert "- not equal: c: ValueError: no" in text


def test_gaps_are_named_by_where_the_recorded_peak_is() -> None:
    ways = {"forward": way(100, 100), "SGD": way(98, 100, 1, "aten::convolution_backward", True)}
    results = [{"section": "peaks", "case": "a", **ways, "AdamW": way(1000, 1000, 2)}]
    text = peaks.text(results)
    assert "2 of 3 equal" in text
    assert "- worst peak with convolutions: -2.000% (a, SGD)" in text
    assert "- worst peak without convolutions: equal" in text
    assert "- a, SGD: -2 bytes: oneDNN scratch of a convolution's gradients" in text
    assert "| a | not equal |" in text


def test_a_run_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def measure(case: str) -> dict[str, Any]:
        asked.append(case)
        if case == "bad":
            raise ValueError("no\nmore")
        return {"value": 1}

    section = Section("it", "It", lambda: ["one", "bad"], measure, lambda results: "")
    path = tmp_path / "results.jsonl"
    memory_report.measure(section, path)
    memory_report.measure(section, path)
    assert asked == ["one", "bad"]
    first, second = memory_report.read(path)
    assert (first["case"], first["value"]) == ("one", 1)
    assert second["error"] == "ValueError: no"
    assert "it: 2 of 2: bad" in capsys.readouterr().out


@pytest.mark.parametrize(("ratio", "text"), [(1.0, "equal"), (0.98, "-2.000%"), (1.0001, "+0.010%")])
def test_ratios_are_signed(ratio: float, text: str) -> None:
    assert signed(ratio) == text
