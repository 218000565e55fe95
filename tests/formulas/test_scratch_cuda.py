"""What CUDA's kernels take for themselves, by hand: 132 multiprocessors and 2,048 threads each."""

from __future__ import annotations

from typing import Any

import pytest

from netscope.base.workload import TensorSpec
from netscope.formulas import scratch_cuda
from netscope.formulas.scratch_cuda import HOPPER, asks_for_workspace, of_cuda, pieces_of_cuda, reduction
from netscope.trace.facts import Operator


def operator(name: str, *args: Any) -> Operator:
    return Operator(f"aten.{name}", args, {}, ())


def spec(*shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(shape, dtype)


@pytest.mark.parametrize(
    ("shape", "dims", "pieces"),
    [
        # A bias of 2,000 from 2,048 rows: 4 results at a time leave 128 threads a block, 32 x 4; each row of
        # a block adds up 2,048 / 4 = 512, of which 16 are the least: 32 blocks share a result, and 500 / 32 =
        # 16 blocks lie side by side. 4 bytes x 2,000 x 32 parts x (32 threads x 4 results); 4 bytes x 16.
        ((2048, 2000), (0,), (32_768_000, 64)),
        # The same with the rows in two dimensions, which are one.
        ((8, 256, 2000), (0, 1), (32_768_000, 64)),
        # Rows of 255 are not read 4 at a time: 32 x 16 threads; 2,048 / 16 = 128 are too few to be shared.
        ((2048, 255), (0,), ()),
        # Few rows: nothing to share.
        ((64, 2000), (0,), ()),
        # All of 1,048,576 in one result: they are one dimension that is read 4 at a time, 512 threads of 1
        # row; 2,048 each, of which 132 x 4 = 528 blocks would leave 4: 2,048 / 16 = 128 blocks, 4 bytes each.
        ((1024, 1024), (0, 1), (512, 4)),
        # Each row by itself, 768 of them.
        ((2048, 768), (1,), ()),
        ((), (), ()),
        ((0, 5), (0,), ()),
    ],
)
def test_a_reduction(shape: tuple[int, ...], dims: tuple[int, ...], pieces: tuple[int, ...]) -> None:
    assert reduction(shape, dims, 4, HOPPER) == pieces


def test_half_as_many_multiprocessors_share_no_less_than_256_each() -> None:
    # 66 x 16 = 1,056 blocks at a time, of which 16 lie side by side: 66 would share, 32 is the most.
    assert reduction((2048, 2000), (0,), 4, HOPPER._replace(multiprocessors=66)) == (32_768_000, 64)
    # 8 x 16 = 128: 8 share, and each adds up 64.
    assert reduction((2048, 2000), (0,), 4, HOPPER._replace(multiprocessors=8)) == (8_192_000, 64)


def test_operators_that_reduce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch_cuda, "gpu", lambda: HOPPER)
    rows = spec(2048, 2000)
    assert pieces_of_cuda(operator("sum.dim_IntList", rows, [0], True)) == (32_768_000, 64)
    assert pieces_of_cuda(operator("linalg_vector_norm.default", rows, 2, [0])) == (32_768_000, 64)
    assert pieces_of_cuda(operator("mean.dim", spec(2048, 2000, dtype="bfloat16"), [-2])) == (32_768_000, 64)
    assert of_cuda(operator("sum.dim_IntList", rows, [0], True)) == 32_768_064
    assert pieces_of_cuda(operator("relu.default", rows)) == ()


def test_attention_of_one_head_for_each() -> None:
    # 2 x 4 heads of 100 rows of 64: rows in blocks of 128, of 4 bytes; and 64 as many of the gradient's.
    query = spec(2, 4, 100, 64, dtype="bfloat16")
    args = (query, query, query, query, query)
    flash = operator("_scaled_dot_product_flash_attention_backward.default", *args)
    assert pieces_of_cuda(flash) == (8 * 128 * 4, 8 * 128 * 64 * 4)
    # In float32 the product of gradient and result, two sums of rows, then blocks of 64 x 64 and 16 bytes.
    query = spec(2, 4, 100, 64)
    efficient = operator(
        "_scaled_dot_product_efficient_attention_backward.default", query, query, query, query, None, query
    )
    sums, product, blocks = 8 * 100 * 4, 8 * 100 * 64 * 4, 8 * (2 * 64 * 64 * 4 + 32)
    assert pieces_of_cuda(efficient) == (product, sums, sums, -sums, -product, blocks)
    assert of_cuda(efficient) == sums + blocks


def test_attention_of_grouped_heads_has_a_gradient_for_each_first() -> None:
    query, key = spec(1, 8, 128, 64, dtype="bfloat16"), spec(1, 2, 128, 64, dtype="bfloat16")
    flash = operator("_scaled_dot_product_flash_attention_backward.default", query, query, key, key, query)
    each = 8 * 128 * 64 * 2
    assert pieces_of_cuda(flash)[2:] == (each, each)


def test_an_encoder_layer() -> None:
    # 2 x 100 tokens of 128 in float32 are 102,400 bytes; 256 hidden ones of each are 204,800.
    weight, bias = spec(384, 128), spec(128)
    given = [
        spec(2, 100, 128),
        128,
        4,
        weight,
        bias,
        weight,
        bias,
        False,
        False,
        1e-5,
        bias,
        bias,
        bias,
        bias,
    ]
    given += [spec(256, 128), spec(256), spec(128, 256), bias]
    one = 102_400
    # Beside the result: 3 of queries, keys and values and 1 of their projection; with a mask 4 heads of 100 x
    # 100 scores twice, and the mask, beside 3.
    assert of_cuda(operator("_transformer_encoder_layer_fwd.default", *given)) == 4 * one
    masked = operator("_transformer_encoder_layer_fwd.default", *given, spec(2, 100, dtype="bool"), 1)
    assert of_cuda(masked) == 3 * one + max(3 * one, 2 * 320_000 + 200)


def test_gradients_of_many_words_are_sorted() -> None:
    # 4,096 indices of 100 words: 409 + 100 sums of a row of 40, in steps of 32: 64 x 4 bytes.
    given = spec(4, 1024, 40), spec(4, 1024, dtype="int64"), 100, -1, False
    sums = 509 * 64 * 4
    assert of_cuda(operator("embedding_dense_backward.default", *given)) == (
        2 * 4096 * 8 + 3 * 100 * 8 + 509 * 8 + sums
    )
    few = spec(3, 1024, 40), spec(3, 1024, dtype="int64"), 100, -1, False
    assert pieces_of_cuda(operator("embedding_dense_backward.default", *few)) == ()


def test_who_multiplies_by_cublas() -> None:
    assert asks_for_workspace(operator("addmm.default"))
    assert not asks_for_workspace(operator("add.Tensor"))
