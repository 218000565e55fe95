from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.base import units

COUNTS = st.integers(min_value=0, max_value=10**30)
SCALE = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18, "Z": 10**21,
         "Y": 10**24}  # fmt: skip


def read(text: str) -> float:
    """The number that a text of `metric` stands for."""
    number, _, unit = text.replace("−", "-").partition(" ")
    return float(number) * SCALE[unit]


@pytest.mark.parametrize(
    ("n", "text"),
    [(34_944, "34,944"), (0, "0"), (-1234, "−1,234"), (None, "?"), (10**40, f"{10**40:,}")],
)
def test_count_is_exact(n: int | None, text: str) -> None:
    assert units.count(n) == text


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 K"),
        (1_018, "1.02 K"),
        (105_415_200, "105 M"),
        (37_748_736, "37.7 M"),
        (4_096_000, "4.10 M"),
        (9_994, "9.99 K"),
        (9_996, "10.0 K"),
        (99_960, "100 K"),
        (999_499, "999 K"),
        (999_500, "1.00 M"),
        (999_999_600, "1.00 G"),
        (-105_415_200, "−105 M"),
        (143 * 10**12, "143 T"),
        (10**33, "1.00e+9 Y"),
        (None, "?"),
    ],
)
def test_metric_has_three_digits_in_rows(n: int | None, text: str) -> None:
    assert units.metric(n) == text


@pytest.mark.parametrize(
    ("n", "text"), [(1_135_256_096, "1.135 G"), (2_270_512_192, "2.271 G"), (999_960_000, "1.000 G")]
)
def test_metric_has_four_digits_in_totals(n: int, text: str) -> None:
    assert units.metric(n, units.TOTAL) == text


def test_huge_numbers_are_still_text() -> None:
    assert units.metric(10**5000).endswith(" Y")
    assert units.binary(10**5000).endswith(" YiB")


@given(COUNTS)
def test_metric_is_read_back_within_its_precision(n: int) -> None:
    assert read(units.metric(n)) == pytest.approx(n, rel=0.00501)


@given(COUNTS, COUNTS)
def test_metric_keeps_the_order(a: int, b: int) -> None:
    low, high = sorted((a, b))
    assert read(units.metric(low)) <= read(units.metric(high))


@given(st.integers(0, 10**27 - 10**24))
def test_metric_never_shows_four_digits_before_the_unit(n: int) -> None:
    number, _, unit = units.metric(n).partition(" ")
    assert len(number.replace(".", "").partition("e")[0]) == 3 or not unit


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (279_936, "273 KiB"),
        (1_161_600, "1.11 MiB"),
        (1023 * 1024, "1023 KiB"),
        (1024 * 1024 - 1, "1.00 MiB"),
        (140 * 2**30, "140 GiB"),
        (None, "?"),
    ],
)
def test_binary(n: int | None, text: str) -> None:
    assert units.binary(n) == text


@pytest.mark.parametrize(
    ("s", "text"),
    [
        (0.00295, "2.95 ms"),
        (0, "0 s"),
        (3.2e-7, "0.32 us"),
        (1.5e-5, "15.0 us"),
        (0.9996, "1.00 s"),
        (12.34, "12.3 s"),
        (4321.0, "4321 s"),
        (-0.002, "−2.00 ms"),
        (float("nan"), "?"),
        (None, "?"),
    ],
)
def test_seconds(s: float | None, text: str) -> None:
    assert units.seconds(s) == text


def test_two_times_have_their_unit_once() -> None:
    assert units.seconds_between(0.01231, 0.01242, 4) == "12.31 to 12.42 ms"
    assert units.seconds_between(9.911e-4, 3.96e-3, 4) == "991.1 us to 3.960 ms"
    assert units.seconds_between(0, 2.0) == "0 to 2.00 s"
    assert units.seconds_between(2e-6, 2.0) == "2.00 us to 2.00 s"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.0932, "9.3%"),
        (0, "0.0%"),
        (1, "100.0%"),
        (0.0001, "<0.1%"),
        (-0.0001, "−<0.1%"),
        (-0.5, "−50.0%"),
        (None, "?"),
    ],
)
def test_percent(ratio: float | None, text: str) -> None:
    assert units.percent(ratio) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (62_378_344, 62_357_608, "−0.03%"),
        (1135, 1168, "+2.9%"),
        (34_944, 14_208, "−59.3%"),
        (714_188_480, 716_800_000, "+0.37%"),
        (1, 3, "+200%"),
        (1, 12, "+1,100%"),
        (5, 5, "="),
        (0, 0, "="),
        (0, 5, "new"),
        (5, 0, "−100%"),
        (10_000, 3, "−99.97%"),
        (10**9, 1, "−99.99%"),
        (10**9, 10**9 + 1, "+<0.01%"),
        (None, 5, "?"),
        (10**400, 2 * 10**400, "+100%"),
    ],
)
def test_change(before: int | None, after: int | None, text: str) -> None:
    assert units.change(before, after) == text


def test_differences_and_arrows() -> None:
    assert units.difference(units.metric(32_776_800)) == "+32.8 M"
    assert units.difference(units.count(-20_736)) == "−20,736"
    assert units.arrow("11", "7") == "11→7"
    assert units.arrow("0.5", "0.1") == "0.5→0.1"
    assert units.arrow("3", "3×5") == "3 → 3×5"


@given(st.integers(1, 10**18), st.integers(1, 10**18))
def test_a_change_never_reads_as_none(before: int, after: int) -> None:
    text = units.change(before, after)
    assert (text == "=") == (before == after)
    assert "0.00%" not in text


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_shape_is_read_back(sizes: list[int]) -> None:
    assert [int(size) for size in units.shape(sizes).split("×")] == sizes


def test_shape_of_a_scalar_and_of_nothing() -> None:
    assert units.shape(()) == "scalar"
    assert units.shape(None) == "?"


def test_clocks_are_whole_megahertz() -> None:
    assert units.hertz(1_980_000_000) == "1,980 MHz"
    assert units.hertz(345.4e6) == "345 MHz"
    assert units.hertz(None) == "?"


def test_small_words() -> None:
    assert units.times(12) == "×12"
    assert units.at_least("1.13 G") == "≥ 1.13 G"
    assert units.plural(1, "row") == "1 row"
    assert units.plural(3, "row") == "3 rows"
