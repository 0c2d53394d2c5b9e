"""A class: graded by many processes, kept as each submission ends, published from the store."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from grader import manifest as manifests
from grader import pool, work
from grader import submissions as files
from grader.classfiles import write_class
from grader.classroom import gather
from grader.errors import RequestError
from grader.exercise import Exercise
from grader.notebook import read_hash
from grader.records import Result
from grader.store import Decision, Kept, Known, Store, ruled, write
from grader.submissions import Submission
from grader.work import PAGES, Setup, Work

DATABASE = "grades.sqlite"
GROUP, GROUP_SECONDS = 32, 1.0  # submissions that are written down together: what a kill can cost, besides what runs
HERE = 32  # so few submissions are judged again in this process: starting others takes longer

Progress = Callable[[int, int, Sequence[str]], None]  # how many are done, of how many, and which are being graded
default_jobs = pool.default_jobs


@dataclass(frozen=True, slots=True)
class Report:
    """What a batch did, in numbers; the results stand in the store."""

    index: Path
    graded: int = 0
    judged_again: int = 0
    unchanged: int = 0
    submissions: int = 0
    passed: int = 0
    provisional: int = 0
    review: int = 0
    ignored: tuple[str, ...] = ()
    passed_over: int = 0
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What changed for one function: the points before and after, those of the machine today, and the ruling over them."""

    submission: str
    student: str | None
    function: str
    before: float
    after: float
    machine: float
    ruling: Decision | None = None
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """How a batch runs."""

    jobs: int = 1
    fresh: bool = False
    annotated: bool | None = None
    roster: Path | None = None
    start: pool.Start = pool.processes
    progress: Progress = field(default=lambda _done, _all, _running: None)


def batch(sources: Sequence[Path], out: Path, exercise: Exercise, settings: Settings | None = None) -> Report:
    """Grade every submission of the sources into `out`; what was graded there before and has not changed stays.

    Raises
    ------
    RequestError
        If there is nothing to grade, or `out` cannot be written.
    """
    settings = settings or Settings()
    found = files.find(sources, besides=out)
    if not found.submissions:
        raise RequestError(
            f"there is no notebook in {', '.join(map(str, sources))}",
            hint="give a folder or zip that holds .ipynb or .py files",
        )
    with Store(out / DATABASE) as store:
        if settings.fresh:
            _drop(store, out, store.known())
        _drop(store, out, _superseded(store.known(), found.submissions))
        known = store.known()
        todo = files.with_folders(found.submissions, {name: one.folder for name, one in known.items()})
        plan = _plan(todo, known, exercise, out)
        store.touch(plan.touched)
        if found.manifest is not None:
            write(out / manifests.FILE, manifests.encode(found.manifest), private=True)
        annotated = settings.annotated if settings.annotated is not None else found.manifest is not None
        task = _Task(store, out, exercise, annotated=annotated)
        changes = [one for one in task.run(plan, settings) if one.ruling]
        _publish(store, out, exercise, found.ignored)
        return replace(
            _report(store, out),
            graded=len(plan.grade),
            judged_again=len(plan.judge),
            unchanged=len(todo) - len(plan.grade) - len(plan.judge),
            ignored=tuple(found.ignored),
            passed_over=found.passed_over,
            said=tuple(map(_under_ruling, changes)),
        )


def regrade(out: Path, exercise: Exercise, settings: Settings | None = None) -> Report:
    """Judge stored evidence again, with today's points and words; no student code runs.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    with opened(out) as store:
        plan = _plan_of_all(store, exercise)
        task = _Task(store, out, exercise, annotated=False)
        changes = [one for one in task.run(plan, settings or Settings()) if one.ruling]
        _publish(store, out, exercise, ())
        said = tuple(map(_under_ruling, changes))
        return replace(_report(store, out), judged_again=len(plan.judge), said=said)


def preview(out: Path, exercise: Exercise, settings: Settings | None = None) -> tuple[Change, ...]:
    """Return whose points judging again would change, and write nothing.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    with opened(out) as store:
        task = _Task(store, None, exercise, annotated=False)
        return tuple(task.run(_plan_of_all(store, exercise), settings or Settings()))


