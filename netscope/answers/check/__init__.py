"""Budgets: what a network's figures must be, how they may change, and what its layers must return."""

from __future__ import annotations

from netscope.answers.check.check import check_report, require
from netscope.answers.check.limit import Limit, Unchanged, parse_change, parse_limit, parse_named
from netscope.answers.check.result import Checked, Outcome, Requirement, State, Verdict
from netscope.answers.check.shapes import Returns

__all__ = [
    "Checked",
    "Limit",
    "Outcome",
    "Requirement",
    "Returns",
    "State",
    "Unchanged",
    "Verdict",
    "check_report",
    "parse_change",
    "parse_limit",
    "parse_named",
    "require",
]
