"""The largest that fits: the search by itself, what varies, and networks whose bytes are counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import netscope
from netscope.answers.memory.changes import checkpoints
from netscope.answers.memory.fit import BOUND, asked, length_of, search, with_length
from netscope.base.errors import TraceError, UsageError
from netscope.base.workload import TensorSpec, Workload
from netscope.report.memory import Fit
from netscope.report.report import Report

KIB, MIB, GIB = 2**10, 2**20, 2**30


def fit_of(report: Report) -> Fit:
    assert report.memory is not None
    assert report.memory.fit is not None
    return report.memory.fit


# The search


def test_a_straight_line_takes_four_tries() -> None:
    # 100 + 7 n <= 1000 up to n = 128, where it is 996; at 129 it is 1003.
    found = search(lambda n: 100 + 7 * n, 1000)
    assert found.largest == 128
    assert {n: found.tried[n] for n in (128, 129)} == {128: 996, 129: 1003}
    # And two behind the answer: the size after the next, and the next one that eight divides.
    assert set(found.tried) == {1, 8, 128, 129, 130, 136}


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**4)), min_size=1, max_size=4),
    st.integers(1, 10**7),
    st.integers(1, 300),
)
def test_of_what_grows_it_finds_what_counting_finds(
    lines: list[tuple[int, int]], limit: int, start: int
) -> None:
    def peak(n: int) -> int:
        return max(fixed + each * n for fixed, each in lines)  # as the moments of a step are

    expected = min(max(0, (limit - fixed) // each) for fixed, each in lines)
    found = search(peak, limit, start)
    assert found.largest == min(expected, BOUND)
    assert len(found.tried) < 40


@given(st.integers(1, 10**6), st.integers(2, 4096), st.integers(1, 50))
def test_steps_that_go_down_again_do_not_fool_it(limit: int, segment: int, saw: int) -> None:
    def peak(n: int) -> int:
        return -(-(10 * n + saw * (n % 8)) // segment) * segment

    found = search(peak, limit)
    if found.largest:
        assert peak(found.largest) <= limit
    assert peak(found.largest + 1) > limit


def test_a_size_behind_the_first_that_does_not_fit_is_found() -> None:
    # 10 sizes fit, the 11th does not, and 12 up to 20 do.
    found = search(lambda n: 1000 if n == 11 or n > 20 else n, 100, 10)
    assert found.largest == 20


def test_not_even_one_and_more_than_anybody_asks_for() -> None:
    none = search(lambda n: 2000 + n, 1000)
    assert (none.largest, none.tried) == (0, {1: 2001})
    assert search(lambda n: 10, 1000).largest == BOUND
    assert search(lambda n: n, 1000, bound=16).largest == 16


def test_sizes_that_the_network_refuses_end_it() -> None:
    def peak(n: int) -> int:
        if n > 77:
            raise TraceError("too long")
        return n

    found = search(peak, 10**6)
    assert found.largest == 77
    assert found.tried[78] is None
    assert found.refused is not None
    assert "too long" in found.refused


def test_where_one_alone_cannot_be_trained_two_are_the_least() -> None:
    def peak(n: int) -> int:
        if n == 1:
            raise TraceError("no variance of one")
        return 10 * n

    found = search(peak, 1000)
    assert (found.largest, found.following, found.refused) == (100, 101, None)
    none = search(peak, 15)
    assert (none.largest, none.following, none.tried) == (0, 2, {1: None, 2: 20})


def test_a_network_that_fails_at_all_says_why() -> None:
    def peak(n: int) -> int:
        raise TraceError("never")

    with pytest.raises(TraceError, match="never"):
        search(peak, 10)


# What is asked


def test_amounts_are_those_of_limits_and_machines_have_theirs() -> None:
    assert asked("24GiB", "batch") == (24 * GIB, None, "batch")
    assert asked("80GB", "batch").limit == 80 * 10**9
    assert asked("1.5 GiB", "batch").limit == 3 * 512 * MIB
    assert asked(2**31, "sequence") == (2**31, None, "sequence")
    assert asked("h200", "batch") == (141 * GIB, "h200", "batch")
    assert asked("RTX 4090", "batch") == (24 * GIB, "rtx-4090", "batch")


@pytest.mark.parametrize("text", ["24", "24XB", "-1GiB", "1e99GiB", "h9000", "", "1GiB2"])
def test_what_is_no_amount_is_said(text: str) -> None:
    with pytest.raises(UsageError):
        asked(text, "batch")


def test_only_what_can_vary_can() -> None:
    with pytest.raises(UsageError, match="depth"):
        asked("24GiB", "depth")


def test_the_length_stands_wherever_the_input_has_it() -> None:
    workload = Workload(
        "n",
        nn.Identity(),
        (TensorSpec((2, 3, 16, 16)),),
        {
            "ids": TensorSpec((2, 128), "int64"),
            "mask": TensorSpec((2, 1, 128, 128), "bool"),
            "past": [TensorSpec((2, 7), "int64")],
            "features": TensorSpec((2, 128, 128)),
        },
    )
    assert length_of(workload) == 128
    longer = with_length(workload, 300)
    assert longer.args == workload.args
    assert longer.kwargs == {
        "ids": TensorSpec((2, 300), "int64"),
        "mask": TensorSpec((2, 1, 300, 300), "bool"),
        "past": [TensorSpec((2, 7), "int64")],
        "features": TensorSpec((2, 300, 128)),
    }
    assert length_of(Workload("n", nn.Identity(), (TensorSpec((2, 3, 16, 16)),))) is None


# By hand


def test_a_layer_by_hand() -> None:
    # 256 KiB of weights, and for each sample 1 KiB that goes in and 1 KiB that comes out.
    report = netscope.memory(nn.Linear(256, 256, bias=False), input=(256,), fit="1MiB", device="cpu")
    fit = fit_of(report)
    assert (fit.largest, fit.peak, fit.next_peak) == (384, MIB, MIB + 2 * KIB)
    assert (fit.at_rest, fit.measure) == (257 * KIB, "allocated")  # with the input of one
    assert fit.macs == 384 * 256 * 256


def test_a_layer_on_a_gpu_by_hand() -> None:
    # 32 MiB are cuBLAS's. 4 MiB of weights lie in a segment of 20 MiB. What goes in and what comes out has a
    # segment each once it is of 10 MiB and more, in steps of 2 MiB: of 22 MiB, which are 5,632 samples of
    # 4 KiB, both fit beside it.
    report = netscope.memory(nn.Linear(1024, 1024, bias=False), input=(1024,), fit="96MiB", device="cuda")
    fit = fit_of(report)
    assert (fit.largest, fit.peak, fit.next_peak) == (5632, 96 * MIB, 100 * MIB)
    assert fit.measure == "reserved"


class Blocks(nn.Module):
    """Three blocks of two layers, and one that is none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(64, 64, bias=False), nn.Tanh(), nn.Linear(64, 64, bias=False))
            for _ in range(3)
        )
        self.head = nn.Linear(64, 8, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.head(x)
        return y


def test_what_a_change_saves_and_costs_by_hand() -> None:
    report = netscope.memory(Blocks(), input=(64,), batch=4096, train=True, fit="16MiB", device="cpu")
    fit = fit_of(report)
    n = fit.size
    assert n == max(4096, fit.largest)
    layer, head = 64 * 64 * n, 64 * 8 * n
    # Forward, and two products of that size backward but for the gradient of the input.
    assert fit.macs == 3 * (6 * layer + head) - layer
    changes = {change.typed: change for change in fit.changes}
    again = changes["--checkpoint 'blocks.*'"]
    # The last layer of a block is not computed again: all that its backward needs is there before it.
    assert again.macs == fit.macs + 3 * layer
    assert not again.arithmetic
    # Of n x 64 floats: kept are what comes out of each block and of each tanh, six, and the most is alive
    # when the head's backward makes a seventh beside n x 8 of logits and as many of their gradient. With
    # blocks that are computed again it is in the last block's backward: what came out of the two before it,
    # of its tanh, the gradient that comes in and the one that is made; the logits, and the gradient of the
    # block's weight.
    wide, logits, weight = n * 64 * 4, n * 8 * 4, 64 * 64 * 4
    assert again.saves == (7 * wide + 2 * logits) - (5 * wide + logits + weight)
    half = changes[f"--batch {n // 2} --accumulate 2"]
    assert half.macs == fit.macs
    assert not half.arithmetic
    assert changes["--amp bf16"].arithmetic
    assert [change.saves for change in fit.changes] == sorted((c.saves for c in fit.changes), reverse=True)
    assert all(change.peak == fit.size_peak - change.saves for change in fit.changes)
    searched = [change for change in fit.changes if change.largest is not None]
    assert len(searched) == 2
    assert all(change.largest > fit.largest for change in searched if change.largest is not None)


def test_patterns_choose_the_blocks_and_nothing_else() -> None:
    pytest.importorskip("transformers")

    def ways(name: str) -> list[tuple[str, ...]]:
        return checkpoints(netscope.memory(name, train=True, device="cpu"))

    assert ("layer?.*",) in ways("torchvision/resnet18")
    assert ways("torchvision/vit_b_16")[0] == ("encoder.layers.*",)
    report = netscope.memory(Blocks(), input=(64,), train=True, device="cpu")
    assert checkpoints(report) == [("blocks.*",)]
    assert checkpoints(netscope.memory(nn.Linear(4, 4), input=(4,), train=True, device="cpu")) == []


class Coder(nn.Module):
    """Two blocks each of two kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(Named(3) for _ in range(2))
        self.decoder = nn.ModuleList(nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for block in (*self.encoder, *self.decoder):
            x = block(x)
        return x


class Named(nn.Module):
    """Some layers of the same."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).tanh()
        return x


def test_blocks_of_two_kinds_are_tried_together_and_each_alone() -> None:
    found = checkpoints(netscope.memory(Coder(), input=(8,), batch=4, train=True, device="cpu"))
    assert found == [("encoder.*", "decoder.*"), ("encoder.*",), ("decoder.*",)]


def test_a_first_and_a_last_layer_of_another_type_go_with_the_blocks() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(8, 8), *(Named(2) for _ in range(3)), nn.Linear(8, 8)))
    report = netscope.memory(net, input=(8,), batch=4, train=True, device="cpu")
    assert checkpoints(report) == [("0.1", "0.2", "0.3")]
    net = nn.Sequential(nn.Sequential(nn.Linear(8, 8), *(Named(2) for _ in range(7)), nn.Linear(8, 8)))
    report = netscope.memory(net, input=(8,), batch=4, train=True, device="cpu")
    assert checkpoints(report) == [("0.*",)]  # seven patterns are too many to type


