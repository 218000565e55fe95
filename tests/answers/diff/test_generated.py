"""Known edits of random networks: the diff must tell what was done, and nothing else."""

from __future__ import annotations

from functools import cache

import pytest

import netscope
from netscope import Report
from netscope.answers.diff import Diff, diff
from tests.answers.diff.generator import EDITS, Edited, Generator, module, recovered
from tests.seeds import seeds

NETWORKS = seeds(320)


def report(part) -> Report:
    network, _ = module(part, 3)
    return netscope.summary(network.eval(), input=(3, 16, 16))


@cache
def drawn(seed: int) -> tuple[Edited, Diff]:
    made = Generator(seed).edited(1 + seed % 4)
    return made, diff(report(made.before), report(made.after))


@pytest.mark.whole
def test_the_edit_script_is_recovered():
    """At least 98 of 100 exactly; in the rest the same edits could as well have been others."""
    wrong = [seed for seed in NETWORKS if recovered(*reversed(drawn(seed))) != drawn(seed)[0].script]
    assert len(wrong) <= 0.02 * len(NETWORKS), wrong


@pytest.mark.whole
def test_every_kind_of_edit_was_made_often():
    made = [edit[0] for seed in NETWORKS for edit in drawn(seed)[0].script]
    assert {kind for kind in EDITS if made.count(kind) >= 50} == EDITS.keys()


@pytest.mark.whole
@pytest.mark.drawn
def test_the_other_way_round_it_is_the_same():
    turned = {"+": "-", "-": "+", "=": "=", "~": "~"}
    for seed in NETWORKS:
        there = drawn(seed)[1]
        turned_round = diff(there.after, there.before)
        assert turned_round.counts == {turned[status]: n for status, n in there.counts.items()}
        back = sides(turned_round)
        assert back == {
            (new, old, turned[status], frozenset((what, b, a) for what, a, b in changes))
            for old, new, status, changes in sides(there)
        }


@pytest.mark.whole
@pytest.mark.drawn
def test_of_a_network_and_itself_it_is_empty():
    for seed in NETWORKS:
        there = drawn(seed)[1]
        again = diff(there.before, there.before)
        assert not again
        assert [pair.before for pair in again.pairs] == list(there.before.layers)
        assert again.absorbed is None


@pytest.mark.whole
@pytest.mark.drawn
def test_every_layer_of_both_is_there_once():
    for seed in NETWORKS:
        there = drawn(seed)[1]
        assert [p.after for p in there.pairs if p.after is not None] == list(there.after.layers)
        before = [p.before.path for p in there.pairs if p.before is not None]
        assert sorted(before) == sorted(layer.path for layer in there.before.layers)


def sides(found: Diff) -> set[tuple[object, ...]]:
    """Which layer is which, and what of each differs."""
    return {
        (
            pair.before and pair.before.path,
            pair.after and pair.after.path,
            pair.status,
            frozenset((c.what, repr(c.before), repr(c.after)) for c in pair.changes),
        )
        for pair in found.pairs
    }
