"""Convolutions and pools: hand arithmetic, real tensors, and whatever hypothesis thinks of."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

import netscope
from netscope.answers.explain import Explanation
from tests.answers.explain.support import holds, sides_of, surprises


def explained(module: nn.Module, input: str, batch: int = 1) -> Explanation:
    """The one layer's explanation."""
    report = netscope.summary(module, input=input, batch=batch)
    holds(report)
    return netscope.explain(report)[0]


def formula(explanation: Explanation, key: str) -> tuple[str, int | None]:
    line = explanation[key]
    return line.formula, line.value


def test_alexnets_first_convolution():
    said = explained(nn.Conv2d(3, 96, 11, stride=4), "3x227x227")
    assert formula(said, "output_side") == ("floor((227 + 2*0 - 1*(11-1) - 1)/4) + 1", 55)
    assert formula(said, "params") == ("(11*11*3 + 1)*96", 34_944)
    assert formula(said, "macs") == ("11*11*3 * 96 * 55*55", 105_415_200)
    assert formula(said, "output_elements") == ("96*55*55", 290_400)
    assert formula(said, "output_bytes") == ("96*55*55*4", 1_161_600)
    assert formula(said, "unread") == ("(227 - 11) % 4", 0)
    assert said["maps"].value == 96
    assert said["kernel_depth"].value == 3


def test_parameter_sharing_as_the_lesson_should_have_it():
    # 3x3 kernels of depth 10: 90 weights each; 32 of them are 2,880. Unshared, 20*20*32 neurons have 90 each.
    said = explained(nn.Conv2d(10, 32, 3, padding=1), "10x20x20")
    assert formula(said, "weights") == ("3*3*10*32", 2_880)
    assert formula(said, "unshared_weights") == ("20*20*32 * 3*3*10", 1_152_000)
    assert said["unshared_weights"].note == "if each of the 12,800 outputs had a kernel of its own"


def test_groups_share_out_the_depth():
    said = explained(nn.Conv2d(96, 256, 5, padding=2, groups=2), "96x27x27")
    assert formula(said, "kernel_depth") == ("96/2", 48)
    assert formula(said, "params") == ("(5*5*48 + 1)*256", 307_456)


def test_same_padding_puts_the_odd_one_behind():
    said = explained(nn.Conv2d(2, 4, 4, padding="same", bias=False), "2x10x10")
    assert formula(said, "output_side") == ("floor((10 + 1 + 2 - 1*(4-1) - 1)/1) + 1", 10)
    assert formula(said, "params") == ("4*4*2*4", 128)


def test_sides_that_differ_have_a_line_each():
    said = explained(nn.Conv2d(1, 1, (3, 5), stride=(2, 1), padding=(0, 2), dilation=(2, 1)), "1x20x30")
    assert formula(said, "output_height") == ("floor((20 + 2*0 - 2*(3-1) - 1)/2) + 1", 8)
    assert formula(said, "output_width") == ("floor((30 + 2*2 - 1*(5-1) - 1)/1) + 1", 30)
    assert said["unread_height"].value == 1
    assert said["unread_width"].value == 0


def test_a_transposed_convolution():
    layer = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1, groups=2)
    said = explained(layer, "8x7x7", batch=3)
    assert formula(said, "output_side") == ("(7 - 1)*2 - 2*1 + 1*(3-1) + 1 + 1", 14)
    assert formula(said, "params") == ("(3*3*4 + 1)*4", layer.weight.numel() + 4)
    assert formula(said, "macs") == ("3 * 3*3*4 * 4 * 7*7", 3 * 8 * 2 * 9 * 49)


