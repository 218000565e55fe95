"""Two checkouts beside each other: turns, ratios and the table, without measuring anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import against
from bench.against import TAKES, Compared
from bench.call import Call, Measured


def measured(first: float, second: float = 1e-3) -> Measured:
    calls = (Call(wall, wall / 2, 0.0, 0, 0) for wall in (first, second))
    return Measured("netscope", "x", 1, (), 0.1, *calls)


def test_ratios_are_taken_round_by_round():
    compared = Compared("x", (measured(1e-3), measured(4e-3)), (measured(2e-3), measured(2e-3)))
    assert compared.ratios(TAKES["first, wall"]).values == (2.0, 0.5)
    assert compared.ratios(TAKES["warm, CPU"]).values == (1.0, 1.0)


def test_who_comes_first_changes_and_the_first_round_is_not_kept(monkeypatch: pytest.MonkeyPatch):
    order: list[str] = []

    def child(tree: Path, name: str) -> Measured:
        order.append(tree.name)
        return measured(len(order))

    monkeypatch.setattr(against, "_child", child)
    found = against.compare(Path("old"), Path("new"), "alexnet", 2)
    assert order == ["new", "old", "old", "new", "new", "old"]
    assert [run.first.wall for run in found.before] == [3, 6]
    assert [run.first.wall for run in found.now] == [4, 5]


def test_all_networks_together_are_a_geometric_mean():
    quick = Compared("quick", (measured(1e-3),) * 3, (measured(2e-3),) * 3)
    slow = Compared("slow", (measured(1.0),) * 3, (measured(8.0),) * 3)
    lines = against.report([quick, slow]).splitlines()
    assert "| all 2, geometric mean | first, wall |  |  | 4.000 | 4.000 to 4.000 |" in lines
    assert "| `slow` | first, wall | 1.00 s | 8.00 s | 8.000 | 8.000 to 8.000 |" in lines
    # Two rounds say nothing about their scatter.
    few = against.report([Compared("few", quick.before[:2], quick.now[:2])])
    assert "| `few` | first, wall | 1.00 ms | 2.00 ms | 2.000 |  |" in few


def test_what_is_no_checkout_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        against.main([str(tmp_path)])
    assert "is no checkout of netscope" in capsys.readouterr().err
