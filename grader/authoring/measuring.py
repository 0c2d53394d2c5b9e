"""Measures what pages of an exercise compare with: trainings over scales and seeds, and what is beside them."""

from __future__ import annotations

from grader.exercise import asides as asides_file
from grader.exercise import shipped
from grader.exercise.load import Exercise
from grader.precompute import asides, parts, trainings
from grader.precompute.parts import OnProgress, Plan


def seconds(exercise: Exercise, wanted: Plan) -> float:
    """Estimate how long measuring takes from here, from a few steps on this machine."""
    return parts.seconds(exercise, _parts(exercise, wanted), wanted)


def measure(exercise: Exercise, wanted: Plan, progress: OnProgress) -> None:
    """Measure what is not measured yet, and write the files; a stopped run is continued by the same call."""
    results = parts.measure(exercise, _parts(exercise, wanted), wanted, progress)
    parts.save(exercise.folder / shipped.FILE, trainings.gathered(exercise, results))
    parts.save(exercise.folder / asides_file.FILE, asides.gathered(exercise, results))
    parts.finish(exercise.folder)


def _parts(exercise: Exercise, wanted: Plan) -> tuple[parts.Part, ...]:
    return (*trainings.parts(exercise, wanted), *asides.parts(exercise, wanted))
