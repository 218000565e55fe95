"""Mermaid: what is drawn of a network and of a difference, in how many boxes, and that names are only text.

That programs which read Mermaid take it is tried by hand with the newest three of its versions.
"""

from __future__ import annotations

import re
import sys

import pytest

import netscope
from netscope import show
from netscope.base.errors import UsageError
from netscope.show import page as p
from netscope.show.drawing.became import failed_of
from netscope.show.drawing.difference import DrawnDiff, DrawnPair
from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnGroup, DrawnNode
from netscope.show.formats import markdown, mermaid
from netscope.show.formats.mermaid import LINES, LONGEST, MOST, chart_of, chart_of_both, text_of
from netscope.show.screen import Screen

BOX = re.compile(r'^ +(?:subgraph )?(n\d+)\W*"(.*?)"\W*$')
LINE = re.compile(r'^ +(n\d+) --> (?:\|"(.*?)"\| )?(n\d+)$')
# All that a line may be made of besides.
FIXED = re.compile(
    r'^(flowchart (TD|LR)| +end| +direction TB|  before ~~~ after|  subgraph (before|after)\["[^"]*"\]'
    r"|  classDef \w+ [\w:#, -]+|  class n[\dn,]+ \w+)$"
)


def node(rank: int, label: str, *, inside: int = -1, kind: str = "module", **other: object) -> DrawnNode:
    path = label if kind == "module" else ""
    return DrawnNode(kind, label, "", path, False, inside, 60, 24, rank, 0.0, **other)  # type: ignore[arg-type]


def port(rank: int, kind: str) -> DrawnNode:
    return DrawnNode(kind, "", "", "", False, -1, 10, 10, rank, 0.0)  # type: ignore[arg-type]


def drawing(*groups: DrawnGroup, opened: set[tuple[int, ...]] | None = None, **other: object) -> Drawing:
    return Drawing("net", groups, frozenset(opened or ()), {}, **other)  # type: ignore[arg-type]


def seen(chart: str) -> tuple[dict[str, str], set[tuple[str, str, str]]]:
    """The boxes' texts, and the lines between them by these; every line of the chart is one that is known."""
    boxes, lines = {}, []
    for line in chart.splitlines():
        if box := BOX.match(line):
            boxes[box[1]] = box[2]
        elif drawn := LINE.match(line):
            lines.append((drawn[1], drawn[2] or "", drawn[3]))
        else:
            assert FIXED.match(line), line
    assert chart.count("subgraph") == len(re.findall(r"^ +end$", chart, re.MULTILINE))
    return boxes, {(boxes[source], text, boxes[target]) for source, text, target in lines}


# in -> a -> [ port -> b -> port, port -> port ] -> c -> out, and from in past all to c
INNER = DrawnGroup(
    [port(0, "input"), port(0, "input"), node(1, "b"), port(2, "output"), port(2, "output")],
    [DrawnEdge(0, 2, "one"), DrawnEdge(2, 3, "two"), DrawnEdge(1, 4, "past")],
)
WHOLE = DrawnGroup(
    [
        node(0, "in", kind="input"),
        node(1, "a"),
        node(2, "box", inside=1),
        node(3, "c"),
        node(4, "out", kind="output"),
    ],
    [
        DrawnEdge(0, 1, "x"),
        DrawnEdge(1, 2, "one", in_port=0),
        DrawnEdge(0, 2, "past", in_port=1),
        DrawnEdge(2, 3, "two", out_port=3),
        DrawnEdge(2, 3, "past", out_port=4),
        DrawnEdge(3, 4, "y"),
    ],
)
CLOSED = {
    ("in", "x", "a"),
    ("a", "one", "box"),
    ("in", "past", "box"),
    ("box", "two", "c"),
    ("box", "past", "c"),
    ("c", "y", "out"),
}
# A value that only passes through a box goes from where it was made to where it is read.
OPEN = {("in", "x", "a"), ("a", "one", "b"), ("in", "past", "c"), ("b", "two", "c"), ("c", "y", "out")}


