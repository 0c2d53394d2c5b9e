"""Annotates a notebook within the limits of reading: in a process of its own where the file is not plainly small."""

from __future__ import annotations

import msgspec

from grader import reading
from grader.exercise.limits import Limits
from grader.records import Result
from grader.rendering import annotated

PLAIN_PARTS = 100_000  # commas, brackets and ends of lines of a file that is annotated here; a usual one has 5,000

annotated.prepare()  # in a process of its own, before the limits hold


class Annotate(msgspec.Struct, frozen=True):
    """Put notes into the bytes of a file."""

    data: bytes
    result: Result


def notebook(data: bytes | None, result: Result, limits: Limits | None = None) -> str:
    """Return the annotated notebook as text; where a limit is reached, the notes alone.

    Raises
    ------
    UnavailableError
        If the machine had no time for it.
    """
    if data is None or annotated.has_too_many_parts(data) or reading.is_small(data, PLAIN_PARTS):
        return annotated.notebook(data, result)
    try:
        return reading.answered(Annotate(data, result), str, limits or Limits(), module=__name__)[0]
    except reading.LimitError:
        return annotated.notebook(None, result)


def answer(job: bytes) -> bytes:
    """Do what a job asks; this is what the process of its own does."""
    request = msgspec.msgpack.decode(job, type=Annotate)
    return msgspec.msgpack.encode(annotated.notebook(request.data, request.result))
