"""Operators that take functions end no trace: what they call is counted turn by turn, or they are named."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch._higher_order_ops import associative_scan, cond, scan, while_loop
from torch._higher_order_ops.hints_wrap import hints_wrapper
from torch._higher_order_ops.map import map as hop_map
from torch._higher_order_ops.strict_mode import strict_mode_op
from torch._ops import HigherOrderOperator
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.utils.checkpoint import checkpoint

import netscope

# MACs of Linear(4, 4) on two rows.
TURN = 2 * 4 * 4


class Net(nn.Module):
    """A Linear(4, 4), and a forward that is given."""

    def __init__(self, run: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.run = run

    def forward(self, x: torch.Tensor) -> Any:
        return self.run(self.layer, x)


def counted(run: Callable[..., Any]) -> netscope.Report:
    return netscope.summary(Net(run), args=(torch.rand(2, 4),))


def thrice(layer: nn.Module, x: torch.Tensor) -> Any:
    return while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, layer(y)), (torch.tensor(0), x))


def as_the_data_says(layer: nn.Module, x: torch.Tensor) -> Any:
    """Five turns: what is summed up grows by 8 each."""
    return while_loop(
        lambda s, y: s.sum() < 33,
        lambda s, y: (s + 1, layer(y)),
        (torch.zeros_like(x) * x.detach().sum(), x),
    )


CASES: dict[str, tuple[Callable[..., Any], int, str]] = {
    "while_loop": (thrice, 3 * TURN, "meta"),
    "while_loop of no turn": (
        lambda layer, x: while_loop(lambda i, y: i < 0, lambda i, y: (i + 1, layer(y)), (torch.tensor(0), x)),
        0,
        "meta",
    ),
    "while_loop by data": (as_the_data_says, 5 * TURN, "real"),
    "map": (hop_map, TURN, "meta"),
    "scan": (
        lambda layer, x: scan(lambda c, row: (layer(c + row), layer(row)), torch.zeros(4), x, dim=0),
        2 * TURN,
        "meta",
    ),
    "scan backwards over columns": (
        lambda layer, x: scan(
            lambda c, column: (layer(c), column * 2), torch.zeros(4), x, dim=1, reverse=True
        ),
        4 * 16,
        "meta",
    ),
    "associative_scan": (
        # Pairs at once: the second row of the two with the first.
        lambda layer, x: associative_scan(lambda a, b: layer(a * b), x, dim=0, combine_mode="generic"),
        TURN // 2,
        "meta",
    ),
    "cond on a number": (
        lambda layer, x: cond(x.shape[0] > 1, layer, lambda y: layer(layer(y)), (x,)),
        TURN,
        "meta",
    ),
    "cond by data": (
        lambda layer, x: torch.cond(x.sum() < 0, layer, lambda y: layer(layer(y)), (x,)),
        2 * TURN,
        "real",
    ),
    "checkpoint": (lambda layer, x: checkpoint(layer, x, use_reentrant=False), TURN, "meta"),
    "checkpoint the old way": (lambda layer, x: checkpoint(layer, x, use_reentrant=True), TURN, "meta"),
    "hints_wrapper": (
        lambda layer, x: hints_wrapper(layer, (x,), {}, hints={"outer": True}),
        TURN,
        "meta",
    ),
    "strict_mode": (lambda layer, x: strict_mode_op(layer, (x,)), TURN, "meta"),
    "a loop in a loop": (
        lambda layer, x: while_loop(
            lambda i, y: i < 2, lambda i, y: (i + 1, thrice(layer, y)[1]), (torch.tensor(0), x)
        ),
        6 * TURN,
        "meta",
    ),
}


@pytest.mark.parametrize(("run", "macs", "rung"), CASES.values(), ids=CASES)
def test_what_they_call_is_counted(run: Callable[..., Any], macs: int, rung: str):
    report = counted(run)
    assert (report.macs, report.rung, report.unknown) == (macs, rung, {})
    if macs:
        assert report["layer"].macs == macs  # by the layer that did it


@pytest.mark.parametrize("run", [case[0] for case in CASES.values()], ids=CASES)
def test_results_are_those_of_a_real_forward(run: Callable[..., Any]):
    net, x = Net(run), torch.rand(2, 4)
    with torch.no_grad():
        made = torch.utils._pytree.tree_leaves(net(x))
    report = netscope.summary(net, args=(x,))
    assert list(report.root.output_shapes) == [tuple(one.shape) for one in made]


def test_a_graph_that_is_invoked():
    graph = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    run = torch.ops.higher_order.invoke_subgraph
    assert counted(lambda layer, x: run(graph, "once", x)).macs == TURN
    assert counted(lambda layer, x: torch.ops.higher_order.invoke_quant_packed(graph, x)).macs == TURN


def test_a_region_that_is_compiled_once():
    region = torch.compiler.nested_compile_region(lambda y: y @ y.T)
    assert counted(lambda layer, x: region(layer(x))).macs == TURN + 2 * 2 * 4


class Odd(HigherOrderOperator):
    """One that torch does not know."""

    def __init__(self, name: str) -> None:
        super().__init__(name)

    def __call__(self, function: Any, x: torch.Tensor) -> Any:
        return super().__call__(function, x)


def test_one_with_an_eager_definition_is_looked_into():
    odd = Odd("netscope_looked_into")
    odd.py_impl(torch._C.DispatchKey.CompositeExplicitAutograd)(lambda function, x: function(function(x)))
    report = counted(odd)
    assert (report.macs, report.unknown) == (2 * TURN, {})


def test_one_that_cannot_be_looked_into_is_named():
    odd = Odd("netscope_opaque")

    @odd.py_impl(torch._C.DispatchKey.CompositeExplicitAutograd)
    def refuses(function: Any, x: torch.Tensor) -> Any:
        assert not torch.utils._python_dispatch._get_current_dispatch_mode(), (
            "Mode should never be enabled for CPU/CUDA key"
        )
        return function(x)

    report = counted(lambda layer, x: layer(odd(torch.neg, x)))
    assert report.macs is None
    assert report.counted_macs == TURN
    assert report.unknown == {"netscope_opaque": 1}


def test_a_kernel_of_triton_is_named():
    kernel = torch.ops.higher_order.triton_kernel_wrapper_mutation

    def run(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        y = layer(x)
        kernel(
            kernel_idx=0,
            constant_args_idx=0,
            grid=[(1, 1, 1)],
            tma_descriptor_metadata={},
            kwargs={"x_ptr": y, "out_ptr": torch.empty_like(y)},
        )
        return y

    report = counted(run)
    assert (report.macs, report.counted_macs) == (None, TURN)
    assert list(report.unknown) == ["triton_kernel_wrapper_mutation"]


def test_where_no_rung_has_the_data_a_loop_is_left_and_a_branch_uncounted():
    def loops(layer: nn.Module, x: torch.Tensor) -> Any:
        y = layer(x)
        return while_loop(lambda s, y: s.sum() < 33, lambda s, y: (s + 1, layer(y)), (y, y))[1]

    def chooses(layer: nn.Module, x: torch.Tensor) -> Any:
        y = layer(x)
        return layer(cond(y.sum() > 0, layer, lambda y: layer(layer(y)), (y,)))

    for run, macs, calls in ((loops, TURN, 1), (chooses, 2 * TURN, 2)):
        with torch.device("meta"):
            net = Net(run)
        report = netscope.summary(net, args=(torch.rand(2, 4),))
        assert report.macs is None  # a lower bound
        assert (report.counted_macs, report["layer"].calls) == (macs, calls)
        assert report.root.output_shape == (2, 4)
        assert [note for note in report.notes if "not tried on real tensors" not in note] == []
    assert report.unknown == {"cond": 1}


# flex_attention: 2 heads, 128 queries and keys of 16 features, scores and weights.
FULL = 2 * 128 * 128 * 16 * 2


def masked(function: Any, **sizes: Any) -> Callable[..., Any]:
    def run(layer: nn.Module, q: torch.Tensor) -> torch.Tensor:
        mask = create_block_mask(function, sizes.get("B"), sizes.get("H"), 128, 128, device=q.device)
        return flex_attention(q, q, q, block_mask=mask)

    return run


MASKS: dict[str, tuple[Callable[..., Any], int]] = {
    "none": (lambda layer, q: flex_attention(q, q, q), 128 * 128),
    "score": (
        lambda layer, q: flex_attention(q, q, q, score_mod=lambda s, b, h, i, j: s + (i - j)),
        128 * 128,
    ),
    "causal": (masked(lambda b, h, i, j: i >= j), 128 * 129 // 2),
    "window of 3": (masked(lambda b, h, i, j: (i - j).abs() <= 1), 3 * 128 - 2),
    "by head": (masked(lambda b, h, i, j: (h == 0) | (i >= j), H=2), (128 * 128 + 128 * 129 // 2) // 2),
}


@pytest.mark.parametrize(("run", "pairs"), MASKS.values(), ids=MASKS)
def test_flex_attention_is_counted_full_and_as_masked(run: Callable[..., Any], pairs: int):
    report = netscope.summary(Net(run), args=(torch.rand(1, 2, 128, 16),))
    assert report.macs == FULL
    assert report.root.causal_macs == 2 * pairs * 16 * 2


def test_a_mask_that_the_module_keeps():
    net = Net(lambda layer, q: flex_attention(q, q, q, block_mask=net.mask))
    net.mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, 128, 128, device="cpu")
    report = netscope.summary(net, args=(torch.rand(1, 2, 128, 16),))
    assert (report.macs, report.root.causal_macs) == (FULL, 128 * 129 * 16 * 2)


def test_a_mask_that_asks_tensors_without_values_has_no_figure_of_its_own():
    lengths = torch.tensor([[0] * 64 + [1] * 64])
    net = Net(masked(lambda b, h, i, j: net.documents[b, i] == net.documents[b, j]))
    net.register_buffer("documents", lengths)
    report = netscope.summary(net, args=(torch.rand(1, 2, 128, 16),))
    assert report.macs == FULL
    assert report.root.causal_macs in (FULL, FULL // 2)  # where the buffer's values are kept


# torch.compile


def fails(graph: Any, inputs: Any) -> Any:
    raise AssertionError("compiled")


def wrapped(**how: Any) -> Callable[..., Any]:
    return torch.compile(lambda layer, x: layer(x) @ x.T, backend=fails, **how)


@pytest.mark.parametrize(
    "run",
    [
        wrapped(),
        wrapped(fullgraph=True),
        wrapped(dynamic=True),
        lambda layer, x: torch.compile(lambda y: layer(y) @ y.T, backend=fails)(x),
    ],
)
def test_nothing_is_compiled(run: Callable[..., Any]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert counted(run).macs == TURN + 2 * 2 * 4


def test_modules_that_are_compiled():
    whole = torch.compile(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), backend=fails)
    part = nn.Sequential(torch.compile(nn.Linear(4, 4), backend=fails), nn.Linear(4, 4))
    in_place = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    in_place[0].compile(backend=fails)
    for net in (whole, part, in_place):
        assert netscope.summary(net, args=(torch.rand(2, 4),)).macs == 2 * TURN
    with pytest.raises(Exception, match="compiled"):
        whole(torch.rand(2, 4))  # by its owner it is, as before


def test_other_threads_compile_meanwhile(tmp_path: Path):
    def compiles(graph: Any, inputs: Any) -> Any:
        # To a file: what lists outside hold is put back after a trace.
        (tmp_path / threading.current_thread().name).touch()
        return graph.forward

    plus_one = torch.compile(lambda x: x + 1, backend=compiles)

    def run(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        plus_one(x)
        other = threading.Thread(target=plus_one, args=(torch.rand(3),), name="other")
        other.start()
        other.join()
        return layer(x)

    counted(run)
    assert [file.name for file in tmp_path.iterdir()] == ["other"]
    stance = torch._dynamo.eval_frame._stance
    assert type(stance).__module__ == "torch._dynamo.eval_frame"
    assert stance.stance == "default"
