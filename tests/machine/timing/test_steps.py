"""Steps, weights and inputs: real, finite, and nobody else's business."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

import netscope
from netscope.base.errors import UsageError
from netscope.base.meta.building import build, on_meta
from netscope.base.workload import TensorSpec, Workload
from netscope.machine.timing.inputs import arguments, integer_limits
from netscope.machine.timing.steps import OPTIMIZERS, Inference, Training
from netscope.machine.timing.weights import fill, materialised
from netscope.sources import resolve
from netscope.trace import record
from tests import models as m

# timm's swin makes its masks on the device of its parameters.
NETWORKS = ("alexnet", "torchvision/resnet18", "torchvision/mnasnet0_5", "timm/swin_tiny_patch4_window7_224")


def generators() -> tuple[object, ...]:
    return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()


@pytest.mark.whole
def test_networks_from_names_get_finite_weights_quickly():
    pytest.importorskip("torchvision")
    before = generators()
    workload = resolve("torchvision/vit_b_16")
    module = materialised(workload, "cpu")
    assert generators() == before
    assert all(p.is_meta for p in workload.module.parameters())  # the traced one stays as it is
    shapes = {name: tuple(p.shape) for name, p in workload.module.named_parameters()}
    assert {name: tuple(p.shape) for name, p in module.named_parameters()} == shapes
    kernel = module.get_parameter("conv_proj.weight")
    assert kernel.std().item() == pytest.approx((3 * 16 * 16) ** -0.5, rel=0.02)
    assert torch.equal(module.get_parameter("encoder.ln.weight"), torch.ones(768))
    again = materialised(workload, "cpu")
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), again.parameters(), strict=True))


@pytest.mark.whole
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
def test_activations_stay_ordinary_numbers(name: str, train: bool):
    if "/" in name:
        pytest.importorskip(name.partition("/")[0])
    small = "3x96x96" if "torchvision" in name else None  # this is about numbers, not about sizes
    workload = resolve(name, batch=2, input=small)
    module = materialised(workload, "cpu").train(train)
    args, kwargs = arguments(workload, "cpu")
    with torch.no_grad():
        out = module(*args, **kwargs)
    assert out.isfinite().all()
    usual = out.abs().median().item()
    assert 1e-6 < usual < 1e4


def test_half_precision_does_not_overflow():
    pytest.importorskip("torchvision")
    workload = resolve("torchvision/resnet18", dtype="bf16")
    module = materialised(workload, "cpu").eval()
    args, kwargs = arguments(workload, "cpu")
    assert {p.dtype for p in module.parameters()} == {torch.bfloat16}
    assert module(*args, **kwargs).isfinite().all()


def test_tied_weights_stay_tied_and_buffers_are_kept():
    class Masked(m.TiedEmbedding):
        def __init__(self) -> None:
            super().__init__()
            # Larger than what building leaves alone.
            self.register_buffer("mask", torch.ones(1200, 1200).tril())

    def factory() -> nn.Module:
        return on_meta(Masked, buffers=False)

    module = materialised(Workload("masked", build(Masked), rebuild=factory), "cpu")
    assert module.head.weight is module.embed.weight
    assert not module.head.weight.is_meta
    assert module.mask[0, 1] == 0
    assert module.mask[1, 0] == 1


def test_marks_strides_and_frozen_parameters_survive():
    module = on_meta(lambda: nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last))
    module.weight.no_weight_decay = True
    module.bias.requires_grad_(False)
    fill(module, "cpu")
    assert module.weight.no_weight_decay
    assert module.weight.is_contiguous(memory_format=torch.channels_last)
    assert [p.requires_grad for p in module.parameters()] == [True, False]


def test_a_network_of_the_users_own_is_not_made_again():
    with pytest.raises(UsageError, match="mine has weights of its own"):
        materialised(Workload("mine", nn.Linear(2, 2)), "cpu")


def test_a_constructor_that_looks_at_its_weights_gets_real_ones():
    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)
            self.scale = float(self.linear.weight.detach().abs().max())

    module = materialised(Workload("looks", build(Looks), rebuild=Looks), "cpu")
    assert module.scale > 0


def test_inputs_are_random_and_in_range():
    spec = TensorSpec
    workload = Workload(
        "all",
        nn.Identity(),
        (spec((64, 3)), [spec((5,), "bool"), spec((2000,), "int64")], torch.zeros(2)),
        {"ids": spec((2000,), "int32"), "phase": spec((4,), "complex64"), "half": spec((4,), "float16")},
    )
    before = generators()
    args, kwargs = arguments(workload, "cpu", below={"ids": 100})
    assert generators() == before
    assert args[0].std().item() == pytest.approx(1, rel=0.2)
    assert args[1][0].all()
    assert set(args[1][1].tolist()) == set(range(8))
    assert 90 < kwargs["ids"].max() < 100
    assert kwargs["ids"].dtype == torch.int32
    assert kwargs["phase"].dtype == torch.complex64
    assert kwargs["half"].dtype == torch.float16
    assert args[2] is not workload.args[2]
    assert torch.equal(args[2], workload.args[2])


def test_token_ids_range_over_the_table_that_they_are_looked_up_in():
    ids = TensorSpec((2, 7), "int64")
    trace = record(Workload("tied", m.TiedEmbedding(), (ids,)))
    assert integer_limits(trace) == {"0": 100}
    named = record(Workload("tied", m.TiedEmbedding(), (), {"ids": ids}))
    assert integer_limits(named) == {"ids": 100}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_goes_through_all_phases_and_moves_no_weight(optimizer: str):
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    before = [p.detach().clone() for p in module.parameters()]
    step = Training(module, (torch.randn(3, 4),), {}, optimizer)
    assert [name for name, _ in step.phases] == ["forward", "backward", "optimizer"]
    for _ in range(3):
        step.prepare()
        assert all(p.grad is None for p in module.parameters())
        for _, run in step.phases:
            run()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


def test_training_follows_every_output():
    module = m.Outputs("dict")
    step = Training(module, (torch.randn(3, 4),), {})
    for _, run in step.phases:
        run()
    assert module.linear.weight.grad is not None


def test_training_what_cannot_be_trained_is_refused():
    with pytest.raises(UsageError, match="no parameter of the network can be trained"):
        Training(nn.ReLU(), (), {})
    with pytest.raises(UsageError, match="no optimizer is named 'adamm'"):
        Training(nn.Linear(1, 1), (), {}, "adamm")
    step = Training(m.Outputs("dict"), (torch.randn(3, 4),), {})
    step._module.forward = lambda x: x
    with pytest.raises(UsageError, match="nothing that depends on its parameters"):
        step.phases[0][1]()


def test_inference_keeps_no_graph():
    seen = []
    module = nn.Linear(2, 2)
    module.register_forward_hook(lambda _, __, out: seen.append(out.requires_grad))
    ((name, run),) = Inference(module, (torch.ones(1, 2),), {}).phases
    run()
    assert (name, seen) == ("forward", [False])
    assert netscope.summary(module, args=(torch.ones(1, 2),)).params == 6
