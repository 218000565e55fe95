"""Figures beside the peers': reasons whose amounts are worked out by hand, and errors that have none."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import netscope
from netscope import TensorSpec, UsageError
from netscope.answers.verify import Opinion, Verification
from netscope.answers.verify.figures import ours_of
from netscope.answers.verify.peers import peers
from netscope.answers.verify.settle import left_over, opinion_of
from netscope.answers.verify.stage import staged
from netscope.base.workload import Workload
from netscope.formulas import formula, temporary_formulas
from netscope.formulas.registry import contraction
from tests import models
from tests.answers.verify.planted import planted


def reasons(opinion: Opinion) -> dict[str, int]:
    """{key: what it comes to} of the multiply-accumulates."""
    assert opinion.macs is not None, opinion.error
    assert opinion.explained, opinion.macs.unexplained
    return {reason.key: reason.total for reason in opinion.macs.reasons}


def params(opinion: Opinion) -> dict[str, int]:
    assert opinion.params is not None, opinion.error
    assert opinion.explained, opinion.params.unexplained
    return {reason.key: reason.total for reason in opinion.params.reasons}


# Networks whose differences are known


def test_alexnet_by_hand() -> None:
    found = netscope.verify("alexnet")
    assert found.explained
    assert [opinion.name for opinion in found] == ["flop_counter", "fvcore", "torchinfo"]
    # A bias is added once for each place of a map.
    maps = 96 * 55 * 55 + 256 * 27 * 27 + (384 + 384 + 256) * 13 * 13
    assert reasons(found["torchinfo"]) == {"bias": maps + 4096 + 4096 + 1000}
    assert reasons(found["fvcore"]) == reasons(found["flop_counter"]) == {}
    assert found["fvcore"].macs is not None
    assert found["fvcore"].macs.theirs == found.report.macs == 1_135_256_096


def test_a_vision_transformer_by_hand() -> None:
    found = netscope.verify("torchvision/vit_b_16")
    tokens, width = 197, 768
    attention = 12 * 2 * tokens * tokens * width
    linears = 12 * 2 * width * 3072
    projections = 12 * tokens * (3 * width * width + width * width)
    assert reasons(found["fvcore"]) == {"layer_norm": 25 * 5 * tokens * width, "no rule": -attention}
    assert reasons(found["torchinfo"]) == {
        "params": 25 * 2 * width,
        "bias": 12 * (3072 + width) + 1000 + width * 14 * 14,
        "positions": -(tokens - 1) * linears,
        "functional": -attention - projections,
    }
    assert reasons(found["flop_counter"]) == {}
    published = found["published"]
    assert published.macs is not None
    assert published.macs.equal
    assert published.macs.theirs == 17_564_000_000
    assert published.params is not None
    assert published.params.theirs == found.report.params == 86_567_656


def test_a_head_that_the_weights_have_is_found_by_name() -> None:
    found = netscope.verify("torchvision/fcn_resnet50", peers=["published"])
    # The auxiliary head: 3x3 from 1024 to 256 maps, a norm, 1x1 to 21 classes with a bias; maps of 65x65.
    conv, last = 9 * 1024 * 256, 256 * 21
    assert params(found["published"]) == {"params": conv + 2 * 256 + last + 21}
    assert reasons(found["published"]) == {"macs": (conv + last) * 65 * 65}


def test_published_figures_are_of_one_size() -> None:
    found = netscope.verify("torchvision/resnet18", input="3x64x64", peers=["published"])["published"]
    assert found.macs is None
    assert "another size" in found.note
    twice = netscope.verify("torchvision/resnet18", batch=2, peers=["published"])["published"]
    assert twice.macs is not None
    assert twice.macs.theirs == 2 * 1_814_000_000
    assert twice.explained
    trained = netscope.verify("torchvision/resnet18", batch=2, train=True, peers=["published"])["published"]
    assert trained.macs is None
    assert "evaluation" in trained.note
    with pytest.raises(UsageError, match="published nothing of alexnet"):
        netscope.verify("alexnet", peers=["published"])


class Twice(nn.Module):
    """A linear that runs before and behind a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(6, 6), nn.LayerNorm(6)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.norm(self.linear(x)))


class Cell(nn.Module):
    """Three steps of a recurrent cell."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(5, 7)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for _ in range(3):
            state = self.cell(x, state)
        assert state is not None
        return state


class Product(nn.Module):
    """A matrix with each of a batch."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(x[0], x)


class Own(torch.autograd.Function):
    """A matrix product with a backward of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        return x @ weight


class OwnFunction(nn.Module):
    """Applies it to a linear's output."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.weight = nn.Linear(4, 5), nn.Parameter(torch.zeros(5, 6))

    def forward(self, x: Tensor) -> Tensor:
        return Own.apply(self.linear(x), self.weight)


