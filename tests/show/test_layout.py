"""Tables on a screen: which columns leave, what is shortened, how names are told apart."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netscope.show.layout import DEEPEST, GAP, fit, laid_out
from netscope.show.page import Cell, Heading, Row, Table
from netscope.show.strings import width_of

TEXT = st.text(st.sampled_from("ab.日 "), max_size=30)


def lines(table: Table, room: int | None, encoding: str = "utf-8") -> list[str]:
    """The heading and the rows."""
    laid = laid_out(table, room, encoding)
    return ["".join(piece.text for piece in line).rstrip() for line in [laid.head, *laid.body]]


def named(*names: str, lasts: tuple[bool, ...] = (), operator: str = "Linear") -> Table:
    headings = [Heading("layer", name=True, floor=16), Heading("operator", drop=1)]
    return Table(headings, [Row([Cell(name, lasts=lasts), Cell(operator)]) for name in names])


def test_names_are_not_shortened_to_the_same() -> None:
    names = [f"encoder.layer.{n}.intermediate.dense.projection" for n in range(12)]
    shown = [line.split()[0] for line in lines(named(*names), 48)[1:]]
    assert all("…" in name for name in shown)
    assert len(set(shown)) == 12


@given(st.sets(st.text(st.sampled_from("ab."), min_size=36, max_size=40), min_size=2, max_size=8))
def test_no_two_names_are_shortened_to_the_same(names: set[str]) -> None:
    """Where half of the screen suffices to tell them apart; another column leaves for it."""
    shown = [line.split()[0] for line in lines(named(*sorted(names), operator="x" * 45), 80)[1:]]
    assert len(set(shown)) == len(names)


def test_a_name_of_ten_thousand_characters_is_elided_in_its_middle() -> None:
    _, row = lines(named("begin" + "q" * 10_000 + "end"), None)
    assert row.startswith("beginqqq")
    assert "…" in row
    assert row.endswith("end  Linear")
    assert len(row) < 80


def test_wide_characters_align() -> None:
    _, first, second = lines(named("日本語レイヤ", "fc"), None)
    assert width_of(first) == width_of(second)
    assert width_of(first.partition("Linear")[0]) == width_of(second.partition("Linear")[0])


def test_what_is_too_deep_says_how_deep_it_is() -> None:
    assert lines(named("x", lasts=(False, True)), None)[1].startswith("│  └─ x")
    assert lines(named("x", lasts=(True,) * DEEPEST), None)[1].startswith("   " * (DEEPEST - 1) + "└─ x")
    deep = lines(named("x", lasts=(True,) * 300), None)[1]
    assert deep.startswith("⋯ 300 deep")
    assert len(deep) < 50


def test_numbers_end_at_the_same_place_whatever_their_unit() -> None:
    table = Table(
        [Heading("out mem", right=True, units=True)], [Row([Cell(t)]) for t in ("1.11 MiB", "16 B", "·")]
    )
    assert lines(table, None) == [" out mem", "1.11 MiB", "  16   B", "   ·"]


def test_columns_leave_highest_first_and_are_named() -> None:
    headings = [Heading("layer"), Heading("a", drop=1), Heading("b", drop=3), Heading("c", drop=2)]
    table = Table(headings, [Row([Cell("x" * 10), Cell("1" * 8), Cell("2" * 8), Cell("3" * 8)])])
    left = {room: laid_out(table, room, "utf-8").left_out for room in (40, 39, 30, 29, 20, 19)}
    assert left == {40: [], 39: ["b"], 30: ["b"], 29: ["b", "c"], 20: ["b", "c"], 19: ["a", "b", "c"]}


def test_a_column_that_only_draws_out_is_not_missed() -> None:
    headings = [Heading("layer"), Heading("before → after", drop=1, spare=True)]
    table = Table(headings, [Row([Cell("x" * 10), Cell("1 → 2")])])
    assert laid_out(table, 12, "utf-8").left_out == []
    assert lines(table, 12) == ["layer", "x" * 10]


def test_a_sentence_goes_on_below_itself() -> None:
    headings = [Heading("code"), Heading("", wraps=True)]
    table = Table(headings, [Row([Cell("NS101"), Cell("a word " * 12)], "why")])
    wide = lines(table, 60)[1:]
    assert wide[0].startswith("NS101  a word")
    assert all(line[:7].isspace() and line[7] != " " for line in wide[1:-1])
    assert wide[-1] == "    why"
    narrow = lines(table, 30)[1:]
    assert narrow[0] == "NS101"
    assert max(map(len, [*wide, *narrow])) <= 60
    assert max(map(len, narrow)) <= 30


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(30, 120))
def test_no_line_is_wider_than_the_screen(texts: list[list[str]], room: int) -> None:
    headings = [Heading("layer", name=True, floor=8), Heading("what", floor=8, drop=1), Heading("n", drop=2)]
    table = Table(headings, [Row([Cell(text) for text in row]) for row in texts])
    assert all(width_of(line) <= room for line in lines(table, room))


COLUMNS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from([0, 4, 8]), st.lists(st.integers(0, 30), min_size=2, max_size=2)
    ),
    min_size=1,
    max_size=6,
)


@given(COLUMNS, st.integers(20, 90))
@settings(max_examples=200)
def test_columns_that_may_stay_do(columns: list[tuple[int, int, list[int]]], room: int) -> None:
    """All that has to stay does, nothing is narrower than its floor, and no column left that still fits."""
    headings = [Heading("", drop=drop, floor=floor) for drop, floor, _ in columns]
    texts = [wide for *_, wide in columns]
    shown, widths = fit(headings, texts, room)
    assert set(shown) >= {place for place, heading in enumerate(headings) if not heading.drop}
    least = [
        min(max(wide), heading.floor or max(wide)) for heading, wide in zip(headings, texts, strict=True)
    ]

    def taken(places: list[int]) -> int:
        return sum(least[place] for place in places) + len(GAP) * (len(places) - 1)

    assert all(a < b for a, b in pairwise(shown))
    assert all(widths[place] >= least[place] for place in shown[1:])
    for place in set(range(len(headings))) - set(shown):
        assert taken([*shown, place]) > room


@pytest.mark.parametrize("room", [None, 40])
def test_ascii_where_there_is_nothing_else(room: int | None) -> None:
    assert all(line.isascii() for line in lines(named("日本…", lasts=(True,)), room, "ascii"))
