"""The data within a page: it comes back as it was, and can end nothing that it is in."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import pytest

from netscope.show.drawing.difference import DrawnDiff, DrawnPair
from netscope.show.drawing.drawing import Drawing, DrawnEdge, DrawnGroup, DrawnNode
from netscope.show.formats.html import data, lower
from netscope.show.grid import grid_of
from netscope.show.page import (
    Axis,
    Cell,
    Difference,
    Document,
    Fact,
    Facts,
    Heading,
    Layers,
    Network,
    Note,
    Notes,
    Page,
    Plot,
    Point,
    Records,
    Row,
    Series,
    Table,
)
from netscope.show.screen import Screen
from tests.reports import alexnet, linear, report

HOSTILE = "</script><script>alert(1)</script><!--&amp;\u2028\u202e\x00\ud800"


def read(text: str) -> Any:
    """What a browser reads in the element."""
    found = re.fullmatch(r'<script type="application/json([^"]*)" id="x">([^<]*)</script>\n', text)
    assert found is not None
    if not found[1]:
        return json.loads(found[2])
    assert found[1] == "+gzip;base64"
    return json.loads(gzip.decompress(base64.b64decode(found[2])))


@pytest.mark.parametrize("most", [10**6, 0])
def test_text_comes_back_and_ends_nothing(most: int) -> None:
    value = {"name": HOSTILE.replace("\ud800", ""), "list": [1, 2.5, None, True]}
    text = data.script("x", data.dumped(value), most)
    assert read(text) == value
    assert text.count("<") == 2
    assert text.replace("\n", "").isprintable()


def test_packed_data_is_the_same_each_time() -> None:
    text = data.dumped(list(range(1000)))
    assert data.script("x", text, 0) == data.script("x", text, 0)


def test_a_grid_has_its_texts_once_and_its_values_whole_and_own() -> None:
    grid = grid_of(alexnet())
    found = data.of_grid(grid)
    texts = found["texts"]
    assert len(texts) == len(set(texts))
    assert [texts[number] for number in found["rows"]["name"]] == [row.name for row in grid.rows]
    for column, one in zip(found["columns"], grid.columns, strict=True):
        written = [texts[column["texts"][number]] for number in column["whole"]]
        assert written == [value.text for value in one.whole]
        if one.own is None:
            assert column["own"] is None
            continue
        own = dict(zip(*column["own"], strict=True))
        numbers = [own.get(row, number) for row, number in enumerate(column["whole"])]
        assert [texts[column["texts"][number]] for number in numbers] == [value.text for value in one.own]
        assert [column["raws"][number] for number in numbers] == [value.raw for value in one.own]


def test_paths_are_told_where_names_do_not_say_them() -> None:
    grid = grid_of(report("net", "Net", [linear("a", (1, 4), (1, 4)), linear("b", (1, 4), (1, 4))]))
    assert data.of_grid(grid)["rows"]["path"] in ([[], []], [[0], [data.of_grid(grid)["texts"].index("")]])


def node(kind: Any = "module", label: str = "a", **more: Any) -> DrawnNode:
    usual: dict[str, Any] = {"below": "", "path": label, "elsewhere": False, "inside": -1}
    usual |= {"width": 56.0, "height": 24.0, "rank": 0, "x": 0.0}
    return DrawnNode(kind, label, **(usual | more))


def drawing(name: str = "net") -> Drawing:
    inner = DrawnGroup(
        [node(label=name), node("operator", "add", rank=1, path="", macs=7)], [DrawnEdge(0, 1, "4")]
    )
    whole = DrawnGroup(
        [node("input", "x", path=""), node(label="block", inside=1, rank=2, x=1.5, marks=(name,))],
        [DrawnEdge(0, 1, "1×4", (0.5,), in_port=0)],
    )
    return Drawing(name, [whole, inner], frozenset({(1,)}), {"macs": {"block": 7, f"block.{name}": None}})


def test_a_drawing_leaves_out_what_is_as_usual() -> None:
    found = data.of_drawing(drawing())
    texts = found["texts"]
    (nodes, edges), (inner, _) = found["groups"]
    assert [texts[one[1]] for one in nodes] == ["x", "block"]
    assert nodes[1][5:8] == [2, 1.5, 1]
    assert inner[1][11] == 7
    assert len(inner[0]) < 13
    assert edges == [[0, 1, texts.index("1×4"), [0.5], -1, 0]]
    assert found["opened"] == [[1]]
    paths, values = found["values"]["macs"]
    assert [texts[number] for number in paths] == ["block", "block.net"]
    assert values == [7, None]


def test_kinds_of_layers_are_told_by_their_texts() -> None:
    boxes = [node(below="Conv2d 3×3"), node(label="ReLU"), node(below="Net"), node("operator", "matmul")]
    whole = DrawnGroup([one._replace(rank=rank) for rank, one in enumerate(boxes)], [])
    found = data.of_drawing(Drawing("net", [whole], frozenset(), {}))
    told = {kind: [found["texts"][number] for number in numbers] for kind, numbers in found["kinds"].items()}
    assert told == {"conv": ["Conv2d 3×3"], "activation": ["ReLU"]}
    grid = data.of_grid(grid_of(report("net", "Net", [linear("a", (1, 4), (1, 4))])))
    assert [grid["texts"][number] for number in grid["kinds"]["linear"]] == ["Linear"]


def test_a_difference_is_both_drawings_and_their_pairs() -> None:
    pairs = [DrawnPair("block", "block", "~", "kernel 3→5"), DrawnPair(None, "new", "+")]
    found = data.of_difference(DrawnDiff(drawing("a"), drawing("b"), pairs))
    assert (found["before"]["name"], found["after"]["name"]) == ("a", "b")
    assert found["pairs"] == [["block", "block", "~", "kernel 3→5"], [None, "new", "+", ""]]


def page(name: str, *sections: Any) -> Page:
    return Page(
        name,
        [],
        lambda: sections,
        lambda: Records((), (), 1),
        lambda: Document({"schema_version": 1, "name": name}, "layers"),
    )


def test_hostile_names_are_data_and_nothing_else() -> None:
    drawn = drawing(HOSTILE)
    sections = (
        Facts([Fact("what", HOSTILE)]),
        Network(lambda: drawn),
        Layers(Table([], []), lambda: grid_of(report(HOSTILE, "Net", [linear(HOSTILE, (1, 4), (1, 4))]))),
        Difference(lambda: DrawnDiff(drawn, drawn, [DrawnPair(HOSTILE, HOSTILE, "~", HOSTILE)])),
    )
    text = lower(page(HOSTILE, *sections), Screen(None))
    assert text.count("<script") == text.count("</script>") == 5
    assert "alert(1)<" not in text
    assert text.replace("\n", "").isprintable()
    text.encode()


def test_a_network_and_its_rows_stand_beside_each_other_below_the_totals() -> None:
    layers = Layers(Table([], []), lambda: grid_of(alexnet()))
    text = lower(page("net", Network(drawing), layers, Facts([Fact("params", "7")])), Screen(None))
    order(text, 'class="facts"', 'class="work"', "part network", "part layers")


def order(text: str, *parts: str) -> None:
    """Those parts of the page's body stand in that order."""
    body = text[text.index("<main>") : text.index("</main>")]
    places = [body.index(part) for part in parts]
    assert places == sorted(places)


