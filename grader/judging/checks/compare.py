"""What checks share: pairing calls with the reference's, comparing arrays, and showing a difference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.judging.diagnosis import Recovered
from grader.messages import say
from grader.records import Finding, Floats, Outcome, Shown

MOST_SHOWN = 6  # numbers of an array that a page shows


def passed(message_id: str, /, **values: object) -> Finding:
    """Return the finding that a rule is followed, with its sentence from the catalogue."""
    return Finding("passed", say(message_id, **values), message_id=message_id)


def failed(message_id: str, /, *, hint: str | None = None, evidence: Shown | None = None, **values: object) -> Finding:
    """Return the finding that a rule is not followed, with its sentence from the catalogue."""
    return Finding("failed", say(message_id, **values), hint, evidence, message_id)


def skipped(message_id: str, /, **values: object) -> Finding:
    """Return the finding that a rule is not judged, because an earlier finding explains it or too little came back."""
    return Finding("skipped", say(message_id, **values), message_id=message_id)


def broken(message_id: str, /, **values: object) -> Finding:
    """Return the finding that a rule could not be judged, by our fault."""
    return Finding("broken", say(message_id, **values), message_id=message_id)


def exact() -> str:
    """Return in words that no difference is allowed."""
    return say("judging.tolerance.exact")


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
        got=say("judging.no_array") if array is None else numbers(array.numpy()),
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
    beginning = ", ".join(f"{value:.8g}" for value in flat[:MOST_SHOWN])
    if array.shape == ():
        return beginning
    more = ", …" if flat.size > MOST_SHOWN else ""
    return say("judging.array", numbers=f"[{beginning}{more}]", shape=shape(array.shape))


def shape(sides: tuple[int, ...]) -> str:
    """Return a shape as Python prints it."""
    return str(tuple(sides))
