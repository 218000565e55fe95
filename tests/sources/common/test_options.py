"""-k key=value."""

from __future__ import annotations

import pytest

from netscope.base.errors import UsageError
from netscope.sources.common.options import check_options, parse_options, refuse_weights


def factory(width: int, *, depth: int = 2) -> None:
    """Take what the tests name."""


def test_values_are_python_literals_where_they_read_as_one():
    texts = ["a=3", "b=(1, 2)", "c=None", "d=relu", "e='x=y'", "f=", "g=1e-3", "h=__import__('os')"]
    assert parse_options(texts) == {
        "a": 3,
        "b": (1, 2),
        "c": None,
        "d": "relu",
        "e": "x=y",
        "f": "",
        "g": 1e-3,
        "h": "__import__('os')",
    }


def test_words_for_truth_and_nothing_are_not_texts():
    assert parse_options(["a=true", "b=false", "c=none", "d=null", "e='false'"]) == {
        "a": True,
        "b": False,
        "c": None,
        "d": None,
        "e": "false",
    }


@pytest.mark.parametrize("text", ["width", "=3", "my width=3", ""])
def test_what_is_no_option_is_told_so(text: str):
    with pytest.raises(UsageError, match="cannot read the option"):
        parse_options([text])


def test_a_wrong_option_is_answered_with_the_right_ones():
    with pytest.raises(UsageError, match=r"net has no option 'widht'\. Did you mean width\?") as caught:
        check_options("net", factory, {"widht": 3})
    assert caught.value.hint == "it takes width, depth"


def test_a_missing_option_is_named():
    with pytest.raises(UsageError, match="net needs a value for 'width'"):
        check_options("net", factory, {"depth": 3})
    check_options("net", factory, {"width": 3})


def test_weights_are_refused_and_their_absence_accepted():
    with pytest.raises(UsageError, match="never downloads"):
        refuse_weights("net", {"weights": "DEFAULT"}, ("weights",))
    options = {"weights": None, "width": 3}
    refuse_weights("net", options, ("weights",))
    assert options == {"width": 3}