def opened(out: Path) -> Store:
    """Open the store of a folder that a batch wrote.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    if not (out / DATABASE).is_file():
        raise RequestError(f"nothing was graded into {out}", hint="run `grader batch SOURCE --out DIR` first")
    return Store(out / DATABASE)


def publish(store: Store, out: Path, exercise: Exercise, *names: str) -> None:
    """Write the pages of some submissions and the class's files anew, after people decided something."""
    standing = store.ledger.standing()
    for name in names:
        result = ruled(store.result(name), standing.get(name, ()))
        store.stand(name, work.standing(result))
        work.write_pages(out / store.known()[name].folder, result)
    _publish(store, out, exercise, ())


# --- what is to be done --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Plan:
    """Submissions to be graded, those to be judged again from evidence, and new `stat`s of files that have not changed."""

    grade: list[Submission] = field(default_factory=list)
    judge: list[Submission] = field(default_factory=list)
    touched: dict[str, str] = field(default_factory=dict)


def _plan(todo: Sequence[Submission], known: Mapping[str, Known], exercise: Exercise, out: Path) -> _Plan:
    plan = _Plan()
    graded, gathered = work.graded_with(exercise), work.gathered_with(exercise)
    for one in todo:
        before = known.get(one.name)
        if before is None or not _same_file(one, before):
            plan.grade.append(one)
        elif (before.graded_with, before.handed) == (graded, one.handed) and _has_pages(out / one.folder):
            if one.stat and one.stat != before.stat:
                plan.touched[one.name] = one.stat
        elif before.gathered_with == gathered:
            plan.judge.append(one)
        else:
            plan.grade.append(one)
    return plan


def _plan_of_all(store: Store, exercise: Exercise) -> _Plan:
    known = store.known()
    wanted = exercise.evidence_sha256
    other = [name for name, one in known.items() if one.gathered_with and one.gathered_with.split()[-1] != wanted]
    if other:
        raise RequestError(
            f"{len(other)} submissions were run for other calls than this exercise asks for, {other[0]} among them",
            hint="run `grader batch` with the notebooks again, or name the exercise with --exercise",
        )
    return _Plan(judge=[Submission(one.name, None, folder=one.folder, stat=one.stat) for one in known.values()])


def _same_file(submission: Submission, before: Known) -> bool:
    """Return whether a file is the one that was graded before; it is read only where the file system cannot tell."""
    if submission.path is None:
        return not before.sha256
    if submission.stat and submission.stat == before.stat:
        return True
    try:
        with files.opened(submission) as path:
            return read_hash(path) == before.sha256
    except RequestError:
        return False


def _has_pages(folder: Path) -> bool:
    return all((folder / name).is_file() for name in PAGES)


