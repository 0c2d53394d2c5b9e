"""The live lab: one page in which the network of an exercise trains in the reader's browser, from starts of their choice.

The page carries the points, and the questions about the exercise.  Every number in an answer is one that is shipped with the
exercise; nothing is trained here.  An exercise without shipped numbers gets a lab without answers.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from grader.errors import RequestError
from grader.exercise import shipped
from grader.exercise.load import Exercise
from grader.exercise.shipped import ESCAPE_CAP, SMALL, Spread
from grader.exercise.training import course_data
from grader.explaining import Measured
from grader.explaining.exhibits import Exhibit, Experiment, exhibits
from grader.explaining.questions import FAIR
from grader.faults import attempt
from grader.messages import say, unfilled
from grader.rendering import html
from grader.rendering.lablink import FILE
from grader.rendering.waits import waits_chart

DRAWS = ("randn", "rand", "narrow", "centred")  # what each weight is before it is multiplied: of `shipped.DRAWS`
RATES = (0.001, 0.0075, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 1.2)
ITERATIONS = (100, 300, 1_000, 5_000, 10_000, 15_000, 30_000, 60_000)
SCALES = (*(float(f"{digit}e{power}") for power in range(-3, 2) for digit in (1, 1.5, 2, 3, 5, 7)), 100.0)
SCRIPT = "lab.js"
MOST_STARTS = 3  # in one race
_SENTENCE_ID = re.compile(r'"((?:lab|list)\.[a-z_.]+)"')  # as the script names what it says
SEED = 1  # where the right answers set none


def lab_page(exercise: Exercise, measured: Measured, start: str = "") -> str:
    """Return the page of an exercise, with what was measured for it; without a fragment it begins as `start`, one, says.

    Raises
    ------
    RequestError
        If its network does not take the two coordinates of a point and give one answer.
    """
    layers, data = exercise.model.layers, course_data(exercise.model.points)
    if not has_lab(exercise):
        raise RequestError(say("exercise.no_lab", name=exercise.name), hint=say("exercise.no_lab.hint"))
    scales = shipped.solution_scales(exercise)
    answered = attempt("answering questions", lambda: exhibits(measured, scales), lambda _: ())
    waits = waits_chart(measured.sweep) if measured.sweep else None
    return html.render(
        FILE,
        styles=("figure.css", "page.css", "lab.css"),
        script=SCRIPT,
        data=_json(_data(exercise, measured) | ({"start": start} if start else {})),
        sentences=_json({message_id: unfilled(message_id) for message_id in script_ids()}),
        exhibits=[_offered(exercise, exhibit) for exhibit in answered],
        pictures=[(say("lab.about.depth"), [waits])] if waits else [],
        fragment=lambda experiment: fragment(exercise, experiment),
        in_words=lambda experiment: _in_words(exercise, experiment),
        layers=str(list(layers)),
        points=data.X_train.shape[1],
        tests=data.X_test.shape[1],
        starts=[_written(start) for start in (*race(exercise), FAIR, 0.0)],
        scales=SCALES,
        seed=_seed(exercise),
        depths=list(networks(exercise)),
        draws=DRAWS,
        rates=[f"{rate:g}" for rate in rates(exercise)],
        iterations=iterations(exercise),
    )


def has_lab(exercise: Exercise) -> bool:
    """Return whether the page's own network can be the exercise's: ReLU in the hidden layers, on the two rings."""
    layers, model = exercise.model.layers, exercise.model
    is_plane = layers[0] == 2 and layers[-1] == 1
    return is_plane and model.hidden == "relu" and model.points.data == "circles" and model.points.test > 0


# --- what the page offers ----------------------------------------------------------------------------------------------


def networks(exercise: Exercise) -> dict[int, tuple[int, ...]]:
    """Return the networks by their number of hidden layers: the exercise's own, one layer fewer, and one more."""
    layers = exercise.model.layers
    offered = [layers]
    if len(layers) > 3:
        offered.insert(0, (*layers[:-2], layers[-1]))
    if len(layers) > 2:
        offered.append((*layers[:-1], layers[-2], layers[-1]))
    return {len(sizes) - 2: sizes for sizes in offered}


def race(exercise: Exercise) -> tuple[float | None, ...]:
    """Return the starts that race when the page opens: a small scale, those that are asked for, and He's rule (None)."""
    scales = shipped.solution_scales(exercise)
    small = FAIR if SMALL in scales else SMALL
    numbers = list(dict.fromkeys((small, *scales)))
    return (*numbers[: MOST_STARTS - 1], None)


def rates(exercise: Exercise) -> tuple[float, ...]:
    """Return the learning rates to choose from, the exercise's own among them."""
    return tuple(sorted({*RATES, exercise.model.learning_rate}))


def iterations(exercise: Exercise) -> tuple[int, ...]:
    """Return how many iterations there are to choose from, the exercise's own among them."""
    return tuple(sorted({*ITERATIONS, exercise.model.iterations}))


