"""What changed between two networks: layers are paired, and each pair says what differs."""

from __future__ import annotations

from dataclasses import replace

from netscope.answers.diff.absorption import absorbed
from netscope.answers.diff.merge import merge
from netscope.answers.diff.pairing import pair
from netscope.answers.diff.result import Absorbed, Change, Diff, Pair, Status
from netscope.report.report import Report

__all__ = ["Absorbed", "Change", "Diff", "Pair", "Status", "diff"]


def diff(before: Report, after: Report) -> Diff:
    """How two networks, or one at two inputs, differ. Of a network and itself the diff is empty.

    Layers are paired by name where the meaning agrees, then by likeness in order; a layer that was
    renamed or moved is paired, one that was inserted shifts no other. The other way round, the diff is
    the same with before and after exchanged.
    """
    found = merge(before, after, pair(before, after))
    return replace(found, absorbed=absorbed(found))
