"""JUnit XML: a test suite a submission, a test case a check, for tools that know nothing else of grading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from markupsafe import escape

from grader.records import CheckResult, FunctionResult, Result
from grader.rendering import text, words

_NO_XML = re.compile("[\ufffe\uffff]")  # what XML 1.0 cannot hold and `clean` leaves
_NOTEBOOK = "notebook"


def junit(entries: Iterable[tuple[str, float, Result]]) -> Iterator[str]:
    """Yield the document piece by piece, a suite for each folder, seconds and result, in one pass."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="grader">\n'
    for _, seconds, result in entries:
        yield _suite(seconds, result)
    yield "</testsuites>\n"


def _suite(seconds: float, result: Result) -> str:
    """Return one submission; a notebook that could not be read is one case that failed."""
    cases = [_read(result), *(case for name, one in result.functions.items() for case in _cases(name, one))]
    kinds = [kind for kind, _ in cases]
    counts = {"tests": len(cases), "failures": kinds.count("failure"), "errors": kinds.count("error")}
    numbers = " ".join(f'{name}="{count}"' for name, count in counts.items())
    head = f'<testsuite name="{_attribute(result.submission.name)}" {numbers} skipped="{kinds.count("skipped")}"'
    body = "".join(case for _, case in cases)
    return f'{head} time="{seconds:.2f}">\n{body}</testsuite>\n'


def _read(result: Result) -> tuple[str, str]:
    status = result.notebook.status
    if status in {"ok", "repaired"}:
        return _case(_NOTEBOOK, "read", "", "", "")
    said = " ".join(problem.message for problem in result.notebook.problems)
    return _case(_NOTEBOOK, "read", "failure", words.NOTEBOOK[status], said)


def _cases(name: str, function: FunctionResult) -> Iterator[tuple[str, str]]:
    for check in function.checks:
        kind = {"passed": "", "failed": "failure", "skipped": "skipped", "broken": "error"}[check.verdict]
        yield _case(name, check.name, kind, check.message, _body(check))


def _body(check: CheckResult) -> str:
    """Return hint and evidence of a check that did not pass."""
    lines = [f"hint: {check.hint}"] if check.hint else []
    if check.evidence:
        shown = check.evidence
        lines += [f"call: {shown.call}", f"got: {shown.got}", f"want: {shown.want}", f"tolerance: {shown.tolerance}"]
    return "\n".join(lines)


def _case(function: str, name: str, kind: str, message: str, body: str) -> tuple[str, str]:
    """Return a test case with how it ended: nothing, failure, error or skipped."""
    head = f'<testcase classname="{_attribute(function)}" name="{_attribute(name)}"'
    if not kind:
        return kind, f"{head}/>\n"
    if kind == "skipped":  # has no type, and readers look at its message alone
        return kind, f'{head}><skipped message="{_attribute(message)}"/></testcase>\n'
    inside = f'<{kind} message="{_attribute(message)}" type="{kind}">{_xml(body)}</{kind}>'
    return kind, f"{head}>{inside}</testcase>\n"


def _attribute(said: str) -> str:
    return _xml(text.one_line(said))


def _xml(said: str) -> str:
    return str(escape(_NO_XML.sub("\ufffd", text.clean(said))))
