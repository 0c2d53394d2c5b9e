"""What the codes of a result are called on a page; a test closes each table over its Literal type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from grader.exercise.training import LN2
from grader.messages import say
from grader.records import (
    Biases,
    CheckResult,
    CourseTest,
    Diagnosis,
    Distribution,
    FunctionResult,
    FunctionStatus,
    NotebookStatus,
    Regime,
    SeedStatus,
    Shown,
    TrainingResult,
    Verdict,
)
from grader.rendering.text import of, points, short_number

NEARLY = 0.97  # of ln 2: a cost above it is that of a run that has hardly learned

NOTEBOOK: Mapping[NotebookStatus, str] = {
    "no_notebook": "no notebook was handed in",
    "ok": "read without trouble",
    "repaired": "read after a small repair",
    "unreadable": "the file could not be read",
    "wrong_notebook": "another notebook: none of the functions is in it",
}

FUNCTION: Mapping[FunctionStatus, str] = {
    "graded": "not yet right",
    "missing": "not found in the notebook",
    "not_attempted": "not started yet",
    "syntax_error": "Python cannot read it",
    "raised": "stopped with an error",
    "timed_out": "did not finish in time",
    "out_of_memory": "needed too much memory",
    "crashed": "made Python crash",
    "refused": "returned no arrays of numbers",
    "broken": "could not be judged",
}

VERDICT: Mapping[Verdict, str] = {
    "passed": "passed",
    "failed": "failed",
    "skipped": "skipped",
    "broken": "not judged",
}

# what the fewest words cannot say stands below a check that earned nothing without being wrong by itself
VERDICT_NOTE: Mapping[Verdict, str] = {
    "passed": "",
    "failed": "",
    "skipped": "Another check explains this one; fix that first.",
    "broken": "Our fault, not yours: these points are left out of the score, and a person will look.",
}

COURSE_TEST: Mapping[CourseTest, str] = {
    "passed": "The course's own visible test passes.",
    "failed": "The course's own visible test fails.",
    "not_run": "The course's own visible test was not run.",
}

REGIME: Mapping[Regime, str] = {
    "dead": "cannot move: every gradient of the weights is exactly 0",
    "symmetric": "moves, but all units of a hidden layer stay the same",
    "diverged": "got worse: the cost ended above where it began",
    "plateau": "stayed on the plateau near ln 2 = 0.693, the cost of answering 0.5 to everything",
    "saturated": "started at a very high cost, and was still above 0.3 at the end",
    "healthy": "learned: the cost came down to 0.3 or below",
    "slow": "learned slowly: the cost was still above 0.3 at the end",
    "not_run": "was not run",
}

DISTRIBUTION: Mapping[Distribution, str] = {
    "zeros": "all zeros",
    "constant": "one and the same number everywhere",
    "normal": "a normal distribution, as np.random.randn draws it",
    "uniform": "a uniform distribution, as np.random.rand draws it",
    "other": "numbers of another kind",
}

SEED: Mapping[SeedStatus, str] = {
    "as_required": "set inside the function, as required",
    "missing": "not set: the numbers change from run to run",
    "other": "set, but to another number than the exercise asks for",
    "reset_per_layer": "set again for each layer, so the layers repeat the same draws",
    "outside_function": "set outside the function only, so the function alone does not repeat",
    "other_generator": "set, but on another generator than np.random.seed",
    "unknown": "could not be told from the numbers",
}

BIASES: Mapping[Biases, str] = {
    "zeros": "all zero",
    "nonzero": "not all zero",
    "wrong_shape": "not columns of the right length",
    "missing": "none came back",
}

SYMBOLS: Mapping[str, str] = {
    "n_in": "n_in is the size of the layer before, layers_dims[l-1]",
    "n_out": "n_out is the size of the layer itself, layers_dims[l]",
    "L": "L is the number of layers",
    "l": "l is the layer's number, from 1",
}


def run(training: TrainingResult) -> str:
    """Say what a run did; its kind alone does not know what became of one that went wrong on its way."""
    if "nan" in training.outputs:
        return say("rendering.run.nan")
    norms = training.trace.gradient_norms
    if norms and any(norms[0]) and not any(norms[-1]):
        return say("rendering.run.stopped")
    if training.regime == "slow" and not isinstance(training.cost_last, str) and training.cost_last > NEARLY * LN2:
        return say("rendering.run.guessing")
    return REGIME[training.regime]


def status(function: FunctionResult) -> str:
    """Say in a few words how a function stands."""
    if function.passed:
        return "passed"
    if function.status == "graded" and function.provisional:
        return "judged in part"
    return FUNCTION[function.status]


def earned(function: FunctionResult) -> str:
    """Return a function's points; what is not whole says of how many."""
    if function.points == function.possible:
        return say("feedback.points", points=points(function.points))
    return of(function.points, function.possible)


