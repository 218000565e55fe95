"""Every check is one file whose docstring is its page: the examples in it are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import netscope
from netscope.answers.lint import Check, Sample, checks, documentation, registered
from netscope.answers.lint.docstrings import parsed
from netscope.answers.lint.registry import check
from netscope.base.errors import UsageError

FOLDER = Path(checks.__file__).parent
CODES = [one.code for one in registered()]

TOY = '''"""Layers of more than 1,000 parameters.

## What it finds

Whatever is big:

- convolutions that have more than a thousand parameters, with a text that is long enough to be wrapped
  between its lines;
- linear layers.

## Why it matters

It does not.

## Example

```python
from torch import nn

model = nn.Linear(100, 100)
input = "100"
```

## Instead

Take `nn.Identity`.

```python
from torch import nn

model = nn.Identity()
input = "100"
```
"""

from collections.abc import Iterator

from netscope.answers.lint.registry import Look, Remark, check


@check("NS999", "info")
def big_layers(look: Look) -> Iterator[Remark]:
    """One remark for each."""
    return (Remark(layer.path, "this is big.") for layer in look.report.layers if layer.params > 1000)
'''
DOCSTRING = TOY.split('"""')[1].strip()


def found(code: str, sample: Sample, folder: Path) -> list[str]:
    """The paths at which a check finds something in a sample."""
    made: dict[str, Any] = {}
    exec(compile(sample.code, f"the sample of {code}", "exec"), made)  # noqa: S102 - our own text
    if "mesh" in made:
        # Two files of one name, size and second are one to Python, which keeps what it has compiled.
        file = folder / f"sample_{len(list(folder.iterdir()))}.py"
        file.write_text(sample.code)
        divided = netscope.lint(f"{file}:model", input=made["input"], mesh=made["mesh"], select=[code])
        return [f.path for f in divided]
    return [f.path for f in netscope.lint(made["model"], input=made["input"], select=[code])]


@pytest.mark.parametrize("code", CODES)
def test_a_check_finds_something_in_its_example_and_nothing_instead(code: str, tmp_path: Path):
    page = documentation(code)
    assert found(code, page.example, tmp_path)
    assert found(code, page.instead, tmp_path) == []


def test_every_file_of_the_folder_is_one_check():
    files = sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.py") if path.stem != "__init__")
    assert files == sorted(one.name for one in registered())
    assert sorted(CODES) == CODES


def test_a_page_is_read_by_its_headings():
    page = documentation("NS101")
    assert (page.code, page.name, page.severity) == ("NS101", "untiled-windows", "warning")
    assert page.summary == "Windows stop short of the input's last rows or columns, which are never read."
    assert page.finds.startswith("Convolutions and pools whose last window ends")
    assert page.why.startswith("torch rounds the number of windows down")
    assert page.example.words == ""
    assert page.example.code.startswith("from torch import nn\n")
    assert page.instead.words.startswith("Take an input that the windows tile")
    assert page.instead.code.endswith('input = "3x227x227"\n')
    assert documentation("ns101") == documentation("Untiled-Windows") == page


def test_a_page_that_is_not_there():
    with pytest.raises(UsageError, match="there is no check 'untiled-window'") as error:
        documentation("untiled-window")
    assert error.value.hint == "did you mean untiled-windows?"
    with pytest.raises(UsageError, match="there is no check 'NS1'"):
        documentation("NS1")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("## Why it matters\n", "", "lacks the heading 'Why it matters'"),
        ("## Why it matters", "## Reasons", "lacks the heading 'Why it matters'"),
        ("## Example", "## Instead", "lacks the heading 'Example'"),
        (
            "## Instead\n",
            "## Instead\n\n## More\n",
            "has the headings What it finds, .*, Instead, More; they are",
        ),
        ("parameters.\n", "parameters\n", "must start with one sentence"),
        ("parameters.\n", "parameters.\n\nThey are big.\n", "must start with one sentence"),
        ("It does not.", "", "says nothing under 'Why it matters'"),
        (
            "```python\nfrom torch import nn\n\nmodel = nn.L",
            "```\nfrom torch import nn\n\nmodel = nn.L",
            "'Example'",
        ),
        ('nn.Identity()\ninput = "100"\n```', "nn.Identity()\n```\n\n```python\n```", "'Instead'"),
        (DOCSTRING, "", "lacks the heading 'What it finds'"),
    ],
)
def test_a_page_that_is_not_written_as_it_must_be(old: str, new: str, complaint: str):
    assert old in DOCSTRING
    one = Check("NS999", "info", lambda look: iter(()), docstring=DOCSTRING.replace(old, new, 1))
    with pytest.raises(ValueError, match=f"the docstring of .*{complaint}"):
        parsed(one)


def test_two_files_cannot_have_one_code():
    with pytest.raises(ValueError, match=r"NS101 is the code of .*checks\.untiled_windows and of .*test_doc"):
        check("NS101", "info")(lambda look: iter(()))


def test_the_page_is_the_docstring_under_its_name():
    page = parsed(Check("NS999", "info", lambda look: iter(()), docstring=DOCSTRING)).page
    assert page.startswith("# NS999 test-documentation\n\nLayers of more than 1,000 parameters.\n")
    assert DOCSTRING.strip() in page


def test_adding_a_check_is_adding_a_file(tmp_path: Path):
    package = Path(netscope.__file__).parent
    shutil.copytree(package, tmp_path / "netscope")
    (tmp_path / "netscope" / FOLDER.relative_to(package) / "big_layers.py").write_text(TOY)
    saved = Path(__file__).parents[2] / "data/reports/1.json"
    calls = [["--list"], ["--explain", "big-layers"], [str(saved), "--select", "NS999", "--format", "csv"]]
    code = f"from netscope.cli import main\nfor call in {calls}: main(['lint', *call])"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
    )
    assert re.search(r"\nNS999  info     big-layers +Layers of more than 1,000 parameters.\n", ran.stdout)
    assert "\n# NS999 big-layers\n\nLayers of more than 1,000 parameters.\n" in ran.stdout
    assert ",NS999,big-layers,info,features.conv1,this is big.\n" in ran.stdout
