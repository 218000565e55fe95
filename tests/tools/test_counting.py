"""The device that only counts: torch's own code for CUDA, without a GPU."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (torch.version.cuda or "").startswith("13.") or not shutil.which("cc") or not shutil.which("nm"),
        reason="needs a torch for CUDA 13, a C compiler and binutils",
    ),
]

STEP = """
import torch
torch.cuda.init()
layer = torch.nn.Linear(1024, 4096, device="cuda")
x = torch.empty(64, 1024, device="cuda")
print(torch.cuda.memory_allocated())
y = layer(x)
print(torch.cuda.memory_allocated(), torch.cuda.max_memory_reserved())
"""


def run(*arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_model_does_as_torchs_allocator_does():
    assert "14 of 14 timelines equal" in run("tools.counting.allocator", "--rounds", "14", "--seed", "100")


def test_a_layer_runs_on_it(tmp_path: Path):
    script = tmp_path / "step.py"
    script.write_text(STEP, encoding="utf-8")
    lines = run("tools.counting", str(script)).splitlines()
    # A weight of 4096 x 1024 and a bias of 4096, and an input of 64 x 1024, in float32.
    before = 16_777_216 + 16_384 + 262_144
    # An output of 64 x 4096, and the workspace of an H100: 1,048,576 and 33,554,432. Segments: 16 MiB for the
    # weight and 32 for the workspace; 2 for bias, input and output, which is small with 1 MiB and fits in.
    assert lines == [f"{before}", f"{before + 1_048_576 + 33_554_432} {50 * 2**20}"]
