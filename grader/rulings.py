"""People decide: rulings on points, and marks that somebody has looked; all of it goes into the ledger of the store."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader import batch, folder, remembered, review
from grader.errors import RequestError
from grader.exercise import Exercise, Task
from grader.report.gradebook import shown_cell
from grader.store import Decision, Known, Store, code_hash
from grader.store import ledger as decisions_file

COLUMNS = ("submission", "function", "points", "reason", "by")  # of a table of rulings


@dataclass(frozen=True, slots=True)
class Ruled:
    """One ruling: of whom, to how many points, from how many."""

    submission: str
    student: str | None
    points: float
    before: float


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody orders: the points of a function, why, and who they are; no points take the last ruling back."""

    function: str
    points: float | None
    reason: str
    by: str


def override(out: Path, exercise: str | None, submissions: Sequence[str], order: Order) -> list[Ruled]:
    """Change the points of a function in some submissions, and write their pages and the gradebook anew.

    Raises
    ------
    RequestError
        If there is no such submission, function or number of points, or no ruling to take back.
    """
    _require_reason(order)
    with folder.opened(out) as store:
        loaded = remembered.exercise_for(store, exercise)
        task = _task(loaded, order.function)
        names = [find(store, given).name for given in submissions]
        decisions = [_decision(store, name, task, order) for name in dict.fromkeys(names)]
        store.ledger.add(*decisions)
        folder.publish(store, out, loaded, names)
        known = store.known()
    return [Ruled(one.submission, known[one.submission].student, one.points, one.before) for one in decisions]


def alike(out: Path, exercise: str | None, submission: str, function: str) -> list[Known]:
    """Return all whose function gave the very same on every public call, the submission itself first.

    Raises
    ------
    RequestError
        If there is no such submission or function.
    """
    with folder.opened(out) as store:
        task = _task(remembered.exercise_for(store, exercise), function)
        own, known = find(store, submission), store.known()
        return [own, *(known[name] for name in store.alike(own.name, task.name) if name != own.name)]


def last_order(out: Path, exercise: str | None, submission: str, function: str) -> Order | None:
    """Return the ruling that stands over a function as an order, so that it can be given to others."""
    with folder.opened(out) as store:
        task = _task(remembered.exercise_for(store, exercise), function)
        for one in store.ledger.standing().get(find(store, submission).name, ()):
            if one.function == task.name:
                return Order(task.name, one.points, one.reason, one.by)
    return None


def mark_seen(out: Path, exercise: str | None, submissions: Iterable[str], by: str, reason: str = "") -> list[str]:
    """Note that somebody has looked at submissions; they hold nothing back until their file changes.

    Raises
    ------
    RequestError
        If there is no such submission.
    """
    with folder.opened(out) as store:
        known = [find(store, given) for given in submissions]
        store.ledger.add(*(_seen(store, one, by, reason) for one in known))
        folder.publish(store, out, remembered.exercise_for(store, exercise), ())
    return [one.name for one in known]


def to_review(out: Path, kind: str | None = None, match: str = "") -> list[review.Item]:
    """Return what is worth a look in a class that was graded; only one `kind`, or what holds a text in name or reason.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    with folder.opened(out) as store:
        found = review.items(
            store.results(), store.seen(), dict(_odd_rulings(store)), store.same_files(), folder.nobodys(store)
        )
    if kind is not None and kind not in review.WORDS:
        raise RequestError(f"there is no kind {kind!r}", hint=f"known are {', '.join(review.WORDS)}")
    return [one for one in found if kind in (None, one.kind) and match in f"{one.submission} {one.why}"]


def ledger(out: Path) -> tuple[Decision, ...]:
    """Return all that people decided, oldest first.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    with folder.opened(out) as store:
        return store.ledger.decisions()


