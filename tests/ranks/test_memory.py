"""What netscope predicts of a rank's memory, against what the allocator of real processes recorded."""

from __future__ import annotations

import pytest

import netscope
from netscope.base.errors import UsageError
from tests.ranks.networks import NETWORKS
from tests.ranks.processes import RealRanks
from tests.ranks.test_by_hand import TABLE

# Bytes of the root's parameters, made whole: of an embedding and a head of 10 words, and a norm.
# When a forward is over they stay, so that a process has had them before the next one.
ROOT = {"sharded": 336 * 4, "hybrid": 336 * 4, "tensor_and_data": (10 * 8 + 16 + 10 * 8) * 4}
# Rows are filled up to as many as ranks times the most that one has.
FILLED = {("sharded", (4,)): 400 * 4, ("tensor_and_data", (2, 2)): 208 * 4}


def predicted(name: str, sizes: tuple[int, ...], rank: int) -> netscope.Report:
    network = NETWORKS[name]
    return netscope.memory(
        f"tests.ranks.networks:{name}",
        args=(network.input(),),
        mesh=dict(zip(network.axes, sizes, strict=True)),
        rank=rank,
        train=True,
        device="cpu",
    )


def above_rest(name: str, sizes: tuple[int, ...], report: netscope.Report) -> tuple[int, int]:
    """The peaks of a forward and of a step of training, less what a process has had before them."""
    memory = report.memory
    assert memory is not None
    assert memory.training is not None
    assert memory.optimizer_state is not None
    whole = FILLED.get((name, sizes), ROOT.get(name, 0))
    at_rest = memory.parameters + memory.buffers + memory.inputs
    inference = memory.inference.peak - at_rest - whole
    return inference, memory.training.peak - at_rest - memory.optimizer_state


@pytest.mark.whole
@pytest.mark.parametrize(("name", "sizes"), TABLE, ids=str)
def test_a_rank_takes_what_a_real_process_does(name: str, sizes: tuple[int, ...], real_ranks: RealRanks):
    for rank, found in enumerate(real_ranks(name, sizes)):
        inference, training = above_rest(name, sizes, predicted(name, sizes, rank))
        assert found.inference is not None
        assert found.training is not None
        assert inference == pytest.approx(found.inference.with_gloo, rel=0.02)
        assert training == pytest.approx(found.training.with_gloo, rel=0.02)


def test_a_rank_of_many_is_asked_nothing_that_is_of_one():
    with pytest.raises(UsageError, match="not divided"):
        netscope.memory("tests.ranks.networks:mlp", input="6x16", mesh="tp=2", train=True, shard="fsdp")


@pytest.mark.slow
def test_the_largest_batch_is_that_of_the_rank_that_takes_most():
    """Found by whole steps: the next one does not fit."""
    llama, mesh = "examples/parallel/llama.py:small", {"dp": 2, "tp": 2}

    def peak(batch: int) -> int:
        report = netscope.memory(llama, input="16:int64", batch=batch, mesh=mesh, train=True, device="cpu")
        assert report.memory is not None
        assert report.memory.training is not None
        return report.memory.training.peak

    found = netscope.memory(llama, input="16:int64", mesh=mesh, train=True, device="cpu", fit="16MiB").memory
    assert found is not None
    assert found.fit is not None
    assert found.fit.largest > 1
    assert peak(found.fit.largest) <= 2**24 < peak(found.fit.largest + 1)
