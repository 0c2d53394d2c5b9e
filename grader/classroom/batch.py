"""Grades a class with many processes, stores each result as it is ready, and publishes from the store."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import msgspec

from grader.classroom import manifest as manifests
from grader.classroom import pool, remembered
from grader.classroom import roster as rosters
from grader.classroom import submissions as files
from grader.classroom import worker as work
from grader.classroom.folder import (
    DATABASE,
    finish_removal,
    nobodys,
    opened,
    publish,
    publish_class,
    require_whole_store,
    stale_pages,
)
from grader.classroom.lock import locked
from grader.classroom.publish import lab_address
from grader.classroom.remembered import ChangeError, ExerciseChange, Roster
from grader.classroom.submissions import Submission
from grader.classroom.worker import Setup, Work
from grader.errors import RequestError, UnavailableError, fault_of_environment
from grader.exercise.load import Exercise
from grader.files import make_private_folder, write
from grader.messages import refusal, say
from grader.reading.notebook import sha256_of
from grader.records import Result, amount
from grader.records.points import points
from grader.records.wording import short_names
from grader.store import ADJUSTMENTS, Decision, Kept, KnownSubmission, Store, require_ours, ruled

GROUP, GROUP_SECONDS = 32, 1.0  # submissions that are written down together: what a kill can cost, apart from what runs
LINES = 5000  # submissions of which the class's files need not be read back from the store: some 20 MB
HERE = 32  # so few submissions are judged again in this process: starting others takes longer

Progress = Callable[[int, int, Sequence[str]], None]  # how many are done, of how many, and which are being graded
default_jobs = pool.default_jobs


@dataclass(frozen=True, slots=True)
class Report:
    """What a batch did, in numbers; the results are in the store.

    `changed` are those whose points judging again has changed, `unjudged` names those that are provisional and
    `nobody` those that are nobody's in a class whose others are somebody's, `notes` are
    sentences on rulings and on files that are gone, `unavailable` on what our surroundings kept from us: folders that
    cannot be looked into, files that cannot be read now.
    """

    index: Path
    graded: int = 0
    judged_again: int = 0
    unchanged: int = 0
    submissions: int = 0
    passed: int = 0
    provisional: int = 0
    review: int = 0
    changed: int = 0
    ignored: Mapping[str, str] = field(default_factory=dict)
    passed_over: int = 0
    notes: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    nobody: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What changed for one function: the points before and after, those of the machine today, and the ruling over them.

    Where no function is named it is the score of the whole hand-in.  `short` is the function's name in a table.
    """

    submission: str
    student: str | None
    function: str
    before: float
    after: float
    machine: float
    ruling: Decision | None = None
    applies: bool = False
    short: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a batch runs; `ready` is called before any student's code is, and raises where it must not be.

    `manifest` is trusted because a person named it; `max_files` bounds the notebooks of one hand-in.
    `change_exercise` and `change_roster` confirm that a class is graded with another exercise or class list than before.
    `only` are the names of the submissions to grade, where the sources hold those of several exercises.
    """

    jobs: int = 1
    fresh: bool = False
    annotated: bool | None = None
    roster: Path | None = None
    manifest: Path | None = None
    max_files: int = files.MOST_FILES
    change_exercise: bool = False
    change_roster: bool = False
    only: frozenset[str] | None = None
    start: pool.StartWorkers = pool.processes
    progress: Progress = field(default=lambda _done, _all, _running: None)
    ready: Callable[[], object] = lambda: None


def batch(sources: Sequence[Path], out: Path, exercise: Exercise, settings: Settings | None = None) -> Report:
    """Grade every submission of the sources into `out`; what was graded there before and has not changed stays.

    Raises
    ------
    RequestError
        If there is nothing to grade, or `out` cannot be written.
    """
    settings = settings or Settings()
    if not settings.fresh:
        require_whole_store(out)
    require_ours(out / DATABASE)
    _require_no_hand_in(out, sources)
    wanted = files.Wanted(exercise.names, settings.max_files)
    contents = files.find(sources, wanted, results_folder=out, manifest=settings.manifest)
    if settings.only is not None:
        contents.submissions = [one for one in contents.submissions if one.name in settings.only]
    annotated = settings.annotated if settings.annotated is not None else contents.manifest is not None
    roster = rosters.read(settings.roster) if settings.roster is not None else None
    _require_something(sources, contents)
    make_private_folder(out)
    with locked(out, "batch"), Store(out / DATABASE) as store:
        finish_removal(store, out)
        store.ledger.agree()
        if not settings.change_exercise:
            remembered.require_same_exercise(store, exercise)
        _require_manifest(out, contents)
        _assign(store, contents, roster, change=settings.change_roster)
        remembered.remember_exercise(store, exercise)
        if settings.fresh:
            _drop(store, out, store.known())
        _drop(store, out, _superseded(store.known(), contents.submissions))
        records = store.known()
        todo = files.with_folders(contents.submissions, {name: record.folder for name, record in records.items()})
        stale = frozenset(stale_pages(store, out))
        plan = _plan(todo, records, exercise, _Pages(out, stale, annotated=annotated))
        store.touch(plan.touched)
        if contents.manifest is not None:
            write(out / manifests.FILE, manifests.encode(contents.manifest), private=True)
        task = _ClassRun(store, out, exercise, annotated=annotated)
        moved = tuple(task.run(plan, settings))
        store.ignored = contents.ignored
        _publish(store, out, exercise, task.lines)
        return replace(
            _report(store, out),
            graded=len(plan.grade),
            judged_again=len(plan.judge),
            unchanged=len(todo) - len(plan.grade) - len(plan.judge) - len(plan.unavailable),
            unavailable=(*_not_looked_into(contents), *plan.unavailable.values()),
            ignored=contents.ignored,
            passed_over=contents.passed_over,
            changed=_changed(moved),
            notes=(*_left_out(contents, settings), *_rulings(moved), *_gone(records, todo)),
        )


def confirmed(settings: Settings, change: ChangeError) -> Settings:
    """Return settings that confirm a change of what the class is graded with."""
    if isinstance(change, ExerciseChange):
        return replace(settings, change_exercise=True)
    return replace(settings, change_roster=True)


def exercise_before(out: Path) -> str | None:
    """Return the name or folder of the exercise that a folder was graded with; None if nobody knows.

    Raises
    ------
    RequestError
        If the exercise's folder is not there any more, or the store cannot be used.
    """
    if not Store.is_there(out / DATABASE):
        return None
    with Store(out / DATABASE) as store:
        name = remembered.exercise_name(store)
    return name if name is None else remembered.require_exercise(name)


def regrade(out: Path, exercise: Exercise, settings: Settings | None = None) -> Report:
    """Judge stored evidence again, with today's points and words; no student code runs.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    with opened(out) as store, locked(out, "regrade"):
        plan = _plan_of_all(store, exercise)
        remembered.remember_exercise(store, exercise)
        task = _ClassRun(store, out, exercise, annotated=False)
        moved = tuple(task.run(plan, settings or Settings()))
        _publish(store, out, exercise, task.lines)
        done = _report(store, out)
        return replace(done, judged_again=len(plan.judge), changed=_changed(moved), notes=tuple(_rulings(moved)))


