"""Commands that take a mesh, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netscope.cli import main
from tests.ranks.figures import FIGURES

MLP = ("tests.ranks.networks:mlp", "--input", "16", "--batch", "6", "--mesh", "tp=4")


def test_summary_of_one_rank_and_of_all(tmp_path: Path) -> None:
    out = tmp_path / "rank.json"
    for rank, known in (("2", 2), ("all", 0)):
        assert main(["summary", *MLP, "--rank", rank, "-o", str(out)]) == 0
        kept = json.loads(out.read_text())
        figures = FIGURES["mlp"]((4,), known)
        assert kept["ranks"]["rank"] == known
        assert kept["totals"]["macs"] == figures.macs
        assert kept["totals"]["wire_bytes"] == sum(one.wire_bytes for one in figures.traffic)


def test_a_limit_on_what_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    wire = sum(one.wire_bytes for one in FIGURES["mlp"]((4,), 0).traffic)
    assert main(["check", *MLP, "--max", f"wire_bytes={wire}"]) == 0
    assert main(["check", *MLP, "--max", f"wire_bytes={wire - 1}"]) == 1
    assert "on the wire" in capsys.readouterr().out


def test_a_project_says_how_its_network_is_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = sum(one.wire_bytes for one in FIGURES["mlp"]((4,), 0).traffic)
    entry = f"""
        [tool.netscope.models.mlp]
        model = "{Path(__file__).with_name("networks.py")}:mlp"
        input = "16"
        batch = 6
        mesh = "tp=4"
        rank = 3
        expect = {{ wire_bytes = {wire} }}
    """
    (tmp_path / "pyproject.toml").write_text(entry)
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 0
    assert main(["check", "mlp", "--mesh", "tp=2", "--rank", "0"]) == 1
    (tmp_path / "pyproject.toml").write_text(entry.replace("tp=4", "tp=0"))
    assert main(["check"]) == 2


def test_a_diff_of_two_meshes(tmp_path: Path) -> None:
    out = tmp_path / "plans.json"
    main(["diff", *MLP, "--mesh-b", "tp=2", "-o", str(out)])
    plans = json.loads(out.read_text())["plans"]
    assert (plans["before"]["world"], plans["after"]["world"]) == (4, 2)
    (down,) = [row for row in plans["sent"] if row["phase"] == "forward"]
    # An all_reduce of 384 bytes: 3/4 of it twice, then 1/2.
    assert (down["wire_bytes"]["before"], down["wire_bytes"]["after"]) == (576, 384)


def test_a_limit_holds_for_all_ranks_or_for_the_one_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    more = ("check", "tests.ranks.scripts:first_has_more", "--input", "16", "--mesh", "tp=4", "--rank")
    assert main([*more, "1", "--max", "params<=256"]) == 0
    for asked in (["all"], ["0"]):
        assert main([*more, *asked, "--max", "params<=256"]) == 1
    assert main([*more[:-1], "--max", "params>=512"]) == 1
    assert "rank 1 has the least" in capsys.readouterr().out
    assert main([*more, "all", "--train", "--max", "training_peak<=1GiB"]) == 0
    assert main([*more, "all", "--train", "--max", "training_peak<=1KiB"]) == 1
