"""What autograd keeps for backward, predicted without data, against torch's own hooks on real tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tools.memory_report.networks import NETWORKS
from tools.memory_report.section import Result, Section, signed, table

_BATCH: Final = 2
_CASTS: Final = {"float32": None, "autocast to bfloat16": "bfloat16"}


def measure(case: str) -> dict[str, Any]:
    """Of one network: bytes and storages, predicted and seen, for each way of computing."""
    import torch

    from netscope.base.workload import Workload
    from netscope.machine.memory.saved import saved_sizes
    from netscope.trace.step.program import Recipe
    from netscope.trace.step.record import record_step

    found: dict[str, Any] = {}
    for cast, amp in _CASTS.items():
        torch.manual_seed(0)
        module = NETWORKS[case].build()
        args, kwargs = NETWORKS[case].make(_BATCH)
        recipe = Recipe(optimizer=None, amp=amp)
        step = record_step(Workload(case, module, args, kwargs), recipe)
        predicted = sorted(step.trace.storages[storage].nbytes for storage, _ in step.saved)
        seen = saved_sizes(module.train(), args, kwargs, recipe)
        found[cast] = {
            "predicted": sum(predicted),
            "seen": sum(seen),
            "storages": len(seen),
            "equal": predicted == seen,
            "rung": step.trace.rung,
            "reason": step.trace.rung_reason,
        }
    return found


def text(results: Sequence[Result]) -> str:
    """How many are equal, and the table."""
    rows, unequal, real = [], [], {}
    worst = (1.0, "")
    for result in results:
        row = [f"{result['case']}"]
        for cast in _CASTS:
            one = result.get(cast)
            if one is None:
                row += ["", "failed"]
                unequal.append(f"{result['case']}: {result.get('error', '')}")
                continue
            ratio = one["predicted"] / one["seen"]
            row += [f"{one['seen']:,}", "equal" if one["equal"] else signed(ratio)]
            if not one["equal"]:
                unequal.append(f"{result['case']}, {cast}")
                worst = max(worst, (ratio, result["case"]), key=lambda pair: abs(pair[0] - 1))
            if one["rung"] != "meta":
                real[result["case"]] = one["reason"]
        rows.append(row)
    count = len(results)
    about = (
        f"{count} networks, batch {_BATCH}, in training mode. A storage is counted once, those of parameters "
        "and buffers are not. Equal means: as many storages of the same bytes each as "
        "`torch.autograd.graph.saved_tensors_hooks` is given on real tensors by the end of the forward and "
        "its loss."
    )
    lines = [
        about,
        "",
        f"**{2 * count - len(unequal)} of {2 * count} equal, byte for byte.**"
        + (f" Worst: {worst[1]}, {signed(worst[0])}." if unequal else ""),
        "",
    ]
    lines += [f"- not equal: {one}" for one in unequal]
    lines += [f"- run on real tensors: {case}: {reason}" for case, reason in real.items()]
    head = ["network"]
    for cast in _CASTS:
        head += [f"{cast}, bytes", "predicted"]
    return "\n".join([*lines, "", table(head, rows)])


SECTION: Final = Section("saved", "Saved for backward", lambda: list(NETWORKS), measure, text)
