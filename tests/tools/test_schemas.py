from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings

from netscope.report import store
from netscope.report.report import Report
from tests.report.store.test_store import REPORT
from tests.reports import alexnet
from tools.schemas import SCHEMAS, published, schema


@given(REPORT)
@settings(max_examples=50)
def test_what_is_written_follows_the_schema(report: Report) -> None:
    jsonschema.Draft202012Validator(schema()).validate(json.loads(store.to_json(report)))


def test_the_published_forms_are_valid_schemas_and_fresh() -> None:
    folder = SCHEMAS
    assert sorted(path.name for path in folder.glob("*.schema.json")) == sorted(published())
    for name, text in published().items():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
        assert (folder / name).read_text(encoding="utf-8") == text, "run `make reports`"


def test_the_schema_refuses_what_is_no_report() -> None:
    data = store.to_dict(alexnet())
    for key in ("layers", "totals", "name"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in data.items() if k != key}, schema())


def test_the_schema_says_what_quantities_mean() -> None:
    published = schema()
    assert published["properties"]["totals"]["properties"]["flops"]["description"] == "2 x MACs."
    assert published["$defs"]["Layer"]["properties"]["weight_shape"]["description"].startswith("Shape of")
