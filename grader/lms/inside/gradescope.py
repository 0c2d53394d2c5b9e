"""Gradescope: the grader inside its container, the zip that brings it there, and the bulk export of submissions.

The keys of results.json are those of its autograder specifications.  A document without a score does not mean zero: the score is
required, so Gradescope reports that the autograder failed, and a person looks.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from grader.lms.common import feedback
from grader.lms.common.archives import Member, contents
from grader.lms.common.layout import HandedIn, HandedInFile, lay_out
from grader.lms.common.system import Collect, Done, Run
from grader.lms.inside import run as inside
from grader.lms.inside.run import JudgedHandIn
from grader.messages import refusal, say
from grader.records import FunctionResult, Result
from grader.rendering import fragment, words
from grader.rendering.text import of, points

METADATA, EXPORT_METADATA = "submission_metadata.json", "submission_metadata.yml"
MOST_OUTPUT_BYTES = 200_000  # of one test: no limit is documented, the browser of a student has one
MOST_METADATA_BYTES = 1 << 30
_FOLDER = re.compile(r"submission_\d+")


def run(request: Run) -> Done:
    """Grade ``submission/`` of the root and write ``results/results.json``."""
    path = request.root / "results" / "results.json"

    def put(judged: JudgedHandIn) -> None:
        inside.put_json(path, results(judged, request.visibility))

    judged = inside.graded(request, "submission", put)
    return inside.done(judged, path, _said(_metadata(request.root / METADATA), judged.result))


def results(judged: JudgedHandIn, visibility: str) -> dict[str, Any]:
    """Return what results.json holds; scores only where every part was judged."""
    result = judged.result
    head = {
        "output": _output(judged),
        "output_format": "html",
        "test_output_format": "html",
        "test_name_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
    }
    if result is None:
        return {
            **head,
            "tests": [{"name": say("lms.gradescope.not_graded"), "output": fragment.said_html(judged.excuse)}],
        }
    tests = [_test(name, function, result) for name, function in result.functions.items()]
    if judged.settled is None:
        return {**head, "extra_data": _extra(result), "tests": tests}
    number = inside.number
    scores = [
        {"score": number(function.points), "max_score": number(function.possible)}
        for function in result.functions.values()
    ]
    scored = [{**test, **score} for test, score in zip(tests, scores, strict=True)]
    return {"score": number(result.score), **head, "extra_data": _extra(result), "tests": scored}


def _output(judged: JudgedHandIn) -> str:
    summary = "" if judged.result is None else feedback.html(judged.result)
    return summary + fragment.said_html((*judged.excuse, *judged.notes))


def _test(name: str, function: FunctionResult, result: Result) -> dict[str, Any]:
    status = {} if function.provisional else {"status": "passed" if function.passed else "failed"}
    if result.notebook.status in {"ok", "repaired"}:
        html = fragment.function_html(function)
    else:  # said once, in the output for the whole
        html = fragment.said_html([words.sentence(words.notebook(result.notebook.status))])
    if len(html.encode()) > MOST_OUTPUT_BYTES:
        html = fragment.said_html([of(function.points, function.possible), fragment.cut_note()])
    return {"name": name, **status, "output": html}


def _extra(result: Result) -> dict[str, Any]:
    """Return what Gradescope keeps beside the scores and shows to nobody."""
    causes = {name: list(function.diagnosis.causes) for name, function in result.functions.items()}
    origin = result.provenance
    return {
        "exercise": result.exercise,
        "causes": causes,
        "notebook": result.notebook.status,
        "sha256": result.submission.sha256,
        "grader": origin.grader,
        "evidence_sha256": origin.evidence_sha256,
    }


# --- for the instructor, who alone sees what the autograder prints ---------------------------------------------------


def _metadata(path: Path) -> dict[str, Any]:
    try:
        metadata = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _said(metadata: dict[str, Any], result: Result | None) -> tuple[str, ...]:
    """Return what the metadata says in sentences; nothing in it changes a score."""
    before, users = metadata.get("previous_submissions"), metadata.get("users")
    notes = [say("lms.gradescope.attempt", number=len(before) + 1)] if isinstance(before, list) else []
    if isinstance(users, list) and len(users) > 1:
        notes.append(say("lms.gradescope.together", count=len(users)))
    return (*notes, *_mismatch(metadata.get("assignment"), result))


def _mismatch(assignment: object, result: Result | None) -> tuple[str, ...]:
    """Say that the assignment in Gradescope is worth other points than the exercise, where it is."""
    try:
        total = float(assignment["total_points"]) if isinstance(assignment, dict) else None
    except (KeyError, TypeError, ValueError):
        return ()
    if total is None or result is None or result.provisional or total == result.possible:
        return ()
    return (say("lms.gradescope.points", total=points(total), possible=points(result.possible)),)


# --- the export of submissions ---------------------------------------------------------------------------------------


def collect(request: Collect) -> Done:
    """Lay out an export of submissions: ``submission_metadata.yml`` and a folder ``submission_<id>/`` for each of them."""
    files_in = contents(request.exports)
    metadata: dict[str, Any] = {}
    files: dict[str, list[HandedInFile]] = {}
    for member in files_in.members:
        parts = PurePosixPath(member.name).parts
        at = next((at for at, part in enumerate(parts[:-1]) if _FOLDER.fullmatch(part)), None)
        if at is not None:
            files.setdefault(parts[at], []).append(HandedInFile("/".join(parts[at + 1 :]), member))
        elif parts[-1] == EXPORT_METADATA:
            metadata |= _yaml(member)
        else:
            files_in.refused.append(say("lms.gradescope.no_folder", member=member.name))
    if files and not metadata:
        raise refusal("lms.gradescope.no_metadata", file=EXPORT_METADATA)
    keys = [key for key in metadata if _FOLDER.fullmatch(str(key))]
    files_in.refused += [
        say("lms.gradescope.unnamed_folder", key=key, file=EXPORT_METADATA) for key in files if key not in metadata
    ]
    handed_in = [_handed_in(key, metadata[key], files.get(key, [])) for key in keys]
    return lay_out(request, "gradescope", handed_in, files_in)


def _handed_in(key: str, submission: Any, files: list[HandedInFile]) -> HandedIn:
    """Return one submission; a group's members are named together."""
    entry = submission if isinstance(submission, dict) else {}
    people = entry.get(":submitters")
    submitters = [person for person in people if isinstance(person, dict)] if isinstance(people, list) else []
    plain = [{name: str(person.get(f":{name}") or "") for name in ("name", "sid", "email")} for person in submitters]
    names = ", ".join(filter(None, (person["name"] for person in plain)))
    created, score = entry.get(":created_at"), entry.get(":score")
    lms = {
        "submission": key.removeprefix("submission_"),
        "submitters": plain,
        "created_at": None if created is None else str(created),
        "score": score if isinstance(score, (int, float)) else None,
    }
    return HandedIn(key, names, files, lms=lms)


def _yaml(member: Member) -> dict[str, Any]:
    import yaml  # nothing but this one file needs it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same rules, ten times as fast
    try:
        with member.open() as file:
            metadata = yaml.load(file.read(MOST_METADATA_BYTES), Loader=loader)  # noqa: S506  # both are safe loaders
    except Exception as error:  # a damaged zip and a damaged file fail in many ways
        reason = type(error).__name__
        raise refusal("lms.unreadable", path=member.name, reason=reason, hint="lms.download_again.hint") from None
    return metadata if isinstance(metadata, dict) else {}
