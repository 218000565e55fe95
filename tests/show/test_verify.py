"""The page of a verification, of figures made by hand."""

from __future__ import annotations

import csv
import io
import json

import pytest

from netscope import show
from netscope.answers.verify import Figure, Opinion, Reason, Verification
from netscope.show.screen import Screen
from netscope.show.strings import width_of
from netscope.show.verify import groups_of
from tests.reports import linear, report


def verification(*, planted: int = 0) -> Verification:
    """Two blocks of 12 multiply-accumulates and a head of 20, beside two peers and one that crashed."""
    rows = [
        linear("blocks.0", (1, 4), (1, 3)),
        linear("blocks.1", (1, 4), (1, 3)),
        linear("head", (1, 4), (1, 5)),
    ]
    ours = {"": 0, "blocks.0": 12, "blocks.1": 12, "head": 20 + planted}
    whole = report("net", "Net", rows)
    total = 44 + planted
    left = {"head": -planted} if planted else {}
    bias = Reason("bias", "counts the bias of 3 Linear as MACs", {"blocks.0": 3, "blocks.1": 3, "head": 5})
    return Verification(
        whole,
        ours,
        (
            Opinion(
                "exact",
                "Exact",
                "exact",
                "1.0",
                None,
                Figure("macs", total, 44, (), left),
                {**ours, "head": 20},
            ),
            Opinion(
                "biased",
                "Biased",
                "biased",
                "2.0",
                Figure("params", whole.params, whole.params),
                Figure("macs", total, 55, (bias,), left),
                {"blocks.0": 15, "blocks.1": 15, "head": 25},
            ),
            Opinion("broken", "Broken", "broken", "3.0", error="ValueError: no"),
        ),
    )


PAGE = """\

              ours  Exact  Biased
params  {params}      ·       =
MACs            44      =      55

Biased            +11 MACs
   +11  3 layers  counts the bias of 3 Linear as MACs

layer (own MACs)      ours  Biased  why
blocks.*          ×2    12      15  Biased: bias
head                    20      25  Biased: bias

! Broken could not: ValueError: no
exact 1.0, biased 2.0, broken 3.0
✓ every difference has its reason
"""


def test_a_page() -> None:
    found = verification()
    text = show.text(found, "table", width=80)
    body = text[text.index("\n") + 1 :]
    wanted = PAGE.format(params=f"{found.report.params:,}".rjust(8))
    assert [line.split() for line in body.splitlines()] == [line.split() for line in wanted.splitlines()]


def test_what_has_no_reason_stands_first_and_is_said_last() -> None:
    text = show.text(verification(planted=7), "table", width=100)
    lines = [line.strip() for line in text.splitlines()]
    assert "−7  1 layer  no reason: head" in lines
    layers = lines[lines.index(next(line for line in lines if line.startswith("layer (own"))) :]
    assert layers[1].startswith("head")
    assert lines[-1] == "✗ no reason was found for the difference from Exact (MACs), Biased (MACs)"


def test_layers_alike_are_one_row_unless_all_are_wanted() -> None:
    found = verification()
    assert [(one.path, len(one.paths)) for one in groups_of(found)] == [("blocks.*", 2), ("head", 1)]
    assert [one.path for one in groups_of(found, folded=False)] == ["head", "blocks.0", "blocks.1"]
    assert "blocks.1" in show.text(found, "table", everything=True)
    assert "blocks.1" not in show.text(found, "table")


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_nothing_is_wider_than_the_screen(width: int) -> None:
    for planted in (0, 7):
        text = show.text(verification(planted=planted), "table", width=width)
        assert max(map(width_of, text.splitlines())) <= width


def test_what_is_wrong_is_red_and_the_rest_is_not() -> None:
    wrong = show.text(verification(planted=7), "table", screen=Screen(color=True))
    assert "\x1b[31m" in wrong
    assert "\x1b[31m" not in show.text(verification(), "table", screen=Screen(color=True))


def test_programs_have_it_raw() -> None:
    found = verification()
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [row["path"] for row in rows] == ["", "", "blocks.0", "blocks.1", "head"]
    assert rows[-1] | {"schema_version": ""} == {
        "schema_version": "",
        "path": "head",
        "quantity": "macs",
        "ours": "20",
        "exact": "20",
        "biased": "25",
        "broken": "",
        "why": "Biased: bias",
    }
    whole = json.loads(found.to_json())
    assert whole["kind"] == "verification"
    assert whole["explained"] is True
    biased = whole["peers"][1]
    assert biased["figures"][1]["reasons"] == [
        {
            "key": "bias",
            "text": "counts the bias of 3 Linear as MACs",
            "total": 11,
            "amounts": {"blocks.0": 3, "blocks.1": 3, "head": 5},
        }
    ]
    assert whole["peers"][2]["error"] == "ValueError: no"
    assert len(whole["layers"]) == 3
    assert list(found.to_pandas()["ours"])[1:] == [44, 12, 12, 20]
    assert json.loads(verification(planted=7).to_json())["explained"] is False


def test_every_format_has_the_whole_answer() -> None:
    found = verification()
    for text in (found.to_markdown(), found.to_html(), str(found)):
        assert "counts the bias of 3 Linear as MACs" in text
        assert "ValueError: no" in text
    assert found.explained
    assert found["biased"].title == "Biased"
    with pytest.raises(KeyError, match="exact, biased, broken"):
        found["fvcor"]
