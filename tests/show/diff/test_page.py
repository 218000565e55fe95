from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netscope import show
from netscope.answers.diff import diff
from netscope.base.cost import VectorOps
from netscope.report.report import Report
from netscope.show.diff.selection import build
from netscope.show.screen import Screen
from netscope.show.strings import width_of
from tests.nets import chain, head, networks, wide
from tests.reports import conv, leaf, linear, profiled, relu, stack, steady

ESCAPES = re.compile(r"\x1b\[\d+m")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def shown(before: Report, after: Report, width: int | None = 100, **what: object) -> list[str]:
    return table(before, after, width, **what).splitlines()


def table(before: Report, after: Report, width: int | None = 100, **what: object) -> str:
    return show.text(diff(before, after), "table", width=width, **what)


def markdown(before: Report, after: Report, **what: object) -> str:
    return diff(before, after).to_markdown(**what)


def words(line: str) -> str:
    return " ".join(line.split())


def test_a_diff_at_a_hundred_columns() -> None:
    # 3 blocks of 1x1 convolutions 16 -> n -> 16 at 8x8: 3 (33n + 16) params, 3 * 2 * 16 * 64 n MACs.
    lines = shown(wide(32), wide(64))
    assert lines[0] == "wide · 1×16×8×8 float32"
    assert words(lines[2]) == "params 3,216 → 6,384 +3,168 +98.5%"
    assert words(lines[3]) == "MACs 196.6 K → 393.2 K +197 K +100%"
    assert [words(line) for line in lines[7:14]] == [
        "layer what changed output params MACs before → after outputs",
        "blocks +98.5% +100% 197 K → 393 K +66.7%",
        "└─ 0-2 ×3 +98.5% +100% 197 K → 393 K +66.7%",
        "~ ├─ up ×3, act channels out 32→64 32×8×8 → 64×8×8 +100% +100% 98.3 K → 197 K +100%",
        "~ ├─ down ×3 channels in 32→64 +97.0% +100% 98.3 K → 197 K",
        "= └─ last 3 layers the same",
        "",
    ]
    assert lines[-2:] == [
        "×N: the same change in each, with the figures of all N together",
        "9 layers changed, 3 the same",
    ]


def test_an_option_is_named_to_who_can_type_it() -> None:
    assert "(--all" in table(wide(32), wide(64), command="netscope diff wide32 wide64")
    assert "(--all" not in table(wide(32), wide(64), command="netscope diff wide32 wide64", everything=True)
    assert "(--all" not in str(diff(wide(32), wide(64)))


def test_a_column_that_no_row_has_a_figure_in_is_left_out() -> None:
    lines = shown(wide(32), wide(64), depth=0)  # the root's figures are the totals above
    (heading,) = (line for line in lines if "what changed" in line)
    assert words(heading) == "layer what changed"


def test_two_networks_that_are_the_same_take_one_line() -> None:
    assert table(wide(32), wide(32)) == "wide · 1×16×8×8 float32\n\nno difference: 12 layers, 3,216 params\n"


def test_the_end_of_a_difference_is_told_and_what_follows_is_not() -> None:
    text = table(head(55), head(56))
    assert "=  from features.2 on everything is identical: floor((55 - 3)/2) + 1 = floor((56" in text
    assert "fc" not in text
    assert "55×55 → 56×56" in text


def test_a_layer_whose_own_cost_differs_is_not_called_identical() -> None:
    def pooled(side: int) -> Report:
        before, after = (1, 4, side, side), (1, 4)
        rows = [
            conv("conv", before, before, 1),
            leaf("pool", "MyPool", before, after, vector=VectorOps(add=side)),
        ]
        return chain("net", [*rows, linear("fc", after, (1, 2))])

    assert "=  behind pool everything is identical" in table(pooled(8), pooled(9))


def test_all_of_it_is_shown_on_request_also_behind_the_end_of_a_difference() -> None:
    text = table(head(55), head(56), everything=True)
    assert "fc" in text
    assert len(build(diff(head(55), head(56)), everything=True).rows) == len(head(55)) - 1


def test_the_end_is_wrapped_where_it_is_told() -> None:
    lines = shown(head(55), head(56), 60)
    place = next(n for n, line in enumerate(lines) if line.startswith("=  from features.2 on"))
    assert lines[place + 1].startswith("   ")
    assert max(map(len, lines)) <= 60


