"""What a training step computes, against torch's own counter and by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from netscope.machine.timing.counting import counted
from netscope.machine.timing.steps import Training
from netscope.report.measured.breakdown import StepWork


class Twice(nn.Module):
    """Keeps no activations of `again`, and computes them a second time."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 5))

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.again, self.first(x), use_reentrant=False)


class Opaque(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.eigvals(self.head(x)).real


NETWORKS: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    "convolutions": lambda: (
        nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 4, 2, stride=2)
        ),
        torch.randn(2, 3, 12, 12),
    ),
    "encoder": lambda: (nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0), torch.randn(5, 2, 16)),
    "gru": lambda: (nn.GRU(6, 10, 2), torch.randn(5, 2, 6)),
    "frozen": lambda: (
        nn.Sequential(nn.Linear(4, 8).requires_grad_(False), nn.Linear(8, 3)),
        torch.randn(7, 4),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_as_torch_counts(name: str) -> None:
    module, x = NETWORKS[name]()
    step = Training(module, (x,), {})
    # torch's counter does not know the processor's fused attention.
    with sdpa_kernel(SDPBackend.MATH):
        found = counted(step)
        with FlopCounterMode(display=False) as torchs:
            step.phases[0][1]()
            forward = torchs.get_total_flops()
            step.phases[1][1]()
    assert found is not None
    assert found.unknown == {}
    assert (2 * found.forward_macs, 2 * found.macs) == (forward, torchs.get_total_flops())
    assert found.backward_macs > 0


def test_groups_are_counted_once() -> None:
    """Depthwise, 3x3, 4 channels, 6x6 positions: the input needs no gradient, so backward is forward."""
    module = nn.Conv2d(4, 4, 3, groups=4, bias=False)
    found = counted(Training(module, (torch.randn(1, 4, 8, 8),), {}))
    assert found == StepWork(4 * 36 * 9, 4 * 36 * 9)


def test_what_is_computed_again_counts_again() -> None:
    """Three rows through 4x8, 8x2 and 2x5. The backward makes what 2x5 reads once more."""
    found = counted(Training(Twice(), (torch.randn(3, 4),), {}))
    assert found == StepWork(3 * (32 + 16 + 10), 3 * (16 + 2 * (16 + 10) + 32))


def test_an_operator_without_a_formula_leaves_the_step_unknown() -> None:
    found = counted(Training(Opaque(), (torch.randn(6, 6),), {}))
    assert found is not None
    assert found.macs is None
    assert any("eig" in name for name in found.unknown)
    assert found.forward_macs >= 6 * 6 * 6


def test_a_step_that_cannot_be_recorded_is_not_known() -> None:
    class Fails(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
                raise RuntimeError("not while I am watched")
            return super().forward(x)

    module = Fails(4, 2)
    step = Training(module, (torch.randn(3, 4),), {})
    assert counted(step) is None
    assert module.weight.grad is None
    for _, run in step.phases:
        run()


def test_nothing_stays_on_the_module() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    assert counted(Training(module, (torch.randn(3, 4),), {})) is not None
    held = [*module.parameters(), *module.buffers()]
    assert [vars(tensor) for tensor in held] == [{}] * len(held)
    assert all(p.grad is None for p in module.parameters())
