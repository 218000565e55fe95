"""Receptive fields of real networks against the published ones, and of operators against hand arithmetic."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import netscope
from netscope.report.layer import Window
from netscope.report.report import Report

torchvision = pytest.importorskip("torchvision")


def fields(network: nn.Module, input: str = "3x64x64") -> Report:
    return netscope.summary(network, input=input)


def window(network: nn.Module, input: str = "3x64x64") -> Window | None:
    return fields(network, input).root.window


@pytest.mark.parametrize(
    ("name", "path", "side", "jump"),
    [
        ("torchvision/alexnet", "features.12", 195, 32),
        ("torchvision/vgg16", "features.30", 212, 32),
        ("torchvision/resnet50", "layer4", 427, 32),
        ("torchvision/resnet18", "layer4", 435, 32),
        ("torchvision/vit_b_16", "conv_proj", 16, 16),
        ("alexnet", "features.pool5", 195, 32),
    ],
)
def test_published_receptive_fields(name: str, path: str, side: int, jump: int):
    layer = netscope.summary(name)[path]
    assert layer.receptive_field == (side, side)
    assert layer.jump == (jump, jump)
    assert not layer.sees_all


def test_the_original_resnet_strides_in_the_1x1():
    model = torchvision.models.resnet50()
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    assert fields(model, "3x224x224")["layer4"].receptive_field == (483, 483)


def test_three_stacked_3x3_see_7x7():
    report = fields(nn.Sequential(*(nn.Conv2d(3, 3, 3) for _ in range(3))))
    assert [layer.receptive_field for layer in report.layers[1:]] == [(3, 3), (5, 5), (7, 7)]


def test_start_and_jump_of_alexnets_first_layers():
    report = netscope.summary("torchvision/alexnet")
    first, pool = report["features.0"], report["features.2"]
    assert (first.receptive_field, first.jump, first.rf_start) == ((11, 11), (4, 4), (-2, -2))
    assert (pool.receptive_field, pool.jump, pool.rf_start) == ((19, 19), (8, 8), (-2, -2))


def test_an_adaptive_pool_to_one_and_a_linear_layer_over_positions_see_all():
    report = netscope.summary("torchvision/resnet50")
    pool = report["avgpool"]
    assert pool.sees_all
    assert pool.receptive_field == (224, 224)
    assert pool.jump is None
    assert netscope.summary("torchvision/alexnet")["avgpool"].receptive_field == (195, 195)  # 6x6 to 6x6
    assert netscope.summary("torchvision/alexnet")["classifier.1"].sees_all


def test_what_all_positions_together_see_leaves_out_rows_that_no_window_reads():
    network = nn.Sequential(nn.Conv2d(3, 4, 11, 4), nn.Flatten(), nn.Linear(4 * 54 * 54, 2))
    assert window(network, "3x224x224") == Window((223, 223), (0, 0), None, None, True)


def test_attention_sees_all_and_patches_before_it_do_not():
    report = netscope.summary("torchvision/vit_b_16")
    assert report["encoder.layers.encoder_layer_0"].sees_all
    assert report["encoder.layers.encoder_layer_0.ln_1"].receptive_field == (16, 16)


def test_squeeze_and_excitation_sees_all_and_keeps_its_jump():
    gate = netscope.summary("torchvision/efficientnet_b0")["features.1.0"]
    assert gate.sees_all
    assert gate.jump == (2, 2)


def test_norms_count_as_elementwise():
    for norm in (nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.BatchNorm2d(4), nn.LocalResponseNorm(3)):
        made = window(nn.Sequential(nn.Conv2d(3, 4, 3), norm))
        assert made == Window((3, 3), (0, 0), (1.0, 1.0), (1.0, 1.0)), norm


class Disagree(nn.Module):
    """Branches of stride 2 and 4 that meet in tensors of equal size, by cropping."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(3, 4, 3, 2)
        self.coarse = nn.Conv2d(3, 4, 7, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fine(x)[..., :14, :14] + self.coarse(x)[..., :14, :14]


def test_branches_that_disagree_show_the_largest_window_and_both_jumps():
    report = fields(Disagree())
    assert report.root.window == Window((7, 7), (0, 0), (2.0, 2.0), (4.0, 4.0))
    from netscope.show.columns import BY_KEY

    column = BY_KEY["jump"]
    assert column.display is not None
    assert column.kind.text(column.display(report.root)) == "2..4"


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.ConvTranspose2d(3, 3, 4, 2, 1), Window((2, 2), (-1, -1), (0.5, 0.5), (0.5, 0.5))),
        (nn.ConvTranspose2d(3, 3, 3, 2), Window((2, 2), (-1, -1), (0.5, 0.5), (0.5, 0.5))),
        (nn.Upsample(scale_factor=2), Window((1, 1), (0, 0), (0.5, 0.5), (0.5, 0.5))),
        (nn.Upsample(scale_factor=2, mode="bilinear"), Window((2, 2), (-1, -1), (0.5, 0.5), (0.5, 0.5))),
        (nn.MaxPool2d(3, 2, 1, ceil_mode=True), Window((3, 3), (-1, -1), (2.0, 2.0), (2.0, 2.0))),
        (nn.Conv2d(3, 3, (3, 5), dilation=2), Window((5, 9), (0, 0), (1.0, 1.0), (1.0, 1.0))),
        (nn.ZeroPad2d((1, 0, 2, 0)), Window((1, 1), (-2, -1), (1.0, 1.0), (1.0, 1.0))),
        (nn.PixelUnshuffle(2), Window((2, 2), (0, 0), (2.0, 2.0), (2.0, 2.0))),
        (nn.AdaptiveAvgPool2d(32), Window((2, 2), (0, 0), (2.0, 2.0), (2.0, 2.0))),
        (nn.Flatten(), Window((1, 1), (0, 0), (1.0, 1.0), (1.0, 1.0))),
    ],
)
def test_single_layers(layer: nn.Module, expected: Window):
    network = nn.Sequential(nn.Conv2d(3, 3, 1), layer)
    if isinstance(layer, nn.PixelUnshuffle):
        network.append(nn.Conv2d(12, 3, 1))
    assert window(network) == expected


