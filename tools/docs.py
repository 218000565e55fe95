"""What the program itself writes of README.md and docs/.

Two kinds. A part stands in a page that people write, between `<!-- generated: NAME -->` and `<!-- end -->`:
NAME is a line of `PARTS`, or a command ("$ netscope explain alexnet conv1"), whose output it then is. A whole
page is a line of `pages`: reference that nobody writes by hand; a picture one of `PICTURES`.

`python -m tools.docs` writes all of them anew; with `--check` it exits 1 when one is stale. A test does the
same.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import re
import shlex
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"

_PART = re.compile(
    r"(?P<start>^<!-- generated: (?P<name>.+?) -->\n)(?P<text>.*?)(?P<end>^<!-- end -->)",
    re.DOTALL | re.MULTILINE,
)
# The one thing in a table that is different every time.
_SECONDS = re.compile(r"^ *traced +[\d.]+ \w+", re.MULTILINE)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar within a cell would end it."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in lines)


# What a command writes


def output_of(arguments: list[str]) -> str:
    """What netscope writes to standard output, run in this process, 100 columns wide."""
    from netscope.cli import main

    output, before = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        with redirect_stdout(output), redirect_stderr(io.StringIO()):
            main(arguments)
    finally:
        gc.unfreeze()  # the command line expects to be alone in its process
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
    return output.getvalue()


@cache
def session(command: str) -> str:
    """A command and what it writes. "| grep -e WORD" keeps lines as grep would, "| head -n 9" the first."""
    called, _, filters = command.partition(" | ")
    lines = output_of(shlex.split(called)[1:]).splitlines(keepends=True)
    for words in map(shlex.split, filters.split(" | ") if filters else ()):
        match words:
            case ["grep", *kept]:
                lines = [line for line in lines if any(word in line for word in kept if word != "-e")]
            case ["head", "-n", count]:
                lines = lines[: int(count)]
            case _:
                raise KeyError(f"{command}: only grep -e and head -n are known here")
    return f"```console\n$ {command}\n{''.join(lines)}```\n"


# What a `netscope check` without a model reads. It is run, so every network in it must be at hand.
PROJECT: Final = """\
[tool.netscope.models.alexnet]
input = "3x227x227"                       # or a list; the model's own example without it
max = { params = "65M", macs = "<1.2G", "features.conv1:params" = "40K" }
expect = { weight_layers = 8 }            # exact values
shapes = { "features.pool5" = ["N", 256, 6, 6], classifier = [-1, 1000] }

[tool.netscope.models.letters]
model = "lenet"                           # or "nets.py:Net", as seen from this file
batch = 8
dtype = "bfloat16"
options = { num_classes = 26 }            # of the factory
max = { output_bytes = "1MiB" }

[tool.netscope.models.zfnet]
against = "alexnet"                       # or a saved report
fail-if = ["macs>+5%", "weight_layers!=0"]
"""


def project() -> str:
    """A pyproject.toml, and what `netscope check` says of it."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("pyproject.toml").write_text(PROJECT, encoding="utf-8")
        output = output_of(["check"])
    return f"```toml\n{PROJECT}```\n\n```console\n$ netscope check\n{output}```\n"


# A run that was saved: another would measure other times.
_PROFILE: Final = ROOT / "tests" / "data" / "reports" / "2.json"


def profile() -> str:
    """A profile as it was shown when it was measured."""
    shown = output_of(["profile", str(_PROFILE)])
    return f"```console\n$ netscope profile alexnet --input 3x227x227 --threads 1\n{shown}```\n"


# Tables of the reference


def columns(*, machine: bool) -> str:
    """Every column and what it means: those of a network, or those that profiles and rooflines add."""
    from netscope.show.columns import MACHINE, NETWORK

    rows = [
        (f"`{one.key}`", one.help, one.title, "yes" if one.default else "")
        for one in (MACHINE if machine else NETWORK)
    ]
    return table(("column", "meaning", "heading", "by default"), rows)


def quantities() -> str:
    """Every quantity that two networks are compared by, or that can be limited."""
    from netscope.report.quantities import QUANTITIES

    rows = [
        (f"`{one.key}`", one.help, one.title, "" if one.of_layer is None else "yes") for one in QUANTITIES
    ]
    return table(("quantity", "meaning", "heading", "of layers too"), rows)


def models() -> str:
    """Every way to name a model."""
    from netscope.api.reading import LISTED

    return table(("write", "for"), [(f"`{form.form}`", form.description) for form in LISTED])


def zoo() -> str:
    """The networks that netscope brings along."""
    from netscope.zoo.catalog import ZOO

    rows = [(f"`{name}`", entry.description, f"`{entry.example}`") for name, entry in ZOO.items()]
    return table(("zoo", "", "input"), rows)


def machines() -> str:
    """Every machine that a network can be held against."""
    from netscope.base import units
    from netscope.machine.timing.devices import SPECS

    kinds = ("fp32", "tf32", "bf16", "fp16", "fp8")

    def tera(peak: float | None) -> str:
        return "" if peak is None else f"{peak / 1e12:,.4g}"

    rows = [
        (
            f"`{name}`",
            spec.title,
            units.binary(spec.memory),
            units.bandwidth(spec.bandwidth),
            *(tera(spec.peak(kind)) for kind in kinds),
        )
        for name, spec in SPECS.items()
    ]
    sources = [f"- `{name}`: {spec.source}.\n" for name, spec in SPECS.items()]
    return table(("name", "machine", "memory", "bandwidth", *kinds), rows) + "\n" + "".join(sources)


