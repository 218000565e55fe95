"""The table of the house: what is measured without running anything, and its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import house


def planted(lines: int, *places: str, root: Path) -> Path:
    for place in places:
        path = root / "netscope" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n" * lines, encoding="utf-8")
    return root / "netscope"


def test_lines_of_show_are_those_of_its_folder(tmp_path: Path):
    package = planted(
        10, "show/page.py", "show/formats/csv.py", "show/schema.json", "api/x.py", root=tmp_path
    )
    assert house.lines_of_show(package) == 20


def test_before_there_was_a_folder_they_are_those_of_its_parts(tmp_path: Path):
    package = planted(10, "render/csv.py", "columns/x.py", "table.py", "tree.py", "api.py", root=tmp_path)
    assert house.lines_of_show(package) == 40


def test_the_table_has_a_column_for_each_house():
    one = house.House(
        files=3,
        folders=12,
        modules=200,
        edges=(30, 40),
        rooms_in_circles=([], [4, 2]),
        circles=[(6, True), (3, False)],
        loaded=100,
        own_ns=50e6,
        torch_ns=1e9,
        show=5_000,
        readme=9_999,
    )
    text = house.table({"before": one, "now": one}, 9)
    assert "| | before | now |\n|---|---|---|\n" in text
    for line in (
        "names at the top level | 15 (3 files, 12 folders) |",
        "edges between rooms, inside functions too | 40 |",
        "circles of rooms, at import | 0 |",
        "circles of rooms, inside functions too | 2 (of 4, 2 rooms) |",
        "circles of modules, inside functions too | 6 within a folder, 3 across folders |",
        "their CPU time | 50.0 ms |",
        "the same, of the CPU time of `import torch` | 5.0% (of 1000 ms) |",
        "README | 9,999 bytes |",
    ):
        assert line in text
    assert "Medians of\n9 fresh processes" in text


def test_a_command_that_ran_from_elsewhere_is_not_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    told = {"own": {}, "loaded": [], "code": 0, "where": "/elsewhere/netscope/__init__.py"}
    monkeypatch.setattr(house, "_probed", lambda *arguments: told)
    with pytest.raises(RuntimeError, match="did not run from"):
        house.heaviest(tmp_path)


@pytest.mark.whole
def test_the_probe_puts_time_down_to_netscope_alone():
    spent = house._loaded(house.ROOT)
    assert {"netscope", "netscope.cli", "netscope.cli.app"} <= spent.spent.keys()
    assert spent.modules <= len(spent.spent)
    # Torch's own import takes many times as long, and is imported by modules of netscope.
    assert 0 < spent.ns < 5e8