class Patches(nn.Module):
    """Space to depth by a reshape and a permutation, as patch embeddings are often written."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3 * 8 * 8, 16)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // 8, 8, w // 8, 8).permute(0, 2, 4, 1, 3, 5)
        return self.embed(x.reshape(n, (h // 8) * (w // 8), c * 64))


def test_patches_by_reshape_are_a_strided_convolution():
    assert window(Patches()) == Window((8, 8), (0, 0), (8.0, 8.0), (8.0, 8.0))


class Halves(nn.Module):
    """Two views of one storage, of equal shape, that see different things."""

    def forward(self, x: Tensor) -> Tensor:
        even, odd = x[:, :, ::2], x[:, :, 1::2]
        return functional.relu(odd) if even.shape == odd.shape else even


def test_views_that_cannot_be_told_apart_are_unknown():
    assert window(Halves()) is None


class Rolled(nn.Module):
    """A cyclic shift, for which there is no rule."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.roll(x, 1, 2)


def test_an_operator_without_a_rule_is_unknown_and_not_guessed():
    assert window(nn.Sequential(nn.Conv2d(3, 3, 3), Rolled(), nn.Conv2d(3, 3, 3))) is None
    assert fields(nn.Sequential(Rolled(), nn.AdaptiveAvgPool2d(1))).root.window is None


class Overwritten(nn.Module):
    """Writes into a part of what it returns."""

    def forward(self, x: Tensor) -> Tensor:
        x = x * 1
        x[:, :, :8] = x[:, :, 8:16].flip(3)
        return x


def test_a_write_into_a_part_makes_the_whole_unknown():
    assert window(Overwritten()) is None


class ResidualInPlace(nn.Module):
    """The convolution's own row must not show what is added to its result later on."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.one(x)
        y += self.other(x)
        return y.relu_()


def test_writes_in_place_change_what_comes_after_and_not_what_was_before():
    report = fields(ResidualInPlace())
    assert report["one"].receptive_field == (3, 3)
    assert report.root.receptive_field == (5, 5)
    assert report["(functional)"].receptive_field == (5, 5)


def test_one_and_three_dimensions():
    signal = nn.Sequential(nn.Conv1d(1, 4, 10, 5), nn.Conv1d(4, 4, 3, 2))
    assert window(signal, "1x400") == Window((20,), (0,), (10.0,), (10.0,))
    volume = nn.Conv3d(1, 2, (3, 5, 7), padding=1)
    assert window(volume, "1x16x32x32") == Window((3, 5, 7), (-1, -1, -1), (1.0,) * 3, (1.0,) * 3)


def test_without_an_image_there_is_no_receptive_field():
    report = netscope.summary(nn.Sequential(nn.Linear(8, 8)), input="8")
    assert report.root.window is None
    assert report.root.receptive_field is None
    assert not report.root.sees_all


def test_it_is_saved_and_loaded():
    from netscope.report.store import from_dict, to_dict

    report = netscope.summary("torchvision/alexnet")
    again = from_dict(to_dict(report))
    assert again == report
    assert again["features.12"].window == report["features.12"].window


def test_it_is_worked_out_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise AssertionError("nobody asked")

    monkeypatch.setattr("netscope.report.analysis.receptive.receptive_fields", refuse)
    report = netscope.summary("torchvision/alexnet")
    str(report)
    with pytest.raises(AssertionError, match="nobody asked"):
        report.root.receptive_field
