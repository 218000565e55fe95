from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools import lint_sweep


def result(model: str, *found: tuple[str, str, str], pads: bool = False) -> dict[str, Any]:
    findings = [[code, severity, path, "…"] for code, severity, path in found]
    return {"model": model, "seconds": 1.0, "pads": pads, "findings": findings}


RESULTS = [
    result("a", ("NS201", "warning", "x"), ("NS201", "warning", "y"), ("NS102", "info", "x")),
    result("b", ("NS101", "warning", "x"), pads=True),
    result("c"),
    {"model": "d", "seconds": 0.5, "error": "ValueError: no"},
]


def test_the_draw_is_of_warnings_one_of_each_network_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lint_sweep.sample(RESULTS) == [("a", "NS201", "x"), ("a", "NS201", "y"), ("b", "NS101", "x")]
    monkeypatch.setattr(lint_sweep, "SAMPLE", 2)
    drawn = lint_sweep.sample(RESULTS)
    assert [model for model, _, _ in drawn] == ["a", "b"]
    assert drawn == lint_sweep.sample(list(reversed(RESULTS)))


def test_the_report_counts_and_says_what_was_judged() -> None:
    drawn = lint_sweep.sample(RESULTS)
    judged: dict[tuple[str, ...], Any] = {
        ("a", "NS201", "x"): {"true": True, "why": "a norm follows"},
        ("b", "NS101", "x"): {"true": False, "why": "it pads"},
    }
    text = lint_sweep.text(RESULTS, drawn, judged, "timm 1")
    assert "4 networks in 4 s; 1 could not be had. 1 pad in their forward" in text
    assert "NS101 is said of 1 of these." in text
    assert "| NS201 | bias-before-norm | warning | 2 | 1 |" in text
    assert "| NS402 | training-mode | error | 0 | 0 |" in text
    assert "3 of the 3 warnings and errors" in text
    assert "1 true, 1 false, 1 not judged." in text
    assert "| b | NS101 | `x` | false | it pads |" in text


def test_a_finding_that_is_false_or_not_judged_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("REPORT", "RESULTS", "JUDGED"):
        monkeypatch.setattr(lint_sweep, name, tmp_path / name)
    lint_sweep.RESULTS.write_text("".join(json.dumps(one) + "\n" for one in RESULTS) + '{"cut')
    judged = [{"finding": finding, "true": True, "why": "…"} for finding in lint_sweep.sample(RESULTS)]
    lint_sweep.JUDGED.write_text(json.dumps(judged))
    assert lint_sweep.main(["--only-report"]) == 0
    judged[0]["true"] = False
    lint_sweep.JUDGED.write_text(json.dumps(judged[:2]))
    assert lint_sweep.main(["--only-report"]) == 1
    assert capsys.readouterr().err.splitlines() == ["not judged: b NS101 x", "false: a NS201 x"]
