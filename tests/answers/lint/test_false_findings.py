"""What checks once said and was not true, by kind, and beside each what they still have to find.

What is expected follows from what the networks here do, written down as small as it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import netscope
from netscope.answers.lint import Findings


class Does(nn.Module):
    """Layers, and a function of them and the input for a forward."""

    def __init__(self, forward: Callable[..., Any], **layers: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self.does = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: Tensor) -> Any:
        return self.does(self, x)


def lint(network: nn.Module, code: str, input: str = "3x32x32", **how: Any) -> Findings:
    return netscope.lint(network.eval(), input=input, select=[code], **how)


def found(network: nn.Module, code: str, input: str = "3x32x32", **how: Any) -> list[tuple[str, str]]:
    return [(one.severity, one.path) for one in lint(network, code, input, **how)]


CONV = nn.Conv2d(3, 8, 3, 2)

# NS101: rows that are padding already, or that something else reads


def same(x: Tensor, kernel: int = 3, stride: int = 2) -> Tensor:
    """The "same" padding of TensorFlow: the odd one at the end."""
    need = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:]]
    return functional.pad(x, (need[1] // 2, need[1] - need[1] // 2, need[0] // 2, need[0] - need[0] // 2))


def assembled(x: Tensor) -> Tensor:
    whole = x.new_zeros(x.shape[0], 3, 34, 34)
    whole[:, :, :32, :32] = x
    return whole


class Same(nn.Conv2d):
    """A convolution that pads its own input, as those of networks that come from TensorFlow."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(
            same(x, self.kernel_size[0], self.stride[0]), self.weight, self.bias, self.stride
        )


SAME = Same(3, 8, 3, 2)
POOL = nn.MaxPool2d(3, 2)

PADDED: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "same": lambda net, x: net.same(x),
    "constant at both ends": lambda net, x: net.conv(functional.pad(x, (1, 1, 1, 1))),
    "reflected": lambda net, x: net.conv(functional.pad(x, (1, 1, 1, 1), mode="reflect")),
    "repeated": lambda net, x: net.conv(functional.pad(x, (1, 1, 1, 1), mode="replicate")),
    "around": lambda net, x: net.conv(functional.pad(x, (1, 1, 1, 1), mode="circular")),
    "joined": lambda net, x: net.conv(
        torch.cat([torch.cat([x, x.new_zeros(1, 3, 2, 32)], 2), x.new_zeros(1, 3, 34, 2)], 3)
    ),
    "copied into zeros": lambda net, x: net.conv(assembled(x)),
    "with minus infinity, and an activation between": lambda net, x: net.pool(
        functional.pad(x, (1, 1, 1, 1), value=-torch.inf).relu()
    ),
    "last in another order": lambda net, x: net.conv(
        functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).permute(0, 3, 1, 2)
    ),
    "before a convolution that keeps it": lambda net, x: net.pool(
        functional.conv2d(functional.pad(x, (0, 2, 0, 2)), torch.ones(8, 3, 1, 1))
    ),
}


@pytest.mark.parametrize("how", PADDED)
def test_padding_that_the_forward_makes_is_no_row_of_the_input(how: str) -> None:
    assert found(Does(PADDED[how], conv=CONV, same=SAME, pool=POOL), "NS101") == []


def test_a_pad_layer_before_a_pool() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ConstantPad2d(1, 0.0), nn.MaxPool2d(3, 2))
    assert found(net, "NS101") == []
    # Off centre, though: the last row of the padding is not read, 1 + 32 + 1 - 3 = 31 is odd.
    assert found(net, "NS102") == [("info", "2")]


def test_padding_for_even_windows_is_on_centre_where_its_end_is_not_read() -> None:
    # To a multiple of 4 for another layer: 33 rows, of which windows of 2 read 32 and so all of the input.
    net = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2))
    assert found(net, "NS101") == found(net, "NS102") == []


