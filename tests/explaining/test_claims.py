"""Every claim of a page is so: verdict, codes, next step, place, numbers, and each reason, checked by switching it off."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from claims import (
    Claim,
    Graded,
    Verdict,
    are_values_so,
    comparisons,
    followed,
    is_evidence_so,
    is_place_so,
    overheard,
    rule,
)
from notebooks import IMPORTS, notebook
from students import STYLES, Student, is_right, source, students
from test_story import STARTS, Told, check_claims, convert, needs_llvmlite, told

from grader import reading
from grader.exercise import load as exercises
from grader.exercise.fast import engine
from grader.exercise.training import course_data, train
from grader.explaining import known_fault, summarize
from grader.judging.checks import CHECKS
from grader.pipeline import Pipeline
from grader.records import Cause, Floats, NotebookInfo, RateEnd, Training
from grader.running import gather as gathering
from grader.running.train import Trainer
from grader.verdict import VerdictInput, without_text
from grader.verdict import source as source_of

EXERCISE = exercises.load(checks=CHECKS)
TASKS = {task.short: task for task in EXERCISE.tasks}
LEFT_OPEN = 0.03  # of the claims of a kind, of which the reader may not be able to tell
SAMPLE, SHARES = 60, 4
NOT_AMONG_STARTS = {r"explaining\.story\.blind$"}  # such a start never leaves ln 2: looking for it takes its time
Start = Mapping[str, Floats]
Holds = Callable[[Training, Training], bool]  # of a run, and of that without what is named as its reason


class Reader:
    """Grades functions and reads what is said of them; each is graded once."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self._graded = pipeline, dict[tuple[Student, bool], Graded]()

    def graded(self, student: Student, *, proved: bool = False) -> Graded:
        """Return a function's verdict with all that is said; `proved`: the line of its fault is looked for, too."""
        key = (student, proved)
        if key not in self._graded:
            self._graded[key] = self._grade(student, proved=proved)
        return self._graded[key]

    def _grade(self, student: Student, *, proved: bool) -> Graded:
        pipeline, name = self.pipeline, TASKS[student.task].name
        text = source(student).replace("def f(", f"def {name}(", 1)
        limits = pipeline.gatherer.sandbox.limits
        file = reading.parse(notebook(IMPORTS, text), "a.ipynb", limits)
        function = reading.extract(file, EXERCISE.names, EXERCISE.given, {}, limits).functions[name]
        pipeline.gatherer.begin()
        evidence = pipeline.gatherer.function(function)
        if proved:
            evidence = pipeline.repairer.repaired(evidence)
        with overheard() as claims:
            given = VerdictInput(without_text(evidence), known_fault(evidence.repairs, EXERCISE.show))
            result = replace(pipeline.verdict(given, pipeline.prepared), source=source_of(function))
            summary = summarize(NotebookInfo(file.status, file.problems), {name: result})
        return Graded(student, evidence, result, summary, tuple(claims), pipeline.gatherer.calls(function))


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Pipeline(EXERCISE, b"secret") as pipeline:
        yield Reader(pipeline)


# --- because: what a reason names is switched off ---------------------------------------------------------------------


def without_biases(start: Start) -> Start:
    return {name: np.zeros_like(value) if name[0] == "b" else value for name, value in start.items()}


def of_rule(start: Start) -> Start:
    """Return the same draws at the size of He's rule, biases as they are; zeros and constants are drawn."""
    state, changed = np.random.RandomState(3), dict(start)
    for name in (name for name in start if name[0] == "W"):
        weights = start[name]
        drawn = state.standard_normal(weights.shape)
        direction = weights if np.unique(weights).size > 1 else drawn
        changed[name] = direction * math.sqrt(2 * weights.shape[0]) / np.linalg.norm(direction)
    return changed


def of_scale_1(start: Start) -> Start:
    """Return the same draws with a standard deviation of 1."""
    sizes = {name: math.sqrt(value.shape[1] / 2) for name, value in start.items() if name[0] == "W"}
    return {name: value * sizes.get(name, 1) for name, value in of_rule(start).items()}


def larger_gradients(mine: Training, other: Training) -> bool:
    return max(other.gradient_norms) > 2 * max(mine.gradient_norms)


def ends_better(mine: Training, other: Training) -> bool:
    return other.cost_14000 < mine.cost_14000 and other.train_accuracy > mine.train_accuracy


def moves(mine: Training, other: Training) -> bool:
    return not all(mine.gradient_norms) and all(other.gradient_norms)


