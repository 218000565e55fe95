"""Reports held against requirements."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

import netscope
from netscope.answers.check import (
    Checked,
    Returns,
    Unchanged,
    check_report,
    parse_change,
    parse_limit,
)
from netscope.base.cost import VectorOps
from netscope.base.errors import UsageError
from netscope.report.report import Report
from tests.report.ranked import MACS, ranked, uneven
from tests.reports import alexnet, functional, linear, report


def verdict(made: Report, text: str):
    """The one verdict on one limit."""
    (only,) = check_report(made, [parse_limit(text)]).verdicts
    return only


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("params<=62_378_344", True),
        ("params<62_378_344", False),
        ("params<=62_378_343", False),
        ("params>=62_378_344", True),
        ("macs==1_135_256_096", True),
        ("macs<=1.135256095G", False),
        ("flops<=2.270512192G", True),
        ("features.conv1:params<=34_944", True),
        ("features.conv1:params<=34_943", False),
        ("features.conv1:macs==105_415_200", True),
        ("classifier:params==58_631_144", True),
        ("weight_layers==8", True),
    ],
)
def test_a_figure_is_held_against_its_limit(text: str, holds: bool):
    assert verdict(alexnet(), text).passed is holds


def test_headroom():
    assert verdict(alexnet(), "params<=124_756_688").headroom == 0.5
    assert verdict(alexnet(), "params<=31_189_172").headroom == -1
    assert verdict(alexnet(), "params>=31_189_172").headroom == 0.5
    assert verdict(alexnet(), "params==62_378_344").headroom is None
    assert verdict(alexnet(), "params<=0").headroom is None


def odd() -> Report:
    """A network of 16 MACs that are known, and an operator that is not."""
    operators = {"lib.odd.default": 2}
    row = functional("(functional)", (1, 4), operators, unknown=operators, macs=None, vector=None)
    return report("odd", "Odd", [linear("fc", (1, 4), (1, 4)), row])


@pytest.mark.parametrize(
    ("text", "surely"),
    [("macs<=1M", False), ("macs<=15", True), ("macs<16", True), ("macs<=16", False), ("macs==15", True),
     ("macs>=17", False), ("flops<=31", True), ("flops<=32", False)],
)  # fmt: skip
def test_what_is_not_known_fails_and_may_be_too_much_already(text: str, surely: bool):
    found = verdict(odd(), text)
    assert (found.state, found.passed, found.found) == ("unknown", False, None)
    assert found.surely_broken is surely
    assert found.unknown == {"lib.odd.default": 2}


def test_the_layers_within_count_for_what_is_known_of_vector_operations():
    made = odd()
    counted = sum((layer.own_vector for layer in made.layers), VectorOps()).total
    assert verdict(made, "vector<=1").at_least == counted
    assert verdict(made, "fc:macs<=16").passed


def test_a_layer_that_is_not_there():
    found = verdict(alexnet(), "features.conv9:params<=40K")
    assert (found.state, found.found) == ("missing", None)
    (shape,) = check_report(alexnet(), [Returns("featuers", (1,))]).verdicts
    assert shape.state == "missing"


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [(("N", 256, 6, 6), True), ((-1, ..., 6), True), ((1, 256, 6), False), (((1, 256, 6, 6),), True)],
)
def test_shapes(pattern, holds: bool):
    (only,) = check_report(alexnet(), [Returns("features.pool5", pattern)]).verdicts
    assert only.passed is holds
    assert only.layer is not None


def changed(text: str, before: Report, after: Report):
    (only,) = check_report(after, [parse_change(text)], before).verdicts
    return only


def wider(more: int) -> Report:
    """One linear layer with 4 inputs and 4 + more outputs: 5 parameters and 4 MACs an output."""
    return report("net", "Net", [linear("fc", (1, 4), (1, 4 + more))])


@pytest.mark.parametrize(
    ("text", "more", "holds"),
    [
        ("params>0", 0, True),
        ("params>0", 1, False),
        ("params>0", -1, True),
        ("params!=0", -1, False),
        ("params>+25%", 1, True),  # 20 -> 25
        ("params>=+25%", 1, False),
        ("params>+24.999%", 1, False),
        ("params>+5", 1, True),
        ("params>+4", 1, False),
        ("macs<-25%", -1, True),  # 16 -> 12
        ("macs<-24%", -1, False),
        ("fc:macs>+3", 1, False),
        ("changed", 0, True),
        ("changed", 1, False),
        ("fc:changed", 0, True),
        ("fc:changed", 1, False),
    ],
)
def test_changes(text: str, more: int, holds: bool):
    assert changed(text, wider(0), wider(more)).passed is holds


def test_a_change_has_the_most_that_was_allowed_for_its_bound():
    found = changed("params>+50%", wider(0), wider(1))
    assert (found.before, found.found, found.bound) == (20, 25, Fraction(30))
    assert found.headroom == pytest.approx(1 / 6)


def test_layers_that_come_and_go():
    two = report("net", "Net", [linear("fc", (1, 4), (1, 4)), linear("other", (1, 4), (1, 7))])
    assert changed("other:params>0", wider(0), two).state == "added"
    assert changed("other:changed", wider(0), two).state == "added"
    assert changed("other:params>0", two, wider(0)).state == "missing"
    assert changed("other:changed", two, wider(0)).state == "missing"
    assert changed("never:params>0", two, wider(0)).state == "missing"


def test_a_change_from_or_to_what_is_not_known_fails():
    for before, after in [(odd(), wider(0)), (wider(0), odd())]:
        found = changed("macs>+900%", before, after)
        assert (found.state, found.passed) == ("unknown", False)
        assert found.unknown == {"lib.odd.default": 2}


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(UsageError, match="there is nothing to check"):
        check_report(alexnet(), [])
    for one in (parse_change("macs>+5%"), Unchanged()):
        with pytest.raises(UsageError, match=r"is about a change.*\n.*--against base\.json"):
            check_report(alexnet(), [one])


def test_the_result_is_whole():
    found = check_report(alexnet(), [parse_limit("params=1"), parse_limit("macs=2G")], name="mine")
    assert isinstance(found, Checked)
    assert (found.name, found.passed, found.diff) == ("mine", False, None)
    assert [str(one.requirement) for one in found.failed] == ["params<=1"]


def test_check_from_python():
    from torch import nn

    net = nn.Linear(4, 4)
    found = netscope.check(net, "macs<=16", params="20", output_bytes="==16", input="4")
    assert found.passed
    grown = netscope.check(nn.Linear(4, 5), against=net, fail_if=["params>0", "macs>+25%"], input="4")
    assert [one.passed for one in grown.verdicts] == [False, True]
    assert not netscope.check(replace(alexnet()), params=62_378_343).passed
    with pytest.raises(UsageError, match="there is no quantity 'parms'"):
        netscope.check(net, parms="65M", input="4")
    with pytest.raises(UsageError, match="is about a change"):
        netscope.check(net, fail_if="macs>+5%", input="4")


def test_what_a_rank_sends_can_be_limited() -> None:
    """Two blocks of three collectives of 31/32 of 16 KiB, and four linears of 7/4 of 1 KiB: 100 KiB."""
    assert check_report(ranked(), [parse_limit("wire_bytes<=100KiB")]).passed
    beyond = check_report(
        ranked(), [parse_limit("wire_bytes<100KiB"), parse_limit("blocks.0.up:wire_bytes==1792")]
    )
    assert [verdict.passed for verdict in beyond.verdicts] == [False, True]
    unknown = check_report(alexnet(), [parse_limit("wire_bytes<=100KiB")])
    assert not unknown.passed


def test_a_limit_holds_for_the_worst_of_the_ranks() -> None:
    made = uneven()  # of 32 ranks the last seven have none of the 256 parameters
    for text, state, found, rank in (
        ("params<=256", "held", 256, 0),
        ("params<=255", "broken", 256, 0),
        ("params>=256", "broken", 0, 25),
        ("params==256", "broken", 0, 25),
        ("params==0", "broken", 256, 0),
        ("params!=0", "broken", 0, 25),
        ("flops<=1", "broken", 2 * 4 * MACS, 0),
    ):
        one = verdict(made, text)
        assert (one.state, one.found, one.rank) == (state, found, rank)
    assert made.ranks is not None
    first = made.but(ranks=replace(made.ranks, rank=31))
    assert verdict(first, "params<=255").rank == 0  # whichever the rows are of
    four = tuple(kind._replace(macs=4 * 4 * MACS) for kind in made.ranks.kinds)
    staged = made.but(ranks=replace(made.ranks, kinds=four, microbatches=4))
    assert verdict(staged, f"macs<={4 * MACS}").state == "held"  # as of one rank, of one microbatch


def test_what_is_known_of_one_rank_alone_holds_for_none_of_the_others() -> None:
    made = uneven()
    assert made.ranks is not None
    for text in ("vector<=1G", "blocks:params<=1G", "training_peak<=1GiB"):
        one = verdict(made, text)
        assert (one.state, one.found, one.rank) == ("unknown", None, None)
    missing = made.but(ranks=replace(made.ranks, world=64))
    assert verdict(missing, "params<=256").state == "unknown"
    assert (verdict(missing, "params<=255").state, verdict(missing, "params<=255").rank) == ("broken", 0)
    alone = made.but(ranks=replace(made.ranks, kinds=made.ranks.kinds[:1]))
    assert verdict(alone, "blocks:params<=1G").state == "held"


def test_a_change_is_that_of_the_worst_rank() -> None:
    before, after = uneven(), uneven()
    assert after.ranks is not None
    first, last = after.ranks.kinds
    after = after.but(ranks=replace(after.ranks, kinds=(first, last._replace(params=512))))
    (one,) = check_report(after, [parse_change("params>+50%")], before).verdicts
    assert (one.state, one.before, one.found, one.rank) == ("broken", 256, 512, 25)
