"""Every shape rule against the real operator: shape, strides and dtype must be what torch makes.

A rule may decline a case (None); where it answers, it must be right.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netscope.trace.shapes import RULES, Layout, infer, rule_for
from netscope.trace.shapes.layout import contiguous_strides

aten = torch.ops.aten

# Stride, padding, dilation and so on of a convolution that steps over every place, by dimensions.
CONVOLVE = {dims: ([1] * dims, [0] * dims, [1] * dims, False, [0], 1) for dims in (1, 2, 3)}


def layout(value: Any) -> Any:
    if isinstance(value, Tensor):
        return Layout(tuple(value.shape), value.stride(), value.dtype)
    if isinstance(value, (list, tuple)):
        return [layout(item) for item in value]
    return value


def facts(shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    made = Layout(shape, stride, dtype)
    return shape, dtype, made.is_contiguous, made.is_channels_last


def agree(func: Any, *args: Any, **kwargs: Any) -> bool:
    """Check one call; whether the rule answered."""
    rule = rule_for(str(func))
    assert rule is not None, func
    made = infer(rule, tuple(layout(a) for a in args), {k: layout(v) for k, v in kwargs.items()})
    if made is None:
        return False
    real = func(*args, **kwargs)
    results = [real] if isinstance(real, Tensor) else list(real)
    expected = [(tuple(t.shape), t.stride(), t.dtype) for t in results]
    got = [made] if isinstance(made, tuple) else list(made)
    # Contiguous or not, and which format torch takes it for: what the next operator makes depends on both.
    assert [facts(*one) for one in got] == [facts(*one) for one in expected]
    for (shape, strides, _), (_, true, _) in zip(got, expected, strict=True):
        # Steps of sides of size 1, and of empty tensors, mean nothing.
        if 0 not in shape:
            assert [a for a, n in zip(strides, shape, strict=True) if n > 1] == [
                b for b, n in zip(true, shape, strict=True) if n > 1
            ]
    return True


def strided(shape: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    return torch.empty_strided(shape, stride).fill_(1.0)


# With sides of size 1, one tensor can be contiguous and channels-last, and torch settles for either.
EITHER = strided((1, 2, 1, 1), (2, 1, 2, 2))
VOLUME = strided((1, 2, 1, 1, 1), (2, 1, 2, 2, 2))
ROWS = strided((1, 3, 1, 2), (6, 1, 6, 3))


@pytest.mark.parametrize(
    ("func", "args", "answers"),
    [
        (aten.cat.default, ([EITHER, EITHER], 2), True),
        (aten.cat.default, ([EITHER, EITHER], 3), True),
        (aten.cat.default, ([EITHER, torch.ones(1, 2, 1, 1)], 2), True),
        (aten.cat.default, ([VOLUME, VOLUME], 4), True),
        (aten.cat.default, ([strided((3, 1, 1, 1), (1, 1, 1, 1))] * 2, 2), True),  # N111 is row-major
        (aten.cat.default, ([strided((3, 1, 2, 1), (2, 1, 1, 1))] * 2, 1), True),
        (aten.cat.default, ([strided((2, 3, 1, 4), (0, 1, 3, 3))] * 2, 0), True),
        (aten.cat.default, ([strided((2, 3, 4, 4), (48, 0, 4, 1))] * 2, 1), True),
        (aten.stack.default, ([ROWS, ROWS], 3), False),
        (aten.stack.default, ([strided((2, 1, 3), (3, 1, 1))] * 2, 3), False),
        (aten.relu.default, (EITHER,), True),
        (aten.hardtanh.default, (EITHER,), True),
        (aten.relu6.default, (EITHER,), True),
        (aten.add.Tensor, (strided((1, 3, 1, 2), (1, 1, 1, 3)), ROWS), True),
        (aten.masked_fill.Scalar, (ROWS, ROWS > 1, 0.0), True),
        (aten.masked_fill.Scalar, (torch.ones(3, 2).t(), torch.ones(3, 1, 1) > 1, 0.0), True),
        (aten.flip.default, (EITHER, [0]), False),
        (aten.ge.Scalar, (strided((1, 1, 1, 2), (2, 1, 2, 1)), 0), False),
        (aten.mul.Tensor, (strided((1, 1, 1, 2), (2, 1, 2, 1)), 2.0), False),
        (aten.view.default, (strided((2, 1, 1), (1, 2, 2)), [1, 2, 1, 1]), False),
        (aten.roll.default, (strided((3, 3, 1, 1), (3, 1, 3, 3)), [1], [0]), False),
        (aten._adaptive_avg_pool2d.default, (EITHER, [2, 1]), False),
        (aten.upsample_nearest2d.default, (EITHER, [2, 2]), False),
        (aten.max_pool2d_with_indices.default, (EITHER, [1, 1]), False),
        (aten.native_group_norm.default, (EITHER, None, None, 1, 2, 1, 1, 1e-5), False),
    ],
)
def test_a_format_that_the_steps_leave_open(func: Any, args: Any, answers: bool) -> None:
    assert agree(func, *args) is answers


def test_a_convolution_of_such_images() -> None:
    for x, weight, dims in (
        (EITHER, torch.ones(3, 2, 1, 1), 2),
        (torch.ones(1, 2, 2, 2), strided((3, 2, 1, 1), (2, 1, 2, 2)), 2),
        (VOLUME, torch.ones(3, 2, 1, 1, 1), 3),
        (strided((1, 1, 2), (2, 1, 1)), strided((2, 1, 1), (1, 2, 2)), 1),  # torch makes it an image
    ):
        assert not agree(aten.convolution.default, x, weight, None, *CONVOLVE[dims])


def test_a_normalisation_of_such_images() -> None:
    for x in (
        EITHER,
        VOLUME,
        ROWS,
        strided((1, 1, 2, 2), (4, 1, 2, 1)),
        strided((2, 3, 4, 4), (96, 1, 24, 6)),
    ):
        channels = torch.ones(x.shape[1])
        assert agree(aten.native_batch_norm.default, x, *[channels] * 4, False, 0.1, 1e-5)
    for x in (strided((1, 2, 1, 2), (4, 1, 8, 2)), torch.ones(1, 2, 2).transpose(1, 2)):
        assert not agree(aten.native_batch_norm.default, x, *[torch.ones(2)] * 4, False, 0.1, 1e-5)


@st.composite
def operands(draw: st.DrawFn, count: int = 1) -> list[Tensor]:
    """Tensors of one broadcast shape, each permuted, sliced or expanded at random."""
    shape = draw(st.lists(st.integers(1, 4), min_size=0, max_size=4))
    tensors = []
    for _ in range(count):
        own = [1 if draw(st.booleans()) and draw(st.booleans()) else side for side in shape]
        tensor = moved(draw, own)
        if draw(st.booleans()):
            tensor = tensor.expand(shape)
        tensors.append(tensor)
    return tensors


@st.composite
def images(draw: st.DrawFn) -> list[Tensor]:
    """Two batches of sequences, images or volumes of one shape, many of whose sides are 1."""
    shape = draw(st.lists(st.sampled_from([1, 1, 2, 3]), min_size=3, max_size=5))
    return [moved(draw, shape) for _ in range(2)]


def moved(draw: st.DrawFn, shape: list[int]) -> Tensor:
    """A tensor of that shape, permuted and sliced at random; every third is as channels-last."""
    last = [0, *range(2, len(shape)), 1][: len(shape)]
    order = draw(st.permutations(range(len(shape))) | st.permutations(range(len(shape))) | st.just(last))
    steps = [draw(st.sampled_from([1, 1, 1, 2])) for _ in shape]
    tensor = torch.ones([shape[d] * steps[d] for d in order])
    tensor = tensor.permute([order.index(d) for d in range(len(shape))])
    for dim, step in enumerate(steps):
        tensor = tensor[(slice(None),) * dim + (slice(None, None, step),)]
    return tensor


UNARY = "abs relu gelu sigmoid silu tanh exp sqrt rsqrt hardswish hardtanh neg erf floor".split()
BINARY = "add.Tensor sub.Tensor mul.Tensor div.Tensor maximum.default pow.Tensor_Tensor".split()


def overload(name: str) -> Any:
    packet, _, which = name.partition(".")
    return getattr(getattr(aten, packet), which or "default")


@given(operands(), st.sampled_from(UNARY))
def test_unary(tensors: list[Tensor], name: str) -> None:
    assert agree(overload(name), *tensors)


@given(operands(2), st.sampled_from(BINARY))
def test_binary(tensors: list[Tensor], name: str) -> None:
    assert agree(overload(name), *tensors)


@given(operands(3))
def test_ternary(tensors: list[Tensor]) -> None:
    assert agree(aten.addcmul.default, *tensors)
    assert agree(aten.where.self, tensors[0] > 0, *tensors[1:])


@given(operands(2), st.sampled_from(["eq.Tensor", "lt.Tensor", "logical_and.default"]))
def test_compare(tensors: list[Tensor], name: str) -> None:
    assert agree(overload(name), *tensors)
    assert agree(aten.ge.Scalar, tensors[0], 0) or 1 in tensors[0].shape


def test_promotion_is_left_to_torch() -> None:
    x = torch.ones(2)
    assert not agree(aten.add.Tensor, x, torch.ones(2, dtype=torch.float64))
    assert not agree(aten.exp.default, torch.ones(2, dtype=torch.int64))
    assert not agree(aten.mul.Tensor, x, 1j)


@given(operands())
def test_copies(tensors: list[Tensor]) -> None:
    (x,) = tensors
    assert agree(aten.clone.default, x)
    assert agree(aten.clone.default, x, memory_format=torch.contiguous_format)
    assert agree(aten._to_copy.default, x, dtype=torch.float64)
    assert agree(aten.zeros_like.default, x)
    if x.ndim:
        agree(aten.roll.default, x, [1], [0])
        agree(aten._softmax.default, x, -1, False)
        agree(aten.mean.dim, x, [0], True)
        agree(aten.sum.dim_IntList, x, [x.ndim - 1])
        agree(aten.cumsum.default, x, 0)
        agree(aten.constant_pad_nd.default, x, [1, 2])
        agree(aten.native_layer_norm.default, x, [x.shape[-1]], None, None, 1e-5)


@given(operands(2), st.data())
def test_joined(tensors: list[Tensor], data: st.DataObject) -> None:
    x, y = tensors
    if x.ndim and x.shape == y.shape:
        agree(aten.cat.default, [x, y], data.draw(st.integers(0, x.ndim - 1)))


def test_joined_slices() -> None:
    maps = torch.ones(2, 4, 6, 3)
    corners = [maps[:, i::2, j::2, :] for i in (0, 1) for j in (0, 1)]
    assert agree(aten.cat.default, corners, -1)
    assert agree(aten.cat.default, [torch.ones(1, 1, 3), torch.ones(1, 3, 5).transpose(1, 2)], 1)
    channels_last = torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last)
    assert agree(aten.cat.default, [channels_last, channels_last], 1)
    assert agree(aten.cat.default, [channels_last[..., ::2], channels_last[..., ::2]], 3)
    assert agree(aten.cat.default, [channels_last, torch.ones(2, 3, 4, 4)], 0)


@given(images(), st.data())
def test_images_in_any_layout(tensors: list[Tensor], data: st.DataObject) -> None:
    """Rules of images decline what torch may take for channels-last, or know what becomes of it."""
    x, y = tensors
    dims, channels = x.ndim - 2, x.shape[1]
    dim = data.draw(st.integers(0, x.ndim - 1))
    assert agree(aten.cat.default, [x, y], dim)
    agree(aten.stack.default, [x, y], dim)
    agree(aten.flip.default, x, [dim])
    agree(aten.constant_pad_nd.default, x, [1, 0])
    agree(aten.masked_fill.Scalar, x, y > 0, 0.0)
    agree(aten.convolution.default, x, torch.ones(2, channels, *[1] * dims), None, *CONVOLVE[dims])
    statistics = [torch.ones(channels)] * 4
    agree(aten.native_batch_norm.default, x, *statistics, data.draw(st.booleans()), 0.1, 1e-5)
    agree(aten.native_group_norm.default, x, None, None, x.shape[0], channels, x[0, 0].numel(), 1, 1e-5)
    pools = {
        1: [aten.upsample_nearest1d.default],
        2: [aten._adaptive_avg_pool2d.default, aten.upsample_bilinear2d.default],
        3: [aten._adaptive_avg_pool3d.default, aten.upsample_nearest3d.default],
    }
    size = [data.draw(st.integers(1, 2)) for _ in range(dims)]
    for pool in pools[dims]:
        agree(pool, x, size, *([False] if "linear" in str(pool) else []))
    if dims > 1:
        pool = aten.max_pool2d_with_indices if dims == 2 else aten.max_pool3d_with_indices
        agree(pool.default, x, [1] * dims)


@given(operands(), st.data())
def test_reduction(tensors: list[Tensor], data: st.DataObject) -> None:
    (x,) = tensors
    dims = data.draw(st.lists(st.integers(0, x.ndim - 1), unique=True)) if x.ndim else []
    keepdim = data.draw(st.booleans())
    answered = agree(aten.mean.dim, x, dims, keepdim)
    assert answered or not x.is_contiguous()
    assert agree(aten.mean.dim, torch.ones(1, 4, 4, 5).permute(0, 3, 1, 2), [-1, -2], True)


def test_rows_of_a_table() -> None:
    table, places = torch.ones(9, 2), torch.tensor([[0, 3], [8, 1]])
    assert agree(aten.index.Tensor, table, [places])
    assert agree(aten.index.Tensor, torch.ones(9), [places.int()])
    assert not agree(aten.index.Tensor, table, [places > 1])
    assert not agree(aten.index.Tensor, table, [None, places])
    assert not agree(aten.index.Tensor, table.t(), [places])


@given(st.data())
def test_convolution(data: st.DataObject) -> None:
    dims = data.draw(st.integers(1, 3))
    groups = data.draw(st.integers(1, 3))
    cin, cout = (groups * data.draw(st.integers(1, 3)) for _ in range(2))
    side = st.integers(1, 9 if dims < 3 else 5)
    kernel = [data.draw(st.integers(1, 4)) for _ in range(dims)]
    stride = [data.draw(st.integers(1, 3)) for _ in range(dims)]
    padding = [data.draw(st.integers(0, 2)) for _ in range(dims)]
    dilation = [data.draw(st.integers(1, 2)) for _ in range(dims)]
    transposed = data.draw(st.booleans())
    extra = [data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)]
    x = torch.ones(data.draw(st.integers(1, 2)), cin, *(data.draw(side) for _ in range(dims)))
    weight = torch.ones(*((cin, cout // groups) if transposed else (cout, cin // groups)), *kernel)
    bias = torch.ones(cout) if data.draw(st.booleans()) else None
    args = (x, weight, bias, stride, padding, dilation, transposed, extra if transposed else [0], groups)
    try:
        real = aten.convolution.default(*args)
    except RuntimeError:
        rule = RULES["convolution"]
        assert infer(rule, tuple(layout(a) for a in args), {}) is None
    else:
        assert agree(aten.convolution.default, *args) or not real.numel()


@given(
    st.integers(1, 12),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 2),
    st.integers(1, 2),
    st.booleans(),
    st.sampled_from(["max2", "avg2", "max3", "avg3"]),
)
def test_pooling(
    side: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool, kind: str
) -> None:
    dims = int(kind[-1])
    x = torch.ones(1, 2, *[side + i for i in range(dims)])
    window = [[kernel] * dims, [stride] * dims, [padding] * dims]
    func = {
        "max2": aten.max_pool2d_with_indices.default,
        "max3": aten.max_pool3d_with_indices.default,
        "avg2": aten.avg_pool2d.default,
        "avg3": aten.avg_pool3d.default,
    }[kind]
    args = (x, *window, [dilation] * dims, ceil) if "max" in kind else (x, *window, ceil)
    try:
        func(*args)
    except RuntimeError:
        rule = rule_for(str(func))
        assert rule is not None
        assert infer(rule, tuple(layout(a) for a in args), {}) is None
    else:
        assert agree(func, *args)


def test_products() -> None:
    a, b, c = torch.ones(3, 4), torch.ones(4, 5), torch.ones(5)
    assert agree(aten.mm.default, a, b)
    assert agree(aten.mm.default, b.t(), a.t())
    assert agree(aten.addmm.default, c, a, b)
    assert agree(aten.bmm.default, torch.ones(2, 3, 4), torch.ones(2, 4, 5))
    assert agree(aten.baddbmm.default, torch.ones(5), torch.ones(2, 3, 4), torch.ones(2, 4, 5), beta=2)
    assert agree(aten.mv.default, a, torch.ones(4))
    assert agree(aten.dot.default, c, c)
    assert not agree(aten.mm.default, *(torch.ones(2, 2), torch.ones(2, 2, dtype=torch.float64)))


def test_normalisation() -> None:
    x, c = torch.ones(2, 4, 3, 3), torch.ones(4)
    for training in (False, True):
        assert agree(aten.native_batch_norm.default, x, c, c, c, c, training, 0.1, 1e-5)
        channels_last = x.to(memory_format=torch.channels_last)
        agree(aten.native_batch_norm.default, channels_last, c, c, c, c, training, 0.1, 1e-5)
    assert agree(aten.native_group_norm.default, x, c, c, 2, 4, 9, 2, 1e-5)
    assert agree(aten.native_layer_norm.default, x, [3, 3], torch.ones(3, 3), torch.ones(3, 3), 1e-5)
    assert agree(aten.linalg_vector_norm.default, x, 2, [1], True)


def test_resampling() -> None:
    x = torch.ones(1, 2, 4, 4)
    assert agree(aten.upsample_nearest2d.default, x, [8, 8])
    assert agree(aten.upsample_bilinear2d.default, x, [7, 9], False)
    assert agree(aten._adaptive_avg_pool2d.default, x, [3, 2])
    assert agree(aten.adaptive_max_pool2d.default, x, [3, 2])


def test_movement() -> None:
    x = torch.ones(2, 3, 4)
    assert agree(aten.cat.default, [x, torch.ones(2, 1, 4)], 1)
    assert agree(aten.stack.default, [x, x], -1)
    assert agree(aten.repeat.default, x, [2, 1, 1, 3])
    assert agree(aten.flip.default, x, [0])
    assert agree(aten.index_select.default, x, 1, torch.tensor([0, 2]))
    assert agree(aten.embedding.default, torch.ones(10, 4), torch.tensor([[1, 2, 3]]))
    assert agree(aten.tril.default, x)
    assert agree(aten.masked_fill.Scalar, x, x > 0, 0.0)


def test_factories() -> None:
    for end, args in ((5, ()), (5.5, ()), (10, (1,)), (10, (1, 3)), (1, (4, -1)), (0, ())):
        bounds = (*args[:1], end, *args[1:])
        func = [aten.arange.default, aten.arange.start, aten.arange.start_step][len(bounds) - 1]
        assert agree(func, *bounds) or len(bounds) == 3
    for size in ([], [0], [2, 3]):
        assert agree(aten.empty.memory_format, size)
        assert agree(aten.zeros.default, size, dtype=torch.int32)
        assert agree(aten.full.default, size, 1)
        assert agree(aten.full.default, size, 1.5)
        assert agree(aten.full.default, size, True)
        assert agree(aten.new_zeros.default, torch.ones(1, dtype=torch.int8), size)
    assert agree(aten.scalar_tensor.default, 3)


@settings(max_examples=60)
@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from([0.0, 0.5]))
def test_attention(causal: bool, gqa: bool, moved: bool, narrow: bool, dropout: float) -> None:
    groups = 2 if gqa else 8
    if moved:
        q, k, v = (torch.ones(2, n, h, 16).transpose(1, 2) for n, h in ((5, 8), (7, groups), (7, groups)))
    else:
        q, k, v = (torch.ones(2, h, n, 16) for n, h in ((5, 8), (7, groups), (7, groups)))
    if narrow:
        v = v[..., :8]
    options = {"dropout_p": dropout, "is_causal": causal, "enable_gqa": gqa}
    made = infer(RULES["scaled_dot_product_attention"], (layout(q), layout(k), layout(v)), options)
    with torch.no_grad():
        real = torch.nn.functional.scaled_dot_product_attention(q, k, v, **options)
    assert made == (tuple(real.shape), real.stride(), real.dtype)


@settings(max_examples=60)
@given(
    st.sampled_from([torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 2),
    st.integers(0, 2),
)
def test_recurrent(kind: Any, bidirectional: bool, batch_first: bool, layers: int, projection: int) -> None:
    from netscope import summary

    options = {"proj_size": projection} if kind is torch.nn.LSTM else {}
    rnn = kind(3, 4, layers, bidirectional=bidirectional, batch_first=batch_first, **options)
    x = torch.ones(2, 5, 3)
    real, state = rnn(x)
    states = state if isinstance(state, tuple) else (state,)
    report = summary(rnn, args=(x,))
    assert report.rung == "meta"
    assert report.root.output_shapes == (tuple(real.shape), *(tuple(s.shape) for s in states))


@given(operands(), st.data())
def test_views(tensors: list[Tensor], data: st.DataObject) -> None:
    (x,) = tensors
    assert agree(aten.detach.default, x)
    order = data.draw(st.permutations(range(x.ndim)))
    agree(aten.permute.default, x, list(order))
    agree(aten.unsqueeze.default, x, data.draw(st.integers(-x.ndim - 1, x.ndim)))
    if x.ndim == 2:
        assert agree(aten.t.default, x)
    if x.is_contiguous():
        assert agree(aten.view.default, x, [-1]) or 1 in x.shape
        agree(aten.view.default, x, [1, *x.shape])
    if x.ndim:
        dim = data.draw(st.integers(-x.ndim, x.ndim - 1))
        assert agree(aten.transpose.int, x, dim, 0)
        assert agree(aten.select.int, x, dim, data.draw(st.integers(-x.shape[dim], x.shape[dim] - 1)))
        bound = st.none() | st.integers(-6, 6)
        assert agree(
            aten.slice.Tensor, x, dim, data.draw(bound), data.draw(bound), data.draw(st.integers(1, 3))
        )
        wider = [3 if side == 1 else side for side in x.shape]
        assert agree(aten.expand.default, x, wider)
        assert agree(aten.expand.default, x, [-1] * x.ndim)


def test_strides_of_empty_tensors() -> None:
    for shape in ((0,), (2, 0, 3), (0, 0), (3, 1)):
        assert contiguous_strides(shape) == torch.empty(shape).stride()


def test_grouped_products() -> None:
    ends = torch.tensor([2, 5, 7, 10], dtype=torch.int32)
    for dtype, wide in ((torch.float32, 8), (torch.bfloat16, 16)):
        matrices = torch.randn(4, 16, wide).to(dtype)
        assert agree(aten._grouped_mm.default, torch.randn(10, 16).to(dtype), matrices, ends)
        assert agree(aten._grouped_mm.default, torch.randn(4, 10, 16).to(dtype), matrices)
    # Rows that are no multiple of 16 bytes are refused by torch.
    rule = rule_for("aten._grouped_mm.default")
    assert rule is not None
    assert infer(rule, (layout(torch.ones(10, 16)), layout(torch.ones(4, 16, 6)), layout(ends)), {}) is None
