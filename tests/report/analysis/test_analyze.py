"""From a trace to rows: what each row says of its own part."""

from __future__ import annotations

import dataclasses
import pickle

import torch
from torch import Tensor, nn

from netscope import summary
from netscope.report.layer import Layer


class Tied(nn.Module):
    """One weight under two names of one module, and a layer with a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4, bias=False)
        self.one = nn.Parameter(torch.zeros(4, 4))
        self.other = self.one

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) @ self.one @ self.other


def test_a_weight_that_a_module_holds_twice_is_its_own_once():
    report = summary(Tied(), input="4")
    assert report.params == 2 * 16
    assert {layer.path: layer.own_params for layer in report.layers} == {
        "": 16,
        "inner": 16,
        "(functional)": 0,
    }
    assert [p.shared_with for p in report.root.parameters] == [None, "one"]


def test_rows_are_what_the_constructor_makes_of_their_fields():
    for layer in summary(Tied(), input="4").layers:
        fields = {field.name: getattr(layer, field.name) for field in dataclasses.fields(Layer)}
        assert Layer(**fields) == layer
        assert repr(Layer(**fields)) == repr(layer)
        assert pickle.loads(pickle.dumps(layer)) == layer