@pytest.mark.parametrize("name", ["tf_efficientnet_b4", "tf_mixnet_s", "resnetv2_50x1_bit"])
def test_networks_that_pad_for_themselves(name: str) -> None:
    pytest.importorskip("timm")
    assert len(netscope.lint(f"timm/{name}", select=["NS101"])) == 0


def test_rows_that_are_lost_in_spite_of_padding() -> None:
    # 2 + 32 = 34 rows, windows of 5 at 0, 4, ..., 28 read 33: the last row is input, padding is in front.
    front = Does(lambda net, x: net.conv(functional.pad(x, (2, 0, 2, 0))), conv=nn.Conv2d(3, 8, 5, 4))
    assert found(front, "NS101") == [("warning", "conv")]
    # 32 + 1 rows: windows of 8 at 0, 8, 16 and 24 read 32 of them.
    assert found(nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(8)), "NS101") == []
    # 31 + 1 rows: windows of 5 at 0, 5, ..., 25 read 30; one row of input and one of padding are left.
    end = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(5))
    (one,) = lint(end, "NS101", input="3x31x31")
    assert "1 row and 1 column at the end are never read" in one.message


def test_a_function_is_judged_as_a_layer_is() -> None:
    net = Does(lambda net, x: functional.max_pool2d(net.conv(x), 2), conv=nn.Conv2d(3, 8, 2))
    assert found(net, "NS101") == [("warning", "(functional)")]
    line = Does(lambda net, x: functional.avg_pool1d(x, 2))
    (one,) = lint(line, "NS101", input="3x31")
    assert "1 position at the end is never read" in one.message


def test_what_is_judged_is_what_ran() -> None:
    """Attributes say 31 - 2 is odd; the forward gives the pool what tiles."""

    class Even(nn.MaxPool2d):
        def forward(self, x: Tensor) -> Tensor:
            return functional.max_pool2d(x[..., :30, :30], self.kernel_size)

    assert found(Even(2), "NS101", input="3x31x31") == []
    # And each call, where a layer is called at several sizes.
    twice = Does(lambda net, x: (net.pool(x), net.pool(x[..., :31, :31])), pool=nn.MaxPool2d(2))
    pyramid = Does(
        lambda net, x: net.pool(net.pool(net.conv(x))), conv=nn.Conv2d(3, 8, 3), pool=nn.MaxPool2d(2)
    )
    assert found(pyramid, "NS101") == [("warning", "pool")]  # 30 tiles, 15 does not
    assert found(twice, "NS101") == []  # the first call reads what the second leaves over


def test_rows_that_another_branch_reads_are_read() -> None:
    both = Does(
        lambda net, x: (net.pool(net.stem(x)), net.conv(net.stem(x).relu())),
        stem=nn.Conv2d(3, 8, 2),
        pool=nn.MaxPool2d(2),
        conv=nn.Conv2d(8, 8, 3, padding=1),
    )
    assert found(both, "NS101") == [("warning", "pool")]  # of two outputs of the stem one is read whole

    def forks(net: Any, x: Tensor) -> Any:
        y = net.stem(x)
        return net.pool(y), net.conv(y)

    assert found(Does(forks, stem=both.stem, pool=both.pool, conv=both.conv), "NS101") == []

    def gated(net: Any, x: Tensor) -> Any:
        y = net.stem(x)
        return net.pool(y) * y.mean()

    def pooled(net: Any, x: Tensor) -> Any:
        y = net.stem(x)
        return net.pool(y), functional.avg_pool2d(y, 2)

    assert found(Does(gated, stem=both.stem, pool=both.pool), "NS101") == []
    # Two pools that both stop short leave the row unread.
    assert len(found(Does(pooled, stem=both.stem, pool=both.pool), "NS101")) == 2


