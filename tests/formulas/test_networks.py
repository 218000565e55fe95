"""Whole networks: nothing in a forward, a backward or a training step is unknown."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from netscope.formulas import cost_of
from tests.formulas.support import recorded


class Everyday(nn.Module):
    """One of each of the families that networks are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.SiLU(), nn.MaxPool2d(2))
        self.up = nn.Sequential(nn.ConvTranspose2d(8, 8, 2, 2), nn.GroupNorm(2, 8), nn.Hardswish())
        self.attention = nn.MultiheadAttention(8, 2, dropout=0.1, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.memory = nn.GRU(8, 8, batch_first=True)
        self.head = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Dropout(0.1), nn.Linear(16, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(self.stem(x))
        x = nn.functional.interpolate(x, scale_factor=0.5, mode="bilinear")
        x = x.flatten(2).transpose(1, 2)
        x = self.norm(x + self.attention(x, x, x)[0])
        x = self.memory(x)[0].mean(1)
        out: torch.Tensor = self.head(x)
        return out


def unknown(run: Any) -> set[str]:
    return {op.name for op in recorded(run) if cost_of(op) is None}


@pytest.mark.whole
@pytest.mark.parametrize("train", [False, True])
def test_forward_backward_and_loss(train: bool) -> None:
    model = Everyday().train(train)
    x, labels = torch.randn(2, 3, 32, 32), torch.tensor([1, 2])

    def step() -> None:
        nn.functional.cross_entropy(model(x), labels, label_smoothing=0.1).backward()

    assert unknown(step) == set()


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(), nn.ReLU6(), nn.ELU(), nn.SELU(), nn.CELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(),
        nn.Mish(), nn.Sigmoid(), nn.LogSigmoid(), nn.Tanh(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Hardswish(),
        nn.Hardshrink(), nn.Softshrink(), nn.Tanhshrink(), nn.Softsign(), nn.Softplus(), nn.LeakyReLU(),
        nn.PReLU(), nn.RReLU(), nn.Threshold(0.1, 0.0), nn.GLU(1), nn.Softmin(1), nn.Softmax(1),
        nn.LogSoftmax(1), nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout(), nn.FeatureAlphaDropout(),
        nn.BatchNorm2d(4), nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4), nn.LayerNorm([4, 8, 8]),
        nn.RMSNorm([8]), nn.LocalResponseNorm(2), nn.CrossMapLRN2d(2),
        nn.MaxPool2d(2), nn.AvgPool2d(2), nn.LPPool2d(2, 2), nn.AdaptiveAvgPool2d(3), nn.AdaptiveMaxPool2d(3),
        nn.FractionalMaxPool2d(2, output_size=4), nn.ZeroPad2d(1), nn.ReflectionPad2d(1),
        nn.ReplicationPad2d(1), nn.CircularPad2d(1), nn.ConstantPad2d(1, 0.5),
        nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample(scale_factor=2, mode="bicubic"), nn.PixelShuffle(2), nn.PixelUnshuffle(2),
        nn.ChannelShuffle(2), nn.Unfold(3), nn.Flatten(), nn.Conv2d(4, 4, 3), nn.ConvTranspose2d(4, 4, 3),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)),
        nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 4, 3)),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
@pytest.mark.parametrize("train", [False, True])
def test_layers_of_torch(layer: nn.Module, train: bool) -> None:
    layer.train(train)
    x = torch.randn(2, 4, 8, 8, requires_grad=True)
    assert unknown(lambda: layer(x).sum().backward()) == set()


@pytest.mark.parametrize(
    "loss",
    [
        nn.L1Loss(), nn.MSELoss(), nn.SmoothL1Loss(), nn.HuberLoss(), nn.BCEWithLogitsLoss(),
        nn.KLDivLoss(reduction="batchmean"), nn.PoissonNLLLoss(), nn.SoftMarginLoss(),
        nn.HingeEmbeddingLoss(), nn.MultiLabelSoftMarginLoss(),
    ],
    ids=lambda loss: type(loss).__name__,
)  # fmt: skip
def test_losses_of_torch(loss: nn.Module) -> None:
    x, target = torch.randn(4, 5, requires_grad=True), torch.rand(4, 5)
    assert unknown(lambda: loss(x, target).backward()) == set()


def test_other_calls() -> None:
    x = torch.randn(2, 3, 8, 8)

    def calls() -> None:
        torch.fft.rfft2(x)
        torch.fft.irfft2(torch.fft.rfft2(x))
        torch.stft(x.flatten(), 16, return_complex=True, window=torch.hann_window(16))
        torch.cdist(x[0, 0], x[0, 1])
        torch.einsum("bchw,bdhw->bcd", x, x)
        nn.functional.grid_sample(x, torch.rand(2, 4, 4, 2), align_corners=False)
        nn.functional.affine_grid(torch.rand(2, 2, 3), [2, 3, 8, 8], align_corners=False)
        nn.functional.one_hot(torch.tensor([1, 2]), 4)
        nn.functional.fold(nn.functional.unfold(x, 2), (8, 8), 2)
        nn.functional.max_unpool2d(*nn.functional.max_pool2d(x, 2, return_indices=True), [2, 2])
        nn.functional.embedding_bag(torch.tensor([1, 2]), torch.rand(4, 3), torch.tensor([0, 1]))
        nn.functional.cosine_similarity(x, x)
        x.std(), x.norm(), x.topk(2), x.sort(), x.median(), x.unique(), x.argmax(), x.logsumexp(0)
        x.cumsum(0), x.prod(), x.roll(1), x.flip(0), x.tril(), x.nan_to_num(), x.float().half().isnan()
        torch.linalg.qr(x[0, 0]), torch.linalg.solve(x[0, 0], x[0, 1]), torch.linalg.inv(x[0, 0])
        torch.searchsorted(torch.arange(5.0), x), torch.histc(x), torch.bincount(torch.tensor([1, 2]))
        torch.multinomial(torch.ones(4), 2), torch.bernoulli(x.sigmoid()), torch.isin(x, x[0])

    assert unknown(calls) == set()
