"""What an exercise's notebook says, to be quoted: from quotes.toml beside it, for the exercise it was written for only."""

from __future__ import annotations

import msgspec
import msgspec.toml

from grader.errors import ExerciseError
from grader.exercise.load import Exercise
from grader.exercise.shipped import Terms, terms
from grader.messages import say

FILE = "quotes.toml"


class Quotes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """quotes.toml: `zeros` and `small` are the notebook's own words, `earlier` and `loops` are sentences about it.

    `zeros` is what it concludes from weights of zero, `small` what it expects of small ones.  `earlier` tells what held in an
    earlier exercise, `loops` how the functions count their layers, `later` what a later exercise does.
    What is missing is not quoted.
    """

    terms: Terms
    zeros: str = ""
    small: str = ""
    earlier: str = ""
    loops: str = ""
    later: str = ""


def load(exercise: Exercise) -> Quotes | None:
    """Return what may be quoted on pages of an exercise; None where nothing is, or where it belongs to another exercise."""
    quotes = read(exercise)
    return quotes if quotes and quotes.terms == terms(exercise) else None


def read(exercise: Exercise) -> Quotes | None:
    """Return what quotes.toml holds, for whatever exercise it was written; None where there is no such file.

    Raises
    ------
    ExerciseError
        If the file cannot be read.
    """
    path = exercise.folder / FILE
    if not path.is_file():
        return None
    try:
        return msgspec.toml.decode(path.read_text(encoding="utf-8"), type=Quotes)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ExerciseError(
            say("exercise.quotes.unreadable", path=path, reason=error), hint=say("exercise.quotes.unreadable.hint")
        ) from None
