"""Every answer in every format: all are there, all are safe, whatever names a network brings."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netscope import show
from netscope.answers.explain import explain
from netscope.base.errors import UsageError
from netscope.report.report import Report
from netscope.show.formats import DEFAULT, by_suffix, find, formats, names
from tests.report.store.test_store import REPORT
from tests.reports import alexnet
from tests.show.answers import answers

KINDS = list(answers())

# How a name reads where nothing is escaped but what moves a cursor or breaks a line.
NASTY = {
    "[bold]red[/bold]": "[bold]red[/bold]",
    "a|b": "a|b",
    "<script>alert('1')</script>": "<script>alert('1')</script>",
    "--><b>": "--><b>",
    "`tick``": "`tick``",
    "**b** [l](u) &amp;": "**b** [l](u) &amp;",
    "x\ny\r": r"x\ny\r",
    "\x1b[31mred\x07": r"\x1b[31mred\x07",
    "\u202eevil": r"\u202eevil",
    "\ud800": r"\ud800",
    "begin" + "q" * 10_000 + "end": "beginqqqq",
}
READ = ("table", "markdown", "html")
# Formats of pictures alone refuse answers without one.
PICTURES = ("mermaid", "svg", "png")
TEXTS = [name for name in names() if name not in PICTURES]


def ids(name: str) -> str:
    return ascii(name)[:24]


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_is_to_be_had_in_every_format(kind: str) -> None:
    answer = answers()[kind]
    for name in TEXTS:
        text = answer.to(name)
        assert text.endswith("\n")
        assert ("batch" if kind == "curve" else "net") in text
    assert str(answer) == show.text(answer, "table", width=100).rstrip("\n")
    assert answer.to_markdown() == answer.to("markdown")
    assert answer.to_csv() == answer.to("csv")
    assert answer.to_html() == answer.to("html")
    assert json.loads(answer.to_json())["schema_version"]


def test_every_kind_of_answer_and_every_page_is_tried_here() -> None:
    package = Path(show.__file__).parents[1]
    sources = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    kinds = {name for text in sources for name in re.findall(r"^class (\w+)\(Answer\)", text, re.MULTILINE)}
    assert {type(answer).__name__ for answer in answers().values()} == kinds
    modules = [import_module(f"netscope.show.{module.name}") for module in iter_modules(show.__path__)]
    pages = {module.__name__.rpartition(".")[2] for module in modules if hasattr(module, "page")}
    assert {answer.verb for answer in answers().values()} == pages


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_has_the_rows_and_the_columns_of_the_csv(kind: str) -> None:
    answer = answers()[kind]
    rows = list(csv.DictReader(io.StringIO(answer.to_csv())))
    assert rows
    frame = answer.to_pandas()
    assert list(rows[0]) == ["schema_version", *frame.columns]
    assert len(frame) == len(rows)
    assert {row["schema_version"] for row in rows} == {str(frame.attrs["schema_version"])}


@pytest.mark.parametrize("name", NASTY, ids=ids)
def test_names_are_shown_as_they_are_and_do_nothing(name: str) -> None:
    plain = answers()
    for kind, answer in answers(name).items():
        text = {format: answer.to(format) for format in TEXTS}
        for form in READ:
            assert text[form].replace("\n", "").isprintable(), (kind, form)
            text[form].encode()
        assert NASTY[name][:40] in " ".join(show.text(answer, "table").split()), kind
        # What is long is wrapped where somebody looks on; off a screen a line stays one.
        assert text["table"].count("\n") == plain[kind].to("table").count("\n"), kind
        if len(name) < 1000:
            assert text["html"].count("<") == plain[kind].to_html().count("<"), kind
        assert "<script" not in without_scripts(text["html"])
        assert "<script" not in answer._repr_html_()
        assert "<script" not in re.sub(r"<!--.*?-->|(`+).*?\1", "", text["markdown"])
        assert cells(text["markdown"]) == cells(plain[kind].to_markdown()), kind
        list(csv.reader(io.StringIO(text["csv"])))
        json.loads(text["json"])


def without_scripts(page: str) -> str:
    """What a browser neither runs nor reads as data."""
    return re.sub(
        r"<script[^>]*>[^<]*</script>", "", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    )


def cells(markdown: str) -> list[int]:
    """How many cells each row of a table has."""
    return [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in markdown.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", NASTY, ids=ids)
def test_names_come_back_from_data_as_they_are(name: str) -> None:
    summary = answers(name)["summary"]
    assert json.loads(summary.to_json())["name"] == name
    rows = list(csv.DictReader(io.StringIO(summary.to("csv_raw"), newline="")))
    assert rows[1]["path"] == name.encode("utf-8", "backslashreplace").decode()
    assert summary.to_pandas()["path"][1] == name


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_script_runs_and_nothing_is_loaded(kind: str) -> None:
    page = answers()[kind].to_html()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "script-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    rest = without_scripts(page)
    assert not re.search(r"<(script|img|link|iframe|object)|\bsrc=|href=|\bon\w+=|url\(", rest)
    # Nothing in the script asks for anything, or makes elements of text.
    assert not re.search(
        r"innerHTML|insertAdjacent|document\.write|\beval\(|fetch\(|XMLHttp|import\(", script
    )


@given(whole=REPORT, fold=st.booleans(), width=st.integers(1, 200))
@settings(max_examples=60)
def test_no_report_that_can_be_loaded_breaks_a_format(whole: Report, fold: bool, width: int) -> None:
    view: dict[str, Any] = {} if whole.knows_machine else {"fold": fold}
    for answer, how in ((whole, view), (explain(whole), {})):
        for name in TEXTS:
            text = show.text(answer, name, width=width, **how)
            text.encode()
            if name in READ:
                assert text.replace("\n", "").isprintable()
    assert "\x1b" not in whole._repr_html_()


@pytest.mark.parametrize("name", ["net", "</iframe><script>alert(1)</script>", "\"'&quot;"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_shows_a_page_of_pictures_on_its_own(kind: str, name: str) -> None:
    """Within a frame that runs scripts and reaches nothing around it; anything else is an element.

    A notebook's file keeps it, so the answer is not in it once more, nor what stands there without a script.
    """
    answer = answers(name)[kind]
    frame = re.fullmatch(
        r'<iframe title="[^"<>]*" srcdoc="([^"<>]*)" sandbox="([^"]*)" allow="[^"]*" style="[^"]*">'
        r"</iframe>\n",
        answer._repr_html_(),
    )
    if frame is None:
        assert kind not in ("profile", "roofline", "memory", "curve")
        assert answer._repr_html_().startswith("<div ")
        return
    framed, whole = html.unescape(frame[1]), answer.to_html()
    assert framed.partition("<body>")[0] == whole.partition("<body>")[0]
    assert ('id="answer"' in framed, 'id="answer"' in whole) == (False, True)
    assert "<noscript>" not in framed
    assert frame[2] == "allow-scripts"


# The formats themselves


def test_each_says_what_it_is_and_which_files_are_of_it() -> None:
    assert list(formats()) == names()
    assert names()[0] == DEFAULT
    ends = [suffix for form in formats().values() for suffix in form.suffixes]
    assert len(ends) == len(set(ends)), "a file's name means one format"
    for form in formats().values():
        assert form.help
        assert form.suffixes[0].startswith(".")
        assert all(by_suffix(suffix.upper()) == form.name for suffix in form.suffixes)
    assert by_suffix(".xlsx") is None


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="there is no format 'markdwon'") as caught:
        find("markdwon")
    assert "markdown" in str(caught.value.hint)
    with pytest.raises(UsageError):
        alexnet().to("xml")
