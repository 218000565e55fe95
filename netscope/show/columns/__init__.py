"""The one list of columns. Help, CSV headers, the docs' reference and every table derive from it.

A column is one entry of `NETWORK`, or of `MACHINE`, `MEMORY` or `RANKS` where only some reports have it: its
key is the attribute's name on a `Layer` where that has one, its value is raw, and its `kind` says how the
value reads. A figure that adds up (params, MACs, bytes) also says how to get it from `Own`, the part that
belongs to one row of a table and to no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from netscope.report.report import Report
from netscope.show.columns.column import Column
from netscope.show.columns.machine import MACHINE
from netscope.show.columns.memory import MEMORY
from netscope.show.columns.network import NETWORK
from netscope.show.columns.ranks import RANKS

__all__ = [
    "BY_KEY",
    "COLUMNS",
    "DEFAULT",
    "MACHINE",
    "MEMORY",
    "NETWORK",
    "RANKS",
    "Column",
    "choose",
    "default_of",
    "find",
    "known_to",
]

COLUMNS: Final[tuple[Column, ...]] = (*NETWORK, *MACHINE, *MEMORY, *RANKS)
BY_KEY: Final[dict[str, Column]] = {column.key: column for column in COLUMNS}
DEFAULT: Final = tuple(column.key for column in COLUMNS if column.default)
# Of a rank of many: what it has, and what that is of all.
_OF_A_RANK: Final = (
    *("path", "operator", "output_shapes", "global_shape", "parameter_shapes", "placements", "params"),
    *("macs", "rank_share", "wire_bytes"),
)


def default_of(report: Report) -> tuple[str, ...]:
    """Keys of the columns that are shown of a report unless others are named."""
    return DEFAULT if report.ranks is None else _OF_A_RANK


def known_to(report: Report) -> tuple[Column, ...]:
    """All columns that a report can fill: of a machine, memory or ranks only where it knows of that."""
    machine = MACHINE if report.knows_machine else ()
    memory = MEMORY if report.memory is not None else ()
    ranks = RANKS if report.ranks is not None else ()
    return (*NETWORK, *machine, *memory, *ranks)


def choose(keys: Iterable[str]) -> tuple[Column, ...]:
    """The columns of these keys, `path` always first, each once.

    Raises:
        UsageError: there is no such column; the hint names the nearest ones.
    """
    chosen = dict.fromkeys([BY_KEY["path"], *map(find, keys)])
    return tuple(chosen)


def find(key: str) -> Column:
    """The column of that key.

    Raises:
        UsageError: there is none; the hint names the nearest ones.
    """
    if key in BY_KEY:
        return BY_KEY[key]
    from netscope.base.suggest import look_up

    return look_up(key, BY_KEY, "column", "columns")
