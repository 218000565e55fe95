"""Comma-separated values in raw base units: elements, multiply-accumulates, bytes, seconds, fractions.

The first column is `schema_version`. Shapes are written 1x96x55x55, several of them with semicolons, and
mappings and lists of other things as JSON. What is not known is empty.

A text that a spreadsheet would run, as "=1+1", has an apostrophe before it, and control and invisible
characters are written out: names come from other people's models. `csv_raw` has every text as it is.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from netscope.show.page import Page
from netscope.show.screen import Screen
from netscope.show.strings import visible

SUFFIXES: Final = (".csv",)
HELP: Final = "raw, for spreadsheets"

# Full-width signs too: some spreadsheets take them for the others.
_RUN: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_NUMBER: Final = r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?"
_NUMBERS: Final = re.compile(rf"{_NUMBER}([x;]{_NUMBER})*")


def lower(page: Page, screen: Screen) -> str:
    """A heading and one line a record."""
    return written(page, _harmless)


def written(page: Page, spell: Callable[[str], str]) -> str:
    """The same with each text as `spell` has it."""
    records = page.records()
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(["schema_version", *map(spell, records.keys)])
    for row in records.rows:
        fields = map(_text, row)
        writer.writerow(
            [records.version, *(spell(field) if isinstance(field, str) else field for field in fields)]
        )
    return "".join(lines)


class _Lines(list[str]):
    """Lines that end in "\\n" alone.

    A writer quotes a field for the characters of its own line ends, and "\\r" is to be quoted.
    """

    def write(self, line: str) -> None:
        self.append(f"{line[:-2]}\n")


def _harmless(text: str) -> str:
    """Text that a spreadsheet shows, and neither runs nor hides; numbers and shapes are no formulas."""
    text = visible(text)
    runs = len(text) > 1 and text.startswith(_RUN) and not _NUMBERS.fullmatch(text)
    return f"'{text}" if runs else text


def _text(value: Any) -> Any:
    """A value as one field."""
    if isinstance(value, (Mapping, list)):
        return json.dumps(value)
    if isinstance(value, tuple):
        if any(isinstance(inner, tuple) for inner in value):
            return ";".join("x".join(map(str, inner)) for inner in value)
        return "x".join(map(_number, value))
    return value


def _number(value: Any) -> str:
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
