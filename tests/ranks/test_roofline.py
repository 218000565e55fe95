"""What a rank takes at least on a machine: by arithmetic, and by what it sends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import netscope
from netscope.base.errors import UsageError
from netscope.cli import main
from netscope.report.measured.links import NETWORK
from tests.ranks.networks import NETWORKS

MLP = "tests.ranks.networks:mlp"


def bounded(node: int | None = None, network: float | None = None) -> netscope.Report:
    return netscope.roofline(
        MLP, "h200", args=(NETWORKS["mlp"].input(),), mesh="tp=4", rank=0, node=node, network=network
    )


def test_a_rank_takes_as_long_as_its_link_needs() -> None:
    report = bounded()
    # An all_reduce of 6 x 16 numbers of 4 bytes each way, 3/4 of it twice: 576 bytes at 450 GB/s.
    assert report.busiest("forward") == ("NVLink", "tp", pytest.approx(576 / 450e9))
    assert report.busiest() == ("NVLink", "tp", pytest.approx(2 * 576 / 450e9))
    assert report.step_bound == pytest.approx(max(2 * 576 / 450e9, report.step_work_bound or 0))


def test_nodes_of_one_rank_have_the_network_between_them() -> None:
    # 576 bytes at 100 Gbit/s
    assert bounded(1, 100).busiest("forward") == (NETWORK, "tp", pytest.approx(576 / 12.5e9))
    # Of 4 ranks on nodes of 2, half leaves the node, by 2 adapters: 2 x 384 / 2 / 2 bytes at 400 Gbit/s.
    assert bounded(2).busiest("forward") == (NETWORK, "tp", pytest.approx(192 / 50e9))


@pytest.mark.parametrize(("said", "why"), [({"node": 0}, "a number of GPUs"), ({"network": -1.0}, "Gbit/s")])
def test_a_node_has_gpus_and_a_network_carries_something(said: dict[str, float], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        bounded(**said)  # type: ignore[arg-type]


def test_on_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "rank.json"
    said = [
        "roofline",
        MLP,
        "--mesh",
        "tp=4",
        "--rank",
        "0",
        "--node",
        "1",
        "--input",
        "6x16",
        "--batch",
        "1",
    ]
    main([*said, "--device-spec", "h200", "--network", "100", "-o", str(out)])
    kept = json.loads(out.read_text())
    assert kept["roof"]["links"]["network"] == 12.5e9
    down = next(row for row in kept["layers"] if row["path"] == "down")
    assert (down["limited_by"], down["network_seconds"]) == ("network:tp", pytest.approx(576 / 12.5e9))


def test_a_step_of_a_pipeline_is_of_all_its_microbatches():
    """A forward is of one, as rows are: 128 bytes go on. A step has 8, and 8 gradients come back."""
    report = netscope.roofline(
        "tests.ranks.networks:gpipe", "h200", args=(netscope.TensorSpec((16, 16)),), mesh="pp=2"
    )
    assert report.ranks is not None
    assert report.roof is not None
    assert report.busiest_forward == ("NVLink", "pp", pytest.approx(128 / 450e9))
    assert report.busiest() == ("NVLink", "pp", pytest.approx(8 * 128 / 450e9))
    backward = 2 * 3 * 8 * 2 * 16 * 32 / report.roof.peak
    assert report.step_work_bound == pytest.approx(8 * report.rows_bound + backward)
