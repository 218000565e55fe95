"""A check as JUnit's XML."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from netscope.answers.check import Checked, Outcome
from tests.reports import alexnet
from tests.show.check.test_page import odd, of

# What the schema that Jenkins reads (junit-10.xsd) allows, as far as we have a use for it.
_COUNTS = {"name", "time", "tests", "failures", "errors"}
JUNIT = {
    "testsuites": (_COUNTS, {"testsuite"}),
    "testsuite": ({*_COUNTS, "skipped"}, {"testcase"}),
    "testcase": ({"name", "time", "classname"}, {"failure", "error"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
}


@given(st.text(max_size=20))
def test_junit_is_xml_whose_counts_are_right(name: str):
    checked = (
        *of(alexnet(), "params=65M", "macs<1.1G", "features.x:macs<3"),
        *of(odd(), "macs<=15", "params=20"),
        Checked(name, None, error=f"{name}\x1b]]>"),
    )
    root = ElementTree.fromstring(Outcome(checked).to_junit())
    assert root.tag == "testsuites"
    for suites in [root, *root]:
        cases = list(suites.iter("testcase"))
        assert int(suites.attrib["tests"]) == len(cases)
        assert int(suites.attrib["failures"]) == sum(case.find("failure") is not None for case in cases)
        assert int(suites.attrib["errors"]) == sum(case.find("error") is not None for case in cases)
    for element in root.iter():
        assert element.attrib.keys() <= JUNIT[element.tag][0]
        assert {child.tag for child in element} <= JUNIT[element.tag][1]
    assert [case.attrib["name"] for case in root[0]] == ["params<=65M", "macs<1.1G", "features.x:macs<3"]
    assert all(case.attrib.keys() >= {"name", "classname", "time"} for case in root.iter("testcase"))
    assert root.attrib["tests"] == "6"
    assert (root.attrib["failures"], root.attrib["errors"]) == ("2", "2")
