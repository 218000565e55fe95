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
from netscope.base.workload import parse_input
from netscope.sources import resolve
from netscope.zoo.catalog import ZOO

SEED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "seed_models.json").read_text(encoding="utf-8")
)
# Networks of the file that are others of the zoo with an option.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet_half_asym": ("alexnet_half", {"asymmetric": True}),
    "alexnet_flowers": ("alexnet_224", {"num_classes": 5}),
}
NAMES = sorted(SEED)


def named(name: str) -> tuple[str, dict[str, Any]]:
    """The zoo's name and options of a network of the file."""
    return VARIANTS.get(name, (name, {}))


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


@pytest.mark.whole
@pytest.mark.parametrize("name", NAMES)
def test_a_real_run_has_the_hand_computed_rows(name: str):
    known, options = named(name)
    assert rows_by_hooks(zoo.factory(known)(**options), SEED[name]["input"]) == SEED[name]["layers"]


@pytest.mark.parametrize("name", NAMES)
def test_the_report_has_the_hand_computed_rows(name: str):
    known, options = named(name)
    report = netscope.summary(known, options=options)
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
    known, _ = named(name)
    assert list(parse_input(ZOO[known].example)[1].shape) == SEED[name]["input"]
    assert list(resolve(known, batch=3).args[0].shape) == [3, *SEED[name]["input"]]


BLOCKS = {"alexnet_deconv", "basic_block", "inception_block"}


@pytest.mark.parametrize("name", sorted(ZOO))
def test_each_says_paper_and_year_and_can_be_summarised(name: str):
    doc = zoo.factory(name).__doc__ or ""
    assert any(str(year) in doc for year in range(1985, 2030))
    assert "Returns a module from (" in doc
    assert "20" in ZOO[name].description or "19" in ZOO[name].description
    report = netscope.summary(name, batch=2)
    assert report.unknown == {}
    assert report.source == "zoo"
    assert report.root.output_shape is not None
    assert report.root.output_shape[0] == 2


@pytest.mark.parametrize("name", sorted(ZOO.keys() - BLOCKS))
def test_each_classifier_takes_a_number_of_classes(name: str):
    assert "to logits (N, num_classes)" in (zoo.factory(name).__doc__ or "")
    last = list(resolve(name, options={"num_classes": 7}).module.modules())[-1]
    assert isinstance(last, nn.Linear)
    assert last.out_features == 7


def test_grouped_convolutions_see_half_of_the_maps():
    whole, halves = netscope.summary("alexnet"), netscope.summary("alexnet_grouped")
    for name in ("conv2", "conv4", "conv5"):
        one, other = whole[f"features.{name}"], halves[f"features.{name}"]
        assert one.macs is not None
        assert other.macs == one.macs // 2
    assert whole["features.conv3"].macs == halves["features.conv3"].macs


def test_mnist_cnn_is_what_the_lesson_says():
    report = netscope.summary("mnist_cnn")
    sides = [layer.output_shape[2] for layer in report if layer.path.startswith("features.")]  # type: ignore[index]
    assert sides == [26, 26, 26, 24, 24, 24, 12, 10, 10, 10, 8, 8, 8, 4]
    convolutions = (9 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 128
    norms = 2 * (16 + 32 + 64 + 128)
    linears = (2048 + 1) * 1024 + (1024 + 1) * 128 + (128 + 1) * 10
    assert report.params == convolutions + norms + linears == 2_328_298


def test_inception_block_concatenates_its_branches():
    report = netscope.summary("inception_block")
    assert report.root.output_shape == (1, 64 + 64 + 96 + 32, 35, 35)
    weights = 192 * 64 + (192 * 48 + 25 * 48 * 64) + (192 * 64 + 9 * 64 * 96 + 9 * 96 * 96) + 192 * 32
    assert report.macs == weights * 35 * 35
    assert report.params == weights + 2 * (64 + 48 + 64 + 64 + 96 + 96 + 32) == 255_904
    assert report["branch3x3.1.bn"].hyperparameters["eps"] == 0.001
    wider = netscope.summary("inception_block", options={"in_channels": 256, "pool_features": 64})
    assert wider.root.output_shape == (1, 288, 35, 35)


def test_basic_block_projects_where_the_shape_changes():
    assert netscope.summary("basic_block").params == 2 * (9 * 64 * 64 + 2 * 64)
    for kernel in (1, 3):
        options = {"out_channels": 128, "stride": 2, "projection": kernel}
        report = netscope.summary("basic_block", options=options)
        assert report.root.output_shape == (1, 128, 28, 28)
        assert report["shortcut.conv"].params == kernel**2 * 64 * 128


@pytest.mark.parametrize(("length", "layers"), [(3, 20), (5, 32)])
def test_cifar_resnet_takes_the_lengths_of_its_stages(length: int, layers: int):
    report = netscope.summary("cifar_resnet", options={"stages": (length,) * 3})
    shortcuts = sum(layer.path.endswith("shortcut.conv") for layer in report)
    assert report.weight_layers - shortcuts == layers == 6 * length + 2
    assert shortcuts == 2
    assert report["stage3"].output_shape == (1, 64, 8, 8)


def test_the_zoo_hands_out_its_functions_by_name():
    assert zoo.__all__ == sorted(ZOO)
    assert zoo.lenet().flatten is not None
    with pytest.raises(AttributeError, match="no attribute 'lenett'"):
        zoo.lenett
