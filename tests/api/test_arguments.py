"""Every verb takes what is natural in Python, and refuses the rest by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import netscope
from netscope import TensorSpec, UsageError, Workload
from netscope.testing import assert_budget, assert_macs, assert_params, assert_shapes


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc(x)
        return out


NET = Net()
QUICK: dict[str, Any] = {"input": 8, "max_time": 0.01, "warmup": 0, "device_spec": "none"}


def test_what_is_natural_is_taken(tmp_path: Path) -> None:
    size = netscope.summary(NET, input=torch.Size([8]), batch=np.int64(2))
    assert size.root.output_shape == (2, 4)
    assert netscope.summary("lenet", dtype=torch.float16).param_bytes == 2 * 61_610
    assert netscope.diff("lenet", dtype_b=torch.float16).totals["param_bytes"].ratio == -0.5
    assert [one.name for one in netscope.compare("lenet")] == ["lenet"]
    assert len(netscope.compare(nn.Sequential(nn.ReLU(), nn.ReLU()), input=(8,))) == 1
    assert {finding.code for finding in netscope.lint("lenet", select="NS202")} == {"NS202"}
    assert netscope.check("lenet", params=np.int64(61_610)).passed
    assert netscope.check_project(
        Path("lenet"), "params=61610", against=Path("lenet"), input=(1, 28, 28)
    ).passed
    spec = netscope.device_specs()["h200"]
    assert netscope.roofline("lenet", spec, dtype=torch.bfloat16).roof == (
        netscope.roofline("lenet", "h200", dtype="bf16").roof
    )
    path = tmp_path / "x.json"
    size.to_json(path)
    assert netscope.load(path) == netscope.load(str(path))
    assert size.to_csv(columns="params", only="Linear", top=np.int64(1)).count("\n") == 2
    assert_shapes(NET, {"fc": torch.Size([1, 4])}, input=np.array([8]))
    assert_params(NET, np.int64(36), input=8)
    assert_macs(NET, 32.0, input=8)  # type: ignore[arg-type]


def test_a_profile_takes_it_too() -> None:
    made = netscope.profile(NET, device=torch.device("cpu"), batch=np.int64(2), threads=np.int64(1), **QUICK)
    assert made.timing is not None
    assert made.root.output_shape == (2, 4)
    assert len(netscope.profile(NET, batch=np.array([1, 2]), **QUICK)) == 2


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "summary": (lambda: netscope.summary("lenet", train="no"), "train= is True or False, not 'no'."),
    "no network": (lambda: netscope.summary(b"lenet"), "a bytes is no network."),
    "a workload of none": (lambda: netscope.summary(Workload("x", 3)), "an int is no network."),
    "a workload of a class": (lambda: netscope.summary(Workload("x", Net)), "Net is a class, not a network."),
    "explain": (lambda: netscope.explain("lenet", 3), "layer= is a text, not 3."),
    "explain's request": (lambda: netscope.explain("lenet", batch=True), "a batch of True samples does not"),
    "lint": (lambda: netscope.lint("lenet", select=5), "select= is a list of texts, not 5."),
    "lint's items": (
        lambda: netscope.lint("lenet", ignore=[5]),
        "ignore= is a list of texts, and 5 is none.",
    ),
    "compare": (lambda: netscope.compare(3), "an int is no network."),
    "compare's dict": (lambda: netscope.compare({"a": NET}), "a dict is no network."),
    "compare's request": (
        lambda: netscope.compare(["lenet"], dtype=3),
        "dtype= is the name of a dtype, not 3.",
    ),
    "diff's dtype_b": (lambda: netscope.diff("lenet", dtype_b=3), "dtype_b= is the name of a dtype, not 3."),
    "diff's train_b": (lambda: netscope.diff("lenet", train_b="no"), "train_b= is True or False, not 'no'."),
    "diff's input_b": (
        lambda: netscope.diff(NET, input_b=torch.ones(8)),
        "input_b= takes sizes, not a Tensor.",
    ),
    "diff's args_b": (
        lambda: netscope.diff(NET, args_b=torch.ones(8)),
        "args_b= is a tuple of arguments, not ",
    ),
    "diff's options": (
        lambda: netscope.diff("lenet", "lenet", options=[1]),
        "options= maps names to values;",
    ),
    "check": (lambda: netscope.check("lenet", 5), "a limit is a text, not 5."),
    "check's number": (lambda: netscope.check("lenet", params=10**5000), "no params is that large."),
    "check's fail_if": (lambda: netscope.check("lenet", fail_if=5), "fail_if= is a list of texts, not 5."),
    "check's against": (lambda: netscope.check("lenet", params=1, against=5), "an int is no network."),
    "check_project": (
        lambda: netscope.check_project(NET, "params=1"),
        "model= is the name of an entry or of a ",
    ),
    "check_project's args": (
        lambda: netscope.check_project("lenet", "params=1", args=(1,)),
        "args=, kwargs= cannot be given for a name.",
    ),
    "check_project's options": (
        lambda: netscope.check_project("lenet", "params=1", options=5),
        "options= maps names to values; an int does not.",
    ),
    "check_project's path": (lambda: netscope.check_project("lenet", path=5), "path= is the name of a file,"),
    "models": (lambda: netscope.models(5), "pattern= is a text, not 5."),
    "load": (lambda: netscope.load(5), "path= is the name of a file, not 5."),
    "load's bytes": (lambda: netscope.load(b"x"), "path= is the name of a file, not b'x'."),
    "roofline": (lambda: netscope.roofline("lenet", 5), "device_spec= is a text, not 5."),
    "roofline's none": (lambda: netscope.roofline("lenet"), "which machine? Give device_spec=."),
    "roofline's batch": (
        lambda: netscope.roofline("lenet", "h200", batch="2"),
        "a batch of '2' samples does",
    ),
    "roofline's args": (
        lambda: netscope.roofline("lenet", "h200", args=5),
        "args= is a tuple of arguments, not 5.",
    ),
    "profile's device": (
        lambda: netscope.profile(NET, device=5, **QUICK),
        "device= is the name of a device, not 5.",
    ),
    "profile's kind": (
        lambda: netscope.profile(NET, device=torch.device("meta"), **QUICK),
        "'meta' cannot be measured.",
    ),
    "profile's threads": (lambda: netscope.profile(NET, threads="x", **QUICK), "'x' threads cannot compute."),
    "too many threads": (
        lambda: netscope.profile(NET, threads=10**5, **QUICK),
        "100000 threads cannot compute.",
    ),
    "profile's batch": (
        lambda: netscope.profile(NET, batch=True, **QUICK),
        "a batch of True samples does not",
    ),
    "profile's batches": (
        lambda: netscope.profile(NET, batch=[1, "x"], **QUICK),
        "batches are whole numbers",
    ),
    "profile's flag": (
        lambda: netscope.profile(NET, compile="no", **QUICK),
        "compile= is True or False, not 'no'.",
    ),
    "profile's time": (
        lambda: netscope.profile(NET, min_time="x", **QUICK),
        "the least time must be seconds, 0 or more, not 'x'.",
    ),
    "profile's optimizer": (
        lambda: netscope.profile(NET, train=True, optimizer=torch.optim.SGD, **QUICK),
        "optimizer= is a text, not the class SGD.",
    ),
    "profile's watch": (lambda: netscope.profile(NET, watch=5, **QUICK), "watch= is a function, not 5."),
    "assert_shapes": (
        lambda: assert_shapes(NET, (1, 4), input=8),
        "expected= maps names to shapes; a tuple does",
    ),
    "assert_shapes' shape": (
        lambda: assert_shapes(NET, {"fc": 4}, input=8),
        "expected= is of shapes, not 4.",
    ),
    "assert_params": (lambda: assert_params(NET, "36", input=8), "expected= is a whole number, not '36'."),
    "assert_macs": (
        lambda: assert_macs(NET, {"fc": None}, input=8),
        "expected= is a whole number, not None.",
    ),
    "assert_budget": (lambda: assert_budget(NET, 5, input=8), "a limit is a text, not 5."),
    "a spec": (
        lambda: netscope.summary(NET, args=(TensorSpec("8"),)),
        "a TensorSpec's shape is a tuple of sizes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_is_refused_by_name_with_what_to_write(case: str) -> None:
    call, says = REFUSED[case]
    with pytest.raises(UsageError) as caught:
        call()
    assert caught.value.message.startswith(says)
    if case != "profile's time":
        assert caught.value.hint


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ({"depth": "x"}, "depth= is a whole number, not 'x'."),
        ({"top": 1.5}, "top= is a whole number, not 1.5."),
        ({"columns": 5}, "columns= is a list of texts, not 5."),
        ({"only": 5}, "only= is a list of texts, not 5."),
        ({"layers": 5}, "layers= is a text, not 5."),
        ({"sort": 5}, "sort= is a text, not 5."),
        ({"path": 5}, "path= is the name of a file, not 5."),
    ],
)
def test_what_chooses_rows_and_columns_is_read_alike(view: dict[str, Any], says: str) -> None:
    report = netscope.summary(NET, input=8)
    with pytest.raises(UsageError) as caught:
        report.to_csv(**view)
    assert caught.value.message == says
    with pytest.raises(UsageError, match="format= is a text, not None"):
        report.to(None)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="Net has no layer 0"):
        report[0]  # type: ignore[index]


@pytest.mark.parametrize("usual", [torch.float64, torch.bfloat16])
def test_inputs_are_of_torchs_default_dtype_where_the_network_is(usual: torch.dtype) -> None:
    before, name = torch.get_default_dtype(), str(usual).removeprefix("torch.")
    try:
        torch.set_default_dtype(usual)
        for model in ("lenet", "torchvision/alexnet"):
            assert netscope.summary(model).inputs[0].dtype == name
        assert netscope.summary("lenet", input="1x28x28").inputs[0].dtype == name
        assert netscope.summary("lenet", dtype="float32").inputs[0].dtype == "float32"
        assert netscope.summary(nn.Linear(8, 4), input="8").inputs[0].dtype == name
        assert netscope.summary(NET, input="8").inputs[0].dtype == "float32"  # it was made before
    finally:
        torch.set_default_dtype(before)