def test_everything_has_a_line_for_every_layer() -> None:
    lines = shown(wide(32), wide(64), everything=True)
    assert sum(line[:1] in "=~+-" and line[1:2] == " " for line in lines if line) == 12
    assert lines[-1] == "9 layers changed, 3 the same"


@given(before=networks(), after=networks(), width=st.integers(60, 200), everything=st.booleans())
@settings(max_examples=80)
def test_no_row_is_wider_than_the_terminal(
    before: Report, after: Report, width: int, everything: bool
) -> None:
    *blocks, _ = table(before, after, width, everything=everything).split("\n\n")
    for line in "\n".join(blocks).splitlines():
        assert width_of(line) <= width


def test_colour_is_only_escape_sequences_around_the_same_text() -> None:
    changed = diff(stack(2), stack(5))
    coloured = show.text(changed, "table", screen=Screen(100, color=True))
    assert "\x1b[32m+\x1b[0m" in coloured
    plain = "".join(line.rstrip() + "\n" for line in ESCAPES.sub("", coloured).splitlines())
    assert plain == show.text(changed, "table", width=100)


def test_names_and_modes_that_differ_are_in_the_header() -> None:
    other = replace(wide(32), name="other", training=True)
    assert shown(wide(32), other)[0] == "wide → other · 1×16×8×8 float32 · eval → train"
    file = replace(wide(32), source="file")
    assert shown(wide(32), file)[0] == "wide · zoo → file · 1×16×8×8 float32"


def test_lower_bounds_are_no_changes() -> None:
    odd = leaf(
        "odd", "Odd", (1, 4), (1, 4), operators={"lib.odd": 1}, unknown={"lib.odd": 1}, macs=None, vector=None
    )
    before, after = (
        chain("net", [relu("act", (1, 4)), linear("fc", (1, 4), (1, width)), odd]) for width in (4, 8)
    )
    lines = [words(line) for line in shown(before, after, None)]
    assert "MACs ≥ 16 → ≥ 32 ? ?" in lines
    assert "vector ops ≥ 8 → ≥ 12 ? ?" in lines
    assert any(line.startswith("~ fc features out 4→8") for line in lines)


def test_measured_quantities_appear_where_they_were_measured() -> None:
    slow, fast = (profiled(wide(32), {}, latency=steady(median)) for median in (0.002, 0.001))
    lines = [words(line) for line in shown(slow, replace(fast, name="fast"), everything=True)]
    assert "latency 2.000 ms → 1.000 ms −1.00 ms −50.0%" in lines
    assert "samples/s 500.0 → 1.000 K +500 +100%" in lines
    assert "peak mem 1.000 MiB the same" in lines
    assert lines[-1].startswith("latency 2.00 ms → 1.00 ms, −50.0%, outside the noise (95%: −50.")
    assert not any(line.startswith("latency") for line in shown(wide(32), wide(64)))


def test_what_was_measured_differently_is_said() -> None:
    before = profiled(wide(32), {}, latency=steady(0.002))
    after = profiled(wide(32), {}, latency=steady(0.002), threads=2, dtype="bf16", form="compiled")
    lines = shown(before, after)
    assert lines[0].startswith("wide")
    assert any(line.startswith("no difference") for line in lines)
    assert "latency 2.00 ms → 2.00 ms, no change, within the noise" in lines[-2]
    assert lines[-1] == "measured differently: dtype fp32→bf16, form eager→compiled, threads 1→2"
    cold = profiled(wide(32), {}, latency=steady(0.002), cold=True)
    assert shown(before, cold)[-1] == "measured differently: cold caches no→yes"
    assert shown(before, wide(32))[-1] == "latency 2.00 ms before, not measured after"
    assert shown(wide(32), before)[-1] == "latency not measured before, 2.00 ms after"
    assert "within the noise" in markdown(before, after)


# Markdown


