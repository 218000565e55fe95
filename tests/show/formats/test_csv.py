from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from netscope.answers.diff import diff
from netscope.report.layer import Tensor
from netscope.report.report import SCHEMA_VERSION
from netscope.show.columns import NETWORK
from tests.reports import alexnet, linear, report, stack


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_all_columns_in_raw_units() -> None:
    rows = read(alexnet().to_csv())
    conv1 = next(row for row in rows if row["path"] == "features.conv1")
    assert conv1["schema_version"] == str(SCHEMA_VERSION)
    assert conv1["output_shape"] == "1x96x55x55"
    assert conv1["parameter_shapes"] == '{"weight": [96, 3, 11, 11], "bias": [96]}'
    assert (conv1["params"], conv1["own_params"]) == ("34944", "34944")
    assert (conv1["macs"], conv1["flops"], conv1["output_bytes"]) == ("105415200", "210830400", "1161600")
    assert {column.key for column in NETWORK} < set(conv1)


def test_own_columns_add_up_and_the_others_hold_everything_inside() -> None:
    rows = read(alexnet().to_csv())
    assert rows[0]["path"] == ""
    assert int(rows[0]["macs"]) == sum(int(row["own_macs"]) for row in rows) == alexnet().macs
    assert int(rows[0]["params"]) == sum(int(row["own_params"]) for row in rows) == 62_378_344


def test_chosen_columns_only() -> None:
    text = alexnet().to_csv(columns=["params", "output_shape"])
    assert text.splitlines()[0] == "schema_version,path,params,own_params,output_shape"


def test_folded_rows_have_their_range_as_path() -> None:
    rows = read(stack().to_csv(fold=True))
    assert [row["path"] for row in rows][3] == "layers.0-11"


def path_of(name: str, form: str) -> str:
    text = report("odd", "Odd", [linear(name, (1, 4), (1, 4))]).to(form)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 2
    return rows[1]["path"]


@pytest.mark.parametrize("name", ['a"b,c', "q" * 10_000, "日本", "a=b", "0", "-", "'", " =1", "x-1"])
def test_a_name_that_does_nothing_comes_back_in_full(name: str) -> None:
    assert path_of(name, "csv") == path_of(name, "csv_raw") == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+x", "'+x"),
        ("-x", "'-x"),
        ("-1-1", "'-1-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("＝1＋1", "'＝1＋1"),
        ("\t=1", r"\t=1"),
        ("\r=1", r"\r=1"),
        ("\n=1", r"\n=1"),
        ("x\ny", r"x\ny"),
        ("\x1b[0m", r"\x1b[0m"),
        ("a\0b", r"a\x00b"),
        ("\u202eevil", r"\u202eevil"),
        ("\u2066x\u200b", r"\u2066x\u200b"),
    ],
)
def test_what_a_spreadsheet_would_run_or_hide_is_escaped_unless_it_is_asked_for(
    name: str, shown: str
) -> None:
    assert path_of(name, "csv") == shown
    assert path_of(name, "csv_raw") == name


def test_numbers_and_shapes_are_no_formulas() -> None:
    smaller = diff(
        report("a", "A", [linear("fc", (1, 8), (1, 4))]), report("b", "B", [linear("fc", (1, 4), (1, 4))])
    )
    row = next(row for row in read(smaller.to_csv()) if row["before"] == "fc")
    assert row["params_change"] == "-16"
    assert row["status"] == "~"
    rotated = report("odd", "Odd", [replace(linear("fc", (1, 4), (1, 4)), hyperparameters={"dim": -1})])
    assert read(rotated.to_csv())[1]["hyperparameters"] == '{"dim": -1}'


def test_several_shapes_and_unknown_figures() -> None:
    row = replace(
        linear("fc", (1, 4), (1, 4)),
        outputs=(Tensor("0", (1, 2), "float32"), Tensor("1", (3,), "int64")),
        macs=None,
        vector=None,
    )
    (_, fc) = read(report("odd", "Odd", [row]).to_csv())
    assert fc["output_shapes"] == "1x2;3"
    assert (fc["macs"], fc["own_macs"], fc["vector"]) == ("", "16", "")
