from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from netscope import show
from netscope.answers.compare import Comparison, Variant
from netscope.base.errors import UsageError
from netscope.show.screen import Screen
from tests.nets import head, wide
from tests.reports import alexnet


def several() -> Comparison:
    return Comparison(
        (
            Variant("wide", wide(32)),
            Variant("lost", None, "no model is named 'lost'."),
            Variant("alexnet", alexnet()),
            Variant("head", head(55)),
        )
    )


def lines(sort: str | None = None, columns: list[str] | None = None) -> list[str]:
    text = show.text(several(), "table", width=100, sort=sort, columns=columns)
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_line_for_each_with_changes_against_the_first() -> None:
    # 1x1 convolutions 16 -> 32 -> 16 at 8x8, three times: 3 * 1,072 params, 3 * 2 * 16 * 32 * 64 MACs.
    assert lines()[:4] == [
        "model input params MACs outputs",
        "wide 1×16×8×8 float32 3,216 196.6 K 36.00 KiB",
        "lost ✗ failed",
        "alexnet 1×3×227×227 float32 62,378,344 +1,939,525% 1.135 G +577,321% 4.802 MiB +13,558%",
    ]
    assert lines()[-2:] == ["lost: ✗ no model is named 'lost'.", "changes are against wide"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("macs", ["alexnet", "head", "wide", "lost"]),
        ("name", ["alexnet", "head", "wide", "lost"]),
        ("weight_layers", ["alexnet", "wide", "head", "lost"]),
    ],
)
def test_sorting_keeps_the_first_as_the_measure(sort: str, order: list[str]) -> None:
    found = lines(sort)
    assert [line.split()[0] for line in found[1:5]] == order
    assert found[-1] == "changes are against wide"


def test_what_has_the_same_name_is_told_apart_by_its_input() -> None:
    other = replace(alexnet(), inputs=head(55).inputs)
    alike = Comparison((Variant("alexnet", alexnet()), Variant("alexnet", other)))
    found = show.text(alike, "table", width=60).splitlines()
    assert "1×3×227×227" in found[1]
    assert "1×3×227×227" not in found[2]
    assert found[-1] == "changes are against alexnet, 1×3×227×227 float32"


def test_a_wrong_column() -> None:
    for wrong in ({"columns": ["parms"]}, {"sort": "parms"}):
        with pytest.raises(UsageError, match="there is no quantity 'parms'"):
            several().to_markdown(**wrong)


def test_the_smallest_stands_out_and_a_tie_does_not() -> None:
    coloured = Screen(100, color=True)
    text = show.text(several(), "table", screen=coloured)
    assert "\x1b[36m3,216\x1b[0m" in text
    assert text.count("\x1b[36m") == 3
    twins = Comparison((Variant("a", wide(32)), Variant("b", wide(32))))
    assert "\x1b[36m" not in show.text(twins, "table", screen=coloured)


def test_other_forms_carry_raw_values() -> None:
    rows = list(csv.DictReader(io.StringIO(several().to_csv())))
    assert rows[2]["macs"] == "1135256096"
    assert rows[2]["input"] == "1x3x227x227"
    assert (rows[1]["macs"], rows[1]["error"]) == ("", "no model is named 'lost'.")
    whole = json.loads(several().to_json())
    assert [one["quantities"].get("params") for one in whole["variants"]] == [3_216, None, 62_378_344, 59_138]
    lines = several().to_markdown().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:6]] == [
        "| `wide`",
        "| `lost`",
        "| `alexnet`",
        "| `head`",
    ]
    assert "| **3,216** |" in lines[2]
    assert "| 62,378,344 (+1,939,525%) |" in lines[4]
    assert lines[6:] == ["", "- lost: ✗ no model is named 'lost'.", "- changes are against wide"]
    frame = several().to_pandas()
    assert frame["macs"].dtype == "Int64"
    assert list(frame["name"]) == ["wide", "lost", "alexnet", "head"]


def test_access() -> None:
    assert several()["alexnet"].report == alexnet()
    assert several()[0].name == "wide"
    assert [one.name for one in several().failed] == ["lost"]
    assert several().delta(several()["head"], "params").before == 3_216
    with pytest.raises(KeyError, match="'vgg' is not among the variants"):
        several()["vgg"]
