"""Verdicts as people and machines read them."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope import show
from netscope.answers.check import Checked, Outcome, Returns, check_report, parse_change, parse_limit
from netscope.report.report import Report
from netscope.show.check.verdicts import sentence
from tests.reports import alexnet, functional, linear, report


def of(made: Report, *texts: str, command: str = "") -> Outcome:
    return Outcome((check_report(made, [parse_limit(text) for text in texts]),), command)


def odd() -> Report:
    operators = {"lib.odd.default": 2}
    row = functional("(functional)", (1, 4), operators, unknown=operators, macs=None, vector=None)
    return report("odd", "Odd", [linear("fc", (1, 4), (1, 4)), row])


def wider(more: int) -> Report:
    return report("net", "Net", [linear("fc", (1, 4), (1, 4 + more))])


def test_the_table():
    outcome = Outcome(
        (
            check_report(
                alexnet(),
                [
                    parse_limit("params=65M"),
                    parse_limit("macs<1.1G"),
                    parse_limit("features.conv1:params<=40K"),
                    Returns("features.pool5", ("N", 256, 6, 6)),
                ],
            ),
        )
    )
    first, second, _, *rows = show.text(outcome, "table", width=80).splitlines()
    assert first.startswith("alexnet · ")
    assert second.endswith("input 1×3×227×227 float32 · eval")
    assert rows == [
        "                                   limit           found  headroom",
        "✓  params                   ≤ 65,000,000      62,378,344      4.0%",
        "✗  MACs                        < 1.100 G         1.135 G     −3.2%",
        "✓  features.conv1 params        ≤ 40,000          34,944     12.6%",
        "✓  features.pool5 output  (N, 256, 6, 6)  (1, 256, 6, 6)",
        "",
        "1 of 4 requirements failed",
    ]


def test_changes_have_what_was_before():
    required = [parse_change("params>+10%"), parse_change("changed"), parse_change("macs>0")]
    outcome = Outcome((check_report(wider(1), required, wider(0)),))
    text = show.text(outcome, "table", width=100).splitlines()
    assert text[0].endswith(" · against net")
    assert [line.split() for line in text[2:7]] == [
        ["limit", "before", "found", "change", "headroom"],
        ["✗", "params", "≤", "+10%", "20", "25", "+25.0%", "−13.6%"],  # of 22
        ["✗", "structure", "as", "before", "changed"],
        ["1", "layer", "changed"],
        ["✗", "MACs", "≤", "+0", "16", "20", "+25.0%", "−25.0%"],
    ]


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("macs<=1K", "not known: not counted lib.odd ×2"),
        ("macs<=15", "not known: not counted lib.odd ×2; what was counted is too much already"),
        ("fcc:macs<=15", "no such layer; did you mean fc?"),
    ],
)
def test_why_it_failed(limit: str, says: str):
    outcome = of(odd(), limit)
    assert f"    {says}\n" in show.text(outcome, "table")
    assert says in outcome.to_markdown().replace("\\", "")
    assert json.loads(outcome.to_json())["networks"][0]["verdicts"][0]["reason"] == says


def test_a_lower_bound_is_marked_as_one():
    assert "✗  MACs   ≤ 15   ≥ 16\n" in show.text(of(odd(), "macs<=15"), "table")


def test_a_failure_never_reads_as_an_equality():
    text = show.text(of(alexnet(), "macs<=1135256095"), "table")
    assert "≤ 1,135,256,095  1,135,256,096    −<0.1%" in text
    text = show.text(of(alexnet(), "param_bytes<=249513375B"), "table")
    assert "≤ 249,513,375 B  249,513,376 B    −<0.1%" in text


@given(st.integers(20, 160))
def test_no_row_is_wider_than_the_terminal(width: int):
    outcome = of(alexnet(), "features.conv1:params<=40K", "features.conv2:output_bytes<=64MiB")
    _, rows, _ = show.text(outcome, "table", width=width).split("\n\n")
    # The name is cut to 16 columns, no further; the figures are what was asked for.
    assert all(len(row) <= max(width, 55) for row in rows.splitlines())


def test_a_network_that_could_not_be_traced_stands_among_the_others():
    outcome = Outcome((*of(alexnet(), "params=65M"), Checked("gone", None, error="no such file")))
    text = show.text(outcome, "table")
    assert "gone\n\n✗ no such file\n" in text
    assert text.endswith("the requirement holds, 1 network could not be checked\n")
    assert not outcome.passed
    rows = list(csv.DictReader(io.StringIO(outcome.to_csv())))
    assert [row["state"] for row in rows] == ["held", "untraced"]


def test_raw_figures_for_programs():
    outcome = of(alexnet(), "params=65M", "features.conv1:macs<1.5K")
    first, second = csv.DictReader(io.StringIO(outcome.to_csv()))
    assert (first["bound"], first["found"], first["state"]) == ("65000000", "62378344", "held")
    assert (second["layer"], second["bound"], second["state"]) == ("features.conv1", "1500", "broken")
    whole = json.loads(outcome.to_json())
    assert whole["passed"] is False
    assert whole["networks"][0]["verdicts"][1]["found"] == 105_415_200


def test_the_sentence_says_what_was_before():
    (checked,) = Outcome((check_report(wider(1), [parse_change("params>+10%")], wider(0)),))
    assert sentence(checked, checked.verdicts[0]) == "params 25, limit ≤ +10% (before 20, +25.0%)"


# Markdown


def test_a_comment_begins_with_its_marker_and_ends_with_its_command():
    text = of(
        alexnet(), "params=65M", "macs<1.1G", command="netscope check alexnet --max macs<1.1G"
    ).to_markdown()
    lines = text.splitlines()
    assert lines[0] == "<!-- netscope:check -->"
    assert lines[1] == "### ✗ alexnet: 1 of 2 requirements failed"
    assert lines[3].startswith("#### `alexnet` · zoo ")
    assert lines[5:9] == [
        "|  |  | limit | found | headroom |",
        "| --- | --- | ---: | ---: | ---: |",
        "| ✓ | params | ≤ 65,000,000 | 62,378,344 | 4.0% |",
        "| ✗ | **MACs** | **&lt; 1.100 G** | **1.135 G** | **−3.2%** |",
    ]
    assert lines[-1] == "Made by `netscope check alexnet --max macs<1.1G`"
    assert text.count("<details>") == text.count("</details>") == 1


def test_several_networks_have_a_heading_and_a_part_each():
    lost = Checked("gone", None, error="no such file")
    text = Outcome((*of(alexnet(), "params=65M"), *of(odd(), "params=20"), lost)).to_markdown()
    assert re.findall("^#### `(.*?)`", text, re.MULTILINE) == ["alexnet", "odd", "gone"]
    assert text.count("| ✓ | params |") == 2
    assert "#### `gone`\n\n- no such file\n" in text
    assert re.findall("<summary>(.*)</summary>", text) == ["Totals of alexnet", "Totals of odd"]


def test_what_changed_is_folded_away():
    text = Outcome((check_report(wider(1), [parse_change("params>0")], wider(0)),)).to_markdown()
    assert "<summary>What changed in net</summary>" in text
    assert "| params | 20 | 25 | +25.0% |" in text


def test_nothing_is_folded_where_nothing_changed():
    text = Outcome((check_report(wider(0), [parse_change("params>0")], wider(0)),)).to_markdown()
    assert "What changed" not in text
    assert "| params | 20 | 20 | = |" in text
