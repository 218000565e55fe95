"""What a round of `make fuzz` tells, and when rounds end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tools import fuzz
from tools.fuzz import Round

GOOD = """\
tests/test_x.py::test_one:
    - 150 passing, 0 failing, and 31 invalid test cases
tests/test_x.py::test_two:
    - 1500 passing, 0 failing, and 0 invalid test cases
2 passed, 30 deselected in 3.10s
"""
BAD = """\
FAILED tests/test_x.py::test_two[a-1] - AssertionError
FAILED tests/test_x.py::test_two[a-1] - AssertionError
ERROR tests/test_y.py
1 failed, 1 passed in 3.10s
"""


def test_a_round_counts_tests_and_cases():
    assert (Round(3, 0, GOOD).tests, Round(3, 0, GOOD).cases) == (2, 1650)
    assert (Round(3, 5, "no tests ran").tests, Round(3, 5, "no tests ran").cases) == (0, 0)


def test_a_failure_says_how_to_get_it_again():
    again = Round(7, 1, BAD).again
    assert again == "make fuzz FUZZ_SEED=7 FUZZ_ARGS='tests/test_x.py::test_two[a-1] tests/test_y.py'"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Sequence[str], float | None]]:
    """Two good rounds, then a bad one; what they were asked for."""
    asked: list[tuple[int, Sequence[str], float | None]] = []
    codes: Iterator[int] = iter([0, 0, 1])

    def run(seed: int, arguments: Sequence[str], seconds: float | None) -> Round:
        asked.append((seed, arguments, seconds))
        code = next(codes)
        return Round(seed, code, BAD if code else GOOD)

    monkeypatch.setattr(fuzz, "run", run)
    return asked


def test_rounds_end_with_a_failure(asked: list[tuple[int, ...]], capsys: pytest.CaptureFixture[str]):
    assert fuzz.main(["-n", "2", "tests/trace"]) == 1
    seeds = {seed for seed, *_ in asked}
    assert len(seeds) == 3
    assert {tuple(arguments) for _, arguments, _ in asked} == {("-n", "2", "tests/trace")}
    said = capsys.readouterr().out
    assert "round 2, seed" in said
    assert f"the same cases again: make fuzz FUZZ_SEED={asked[-1][0]} FUZZ_ARGS=" in said
    assert said.splitlines()[-1].startswith("2 rounds passed in 0 s: 3,300 cases")


def test_a_seed_is_one_round(asked: list[tuple[int, ...]]):
    assert fuzz.main(["--seed", "5"]) == 0
    assert [seed for seed, *_ in asked] == [5]


def test_rounds_end_with_their_time(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(seed: int, arguments: Sequence[str], seconds: float | None) -> Round | None:
        assert seconds is not None
        assert seconds <= 60
        return None

    monkeypatch.setattr(fuzz, "run", run)
    assert fuzz.main(["--seconds", "60"]) == 0
    assert "0 rounds passed" in capsys.readouterr().out
