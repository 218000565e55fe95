from __future__ import annotations

import json
import math
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.base.cost import VectorOps
from netscope.base.errors import StoreError
from netscope.report import store
from netscope.report.layer import Layer, Parameter, Tensor
from netscope.report.measured.breakdown import LayerTime, Reconciliation, Work
from netscope.report.measured.device import Device
from netscope.report.measured.samples import Measurement, Reading, Round
from netscope.report.measured.timing import LayerRoof, LayerTiming, Roof, Timing
from netscope.report.report import SCHEMA_VERSION, Report
from tests.reports import alexnet, stack

TEXT = st.text(max_size=8) | st.text(st.characters(categories=["Cs", "Cc", "Lo"]), max_size=1)
COUNT = st.integers(0, 2**80)
NUMBER = st.floats(allow_nan=False)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=6,
)
SHAPE = st.lists(st.integers(0, 9999), max_size=4).map(tuple)
COUNTS = st.dictionaries(TEXT, COUNT, max_size=2)
TENSOR = st.builds(Tensor, TEXT, st.none() | SHAPE, st.none() | TEXT, st.none() | TEXT)
PARAMETER = st.builds(Parameter, TEXT, SHAPE, TEXT, st.booleans(), COUNT, st.none() | TEXT, st.booleans())
VECTOR = st.builds(VectorOps, *[COUNT] * 5)
# Of machines
STEP = st.floats(1e-9, 1e6)
MAYBE = st.none() | NUMBER
READING = st.builds(Reading, *[MAYBE] * 4, st.lists(TEXT, max_size=2).map(tuple))


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    """Some rounds, all of the same phases."""
    phases = draw(st.sampled_from([(), ("forward",), ("forward", "backward")]))

    def times(count: int) -> tuple[float, ...]:
        return tuple(draw(st.lists(STEP, min_size=count, max_size=count)))

    rounds = []
    for count in draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)):
        on_device = times(count) if draw(st.booleans()) else ()
        parts = tuple(times(count) for _ in phases)
        reading = draw(st.none() | READING)
        rounds.append(Round(times(count), on_device, parts, draw(STEP), draw(MAYBE), draw(MAYBE), reading))
    return Measurement(
        kind=draw(st.sampled_from(["latency", "throughput"])),
        rounds=tuple(rounds),
        phases=phases,
        warmup=times(2),
        settled=draw(st.booleans()),
    )


WORK = st.builds(Work, TEXT, NUMBER, NUMBER)
TIMING = st.builds(
    Timing,
    device=st.builds(
        Device, TEXT, TEXT, st.none() | COUNT, st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple)
    ),
    dtype=st.sampled_from(["fp32", "bf16", ""]),
    batch=st.integers(0, 2**20),
    called=measurements(),
    form=st.sampled_from(["eager", "compiled", "graph"]),
    threads=st.none() | st.integers(1, 64),
    optimizer=st.none() | TEXT,
    back_to_back=st.none() | measurements(),
    replayed=st.none() | measurements(),
    queued=st.none() | measurements(),
    cold=st.booleans(),
    doubts=st.lists(TEXT, max_size=2).map(tuple),
    reconciliation=st.none() | st.builds(Reconciliation, STEP, *[STEP] * 5, MAYBE),
    unattributed=st.lists(WORK, max_size=2).map(tuple),
    peak_memory=st.none() | COUNT,
)
ROOF = st.builds(Roof, TEXT, TEXT, TEXT, MAYBE, MAYBE, TEXT)
LAYER_TIME = st.builds(LayerTime, *[STEP] * 4)
LAYER = st.builds(
    Layer,
    timing=st.none() | st.builds(LayerTiming, LAYER_TIME, LAYER_TIME),
    roof=st.none()
    | st.builds(LayerRoof, COUNT, MAYBE, COUNT, MAYBE, st.sampled_from(["compute", "memory", None])),
    path=TEXT.filter(bool),
    type=TEXT,
    calls=COUNT,
    shared_with=st.none() | TEXT,
    hyperparameters=st.dictionaries(TEXT, VALUE, max_size=3),
    inputs=st.lists(TENSOR, max_size=2).map(tuple),
    outputs=st.lists(TENSOR, max_size=2).map(tuple),
    parameters=st.lists(PARAMETER, max_size=2).map(tuple),
    operators=COUNTS,
    unknown=COUNTS,
    macs=st.none() | COUNT,
    vector=st.none() | VECTOR,
    own_vector=VECTOR,
)


def in_a_tree(rows: list[tuple[Layer, int]]) -> tuple[Layer, ...]:
    """The rows in preorder: each as deep as its number says and the row before it allows."""
    layers: list[Layer] = []
    around: list[str] = []
    for layer, deep in rows:
        del around[1 + deep % max(1, len(around)) :]
        above = around[-1] if around else ""
        path = f"{above}.{layer.path}" if above else layer.path if around else ""
        layers.append(replace(layer, path=path, depth=len(around)))
        around.append(path)
    return tuple(layers)


