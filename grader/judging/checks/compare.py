"""What checks share: pairing calls with the reference's, comparing arrays, and showing a difference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from grader.judging.diagnosis import Recovered
from grader.records import Finding, Outcome, Shown

Floats = NDArray[np.float64]

MOST_SHOWN = 6  # numbers of an array that a page shows


def passed(message: str) -> Finding:
    """Make the finding that all is as asked."""
    return Finding("passed", message)


def failed(message: str, *, hint: str | None = None, evidence: Shown | None = None) -> Finding:
    """Make the finding that something differs."""
    return Finding("failed", message, hint, evidence)


def skipped(message: str) -> Finding:
    """Make the finding that an earlier one explains this."""
    return Finding("skipped", message)


def pairs(student: Recovered, reference: Recovered) -> Iterator[tuple[Outcome, Outcome]]:
    """Yield each outcome with the reference's of the same call, calls that a page may name first."""
    wanted = {outcome.call: outcome for outcome in reference.evidence.outcomes}
    for outcome in sorted(student.evidence.outcomes, key=lambda outcome: not outcome.call.public):
        if outcome.call in wanted:
            yield outcome, wanted[outcome.call]


def shown(outcome: Outcome, function: str, name: str, want: Floats | str, tolerance: str) -> Shown:
    """Show what one call gave under one name beside what was wanted."""
    array = outcome.arrays.get(name)
    call = f'{outcome.call.literal(function)}["{name}"]'
    if array is not None and not isinstance(want, str) and (at := _hidden_difference(array.numpy(), want)):
        place = ", ".join(map(str, at))
        return Shown(f"{call}[{place}]", f"{array.numpy()[at]:.8g}", f"{want[at]:.8g}", tolerance)
    return Shown(
        call=call,
        got="nothing of this name" if array is None else numbers(array.numpy()),
        want=want if isinstance(want, str) else numbers(want),
        tolerance=tolerance,
    )


def _hidden_difference(got: Floats, want: Floats) -> tuple[int, ...] | None:
    """Return where two arrays differ most, if the numbers that a page shows of both read the same."""
    if got.shape != want.shape or numbers(got) != numbers(want) or got.size == 0:
        return None
    with np.errstate(all="ignore"):
        apart = np.abs(got - want)
    return tuple(int(at) for at in np.unravel_index(int(np.nanargmax(apart)), got.shape)) if np.any(apart > 0) else None


def numbers(array: Floats) -> str:
    """Return the first numbers of an array, and its shape."""
    flat = array.ravel()
    some = ", ".join(f"{value:.8g}" for value in flat[:MOST_SHOWN])
    more = ", …" if flat.size > MOST_SHOWN else ""
    return some if array.shape == () else f"[{some}{more}] of shape {shape(array.shape)}"


def shape(sides: tuple[int, ...]) -> str:
    """Return a shape as Python prints it."""
    return str(tuple(sides))
