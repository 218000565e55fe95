"""What the public score is made of: verdicts, the report, resuming, and processes that end alone."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tools import reports
from tools.coverage import families, report, results, server
from tools.coverage.families import Family
from tools.coverage.results import Results


def network(name: str, **found: Any) -> dict[str, Any]:
    """As it stands in the file: AlexNet-like figures, and FlopCounterMode agrees."""
    about = {"family": "timm", "state": "s", "version": "1.0", "name": name}
    figures = {"seconds": 0.5, "rung": "meta", "layers": 9, "params": 100, "macs": 1000}
    said = {
        "oracles": {"parameters": {"agreement": "equal", "says": 100}, "flop_counter": {"agreement": "equal"}}
    }
    return about | {key: value for key, value in (figures | said | found).items() if value is not None}


def said(agreement: str, **more: Any) -> dict[str, Any]:
    return {"flop_counter": {"agreement": agreement, **more}}


DIFFERING = network("b", oracles=said("differs", says=990))
EXPLAINED = network("c", oracles=said("explained", says=900, why="has no formula for lstm ×2, mv ×1 (-100)"))
PUBLISHED = network(
    "d", oracles=said("differs", says=9) | {"published_macs": {"agreement": "close", "says": 1001}}
)
BOUND = network("e", macs=None, at_least=1000, uncounted={"mylib.f": 3}, seconds=12.5)
SILENT = network("f", oracles=said("silent", why="RuntimeError: no"), rung="real", why="needs values in g_1")
FAILED = {
    "family": "timm",
    "state": "s",
    "version": "1.0",
    "name": "g",
    "seconds": 1.0,
    "failed": "build",
    "error": "timm/g could not be built: TypeError: x",
}
WRONG = network("h", oracles={"parameters": {"agreement": "differs", "says": 99}, **said("equal", says=1000)})


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (network("a"), "FlopCounterMode"),
        (DIFFERING, "differs"),
        (EXPLAINED, "explained"),
        (PUBLISHED, "published"),
        (BOUND, "lower bound"),
        (SILENT, "no oracle"),
        (FAILED, "not summarised"),
        (WRONG, "differs"),
        (network("i", oracles={}), "no oracle"),
    ],
)
def test_the_verdict_on_a_network(record: dict[str, Any], verdict: str) -> None:
    assert report.verdict(record) == verdict


def measured(path: Path, *networks: dict[str, Any]) -> Results:
    found = Results(path)
    names = [record["name"] for record in networks]
    found.add({"family": "timm", "state": "s", "version": "1.0", "names": [*names, "later"]})
    found.add({"family": "broken", "state": "s", "version": "2.0", "error": "ImportError: no"})
    for record in networks:
        found.add(record)
    return found


ALL = (network("a"), DIFFERING, EXPLAINED, PUBLISHED, BOUND, SILENT, FAILED, WRONG)


def document(path: Path, *networks: dict[str, Any]) -> dict[str, Any]:
    found = measured(path, *networks)
    return results.document(found, ["timm", "broken"], {"other 1.0": "too old"}, {"torch": "2.14"})


def test_the_report_counts_verified_networks_and_names_the_rest(tmp_path: Path) -> None:
    text = report.text_of(document(tmp_path / "r.jsonl", *ALL))
    assert (
        "**8 architectures, 7 summarised, 3 verified: 1 by FlopCounterMode, 1 by it with every difference "
        "explained, 1 by torchvision's published figures. The rest are named below: 2 that differ, "
        "1 lower bounds, 1 without an oracle, 1 not summarised.**"
    ) in text
    #             networks, summarised, meta, fake, real, then the verdicts
    assert "| timm 1.0 | 8 | 7 | 6 | 0 | 1 | 1 | 1 | 1 | 2 | 1 | 1 | 0.50 | 12.5 s e |" in text
    assert "Not asked yet, of those that the libraries list: 1." in text
    for line in (
        "- `timm/g`: build: it could not be built: TypeError: x",
        "- `timm/b`: FlopCounterMode says 990, ours is 1,000",
        "- `timm/h`: `module.parameters()` says 99, ours is 100",
        "- `timm/d`, published: FlopCounterMode says 9, ours is 1,000",
        "- `timm/e`: mylib.f ×3",
        "- `timm/f`: RuntimeError: no",
        "| has no formula for lstm, mv | 1 |",
        "| `mylib.f` | 1 | timm/e |",
        "| real: needs values in g\\_1 | 1 | timm/f |",
        "| `timm/e` | 12.5 | 9 |",
        "- broken 2.0: ImportError: no",
        "- other 1.0: too old",
    ):
        assert line in text


def test_the_report_follows_from_its_file(tmp_path: Path) -> None:
    made = document(tmp_path / "r.jsonl", *ALL)
    read = json.loads(results.text_of(made))
    assert read == made
    assert report.text_of(read) == report.text_of(made)


def test_the_order_of_measuring_does_not_matter(tmp_path: Path) -> None:
    there, back = document(tmp_path / "a", *ALL), document(tmp_path / "b", *reversed(ALL))
    assert there["networks"] == back["networks"]


def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    measured(tmp_path / "r.jsonl", network("a"), FAILED, SILENT)
    found = Results(tmp_path / "r.jsonl")
    assert found.has("timm", "a", "s", "1.0", again=True)
    assert not found.has("timm", "later", "s", "1.0", again=False)
    assert not found.has("timm", "a", "s", "1.1", again=False)
    assert not found.has("timm", "a", "other", "1.0", again=False)
    assert found.has("timm", "a", None, "1.0", again=False)
    assert found.has("timm", "g", "s", "1.0", again=False)
    assert not found.has("timm", "g", "s", "1.0", again=True)
    assert not found.has("timm", "f", "s", "1.0", again=True)


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    measured(path, network("a"), network("b"))
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    found = Results(path)
    assert "timm/a" in found.networks
    assert "timm/b" not in found.networks
    found.add(network("c"))
    assert Results(path).networks.keys() == {"timm/a", "timm/c"}


def test_the_last_line_of_a_network_counts(tmp_path: Path) -> None:
    found = measured(tmp_path / "r.jsonl", FAILED, network("g"))
    assert Results(found.path).networks["timm/g"]["macs"] == 1000


def of_lines(monkeypatch: pytest.MonkeyPatch, *lines: str, seconds: float = 5.0) -> dict[str, Any]:
    """What becomes of a network whose process does these."""

    def measure(family: Any, name: str, tell: Any, more_time: Any) -> None:
        for line in lines:
            exec(line, {"os": os, "tell": tell})  # noqa: S102 - our own text

    monkeypatch.setattr(server, "measured", measure)
    family = Family("zoo", ("netscope",), list, lambda name: None)
    return server._forked(family, "alexnet", seconds, 4096)


SUMMARY = "tell({'seconds': 0.1, 'macs': 7})"


def test_a_process_tells_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_lines(monkeypatch, SUMMARY, "tell({'oracles': {}})")
    assert found == {"name": "alexnet", "seconds": 0.1, "macs": 7, "oracles": {}}


def test_a_process_that_dies_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_lines(monkeypatch, "os.abort()")
    assert (found["failed"], found["error"]) == ("crash", "its process died of SIGABRT")


def test_one_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_lines(monkeypatch, "while True: pass", seconds=0.2)
    assert (found["failed"], found["error"]) == ("limit", "not done after 0.2 s")


def test_what_was_told_before_an_oracle_died_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_lines(monkeypatch, SUMMARY, "os.abort()")
    assert found["macs"] == 7
    assert report.verdict({"family": "zoo", **found}) == "no oracle"


def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_lines(monkeypatch, "bytearray(5 << 30)", SUMMARY)
    assert found["failed"] == "crash"


def packages() -> list[tuple[str, ...]]:
    """What each file of a package says it is from, read without importing it."""
    found = []
    for path in sorted(families.PACKAGES.glob("of_*.py")):
        assigned = {
            node.targets[0].id: node.value
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        assert "NETWORKS" in assigned, path.name
        found.append(ast.literal_eval(assigned["DISTRIBUTIONS"]))
    return found


def test_every_package_is_pinned_and_there_are_enough() -> None:
    text = (families.PACKAGES.parent / "requirements.txt").read_text(encoding="utf-8")
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in text.splitlines() if "==" in line}
    named = [name for distributions in packages() for name in distributions]
    assert [name for name in named if name not in pinned] == []
    assert len(named) == len(set(named)) >= 25


def test_nothing_brings_another_torch() -> None:
    text = (families.PACKAGES.parent / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r"(?mi)^(?:torch|torchvision|triton|nvidia-c.*|timm|transformers|numpy)==", text) == []


def test_a_zoo_network_is_held_beside_its_oracles() -> None:
    """LeNet: 61,706 parameters, 416,520 MACs, as the seed models have it by hand."""
    from tools.coverage.families import family
    from tools.coverage.measure import measured

    told: dict[str, Any] = {}
    measured(family("zoo"), "lenet", told.update, lambda: None)
    seeds = json.loads(Path("tests/data/seed_models.json").read_text(encoding="utf-8"))
    assert (told["params"], told["macs"]) == (seeds["lenet"]["params"], seeds["lenet"]["macs"])
    assert told["oracles"]["flop_counter"] == {"agreement": "equal", "says": seeds["lenet"]["macs"]}
    assert report.verdict({"family": "zoo", "name": "lenet", **told}) == "FlopCounterMode"


def test_a_planted_wrong_formula_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One multiply-accumulate too many, and the score says so."""
    from netscope.report.report import Report
    from tools.coverage.families import family
    from tools.coverage.measure import measured

    right = Report.macs.fget
    assert right is not None
    monkeypatch.setattr(Report, "macs", property(lambda self: right(self) + 1))
    monkeypatch.setattr("tools.coverage.oracles._verified", lambda *_: None)
    told: dict[str, Any] = {}
    measured(family("zoo"), "lenet", told.update, lambda: None)
    assert report.verdict({"family": "zoo", "name": "lenet", **told}) == "differs"


def test_the_committed_report_is_of_the_committed_figures() -> None:
    path = reports.FOLDER / "coverage.json"
    if not path.is_file():
        pytest.skip("nothing was measured yet")
    made = json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".md").read_text(encoding="utf-8") == report.text_of(made), "run `make reports`"
