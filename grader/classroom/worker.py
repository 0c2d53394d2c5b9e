"""The work on one submission, in a separate process: read, grade, pack, and write its pages."""

from __future__ import annotations

import gc
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from grader import reading
from grader._version import __version__
from grader.classroom import submissions as files
from grader.classroom.review import reasons
from grader.classroom.statistics import line
from grader.classroom.submissions import Submission
from grader.errors import RequestError, UnavailableError, fault_of_environment
from grader.exercise import load as exercises
from grader.exercise.load import Exercise
from grader.faults import attempt
from grader.files import make_private_folder, write
from grader.garbage import collect_seldom
from grader.judging.checks import CHECKS
from grader.memo import Memo, RememberingPieces, RememberingPipeline
from grader.messages import refusal, say
from grader.pipeline import Pipeline
from grader.reading.notebook import SOURCE_LIMIT_BYTES, cannot_open, too_large
from grader.records import NOT_COUNTED, Evidence, FunctionEvidence, FunctionResult, Notebook, Problem, Result
from grader.rendering import html
from grader.running import gather as gathering
from grader.store import (
    Before,
    CacheReader,
    Decision,
    EvidenceKeys,
    Kept,
    KnownSubmission,
    Packed,
    Tally,
    Trainings,
    digest,
    pack_evidence,
    refuse_self_check,
    ruled,
)

NOTE = "note"  # the code of a problem that says what was noticed about the hand-in, not about the file
NOTES = (NOTE, NOT_COUNTED)
PAGES = ("feedback.html", "result.json")
ANNOTATED = "annotated.ipynb"
HANDED = 4096  # codes whose outcomes a process remembers to have handed back


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process needs before its first submission: the exercise's folder, the store's secret, and its caches.

    `whole`: everything is handed back every time, since what was handed back before may be lost with another machine.
    """

    exercise: Path
    secret: bytes
    store: Path
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """One submission to be graded; or, where it is known from `before`, to be judged again.

    `out` is the folder for its pages, or None where nothing is to be written; `lab` is the address of the lab for its page.
    """

    setup: Setup
    submission: Submission
    graded_with: str
    gathered_with: str
    handed: str
    out: Path | None
    rulings: tuple[Decision, ...] = ()
    annotated: bool = False
    before: Before | None = None
    lab: str = ""


def warm(setup: Setup) -> None:
    """Prepare a process for its first submission; no student code runs."""
    collect_seldom()
    _ = _started(setup).pipeline.prepared
    gc.freeze()  # what is there now stays, and need not be looked through again and again


def grade(work: Work) -> Kept:
    """Grade one submission, write its pages, and return what goes into the store."""
    started = time.monotonic()
    running = _started(work.setup)
    pipeline = running.pipeline
    if work.before is None:
        evidence, machine = _graded(pipeline, work.submission)
        return _kept(work, running, evidence, machine, time.monotonic() - started)
    try:
        evidence = _noted(work.before.evidence(), work.submission)
    except msgspec.DecodeError as error:
        raise refusal("classroom.evidence.unreadable", name=work.submission.name, error=error) from None
    if evidence.exercise != pipeline.exercise.name:
        raise refusal("classroom.other_exercise", name=work.submission.name, exercise=evidence.exercise)
    return _kept(work, running, evidence, pipeline.judge(evidence), work.before.seconds)


def _graded(pipeline: Pipeline, submission: Submission) -> tuple[Evidence, Result]:
    """Read and grade one file; if this machine cannot read it, the result is provisional and tried again at the next run."""
    student = submission.student
    try:
        notebook = _read(submission, pipeline.exercise)
    except UnavailableError as error:
        reason = error.problem
    except (OSError, MemoryError) as error:
        reason = fault_of_environment(error) or str(error)
    else:
        return pipeline.graded(notebook, student=student)
    return pipeline.unavailable(submission.name, reason, notes=_notes(submission), student=student)


def lost(work: Work, exercise: Exercise) -> Kept:
    """Return the provisional result of a submission whose process died, every time."""
    notebook = Notebook(work.submission.name, "", "ok")
    evidence = gathering.broken(notebook, exercise, say("classroom.worker.lost"))
    with Pipeline(exercise, work.setup.secret) as pipeline:
        evidence = replace(evidence, student=work.submission.student)
        return _kept(work, None, evidence, pipeline.judge(evidence), 0.0)


def standing(result: Result) -> Tally:
    """Return the counts of a result, with what people ruled."""
    is_held = bool(reasons(result))
    return Tally(
        result.score, result.possible, result.passed, result.provisional, is_held, counts=result.notebook.counts
    )


def write_pages(
    folder: Path, result: Result, encoded: bytes | None = None, *, lab: str = "", pieces: html.Pieces = html.PLAIN
) -> None:
    """Write result and page of one submission, for their owner alone; the result may have been encoded before.

    `lab` is the address of the lab, if the page is to link to one.
    """
    make_private_folder(folder)
    data = encoded or msgspec.json.encode(result)
    write(folder / "result.json", (data, b"\n"), private=True)  # for programs: half as large on one line
    page = attempt(
        "writing the page", lambda: html.feedback_page(result, lab, pieces), lambda _: html.plain_page(result)
    )
    write(folder / "feedback.html", page, private=True)


def page_stats(folder: Path) -> str:
    """Return what the file system says of a submission's pages; empty where one is missing."""
    try:
        stats = [(folder / name).stat() for name in PAGES]
    except OSError:
        return ""
    return " ".join(f"{stat.st_size}:{stat.st_mtime_ns}" for stat in stats)


