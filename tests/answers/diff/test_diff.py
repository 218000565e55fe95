"""What a diff says of networks whose differences are known."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from torch import nn

import netscope
from netscope.answers.diff import Diff, diff


def compare(before, after, input="3x16x16", **how) -> Diff:
    return diff(*(netscope.summary(network.eval(), input=input, **how) for network in (before, after)))


def told(found: Diff) -> dict[str, tuple[str, dict[str, tuple]]]:
    """{path: (status, {what: (before, after)})} of whatever is not the same."""
    return {
        pair.path: (pair.status, {c.what: (c.before, c.after) for c in pair.changes})
        for pair in found.pairs
        if pair.status != "="
    }


def named(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


# AlexNet against ZFNet, and at two inputs


@pytest.fixture(scope="module")
def zeiler() -> Diff:
    return diff(netscope.summary("alexnet"), netscope.summary("zfnet"))


def test_alexnet_and_zfnet_pair_up(zeiler):
    weights = [f"conv{n}" for n in range(1, 6)] + [f"pool{n}" for n in (1, 2, 5)]
    weights = [f"features.{name}" for name in weights] + [f"classifier.fc{n}" for n in (6, 7, 8)]
    for path in weights:
        assert (zeiler[path].before.path, zeiler[path].after.path) == (path, path)
    assert zeiler.counts["+"] == zeiler.counts["-"] == 0


def test_what_zeiler_and_fergus_changed(zeiler):
    first = {c.what: (c.before, c.after) for c in zeiler["features.conv1"].changes}
    assert first["kernel_size"] == ((11, 11), (7, 7))
    assert first["stride"] == ((4, 4), (2, 2))
    assert first["output"] == ((1, 96, 55, 55), (1, 96, 110, 110))
    # The norm stands behind the pool now.
    assert told(zeiler)["features.norm1"][1]["order"] == ("relu1", "pool1")


def test_their_totals(zeiler):
    assert (zeiler.totals["params"].before, zeiler.totals["params"].after) == (62_378_344, 62_357_608)
    assert (zeiler.totals["macs"].before, zeiler.totals["macs"].after) == (1_135_256_096, 1_168_032_896)
    assert zeiler.totals["params"].change == -20_736
    assert zeiler.totals["macs"].ratio == pytest.approx(0.02887, abs=1e-5)


def test_a_difference_of_the_input_ends_at_the_pool():
    pytest.importorskip("torchvision")
    sizes = [netscope.summary("torchvision/alexnet", input=f"3x{n}x{n}") for n in (224, 227)]
    found = diff(*sizes)
    assert found.absorbed is not None
    assert found.absorbed.path == "features.2"
    leaves = {path: changes for path, (_, changes) in told(found).items() if changes}
    assert leaves.keys() == {"features.0", "features.1"}
    assert leaves["features.0"]["output"] == ((1, 64, 55, 55), (1, 64, 56, 56))


def test_one_that_goes_on_to_the_end_is_not_absorbed():
    net = named(conv=nn.Conv2d(3, 4, 3), act=nn.ReLU())
    found = diff(netscope.summary(net, input="3x16x16"), netscope.summary(net, input="3x17x17"))
    assert found.absorbed is None
    assert found.counts == {"=": 0, "~": 2, "+": 0, "-": 0}


def test_a_replaced_layer_absorbs_nothing():
    found = compare(
        named(conv=nn.Conv2d(3, 4, 3, padding=1), act=nn.ReLU(), pool=nn.MaxPool2d(2)),
        named(conv=nn.Conv2d(3, 4, 5, padding=2), act=nn.ReLU(), pool=nn.MaxPool2d(2)),
    )
    assert found.absorbed is None
    assert told(found).keys() == {"", "conv"}


# Single edits


def test_an_inserted_layer_shifts_nothing():
    found = compare(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()),
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()),
    )
    assert told(found) == {"": ("~", {}), "1": ("+", {})}
    assert (found["3"].before.path, found["3"].after.path) == ("2", "3")


def test_a_removed_layer_stands_where_it_was():
    found = compare(
        named(a=nn.Conv2d(3, 8, 3), b=nn.BatchNorm2d(8), c=nn.ReLU()),
        named(a=nn.Conv2d(3, 8, 3), c=nn.ReLU()),
    )
    assert [pair.path for pair in found.pairs] == ["", "a", "b", "c"]
    assert told(found) == {"": ("~", {}), "b": ("-", {})}
    assert found["b"].deltas["params"].before == 16
    assert found["b"].deltas["params"].after is None


def test_a_renamed_layer_is_the_same_layer():
    found = compare(
        named(conv1=nn.Conv2d(3, 8, 3), act=nn.ReLU()), named(stem=nn.Conv2d(3, 8, 3), act=nn.ReLU())
    )
    assert told(found) == {"": ("~", {}), "stem": ("~", {"name": ("conv1", "stem")})}


def test_of_a_renamed_container_only_the_container_is_renamed():
    def layers():
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())

    found = compare(named(features=layers(), head=nn.Flatten()), named(body=layers(), head=nn.Flatten()))
    assert told(found) == {"": ("~", {}), "body": ("~", {"name": ("features", "body")})}


def test_a_container_put_around_layers():
    def layers():
        return {"conv": nn.Conv2d(3, 8, 3), "norm": nn.BatchNorm2d(8), "act": nn.ReLU()}

    found = compare(named(**layers(), end=nn.Flatten()), named(stem=named(**layers()), end=nn.Flatten()))
    assert told(found) == {
        "": ("~", {}),
        "stem": ("+", {}),
        **{f"stem.{name}": ("~", {"moved": (name, f"stem.{name}")}) for name in layers()},
    }


def test_another_type_at_the_same_place():
    found = compare(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(), nn.MaxPool2d(2)),
    )
    status, changes = told(found)["1"]
    assert status == "~"
    assert changes["type"] == ("ReLU", "Dropout")


def test_a_wider_layer_and_what_follows_from_it():
    def net(width):
        return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 4, 1))

    found = told(compare(net(8), net(12)))
    assert found["0"][1]["out_channels"] == (8, 12)
    assert found["1"][1]["num_features"] == (8, 12)
    assert found["2"][1].keys() >= {"output"}
    assert found["3"][1]["in_channels"] == (8, 12)
    assert "output" not in found["3"][1]


def test_numbers_that_say_what_follows_from_what():
    found = compare(nn.Sequential(nn.Conv2d(3, 8, 3)), nn.Sequential(nn.Conv2d(3, 12, 3)))
    kinds = {c.what: c.kind for c in found["0"].changes}
    assert kinds["out_channels"] == kinds["weight"] == "definition"
    assert kinds["output"] == "result"


class Adds(nn.Module):
    def __init__(self, twice: bool):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.twice = twice

    def forward(self, x):
        x = self.layer(x) + x
        return self.layer(x) if self.twice else x


def test_calls_and_own_work():
    found = told(compare(Adds(False), Adds(True), input="4"))
    assert found["layer"][1]["calls"] == (1, 2)
    found = told(compare(Adds(False), nn.Sequential(OrderedDict(layer=nn.Linear(4, 4))), input="4"))
    assert found["(functional)"] == ("-", {})


class Tied(nn.Module):
    def __init__(self, tied: bool):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        if tied:
            self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x))


def test_tied_weights_are_a_difference():
    found = compare(Tied(False), Tied(True), input="4")
    assert found.totals["params"].change == -16
    assert told(found)["second"][1]["weight.shared_with"] == (None, "first.weight")


def test_ties_are_told_in_the_order_of_the_parameters():
    def net(tied):
        first = nn.Linear(4, 4)
        return named(a=named(x=first), b=named(x=first if tied else nn.Linear(4, 4)))

    (pair,) = [p for p in compare(net(False), net(True), "4") if p.changes]
    assert [change.what for change in pair.changes] == [
        "shared_with",
        "weight.shared_with",
        "bias.shared_with",
    ]


def test_of_a_layer_without_parameters_nothing_is_frozen():
    found = compare(nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.ReLU()), "4")
    assert told(found)["0"][1].keys() >= {"type", "weight", "bias"}
    assert not told(found)["0"][1].keys() & {"dtype", "trainable", "packed"}


class Idle(nn.Module):
    def __init__(self, calls):
        super().__init__()
        self.fc, self.calls = nn.Linear(4, 4), calls

    def forward(self, x):
        for _ in range(self.calls):
            x = self.fc(x)
        return x


def test_a_layer_that_was_not_called_returned_nothing():
    changes = told(compare(Idle(0), Idle(1), "4"))["fc"][1]
    assert changes["output"] == (None, (1, 4))
    assert changes["returns"] == ((), ("",))
    assert "output_dtype" not in changes


def test_batch_dtype_and_mode_are_told_as_such():
    net = named(conv=nn.Conv2d(3, 8, 3), act=nn.ReLU())
    small, large = (netscope.summary(net, input="3x16x16", batch=n) for n in (1, 8))
    assert told(diff(small, large))["act"][1]["batch"] == (1, 8)
    low = netscope.summary(named(conv=nn.Conv2d(3, 8, 3), act=nn.ReLU()).bfloat16(), input="3x16x16:bfloat16")
    assert told(diff(small, low))["conv"][1]["dtype"] == ("float32", "bfloat16")
    frozen = named(conv=nn.Conv2d(3, 8, 3).requires_grad_(False), act=nn.ReLU())
    found = told(diff(small, netscope.summary(frozen, input="3x16x16")))
    assert found["conv"][1] == {"trainable": (True, False)}
    trained = netscope.summary(net, input="3x16x16", train=True)
    assert not diff(small, trained)


def test_wholly_different_networks_still_pair_their_roots():
    found = compare(nn.Sequential(nn.Conv2d(3, 8, 3)), nn.Sequential(nn.Flatten(), nn.Linear(768, 2)))
    assert found.pairs[0].status == "~"
    assert found.counts == {"=": 0, "~": 0, "+": 2, "-": 1}


def test_a_lone_layer_against_a_network():
    found = diff(
        netscope.summary(nn.Conv2d(3, 8, 3), input="3x16x16"), netscope.summary(nn.ReLU(), input="3x16x16")
    )
    assert found.pairs[0].status == "~"
    assert found.counts["~"] == 1


def test_unknown_costs_stay_unknown():
    known = netscope.summary(nn.Linear(4, 4), input="4")
    from dataclasses import replace

    root = replace(known.root, macs=None, vector=None, unknown={"mylib.op.default": 1})
    found = diff(known, replace(known, layers=(root,)))
    assert found.totals["macs"].before == 16
    assert found.totals["macs"].after is None
    assert found.totals["macs"].change is None
    assert found.totals["macs"].ratio is None
    assert found


# Networks of the libraries


@pytest.mark.parametrize(
    ("before", "after", "added", "removed"),
    [
        ("resnet18", "resnet34", 16 * 3, 0),  # 8 blocks of 5 modules and their own work
        ("vgg16", "vgg16_bn", 13, 0),
        ("vgg11", "vgg13", 2 * 2, 0),
        ("resnet50", "resnext50_32x4d", 0, 0),
        ("vit_b_16", "vit_l_16", 0, 0),
    ],
)
def test_known_families(before, after, added, removed):
    pytest.importorskip("torchvision")
    found = diff(*(netscope.summary(f"torchvision/{name}") for name in (before, after)))
    if before.startswith("vit"):
        assert found.counts["-"] == 0
        assert {pair.path.split(".")[2] for pair in found.pairs if pair.status == "+"} == {
            f"encoder_layer_{n}" for n in range(12, 24)
        }
    else:
        assert (found.counts["+"], found.counts["-"]) == (added, removed)


def test_every_pair_of_the_zoo_adds_up():
    reports = [netscope.summary(name) for name in ("alexnet", "zfnet", "vgg16", "lenet", "alexnet_deconv")]
    for before in reports:
        for after in reports:
            found = diff(before, after)
            assert bool(found) == (before is not after)
            assert sum(p.before is not None for p in found.pairs) == len(before)
            assert sum(p.after is not None for p in found.pairs) == len(after)


def test_a_leaf_that_became_a_container():
    found = compare(
        named(a=nn.ReLU(), b=nn.Conv2d(3, 4, 1)),
        named(a=named(c=nn.Conv2d(3, 8, 1)), b=nn.Conv2d(8, 4, 1), d=nn.Flatten()),
    )
    changes = told(found)
    assert changes["a"][1]["type"] == ("ReLU", "Sequential")
    assert changes["a.c"] == changes["d"] == ("+", {})
    assert changes["b"][1]["in_channels"] == (3, 8)


def test_a_container_that_was_emptied_is_no_layer():
    before = nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1)))
    after = nn.Sequential(*before[0])
    there, back = compare(before, after), compare(after, before)
    assert there["0.0"].after is not None
    assert there.counts == {"=": 0, "~": 3, "+": 0, "-": 0}
    assert back.counts == there.counts


class Adapted(nn.Module):
    def __init__(self, base: nn.Linear):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down, self.up = nn.Linear(4, 2, bias=False), nn.Linear(2, 4, bias=False)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


def test_an_adapter_around_a_layer():
    def net(adapted):
        blocks = [named(q=nn.Linear(4, 4), k=nn.Linear(4, 4)) for _ in range(2)]
        for block in blocks:
            block.q = Adapted(block.q) if adapted else block.q
        return nn.Sequential(*blocks)

    found = compare(net(False), net(True), "4")
    for block in "01":
        base = found[f"{block}.q.base"]
        assert base.before is found.before[f"{block}.q"]
        assert {change.what for change in base.changes} == {"moved", "trainable"}
        assert found.after[f"{block}.q"] in [pair.after for pair in found if pair.status == "+"]
        assert found[f"{block}.k"].status == "="
    assert found.counts == {"=": 2, "~": 2, "+": 6, "-": 0}  # the adapters' two linears, and their sum
    back = compare(net(True), net(False), "4")
    assert back["0.q"].before is back.before["0.q.base"]
    assert back.counts == {"=": 2, "~": 2, "+": 0, "-": 6}


class Wrapper(nn.Module):
    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


@pytest.mark.parametrize("numbered", [True, False])
def test_a_network_put_into_another_module(numbered):
    def net():
        stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        head = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU())
        return nn.Sequential(stem, head) if numbered else named(stem=stem, head=head)

    found = compare(net(), Wrapper(net()))
    assert found["inner"].status == "+"
    for layer in found.before.layers[1:]:
        assert found[f"inner.{layer.path}"].before is layer
