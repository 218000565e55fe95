"""Building without weights: everything on meta, and the process as it was before."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy
import pytest
import torch
from torch import nn

from netscope.base.meta.building import build, build_real, on_meta
from netscope.base.meta.twins import LARGE_BUFFER


def parts() -> nn.Module:
    """Modules that fill their parameters in every way that torch.nn knows."""
    return nn.ModuleList(
        [
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.LayerNorm(4),
            nn.Linear(4, 5),
            nn.Bilinear(2, 3, 4),
            nn.Embedding(7, 4, padding_idx=0),
            nn.LSTM(4, 6, num_layers=2, bidirectional=True, proj_size=2),
            nn.GRUCell(3, 3),
            nn.MultiheadAttention(8, 2, add_bias_kv=True, kdim=4, vdim=4),
            nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2, enable_nested_tensor=False),
            nn.PReLU(3),
            nn.ConvTranspose1d(2, 2, 3),
        ]
    )


def state() -> tuple[object, ...]:
    """What a build must not change."""
    numpy_state = numpy.random.get_state(legacy=True)
    return (
        torch.get_rng_state().tolist(),
        random.getstate(),
        (numpy_state[0], numpy_state[1].tolist(), *numpy_state[2:]),
        torch.get_default_dtype(),
        torch.get_default_device(),
        len(torch.overrides._get_current_function_mode_stack()),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        gc.isenabled(),
        torch.empty,
        {name: value for name, value in vars(nn.init).items() if callable(value)},
        {name: value for name, value in vars(torch.Tensor).items() if name.endswith("_")},
        len(nn.modules.module._global_parameter_registration_hooks),
        len(nn.modules.module._global_buffer_registration_hooks),
    )


def test_every_parameter_is_meta_and_otherwise_as_built_for_real():
    real, built = parts(), build(parts)
    assert all(parameter.is_meta for parameter in built.parameters())
    assert not any(buffer.is_meta for buffer in built.buffers())
    described = [
        {n: (tuple(t.shape), t.dtype, t.requires_grad, type(t)) for n, t in module.named_parameters()}
        for module in (real, built)
    ]
    assert described[0] == described[1]
    assert [n for n, _ in real.named_buffers()] == [n for n, _ in built.named_buffers()]


def test_the_process_is_unchanged_after_a_build():
    def factory() -> nn.Module:
        torch.manual_seed(3), random.seed(3), numpy.random.seed(3)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return parts()

    before = state()
    assert next(build(factory).parameters()).dtype == torch.float64
    assert state() == before


def test_the_process_is_unchanged_after_a_failure():
    def factory() -> nn.Module:
        torch.rand(3), random.random(), numpy.random.rand()
        torch.set_default_device("meta")
        raise ValueError("no")

    before = state()
    with pytest.raises(ValueError, match=r"^no$"):
        build(factory)
    assert state() == before


def test_a_build_under_inference_mode_makes_ordinary_parameters():
    with torch.inference_mode():
        parameter = next(build(parts).parameters())
    assert not parameter.is_inference()
    assert parameter.requires_grad


def test_ties_survive():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 3)
            self.second = nn.Linear(3, 3)
            self.second.weight = self.first.weight
            ours = nn.Parameter(torch.ones(3))
            self.a, self.b = ours, ours

    built = build(Tied)
    assert built.second.weight is built.first.weight
    assert built.a is built.b


def test_marks_on_parameters_survive():
    class Marked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            scale = nn.Parameter(torch.ones(3), requires_grad=False)
            scale.no_weight_decay = True
            self.scale = scale

    scale = build(Marked).scale
    assert scale.is_meta
    assert not scale.requires_grad
    assert scale.no_weight_decay


def test_constructors_that_compute_have_real_tensors_to_compute_with():
    class Computing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            width = int(torch.linspace(1, 8, 4).round().max().item())
            self.proj = nn.Linear(width, width)
            self.register_buffer("index", torch.arange(width).flip(0))
            self.proj.weight.data.normal_(0, 0.02).clamp_(-1, 1)
            self.proj.weight.data[0].zero_()

    built = build(Computing)
    assert built.proj.weight.is_meta
    assert built.index.tolist() == list(range(7, -1, -1))


def test_a_constructor_that_needs_a_weights_value_gets_real_weights():
    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2)
            self.scale = self.first.weight.abs().max().item()

    built = build(Looking)
    assert not built.first.weight.is_meta
    assert built.scale > 0


def test_a_factorys_own_error_is_raised_once():
    calls = []

    def factory() -> nn.Module:
        calls.append(1)
        raise RuntimeError("my own")

    with pytest.raises(RuntimeError, match="my own"):
        build(factory)
    assert len(calls) == 1


def test_large_buffers_take_no_memory_and_small_ones_keep_their_values():
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.ones(LARGE_BUFFER + 1, dtype=torch.bool))
            self.register_buffer("small", torch.ones(4))

    built = build(Masked)
    assert built.mask.is_meta
    assert built.small.tolist() == [1, 1, 1, 1]


def test_a_weight_that_no_memory_holds_is_built_all_the_same():
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(2**20, 2**14, 2**14))  # a petabyte

    weight = build(Experts).weight
    assert (weight.shape, weight.device.type) == ((2**20, 2**14, 2**14), "meta")
    with pytest.raises(RuntimeError):
        torch.empty(2**20, 2**14, 2**14)
    with pytest.raises(RuntimeError, match="negative"):
        build(lambda: torch.empty(-1))


def test_building_for_real_gives_the_same_weights_every_time():
    first, second = build_real(lambda: nn.Linear(3, 3)), build_real(lambda: nn.Linear(3, 3))
    assert torch.equal(first.weight, second.weight)


def test_other_threads_build_real_modules_meanwhile():
    made: list[nn.Module] = []

    def factory() -> None:
        thread = threading.Thread(target=lambda: made.append(nn.Linear(3, 3)))
        thread.start()
        thread.join()

    on_meta(factory)
    assert not made[0].weight.is_meta
    assert made[0].weight.abs().sum() > 0


def test_builds_nest():
    inner, outer = on_meta(lambda: (on_meta(lambda: nn.Linear(2, 2)), nn.Linear(2, 2)))
    assert inner.weight.is_meta
    assert outer.weight.is_meta
    assert not nn.Linear(2, 2).weight.is_meta


def test_lazy_modules_stay_lazy():
    assert isinstance(build(lambda: nn.LazyLinear(5)).weight, nn.UninitializedParameter)


@pytest.mark.whole
def test_a_build_imports_neither_sympy_nor_dynamo():
    code = """
