"""Links from a feedback page to the lab, with a student's own start in the address: numbers and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.explaining.facts import HE
from grader.messages import say
from grader.records import Diagnosis, Result
from grader.records.wording import short_names

FILE = "lab.html"
FROM_SUBMISSION = f"../{FILE}"  # where the lab of a class is, from the page of a submission
_MOST = 1e6  # the largest factor that the lab takes


@dataclass(frozen=True, slots=True)
class LabLink:
    """A link to the lab and its words; `function` is whose run it shows, where it shows one."""

    address: str
    words: str
    function: str = ""


def links(result: Result, lab: str) -> tuple[LabLink, ...]:
    """Return the links that a page has to a lab at the address `lab`: to each run that is not right yet, else to the lab itself.

    None where there is no lab, and none before anything could be trained.
    """
    trained = {name: function for name, function in result.functions.items() if function.training}
    if not lab or not trained:
        return ()
    own = {name: own_start(function.diagnosis) for name, function in trained.items() if not function.passed}
    watched = tuple(LabLink(lab + start, say("feedback.lab.watch"), name) for name, start in own.items() if start)
    if watched:
        return watched
    words = say("feedback.lab.next" if result.passed else "feedback.lab.try")
    return (LabLink(lab, words),)


def lab_links(result: Result) -> tuple[LabLink, ...]:
    """Return the links that go with a result wherever it is shown; none where the exercise has no lab of its own address."""
    all_links, names = links(result, result.lab_url), short_names(result.functions)
    if len(all_links) < 2:
        return all_links
    return tuple(
        replace(link, words=say("feedback.lab.of", words=link.words, function=names[link.function]))
        for link in all_links
    )


def own_start(diagnosis: Diagnosis) -> str:
    """Return a student's own start as the fragment of an address; empty where numbers cannot say what the weights are."""
    if diagnosis.distribution == "zeros":
        return "#mine=0" if diagnosis.biases == "zeros" else ""
    is_exact = (
        diagnosis.distribution == "normal"
        and diagnosis.biases == "zeros"
        and diagnosis.seed_status in {"as_required", "other"}
        and all(cause.startswith("scale_") or cause == "seed_other" for cause in diagnosis.causes)
    )
    seed, factors = diagnosis.seed, [float(factor) for factor in diagnosis.scale or ()]
    if not is_exact or seed is None or not 0 <= seed < 2**32 or not factors:
        return ""
    if not all(math.isfinite(factor) and abs(factor) <= _MOST for factor in factors):
        return ""
    return f"#mine={'he' if diagnosis.scale_formula == HE else _written(factors)}&seed={int(seed)}"


def _written(factors: Sequence[float]) -> str:
    digits = [f"{factor:.12g}" for factor in factors]
    return digits[0] if len(set(digits)) == 1 else ":".join(digits)
