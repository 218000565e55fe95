"""The third bound: what goes over which link, and how long that takes at least, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netscope import show
from netscope.machine.profiling.join import with_roof
from netscope.machine.timing.devices import SPECS
from netscope.machine.timing.links import LINKS
from netscope.report.measured.links import NETWORK, PCIE, Links, busiest, loads, most_near
from netscope.report.measured.timing import Roof
from netscope.report.ranks import Axis, Traffic
from netscope.report.report import Report
from netscope.show.columns import find
from tests.report.ranked import DP, TP, ranked, sent

# 100 bytes a second inside, 10 by the host, 1 between nodes.
TOY = Links("wire", 100.0, 4, 10.0, 1.0, 8, "made up (2026)")
FLAT = Axis("all", 64, "data", 1)


def seconds(one: Traffic, mesh: tuple[Axis, ...], links: Links = TOY) -> tuple[str, float | None]:
    (load,) = loads([one], mesh, links)
    return load.link, load.seconds


def test_a_group_within_a_node_uses_the_link_inside() -> None:
    near = Axis("tp", 4, "model", 1)
    # 3/4 of 400 bytes at 100 bytes a second
    assert seconds(sent("all_gather", near, "forward", 400), (near,)) == ("wire", 3.0)


def test_a_group_of_a_node_that_no_link_joins_goes_by_the_host() -> None:
    wide = Axis("tp", 8, "model", 1)
    # Of 8 ranks 4 are joined; each sends a quarter of the half that the others lack: 800 / 2 / 4 bytes.
    assert seconds(sent("all_gather", wide, "forward", 800), (wide,)) == (PCIE, 10.0)


def test_one_rank_in_each_node_sends_all_of_it_between_nodes() -> None:
    # 31/32 of 3,200 bytes at 1 byte a second
    assert seconds(sent("all_gather", DP, "forward", 3_200), (DP, TP)) == (NETWORK, 3_100.0)
    assert seconds(sent("all_reduce", DP, "forward", 3_200), (DP, TP)) == (NETWORK, 6_200.0)


@pytest.mark.parametrize(
    ("collective", "least"),
    [
        # A node lacks 56 of 64 parts, and its 8 adapters share the work.
        ("all_gather", 6_400 * 56 / 64 / 8),
        ("reduce_scatter", 6_400 * 56 / 64 / 8),
        ("all_reduce", 2 * 6_400 * 56 / 64 / 8),
        # Nobody else has what a rank sends to another node.
        ("all_to_all", 6_400 * 56 / 64),
    ],
)
def test_ranks_of_a_node_share_what_must_leave_it(collective: str, least: float) -> None:
    link, took = seconds(sent(collective, FLAT, "forward", 6_400), (FLAT,))
    assert (link, took) == (NETWORK, pytest.approx(least))


def test_a_neighbour_in_a_pipeline_may_be_in_the_same_node() -> None:
    close, far = Axis("pp", 16, "pipeline", 1), Axis("pp", 4, "pipeline", 8)
    sending = Traffic("send", "pp", 16, close.reach, "forward", 1, 100, 100)
    assert seconds(sending, (close,)) == (PCIE, 10.0)
    assert seconds(sending._replace(ranks=4, reach=far.reach), (far,)) == (NETWORK, 100.0)


def test_how_many_of_a_group_are_near() -> None:
    mesh = (Axis("a", 4, "data", 16), Axis("b", 4, "data", 4), Axis("c", 4, "model", 1))
    both = Traffic("all_gather", "a+c", 16, 52, "forward", 1, 1, 1)
    assert most_near(both, mesh, 8) == 4  # the four of c; the next of a is 16 further
    assert most_near(both._replace(axis="a+b", reach=61), mesh, 8) == 2
    # An axis that nobody knows, of which the stride is guessed: 16 ranks within 61 are 4 apart.
    assert most_near(both._replace(axis="flat", reach=61), mesh, 8) == 2


def test_a_rate_that_is_not_known_bounds_nothing() -> None:
    found = loads([sent("all_gather", DP, "forward", 3_200)], (DP, TP), TOY._replace(network=None))
    assert [(load.link, load.wire_bytes, load.seconds) for load in found] == [(NETWORK, 3_100, None)]
    assert busiest(found) is None


def test_links_run_at_the_same_time_and_axes_of_one_link_do_not() -> None:
    near = Axis("tp", 4, "model", 1)
    other = Axis("cp", 4, "data", 1)
    found = loads(
        [
            sent("all_gather", near, "forward", 400),
            sent("all_gather", other, "forward", 800),
            sent("all_gather", DP, "backward", 32),
        ],
        (DP, near, other),
        TOY,
    )
    # 3 s and 6 s inside against 31 s between nodes
    assert busiest(found) == (NETWORK, "dp", 31.0)
    assert busiest(found[:2]) == ("wire", "cp", 9.0)


def test_a_larger_node_is_joined_where_all_of_the_smaller_one_were() -> None:
    whole = TOY._replace(joined=8)
    assert whole.but(72, None)[2:6] == (72, 10.0, 1.0, 72)
    assert TOY.but(16, 5.0)[2:6] == (4, 10.0, 5.0, 16)


def test_the_table_of_links() -> None:
    assert LINKS.keys() <= SPECS.keys()
    for name, links in LINKS.items():
        assert SPECS[name].links is links
        assert any(f"({year})" in links.source for year in range(2019, 2027)), name
        assert (links.inside is None) == (not links.name) == (links.joined == 1)
        rates = [rate for rate in (links.inside, links.pcie, links.network) if rate is not None]
        assert rates == sorted(rates, reverse=True), name
    # 18 links of 25 GB/s each way, and 400 Gbit/s
    assert (LINKS["h200"].inside, LINKS["h200"].network) == (18 * 25e9, 50e9)
    # 12 links of 25 GB/s
    assert LINKS["a100"].inside == 12 * 25e9
    assert LINKS["mi300x"].network is None


def roofed(links: Links | None = TOY, bandwidth: float = 1e3) -> Report:
    """Each linear moves 1,000 bytes; at 1e5 FLOP/s its 16,384 FLOPs take 0.16384 s."""
    report = ranked()
    moved = {layer.path: 1_000 for layer in report if layer.own_macs}
    return with_roof(report, moved, Roof("toy", "Toy", "fp32", 1e5, bandwidth, "made up (2026)", links))


def test_the_bound_of_a_forward_is_the_longer_of_work_and_network() -> None:
    report = roofed()
    # Four linears of 1 s of memory against 31/32 of two blocks' 16 KiB at 1 byte a second.
    assert report.rows_bound == 4.0
    assert report.busiest("forward") == (NETWORK, "dp", 31_744.0)
    assert report.bound == 31_744.0
    assert report.bounds == {"memory": 1.0}
    assert report.bound_share(1.0) == 0.25
    # Gathered twice and scattered once; products of the backward are 2 x 65,536 FLOPs at 1e5 a second.
    assert report.step_bound == 3 * 31_744.0
    assert report.step_work_bound == pytest.approx(4.0 + 1.31072)


def test_a_fast_network_does_not_limit() -> None:
    report = roofed(TOY._replace(inside=1e9, network=1e9, pcie=1e9))
    assert report.bound == report.rows_bound == 4.0
    assert report.step_bound == report.step_work_bound


def test_without_links_the_bound_is_that_of_rows() -> None:
    report = roofed(None)
    assert (report.bound, report.loads(), report.busiest()) == (4.0, (), None)


def test_what_limits_a_row() -> None:
    report = roofed()
    limited, network = find("limited_by"), find("network_seconds")
    values = {row.path: (limited.get(row, report), network.get(row, report)) for row in report}
    # 7/4 of 1 KiB over 8 ranks, of which the toy's link joins 4: half of all, a quarter each, twice, at 10.
    assert values["blocks.0.down"] == ("network:tp", pytest.approx(2 * 1_024 / 2 / 4 / 10))
    assert values["blocks.0.up"] == ("memory", 0.0)
    assert values["blocks.0"] == ("network:dp", 16_384 * 31 / 32)
    alone = replace(report, ranks=None)
    assert limited.get(alone["blocks.0.down"], alone) == "memory"


def test_the_page_says_what_limits_and_that_it_is_a_bound() -> None:
    text = show.text(roofed(), "table", width=160)
    said = "a step 95232 s network along dp 95232 s, arithmetic and memory 5.31 s; network limits"
    assert said in " ".join(text.split())
    assert "a bound and no prediction: links, arithmetic and memory are taken to overlap" in text
    assert "what is on the wire is that of a step; its network and its bound are of a forward" in text
    assert "links: made up (2026)" in text
    (row,) = [line.split() for line in text.splitlines() if line.startswith("network  dp")]
    # Two blocks' gathers of 31/32 of 16 KiB in a forward, gathers and scatters in a backward.
    assert " ".join(row) == "network dp 93.0 KiB 1.00 B/s 31744 s 63488 s 95232 s"
    unknown = show.text(roofed(TOY._replace(network=None)), "table", width=160)
    assert "not known of this machine: network; what goes over it is left out of the bound" in unknown


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_page_fits(width: int) -> None:
    assert max(map(len, show.text(roofed(), "table", width=width).splitlines())) <= width
