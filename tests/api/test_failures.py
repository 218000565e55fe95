"""What is said of a forward that fails: that it is the model's own only where it ran for real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import netscope


class Net(nn.Module):
    """A Linear(4, 4), a count, and a forward that is given."""

    def __init__(self, run: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("n", torch.tensor(2))
        self.run = run

    def forward(self, x: torch.Tensor) -> Any:
        return self.run(self, x)


def on_meta(run: Callable[..., Any]) -> Net:
    with torch.device("meta"):
        return Net(run)


READS: dict[str, Callable[..., Any]] = {
    "item": lambda net, x: net.layer(x)[:, : net.n.item()],
    "int": lambda net, x: net.layer(x)[:, : int(net.n)],
    "a branch on data": lambda net, x: net.layer(x) if net.layer(x).sum() > 0 else x,
    "a list": lambda net, x: net.layer(x)[:, : net.layer.bias.long().tolist()[0]],
}


@pytest.mark.parametrize("how", [{"args": (torch.rand(2, 4),)}, {"input": "4"}], ids=["args", "input"])
@pytest.mark.parametrize("run", READS.values(), ids=READS)
def test_values_that_a_module_on_meta_does_not_have_are_not_its_fault(
    run: Callable[..., Any], how: dict[str, Any]
):
    with pytest.raises(netscope.TraceError) as caught:
        netscope.summary(on_meta(run), **how)
    said = str(caught.value)
    assert "in the model itself" not in said
    assert "the module's own tensors are on meta" in said
    assert not isinstance(caught.value.__cause__, NameError)


@pytest.mark.parametrize("run", READS.values(), ids=READS)
def test_with_values_they_are_traced(run: Callable[..., Any]):
    netscope.summary(Net(run), args=(torch.rand(2, 4),))


def test_a_module_on_meta_that_asks_for_none_is_traced():
    report = netscope.summary(on_meta(lambda net, x: net.layer(x)), args=(torch.rand(2, 4),))
    assert (report.macs, report.rung) == (32, "meta")


def wrong(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.layer(x) + torch.ones(7)


def test_an_error_of_the_owners_is_said_to_be():
    net, x = Net(wrong), torch.rand(2, 4)
    with pytest.raises(RuntimeError, match="size of tensor") as own:
        net(x)
    with pytest.raises(netscope.TraceError, match="in the model itself") as caught:
        netscope.summary(net, args=(x,))
    assert str(own.value) in str(caught.value)


def test_of_one_on_meta_the_error_is_told_and_not_whose_it_is():
    with pytest.raises(netscope.TraceError, match=r"size of tensor|broadcast") as caught:
        netscope.summary(on_meta(wrong), args=(torch.rand(2, 4),))
    assert "in the model itself" not in str(caught.value)


# A kernel that is there for real tensors alone.
LIBRARY = torch.library.Library("netscope_failures", "DEF")
LIBRARY.define("doubled(Tensor x) -> Tensor")
LIBRARY.impl("doubled", lambda x: x + x.numpy().shape[0], "CPU")


class Kernel(nn.Module):
    """Runs that kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = torch.ops.netscope_failures.doubled(x)
        return self.layer(made)


def test_what_no_rung_but_the_real_one_has_is_no_error_of_a_names(tmp_path: Path):
    (tmp_path / "nets.py").write_text("from tests.api.test_failures import Kernel\n")
    for model in (f"{tmp_path / 'nets.py'}:Kernel", Kernel()):
        report = netscope.summary(model, input="4")
        assert report.rung == "real"
        assert report["layer"].macs == 16


@pytest.mark.parametrize(
    ("change", "dtype"),
    [("half", "float16"), ("bfloat16", "bfloat16"), ("double", "float64"), ("float", "float32")],
)
def test_inputs_are_of_the_networks_dtype(change: str, dtype: str):
    net = getattr(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), change)()
    report = netscope.summary(net, input="3x8x8")
    assert [one.dtype for one in report.inputs] == [dtype]
    made = net(torch.rand(1, 3, 8, 8).to(getattr(torch, dtype)))
    assert report.output_bytes == 2 * made.nbytes
    assert netscope.summary(net.float(), input="3x8x8:float32").output_bytes == 2 * 4 * made.numel()


def test_integers_stay_integers_and_mixed_networks_go_by_the_first():
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(8, 4).half()
            self.norm = nn.LayerNorm(4).half()

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.norm(self.table(ids))

    assert netscope.summary(Words(), input="5:int64").inputs[0].dtype == "int64"
    mixed = nn.Sequential(nn.Linear(4, 4).half(), nn.ReLU())
    mixed.append(nn.LayerNorm(4).float())
    with pytest.raises(netscope.TraceError):  # as by its owner
        netscope.summary(mixed, input="4")


def test_a_default_of_double_is_that_of_a_named_network():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        report = netscope.summary("lenet")
    finally:
        torch.set_default_dtype(before)
    single = netscope.summary("lenet")
    assert report.inputs[0].dtype == "float64"
    assert (report.macs, report.output_bytes) == (single.macs, 2 * single.output_bytes)
    assert report.param_bytes == 8 * report.params


def test_autocast_on_the_inputs_device_ends_no_trace():
    def run(net: Net, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return net.layer(x)

    def by_weight(net: Net, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(net.layer.weight.device.type, dtype=torch.bfloat16):
            return net.layer(x)

    for net in (Net(run), Net(by_weight), on_meta(run), on_meta(by_weight)):
        assert netscope.summary(net, args=(torch.rand(2, 4),)).macs == 32
