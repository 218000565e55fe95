"""What a tensor's dimensions hold: padding counted by hand, and which dimensions follow the input's size."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import netscope
from netscope.report.analysis.extents import Extent, Extents


class Does(nn.Module):
    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.does = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.does(x)


def extents(forward: Callable[[Tensor], Tensor], input: str = "3x32x32") -> tuple[Extent, ...]:
    """Of what the forward returns."""
    trace = netscope.summary(Does(forward), input=input).facts
    assert trace is not None
    flow = Extents(trace)
    for op in trace.ops:
        flow.run(op)
    (value,) = trace.outputs
    assert value.spec is not None
    return flow.of(value.storage, value.spec.shape)


def ends(forward: Callable[[Tensor], Tensor], input: str = "3x32x32") -> list[tuple[int, int]]:
    """Padding at the start and the end of the last two dimensions."""
    return [(extent.before, extent.after) for extent in extents(forward, input)[-2:]]


def padded(x: Tensor) -> Tensor:
    return functional.pad(x, (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (lambda x: x * 2, [(0, 0), (0, 0)]),
        (padded, [(3, 4), (1, 2)]),
        (lambda x: padded(x).relu() + 1, [(3, 4), (1, 2)]),
        (lambda x: padded(padded(x)), [(6, 8), (2, 4)]),
        (lambda x: padded(x).transpose(2, 3), [(1, 2), (3, 4)]),
        (lambda x: padded(x)[:, :, 2:-1, :-2], [(1, 3), (1, 0)]),
        (lambda x: functional.pad(padded(x), (-1, -1)), [(3, 4), (0, 1)]),
        (lambda x: padded(x).unsqueeze(1).squeeze(1), [(3, 4), (1, 2)]),
        (lambda x: torch.cat([padded(x), padded(x)], 1), [(3, 4), (1, 2)]),
        # What is there in one of the two is no padding at the start, and may be at the end.
        (lambda x: padded(x) + functional.pad(x, (3, 0, 7, 0)), [(3, 4), (1, 2)]),
        # 39 rows, windows of 2 by 2: rows 35 to 38 are padding, windows 18 of 19 (36, 37) see it alone.
        (lambda x: functional.avg_pool2d(padded(x), 2), [(1, 1), (0, 0)]),
        # One window more that begins in the padding, and one fewer where the kernel reaches back.
        (lambda x: functional.conv2d(padded(x), torch.ones(8, 3, 3, 3), padding=1), [(2, 3), (0, 1)]),
    ],
)
def test_padding_by_hand(forward: Callable[[Tensor], Tensor], expected: list[tuple[int, int]]) -> None:
    assert ends(forward) == expected


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: padded(x).flatten(2).view(1, 3, 35, 39),
        lambda x: padded(x).flip(3),
        lambda x: padded(x).roll(1, 3),
        lambda x: functional.interpolate(padded(x), scale_factor=2.0),
        lambda x: torch.cat([x, x[..., -1:]], 3),
        lambda x: torch.cat([x, x.new_zeros(1, 3, 32, 1)], 3),
        lambda x: functional.pad(x, (1, 1, 1, 1), mode="circular"),
    ],
)
def test_where_it_is_not_followed_there_may_be_any(forward: Callable[[Tensor], Tensor]) -> None:
    *_, last = ends(forward)
    assert last[0] == 0
    assert last[1] > 10**9


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (lambda x: x.relu(), [False, False, True, True]),
        (lambda x: functional.max_pool2d(x, 2), [False, False, True, True]),
        (lambda x: functional.adaptive_avg_pool2d(x, 4), [False, False, False, False]),
        (lambda x: functional.interpolate(x, size=(8, 8)), [False, False, False, False]),
        (lambda x: functional.interpolate(x, scale_factor=0.5), [False, False, True, True]),
        (lambda x: x.mean((2, 3)), [False, False]),
        (lambda x: x.mean((2, 3), keepdim=True), [False] * 4),
        (lambda x: x.flatten(2), [False, False, True]),
        (lambda x: x.flatten(2).transpose(1, 2)[:, :1], [False, False, False]),
        (lambda x: x.flatten(2) @ x.flatten(2).transpose(1, 2), [False, False, False]),
        (lambda x: x.flatten(2).transpose(1, 2) @ x.flatten(2), [False, True, True]),
    ],
)
def test_dimensions_that_follow_the_inputs_size(
    forward: Callable[[Tensor], Tensor], expected: list[bool]
) -> None:
    assert [extent.follows_input for extent in extents(forward)] == expected
