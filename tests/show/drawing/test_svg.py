from __future__ import annotations

import io
import re
import sys
from collections import OrderedDict
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from torch import nn

import netscope
from netscope.base.errors import MissingExtraError, UsageError
from netscope.report.report import Report
from netscope.show.drawing.icicle import column_of, tiles_of
from netscope.show.drawing.kinds import kind_of
from netscope.show.drawing.make import drawing_of
from netscope.show.drawing.svg import svg_of
from netscope.show.formats import png
from netscope.show.grid import grid_of
from tests import fonts
from tests.reports import alexnet
from tests.show.drawing.test_make import Decoder, Fails, traced

NASTY = [
    "<script>alert('1')</script>",
    "]]><b>",
    '"><g onload="x">',
    "&amp;&#60;",
    "\x1b[31mred\x07",
    "\u202eevil",
    "x\ny\r",
    "\x00\x0b",
    "\ufffe",
    "q" * 5_000,
]


def texts(picture: str) -> list[str]:
    tree = ElementTree.fromstring(picture)
    return [element.text or "" for element in tree.iter() if element.tag.endswith(("}text", "}title"))]


def picture_of(report: Report) -> str:
    drawn = drawing_of(report)
    assert drawn is not None
    return svg_of(drawn)


def test_a_network_as_a_picture() -> None:
    picture = netscope.summary("alexnet").to_svg()
    said = texts(picture)
    assert {"alexnet", "features", "conv1", "Conv2d 11×11 /4", "3×227×227", "96×55×55"} <= set(said)
    whole = next(text for text in said if text.startswith("features.conv1\n"))
    assert whole.split("\n") == [
        "features.conv1",
        "Conv2d 11×11 /4",
        "in 3×227×227",
        "out 96×55×55",
        "MACs 105 M",
        "params 34.9 K",
        "outputs 1.11 MiB",
    ]
    assert picture == netscope.summary("alexnet").to_svg()
    assert picture.endswith("</svg>\n")
    assert picture.count("<style>") == 1
    assert "prefers-color-scheme:dark" in picture


def test_a_run_shows_one_of_its_copies_and_how_many_there_are() -> None:
    said = texts(picture_of(traced(Decoder(), 1, 8)))
    assert "×6" in said
    assert said.count("norm") == 1
    assert "layers.0-5" in said


@pytest.mark.parametrize("depth", [0, 1])
def test_depth_says_how_deep_it_is_open(depth: int) -> None:
    said = texts(netscope.summary("alexnet").to_svg(depth=depth))
    assert "features" in said
    assert ("conv1" in said) == bool(depth)


@pytest.mark.parametrize("name", NASTY, ids=ascii)
def test_names_are_text_and_nothing_else(name: str) -> None:
    model = nn.Sequential(OrderedDict({name: nn.Linear(4, 4), "after": nn.Linear(4, 4)}))
    report = netscope.summary(model, args=(torch.zeros(1, 4),))
    for picture in (report.to_svg(), report.to_svg(picture="map")):
        tree = ElementTree.fromstring(picture)
        tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
        assert tags <= {"svg", "title", "style", "defs", "marker", "path", "rect", "circle", "g", "text"}
        assert not any(key.startswith("on") for element in tree.iter() for key in element.attrib)
        assert all(text.replace("\n", "").isprintable() for text in texts(picture))
    boxes = re.findall(r'<rect class="box" x="[^"]*" y="[^"]*" width="([^"]*)"', report.to_svg())
    assert max(map(float, boxes)) <= 240


def test_what_failed_is_marked() -> None:
    with pytest.raises(netscope.TraceError) as caught:
        traced(Fails(), 1, 4)
    assert caught.value.report is not None
    assert 'class="box failed"' in picture_of(caught.value.report)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("Conv2d 3×3 p1", "conv"),
        ("BatchNorm2d", "norm"),
        ("LlamaAttention", "attention"),
        ("Linear", "linear"),
        ("AdaptiveAvgPool2d →1×1", "pool"),
        ("GELU", "activation"),
        ("Dropout", "activation"),
        ("GRU", "attention"),
        ("Upsample ×2", "pool"),
        ("addmm", "linear"),
        ("DenseBlock", "other"),
        ("Sequential", "other"),
        ("", "other"),
    ],
)
def test_kinds_of_layers(told: str, kind: str) -> None:
    assert kind_of(told) == kind