def test_a_saved_report_knows_the_same(tmp_path: Path) -> None:
    padded, bare = Does(PADDED["same"], same=SAME), nn.Conv2d(3, 8, 3, 2)
    for net, codes in ((padded, []), (bare, ["NS101"])):
        path = tmp_path / "report.json"
        report = netscope.summary(net, input="3x32x32")
        report.to_json(path)
        assert netscope.load(path) == report
        assert [one.code for one in netscope.lint(str(path), select=["NS101"])] == codes


def test_a_report_of_an_older_netscope_is_not_judged() -> None:
    old = Path(__file__).parents[2] / "data" / "reports" / "1.json"
    assert {"NS101", "NS102", "NS103"} <= set(netscope.lint(str(old)).skipped)


# NS103: what was padded is cut off again


def causal(net: Any, x: Tensor) -> Tensor:
    return net.conv(x)[..., :-2]


class Chomp(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :-4].contiguous()


CAUSAL: dict[str, nn.Module] = {
    "sliced": Does(causal, conv=nn.Conv1d(8, 8, 3, padding=2)),
    "to the input's length": Does(
        lambda net, x: net.conv(x)[:, :, : x.shape[-1]], conv=nn.Conv1d(8, 8, 4, padding=3, groups=8)
    ),
    "by a layer, with dilation": nn.Sequential(nn.Conv1d(8, 8, 3, padding=4, dilation=2), Chomp(), nn.ReLU()),
    "after a gate": Does(
        lambda net, x: (net.one(x).tanh() * net.other(x).sigmoid())[..., :-2],
        one=nn.Conv1d(8, 8, 3, padding=2),
        other=nn.Conv1d(8, 8, 3, padding=2),
    ),
    "by a negative pad": Does(
        lambda net, x: functional.pad(net.conv(x).relu(), (0, -2)), conv=nn.Conv1d(8, 8, 3, padding=2)
    ),
    "after a transposition": Does(
        lambda net, x: net.conv(x).transpose(1, 2)[:, :-2], conv=nn.Conv1d(8, 8, 3, padding=2)
    ),
    "narrowed": Does(lambda net, x: net.conv(x).narrow(-1, 0, 32), conv=nn.Conv1d(8, 8, 3, padding=2)),
    "joined with another, then sliced": Does(
        lambda net, x: torch.cat([net.one(x), net.other(x)], 1)[..., :-2],
        one=nn.Conv1d(8, 8, 3, padding=2),
        other=nn.Conv1d(8, 8, 3, padding=2),
    ),
    "for its last position": Does(lambda net, x: net.conv(x)[..., -3], conv=nn.Conv1d(8, 8, 3, padding=2)),
    "split": Does(lambda net, x: net.conv(x).split([32, 2], -1)[0], conv=nn.Conv1d(8, 8, 3, padding=2)),
}


@pytest.mark.parametrize("how", CAUSAL)
def test_a_causal_convolution_drops_what_its_padding_made(how: str) -> None:
    assert found(CAUSAL[how], "NS103", input="8x32") == []


def test_padding_that_stays_is_too_wide() -> None:
    assert found(nn.Conv1d(8, 8, 3, padding=2), "NS103", input="8x32") == [("warning", "")]
    # A cut through the channels leaves all positions.
    halves = Does(lambda net, x: net.conv(x).chunk(2, 1)[0], conv=nn.Conv1d(8, 8, 3, padding=2))
    assert found(halves, "NS103", input="8x32") == [("warning", "conv")]
    called = Does(lambda net, x: functional.conv1d(x, torch.ones(8, 8, 3), padding=2))
    assert found(called, "NS103", input="8x32") == [("warning", "")]


# NS402: statistics of something that is no batch, zeros that are no dropout


