"""The names that tests, scripts and users hold on to, used as they use them; figures are hand arithmetic."""

from __future__ import annotations

import csv
import io
import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.testing import assert_budget, assert_macs, assert_params, assert_shapes


def network(width: int = 8) -> nn.Module:
    """A convolution of 3x3 over 16x16, its activation, and a linear layer."""
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU()),
            flat=nn.Flatten(),
            head=nn.Linear(width * 16 * 16, 10),
        )
    )


@pytest.fixture(scope="module")
def report() -> netscope.Report:
    return netscope.summary(network(), input="3x16x16", batch=2)


CONV, LINEAR = 8 * 27 + 8, 2048 * 10 + 10
MACS = 2 * (8 * 256 * 27 + 2048 * 10)
# Of the convolution, its activation and the linear layer, in float32.
OUTPUT = 4 * 2 * (2048 + 2048 + 10)


def test_a_report_of_a_name():
    named = netscope.summary("torchvision/squeezenet1_1")
    assert named.params == 1_235_496  # as torchvision publishes it
    assert named.layers[0].path == ""


def test_a_report_of_a_module(report: netscope.Report):
    assert report.params == CONV + LINEAR
    assert report.macs == MACS
    assert report.flops == 2 * MACS
    assert report.output_bytes == OUTPUT
    assert report.weight_layers == 2
    assert not report.unknown
    assert report.rung == "meta"
    paths = [layer.path for layer in report.layers]
    assert paths == ["", "features", "features.0", "features.1", "flat", "head"]


def test_real_arguments_of_any_kind():
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 4)

        def forward(self, ids: Tensor, *, mask: Tensor) -> Tensor:
            return self.table(ids) * mask

    ids, mask = torch.zeros(2, 3, dtype=torch.int64), torch.ones(2, 3, 1)
    report = netscope.summary(Masked(), args=(ids,), kwargs={"mask": mask})
    assert report.params == 40
    assert report[""].output_shape == (2, 3, 4)


def test_every_attribute_of_a_layer(report: netscope.Report):
    layer = report["features.0"]
    assert isinstance(layer, netscope.Layer)
    assert (layer.path, layer.type, layer.depth, layer.calls) == ("features.0", "Conv2d", 2, 1)
    assert layer.input_shapes == ((2, 3, 16, 16),)
    assert layer.output_shape == (2, 8, 16, 16)
    assert layer.output_shapes == ((2, 8, 16, 16),)
    assert (layer.weight_shape, layer.bias_shape) == ((8, 3, 3, 3), (8,))
    assert layer.parameter_shapes == {"weight": (8, 3, 3, 3), "bias": (8,)}
    assert layer.params == CONV
    assert layer.macs == 2 * 8 * 256 * 27
    assert layer.flops == 2 * layer.macs
    assert layer.output_bytes == 4 * 2 * 2048
    assert layer.receptive_field == (3, 3)
    assert layer.jump == (1, 1)


def test_what_a_report_becomes(report: netscope.Report, tmp_path: Path):
    frame = report.to_pandas()
    assert frame["params"].iloc[0] == CONV + LINEAR
    assert "Conv2d" in report.to_markdown()
    assert "Conv2d" in str(report)
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert [row["path"] for row in rows] == [layer.path for layer in report.layers]
    path = tmp_path / "report.json"
    assert report.to_json(path) == path.read_text(encoding="utf-8") == report.to_json()
    assert "Conv2d" in report.to_html()
    report.to_html(tmp_path / "report.html")
    assert "Conv2d" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_json_uses_the_names_of_attributes(report: netscope.Report, tmp_path: Path):
    document = json.loads(report.to_json())
    written = {row["path"]: row for row in document["layers"]}["features.0"]
    layer = report["features.0"]
    for name in "type depth calls params macs output_bytes".split():
        assert written[name] == getattr(layer, name)
    path = tmp_path / "report.json"
    report.to_json(path)
    assert netscope.load(str(path)) == netscope.load(path) == report
    assert netscope.summary(str(path)) == report


def test_two_networks(report: netscope.Report):
    wide = netscope.summary(network(16), input="3x16x16", batch=2)
    change = netscope.diff(report, wide)
    assert isinstance(change, netscope.Diff)
    assert change
    assert not netscope.diff(report, report)
    both = netscope.compare([report, wide])
    assert isinstance(both, netscope.Comparison)
    assert str(both)


def test_questions_about_one(report: netscope.Report):
    explained = netscope.explain(report, "features.0")
    assert "224" in str(explained)
    assert list(netscope.lint(report, select=["NS101"])) == []
    assert netscope.check(report, f"params<={CONV + LINEAR}").passed
    assert not netscope.check(report, f"params<{CONV + LINEAR}").passed


@pytest.mark.whole
def test_what_it_takes_on_a_machine():
    measured = netscope.profile(network(), device="cpu", input="3x16x16", warmup=0, max_time=0.05)
    assert isinstance(measured, netscope.Report)
    assert measured.timing is not None
    bounded = netscope.roofline(network(), device_spec="h200", input="3x16x16")
    assert bounded["head"].macs == 20_480


def test_assertions_of_a_test_suite(report: netscope.Report):
    assert_shapes(report, {"features.0": (2, 8, 16, 16), "head": ("*", 10)})
    assert_params(report, CONV + LINEAR)
    assert_macs(network(), {"head": 20_480}, input="3x16x16")
    assert_budget(report, "params<=1M")
    with pytest.raises(AssertionError):
        assert_budget(report, "params<=1K")
    with pytest.raises(AssertionError):
        assert_params(report, 1)