def fewer_saturated(mine: Training, other: Training) -> bool:
    return other.saturated < 0.5 <= mine.saturated


def differ(mine: Training, other: Training) -> bool:
    return 1 in mine.distinct and 1 not in other.distinct


def to_the_rule(start: Start) -> Start:
    """Return weights of He's rule with biases of zero: each of the two may keep a unit still."""
    return without_biases(of_rule(start))


def both(*holds: Holds) -> Holds:
    return lambda mine, other: all(one(mine, other) for one in holds)


# a reason, by the id of its message: what is switched off, and what must then be different
BECAUSE: Mapping[str, tuple[tuple[Callable[[Start], Start], ...], Holds]] = {
    r"explaining\.story\.small$": ((of_rule,), both(larger_gradients, ends_better)),
    r"explaining\.story\.dead$": ((to_the_rule,), moves),
    r"explaining\.story\.symmetric": ((of_rule,), both(differ, ends_better)),
    r"explaining\.story\.large$": ((of_rule, of_scale_1), both(fewer_saturated, ends_better)),
    r"explaining\.story\.no_error_through": ((of_rule,), moves),
    r"explaining\.story\.blind$": ((of_rule,), moves),
    r"explaining\.story\.biases_saturate": ((without_biases,), fewer_saturated),
    r"explaining\.story\.biases_silence": ((without_biases,), larger_gradients),
    r"explaining\.story\.dead_by_biases": ((without_biases,), moves),
    r"feedback\.reason\.(hardly_begun|late)": ((of_rule,), both(larger_gradients, ends_better)),
    r"feedback\.reason\.(dead|still)": ((to_the_rule,), both(moves, ends_better)),
    r"feedback\.reason\.symmetric": ((of_rule,), both(differ, ends_better)),
    r"feedback\.reason\.(large|stopped)$": ((of_rule, of_scale_1), both(fewer_saturated, ends_better)),
    r"feedback\.reason\.biases": ((without_biases,), ends_better),
}


@dataclass(frozen=True)
class Run:
    """A start with its training, that of the right answer, and what is said of it."""

    start: Start
    mine: Training
    asked: Training
    story: str
    ids: tuple[str, ...]


def reasons(run: Run, trainer: Trainer) -> Iterator[tuple[str, bool]]:
    """Yield each reason that is named, and whether the run is another one where it is switched off."""
    for pattern, (switched_off, holds) in BECAUSE.items():
        if any(re.search(pattern, message_id) for message_id in run.ids):
            yield pattern, any(holds(run.mine, trainer.train(change(run.start))) for change in switched_off)
    if "explaining.story.other_draw" in run.ids:
        yield "the draw", ends_better(run.mine, run.asked)
    if "explaining.story.larger_rate" in run.ids:
        for end in run.mine.rate_ends:
            yield "a larger learning rate", train_accuracy(run.start, end) == end.train_accuracy > 0.9


def train_accuracy(start: Start, end: RateEnd) -> float:
    """Train with another learning rate, and return the train accuracy."""
    model, data = replace(EXERCISE.model, learning_rate=end.learning_rate, iterations=end.iterations), course_data()
    return train(start, data, model, engine=engine(data, model)).train_accuracy


def ids_in(claims: Sequence[Claim], texts: str) -> tuple[str, ...]:
    """Return the ids of the sentences that are in a text."""
    return tuple(claim.id for claim in claims if claim.text and claim.text in texts)


@needs_llvmlite
def test_each_reason_is_one_whatever_the_start(reader):
    met = set()
    for name, (init, short) in STARTS.items():
        np.random.seed(0)
        start = {key: np.asarray(value, dtype=float) for key, value in init(list(EXERCISE.model.layers)).items()}
        if name == "no seed":  # drawn again at each call
            continue
        with overheard() as claims:
            result = told(reader.pipeline, init, short)
        story = " ".join((*result.explanation, result.reasons))
        run = Run(start, convert(result.training), convert(result.reference_training), story, ids_in(claims, story))
        for reason, holds in reasons(run, reader.pipeline.trainer):
            assert holds, f"{name}: not the reason: {reason}"
            met.add(reason)
    assert set(BECAUSE) - met <= NOT_AMONG_STARTS


# --- the whole reader -------------------------------------------------------------------------------------------------