REPORT = st.builds(
    Report,
    name=TEXT,
    source=TEXT,
    layers=st.lists(st.tuples(LAYER, st.integers(0, 9)), min_size=1, max_size=4).map(in_a_tree),
    trace_seconds=NUMBER,
    error=st.none() | TEXT,
    notes=st.lists(TEXT, max_size=2).map(tuple),
    environment=st.dictionaries(TEXT, TEXT, max_size=2),
    timing=st.none() | TIMING,
    roof=st.none() | ROOF,
)


def reread(report: Report) -> Report:
    return store.from_dict(json.loads(store.to_json(report)))


@given(REPORT)
def test_a_report_comes_back_equal(report: Report) -> None:
    assert reread(report) == report


def test_whole_networks_come_back_equal(tmp_path: Path) -> None:
    for report in (alexnet(), stack()):
        path = tmp_path / "report.json"
        text = report.to_json(path)
        assert path.read_text() == text
        assert store.load(path) == report


def test_readers_find_what_they_want() -> None:
    data = store.to_dict(alexnet())
    assert data["schema_version"] == SCHEMA_VERSION
    assert data["name"] == "alexnet"
    assert data["totals"]["params"] == 62_378_344
    assert data["totals"]["flops"] == 2 * data["totals"]["macs"]
    conv1 = data["layers"][2]
    assert conv1["path"] == "features.conv1"
    assert conv1["output_shape"] == [1, 96, 55, 55]
    assert conv1["weight_shape"] == [96, 3, 11, 11]
    assert conv1["input_shapes"] == [[1, 3, 227, 227]]
    assert conv1["vector"]["total"] == 290_400


def test_the_text_has_one_line_a_layer() -> None:
    lines = store.to_json(alexnet()).splitlines()
    assert len([line for line in lines if line.startswith('    {"path"')]) == len(alexnet().layers)


def test_derived_figures_are_recomputed_and_strange_keys_ignored() -> None:
    data = store.to_dict(alexnet())
    data["totals"]["params"] = 1
    data["layers"][2]["flops"] = 1
    data["layers"][2]["colour"] = "red"
    data["mood"] = "good"
    assert store.from_dict(data) == alexnet()


def test_fields_with_a_default_may_be_missing() -> None:
    data = {"schema_version": 1, "name": "x", "source": "", "layers": [{"path": "", "type": "X"}]}
    assert store.from_dict(data) == Report(name="x", source="", layers=(Layer(path="", type="X"),))


def test_special_floats() -> None:
    layer = Layer(path="", type="X", hyperparameters={"p": math.inf, "q": (-math.inf, 0.5)})
    report = Report(name="x", source="", layers=(layer,))
    assert reread(report) == report
    nothing = replace(layer, hyperparameters={"p": math.nan})
    value = reread(replace(report, layers=(nothing,))).layers[0].hyperparameters["p"]
    assert math.isnan(value)


def test_keys_that_look_like_ours_stay_what_they_were() -> None:
    layer = Layer(
        path="", type="X", hyperparameters={"a": {"$float": "inf"}, "$b": 1, "$$": 2}, operators={"$": 1}
    )
    report = Report(name="x", source="", layers=(layer,))
    assert reread(report) == report


def test_subclasses_are_saved_as_what_they_derive_from() -> None:
    class Size(tuple[int, ...]):
        __slots__ = ()

    layer = Layer(path="", type="X", hyperparameters={"size": Size((1, 2))})
    assert reread(Report(name="x", source="", layers=(layer,))).layers[0].hyperparameters == {"size": (1, 2)}


def test_what_json_cannot_hold_is_refused() -> None:
    layer = Layer(path="", type="X", hyperparameters={"thing": object()})
    with pytest.raises(StoreError, match=r"a report cannot keep a builtins\.object"):
        store.to_json(Report(name="x", source="", layers=(layer,)))


def test_a_newer_report_is_refused_and_says_how_to_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    path.write_text(store.to_json(alexnet()).replace('"schema_version": 3', '"schema_version": 7', 1))
    with pytest.raises(StoreError) as caught:
        store.load(path)
    assert (
        caught.value.message
        == f"{str(path)!r}: this report has schema_version 7; this netscope reads up to 3."
    )
    assert caught.value.hint == "update netscope to read it"


def test_writing_replaces_a_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")
    path.chmod(0o640)
    store.write_text(path, "after ×")
    assert path.read_text(encoding="utf-8") == "after ×"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.txt"
    path.write_text("before")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match=r"cannot write .*: No space left on device"):
        store.write_text(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_writing_goes_through_links_and_into_devices(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("before")
    link.symlink_to(real)
    store.write_text(link, "after")
    assert link.is_symlink()
    assert real.read_text() == "after"
    store.write_text(os.devnull, "gone")
    assert not Path(os.devnull).is_file()


def test_unwritable_places_say_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write .*: No such file or directory"):
        store.write_text(tmp_path / "no" / "such" / "folder.json", "x")
    with pytest.raises(StoreError, match="cannot write"):
        store.to_json(alexnet(), tmp_path)
    with pytest.raises(StoreError, match="cannot write"):
        store.write_text("a\x00b", "x")


def test_saved_reports_need_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, netscope.report.store, netscope.show.summary, netscope.show.formats\n"
        "import netscope.testing\n"
        "heavy = {'torch', 'pandas', 'rich', 'numpy', 'rapidfuzz'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
