"""The picture of a feedback page: the runs on the curve of accuracy against scale, and how each divides the plane.

The runs are the student's, the right answer's and that of He's rule; of a right submission those of all its functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.explaining.facts import HE
from grader.messages import listed, say
from grader.records import Boundary, Diagnosis, FunctionResult, PointSet, Result, Sweep, TrainingResult
from grader.rendering.boundary import plane
from grader.rendering.charts import AnyMark, At, Axis, Chart, Level, Panel, Spot, Spots
from grader.rendering.sweep import HE_AT, ZEROS_AT, ground, place_of, scales
from grader.rendering.text import accuracy, short_names
from grader.rendering.words import run_kind

MOST_RUNS = 3  # squares beside each other
FLOOR = 0.4  # of the axis: guessing is 0.5, and chance reaches a little below
TICKS = (0.01, 1.0, 100.0)
RINGS = PointSet()
LOOKS = ("asked", "he")  # of runs that are not the student's


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run on the picture: its name, its look, its place on the axis if it has one, and what was measured of it."""

    name: str
    look: str
    at: At | None
    train_accuracy: float
    boundary: Boundary | None


@dataclass(frozen=True, slots=True)
class PictureInput:
    """What the picture of a page depends on: the runs on it, the scales and points that were measured, and its words."""

    runs: tuple[ShownRun, ...]
    sweep: Sweep | None
    caption: str
    note: str
    points: PointSet = RINGS


@dataclass(frozen=True, slots=True)
class FirstPicture:
    """The picture of a page: the curve, the squares, and the caption that says what kind of run it is."""

    curve: Chart | None
    squares: Chart | None
    caption: str
    note: str


def first_picture(given: PictureInput) -> FirstPicture:
    """Return the charts of a picture: drawing them takes most of the time of a page."""
    return FirstPicture(_curve(given.sweep, given.runs), _squares(given.runs, given.points), given.caption, given.note)


def picture_input(result: Result) -> PictureInput | None:
    """Return what the picture of a submission shows; None where there is nothing to show."""
    wrong = next(((name, function) for name, function in result.functions.items() if not function.passed), None)
    runs = _of_wrong(result, *wrong) if wrong else _of_right(result)
    if not runs:
        return None
    runs = sorted(runs, key=_order)[:MOST_RUNS]
    own = wrong[1] if wrong and wrong[1].training is not None and result.sweep is not None else None
    grey = say("feedback.caption.grey" if result.points.data == "circles" else "feedback.caption.grey.ones")
    note = (place_of(own.diagnosis).note if own else "") or grey
    return PictureInput(
        tuple(runs), result.sweep, _caption(result, wrong[0] if wrong else None, len(runs)), note, result.points
    )


def _of_wrong(result: Result, name: str, function: FunctionResult) -> list[ShownRun]:
    """Return the run of a function, the right answer's, and He's."""
    runs = []
    if function.training is not None:
        runs.append(_shown(say("feedback.picture.mine"), "mine", place_of(function.diagnosis).at, function.training))
    right = function.reference_training
    same = function.training is not None and right is not None and function.training.boundary == right.boundary
    if right is not None and not (same and function.training.train_accuracy == right.train_accuracy):  # type: ignore[union-attr]
        name = say("feedback.picture.asked")
        runs.append(_shown(name, "asked", _place(function.asked_formula), right))
    he = next((other.reference_training for other in result.functions.values() if other.asked_formula == HE), None)
    if he is not None and function.asked_formula != HE:
        runs.append(_shown(say("feedback.picture.he"), "he", HE_AT, he))
    return runs


def _shown(name: str, look: str, at: At | None, training: TrainingResult) -> ShownRun:
    return ShownRun(name, look, at, training.train_accuracy, training.boundary)


def _of_right(result: Result) -> list[ShownRun]:
    """Return the runs of all functions, by their short names."""
    names, looks = short_names(result.functions), iter(LOOKS)
    runs = []
    for name, function in result.functions.items():
        if function.training is not None:
            place = place_of(function.diagnosis).at
            look = "he" if place == HE_AT else "none" if place == ZEROS_AT else next(looks, "none")
            runs.append(_shown(names[name], look, place, function.training))
    return runs


def _place(formula: str | None) -> At | None:
    """Return the place of the right answer's start, by its rule: 0 is weights of zero."""
    if formula == "0":
        return ZEROS_AT
    return place_of(Diagnosis(distribution="normal", scale_formula=formula)).at


def _order(run: ShownRun) -> tuple[int, float]:
    """Return the order of runs from left to right; one without a place comes first."""
    if isinstance(run.at, str):
        return (1, 0.0) if run.at == ZEROS_AT else (3, 0.0)
    return (0, 0.0) if run.at is None else (2, run.at)


# --- the curve -------------------------------------------------------------------------------------------------------


def _curve(sweep: Sweep | None, runs: Sequence[ShownRun]) -> Chart | None:
    """Return train accuracy against scale with the runs on it; None without measured scales."""
    if sweep is None or not any(row.scale for row in sweep.rows):
        return None
    lowest = min((row.low for row in sweep.rows), default=0.0)
    low = FLOOR if min([lowest, *(run.train_accuracy for run in runs)]) > FLOOR else 0.0
    y = Axis(low, 1.0, ((0.5, "0.5"), (1.0, "1")))
    x = replace(scales(), ticks=tuple((tick, f"{tick:g}") for tick in TICKS), title="")
    spots = tuple(Spot(run.at, run.train_accuracy, run.name, run.look) for run in runs if run.at is not None)
    levels: list[AnyMark] = [Level("run level", run.train_accuracy, run.name) for run in runs if run.at is None]
    return Chart(
        says=_says(sweep, runs),
        panels=(Panel(x, y, (*ground(sweep).marks, *levels, Spots(spots))),),
        title=say("feedback.picture.title", count=sweep.seeds),
        is_low=True,
    )


def _says(sweep: Sweep, runs: Sequence[ShownRun]) -> str:
    shown = [f"{run.name} {accuracy(run.train_accuracy)}" for run in runs]
    return say("feedback.picture.says", runs=listed(shown), count=sweep.seeds)


# --- the squares -----------------------------------------------------------------------------------------------------


def _squares(runs: Sequence[ShownRun], points: PointSet) -> Chart | None:
    """Return how each run divides the plane, side by side; None where that was not kept."""
    panels = tuple(_square(run, run.boundary, points) for run in runs if run.boundary is not None)
    if not panels:
        return None
    titles = [panel.title for panel in panels]
    says = say(
        "feedback.picture.squares" if points.data == "circles" else "feedback.picture.squares.ones", runs=listed(titles)
    )
    return Chart(says=says, panels=panels, is_map=True)


def _square(run: ShownRun, boundary: Boundary, points: PointSet) -> Panel:
    return replace(plane(boundary, f"{run.name} {accuracy(run.train_accuracy)}", points), look=run.look)


# --- the caption -----------------------------------------------------------------------------------------------------


def _caption(result: Result, wrong: str | None, runs: int) -> str:
    if wrong is None:
        return say("feedback.caption.right" if runs == MOST_RUNS else "feedback.caption.right.fewer")
    function, name = result.functions[wrong], short_names(result.functions)[wrong]
    if function.training is None:
        kind = "not_run" if function.status == "graded" else "no_weights"
        return say(f"feedback.caption.{kind}", name=name)
    return say(f"feedback.caption.{run_kind(function.training, function.reference_training)}")
