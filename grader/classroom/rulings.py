"""Decisions of people: rulings on points, and marks that somebody has looked; all are in the ledger of the store."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from grader.classroom import batch, folder, remembered, review
from grader.errors import RequestError
from grader.exercise.load import Exercise, Task
from grader.messages import refusal, say
from grader.records import AdjustmentKind
from grader.records.points import points as shown
from grader.rendering.gradebook import shown_cell
from grader.store import ADJUSTMENTS, Decision, KnownSubmission, Store, code_of, ruled
from grader.store import ledger as decisions_file

COLUMNS = ("submission", "function", "points", "reason", "by")  # of a table of rulings
COMMENT = "comment"  # in the place of points: the reason is a person's words, and changes no points
MOST_COMMENT = 700  # characters of a comment: what an LMS shows of a result is 1,000 in all
_SCORE = re.compile(r"(?P<sign>[+-]?)(?P<number>\d{1,6}(?:\.\d{1,4})?)(?P<percent>%?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ruled:
    """One ruling: on whom, and the points before and after; for a ruling on the whole score these are scores."""

    submission: str
    student: str | None
    points: float
    before: float


@dataclass(frozen=True, slots=True)
class RulingOrder:
    """What a person orders: the points of a function, why, and who they are; no points take the last ruling back.

    Without a function it is about the whole hand-in, and `kind` says how `points` change its score.  A comment is `reason`
    alone; without words it takes the last one back.
    """

    function: str
    points: float | None
    reason: str
    by: str
    kind: Literal["override", "comment", AdjustmentKind] = "override"


def override(out: Path, exercise: str | None, submissions: Sequence[str], order: RulingOrder) -> list[Ruled]:
    """Change points of some submissions, or give them a comment, and write their pages and the gradebook again.

    Raises
    ------
    RequestError
        If there is no such submission, function or number of points, or no ruling to take back.
    """
    _require_reason(order)
    with folder.opened(out) as store:
        loaded = remembered.exercise_for(store, exercise)
        task = _task(loaded, order.function) if order.function else None
        names = [find(store, given).name for given in submissions]
        decisions = [_decision(store, name, task, order) for name in dict.fromkeys(names)]
        scores = {decision.submission: _score(store, decision.submission) for decision in decisions}
        store.ledger.add(*decisions)
        folder.publish(store, out, loaded, names)
        records = store.known()
        rulings = []
        for decision in decisions:
            before, points = decision.before, decision.points
            if not decision.function:
                before, points = scores[decision.submission], _score(store, decision.submission)
            rulings.append(Ruled(decision.submission, records[decision.submission].student, points, before))
    return rulings


def _score(store: Store, name: str) -> float:
    return ruled(store.result(name), store.ledger.standing().get(name, ())).score


def adjustment(text: str) -> tuple[AdjustmentKind, float]:
    """Read a change of the whole score: ``25`` sets it, ``+2`` and ``-2`` add points, ``-10%`` changes it by a share.

    Raises
    ------
    RequestError
        If it is none of these.
    """
    match = _SCORE.fullmatch(text.strip())
    if not match or (match["percent"] and not match["sign"]):
        raise refusal("classroom.adjust.not_a_change", text=text)
    kind: AdjustmentKind = "percent" if match["percent"] else "bonus" if match["sign"] else "score"
    return kind, float(match["sign"] + match["number"])


def alike(out: Path, exercise: str | None, submission: str, function: str) -> list[KnownSubmission]:
    """Return all submissions whose function gave the same results on every public call, the submission itself first.

    Raises
    ------
    RequestError
        If there is no such submission or function.
    """
    with folder.opened(out) as store:
        task = _task(remembered.exercise_for(store, exercise), function)
        own, records = find(store, submission), store.known()
        return [own, *(records[name] for name in store.alike(own.name, task.name) if name != own.name)]


def last_order(out: Path, exercise: str | None, submission: str, function: str) -> RulingOrder | None:
    """Return the ruling that applies to a function as an order, so that it can be given to others."""
    with folder.opened(out) as store:
        task = _task(remembered.exercise_for(store, exercise), function)
        for decision in store.ledger.standing().get(find(store, submission).name, ()):
            if decision.function == task.name and decision.kind == "override":
                return RulingOrder(task.name, decision.points, decision.reason, decision.by)
    return None


def mark_seen(out: Path, exercise: str | None, submissions: Iterable[str], by: str, reason: str = "") -> list[str]:
    """Note that a person has looked at submissions; they keep nothing back until their file changes.

    Raises
    ------
    RequestError
        If there is no such submission.
    """
    with folder.opened(out) as store:
        records = [find(store, given) for given in submissions]
        store.ledger.add(*(_seen(store, record, by, reason) for record in records))
        folder.publish(store, out, remembered.exercise_for(store, exercise), ())
    return [record.name for record in records]


def to_review(out: Path, kind: str | None = None, match: str = "") -> list[review.Item]:
    """Return what to look at in a class; only one `kind`, or what has a text in its name or reason.

    Raises
    ------
    RequestError
        If nothing was graded into `out`.
    """
    with folder.opened(out) as store:
        items = review.items(
            store.results(),
            store.seen(),
            dict(_odd_rulings(store)),
            store.same_files(),
            folder.nobodys(store),
            folder.late(store, out),
        )
    if kind is not None and kind not in review.KINDS:
        raise refusal("classroom.review.no_kind", kind=kind, kinds=review.KINDS)
    return [item for item in items if kind in (None, item.kind) and match in f"{item.submission} {item.why}"]


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
    """Return what people decided: as CSV the rulings and comments that apply, or all decisions as lines of JSON.

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
            for decision in decisions:
                points = COMMENT if decision.kind == "comment" else _number(decision.points)
                function = decision.kind if decision.kind in ADJUSTMENTS else decision.function
                writer.writerow(map(shown_cell, (decision.submission, function, points, decision.reason, decision.by)))
        return text.getvalue()


