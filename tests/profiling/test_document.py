"""The published form of a curve."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import netscope
from netscope.errors import StoreError
from netscope.profiling.document import CurveDocument, to_json
from netscope.schema import schema_of
from tests.render.test_profile import curve


def test_a_curve_follows_its_schema() -> None:
    for one in (curve(), curve(too_large=128)):
        jsonschema.Draft202012Validator(schema_of(CurveDocument)).validate(json.loads(to_json(one)))


def test_a_curve_is_no_report(tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    curve().to_json(path)
    with pytest.raises(
        StoreError, match="written by `netscope profile` of several batches, and is no report"
    ):
        netscope.load(path)
