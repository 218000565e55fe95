from __future__ import annotations

import sys

import pytest

from netscope.base.errors import MissingExtraError
from netscope.show.drawing.ranks import Link, ranks_of, stand


def links(*pairs: tuple[int, int]) -> list[Link]:
    return [Link(*pair) for pair in pairs]


def test_a_node_stands_below_all_that_it_reads() -> None:
    assert ranks_of(1, 3, 1, links((0, 1), (1, 2), (1, 3), (2, 3), (3, 4))) == [0, 1, 2, 3, 4]


def test_what_reads_nothing_stands_above_its_first_reader() -> None:
    # The node before the last but one reads nothing.
    pairs = links((0, 1), (1, 2), (2, 4), (3, 4), (4, 5))
    assert ranks_of(1, 4, 1, pairs) == [0, 1, 2, 2, 3, 4]
    # Never beside the inputs.
    assert ranks_of(1, 2, 1, links((1, 2), (0, 2), (2, 3))) == [0, 1, 2, 3]


def test_outputs_stand_last() -> None:
    assert ranks_of(1, 2, 2, links((0, 1), (1, 2), (1, 3), (2, 4))) == [0, 1, 2, 3, 3]
    assert ranks_of(0, 0, 0, []) == []
    assert ranks_of(1, 0, 1, links((0, 1))) == [0, 1]


def test_a_chain_has_one_column() -> None:
    stood = stand(1, 3, 1, links((0, 1), (1, 2), (2, 3), (3, 4)))
    assert stood.xs == [0.0] * 5
    assert stood.bends == [()] * 4


def test_an_edge_has_a_bend_in_each_line_that_it_passes() -> None:
    stood = stand(1, 3, 1, links((0, 1), (1, 2), (2, 3), (0, 3), (3, 4)))
    assert stood.ranks == [0, 1, 2, 3, 4]
    assert [len(bends) for bends in stood.bends] == [0, 0, 0, 2, 0]
    aside = stood.bends[3]
    assert aside[0] != stood.xs[1]
    assert aside[1] != stood.xs[2]


def test_edges_with_one_value_share_their_bends() -> None:
    stood = stand(1, 4, 1, links((0, 1), (1, 2), (2, 3), (0, 3), (3, 4), (0, 4), (4, 5)))
    assert stood.bends[5][:2] == stood.bends[3]
    assert len(stood.bends[5]) == 3
    other = stand(1, 4, 1, [*links((0, 1), (1, 2), (2, 3), (0, 3), (3, 4), (4, 5)), Link(0, 4, port=1)])
    assert other.bends[6][:2] != other.bends[3]


def test_beyond_the_budget_the_longest_edges_have_none() -> None:
    pairs = links((0, 1), (1, 2), (2, 3), (0, 3), (3, 4), (0, 4), (4, 5), (1, 3))
    lengths = [len(bends) for bends in stand(1, 4, 1, pairs, most=3).bends]
    assert lengths == [0, 0, 0, 2, 0, 0, 0, 1]  # 1 + 2 are within it, 3 more are not


def test_no_two_boxes_of_a_line_are_in_one_column() -> None:
    pairs = links(*[(0, node) for node in range(1, 9)], *[(node, 9) for node in range(1, 9)], (9, 10))
    stood = stand(1, 9, 1, pairs)
    assert len(set(stood.xs[1:9])) == 8


def test_without_igraph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "igraph", None)
    assert stand(1, 1, 1, links((0, 1), (1, 2))).xs == [0.0] * 3  # a chain needs none
    with pytest.raises(MissingExtraError, match="igraph") as caught:
        stand(2, 1, 1, links((0, 2), (1, 2), (2, 3)))
    assert caught.value.hint == "pip install 'netscope[html]'"
