"""Vector arithmetic by hand: elementwise, normalisation, pooling, reductions, losses and the rest."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netscope.base.cost import FREE, VectorOps
from netscope.formulas import cost_of
from netscope.formulas.pooling import adaptive_window_elements
from netscope.formulas.sampling import LINEAR
from tests.formulas.support import cost, operator, recorded, spec

X = spec(2, 3, 4)  # 24 elements


@pytest.mark.parametrize(
    ("name", "args", "per_element"),
    [
        ("relu.default", (), VectorOps(cmp=1)),
        ("sigmoid.default", (), VectorOps(exp=1, add=1, div=1)),
        ("silu.default", (), VectorOps(exp=1, add=1, div=1, mul=1)),
        ("tanh.default", (), VectorOps(exp=1)),
        ("gelu.default", (), VectorOps(mul=3, add=1, exp=1)),
        ("hardswish.default", (), VectorOps(add=1, cmp=2, mul=1, div=1)),
        ("hardtanh.default", (0.0, 6.0), VectorOps(cmp=2)),
        ("clamp.default", (None, 6.0), VectorOps(cmp=1)),
        ("clamp.default", (0.0, 6.0), VectorOps(cmp=2)),
        ("add.Tensor", (X,), VectorOps(add=1)),
        ("sub.Scalar", (1, 2), VectorOps(add=1, mul=1)),
        ("mul.Tensor", (X,), VectorOps(mul=1)),
        ("div.Tensor_mode", (X,), VectorOps(div=1)),
        ("pow.Tensor_Scalar", (2,), VectorOps(mul=1)),
        ("pow.Tensor_Scalar", (0.5,), VectorOps(div=1)),
        ("pow.Tensor_Scalar", (0.75,), VectorOps(exp=1)),
        ("pow.Tensor_Tensor", (X,), VectorOps(exp=1)),
        ("rsqrt.default", (), VectorOps(div=1)),
        ("where.self", (X, X), VectorOps(cmp=1)),
        ("masked_fill.Scalar", (spec(2, 3, 4, dtype="bool"), 0.0), VectorOps(cmp=1)),
        ("eq.Scalar", (0,), VectorOps(cmp=1)),
        ("bitwise_and.Tensor", (X,), VectorOps(cmp=1)),
        ("addcmul.default", (X, X), VectorOps(mul=1, add=1)),
        ("lerp.Scalar", (X, 0.1), VectorOps(mul=1, add=2)),
        ("native_dropout.default", (0.5, True), VectorOps(div=1, mul=1)),
    ],
)
def test_elementwise(name: str, args: tuple[Any, ...], per_element: VectorOps) -> None:
    found = cost(f"aten.{name}", X, *args, out=X)
    assert (found.kind, found.macs, found.vector) == ("vector", 0, per_element * 24)


def test_options_that_change_the_arithmetic() -> None:
    assert cost("aten.gelu.default", X, approximate="tanh", out=X).vector.mul == 6 * 24
    assert cost("aten.add.Tensor", X, X, alpha=2, out=X).vector == VectorOps(add=24, mul=24)
    assert cost("aten.add.Tensor", X, X, alpha=1, out=X).vector == VectorOps(add=24)
    assert cost("aten.div.Tensor_mode", X, X, rounding_mode="floor", out=X).vector == VectorOps(
        div=24, cmp=24
    )
    assert cost("aten.native_dropout.default", X, 0.5, False, out=X) is FREE


def test_broadcasting_counts_the_result() -> None:
    assert cost("aten.add.Tensor", spec(4, 1), spec(1, 5), out=spec(4, 5)).vector.add == 20


def test_softmax() -> None:
    """2 x 3 rows of 4: a maximum in 3 comparisons, 4 - 1 and 4 additions, 4 exponentials, 4 divisions."""
    found = cost("aten._softmax.default", X, -1, False, out=X).vector
    assert found == VectorOps(cmp=6 * 3, add=6 * (4 + 3), exp=24, div=24)
    found = cost("aten._log_softmax.default", X, 1, False, out=X).vector  # 8 rows of 3
    assert found == VectorOps(cmp=8 * 2, add=8 * (3 + 2 + 3), exp=24 + 8)


def test_layer_norm() -> None:
    """6 rows of 4: mean, centred squares, epsilon and root, then the affine map."""
    found = cost("aten.native_layer_norm.default", X, [4], spec(4), spec(4), 1e-5, out=X).vector
    rows, n = 6, 24
    mean = VectorOps(add=n - rows, div=rows)
    variance = VectorOps(add=n + n - rows, mul=n, div=rows)
    inverse = VectorOps(add=rows, div=rows)
    affine = VectorOps(mul=2 * n, add=n)
    assert found == mean + variance + inverse + affine
    plain = cost("aten.native_layer_norm.default", X, [4], None, None, 1e-5, out=X).vector
    assert found.mul - plain.mul == n
    assert found.add - plain.add == n


def test_batch_norm_in_evaluation_is_a_scale_and_a_shift() -> None:
    x, c = spec(8, 16, 5, 5), spec(16)
    n = 8 * 16 * 25
    found = cost("aten.native_batch_norm.default", x, c, c, c, c, False, 0.1, 1e-5, out=x).vector
    # per channel: var + eps, its root, weight * inverse, mean * scale, bias - that
    assert found == VectorOps(mul=n, add=n) + VectorOps(add=2, div=1, mul=2) * 16


def test_batch_norm_in_training_makes_statistics_and_updates_two_buffers() -> None:
    x, c = spec(8, 16, 5, 5), spec(16)
    n = 8 * 16 * 25
    found = cost("aten.native_batch_norm.default", x, c, c, c, c, True, 0.1, 1e-5, out=x).vector
    statistics = VectorOps(add=2 * (n - 16) + n + 16, mul=n, div=3 * 16)
    assert found == statistics + VectorOps(mul=2 * n, add=n) + VectorOps(mul=2, add=1) * 32
    unbuffered = cost("aten.native_batch_norm.default", x, c, c, None, None, True, 0.1, 1e-5, out=x).vector
    assert found.mul - unbuffered.mul == 4 * 16


def test_rms_norm_has_no_mean() -> None:
    found = cost("aten._fused_rms_norm.default", X, [4], spec(4), 1e-6, out=X).vector
    assert found == VectorOps(mul=24 + 2 * 24, add=(24 - 6) + 6, div=2 * 6)


def test_group_norm_has_groups_per_sample() -> None:
    x = spec(2, 6, 5)
    found = cost("aten.native_group_norm.default", x, None, None, 2, 6, 5, 3, 1e-5, out=x).vector
    groups, n = 2 * 3, 60
    assert found == VectorOps(add=2 * (n - groups) + n + groups, mul=2 * n, div=3 * groups)


def test_pooling_windows() -> None:
    out = spec(1, 8, 5, 5)
    x = spec(1, 8, 10, 10)
    found = cost("aten.max_pool2d_with_indices.default", x, [3, 3], [2, 2], [1, 1], out=(out, out))
    assert found.vector == VectorOps(cmp=200 * 8)
    assert cost("aten.avg_pool2d.default", x, [2], [2], out=out).vector == VectorOps(add=200 * 3, div=200)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6), st.integers(1, 6))
def test_adaptive_windows_by_counting(height: int, width: int, rows: int, columns: int) -> None:
    def side(n: int, o: int) -> list[int]:
        return [math.ceil((i + 1) * n / o) - math.floor(i * n / o) for i in range(o)]

    counted = sum(a * b for a, b in itertools.product(side(height, rows), side(width, columns)))
    assert adaptive_window_elements((height, width), (rows, columns)) == counted


def test_global_pooling_is_a_mean() -> None:
    x, out = spec(2, 8, 7, 7), spec(2, 8, 1, 1)
    pooled = cost("aten._adaptive_avg_pool2d.default", x, [1, 1], out=out).vector
    assert pooled == cost("aten.mean.dim", x, [-1, -2], True, out=out).vector
    assert pooled == VectorOps(add=16 * 48, div=16)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("sum.dim_IntList", ([2],), VectorOps(add=18)),
        ("amax.default", ([2],), VectorOps(cmp=18)),
        ("argmax.default", (2,), VectorOps(cmp=18)),
        ("prod.dim_int", (2,), VectorOps(mul=18)),
        ("any.dim", (2,), VectorOps(cmp=18)),
        ("var.correction", ([2],), VectorOps(add=18 + 24 + 18, mul=24, div=12)),
        ("std.correction", ([2],), VectorOps(add=18 + 24 + 18, mul=24, div=18)),
        ("linalg_vector_norm.default", (2, [2]), VectorOps(mul=24, add=18, div=6)),
        ("linalg_vector_norm.default", (1, [2]), VectorOps(cmp=24, add=18)),
        ("linalg_vector_norm.default", (float("inf"), [2]), VectorOps(cmp=24 + 18)),
        ("logsumexp.default", ([2],), VectorOps(cmp=18, add=24 + 18 + 6, exp=24 + 6)),
    ],
)
def test_reductions(name: str, args: tuple[Any, ...], expected: VectorOps) -> None:
    assert cost(f"aten.{name}", X, *args, out=spec(2, 3)).vector == expected


def test_max_of_two_tensors_is_elementwise() -> None:
    assert cost("aten.max.other", X, X, out=X).vector == VectorOps(cmp=24)
    assert cost("aten.max.default", X, out=spec()).vector == VectorOps(cmp=23)


def test_scans_and_sorting() -> None:
    assert cost("aten.cumsum.default", X, 2, out=X).vector == VectorOps(add=6 * 3)
    assert cost("aten.sort.default", spec(2, 5), out=spec(2, 5)).vector == VectorOps(cmp=10 * 3)
    assert cost("aten.topk.default", spec(2, 100), 8, out=spec(2, 8)).vector == VectorOps(cmp=200 * 3)
    assert cost("aten.topk.default", spec(2, 100), 1, out=spec(2, 1)).vector == VectorOps(cmp=200)
    # 8 boundaries make 9 places: 4 comparisons
    assert cost("aten.bucketize.Tensor", X, spec(8), out=X).vector == VectorOps(cmp=24 * 4)


def test_nonzero_looks_at_each_element() -> None:
    assert cost("aten.nonzero.default", X, out=spec(7, 3)).vector == VectorOps(cmp=24)


def test_movement_is_free() -> None:
    for name in ("clone.default", "_to_copy.default", "embedding.default", "cat.default", "copy_.default"):
        assert cost(f"aten.{name}", X, out=X) is FREE
    for name in ("fill_.Scalar", "normal_.default", "upsample_nearest2d.vec", "index.Tensor"):
        assert cost(f"aten.{name}", X, out=X) is FREE
    assert cost("aten._local_scalar_dense.default", X) is FREE


def test_stores_are_free_and_accumulation_is_not() -> None:
    values = spec(5, 4)
    assert cost("aten.index_put_.default", X, [spec(5)], values, out=X) is FREE
    assert cost("aten.index_put_.default", X, [spec(5)], values, True, out=X).vector == VectorOps(add=20)
    assert cost("aten.scatter.src", X, 0, X, X, out=X) is FREE
    assert cost("aten.scatter_add.default", X, 0, spec(2, 2), X, out=X).vector == VectorOps(add=4)
    assert cost("aten.scatter_reduce.two", X, 0, spec(2, 2), X, "amax", out=X).vector == VectorOps(cmp=4)


def test_embedding_bag() -> None:
    """2 bags of 7 rows of 16 in all: 5 additions per column, and a mean."""
    args = (spec(100, 16), spec(7, dtype="int64"), spec(2, dtype="int64"), False, 1)
    assert cost("aten._embedding_bag.default", *args, out=spec(2, 16)).vector == VectorOps(add=5 * 16, div=32)


def test_resizing() -> None:
    out = spec(1, 2, 8, 8)
    assert cost(
        "aten.upsample_bilinear2d.vec", spec(1, 2, 4, 4), None, False, [2.0, 2.0], out=out
    ).vector == (VectorOps(mul=6, add=3) * 128)
    # d axes of 2 neighbours: products of weights times values line by line
    for dims, per_element in LINEAR.items():
        assert per_element == VectorOps(mul=2 ** (dims + 1) - 2, add=2**dims - 1)


def test_antialiased_shrinking_widens_the_filter() -> None:
    found = cost(
        "aten._upsample_bilinear2d_aa.default", spec(1, 1, 8, 8), [4, 4], False, out=spec(1, 1, 4, 4)
    )
    taps = 2 * 1 * 2  # twice the support, shrunk by two
    assert found.vector == VectorOps(mul=taps, add=taps - 1) * (8 * 4 + 4 * 4)


def test_grid_sampling() -> None:
    x, grid, out = spec(1, 3, 4, 4), spec(1, 5, 5, 2), spec(1, 3, 5, 5)
    found = cost("aten.grid_sampler_2d.default", x, grid, 0, 0, False, out=out).vector
    points = 25
    coordinates = VectorOps(add=1, mul=1, div=1, cmp=1) * (2 * points)
    weights = VectorOps(add=4, mul=4) * points
    assert found == coordinates + weights + VectorOps(mul=4, add=3) * out.numel


def test_fourier_transforms() -> None:
    """5 n log2 n: a complex transform of 8 points is 120 operations, a real one half of that."""
    c = spec(2, 8, dtype="complex64")
    found = cost("aten._fft_c2c.default", c, [1], 0, True, out=c).vector
    assert (found.total, found.mul, found.add) == (2 * 5 * 8 * 3, 2 * 2 * 8 * 3, 2 * 3 * 8 * 3)
    half = spec(2, 5, dtype="complex64")
    assert cost("aten._fft_r2c.default", spec(2, 8), [1], 0, True, out=half).vector.total == 120
    assert cost("aten._fft_c2r.default", half, [1], 2, 8, out=spec(2, 8)).vector.total == 120 + 16


def test_losses() -> None:
    scalar = spec()
    mse = cost("aten.mse_loss.default", X, X, out=scalar).vector
    assert mse == VectorOps(add=24 + 23, mul=24, div=1)
    assert cost("aten.mse_loss.default", X, X, 0, out=X).vector == VectorOps(add=24, mul=24)
    nll = cost(
        "aten.nll_loss_forward.default", spec(8, 10), spec(8, dtype="int64"), None, 1, -100, out=scalar
    )
    assert nll.vector == VectorOps(add=8 + 7, div=1)
    ctc = cost("aten._ctc_loss.default", spec(50, 2, 20), spec(2, 10), [50, 40], [10, 7], out=spec(2))
    assert ctc.vector == VectorOps(cmp=2, exp=4, add=7) * (50 * 21 + 40 * 15)
    lengths = spec(2, dtype="int64")
    assert cost_of(operator("aten._ctc_loss.Tensor", spec(50, 2, 20), spec(2, 10), lengths, lengths)) is None


def test_suppression_is_counted_at_its_bound() -> None:
    found = cost("torchvision.nms.default", spec(10, 4), spec(10), 0.5, out=spec(3)).vector
    pairs = 10 * 9 // 2
    assert (
        found
        == VectorOps(cmp=10 * 4)
        + VectorOps(add=2, mul=1) * 10
        + VectorOps(cmp=7, add=4, mul=1, div=1) * pairs
    )


def test_roi_align() -> None:
    args = (spec(1, 8, 32, 32), spec(5, 5), 0.25, 7, 7)
    out = spec(5, 8, 7, 7)
    found = cost("torchvision.roi_align.default", *args, 2, False, out=out).vector
    points = 5 * 7 * 7 * 4
    assert found.mul == out.numel * 4 * 4 + points * 4
    assert found.div == out.numel
    # An adaptive ratio takes at most a sample per pixel: ceil(32 / 7) a side.
    bound = cost("torchvision.roi_align.default", *args, -1, False, out=out).vector
    assert bound.mul == out.numel * 25 * 4 + 5 * 49 * 25 * 4


def test_lists_of_tensors_cost_what_their_tensors_do() -> None:
    tensors = [spec(3, 4), spec(5)]
    assert cost("aten._foreach_add_.List", tensors, tensors).vector == VectorOps(add=17)
    assert cost("aten._foreach_add_.List", tensors, tensors, alpha=3).vector == VectorOps(add=17, mul=17)
    assert cost("aten._foreach_sqrt.default", tensors, out=tuple(tensors)).vector == VectorOps(div=17)
    assert cost("aten._foreach_norm.Scalar", tensors, out=(spec(), spec())).vector == VectorOps(
        mul=17, add=11 + 4, div=2
    )
    assert cost("aten._foreach_zero_.default", tensors) is FREE


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_optimizer_steps_are_known(make: Any, fused: bool) -> None:
    model = torch.nn.Linear(3, 2)
    model(torch.ones(1, 3)).sum().backward()
    optimizer = make(model.parameters(), lr=0.1, weight_decay=0.1, fused=fused, foreach=not fused)
    unknown = [op.name for op in recorded(optimizer.step) if cost_of(op) is None]
    assert unknown == []


def test_a_triangular_solve_and_a_factorisation() -> None:
    a, b = spec(4, 4), spec(4, 2)
    found = cost("aten.linalg_solve_triangular.default", a, b, upper=True, out=b).vector
    assert found == VectorOps(mul=6, add=6, div=4) * 2
    assert cost("aten.linalg_cholesky_ex.default", spec(6, 6), out=(spec(6, 6), spec())).vector.mul == 36
    assert cost_of(operator("aten._linalg_eigh.default", a, out=(spec(4), a))) is None
