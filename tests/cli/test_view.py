"""`netscope view`: which page it writes and where, and that the browser gets it."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import netscope
from netscope.cli import main
from netscope.show import browser

NETS = """
from torch import nn

class Good(nn.Module):
    def __init__(self, width=8, classes=2):
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(width, classes)

    def forward(self, x):
        return self.second(self.first(x))

class Wide(Good):
    def __init__(self):
        super().__init__(classes=20)

class Bad(Good):
    def __init__(self):
        super().__init__(width=9)
"""


class Browser(list[str]):
    """What a browser was asked to open; whether there is one."""

    there = True

    def __call__(self, url: str) -> bool:
        self.append(url)
        return self.there

    @property
    def page(self) -> str:
        """The text of the last page, which is a file."""
        assert urlsplit(self[-1]).scheme == "file"
        return Path(unquote(urlsplit(self[-1]).path)).read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Browser:
    found = Browser()
    monkeypatch.setattr(webbrowser, "open", found)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(NETS)
    return found


def test_a_name_is_its_summary(opened: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "lenet", "-b", "3"]) == 0
    path = Path(capsys.readouterr().out.rstrip("\n"))
    assert opened == [path.as_uri()]
    assert path.name == "lenet.html"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "conv1" in opened.page
    assert "3×1×28×28" in opened.page
    assert main(["view", "lenet"]) == 0
    assert len({*opened}) == 2, "each has a folder of its own"


@pytest.mark.parametrize("options", [["nets.py:Wide"], ["--batch-b", "2"], ["-k-b", "classes=20"]])
def test_two_are_their_difference(options: list[str], opened: Browser) -> None:
    assert main(["view", "nets.py:Good", *options, "-i", "8"]) == 0
    assert "before" in opened.page
    assert "MACs" in opened.page


def test_a_saved_report_is_what_it_is_of(opened: Browser) -> None:
    assert main(["memory", "lenet", "-o", "memory.json"]) == 0
    assert main(["view", "memory.json"]) == 0
    assert "inference peak" in opened.page


def test_a_file_of_ones_own_and_no_browser(opened: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "lenet", "-o", "here.html", "--no-open"]) == 0
    assert capsys.readouterr().out == "here.html\n"
    assert "conv1" in Path("here.html").read_text(encoding="utf-8")
    assert opened == []
    opened.there = False
    assert main(["view", "lenet", "-o", "here.html"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("here.html\n", "netscope: there is no browser to open it in.\n")
    assert opened == [(Path.cwd() / "here.html").as_uri()]


def test_a_forward_that_failed_is_shown_as_far_as_it_came(
    opened: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", "nets.py:Bad", "-i", "8"]) == 3
    assert "first" in opened.page
    assert "failed in second" in capsys.readouterr().err
    Path("good.html").write_text("last week's")
    assert main(["view", "nets.py:Bad", "-i", "8", "-o", "good.html"]) == 3
    assert Path("good.html").read_text() == "last week's"
    said = capsys.readouterr()
    assert said.out == ""
    assert "is as it was" in said.err
    assert len(opened) == 1


def test_what_is_wrong_is_told_and_nothing_is_opened(
    opened: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", "nothing-of-that-name"]) == 3
    assert main(["view", "lenet", "-i", "what"]) == 2
    assert main(["view", "lenet", "-o", "missing/here.html"]) == 3
    assert opened == []
    assert [path.name for path in Path().glob("netscope-*")] == []


@pytest.mark.parametrize("name", ["", "../../x", "a/b", "\x00", "x" * 500, "<script>", "日本", ".", "-rf"])
def test_a_page_of_any_name_has_a_file(name: str, tmp_path: Path) -> None:
    path = browser.fresh(name)
    assert path.parent.parent == tmp_path
    path.write_text("it can be written")


def test_the_same_in_python(opened: Browser) -> None:
    path = netscope.view("lenet", batch=3)
    assert opened == [path.as_uri()]
    assert "3×1×28×28" in path.read_text(encoding="utf-8")
    assert netscope.view("lenet", "lenet", path="diff.html", browser=False) == Path("diff.html")
    assert len(opened) == 1
    assert netscope.check("lenet", "params<1").view("check.html") == Path("check.html")
    assert "params" in opened.page
    with pytest.raises(netscope.TraceError):
        netscope.view("nets.py:Bad", input="8", path="bad.html")
    assert "first" in opened.page
    with pytest.raises(netscope.UsageError):
        netscope.view("lenet", browser="no")