def imported(out: Path, exercise: str | None, path: Path, by: str) -> int:
    """Take rulings from a CSV, or decisions that `exported` wrote, into the ledger; return how many are new.

    Raises
    ------
    RequestError
        If there is no such file, or a line cannot be: it has no such submission, function or points, no reason, or says not
        who ruled.
    """
    if not path.is_file():
        raise refusal("classroom.rulings.no_file", path=path)
    with folder.opened(out) as store:
        loaded = remembered.exercise_for(store, exercise)
        if path.suffix.lower() == ".csv":
            new = [_imported_row(store, loaded, row, number, by) for number, row in _table(path)]
        else:
            before = set(store.ledger.decisions())
            new = [decision for decision in _decisions(path) if decision not in before]
        store.ledger.add(*new)
        folder.publish(store, out, loaded, sorted({decision.submission for decision in new} & store.known().keys()))
    return len(new)


def _decisions(path: Path) -> list[Decision]:
    """Return the decisions of a file that `exported` wrote; refuse a line that is none."""
    decisions = decisions_file.read(path)
    lines = sum(1 for line in path.read_bytes().splitlines() if line.strip())
    if len(decisions) < lines:
        raise refusal("classroom.rulings.not_decisions", count=lines - len(decisions), path=path)
    return decisions


def _number(points: float) -> float:
    """Return points as a cell that stays a number: a text such as -10 would be marked for spreadsheets."""
    return int(points) if points.is_integer() else points


def _table(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV with the numbers of their lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise refusal("classroom.rulings.unreadable", path=path, error=error) from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if missing := {"submission", "function", "points"} - set(reader.fieldnames or ()):
        raise refusal(
            "classroom.rulings.no_column", path=path, missing=tuple(sorted(missing)), columns=",".join(COLUMNS)
        )
    for row in reader:
        yield reader.line_num, {name: _as_written(value) for name, value in row.items() if name and name in COLUMNS}


def _as_written(cell: str | None) -> str:
    """Return a cell without the mark that keeps a spreadsheet from running it."""
    text = cell or ""
    return text[1:] if text.startswith("'") and shown_cell(text[1:]) == text else text


def _imported_row(store: Store, exercise: Exercise, row: Mapping[str, str], number: int, by: str) -> Decision:
    try:
        order = _row_order(exercise, row, by)
        _require_reason(order)
        task = _task(exercise, order.function) if order.function else None
        return _decision(store, find(store, row["submission"]).name, task, order)
    except RequestError as error:
        raise RequestError(
            say("classroom.rulings.line", number=number, problem=error.problem), hint=error.hint
        ) from None


def _row_order(exercise: Exercise, row: Mapping[str, str], by: str) -> RulingOrder:
    """Read a row's order: `score`, `percent` and `bonus` in the place of a function change the whole score."""
    function, points = row["function"].strip(), row["points"].strip()
    reason, by = row.get("reason", "").strip(), row.get("by", "").strip() or by.strip()
    names = {name for task in exercise.tasks for name in (task.short, task.name)}
    if points.casefold() == COMMENT:
        return RulingOrder(function, None, reason, by, "comment")
    adjustments = [kind for kind in ADJUSTMENTS if kind == function and function not in names]
    if "percent" in adjustments:
        points = points.removesuffix("%").rstrip()
    try:
        value = float(points)
    except ValueError:
        raise refusal("classroom.rulings.not_points", points=points, comment=COMMENT) from None
    if adjustments:
        return RulingOrder("", value, reason, by, adjustments[0])
    if not function:
        raise refusal("classroom.rulings.no_function_given", adjustments=tuple(ADJUSTMENTS))
    return RulingOrder(function, value, reason, by)


def find(store: Store, given: str) -> KnownSubmission:
    """Return the submission that goes by this name, folder or student.

    Raises
    ------
    RequestError
        If there is none, or more than one.
    """
    records = store.known()
    if given in records:
        return records[given]
    matches = [
        record for record in records.values() if given in {record.folder, record.student, shown_cell(record.name)}
    ]
    if len(matches) > 1:
        names = tuple(record.name for record in matches)
        raise refusal("classroom.rulings.several", given=given, names=names)
    if not matches:
        raise refusal("classroom.rulings.no_submission", given=given, folder=store.path.parent)
    return matches[0]


def _require_reason(order: RulingOrder) -> None:
    if order.kind == "comment" and order.by.strip():
        if len(order.reason) > MOST_COMMENT:
            raise refusal("classroom.rulings.long_comment", count=len(order.reason), most=MOST_COMMENT)
    elif not order.reason.strip() or not order.by.strip():
        raise refusal("classroom.rulings.no_reason")


def _task(exercise: Exercise, given: str) -> Task:
    for task in exercise.tasks:
        if given in {task.short, task.name}:
            return task
    shorts = [task.short for task in exercise.tasks]
    near = get_close_matches(given, [*shorts, *exercise.names], n=1)
    hint = (
        say("classroom.did_you_mean", name=near[0])
        if near
        else say("classroom.rulings.no_function.hint", names=tuple(shorts))
    )
    raise RequestError(say("classroom.rulings.no_function", given=given, title=exercise.title), hint=hint)


def _decision(store: Store, name: str, task: Task | None, order: RulingOrder) -> Decision:
    result = store.result(name)
    standing = [
        decision.kind
        for decision in store.ledger.standing().get(name, ())
        if decision.function == (task.name if task else "")
    ]
    if order.kind == "comment" or task is None:
        return _decision_on_words_or_score(store, name, task, order, standing)
    if task.name not in result.functions:
        raise refusal("classroom.other_exercise", name=name, exercise=result.exercise)
    function = result.functions[task.name]
    points = function.points if order.points is None else order.points
    if not 0 <= points <= task.possible:
        raise refusal(
            "classroom.rulings.range", points=shown(points), function=task.short, possible=shown(task.possible)
        )
    if order.points is None and "override" not in standing:
        raise refusal("classroom.rulings.none", function=task.short, name=name)
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
        code=code_of(result, task.name),
    )


