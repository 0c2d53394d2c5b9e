"""How much a job may use.  A job is one function of one submission with all its calls."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one job; each is named with its unit.

    `submission_seconds` is what all functions of one submission may take together; `first_uid` is the first of the
    user ids that children get where the grader is root.
    """

    cpu_seconds: int = 4
    wall_seconds: float = 6.0
    memory_bytes: int = 512 * MIB
    result_bytes: int = 32 * MIB
    source_bytes: int = 1 * MIB
    submission_seconds: float = 15.0
    first_uid: int = 64_000
