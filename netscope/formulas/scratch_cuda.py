"""What kernels of CUDA allocate for themselves while they run, by operator.

Read off torch's own allocator, operator by operator (torch 2.14, compute capability 9.0). What cuDNN takes
for a convolution hangs on the algorithm that it chooses on the device, and is not here.

A reduction is split over the whole device where it has few results and much to add up, and then its parts
lie in memory for a while: a bias gradient takes more than the activation that it is of. How many parts there
are hangs on how many multiprocessors the device has. Tensors are taken to be contiguous.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, Final, NamedTuple

from netscope.base.workload import ITEM_SIZE, TensorSpec
from netscope.trace.facts import Operator

_FLOAT: Final = 4


class Gpu(NamedTuple):
    """What kernels ask of a device before they choose.

    capability:
        for computing, as (9, 0).
    multiprocessors, threads:
        how many there are, and how many threads one of them runs at a time.
    """

    name: str
    capability: tuple[int, int]
    multiprocessors: int
    threads: int


# H100 and H200, in their larger form (SXM).
HOPPER: Final = Gpu("H100 or H200", (9, 0), 132, 2048)


@cache
def gpu() -> Gpu:
    """The GPU that torch finds here, and without one an H100."""
    import torch

    try:
        if torch.cuda.is_available():
            told = torch.cuda.get_device_properties(torch.cuda.current_device())
            return Gpu(
                told.name,
                (told.major, told.minor),
                told.multi_processor_count,
                told.max_threads_per_multi_processor,
            )
    except (RuntimeError, AssertionError):  # of a driver that is too old, or in a process that was forked
        pass
    return HOPPER


def of_cuda(operator: Operator) -> int:
    """The most bytes at a time that are gone when the kernel returns; 0 where none are known of."""
    return max(accumulate(pieces_of_cuda(operator)), default=0)


def pieces_of_cuda(operator: Operator) -> tuple[int, ...]:
    """The same in order: bytes that are asked of the allocator, and with a minus those that it gets back.

    What is not given back is when the kernel returns.
    """
    known = _KNOWN.get(operator.name)
    if known is None:
        return ()
    found = known(operator)
    return tuple(filter(None, (found,) if isinstance(found, int) else found))


# Reductions


def _reduced(operator: Operator) -> tuple[int, ...]:
    """Of a reduction over the dimensions that it is given, or all; norms have their order first."""
    of = _spec(operator, 0)
    place = 2 if operator.name == _NORM else 1
    given: Any = operator.args[place] if len(operator.args) > place else None
    dims = [given] if isinstance(given, int) else given or range(len(of.shape))
    return reduction(of.shape, dims, max(_FLOAT, math.ceil(ITEM_SIZE[of.dtype])))


def reduction(
    shape: Sequence[int], dims: Sequence[int], part: int, device: Gpu | None = None
) -> tuple[int, ...]:
    """What a reduction of a contiguous tensor over these dimensions takes: its parts, and counters of blocks.

    As `setReduceConfig` in aten/src/ATen/native/cuda/Reduce.cuh divides the work: threads side by side in a
    block read what lies side by side, in up to 4 results at a time where the last dimension stays; the rest
    of the block, and at last several blocks, share the elements of one result.

    part:
        bytes of a sum that is not complete.
    """
    device = device or gpu()
    over = {dim % len(shape) for dim in dims} if shape else set()
    merged = _merged(shape, over)
    results = math.prod(size for size, _, reduces in merged if not reduces)
    elements = math.prod(size for size, _, reduces in merged if reduces)
    if not results or elements <= 1:
        return ()
    stays = min((step for _, step, reduces in merged if not reduces), default=None)
    goes = min(step for _, step, reduces in merged if reduces)
    along = stays is None or goes < stays
    wide, high = (elements, results) if along else (results, elements)
    vector = 1
    if along and goes == 1 and wide >= _VECTORIZED and sum(reduces for _, _, reduces in merged) == 1:
        wide //= _VECTOR
    elif stays == 1:
        last = next(size for size, step, _ in merged if step == 1)
        vector = _VECTOR
        while last % vector or any(step % vector for _, step, _ in merged if step != 1):
            vector //= 2
        wide //= vector
    most = _THREADS // vector
    width = min(_power(wide, most), _WARP)
    height = min(_power(high, most), most // width)
    width = min(_power(wide, most), most // height)
    # Elements of a result that are added up in one go, and results that are.
    taken, given = (width, 1) if along else (1, width)
    if -(-elements // taken) < min(height * _LEAST_EACH, _MOST_EACH):
        return ()  # the rest of a block has results of its own
    taken *= height
    blocks = -(-(results // vector) // given)
    room = device.multiprocessors * (device.threads // (width * height))
    each = -(-elements // taken)
    if each < _MOST_EACH or blocks > room:
        return ()
    split = min(max(-(-room // blocks), -(-each // _MOST_EACH)), -(-each // _LEAST_EACH))
    if split <= 1:
        return ()
    parts = part * results * split * (1 if along else width * vector)
    return parts, _COUNTER * blocks


def _merged(shape: Sequence[int], over: set[int]) -> list[tuple[int, int, bool]]:
    """(size, elements from one to the next, whether it is reduced): neighbours of a kind as one dimension."""
    found: list[tuple[int, int, bool]] = []
    step = 1
    for dim in range(len(shape) - 1, -1, -1):
        size, reduces = shape[dim], dim in over
        if size != 1:
            if found and found[-1][2] is reduces:
                found[-1] = found[-1][0] * size, found[-1][1], reduces
            else:
                found.append((size, step, reduces))
        step *= size
    return found


def _power(size: int, most: int) -> int:
    """The largest power of 2 that is not larger, and at most so many."""
    return most if size >= most else 1 << (max(size, 1).bit_length() - 1)


_NORM: Final = "aten.linalg_vector_norm.default"
# Threads of a block, of which so many go together; elements that one reads at a time, and adds up at least
# and at most before another block is to help; bytes of a counter of blocks that are done.
_THREADS: Final = 512
_WARP: Final = 32
_VECTOR: Final = 4
_VECTORIZED: Final = 128
_LEAST_EACH: Final = 16
_MOST_EACH: Final = 256
_COUNTER: Final = 4
# Gradients of so many indices are added up without sorting these.
_UNSORTED: Final = 3072


# Products


def asks_for_workspace(operator: Operator) -> bool:
    """Whether it is cuBLAS that computes it, which has a workspace for each thread from its first call on."""
    return operator.name in _OF_CUBLAS


_OF_CUBLAS: Final = frozenset(
    f"aten.{name}"
    for name in (
        "mm.default addmm.default addmm_.default bmm.default baddbmm.default baddbmm_.default addbmm.default "
        "mv.default addmv.default addmv_.default dot.default vdot.default _addmm_activation.default "
        "mm.dtype mm.dtype_out bmm.dtype addmm.dtype baddbmm.dtype addmm.out mm.out bmm.out _int_mm.default "
        "_scaled_mm.default linear.default matmul.default _transformer_encoder_layer_fwd.default "
        "_native_multi_head_attention.default"
    ).split()
)


# Attention


def _flash_backward(operator: Operator) -> tuple[int, ...]:
    """Sums of the softmax, and gradients of the queries in float32, both of whole blocks of rows."""
    query, key = _spec(operator, 1), _spec(operator, 2)
    batch, heads, rows, size = query.shape
    rows, size = _up(rows, 128), _up(size, 32)
    sums = batch * heads * rows * _FLOAT
    return sums, sums * size, *_of_each_head(query, key)


def _of_each_head(query: TensorSpec, key: TensorSpec) -> tuple[int, ...]:
    """Gradients of keys and values for each head of queries, before those of a group are added up."""
    if query.shape[1] == key.shape[1]:
        return ()
    each = key.nbytes // key.shape[1] * query.shape[1]
    return each, each


def _efficient_backward(operator: Operator) -> tuple[int, ...]:
    """The product of gradient and output in float32 for their sums, then gradients of queries in blocks.

    Other dtypes than float32 have no such product: the kernel of the sums reads both.
    """
    query, key, out = _spec(operator, 1), _spec(operator, 2), _spec(operator, 5)
    batch, heads, rows, size = query.shape
    sums = batch * heads * rows * _FLOAT
    blocks = -(-rows // 64)
    wide = 64 if size <= 64 else 128 if size <= 128 else _up(size, 64)
    workspace = batch * heads * (blocks * 64 * wide * _FLOAT + 16 * blocks)
    product = math.prod(out.shape) * _FLOAT
    first = (product, sums, sums, -sums, -product) if query.dtype == "float32" else (sums,)
    return *_of_each_head(query, key), *first, workspace


def _encoder_layer(operator: Operator) -> tuple[int, ...]:
    """What the layers within a fused one of a transformer's encoder make, its result apart.

    Without a mask attention has a kernel of its own; with one the scores are there, and once more for the
    softmax. The result's memory is taken for what comes before it in the same size.
    """
    given = operator.args
    source, heads, norm_first = _spec(operator, 0), given[2], given[8]
    hidden, mask = _spec(operator, 14), given[18] if len(given) > 18 else None
    assert isinstance(heads, int)
    one, rows = source.nbytes, math.prod(source.shape[:-1])
    wide = rows * hidden.shape[0] * math.ceil(ITEM_SIZE[source.dtype])
    norm = (rows * _FLOAT, rows * _FLOAT, -rows * _FLOAT, -rows * _FLOAT)
    before = (one, *norm) if norm_first else ()
    after = (-one,) if norm_first else ()
    attention: tuple[int, ...] = (3 * one, one, -one)
    if isinstance(mask, TensorSpec):
        scores = heads * source.shape[1] * one // source.shape[2]
        of_mask = mask.numel if len(mask.shape) == 4 else rows
        attention = (
            3 * one,
            3 * one,
            -3 * one,
            scores,
            of_mask,
            scores,
            -scores,
            -of_mask,
            -scores,
            one,
            -one,
        )
    return *before, *attention, -3 * one, *after, one, *norm, wide, -wide, one


def _embedding_backward(operator: Operator) -> tuple[int, ...]:
    """Of more than 3,072 indices: these in order and where they were, and sums of at most 10 rows in float32.

    As aten/src/ATen/native/cuda/EmbeddingBackwardKernel.cu has it; what sorting takes for itself is left out.
    """
    grad, indices, words = _spec(operator, 0), _spec(operator, 1), operator.args[2]
    assert isinstance(words, int)
    count = indices.numel
    if count <= _UNSORTED:
        return ()
    segments = min(count, words)
    partial = count // 10 + segments
    each = indices.nbytes // count
    sums = partial * _up(grad.shape[-1], _WARP) * _FLOAT
    return 2 * indices.nbytes, *(3 * (segments * each,)), partial * each, sums


def _product(operator: Operator) -> int:
    """Gradient times result, before it is summed."""
    return _spec(operator, 0).nbytes


def _spec(operator: Operator, place: int) -> TensorSpec:
    found = operator.args[place]
    assert isinstance(found, TensorSpec)
    return found


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


_KNOWN: Final[dict[str, Callable[[Operator], int | tuple[int, ...]]]] = {
    **dict.fromkeys(
        (
            "aten.sum.dim_IntList",
            "aten.sum.default",
            "aten.mean.dim",
            "aten.mean.default",
            "aten.amax.default",
            "aten.amin.default",
            _NORM,
        ),
        _reduced,
    ),
    "aten._scaled_dot_product_flash_attention_backward.default": _flash_backward,
    "aten._scaled_dot_product_efficient_attention_backward.default": _efficient_backward,
    "aten._softmax_backward_data.default": _product,
    "aten.embedding_dense_backward.default": _embedding_backward,
    "aten._transformer_encoder_layer_fwd.default": _encoder_layer,
}
