"""Many submissions: a pool of processes, each with its own confined worker; results are kept as each one ends."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from grader import __version__
from grader import exercise as exercises
from grader import submissions as files
from grader.checks import CHECKS
from grader.errors import RequestError
from grader.exercise import Exercise
from grader.notebook import SOURCE_LIMIT_BYTES, cannot_open, read, read_hash, too_large
from grader.pipeline import Pipeline, broken
from grader.records import Evidence, Notebook, Result
from grader.report import gradebook, html
from grader.store import Entry, Store, write
from grader.submissions import Submission

DATABASE = "grades.sqlite"
AHEAD = 4  # submissions handed out a process before the first of them is done: bounds memory


@dataclass(frozen=True, slots=True)
class Graded:
    """What a process hands back for one submission."""

    submission: Submission
    sha256: str
    seconds: float
    evidence: bytes
    result: bytes
    trainings: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Report:
    """What a batch did."""

    index: Path
    graded: int
    unchanged: int
    ignored: tuple[str, ...]
    passed_over: int
    results: tuple[Result, ...]

    @property
    def provisional(self) -> bool:
        """Whether some result is provisional."""
        return any(result.provisional for result in self.results)


Progress = Callable[[int, int, str], None]
Known = Mapping[str, tuple[str, str, str]]


def batch(
    sources: Sequence[Path],
    out: Path,
    exercise: Exercise,
    *,
    jobs: int,
    fresh: bool = False,
    progress: Progress = lambda _done, _all, _name: None,
) -> Report:
    """Grade every submission of the sources into `out`; what was graded there before and has not changed stays.

    Raises
    ------
    RequestError
        If there is nothing to grade, or `out` cannot be written.
    """
    found = files.find(sources, besides=out)
    if not found.submissions:
        raise RequestError(
            f"there is no notebook in {', '.join(map(str, sources))}",
            hint="give a folder or zip that holds .ipynb or .py files",
        )
    with Store(out / DATABASE) as store:
        if fresh:
            _clear(store, out)
        known = store.known()
        todo = files.with_folders(found.submissions, {name: folder for name, (folder, _, _) in known.items()})
        work = [one for one in todo if not _unchanged(one, known, exercise, out)]
        for count, graded in enumerate(_graded(work, out, exercise, store, jobs), start=1):
            _keep(store, graded, exercise)
            progress(count, len(work), graded.submission.name)
        results = tuple(_publish(store, out, exercise, found.ignored))
    return Report(
        index=out / "index.html",
        graded=len(work),
        unchanged=len(todo) - len(work),
        ignored=tuple(found.ignored),
        passed_over=found.passed_over,
        results=results,
    )


def regrade(out: Path, exercise: Exercise) -> Report:
    """Judge stored evidence again, with today's points and words; no student code runs.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    if not (out / DATABASE).is_file():
        raise RequestError(f"nothing was graded into {out}", hint="run `grader batch SOURCE --out DIR` first")
    with Store(out / DATABASE) as store, Pipeline(exercise, store.secret, cache=store.trainings()) as pipeline:
        for entry in store.entries():
            if entry.evidence.exercise != exercise.name:
                raise RequestError(
                    f"{out} holds another exercise, {entry.evidence.exercise}", hint="name it with --exercise"
                )
            result = pipeline.judge(entry.evidence)
            _write_pages(out / entry.folder, result)
            store.put(replace(entry, result=result))
        results = tuple(_publish(store, out, exercise, ()))
    return Report(out / "index.html", len(results), 0, (), 0, results)


# --- in the pool ---------------------------------------------------------------------------------------------------

_pipelines: list[Pipeline] = []  # one a process, made by the pool's initializer


def _start(exercise_folder: str, secret: bytes, trainings: Mapping[str, bytes]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that hands out the work
    exercise = exercises.load(exercise_folder, CHECKS)
    _pipelines[:] = [Pipeline(exercise, secret, cache=dict(trainings))]


def _grade(submission: Submission, out: Path) -> Graded:
    """Grade one submission and write its pages."""
    (pipeline,) = _pipelines
    started = time.monotonic()
    pipeline.trainer.made.clear()
    notebook = _read(submission)
    evidence, result = pipeline.graded(notebook)
    _write_pages(out / submission.folder, result)
    return _packed(submission, evidence, result, started, dict(pipeline.trainer.made))


def _read(submission: Submission) -> Notebook:
    """Read a submission; a member of a zip that is too large is not even unpacked."""
    size_bytes = files.unpacked_bytes(submission)
    if size_bytes > SOURCE_LIMIT_BYTES:
        return too_large(submission.name, size_bytes)
    try:
        with files.opened(submission) as path:
            return read(path, name=submission.name)
    except RequestError as error:
        return cannot_open(submission.name, error.problem)


def _write_pages(folder: Path, result: Result) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "result.json", gradebook.result_json(result))
    write(folder / "feedback.html", html.feedback_page(result))