class Standardized(nn.Conv2d):
    """A convolution whose weight is standardized by each of its filters."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.reshape(1, self.out_channels, -1)
        weight = functional.batch_norm(weight, None, None, training=True, momentum=0.0)
        return functional.conv2d(x, weight.reshape_as(self.weight), self.bias)


class Scaled(Standardized):
    """The same of a weight that was computed before."""

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight * 0.5 - 1).view(1, self.out_channels, -1)
        weight = functional.batch_norm(weight, None, None, training=True)
        return functional.conv2d(x, weight.view_as(self.weight))


def of_the_weight(net: Any, x: Tensor) -> Tensor:
    weight = functional.batch_norm(net.conv.weight, None, None, training=True)
    return functional.conv2d(x, weight)


NO_BATCH: dict[str, nn.Module] = {
    "a standardized weight": Standardized(3, 8, 3),
    "a computed weight": Scaled(3, 8, 3),
    "a weight as it is": Does(of_the_weight, conv=nn.Conv2d(3, 8, 3)),
    "each sample alone": nn.Sequential(nn.Conv2d(3, 8, 3), nn.InstanceNorm2d(8)),
    "each sample alone, by the function": Does(lambda net, x: functional.instance_norm(x)),
    "each sample alone, by hand": Does(
        lambda net, x: functional.batch_norm(x.reshape(1, -1, 32, 32), None, None, training=True).view(
            x.shape
        )
    ),
    "running statistics": nn.BatchNorm2d(3),
    "a sample of the data": Does(lambda net, x: torch.bernoulli(x.sigmoid()) * x),
    "a sample of the data, in place": Does(lambda net, x: x * torch.empty_like(x).bernoulli_(x.sigmoid())),
    "noise that is added": Does(lambda net, x: x + torch.empty_like(x).bernoulli_(0.3)),
    "a dropout of nothing": Does(lambda net, x: functional.dropout(x, 0.0, training=True)),
    "dropout at rest": nn.Sequential(nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout()),
}


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("how", NO_BATCH)
def test_nothing_depends_on_the_batch_or_on_chance(how: str, batch: int) -> None:
    assert found(NO_BATCH[how], "NS402", batch=batch) == []


@pytest.mark.parametrize("name", ["nfnet_f0", "resnetv2_50x1_bit", "eca_nfnet_l0"])
def test_weight_standardization_of_timm(name: str) -> None:
    pytest.importorskip("timm")
    assert len(netscope.lint(f"timm/{name}", select=["NS402"])) == 0


STILL: dict[str, tuple[nn.Module, str]] = {
    "no running statistics": (nn.BatchNorm2d(3, track_running_stats=False), "warning"),
    "statistics of the batch, by the function": (
        Does(lambda net, x: functional.batch_norm(x * 2, None, None, training=True)),
        "warning",
    ),
    "dropout": (Does(lambda net, x: functional.dropout(x)), "error"),
    "dropout of maps": (Does(lambda net, x: functional.dropout2d(x, 0.1)), "error"),
    "dropout that keeps means": (
        Does(lambda net, x: functional.alpha_dropout(x, 0.2, training=True)),
        "error",
    ),
    "whole paths": (Does(lambda net, x: x * x.new_empty(1, 1, 1, 1).bernoulli_(0.9).div_(0.9)), "error"),
    "dropout in attention": (
        Does(lambda net, x: functional.scaled_dot_product_attention(x, x, x, dropout_p=0.1)),
        "error",
    ),
}


@pytest.mark.parametrize("how", STILL)
def test_what_depends_on_the_batch_or_on_chance(how: str) -> None:
    network, severity = STILL[how]
    assert found(network, "NS402", batch=2) == [(severity, "")]


def test_a_part_left_in_training_mode_has_to_make_a_difference() -> None:
    def left(*layers: nn.Module, **how: Any) -> list[tuple[str, str]]:
        net = nn.Sequential(nn.Conv2d(3, 8, 3), *layers).eval()
        net[1].train()
        return [(f.severity, f.path) for f in netscope.lint(net, input="3x32x32", select=["NS402"], **how)]

    assert left(nn.Dropout(0.0)) == []
    assert left(nn.BatchNorm2d(8)) == [("error", "1")]
    assert left(nn.Dropout(0.2)) == [("error", "1")]
    assert left(nn.Identity()) == []
    idle = Does(lambda net, x: x * 2, drop=nn.Dropout()).eval()
    idle.drop.train()
    assert len(netscope.lint(idle, input="8", select=["NS402"])) == 0


def test_a_batch_norm_of_single_values_left_in_training_mode() -> None:
    # In training it raises: of one value for each channel there are no statistics.
    net = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)).eval()
    net[1].train()
    assert [f.path for f in netscope.lint(net, input="8", select=["NS402"])] == ["1"]


# NS302: weights that are read unseen, or elsewhere, or at another time


class Held(Tensor):
    """A tensor that computes with another one that it holds."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Self:
        return Tensor._make_wrapper_subclass(cls, inner.shape, dtype=torch.float32)  # type: ignore[attr-defined,no-any-return]

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is functional.linear:
            x, weight, *bias = args
            return functional.linear(x, weight.inner.float(), *bias)
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.detach.default:
            return Held(args[0].inner)
        raise NotImplementedError(str(func))