import sys, torch
from torch import nn
from netscope.base.meta.building import build
def make():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LSTM(4, 4), nn.MultiheadAttention(8, 2))
    for parameter in net.parameters():
        if parameter.dim() > 1:
            nn.init.kaiming_normal_(parameter)
            nn.init.trunc_normal_(parameter)
            nn.init.orthogonal_(parameter)
    return net
build(make)
print([name for name in ("sympy", "torch._dynamo") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("factory", "dtype"),
    [
        (lambda: nn.Linear(3, 4).to("cpu"), torch.float32),
        (lambda: nn.Linear(3, 4).to(torch.device("cpu"), torch.float16), torch.float16),
        (lambda: nn.Linear(3, 4).to(torch.ones(1, dtype=torch.float64)), torch.float64),
        (lambda: nn.Linear(3, 4).half().cpu(), torch.float16),
        (lambda: nn.Linear(3, 4).to(memory_format=torch.preserve_format, device="cpu"), torch.float32),
    ],
)
def test_what_is_moved_home_is_there(factory: Callable[[], nn.Module], dtype: torch.dtype):
    """No weights are made for the sake of a device, and a dtype is kept."""
    made = build(factory)
    assert {(p.is_meta, p.dtype) for p in made.parameters()} == {(True, dtype)}
    assert {(p.device.type, p.dtype) for p in factory().parameters()} == {("cpu", dtype)}