def exported(out: Path, *, table: bool) -> str:
    """Return what people decided: as CSV the rulings that stand, or all decisions as lines of JSON.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    with folder.opened(out) as store:
        if not table:
            return b"".join(map(decisions_file.encode, store.ledger.decisions())).decode()
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for decisions in store.ledger.standing().values():
            for one in decisions:
                writer.writerow(map(shown_cell, (one.submission, one.function, f"{one.points:g}", one.reason, one.by)))
        return text.getvalue()


def imported(out: Path, exercise: str | None, path: Path, by: str) -> int:
    """Take rulings from a CSV, or decisions that `exported` wrote, into the ledger; return how many are new.

    Raises
    ------
    RequestError
        If a line cannot be: it has no such submission, function or points, no reason, or says not who ruled.
    """
    with folder.opened(out) as store:
        loaded = remembered.exercise_for(store, exercise)
        if path.suffix.lower() == ".csv":
            new = [_imported_row(store, loaded, row, number, by) for number, row in _table(path)]
        else:
            before = set(store.ledger.decisions())
            new = [one for one in decisions_file.read(path) if one not in before]
        store.ledger.add(*new)
        folder.publish(store, out, loaded, sorted({one.submission for one in new} & store.known().keys()))
    return len(new)


def _table(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV with the numbers of their lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read: {error}", hint="give a CSV file in UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if missing := {"submission", "function", "points"} - set(reader.fieldnames or ()):
        hint = f"its heading is {','.join(COLUMNS)}"
        raise RequestError(f"{path} has no column {', '.join(sorted(missing))}", hint=hint)
    for row in reader:
        yield reader.line_num, {name: value or "" for name, value in row.items() if name}


def _imported_row(store: Store, exercise: Exercise, row: Mapping[str, str], number: int, by: str) -> Decision:
    try:
        points = float(row["points"])
    except ValueError:
        points = -1.0
    order = Order(row["function"], points, row.get("reason", "").strip(), row.get("by", "").strip() or by.strip())
    try:
        _require_reason(order)
        return _decision(store, find(store, row["submission"]).name, _task(exercise, order.function), order)
    except RequestError as error:
        raise RequestError(f"line {number}: {error.problem}; nothing was changed", hint=error.hint) from None


def find(store: Store, given: str) -> Known:
    """Return the submission that goes by this name, folder or student.

    Raises
    ------
    RequestError
        If there is none, or more than one.
    """
    known = store.known()
    if given in known:
        return known[given]
    found = [one for one in known.values() if given in {one.folder, one.student}]
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise RequestError(f"{given!r} is more than one submission: {names}", hint="give the name of one of them")
    if not found:
        raise RequestError(
            f"there is no submission {given!r} in {store.path.parent}",
            hint="give its name, folder or student as they stand in grades.csv",
        )
    return found[0]


def _require_reason(order: Order) -> None:
    if not order.reason.strip() or not order.by.strip():
        raise RequestError("a ruling needs a reason and a name", hint="give --reason TEXT and --by NAME")


def _task(exercise: Exercise, given: str) -> Task:
    for task in exercise.tasks:
        if given in {task.short, task.name}:
            return task
    shorts = ", ".join(task.short for task in exercise.tasks)
    raise RequestError(f"there is no function {given!r} in {exercise.title}", hint=f"give one of {shorts}")


def _decision(store: Store, name: str, task: Task, order: Order) -> Decision:
    result = store.result(name)
    if task.name not in result.functions:
        raise RequestError(f"{name} was graded for another exercise, {result.exercise}", hint="name it with --exercise")
    function = result.functions[task.name]
    points = function.points if order.points is None else order.points
    if not 0 <= points <= task.possible:
        raise RequestError(
            f"{points:g} points for {task.short}: it has {task.possible:g}",
            hint=f"give a number from 0 to {task.possible:g}",
        )
    if order.points is None and not any(one.function == task.name for one in store.ledger.standing().get(name, ())):
        raise RequestError(f"no ruling stands over {task.short} of {name}", hint="see `grader review DIR --ledger`")
    return Decision(
        by=order.by,
        kind="undo" if order.points is None else "override",
        submission=name,
        function=task.name,
        points=points,
        before=function.points,
        possible=task.possible,
        reason=order.reason,
        sha256=result.submission.sha256,
        code=code_hash(function),
    )


def _seen(store: Store, known: Known, by: str, reason: str) -> Decision:
    """Note that somebody has looked, with the machine's score that they saw."""
    score = store.result(known.name).score
    return Decision(by, "seen", known.name, before=score, reason=reason, sha256=known.sha256)


def _odd_rulings(store: Store) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the submissions under whose rulings something has changed since somebody looked, with what."""
    known = store.known()
    looks = {one.submission: one for one in store.ledger.decisions() if one.kind == "seen"}
    for name, decisions in store.ledger.standing().items():
        if name in known:
            machine, look = store.result(name), looks.get(name)
            said = [batch.under_ruling(one) for one in batch.changes(machine, decisions)]
            if said and not (look and (look.sha256, look.before) == (known[name].sha256, machine.score)):
                yield name, tuple(said)