def write_annotated(folder: Path, result: Result, submission: Submission | None = None) -> None:
    """Write the notebook with notes; where the file itself is not at hand, from the one that was annotated before."""
    from grader.rendering import (
        annotated,
        annotating,  # nbformat is needed here only
    )

    path = folder / ANNOTATED
    if submission is not None and submission.path is not None:
        try:
            data = None if result.notebook.status == "unreadable" else _bytes(submission)
        except (UnavailableError, OSError, MemoryError):
            path.unlink(missing_ok=True)  # where it is missing, the next run writes it
            return
    elif path.is_file():
        data = json.dumps(annotated.without_notes(json.loads(path.read_bytes()))).encode()
    else:
        return
    if files.suffix_of(result.submission.name) == ".ipynb":
        notes = attempt("annotating", lambda: annotating.notebook(data, result), lambda _: None)
        if notes is not None:
            write(path, notes, private=True)


def _bytes(submission: Submission) -> bytes | None:
    with suppress(RequestError), files.opened(submission) as path:
        if path.stat().st_size <= SOURCE_LIMIT_BYTES:
            return path.read_bytes()
    return None


def graded_with(exercise: Exercise) -> str:
    """Return the name of everything that decides a verdict, apart from the submission."""
    return f"{__version__} {exercise.sha256}"


def gathered_with(exercise: Exercise) -> str:
    """Return the name of everything that decides evidence, apart from the submission."""
    return f"{__version__} {exercise.evidence_sha256}"


@dataclass(slots=True)
class _Running:
    """What a process keeps between submissions; `handed` are the keys of code whose outcomes it has handed back."""

    pipeline: Pipeline
    reader: CacheReader
    pieces: html.Pieces = field(default_factory=RememberingPieces)
    handed: Memo[EvidenceKeys] = field(default_factory=lambda: Memo(HANDED))


_running: dict[Setup, _Running] = {}  # of this process: one, made at its first submission


def _started(setup: Setup) -> _Running:
    if setup not in _running:
        finish()
        reader = CacheReader(setup.store)
        exercise = exercises.load(str(setup.exercise), CHECKS)
        pipeline = RememberingPipeline(exercise, setup.secret, cache=Trainings(reader), outcomes=reader.outcomes)
        _running[setup] = _Running(pipeline, reader)
    return _running[setup]


def finish() -> None:
    """End the confined worker of this process, if there is one."""
    while _running:
        _, running = _running.popitem()
        running.pipeline.close()
        running.reader.close()


