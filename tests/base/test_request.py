"""The nine facts that are asked of a network."""

from __future__ import annotations

import inspect
import typing
from dataclasses import fields
from types import MappingProxyType

import numpy as np
import pytest
import torch

import netscope
from netscope.base.arguments import spelled, spelling
from netscope.base.errors import UsageError
from netscope.base.request import FACTS, How, Request
from netscope.base.workload import TensorSpec


def test_the_facts_are_the_arguments_of_a_summary_with_its_defaults() -> None:
    taken = dict(inspect.signature(netscope.summary).parameters)
    del taken["model"]
    assert {name: p.default for name, p in taken.items()} == {f.name: f.default for f in fields(Request)}
    assert tuple(typing.get_type_hints(How)) == FACTS == tuple(taken)


def test_what_was_asked_for_is_what_differs_from_nothing() -> None:
    assert Request().told == ()
    assert Request(options={}, kwargs=None, train=False, batch=1).told == ()
    whole = Request("3", (1,), {}, 0, "bf16", train=True, options={"width": 2}, mesh="tp=2", rank=1)
    assert whole.told == FACTS


SIZES = (3, 224, 224)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"input": torch.Size(SIZES)}, {"input": SIZES}),
        ({"input": np.array(SIZES)}, {"input": SIZES}),
        ({"input": list(SIZES)}, {"input": SIZES}),
        ({"input": 8}, {"input": (8,)}),
        ({"input": np.int64(8)}, {"input": (8,)}),
        ({"input": "3x4"}, {"input": "3x4"}),
        ({"input": [np.array(SIZES), "ids=128:int64"]}, {"input": [SIZES, "ids=128:int64"]}),
        ({"input": TensorSpec(torch.Size(SIZES), torch.half)}, {"input": TensorSpec(SIZES, "float16")}),
        ({"batch": np.int64(2)}, {"batch": 2}),
        ({"batch": torch.tensor(2)}, {"batch": 2}),
        ({"dtype": torch.float16}, {"dtype": "float16"}),
        ({"train": np.bool_(True)}, {"train": True}),
        ({"args": None}, {"args": ()}),
        ({"args": [1, 2]}, {"args": (1, 2)}),
        ({"kwargs": MappingProxyType({"a": 1})}, {"kwargs": {"a": 1}}),
        ({"options": MappingProxyType({"a": 1})}, {"options": {"a": 1}}),
        ({"mesh": {"dp": 2, "tp": 4}, "rank": "3"}, {"mesh": (("dp", 2), ("tp", 4)), "rank": 3}),
    ],
    ids=str,
)
def test_what_is_natural_is_taken(given: dict[str, typing.Any], read: dict[str, typing.Any]) -> None:
    made = Request(**given)
    assert made == Request(**read)
    for name, value in read.items():
        assert type(getattr(made, name)) is type(value)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"args": 3}, "args= is a tuple of arguments, not 3."),
        ({"args": torch.zeros(1, 3)}, "args= is a tuple of arguments, not a Tensor."),
        ({"args": "abc"}, "args= is a tuple of arguments, not 'abc'."),
        ({"args": ([TensorSpec((1,), "foo")],)}, "no dtype is named 'foo'."),
        ({"kwargs": [1]}, "kwargs= maps names to arguments; a list does not."),
        ({"kwargs": {1: 2}}, "kwargs= has the key 1, which is no name."),
        ({"options": "a=1"}, "options= maps names to values; a str does not."),
        ({"options": {1: 2}}, "options= has the key 1, which is no name."),
        ({"batch": -1}, "a batch of -1 samples does not exist."),
        ({"batch": "2"}, "a batch of '2' samples does not exist."),
        ({"batch": 2.0}, "a batch of 2.0 samples does not exist."),
        ({"batch": True}, "a batch of True samples does not exist."),
        ({"batch": [1]}, "batch= is a whole number, not a list."),
        ({"batch": 10**200}, "a batch of a number of so many digits samples does not exist."),
        ({"train": "no"}, "train= is True or False, not 'no'."),
        ({"dtype": 16}, "dtype= is the name of a dtype, not 16."),
        ({"input": torch.zeros(3)}, "input= takes sizes, not a Tensor."),
        ({"input": np.zeros((3, 4))}, "input= takes sizes, not an ndarray."),
        ({"input": np.zeros(3)}, "input= takes sizes, not an ndarray."),
        ({"input": {"x": (3,)}}, "input= takes sizes, not a dict."),
        ({"input": (3, -4)}, "input= takes sizes, not (3, -4)."),
        ({"input": (3, 4.5)}, "input= takes sizes, not (3, 4.5)."),
        ({"input": [(3, 4), None]}, "input= takes sizes, not None."),
        ({"input": (2**63, 3)}, "no tensor can have a side of 9223372036854775808."),
        ({"input": TensorSpec((3,), "qint8")}, "no input can be made of qint8"),
    ],
    ids=lambda value: f"{value!s:.40}",
)
def test_a_slip_is_told_at_once(wrong: dict[str, typing.Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Request(**wrong)
    assert caught.value.message.startswith(says)
    assert caught.value.hint


def test_messages_spell_arguments_as_they_were_written() -> None:
    from netscope.cli.common.spelling import flag

    assert spelled("input", "batch_b") == "input=, batch_b="
    with spelling(flag):
        assert spelled("batch_b", "fail_if", "options", "options_b") == "--batch-b, --fail-if, -k, -k-b"
    assert spelled("train") == "train="