def test_a_sequence_as_long_as_its_positions() -> None:
    pytest.importorskip("transformers")
    options = {"n_layer": 1, "n_embd": 32, "n_head": 2, "vocab_size": 64, "n_positions": 48}
    report = netscope.memory(
        "hf/gpt2", options=options, input="16:int64", fit="1GiB", over="sequence", device="cpu"
    )
    fit = fit_of(report)
    assert (fit.over, fit.largest, fit.bound, fit.next_peak) == ("sequence", 48, 48, None)
    assert fit.bound_by == "max_position_embeddings"


def test_what_cannot_vary_is_said() -> None:
    with pytest.raises(UsageError, match="args"):
        netscope.memory(nn.Linear(8, 8), args=(torch.ones(2, 8),), fit="1GiB")
    with pytest.raises(UsageError, match="no sequence"):
        netscope.memory(nn.Conv2d(3, 8, 3), input="3x8x8", fit="1GiB", over="sequence")
    with pytest.raises(UsageError, match="Workload"):
        netscope.memory(Workload("n", nn.Linear(8, 8), (TensorSpec((2, 8)),)), fit="1GiB")
    report = netscope.memory(nn.Linear(8, 8), input=(8,), device="cpu")
    with pytest.raises(UsageError, match="report"):
        netscope.memory(report, fit="1GiB")


def test_it_is_saved_and_shown(tmp_path: Path) -> None:
    report = netscope.memory(Blocks(), input=(64,), batch=512, train=True, fit="4MiB", device="cpu")
    path = tmp_path / "report.json"
    report.to_json(path)
    again = netscope.load(path)
    assert fit_of(again) == fit_of(report)
    text = str(again)
    assert "largest batch" in text
    assert "--checkpoint 'blocks.*'" in report.to_markdown()
    none = netscope.memory(nn.Linear(1024, 1024), input=(1024,), fit="1MiB", device="cpu")
    assert fit_of(none).largest == 0
    assert "not even 1 fits in 1.000 MiB" in str(none)
