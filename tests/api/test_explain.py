"""`netscope.explain` as strangers call it."""

from __future__ import annotations

import pytest
from torch import nn

import netscope
from netscope import TraceError, UsageError


def test_of_a_name_a_module_and_a_report() -> None:
    (conv,) = netscope.explain("lenet", "conv1", batch=2)
    assert conv.layer.output_shape[0] == 2
    net = nn.Sequential(nn.Linear(4, 3))
    (linear,) = netscope.explain(net, "0", input="4")
    assert linear.layer.params == 4 * 3 + 3
    assert [one.layer.path for one in netscope.explain(netscope.summary(net, input="4"), "0")] == ["0"]


def test_of_a_forward_that_raises_the_report_up_to_there_can_be_explained() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(2, 2))
    with pytest.raises(TraceError) as caught:
        netscope.explain(net, "0", input="4")
    assert caught.value.report is not None
    assert len(netscope.explain(caught.value.report, "0")) == 1


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="conv9"):
        netscope.explain("lenet", "conv9")
