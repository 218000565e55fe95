"""The GPU report's text, of figures that are made up: it must be right when a GPU is at hand at last."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.render.test_profile import profile
from tests.reports import steady
from tools import gpu_report
from tools.gpu_report import Case, judged, markdown, unmeasured


def test_two_profiles_are_held_against_the_reference_and_each_other() -> None:
    first, second = profile().timing, profile(called=steady(1.03e-2)).timing
    found = judged(first, second, [1.0e-2, 0.9e-2, 1.1e-2])
    assert found.latency == pytest.approx(1e-2)
    assert found.agreement == pytest.approx(0, abs=1e-5)
    assert found.repeated == pytest.approx(0.03, rel=1e-3)
    # 9.001 ms of layers, 0.5 ms without one and 0.4 ms idle, of 10 ms.
    assert found.reconciled == pytest.approx(-0.0099, rel=1e-3)
    assert judged(first, second, []).agreement is None


def test_the_report_counts_what_held() -> None:
    first, second = profile().timing, profile(called=steady(1.03e-2)).timing
    cases = [
        Case("alexnet", 1, "fp32", judged(first, first, [first.median])),
        Case("zfnet", 64, "bf16", judged(first, second, [])),
        Case("torchvision/resnet50", 1, "fp32", error="torchvision is not installed"),
    ]
    text = markdown({"GPU": "NVIDIA H200"}, cases)
    assert text.startswith("# Profiles on NVIDIA H200\n")
    assert "| end to end, against `do_bench`, within 1.0% | 0.0% | 1 of 3 |" in text
    assert "| a second run's median, against the first's, within 2.0% | 3.0% | 1 of 3 |" in text
    assert "| `alexnet` | 1 | fp32 | 10.00 ms | 10.00 ms | = | −0.99% | = |" in text
    assert "| `zfnet` | 64 | bf16 | 10.00 ms | not measured |  | −0.99% | +3.0% |" in text
    assert "not measured: torchvision is not installed" in text


def test_what_was_not_measured_is_said_and_what_was_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(gpu_report, "FOLDER", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_report.main() == 0
    assert (tmp_path / "h200.md").read_text() == unmeasured()
    (tmp_path / "h200.json").write_text("{}")
    (tmp_path / "h200.md").write_text("figures")
    assert gpu_report.main() == 1
    assert (tmp_path / "h200.md").read_text() == "figures"
    assert "stays as it was measured" in capsys.readouterr().err


def test_the_committed_report_is_fresh_while_nothing_was_measured() -> None:
    folder = Path(gpu_report.__file__).parents[1] / "reports"
    if (folder / "h200.json").exists():
        pytest.skip("it was measured")
    assert (folder / "h200.md").read_text() == unmeasured()