# --- around the pool -----------------------------------------------------------------------------------------------


def _graded(work: Sequence[Submission], out: Path, exercise: Exercise, store: Store, jobs: int) -> Iterator[Graded]:
    """Yield each submission as it ends; a process that dies takes nothing with it but its own work, done again."""
    left = {one.name: one for one in work}
    try:
        with _pool(exercise, store, jobs) as executor:
            for graded in _in_pool(executor, work, out, jobs * AHEAD):
                del left[graded.submission.name]
                yield graded
    except BrokenExecutor:
        for one in left.values():
            yield _alone(one, out, exercise, store)


def _alone(submission: Submission, out: Path, exercise: Exercise, store: Store) -> Graded:
    """Grade one submission in a process of its own; if that dies as well, say so on its page."""
    try:
        with _pool(exercise, store, 1) as executor:
            return executor.submit(_grade, submission, out).result()
    except BrokenExecutor:
        started = time.monotonic()
        notebook = Notebook(submission.name, "", "ok")
        evidence = broken(notebook, exercise, "the process that graded this submission ended unexpectedly")
        with Pipeline(exercise, store.secret) as pipeline:
            result = pipeline.judge(evidence)
        _write_pages(out / submission.folder, result)
        return _packed(submission, evidence, result, started, {})


def _packed(
    submission: Submission, evidence: Evidence, result: Result, started: float, made: Mapping[str, bytes]
) -> Graded:
    seconds = time.monotonic() - started
    packed = msgspec.msgpack.encode(evidence), msgspec.json.encode(result)
    return Graded(submission, evidence.notebook.sha256, seconds, *packed, made)


def _pool(exercise: Exercise, store: Store, jobs: int) -> Executor:
    context = multiprocessing.get_context("spawn")
    settings = (str(exercise.folder), store.secret, store.trainings())
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=settings)


def _in_pool(executor: Executor, work: Sequence[Submission], out: Path, ahead: int) -> Iterator[Graded]:
    """Hand out work a little ahead of the pool and yield what is done, in the order in which it ends."""
    waiting, running = iter(work), set[Future[Graded]]()
    try:
        while True:
            for one in waiting:
                running.add(executor.submit(_grade, one, out))
                if len(running) >= ahead:
                    break
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        for future in running:
            future.cancel()


def _keep(store: Store, graded: Graded, exercise: Exercise) -> None:
    store.add_trainings(graded.trainings)
    store.put(
        Entry(
            name=graded.submission.name,
            folder=graded.submission.folder,
            sha256=graded.sha256,
            graded_with=_graded_with(exercise),
            seconds=graded.seconds,
            evidence=msgspec.msgpack.decode(graded.evidence, type=Evidence),
            result=msgspec.json.decode(graded.result, type=Result),
        )
    )


def _publish(store: Store, out: Path, exercise: Exercise, ignored: Sequence[str]) -> Iterator[Result]:
    """Write the class's files anew from the store, and yield every result."""
    entries = list(store.results())
    write(out / "grades.csv", gradebook.grades_csv(entries, exercise))
    rows = [gradebook.class_row(folder, result) for folder, _, result in entries]
    page = html.class_page(rows, title=exercise.title, ignored=dict.fromkeys(ignored, "not a notebook"))
    write(out / "index.html", page)
    yield from (result for _, _, result in entries)


def _graded_with(exercise: Exercise) -> str:
    return f"{__version__} {exercise.sha256}"


def _unchanged(submission: Submission, known: Known, exercise: Exercise, out: Path) -> bool:
    """Return whether this very file was graded before with this grader and its pages are there."""
    folder, sha256, graded_with = known.get(submission.name, ("", "", ""))
    pages = [out / folder / name for name in ("feedback.html", "result.json")]
    if graded_with != _graded_with(exercise) or not all(page.is_file() for page in pages):
        return False
    try:
        with files.opened(submission) as path:
            return read_hash(path) == sha256
    except RequestError:
        return False


def _clear(store: Store, out: Path) -> None:
    """Forget what was graded before: the entries and the folders that they name."""
    for folder, _, _ in store.known().values():
        shutil.rmtree(out / folder, ignore_errors=True)
    store.clear()


def default_jobs() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
