"""The live lab: one page in which the exercise's network trains in the reader's browser, from a scale of their choice.

The page carries the points, the standard draws and answers to some questions.  Every number in an answer is read off what is
shipped with the exercise when the page is made; nothing is trained here.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from grader.exercise import shipped
from grader.exercise.load import Exercise
from grader.exercise.shipped import ESCAPE_CAP, Spread
from grader.exercise.training import course_data
from grader.rendering import answers, html
from grader.rendering.answers import HIDDEN

SEEDS = (0, 1, 2, 3, 4)
DRAWS = {  # what each weight is before it is multiplied, by the names of `shipped.DRAWS`
    "randn": "randn: normal, as the exercise asks",
    "rand": "rand: from 0 to 1",
    "narrow": "rand - 0.5",
    "centred": "(rand - 0.5) * sqrt(12), as wide as randn",
}
RATES = ("0.001", "0.0075", "0.01", "0.03", "0.1", "0.3", "0.5", "1", "1.2")
ITERATIONS = (100, 300, 1_000, 5_000, 10_000, 15_000, 30_000, 60_000)
SCALES = (*(float(f"{digit}e{power}") for power in range(-3, 2) for digit in (1, 1.5, 2, 3, 5, 7)), 100.0)


def lab_page(exercise: Exercise) -> str:
    """Return the page.

    Raises
    ------
    RequestError
        If nothing is shipped with the exercise that the answers could be read off.
    """
    known = answers.Known(exercise)
    return html.render(
        "lab.html",
        styles=("page.css", "lab.css"),
        script="lab.js",
        data=Markup(_json(_data(known))),  # noqa: S704  # numbers, with < spelled out
        questions=answers.questions(known),
        scales=SCALES,
        seed=known.seed,
        rate=f"{exercise.model.learning_rate:g}",
        last=exercise.model.iterations,
        seeds=SEEDS,
        draws=DRAWS,
        rates=RATES,
        iterations=ITERATIONS,
    )


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


# --- what the script is given ---------------------------------------------------------------------------------------


def _data(known: answers.Known) -> dict[str, Any]:
    data = course_data()
    return {
        "train": {"x": data.X_train.ravel().tolist(), "y": [int(y) for y in data.Y_train.ravel()]},
        "test": {"x": data.X_test.ravel().tolist(), "y": [int(y) for y in data.Y_test.ravel()]},
        "draws": {draw: {seed: draws(seed, draw) for seed in SEEDS} for draw in ("randn", "rand")},
        "scales": SCALES,
        "cap": ESCAPE_CAP,
        "spread": [_summary(row) for row in (*known.all.spread, *known.all.draws)],
        "escapes": answers.escapes(known.all),
        "start": {
            "scale": 0.01,
            "seed": known.seed,
            "layers": 2,
            "rate": known.model.learning_rate,
            "iterations": known.model.iterations,
            "draw": "randn",
        },
    }


def draws(seed: int, draw: str = "randn") -> list[float]:
    """Return what a seed draws in the exercise's order: as many as the deepest network takes."""
    start = shipped.scaled(HIDDEN[3], 1.0, seed, draw)
    return [float(drawn) for layer in range(1, len(HIDDEN[3])) for drawn in start[f"W{layer}"].ravel()]


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
