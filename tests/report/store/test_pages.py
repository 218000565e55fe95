"""Reports within pages: read back as from JSON, whatever else is on the page, and no bomb goes off."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netscope
from netscope.base.errors import StoreError
from netscope.cli import main
from netscope.report import store
from netscope.report.store.pages import LARGEST_PAGE, PACKED, PLAIN
from tests.reports import alexnet, stack

NAMES = ["net", "</script><script>alert(1)</script>", "<!--", "&lt;&#60;", "]]>", "\u2028\u2029", "a\\u003cb"]


def within(text: str, *, packed: bool = False, before: str = "", after: str = "") -> str:
    """A page with an answer, as the format of pages writes it."""
    if packed:
        kind, body = PACKED, base64.b64encode(gzip.compress(text.encode())).decode()
    else:
        kind, body = PLAIN, text
        for sign in "<>&":
            body = body.replace(sign, f"\\u{ord(sign):04x}")
    return (
        f"<!doctype html>\n<html><head>{before}</head><body><p>a page &amp; its words</p>\n"
        f'<script type="{kind}" id="answer">{body}</script>{after}</body></html>\n'
    )


def read(text: str, folder: Path) -> netscope.Report:
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8", newline="")
    return netscope.load(path)


def refused(text: str, folder: Path) -> str:
    with pytest.raises(StoreError) as caught:
        read(text, folder)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_read_as_its_json_is(name: str, tmp_path: Path, *, packed: bool) -> None:
    from dataclasses import replace

    report = replace(alexnet(), name=name, notes=(name,))
    assert read(within(report.to_json(), packed=packed), tmp_path) == report


@pytest.mark.parametrize(
    "other",
    [
        '<script>if (1 < 2 && "<script id=answer>") { document.title = "</p>" }</script>',
        '<script id="rows" type="application/json">{"a": 1}</script>',
        '<style>p::after { content: "<script id=answer>" }</style>',
        '<script type="application/json" id="answers">{}</script>',
        '&lt;script type="application/json" id="answer"&gt;{}',
        "<p>&lt;script id=answer&gt;{}&lt;/script&gt;</p>",
        '<div id="answer">{}</div>',
    ],
)
def test_what_else_is_on_a_page_is_no_answer(other: str, tmp_path: Path) -> None:
    report = stack(1)
    assert read(within(report.to_json(), before=other), tmp_path) == report
    assert read(within(report.to_json(), after=other), tmp_path) == report


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<!doctype html><p>hello</p>", "holds no answer of netscope"),
        ("<", "holds no answer of netscope"),
        (within("{}"), "this is not a netscope report."),
        (within("{} x"), "this is not JSON"),
        (within(""), "this is not JSON"),
        (within("{}") * 2, "holds more than one answer"),
        (within("{}", before=f'<!-- <script type="{PLAIN}" id="answer"> -->'), "holds more than one answer"),
        (within("{}").partition("</script>")[0], "breaks off within its answer"),
        (within("{}", packed=True).replace("gzip", "zstd"), "in a way that this netscope does not know"),
        (within("{}").replace(PLAIN, "text/javascript"), "in a way that this netscope does not know"),
        (within("{}", packed=True).replace("H4sI", "AAAA"), "the answer in this page is broken"),
        (f'<script type="{PACKED}" id="answer">what?</script>', "the answer in this page is broken"),
        (f'<script type="{PACKED}" id="answer"></script>', "the answer in this page is broken"),
        (within("[" * 100_000), "nested too deeply"),
        (within(json.dumps({"schema_version": 1, "before": {}, "after": {}})), "written by `netscope diff`"),
    ],
)
def test_what_is_no_page_of_a_report_is_refused_in_one_line(text: str, why: str, tmp_path: Path) -> None:
    message = refused(text, tmp_path)
    assert why in message
    assert "report.html" in message


@pytest.mark.parametrize(
    "text",
    [
        # What a parser of HTML gives up on, and what takes it the square of their lengths.
        "<p><![x[<b>",
        "<!doctype html>" + "<![" * 20,
        "<!doctype html>" + "<a " * 20,
        "<!doctype html>" + "<!--" * 20,
        "<!doctype html>" + "</a" * 20,
        # And what might take us that.
        "<script " * 500_000,
        '<script type="' * 300_000,
        '<script type="' + "a" * 4_000_000,
        '<script type="" id="answer"' * 150_000,
        "<" * 4_000_000,
    ],
    ids=lambda text: text[-20:],
)
def test_a_hostile_page_holds_no_answer(text: str, tmp_path: Path) -> None:
    assert "holds no answer of netscope" in refused(text, tmp_path)


def test_a_page_is_not_parsed(tmp_path: Path) -> None:
    """A parser reads some pages in the square of their lengths; and it is not ours to import at start-up."""
    path = tmp_path / "report.html"
    path.write_text(within(stack(1).to_json()), encoding="utf-8")
    code = (
        "import sys\n"
        "from netscope.report import store\n"
        f"assert store.load({str(path)!r}).layers\n"
        "parsers = {name for name in sys.modules if name.split('.')[0] in ('html', '_markupbase', 'xml')}\n"
        "assert not parsers, parsers"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_half_of_what_was_packed_is_broken(tmp_path: Path) -> None:
    packed = gzip.compress(stack(1).to_json().encode())
    for part in (packed[:-1], packed[: len(packed) // 2], packed + b"x", packed[:-5] + b"\0\0\0\0\0"):
        body = base64.b64encode(part).decode()
        text = f'<script type="{PACKED}" id="answer">{body}</script>'
        assert "broken" in refused(text, tmp_path)


def test_a_bomb_does_not_go_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of some kilobytes that would be more than any report."""
    monkeypatch.setattr("netscope.report.store.reading.LARGEST_FILE", 2**20)
    assert "no report has more than 1.00 MiB" in refused(within(" " * 2**24, packed=True), tmp_path)
    assert "this is not JSON" in refused(within(" " * 2**20, packed=True), tmp_path)


