from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.show.formats.markdown import LONGEST, code, comment, escape, lower
from netscope.show.page import Comment, Document, Folded, Note, Notes, Page, Records
from netscope.show.screen import Screen
from tests.reports import alexnet, stack


def test_the_table_of_alexnet() -> None:
    lines = alexnet().to_markdown().splitlines()
    conv1 = "| `features.conv1` | Conv2d 11×11 /4 | 1×96×55×55 | 96×3×11×11 + 96 | 34,944 | 105 M | 9.3 | "
    assert lines[0] == (
        "**alexnet** · zoo (Krizhevsky et al. 2012, single stream) · input 1×3×227×227 float32 · eval"
    )
    assert lines[2:6] == [
        "| layer | operator | output | weight + bias | params | MACs | % | out mem |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: |",
        "| `features` | Sequential | 1×256×6×6 |  |  |  |  |  |",
        conv1 + "1.11 MiB |",
    ]
    assert "- params: **62,378,344** (238.0 MiB, all trainable)" in lines


def test_folded_and_shared_rows() -> None:
    text = stack().to_markdown(fold=True)
    assert "| `layers.0-11` ×12 | Block |" in text
    assert "| `head` | Linear (shared with embed.weight) | 1×4×8 | 8×8 | (64) |" in text


def test_code_is_fenced_by_more_ticks_than_it_holds() -> None:
    assert code("plain.name") == "`plain.name`"
    assert code("a``b") == "```a``b```"
    assert code("`a`") == "`` `a` ``"
    assert code("a|b") == r"`a\|b`"


def test_escape() -> None:
    assert escape("a_b*c<d>") == r"a\_b\*c&lt;d&gt;"


# Comments on pull requests

LINES = st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=40)
HOLD = Comment("check", "", "✓ all hold", "netscope check")


def folded(title: str, lines: list[str]) -> Folded:
    return Folded(title, [Notes([Note(line) for line in lines])])


@given(LINES, LINES, LINES, st.integers(600, 3000))
def test_it_fits_and_stays_whole(seen: list[str], one: list[str], other: list[str], longest: int) -> None:
    lines = [f"- {escape(line)}" for line in seen]
    nested = Folded("third", [folded("fourth", other)])
    text = comment(HOLD, lines, [folded("first", one), folded("second", other), nested], longest=longest)
    assert len(text) <= longest
    assert text.startswith("<!-- netscope:check -->\n### ✓ all hold\n\n")
    assert text.endswith("\n\nMade by `netscope check`\n")
    assert text.count("<details>\n<summary>") == text.count("\n</details>")


def test_what_fits_is_not_cut() -> None:
    text = comment(HOLD, ["| a |"], [folded("all", ["x"] * 100)])
    assert text.count("\n- x") == 100
    assert "left out" not in text


def test_what_is_too_much_is_cut_with_a_note() -> None:
    rows = [f"row {n}" for n in range(20_000)]
    text = comment(HOLD, ["first"], [folded("rows", rows), folded("never", ["seen"])])
    assert LONGEST - 200 < len(text) <= LONGEST
    assert "\n- row 1000\n" in text
    assert re.search(r"\*[\d,]+ lines left out: there is no room\.\*", text)
    assert "never" not in text


@pytest.mark.parametrize(
    ("of", "marker"),
    [
        ("", "<!-- netscope:check -->"),
        ("main@nets.py:Net", "<!-- netscope:check main@nets.py:Net -->"),
        ("a---b", "<!-- netscope:check a- - -b -->"),
        ("--><b>", "<!-- netscope:check - -)<b) -->"),
    ],
)
def test_the_marker_names_what_it_is_about_and_cannot_be_left(of: str, marker: str) -> None:
    assert comment(Comment("check", of, ""), []).splitlines()[0] == marker


def test_a_title_is_read_as_html() -> None:
    text = comment(HOLD, [], [folded("my_net <2>", ["x"])])
    assert "<summary>my_net &lt;2&gt;</summary>" in text


def test_what_the_verdict_or_a_title_says_is_not_said_again() -> None:
    def said(*texts: str) -> str:
        page = Page(
            "net",
            (),
            lambda: [Notes([Note(text) for text in texts]), folded("2 layers changed", ["x"])],
            lambda: Records((), (), 1),
            lambda: Document({}, ""),
            Comment("check", "", "✗ net: 1 of 2 requirements failed"),
        )
        return lower(page, Screen())

    open_, _, _ = said("1 of 2 requirements failed", "2 layers changed").partition("<details>")
    assert open_.rstrip() == "<!-- netscope:check -->\n### ✗ net: 1 of 2 requirements failed"
    # A word of the verdict is not the verdict.
    assert "\n- failed\n- net\n" in said("failed", "net")