def _read(submission: Submission, exercise: Exercise) -> Notebook:
    """Read a submission; a member of a zip that is too large is not even unpacked."""
    notes = _notes(submission)
    if submission.path is None:
        return Notebook(submission.name, "", "no_notebook", notes)
    notebook = _read_file(submission, exercise)
    return replace(notebook, problems=(*notebook.problems, *notes))


def _notes(submission: Submission) -> tuple[Problem, ...]:
    return tuple(Problem(NOTE if submission.counts else NOT_COUNTED, note) for note in submission.notes)


def _read_file(submission: Submission, exercise: Exercise) -> Notebook:
    size_bytes = files.unpacked_bytes(submission)
    if size_bytes > SOURCE_LIMIT_BYTES:
        return too_large(submission.name, size_bytes)
    try:
        with files.opened(submission) as path:
            return reading.read(path, exercise.limits, name=submission.name)
    except RequestError as error:
        return cannot_open(submission.name, error.problem)


def _noted(evidence: Evidence, submission: Submission) -> Evidence:
    """Return evidence with what is known of the hand-in today; without news it stays as it is."""
    if submission.path is None and not submission.student:
        return evidence
    problems = tuple(problem for problem in evidence.notebook.problems if problem.code not in NOTES)
    notebook = replace(evidence.notebook, problems=(*problems, *_notes(submission)))
    return replace(evidence, notebook=notebook, student=submission.student)


def _kept(work: Work, running: _Running | None, evidence: Evidence, machine: Result, seconds: float) -> Kept:
    refuse_self_check(work.submission.name, machine.self_check)
    submission, result = work.submission, ruled(machine, work.rulings)
    encoded = msgspec.json.encode(machine)
    if work.out is not None:
        pieces = running.pieces if running else html.PLAIN
        known_text = encoded if result is machine else None
        write_pages(work.out / submission.folder, result, known_text, lab=work.lab, pieces=pieces)
        if work.annotated or (work.out / submission.folder / ANNOTATED).is_file():
            write_annotated(work.out / submission.folder, result, submission)
    record = KnownSubmission(
        name=submission.name,
        folder=submission.folder,
        sha256=evidence.notebook.sha256,
        stat=submission.stat,
        gathered_with=work.gathered_with,
        graded_with=work.graded_with,
        student=evidence.student,
        handed=work.handed,
        pages=page_stats(work.out / submission.folder) if work.out is not None else "",
        decided=digest(work.rulings),
    )
    return Kept(
        known=record,
        seconds=seconds,
        evidence=_packed(evidence, machine, running, whole=work.setup.whole),
        result=encoded,
        standing=standing(result),
        line=msgspec.msgpack.encode(line(submission.folder, seconds, result)),
        trainings=_made(running),
        graded_at=work.before.graded_at if work.before else "",
    )


def _packed(evidence: Evidence, machine: Result, running: _Running | None, *, whole: bool) -> Packed:
    """Return evidence in bytes, without what this process has handed back before."""
    if running is None:
        return pack_evidence(evidence)
    keys, new_codes = {}, {}
    for name, function in evidence.functions.items():
        lasting = gathering.is_repeatable(function) and name not in running.pipeline.gatherer.costly
        code = (name, gathering.trees(function.function)) if lasting and not whole else None
        stored = running.handed.get(code) if code else None
        keys[name] = stored or _keys(function, machine.functions[name], running.pipeline, lasting=lasting)
        if code and not stored:
            new_codes[name] = code
    packed = pack_evidence(evidence, keys)
    for name, code in new_codes.items():
        running.handed.put(code, packed.keys[name])
    return packed


def _keys(evidence: FunctionEvidence, result: FunctionResult, pipeline: Pipeline, *, lasting: bool) -> EvidenceKeys:
    calls = [outcome.call for outcome in evidence.outcomes]
    return EvidenceKeys(
        code=gathering.code_key(evidence.function, calls) if lasting else "",
        alike=result.evidence_sha256,
        training=gathering.training_key(evidence, pipeline.exercise.model) or "",
    )


def _made(running: _Running | None) -> dict[str, bytes]:
    """Return the trainings that were made since this was last asked."""
    if running is None:
        return {}
    made = dict(running.pipeline.trainer.made)
    running.pipeline.trainer.made.clear()
    return made
