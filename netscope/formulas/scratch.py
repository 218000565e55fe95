"""What a kernel allocates for itself while it runs, by operator: memory that no tensor of the step shows.

Each is a pure function of an operator's specs, and says which kernel takes what. Those of the processor are
known: its allocator's record shows every byte. How much depends on threads and vectors of the machine. What
has no function here is taken to want nothing.

An operator of a step says by tags how its tensors lie: "strided.0" of a first argument that is not
contiguous, "channels_last.0" of one that is so with channels last.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from netscope.base.workload import ITEM_SIZE, TensorSpec
from netscope.formulas.scratch_cuda import of_cuda
from netscope.formulas.scratch_gloo import of_gloo
from netscope.trace.facts import Operator
from netscope.trace.groups import collective_of


class Machine(NamedTuple):
    """What of a processor decides on scratch.

    threads:
        that kernels are run on.
    lanes:
        numbers of 32 bits in a vector: oneDNN lays channels out in blocks of so many.
    """

    threads: int
    lanes: int


Scratch = Callable[[Operator, Machine], int]
_CPU: Final[dict[str, Scratch]] = {}


def scratch_of(operator: Operator, device: str, machine: Machine | None = None) -> int:
    """Bytes that are gone when the kernel returns, beyond what it returns; 0 where none are known of.

    machine:
        the processor; this one by default.
    """
    if device == "cuda":
        return of_cuda(operator)
    if collective_of(operator) is not None:
        return of_gloo(operator)
    packet = _packet(operator)
    found = _CPU.get(packet) or (_CPU.get(packet.removesuffix("_")) if packet.endswith("_") else None)
    if found is None:
        return 0
    try:
        return max(0, found(operator, machine or this_machine()))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # not of the form that it expects
        return 0


def _packet(operator: Operator) -> str:
    """Its name without namespace and overload."""
    return operator.name.removeprefix("aten.").partition(".")[0]


@functools.cache
def this_machine() -> Machine:
    """The processor that this runs on."""
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    return Machine(torch.get_num_threads(), 16 if "512" in capability else 8)


def _takes(*names: str) -> Callable[[Scratch], Scratch]:
    """Register what these operators take, in place too."""

    def register(function: Scratch) -> Scratch:
        _CPU.update(dict.fromkeys(names, function))
        return function

    return register


# Tensors


def _size(dtype: str) -> int:
    return math.ceil(ITEM_SIZE[dtype])


def _copy(operator: Operator, place: int) -> int:
    """What a contiguous copy of an argument takes, which is none where it is contiguous."""
    spec = operator.args[place] if place < len(operator.args) else None
    lies = f"strided.{place}" in operator.tags or f"channels_last.{place}" in operator.tags
    return spec.nbytes if lies and isinstance(spec, TensorSpec) else 0


# Element by element


_NUMBERS: Final = {float: "float64", int: "int64", bool: "bool", complex: "complex128"}
_ORDER: Final = ("bool", "uint8", "int8", "int16", "int32", "int64")
_HALVES: Final = frozenset({"float16", "bfloat16"})


def _rank(dtype: str) -> tuple[int, int]:
    """Of what is wider than what: bool, integers, fractions, complex."""
    if dtype in _ORDER:
        return (0 if dtype == "bool" else 1), _ORDER.index(dtype)
    return (3 if dtype.startswith("complex") else 2), _size(dtype)


def _together(operands: list[TensorSpec | int | float | complex]) -> str:
    """The dtype that these are computed in: one without dimensions counts only where its kind is another."""
    tensors = [one.dtype for one in operands if isinstance(one, TensorSpec) and one.shape]
    lone = [one.dtype for one in operands if isinstance(one, TensorSpec) and not one.shape]
    numbers = [_NUMBERS[type(one)] for one in operands if not isinstance(one, TensorSpec)]
    found = ""
    for dtypes in (tensors, lone, numbers):
        if not dtypes:
            continue
        widest = max(dtypes, key=_rank)
        if len(set(dtypes)) > 1 and _HALVES.issuperset(dtypes):
            widest = "float32"
        if not found:
            found = "float32" if dtypes is numbers and widest == "float64" else widest
        elif _rank(widest)[0] > _rank(found)[0]:
            found = "float32" if dtypes is numbers and _rank(widest)[0] == 2 else widest
    return found


_BINARY: Final = (
    "add",
    "sub",
    "rsub",
    "mul",
    "div",
    "true_divide",
    "maximum",
    "minimum",
    "fmod",
    "remainder",
)
_COMPARED: Final = ("eq", "ne", "lt", "le", "gt", "ge")


@_takes(*_BINARY, *_COMPARED)
def element_by_element(operator: Operator, machine: Machine) -> int:
    """Copies of what is of another dtype than is computed in (`TensorIterator`), and of Python's numbers.

    A number is a tensor of 8 bytes first, and then one of that dtype.
    """
    operands = [one for one in operator.args[:2] if isinstance(one, TensorSpec) or type(one) in _NUMBERS]
    common = _together(operands)
    if _packet(operator) in ("div", "div_", "true_divide") and _rank(common)[0] < 2:
        common = "float32"
    taken = 0
    for one in operands:
        spec = one if isinstance(one, TensorSpec) else TensorSpec((), _NUMBERS[type(one)])
        if spec is not one:
            taken += _size(spec.dtype)
        if spec.dtype != common:
            taken += spec.numel * _size(common)
    return taken


@_takes("_safe_softmax")
def safe_softmax(operator: Operator, machine: Machine) -> int:
    """Which scores are -inf, in which rows all are, and a zero for these."""
    scores: TensorSpec = operator.args[0]
    dim: int = operator.args[1]
    count = int(scores.numel)
    return count + count // scores.shape[dim] + _size(scores.dtype)


@_takes("roll")
def roll(operator: Operator, machine: Machine) -> int:
    """By more than one dimension it is rolled by one after another."""
    tensor, shifts, *_ = operator.args
    return int(tensor.nbytes) if isinstance(shifts, tuple) and len(shifts) > 1 else 0


@_takes("embedding", "embedding_dense_backward")
def embedding(operator: Operator, machine: Machine) -> int:
    """A contiguous copy of the indices."""
    return _copy(operator, 1)


# Normalization


@_takes("native_layer_norm")
def layer_norm(operator: Operator, machine: Machine) -> int:
    """A contiguous copy of what is normalized."""
    return _copy(operator, 0)


@_takes("native_layer_norm_backward")
def layer_norm_backward(operator: Operator, machine: Machine) -> int:
    """Contiguous copies, and of each thread its sums for the gradients of weight and bias."""
    gradient, _, shape, *_ = operator.args
    sums: int = 2 * machine.threads * math.prod(shape) * _size(gradient.dtype)
    return _copy(operator, 0) + _copy(operator, 1) + sums


@_takes("native_group_norm")
def group_norm(operator: Operator, machine: Machine) -> int:
    """A contiguous copy of what is normalized."""
    return _copy(operator, 0) if "strided.0" in operator.tags else 0


@_takes("native_group_norm_backward")
def group_norm_backward(operator: Operator, machine: Machine) -> int:
    """Two sums for each image and channel."""
    gradient, _, _, _, _, images, channels, *_ = operator.args
    return 2 * int(images) * int(channels) * max(4, _size(gradient.dtype))


# Attention


def _tiles(queries: int, keys: int) -> tuple[int, int]:
    """Rows and columns of a tile of scores (`FlashAttentionKernel.cpp` in ATen)."""
    rows = 256 if queries >= 768 else 64 if queries >= 192 else 32
    return min(rows, queries), min(512, keys)


@_takes("_scaled_dot_product_flash_attention_for_cpu")
def flash_attention(operator: Operator, machine: Machine) -> int:
    """Of each thread a tile of scores, its rows' maxima and sums, and what they add up to, in float32."""
    query, key, *_ = operator.args
    rows, columns = _tiles(query.shape[2], key.shape[2])
    return machine.threads * 4 * rows * (columns + 2 + int(query.shape[3]))