def assign(out: Path, name: str, student: str, by: str) -> str:
    """Give a submission to a student, write its page again, and return its name.

    Raises
    ------
    RequestError
        If there is no such submission or student, or the class was collected, so that its manifest says whose each file is.
    """
    with opened(out) as store, locked(out, "assign"):
        records = store.known()
        if name not in records:
            name = next((record.name for record in records.values() if record.folder == name), name)
        if name not in records or not records[name].sha256:
            raise refusal("classroom.assign.no_file", name=name, out=out)
        _require_student(store, out, student)
        exercise = remembered.exercise_to_judge(store)
        store.ledger.add(Decision(by, "assigned", name, student=student, sha256=records[name].sha256))
        absent = [record.name for record in records.values() if record.student == student and not record.sha256]
        _drop(store, out, absent)
        submission = Submission(name, None, folder=records[name].folder, stat=records[name].stat, student=student)
        task = _ClassRun(store, out, exercise, annotated=False)
        tuple(task.run(_BatchPlan(judge=[submission]), Settings()))
        before = manifests.load(out) or manifests.Manifest(system=rosters.SYSTEM)
        if all(entry.student != student or entry.file is None for entry in before.entries):
            entries = [entry for entry in before.entries if entry.student != student]
            entries.append(manifests.Entry(file=name, student=student))
            changed = manifests.Manifest(system=before.system, assignment=before.assignment, entries=tuple(entries))
            write(out / manifests.FILE, manifests.encode(changed), private=True)
        _publish(store, out, exercise, task.lines)
        return name


