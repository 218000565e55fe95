"""What came of holding networks against their requirements: a frozen `Verdict` on each. Raw base units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from os import PathLike
from typing import TYPE_CHECKING, Literal

from netscope.answers.check.limit import Limit, Unchanged
from netscope.answers.check.shapes import Returns
from netscope.base.answer import Answer
from netscope.base.errors import NetscopeError
from netscope.report.layer import Layer
from netscope.report.quantities import Number
from netscope.report.report import Report

if TYPE_CHECKING:
    from netscope.answers.diff import Diff

Requirement = Limit | Unchanged | Returns

# "unknown": something could not be counted or seen, or was not measured. "missing": there is no such layer.
# "added": the layer was not there before, so that no figure of it can have changed.
State = Literal["held", "broken", "unknown", "missing", "added"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One requirement and what was found.

    found, before:
        the figure now and in the report compared with, in base units; None where it is not known, not
        asked for, or no number.
    bound:
        what `found` was held against; of a change, the most or the least that it may come to.
    at_least:
        what was counted of a figure that is not known.
    unknown:
        {what: times} that could not be counted, in either report, see `Layer.unknown`.
    layer:
        the row that a shape was expected of, or whose figure is not known.
    rank:
        the one whose figure was found, where ranks differ: that for which the limit is the tightest.
    """

    requirement: Requirement
    state: State
    found: Number | None = None
    before: Number | None = None
    bound: Fraction | None = None
    at_least: Number | None = None
    unknown: dict[str, int] = field(default_factory=dict)
    layer: Layer | None = None
    rank: int | None = None

    @property
    def passed(self) -> bool:
        """Whether it holds. What is not known does not."""
        return self.state == "held"

    @property
    def surely_broken(self) -> bool:
        """Whether what could be counted of an unknown figure is too much already."""
        limit = self.requirement
        if self.at_least is None or self.bound is None or not isinstance(limit, Limit) or not limit.caps:
            return False
        return self.at_least > self.bound or (limit.sign == "<" and self.at_least == self.bound)

    @property
    def headroom(self) -> float | None:
        """How far the figure may still move, negative when it is beyond its bound.

        As a part of the larger one of the two where it holds: (bound - found)/bound below a bound,
        (found - bound)/found above one. None where there is no side (== and !=) or no figure, or that
        divisor is 0.
        """
        limit = self.requirement
        if not isinstance(limit, Limit) or limit.sign in ("==", "!="):
            return None
        if self.found is None or self.bound is None:
            return None
        left, whole = self.bound - Fraction(self.found), self.bound
        if not limit.caps:
            left, whole = -left, Fraction(self.found)
        return float(left / abs(whole)) if whole else None


@dataclass(frozen=True)
class Checked(Answer):
    """One network and the verdicts on it, in the order of the requirements.

    name:
        what it is called: its entry in pyproject.toml, or the model.
    report:
        None for a network that could not be traced; `error` then says why.
    diff:
        what differs from the report that it was compared with; None where there is none.
    failure:
        what was raised when it could not be traced.
    """

    name: str
    report: Report | None
    verdicts: tuple[Verdict, ...] = ()
    diff: Diff | None = None
    error: str = ""
    failure: NetscopeError | None = field(default=None, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return not self.error and all(verdict.passed for verdict in self.verdicts)

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """What does not hold."""
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)

    @property
    def verb(self) -> str:
        """Its page."""
        return "check"


@dataclass(frozen=True)
class Outcome(Answer):
    """All networks that were checked together.

    command:
        what does it again; "" for none.
    name:
        the entry or model that the check was asked for; "" for all of a project.
    """

    checked: tuple[Checked, ...]
    command: str = ""
    name: str = ""

    def __iter__(self) -> Iterator[Checked]:
        return iter(self.checked)

    @property
    def passed(self) -> bool:
        """Whether everything holds of every network."""
        return all(checked.passed for checked in self.checked)

    def to_junit(self, path: str | PathLike[str] | None = None) -> str:
        """As JUnit's XML, for machines that run tests; also written to `path` when given.

        Raises:
            StoreError: the file cannot be written.
        """
        text: str = self._export("junit", path)
        return text

    def to_github(self) -> str:
        """As GitHub's annotations, a line for each requirement that failed; "" when none did."""
        text: str = self._export("github", None)
        return text

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Those on all networks."""
        return tuple(verdict for checked in self.checked for verdict in checked.verdicts)

    @property
    def verb(self) -> str:
        """Its page."""
        return "check"
