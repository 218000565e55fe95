"""Plots as SVG: what is in them, that they are the same each time, and that no name is more than text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from netscope.base import units
from netscope.report.measured.breakdown import LayerTime
from netscope.show import page as p
from netscope.show.drawing.machine import scatter
from netscope.show.drawing.plot import MOST, svg_of, thinned
from netscope.show.page import Axis, Plot, Point, Series
from tests.reports import ROOF, functional, linear, profiled, report, steady
from tests.show.answers import answers

COUNT = Axis("number", lambda value: units.count(round(value)))
BYTES = Axis("bytes", lambda value: units.binary(round(value)), binary=True)
LOG = Axis("FLOPs/B", units.number, log=True)
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in parsed(svg).iter() if node.tag.endswith("text")]


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def plot(*series: Series, x: Axis = COUNT, y: Axis = COUNT, marks: tuple[p.Mark, ...] = ()) -> Plot:
    return Plot("a plot", x, y, series, marks, "it rises")


def line(count: int, look: str = "line") -> Series:
    return Series("it", [Point(n, n * n, f"p{n}", f"l.{n}") for n in range(count)], look)  # type: ignore[arg-type]


@pytest.mark.parametrize("look", ["line", "steps", "area", "dots", "bars"])
def test_each_look_names_each_of_its_points(look: str) -> None:
    svg = svg_of(plot(line(7, look)))
    root = parsed(svg)
    titled = [node for node in root.iter() if node.get("data-path") is not None]
    assert [node.get("data-path") for node in titled] == [f"l.{n}" for n in range(7)]
    assert [node.findtext("title") for node in titled] == [f"p{n}: {n}, {n * n}" for n in range(7)]
    assert root.get("role") == "img"
    assert root.get("aria-label") == "a plot. it rises"
    assert svg == svg_of(plot(line(7, look)))


def test_ticks_are_round_in_the_units_of_their_axis() -> None:
    svg = svg_of(plot(Series("", [Point(0, 0), Point(96, 3 * 2**30)]), y=BYTES))
    assert {"0", "20", "40", "60", "80"} <= set(texts(svg))
    assert {"0 B", "1.00 GiB", "2.00 GiB", "3.00 GiB"} <= set(texts(svg))
    svg = svg_of(plot(Series("", [Point(0.1, 1), Point(1000, 2)], "dots"), x=LOG))
    assert {"0.10", "1", "10", "100", "1,000"} <= set(texts(svg))
    svg = svg_of(plot(Series("", [Point(4, 1), Point(30, 2)], "dots"), x=LOG))
    assert {"5", "10", "20"} <= set(texts(svg))


def test_a_point_stands_where_its_axes_say() -> None:
    """Equal ratios are equal steps on a logarithmic axis, equal differences on another."""
    dots = Series("", [Point(1, 0), Point(10, 5), Point(100, 10)], "dots")
    circles = [node for node in parsed(svg_of(plot(dots, x=LOG))).iter() if node.tag == "circle"]
    xs, ys = ([float(node.get(key, "")) for node in circles] for key in ("cx", "cy"))
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.2)
    assert xs[0] < xs[1]
    assert ys[0] > ys[1]


def test_what_an_axis_cannot_show_is_left_out() -> None:
    odd = [Point(0, 1), Point(float("nan"), 1), Point(float("inf"), 1), Point(5, 1, "shown")]
    circles = [
        node for node in parsed(svg_of(plot(Series("", odd, "dots"), x=LOG))).iter() if "circle" in node.tag
    ]
    assert len(circles) == 1


@pytest.mark.parametrize(
    "points", [[], [Point(0, 0)], [Point(3, 7)], [Point(1, 5), Point(2, 5)], [Point(1, -4)]]
)
@pytest.mark.parametrize("look", ["line", "steps", "area", "dots", "bars"])
def test_few_points_are_a_plot_too(points: list[Point], look: str) -> None:
    svg = svg_of(plot(Series("", points, look)))  # type: ignore[arg-type]
    parsed(svg)
    assert "nan" not in svg
    assert "inf" not in re.sub(r"<style.*?</style>", "", svg)


def test_a_long_line_is_thinned_and_keeps_its_peaks() -> None:
    points = [
        Point(n, 1000 if n in (777, 12_345) else 0 if n == 9_999 else 10 + n % 7) for n in range(20_000)
    ]
    few = thinned(points)
    assert len(few) <= MOST
    assert few[0] == points[0]
    assert few[-1] == points[-1]
    assert {points[777], points[12_345], points[9_999]} <= set(few)
    assert [point.x for point in few] == sorted(point.x for point in few)
    assert thinned(points[:MOST]) == points[:MOST]
    assert len(svg_of(plot(Series("", points, "area")))) < 40_000


def test_dots_in_one_place_are_one_that_says_so() -> None:
    same = [Point(1, 1, "a", "a")] * 12 + [Point(9, 9, "b", "b")]
    titles = [
        node.findtext("title") for node in parsed(svg_of(plot(Series("", same, "dots")))).iter("circle")
    ]
    assert titles == ["a: 1, 1, and 11 more here", "b: 9, 9"]


def test_marks_have_their_texts_and_none_hides_another() -> None:
    marks = (*(p.Mark("x", 50 + n, f"mark number {n}") for n in range(4)), p.Mark("y", 81, "limit"))
    svg = svg_of(plot(line(100, "area"), marks=marks))
    placed = [
        (float(node.get("x", "")), float(node.get("y", "")))
        for node in parsed(svg).iter("text")
        if (node.text or "").startswith("mark")
    ]
    assert len({y for _, y in placed}) == 4
    assert "limit" in texts(svg)


def test_a_picture_alone_is_a_file_of_its_own() -> None:
    svg = svg_of(plot(line(5)), alone=True)
    assert parsed(svg).tag == f"{SVG}svg"
    assert "prefers-color-scheme:dark" in svg
    assert "var(" not in svg
    assert "a plot" in texts(svg)
    within = svg_of(plot(line(5)))
    assert "var(--accent," in within
    assert "xmlns" not in within
    assert "a plot" in texts(within)


HOSTILE = [
    "<script>alert(1)</script>", '"onload="alert(1)', "'>&amp;<img src=x onerror=alert(1)>", "]]>", "-->",
    "\u202eevil\u2066", "a\x00b\x1b[31m\n", "\ud800", "x" * 5000, "Z\u0300\u0301\u0302" * 50,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("alone", [False, True])
def test_no_name_is_more_than_text(name: str, *, alone: bool) -> None:
    axis = Axis(name, lambda _: name)
    some = [Point(1, 1, name, name), Point(2, 2, name, name)]
    for look in ("area", "dots", "bars"):
        both = [Series(name, some, look), Series(name, some)]  # type: ignore[arg-type]
        whole = Plot(name, axis, axis, both, [p.Mark("x", 1, name), p.Mark("y", 1, name)], name)
        root = parsed(svg_of(whole, alone=alone))
        tags = {node.tag.removeprefix(SVG) for node in root.iter()}
        assert tags <= {"svg", "style", "g", "path", "rect", "circle", "text", "title"}
        keys = {key for node in root.iter() for key in node.attrib}
        assert not {key for key in keys if key.startswith("on") or "href" in key}


def plots(page: p.Page) -> dict[str, Plot]:
    return {section.title: section for section in page.sections() if isinstance(section, Plot)}


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("memory", ["memory over the step", "KV cache over the context"]),
        ("profile", ["how long the steps took", "roofline"]),
        ("roofline", ["roofline"]),
        ("curve", ["throughput over the batch", "latency over the batch"]),
        ("summary", []),
    ],
)
@pytest.mark.parametrize("name", ["net", *HOSTILE])
def test_pages_have_their_plots(kind: str, titles: list[str], name: str) -> None:
    from netscope.show import page_of

    found = plots(page_of(answers(name)[kind]))
    assert list(found) == titles
    for one in found.values():
        assert one.summary
        parsed(svg_of(one))


def test_a_row_that_nobody_could_count_is_not_one_without_arithmetic() -> None:
    """Of one that was counted in part the point is a lower bound, and says so."""
    unknown = {"net.odd": 1}
    for macs, point, said in (
        (None, None, "1 row left out that nobody could count"),
        (8, ", at least, for not all of it was counted)", "1 row counted in part"),
    ):
        odd = functional("(functional)", (1, 4), unknown, unknown=unknown, macs=None, vector=None)
        odd = replace(odd, own_macs=macs or 0)
        rows = [linear("fc", (1, 4), (1, 4)), odd]
        made = profiled(
            report("net", "net", rows),
            {"fc": LayerTime(2e-3, 0.0, 4, 0), "(functional)": LayerTime(1e-3, 0.0, 4, 0)},
            latency=steady(1e-2),
            moved={"fc": 1000, "(functional)": 100},
            roof=ROOF,
        )
        drawn = scatter(made, ROOF)
        assert drawn is not None
        assert said in drawn.summary
        assert "without a MAC" not in drawn.summary
        (text,) = [
            point.text for one in drawn.series for point in one.points if point.path == "(functional)"
        ] or [None]
        assert (text is None) if point is None else (text or "").endswith(point)


def test_wide_letters_have_their_room() -> None:
    """Two columns each: four of them at an axis take as much as eight others."""

    def start(text: str) -> float:
        svg = svg_of(plot(line(3), y=Axis("it", lambda value: text)))
        found = re.search(r'nsp-grid" d="M([0-9.]+) [0-9.]+H', svg)
        assert found is not None
        return float(found[1])

    assert start("日本語字") == start("abcdefgh") > start("abcd")
