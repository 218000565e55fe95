"""All fast ways off, or all on: the same report of the same network."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netscope
import netscope.trace.memo
from netscope.base.errors import TraceError, UsageError
from netscope.base.meta.building import on_meta
from netscope.base.plain import FAST_WAYS, is_plain, plain
from netscope.base.workload import TensorSpec
from netscope.report.report import Report
from netscope.trace.memo.modules import ModuleMemo
from netscope.trace.memo.operators import OperatorMemo
from tests import models as m

IMAGE = TensorSpec((2, 4, 12, 12))
VECTOR = TensorSpec((2, 4))


def summarised(model: Any, **how: Any) -> Report:
    """What is told of a network, up to where its forward raised if it did."""
    try:
        report: Report | None = netscope.summary(model, **how)
    except TraceError as failure:
        report = failure.report
    assert report is not None
    return replace(report, trace_seconds=0.0)


def assert_same(model: Any, **how: Any) -> None:
    fast = summarised(model, **how)
    with plain():
        slow = summarised(model, **how)
    assert [layer.path for layer in fast.layers] == [layer.path for layer in slow.layers]
    for one, other in zip(fast.layers, slow.layers, strict=True):
        assert one == other
    assert fast == slow
    assert fast.to_json() == slow.to_json()


# A family each, at sizes that keep what runs for real short.
TORCHVISION = """
    alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s fcn_resnet50 googlenet inception_v3
    lraspp_mobilenet_v3_large maxvit_t mnasnet0_5 mobilenet_v2 mvit_v1_b r2plus1d_18 raft_small regnet_y_400mf
    resnet50 resnext50_32x4d s3d shufflenet_v2_x0_5 squeezenet1_0 swin3d_t swin_t swin_v2_t vgg11_bn vit_b_32
""".split()
ZOO = "alexnet_switches cifar_resnet inception_block lenet simple_cnn zfnet".split()
TRAINED = "densenet121 efficientnet_b0 mobilenet_v3_small resnet18 swin_t vit_b_32".split()


@pytest.mark.parametrize("name", TORCHVISION)
def test_networks_of_torchvision(name: str) -> None:
    pytest.importorskip("torchvision")
    assert_same(f"torchvision/{name}")


@pytest.mark.parametrize("name", TRAINED)
def test_in_training(name: str) -> None:
    pytest.importorskip("torchvision")
    assert_same(f"torchvision/{name}", batch=2, train=True)


@pytest.mark.parametrize("name", ZOO)
def test_networks_of_the_zoo(name: str) -> None:
    assert_same(name)


TINY: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...]]] = {
    "attention": (m.Attention, (TensorSpec((2, 4, 6, 8)),)),
    "groups of queries": (m.GroupedQueryAttention, (TensorSpec((1, 8, 5, 16)), TensorSpec((1, 2, 7, 16)))),
    "tied": (m.TiedEmbedding, (TensorSpec((2, 5), "int64"),)),
    "shared": (m.shared_linear, (TensorSpec((2, 10)),)),
    "packed": (m.PackedLSTM, (nn.utils.rnn.pack_sequence([torch.ones(n, 4) for n in (7, 3, 1)]),)),
    "raises": (m.Raises, (VECTOR,)),
    "dict": (lambda: m.Outputs("dict"), (VECTOR,)),
    "distribution": (lambda: m.Outputs("distribution"), (VECTOR,)),
    "plain list": (m.PlainList, (VECTOR,)),
    "replaces": (m.ReplacesItself, (VECTOR,)),
    "unpool": (m.Unpool, (IMAGE,)),
    "nested": (lambda: m.Nested(60), (VECTOR,)),
    "checkpoint": (m.Checkpointed, (TensorSpec((2, 8)),)),
    "functional call": (m.FunctionalCall, (TensorSpec((2, 8)),)),
    "vmap": (m.Mapped, (TensorSpec((2, 4)),)),
    "needs data": (m.NeedsData, (TensorSpec((2, 8)),)),
    "gru": (lambda: nn.GRU(4, 6, batch_first=True), (TensorSpec((5, 3, 4)),)),
    "transformer": (
        lambda: nn.Transformer(16, 4, 1, 1, 32),
        (TensorSpec((7, 2, 16)), TensorSpec((5, 2, 16))),
    ),
    "odd layers": (
        lambda: nn.Sequential(
            nn.Conv2d(4, 8, (2, 3), stride=(1, 2), padding=(1, 0), dilation=(2, 1), groups=2, bias=False),
            nn.InstanceNorm2d(8, affine=True),
            nn.PReLU(8),
            nn.ConvTranspose2d(8, 6, 3, stride=2, output_padding=1, groups=2),
            nn.GroupNorm(3, 6),
            nn.LocalResponseNorm(3),
            nn.Hardtanh(inplace=True),
            nn.Conv2d(6, 12, 3, padding="same", padding_mode="circular"),
            nn.PixelShuffle(2),
            nn.LPPool2d(2, 2),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.AdaptiveMaxPool2d((3, 5)),
            nn.Softmax2d(),
            nn.Unfold(2),
            nn.Dropout(0.0),
            nn.Linear(8, 8),
        ),
        (IMAGE,),
    ),
}


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", TINY)
def test_tiny_networks(name: str, train: bool) -> None:
    make, args = TINY[name]
    assert_same(make(), args=args, train=train)


# What is written to, or made from numbers, has to have its values either way.


class Positions(nn.Module):
    """Small constants: computed with, written to, asked."""

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1])
        places = places.view(1, -1).expand(2, -1) + 1
        mask = torch.ones(4, 4)
        mask[1:, :2] = 0
        if int(places.sum()) == 20:
            x = x * 2
        return x[:, : int(places.max())] @ mask


class Writes(nn.Module):
    """In-place operators on views, on the input and on a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(4))
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        self.seen.add_(x.sum(0))
        x[:, 0].mul_(2)
        y = self.act(x.t_().unsqueeze_(0))
        return torch.cat([y, self.act(y)]).squeeze_() + self.seen.mean()


