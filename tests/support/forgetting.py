"""Makes a pipeline forget what it remembers, so that the next submission is graded as if it were the first."""

from __future__ import annotations

from grader.memo import Memo, RememberingPipeline, RememberingSyntaxFacts


def forget(running: RememberingPipeline) -> None:
    """Empty every memory of a pipeline and of its stages."""
    running.facts = RememberingSyntaxFacts()
    for owner in (running, running.gatherer, running.solution, running.repairer):
        for name, memory in vars(owner).items():
            if isinstance(memory, Memo):
                setattr(owner, name, Memo(memory.most))
