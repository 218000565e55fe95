from __future__ import annotations

import pytest
import torch
from torch import nn

import netscope
from netscope.base.errors import SourceError, UsageError


def net(width: int = 8) -> nn.Module:
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))


def test_names_modules_and_reports_can_be_compared() -> None:
    report = netscope.summary(net(), input="4")
    change = netscope.diff(report, net(16), input="4")
    assert isinstance(change, netscope.Diff)
    # (4 + 1) w + (w + 1) 2 parameters.
    assert (change.totals["params"].before, change.totals["params"].after) == (58, 114)
    assert change["0"].status == change["2"].status == "~"
    assert not netscope.diff(net(), net(), input=(4,))
    assert netscope.diff("lenet", "lenet", batch=2, batch_b=4).after.inputs[0].shape == (4, 1, 28, 28)


def test_one_network_in_two_ways() -> None:
    change = netscope.diff(net(), input="4", input_b="3x4")
    assert change.before.inputs[0].shape == (1, 4)
    assert change.after.inputs[0].shape == (1, 3, 4)
    options = netscope.diff("lenet", options_b={"num_classes": 3})
    assert (options.before.name, options.after.name) == ("lenet", "lenet num_classes=3")
    assert netscope.diff("lenet", train_b=True).after.training


def test_a_wrong_call() -> None:
    report = netscope.summary(net(), input="4")
    with pytest.raises(UsageError, match="a diff is of two networks") as caught:
        netscope.diff("lenet")
    assert caught.value.hint == (
        "name a second one, or give one of input_b=, batch_b=, dtype_b=, train_b=, options_b=, mesh_b="
    )
    with pytest.raises(UsageError, match="the second network is a saved report"):
        netscope.diff("lenet", report, batch_b=2)
    with pytest.raises(UsageError, match="both networks are saved reports"):
        netscope.diff(report, report, batch=2)
    with pytest.raises(SourceError, match="no model is named 'no_such_net'"):
        netscope.diff(report, "no_such_net")


def test_the_model_is_left_as_it_was() -> None:
    model = net().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    netscope.diff(model, input="4", input_b="3x4")
    assert model.training
    assert all((model.state_dict()[key] == value).all() for key, value in before.items())


def test_arguments_of_any_kind():
    layer = nn.Bilinear(3, 4, 2)
    small, large = ((torch.zeros(n, 3), torch.zeros(n, 4)) for n in (1, 5))
    found = netscope.diff(layer, args=small, args_b=large)
    assert [pair.after.output_shape for pair in found] == [(5, 2)]


def test_short_forms_for_a_debugger():
    found = netscope.diff("lenet", "alexnet")
    assert len(repr(found)) < 120
    assert repr(found.before).startswith("<Report of lenet: ")