def held() -> nn.Linear:
    linear = nn.Linear(8, 8)
    linear.weight = nn.Parameter(Held(torch.zeros(8, 8, dtype=torch.int8)), requires_grad=False)
    return linear


def test_a_weight_inside_a_tensor_class() -> None:
    assert found(held(), "NS302", input="8") == []
    assert found(nn.Sequential(nn.ReLU(), held()), "NS302", input="8") == []
    # Nor can be told whether somebody else reads the weight of a layer that is not called.
    aside = Does(lambda net, x: functional.linear(x, net.linear.weight), linear=held())
    assert found(aside, "NS301", input="8") == []


def test_a_bias_that_is_packed_with_its_weight() -> None:
    layers = (nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4, bias=False))
    net = torch.ao.quantization.quantize_dynamic(nn.Sequential(*layers), {nn.Linear}, torch.qint8)
    assert found(net, "NS302", input="8") == []
    recurrent = torch.ao.quantization.quantize_dynamic(
        Does(lambda net, x: net.lstm(x)[0], lstm=nn.LSTM(8, 8)), {nn.LSTM}, torch.qint8
    )
    assert found(recurrent, "NS302", input="4x8") == []


def test_what_reads_a_parameter() -> None:
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))
    assert found(normed, "NS302", input="8") == []
    empty = Does(lambda net, x: x * 2, none=nn.Parameter(torch.empty(0, 8)))
    assert found(empty, "NS302", input="8") == []
    view = Does(lambda net, x: x + net.table[:1, 0], table=nn.Parameter(torch.zeros(4, 8, 8)))
    assert found(view, "NS302", input="8") == []


def test_a_parameter_for_training_or_for_more_arguments() -> None:
    trains = Does(lambda net, x: x + net.token if net.training else x * 2, token=nn.Parameter(torch.zeros(8)))
    (one,) = lint(trains, "NS302", input="8")
    assert (one.severity, one.message) == (
        "info",
        "token is never read in evaluation, only in training: 8 parameters.",
    )
    (one,) = lint(Masked(), "NS302", input="8")
    assert one.severity == "info"
    assert one.message == (
        "token is never read in evaluation or training at this input: 8 parameters without use;"
        " mask was not given, which may make a difference."
    )
    assert len(netscope.lint(Masked(), args=(torch.ones(1, 8), torch.ones(1, 8)), select=["NS302"])) == 0


