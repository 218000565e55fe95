"""What callers hand over: what is natural is taken, anything else is refused by its name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from netscope.base import arguments
from netscope.base.errors import UsageError
from netscope.base.workload import (
    ITEM_SIZE,
    TensorSpec,
    Workload,
    checked,
    checked_leaves,
    input_dtype,
    parse_input,
)
from netscope.trace.rungs import random_tensor

HINT = "write x"
# Python does not write a number of so many digits; of fewer, netscope does not either.
HUGE = 10**200


def sizes(name: str, value: Any) -> Any:
    return arguments.sizes(value)


def integer(name: str, value: Any) -> Any:
    return arguments.integer(name, value, HINT)


def text(name: str, value: Any) -> Any:
    return arguments.text(name, value, HINT)


def texts(name: str, value: Any) -> Any:
    return arguments.texts(name, value, HINT)


def mapping(name: str, value: Any) -> Any:
    return arguments.mapping(name, value, "values", HINT)


def same(value: Any, wanted: Any) -> bool:
    """Equal, and of the very type: numpy's 2 is none of Python's."""
    if isinstance(wanted, tuple):
        return type(value) is tuple and len(value) == len(wanted) and all(map(same, value, wanted))
    return type(value) is type(wanted) and value == wanted


@pytest.mark.parametrize(
    ("read", "given", "wanted"),
    [
        (arguments.flag, True, True),
        (arguments.flag, 0, False),
        (arguments.flag, np.bool_(True), True),
        (arguments.flag, torch.tensor(False), False),
        (arguments.dtype, "bf16", "bf16"),
        (arguments.dtype, torch.bfloat16, "bfloat16"),
        (arguments.dtype, np.float32, "float32"),
        (arguments.dtype, np.bool_, "bool"),
        (arguments.dtype, np.dtype("float16"), "float16"),
        (sizes, torch.Size([3, 4]), (3, 4)),
        (sizes, np.array([3, 4], np.int32), (3, 4)),
        (sizes, [np.int64(3), torch.tensor(4)], (3, 4)),
        (sizes, (), ()),
        (arguments.path, Path("a/b"), "a/b"),
        (integer, np.uint8(7), 7),
        (texts, "NS101", ("NS101",)),
        (texts, ["a", "b"], ("a", "b")),
    ],
)
def test_what_is_natural_is_taken(read: Callable[[str, Any], Any], given: Any, wanted: Any) -> None:
    assert same(read("x", given), wanted)


@pytest.mark.parametrize(
    "value", [np.zeros((1, 2), int), np.zeros(2), (True, 3), (-1, 3), (3.0, 4), "34", 5, None, torch.zeros(3)]
)
def test_what_is_no_shape(value: Any) -> None:
    assert arguments.sizes(value) is None


@pytest.mark.parametrize(
    ("read", "given", "says"),
    [
        (arguments.flag, "no", "x= is True or False, not 'no'."),
        (arguments.flag, 2, "x= is True or False, not 2."),
        (arguments.flag, None, "x= is True or False, not None."),
        (arguments.dtype, float, "x= is the name of a dtype, not the class float."),
        (arguments.dtype, 3, "x= is the name of a dtype, not 3."),
        (integer, True, "x= is a whole number, not True."),
        (integer, 2.0, "x= is a whole number, not 2.0."),
        (
            integer,
            "y" * 99,
            "x= is a whole number, not a str.",
        ),
        (
            texts,
            [1],
            "x= is a list of texts, and 1 is none.",
        ),
        (
            texts,
            HUGE,
            "x= is a list of texts, not a number of ",
        ),
        (text, b"a", "x= is a text, not b'a'."),
        (
            mapping,
            {1: 2},
            "x= has the key 1, which ",
        ),
        (
            mapping,
            [],
            "x= maps names to values; a list",
        ),
        (arguments.path, 3, "x= is the name of a file, not 3."),
        (arguments.path, b"a", "x= is the name of a file, not b'a'."),
        (
            sizes,
            (HUGE,),
            "no tensor can have a side of a number of so many",
        ),
    ],
)
def test_the_rest_is_refused_by_name_with_what_to_write(
    read: Callable[[str, Any], Any], given: Any, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read("x", given)
    assert caught.value.message.startswith(says)
    assert caught.value.hint


def test_messages_say_what_a_value_is() -> None:
    kinds = {3: "an int", "x": "a str", None: "None", (): "a tuple"}
    assert [arguments.kind_of(value) for value in kinds] == list(kinds.values())
    assert arguments.kind_of(np.zeros(1)) == "an ndarray"
    assert arguments.told(10**5000) == "a number of so many digits"
    with arguments.renamed({"x": "x_b"}):
        assert arguments.spelled("x", "y") == "x_b=, y="
    assert arguments.spelled("x") == "x="


def test_a_spec_is_what_it_says() -> None:
    plain = TensorSpec((1, 3), "float32")
    assert checked(plain) is plain
    odd = checked(TensorSpec(torch.Size([1, 3]), torch.bfloat16))  # type: ignore[arg-type]
    assert odd == TensorSpec((1, 3), "bfloat16")
    assert same(odd.shape, (1, 3))
    assert same(checked(TensorSpec((np.int64(1), 3))).shape, (1, 3))  # type: ignore[arg-type]
    for wrong in (TensorSpec("x"), TensorSpec((1, -3)), TensorSpec((1,), "foo"), TensorSpec((1,), "qint8")):  # type: ignore[arg-type]
        with pytest.raises(UsageError):
            checked(wrong)


def test_arguments_without_specs_stay_the_callers_own_objects() -> None:
    mine = {"a": [1, (2, torch.zeros(1))], "spec": TensorSpec((1,))}
    assert checked_leaves(mine) is mine
    odd = {"a": mine, "b": [TensorSpec([2], "bf16")]}  # type: ignore[arg-type]
    made = checked_leaves(odd)
    assert made["a"] is mine
    assert made["b"] == [TensorSpec((2,), "bfloat16")]
    assert odd["b"] == [TensorSpec([2], "bf16")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"args": torch.zeros(1)}, "args= is a tuple of arguments, not a Tensor"),
        ({"kwargs": 3}, "kwargs= maps"),
    ],
)
def test_a_workload_is_read_as_a_call_is(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Workload("x", torch.nn.ReLU(), **asked)


@pytest.mark.parametrize("name", ITEM_SIZE)
def test_inputs_are_of_the_dtypes_that_torch_draws_values_of(name: str) -> None:
    """The rule is by names; whether it is right is asked of torch."""
    try:
        random_tensor(TensorSpec((2, 3), name), torch.device("cpu"))
    except (RuntimeError, NotImplementedError):
        with pytest.raises(UsageError, match=f"no input can be made of {name}"):
            parse_input(f"2x3:{name}")
    else:
        assert parse_input(f"2x3:{name}") == (None, TensorSpec((2, 3), name))
        assert input_dtype(f"torch.{name}") == name


def test_neither_torch_nor_numpy_is_imported_for_it() -> None:
    code = (
        "import sys\nfrom netscope.base.request import Request\n"
        "Request(input=(3, 4), batch=2, dtype='bf16', train=True, args=(1,), kwargs={'a': 2})\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
