"""What the codes of a result are called on a page: each code has a sentence in the catalogue, and a test counts them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.exercise.training import LN2
from grader.explaining.summary import DAMAGES
from grader.messages import say
from grader.records import (
    CheckResult,
    Diagnosis,
    FunctionResult,
    KnownFault,
    NotebookInfo,
    NotebookStatus,
    Shown,
    TrainingResult,
    Verdict,
)
from grader.rendering.text import of, points, short_number

ALSO_ASKED = ("dead", "saturated")  # kinds of runs that an exercise asks for, to show them
NOT_CALLED = ("missing", "not_attempted", "syntax_error")  # states in which there was nothing to call
NEARLY = 0.95  # of ln 2: a cost above it is that of a run that has learned almost nothing

_NOTED: frozenset[Verdict] = frozenset({"skipped", "broken"})  # what earned nothing without being wrong by itself
_SYMBOLS = ("n_in", "n_out", "L", "l")  # letters that a rule of the layer sizes may have


def notebook(status: NotebookStatus) -> str:
    """Say whether a notebook could be read."""
    return say(f"words.notebook.{status}")


def file(notebook: NotebookInfo) -> str:
    """Say of a file that was repaired what the grader read of it; nothing of a sound one."""
    if notebook.status != "repaired":
        return ""
    if any(problem.code in DAMAGES for problem in notebook.problems):
        return say("page.file.lost")
    return say("page.file.repaired", status=say("words.notebook.repaired"))


def verdict(verdict: Verdict) -> str:
    """Say how a check ended."""
    return say(f"words.verdict.{verdict}")


def verdict_note(verdict: Verdict) -> str:
    """Say what the word for a verdict leaves open; nothing where it says all."""
    return say(f"words.verdict.{verdict}.note") if verdict in _NOTED else ""


def run(training: TrainingResult, right: TrainingResult | None = None) -> str:
    """Say what a run did, in a sentence."""
    return say(f"words.run.{run_kind(training, right)}")


def run_kind(training: TrainingResult, right: TrainingResult | None) -> str:
    """Name the kind of a run, as ids of sentences end; its regime does not know what became of one that went wrong on its way.

    Where the right answer starts as badly, the sentence is not a reproach.
    """
    if "nan" in training.outputs:
        return "nan"
    norms = training.trace.gradient_norms
    if norms and any(norms[0]) and not any(norms[-1]):
        return "stopped"
    if training.regime == "slow" and not isinstance(training.cost_last, str) and training.cost_last > NEARLY * LN2:
        return "guessing"
    if training.regime in ALSO_ASKED and right is not None and right.regime == training.regime:
        return f"{training.regime}.asked"
    return training.regime


def status(function: FunctionResult) -> str:
    """Return the state of a function in a few words."""
    if function.passed:
        return say("words.status.passed")
    if function.status == "graded" and function.provisional:
        return say("words.status.in_part")
    return say(f"words.status.{function.status}")


def earned(function: FunctionResult) -> str:
    """Return a function's points; what is not whole says of how many."""
    if function.points == function.possible:
        return say("feedback.points", points=points(function.points))
    return of(function.points, function.possible)


def line_now(fault: KnownFault) -> str:
    """Return the line of a proved fault as it is."""
    return fault.old or say("words.proved.no_line")


def line_right(fault: KnownFault) -> str:
    """Return the line of a proved fault as it is right."""
    return fault.new or say("words.proved.without_line")


def sentence(text: str) -> str:
    """Return a text as a sentence of its own."""
    is_code = "_" in text.split("(", maxsplit=1)[0].partition(" ")[0]
    return f"{text if is_code else text[:1].upper() + text[1:]}." if text else ""


def worth(check: CheckResult) -> str:
    """Say what a check earned; what could not be judged and what is only shown is in neither sum."""
    if check.verdict == "broken":
        return say("words.worth.left_out")
    return of(check.points, check.possible) if check.possible else say("words.worth.nothing")


@dataclass(frozen=True, slots=True)
class StatusAdvice:
    """What there is to say of a function that was not graded: once, not once a check."""

    message: str
    hint: str | None
    evidence: Shown | None


def advice(function: FunctionResult) -> StatusAdvice:
    """Return the function's own message and hint, or else those of the first check that says what is wrong."""
    check = next((check for check in function.checks if check.verdict in {"failed", "broken"}), None)
    if check is None:
        return StatusAdvice(function.message, function.hint, None)
    evidence = None if function.status in NOT_CALLED else check.evidence
    return StatusAdvice(function.message or check.message, function.hint or check.hint, evidence)


def course_test(function: FunctionResult) -> str:
    """Say what the course's own visible test says, and that it sees little where points were lost beside it."""
    sees_little = function.course_test == "passed" and function.points < function.possible
    return say("words.course_test.passed_but" if sees_little else f"words.course_test.{function.course_test}")


def recovered(function: FunctionResult) -> tuple[tuple[str, str], ...]:
    """Return what the numbers give away as (name, words), without what they do not."""
    diagnosis = function.diagnosis
    bounds = diagnosis.scale_between
    facts = (
        (say("words.weights"), say(f"words.weights.{diagnosis.distribution}") if diagnosis.distribution else ""),
        (say("words.seed"), _seed(diagnosis, function.seed_before)),
        (say("words.rule"), "" if bounds else diagnosis.scale_formula or ""),
        (say("words.factor"), say("draws.between", low=bounds[0], high=bounds[1]) if bounds else ""),
        (say("words.factors"), ", ".join(short_number(factor) for factor in diagnosis.scale or ())),
        (say("words.biases"), say(f"words.biases.{diagnosis.biases}") if diagnosis.biases else ""),
    )
    return tuple((name, words) for name, words in facts if words)


def symbols(function: FunctionResult) -> str:
    """Explain the letters of a rule of the layer sizes; nothing where it is a plain number."""
    letters = set(re.findall(r"[A-Za-z_]+", function.diagnosis.scale_formula or ""))
    symbols = [symbol for symbol in _SYMBOLS if symbol in letters]
    if function.parameters:  # there is no list whose entries could be named
        return " ".join(say(f"words.symbol.{symbol}.size") for symbol in symbols)
    return " ".join(say(f"words.symbol.{symbol}") for symbol in symbols)


def _seed(diagnosis: Diagnosis, seed_before: int | None) -> str:
    if diagnosis.seed_status is None:
        return ""
    if seed_before is not None and diagnosis.seed_status == "as_required":
        return say("words.seed.before", seed=seed_before)
    status = say(f"words.seed.{diagnosis.seed_status}")
    return status if diagnosis.seed is None else say("words.seed.number", seed=diagnosis.seed, status=status)


def day(moment: str) -> str:
    """Return the day of an ISO 8601 moment; whatever else it is, as it is."""
    return moment[:10] if re.match(r"\d{4}-\d{2}-\d{2}T", moment) else moment


def lead(paragraph: str) -> tuple[str, str]:
    """Split off the question or title that a paragraph begins with; nothing where it begins in another way."""
    match = re.match(r"((?:[^.?!:\n]|\.(?=\d)){1,60}\?|[^.?!:\n]{1,60}:) (?=\S)", paragraph)
    return (match[1], paragraph[match.end() :]) if match else ("", paragraph)
