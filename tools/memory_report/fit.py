"""`--fit` against the allocator: by its own record the batch that is given fits, and the next does not.

    python -m tools.memory_report.fit

Every network really runs, at both batches, on a processor. What was there before the step is added up from
the tensors themselves; what the step takes beside is the allocator's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from netscope.base import units


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
    Case(
        "hf/t5", "1GiB", {"options": {"num_layers": 2, "d_model": 256, "vocab_size": 1000}, "accumulate": 2}
    ),
)


class Row(NamedTuple):
    """What came of a case. Bytes: predicted and recorded at the batch that fits, and at the next one."""

    case: Case
    limit: int
    largest: int
    predicted: tuple[int | None, int | None]
    recorded: tuple[int, int]

    @property
    def holds(self) -> bool:
        """Whether the one fits and the other does not."""
        return self.recorded[0] <= self.limit < self.recorded[1]


def rows(cases: Sequence[Case] = CASES) -> Iterator[Row]:
    """Fit each and run it."""
    import netscope

    for case in cases:
        report = netscope.memory(case.model, train=True, device="cpu", fit=case.limit, **case.how)
        assert report.memory is not None
        fit = report.memory.fit
        assert fit is not None
        recorded = run(case, fit.largest), run(case, fit.largest + 1)
        yield Row(case, fit.limit, fit.largest, (fit.peak, fit.next_peak), recorded)


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


def table(found: Sequence[Row]) -> str:
    """As Markdown."""
    lines = [
        "| network | how | limit | largest batch | predicted | recorded | the next: predicted | recorded | holds |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in found:
        how = ", ".join(f"{name} {value}" for name, value in row.case.how.items() if name != "options")
        figures = (row.predicted[0], row.recorded[0], row.predicted[1], row.recorded[1])
        shown = " | ".join("none" if nbytes is None else units.count(nbytes) for nbytes in figures)
        lines.append(
            f"| {row.case.model} | {how} | {row.case.limit} | {row.largest} | {shown} | "
            f"{'yes' if row.holds else 'no'} |"
        )
    held = sum(row.holds for row in found)
    return "\n".join([*lines, "", f"On {held} of {len(found)} the batch fits and the next does not.", ""])


if __name__ == "__main__":
    seen = []
    for one in rows():
        seen.append(one)
        sys.stderr.write(f"{one.case.model}: {one.largest}, {'holds' if one.holds else 'DOES NOT HOLD'}\n")
    sys.stdout.write(table(seen))
