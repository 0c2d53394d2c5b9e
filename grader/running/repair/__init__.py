"""Proof by repair: which single edit of a wrong function makes every call give what the reference gives?

The student's statements run behind the border like everything else of theirs.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from grader.errors import SandboxError
from grader.records import Function, FunctionEvidence, Outcome, Repair
from grader.records.compare import same
from grader.running.repair.catalogue import candidates, wanted
from grader.running.repair.code import Candidate, code_of
from grader.running.repair.schemata import CHOSEN, schema
from grader.running.sandbox import Sandbox, Variants

MOST_CANDIDATES = 150
MOST_CONFIRMED = 12  # that all calls are made of; where more pass the first, nothing is known anyway
SEARCH_SECONDS = 1.5  # of each of the two passes, which together take some hundredths
_ENDED = frozenset({"returned", "raised", "refused"})


@dataclass(frozen=True, slots=True)
class Proved:
    """The edits that make a wrong function right, and which candidates they are: by number and syntax tree."""

    repairs: tuple[Repair, ...] = ()
    candidates: tuple[tuple[int, str], ...] = ()


def prove(evidence: FunctionEvidence, right: Sequence[Outcome], solution: Function, sandbox: Sandbox) -> Proved | None:
    """Return the edits that are proved to make a wrong function right; None if that could not be found out.

    `right` is what the reference gives for the calls that the function met.  A function that was not found, hangs or ends
    its process is not tried; and nothing is known if one of the candidates hangs or ends its process.
    """
    if not evidence.outcomes or any(outcome.ended not in _ENDED for outcome in evidence.outcomes):
        return None
    try:
        tried = list(islice(candidates(evidence.function, wanted(solution)), MOST_CANDIDATES))
        passing = _likely(tried, _telling(right), evidence, sandbox)
        if passing is None or len(passing) > MOST_CONFIRMED:
            return None
        proved = _passing(passing, right, evidence.function, sandbox)
        return None if proved is None else _proof(evidence.function, tried, proved)
    except (SandboxError, RecursionError, ValueError):  # too deep, or not to be written down
        return None


def again(function: Function, solution: Function, proof: Proved) -> tuple[Repair, ...] | None:
    """Return the edits of a function whose syntax tree is that of another, for which they were proved; None if they differ.

    The text decides only where an edit is and how it reads: what runs is the same.
    """
    try:
        last = max((number for number, _ in proof.candidates), default=-1)
        tried = list(islice(candidates(function, wanted(solution)), last + 1))
        chosen = [(tried[number], tree) for number, tree in proof.candidates if number < len(tried)]
        alike = len(chosen) == len(proof.candidates) and all(
            _tree(candidate.source) == tree for candidate, tree in chosen
        )
        return _repairs(function, [candidate for candidate, _ in chosen]) if alike else None
    except (RecursionError, ValueError):
        return None


def _repairs(function: Function, proved: Sequence[Candidate]) -> tuple[Repair, ...]:
    code = code_of(function)
    return () if code is None else tuple(map(code.repair, proved))


def _proof(function: Function, tried: Sequence[Candidate], proved: Sequence[Candidate]) -> Proved:
    numbers = [tried.index(candidate) for candidate in proved]
    return Proved(
        _repairs(function, proved),
        tuple((number, _tree(candidate.source)) for number, candidate in zip(numbers, proved, strict=True)),
    )


def _tree(source: str) -> str:
    return ast.dump(ast.parse(source))


def _likely(
    tried: Sequence[Candidate], right: Outcome, evidence: FunctionEvidence, sandbox: Sandbox
) -> list[Candidate] | None:
    """Return the candidates that give the right outcome of one call; None if not all of them came back.

    Most are run from one text that holds their edits, if that gives what the function gave where none of them is chosen.
    """
    code = code_of(evidence.function)
    if code is None or not tried:
        return []
    text, numbers = schema(code, tried)
    if not text:
        return _passing(tried, [right], evidence.function, sandbox)
    variants = Variants(code.number, [0, *numbers], text, CHOSEN, limits_steps=_has_loop(evidence.function))
    given = sandbox.run_variants(evidence.function, variants, [right.call], SEARCH_SECONDS)
    if not given:
        return None
    (unchanged,), *others = given
    if not any(_alike(unchanged, outcome) for outcome in evidence.outcomes):
        return _passing(tried, [right], evidence.function, sandbox)
    return [candidate for candidate, outcomes in zip(tried, others, strict=True) if same(outcomes, [right])]


def _alike(outcome: Outcome, other: Outcome) -> bool:
    """Return whether the same call ended the same way with the same numbers, to the bit."""
    mine, theirs = (
        (each.call, each.ended, each.arrays, each.fault.kind if each.fault else "") for each in (outcome, other)
    )
    return mine == theirs


def _passing(
    tried: Sequence[Candidate], right: Sequence[Outcome], function: Function, sandbox: Sandbox
) -> list[Candidate] | None:
    """Return the candidates that give the right outcomes of some calls; None if not all of them came back."""
    code = code_of(function)
    if code is None or not tried:
        return []
    calls = [outcome.call for outcome in right]
    sources = [code.unit.source, *(candidate.source for candidate in tried)]
    variants = Variants(code.number, sources, limits_steps=_has_loop(function))
    given = sandbox.run_variants(function, variants, calls, SEARCH_SECONDS)
    if not given:
        return None
    return [candidate for candidate, outcomes in zip(tried, given[1:], strict=True) if same(outcomes, right)]


def _has_loop(function: Function) -> bool:
    """Return whether an edit may make a loop endless: only `while` needs something to end it."""
    return any("while" in unit.source for unit in function.units)


def _telling(right: Sequence[Outcome]) -> Outcome:
    """Return the small call with the most layers: hardly anything wrong passes it."""
    return max(right, key=lambda outcome: (outcome.call.public, len(outcome.call.layers), -sum(outcome.call.layers)))
