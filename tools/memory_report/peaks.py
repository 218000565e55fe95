"""A forward and a step of training, predicted, against the record of the processor's allocator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tools.memory_report.networks import NETWORKS, at_size
from tools.memory_report.section import Result, Section, signed, table

_BATCH: Final = 4
_WAYS: Final = {"forward": None, "SGD": "sgd", "AdamW": "adamw"}
# With the side of their images, where that is not the one of the list.
_CASES: Final = {
    "torchvision/alexnet": 224,
    "torchvision/resnet18": 128,
    "torchvision/resnet50": 128,
    "torchvision/densenet121": 128,
    "torchvision/mobilenet_v2": 128,
    "torchvision/efficientnet_b0": 128,
    "torchvision/convnext_tiny": 128,
    "torchvision/swin_t": 128,
    "torchvision/vit_b_16": 224,
    "torchvision/regnet_y_400mf": 128,
    "timm/mixer_s32_224": None,
    "timm/resmlp_12_224": None,
    "hf/bert": None,
    "hf/gpt2": None,
    "hf/llama": None,
    "hf/mistral": None,
    "hf/t5": None,
    "hf/qwen3_moe": None,
    "hf/deberta_v2": None,
    "hf/mamba": None,
}
# Beyond this a difference is a gap, and has a name.
_GAP: Final = 0.001
_NAMES: Final = {
    "aten::mkldnn_convolution": "oneDNN scratch of a convolution",
    "aten::_convolution": "oneDNN scratch of a convolution",
    "aten::convolution_backward": "oneDNN scratch of a convolution's gradients",
}


def measure(case: str) -> dict[str, Any]:
    """Of one network: bytes at the end of the forward and at the peak, predicted and recorded."""
    import torch

    from netscope.answers.memory.timeline import timeline_of
    from netscope.base.workload import Workload
    from netscope.machine.memory.cpu import inference_record, training_record
    from netscope.trace.step.program import Recipe
    from netscope.trace.step.record import record_step

    found: dict[str, Any] = {}
    for way, optimizer in _WAYS.items():
        torch.manual_seed(0)
        network = at_size(NETWORKS[case], _CASES[case])
        module = network.build()
        args, kwargs = network.make(_BATCH)
        recipe = None if optimizer is None else Recipe(optimizer=optimizer)
        step = record_step(Workload(case, module, args, kwargs), recipe)
        timeline = timeline_of(step)
        if recipe is None:
            record = inference_record(module.eval(), args, kwargs)
        else:
            record = training_record(module.train(), args, kwargs, recipe)
        forward = timeline.part("forward")
        begin, end = ((next(b for n, b, _ in record.phases if n == name)) for name in _around(recipe))
        ops = step.trace.ops
        found[way] = {
            "end": (timeline.part("loss").begin if recipe else forward.end) - forward.begin,
            "end_recorded": end - begin,
            "peak": timeline.peak - forward.begin,
            "peak_recorded": record.peak - begin,
            "in": ops[min(timeline.peak_op, len(ops) - 1)].operator.name,
            "in_recorded": record.operator,
            "convolutions": any(op.operator.name.startswith("aten.convolution") for op in ops),
        }
    return found


def _around(recipe: object) -> tuple[str, str]:
    """Where the forward begins, and what comes after it."""
    return "forward", "end" if recipe is None else "loss"


def text(results: Sequence[Result]) -> str:
    """The worst, the table, and every gap."""
    rows: list[list[str]] = []
    gaps: list[str] = []
    worst: dict[bool, tuple[float, str]] = {True: (1.0, ""), False: (1.0, "")}
    ends = cases = 0
    for result in results:
        row = [result["case"]]
        equal = True
        for way in _WAYS:
            one = result.get(way)
            cases += 1
            if one is None:
                row += ["", "failed"]
                gaps.append(f"{result['case']}: {result.get('error', '')}")
                continue
            ratio = one["peak"] / one["peak_recorded"]
            ends += one["end"] == one["end_recorded"]
            equal = equal and one["end"] == one["end_recorded"]
            row += [f"{one['peak_recorded']:,}", signed(ratio)]
            place = f"{result['case']}, {way}"
            has = one["convolutions"]
            worst[has] = max(worst[has], (ratio, place), key=lambda pair: abs(pair[0] - 1))
            if abs(ratio - 1) > _GAP:
                difference = one["peak"] - one["peak_recorded"]
                name = _NAMES.get(one["in_recorded"], one["in_recorded"])
                gaps.append(f"{place}: {difference:+,} bytes: {name} (predicted in `{one['in']}`)")
        rows.append([row[0], "equal" if equal else "not equal", *row[1:]])
    about = (
        f"{len(results)} networks, batch {_BATCH}, float32: a forward in eval mode under `no_grad`, and "
        "steps of training. Bytes are above what is there when the forward begins: parameters, buffers, "
        "inputs, optimizer state. The allocator's own record is what the profiler has of each allocation."
    )
    lines = [
        about,
        "",
        f"**At the end of the forward {ends} of {cases} equal, byte for byte.**",
        "",
        *(
            f"- worst peak {what} convolutions: {signed(ratio)}{f' ({place})' if place else ''}"
            for what, (ratio, place) in (("with", worst[True]), ("without", worst[False]))
        ),
        "",
        f"Differences beyond {100 * _GAP:.1f}%, by the operator in which the recorded peak is:"
        if gaps
        else f"No difference is beyond {100 * _GAP:.1f}%.",
        "",
        *(f"- {gap}" for gap in gaps),
    ]
    head = ["network", "end of forward"]
    for way in _WAYS:
        head += [f"{way}, bytes", "predicted"]
    return "\n".join([*lines, "", table(head, rows)])


SECTION: Final = Section("peaks", "Forward and training step", lambda: list(_CASES), measure, text)
