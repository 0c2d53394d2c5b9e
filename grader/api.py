"""What the faces share: one file graded for its owner, with a store that belongs to the user of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import platformdirs

from grader import reading, resources
from grader.classroom import submissions
from grader.errors import RequestError, SandboxError, UnavailableError
from grader.exercise import load as exercises
from grader.exercise.load import Exercise
from grader.faults import attempt
from grader.files import write
from grader.judging.checks import CHECKS
from grader.messages import failure, refusal, say
from grader.outputs import Output, require_writable
from grader.pipeline import Pipeline
from grader.prepare import measured
from grader.reading.notebook import SOURCE_LIMIT_BYTES
from grader.records import Notebook, Problem, Result
from grader.store import Store, trust


def load_exercise(name_or_path: str = exercises.DEFAULT) -> Exercise:
    """Read an exercise and refuse points for checks that do not exist."""
    return exercises.load(name_or_path, CHECKS)


def check(notebook: Path, exercise: str = exercises.DEFAULT, trust_my_own_code: bool = False) -> Result:
    """Grade one file.

    Parameters
    ----------
    notebook : Path
        A notebook (.ipynb) or script (.py).
    exercise : str
        The name of a shipped exercise, or the path of a folder such as ``./mine``.
    trust_my_own_code : bool
        Whether to run the code unconfined where it cannot be confined; the result is then a self-check.

    Raises
    ------
    GraderError
        If the file or the exercise is not there, or student code cannot be confined on this machine.
    """
    _require_file(notebook)
    loaded = load_exercise(exercise)
    with _unpacked(notebook, loaded) as (path, name):
        return _checked(
            lambda: reading.read(path, loaded.limits, name=name), name, loaded, trust_my_own_code=trust_my_own_code
        )


def check_data(
    data: bytes, name: str, exercise: Exercise, part: Sequence[str], *, trust_my_own_code: bool = False
) -> Result:
    """Grade the bytes of a notebook; of the functions, the result has those of `part`.

    Raises
    ------
    GraderError
        If student code cannot be confined on this machine.
    """
    result = _checked(
        lambda: reading.parse(data, name, exercise.limits), name, exercise, trust_my_own_code=trust_my_own_code
    )
    if len(part) == len(exercise.names):
        return result
    functions = {name: result.functions[name] for name in part}
    return replace(
        result,
        functions=functions,
        score=sum(function.points for function in functions.values()),
        possible=sum(function.possible for function in functions.values()),
        provisional=any(function.provisional for function in functions.values()),
        summary=attempt("summing up a part", lambda: Pipeline.summary_of(result, part), lambda _: result.summary),
    )


def _checked(read: Callable[[], Notebook], name: str, exercise: Exercise, *, trust_my_own_code: bool) -> Result:
    """Grade a notebook for its owner; where nothing confines its code, say so, or run it as its owner asked."""
    if (
        trust_my_own_code and exercise.folder.parent != resources.reference()
    ):  # its solution is not the student's own code
        raise refusal("api.trust.exercise")
    missing = _missing_confinement() if trust_my_own_code or sys.platform != "linux" else ""
    with _own_pipeline(exercise, self_check=bool(missing) and trust_my_own_code) as pipeline:
        try:
            notebook = read()
        except UnavailableError as error:
            return pipeline.unavailable(name, error.problem)[1]
        if not missing and not pipeline.can_start():
            missing = _missing_confinement()
        if not missing or trust_my_own_code:
            result = pipeline.graded(notebook)[1]
            if missing or any(function.status != "broken" for function in result.functions.values()):
                return result
            missing = _missing_confinement()  # a worker may start and its children still not be confined
            if not missing or trust_my_own_code:
                return result
        result = pipeline.not_run(notebook, say("api.not_confined"))
    offer = Problem("unconfined", say("api.not_confined.offer", missing=missing))
    return replace(
        result,
        notebook=replace(result.notebook, problems=(*result.notebook.problems, offer)),
        summary=replace(result.summary, next_step=say("api.not_confined.step")),
    )


def _missing_confinement() -> str:
    """Return the first thing that `grader doctor` finds missing; empty where code can be confined."""
    from grader.running.sandbox import doctor

    return next((f"{trial.name}: {trial.seen}" for trial in doctor.examine().failures), "")


@contextlib.contextmanager
def _own_pipeline(exercise: Exercise, *, self_check: bool) -> Iterator[Pipeline]:
    """Open a pipeline on the user's store, if there is one; what it trained is remembered there."""
    store = _own_store()
    if store is None:
        with Pipeline(exercise, secrets.token_bytes(32), self_check=self_check) as pipeline:
            yield pipeline
        return
    with store, Pipeline(exercise, store.secret, cache=store.trainings(), self_check=self_check) as pipeline:
        yield pipeline
        if not self_check:
            store.add_trainings(pipeline.trainer.made)


