"""Documents: what is written as JSON and is no report. One version for all of them."""

from __future__ import annotations

import dataclasses
import json
from os import PathLike
from typing import Any, Final

from netscope.report.store.writing import plain, write_text

SCHEMA_VERSION: Final = 1


def written(whole: Any, path: str | PathLike[str] | None = None) -> str:
    """A document as JSON text; each item of its last field, a tuple, has a line of its own.

    Raises:
        StoreError: the file at `path` cannot be written.
    """
    *head, last = (spec.name for spec in dataclasses.fields(whole))
    lines = [f"  {json.dumps(key)}: {_text(getattr(whole, key))}" for key in head]
    rows = ",\n".join(f"    {_text(row)}" for row in getattr(whole, last))
    lines.append(f"  {json.dumps(last)}: [\n{rows}\n  ]")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if path is not None:
        write_text(path, text)
    return text


def _text(value: Any) -> str:
    return json.dumps(plain(value), allow_nan=False)
