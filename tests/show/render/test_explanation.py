from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netscope.answers.explain import explain
from netscope.report.report import Report
from netscope.show.render.explanation import EXPLANATION_FORMATS
from netscope.show.render.text import width_of
from tests.report.store.test_store import REPORT
from tests.reports import alexnet, conv, report, stack

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
    assert EXPLANATION_FORMATS["table"](explain(alexnet(), "conv1"), width=120, color=False) == CONV1


def test_nothing_is_wider_than_the_terminal_and_nothing_is_lost():
    text = EXPLANATION_FORMATS["table"](explain(alexnet(), "features"), width=60, color=False)
    assert max(map(width_of, text.splitlines())) <= 60
    assert "34944 + 614656 + 885120 + 1327488 + 884992 = 3,747,200" in " ".join(text.split())


def test_a_composite_lists_what_it_is_the_sum_of():
    text = EXPLANATION_FORMATS["table"](explain(alexnet(), "classifier"), width=120, color=False)
    table = [line.split() for line in text.splitlines() if line.startswith((" part", " fc", " relu"))]
    assert table == [
        ["part", "params", "MACs", "new", "memory"],
        ["fc6", "37,752,832", "37,748,736", "16.0", "KiB"],
        ["fc7", "16,781,312", "16,777,216", "16.0", "KiB"],
        ["fc8", "4,097,000", "4,096,000", "3.91", "KiB"],
    ]


def test_colour_is_only_where_it_is_wanted():
    said = explain(alexnet(), "conv1")
    assert "\x1b[36m34,944\x1b[0m" in EXPLANATION_FORMATS["table"](said, color=True)
    assert "\x1b" not in EXPLANATION_FORMATS["table"](said, color=False)


def test_markdown_keeps_formulas_as_code():
    text = EXPLANATION_FORMATS["markdown"](explain(alexnet(), "conv1"))
    assert "#### `features.conv1` · Conv2d 11×11 /4 · 1×3×227×227 → 1×96×55×55" in text
    assert "| params | `(11*11*3 + 1)*96` | 34,944 |  |" in text


def test_csv_and_json_are_raw():
    said = explain(alexnet(), "conv*")
    rows = list(csv.DictReader(io.StringIO(EXPLANATION_FORMATS["csv"](said))))
    assert next(row["value"] for row in rows if row["key"] == "macs") == "105415200"
    whole = json.loads(EXPLANATION_FORMATS["json"](said))
    assert [layer["path"][-5:] for layer in whole["layers"]] == [f"conv{n}" for n in range(1, 6)]
    line = next(line for line in whole["layers"][0]["lines"] if line["key"] == "output_bytes")
    assert (line["value"], line["unit"]) == (1_161_600, "bytes")


@pytest.mark.parametrize("name", ["table", "markdown", "json"])
def test_a_name_can_do_no_harm(name: str):
    nasty = "a\x1b[31m|`\n*"
    said = explain(report("net", "Net", [conv(nasty, (1, 3, 8, 8), (1, 4, 6, 6), 3)]))
    assert "\x1b" not in EXPLANATION_FORMATS[name](said, color=False)


@given(whole=REPORT, width=st.integers(1, 200))
@settings(max_examples=60)
def test_no_report_that_can_be_loaded_breaks_it(whole: Report, width: int):
    said = explain(whole)
    for render in EXPLANATION_FORMATS.values():
        assert render(said, width=width, color=False).endswith("\n")


def test_folded_sums_stay_short():
    assert "12*" in EXPLANATION_FORMATS["table"](explain(stack(), "layers"), width=120, color=False)