class ToldItsSize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(1, 1, 3, stride=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(x, output_size=[13])


def test_a_transposed_convolution_that_is_told_its_size():
    report = netscope.summary(ToldItsSize(), input="1x3")
    assert formula(netscope.explain(report, "up")[0], "output_length") == (
        "(3 - 1)*4 - 2*0 + 1*(3-1) + 2 + 1",
        13,
    )


def test_a_pool_of_the_last_maps():
    said = explained(nn.MaxPool2d(3, 2), "256x13x13")
    assert formula(said, "output_side") == ("floor((13 - 3)/2) + 1", 6)
    assert said["params"].value == 0
    assert said["params"].note == "a pool has no weights"


def test_ceil_mode_hangs_over_the_end_and_never_begins_behind_it():
    said = explained(nn.MaxPool2d(2, 2, ceil_mode=True), "1x7x7")
    assert formula(said, "output_side") == ("ceil((7 - 2)/2) + 1", 4)
    assert formula(said, "overhang") == ("(4 - 1)*2 - (7 - 2)", 1)
    said = explained(nn.AvgPool1d(1, 3, ceil_mode=True), "1x5")
    assert formula(said, "output_length") == ("ceil((5 - 1)/3) + 1 - 1", 2)
    assert said["unread"].value == 1


def test_indices_are_an_output_of_their_own():
    said = explained(nn.MaxPool2d(2, return_indices=True), "1x4x4")
    assert said["output_bytes"].formula == "2*2*4 + 2*2*8"
    assert said["output_elements_1"].note == "int64"


def test_unpooling_adaptive_pooling_padding_flattening_and_growing():
    up, places = nn.MaxUnpool2d(3, 2), torch.zeros(1, 1, 27, 27, dtype=torch.int64)
    report = netscope.summary(up, args=(torch.rand(1, 1, 27, 27), places))
    assert formula(netscope.explain(report)[0], "output_side") == ("(27 - 1)*2 - 2*0 + 3", 55)

    said = explained(nn.AdaptiveAvgPool2d((6, 7)), "2x12x12")
    assert formula(said, "window_height") == ("12/6", 2)
    assert said["window_width"].value == 3
    assert explained(nn.AdaptiveAvgPool2d(3), "1x4x4")["window_side"].value == 2

    said = explained(nn.ZeroPad2d((1, 2, 3, 4)), "3x224x224")
    assert formula(said, "output_height") == ("224 + 3 + 4", 231)
    assert formula(said, "output_width") == ("224 + 1 + 2", 227)
    assert formula(explained(nn.ZeroPad2d((1, 2, 1, 2)), "3x224x224"), "output_side") == ("224 + 1 + 2", 227)

    assert formula(explained(nn.Flatten(), "256x6x6"), "output_length") == ("256*6*6", 9216)
    assert formula(explained(nn.Upsample(scale_factor=1.5), "1x5x5"), "output_side") == ("floor(5*1.5)", 7)


def test_an_adaptive_pool_keeps_a_side_that_nobody_asked_for():
    said = explained(nn.AdaptiveAvgPool2d((6, None)), "2x12x13")
    assert (said["output_height"].value, said["output_height"].note) == (6, "as asked for, at any input size")
    assert (said["output_width"].value, said["output_width"].note) == (13, "as in the input")


class Thrice(nn.Conv2d):
    """A convolution that is no plain one."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(super().forward(x)[:, :, 1:])


def test_a_formula_that_does_not_hold_is_not_shown():
    said = netscope.explain(netscope.summary(Thrice(2, 2, 3), input="2x9x9"))[0]
    assert said["macs"].formula == ""
    assert said["macs"].note.endswith("as traced, which is not what the usual formula gives")
    assert said["params"].formula == "(3*3*2 + 1)*2"


# What is never read


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding", "dilation"),
    [
        (224, 11, 4, 0, 1),
        (227, 11, 4, 0, 1),
        (224, 11, 4, 2, 1),
        (56, 1, 2, 0, 1),
        (20, 2, 5, 0, 1),
        (21, 3, 4, 0, 2),
    ],
)
def test_what_no_window_reads_has_no_gradient(
    side: int, kernel: int, stride: int, padding: int, dilation: int
):
    conv = nn.Conv1d(1, 1, kernel, stride, padding, dilation)
    nn.init.ones_(conv.weight)
    padded = torch.zeros(1, 1, side + 2 * padding, requires_grad=True)
    nn.functional.conv1d(padded, conv.weight, stride=stride, dilation=dilation).sum().backward()
    assert padded.grad is not None
    said = explained(conv, f"1x{side}")
    skipped = said["skipped_length"].value or 0 if "skipped_length" in said else 0
    assert int((padded.grad == 0).sum()) == (said["unread"].value or 0) + skipped


# Any convolution and any pool

SIDES = st.integers(1, 14)
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    dims = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 2, 3]))
    took, gave = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    each = st.tuples(*[st.integers(1, 4)] * dims)
    kernel, stride, dilation = draw(each), draw(each), draw(each)
    sides = draw(st.tuples(*[SIDES] * dims))
    bias, batch = draw(st.booleans()), draw(st.integers(1, 3))
    names = {
        1: (nn.Conv1d, nn.ConvTranspose1d),
        2: (nn.Conv2d, nn.ConvTranspose2d),
        3: (nn.Conv3d, nn.ConvTranspose3d),
    }
    forward, backward = names[dims]
    settings_: dict[str, Any] = {"dilation": dilation, "groups": groups, "bias": bias}
    if draw(st.booleans()):
        extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
        padding = tuple(draw(st.integers(0, 2)) for _ in range(dims))
        module: nn.Module = backward(
            took, gave, kernel, stride=stride, padding=padding, output_padding=extra, **settings_
        )
        outs = [
            (n - 1) * s - 2 * p + d * (k - 1) + e + 1
            for n, s, p, d, k, e in zip(sides, stride, padding, dilation, kernel, extra, strict=True)
        ]
    else:
        how: Any = draw(st.sampled_from(["same", "valid", 0, 1, 2]))
        stride = (1,) * dims if how == "same" else stride
        mode = draw(st.sampled_from(["zeros", "replicate"]))
        module = forward(took, gave, kernel, stride=stride, padding=how, padding_mode=mode, **settings_)
        pad = 0 if isinstance(how, str) else how
        outs = [
            1 if how == "same" else n + 2 * pad - d * (k - 1)
            for n, d, k in zip(sides, dilation, kernel, strict=True)
        ]
    assume(min(outs) >= 1)
    return module, (batch, took, *sides)


@given(case=convolutions())
@FEW
def test_any_convolution_is_derived(case: tuple[nn.Module, tuple[int, ...]]):
    module, shape = case
    report = netscope.summary(module, args=(netscope.TensorSpec(shape),))
    holds(report)
    assert surprises(report) == []
    said = netscope.explain(report)[0]
    assert said["params"].formula
    assert said["macs"].formula
    assert said["output_bytes"].formula
    assert tuple(sides_of(said)) == tuple(module(torch.zeros(shape)).shape[2:])


@st.composite
def pools(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    dims = draw(st.integers(1, 3))
    kinds = {
        1: (nn.MaxPool1d, nn.AvgPool1d),
        2: (nn.MaxPool2d, nn.AvgPool2d),
        3: (nn.MaxPool3d, nn.AvgPool3d),
    }
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(dims))
    stride = draw(st.one_of(st.none(), st.tuples(*[st.integers(1, 4)] * dims)))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    sides, ceil = draw(st.tuples(*[SIDES] * dims)), draw(st.booleans())
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(dims))
    if draw(st.booleans()):
        module: nn.Module = kinds[dims][0](kernel, stride, padding, dilation, ceil_mode=ceil)  # type: ignore[arg-type]
    else:
        dilation = (1,) * dims
        module = kinds[dims][1](kernel, stride, padding, ceil_mode=ceil)  # type: ignore[arg-type]
    spans = [n + 2 * p - d * (k - 1) for n, p, d, k in zip(sides, padding, dilation, kernel, strict=True)]
    # avg_pool3d wants the bare input to be as large as the window, padding or not.
    assume(min(spans) >= 1 and all(n >= k for n, k in zip(sides, kernel, strict=True)))
    return module, (draw(st.integers(1, 2)), 2, *sides)


@given(case=pools())
@FEW
def test_any_pool_is_derived(case: tuple[nn.Module, tuple[int, ...]]):
    module, shape = case
    real = tuple(module(torch.zeros(shape)).shape[2:])
    report = netscope.summary(module, args=(netscope.TensorSpec(shape),))
    holds(report)
    assert surprises(report) == []
    assert tuple(sides_of(netscope.explain(report)[0])) == real
