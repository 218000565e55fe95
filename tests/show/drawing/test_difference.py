from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor, nn

import netscope
from netscope.show.drawing.became import PASSED, Became
from netscope.show.drawing.difference import DrawnDiff, difference_of
from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnGroup, DrawnNode
from netscope.show.drawing.make import DEEPEST, opened_to
from netscope.show.drawing.opposite import _opened, svg_of_both
from netscope.show.drawing.place import place_both
from tests.show.drawing.test_make import Decoder, named


def both(before: str, after: str) -> DrawnDiff:
    drawn = difference_of(netscope.diff(before, after))
    assert drawn is not None
    return drawn


def test_pairs_say_what_changed() -> None:
    drawn = both("alexnet", "zfnet")
    told = {pair.after: pair for pair in drawn.pairs}
    assert told["features.conv1"].status == "~"
    assert told["features.conv1"].text == "kernel 11→7, stride 4→2, padding 0→1, output 55×55 → 110×110"
    assert told["features.pool2"].text == "padding 0→1"
    assert (told["features.conv3"].status, told["features.conv3"].text) == ("=", "")
    assert drawn.before.values["params"][""] == 62_378_344


def test_added_rows_have_no_partner() -> None:
    drawn = both("torchvision/resnet18", "torchvision/resnet34")
    added = [pair for pair in drawn.pairs if pair.status == "+"]
    assert all(pair.before is None for pair in added)
    assert any((pair.after, pair.text) == ("layer1.2", "BasicBlock") for pair in added)
    # What stayed is one run, what was added another.
    layer1 = next(node for node in drawn.after.groups[0].nodes if node.label == "layer1")
    assert named(drawn.after, layer1.inside) == [("run", "0-1", 2), ("module", "2", 1)]