def _decision_on_words_or_score(
    store: Store, name: str, task: Task | None, order: RulingOrder, standing: Sequence[str]
) -> Decision:
    """Return a comment, or a ruling over the whole score."""
    result, function = store.result(name), task.name if task else ""
    if function and function not in result.functions:
        raise refusal("classroom.other_exercise", name=name, exercise=result.exercise)
    is_comment = order.kind == "comment"
    takes_back = not order.reason if is_comment else order.points is None
    if takes_back and not (COMMENT in standing if is_comment else set(ADJUSTMENTS) & set(standing)):
        what = "comment" if is_comment else "score"
        raise refusal(f"classroom.rulings.none.{what}", name=name, hint="classroom.rulings.none.hint")
    if order.points is not None:
        _require_number(order, result.possible)
    kind = order.kind if is_comment or not takes_back else "undo"
    return Decision(
        by=order.by,
        kind=kind,
        submission=name,
        function=function,
        points=order.points or 0.0,
        before=result.score,
        possible=result.possible,
        reason=order.reason,
        sha256=result.submission.sha256,
        code=code_of(result, function),
    )


def _require_number(order: RulingOrder, possible: float) -> None:
    """Refuse a score that cannot be, and a share that looks like one of a hundred written as a fraction."""
    value = order.points or 0.0
    least, most = {"score": (0, possible), "percent": (-100, 100)}.get(order.kind, (-possible, possible))
    if not least <= value <= most:
        raise refusal(
            "classroom.adjust.range",
            value=shown(value),
            kind=order.kind,
            possible=shown(possible),
            least=shown(least),
            most=shown(most),
        )
    if order.kind == "percent" and 0 < abs(value) < 1:
        raise refusal("classroom.adjust.percent", value=value)


def _seen(store: Store, record: KnownSubmission, by: str, reason: str) -> Decision:
    """Note that somebody has looked, with the machine's score that they saw."""
    score = store.result(record.name).score
    return Decision(by, "seen", record.name, before=score, reason=reason, sha256=record.sha256)


def _odd_rulings(store: Store) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the submissions under whose rulings something has changed since somebody looked, with what."""
    records = store.known()
    looks = {decision.submission: decision for decision in store.ledger.decisions() if decision.kind == "seen"}
    for name, decisions in store.ledger.standing().items():
        if name in records:
            machine, look = store.result(name), looks.get(name)
            sentences = [batch.under_ruling(change) for change in batch.changes(machine, decisions) if change.ruling]
            if sentences and not (look and (look.sha256, look.before) == (records[name].sha256, machine.score)):
                yield name, tuple(sentences)
