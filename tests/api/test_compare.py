"""`netscope.compare` as strangers call it."""

from __future__ import annotations

import pickle

import pytest
from torch import nn

import netscope
from netscope.base.errors import SourceError, UsageError


def test_a_comparison_records_what_failed() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    found = netscope.compare(["lenet", "no_such_net", netscope.summary(net, input="4")])
    assert isinstance(found, netscope.Comparison)
    assert [variant.name for variant in found] == ["lenet", "no_such_net", "Sequential"]
    (failed,) = found.failed
    assert failed.error.startswith("no model is named 'no_such_net'.")
    assert isinstance(failed.failure, SourceError)
    # (4 + 1) 8 + (8 + 1) 2 parameters.
    assert found[2].quantities["params"] == 58


def test_what_is_said_is_said_of_all_but_of_those_that_have_it() -> None:
    made = netscope.summary("lenet", batch=2)
    batches = [variant.report and variant.report.inputs[0].shape[0] for variant in netscope.compare([made])]
    assert batches == [2]
    found = netscope.compare([made, "lenet"], batch=5)
    assert [variant.report and variant.report.inputs[0].shape[0] for variant in found] == [2, 5]


def test_all_that_fail_and_none() -> None:
    with pytest.raises(SourceError, match="no model is named 'a_b_c_d'"):
        netscope.compare(["a_b_c_d", "e_f_g_h"])
    with pytest.raises(UsageError, match="nothing to compare"):
        netscope.compare([])


def test_a_comparison_with_a_failure_can_be_sent_elsewhere() -> None:
    found = netscope.compare(["lenet", "no_such_net"])
    assert pickle.loads(pickle.dumps(found)) == found