class Masked(nn.Module):
    """A parameter and a layer for one who gives a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.prompt = nn.Parameter(torch.zeros(8)), nn.Linear(8, 8)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return x * 2 if mask is None else x + self.prompt(mask) * self.token


def test_a_parameter_that_is_forgotten() -> None:
    forgotten = Does(lambda net, x: x * 2, scale=nn.Parameter(torch.ones(8)))
    assert found(forgotten, "NS302", input="8") == [("warning", "")]


# NS301: what other data or arguments call


def by_value(net: Any, x: Tensor) -> Any:
    return net.one(x) if x.sum() >= 0 else net.other(x)


def by_count(net: Any, x: Tensor) -> Any:
    boxes = x[x > 1e9]
    return net.one(x) if not len(boxes) else net.other(x)


def by_loop(net: Any, x: Tensor) -> Any:
    for _ in range(int(x.abs().max().item()) // 1000):
        x = net.other(x)
    return net.one(x)


@pytest.mark.parametrize("does", [by_value, by_count, by_loop])
def test_branches_that_the_data_decide_are_said_to_be(does: Callable[..., Any]) -> None:
    net = Does(does, one=nn.Linear(8, 8), other=nn.Linear(8, 8))
    (one,) = lint(net, "NS301", input="8")
    assert one.severity == "info"
    assert one.message.endswith("which parts run may depend on values of the data.")


def test_branches_for_arguments_that_were_not_given_are_said_to_be() -> None:
    (one,) = lint(Masked(), "NS301", input="8")
    assert one.severity == "info"
    assert one.message == (
        "not called in evaluation or training at this input: its 72 parameters take no part;"
        " mask was not given, which may make a difference."
    )
    assert len(netscope.lint(Masked(), args=(torch.ones(1, 8), torch.ones(1, 8)), select=["NS301"])) == 0


def test_a_module_that_nobody_can_call_is_idle() -> None:
    idle = Does(lambda net, x: net.one(x), one=nn.Linear(8, 8), other=nn.Linear(8, 8))
    assert found(idle, "NS301", input="8") == [("warning", "other")]


# NS401: a softmax in evaluation alone


class Predicts(nn.Module):
    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.head, self.always = nn.Linear(8, 4), always

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)
        return x if self.training and not self.always else functional.softmax(x, -1)


class Tells(nn.Module):
    """Logits beside a loss in training, as detectors do it."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Any:
        logits = self.head(x)
        return {"loss": logits.sum()} if self.training else {"scores": logits.softmax(-1)[None]}


def test_a_softmax_for_predictions_alone() -> None:
    assert found(Predicts(), "NS401", input="8") == []
    assert found(Tells(), "NS401", input="8") == []
    assert found(nn.Sequential(nn.Linear(8, 8), Predicts()), "NS401", input="8") == []
    assert netscope.lint(Predicts(), input="8", select=["NS401"], train=True).found == ()


def test_a_softmax_in_either_mode() -> None:
    assert found(Predicts(always=True), "NS401", input="8") == [("warning", "")]
    assert len(netscope.lint(Predicts(always=True), input="8", select=["NS401"], train=True)) == 1
    # Of one row a batch norm cannot be trained, so nobody knows: that is said.
    fails = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Softmax(-1))
    assert found(fails, "NS401", input="8") == [("info", "2")]
    assert found(fails, "NS401", input="8", batch=2) == [("warning", "2")]


# NS303: flattened dimensions that are not the input's


def outer(net: Any, x: Tensor) -> Tensor:
    y = net.conv(x).mean((2, 3))
    return net.linear((y[:, :, None] * y[:, None, :]).flatten(1))


def bilinear(net: Any, x: Tensor) -> Tensor:
    y = net.conv(x).flatten(2)
    return net.linear(torch.bmm(y, y.transpose(1, 2)).flatten(1))


def einsum(net: Any, x: Tensor) -> Tensor:
    y = net.conv(x).mean((2, 3))
    return net.linear(torch.einsum("bi,bj->bij", y, y).flatten(1))


def token(net: Any, x: Tensor) -> Tensor:
    return net.linear(net.conv(x).mean((2, 3))[:, None])


def first_token(net: Any, x: Tensor) -> Tensor:
    return net.linear(net.conv(x).flatten(2).transpose(1, 2)[:, :1])


def adapted(net: Any, x: Tensor) -> Tensor:
    return net.wide(functional.adaptive_avg_pool2d(net.conv(x), 4).relu().flatten(1))


