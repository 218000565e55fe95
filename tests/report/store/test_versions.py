"""What a saved report promises: every version's file loads for ever, and no form changes without a version.

`tests/data/reports/N.json` is a report as version N wrote it; `tests/data/reports/N.fields.json` is what
version N consists of. Neither is ever written anew, but for lines added to the newest `fields` when a
field is added (see `netscope/store/versions.py`).
"""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import Any

import pytest

from netscope.base.cost import VectorOps
from netscope.base.errors import StoreError
from netscope.report import report as report_
from netscope.report import store
from netscope.report.cache import Cache, CacheLayer, CacheTensor
from netscope.report.flow import Flow, FlowEdge, FlowNode, Group
from netscope.report.layer import Layer, Parameter, Tensor, Window
from netscope.report.measured.breakdown import LayerTime, Reconciliation, StepWork, Work
from netscope.report.measured.device import Device
from netscope.report.measured.links import Links
from netscope.report.measured.ranks import MeasuredCollective, MeasuredRank, MeasuredRanks
from netscope.report.measured.samples import Measurement, Pace, Reading, Round
from netscope.report.measured.timing import LayerRoof, LayerTiming, Roof, Timing
from netscope.report.memory import (
    Change,
    Fit,
    Holder,
    LayerMemory,
    Measured,
    Memory,
    Moment,
    Reserved,
    Sharded,
    StepMemory,
    StepPart,
    Tried,
)
from netscope.report.misfits import Misfit, Side
from netscope.report.ranks import (
    Axis,
    Bubble,
    Implicit,
    LayerRank,
    Part,
    RankKind,
    Ranks,
    Repeated,
    Traffic,
)
from netscope.report.report import SCHEMA_VERSION, Report
from netscope.report.store import versions
from netscope.report.store.fields import is_record, saved, types_of
from tests.reports import alexnet
from tools.schemas import getter_of

DATA = Path(__file__).parents[2] / "data" / "reports"
KINDS: tuple[type, ...] = (
    *(Report, Layer, Tensor, Parameter, Window, VectorOps, Roof, LayerRoof, LayerTiming, LayerTime),
    *(Timing, Device, Measurement, Pace, Round, Reading, Reconciliation, Work, StepWork),
    *(MeasuredRanks, MeasuredRank, MeasuredCollective),
    *(Misfit, Side),
    *(Flow, Group, FlowNode, FlowEdge),
    *(Memory, StepMemory, LayerMemory, Moment, Holder, StepPart, Reserved, Sharded, Measured),
    *(Cache, CacheLayer, CacheTensor),
    *(Fit, Tried, Change),
    *(Ranks, Axis, RankKind, Traffic, Repeated, Implicit, Bubble, LayerRank, Part, Links),
)
VERSIONS = range(1, SCHEMA_VERSION + 1)


def fields() -> dict[str, str]:
    """{"Layer.macs": "int | None, may be left out"}: all that a report consists of, derived figures too."""
    found = {}
    for kind in KINDS:
        for name, optional in saved(kind).items():
            left_out = ", may be left out" if optional else ""
            found[f"{kind.__name__}.{name}"] = f"{annotation(kind, name)}{left_out}"
    derived = [(kind, name) for kind, names in store.DERIVED.items() for name in names]
    for kind, name in [*derived, *((Report, name) for name in store.TOTALS)]:
        getter = getter_of(kind, name)
        found[f"{kind.__name__}.{name}"] = f"{getter.__annotations__['return']}, derived"
    return found


def annotation(kind: type, name: str) -> str:
    """The annotation of a field as it is written."""
    written = kind.__annotations__[name]
    return written if isinstance(written, str) else str(written.__forward_arg__)


def test_every_field_is_of_a_dataclass_that_is_held_here() -> None:
    """One that is met in an annotation and not listed in `fields` would change unseen."""
    held = {name.partition(".")[0] for name in fields()}
    waiting: list[Any] = [Report]
    while waiting:
        kind = waiting.pop()
        if is_record(kind):
            assert kind.__name__ in held
            types = types_of(kind)
            waiting += [types[name] for name in saved(kind)]
        waiting += typing.get_args(kind)


