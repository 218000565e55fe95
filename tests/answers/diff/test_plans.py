"""Two ways to divide a network: what moves to the wire, and what each rank saves."""

from __future__ import annotations

import json

import jsonschema

from netscope import show
from netscope.answers.diff import Change, diff
from netscope.answers.diff.plans import Sent, plans
from netscope.report.quantities import Delta
from netscope.report.ranks import Axis, LayerRank
from netscope.report.report import Report
from netscope.show.diff.sentences import verdict
from netscope.show.diff.words import words
from tests.report.ranked import DP, block, kind, ranked, sent, summed, uneven
from tests.reports import alexnet, around, report
from tools.schemas import published

# 31/32 of 16 KiB, and 7/4 of 1 KiB.
GATHERED, REDUCED = 2**14 * 31 // 32, 1_024 * 7 // 4


def kept() -> Report:
    """As `ranked`, but parameters stay gathered after the forward: nothing is gathered in the backward."""
    rows = []
    for path in ("blocks.0", "blocks.1"):
        first, *rest = block(path)
        own = (sent("all_gather", DP, "forward", 2**14), sent("reduce_scatter", DP, "backward", 2**14))
        rows += [first.but(rank=LayerRank(own_traffic=own)), *rest]
    whole = report("net", "Net", around("blocks", "ModuleList", rows))
    whole = whole.but(layers=summed(list(whole.layers)))
    like = ranked()
    assert like.ranks is not None
    kinds = (kind(whole, *range(256), peak=3 * 2**20),)
    return ranked(kinds=kinds).but(layers=whole.layers)


def test_networks_that_are_not_divided_have_no_plans() -> None:
    assert diff(alexnet(), alexnet()).plans is None
    assert json.loads(diff(alexnet(), alexnet()).to_json())["plans"] is None


def test_the_same_plan_is_no_difference() -> None:
    assert not diff(ranked(), ranked())


def test_what_is_no_longer_sent() -> None:
    found = diff(ranked(), kept())
    assert found
    assert found.plans is not None
    assert found.plans.sent[0] == Sent("all_gather", "dp", "backward", Delta(2 * GATHERED, 0))
    assert Sent("all_gather", "dp", "forward", Delta(2 * GATHERED, 2 * GATHERED)) in found.plans.sent
    assert Sent("all_reduce", "tp", "forward", Delta(2 * REDUCED, 2 * REDUCED)) in found.plans.sent
    assert [row.delta.change for row in found.plans.sent].count(0) == 4
    (change,) = found["blocks.1"].changes
    assert change == Change(
        "sends",
        {"all_gather dp": 2 * GATHERED, "reduce_scatter dp": GATHERED},
        {"all_gather dp": GATHERED, "reduce_scatter dp": GATHERED},
        "result",
    )
    assert found["blocks.1.up"].status == "="


def test_what_a_rank_has_of_both() -> None:
    found = diff(ranked(), kept()).plans
    assert found is not None
    held = {one.key: one for one in found.held}
    assert held["params"].own == held["params"].most == Delta(256, 256)
    assert held["peak"].own == Delta(2**20, 3 * 2**20)
    assert held["wire_bytes"].own.change == -2 * GATHERED
    unequal = plans(ranked(mesh=(Axis("dp", 32, "data", 1),)), uneven(rank=25))
    assert unequal is not None
    held = {one.key: one for one in unequal.held}
    assert (held["params"].own, held["params"].most) == (Delta(256, 0), Delta(256, 256))


def test_a_plan_beside_the_network_undivided() -> None:
    found = plans(alexnet(), ranked())
    assert found is not None
    assert (found.before, {one.delta.before for one in found.sent}) == (None, {0})
    held = {one.key: one.own for one in found.held}
    assert held["params"] == Delta(62_378_344, 256)
    assert held["peak"].before is None


def test_another_mesh_is_a_difference() -> None:
    other = ranked(mesh=(Axis("dp", 32, "data", 8), Axis("ep", 8, "model", 1)))
    assert diff(ranked(), other)


def test_another_placement_is_told() -> None:
    before = ranked()
    row = before["blocks.0.up"]
    assert row.rank is not None
    (part,) = row.rank.parameters
    moved = row.rank._replace(parameters=(part._replace(placements={"dp": "S(0)", "tp": "R"}),))
    after = before.but(layers=tuple(one.but(rank=moved) if one is row else one for one in before.layers))
    found = diff(before, after)
    assert [change.what for change in found["blocks.0.up"].changes] == ["placements"]
    assert "placed dp S(0), tp S(0) → dp S(0), tp R" in show.text(found, "table", width=160)


def test_the_page_has_both_tables() -> None:
    found = diff(ranked(), kept())
    text = " ".join(show.text(found, "table", width=160).split())
    assert "rank 0 of 256, mesh dp=32 × tp=8" in text
    assert "all_gather dp backward 31.0 KiB 0 B −31.0 KiB gone" in text
    assert "peak 1.00 MiB 3.00 MiB +2.00 MiB +200%" in text
    # Of a block: 31/32 of 16 KiB, twice and once.
    assert words(found["blocks.1"], (), ()) == ("sends all_gather dp 31.0 KiB → 15.5 KiB",)
    assert verdict(found) == "net has the same params, the same MACs, 31.0% fewer bytes on the wire"
    markdown = show.text(found, "markdown")
    assert "| **all\\_gather** | dp | backward | 31.0 KiB | 0 B |" in " ".join(markdown.split())
    for width in (80, 100):
        assert max(map(len, show.text(found, "table", width=width).splitlines())) <= width


def test_json_has_both_plans_as_its_schema_says() -> None:
    data = json.loads(diff(ranked(), kept()).to_json())
    jsonschema.Draft202012Validator(json.loads(published()["diff.schema.json"])).validate(data)
    assert data["plans"]["before"]["mesh"][0] == {"name": "dp", "size": 32, "role": "data", "stride": 8}
    first = data["plans"]["sent"][0]
    assert (first["collective"], first["axis"], first["phase"]) == ("all_gather", "dp", "backward")
    assert first["wire_bytes"]["change"] == -2 * GATHERED
    assert data["plans"]["held"]["peak"]["own"]["after"] == 3 * 2**20
    assert data["totals"]["wire_bytes"]["change"] == -2 * GATHERED
