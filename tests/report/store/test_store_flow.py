"""The data flow in files: it comes back as it was, and one that makes no sense is refused."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

import netscope
from netscope.base.errors import StoreError
from netscope.report import store


def saved() -> dict[str, Any]:
    model = nn.Sequential(*(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()) for _ in range(3)))
    return store.to_dict(netscope.summary(model, input="3x4x4"))


def test_it_comes_back_equal() -> None:
    model = nn.Sequential(*(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()) for _ in range(3)))
    report = netscope.summary(model, input="3x4x4")
    again = store.from_dict(store.to_dict(report))
    assert report.flow is not None
    assert len(report.flow.groups) == 2
    assert again.flow == report.flow


def test_an_older_file_has_none() -> None:
    data = saved()
    del data["flow"]
    assert store.from_dict(data).flow is None


def nested(depth: int) -> list[dict[str, Any]]:
    """Each group twice inside the one before."""
    node = {"kind": "module", "name": "a"}
    groups = [{"nodes": [{**node, "inside": n + 1}] * 2, "edges": []} for n in range(depth)]
    return [*groups, {"nodes": [node], "edges": []}]


def group(*kinds: str) -> list[dict[str, Any]]:
    """One, of nodes of these kinds."""
    return [{"nodes": [{"kind": kind, "name": "a"} for kind in kinds], "edges": []}]


def joined(**ports: int) -> list[dict[str, Any]]:
    """Two modules and an edge between them; each has an input, something, and an output inside."""
    nodes = [{"kind": "module", "name": name, "inside": 1} for name in "ab"]
    edges = [{"source": 0, "target": 1, **ports}]
    return [{"nodes": nodes, "edges": edges}, *group("input", "operator", "output")]


def test_one_that_makes_sense_is_read() -> None:
    data = saved()
    data["flow"]["groups"] = joined(out_port=2, in_port=0)
    flow = store.from_dict(data).flow
    assert flow is not None
    assert flow.groups[0].edges[0].out_port == 2
    data["flow"]["groups"] = group("input", "input", "module", "operator", "output", "output")
    store.from_dict(data)
    data["flow"]["groups"] = group("input", "output")
    store.from_dict(data)


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        (
            [{"nodes": [{"kind": "module", "name": "a", "inside": 4}], "edges": []}],
            "a group that is not there",
        ),
        ([{"nodes": [{"kind": "module", "name": "a", "inside": 0}], "edges": []}], "a group inside itself"),
        ([{"nodes": [{"kind": "magic", "name": "a"}], "edges": []}], "a node of no known kind"),
        (
            [{"nodes": [{"kind": "operator", "name": "a"}] * 2, "edges": [{"source": 1, "target": 0}]}],
            "an edge that leads nowhere, or back",
        ),
        (
            [{"nodes": [{"kind": "operator", "name": "a"}] * 2, "edges": [{"source": 0, "target": 2}]}],
            "an edge that leads nowhere, or back",
        ),
        (
            [
                {
                    "nodes": [{"kind": "operator", "name": "a"}] * 2,
                    "edges": [{"source": 0, "target": 1, "in_port": 0}],
                }
            ],
            "an edge without a port",
        ),
        (group("output", "operator"), "an output not last"),
        (group("operator", "input"), "an input that does not come first"),
        (group("output", "input"), "an input that does not come first"),
        (joined(out_port=1), "an edge without a port"),
        (joined(out_port=0), "an edge without a port"),
        (joined(out_port=3), "an edge without a port"),
        (joined(in_port=1), "an edge without a port"),
        (joined(in_port=2), "an edge without a port"),
        (nested(40), "more nodes than any network"),
    ],
)
def test_one_that_makes_no_sense_is_refused(groups: list[dict[str, Any]], why: str) -> None:
    data = saved()
    data["flow"]["groups"] = groups
    with pytest.raises(StoreError, match=why):
        store.from_dict(data)
