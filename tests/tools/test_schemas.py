from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings

from netscope.report import store
from netscope.report.measured.breakdown import LayerTime
from netscope.report.report import Report
from netscope.show.columns import COLUMNS, MACHINE, MEMORY, NETWORK, RANKS
from tests.report.ranked import ranked
from tests.report.store.test_store import REPORT
from tests.reports import ROOF, alexnet, profiled, steady
from tests.show.answers import remembered
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


def test_a_layer_in_json_has_every_column_under_its_key() -> None:
    """Those of a machine and of memory where it knows of that; and as the schema has it."""
    described = schema()["$defs"]["Layer"]["properties"]
    times = {layer.path: LayerTime(0.0001, 0.0, 1.0) for layer in alexnet() if layer.own_macs}
    measured = profiled(alexnet(), times, latency=steady(0.004), moved=dict.fromkeys(times, 1_000), roof=ROOF)
    kinds = (
        (measured, (*NETWORK, *MACHINE)),
        (remembered(), (*NETWORK, *MEMORY)),
        (ranked(), (*NETWORK, *RANKS)),
        (alexnet(), NETWORK),
    )
    assert set(COLUMNS) == {*NETWORK, *MACHINE, *MEMORY, *RANKS}
    for report, columns in kinds:
        data = json.loads(report.to_json())
        jsonschema.Draft202012Validator(schema()).validate(data)
        for row, layer in zip(data["layers"], report.layers, strict=True):
            assert {column.key for column in columns} <= row.keys() <= described.keys()
            for column in columns:
                value = (
                    row[column.key]["total"] if column.key == "vector" and layer.vector else row[column.key]
                )
                assert value == store.plain(column.get(layer, report))
        assert store.from_dict(data) == report