def test_a_closed_box_has_its_lines_and_an_open_one_those_of_what_is_in_it() -> None:
    boxes, lines = seen(chart_of(drawing(WHOLE, INNER)))
    assert sorted(boxes.values()) == ["a", "box", "c", "in", "out"]
    assert lines == CLOSED
    chart = chart_of(drawing(WHOLE, INNER, opened={(2,)}))
    boxes, lines = seen(chart)
    assert sorted(boxes.values()) == ["a", "b", "box", "c", "in", "out"]
    assert lines == OPEN
    assert chart == chart_of(drawing(WHOLE, INNER, opened={(2,)}))


def test_boxes_within_boxes() -> None:
    """The same box in a box in a box: lines go through all of their ports."""
    around = DrawnGroup(
        [port(0, "input"), port(0, "input"), node(1, "mid", inside=1), port(2, "output"), port(2, "output")],
        [
            DrawnEdge(0, 2, "one", in_port=0),
            DrawnEdge(1, 2, "past", in_port=1),
            DrawnEdge(2, 3, "two", out_port=3),
            DrawnEdge(2, 4, "past", out_port=4),
        ],
    )
    nodes = [*WHOLE.nodes]
    nodes[2] = nodes[2]._replace(inside=2)
    whole = DrawnGroup(nodes, WHOLE.edges)
    assert seen(chart_of(drawing(whole, INNER, around, opened={(2,), (2, 2)})))[1] == OPEN
    half = {tuple("mid" if end == "box" else end for end in line) for line in CLOSED}
    assert seen(chart_of(drawing(whole, INNER, around, opened={(2,)})))[1] == half


def test_at_most_so_many_boxes_and_the_outer_ones_first() -> None:
    inner = DrawnGroup([node(n, f"i{n}") for n in range(30)], [DrawnEdge(n, n + 1, "") for n in range(29)])
    outer = DrawnGroup([node(n, f"o{n}", inside=1) for n in range(4)], [])
    opened = {(n,) for n in range(4)}
    boxes, _ = seen(chart_of(drawing(outer, inner, opened=opened)))
    assert len(boxes) == 4 + 2 * 30
    assert seen(chart_of(drawing(outer, inner, opened=opened), 12))[0].keys() == {"n0", "n1", "n2", "n3"}
    # Deeper ones are opened only when all above are.
    deep = DrawnGroup([node(0, "deep", inside=1)], [])
    both = DrawnGroup([node(0, "first", inside=2), node(1, "last", inside=1)], [])
    boxes, _ = seen(chart_of(drawing(both, inner, deep, opened={(0,), (0, 0), (1,)}), 40))
    assert "deep" in boxes.values()
    assert sum(text == "i3" for text in boxes.values()) == 1


def test_more_boxes_than_there_is_room_for_at_the_top_are_one() -> None:
    count = 200
    nodes = [node(n, f"l{n}") for n in range(count)] + [node(count, "out", kind="output")]
    edges = [DrawnEdge(n, n + 1, "s") for n in range(count)]
    boxes, lines = seen(chart_of(drawing(DrawnGroup(nodes, edges))))
    assert len(boxes) == MOST
    assert {"l0", "l77", "122 more", "out"} <= set(boxes.values())
    assert {("l77", "s", "122 more"), ("122 more", "s", "out")} <= lines


def test_many_lines_are_fewer_boxes() -> None:
    """As of blocks in which each layer reads all before it."""
    nodes = [node(n, f"l{n}", inside=1) for n in range(2)]
    inner = DrawnGroup(
        [node(n, f"d{n}") for n in range(38)],
        [DrawnEdge(a, b, "64×56×56") for b in range(38) for a in range(b)],
    )
    chart = chart_of(drawing(DrawnGroup(nodes, []), inner, opened={(0,), (1,)}))
    boxes, lines = seen(chart)
    assert len(lines) <= LINES
    assert len(chart) <= LONGEST
    assert len(boxes) == 2


def test_runs_ports_and_operators_look_different() -> None:
    nodes = [
        node(0, "in", kind="input"),
        node(1, "block", kind="run", times=12),
        node(2, "add", kind="operator"),
        node(3, "conv"),
    ]
    lines = chart_of(drawing(DrawnGroup(nodes, []), failed="conv")).splitlines()
    assert lines[1:5] == ['  n0(["in"])', '  n1[["block · ×12"]]', '  n2("add")', '  n3["conv"]']
    assert lines[-1] == "  class n3 failed"