def claims_of(graded: Graded, reader: Reader) -> Iterator[tuple[str, str, Verdict]]:
    """Yield the kind of each claim (verdict, code, words), what it is, and whether it is so."""
    student, result = graded.student, graded.result
    layers = [(call.layers, call.ambient_seed) for call in graded.calls]
    yield "verdicts", "passed", result.passed == is_right(student, layers) == (not result.diagnosis.causes)
    planted = {cause for fault in student.faults for cause in fault.causes}
    for code in result.diagnosis.causes:
        yield "codes", code, None if code == "unknown" else code in planted
    yield "codes", f"rule {result.diagnosis.scale_formula}", result.diagnosis.scale_formula in (None, rule(student))
    yield from (("words", *claim) for claim in _words(graded, reader))


def _words(graded: Graded, reader: Reader) -> Iterator[tuple[str, Verdict]]:
    result = graded.result
    if result.told:
        yield "next step", _leads_on(graded, result.told[0], reader)
    for cause in result.told:
        yield f"values of {graded.step(cause)[0]}", are_values_so(graded, cause)
        yield f"step {graded.step(cause)[0]}", _applies(graded, cause)
        if cause.place is not None:
            yield f"place {cause.place}", is_place_so(graded, cause)
    for check in result.checks:
        if check.evidence is not None:
            yield f"evidence {check.evidence}", is_evidence_so(graded, check.evidence)
    yield from ((text, holds) for sentence in graded.texts() for text, holds in comparisons(sentence))
    if result.explanation:
        yield "story", _story(graded, reader)
        yield from reasons(_run(graded, reader), reader.pipeline.trainer)


def _run(graded: Graded, reader: Reader) -> Run:
    start, mine = gathering.start_of(graded.evidence, EXERCISE.model), graded.evidence.training
    asked = reader.pipeline.prepared.answers[TASKS[graded.student.task].name].recovered.evidence.training
    assert start is not None
    assert mine is not None
    assert asked is not None
    story = " ".join((*graded.result.explanation, graded.result.reasons))
    return Run(start, mine, asked, story, ids_in(graded.claims, story))


def _applies(graded: Graded, cause: Cause) -> Verdict:
    """Return whether a step is one that this function needs."""
    student = followed(graded, cause)
    return None if student is None else student != graded.student


def _leads_on(graded: Graded, cause: Cause, reader: Reader) -> Verdict:
    """Return whether who does what is said first is not told it again, and loses no points."""
    student = followed(graded, cause)
    if student is None:
        return None
    after = reader.graded(student).result
    again = any(other.action == cause.action for other in after.told)
    others = {code for fault in student.faults for code in fault.causes}
    gone = cause.code not in after.diagnosis.causes or cause.code in others
    return student != graded.student and not again and gone and after.points >= graded.result.points


def _story(graded: Graded, reader: Reader) -> Verdict:
    result = graded.result
    for cause in result.told:  # what to do is read elsewhere
        rest = (text.replace(f"in {cause.place}, ", "").replace(cause.action, "") for text in result.explanation)
        result = replace(result, explanation=tuple(rest))
    try:
        check_claims(Told(result, reader.pipeline.prepared.measured))
    except AssertionError as error:
        return None if "nobody checks" in str(error) else False
    return True


def table(rows: Mapping[str, Counter[Verdict]]) -> str:
    """Return how many claims of each kind are right, not to be told, and wrong."""
    lines = [f"{'':10}{'right':>8}{'cannot tell':>13}{'wrong':>7}"]
    lines += [f"{kind:10}{count[True]:8,}{count[None]:13,}{count[False]:7,}" for kind, count in rows.items()]
    return "\n".join(lines)


def read(chosen: list[Student], reader: Reader, *, proved: bool) -> None:
    """Read all claims about some functions, print the table, and let none be wrong."""
    rows = {kind: Counter[Verdict]() for kind in ("verdicts", "codes", "words")}
    open_ones = []
    for student in chosen:
        looks = proved and STYLES[student.style][0] != "while"  # edits of such a loop may hang, for seconds
        for kind, what, holds in claims_of(reader.graded(student, proved=looks), reader):
            rows[kind][holds] += 1
            if holds is not True:
                open_ones.append(f"{'wrong' if holds is False else 'cannot tell'}: {student.name}: {kind}: {what}")
    print(f"\n{table(rows)}")
    assert not sum(count[False] for count in rows.values()), "\n".join(sorted(open_ones, reverse=True))
    for count in rows.values():
        assert count[None] < LEFT_OPEN * count.total(), "\n".join(open_ones)


@needs_llvmlite
def test_every_claim_about_a_sample_is_so(reader):
    read(students(SAMPLE), reader, proved=True)


@needs_llvmlite
@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_every_claim_about_every_function_is_so(reader, share):
    read(students()[share::SHARES], reader, proved=False)
