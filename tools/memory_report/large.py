"""A llama of 70 billion parameters in training, in a process of its own: what the prediction itself takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from netscope.base import units
from tools.memory_report.section import Result, Section, table

# The processor's seconds, and the most that the process had of memory, with imports alone and in all.
_CODE: Final = """
import json, pathlib, sys, time
import torch, netscope
from transformers import LlamaForCausalLM
import netscope.api.memory, netscope.trace.step.record, netscope.answers.memory.remember
# Of this process alone: what the system says of its children begins with what their parent had.
status = pathlib.Path("/proc/self/status")
most = lambda: 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
before = time.process_time(), most()
found = {}
if sys.argv[1] != "imports":
    report = netscope.memory(
        "hf/llama", input="2048:int64", dtype="bfloat16", train=True, device=sys.argv[1],
        options={"hidden_size": 8192, "num_hidden_layers": 80, "intermediate_size": 28672,
                 "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 128256},
    )
    found = {"params": report.params, "training_peak": report.training_peak,
             "saved": report.saved_for_backward, "operators": len(report.step.trace.ops)}
print(json.dumps({"imports": before, "all": (time.process_time(), most()), **found}))
"""


def measure(case: str) -> dict[str, Any]:
    """One process."""
    done = subprocess.run([sys.executable, "-c", _CODE, case], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def text(results: Sequence[Result]) -> str:
    """A line a device."""
    rows = []
    for result in results:
        if "params" not in result:
            continue
        (_, memory), (spent, most) = result["imports"], result["all"]
        rows.append(
            (
                f"as on {result['case']}",
                f"{result['operators']:,}",
                f"{spent - result['imports'][0]:.1f} s",
                f"{spent:.1f} s",
                f"{(most - memory) / 1e6:.0f} MB",
                units.binary(result["training_peak"], units.TOTAL),
                units.binary(result["saved"], units.TOTAL),
            )
        )
    head = (
        "70.6 billion parameters, 2,048 tokens, AdamW",
        "operators",
        "processor",
        "whole process",
        "over the imports",
        "training peak",
        "saved",
    )
    return table(head, rows)


SECTION: Final = Section("large", "A large network", lambda: ("cpu", "cuda"), measure, text)
