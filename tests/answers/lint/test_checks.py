"""Each check on the smallest network that deserves it, and on one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import netscope
from netscope import show
from netscope.answers.lint import Findings, registered
from netscope.base.errors import UsageError
from netscope.report.report import SCHEMA_VERSION


def codes(findings: Findings) -> list[str]:
    return [finding.code for finding in findings]


def lint(network: nn.Module, *checks: str, input: str = "3x32x32") -> Findings:
    """What those checks find, and no others: a new one changes no test but its own."""
    return netscope.lint(network, input=input, select=checks)


WINDOWS = ("NS101", "NS102", "NS103")


def alexnet_conv1(padding: int = 0) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 96, 11, 4, padding), nn.ReLU())


def test_224_without_padding_does_not_tile():
    (found,) = lint(alexnet_conv1(), *WINDOWS, input="3x224x224")
    assert (found.code, found.severity, found.path) == ("NS101", "warning", "0")
    assert found.message == (
        "11×11 windows with stride 4 do not tile 224×224: 1 row and 1 column at the end are never read"
        " (224 − 11 = 213 is 1 over a multiple of 4)."
    )


def test_227_tiles():
    assert len(lint(alexnet_conv1(), *WINDOWS, input="3x227x227")) == 0


def test_224_with_padding_2_leaves_only_padding_unread():
    (found,) = lint(alexnet_conv1(2), *WINDOWS, input="3x224x224")
    assert (found.code, found.severity) == ("NS102", "info")
    assert found.message.startswith("1 row and 1 column of the padding at the end are never read")


def test_the_summary_says_so_below_its_table():
    text = str(netscope.summary(alexnet_conv1(), input="3x224x224"))
    assert "NS101 0: 11×11 windows with stride 4 do not tile 224×224: 1 row and 1 column" in text
    assert "NS1" not in str(netscope.summary(alexnet_conv1(), input="3x227x227"))
    many = nn.Sequential(*(nn.MaxPool2d(2) for _ in range(5)))
    assert "2 more warnings: netscope lint shows them" in str(netscope.summary(many, input="3x63x63"))


@pytest.mark.parametrize(
    "layer",
    [
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(3, 8, 1, 2),  # strides beyond its kernel: the gaps are meant
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.Conv2d(3, 8, 3, padding="same"),
    ],
)
def test_windows_that_read_everything_they_should(layer: nn.Module):
    assert len(lint(layer, "NS101", input="3x31x32")) == 0


def test_one_side_alone_does_not_tile():
    (found,) = lint(nn.MaxPool2d(2), *WINDOWS, input="3x31x32")
    assert "1 row at the end is never read (31 − 2 = 29 is 1 over a multiple of 2)" in found.message


def test_padding_of_more_than_half_a_kernel():
    (found,) = lint(nn.Conv2d(3, 8, 3, padding=2), *WINDOWS)
    assert found.code == "NS103"
    assert "padding 2 is more than half the 3 that a window spans" in found.message
    assert len(lint(nn.Conv2d(3, 8, 3, padding=2, dilation=2), *WINDOWS)) == 0


class Blocks(nn.Module):
    """A bias that is in vain, one before an activation, and one that is read elsewhere too."""

    def __init__(self) -> None:
        super().__init__()
        self.vain, self.first = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.useful, self.second = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)
        self.shared, self.third = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(self.vain(x))
        x = self.second(self.useful(x).relu_())
        y = self.shared(x)
        return self.third(y) + y


def test_a_bias_before_a_norm():
    (found,) = lint(Blocks(), "NS201")
    assert (found.code, found.path) == ("NS201", "vain")
    assert found.message == (
        "its bias is subtracted again by first right behind: bias=False saves 8 parameters."
    )
    assert len(lint(nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8)), "NS201")) == 0


def test_odd_channels():
    (found,) = lint(nn.Sequential(nn.Conv2d(3, 37, 3), nn.ReLU(), nn.Conv2d(37, 10, 3)), "NS202")
    assert (found.code, found.severity) == ("NS202", "info")
    assert "37 channels are no multiple of 8, and so are those of 1 other layer" in found.message
    assert len(lint(nn.Sequential(nn.Conv2d(3, 64, 3), nn.Conv2d(64, 10, 1)), "NS202")) == 0


class Dead(nn.Module):
    """A branch that nobody calls, one for training, and a parameter that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.spare = nn.Conv2d(3, 8, 3), nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3))
        self.helper = nn.Conv2d(8, 8, 1)
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return self.helper(x) if self.training else x


