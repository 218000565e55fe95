"""The pytest plugin, driven by pytest inside pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from netscope.testing import golden
from tests.reports import alexnet

pytestmark = pytest.mark.whole

pytest_plugins = ("pytester",)

ROOT = Path(__file__).parents[1]
# No `import torch`: a report is made by hand, so that these runs take a tenth of a second.
NETS = """
import pytest
from tests.reports import linear, report

def net(more=0, name="fc"):
    return report("net", "Net", [linear(name, (1, 4), (1, 4 + more))])
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return pytester


def write(project: pytest.Pytester, body: str) -> Path:
    return project.makepyfile(test_net=NETS + body)


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    plugins = ["-p", "netscope.pytest_plugin", "-p", "no:randomly"]
    return project.runpytest_inprocess(*plugins, "--import-mode=importlib", *arguments)


UNCHANGED = """
def test_it(netscope):
    netscope.assert_unchanged(net({more}))
"""


def test_a_missing_golden_file_says_what_to_type(project: pytest.Pytester):
    write(project, UNCHANGED.format(more=0))
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "there is no golden file __netscope__/test_net/test_it.json.",
            "write it: pytest test_net.py::test_it --netscope-update",
        ]
    )
    assert not (project.path / "__netscope__").exists()


def test_update_writes_and_then_nothing_differs(project: pytest.Pytester):
    write(project, UNCHANGED.format(more=0))
    result = run(project, "--netscope-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["written: __netscope__/test_net/test_it.json"])
    run(project).assert_outcomes(passed=1)
    again = run(project, "--netscope-update")
    again.assert_outcomes(passed=1)
    again.stdout.no_fnmatch_line("*written*")


def test_a_change_fails_until_it_is_accepted(project: pytest.Pytester):
    write(project, UNCHANGED.format(more=0))
    run(project, "--netscope-update")
    write(project, UNCHANGED.format(more=1))
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "net is not as in __netscope__/test_net/test_it.json:",
            "accept it: pytest test_net.py::test_it --netscope-update",
        ]
    )
    run(project, "--netscope-update").assert_outcomes(passed=1)
    run(project).assert_outcomes(passed=1)


def test_parameters_classes_and_several_calls_have_files_of_their_own(project: pytest.Pytester):
    write(
        project,
        """
@pytest.mark.parametrize("more", [1, 2])
def test_it(netscope, more):
    netscope.assert_unchanged(net(more))
    netscope.assert_unchanged(net(more + 1))
    netscope.assert_unchanged(net(more + 2), name="big one")

class TestNet:
    def test_it(self, netscope):
        netscope.assert_unchanged(net())

def test_twice(netscope):
    netscope.assert_unchanged(net(), name="a")
    with pytest.raises(ValueError, match="name='a' is used twice"):
        netscope.assert_unchanged(net(), name="a")
""",
    )
    run(project, "--netscope-update").assert_outcomes(passed=4)
    folder = project.path / "__netscope__" / "test_net"
    names = sorted(path.name.partition("-")[0] for path in folder.iterdir())
    several = [f"test_it[{n}]{rest}" for n in (1, 2) for rest in (".2.json", ".big_one", ".json")]
    assert names == sorted(["TestNet.test_it.json", "test_twice.a.json", *several])
    run(project).assert_outcomes(passed=4)


def test_a_file_that_is_broken_is_told_and_replaced(project: pytest.Pytester):
    write(project, UNCHANGED.format(more=0))
    run(project, "--netscope-update")
    path = project.path / "__netscope__" / "test_net" / "test_it.json"
    path.write_text(path.read_text()[:100])
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_it.json*this is not JSON*", "write it anew: pytest *"])
    run(project, "--netscope-update").assert_outcomes(passed=1)
    assert json.loads(path.read_text())["name"] == "net"