def _require_file(notebook: Path) -> None:
    """Refuse what is not a file, and say what to do with a folder."""
    if notebook.is_dir():
        raise refusal("api.folder", notebook=notebook)
    if not notebook.is_file():
        raise refusal("api.no_file", notebook=notebook)


@contextlib.contextmanager
def _unpacked(notebook: Path, exercise: Exercise) -> Iterator[tuple[Path, str]]:
    """Give a notebook's path and name; the only notebook of a zip is unpacked for as long as it is needed."""
    if notebook.suffix.lower() != ".zip" or not submissions.is_archive(notebook):
        yield notebook, notebook.name
        return
    notebooks = submissions.find_in_zip(notebook, notebook.name, submissions.Wanted(exercise.names)).submissions
    if len(notebooks) != 1:
        names = ", ".join(submission.name for submission in notebooks[:3]) + (", ..." if len(notebooks) > 3 else "")
        several = say("api.zip.several", notebook=notebook, count=len(notebooks), names=names)
        problem = several if notebooks else say("api.zip.empty", notebook=notebook)
        raise RequestError(problem, hint=say("api.zip.hint", notebook=notebook))
    if submissions.unpacked_bytes(notebooks[0]) > SOURCE_LIMIT_BYTES:
        raise refusal("api.too_large", name=notebooks[0].name)
    with submissions.opened(notebooks[0]) as path:
        yield path, notebooks[0].name


def grade_once(
    path: Path | None, name: str, exercise: Exercise, *, memory_bytes: int, part: Sequence[str] = ()
) -> Result:
    """Grade one hand-in where nothing outlasts the command; `path` is None where no notebook was handed in.

    The summary speaks of the functions of `part` alone, if there are any.

    Raises
    ------
    GraderError
        If student code cannot be confined on this machine.
    """
    limits = replace(exercise.limits, memory_bytes=memory_bytes)
    with Pipeline(exercise, secrets.token_bytes(32), limits=limits) as pipeline:
        if path is None:
            return pipeline.graded(Notebook(name, "", "no_notebook"))[1]
        result = pipeline.grade(path, name=name)
        if not part or len(part) == len(exercise.names):
            return result
        summary = attempt("summing up a part", lambda: pipeline.summary_of(result, part), lambda _: result.summary)
        return replace(result, summary=summary)


def require_confinement(*, trusted: bool) -> None:
    """Refuse to run strangers' code where it cannot be confined; `trusted` counts only where nothing could confine it.

    Raises
    ------
    SandboxError
        If a layer does not hold, or this system has none and the code is not said to be trusted.
    """
    if sys.platform == "linux":
        from grader.running.sandbox import doctor

        doctor.require()
    elif not trusted:
        raise failure(SandboxError, "api.unconfined")


def page_path(notebook: Path) -> Path:
    """Return where a feedback page is written when no place was given."""
    return notebook.with_name(f"{notebook.stem}-feedback.html")


def lab_beside(page: Path, exercise: Exercise) -> Path | None:
    """Return where the lab goes that a page links to; None where it is elsewhere, or cannot be beside the page."""
    from grader.rendering.lab import has_lab
    from grader.rendering.lablink import FILE

    is_stream = page.is_absolute() and page.parts[1:2] in {("dev",), ("proc",)}
    return None if exercise.lab_url or is_stream or not has_lab(exercise) else page.with_name(FILE)


