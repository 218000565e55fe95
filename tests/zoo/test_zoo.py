"""The zoo, row by row against figures that were worked out by hand and not by torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import netscope
from netscope import zoo
from netscope.sources import resolve
from netscope.workload import parse_input
from netscope.zoo.catalog import ZOO

SEED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "seed_models.json").read_text(encoding="utf-8")
)
NAMES = sorted(ZOO.keys() & SEED.keys())


def rows_by_hooks(module: nn.Module, shape: list[int]) -> list[dict[str, Any]]:
    """What the leaves of a really built and really run network say, Dropout aside."""
    rows: list[dict[str, Any]] = []

    def record(leaf: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        weight, bias = getattr(leaf, "weight", None), getattr(leaf, "bias", None)
        macs = 0
        if isinstance(leaf, nn.Conv2d):
            assert weight is not None
            macs = output[0].numel() * weight[0].numel()
        elif isinstance(leaf, nn.Linear):
            macs = leaf.in_features * leaf.out_features
        rows.append(
            {
                "type": type(leaf).__name__,
                "output": list(output.shape[1:]),
                "weight": None if weight is None else list(weight.shape),
                "bias": None if bias is None else list(bias.shape),
                "params": sum(parameter.numel() for parameter in leaf.parameters()),
                "macs": macs,
            }
        )

    for leaf in module.modules():
        if not list(leaf.children()) and not isinstance(leaf, nn.Dropout):
            leaf.register_forward_hook(record)
    with torch.no_grad():
        module.eval()(torch.rand(1, *shape))
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_a_real_run_has_the_hand_computed_rows(name: str):
    assert rows_by_hooks(zoo.factory(name)(), SEED[name]["input"]) == SEED[name]["layers"]


@pytest.mark.parametrize("name", NAMES)
def test_the_report_has_the_hand_computed_rows(name: str):
    report = netscope.summary(name)
    leaves = [
        {
            "type": layer.type,
            "output": list((layer.output_shape or ())[1:]),
            "weight": None if layer.weight_shape is None else list(layer.weight_shape),
            "bias": None if layer.bias_shape is None else list(layer.bias_shape),
            "params": layer.params,
            "macs": layer.macs,
        }
        for layer in report
        if layer.type not in ("Sequential", "Dropout")
    ]
    assert leaves == SEED[name]["layers"]
    assert (report.params, report.macs) == (SEED[name]["params"], SEED[name]["macs"])


@pytest.mark.parametrize("name", NAMES)
def test_the_example_input_is_the_hand_computed_one(name: str):
    assert list(parse_input(ZOO[name].example)[1].shape) == SEED[name]["input"]
    assert list(resolve(name, batch=3).args[0].shape) == [3, *SEED[name]["input"]]


@pytest.mark.parametrize("name", sorted(ZOO))
def test_each_says_paper_and_year_and_takes_a_number_of_classes(name: str):
    doc = zoo.factory(name).__doc__ or ""
    assert any(str(year) in doc for year in range(1985, 2030))
    assert "to logits (N, num_classes)" in doc
    assert "20" in ZOO[name].description or "19" in ZOO[name].description
    last = list(resolve(name, options={"num_classes": 7}).module.modules())[-1]
    assert isinstance(last, nn.Linear)
    assert last.out_features == 7


def test_the_zoo_hands_out_its_functions_by_name():
    assert zoo.__all__ == sorted(ZOO)
    assert zoo.lenet().flatten is not None
    with pytest.raises(AttributeError, match="no attribute 'lenett'"):
        zoo.lenett
