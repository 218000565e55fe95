from __future__ import annotations

import json

import pytest

from netscope import show
from netscope.report import store
from netscope.report.report import Report
from netscope.show.page import Document
from tests.reports import alexnet, stack
from tests.show import answers as made
from tests.show.answers import answers


@pytest.mark.parametrize("whole", [stack(), made.profile()], ids=["summary", "profile"])
def test_it_is_the_whole_report_whatever_is_shown(whole: Report) -> None:
    text = whole.to_json(depth=1, columns=["params"])
    assert store.from_dict(json.loads(text)) == whole
    assert text == whole.to_json()


@pytest.mark.parametrize("kind", answers())
def test_what_it_is_of_comes_first_and_items_have_a_line_each(kind: str) -> None:
    """So that a diff of two files shows which layers changed."""
    answer = answers()[kind]
    text = answer.to_json()
    whole = json.loads(text)
    document: Document = show.page_of(answer).document()
    lines = [line.strip().rstrip(",") for line in text.splitlines()]
    items = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    assert [item for item in items if item in whole[document.rows]] == whole[document.rows] != []
    if not isinstance(answer, Report):
        assert list(whole)[:2] == ["schema_version", "kind"]


def test_a_written_file_is_the_text(tmp_path) -> None:
    path = tmp_path / "report.json"
    assert alexnet().to_json() == alexnet().to_json(path) == path.read_text()
    assert store.load(path) == alexnet()
