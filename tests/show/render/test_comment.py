from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.show.render.comment import LONGEST, Folded, comment, fenced

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r`"), max_size=60), max_size=40)


@given(LINES, LINES, LINES, st.integers(600, 3000))
def test_it_fits_and_stays_whole(seen: list[str], one: list[str], other: list[str], longest: int):
    folded = [Folded("first", one), Folded("second", fenced("\n".join(other)))]
    text = comment("check", "✓ all hold", seen, folded, command="netscope check", longest=longest)
    assert len(text) <= longest
    assert text.startswith("<!-- netscope:check -->\n### ✓ all hold\n\n")
    assert text.endswith("\n\nMade by `netscope check`\n")
    assert text.count("<details>\n<summary>") == text.count("\n</details>")
    assert text.count("```") % 2 == 0


def test_what_fits_is_not_cut():
    text = comment("diff", "same", ["| a |"], [Folded("all", ["x"] * 100)])
    assert text.count("\nx") == 100
    assert "left out" not in text


@pytest.mark.parametrize("lines", [[f"| {n} |" for n in range(20_000)], fenced("row\n" * 20_000)])
def test_what_is_too_much_is_cut_with_a_note(lines: list[str]):
    text = comment("diff", "much", ["first"], [Folded("rows", lines), Folded("never", ["seen"])])
    assert LONGEST - 200 < len(text) <= LONGEST
    assert not set(lines).isdisjoint(text.splitlines())
    assert "lines left out: there is no room.*" in text
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
def test_the_marker_names_what_it_is_about_and_cannot_be_left(of: str, marker: str):
    assert comment("check", "", [], of=of).splitlines()[0] == marker


def test_a_title_is_read_as_html():
    assert "<summary>my_net &lt;2&gt;</summary>" in comment("diff", "", [], [Folded("my_net <2>", ["x"])])


def test_a_fence_holds_fences():
    assert fenced("a\n```\nb") == ["````", "a", "```", "b", "````"]