def _require_student(store: Store, out: Path, student: str) -> None:
    """Refuse somebody who is not in the class, and any class whose manifest says whose each file is."""
    manifest, roster = manifests.load(out), remembered.roster_of(store)
    if manifest is not None and manifests.is_collected(manifest):
        raise refusal("classroom.assign.collected", system=manifest.system)
    if roster is not None:
        students = [person.student for person in rosters.parse(roster.data, roster.path)]
        if student not in students:
            close = get_close_matches(student, students)
            hint = say("classroom.did_you_mean", name=close[0]) if close else say("classroom.assign.no_student.hint")
            raise RequestError(say("classroom.assign.no_student", student=student), hint=hint)


def preview(out: Path, exercise: Exercise, settings: Settings | None = None) -> tuple[Change, ...]:
    """Return whose points judging again would change, and write nothing.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    with opened(out) as store:
        task = _ClassRun(store, None, exercise, annotated=False)
        return tuple(task.run(_plan_of_all(store, exercise), settings or Settings()))


def changes(machine: Result, rulings: Sequence[Decision], before: Result | None = None) -> Iterator[Change]:
    """Yield whose points differ from `before`, and the rulings that today's machine points no longer agree with."""
    today, earlier = ruled(machine, rulings), ruled(before, rulings) if before else None
    short = short_names(machine.functions)
    over = {ruling.function: ruling for ruling in rulings if ruling.kind == "override"}
    for name, function in today.functions.items():
        was = earlier.functions[name].points if earlier and name in earlier.functions else function.points
        given, ruling = machine.functions[name].points, over.get(name)
        applies = function.ruling is not None
        odd = ruling is not None and (not applies or ruling.before != given)
        if was != function.points or odd:
            submission = machine.submission
            yield Change(
                submission.name, submission.student, name, was, function.points, given, ruling, applies, short[name]
            )
    for ruling in rulings:
        if ruling.kind != "override" and (not ruling.function or ruling.function in machine.functions):
            applies = ruling.is_about(machine)
            if not applies or (ruling.kind == "score" and ruling.before != machine.score):
                name, student, score = machine.submission.name, machine.submission.student, machine.score
                about = short.get(ruling.function, "")
                yield Change(name, student, ruling.function, score, score, score, ruling, applies, about)


def _publish(store: Store, out: Path, exercise: Exercise, lines: Mapping[str, bytes]) -> None:
    """Write the class's files, and the pages of submissions that people ruled on in the meantime."""
    if stale := stale_pages(store, out):
        publish(store, out, exercise, stale)
    else:
        publish_class(store, out, exercise, lines)


def _require_no_hand_in(out: Path, sources: Sequence[Path]) -> None:
    """Refuse a folder inside a source that is there already and is not one of results: somebody handed it in."""
    if Store.is_there(out / DATABASE) or not out.is_dir():
        return
    place = out.resolve()
    inside = [source for source in sources if source.is_dir() and source.resolve() in place.parents]
    if inside and any(not path.name.startswith(".") for path in out.iterdir()):
        raise refusal("classroom.batch.out_inside", out=out, source=inside[0])


