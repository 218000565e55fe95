"""`--fit` against the allocator: by its own record the batch that is given fits, and the next does not.

    python -m tools.memory_report --only fit

Every network really runs, at both batches, on a processor. What was there before the step is added up from
the tensors themselves; what the step takes beside is the allocator's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from netscope.base import units
from tools.memory_report.section import Result, Section


class Case(NamedTuple):
    """A network to be fitted.

    how:
        what `netscope.memory` takes beside it.
    """

    model: str
    limit: str
    how: dict[str, Any]


_SMALL: Final = {"num_hidden_layers": 4, "hidden_size": 256, "num_attention_heads": 4, "vocab_size": 1000}
CASES: Final = (
    Case("torchvision/resnet18", "800MiB", {}),
    Case("torchvision/convnext_tiny", "1GiB", {"optimizer": "sgd:momentum=0.9"}),
    Case("torchvision/swin_t", "1GiB", {}),
    Case("torchvision/r3d_18", "1.5GiB", {"input": "3x8x112x112"}),
    Case("timm/mixer_s32_224", "768MiB", {"amp": "bf16"}),
    Case("hf/bert", "512MiB", {"options": {**_SMALL, "intermediate_size": 1024}}),
    Case(
        "hf/llama",
        "1GiB",
        {"options": {**_SMALL, "intermediate_size": 512}, "checkpoint": "model.layers.*"},
    ),
    Case("hf/whisper", "1.5GiB", {}),
    Case(
        "hf/t5", "1GiB", {"options": {"num_layers": 2, "d_model": 256, "vocab_size": 1000}, "accumulate": 2}
    ),
)


def names() -> list[str]:
    """Of all cases."""
    return [case.model for case in CASES]


def measure(name: str) -> dict[str, Any]:
    """Fit one and run it: bytes predicted and recorded at the batch that fits, and at the next one."""
    import netscope

    case = next(case for case in CASES if case.model == name)
    report = netscope.memory(case.model, train=True, device="cpu", fit=case.limit, **case.how)
    assert report.memory is not None
    fit = report.memory.fit
    assert fit is not None
    return {
        "how": ", ".join(f"{key} {value}" for key, value in case.how.items() if key != "options"),
        "limit": fit.limit,
        "largest": fit.largest,
        "predicted": [fit.peak, fit.next_peak],
        "recorded": [run(case, fit.largest), run(case, fit.largest + 1)],
    }


def run(case: Case, batch: int) -> int:
    """The most that is allocated in a step that runs, what was there before it included."""
    import torch

    from netscope.api.reading import read
    from netscope.base.request import Request
    from netscope.base.workload import TensorSpec, Workload, parse_dtype
    from netscope.machine.memory.cpu import record_of
    from netscope.trace.rungs import random_tensor
    from netscope.trace.step.program import Recipe, Training

    how = dict(case.how)
    amp = how.pop("amp", None)
    checkpoint = how.pop("checkpoint", ())
    recipe = Recipe(
        how.pop("optimizer", "adamw"),
        amp=None if amp is None else parse_dtype(amp),
        accumulate=how.pop("accumulate", 1),
        checkpoint=(checkpoint,) if isinstance(checkpoint, str) else checkpoint,
    )
    workload = read(case.model, Request(batch=batch, train=True, **how))
    assert isinstance(workload, Workload)
    assert workload.rebuild is not None
    cpu = torch.device("cpu")

    def real(value: Any) -> Any:
        if isinstance(value, TensorSpec):
            return random_tensor(value, cpu)
        if isinstance(value, (list, tuple)):
            return type(value)(map(real, value))
        return {name: real(item) for name, item in value.items()} if isinstance(value, dict) else value

    args, kwargs = real(workload.args), real(workload.kwargs)
    module = workload.rebuild().train()
    training = Training(module, args, kwargs, recipe, cpu)
    record = record_of(training.step)
    there: list[Any] = [*module.parameters(), *module.buffers(), *(p.grad for p in module.parameters())]
    there += _tensors((args, kwargs))
    if training.optimizer is not None:
        there += _tensors(list(training.optimizer.state.values()))
    storages: dict[int, int] = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in there
        if tensor is not None
    }
    return sum(storages.values()) + record.peak


def _tensors(value: Any) -> list[Any]:
    import torch

    return [leaf for leaf in torch.utils._pytree.tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def text(results: Sequence[Result]) -> str:
    """What came of it in Markdown."""
    head = (
        "network",
        "how",
        "limit",
        "largest batch",
        "predicted",
        "recorded",
        "next: predicted",
        "recorded",
        "",
    )
    lines = [f"| {' | '.join(head)} |", "|---|---|--:|--:|--:|--:|--:|--:|---|"]
    held = 0
    for one in results:
        if "error" in one:
            lines.append(f"| {one['case']} | {one['error']} |" + " |" * (len(head) - 2))
            continue
        holds = one["recorded"][0] <= one["limit"] < one["recorded"][1]
        held += holds
        pairs = zip(one["predicted"], one["recorded"], strict=True)
        figures = [units.count(nbytes) for pair in pairs for nbytes in pair]
        cells = [one["case"], one["how"], units.binary(one["limit"]), units.count(one["largest"]), *figures]
        lines.append(f"| {' | '.join(cells)} | {'holds' if holds else '**does not hold**'} |")
    said = (
        f"**On {held} of {len(results)} networks the batch that `--fit` gives fits, and the next does not**, "
        "by the allocator's record of steps that ran at both, in bytes with what was there before the step."
    )
    gap = (
        "What is recorded beyond what was predicted is what kernels of oneDNN take for themselves: for the "
        "gradient of the weights of a 3-D convolution several times as much as these (r3d_18), which oneDNN "
        "alone knows; and products of halves (autocast), which are not modelled."
    )
    return "\n".join([said, "", *lines, "", gap])


SECTION: Final = Section("fit", "The largest batch that fits", names, measure, text)
