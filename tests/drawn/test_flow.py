"""The edges of a drawn network are those of its data flow, by torch.export: of known ones, and at random."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

import netscope
from netscope.zoo import deconvnets
from tests.drawn.exported import compared
from tests.drawn.graphs import graph
from tests.seeds import seeds


class UNet(nn.Module):
    """Two steps down, two up, what came by on the way down put beside what comes up."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width]
        self.down = nn.ModuleList([self.block(*pair) for pair in itertools.pairwise(sizes)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * n, n, 2, 2) for n in sizes[2:0:-1]])
        self.merge = nn.ModuleList([self.block(2 * n, n) for n in sizes[2:0:-1]])
        self.last = nn.Conv2d(width, 1, 1)

    @staticmethod
    def block(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for number, block in enumerate(self.down):
            x = block(x if not number else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for up, merge, beside in zip(self.up, self.merge, kept[-2::-1], strict=True):
            x = merge(torch.cat([up(x), beside], 1))
        return self.last(x)


def llama() -> tuple[nn.Module, tuple[Any, ...]]:
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRotaryEmbedding

    config = LlamaConfig(hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            config._attn_implementation = "sdpa"
            self.rotary = LlamaRotaryEmbedding(config)
            self.block = LlamaDecoderLayer(config, 0)

        def forward(self, x: Tensor, places: Tensor) -> Any:
            return self.block(x, position_embeddings=self.rotary(x, places))

    return Block(), (torch.randn(1, 8, 64), torch.arange(8)[None])


def vision(name: str, **options: Any) -> tuple[nn.Module, tuple[Any, ...]]:
    return torchvision.models.get_model(name, weights=None, **options), (torch.randn(1, 3, 224, 224),)


# With how many edges there are, counted by hand: one for each tensor that a step reads.
KNOWN: dict[str, tuple[Callable[[], tuple[nn.Module, tuple[Any, ...]]], int]] = {
    # 53 convolutions, 53 norms, 49 activations, 2 pools and the head; 16 sums read two; the output.
    "resnet50": (lambda: vision("resnet50"), 53 + 53 + 49 + 2 + 1 + 2 * 16 + 1),
    # The n-th layer of a block joins n tensors, the block's end all of them; 6 steps in each of 58 layers.
    "densenet121": (
        lambda: vision("densenet121"),
        sum(n * (n + 1) // 2 + n + 1 for n in (6, 12, 24, 16)) + 6 * 58 + 4 * 3 + 4 + 4 + 1,
    ),
    # 57 convolutions with norm and activation, 4 pools, 9 blocks with a pool that join four, the head.
    "googlenet": (
        lambda: vision("googlenet", aux_logits=False, init_weights=False),
        3 * 57 + 4 + 9 * (1 + 4) + 2 + 1,
    ),
    # Five operators, three of which read the maps, choose one activation; 11 layers; two read switches, too.
    "alexnet_deconv": (
        lambda: (deconvnets.alexnet_deconv(), deconvnets.deconv_arguments(1)),
        3 + 4 + 11 + 2 + 1,
    ),
    "unet": (lambda: (UNet(), (torch.randn(1, 3, 32, 32),)), 5 * 3 + 2 + 2 + 2 * 2 + 1 + 1),
    # Angles; projections, rotation of two, attention; two norms; two sums; the gated product; the output.
    "llama": (llama, 7 + (3 + 2 * 9 + 3 + 1) + 2 * 7 + 2 * 2 + 6 + 1),
}


def check(module: nn.Module, args: tuple[Any, ...]) -> int:
    module.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = netscope.summary(module, args=args)
        ours, theirs, edges = compared(report, module, args)
    assert not ours, "edges that torch does not have"
    assert not theirs, "edges that are missing"
    return edges


@pytest.mark.whole
@pytest.mark.parametrize("name", KNOWN)
def test_known_networks(name: str) -> None:
    make, edges = KNOWN[name]
    assert check(*make()) == edges


@pytest.mark.drawn
@pytest.mark.parametrize("seed", seeds(24))
def test_random_graphs(seed: int) -> None:
    assert check(*graph(seed)) > 0