class Unread(nn.Module):
    """Computes what it does not return."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.unread = nn.Linear(4, 5), nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        self.unread(x)
        return self.read(x)


GRU = 3 * (21 * 5 + 21 * 7)

CASES: dict[str, tuple[nn.Module, dict[str, Any], str, dict[str, int]]] = {
    "a module that runs twice": (
        Twice(),
        {"input": "5x6"},
        "torchinfo",
        {"params": 12, "bias": 2 * 6, "positions": -2 * 4 * 36},
    ),
    "a transposed convolution": (
        nn.ConvTranspose2d(3, 8, 4, 2, 1, bias=False),
        {"input": "3x8x8"},
        "torchinfo",
        {"transposed": 3 * 8 * 16 * (16 * 16 - 8 * 8)},
    ),
    # torchinfo multiplies by the batch and the hidden units, three times.
    "a recurrent cell": (
        Cell(),
        {"input": "5"},
        "torchinfo",
        {"bias": 3 * 7 * 42, "sequence": 6 * GRU},
    ),
    "a recurrent layer": (
        nn.LSTM(4, 6, batch_first=True),
        {"input": "5x4"},
        "fvcore",
        {"no rule": -5 * 24 * 10},
    ),
    "a bare parameter": (
        models.Attention(),
        {"args": (torch.zeros(1, 2, 5, 4),)},
        "torchinfo",
        {"functional": -400},
    ),
    "a dot product": (models.Dot(), {"args": (torch.zeros(9),)}, "flop_counter", {"no rule": -9}),
    "upsampling and norms": (
        nn.Sequential(nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True), nn.Upsample(scale_factor=2)),
        {"input": "8x4x4"},
        "fvcore",
        {"group_norm": 5 * 128, "instance_norm": 5 * 128, "upsample_nearest2d": 4 * 128},
    ),
    "a batch of matrices": (
        Product(),
        {"args": (torch.zeros(3, 4, 4),)},
        "fvcore",
        {"matmul": -2 * 64},
    ),
    "a function of the owner's own": (OwnFunction(), {"input": "4"}, "fvcore", {"function": -5 * 6}),
    "what nobody reads": (Unread(), {"input": "4"}, "fvcore", {"dead": -4 * 6}),
    "training": (
        nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8)),
        {"input": "3x4x4", "batch": 2, "train": True},
        "fvcore",
        {"batch_norm": 5 * 2 * 8 * 16},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_reason_by_hand(name: str) -> None:
    module, how, peer, expected = CASES[name]
    found = netscope.verify(module, peers=[peer], **how)
    assert reasons(found[peer]) == expected


def test_parameters_that_are_counted_twice_or_not_at_all() -> None:
    tied = netscope.verify(models.TiedEmbedding(), input="7:int64")
    assert params(tied["torchinfo"]) == {"tied": 100 * 16}
    assert params(tied["fvcore"]) == {}
    loose = netscope.verify(models.PlainList(), input="4", peers=["torchinfo"])
    assert params(loose["torchinfo"]) == {"unregistered": -2 * 20}
    assert reasons(loose["torchinfo"]) == {"bias": 2, "functional": -2 * 16}


def test_complex_products_are_four_real_ones() -> None:
    class Complex(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ x

    with temporary_formulas():
        formula("aten.mm")(lambda op: contraction(4 * 64))
        found = netscope.verify(Complex(), args=(torch.zeros(4, 4, dtype=torch.complex64),))
    assert found.report.macs == 4 * 64


@pytest.mark.parametrize(
    "name",
    [
        "lenet",
        "torchvision/mobilenet_v3_small",
        *(
            pytest.param(name, marks=pytest.mark.whole)
            for name in ("timm/resnet18", "timm/deit_tiny_patch16_224", "hf/bert")
        ),
    ],
)
def test_every_difference_has_its_reason(name: str) -> None:
    found = netscope.verify(name)
    assert found.explained
    assert not found.failed
    assert {opinion.rung for opinion in found} <= {"meta", ""}


@pytest.mark.whole
def test_a_network_of_billions_costs_no_weights() -> None:
    found = netscope.verify("hf/llama")
    assert found.report.params > 6_000_000_000
    assert found.explained
    assert [opinion.rung for opinion in found] == ["meta"] * 3


class Encoder(nn.Module):
    """Two layers of 16 features, 32 within."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def test_on_real_weights_peers_meet_fused_operators() -> None:
    net = Encoder().eval()
    found = netscope.verify(net, input="9x16", real=True)
    # 9 tokens meet four matrices for attention and two of 16x32, and each other in two products.
    layer = 9 * (4 * 16 * 16 + 2 * 16 * 32 + 2 * 9 * 16)
    assert reasons(found["flop_counter"]) == {"fused": -2 * layer}
    assert {opinion.rung for opinion in found} == {"real"}
    assert found.explained
    on_meta = netscope.verify(net, input="9x16", peers=["flop_counter"])
    assert reasons(on_meta["flop_counter"]) == {}
    with planted("half of attention"):
        assert not netscope.verify(net, input="9x16", real=True, peers=["flop_counter"]).explained


