"""Where text is seen: what a stream and its environment say of width, colour and characters."""

from __future__ import annotations

import io
import re

import pytest

from netscope import show
from netscope.show.screen import WIDEST, Screen
from tests.reports import alexnet, linear, report, stack

ESCAPES = re.compile(r"\x1b\[\d+m")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal, in an encoding of choice."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]  # StringIO has none to give
        return self._encoding

    def isatty(self) -> bool:
        return True


def test_off_a_terminal_there_is_no_limit_and_no_colour() -> None:
    assert Screen.of(io.StringIO()) == Screen.of(None) == Screen(None, color=False, encoding="utf-8")


def test_no_terminal_is_too_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, width in (("60", 60), ("5000", WIDEST), ("1", 20)):
        monkeypatch.setenv("COLUMNS", columns)
        assert Screen.of(Terminal()).width == Screen.of(io.StringIO()).width == width


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, True),
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
    ],
)
def test_colour_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Screen.of(Terminal()).color == coloured


def test_colour_off_a_terminal_must_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Screen.of(io.StringIO()).color
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert Screen.of(io.StringIO()).color


def test_colour_is_only_escape_sequences_around_the_same_text() -> None:
    coloured = show.text(alexnet(), "table", screen=Screen(100, color=True))
    assert "\x1b[36m39.5\x1b[0m" in coloured
    plain = "".join(line.rstrip() + "\n" for line in ESCAPES.sub("", coloured).splitlines())
    assert plain == show.text(alexnet(), "table", width=100)


def test_an_ascii_stream_gets_ascii() -> None:
    shown = show.text(stack(), "table", screen=Screen(100, encoding="ascii"), fold=True)
    assert shown.isascii()
    assert "input 1x4x8 float32" in shown
    assert "`- 0-11 x12" in shown
    named = report("日", "X", [linear("日本", (1, 4), (1, 4)), linear("fc", (1, 4), (1, 4))])
    screen = Screen.of(Terminal("latin-1"))
    assert screen.encoding == "iso8859-1"
    body = show.text(named, "table", screen=screen).split("\n\n")[1]
    assert ESCAPES.sub("", body.splitlines()[1]).startswith(r"\u65e5\u672c  Linear")
    assert ESCAPES.sub("", body.splitlines()[2]).startswith(r"fc            Linear")