def test_tiles_are_as_wide_as_their_shares() -> None:
    report = alexnet()
    grid = grid_of(report)
    tiles = {grid.rows[tile.row].path: tile for tile in tiles_of(grid, column_of(grid, "params"))}
    assert (tiles[""].start, tiles[""].end, tiles[""].depth) == (0, 1, 0)
    for path, tile in tiles.items():
        assert tile.end - tile.start == pytest.approx(report[path].params / report.params)
        around = tiles.get(path.rpartition(".")[0])
        if path and around is not None:
            assert around.start <= tile.start <= tile.end <= around.end + 1e-9


def test_a_map_by_a_column() -> None:
    report = alexnet()
    said = texts(report.to_svg(picture="map:params"))
    assert any(text.startswith("by params: ") for text in said)
    assert any(text.startswith("by MACs: ") for text in texts(report.to_svg(picture="map")))
    with pytest.raises(UsageError, match="no map can be drawn by 'parms'") as caught:
        report.to_svg(picture="map:parms")
    assert caught.value.hint is not None
    assert "params" in caught.value.hint
    with pytest.raises(UsageError, match="no map"):
        traced(nn.ReLU(), 1, 4).to_svg(picture="map:params")


def test_an_answer_without_a_picture_says_which_have_one() -> None:
    with pytest.raises(UsageError, match="there is no picture in the answer on") as caught:
        netscope.explain("lenet").to_svg()
    assert caught.value.hint is not None
    assert "a summary has a network and a map" in caught.value.hint
    with pytest.raises(UsageError, match="there is no picture 'nett'"):
        alexnet().to_svg(picture="nett")
    with pytest.raises(UsageError, match="there is no curve"):
        alexnet().to_svg(picture="curve")


def test_a_report_without_its_flow_is_shown_as_a_map() -> None:
    old = replace(netscope.summary("lenet"), flow=None)
    assert old.to_svg() == old.to_svg(picture="map")
    with pytest.raises(UsageError, match="there is no network"):
        old.to_svg(picture="network")


@fonts.needed
def test_pixels() -> None:
    report = netscope.summary("lenet")
    data = report.to_png()
    assert data.startswith(b"\x89PNG")
    picture = report.to_svg()
    size = re.search(r'width="([0-9.]+)" height="([0-9.]+)"', picture)
    assert size is not None
    wide, high = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (wide, high) == (round(2 * float(size[1])), round(2 * float(size[2])))
    with pytest.raises(UsageError, match="png is no text"):
        report.to("png")


@fonts.needed
def test_letters_are_drawn() -> None:
    """A system without the fonts of the picture's list shows its own, and never none."""
    drawn = Image.open(io.BytesIO(netscope.summary("lenet").to_png())).convert("L")
    # The name of the network, at the upper left, where nothing else is.
    name = drawn.crop((40, 40, 200, 84))
    assert sum(name.histogram()[:100]) > 100


def test_without_resvg(monkeypatch: pytest.MonkeyPatch) -> None:
    png._writes.cache_clear()
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtraError, match="resvg") as caught:
        alexnet().to_png(picture="map")
    assert caught.value.hint == "pip install 'netscope[html]'"


def test_without_a_font(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = png._pixels
    monkeypatch.setattr(png, "_pixels", lambda picture, **how: drawn(picture, skip_system_fonts=True, **how))
    png._writes.cache_clear()
    with pytest.raises(UsageError, match="no font"):
        alexnet().to_png(picture="map")
    png._writes.cache_clear()


@pytest.mark.parametrize(
    ("width", "height", "drawn"),
    [(300, 200, (600, 400)), (10_000, 100, (16_000, 160)), (16_000, 16_000, (8_000, 8_000))],
)
def test_a_png_is_no_larger_than_that(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int, drawn: tuple[int, int]
) -> None:
    """Twice the picture, 16,000 pixels of a side, 64 million in all."""
    sizes = []

    def pixels(picture: str, **how: int) -> bytes:
        sizes.append((how["width"], how["height"]))
        return b""

    monkeypatch.setattr(png, "picture_of", lambda page: f'<svg width="{width}" height="{height}"></svg>')
    monkeypatch.setattr(png, "_writes", lambda: True)
    monkeypatch.setattr(png, "_pixels", pixels)
    assert png.lower(None, None) == b""  # type: ignore[arg-type]
    assert sizes == [drawn]