# --- what is to be done --------------------------------------------------------------------------------------------


def _require_something(sources: Sequence[Path], contents: files.Sources) -> None:
    """Refuse sources that hold nothing; a class of which nobody handed in anything is more likely a folder that is away."""
    if any(submission.path is not None for submission in contents.submissions) or (
        contents.submissions and contents.manifest
    ):
        return
    for place, reason in contents.unavailable.items():
        raise refusal("classroom.batch.unreadable", place=place, reason=reason)
    raise refusal("classroom.batch.empty", sources=tuple(map(str, sources)))


def _require_manifest(out: Path, contents: files.Sources) -> None:
    """Refuse a plain folder for a class whose submissions were collected: it does not say whose they are."""
    before = manifests.load(out)
    if contents.manifest is None and before is not None and manifests.is_collected(before):
        raise refusal("classroom.batch.no_manifest", system=before.system, file=manifests.FILE)


def _assign(store: Store, contents: files.Sources, roster: Roster | None, *, change: bool) -> None:
    """Find out whose each file is, by the class list that was given or else by the one that the class was graded with."""
    given = store.ledger.assigned()
    contents.submissions = [
        replace(submission, student=given.get(submission.name, submission.student))
        for submission in contents.submissions
    ]
    before = remembered.roster_of(store)
    used = roster or before
    if used is None:
        return
    people = rosters.parse(used.data, used.path)
    if roster and before and roster.data != before.data and not change:
        rosters.require_same(contents.submissions, rosters.parse(before.data, before.path), people)
    earlier = {record.student for record in store.known().values() if record.sha256 and record.student}
    matched = rosters.match(contents.submissions, people)
    contents.submissions = [
        submission for submission in matched if submission.path is not None or submission.student not in earlier
    ]
    contents.manifest = contents.manifest or rosters.manifest(matched)
    if roster:
        remembered.remember_roster(store, roster)


@dataclass(slots=True)
class _BatchPlan:
    """Submissions to be graded, those to be judged again from evidence, and new `stat`s of files that have not changed.

    `unavailable` has a sentence for each file that was graded before and cannot be read now: its result stays.
    """

    grade: list[Submission] = field(default_factory=list)
    judge: list[Submission] = field(default_factory=list)
    touched: dict[str, str] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)


def _plan(
    todo: Sequence[Submission], records: Mapping[str, KnownSubmission], exercise: Exercise, pages: _Pages
) -> _BatchPlan:
    plan = _BatchPlan()
    graded, gathered = work.graded_with(exercise), work.gathered_with(exercise)
    for submission in todo:
        before = records.get(submission.name)
        try:
            again = before is None or before.provisional or not _same_file(submission, before)
        except (UnavailableError, OSError, MemoryError) as error:
            reason = fault_of_environment(error) or getattr(error, "problem", str(error))
            plan.unavailable[submission.name] = say(
                "classroom.batch.earlier_result", name=submission.name, reason=reason
            )
            continue
        if again or before is None:
            plan.grade.append(submission)
        elif (before.graded_with, before.handed) == (graded, submission.handed) and pages.are_current(submission):
            if submission.stat and submission.stat != before.stat:
                plan.touched[submission.name] = submission.stat
        elif before.gathered_with == gathered:
            plan.judge.append(submission)
        else:
            plan.grade.append(submission)
    return plan


def _plan_of_all(store: Store, exercise: Exercise) -> _BatchPlan:
    records = store.known()
    wanted = exercise.evidence_sha256
    other = [
        name for name, record in records.items() if record.gathered_with and record.gathered_with.split()[-1] != wanted
    ]
    if other:
        raise refusal("classroom.batch.other_calls", count=len(other), name=other[0])
    return _BatchPlan(
        judge=[Submission(record.name, None, folder=record.folder, stat=record.stat) for record in records.values()]
    )