def test_a_folder_that_cannot_be_made_is_told(project: pytest.Pytester):
    write(project, UNCHANGED.format(more=0))
    (project.path / "__netscope__").write_text("in the way")
    result = run(project, "--netscope-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["cannot make the folder *__netscope__?test_net: *"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_closed_folder_is_told(project: pytest.Pytester):
    write(project, UNCHANGED.format(more=0))
    (project.path / "__netscope__" / "test_net").mkdir(parents=True)
    (project.path / "__netscope__" / "test_net").chmod(0o500)
    result = run(project, "--netscope-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["cannot write *test_it.json*: Permission denied."])


def test_what_is_left_over_is_named_and_kept(project: pytest.Pytester):
    write(project, UNCHANGED.format(more=0) + UNCHANGED.format(more=1).replace("test_it", "test_other"))
    run(project, "--netscope-update")
    gone = project.path / "__netscope__" / "test_gone" / "test_it.json"
    gone.parent.mkdir()
    gone.write_text("{}")
    write(project, UNCHANGED.format(more=0))
    result = run(project, "--netscope-update", "-k", "nothing")  # what -k leaves out is still a test
    result.stdout.fnmatch_lines(
        [
            "left over, no test has them: __netscope__/test_gone/test_it.json",
            "left over, no test has them: __netscope__/test_net/test_other.json",
        ]
    )
    result.stdout.no_fnmatch_line("*test_net/test_it.json")
    assert gone.exists()
    run(project, "--netscope-update", "test_net.py::test_it").stdout.no_fnmatch_line("*left over*")


def test_the_other_assertions(project: pytest.Pytester):
    write(
        project,
        """
def test_it(netscope):
    netscope.assert_shapes(net(), {"fc": ("N", 4)})
    netscope.assert_params(net(), 20)
    netscope.assert_macs(net(), {"fc": 16})
    netscope.assert_budget(net(), params="20", macs="<=16")

def test_budget(netscope):
    netscope.assert_budget(net(), params="19")
""",
    )
    result = run(project)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E *✗ *params * ≤ 19 * 20 *"])


def test_workers_write_whole_files_and_tell_of_them(project: pytest.Pytester):
    write(
        project,
        """
@pytest.mark.parametrize("more", range(6))
def test_it(netscope, more):
    netscope.assert_unchanged(net(more))
""",
    )
    result = project.runpytest_subprocess("-p", "netscope.pytest_plugin", "-n", "2", "--netscope-update")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines([f"written: __netscope__/test_net/test_it[[]{n}].json" for n in range(6)])
    assert len(list((project.path / "__netscope__" / "test_net").iterdir())) == 6
    run(project).assert_outcomes(passed=6)


def test_it_is_quiet_and_light_when_unused(project: pytest.Pytester):
    project.makepyfile(
        test_nothing="""
import sys

def test_nothing():
    assert "netscope.pytest_plugin" in sys.modules
    heavy = {"torch", "pandas", "numpy", "rapidfuzz", "rich", "netscope.report.layer", "netscope.testing"}
    assert heavy.isdisjoint(sys.modules)
"""
    )
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "netscope.pytest_plugin"],
        capture_output=True,
        text=True,
        check=False,
        cwd=project.path,
        env=environment,
    )
    assert done.returncode == 0, done.stdout
    assert "netscope" not in done.stdout


def test_what_may_vary_is_not_kept(tmp_path: Path):
    path = golden.path_of(tmp_path / "test_net.py", "test_it")
    golden.write(path, replace(alexnet(), trace_seconds=1.5, environment={"torch": "1"}, rung="real"))
    other = replace(alexnet(), trace_seconds=2.5, environment={"torch": "2"}, rung="fake", rung_reason="x")
    assert golden.changes(path, other) is None
    text = path.read_text()
    golden.write(path, other)
    assert path.read_text() == text


def test_a_figure_can_change_though_no_layer_does(tmp_path: Path):
    path = golden.path_of(tmp_path / "test_net.py", "test_it")
    golden.write(path, alexnet())
    layers = alexnet().layers
    dearer = replace(layers[0], macs=layers[0].macs + 1)
    assert golden.changes(path, replace(alexnet(), layers=(dearer, *layers[1:]))) is not None


def test_names_of_files_never_meet_and_are_never_too_long():
    test_file = Path("tests/test_net.py")
    names = ["a/b", "a_b", "a:b", "a b", "x" * 300, "x" * 301, "ü", "../../etc", "", "a.b", "字" * 90]
    paths = [golden.path_of(test_file, name) for name in names]
    assert len(set(paths)) == len(names)
    for path in [*paths, golden.path_of(test_file, "字" * 90, "ü" * 300)]:
        assert path.parent == Path("tests/__netscope__/test_net")
        assert len(path.name.encode()) <= 255


PARTIAL = """
import torch, pytest
import netscope as netscope_
from tests.partial import Fails, NUMPY, THREAD, failed, unseen

def test_failed(netscope):
    netscope.assert_unchanged(failed(Fails(), torch.zeros(1, 8)))

def test_unseen(netscope):
    netscope.assert_unchanged(unseen(("head", {words})))
"""


def test_a_failed_forward_is_no_golden_file_and_unseen_work_is_told(project: pytest.Pytester):
    project.makepyfile(test_net=PARTIAL.format(words="NUMPY"))
    for arguments in (["--netscope-update"], []):
        result = run(project, *arguments)
        result.assert_outcomes(failed=1, passed=1, warnings=1)
        result.stdout.fnmatch_lines(["*its forward failed, body.1 raised RuntimeError*"])
        result.stdout.fnmatch_lines(["*which is partial: not seen: head: arithmetic in numpy*"])
    files = {path.name for path in project.path.rglob("__netscope__/*/*.json")}
    assert files == {"test_unseen.json"}
    project.makepyfile(test_net=PARTIAL.format(words="THREAD"))
    result = run(project)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*uncounted work in a thread of its own*"])
