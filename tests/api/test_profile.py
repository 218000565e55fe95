"""`netscope.profile` as strangers call it: what is refused, and what is handed back."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path

import pytest
from torch import nn

import netscope
from netscope import TensorSpec, UsageError, Workload
from netscope.api import profile as module

SAVED = Path(__file__).parents[1] / "data" / "reports" / "2.json"


def test_a_saved_profile_is_shown_once_more_and_nothing_is_asked_of_it() -> None:
    made = netscope.profile(SAVED)  # type: ignore[call-overload]
    assert made.timing is not None
    assert netscope.profile(made) is made
    for asked in (
        {"batch": 2},
        {"device": "cpu"},
        {"train": True},
        {"max_time": 1.0},
        {"device_spec": "here"},
    ):
        with pytest.raises(UsageError, match="a report was made already"):
            netscope.profile(made, **asked)
    with pytest.raises(UsageError, match="was made without a machine"):
        netscope.profile(netscope.summary("lenet"))
    with pytest.raises(UsageError, match="other revisions are not measured"):
        netscope.profile("HEAD@net.py:make")


def test_a_wrong_call() -> None:
    whole = Workload("x", nn.Linear(3, 3), (TensorSpec((2, 3)),))
    with pytest.raises(UsageError, match="arguments have their batch already"):
        netscope.profile(whole, batch=[1, 2])
    with pytest.raises(UsageError, match="batches are whole numbers"):
        netscope.profile("lenet", batch=[])
    with pytest.raises(UsageError, match="dtype= is for models built from a name"):
        netscope.profile(nn.Linear(3, 3), input="3", dtype="bf16")


def test_the_keywords_for_type_checkers_are_those_that_are_taken() -> None:
    source = inspect.getsource(module)
    block = source[source.index("class Conditions(") : source.index("@overload")]
    typed = [line.partition(":")[0].strip() for line in block.splitlines() if line.startswith("        ")]
    taken = [
        name for name in inspect.signature(netscope.profile).parameters if name not in ("model", "batch")
    ]
    assert [name for name in typed if name.isidentifier()] == taken
    assert len(typing.get_overloads(module.profile)) == 2