def write_page(result: Result, path: Path, lab: str = "") -> Path:
    """Write the feedback page; `lab` is the address of the lab, if it is to link to one."""
    from grader.rendering import html  # jinja2 is needed for pages only

    content = attempt("writing the page", lambda: html.feedback_page(result, lab), lambda _: html.plain_page(result))
    write(path, content, private=True)
    return path


def lab_page(exercise: Exercise, start: str = "") -> str:
    """Return the lab of an exercise; `start` is a student's own, as the fragment of an address, to begin with.

    Raises
    ------
    RequestError
        If its network cannot learn points of a plane.
    """
    from grader.rendering import lab  # jinja2 is needed for pages only

    return lab.lab_page(exercise, measured(exercise), start)


def annotated_path(notebook: Path, wanted: Path) -> Path:
    """Return where the annotated notebook goes: a bare kind, `html` or `ipynb`, means beside the notebook."""
    kind = str(wanted).lower()
    return notebook.with_name(f"{notebook.stem}-annotated.{kind}") if kind in {"html", "ipynb"} else wanted


def require_annotatable(notebook: Path, path: Path) -> None:
    """Refuse, before anything is graded, an annotated notebook that cannot be made.

    Raises
    ------
    RequestError
        If the submission is a script, or `path` names another kind of file or the submission itself.
    """
    if path.suffix.lower() not in {".ipynb", ".html"}:
        raise refusal("api.annotated.kind", path=path)
    if notebook.suffix.lower() == ".zip":
        raise refusal("api.annotated.zip", notebook=notebook)
    if notebook.suffix.lower() == ".py":
        raise refusal("api.annotated.script", notebook=notebook)
    if path.exists() and path.samefile(notebook):
        raise refusal("api.annotated.is_input", path=path)


def write_annotated(notebook: Path, result: Result, path: Path) -> None:
    """Write the notebook with a note under each graded function: as a notebook, or rendered where `path` ends in .html.

    Raises
    ------
    RequestError
        If the notebook is not the one that was graded any more, or `path` cannot be written.
    """
    from grader.rendering import (
        annotated,
        annotating,  # nbformat and nbconvert are needed here only
    )

    data = None
    if result.notebook.status != "unreadable":
        with contextlib.suppress(OSError):
            data = notebook.read_bytes()
        if data is None or hashlib.sha256(data).hexdigest() != result.submission.sha256:
            raise refusal("api.changed", notebook=notebook)
    make = annotated.page if path.suffix.lower() == ".html" else annotating.notebook
    write(path, make(data, result), private=True)


def remove_notes(notebook: Path, path: Path) -> None:
    """Write an annotated notebook without the grader's notes.

    Raises
    ------
    RequestError
        If there are none in it, or `path` cannot be written, or is the notebook of somebody.
    """
    from grader.rendering import annotated  # the same

    try:
        plain = annotated.removed(notebook.read_bytes())
    except (OSError, ValueError) as error:
        raise refusal("api.plain.not_annotated", notebook=notebook, reason=error) from error
    if not (path.is_file() and path.read_bytes() == plain.encode()):
        require_writable([Output("--out", path, "annotated")], [notebook])
        write(path, plain, private=True)


def write_json(result: Result, path: Path | None) -> None:
    """Write result.json, or print it if no path is given."""
    from grader.rendering import gradebook  # the same
    from grader.rendering.text import spell_out_json

    text = gradebook.result_json(result)
    if path is None:
        sys.stdout.write(spell_out_json(text))
    else:
        write(path, text, private=True)


def _cell_view(result: Result) -> str:
    from grader.rendering.cell import result_html  # jinja2 is needed for pages only

    return result_html(result)


Result.cell_view = staticmethod(_cell_view)


def _own_store() -> Store | None:
    """Open the user's store; without a place to write, the secret lasts as long as the command."""
    path = platformdirs.user_data_path("grader", appauthor=False) / f"check-{os.name}.sqlite"
    trust(path)  # an older grader did not seal it
    try:
        return Store(path)
    except RequestError:
        return None
