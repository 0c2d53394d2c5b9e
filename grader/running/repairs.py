"""Evidence -> evidence with the edits that make a wrong function right, paid from the time of its submission."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from grader.errors import SandboxError
from grader.faults import attempt
from grader.records import Function, FunctionEvidence, Outcome
from grader.records.compare import same
from grader.running.gather import Gatherer
from grader.running.repair import Proved, prove
from grader.running.solution import Solution


@dataclass(frozen=True, slots=True)
class RepairInput:
    """What a search for repairs depends on: the function, and what its calls gave."""

    function: Function
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search for repairs gave, and the seconds that its submission pays; without a proof nothing is known."""

    is_right: bool = False
    proof: Proved | None = None
    seconds: float = 0.0


class Repairer:
    """Searches for the edits that make a wrong function right."""

    def __init__(self, gatherer: Gatherer, solution: Solution) -> None:
        self.gatherer, self.solution = gatherer, solution

    def repaired(self, evidence: FunctionEvidence) -> FunctionEvidence:
        """Add the edits that make a wrong function right; if the search itself fails, there are none."""
        if evidence.function.status != "found" or evidence.broken:
            return evidence
        return attempt(f"repairing {evidence.function.name}", lambda: self._repaired(evidence), lambda _: evidence)

    def _repaired(self, evidence: FunctionEvidence) -> FunctionEvidence:
        try:
            searched = self.search(RepairInput(evidence.function, evidence.outcomes))
        except SandboxError as error:
            return replace(evidence, broken=error.problem)
        self.gatherer.searched_seconds += searched.seconds
        return replace(evidence, repairs=searched.proof.repairs) if searched.proof else evidence

    def search(self, given: RepairInput) -> Searched:
        """Search for repairs, as long as the submission has time left.

        Raises
        ------
        SandboxError
            If the right answers could not be measured.
        """
        name, sandbox = given.function.name, self.gatherer.sandbox
        right = self.solution.outcomes(name, self.gatherer.calls(given.function))
        if same(given.outcomes, right):
            return Searched(is_right=True)
        if self.gatherer.left_seconds <= 0:
            return Searched()
        started = time.process_time() + sandbox.cpu_seconds
        evidence = FunctionEvidence(given.function, given.outcomes)
        proof = prove(evidence, right, self.solution.functions[name], sandbox)
        return Searched(proof=proof, seconds=time.process_time() + sandbox.cpu_seconds - started)
