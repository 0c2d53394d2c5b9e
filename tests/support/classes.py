"""Classes of any size from a few results: what a store yields, without a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import builders

from grader.records import Cause, FunctionResult, Result, Ruling

Entry = tuple[str, float, Result]
_OFTEN = (0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 4, 4, 0, 0, 0, 1, 5, 0, 6, 7)  # which result how often in a large class


def no_seed() -> FunctionResult:
    """Return `initialize_parameters_he` whose numbers no seed in it decides."""
    failed = replace(builders.RANDOM_CHECKS[3], verdict="failed", points=0.0, message="the numbers follow no seed")
    told = Cause(
        "seed_missing", "slip", "no seed", "set the seed inside the function, before the loop: np.random.seed(3)"
    )
    return builders.he(
        points=8.0,
        checks=(*builders.RANDOM_CHECKS[:3], failed, builders.RANDOM_CHECKS[4]),
        diagnosis=replace(builders.he().diagnosis, seed=None, seed_status="missing", causes=("seed_missing",)),
        training=replace(builders.HEALTHY, train_accuracy=0.98),
        told=(told,),
        evidence_sha256="ee" * 32,
    )


def constant(scale: float = 0.01) -> FunctionResult:
    """Return `initialize_parameters_random` with another constant."""
    action = f"multiply the random numbers by 10; you multiply by {scale:g}"
    told = Cause("scale_constant", "slip", "another constant", action, wrote=f"np.random.randn(...) * {scale:g}")
    one = builders.small()
    diagnosis = replace(one.diagnosis, scale=(scale,) * 3, scale_formula=f"{scale:g}", written=told.wrote)
    return replace(one, told=(told,), diagnosis=diagnosis, evidence_sha256=f"{scale:064g}")


def ruled() -> FunctionResult:
    """Return a function whose points a person changed."""
    ruling = Ruling(builders.RANDOM, 9.0, 7.0, "asked for 0.01 in the lecture", "Ada Lovelace", "2026-11-25T12:00:00Z")
    return replace(constant(), points=9.0, ruling=ruling)


def half_judged() -> Result:
    """Return a submission of which we could not judge a part, with a hostile name."""
    mixed = builders.mixed()
    return replace(mixed, functions={name: replace(one, told=(), ruling=None) for name, one in mixed.functions.items()})


def results() -> list[Result]:
    """Return one result of each kind, the right one first."""
    zeros, random, he = builders.zeros(), builders.random(), builders.he()

    def made(*functions: FunctionResult) -> Result:
        return builders.result(dict(zip((builders.ZEROS, builders.RANDOM, builders.HE), functions, strict=True)))

    return [
        made(zeros, random, he),
        made(zeros, constant(), he),
        made(zeros, constant(), no_seed()),
        made(zeros, constant(1.0), he),
        made(zeros, random, no_seed()),
        made(zeros, ruled(), he),
        half_judged(),
        builders.unreadable(),
    ]


def entries(count: int = 8) -> Iterator[Entry]:
    """Yield so many submissions of all kinds, by name, as a store does."""
    kinds = results()
    for number in range(1, count + 1):
        result = kinds[number - 1 if count <= len(kinds) else _OFTEN[number % len(_OFTEN)]]
        name = result.submission.name if result.submission.name != "ada.ipynb" else "student"
        info = replace(result.submission, name=f"{name}_{number:05}.ipynb")
        yield f"student_{number:05}", 0.25, replace(result, submission=info)
