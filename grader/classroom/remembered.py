"""The exercise and class list that a class was graded with, kept in its store so that nobody has to name them twice."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from grader import resources
from grader.errors import ExerciseError, RequestError
from grader.exercise import load as exercises
from grader.exercise.load import Exercise
from grader.messages import failure, refusal
from grader.store import Store

EXERCISE, ROSTER = "exercise", "roster"  # what the store calls them
_FILES = ("exercise.toml", "solution.ipynb")


class ChangeError(RequestError):
    """A class is to be graded with something else than before, which nobody has confirmed; `option` confirms it."""

    option = ""


class ExerciseChange(ChangeError):
    """Another exercise than before."""

    option = "--change-exercise"


class RosterChange(ChangeError):
    """Another class list than before."""

    option = "--change-roster"


class _RememberedExercise(msgspec.Struct, frozen=True):
    """The exercise: how it was named, its hash, and the files that describe it."""

    reference: str
    sha256: str
    files: dict[str, bytes]


class Roster(msgspec.Struct, frozen=True):
    """A class list: where it lay, and its bytes."""

    path: str
    data: bytes


def reference(exercise: Exercise) -> str:
    """Return how an exercise is named: a shipped one by its name, another by its folder."""
    folder = exercise.folder.resolve()
    return folder.name if folder.parent == resources.reference().resolve() else str(folder)


def remember_exercise(store: Store, exercise: Exercise) -> None:
    """Store the exercise that a class is graded with."""
    files = {name: (exercise.folder / name).read_bytes() for name in _FILES}
    store.set_note(EXERCISE, msgspec.msgpack.encode(_RememberedExercise(reference(exercise), exercise.sha256, files)))


def require_same_exercise(store: Store, exercise: Exercise) -> None:
    """Refuse another exercise than the class was graded with; the same folder may have other points and words today.

    Raises
    ------
    ExerciseChange
        If it is another one.
    """
    before = _exercise(store)
    if before is None or exercise.sha256 == before.sha256 or reference(exercise) == before.reference:
        return
    raise failure(ExerciseChange, "classroom.exercise.other", exercise=before.reference, other=reference(exercise))


def exercise_name(store: Store) -> str | None:
    """Return what names the exercise that a class was graded with: a shipped name, or a folder; None if nobody knows."""
    before = _exercise(store)
    return before.reference if before else None


def exercise_of(store: Store) -> Exercise:
    """Return the exercise that a class was graded with, as it was then, wherever its folder is now.

    Raises
    ------
    ExerciseError
        If the store does not know it, and the default one is not to be had.
    """
    before = _exercise(store)
    if before is None:
        return exercises.load()
    with tempfile.TemporaryDirectory(prefix="grader-") as scratch:
        for name, data in before.files.items():
            (Path(scratch) / name).write_bytes(data)
        return exercises.load(scratch)


def exercise_to_judge(store: Store) -> Exercise:
    """Return the exercise that a class was graded with, and its folder, so that one result can be judged again.

    Raises
    ------
    RequestError
        If its folder is gone or says something else today: then the whole class is to be judged again first.
    """
    before = _exercise(store)
    if before is None:
        return exercises.load()
    exercise = exercises.load(require_exercise(before.reference))
    if exercise.sha256 != before.sha256:
        raise refusal("classroom.exercise.changed", exercise=before.reference, folder=store.path.parent)
    return exercise


def exercise_for(store: Store, given: str | None) -> Exercise:
    """Return the exercise that a class was graded with; another one that is given is refused.

    Raises
    ------
    RequestError
        If another one is given, or none is to be had.
    """
    if given is not None:
        require_same_exercise(store, exercises.load(given))
    return exercise_of(store)


def require_exercise(name: str) -> str:
    """Return what names a class's exercise, if it can still be read under that name.

    Raises
    ------
    ExerciseError
        If it does not lie there any more.
    """
    folder = Path(name)
    if folder.is_absolute() and not (folder / _FILES[0]).is_file():
        raise failure(ExerciseError, "classroom.exercise.gone", folder=folder)
    return name


def roster_of(store: Store) -> Roster | None:
    """Return the class list that a class was graded with."""
    data = store.note(ROSTER)
    return msgspec.msgpack.decode(data, type=Roster) if data else None


def remember_roster(store: Store, roster: Roster) -> None:
    """Store the class list that a class is graded with."""
    store.set_note(ROSTER, msgspec.msgpack.encode(roster))


def _exercise(store: Store) -> _RememberedExercise | None:
    data = store.note(EXERCISE)
    return msgspec.msgpack.decode(data, type=_RememberedExercise) if data else None
