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
        (nested(40), "more nodes than any network"),
    ],
)
def test_one_that_makes_no_sense_is_refused(groups: list[dict[str, Any]], why: str) -> None:
    data = saved()
    data["flow"]["groups"] = groups
    with pytest.raises(StoreError, match=why):
        store.from_dict(data)