# Differences


def pair(before: str | None, after: str | None, status: str) -> DrawnPair:
    return DrawnPair(before, after, status)


def test_a_difference_is_two_networks_with_what_became_of_each_box() -> None:
    before = drawing(DrawnGroup([node(0, "a"), node(1, "b"), node(2, "c", inside=1)], []), INNER)
    after = drawing(DrawnGroup([node(0, "a"), node(1, "new"), node(2, "c", inside=1)], []), INNER)
    pairs = [
        pair("", "", "="),
        pair("a", "a", "~"),
        pair("b", None, "-"),
        pair(None, "new", "+"),
        pair("c", "c", "="),
        pair("c.b", "c.b", "~"),
    ]
    chart = chart_of_both(DrawnDiff(before, after, pairs))
    boxes, _ = seen(chart)
    assert list(boxes.values()) == [text_of(text) for text in ("~ a", "− b", "~ c", "~ a", "+ new", "~ c")]
    assert "  class n1 removed" in chart
    assert "  class n4 added" in chart
    assert "  class n0,n2,n3,n5 changed" in chart
    before = before._replace(opened=frozenset({(2,)}))
    chart = chart_of_both(DrawnDiff(before, after, pairs))
    assert '["c"]' in chart  # it is open, and what changed in it says so itself
    assert f'["{text_of("~ b")}"]' in chart


def test_a_run_is_changed_where_one_of_it_is() -> None:
    inner = DrawnGroup([node(n, f"{n}") for n in range(3)], [])
    side = drawing(DrawnGroup([node(0, "0-2", kind="run", times=3, inside=1)], []), inner)
    for statuses, sign in (("===", ""), ("=~=", "~ "), ("+++", "+ "), ("---", "− "), ("-=+", "~ ")):
        pairs = [pair(str(n), str(n), status) for n, status in enumerate(statuses)]
        boxes, _ = seen(chart_of_both(DrawnDiff(side, side, pairs)))
        assert set(boxes.values()) == {text_of(f"{sign}0-2 · ×3")}


def test_both_sides_together_are_so_many_boxes() -> None:
    side = drawing(DrawnGroup([node(n, f"l{n}") for n in range(300)], []))
    boxes, _ = seen(chart_of_both(DrawnDiff(side, side, [])))
    assert len(boxes) == MOST


# Names