def test_a_comment_has_marker_verdict_totals_rows_and_command() -> None:
    text = markdown(wide(32), replace(wide(64), name="wider"), command="netscope diff a b --format markdown")
    lines = text.splitlines()
    assert lines[0] == "<!-- netscope:diff wide wider -->"
    assert lines[1] == "### netscope: wider has 98.5% more params, 100% more MACs than wide"
    assert "| params | 3,216 | 6,384 | +3,168 | **+98.5%** |" in lines
    fold = lines.index("<summary>9 layers changed, 3 the same</summary>")
    # What is said of ×N is for those who see it.
    assert lines.index("- ×N: the same change in each, with the figures of all N together") > fold
    assert (
        r"| \~ | `blocks.0-2.up` ×3, act | channels out 32→64 | 32×8×8 → 64×8×8 | **1,632 → 3,264 (+100%)** "
        "| **98.3 K → 197 K (+100%)** | **24.0 KiB → 48.0 KiB (+100%)** |"
    ) in lines
    assert lines[-1] == "Made by `netscope diff a b --format markdown`"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (wide(32), wide(32), "wide is the same as before"),
        (wide(32), replace(wide(32), name="b"), "b is the same as wide"),
        (head(55), head(56), "head at 1×3×56×56 float32 has the same params, 2.1% more MACs"),
        (wide(64), replace(wide(32), name="b"), "b has 49.6% fewer params, 50.0% fewer MACs than wide"),
    ],
)
def test_verdicts(before: Report, after: Report, verdict: str) -> None:
    assert markdown(before, after).splitlines()[1] == f"### netscope: {verdict}"


@given(before=networks(), after=networks(), everything=st.booleans())
@settings(max_examples=60)
def test_every_row_has_as_many_cells_as_its_heading(before: Report, after: Report, everything: bool) -> None:
    text = markdown(before, after, everything=everything)
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1


@pytest.mark.whole
@given(layers=st.integers(100, 3000), length=st.integers(1, 300), command=st.integers(0, 3000))
@settings(max_examples=15)
def test_a_comment_is_never_too_long(layers: int, length: int, command: int) -> None:
    def net(side: int) -> Report:
        rows = [linear(f"{'n' * length}{i}x", (1, 4), (1, 4 + (i + side) % 7)) for i in range(layers)]
        return chain("net" * length, rows)

    text = markdown(net(0), net(1), command="x" * command, everything=True)
    assert len(text) < 65_000
    assert text.startswith("<!-- netscope:diff ")
    shown_rows = text.count("\n| \\~ |")
    if shown_rows < layers:
        assert re.search(r"\d lines? left out", text)


def test_a_marker_cannot_be_left() -> None:
    text = markdown(replace(wide(32), name="--><b>"), wide(64))
    assert text.splitlines()[0] == "<!-- netscope:diff - -)<b) wide -->"


# Data


def test_csv_has_every_pair_raw() -> None:
    text = diff(wide(32), wide(64)).to_csv()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(wide(32))
    up = next(row for row in rows if row["after"] == "blocks.1.up")
    assert (up["status"], up["macs_before"], up["macs_after"]) == ("~", "32768", "65536")
    assert (up["macs_change"], up["macs_ratio"]) == ("32768", "1.0")
    assert {"what": "out_channels", "before": 32, "after": 64, "kind": "definition"} in json.loads(
        up["changes"]
    )
    only = show.text(diff(wide(32), wide(64)), "csv", layers="*.up")
    assert len(list(csv.DictReader(io.StringIO(only)))) == 3


def test_what_was_added_has_nothing_before() -> None:
    frame = diff(stack(2), stack(3)).to_pandas()
    added = frame[frame["status"] == "+"]
    assert list(added["after"]) == ["layers.2", "layers.2.up", "layers.2.(functional)", "layers.2.down"]
    assert added["params_before"].isna().all()
    assert list(added["params_after"]) == [552, 288, 0, 264]
    assert frame["params_change"].iloc[0] == 552
    assert frame.attrs["name"] == "stack"
    assert diff(wide(32), head(55)).to_pandas().attrs["name"] == "wide → head"


def test_a_notebook_gets_html_that_is_safe() -> None:
    html = diff(wide(32), replace(wide(64), name="<script>"))._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "channels out 32→64" in html


def test_a_printed_diff_is_its_table() -> None:
    text = str(diff(wide(32), wide(64)))
    assert text == table(wide(32), wide(64)).rstrip("\n")