def test_a_page_beyond_all_reports_is_not_read(tmp_path: Path) -> None:
    assert "no page of a report has 64.0 MiB" in refused("<p>" + " " * LARGEST_PAGE, tmp_path)


@given(text=st.text(max_size=80), cut=st.integers(0, 4000))
def test_a_page_that_was_cut_or_changed_is_never_another_error(
    tmp_path_factory: pytest.TempPathFactory, text: str, cut: int
) -> None:
    whole = within(stack(1).to_json(), packed=cut % 2 == 0)
    path = tmp_path_factory.mktemp("cut") / "report.html"
    path.write_text(whole[:cut] + text + whole[cut + len(text) :], encoding="utf-8", errors="replace")
    try:
        netscope.load(path)
    except StoreError as error:
        assert "\n" not in error.message  # noqa: PT017  # either outcome is right


def test_a_page_stands_wherever_a_saved_report_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, report in (("a.html", stack(1)), ("b.HTM".lower(), stack(2))):
        Path(name).write_text(within(store.to_json(report)), encoding="utf-8")
    assert main(["diff", "a.html", "b.htm"]) == 0
    assert "layers" in capsys.readouterr().out
    assert main(["summary", "a.html"]) == 0
    assert main(["compare", "a.html", "b.htm"]) == 0
    assert main(["check", "a.html", "--against", "b.htm", "--fail-if", "changed"]) == 1
    assert netscope.summary("a.html") == stack(1)
    assert main(["summary", "a.html", "-b", "2"]) == 2
    assert "is a saved report" in capsys.readouterr().err


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", [*NAMES, "\ud800", "a\x00b", "é日\U0001f600"])
def test_what_netscope_writes_it_reads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    from tests.show.answers import answers

    if packed:
        monkeypatch.setattr("netscope.show.formats.html._MOST_ANSWER", 0)
    for kind in ("summary", "failure", "profile", "roofline", "memory"):
        report = answers(name)[kind]
        text = report.to_html(tmp_path / "report.html")
        assert (PACKED in text.partition('id="answer"')[0][-200:]) == packed
        assert netscope.load(tmp_path / "report.html") == report
    for kind, command in (("diff", "diff"), ("checked", "check"), ("findings", "lint"), ("curve", "profile")):
        answers(name)[kind].to_html(tmp_path / "other.html")
        with pytest.raises(StoreError, match=f"this was written by `netscope {command}`"):
            netscope.load(tmp_path / "other.html")
