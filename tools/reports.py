"""What netscope writes of itself without measuring: `reports/NAME.md`, each by one command, and its schemas.

The text of what `make coverage` has measured is written anew too.

`python -m tools.reports` writes them anew; with `--check` it exits 1 when one is stale. A test does the
same. To add a report, write its line in `REPORTS`; to publish a schema, see `tools/schemas.py`.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Final

from tools.coverage import report as coverage
from tools.docs import output_of
from tools.schemas import SCHEMAS, published

FOLDER: Final = Path(__file__).parents[1] / "reports"

REPORTS: Final[dict[str, str]] = {
    "alexnet-zfnet": "netscope diff alexnet zfnet --format markdown",
    "alexnet-grouped": "netscope diff alexnet alexnet_grouped --format markdown",
    "alexnet-224-227": (
        "netscope diff torchvision/alexnet --input 3x224x224 --input-b 3x227x227 --format markdown"
    ),
    "resnet50-resnext50": (
        "netscope diff torchvision/resnet50 torchvision/resnext50_32x4d --format markdown"
    ),
}


def text_of(name: str) -> str:
    """The report, with the command that makes it in its head."""
    head = f"Written by `make reports`, with `{REPORTS[name]}`."
    return f"{head}\n\n{output_of(shlex.split(REPORTS[name])[1:])}"


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit code."""
    stale = []
    files = {FOLDER / f"{name}.md": text_of(name) for name in REPORTS}
    files |= {SCHEMAS / name: text for name, text in published().items()}
    measured = FOLDER / "coverage.json"
    if measured.is_file():  # what `make coverage` has found out, as text
        text = coverage.text_of(json.loads(measured.read_text(encoding="utf-8")))
        files[measured.with_suffix(".md")] = text
    for path, text in files.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"stale: {', '.join(path.name for path in stale)}; run `make reports`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
