"""MACs of convolutions and matrix products, against counting by hand, by loops and by torch."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from netscope.formulas import cost_of
from tests.formulas.support import cost, macs_of, operator, recorded, spec

CONV = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
TRANSPOSED = {1: torch.nn.ConvTranspose1d, 2: torch.nn.ConvTranspose2d, 3: torch.nn.ConvTranspose3d}


def flops_by_torch(run: Any) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[torch.nn.Module, torch.Tensor]:
    dims = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    transposed = draw(st.booleans())
    stride = draw(st.integers(1, 3))
    options: dict[str, Any] = {
        "in_channels": groups * draw(st.integers(1, 3)),
        "out_channels": groups * draw(st.integers(1, 3)),
        "kernel_size": tuple(draw(st.integers(1, 3)) for _ in range(dims)),
        "stride": stride,
        "dilation": draw(st.integers(1, 2)),
        "groups": groups,
        "bias": draw(st.booleans()),
        "device": "meta",
    }
    options["padding"] = draw(st.integers(0, 1))
    kind = TRANSPOSED if transposed else CONV
    sides = tuple(draw(st.integers(5, 8)) for _ in range(dims))
    x = torch.empty(draw(st.integers(1, 3)), options["in_channels"], *sides, device="meta")
    return kind[dims](**options), x


@settings(max_examples=80)
@given(convolutions())
def test_convolutions_agree_with_the_flop_counter(case: tuple[torch.nn.Module, torch.Tensor]) -> None:
    conv, x = case
    assert 2 * macs_of(lambda: conv(x)) == flops_by_torch(lambda: conv(x))


@settings(max_examples=40)
@given(convolutions())
def test_each_gradient_of_a_convolution_takes_the_forward(case: tuple[torch.nn.Module, torch.Tensor]) -> None:
    conv, x = case
    x = x.requires_grad_()
    out = conv(x)
    backward = [op for op in recorded(lambda: out.sum().backward()) if "convolution_backward" in op.name]
    found = cost_of(backward[0])
    assert found is not None
    assert found.macs == 2 * macs_of(lambda: conv(x))
    biased = "bias" in dict(conv.named_parameters())
    assert found.vector.add == (out.numel() - out.shape[1] if biased else 0)


def count_by_loops(x: tuple[int, ...], out: tuple[int, ...], weight: tuple[int, ...]) -> int:
    """One per product that the definition of a convolution writes down, padding included."""
    count = 0
    for _ in itertools.product(*map(range, out)):
        for _ in itertools.product(*map(range, weight[1:])):
            count += 1
    return count


def test_convolution_by_loops() -> None:
    # 2 samples, 4 -> 6 channels in 2 groups, 3x2 kernel on 5x5 -> 3x4
    x, weight, out = (2, 4, 5, 5), (6, 2, 3, 2), (2, 6, 3, 4)
    expected = count_by_loops(x, out, weight)
    assert expected == 2 * 6 * 3 * 4 * (4 // 2) * 3 * 2
    found = cost(
        "aten.convolution.default",
        spec(*x), spec(*weight), spec(6), [1, 1], [0, 0], [1, 1], False, [0, 0], 2,
        out=spec(*out),
    )  # fmt: skip
    assert (found.kind, found.macs, found.vector.add) == ("contraction", expected, 2 * 6 * 3 * 4)


def test_transposed_convolution_counts_from_its_input() -> None:
    """ConvTranspose2d(4, 4, 3, 2, 1, 1, groups=4) on (2, 4, 8, 8): 4,608."""
    x = torch.empty(2, 4, 8, 8, device="meta")
    conv = torch.nn.ConvTranspose2d(4, 4, 3, 2, 1, 1, groups=4, device="meta")
    assert macs_of(lambda: conv(x)) == (2 * 4 * 8 * 8) * (4 // 4) * 3 * 3 == 4_608


def test_convolution_without_elements_is_a_contraction_of_none() -> None:
    found = cost("aten.conv2d.default", spec(0, 3, 8, 8), spec(4, 3, 3, 3), out=spec(0, 4, 6, 6))
    assert (found.kind, found.macs) == ("contraction", 0)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("aten.conv2d.default", (spec(4), [1, 1])),
        ("aten.mkldnn_convolution.default", (spec(4), [0, 0], [1, 1], [1, 1], 1)),
        ("aten.thnn_conv2d.default", ([3, 3], spec(4))),
        ("aten.cudnn_convolution_relu.default", (spec(4), [1, 1], [0, 0], [1, 1], 1)),
        ("aten.cudnn_convolution_add_relu.default", (spec(1, 4, 6, 6), 1, spec(4), [1, 1])),
        ("mkldnn._convolution_pointwise.default", (spec(4), [0, 0], [1, 1], [1, 1], 1, "relu", [], "")),
    ],
)
def test_backend_forms_count_like_the_operator_they_stand_for(name: str, args: tuple[Any, ...]) -> None:
    found = cost(name, spec(1, 3, 8, 8), spec(4, 3, 3, 3), *args, out=spec(1, 4, 6, 6))
    outputs = 4 * 6 * 6
    assert found.macs == outputs * 3 * 3 * 3
    assert found.vector.add == outputs * (2 if "add" in name else 1)
    assert found.vector.cmp == (outputs if "relu" in name or "pointwise" in name else 0)


sizes = st.integers(1, 6)


@settings(max_examples=30)
@given(b=sizes, n=sizes, k=sizes, m=sizes, bias=st.booleans())
def test_products_agree_with_the_flop_counter(b: int, n: int, k: int, m: int, bias: bool) -> None:
    x, y = torch.empty(b, n, k, device="meta"), torch.empty(b, k, m, device="meta")
    linear = torch.nn.Linear(k, m, bias=bias, device="meta")
    for run in (lambda: linear(x), lambda: x @ y, lambda: torch.einsum("bnk,bkm->nm", x, y)):
        assert 2 * macs_of(run) == flops_by_torch(run)
    assert macs_of(lambda: linear(x)) == b * n * k * m


def test_bias_of_a_linear_is_one_addition_per_output() -> None:
    found = cost("aten.addmm.default", spec(5), spec(2, 3), spec(3, 5), out=spec(2, 5))
    assert (found.macs, found.vector.total, found.vector.add) == (2 * 3 * 5, 2 * 5, 2 * 5)
    found = cost("aten.addmm.default", spec(5), spec(2, 3), spec(3, 5), beta=0, alpha=2, out=spec(2, 5))
    assert (found.macs, found.vector.add, found.vector.mul) == (30, 0, 10)


def test_small_products() -> None:
    assert macs_of(lambda: torch.ones(8) @ torch.ones(8)) == 8
    assert macs_of(lambda: torch.ones(3, 8) @ torch.ones(8)) == 24
    assert macs_of(lambda: torch.vdot(torch.ones(5), torch.ones(5))) == 5
    assert macs_of(lambda: torch.addbmm(torch.ones(2, 4), torch.ones(5, 2, 3), torch.ones(5, 3, 4))) == 120
    assert (
        macs_of(lambda: torch.baddbmm(torch.ones(5, 2, 4), torch.ones(5, 2, 3), torch.ones(5, 3, 4))) == 120
    )


def test_a_complex_product_counts_four_times_and_torch_counts_it_once() -> None:
    x = torch.ones(3, 4, dtype=torch.complex64)
    assert 2 * macs_of(lambda: x @ x.T) == 4 * flops_by_torch(lambda: x @ x.T) == 4 * 2 * 3 * 4 * 3


def test_a_product_that_nothing_accumulates_is_no_contraction() -> None:
    assert macs_of(lambda: torch.outer(torch.ones(3), torch.ones(4))) == 0


def test_bilinear_contracts_one_side_and_then_the_other() -> None:
    layer = torch.nn.Bilinear(5, 7, 3, device="meta")
    x, z = torch.empty(2, 5, device="meta"), torch.empty(2, 7, device="meta")
    # b*k*i*j and then b*k*j
    expected = 2 * 3 * 5 * 7 + 2 * 3 * 7
    assert macs_of(lambda: layer(x, z)) == expected
    composite = cost("aten.bilinear.default", spec(2, 5), spec(2, 7), spec(3, 5, 7), spec(3), out=spec(2, 3))
    assert (composite.macs, composite.vector.add) == (expected, 2 * 3)


def test_grouped_rows_meet_one_matrix_each() -> None:
    offsets = spec(4, dtype="int32")
    found = cost("aten._grouped_mm.default", spec(10, 8), spec(4, 8, 6), offsets, out=spec(10, 6))
    assert found.macs == 10 * 8 * 6
    found = cost("aten._grouped_mm.default", spec(4, 10, 8), spec(4, 8, 6), out=spec(4, 10, 6))
    assert found.macs == 4 * 10 * 8 * 6


@pytest.mark.parametrize("points", [3, 30])
def test_euclidean_distances_are_a_contraction_whichever_kernel_makes_them(points: int) -> None:
    found = cost("aten._cdist_forward.default", spec(points, 4), spec(5, 4), 2.0, None, out=spec(points, 5))
    assert (found.kind, found.macs, found.vector.div) == ("contraction", points * 5 * 4, points * 5)
    # From 26 points on nothing is subtracted pair by pair.
    pairs = points * 5
    expected = 2 * pairs + (points + 5) * 3 if points > 25 else pairs * 4
    assert found.vector.add == expected


def test_manhattan_distances_are_not() -> None:
    found = cost("aten._cdist_forward.default", spec(3, 4), spec(5, 4), 1.0, None, out=spec(3, 5))
    # per pair: 4 differences, 4 absolute values, 3 additions
    assert (found.kind, found.macs, found.vector.add, found.vector.cmp) == ("vector", 0, 15 * 7, 15 * 4)


def test_quantised_linears_keep_their_products() -> None:
    name = "quantized.linear_dynamic.default"
    packed = cost(name, spec(2, 4), "<LinearPackedParamsBase>", True, out=spec(2, 5))
    assert (packed.macs, packed.vector.add) == (2 * 4 * 5, 0)
    seen = cost(name, spec(2, 4), [spec(5, 4, dtype="qint8"), spec(5)], True, out=spec(2, 5))
    assert (seen.macs, seen.vector.add) == (2 * 4 * 5, 2 * 5)


def test_a_quantised_convolution_is_unknown_until_its_kernel_is_seen() -> None:
    args = (1.0, 0)
    out = spec(1, 4, 6, 6)
    hidden = operator(
        "quantized.conv2d_relu.new", spec(1, 3, 8, 8), "<Conv2dPackedParamsBase>", *args, out=out
    )
    assert cost_of(hidden) is None
    seen = cost("quantized.conv2d_relu.new", spec(1, 3, 8, 8), [spec(4, 3, 3, 3), spec(4)], *args, out=out)
    assert seen.macs == out.numel * 27
    assert (seen.vector.add, seen.vector.cmp) == (out.numel, out.numel)


def test_deformable_convolution_is_a_convolution_of_samples() -> None:
    out = spec(1, 4, 6, 6)
    found = cost(
        "torchvision.deform_conv2d.default",
        spec(1, 3, 8, 8), spec(4, 3, 3, 3), spec(1, 18, 6, 6), spec(1, 9, 6, 6), spec(4),
        1, 1, 0, 0, 1, 1, 1, 1, True,
        out=out,
    )  # fmt: skip
    assert found.macs == out.numel * 27
    samples = 3 * 9 * 36  # in channels x kernel x positions
    # weighing 4 pixels, the mask; 4 weights per kernel point
    assert found.vector.mul == samples * 5 + 9 * 36 * 4
