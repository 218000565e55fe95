"""Two plans of one network, by their factories: what tensor parallelism saves, and what it sends."""

from __future__ import annotations

import netscope
from netscope.report.quantities import Delta
from tests.ranks.figures import FIGURES
from tests.ranks.networks import NETWORKS


def test_a_sharded_network_beside_one_that_is_also_divided() -> None:
    found = netscope.diff(
        "tests.ranks.networks:sharded",
        "tests.ranks.networks:tensor_and_data",
        args=(NETWORKS["sharded"].input(),),
        mesh="dp=4",
        mesh_b="dp=2,tp=2",
        rank=0,
        train=True,
    )
    before, after = FIGURES["sharded"]((4,), 0), FIGURES["tensor_and_data"]((2, 2), 0)
    assert found.plans is not None
    held = {one.key: one.own for one in found.plans.held}
    assert held["macs"] == Delta(before.macs, after.macs)
    assert held["backward_macs"] == Delta(before.backward_macs, after.backward_macs)
    wire = [
        sum(one.wire_bytes for one in side.traffic if one.phase != "optimizer") for side in (before, after)
    ]
    assert held["wire_bytes"] == Delta(*wire)
    scattered = [
        sum(
            one.wire_bytes
            for one in side.traffic
            if one[:2] == ("reduce_scatter", "dp") and one.phase == "backward"
        )
        for side in (before, after)
    ]
    (row,) = [one for one in found.plans.sent if one[:3] == ("reduce_scatter", "dp", "backward")]
    assert row.delta == Delta(*scattered)


def test_a_network_that_is_not_divided_sends_nothing() -> None:
    divided = netscope.summary("tests.ranks.networks:mlp", input="16", batch=6, mesh="tp=4")
    alone = netscope.summary("tests.ranks.scripts:mlp", input="16", batch=6)
    sent = divided.wire_bytes
    assert sent
    for found, delta in (
        (netscope.diff(alone, divided), Delta(0, sent)),
        (netscope.diff(divided, alone), Delta(sent, 0)),
    ):
        assert found.totals["wire_bytes"] == delta
        lines = str(found).splitlines()
        assert " 0 B" in next(one for one in lines if one.startswith("on the wire  "))
        assert [one.split()[0] for one in lines if "?" in one] == ["backward"]  # which a forward has none of
    assert netscope.diff(alone, alone).totals["wire_bytes"] == Delta(None, None)
