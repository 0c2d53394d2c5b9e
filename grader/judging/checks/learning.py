"""Does the full model, trained from these parameters, do what it does from the reference's?"""

from __future__ import annotations

from grader.judging.checks.compare import exact, failed, passed, skipped
from grader.judging.checks.values import draws, scale, weights
from grader.judging.diagnosis import Recovered
from grader.messages import say
from grader.records import Finding, Shown
from grader.records.wording import accuracies


def training(student: Recovered, reference: Recovered) -> Finding:
    """The full model, trained from these parameters, reaches the reference's accuracy."""
    mine, required = student.evidence.training, reference.evidence.training
    if mine is None or required is None:
        fault = student.evidence.training_fault
        return Finding("skipped", fault) if fault else skipped("judging.training.nothing")
    tested = required.test_accuracy is not None
    if (mine.train_accuracy, mine.test_accuracy) == (required.train_accuracy, required.test_accuracy):
        return passed(
            "judging.training.passed" if tested else "judging.training.passed.train", accuracies=accuracies(required)
        )
    earlier = (weights,) if reference.distribution == "zeros" else (draws, scale)
    if any(check(student, reference).verdict != "passed" for check in earlier):
        return skipped(
            "judging.training.explained" if tested else "judging.training.explained.train",
            mine=accuracies(mine),
            asked=accuracies(required),
        )
    evidence = Shown(say("judging.training.call"), accuracies(mine), accuracies(required), exact())
    return failed("judging.training.failed", evidence=evidence)