@pytest.mark.parametrize("model", [Positions(), Writes()], ids=["positions", "writes"])
def test_values_and_writes(model: nn.Module) -> None:
    assert_same(model, args=(VECTOR,))


# The switch


class Noted(set[str]):
    """No plain set, since that is put back when a forward of its closure has added to it."""


def test_the_switch_reaches_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    used = Noted()

    def noting(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def note(*args: Any, **kwargs: Any) -> Any:
            used.add(f"{owner.__name__}.{name}")
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, note)

    noting(ModuleMemo, "pure")
    noting(OperatorMemo, "made")
    normal, linear = nn.init.normal_, nn.Linear.__init__
    threshold = gc.get_threshold()

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            used.update({"fills"} if nn.init.normal_ is not normal else ())
            used.update({"templates"} if nn.Linear.__init__ is not linear else ())
            self.act = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            used.update({"collector"} if gc.get_threshold() != threshold else ())
            return self.act(x)

    def look() -> set[str]:
        used.clear()
        model = on_meta(Looks)
        netscope.summary(model, args=(VECTOR,))
        return set(used)

    every = {"templates", "ModuleMemo.pure", "OperatorMemo.made", "fills", "collector"}
    assert look() == every
    with plain():
        assert look() == set()
    with plain("collector"):
        assert look() == every - {"collector"}
    with plain("operators"):  # rules are asked all the same
        assert look() == every
    with plain("operators", "rules", "modules"):
        assert look() == {"templates", "fills", "collector"}
    assert look() == every


def test_blocks_nest_and_end() -> None:
    with plain("modules"):
        assert is_plain("modules")
        assert not is_plain("rules")
        with plain():
            assert all(map(is_plain, FAST_WAYS))
        assert not is_plain("rules")
        with pytest.raises(ZeroDivisionError), plain():
            raise ZeroDivisionError
        assert not is_plain("rules")
    assert not any(map(is_plain, FAST_WAYS))


@pytest.mark.parametrize(
    ("value", "off"), [("1", FAST_WAYS), ("0", ()), ("", ()), ("rules,modules", ("rules", "modules"))]
)
def test_the_environment_says_it_too(value: str, off: tuple[str, ...]) -> None:
    code = "from netscope.base.plain import *; print(*filter(is_plain, FAST_WAYS))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"NETSCOPE_PLAIN": value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == list(off)


def test_a_way_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="NETSCOPE_PLAIN=ruls"):
        netscope.base.plain._read("ruls")


def test_every_way_is_on_the_page() -> None:
    page = netscope.trace.memo.__doc__
    assert page is not None
    named = [line.split()[0] for line in page.splitlines() if line.startswith("    ")]
    assert named == ["resnet50", "way", *FAST_WAYS, "all"]
