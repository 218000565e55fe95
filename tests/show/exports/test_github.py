"""What a GitHub workflow is told of a check."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from netscope.answers.check import Checked, Outcome
from tests.reports import alexnet
from tests.show.check.test_page import of


def test_an_annotation_for_each_failure():
    outcome = of(alexnet(), "params=65M", "macs<1.1G", "features.conv1:params<=30K")
    assert outcome.to_github().splitlines() == [
        "::error title=netscope%3A alexnet::MACs 1.135 G, limit < 1.100 G",
        "::error title=netscope%3A alexnet::features.conv1 params 34,944, limit ≤ 30,000",
    ]
    assert of(alexnet(), "params=65M").to_github() == ""


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_annotation_is_one_line_that_reads_back(name: str, error: str):
    line = Outcome((Checked(name, None, error=error or "?"),)).to_github()
    command = re.fullmatch(r"::error title=([^:,\r\n]*)::([^\r\n]*)\n", line)
    assert command is not None

    def unescaped(text: str) -> str:
        for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            text = text.replace(code, sign)
        return text

    assert unescaped(command[1]) == f"netscope: {name}"
    assert unescaped(command[2]) == (error or "?")
