from __future__ import annotations

import csv
import io
from dataclasses import replace

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


def test_odd_names_come_back_in_full() -> None:
    for name in ('a"b,c', "x\ny", "\x1b[0m", "q" * 10_000, "日本"):
        rows = read(report("odd", "Odd", [linear(name, (1, 4), (1, 4))]).to_csv())
        assert rows[1]["path"] == name


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
