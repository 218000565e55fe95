"""In: a file or a page, its text, plain values, a report; or one line that says why it is none."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from netscope.base import arguments, units
from netscope.base.errors import StoreError
from netscope.report.partial import with_failure, with_uses
from netscope.report.report import Report
from netscope.report.store.decoding import Wrong, decoder
from netscope.report.store.pages import answer_of, is_page
from netscope.report.store.soundness import check
from netscope.report.store.versions import migrate
from netscope.report.store.wording import NO_REPORT, no_report, one_line, short

# A layer takes 1.4 kB, so this is a third of a million layers; what is larger is something else.
LARGEST_FILE: Final = 512 * 2**20

# The first version that tells what is not known of failed forwards, and of layers that others used.
_PARTIAL: Final = 3

# What else netscope writes as JSON, and how it is told from a report.
_OTHERS: Final[dict[str, Callable[[dict[str, Any]], bool]]] = {
    "`netscope diff`": lambda data: "pairs" in data or {"before", "after"} <= data.keys(),
    "`netscope profile` of several batches": lambda data: data.get("kind") == "curve",
    "`netscope compare`": lambda data: "variants" in data,
    "`netscope check`": lambda data: "networks" in data,
    "`netscope lint`": lambda data: "findings" in data,
    "`netscope explain`": lambda data: "totals" not in data and "lines" in _first_layer(data),
}


def load(path: str | os.PathLike[str]) -> Report:
    """The report saved in a file, as JSON or as a page.

    Raises:
        StoreError: there is no such file, or it is not a report that this netscope can read.
    """
    path = arguments.path("path", path)
    name = short(path)
    try:
        text = _read(Path(path)).decode("utf-8-sig")
        if is_page(text):
            text = answer_of(text, LARGEST_FILE)
        data = json.loads(text, parse_constant=_refuse)
    except StoreError as error:
        raise StoreError(f"cannot read {name}: {error.message}", hint=error.hint) from None
    except OSError as error:
        raise StoreError(f"cannot read {name}: {error.strerror or error}.") from None
    except RecursionError:
        raise StoreError(f"{name}: {NO_REPORT}: it is nested too deeply.") from None
    except ValueError as error:
        raise StoreError(f"{name}: this is not JSON: {one_line(str(error))}.") from None
    try:
        return from_dict(data)
    except StoreError as error:
        raise StoreError(f"{name}: {error.message}", hint=error.hint) from error.__cause__


def from_dict(data: Any) -> Report:
    """The report of `to_dict`, by this netscope or an older one.

    Raises:
        StoreError: it is not one, or was written by a newer netscope.
    """
    if not isinstance(data, dict) or "schema_version" not in data:
        raise StoreError(f"{NO_REPORT}.")
    for command, wrote in _OTHERS.items():
        if wrote(data):
            raise StoreError(
                f"this was written by {command}, and is no report.",
                hint="`netscope summary MODEL -o report.json` saves a report",
            )
    if "layers" not in data:
        raise StoreError(f"{NO_REPORT}.")
    older = data["schema_version"]
    try:
        report: Report = decoder(Report)(migrate(data))
    except Wrong as wrong:
        raise no_report(f"report{wrong.place} {wrong.says}") from None
    except RecursionError:
        raise no_report("it is nested too deeply") from None
    check(report)
    return with_failure(with_uses(report)) if older < _PARTIAL else report


def _read(path: Path) -> bytes:
    """All bytes of an ordinary file; a pipe may never end, nor /dev/zero.

    Raises:
        StoreError: it is something else, or too large.
        OSError: it cannot be read.
    """
    try:
        status = path.stat()
    except ValueError:
        raise StoreError("no file can have that name.") from None
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise StoreError("it is no ordinary file.", hint="save the report in a file first")
    if status.st_size > LARGEST_FILE:
        raise StoreError(f"no report has {units.binary(status.st_size)}.")
    with path.open("rb") as file:
        return file.read(LARGEST_FILE)


def _first_layer(data: dict[str, Any]) -> dict[str, Any]:
    layers = data.get("layers")
    first = layers[0] if isinstance(layers, list) and layers else None
    return first if isinstance(first, dict) else {}


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not allowed")
