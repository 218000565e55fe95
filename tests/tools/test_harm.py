"""What the figures of `make harm` are made of."""

from __future__ import annotations

from collections import Counter

import pytest

from tools import harm


def test_harm_is_what_should_be_none() -> None:
    good = Counter({"trials": 70, "interrupted": 62, "finished": 8, "models changed": 0})
    assert harm.harm(good) == {}
    assert harm.said(good) == "trials 70, interrupted 62, finished 8: no harm"
    bad = good + Counter({"models changed": 1, "died": 2})
    assert harm.harm(bad) == {"models changed": 1, "died": 2}
    assert harm.said(bad) == "trials 70, interrupted 62, finished 8: died 2, models changed 1"


def test_workers_go_on_until_all_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """One stops after 3, with a mode left; one dies without a word, and is not asked again."""
    asked: list[tuple[str, ...]] = []
    answers = {
        "summary": [Counter(trials=3, **{"modes left": 1}), Counter(trials=5, finished=1)],
        "values": [Counter(died=1)],
        "profile": [],
    }

    def worked(*arguments: str) -> Counter[str]:
        asked.append(arguments[:3])
        return answers[arguments[1]].pop(0)

    monkeypatch.setattr(harm, "worked", worked)
    found = dict(harm.interrupts(10, 0))
    assert asked == [
        ("interrupts", "summary", "7"),
        ("interrupts", "summary", "4"),
        ("interrupts", "values", "3"),
    ]
    assert found["summary"] == Counter(trials=8, finished=1, **{"modes left": 1})
    assert found["values"] == Counter(died=1)


@pytest.mark.whole
def test_a_worker_that_dies_is_counted() -> None:
    assert harm.worked("nothing") == Counter(died=1)
