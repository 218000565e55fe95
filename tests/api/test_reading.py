"""What a `model` stands for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import netscope
from netscope import SourceError, TensorSpec, UsageError, Workload
from netscope.api import reading
from netscope.api.reading import FORMS, LISTED, read, reader
from netscope.base.request import Request
from netscope.report.report import Report
from netscope.sources import SOURCES
from tests.reports import relu, report

MADE = report("made", "Net", [relu("0", (1, 3))])

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("alexnet", "NAME"),
        ("torchvision/resnet50", "torchvision/NAME"),
        ("timm/resnet50", "timm/NAME"),
        ("hf/bert", "hf/MODEL_TYPE"),
        ("hf/some/config.json", "hf/path/config.json"),
        ("folder/net.py:make", "path/file.py:factory"),
        ("net.py", "path/file.py:factory"),
        ("package.module:make", "package.module:factory"),
        ("runs/report.json", "report.json"),
        ("main@net.py:make", "REVISION@SOURCE"),
        ("HEAD~2@report.json", "REVISION@SOURCE"),
    ],
)
def test_a_name_has_one_form(name: str, form: str) -> None:
    found = reader(name).form
    assert found is not None
    assert found.form == form
    assert reader(Path(name)).form is found


def test_every_form_is_told_to_people_once() -> None:
    assert len({form.form for form in FORMS}) == len(FORMS) == len(LISTED)
    assert set(LISTED) == set(FORMS)
    assert all(form.description for form in FORMS)
    assert [source.rank for source in SOURCES] == sorted(source.rank for source in SOURCES)


def test_a_listed_name_is_served_by_the_form_that_lists_it() -> None:
    for source in SOURCES:
        for name in source.names():
            assert reader(name).form is source, name


def test_what_it_is_is_known_before_anything_is_built() -> None:
    workload = Workload("x", nn.Linear(3, 3), (TensorSpec((2, 3)),))
    known = {
        "alexnet": (True, False, False, False),
        "a.json": (True, True, True, True),
        "old@a.json": (True, True, False, False),
    }
    for name, facts in known.items():
        found = reader(name)
        assert (found.named, found.ready, found.saved, found.has_input) == facts, name
    others: list[tuple[Any, tuple[bool, ...]]] = [
        (MADE, (False, True, True, True)),
        (workload, (False, False, False, True)),
        (nn.ReLU(), (False, False, False, False)),
    ]
    for model, facts in others:
        found = reader(model)
        assert (found.named, found.ready, found.saved, found.has_input) == facts


def test_reading_hands_back_a_workload_or_a_report(tmp_path: Path) -> None:
    MADE.to_json(tmp_path / "a.json")
    assert isinstance(read(tmp_path / "a.json"), Report)
    assert read(MADE) is MADE
    workload = read("lenet", Request(batch=3))
    assert isinstance(workload, Workload)
    assert workload.args == (TensorSpec((3, 1, 28, 28)),)
    assert read(workload) is workload
    with pytest.raises(UsageError, match=r"leave out input=, batch="):
        read(tmp_path / "a.json", Request(input="3", batch=2))


def test_a_verb_reads_a_name_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []
    zoo = next(source for source in SOURCES if source.title == "zoo")
    monkeypatch.chdir(tmp_path)

    class Counting:
        def accepts(self, name: str) -> bool:
            asked.append(name)
            return zoo.accepts(name)

        def read(self, name: str, request: Request) -> Workload:
            return zoo.read(name, request)

    monkeypatch.setattr(reading, "FORMS", (Counting(),))
    for verb, arguments in (
        (netscope.summary, ("lenet",)),
        (netscope.explain, ("lenet",)),
        (netscope.lint, ("lenet",)),
        (netscope.check, ("lenet", "params=1M")),
        (netscope.check_project, ("lenet", "params=1M")),
        (netscope.roofline, ("lenet", "h200")),
        (netscope.compare, (["lenet"],)),
        (netscope.diff, ("lenet", "mnist_cnn")),
    ):
        asked.clear()
        verb(*arguments)
        assert len(asked) == len(set(asked)) > 0, verb


@pytest.mark.parametrize("verb", ["profile", "roofline", "lint", "diff"])
def test_a_slip_is_told_before_torch_is_imported(verb: str) -> None:
    more = ", 'lenet'" if verb == "diff" else ", 'h200'" if verb == "roofline" else ""
    code = (
        "import sys, netscope\n"
        f"try: netscope.{verb}('alexnte'{more})\n"
        "except netscope.SourceError as error: print(error.message)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "Did you mean alexnet" in done.stdout
    assert done.stdout.endswith("\nFalse\n")


def test_what_is_no_name_and_no_network() -> None:
    with pytest.raises(SourceError, match="no model is named 'alexnte'"):
        reader("alexnte")
    with pytest.raises(UsageError, match="an int is no network"):
        read(3)  # type: ignore[arg-type]
