from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netscope.render.text import cut, cut_middle, for_encoding, pad, visible, width_of

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
