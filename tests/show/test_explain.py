from __future__ import annotations

import csv
import io
import json

from netscope import show
from netscope.answers.explain import explain
from netscope.show.screen import Screen
from netscope.show.strings import width_of
from tests.reports import alexnet, stack

CONV1 = """\
alexnet · zoo (Krizhevsky et al. 2012, single stream) · input 1×3×227×227 float32 · eval

features.conv1 · Conv2d 11×11 /4 · 1×3×227×227 → 1×96×55×55
 output side      floor((227 + 2*0 - 1*(11-1) - 1)/4) + 1 = 55
 maps             96  one from each kernel
 kernel depth     3  the maps of the input
 params           (11*11*3 + 1)*96 = 34,944
 MACs             11*11*3 * 96 * 55*55 = 105,415,200  the weights, once for every place of a map
 output           96*55*55 = 290,400 numbers  float32
 new memory       96*55*55*4 = 1,161,600 bytes, 1.11 MiB
 tiling           (227 - 11) % 4 = 0  the windows tile exactly: nothing is left over at the end
 weights          11*11*3*96 = 34,848  shared by all places of a map
 without sharing  55*55*96 * 11*11*3 = 105,415,200  if each of the 290,400 outputs had a kernel of its own
"""


def test_a_layer_on_a_terminal():
    assert show.text(explain(alexnet(), "conv1"), "table", width=120) == CONV1


def test_nothing_is_wider_than_the_terminal_and_nothing_is_lost():
    text = show.text(explain(alexnet(), "features"), "table", width=60)
    assert max(map(width_of, text.splitlines())) <= 60
    assert "34944 + 614656 + 885120 + 1327488 + 884992 = 3,747,200" in " ".join(text.split())


def test_a_composite_lists_what_it_is_the_sum_of():
    text = show.text(explain(alexnet(), "classifier"), "table", width=120)
    table = [line.split() for line in text.splitlines() if line.startswith(("part", "fc", "relu"))]
    assert table == [
        ["part", "params", "MACs", "new", "memory"],
        ["fc6", "37,752,832", "37,748,736", "16.0", "KiB"],
        ["fc7", "16,781,312", "16,777,216", "16.0", "KiB"],
        ["fc8", "4,097,000", "4,096,000", "3.91", "KiB"],
    ]


def test_colour_is_only_where_it_is_wanted():
    said = explain(alexnet(), "conv1")
    assert "\x1b[36m34,944\x1b[0m" in show.text(said, "table", screen=Screen(color=True))
    assert "\x1b" not in show.text(said, "table")


def test_markdown_keeps_formulas_as_code():
    text = explain(alexnet(), "conv1").to_markdown()
    assert "#### `features.conv1` · Conv2d 11×11 /4 · 1×3×227×227 → 1×96×55×55" in text
    assert "| params | `(11*11*3 + 1)*96` | 34,944 |  |" in text


def test_csv_and_json_are_raw():
    said = explain(alexnet(), "conv*")
    rows = list(csv.DictReader(io.StringIO(said.to_csv())))
    assert next(row["value"] for row in rows if row["key"] == "macs") == "105415200"
    whole = json.loads(said.to_json())
    assert [layer["path"][-5:] for layer in whole["layers"]] == [f"conv{n}" for n in range(1, 6)]
    line = next(line for line in whole["layers"][0]["lines"] if line["key"] == "output_bytes")
    assert (line["value"], line["unit"]) == (1_161_600, "bytes")


def test_on_a_narrow_screen_parts_keep_their_names():
    lines = show.text(explain(alexnet(), "classifier"), "table", width=36).splitlines()
    assert [line.split() for line in lines if line.startswith(("part", "fc"))] == [
        ["part", "params", "MACs"],
        ["fc6", "37,752,832", "37,748,736"],
        ["fc7", "16,781,312", "16,777,216"],
        ["fc8", "4,097,000", "4,096,000"],
    ]


def test_folded_sums_stay_short():
    assert "12*" in show.text(explain(stack(), "layers"), "table", width=120)
