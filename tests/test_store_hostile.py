from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netscope import store
from netscope.errors import StoreError
from netscope.report import Report
from tests.reports import stack
from tests.test_store import VALUE

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
        assert isinstance(report, Report)
        assert report.layers


@given(cut=st.integers(0, 4000))
@settings(deadline=None)
def test_a_truncated_file_is_never_another_error(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    text = store.to_json(stack(1)).encode()
    attempt(text[: min(cut * 3, len(text) - 3)], tmp_path_factory.getbasetemp())


@given(junk=st.binary(max_size=64))
@example(junk=b"")
@settings(deadline=None)
def test_junk_is_never_another_error(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    attempt(junk, tmp_path_factory.getbasetemp())


@given(seed=st.integers(0, 10**6), value=VALUE)
@settings(max_examples=300, deadline=None)
def test_a_hostile_value_anywhere_is_never_another_error(
    tmp_path_factory: pytest.TempPathFactory, seed: int, value: Any
) -> None:
    data = store.to_dict(stack(1))
    place: Any = data
    chance = random.Random(seed)
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
