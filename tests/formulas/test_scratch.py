"""What kernels take for themselves, by hand arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from netscope.base.workload import TensorSpec
from netscope.formulas.scratch import Machine, scratch_of, this_machine
from netscope.trace.facts import Operator

# Two threads, blocks of 16 channels.
MACHINE = Machine(2, 16)


def taken(name: str, *args: Any, outputs: tuple[TensorSpec, ...] = (), tags: str = "") -> int:
    return scratch_of(Operator(name, args, {}, outputs, frozenset(tags.split())), "cpu", MACHINE)


def images(*shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(shape, dtype)


def convolved(x: TensorSpec, weight: TensorSpec, made: TensorSpec, *, groups: int = 1, tags: str = "") -> int:
    one = (1, 1)
    args = (x, weight, None, one, one, one, False, (0, 0), groups)
    return taken("aten.convolution.default", *args, outputs=(made,), tags=tags)


def test_a_number_is_a_tensor_of_8_bytes_and_one_of_the_other_dtype() -> None:
    x = images(4, 8)
    assert taken("aten.mul.Tensor", x, 2.0) == 8 + 4
    assert taken("aten.mul_.Tensor", x, 2) == 8 + 4
    assert taken("aten.mul.Tensor", images(4, dtype="float64"), 2.0) == 8
    assert taken("aten.mul.Tensor", images(4, dtype="bfloat16"), 2.0) == 8 + 2
    assert taken("aten.add.Tensor", images(4, dtype="int64"), 1) == 8
    assert taken("aten.mul.Tensor", x, x) == 0


def test_what_is_of_another_dtype_is_converted() -> None:
    x, half, whole = images(4, 8), images(4, 8, dtype="bfloat16"), images(4, 8, dtype="int64")
    assert taken("aten.add.Tensor", x, half) == 4 * 8 * 4
    assert taken("aten.mul.Tensor", whole, x) == 4 * 8 * 4
    assert taken("aten.div.Tensor", whole, whole) == 2 * 4 * 8 * 4
    assert taken("aten.mul.Tensor", half, images(1, dtype="float16")) == 4 * 8 * 4 + 4
    # One without dimensions does not decide, and is converted itself.
    assert taken("aten.mul.Tensor", half, TensorSpec((), "float32")) == 2


def test_a_layer_norm_copies_what_lies_otherwise() -> None:
    x = images(2, 5, 8)
    assert taken("aten.native_layer_norm.default", x, (8,), None, None, 1e-5) == 0
    assert taken("aten.native_layer_norm.default", x, (8,), None, None, 1e-5, tags="strided.0") == x.nbytes
    # Two sums of 8 for each of two threads.
    assert taken("aten.native_layer_norm_backward.default", x, x, (8,)) == 2 * 2 * 8 * 4


def test_attention_has_tiles() -> None:
    query = images(4, 4, 32, 16)
    # Of each thread: 32 x 32 scores, 32 maxima, 32 sums, 32 x 16 of results.
    each = 32 * 32 + 32 + 32 + 32 * 16
    assert (
        taken("aten._scaled_dot_product_flash_attention_for_cpu.default", query, query, query) == 2 * 4 * each
    )
    long = images(1, 1, 1024, 16)
    each = 256 * 512 + 256 + 256 + 256 * 16
    assert taken("aten._scaled_dot_product_flash_attention_for_cpu.default", long, long, long) == 2 * 4 * each


def test_softmax_and_roll() -> None:
    scores = images(2, 4, 8, 16)
    assert taken("aten._safe_softmax.default", scores, -1) == 1024 + 64 + 4
    assert taken("aten.roll.default", scores, (1, 1), (1, 2)) == scores.nbytes
    assert taken("aten.roll.default", scores, (1,), (1,)) == 0


def test_a_convolution_reorders_images_weight_and_result() -> None:
    x, weight, made = images(4, 64, 56, 56), images(128, 64, 3, 3), images(4, 128, 56, 56)
    # At first all three are in blocks, and the result is not there yet; then that is in blocks beside itself.
    assert convolved(x, weight, made) == max(x.nbytes + weight.nbytes, made.nbytes) == made.nbytes
    x, weight, made = images(4, 512, 7, 7), images(512, 512, 3, 3), images(4, 512, 7, 7)
    assert convolved(x, weight, made) == x.nbytes + weight.nbytes
    # Channels are filled up to 16: 20 to 32, 30 to 32.
    x, weight, made = images(4, 20, 30, 30), images(30, 20, 3, 3), images(4, 30, 30, 30)
    assert convolved(x, weight, made) == 4 * 32 * 900 * 4 + 32 * 32 * 9 * 4 + 4 * 32 * 900 * 4 - made.nbytes
    # Colours are read as they lie, so the result is what counts: in blocks, beside itself.
    x, weight, made = images(4, 3, 64, 64), images(64, 3, 3, 3), images(4, 64, 64, 64)
    assert convolved(x, weight, made) == made.nbytes
    # With channels last the weight alone.
    x, weight, made = images(4, 64, 28, 28), images(64, 64, 1, 1), images(4, 64, 28, 28)
    assert convolved(x, weight, made, tags="channels_last.0") == weight.nbytes


def test_what_is_small_is_unfolded() -> None:
    x, weight, made = images(1, 16, 8, 8), images(16, 16, 3, 3), images(1, 16, 8, 8)
    assert convolved(x, weight, made) == 16 * 9 * 64 * 4


def test_gradients_of_a_convolution() -> None:
    x, weight, made = images(4, 512, 7, 7), images(512, 512, 3, 3), images(4, 512, 7, 7)
    one = (1, 1)
    args = (made, x, weight, None, one, one, one, False, (0, 0), 1, (True, True, False))
    # Both gradients are there in the end, and that of the weight in blocks beside itself.
    assert taken("aten.convolution_backward.default", *args) == weight.nbytes
    # Of large images: both are there in the end, but before that of the weight is, all three are in blocks.
    x, weight, made = images(4, 64, 56, 56), images(64, 64, 3, 3), images(4, 64, 56, 56)
    args = (made, x, weight, None, one, one, one, False, (0, 0), 1, (True, True, False))
    # Each of two threads has two of the images, and a gradient of the weight.
    most = x.nbytes + made.nbytes + x.nbytes + 2 * weight.nbytes
    assert taken("aten.convolution_backward.default", *args) == most - x.nbytes - weight.nbytes


def test_a_large_kernel_unfolds_images() -> None:
    x, weight, made = images(4, 3, 224, 224), images(384, 3, 16, 16), images(4, 384, 14, 14)
    by = (16, 16)
    args = (made, x, weight, None, by, (0, 0), (1, 1), False, (0, 0), 1, (False, True, False))
    # Of each of two threads 3 * 16 * 16 columns of 14 * 14, and four gradients of the weight.
    each = 3 * 16 * 16 * 14 * 14 * 4 + 4 * weight.nbytes
    assert taken("aten.convolution_backward.default", *args) == 2 * each


@pytest.mark.parametrize("name", ["aten.convolution.default", "aten.mul.Tensor", "aten.roll.default"])
def test_what_is_of_no_known_form_takes_nothing(name: str) -> None:
    assert taken(name) == 0
    assert scratch_of(Operator("aten.mul.Tensor", (images(2), 2.0), {}, ()), "cuda") == 0


def test_this_machine_is_asked_once() -> None:
    assert this_machine() is this_machine()
    assert this_machine().threads >= 1
    assert this_machine().lanes in (8, 16)
