from __future__ import annotations

import re

import pytest

from netscope.show.render.markdown import code, escape, render
from netscope.show.table import build
from tests.reports import alexnet, linear, report, stack


def test_the_table_of_alexnet() -> None:
    lines = render(build(alexnet())).splitlines()
    conv1 = "| `features.conv1` | Conv2d 11×11 /4 | 1×96×55×55 | 96×3×11×11 + 96 | 34,944 | 105 M | 9.3 | "
    assert lines[0] == (
        "**alexnet** · zoo (Krizhevsky et al. 2012, single stream) · input 1×3×227×227 float32 · eval"
    )
    assert lines[2:6] == [
        "| layer | operator | output | weight + bias | params | MACs | % | out mem |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: |",
        "| `features` | Sequential | 1×256×6×6 |  |  |  |  |  |",
        conv1 + "1.11 MiB |",
    ]
    assert "- params: **62,378,344** (238.0 MiB, all trainable)" in lines


def test_folded_and_shared_rows() -> None:
    text = render(build(stack(), fold=True))
    assert "| `layers.0-11` ×12 | Block |" in text
    assert "| `head` | Linear (shared with embed.weight) | 1×4×8 | 8×8 | (64) |" in text


@pytest.mark.parametrize(
    "name", ["a|b", "<script>", "`tick`", "x\ny", "**b**", "\x1b[0m", "[l](u)", "&amp;", "q" * 10_000]
)
def test_odd_names_break_no_cell(name: str) -> None:
    lines = render(build(report(name, "Odd", [linear(name, (1, 4), (1, 4))]))).splitlines()
    row = next(line for line in lines if "| Linear" in line)
    cells = re.split(r"(?<!\\)\|", row)
    assert len(cells) == 10
    assert len(row) < 250
    assert "<script" not in lines[0]


def test_code_is_fenced_by_more_ticks_than_it_holds() -> None:
    assert code("plain.name") == "`plain.name`"
    assert code("a``b") == "```a``b```"
    assert code("`a`") == "`` `a` ``"
    assert code("a|b") == r"`a\|b`"


def test_escape() -> None:
    assert escape("a_b*c<d>") == r"a\_b\*c&lt;d&gt;"
