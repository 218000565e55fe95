"""Meta, fake and real tensors must give the same rows and figures."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from netscope.base.workload import TensorSpec, Workload
from netscope.report.analysis.analyze import analyze
from netscope.report.layer import Layer
from netscope.sources import resolve
from netscope.trace import record

# Small inputs keep the real forwards short; all families of operators are there.
NETWORKS = {
    "alexnet": "3x227x227",
    "zfnet": "3x224x224",
    "lenet": "1x28x28",
    "torchvision/alexnet": "3x96x96",
    "torchvision/vgg11_bn": "3x32x32",
    "torchvision/resnet18": "3x64x64",
    "torchvision/resnext50_32x4d": "3x64x64",
    "torchvision/mobilenet_v2": "3x64x64",
    "torchvision/mobilenet_v3_small": "3x64x64",
    "torchvision/efficientnet_b0": "3x64x64",
    "torchvision/densenet121": "3x64x64",
    "torchvision/squeezenet1_0": "3x64x64",
    "torchvision/shufflenet_v2_x0_5": "3x64x64",
    "torchvision/googlenet": "3x64x64",
    "torchvision/mnasnet0_5": "3x64x64",
    "torchvision/regnet_y_400mf": "3x64x64",
    "torchvision/convnext_tiny": "3x64x64",
    "torchvision/vit_b_32": "3x224x224",
    "torchvision/swin_t": "3x64x64",
    "torchvision/swin_v2_t": "3x64x64",
    "torchvision/maxvit_t": "3x224x224",
    "torchvision/fcn_resnet50": "3x64x64",
    "torchvision/r3d_18": "3x4x32x32",
}


def rows(workload: Workload, rung: str, train: bool = False) -> tuple[Layer, ...]:
    trace = record(workload, ladder=(rung,), train=train)
    assert trace.rung == rung
    return analyze(trace, workload).layers


# How `x[...] = 1` is spelled depends on the device; none of it costs anything.
SPELLINGS = {f"aten.{op}" for op in ("view", "expand", "copy_", "fill_", "lift_fresh", "scalar_tensor")}


def plain(layer: Layer) -> Layer:
    kept = {op: n for op, n in layer.operators.items() if op.rpartition(".")[0] not in SPELLINGS}
    return dataclasses.replace(layer, operators=kept)


def assert_same(workload: Workload, train: bool = False) -> None:
    meta, fake, real = (rows(workload, rung, train) for rung in ("meta", "fake", "real"))
    for one, two, three in zip(meta, fake, real, strict=True):
        assert plain(one) == plain(two)
        assert plain(one) == plain(three)


@pytest.mark.whole
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    if "/" in name:
        pytest.importorskip("torchvision")
    assert_same(resolve(name, input=NETWORKS[name]))


TINY: dict[str, tuple[nn.Module, tuple[TensorSpec, ...]]] = {
    "lstm": (nn.LSTM(4, 6, 2, bidirectional=True), (TensorSpec((5, 3, 4)),)),
    "gru": (nn.GRU(4, 6, batch_first=True), (TensorSpec((5, 3, 4)),)),
    "encoder": (
        nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2),
        (TensorSpec((2, 7, 16)),),
    ),
    "attention": (
        nn.MultiheadAttention(16, 4),
        (TensorSpec((7, 2, 16)), TensorSpec((7, 2, 16)), TensorSpec((7, 2, 16))),
    ),
    "transformer": (nn.Transformer(16, 4, 1, 1, 32), (TensorSpec((7, 2, 16)), TensorSpec((5, 2, 16)))),
    "norms": (
        nn.Sequential(
            nn.GroupNorm(2, 4),
            nn.InstanceNorm2d(4, affine=True),
            nn.LocalResponseNorm(3),
            nn.BatchNorm2d(4),
            nn.GELU(),
            nn.PixelShuffle(2),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.AdaptiveMaxPool2d(3),
            nn.LPPool2d(2, 2),
        ),
        (TensorSpec((2, 4, 6, 6)),),
    ),
}


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", TINY)
def test_tiny_networks(name: str, train: bool) -> None:
    module, args = TINY[name]
    assert_same(Workload(name, module, args), train)


def test_the_report_says_why_meta_would_not_do() -> None:
    class Counts(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * int((x > 0).sum().item() >= 0)

    trace = record(Workload("counts", Counts(), (TensorSpec((2, 3)),)))
    assert trace.rung == "real"
    assert "aten._local_scalar_dense" in trace.rung_reason or "item" in trace.rung_reason


def test_a_failing_name_is_not_built_for_real() -> None:
    from netscope.trace import ForwardError

    def never() -> nn.Module:
        made = nn.Linear(4, 4)
        assert made.weight.is_meta, "the weights were built"
        return made

    workload = Workload("linear", nn.Linear(4, 4, device="meta"), (TensorSpec((1, 5)),), rebuild=never)
    with pytest.raises(ForwardError) as caught:
        record(workload)
    assert caught.value.trace.rung == "meta"


# Their masks depend on values: whether positions start anew within a sequence, whether a mask is all ones.
MASKED = {
    "gpt2": {"n_layer": 1, "n_embd": 32, "n_head": 2, "vocab_size": 64},
    "llama": {
        "num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 48,
        "vocab_size": 64, "head_dim": 16, "num_key_value_heads": 2,
    },
    "bart": {
        "encoder_layers": 1, "decoder_layers": 1, "d_model": 32, "encoder_ffn_dim": 48, "vocab_size": 64,
        "decoder_ffn_dim": 48, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    },
}  # fmt: skip


@pytest.mark.whole
@pytest.mark.parametrize("name", MASKED)
def test_masks_made_from_numbers_are_decided_on_meta_as_in_the_real_forward(name: str) -> None:
    pytest.importorskip("transformers")
    workload = resolve(f"hf/{name}", options=MASKED[name])
    meta, real = (rows(workload, rung) for rung in ("meta", "real"))
    assert [plain(layer) for layer in meta] == [plain(layer) for layer in real]


class Asks(nn.Module):
    """Decides by what it computed, and makes something large of something small."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = torch.arange(self.side, device=x.device)
        if int((places % 2 == 0).sum()) != (self.side + 1) // 2:
            raise AssertionError("the values are wrong")
        pairs = places[:, None] >= places[None, :]
        return self.layer(x) + pairs.to(x.device).to(x.dtype).sum() * places.repeat(self.side).sum()


def test_constants_have_their_values_on_meta() -> None:
    workload = Workload("asks", Asks(7), (TensorSpec((2, 4)),))
    assert rows(workload, "meta") == rows(workload, "real")


def test_what_is_large_is_not_computed() -> None:
    side = 2**16  # pairs of these would take 4 GiB
    workload = Workload("asks", Asks(side), (TensorSpec((2, 4)),))
    trace = record(workload, ladder=("meta",))
    assert max(storage.nbytes for storage in trace.storages) == 8 * side**2
