"""Whatever people type is read, or refused in words: nothing else comes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.answers.check.limit import parse_change, parse_limit
from netscope.answers.check.project import read
from netscope.base.errors import NetscopeError
from netscope.base.workload import ITEM_SIZE, parse_dtype, parse_input
from netscope.report import store
from netscope.sources import resolve
from netscope.sources.common.options import parse_options

# What they are made of, mostly, and anything.
PIECES = st.sampled_from(
    [
        *(
            "x",
            "=",
            ":",
            ",",
            ".",
            "@",
            "/",
            "-",
            "+",
            "%",
            "<",
            ">",
            "!",
            "~",
            "*",
            "×",
            " ",
            "\n",
            "\0",
            "\x1b",
        ),
        *(
            "1",
            "0",
            "3x224x224",
            "9" * 31,
            "int64",
            "float32",
            "qint8",
            "scalar",
            "params",
            "macs",
            "changed",
        ),
        *(
            "alexnet",
            "hf",
            "timm",
            "torchvision",
            "HEAD",
            "json",
            "py",
            "K",
            "GiB",
            "1e9",
            "[",
            "]",
            "{",
            "}",
        ),
        *("tool", "netscope", "models", '"', "'", "é", "日", "\u202e", "None", "(" * 60),
    ]
)
TEXT = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=40)


def read_or_refused(read: Callable[[], Any]) -> Any:
    """What comes of it; None for what was refused in one or two lines that can be shown."""
    try:
        return read()
    except NetscopeError as error:
        said = str(error)
        assert said.strip()
        assert len(said.splitlines()) <= 3
        return None


@given(TEXT)
def test_inputs(text: str) -> None:
    found = read_or_refused(lambda: parse_input(text))
    if found is not None:
        name, spec = found
        assert name is None or name.isidentifier()
        assert spec.dtype in ITEM_SIZE
        assert all(size >= 0 for size in spec.shape)
        written = "x".join(map(str, spec.shape)) or "scalar"
        again = f"{name}={written}:{spec.dtype}" if name else f"{written}:{spec.dtype}"
        assert parse_input(again) == found


@given(TEXT)
def test_dtypes(text: str) -> None:
    found = read_or_refused(lambda: parse_dtype(text))
    assert found is None or parse_dtype(found) == found


@given(TEXT)
def test_limits(text: str) -> None:
    found = read_or_refused(lambda: parse_limit(text))
    assert found is None or parse_limit(str(found)) == found
    read_or_refused(lambda: parse_change(text))


@given(st.lists(TEXT, max_size=3))
def test_options(texts: list[str]) -> None:
    found = read_or_refused(lambda: parse_options(texts))
    assert found is None or all(key.isidentifier() for key in found)


@given(TEXT.filter(lambda text: not text.strip().startswith(("hf/", "timm/", "torchvision/"))))
def test_names_of_models(text: str) -> None:
    """None of these is a file or a module here; what is a network of the zoo may be found."""
    read_or_refused(lambda: resolve(text))


@given(TEXT)
def test_projects(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pyproject.toml"
        path.write_text(f"[tool.netscope.models]\n{text}", encoding="utf-8", errors="replace")
        read_or_refused(lambda: read(path))


@given(TEXT)
@pytest.mark.parametrize("around", ["", '{"schema_version": 3, "name": %s}', '{"schema_version": %s}'])
def test_saved_reports(around: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        path.write_text(around.replace("%s", text) or text, encoding="utf-8", errors="replace")
        read_or_refused(lambda: store.load(path))
