"""The GPU report, on a GPU that is not there: it must be right when one is at hand at last."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.machine.timing.gpu import Gpu, gpu, works
from tests.reports import steady
from tests.show.test_profile import profile
from tools import gpu_cases, gpu_report
from tools.gpu_cases import Case, Turns, judged
from tools.gpu_words import markdown, unmeasured

__all__ = ["gpu"]

QUICK = {"max_time": 0.2, "warmup": 0.0}


def timing(seconds: float = 1e-2, queued: float = 1e-2) -> Any:
    return profile(called=steady(seconds), queued=steady(queued)).timing


def test_profiles_are_held_against_the_reference_and_each_other() -> None:
    cold = Turns((1.01e-2, 1.0e-2, 1.0e-2), (1.0e-2, 0.99e-2, 1.0e-2))
    found = judged(timing(), timing(1.03e-2), timing(queued=1.02e-2), cold=cold, warm=None)
    assert found.latency == pytest.approx(1e-2)
    assert found.reference == 1e-2
    assert found.cold == pytest.approx(0.01)
    assert found.profiled == pytest.approx(0.02, rel=1e-3)
    assert found.warm is None
    assert found.repeated == pytest.approx(0.03, rel=1e-3)
    # 9.001 ms of layers, 0.5 ms without one and 0.4 ms idle, of 10 ms.
    assert found.reconciled == pytest.approx(-0.0099, rel=1e-3)
    assert judged(timing(), timing(), timing(), cold=None, warm=None).profiled is None


def test_the_report_counts_what_held() -> None:
    same = Turns((1e-2,) * 3, (1e-2,) * 3)
    cases = [
        Case("alexnet", 1, "fp32", judged(timing(), timing(), timing(), cold=same, warm=same)),
        Case("zfnet", 64, "bf16", judged(timing(), timing(1.03e-2), timing(), cold=None, warm=None)),
        Case("torchvision/resnet50", 1, "fp32", error="torchvision is not installed"),
    ]
    text = markdown({"GPU": "NVIDIA H200"}, cases, {"curve": {"text": "a | b"}, "graph": {"error": "E: x"}})
    assert text.startswith("# Profiles on NVIDIA H200\n")
    assert "cold caches on both sides, within 1.0% | 0.0% | 1 of 3 |" in text
    assert "| a second run's median, against the first's, within 2.0% | 3.0% | 1 of 3 |" in text
    assert "| `alexnet` | 1 | fp32 | 10.00 ms | 10.00 ms | 9.501 ms | 10.00 ms | = | = |" in text
    assert "−0.99% | = | ? |" in text
    assert "not measured: torchvision is not installed" in text
    assert "not measured: E: x" in text
    rows = [line for line in text.splitlines() if line.startswith(("| `", "| network"))]
    assert {line.count("|") for line in rows} == {14}


@pytest.fixture
def bench(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> Any:
    """triton's own `do_bench` on the GPU that is not there."""
    triton = pytest.importorskip("triton")

    def clear(cache: torch.Tensor) -> None:
        cache.zero_()

    monkeypatch.setattr(
        triton.runtime.driver,
        "_active",
        SimpleNamespace(
            get_device_interface=lambda: torch.cuda,
            get_empty_cache_for_benchmark=lambda: torch.empty(2**26, dtype=torch.int32, device="cuda"),
            clear_cache=clear,
        ),
        raising=False,
    )
    step = gpu_cases._step
    monkeypatch.setattr(gpu_cases, "_step", lambda *about: step(*about[:-1], "cpu"))
    return triton.testing.do_bench


SLOW = pytest.mark.slow


# The host is slower than the GPU by far; the GPU is; both are nearly as fast.
@pytest.mark.whole
@pytest.mark.parametrize(
    ("seconds", "host"),
    [(1e-5, 2e-4), pytest.param(1e-3, 1e-5, marks=SLOW), pytest.param(5e-5, 5e-5, marks=SLOW)],
)
def test_do_bench_finds_what_netscope_finds(bench: Any, gpu: Gpu, seconds: float, host: float) -> None:
    hook = works(gpu, seconds, host)
    try:
        case = gpu_cases.measured("lenet", 1, "fp32", QUICK)
    finally:
        hook.remove()
    found = case.judged
    assert found is not None
    assert found.cold == pytest.approx(0, abs=0.01)
    assert found.warm == pytest.approx(0, abs=0.01)
    assert found.profiled == pytest.approx(0, abs=0.01)
    assert found.reconciled == pytest.approx(0, abs=1e-9)
    assert found.repeated == pytest.approx(0, abs=1e-6)
    assert found.launch_bound is (host > seconds) or host == seconds
    if (
        host > 1e-4
    ):  # what the host is ahead by, while the caches are written over, is not in do_bench's figure
        assert found.reference < 0.98 * found.latency
    assert json.loads(json.dumps(case.timings))[0]["queued"]["rounds"][0]["samples"]


