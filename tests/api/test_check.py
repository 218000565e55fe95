"""`netscope.check` and `netscope.check_project` as strangers call them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import netscope
from netscope import SourceError, UsageError
from netscope.answers.check import Checked, Outcome

# 8*4 + 4 + 4*2 + 2 = 46 parameters and 8*4 + 4*2 = 40 MACs; with a width of 5, 57 and 50.
PROJECT = """
[tool.netscope.models.small]
model = "nets.py:net"
input = "8"
max = { params = 46, macs = "40" }

[tool.netscope.models.wide]
model = "nets.py:net"
input = "8"
options = { width = 5 }
max = { params = 57 }
"""
NETS = """
from torch import nn

def net(width=4):
    return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 2))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that one does not stand in."""
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "deep").mkdir()
    return tmp_path


def test_all_of_a_project_from_anywhere(project: Path) -> None:
    before = Path.cwd()
    outcome = netscope.check_project(path=project / "deep")
    assert isinstance(outcome, Outcome)
    assert outcome.passed
    assert {checked.name: len(checked.verdicts) for checked in outcome} == {"small": 2, "wide": 1}
    assert Path.cwd() == before


def test_one_entry_and_what_stands_before_it(project: Path) -> None:
    assert netscope.check_project("wide", path=project).passed
    assert not netscope.check_project("wide", path=project, options={"width": 6}).passed
    (checked,) = netscope.check_project("small", "output_bytes<1", path=project, batch=3)
    assert checked.report is not None
    assert checked.report.inputs[0].shape == (3, 8)
    assert [verdict.passed for verdict in checked.verdicts] == [True, False, False]


def test_against_is_seen_from_where_one_stands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "deep")
    netscope.summary("../nets.py:net", input="8").to_json("base.json")
    changed = netscope.check_project("wide", against="base.json", fail_if="params>+23%")  # 46 -> 57
    assert not changed.passed
    assert netscope.check_project("small", against="base.json", fail_if=["changed"]).passed


def test_a_name_that_no_entry_has_is_a_model(project: Path) -> None:
    (checked,) = netscope.check_project("lenet", "params=61_610", path=project)
    assert checked.passed
    assert (checked.name, checked.report and checked.report.params) == ("lenet", 61_610)


def test_one_that_cannot_be_traced_keeps_what_was_raised(project: Path) -> None:
    (project / "pyproject.toml").write_text(PROJECT.replace("nets.py:net", "nets.py:nte", 1))
    outcome = netscope.check_project(path=project)
    broken, wide = outcome
    assert isinstance(broken.failure, SourceError)
    assert broken.error == broken.failure.message == "nets.py has no 'nte'. Did you mean net?"
    assert broken == Checked("small", None, error=broken.error)
    assert (wide.passed, wide.failure, outcome.passed) == (True, None, False)
    with pytest.raises(SourceError, match="has no 'nte'"):
        netscope.check_project("small", path=project)


def test_a_wrong_call(tmp_path: Path, project: Path) -> None:
    with pytest.raises(UsageError, match=r"fail_if= needs a model"):
        netscope.check_project(fail_if="changed", path=project)
    with pytest.raises(UsageError, match=r"batch= needs a model"):
        netscope.check_project(batch=0, path=project)
    (tmp_path / "alone").mkdir()
    if not any((folder / "pyproject.toml").exists() for folder in Path(os.sep, "tmp").parents):
        (project / "pyproject.toml").write_text("[project]\n")
        with pytest.raises(UsageError, match=r"no pyproject.toml here, or above"):
            netscope.check_project(path=project)
    with pytest.raises(UsageError, match="there is nothing to check"):
        netscope.check("no_such_net")
