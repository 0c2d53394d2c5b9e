"""Read off the numbers what was written.  Pure functions of evidence; nothing is run."""

from __future__ import annotations

from grader.diagnosis.causes import Case, causes, removed_numpy_name, seed_status, status, undefined_name
from grader.diagnosis.recovered import Recovered, recover, shapes
from grader.records import Diagnosis, SeedStatus, number

__all__ = ["Case", "Recovered", "diagnose", "recover", "removed_numpy_name", "shapes", "status", "undefined_name"]


def diagnose(case: Case, model_layers: tuple[int, ...], *, passed: bool) -> Diagnosis:
    """Name what was measured; `causes` is empty exactly when the function passed."""
    student = case.student
    factors = student.factors(model_layers)
    stream = student.drawn.stream if student.drawn else None
    found: SeedStatus | None = seed_status(case)
    return Diagnosis(
        distribution=student.distribution,
        seed=stream.seed if stream else None,
        seed_status=found,
        scale=tuple(number(factor) for factor in factors) if factors else None,
        scale_formula=student.formula,
        biases=student.biases,
        causes=() if passed else causes(case),
    )