def test_what_failed_comes_first() -> None:
    notes = Notes([Note("note: a note", "dim"), Note("it raised", "bad")], close=True)
    layers = Layers(Table([], []), lambda: grid_of(alexnet()))
    text = lower(page("net", Network(drawing), layers, Facts([Fact("params", "7")]), notes), Screen(None))
    order(text, "it raised", 'class="facts"', 'class="work"', "a note")
    assert text.count("it raised") == 1


def test_other_pages_keep_their_order() -> None:
    sections = (Notes([Note("first")]), Facts([Fact("params", "7")]), Notes([Note("failed", "bad")]))
    order(lower(page("net", *sections), Screen(None)), "first", "params", "failed")


def test_what_a_table_leaves_out_is_there_and_not_told() -> None:
    layers = Layers(Table([], []), lambda: grid_of(alexnet()))
    hint = Notes([Note("10 of 23 rows", "dim", hint="--all shows them")], close=True)
    text = lower(page("net", Facts([Fact("params", "7")]), layers, hint, Notes([Note("kept")])), Screen(None))
    assert "10 of 23 rows" not in text
    assert "kept" in text


def test_plots_stand_beside_each_other() -> None:
    axis = Axis("x", str)
    plot = Plot("curve", axis, axis, [Series("", [Point(0, 0), Point(1, 2)])])
    text = lower(page("net", plot, plot, Notes([Note("between")]), plot), Screen(None))
    assert text.count('<div class="plots">') == 2
    assert text.count('<figure class="plot">') == 3


def test_a_long_table_is_cut_for_who_has_no_script() -> None:
    table = Table([Heading("layer")], [Row([Cell(f"row{number}")]) for number in range(1200)])
    text = lower(page("net", Layers(table, lambda: grid_of(alexnet()))), Screen(None))
    assert "row999<" in text
    assert "row1000<" not in text
    assert "and 200 rows more, which a script shows" in text


def test_a_picture_that_cannot_be_made_says_what_to_install() -> None:
    from netscope.base.errors import MissingExtraError

    def missing() -> Drawing:
        raise MissingExtraError("no igraph", hint="pip install netscope[view]")

    text = lower(page("net", Network(missing), Facts([Fact("params", "7")])), Screen(None))
    assert "no igraph" in text
    assert "pip install netscope[view]" in text
    assert "part network" not in text


def test_an_older_report_has_no_picture_and_all_the_rest() -> None:
    text = lower(page("net", Network(lambda: None), Facts([Fact("params", "7")])), Screen(None))
    assert 'class="part network"' not in text
    assert '<dl class="facts">' in text


def test_the_whole_answer_is_in_the_page() -> None:
    found = alexnet()
    text = found.to_html()
    (answer,) = re.findall(r'<script type="application/json" id="answer">([^<]*)</script>', text)
    assert json.loads(answer) == json.loads(found.to_json())
