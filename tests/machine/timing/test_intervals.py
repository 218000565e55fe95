"""Intervals cover what they claim to cover, and do not where they cannot."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.report.measured.intervals import Interval, Ratio, interval_of_rounds, ratio_of_rounds, student_t

# From the tables in any textbook: two-sided 95% quantiles by degrees of freedom.
TABLE = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    7: 2.365,
    10: 2.228,
    20: 2.086,
    60: 2.000,
    1e9: 1.960,
}


@pytest.mark.parametrize(("freedom", "quantile"), TABLE.items())
def test_student_t_is_that_of_the_tables(freedom: float, quantile: float):
    assert student_t(freedom) == pytest.approx(quantile, rel=1.1e-3)


def test_student_t_never_grows_with_the_degrees_of_freedom():
    quantiles = [student_t(1 + n / 10) for n in range(300)]
    assert quantiles == sorted(quantiles, reverse=True)


def test_equal_rounds_leave_no_doubt():
    assert interval_of_rounds([[2.0, 2.0]] * 5) == Interval(pytest.approx(2.0), pytest.approx(2.0))


def test_two_rounds_say_nothing():
    assert interval_of_rounds([[1.0], [1.1]]) is None
    assert ratio_of_rounds([[1.0], [1.1]], [[1.0]] * 5) == Ratio(pytest.approx(1.05), None)
    assert ratio_of_rounds([[1.0], [1.1]], [[1.0]] * 5).outside_noise is None


def test_the_interval_of_three_rounds_by_hand():
    # Logarithms -0.1, 0, 0.1 in that order: deviation 0.1, error 0.1/sqrt(3). They rise, so the correlation
    # at distance one, (0.1*0 + 0*-0.1)/0.02 = 0, is raised by 2/3: the error grows by sqrt(5/3 / (1/3)).
    rounds = [[math.exp(x)] for x in (-0.1, 0.0, 0.1)]
    reach = 4.3027 * 0.1 / math.sqrt(3) * math.sqrt(5)
    interval = interval_of_rounds(rounds)
    assert interval is not None
    assert math.log(interval.high) == pytest.approx(reach, rel=1e-4)
    assert math.log(interval.low) == pytest.approx(-reach, rel=1e-4)


def test_one_burst_in_ten_rounds_moves_the_interval_little():
    quiet = [[1 + 0.001 * (n % 3)] for n in range(20)]
    disturbed = [*quiet[:-2], [1.3], [1.4]]
    interval = interval_of_rounds(disturbed)
    assert interval is not None
    assert 1.001 in interval
    assert interval.high < 1.005


def test_rounds_that_follow_each_other_know_less():
    random_rounds = [[1 + 0.01 * (n * 7 % 20) / 20] for n in range(20)]
    rising = sorted(random_rounds)
    narrow, wide = interval_of_rounds(random_rounds), interval_of_rounds(rising)
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


SECONDS = st.floats(1e-6, 1e3)
ROUNDS = st.lists(st.lists(SECONDS, min_size=1, max_size=7), min_size=3, max_size=12)


@given(ROUNDS)
def test_the_median_is_always_inside(rounds: list[list[float]]):
    interval = interval_of_rounds(rounds)
    assert interval is not None
    assert statistics.median([s for samples in rounds for s in samples]) in interval


@given(ROUNDS, st.floats(1e-3, 1e3))
def test_the_unit_of_time_does_not_matter(rounds: list[list[float]], factor: float):
    before, after = interval_of_rounds(rounds), interval_of_rounds([[s * factor for s in r] for r in rounds])
    assert before is not None
    assert after is not None
    assert after.low == pytest.approx(before.low * factor, rel=1e-6)
    assert after.high == pytest.approx(before.high * factor, rel=1e-6)


@given(ROUNDS, ROUNDS)
def test_a_ratio_turned_around_is_its_inverse(ours: list[list[float]], theirs: list[list[float]]):
    one, other = ratio_of_rounds(ours, theirs), ratio_of_rounds(theirs, ours)
    assert one.value == pytest.approx(1 / other.value)
    assert one.interval is not None
    assert other.interval is not None
    assert one.value in one.interval
    assert one.interval.low * other.interval.high == pytest.approx(1, rel=1e-6)
    assert one.outside_noise == other.outside_noise


def test_a_ratio_is_outside_the_noise_only_when_it_is():
    draw = random.Random(0)

    def measured(usual: float) -> list[list[float]]:
        return [[usual * math.exp(draw.gauss(0, 0.01)) for _ in range(10)] for _ in range(10)]

    assert ratio_of_rounds(measured(1.05), measured(1.0)).outside_noise is True
    same = [ratio_of_rounds(measured(1.0), measured(1.0)).outside_noise for _ in range(300)]
    assert sum(map(bool, same)) <= 0.08 * 300  # 5% are to be expected
