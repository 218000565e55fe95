"""A module that its owner has divided, and goes on training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import netscope
from netscope.base.errors import UsageError
from netscope.base.meta.world import World, standing_for
from tests.ranks.figures import FIGURES, summed
from tests.ranks.networks import NETWORKS
from tests.ranks.test_summary import before_optimizer


@pytest.fixture
def world() -> Iterator[World]:
    with standing_for((("dp", 4),), 0) as world:
        yield world


def parts(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    named = module.named_parameters()
    return {name: getattr(one, "_local_tensor", one).detach().clone() for name, one in named}


def test_it_is_understood_before_between_and_after_its_steps(world: World):
    network = NETWORKS["sharded"]
    module, value = network.factory(world.device_mesh()), network.input()
    figures = FIGURES["sharded"]((4,), 0)

    def check() -> None:
        before, states = parts(module), [type(one) for one in module.modules()]
        report = netscope.summary(module, args=(value,))
        assert report.ranks is not None
        own = report.ranks.own
        assert (own.macs, own.backward_macs) == (figures.macs, figures.backward_macs)
        assert summed(own.traffic) == before_optimizer(figures.traffic)
        assert own.params == sum(torch.Size(shape).numel() for shape in figures.shapes.values())
        after = parts(module)
        assert before.keys() == after.keys()
        assert all(torch.equal(one, after[name]) for name, one in before.items())
        assert states == [type(one) for one in module.modules()]

    check()
    optimizer = torch.optim.AdamW(module.parameters())
    for _ in range(2):
        module(value).mean().backward()
        check()
        optimizer.step()
        optimizer.zero_grad()
    check()
    with torch.no_grad():  # leaves the root's parameters whole
        module(value)
    check()
    peak = netscope.memory(module, args=(value,), train=True, device="cpu").training_peak
    fresh = netscope.memory(
        network.factory(world.device_mesh()), args=(value,), train=True, device="cpu"
    ).training_peak
    assert peak == fresh


def test_only_a_factory_is_given_a_mesh(world: World):
    module = NETWORKS["sharded"].factory(world.device_mesh())
    with pytest.raises(UsageError, match="factory"):
        netscope.summary(module, input="8:int64", mesh="dp=4")
