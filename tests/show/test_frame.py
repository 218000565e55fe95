from __future__ import annotations

import io
import re
from pathlib import Path

from netscope.report import store
from netscope.report.report import SCHEMA_VERSION
from tests.reports import alexnet, stack


def test_a_printed_report_is_its_table() -> None:
    text = str(alexnet())
    assert text.startswith("alexnet · zoo")
    assert text.endswith("traced            2.95 ms  on meta")
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text


def test_markdown_html_and_json(tmp_path: Path) -> None:
    assert alexnet().to_markdown().startswith("**alexnet**")
    assert re.search(r"<table.*conv1", alexnet().to_html(), re.DOTALL)
    path = tmp_path / "report.json"
    assert alexnet().to_json() == alexnet().to_json(path) == path.read_text()
    assert store.load(path) == alexnet()


def test_a_frame_has_a_row_a_layer_and_raw_values() -> None:
    frame = alexnet().to_pandas()
    assert list(frame["path"]) == [layer.path for layer in alexnet().layers]
    conv1 = frame.set_index("path").loc["features.conv1"]
    assert conv1["output_shape"] == (1, 96, 55, 55)
    assert conv1["macs"] == 105_415_200
    assert frame["own_macs"].sum() == frame["macs"][0] == alexnet().macs
    assert frame["macs"].dtype == "int64"
    assert frame.attrs == {"name": "alexnet", "schema_version": SCHEMA_VERSION}


def test_unknown_figures_are_missing_in_a_frame() -> None:
    from dataclasses import replace

    whole = stack(1)
    root = replace(whole.layers[0], macs=None)
    frame = replace(whole, layers=(root, *whole.layers[1:])).to_pandas()
    assert frame["macs"].dtype == "Int64"
    assert frame["macs"].isna().sum() == 1


def test_csv_is_read_by_pandas_as_it_is() -> None:
    import pandas

    frame = pandas.read_csv(io.StringIO(alexnet().to_csv()))
    assert frame["own_params"].sum() == 62_378_344
    assert list(frame["schema_version"].unique()) == [SCHEMA_VERSION]
    assert len(frame) == len(alexnet().layers)


def test_a_frame_can_be_had_more_than_once():
    # The module that makes it must not take the place of the function that calls it.
    assert list(alexnet().to_pandas()) == list(alexnet().to_pandas())
