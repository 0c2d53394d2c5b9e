"""The limits of a job, which is one function of one submission with all its calls."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one job; each is named with its unit.

    `reading_cpu_seconds` and `reading_memory_bytes` bound how a file is read that is not plainly small.
    `training_seconds` bound how long a start that stays on the plateau is followed; they are turned into iterations, so that
    the answer is the same on every machine.  `submission_seconds` is what reading, calls, repairs and training of one
    submission may take together; `first_uid` is the first of the
    user ids that children get where the grader is root.
    """

    cpu_seconds: int = 3
    wall_seconds: float = 6.0
    memory_bytes: int = 512 * MIB
    result_bytes: int = 32 * MIB
    source_bytes: int = 1 * MIB
    submission_seconds: float = 10.0
    training_seconds: float = 2.5
    reading_cpu_seconds: int = 3
    reading_memory_bytes: int = 1024 * MIB
    first_uid: int = 64_000