def known(function: FunctionResult) -> str:
    """Return what is proved of a fault; the cell that it stands in by what its student sees of it."""
    message, source = function.known.message if function.known else "", function.source
    if source is None or source.cell is None or not source.name:
        return message
    return message.replace(f"cell {source.cell}, line", f"{source.name}, line")


def sentence(text: str) -> str:
    """Return a text as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def worth(check: CheckResult) -> str:
    """Say what a check earned; what could not be judged and what is only shown is in neither sum."""
    if check.verdict == "broken":
        return "left out"
    return of(check.points, check.possible) if check.possible else "no points"


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
    return StatusAdvice(function.message or check.message, function.hint or check.hint, check.evidence)


def course_test(function: FunctionResult) -> str:
    """Say what the course's own visible test says, and that it sees little where points were lost beside it."""
    said = COURSE_TEST[function.course_test]
    if function.course_test == "passed" and function.points < function.possible:
        return f"{said} It looks at a single call, so it does not see what cost points here."
    return said


def recovered(diagnosis: Diagnosis) -> tuple[tuple[str, str], ...]:
    """Return what the numbers give away as (name, words), without what they do not."""
    bounds = diagnosis.scale_between
    facts = (
        ("Weights", DISTRIBUTION[diagnosis.distribution] if diagnosis.distribution else ""),
        ("Seed", _seed(diagnosis)),
        ("Rule for the factor", "" if bounds else diagnosis.scale_formula or ""),
        ("Factor", say("draws.between", low=bounds[0], high=bounds[1]) if bounds else ""),
        ("Factor of each layer", ", ".join(short_number(factor) for factor in diagnosis.scale or ())),
        ("Biases", BIASES[diagnosis.biases] if diagnosis.biases else ""),
    )
    return tuple((name, words) for name, words in facts if words)


def symbols(formula: str | None) -> str:
    """Explain the letters of a rule of the layer sizes; nothing where it is a plain number."""
    letters = set(re.findall(r"[A-Za-z_]+", formula or ""))
    return "; ".join(meaning for letter, meaning in SYMBOLS.items() if letter in letters)


def _seed(diagnosis: Diagnosis) -> str:
    if diagnosis.seed_status is None:
        return ""
    words = SEED[diagnosis.seed_status]
    return words if diagnosis.seed is None else f"{diagnosis.seed}, {words}"


def day(moment: str) -> str:
    """Return the day of an ISO 8601 moment; whatever else it is, as it is."""
    return moment[:10] if re.match(r"\d{4}-\d{2}-\d{2}T", moment) else moment


def lead(paragraph: str) -> tuple[str, str]:
    """Split off the question or title that a paragraph begins with; nothing where it begins otherwise."""
    found = re.match(r"((?:[^.?!:\n]|\.(?=\d)){1,60}\?|[^.?!:\n]{1,60}:) (?=\S)", paragraph)
    return (found[1], paragraph[found.end() :]) if found else ("", paragraph)
