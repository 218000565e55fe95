"""What netscope says of each rank, held against arithmetic on paper and against real processes."""

from __future__ import annotations

from math import prod

import pytest

import netscope
from netscope.report.ranks import Traffic
from tests.ranks.figures import FIGURES, summed
from tests.ranks.networks import NETWORKS
from tests.ranks.test_by_hand import TABLE


def of_rank(name: str, sizes: tuple[int, ...], rank: int | str = "all") -> netscope.Report:
    network = NETWORKS[name]
    mesh = dict(zip(network.axes, sizes, strict=True))
    return netscope.summary(
        f"tests.ranks.networks:{name}", args=(network.input(),), mesh=mesh, rank=rank, train=True
    )


def before_optimizer(traffic: tuple[Traffic, ...]) -> tuple[Traffic, ...]:
    return summed(one for one in traffic if one.phase != "optimizer")


@pytest.mark.parametrize(("name", "sizes"), TABLE, ids=str)
def test_each_rank_has_does_and_sends_what_was_worked_out(name: str, sizes: tuple[int, ...]):
    for rank in range(prod(sizes)):
        report, figures = of_rank(name, sizes, rank), FIGURES[name](sizes, rank)
        assert report.ranks is not None
        assert report.rung == "meta"
        shapes = {
            f"{layer.path}.{name}".removeprefix("."): shape
            for layer in report.layers
            for name, shape in layer.parameter_shapes.items()
        }
        assert shapes == figures.shapes
        own = report.ranks.own
        assert (own.macs, own.backward_macs) == (figures.macs, figures.backward_macs)
        assert summed(own.traffic) == before_optimizer(figures.traffic)
        assert report.root.rank is not None
        assert report.root.rank.global_macs == figures.global_macs
        assert report.ranks.repeated == figures.repeated


@pytest.mark.parametrize(("name", "sizes"), TABLE, ids=str)
def test_all_ranks_together_do_the_work_of_the_whole_network(name: str, sizes: tuple[int, ...]):
    """Once for each batch, and what is repeated so often more."""
    report = of_rank(name, sizes)
    ranks, whole = report.ranks, report.root.rank
    assert ranks is not None
    assert whole is not None
    assert whole.global_macs is not None
    assert sorted(rank for kind in ranks.kinds for rank in kind.ranks) == list(range(prod(sizes)))
    batches = prod(axis.size for axis in ranks.mesh if axis.role == "data")
    again = sum((one.times - 1) * one.macs for one in ranks.repeated)
    assert ranks.macs == batches * (whole.global_macs + again)


def test_ten_words_over_32_ranks():
    """8 rows of keys end with rank 7, 10 words with 9, 16 numbers with 15, 24 features with 23."""
    report = netscope.summary("tests.ranks.networks:sharded", input="8:int64", batch=2, mesh="dp=32")
    assert report.ranks is not None
    assert [(kind.ranks[0], kind.ranks[-1]) for kind in report.ranks.kinds] == [
        (0, 7), (8, 9), (10, 15), (16, 23), (24, 31)
    ]  # fmt: skip
    for kind in report.ranks.kinds:
        figures = FIGURES["sharded"]((32,), kind.ranks[0])
        assert kind.params == sum(prod(shape) for shape in figures.shapes.values())
        assert (kind.macs, kind.backward_macs) == (figures.macs, figures.backward_macs)
        assert summed(kind.traffic) == before_optimizer(figures.traffic)
    assert report.ranks.kinds[-1].params == 0