def resized(net: Any, x: Tensor) -> Tensor:
    return net.wide(net.same(functional.interpolate(net.conv(x), size=(4, 4))).flatten(1))


SIZELESS = (outer, bilinear, einsum, token, first_token, adapted, resized)


@pytest.mark.parametrize("does", SIZELESS)
def test_what_is_flattened_is_of_one_size_for_any_input(does: Callable[..., Any]) -> None:
    width = 8 if does in (token, first_token) else 64
    net = Does(
        does,
        conv=nn.Conv2d(3, 8, 3),
        same=nn.Conv2d(8, 8, 3, padding=1),
        linear=nn.Linear(width, 4),
        wide=nn.Linear(128, 4),
    )
    assert found(net, "NS303") == []


def test_a_layer_is_named_once_however_often_it_is_called() -> None:
    def often(net: Any, x: Tensor) -> Tensor:
        return torch.stack([net.linear(net.conv(x).flatten(1)) for _ in range(30)])

    net = Does(often, conv=nn.Conv2d(3, 8, 3, 2), linear=nn.Linear(8 * 15 * 15, 4))
    assert found(net, "NS303") == [("info", "linear")]


def test_what_is_flattened_is_of_the_inputs_size() -> None:
    def through(net: Any, x: Tensor) -> Tensor:
        return net.linear(functional.max_pool2d(net.conv(x).relu(), 2).reshape(x.shape[0], -1))

    net = Does(through, conv=nn.Conv2d(3, 8, 3), linear=nn.Linear(8 * 15 * 15, 4))
    assert found(net, "NS303") == found(net, "NS303", batch=2) == [("info", "linear")]
    length = nn.Sequential(nn.Conv1d(8, 1, 3), nn.Flatten(), nn.Linear(30, 4))
    assert found(length, "NS303", input="8x32") == [("info", "2")]
    tokens = nn.Sequential(nn.Linear(8, 8), nn.Flatten(), nn.Linear(32 * 8, 4))
    assert found(tokens, "NS303", input="32x8") == [("info", "2")]
    picture = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    assert found(picture, "NS303", input="1x28x28") == [("info", "1")]


# NS201: channels that are not the norm's, a bias that is added elsewhere too


def tokens_first(net: Any, x: Tensor) -> Tensor:
    return net.norm(net.linear(x))


def elsewhere(net: Any, x: Tensor) -> Tensor:
    return net.bn(net.conv(x)) + net.conv(x * 2)


def test_a_bias_that_the_norm_does_not_take_away() -> None:
    # (samples, tokens, features): the norm's channels are the tokens.
    tokens = Does(tokens_first, linear=nn.Linear(8, 8), norm=nn.BatchNorm1d(8))
    assert found(tokens, "NS201", input="8x8") == []
    wide = Does(tokens_first, linear=nn.Linear(8, 16), norm=nn.BatchNorm1d(4))
    assert found(wide, "NS201", input="4x8") == []
    shared = Does(elsewhere, conv=nn.Conv2d(3, 3, 3), bn=nn.BatchNorm2d(3))
    assert found(shared, "NS201") == []


def test_a_bias_that_the_norm_takes_away() -> None:
    features = Does(
        lambda net, x: net.norm(net.linear(x).transpose(1, 2)), linear=nn.Linear(8, 8), norm=nn.BatchNorm1d(8)
    )
    assert found(features, "NS201", input="8x8") == [("warning", "linear")]
    instance = nn.Sequential(nn.Conv2d(3, 8, 3), nn.InstanceNorm2d(8))
    assert found(instance, "NS201", batch=2) == [("warning", "0")]
    twice = Does(
        lambda net, x: net.bn(net.conv(x)) + net.bn(net.conv(x * 2)),
        conv=nn.Conv2d(3, 8, 3),
        bn=nn.BatchNorm2d(8),
    )
    assert found(twice, "NS201") == [("warning", "conv")]