def test_what_fails_is_written_down_and_the_rest_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(network: str, batch: int, dtype: str) -> Case:
        if batch == 64:
            raise torch.OutOfMemoryError("no\nmemory")
        same = Turns((1e-2,) * 3, (1e-2,) * 3)
        return Case(network, batch, dtype, judged(timing(), timing(), timing(), cold=same, warm=same))

    monkeypatch.setattr(gpu_report, "measured", measured)
    file = tmp_path / "part.json"
    file.write_text('{"found": {}}')
    assert gpu_report._child("alexnet", file, 1000.0) == 0
    found = json.loads(file.read_text())["found"]
    assert found["alexnet 64 bf16"] == {"error": "OutOfMemoryError: no memory"}
    assert found["alexnet 1 fp32"]["judged"]["cold"] == 0
    # What failed is measured again, what was measured is not.
    monkeypatch.setattr(gpu_report, "measured", lambda *about: Case(*about, error="again"))
    gpu_report._child("alexnet", file, 1000.0)
    again = json.loads(file.read_text())["found"]
    assert again["alexnet 64 bf16"]["error"] == "again"
    assert again["alexnet 1 fp32"] == found["alexnet 1 fp32"]
    # And nothing is begun when the time is over.
    file.write_text('{"found": {}}')
    gpu_report._child("zfnet", file, 1.0)
    assert json.loads(file.read_text())["found"] == {}


def test_a_part_that_crashes_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def run(command: list[str], timeout: float, check: bool) -> Any:
        part, file = command[3], Path(command[-1])
        asked.append(part)
        kept = json.loads(file.read_text())
        first, *rest = gpu_report.names(part)
        kept["found"][first] = {"error": None, "judged": None}
        if part == "zfnet":
            file.write_text(json.dumps(kept))
            return SimpleNamespace(returncode=-11)
        if part == "extras":
            raise subprocess.TimeoutExpired(command, timeout)
        kept["found"].update({name: {"error": None, "judged": None} for name in rest})
        file.write_text(json.dumps(kept))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu_report, "describe", lambda: {"GPU": "NVIDIA H200"})
    monkeypatch.setattr(gpu_report, "FOLDER", tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    assert gpu_report.main(["--output", str(tmp_path)]) == 1
    assert asked == list(gpu_report.PARTS)
    kept = json.loads((tmp_path / "h200.json").read_text())
    assert kept["found"]["zfnet 1 bf16"] == {"error": "the process ended with -11"}
    assert kept["found"]["zfnet 1 fp32"]["error"] is None
    assert kept["found"]["curve"] == {"error": "the time was over"}
    assert "the process ended with -11" in (tmp_path / "h200.md").read_text()
    assert "not measured: zfnet 1 bf16" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h200.json", "h200.md"]
    asked.clear()
    gpu_report.main(["--output", str(tmp_path)])  # the same command measures what is missing
    assert asked == ["zfnet", "extras"]
    asked.clear()
    gpu_report.main(["alexnet", "--output", str(tmp_path), "--seconds", "1"])
    assert asked == []
    monkeypatch.setattr(gpu_report, "describe", lambda: {"GPU": "another"})
    gpu_report.main(["alexnet", "--output", str(tmp_path)])  # figures of two machines are not mixed
    assert asked == ["alexnet"]
    assert "zfnet 1 fp32" not in json.loads((tmp_path / "h200.json").read_text())["found"]


def test_the_machine_is_described(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "580.1, 345 MHz, 1980 MHz, 1980 MHz, 700.00 W, 31, Enabled, Disabled, Enabled\n"
    run = lambda *_, **__: SimpleNamespace(stdout=told)  # noqa: E731
    found = gpu_report._told_by_the_driver(run)
    assert (found["driver"], found["highest clock"], found["ECC"]) == ("580.1", "1980 MHz", "Enabled")

    def missing(*_: object, **__: object) -> Any:
        raise FileNotFoundError("nvidia-smi")

    assert gpu_report._told_by_the_driver(missing) == {}
    assert gpu_report.describe()["GPU"] == "NVIDIA H200"


def test_what_was_not_measured_is_said_and_what_was_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asked = ["--output", str(tmp_path)]
    assert gpu_report.main(asked) == 0
    assert (tmp_path / "h200.md").read_text() == unmeasured()
    (tmp_path / "h200.json").write_text("{}")
    (tmp_path / "h200.md").write_text("figures")
    assert gpu_report.main(asked) == 1
    assert (tmp_path / "h200.md").read_text() == "figures"
    assert "stays as it was measured" in capsys.readouterr().err


def test_the_committed_report_is_fresh_while_nothing_was_measured() -> None:
    folder = Path(gpu_report.__file__).parents[1] / "reports"
    if (folder / "h200.json").exists():
        pytest.skip("it was measured")
    assert (folder / "h200.md").read_text() == unmeasured()


BARE = """
import sys
sys.modules |= dict.fromkeys(NAMES)  # None: there is no such module
import netscope, tools.gpu_report, tools.gpu_words
made = netscope.profile("lenet", device="cpu", max_time=0.02, warmup=0.0, device_spec="h200")
made.to_json(); netscope.report.store.plain(made.timing); print(made)
"""


@pytest.mark.whole
def test_nothing_is_needed_beside_torch() -> None:
    names = "rich typer rapidfuzz pandas timm transformers torchvision triton jinja2 plotly pynvml"
    code = BARE.replace("NAMES", repr({*names.split(), "torchinfo", "fvcore"}))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(gpu_report.__file__).parents[1],
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "lenet" in done.stdout
