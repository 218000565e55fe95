"""What an older netscope wrote, brought to the form of today, one version at a time.

A report says its `schema_version`. Within a version a field may be added, with a default: an older file
then lacks it, and an older netscope passes over it. A field that is removed, renamed, or given another
type or meaning makes a new version. To add one:

1. raise `SCHEMA_VERSION` in `netscope/report.py`;
2. write here what makes data of the version before that of the new one, and its line in `MIGRATIONS`.

`tests/test_versions.py` then asks for the two files that it holds the new version to.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from netscope.base.errors import StoreError
from netscope.report import report
from netscope.report.store.wording import NO_REPORT, no_report, short

# Takes the whole report as plain values, none of which has been checked, and may change them.
Migration = Callable[[dict[str, Any]], dict[str, Any]]


def _first(data: dict[str, Any]) -> dict[str, Any]:
    """`timing` was a place that nothing filled; it has a form now."""
    return {**data, "timing": None}


def _second(data: dict[str, Any]) -> dict[str, Any]:
    """`output_bytes` may be null. What was 0 and is not known is found once the rows are: see `partial`."""
    return data


# {version: what makes its data that of the next version}
MIGRATIONS: Final[dict[int, Migration]] = {1: _first, 2: _second}


def migrate(data: dict[str, Any]) -> dict[str, Any]:
    """The same report in the form of `SCHEMA_VERSION`.

    Raises:
        StoreError: its version is none, is newer than this netscope, or does not hold what it should.
    """
    version = data["schema_version"]
    if type(version) is not int or version < 1:
        raise StoreError(f"{NO_REPORT}: its schema_version is {short(version)}.")
    newest = report.SCHEMA_VERSION
    if version > newest:
        raise StoreError(
            f"this report has schema_version {short(version)}; this netscope reads up to {newest}.",
            hint="update netscope to read it",
        )
    if version < newest:
        data = copy.deepcopy(data)  # it is the caller's
    for step in range(version, newest):
        try:
            data = {**MIGRATIONS[step](data), "schema_version": step + 1}
        except Exception as error:
            # It reads what nobody has checked yet.
            what = f"{type(error).__name__} in what schema_version {step} should have"
            raise no_report(what) from error
    return data
