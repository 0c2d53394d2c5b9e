"""JUnit XML: a test suite a submission, a test case a check, for tools that know nothing else of grading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from grader.records import CheckResult, Result
from grader.rendering import text, words

_NO_XML = re.compile("[\ufffe\uffff]")  # what XML 1.0 cannot hold and `clean` leaves
_NOTEBOOK = "notebook"
_KINDS = {"passed": "", "failed": "failure", "skipped": "skipped", "broken": "error"}


def junit(entries: Iterable[tuple[str, float, Result]]) -> Iterator[str]:
    """Yield the document piece by piece, a suite for each folder, seconds and result, in one pass."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="grader">\n'
    for _, seconds, result in entries:
        yield ET.tostring(_suite(seconds, result), encoding="unicode")
    yield "</testsuites>\n"


def _suite(seconds: float, result: Result) -> ET.Element:
    """Return one submission; a notebook that could not be read is one case that failed."""
    suite = ET.Element("testsuite", name=_attribute(result.submission.name))
    suite.text = suite.tail = "\n"
    _add_read(suite, result)
    for name, function in result.functions.items():
        for check in function.checks:
            _add_case(suite, name, check.name, _KINDS[check.verdict], check.message, _body(check))
    counts = {"tests": "testcase", "failures": "*/failure", "errors": "*/error", "skipped": "*/skipped"}
    for attribute, path in counts.items():
        suite.set(attribute, str(len(suite.findall(path))))
    suite.set("time", f"{seconds:.2f}")
    return suite


def _add_read(suite: ET.Element, result: Result) -> None:
    """Add the case that says whether the notebook could be read."""
    status = result.notebook.status
    if status in {"ok", "repaired"}:
        _add_case(suite, _NOTEBOOK, "read")
    else:
        problems = " ".join(problem.message for problem in result.notebook.problems)
        _add_case(suite, _NOTEBOOK, "read", "failure", words.notebook(status), problems)


def _body(check: CheckResult) -> str:
    """Return hint and evidence of a check that did not pass."""
    lines = [f"hint: {check.hint}"] if check.hint else []
    if check.evidence:
        shown = check.evidence
        lines += [f"call: {shown.call}", f"got: {shown.got}", f"want: {shown.want}", f"tolerance: {shown.tolerance}"]
    return "\n".join(lines)


def _add_case(suite: ET.Element, function: str, name: str, kind: str = "", message: str = "", body: str = "") -> None:
    """Add a test case with how it ended: nothing, failure, error or skipped."""
    case = ET.SubElement(suite, "testcase", classname=_attribute(function), name=_attribute(name))
    case.tail = "\n"
    if not kind:
        return
    ending = ET.SubElement(case, kind, message=_attribute(message))
    if kind != "skipped":  # has no type, and readers look at its message alone
        ending.set("type", kind)
        ending.text = _clean(body)


def _attribute(value: str) -> str:
    return _clean(text.one_line(value))


def _clean(value: str) -> str:
    return _NO_XML.sub("\ufffd", text.clean(value))
