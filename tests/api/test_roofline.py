"""`netscope.roofline` and `netscope.device_specs` as strangers call them."""

from __future__ import annotations

import pytest
from torch import nn

import netscope
from netscope import UsageError
from netscope.machine.timing.devices import SPECS


def test_a_bound_is_that_of_the_machine_and_the_batch() -> None:
    one = netscope.roofline("lenet", "h200", dtype="bf16")
    many = netscope.roofline("lenet", "h200", dtype="bf16", batch=64)
    assert one.roof is not None
    assert (one.roof.device, one.roof.dtype) == ("h200", "bf16")
    assert one.bound is not None
    assert many.bound is not None
    assert 0 < one.bound < many.bound


def test_a_report_that_was_made_is_handed_back_and_nothing_is_asked_of_it() -> None:
    made = netscope.roofline("lenet", "h200")
    assert netscope.roofline(made) is made
    with pytest.raises(UsageError, match="a report was made already"):
        netscope.roofline(made, "a100")
    with pytest.raises(UsageError, match="a report was made already"):
        netscope.roofline(made, batch=3)
    with pytest.raises(UsageError, match="was made without a machine"):
        netscope.roofline(netscope.summary("lenet"))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({}, "which machine"),
        ({"device_spec": "h20"}, "no device is named 'h20'"),
        ({"device_spec": "h200", "dtype": "int8"}, "int8"),
    ],
)
def test_a_wrong_call(call: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        netscope.roofline("lenet", **call)  # type: ignore[arg-type]


def test_a_module_is_computed_in_its_own_dtype() -> None:
    with pytest.raises(UsageError, match="dtype= is for models built from a name"):
        netscope.roofline(nn.Linear(3, 3), "h200", input="3", dtype="bf16")


def test_the_machines() -> None:
    machines = netscope.device_specs()
    assert [spec.name for spec in machines] == list(SPECS)
    assert len(machines) == len(SPECS)
    assert machines["h200"].bandwidth == 4.8e12
    with pytest.raises(KeyError):
        machines["h20"]