# Errors that have no reason


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("convolutions twice", "torchvision/squeezenet1_1"),
        ("no linear layers", "alexnet"),
        ("half of attention", "timm/deit_tiny_patch16_224"),
        ("one layer by one", "torchvision/resnet18"),
        ("bias as torchinfo", "alexnet"),
        ("norms as fvcore", "torchvision/resnet18"),
        ("groups forgotten", "alexnet_grouped"),
    ],
)
def test_an_error_of_ours_has_no_reason(error: str, name: str) -> None:
    with planted(error):
        found = netscope.verify(name)
    assert not found.explained
    for opinion in found:
        if opinion.layers:  # published figures are rounded
            assert opinion.macs is not None
            assert opinion.macs.unexplained
            assert not opinion.explained


def asked(module: nn.Module, *args: TensorSpec) -> tuple[netscope.Report, dict[str, Any]]:
    """The report of a network, and what each peer says; in this process."""
    said = {}
    for peer in peers().values():
        if peer.staged:
            with staged(Workload("net", module, args), "meta", False) as stage:
                said[peer.name] = peer.ask(stage)
    return netscope.summary(Workload("net", module, args)), said


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=4, bias=False),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(1, 2),
        nn.Linear(2, 5),
        nn.LayerNorm(5),
        nn.Linear(5, 3),
    )


@pytest.fixture(scope="module")
def verified() -> tuple[netscope.Report, dict[str, Any]]:
    import logging

    before = logging.root.manager.disable
    try:
        return asked(network().eval(), TensorSpec((2, 3, 9, 9)))
    finally:
        logging.disable(before)


@given(st.sampled_from(["0", "1", "2", "3", "5", "6", "7", ""]), st.integers(-(10**6), 10**6))
@settings(max_examples=60)
def test_an_error_anywhere_of_any_size_is_what_is_left(
    verified: tuple[netscope.Report, dict[str, Any]], path: str, error: int
) -> None:
    report, said = verified
    ours = ours_of(report)
    wrong = ours._replace(macs={**ours.macs, path: ours.macs.get(path, 0) + error})
    for name, peer in peers().items():
        if name in said:
            opinion = opinion_of(peer, said[name], wrong, "")
            assert opinion.macs is not None
            assert opinion.macs.unexplained == ({path: -error} if error else {})


AMOUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(-50, 50))


@given(AMOUNTS, AMOUNTS, st.lists(AMOUNTS, max_size=4))
def test_what_is_left_is_what_no_reason_comes_to(
    ours: dict[str, int], theirs: dict[str, int], amounts: list[dict[str, int]]
) -> None:
    found = [netscope.answers.verify.Reason("key", "text", one) for one in amounts]
    left = left_over(ours, theirs, found)
    assert 0 not in left.values()
    assert sum(left.values()) == sum(theirs.values()) - sum(ours.values()) - sum(one.total for one in found)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4), st.booleans())
@settings(max_examples=15)
def test_torchinfo_on_any_linear(inputs: int, outputs: int, batch: int, bias: bool) -> None:
    module, spec = nn.Linear(inputs, outputs, bias=bias).eval(), TensorSpec((batch, 7, inputs))
    workload = Workload("net", module, (spec,))
    peer = peers()["torchinfo"]
    with staged(workload, "meta", False) as stage:
        said = peer.ask(stage)
    found = reasons(opinion_of(peer, said, ours_of(netscope.summary(workload)), ""))
    expected = {"bias": batch * outputs if bias else 0, "positions": -6 * batch * inputs * outputs}
    assert found == {key: amount for key, amount in expected.items() if amount}


def test_what_a_peer_has_by_no_rule_is_no_reason(verified: tuple[netscope.Report, dict[str, Any]]) -> None:
    """Were a norm counted otherwise than fvcore says, nothing explains it."""
    report, said = verified
    fvcore = said["fvcore"]
    entries = tuple(
        entry._replace(counted=entry.counted + 1) if entry.what == "batch_norm" else entry
        for entry in fvcore.entries
    )
    opinion = opinion_of(
        peers()["fvcore"], fvcore._replace(entries=entries, macs=fvcore.macs + 1), ours_of(report), ""
    )
    assert opinion.macs is not None
    assert set(opinion.macs.unexplained) == {"1"}


def test_a_lower_bound_is_told_as_such() -> None:
    with temporary_formulas():
        formula("aten.addmm")(lambda op: None)
        found = netscope.verify("lenet", peers=["flop_counter"])
    assert found.report.macs is None
    assert set(reasons(found["flop_counter"])) == {"uncounted"}


