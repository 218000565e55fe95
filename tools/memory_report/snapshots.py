"""Predicted steps as torch's memory snapshots: read by torch's own functions, with our peak in them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, Final

from tools.memory_report.section import Result, Section, table

CASES: Final = ("torchvision/resnet18", "torchvision/vit_b_16", "timm/mixer_s32_224")


def measure(case: str) -> dict[str, Any]:
    """What torch's functions find in the snapshot of a step of training."""
    import torch.cuda._memory_viz as viz

    import netscope

    report = netscope.memory(case, batch=2, train=True, device="cuda")
    data = report.to_memory_snapshot()
    snapshot = pickle.loads(data)  # noqa: S301 - our own
    live = peak = 0
    for entry in snapshot["device_traces"][0]:
        live += {"alloc": entry["size"], "free_completed": -entry["size"]}.get(entry["action"], 0)
        peak = max(peak, live)
    return {
        "bytes": len(data),
        "actions": len(snapshot["device_traces"][0]),
        "summary": len(viz.segsum(snapshot).splitlines()),  # type: ignore[no-untyped-call]
        "plot": len(viz.trace_plot(snapshot)),  # type: ignore[no-untyped-call]
        "peak": peak,
        "ours": report.training_peak,
    }


def text(results: Sequence[Result]) -> str:
    """A line a network."""
    rows = [
        (
            result["case"],
            f"{result['actions']:,}",
            f"{result['bytes']:,}",
            f"{result['peak']:,}",
            "equal" if result["peak"] == result["ours"] else f"{result['ours']:,}",
        )
        for result in results
        if "error" not in result
    ]
    head = ("network, batch 2, AdamW", "actions", "bytes of the file", "peak in its history", "predicted")
    return (
        "`torch.cuda._memory_viz` reads each: `segsum` lists its segments, `trace_plot` draws it.\n\n"
        + table(head, rows)
    )


SECTION: Final = Section("snapshots", "Memory snapshots", lambda: CASES, measure, text)
