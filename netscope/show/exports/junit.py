"""What was checked, as JUnit's XML, for machines that run tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from netscope.answers.check import Checked, Outcome
from netscope.show.check.verdicts import sentence
from netscope.show.strings import visible


def made_of(outcome: Outcome) -> str:
    """A suite for each network and a case for each requirement.

    A broken one is a failure; one that could not be decided, or a network that could not be traced, is an
    error. Times are none: tracing is not what is tested.
    """
    root = ElementTree.Element("testsuites", {"name": "netscope", **_counts(outcome.checked)})
    for checked in outcome:
        head = {"name": visible(checked.name), "skipped": "0", **_counts([checked])}
        suite = ElementTree.SubElement(root, "testsuite", head)
        for verdict in checked.verdicts:
            case = _case(suite, checked, str(verdict.requirement))
            if not verdict.passed:
                kind = "error" if verdict.state in _UNDECIDED else "failure"
                text = visible(sentence(checked, verdict))
                ElementTree.SubElement(case, kind, message=text, type=verdict.state).text = text
        if checked.error:
            case = _case(suite, checked, "traced")
            error = visible(checked.error)
            ElementTree.SubElement(case, "error", message=error, type="untraced").text = error
    ElementTree.indent(root)
    whole: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole.decode("utf-8") + "\n"


_UNDECIDED: Final = ("unknown", "untraced")


def _counts(several: Sequence[Checked]) -> dict[str, str]:
    """How many cases there are, and how many of them went wrong."""
    states: list[str] = [one.state for checked in several for one in checked.verdicts]
    states += ["untraced" for checked in several if checked.error]
    errors = sum(state in _UNDECIDED for state in states)
    failures = sum(state != "held" for state in states) - errors
    figures = {"tests": len(states), "failures": failures, "errors": errors, "time": 0}
    return {key: str(value) for key, value in figures.items()}


def _case(suite: ElementTree.Element, checked: Checked, name: str) -> ElementTree.Element:
    head = {"classname": visible(checked.name), "name": visible(name), "time": "0"}
    return ElementTree.SubElement(suite, "testcase", head)