def test_what_was_counted_too_much_is_no_lower_bound() -> None:
    class Both(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.bmm(x, x) + torch.baddbmm(x, x, x)

    with temporary_formulas():
        formula("aten.baddbmm")(lambda op: None)
        formula("aten.bmm")(lambda op: contraction(1000))
        found = netscope.verify(Both(), args=(torch.zeros(2, 3, 3),), peers=["flop_counter"])
    assert found.report.macs is None
    assert not found.explained


# Peers that harm nothing


def with_ask(monkeypatch: pytest.MonkeyPatch, name: str, ask: Callable[[Any], Any]) -> None:
    module = __import__(f"netscope.answers.verify.peers.{name}", fromlist=["PEER"])
    monkeypatch.setattr(module, "PEER", replace(module.PEER, ask=ask))


def hang(stage: Any) -> None:
    time.sleep(100)


def crash(stage: Any) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.whole
def test_who_hangs_or_crashes_is_told_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    with_ask(monkeypatch, "fvcore", hang)
    with_ask(monkeypatch, "torchinfo", crash)
    found = netscope.verify("lenet", time_limit=10)
    assert found["fvcore"].error == "it was not done after 10 s"
    assert found["torchinfo"].error == "its process crashed (SIGSEGV)"
    assert not found["flop_counter"].error
    assert [one.name for one in found.failed] == ["fvcore", "torchinfo"]
    assert found.explained


def test_a_peer_that_cannot_is_told_in_a_line() -> None:
    found = netscope.verify(models.Outputs("categorical"), input="4")
    assert "unsupported input or output type" in found["torchinfo"].error
    assert "\n" not in found["torchinfo"].error
    assert found.explained


def test_the_owners_module_is_not_written_to() -> None:
    net = models.Hoards().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    x = torch.ones(1, 3, 8, 8)
    numbers = torch.get_rng_state()
    found = netscope.verify(net, args=(x,))
    assert found.explained
    assert torch.equal(torch.get_rng_state(), numbers)
    assert torch.equal(x, torch.ones(1, 3, 8, 8))
    assert net.training
    assert (net.count, net.seen, net.cache) == (0, [], {"old": 1})
    assert not net._forward_hooks
    assert not net.conv._forward_pre_hooks
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_a_forward_that_fails_is_its_own_error_and_no_process_stays() -> None:
    with pytest.raises(netscope.TraceError, match="broken"):
        netscope.verify(models.Raises(), input="4", batch=2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


# Sixty networks

SIXTY = """
alexnet alexnet_deconv alexnet_grouped cifar_resnet inception_block zfnet
torchvision/alexnet torchvision/convnext_tiny torchvision/deeplabv3_resnet50 torchvision/densenet121
torchvision/efficientnet_b0 torchvision/fcn_resnet50 torchvision/googlenet torchvision/inception_v3
torchvision/lraspp_mobilenet_v3_large torchvision/maxvit_t torchvision/mnasnet1_0 torchvision/mobilenet_v2
torchvision/mobilenet_v3_large torchvision/quantized_resnet18 torchvision/r3d_18 torchvision/regnet_y_400mf
torchvision/resnet50 torchvision/resnext50_32x4d torchvision/shufflenet_v2_x1_0 torchvision/squeezenet1_1
torchvision/swin_t torchvision/swin_v2_t torchvision/vgg16 torchvision/vit_b_16
timm/beit_base_patch16_224 timm/coat_lite_mini timm/convit_tiny timm/deit_tiny_patch16_224
timm/dla34 timm/eca_nfnet_l0 timm/efficientformerv2_s0 timm/fastvit_t8 timm/gmlp_s16_224 timm/halonet26t
timm/hiera_tiny_224 timm/hrnet_w18 timm/lambda_resnet26t timm/levit_128s timm/maxvit_tiny_rw_224
timm/mixer_b16_224 timm/mobilevit_s timm/pit_ti_224 timm/tnt_s_patch16_224 timm/xcit_nano_12_p16_224
hf/albert hf/bart hf/bert hf/clip hf/distilbert hf/electra hf/gpt2 hf/llama hf/mixtral hf/mobilebert
hf/opt hf/roberta hf/segformer hf/t5 hf/vit
""".split()


@pytest.mark.slow
@pytest.mark.parametrize("name", SIXTY)
def test_every_difference_of_sixty_networks_has_its_reason(name: str) -> None:
    found: Verification = netscope.verify(name)
    lost = {one.name: [figure.unexplained for figure in one.figures] for one in found if not one.explained}
    assert lost == {}
    # fvcore traces with torch.jit, under which torch's own unpooling fails.
    assert {one.name for one in found.failed} <= ({"fvcore"} if name == "alexnet_deconv" else set())