class Adapted(nn.Module):
    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.inner = inner
        self.low = nn.Linear(inner.in_features, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + nn.functional.pad(self.low(x), (0, self.inner.out_features - 2))


def test_blocks_to_which_the_same_happened_are_one_run() -> None:
    before, after = Decoder(6), Decoder(6)
    for layer in after.layers[:3]:
        layer.up = Adapted(layer.up)  # type: ignore[assignment]
    args = (torch.zeros(1, 8),)
    found = netscope.diff(netscope.summary(before, args=args), netscope.summary(after, args=args))
    drawn = difference_of(found)
    assert drawn is not None
    runs = [("run", "layers.0-2", 3), ("run", "layers.3-5", 3)]
    assert named(drawn.before)[1:-1] == runs
    assert named(drawn.after)[1:-1] == runs
    # The wrapper is new, and what it wraps is told of.
    text = svg_of_both(drawn)
    said = [element.text for element in ElementTree.fromstring(text).iter() if element.tag.endswith("text")]
    assert {"inner", "low"} <= set(said)
    assert any(str(line).startswith("now inner") for line in said)
    assert 'class="open added"' in text


def test_a_report_without_its_flow_has_no_difference() -> None:
    old = netscope.summary("tests/data/reports/2.json")
    assert difference_of(netscope.diff(old, netscope.summary("lenet"))) is None


def row(rank: int, name: str, height: float = 40, inside: int = -1) -> DrawnNode:
    return DrawnNode("module", name, "", name, False, inside, 60, height, rank, 0)


def column(*nodes: DrawnNode, groups: tuple[DrawnGroup, ...] = ()) -> Drawing:
    edges = [DrawnEdge(number, number + 1, "") for number in range(len(nodes) - 1)]
    return Drawing("net", [DrawnGroup(nodes, edges), *groups], frozenset(), {})


def ys(placed: object) -> dict[str, float]:
    return {box.path: box.y for box in placed.boxes}  # type: ignore[attr-defined]


def test_partners_stand_beside_each_other() -> None:
    before = column(row(0, "a"), row(1, "b"), row(2, "c"))
    after = column(row(0, "a"), row(1, "new", 100), row(2, "b"), row(3, "c"))
    left, right = place_both(before, after, ((), ()), {"a": "a", "b": "b", "c": "c"})
    # 40 + 34, then 100 + 34 for what is new.
    assert ys(right) == {"a": 0, "new": 74, "b": 208, "c": 282}
    assert ys(left) == {"a": 0, "b": 208, "c": 282}
    assert left.height == right.height == 322


def test_what_changed_its_place_stands_where_order_allows() -> None:
    before = column(row(0, "a"), row(1, "b"), row(2, "c"))
    after = column(row(0, "b"), row(1, "a"), row(2, "c"))
    left, right = place_both(before, after, ((), ()), {"a": "a", "b": "b", "c": "c"})
    # a stands beside a, so that b, which came above it, cannot; c stands beside c again.
    assert ys(left) == {"a": 74, "b": 148, "c": 222}
    assert ys(right) == {"b": 0, "a": 74, "c": 222}


def test_partners_that_are_open_are_level_inside() -> None:
    one = DrawnGroup([row(0, "x"), row(1, "y")], [])
    two = DrawnGroup([row(0, "x"), row(1, "more"), row(2, "y")], [])
    before = column(row(0, "a", inside=1), row(1, "b"), groups=(one,))
    after = column(row(0, "a", inside=1), row(1, "b"), groups=(two,))
    opened = {(0,)}
    left, right = place_both(before, after, (opened, opened), {n: n for n in ("a", "b", "a.x", "a.y")})
    assert ys(left)["a.x"] == ys(right)["a.x"] == 26
    assert ys(left)["a.y"] == ys(right)["a.y"] == 26 + 148
    assert ys(left)["b"] == ys(right)["b"] == 26 + 188 + 14 + 34


@pytest.mark.parametrize("pair", [("alexnet", "zfnet"), ("torchvision/resnet18", "torchvision/resnet34")])
def test_the_picture_says_in_shape_and_words_what_changed(pair: tuple[str, str]) -> None:
    text = svg_of_both(both(*pair))
    tree = ElementTree.fromstring(text)
    said = [element.text for element in tree.iter() if element.tag.endswith("text")]
    assert [name for name in pair if name in said] == list(pair)
    assert "params" in said
    if pair[0] == "alexnet":
        assert said[said.index("params") :][:5] == ["params", "62.38 M", "→", "62.36 M", "−0.03%"]
        assert "kernel 11→7, stride 4→2," in said
        assert 'class="box changed"' in text
        assert 'class="inner changed"' in text
    else:
        assert 'class="box added"' in text
        assert said.count("+") == 4
    assert text == svg_of_both(both(*pair))


def test_what_only_passes_by_stays_closed() -> None:
    text = svg_of_both(both("torchvision/vit_b_16", "torchvision/vit_b_32"))
    assert "kernel 16→32" in text
    width = float(text.partition('width="')[2].partition('"')[0])
    ends = [float(x) for x in re.findall(r'<rect class="box[^"]*" x="([^"]*)"', text)]
    assert max(ends) + 22 < width
    assert 'class="box passed"' in text
    assert "self_attention" not in text
    assert "self_attention" in svg_of_both(both("torchvision/vit_b_16", "torchvision/vit_b_32"), depth=3)


def grown() -> DrawnDiff:
    """Three more activations, which are a run, at the end of a network."""
    before = nn.Sequential(nn.Linear(4, 4))
    after = nn.Sequential(nn.Linear(4, 4), *[nn.Tanh() for _ in range(4)])
    args = (torch.zeros(1, 4),)
    drawn = difference_of(
        netscope.diff(netscope.summary(before, args=args), netscope.summary(after, args=args))
    )
    assert drawn is not None
    return drawn


def test_a_run_of_what_was_added_is_added() -> None:
    tree = ElementTree.fromstring(svg_of_both(grown()))
    boxes = [element for element in tree.iter() if element.tag.endswith("g") and len(element)]
    run = next(box for box in boxes if "×4" in [element.text for element in box])
    assert [element.get("class") for element in run if element.get("class", "").startswith("box")] == [
        "box added"
    ]
    assert "+" in [element.text for element in tree.iter() if element.get("class") == "label addedtext"]


def work(label: str, kind: str = "operator", inside: int = -1) -> DrawnNode:
    return DrawnNode(kind, label, "", "", False, inside, 60, 24, 0, 0)  # type: ignore[arg-type]


STATUSES = {"": "=", "a": "=", "a.b": "~", "new": "+", "gone": "-", "own": "~"}


@pytest.mark.parametrize(
    ("path", "node", "closed", "status"),
    [
        ("a.b", row(0, "b"), True, "~"),
        ("a", row(0, "a"), True, "~"),  # for what changed within
        ("a", row(0, "a"), False, "="),
        ("nowhere", row(0, "nowhere"), True, "="),
        ("new", row(0, "new"), True, "+"),
        ("new", work("add"), True, "+"),
        ("gone", work("add"), True, "-"),
        ("new", work("", "input"), True, "="),
        ("own", work("add"), True, "="),
        ("", work("0-1", "run", 1), True, "+"),
        ("", work("0-1", "run", 2), True, "~"),
        ("", work("0-1", "run", 3), True, "passed"),
        ("", work("a run of runs", "run", 4), True, "~"),
        ("new", work("30 operators", "module", 5), True, "+"),
        ("own", work("30 operators", "module", 5), True, "="),
    ],
)
def test_what_became_of_a_box(path: str, node: DrawnNode, closed: bool, status: str) -> None:
    """The groups are what is new, what is so in part, what only passes, runs of these, and work."""
    new, same, passed = (row(0, name)._replace(elsewhere=True) for name in ("new", "nowhere", "passed"))
    ports = [work("", "input"), work("", "output")]
    groups = [
        DrawnGroup([], []),
        DrawnGroup([ports[0], new, new, ports[1]], []),
        DrawnGroup([new, same], []),
        DrawnGroup([passed, same], []),
        DrawnGroup([work("0-1", "run", 1), work("0-1", "run", 2)], []),
        DrawnGroup([ports[0], work("add"), work("mul"), ports[1]], []),
    ]
    became = Became(Drawing("net", groups, frozenset(), {}), {**STATUSES, "passed": PASSED})
    assert became.of(node, path, closed=closed) == status


def test_there_is_an_end_to_what_a_depth_opens() -> None:
    """Ten boxes in each of ten, and so on, twelve deep: a million million of them."""
    groups = [
        DrawnGroup([row(0, f"{n}", inside=deep + 1)._replace(rank=n) for n in range(10)], [])
        for deep in range(12)
    ]
    drawing = Drawing("net", [*groups, DrawnGroup([row(0, "end")], [])], frozenset(), {})
    both = DrawnDiff(drawing, drawing, [])
    left, right = _opened(both, drawing, drawing, 99, 200)
    assert len(left) == len(right) == 200
    assert max(map(len, left)) == 3
    deep = [DrawnGroup([row(0, "in", inside=number + 1)], []) for number in range(150)]
    drawing = Drawing("net", [*deep, DrawnGroup([row(0, "end")], [])], frozenset(), {})
    left, _ = _opened(DrawnDiff(drawing, drawing, []), drawing, drawing, 200)
    assert len(left) == DEEPEST == len(opened_to(drawing.groups, 200))
