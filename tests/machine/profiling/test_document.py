"""The published form of a curve."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import netscope
from netscope.base.errors import StoreError
from netscope.machine.profiling.document import CurveDocument
from tests.show.test_curve import curve
from tools.schemas import schema_of


def test_a_curve_follows_its_schema() -> None:
    for one in (curve(), curve(too_large=128)):
        jsonschema.Draft202012Validator(schema_of(CurveDocument)).validate(json.loads(one.to_json()))


def test_a_curve_is_no_report(tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    curve().to_json(path)
    with pytest.raises(
        StoreError, match="written by `netscope profile` of several batches, and is no report"
    ):
        netscope.load(path)
