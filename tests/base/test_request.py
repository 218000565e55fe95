"""The seven facts that are asked of a network."""

from __future__ import annotations

import inspect
import typing
from dataclasses import fields

import pytest

import netscope
from netscope.base.arguments import spelled, spelling
from netscope.base.errors import UsageError
from netscope.base.request import FACTS, How, Request


def test_the_facts_are_the_arguments_of_a_summary_with_its_defaults() -> None:
    taken = dict(inspect.signature(netscope.summary).parameters)
    del taken["model"]
    assert {name: p.default for name, p in taken.items()} == {f.name: f.default for f in fields(Request)}
    assert tuple(typing.get_type_hints(How)) == FACTS == tuple(taken)


def test_what_was_asked_for_is_what_differs_from_nothing() -> None:
    assert Request().told == ()
    assert Request(options={}, kwargs=None, train=False, batch=1).told == ()
    whole = Request("3", (1,), {}, 0, "bf16", train=True, options={"width": 2})
    assert whole.told == FACTS


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"args": 3}, "args= is a tuple"),
        ({"kwargs": [1]}, "kwargs= maps names"),
        ({"batch": -1}, "a batch of -1 samples"),
        ({"batch": "2"}, "a batch of '2' samples"),
    ],
)
def test_a_slip_is_told_at_once(wrong: dict[str, typing.Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Request(**wrong)


def test_messages_spell_arguments_as_they_were_written() -> None:
    from netscope.cli.common.spelling import flag

    assert spelled("input", "batch_b") == "input=, batch_b="
    with spelling(flag):
        assert spelled("batch_b", "fail_if", "options", "options_b") == "--batch-b, --fail-if, -k, -k-b"
    assert spelled("train") == "train="