@_takes("_scaled_dot_product_flash_attention_for_cpu_backward")
def flash_attention_backward(operator: Operator, machine: Machine) -> int:
    """Of each thread two tiles of scores, one row's sums, and a contiguous copy of the gradient."""
    _, query, key, *_ = operator.args
    rows, columns = _tiles(query.shape[2], key.shape[2])
    return _copy(operator, 0) + machine.threads * 4 * 2 * rows * columns + 4 * rows


@_takes("_native_multi_head_attention")
def whole_attention(operator: Operator, machine: Machine) -> int:
    """Queries, keys and values, twice, as they are laid out by heads; then once, and the scores."""
    query: TensorSpec = operator.args[0]
    width, heads = int(operator.args[3]), int(operator.args[4])
    images, length, _ = query.shape
    size = _size(query.dtype)
    projected = 3 * images * length * width * size
    scores = images * heads * length * length * size
    return max(2 * projected, projected + scores) - sum(int(one.nbytes) for one in operator.outputs)


# Convolution


class _Convolution(NamedTuple):
    """One of oneDNN, in numbers of elements.

    blocked:
        images are copied into blocks of channels, weights always are.
    """

    images: int
    made: int
    weight: int
    images_blocked: int
    made_blocked: int
    weight_blocked: int
    size: int
    channels_last: bool
    weight_copied: int
    depthwise: bool
    groups: int
    strided: bool
    kernel: int
    few: bool

    @classmethod
    def of(
        cls, operator: Operator, place: int, made: tuple[int, ...], stride: Any, groups: int, lanes: int
    ) -> _Convolution:
        """Of an operator whose images are the argument at that place, and its weight the next one."""
        images, weight = operator.args[place], operator.args[place + 1]
        outer, inner, *kernel = weight.shape
        depthwise = groups > 1 and inner == 1 and outer == groups
        few = groups == 1 and inner < 4  # a first layer reads colours as they lie

        def padded(channels: int) -> int:
            return -(-channels // lanes) * lanes if groups == 1 or depthwise else channels

        def blocked(shape: tuple[int, ...]) -> int:
            return math.prod(shape) // shape[1] * padded(shape[1])

        last = any(f"channels_last.{one}" in operator.tags for one in (place, place + 1))
        alike = inner == 1 or math.prod(kernel) == 1  # however such a weight lies, it is as the images are
        return cls(
            images.numel,
            math.prod(made),
            weight.numel,
            0 if few else blocked(images.shape),
            blocked(made),
            padded(outer) * (inner if few or groups > 1 else padded(inner)) * math.prod(kernel),
            _size(images.dtype),
            last,
            weight.numel if last and f"channels_last.{place + 1}" not in operator.tags and not alike else 0,
            depthwise,
            groups,
            any(one > 1 for one in stride) if isinstance(stride, tuple) else stride > 1,
            math.prod(kernel),
            few,
        )


def _is_onednn(images: TensorSpec, weight: TensorSpec, groups: int) -> bool:
    """Whether oneDNN convolves (`ConvParams::use_mkldnn` in ATen/native/Convolution.cpp)."""
    if images.dtype != "float32":
        return images.dtype in _HALVES
    kernel = weight.shape[2:]
    return groups > 1 or all(side > 3 for side in kernel[-2:]) or images.shape[0] > 1 or images.numel > 20480


def _columns(
    images: TensorSpec, weight: TensorSpec, made: tuple[int, ...], stride: tuple[int, ...], padding: Any
) -> int:
    """Images unfolded, for a product of matrices; not where each column is a pixel."""
    if math.prod(weight.shape[2:]) == 1 and not any(padding) and not any(one > 1 for one in stride):
        return 0
    return math.prod(weight.shape[1:]) * made[0] * math.prod(made[2:]) * _size(images.dtype)


@_takes("convolution")
def convolution(operator: Operator, machine: Machine) -> int:
    """oneDNN reorders images, weight and result into blocks of channels, and the result back.

    With channels last it reorders the weight alone. What is too small for it is unfolded into columns.
    """
    images, weight, _, stride, padding, _, transposed, _, groups = operator.args
    made = operator.outputs[0].shape
    if transposed or len(images.shape) < 3:
        return 0
    if not _is_onednn(images, weight, groups):
        return _columns(images, weight, made, stride, padding)
    it = _Convolution.of(operator, 0, made, stride, groups, machine.lanes)
    if it.channels_last:
        return (it.weight_copied + it.weight_blocked) * it.size
    gathered = 0  # of a strided one of 1x1 each thread's images without what it skips
    if it.strided and it.kernel == 1 and groups == 1:
        gathered = machine.threads * it.images_blocked // images.shape[0]
        gathered = gathered // math.prod(images.shape[2:]) * math.prod(made[2:])
    reordering = gathered + it.images_blocked + it.weight_blocked + it.made_blocked - it.made
    return max(reordering, it.made_blocked) * it.size


@_takes("convolution_backward")
def convolution_backward(operator: Operator, machine: Machine) -> int:
    """The same for the gradient of the images, and then for that of the weight.

    Where two threads share images each has a gradient of the weight, and they are added up.
    """
    gradient, images, weight, _, stride, padding, _, transposed, _, groups, mask = operator.args
    if transposed or len(images.shape) < 3:
        return 0
    if not _is_onednn(images, weight, groups):
        return _columns(images, weight, gradient.shape, stride, padding)
    it = _Convolution.of(operator, 1, gradient.shape, stride, groups, machine.lanes)
    # It is to lie as images and weight do.
    lies = "channels_last.0" in operator.tags
    copied = it.made if "strided.0" in operator.tags or lies is not it.channels_last else 0
    wanted = it.images if mask[0] else 0
    returned = wanted + (it.weight if mask[1] else 0)
    most = _for_images(it, int(weight.shape[1]), machine) if mask[0] else 0
    if mask[1]:
        sharing = _shared(it, images.shape, machine)
        if max(weight.shape[2:]) > 14 and not it.channels_last:
            # By products of matrices: each thread unfolds an image, and has four gradients of the weight.
            unfolded = math.prod(weight.shape[1:]) * math.prod(gradient.shape[2:])
            taken = it.weight_blocked + machine.threads * (4 * it.weight + unfolded)
        else:
            plain = (it.depthwise and it.kernel > 9) or (groups > 1 and 1 < weight.shape[1] < 8)
            taken = _for_weight(it, sharing, plain, machine)
        most = max(most, wanted + taken)
    return int(it.weight_copied + copied + most - returned) * it.size


def _for_images(it: _Convolution, inner: int, machine: Machine) -> int:
    """The most while the gradient of the images is computed, that one in the end included."""
    if it.channels_last:
        return it.images + it.weight_blocked
    weight = it.weight_blocked // inner * machine.lanes if it.few else it.weight_blocked
    made = it.images_blocked or it.images // inner * machine.lanes
    if it.strided and it.groups == 1:
        return max(it.made_blocked + weight + it.images, 3 * it.images)
    return max(it.made_blocked + weight + made, made + it.images)


def _for_weight(it: _Convolution, sharing: int, plain: bool, machine: Machine) -> int:
    """The same of the weight's.

    sharing:
        what threads beyond the first have.
    plain:
        whether images are read as they lie.
    """
    if it.channels_last:
        each = machine.lanes**2 if it.depthwise and it.kernel > 9 else 1  # a channel in a block of its own
        return it.weight_blocked * each + max(2 * it.weight, sharing)
    images = 0 if plain else it.made_blocked + it.images_blocked
    return it.weight_blocked + max(images + sharing, it.weight)


def _shared(it: _Convolution, images: tuple[int, ...], machine: Machine) -> int:
    """Gradients of the weight that threads beyond the first have, where images are dealt out to them.

    oneDNN weighs what each thread would read and write (`jit_avx512_common_convolution_bwd_weights`): images
    count 4, the gradient of the result 1, that of the weight 8.
    """
    if it.groups > 1:
        return 0
    read = it.images_blocked or it.images
    best, sharing = math.inf, 1
    for by_image in range(1, min(machine.threads, images[0]) + 1):
        for by_made, by_read in _splits(machine.threads // by_image):
            cost = (
                4 * read / by_image / by_read
                + it.made_blocked / by_image / by_made
                + 8 * it.weight_blocked / by_made / by_read
            )
            if cost < best:
                best, sharing = cost, by_image
    return (sharing - 1) * it.weight_blocked


def _splits(count: int) -> Iterator[tuple[int, int]]:
    """Two factors of a number of threads."""
    for one in range(1, count + 1):
        yield one, count // one