def _offered(exercise: Exercise, exhibit: Exhibit) -> Exhibit:
    """Return an exhibit without its experiment where the page does not offer the settings."""
    experiment, model = exhibit.experiment, exercise.model
    if experiment is None:
        return exhibit
    fits = (
        (experiment.hidden or len(model.layers) - 2) in networks(exercise)
        and (experiment.learning_rate or model.learning_rate) in rates(exercise)
        and (experiment.iterations or model.iterations) in iterations(exercise)
    )
    return exhibit if fits else replace(exhibit, experiment=None)


def _seed(exercise: Exercise) -> int:
    seed = shipped.solution_seed(exercise)
    return SEED if seed is None else seed


# --- addresses ---------------------------------------------------------------------------------------------------------


def fragment(exercise: Exercise, experiment: Experiment) -> str:
    """Return the settings of an experiment as the fragment of an address."""
    model = exercise.model
    starts = ",".join(_written(scale) for scale in experiment.scales)
    parts = {
        "race" if len(experiment.scales) > 1 else "scale": starts,
        "seed": _seed(exercise),
        "layers": len(model.layers) - 2 if experiment.hidden is None else experiment.hidden,
        "rate": f"{experiment.learning_rate or model.learning_rate:g}",
        "iterations": experiment.iterations or model.iterations,
    }
    draw = "" if experiment.draw == "randn" else f"&draw={experiment.draw}"
    return f"#{'&'.join(f'{name}={value}' for name, value in parts.items())}{draw}"


def _in_words(exercise: Exercise, experiment: Experiment) -> str:
    model = exercise.model
    first, *others = [_named(scale) for scale in experiment.scales]
    starts = first
    for other in others:
        starts = say("lab.experiment.against", first=starts, second=other)
    if experiment.draw != "randn":
        starts = say("lab.experiment.drawn", starts=starts, draw=experiment.draw)
    return say(
        "lab.experiment",
        starts=starts,
        layers=say("lab.hidden", count=len(model.layers) - 2 if experiment.hidden is None else experiment.hidden),
        rate=experiment.learning_rate or model.learning_rate,
        iterations=experiment.iterations or model.iterations,
    )


def _written(scale: float | None) -> str:
    return "he" if scale is None else f"{scale:g}"


def _named(scale: float | None) -> str:
    if scale is None:
        return say("lab.start.he")
    return say("lab.experiment.scale", scale=scale) if scale else say("lab.start.zeros")


# --- what the script is given ------------------------------------------------------------------------------------------


def _json(data: Mapping[str, Any]) -> Markup:
    """Return JSON that no text in it can end: each < is spelled out."""
    written = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Markup(written)  # noqa: S704  # what HTML could read as its own is spelled out


def script_ids() -> list[str]:
    """Return the ids of the sentences that the script says, as it names them."""
    return sorted(set(_SENTENCE_ID.findall(html.script(SCRIPT))))


def _data(exercise: Exercise, measured: Measured) -> dict[str, Any]:
    data, model = course_data(exercise.model.points), exercise.model
    numbers = shipped.load(exercise)
    return {
        "train": {"x": data.X_train.ravel().tolist(), "y": [int(y) for y in data.Y_train.ravel()]},
        "test": {"x": data.X_test.ravel().tolist(), "y": [int(y) for y in data.Y_test.ravel()]},
        "depths": {str(number): say("lab.hidden", count=number) for number in networks(exercise)},
        "networks": {str(number): layers for number, layers in networks(exercise).items()},
        "scales": SCALES,
        "race": ["he" if scale is None else scale for scale in race(exercise)],
        "asked": shipped.solution_scales(exercise),
        "cap": ESCAPE_CAP,
        "spread": [_summary(row) for row in (*measured.spread.values(), *numbers.draws)],
        "escapes": _escapes(exercise, numbers),
        "usual": {
            "seed": _seed(exercise),
            "layers": len(model.layers) - 2,
            "rate": model.learning_rate,
            "iterations": model.iterations,
            "draw": "randn",
        },
    }


def _escapes(exercise: Exercise, numbers: shipped.Shipped) -> list[dict[str, Any]]:
    """Return when starts leave the plateau, as the form of the page names their settings."""
    hidden = {layers: number for number, layers in networks(exercise).items()}
    model = exercise.model
    rows: list[tuple[Any, ...]] = [
        (tuple(row.layers), row.learning_rate, row.scale, row.seed, row.iteration)
        for row in (*numbers.escapes, *numbers.between)
    ]
    rows += [(model.layers, model.learning_rate, point.scale, numbers.seed, point.escape) for point in numbers.sweep]
    names = ("layers", "rate", "scale", "seed", "iteration")
    return [dict(zip(names, (hidden[layers], *rest), strict=True)) for layers, *rest in rows if layers in hidden]


def _summary(row: Spread) -> dict[str, Any]:
    shares = row.train_accuracy
    return {
        "scale": "he" if row.scale is None else row.scale,
        "draw": row.draw,
        "seeds": len(shares),
        "low": min(shares),
        "median": statistics.median(shares),
        "high": max(shares),
    }
