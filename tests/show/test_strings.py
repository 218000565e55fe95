from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netscope.show.strings import broken, cut, cut_middle, for_encoding, pad, visible, width_of

ANY = st.text(st.characters() | st.sampled_from("日本語\x1b\n\u0301e"), max_size=40)


@given(ANY)
def test_visible_text_moves_no_cursor(text: str) -> None:
    assert visible(text).isprintable()


@given(ANY, st.integers(1, 30))
def test_cut_text_fits(text: str, width: int) -> None:
    text = visible(text)
    assert width_of(cut(text, width)) <= width
    assert width_of(cut_middle(text, width)) <= width


@given(ANY, st.integers(1, 30))
def test_text_that_fits_is_left_alone(text: str, width: int) -> None:
    text = visible(text)
    if width_of(text) <= width:
        assert cut(text, width) == cut_middle(text, width) == text


def test_the_middle_goes_and_both_ends_stay() -> None:
    assert cut_middle("features.denseblock1.denselayer1.conv1", 20) == "features.dens….conv1"
    assert cut("abcdef", 4) == "abc…"


def test_padding_knows_wide_characters() -> None:
    assert pad("日", 4, right=True) == "  日"
    assert pad("abc", 2, right=False) == "abc"


@given(ANY, st.sampled_from(["ascii", "iso8859-1", "cp1252", "utf-8"]))
def test_text_for_a_stream_can_be_written_to_it(text: str, encoding: str) -> None:
    for_encoding(visible(text), encoding).encode(encoding)


def test_no_line_ends_between_a_figure_and_its_unit() -> None:
    assert broken("IQR 452 us; p95 31.2 ms", 8) == ["IQR", "452 us;", "p95", "31.2 ms"]
    lines = broken("at most 4.80 TB/s, 30 steps in 5 s", 11, " ")
    assert lines == ["at most", " 4.80 TB/s,", " 30 steps", " in 5 s"]
    assert broken("", 8) == []


@given(st.text(st.sampled_from("ab1 .")), st.integers(8, 40))
def test_breaking_loses_no_word(text: str, width: int) -> None:
    lines = broken(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(len(line) <= width for line in lines)