def test_no_form_changes_without_a_version() -> None:
    recorded = json.loads((DATA / f"{SCHEMA_VERSION}.fields.json").read_text())
    now = fields()
    changed = {name: now.get(name, "gone") for name, form in recorded.items() if now.get(name) != form}
    assert not changed, "a field that is gone or of another type needs a new schema version: see versions.py"
    added = {name: form for name, form in now.items() if name not in recorded}
    then = {name.partition(".")[0] for name in recorded}
    needed = {
        name
        for name, form in added.items()
        if name.partition(".")[0] in then and not form.endswith((", may be left out", ", derived"))
    }
    assert not needed, "older files lack it: give it a default, or a new schema version (see versions.py)"
    assert not added, f"it may stay within the version: add these lines to {SCHEMA_VERSION}.fields.json"


def test_every_version_has_its_migration_and_its_files() -> None:
    assert list(versions.MIGRATIONS) == list(VERSIONS)[:-1]
    wanted = {f"{version}{suffix}" for version in VERSIONS for suffix in (".json", ".fields.json")}
    assert {path.name for path in DATA.iterdir()} == wanted


@pytest.mark.parametrize("version", VERSIONS)
def test_a_report_of_every_version_loads(version: int) -> None:
    """AlexNet at 227 pixels, by its published figures."""
    report = store.load(DATA / f"{version}.json")
    assert report.schema_version == SCHEMA_VERSION
    assert (report.name, report.params, report.macs) == ("alexnet", 62_378_344, 1_135_256_096)
    assert report.weight_layer_counts == {"conv": 5, "linear": 3}
    conv1 = report["features.conv1"]
    assert conv1.weight_shape == (96, 3, 11, 11)
    assert conv1.output_shape == (1, 96, 55, 55)
    assert conv1.receptive_field == (11, 11)
    assert report["features.pool5"].jump == (32.0, 32.0)
    # relu1: one comparison for each of 55*55*96 numbers
    assert report["features.relu1"].vector == VectorOps(cmp=290_400)
    assert "torch" in report.environment


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    """A netscope of version 3: the second renamed a field, the third counts in other units."""

    def renamed(data: dict[str, Any]) -> dict[str, Any]:
        data["name"] = data.pop("title")
        return data

    def doubled(data: dict[str, Any]) -> dict[str, Any]:
        layers = [{**layer, "params": 2 * layer["params"]} for layer in data["layers"]]
        return {**data, "layers": layers}

    monkeypatch.setattr(report_, "SCHEMA_VERSION", 3)
    monkeypatch.setattr(versions, "MIGRATIONS", {1: renamed, 2: doubled})


@pytest.mark.usefixtures("third")
def test_an_older_report_goes_through_every_step_in_order() -> None:
    params = alexnet().params
    data = json.loads(store.to_json(alexnet()))
    first = {**data, "schema_version": 1, "title": "alexnet"}
    del first["name"]
    report = store.from_dict(first)
    assert first["title"] == "alexnet"  # what was handed over is as it was
    assert (report.schema_version, report.name, report.params) == (3, "alexnet", 2 * params)
    report = store.from_dict({**data, "schema_version": 2})
    assert (report.schema_version, report.params) == (3, 2 * params)
    report = store.from_dict({**data, "schema_version": 3})
    assert (report.schema_version, report.params) == (3, params)


@pytest.mark.usefixtures("third")
@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"schema_version": 1, "layers": []}, "KeyError in what schema_version 1 should have"),
        ({"schema_version": 2, "layers": 5}, "TypeError in what schema_version 2 should have"),
        ({"schema_version": 2, "layers": [{"params": None}]}, "TypeError in what schema_version 2 should"),
        ({"schema_version": 4, "layers": []}, "schema_version 4; this netscope reads up to 3"),
    ],
)
def test_a_step_over_broken_data_is_one_line(data: dict[str, Any], why: str) -> None:
    with pytest.raises(StoreError) as caught:
        store.from_dict(data)
    assert why in caught.value.message
    assert "\n" not in caught.value.message
