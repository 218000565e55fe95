from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netscope.answers.check import check_report, parse_limit
from netscope.answers.compare import Comparison, Variant
from netscope.answers.explain import explain
from netscope.api.lint import lint_report
from netscope.base.errors import StoreError
from netscope.report import store
from netscope.report.report import Report
from tests.report.ranked import uneven
from tests.report.store.test_store import VALUE
from tests.reports import stack

# Formats of pictures alone refuse what has none.
TEXTS = ("table", "markdown", "html", "csv", "csv_raw", "json")
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this is not JSON: Expecting value"),
        ("hello", "this is not JSON"),
        ("{}", "this is not a netscope report."),
        ("[]", "this is not a netscope report."),
        ("3", "this is not a netscope report."),
        ('{"schema_version": 1', "this is not JSON"),
        ('{"schema_version": NaN, "layers": []}', "NaN is not allowed"),
        ('{"schema_version": true, "layers": []}', "its schema_version is True"),
        ('{"schema_version": 1, "layers": [], "name": "", "source": ""}', "it has no layers"),
        (
            '{"schema_version": 1, "layers": 3, "name": "", "source": ""}',
            "report.layers must be a list, not 3",
        ),
        ('{"schema_version": 1, "layers": [{}], "name": "", "source": ""}', "report.layers[0] has no path"),
        (
            '{"schema_version": 1, "layers": [{"path": 1}], "name": "", "source": ""}',
            "layers[0].path must be text",
        ),
        ('{"schema_version": 1, "layers": []}', "report has no name"),
        (DEEP, "nested too deeply"),
        ('{"schema_version": 1, "layers": [], "timing": {"a": ' + DEEP[:5000] + "]" * 5000 + "}}", "deeply"),
        ('{"schema_version": ' + "9" * 5000 + ', "layers": []}', "this is not JSON"),
        ("\x00\x01", "this is not JSON"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(StoreError) as caught:
        store.load(path)
    assert caught.value.message.startswith(repr(str(path)))
    assert why in caught.value.message
    assert "\n" not in caught.value.message


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(StoreError, match="this is not JSON"):
        store.load(path)


ROOT_ROW = {"path": "", "type": "Net"}
WINDOW = {"sides": [3], "start": [-1], "jump": [1], "largest_jump": [1]}
LINEAR = {"path": "a", "type": "Linear", "depth": 1}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([LINEAR], "its first layer is 'a', not the network itself"),
        ([{**ROOT_ROW, "depth": 3}], "its first layer is '', not the network itself"),
        ([ROOT_ROW, {**LINEAR, "depth": 0}], "layer 'a' is 0 deep below one 0 deep"),
        ([ROOT_ROW, {**LINEAR, "depth": 2}], "layer 'a' is 2 deep below one 0 deep"),
        (
            [ROOT_ROW, {**LINEAR, "depth": -1}],
            "layers[1].depth must be a whole number of sensible size, not -1",
        ),
        ([ROOT_ROW, {**LINEAR, "path": ""}], "layer '' stands below '', which is not its path"),
        ([ROOT_ROW, LINEAR, {**LINEAR, "path": "b.c", "depth": 2}], "layer 'b.c' stands below 'a'"),
        ([ROOT_ROW, LINEAR, {**LINEAR, "path": "ab", "depth": 2}], "layer 'ab' stands below 'a'"),
        ([{**ROOT_ROW, "params": -1}], "layers[0].params must be a whole number of sensible size, not -1"),
        ([{**ROOT_ROW, "params": 2**127}], "layers[0].params must be a whole number of sensible size"),
        ([{**ROOT_ROW, "params": 1.0}], "layers[0].params must be a whole number"),
        ([{**ROOT_ROW, "params": True}], "layers[0].params must be a whole number"),
        ([{**ROOT_ROW, "operators": {"a": -1}}], "layers[0].operators.'a' must be a whole number"),
        (
            [{**ROOT_ROW, "outputs": [{"place": "", "shape": [2**64] * 2, "dtype": "int8"}]}],
            "has a tensor of",
        ),
        (
            [{**ROOT_ROW, "outputs": [{"place": "", "shape": [2, -1], "dtype": "int8"}]}],
            "outputs[0].shape[1]",
        ),
        ([{**ROOT_ROW, "window": {**WINDOW, "start": []}}], "layer '' has a window of uneven dimensions"),
        ([{**ROOT_ROW, "window": {**WINDOW, "jump": [{"$float": "inf"}]}}], "layer '' has an endless jump"),
    ],
)
def test_rows_that_make_no_sense_are_refused(rows: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(StoreError) as caught:
        store.from_dict({"schema_version": 1, "name": "x", "source": "", "layers": rows})
    assert why in caught.value.message


def test_what_else_netscope_writes_is_called_by_its_name() -> None:
    report = stack(1)
    for command, text in (
        ("explain", explain(report).to_json()),
        ("lint", lint_report(report).to_json()),
        ("compare", Comparison((Variant(report.name, report),)).to_json()),
        ("check", check_report(report, [parse_limit("params=1")]).to_json()),
        ("diff", json.dumps({"schema_version": 1, "before": {}, "after": {}, "pairs": []})),
    ):
        with pytest.raises(StoreError, match=f"this was written by `netscope {command}`") as caught:
            store.from_dict(json.loads(text))
        assert caught.value.hint == "`netscope summary MODEL -o report.json` saves a report"


def test_of_a_key_that_comes_twice_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text(
        store.to_json(stack(1)).replace('"name": "stack"', '"name": "first", "name": "second"', 1)
    )
    assert store.load(path).name == "second"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_may_never_end_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(StoreError, match=r"cannot read '.*': it is no ordinary file\.") as caught:
            store.load(path)
        assert caught.value.hint == "save the report in a file first"


def test_a_file_beyond_all_reports_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(2**40)  # without a byte of it on the disk
    with pytest.raises(StoreError, match=r"cannot read '.*': no report has 1\.00 TiB\."):
        store.load(path)


def test_nothing_but_space_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "space.json"
    path.write_bytes(b" " * 2**24)
    with pytest.raises(StoreError, match="this is not JSON: Expecting value") as caught:
        store.load(path)
    assert len(caught.value.message) < 500


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*: No such file or directory"):
        store.load(tmp_path / "none.json")
    with pytest.raises(StoreError, match=r"cannot read .*: Is a directory"):
        store.load(tmp_path)
    with pytest.raises(StoreError) as caught:
        store.load("a\nb\x00c")
    assert "\n" not in caught.value.message


def attempt(text: bytes, folder: Path) -> None:
    path = folder / "fuzz.json"
    path.write_bytes(text)
    try:
        report = store.load(path)
    except StoreError as error:
        assert "\n" not in error.message  # noqa: PT017  # either outcome is right
    else:
        show(report)


def show(report: Report) -> None:
    """All that can be made of a report, which must not ask whether it makes sense."""
    assert store.from_dict(json.loads(store.to_json(report))).layers[0].path == ""
    for how in ({}, {"fold": True}, {"depth": 1}, {"sort": "params"}, {"top": 2}):
        if not report.knows_machine or how.keys() <= {"depth", "top"}:
            assert all(report.to(name, **how) for name in TEXTS)
    assert all(what.to(name) for what in (explain(report), lint_report(report)) for name in TEXTS)


@given(cut=st.integers(0, 4000))
def test_a_truncated_file_is_never_another_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    text = store.to_json(stack(1)).encode()
    attempt(text[: min(cut * 3, len(text) - 3)], tmp_path_factory.getbasetemp())


@given(junk=st.binary(max_size=64))
@example(junk=b"")
def test_junk_is_never_another_error(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    attempt(junk, tmp_path_factory.getbasetemp())


VALID = (
    store.to_json(stack(1)),
    (Path(__file__).parents[2] / "data" / "reports" / "1.json").read_text(encoding="utf-8"),
)
ODD = st.sampled_from((
    None, True, 0, -1, 3, 2**126, 10**400, 1e308, "", "\ud800", "\x1b[31m\n", [], {}, [0, 0], [None, None],
    [2**126] * 3, "Conv2d", "LSTM", "functional", {"$float": "nan"}, {"$float": "inf"}, {"a": 1},
))  # fmt: skip


@given(seed=st.integers(0, 10**6), value=VALUE | ODD)
def test_a_hostile_value_anywhere_is_never_another_error(
    tmp_path_factory: pytest.TempPathFactory, seed: int, value: Any
) -> None:
    chance = random.Random(seed)
    data = json.loads(chance.choice(VALID))
    place: Any = data
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        if not isinstance(place[key], (dict, list)) or chance.random() < 0.2:
            break
        place = place[key]
    place[key] = value
    attempt(json.dumps(data).encode(), tmp_path_factory.getbasetemp())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"kinds": []}, "its rank 0 is of no kind"),
        ({"rank": 40}, "its rank 40 is of no kind"),
        ({"world": 31}, "or a rank is none of 31"),
        ({"coordinates": []}, "no place for its rank"),
        ({"bubble": {"schedule": "GPipe", "microbatches": 4, "idle": [1.5]}}, "waits for more than a step"),
    ],
)
def test_ranks_that_make_no_sense_are_refused(changed: dict[str, Any], why: str) -> None:
    data = json.loads(store.to_json(uneven()))
    assert store.from_dict(data) == uneven()
    data["ranks"] |= changed
    with pytest.raises(StoreError, match=why):
        store.from_dict(data)


def test_a_rank_of_two_kinds_is_refused() -> None:
    data = json.loads(store.to_json(uneven()))
    data["ranks"]["kinds"][0]["ranks"].append(25)
    with pytest.raises(StoreError, match="a rank of two kinds"):
        store.from_dict(data)