HOSTILE = [
    "<script>alert(1)</script>", '"];alert(1);["', "`code`", "a\nb\r", "%%{init: {'theme':'dark'}}%%", "%% c",
    "end", 'click n0 href "javascript:alert(1)"', "#quot;", "#35;", "&lt;", "$$x$$", "1. list", "- list",
    "|p|", "style x fill:#f00;", "@{shape: circle}", "\u202eevil", "\ud800", "\x00", "x" * 5000, "", "  ",
    "\ufb02°°34¶ß", "]]", "))", "\\", "~~~", "--> n1", "classDef a b", ";", "é\u0301\u0302" * 30, "日本語",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_no_name_is_more_than_text(name: str) -> None:
    shown = DrawnNode("module", name, name, name, False, 1, 60, 24, 0, 0.0, marks=(name,))
    side = Drawing(
        name,
        [
            DrawnGroup([shown, node(1, "b")], [DrawnEdge(0, 1, name)]),
            DrawnGroup([shown._replace(inside=-1)], []),
        ],
        frozenset({(0,)}),
        {name: {name: 1.0}},
        name,
    )
    for chart in (chart_of(side), chart_of_both(DrawnDiff(side, side, [pair(name, name, "~")]))):
        seen(chart)
        for text in re.findall(r'"(.*?)"', chart):
            assert re.fullmatch(r"([A-Za-z0-9 .,/=×·→−…]|#\d+;)+", text)
        assert chart.isprintable() or set(filter(lambda c: not c.isprintable(), chart)) == {"\n"}


def test_codes_stand_for_the_characters_that_they_replace() -> None:
    assert text_of('a"b<c') == "a#34;b#60;c"
    assert text_of("Conv2d 11×11 /4") == "Conv2d 11×11 /4"
    assert text_of("日") == "#26085;"
    assert text_of("0.conv, 1.5") == "0.conv, 1.5"
    assert text_of("\ud800") == "#92;ud800"


# Where it stands


def page(*sections: p.Section, comment: p.Comment | None = None) -> p.Page:
    return p.Page("net", [p.Piece("net", "title")], lambda: sections, None, None, comment)  # type: ignore[arg-type]


NETWORK = p.Network(lambda **_: drawing(WHOLE, INNER))


def test_the_format_is_the_first_picture_of_a_page() -> None:
    assert mermaid.lower(page(p.Notes([]), NETWORK), Screen()) == chart_of(drawing(WHOLE, INNER))
    side = drawing(WHOLE, INNER)
    both = p.Difference(lambda **_: DrawnDiff(side, side, []))
    assert "subgraph before" in mermaid.lower(page(p.Folded("more", [both])), Screen())
    for nothing in (page(), page(p.Network(lambda **_: None)), page(p.Difference(lambda **_: None))):
        with pytest.raises(UsageError, match="can be drawn as a network"):
            mermaid.lower(nothing, Screen())


def test_markdown_has_it_folded_at_its_end() -> None:
    text = markdown.lower(page(NETWORK, p.Notes([p.Note("a note")])), Screen())
    start, _, block = text.partition("```mermaid\n")
    assert block == chart_of(drawing(WHOLE, INNER)) + "```\n\n</details>\n"
    assert start.index("a note") < start.index("<details>")
    assert "mermaid" not in markdown.lower(page(p.Network(lambda **_: None)), Screen())


def test_it_is_the_first_thing_to_leave_a_comment_that_is_full() -> None:
    about = p.Comment("diff", "net", "it differs")
    picture = ["```mermaid", "x" * 500, "```"]
    lines = ["word"] * 30
    fold = p.Folded("rows", [p.Notes([p.Note("row")] * 40)])
    whole = markdown.comment(about, lines, [fold], [picture])
    assert "```mermaid" in whole
    cut = markdown.comment(about, lines, [fold], [picture], longest=len(whole) - 1)
    assert "mermaid" not in cut
    assert cut.count("row") == whole.count("row")
    assert "left out" not in cut


def test_nothing_lays_it_out_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads Mermaid does, so that neither igraph nor its time is needed, in Markdown neither."""
    monkeypatch.setitem(sys.modules, "igraph", None)
    report = netscope.summary("torchvision/googlenet")
    chart = show.text(report, "mermaid")
    boxes, lines = seen(chart)
    assert "inception3a · Inception" in boxes.values()
    assert len(lines) >= len(boxes) - 1
    assert chart in show.text(report, "markdown")
    other = netscope.summary("torchvision/resnet18")
    assert "subgraph after" in show.text(netscope.diff(report, other), "mermaid")


def test_only_the_box_that_failed_is_marked() -> None:
    """Work and inputs of a network have its name; what ran well is not marked with it."""
    nodes = [node(0, "in", kind="input"), node(1, "relu", kind="operator"), node(2, "box", inside=1)]
    whole = DrawnGroup(nodes, [])
    assert "failed" not in chart_of(drawing(whole, INNER, failed=""))
    inside = DrawnGroup([node(0, "relu", kind="operator"), node(1, "b")], [])
    opened = drawing(whole, inside, failed="box", opened={(2,)})
    assert chart_of(opened).splitlines()[-1] == "  class n2 failed"
    assert failed_of(opened) == [(2,)]
    assert failed_of(opened._replace(failed="box.b")) == [(2, 1)]
    assert failed_of(opened._replace(failed=None)) == []


@pytest.mark.parametrize(
    "name", ["- x", "+ extra · GELU", "* x", "1. x", "12.", "1) y", "    code", "> quote"]
)
def test_no_text_begins_as_markdown_does(name: str) -> None:
    """Mermaid draws "Unsupported markdown: list" instead of a list."""
    assert not re.match(r"\s*([-+*>]|\d+[.)](\s|$)|\s{4})", text_of(name))