def _same_file(submission: Submission, before: KnownSubmission) -> bool:
    """Return whether a file is the one that was graded before; it is read only where the file system cannot tell."""
    if submission.path is None:
        return not before.sha256
    if submission.stat and submission.stat == before.stat:
        return True
    try:
        with files.opened(submission) as path:
            return sha256_of(path) == before.sha256
    except RequestError:
        return False


@dataclass(frozen=True, slots=True)
class _Pages:
    """The pages that a submission is to have; those of `stale` are not those that the store knows of."""

    out: Path
    stale: Collection[str]
    annotated: bool

    def are_current(self, submission: Submission) -> bool:
        """Return whether all pages of a submission are there, as they were written."""
        if submission.name in self.stale:
            return False
        annotated = self.annotated and submission.path is not None and files.suffix_of(submission.name) == ".ipynb"
        names = (*work.PAGES, work.ANNOTATED) if annotated else work.PAGES
        return all((self.out / submission.folder / name).is_file() for name in names)


# --- doing it ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _ClassRun:
    """One run over a class: it carries out a plan; `out` is None if nothing is to be written.

    `lines` holds by name what the class's files need of the first submissions that were done, so that these files are
    ready soon after the last one.
    """

    store: Store
    out: Path | None
    exercise: Exercise
    annotated: bool
    lines: dict[str, bytes] = field(default_factory=dict)

    def run(self, plan: _BatchPlan, settings: Settings) -> Iterator[Change]:
        """Grade and judge, store each result, and yield what changed for whom."""
        total = len(plan.grade) + len(plan.judge)
        if not total:
            return
        few = not plan.grade and total <= HERE
        start = pool.here if few and settings.start is pool.processes else settings.start
        standing = self.store.ledger.standing()
        buffer, done = _Buffer(self.store), 0

        def tell(running: Sequence[Work]) -> None:
            settings.progress(done, total, [job.submission.name for job in running])

        try:
            with pool.Stop() as stop:
                ready = settings.ready if plan.grade else lambda: None
                begin = partial(self._begin, jobs=min(settings.jobs, total), ready=ready)
                crew = pool.Crew(settings.jobs, start, stop, tell, begin)
                with closing(pool.each(work.grade, self._works(plan, standing), crew)) as ended:
                    for job, graded in ended:
                        outcome = graded or work.lost(job, self.exercise)
                        yield from self._changes(job, outcome)
                        done += 1
                        if self.out is not None:
                            buffer.add(outcome)
                        if len(self.lines) < LINES:
                            self.lines[job.submission.name] = outcome.line
            settings.progress(done, total, ())
        finally:
            work.finish()
            buffer.flush()

    def _begin(self, executor: Executor, *, jobs: int, ready: Callable[[], object]) -> None:
        """Let every process set itself up, while this one makes sure that student code may run."""
        with ThreadPoolExecutor(1) as beside:
            looked = beside.submit(ready)
            for _ in range(jobs if isinstance(executor, pool.Processes) else 0):
                executor.submit(work.warm, self._setup())
            looked.result()

    def _setup(self) -> Setup:
        return Setup(self.exercise.folder.resolve(), self.store.secret, self.store.path.resolve())

    def _changes(self, job: Work, outcome: Kept) -> Iterator[Change]:
        if job.before or job.rulings:
            before = self.store.result(job.submission.name) if job.before else None
            yield from changes(msgspec.json.decode(outcome.result, type=Result), job.rulings, before)

    def _works(self, plan: _BatchPlan, standing: Mapping[str, Sequence[Decision]]) -> Iterator[Work]:
        setup = self._setup()
        graded, gathered = work.graded_with(self.exercise), work.gathered_with(self.exercise)
        lab = lab_address(self.exercise, self.out) if self.out is not None else ""
        for submission in plan.grade:
            rulings = tuple(standing.get(submission.name, ()))
            yield Work(
                setup, submission, graded, gathered, submission.handed, self.out, rulings, self.annotated, lab=lab
            )
        for submission in plan.judge:
            rulings = tuple(standing.get(submission.name, ()))
            before = self.store.before(submission.name)
            gathered_by = before.gathered_with or gathered
            handed = submission.handed or before.handed
            yield Work(setup, submission, graded, gathered_by, handed, self.out, rulings, self.annotated, before, lab)


