"""The parts of README.md that the program writes itself, between `<!-- generated: NAME -->` markers.

`python tools/docs.py` writes them anew; `python tools/docs.py --check` exits 1 when one is stale. A test
does the same. To add a part, write its function, its line in `PARTS` and its two markers.
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
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

README: Final = Path(__file__).parents[1] / "README.md"

_PART = re.compile(
    r"(?P<start><!-- generated: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(?P<end><!-- end -->)", re.DOTALL
)
# The one thing in a table that is different every time.
_SECONDS = re.compile(r"^ *traced +[\d.]+ \w+", re.MULTILINE)


def summary_alexnet() -> str:
    """The table that `make demo` shows."""
    import netscope

    report = netscope.summary("alexnet", input="3x227x227")
    return f"```\n$ netscope summary alexnet --input 3x227x227\n{report}\n```\n"


def columns() -> str:
    """Every column and what it means."""
    from netscope.show.columns import column_reference

    return column_reference()


def quantities() -> str:
    """Every quantity that two networks are compared by."""
    from netscope.report.quantities import QUANTITIES

    lines = ["| quantity | heading | meaning |", "|---|---|---|"]
    lines += [f"| `{one.key}` | {one.title} | {one.help} |" for one in QUANTITIES]
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Every command and its options."""
    import typer

    from netscope.cli.app import app

    blocks = []
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option"]
        shown = " ".join(p.name.upper() if p.required else f"[{p.name.upper()}]" for p in arguments)
        lines = [f"#### `netscope {name} {shown}`", "", command.help, "", "| option | |", "|---|---|"]
        lines += [f"| `{p.name.upper()}` | {p.help} |" for p in arguments]
        lines += [f"| {', '.join(f'`{text}`' for text in reversed(p.opts))} | {p.help} |" for p in options]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def checks() -> str:
    """Every check of `netscope lint`."""
    from netscope.answers.lint import registered

    lines = ["| code | name | severity | finds |", "|---|---|---|---|"]
    lines += [f"| {one.code} | `{one.name}` | {one.severity} | {one.help} |" for one in registered()]
    return "\n".join(lines) + "\n"


def limits() -> str:
    """The language of budgets by examples, from the module that reads it."""
    from netscope.answers.check import limit

    blocks = re.findall(r"(?:^ {4}.*\n)+", limit.__doc__ or "", re.MULTILINE)
    return "```\n" + "\n".join(textwrap.dedent(block) for block in blocks) + "```\n"


# What README.md shows of a pyproject.toml. It is run, so every network in it must be at hand.
_PROJECT: Final = """\
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
        Path("pyproject.toml").write_text(_PROJECT, encoding="utf-8")
        output = output_of(["check"])
    return f"```toml\n{_PROJECT}```\n\n```\n$ netscope check\n{output}```\n"


# A run that was saved: another would measure other times.
_PROFILE: Final = Path(__file__).parents[1] / "tests" / "data" / "reports" / "2.json"


def profile() -> str:
    """A profile as it was shown when it was measured."""
    shown = output_of(["profile", str(_PROFILE)])
    return f"```\n$ netscope profile alexnet --input 3x227x227 --threads 1\n{shown}```\n"


def models() -> str:
    """Every way to name a model, and the zoo."""
    from netscope.api.reading import LISTED
    from netscope.zoo.catalog import ZOO

    lines = ["| write | for |", "|---|---|"]
    lines += [f"| `{form.form}` | {form.description} |" for form in LISTED]
    lines += ["", "| zoo | input | |", "|---|---|---|"]
    lines += [f"| `{name}` | `{entry.example}` | {entry.description} |" for name, entry in ZOO.items()]
    return "\n".join(lines) + "\n"


def session(command: str) -> Callable[[], str]:
    """What a command writes to a terminal 100 columns wide; "| grep -e WORD" keeps lines as grep would."""

    def run() -> str:
        called, _, kept = command.partition(" | grep ")
        words = [word for word in shlex.split(kept) if word != "-e"]
        lines = output_of(shlex.split(called)[1:]).splitlines(keepends=True)
        text = "".join(line for line in lines if not words or any(word in line for word in words))
        return f"```\n$ {command}\n{text}```\n"

    return run


def output_of(arguments: list[str]) -> str:
    """What netscope writes to standard output, run in this process."""
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


PARTS: Final[dict[str, Callable[[], str]]] = {
    "summary-alexnet": summary_alexnet,
    "explain-conv1": session("netscope explain alexnet conv1"),
    "explain-pool5": session("netscope explain alexnet pool5 | grep -e side -e params"),
    "explain-224": session("netscope explain alexnet conv1 --input 3x224x224 | grep -e side -e tiling"),
    "explain-padded": session("netscope explain alexnet_224 conv1 | grep -e side -e tiling"),
    "explain-at-224": session(
        "netscope explain torchvision/alexnet features.2 -i 3x224x224 | grep -e features -e side -e tiling"
    ),
    "explain-at-227": session(
        "netscope explain torchvision/alexnet features.2 -i 3x227x227 | grep -e features -e side -e tiling"
    ),
    "explain-root": session("netscope explain alexnet '(root)'"),
    "diff-zfnet": session("netscope diff alexnet zfnet"),
    "diff-227": session("netscope diff torchvision/alexnet --input 3x224x224 --input-b 3x227x227"),
    "diff-resnet": session("netscope diff torchvision/resnet18 torchvision/resnet34"),
    "compare": session("netscope compare alexnet zfnet vgg16 torchvision/resnet50 --sort macs"),
    "profile": profile,
    "roofline": session(
        "netscope roofline torchvision/resnet50 --device-spec h200 --dtype bf16 --batch 64 --top 5"
    ),
    "quantities": quantities,
    "columns": columns,
    "commands": commands,
    "checks": checks,
    "limits": limits,
    "check-alexnet": session(
        "netscope check alexnet --max params=65M --max 'macs<1.1G' --max 'features.conv1:params<=40K'"
    ),
    "check-project": project,
    "models": models,
}


def renewed(text: str) -> str:
    """The document with every generated part written anew.

    Raises:
        KeyError: a marker names a part that nothing writes.
    """

    def renew(part: re.Match[str]) -> str:
        fresh = PARTS[part["name"]]()
        if _SECONDS.sub("", fresh) == _SECONDS.sub("", part["text"]):
            return part[0]  # only the time it took differs
        return f"{part['start']}{fresh}{part['end']}"

    return _PART.sub(renew, text)


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit code."""
    before = README.read_text(encoding="utf-8")
    after = renewed(before)
    if after == before:
        return 0
    if "--check" in arguments:
        sys.stderr.write("README.md is stale: run `make docs`\n")
        return 1
    README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
