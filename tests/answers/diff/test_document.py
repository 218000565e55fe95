from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from netscope.answers.compare import Comparison, Variant
from netscope.answers.compare.document import ComparisonDocument
from netscope.answers.diff import Diff, diff
from netscope.answers.diff.document import DiffDocument
from netscope.report.report import Report
from tests.nets import head, networks, wide
from tests.reports import alexnet
from tools.schemas import schema_of


def valid(change: Diff) -> dict[str, object]:
    data = json.loads(change.to_json())
    jsonschema.Draft202012Validator(schema_of(DiffDocument)).validate(data)
    return data


@given(before=networks(), after=networks())
@settings(max_examples=50)
def test_what_is_written_follows_the_schema(before: Report, after: Report) -> None:
    change = diff(before, after)
    data = valid(change)
    assert len(data["pairs"]) == len(change)
    assert data["counts"] == dict(
        zip(("same", "changed", "added", "removed"), change.counts.values(), strict=True)
    )


@pytest.mark.parametrize("key", ["pairs", "totals", "before", "kind", "absorbed"])
def test_the_schema_refuses_what_lacks_a_part(key: str) -> None:
    data = valid(diff(wide(32), wide(64)))
    del data[key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema_of(DiffDocument))


def test_a_diff_as_json(tmp_path: Path) -> None:
    change = diff(head(55), head(56))
    text = change.to_json(tmp_path / "diff.json")
    assert (tmp_path / "diff.json").read_text() == text
    data = json.loads(text)
    assert (data["kind"], data["schema_version"]) == ("diff", 1)
    assert data["before"]["inputs"][0]["shape"] == [1, 3, 55, 55]
    # A convolution of 8 kernels of 3x3x3 over the whole of the image.
    assert data["totals"]["macs"]["change"] == 8 * 27 * (56**2 - 55**2)
    assert data["absorbed"]["path"] == "features.2"
    assert data["pairs"][2]["changes"][0] == {
        "what": "output",
        "before": [1, 8, 55, 55],
        "after": [1, 8, 56, 56],
        "kind": "result",
    }
    assert text.count("\n    {") == len(change)


def test_a_comparison_as_json(tmp_path: Path) -> None:
    several = Comparison((Variant("alexnet", alexnet()), Variant("lost", None, "no such model")))
    data = json.loads(several.to_json(tmp_path / "all.json"))
    jsonschema.validate(data, schema_of(ComparisonDocument))
    assert data["variants"][0]["quantities"]["params"] == 62_378_344
    assert data["variants"][1] == {
        "name": "lost",
        "error": "no such model",
        "network": None,
        "quantities": {},
    }


def test_numbers_that_json_lacks() -> None:
    before, after = (
        replace(
            wide(32),
            layers=tuple(replace(x, hyperparameters={"eps": eps}) for x in wide(32).layers),
        )
        for eps in (float("inf"), 1e-5)
    )
    changes = valid(diff(before, after))["pairs"][2]["changes"]
    assert {"what": "eps", "before": {"$float": "inf"}, "after": 1e-5, "kind": "definition"} in changes
