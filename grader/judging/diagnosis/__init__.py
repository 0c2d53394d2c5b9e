"""The diagnosis: from the numbers that came back to what the code does.  Pure functions of evidence; nothing is run."""

from __future__ import annotations

from grader.judging.diagnosis.causes import (
    Case,
    assigns_seed,
    causes,
    removed_numpy_name,
    seed_cause,
    seed_status,
    status,
    undefined_name,
)
from grader.judging.diagnosis.notation import typed, written
from grader.judging.diagnosis.recovered import Recovered, measure_more, recover, shapes, within
from grader.records import Diagnosis, number

__all__ = [
    "Case",
    "Recovered",
    "assigns_seed",
    "diagnose",
    "measure_more",
    "recover",
    "removed_numpy_name",
    "shapes",
    "status",
    "typed",
    "undefined_name",
    "within",
]


def diagnose(case: Case, model_layers: tuple[int, ...], *, passed: bool) -> Diagnosis:
    """Return the diagnosis of a function; its `causes` are empty exactly when the function passed."""
    student = case.student
    factors = student.factors(model_layers)
    stream = student.drawn.stream if student.drawn else None
    estimates = [estimate.interval for estimate in student.estimates if estimate.outcome.call.public]
    return Diagnosis(
        distribution=student.distribution,
        seed=stream.seed if stream else None,
        seed_status=seed_status(case),
        scale=tuple(number(factor) for factor in factors) if factors else None,
        scale_formula=student.formula,
        biases=student.biases,
        causes=() if passed else causes(case),
        generator=stream.generator if stream else None,
        written=written(student),
        scale_between=(estimates[0].low, estimates[0].high) if estimates else None,
        seed_assigned=seed_cause(case) in ("seed_missing", "seed_outside") and assigns_seed(case.evidence),
    )