# --- doing it ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Task:
    """Carries a plan out; `out` is None where nothing is to be written."""

    store: Store
    out: Path | None
    exercise: Exercise
    annotated: bool

    def run(self, plan: _Plan, settings: Settings) -> Iterator[Change]:
        """Grade and judge, keep what ends, and yield what changed for whom."""
        total = len(plan.grade) + len(plan.judge)
        if not total:
            return
        few = not plan.grade and total <= HERE
        start = pool.here if few and settings.start is pool.processes else settings.start
        standing = self.store.ledger.standing()
        buffer = _Buffer(self.store)
        try:
            with pool.Stop() as stop:
                done = 0
                crew = pool.Crew(settings.jobs, start, stop, partial(_tell, settings, total, lambda: done))
                for one, kept in pool.each(work.grade, self._works(plan, standing), crew):
                    made = kept or work.lost(one, self.exercise)
                    yield from self._changes(one, made)
                    done += 1
                    if self.out is not None:
                        buffer.add(made)
        finally:
            work.finish()
            buffer.flush()

    def _works(self, plan: _Plan, standing: Mapping[str, Sequence[Decision]]) -> Iterator[Work]:
        setup = Setup(self.exercise.folder.resolve(), self.store.secret, self.store.path.resolve())
        graded, gathered = work.graded_with(self.exercise), work.gathered_with(self.exercise)
        for one in plan.grade:
            rulings = tuple(standing.get(one.name, ()))
            yield Work(setup, one, graded, gathered, one.handed, self.out, rulings, self.annotated)
        for one in plan.judge:
            rulings = tuple(standing.get(one.name, ()))
            before = self.store.before(one.name)
            gathered_by = before.gathered_with or gathered
            handed = one.handed or before.handed
            yield Work(setup, one, graded, gathered_by, handed, self.out, rulings, self.annotated, before)

    def _changes(self, one: Work, made: Kept) -> Iterator[Change]:
        machine = msgspec.json.decode(made.result, type=Result)
        today = ruled(machine, one.rulings)
        before = ruled(self.store.result(one.submission.name), one.rulings) if one.before else None
        over = {ruling.function: ruling for ruling in one.rulings}
        for name, function in today.functions.items():
            was = before.functions[name].points if before and name in before.functions else function.points
            ruling = over.get(name)
            moved = ruling is not None and ruling.before != machine.functions[name].points
            if was != function.points or moved:
                yield Change(
                    submission=one.submission.name,
                    student=one.submission.student,
                    function=name,
                    before=was,
                    after=function.points,
                    machine=machine.functions[name].points,
                    ruling=ruling,
                    stands=function.ruling is not None,
                )


class _Buffer:
    """Results on their way into the store, written down in groups: each commit waits for the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: list[Kept] = []
        self._since = time.monotonic()

    def add(self, kept: Kept) -> None:
        self._kept.append(kept)
        if len(self._kept) >= GROUP or time.monotonic() - self._since >= GROUP_SECONDS:
            self.flush()

    def flush(self) -> None:
        kept, self._kept, self._since = self._kept, [], time.monotonic()
        self._store.put(*kept)


def _tell(settings: Settings, total: int, done: Callable[[], int], running: list[Work]) -> None:
    settings.progress(done(), total, [one.submission.name for one in running])


def _under_ruling(change: Change) -> str:
    """Return a sentence on a ruling under which the machine's points have changed."""
    short, ruling = change.function.rsplit("_", 1)[-1], change.ruling
    if ruling is None:
        return ""
    who = f"{change.submission}, {short}"
    machine = f"the machine now gives {change.machine:g}; it gave {ruling.before:g} when {ruling.by} ruled"
    if change.stands:
        return f"{who}: the ruling stands at {ruling.points:g} points; {machine}"
    return f"{who}: the ruling of {ruling.points:g} points was made on other code and does not count; {machine}"


def _publish(store: Store, out: Path, exercise: Exercise, ignored: Sequence[str]) -> None:
    """Write the class's files anew from the store."""
    write_class(gather(store.results()), out, exercise, ignored=dict.fromkeys(ignored, "not a notebook"))


def _report(store: Store, out: Path) -> Report:
    counts = store.counts()
    return Report(
        out / "index.html",
        submissions=counts.submissions,
        passed=counts.passed,
        provisional=counts.provisional,
        review=counts.review,
    )


def _drop(store: Store, out: Path, names: Iterable[str]) -> None:
    """Take submissions out of the store, with their pages."""
    known = store.known()
    for name in names:
        shutil.rmtree(out / known[name].folder, ignore_errors=True)
    store.drop(*names)


def _superseded(known: Mapping[str, Known], today: Sequence[Submission]) -> list[str]:
    """Return earlier entries of people who are here today under another name: nothing handed in then, or another file."""
    names, students = {one.name for one in today}, {one.student for one in today if one.student}
    return [name for name, one in known.items() if name not in names and one.student in students]