def test_dead_branches():
    findings = lint(Dead(), "NS301", "NS302")
    assert [(f.code, f.severity, f.path) for f in findings] == [
        ("NS301", "warning", "spare"),
        ("NS302", "warning", ""),
        ("NS301", "info", "helper"),
    ]
    assert findings[0].message == (
        "not called in evaluation or training at this input: its 1,168 parameters take no part."
    )
    assert findings[1].message == (
        "scale is never read in evaluation or training at this input: 8 parameters without use."
    )


def test_a_flatten_ties_the_input_size():
    tied = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 30 * 30, 8))
    (found,) = lint(tied, "NS303")
    assert (found.code, found.path) == ("NS303", "2")
    assert "8 maps of 30×30 flattened to 7,200, which ties the network to inputs of 32×32" in found.message
    free = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 8))
    assert len(lint(free, "NS303")) == 0


def test_a_softmax_at_the_end():
    def found(*layers: nn.Module) -> list[str]:
        return codes(lint(nn.Sequential(*layers), "NS401", input="8"))

    assert found(nn.Linear(8, 8), nn.Softmax(-1)) == ["NS401"]
    assert found(nn.Linear(8, 8), nn.LogSoftmax(-1)) == []
    assert found(nn.Softmax(-1), nn.Linear(8, 8)) == []


class AlwaysDrops(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, 0.5)


def test_dropout_that_never_rests():
    findings = lint(nn.Sequential(nn.Linear(8, 8), AlwaysDrops()), "NS402", input="8")
    assert [(f.code, f.severity, f.path) for f in findings] == [("NS402", "error", "1")]
    assert len(lint(nn.Sequential(nn.Linear(8, 8), nn.Dropout()), "NS402", input="8")) == 0


def test_a_part_left_in_training_mode():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Dropout()).eval()
    assert len(lint(network, "NS402")) == 0
    network[1].train()
    assert [(f.code, f.path) for f in lint(network, "NS402")] == [("NS402", "1")]
    assert len(lint(network.train(), "NS402")) == 0  # all of it: it is being trained


@pytest.mark.parametrize(
    "name",
    ["resnet50", "densenet121", "googlenet", "efficientnet_b0", "convnext_tiny", "vit_b_16", "swin_t"],
)
def test_known_good_networks_get_no_warning(name: str):
    pytest.importorskip("torchvision")
    assert not netscope.lint(f"torchvision/{name}").failed


def test_checks_are_chosen_by_code_beginning_and_name():
    network = nn.Sequential(alexnet_conv1(), nn.Conv2d(96, 8, 3, padding=2))
    report = netscope.summary(network, input="3x224x224")
    assert {"NS101", "NS103"} <= set(codes(netscope.lint(report)))
    assert codes(netscope.lint(report, select=["NS101", "wide-padding"])) == ["NS101", "NS103"]
    assert "NS101" in codes(netscope.lint(report, select=["ns1"], ignore=["wide-padding"]))
    assert "NS103" not in codes(netscope.lint(report, select=["ns1"], ignore=["wide-padding"]))
    with pytest.raises(UsageError, match="there is no check 'NS901'"):
        netscope.lint(report, select=["NS901"])


def test_a_saved_report_says_what_was_not_checked(tmp_path: Path):
    path = tmp_path / "report.json"
    netscope.summary(alexnet_conv1(), input="3x224x224").to_json(path)
    findings = netscope.lint(str(path), select=["NS1", "NS201", "NS401"])
    assert codes(findings) == ["NS101"]
    assert findings.skipped == ("NS201", "NS401")
    assert "not checked, for want of a trace: NS201, NS401" in str(findings)
    assert netscope.lint(str(path)).skipped == tuple(check.code for check in registered() if check.traced)


def test_formats():
    findings = lint(alexnet_conv1(), "NS101", input="3x224x224")
    assert json.loads(findings.to_json())["findings"][0]["code"] == "NS101"
    assert "| NS101 | warning | `0` | 11×11" in findings.to_markdown()
    first = findings.to_csv().splitlines()[1]
    assert first.startswith(f"{SCHEMA_VERSION},NS101,untiled-windows,warning,0,")
    wide = show.text(findings, "table", width=80)
    assert max(map(len, wide.splitlines())) <= 80
    assert wide.endswith("1 warning\n")
    narrow = show.text(findings, "table", width=30)
    assert max(map(len, narrow.splitlines()[2:])) <= 30
    assert "nothing found" in str(lint(alexnet_conv1(), "NS101", input="3x227x227"))