def checks() -> str:
    """Every check of `netscope lint`, with a link to its page."""
    from netscope.answers.lint import registered

    rows = [
        (f"[{one.code}](checks/{one.code}.md)", one.help, f"`{one.name}`", one.severity)
        for one in registered()
    ]
    return table(("code", "finds", "name", "severity"), rows)


def check_page(code: str) -> str:
    """The page of one check: what its file says of itself, and what was not worth saying there."""
    from netscope.answers.lint import documentation, registered

    (one,) = (known for known in registered() if known.code == code)
    needs = "needs a trace" if one.traced else "works on saved reports too"
    about = documentation(code)
    ignore = f"```console\n$ netscope lint MODEL --ignore {code}\n```"
    return (
        f"# {code} {about.name}\n\n*{about.severity.capitalize()}; {needs}.* {about.text.strip()}\n\n"
        f"## To leave it out\n\n{ignore}\n\n[All checks](../checks.md)\n"
    )


def limits() -> str:
    """The language of budgets by examples, from the module that reads it."""
    from netscope.answers.check import limit

    blocks = re.findall(r"(?:^ {4}.*\n)+", limit.__doc__ or "", re.MULTILINE)
    return "```text\n" + "\n".join(textwrap.dedent(block) for block in blocks) + "```\n"


def exit_codes() -> str:
    """How errors are related, and with what each ends a command."""
    from netscope.base import errors

    drawing = re.search(r"(?:^ {4}.*\n)+", errors.__doc__ or "", re.MULTILINE)
    assert drawing is not None
    return f"```text\n{textwrap.dedent(drawing[0])}```\n"


def commands() -> str:
    """Every command and its options, as its help has them."""
    import typer

    from netscope.cli.app import app

    blocks = []
    group: Any = typer.main.get_command(app())
    for name, command in group.commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option"]
        shown = " ".join(p.name.upper() if p.required else f"[{p.name.upper()}]" for p in arguments)
        rows = [(f"`{p.name.upper()}`", p.help) for p in arguments]
        rows += [(", ".join(f"`{text}`" for text in reversed(p.opts)), p.help) for p in options]
        blocks.append(f"## `netscope {name} {shown}`\n\n{command.help}\n\n{table(('option', ''), rows)}")
    return "\n".join(blocks)


def formats() -> str:
    """Every format, and the ends of file names that mean it."""
    from netscope.show.formats import formats as known

    rows = []
    for one in known().values():
        ends = ", ".join(f"`{end}`" for end in one.suffixes if end)
        rows.append((f"`{one.name}`", one.help, ends))
    return table(("`--format`", "", "`-o` ending in"), rows)


PARTS: Final[dict[str, Callable[[], str]]] = {
    "check-project": project,
    "checks": checks,
    "columns-machine": lambda: columns(machine=True),
    "columns-network": lambda: columns(machine=False),
    "commands": commands,
    "exit-codes": exit_codes,
    "formats": formats,
    "limits": limits,
    "machines": machines,
    "models": models,
    "profile": profile,
    "quantities": quantities,
    "zoo": zoo,
}


def renewed(text: str) -> str:
    """The document with every generated part written anew.

    Raises:
        KeyError: a marker names a part that nothing writes.
    """

    def renew(part: re.Match[str]) -> str:
        name = part["name"]
        fresh = session(name[2:]) if name.startswith("$ ") else PARTS[name]()
        if _SECONDS.sub("", fresh) == _SECONDS.sub("", part["text"]):
            return part[0]  # only the time it took differs
        return f"{part['start']}{fresh}{part['end']}"

    return _PART.sub(renew, text)


def documents() -> list[Path]:
    """Every page that people write, and that may have generated parts."""
    whole = pages()
    return [ROOT / "README.md", *(path for path in sorted(DOCS.rglob("*.md")) if path not in whole)]


@cache
def pages() -> dict[Path, str]:
    """Every page that nobody writes: where it is, and what it must say."""
    from netscope.answers.lint import registered
    from tools.docs_python import python_pages

    reference = DOCS / "reference"
    found = {reference / "checks" / f"{one.code}.md": check_page(one.code) for one in registered()}
    found |= {reference / "python" / name: text for name, text in python_pages().items()}
    head = "<!-- Written by `make docs`, from the code. -->\n\n"
    return {path: head + text for path, text in found.items()}


# Pictures of the documents: the file, and the command whose output it is.
PICTURES: Final = {"alexnet-zfnet.svg": "diff alexnet zfnet -f svg"}


@cache
def pictures() -> dict[Path, str]:
    """Every picture that the program draws: where it is, and what it must be."""
    return {DOCS / "images" / name: output_of(shlex.split(typed)) for name, typed in PICTURES.items()}


def stale_pages() -> dict[Path, str | None]:
    """Every whole page that says what is no longer so, with what it must say; None for one that must go."""
    found: dict[Path, str | None] = {
        path: text
        for path, text in {**pages(), **pictures()}.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    for folder in {path.parent for path in pages()}:
        found |= dict.fromkeys(set(folder.glob("*.md")) - pages().keys())
    return found


def stale() -> dict[Path, str | None]:
    """The same of all files."""
    found = stale_pages()
    for path in documents():
        if path in found:
            continue
        before = path.read_text(encoding="utf-8")
        if (after := renewed(before)) != before:
            found[path] = after
    return found


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit code."""
    found = stale()
    if "--check" in arguments:
        names = ", ".join(str(path.relative_to(ROOT)) for path in found)
        sys.stderr.write(f"stale: {names}; run `make docs`\n" if found else "")
        return 1 if found else 0
    for path, text in found.items():
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