class _Buffer:
    """Results on their way into the store, written down in groups: each commit waits for the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: list[Kept] = []
        self._since = time.monotonic()

    def add(self, outcome: Kept) -> None:
        self._kept.append(outcome)
        if len(self._kept) >= GROUP or time.monotonic() - self._since >= GROUP_SECONDS:
            self.flush()

    def flush(self) -> None:
        outcomes, self._kept, self._since = self._kept, [], time.monotonic()
        self._store.put(*outcomes)


def under_ruling(change: Change) -> str:
    """Return a sentence on a ruling under which the machine's points have changed."""
    ruling = change.ruling
    if ruling is None:
        return ""
    who = f"{change.submission}, {change.short or 'score'}"
    if ruling.kind == "comment":
        return say("classroom.stale.comment", who=who, by=ruling.by)
    values = {"who": who, "now": points(change.machine), "before": points(ruling.before), "by": ruling.by}
    if not change.applies and ruling.kind in ADJUSTMENTS:
        what = amount(ruling.kind, ruling.points)
        return say("classroom.stale.change", what=what, **values)
    if change.applies:
        return say("classroom.stale.ruling", points=points(ruling.points), **values)
    return say("classroom.stale.other_code", points=points(ruling.points), **values)


def _changed(moved: Iterable[Change]) -> int:
    return len({change.submission for change in moved if change.after != change.before})


def _rulings(moved: Iterable[Change]) -> Iterator[str]:
    yield from (under_ruling(change) for change in moved if change.ruling)


def _report(store: Store, out: Path) -> Report:
    counts, records = store.counts(), store.known()
    return Report(
        out / "index.html",
        submissions=counts.submissions,
        passed=counts.passed,
        provisional=counts.provisional,
        unjudged=tuple(name for name, record in records.items() if record.provisional),
        nobody=nobodys(store),
        review=counts.review,
    )


def _drop(store: Store, out: Path, names: Iterable[str]) -> None:
    """Take submissions out of the store, with their pages."""
    records = store.known()
    for name in names:
        shutil.rmtree(out / records[name].folder, ignore_errors=True)
    store.drop(*names)


def _not_looked_into(contents: files.Sources) -> Iterator[str]:
    """Yield a sentence on each folder and zip that could not be read."""
    for place, reason in contents.unavailable.items():
        yield say("classroom.batch.skipped", place=place, reason=reason)


def _left_out(contents: files.Sources, settings: Settings) -> Iterator[str]:
    """Yield a sentence on each hand-in that has more notebooks than are graded of one."""
    for name, left in sorted(contents.left_out.items()):
        yield (say("classroom.batch.too_many", name=name, most=settings.max_files, left=left))


def _gone(records: Mapping[str, KnownSubmission], today: Sequence[Submission]) -> Iterator[str]:
    """Yield a sentence on results whose files are no longer there."""
    gone = sorted(records.keys() - {submission.name for submission in today})
    if gone:
        yield say("classroom.batch.gone", count=len(gone), name=gone[0])


def _superseded(records: Mapping[str, KnownSubmission], today: Sequence[Submission]) -> list[str]:
    """Return earlier entries of people who are here today under another name: nothing handed in then, or another file."""
    names, students = (
        {submission.name for submission in today},
        {submission.student for submission in today if submission.student},
    )
    return [name for name, record in records.items() if name not in names and record.student in students]
