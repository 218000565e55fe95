"""Whole networks: every formula of every layer comes to the traced figure."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import netscope
from netscope.zoo.catalog import ZOO
from tests.answers.explain.support import holds, surprises

SEED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "seed_models.json").read_text(encoding="utf-8")
)
VARIANTS = {
    "alexnet_half_asym": ("alexnet_half", {"asymmetric": True}),
    "alexnet_flowers": ("alexnet_224", {"num_classes": 5}),
}


@pytest.mark.parametrize("name", sorted(ZOO))
@pytest.mark.parametrize("batch", [1, 3])
def test_the_zoo(name: str, batch: int):
    report = netscope.summary(name, batch=batch)
    holds(report)
    assert surprises(report) == []


@pytest.mark.parametrize(
    "name",
    ["alexnet", "googlenet", "resnet18", "mobilenet_v2", "densenet121", "shufflenet_v2_x0_5", "convnext_tiny",
     "vit_b_32", "swin_t", "efficientnet_b0", "fcn_resnet50", "r3d_18"],
)  # fmt: skip
def test_torchvision(name: str):
    holds(netscope.summary(f"torchvision/{name}"))


@pytest.mark.parametrize("name", sorted(SEED))
def test_the_hand_computed_figures_row_by_row(name: str):
    known, options = VARIANTS.get(name, (name, {}))
    explanations = netscope.explain(known, options=options)
    leaves = [e for e in explanations if not e.parts and e.layer.type != "Dropout"]
    for said, row in zip(leaves, SEED[name]["layers"], strict=True):
        assert said["params"].value == row["params"]
        assert said["macs"].value == row["macs"]
        assert said["output_elements"].value == math.prod(row["output"])
        if row["type"] in ("Conv2d", "MaxPool2d"):
            assert said["output_side"].value == row["output"][1] == row["output"][2]
            assert said["output_side"].formula
        if row["params"]:
            assert said["params"].formula
            assert said["macs"].formula
    assert explanations[0]["params"].value == SEED[name]["params"]
    assert explanations[0]["macs"].value == SEED[name]["macs"]


def test_what_a_layer_sees_follows_from_what_came_before():
    features = list(netscope.explain("torchvision/alexnet", "features.*"))
    assert features[-1]["receptive_field"].value == 195
    side, jump, start = 1, 1, 0
    for said in features:
        if said["receptive_field"].formula:
            narrower = int(said["receptive_field"].formula.partition(" ")[0])
            assert narrower == side
            assert said["jump"].formula.partition("*")[0] == str(jump)
            assert said["start"].formula.partition(" ")[0] == str(start)
        side, jump, start = (said[key].value or 0 for key in ("receptive_field", "jump", "start"))


def test_after_a_linear_every_number_sees_everything():
    line = netscope.explain("alexnet", "fc6")[0]["receptive_field"]
    assert (line.value, line.note) == (227, "every number depends on all that came in")
