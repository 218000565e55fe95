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
