"""Starts -> trainings: the full model, trained once from each start, and how long it stays on a plateau."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import msgspec

from grader.exercise.fast import engine
from grader.exercise.limits import Limits
from grader.exercise.starts import Cache, Waits, plain_training, start_key
from grader.exercise.training import (
    ESCAPED,
    LN2,
    WATCHED,
    Data,
    Engine,
    Model,
    Parameters,
    course_data,
    escape,
    larger_rate,
    train,
)
from grader.messages import say
from grader.records import Floats, RateEnd, Training

FAST_SECONDS, PLAIN_SECONDS = 4e-6, 80e-6  # an iteration at most, by engine: what is cut short hangs on no clock
LONGER = 4  # times as far as with a larger learning rate the end of a plateau is looked for with the model's own
FURTHER = 2  # times as far as the end of a plateau is looked for, a larger learning rate's run is followed
SETTLED = 1.5  # times as long as the plateau lasts it takes until a run's end is looked at
NEAR = 0.1  # how far from ln 2 a cost may be for that: twice what the plateau allows


class ShippedFirst(ChainMap[str, bytes]):
    """Trainings, looked up among those that are shipped first; what is made goes to the cache, which may be a store's."""

    def __setitem__(self, key: str, value: bytes) -> None:
        self.maps[0].pop(key, None)
        self.maps[1][key] = value


@dataclass(slots=True)
class Trainer:
    """Trains the full model; a start that was trained before, here or by the makers of the exercise, costs nothing.

    `made` are the trainings that were not in the cache, or of an older version there.  `waits` gives plateaus that were
    measured before, and further.
    `seconds` bound the search for the end of a plateau, by iterations; the starts in `shipped` cost nothing.
    """

    model: Model
    cache: Cache = field(default_factory=dict)
    waits: Callable[[Model], Waits] = lambda _: {}
    seconds: float = field(default_factory=lambda: Limits().training_seconds)
    shipped: Collection[str] = ()
    data: Data | None = None
    trained: int = 0
    made: Cache = field(default_factory=dict)

    def train(self, parameters: Parameters) -> Training:
        """Return the training from these parameters.

        Raises
        ------
        ValueError, KeyError
            If the parameters are not those of the model.
        """
        key = start_key(parameters, self.model)
        if key in self.cache and _complete(training := self.known(key)):
            return training
        self.data = self.data or course_data(self.model.points)
        end: dict[str, Floats] = {}
        run = train(parameters, self.data, self.model, engine=engine(self.data, self.model), end=end)
        if stays(run):
            run = self._with_waits(run, parameters, end, self.data)
        self.cache[key] = self.made[key] = msgspec.json.encode(plain_training(run))
        self.trained += 1
        return self.known(key)

    def _with_waits(self, run: Training, parameters: Parameters, end: Parameters, data: Data) -> Training:
        """Add when this start leaves the plateau, with the model's learning rate and with a larger one."""
        steps = engine(data, self.model)
        cap, rates_cap = caps(self.model, self.seconds, _iteration_seconds(steps))
        measured = self.waits(self.model).get(start_key(parameters, self.model))
        left, searched = measured or (self._left(run, parameters, end, cap), cap)
        return with_faster(replace(run, escape=left, searched=searched), parameters, data, self.model, rates_cap)

    def _left(self, run: Training, parameters: Parameters, end: Parameters, cap: int) -> int | None:
        """Return when the cost is first below 0.6; a run that was above all along is followed from its end."""
        data, trained = self.data or course_data(self.model.points), self.model.iterations
        steps = engine(data, self.model)
        if cap <= trained or any(cost < ESCAPED for cost in run.trace.cost):
            return escape(parameters, data, self.model, cap, engine=steps)
        later = escape(end, data, self.model, cap - trained, engine=steps)
        return None if later is None else trained + later

    def cost_seconds(self, parameters: Parameters, training: Training | None = None) -> float:
        """Return what a training costs at most, or, once it was made, what it cost; the same wherever it is made."""
        if start_key(parameters, self.model) in self.shipped:
            return 0.0
        self.data = self.data or course_data(self.model.points)
        seconds, trained = _iteration_seconds(engine(self.data, self.model)), self.model.iterations
        cap, rates_cap = caps(self.model, self.seconds, seconds)
        if training is not None and not training.searched:
            cap = rates_cap = 0
        return seconds * (trained + WATCHED + max(cap - trained, 0) + FURTHER * rates_cap)

    def known(self, key: str) -> Training:
        """Return a training that was made before.

        Raises
        ------
        KeyError
            If it was not.
        """
        return msgspec.json.decode(self.cache[key], type=Training, strict=False)


def no_time() -> str:
    """Return what is reported where a submission has too little time left for a training."""
    return say("running.train.no_time")


def caps(model: Model, seconds: float, iteration_seconds: float) -> tuple[int, int]:
    """Return how far the end of a plateau is looked for with the model's learning rate, and with a larger one."""
    further = seconds / iteration_seconds - model.iterations - WATCHED
    share = max(further, 0.0) / (LONGER + FURTHER)
    return _rounded(model.iterations + LONGER * share), _rounded(share)


def _rounded(iterations: float) -> int:
    """Return a number of two digits and zeros that is not larger."""
    size: int = 10 ** max(len(str(int(iterations))) - 2, 0)
    return int(iterations) // size * size


def _iteration_seconds(steps: Engine) -> float:
    return FAST_SECONDS if steps.parallel else PLAIN_SECONDS


def _complete(training: Training) -> bool:
    """Return whether a training holds all that is measured now; one that an older version stored does not."""
    return bool(training.trace.iterations and training.outputs)


def stays(training: Training) -> bool:
    """Return whether a run started near ln 2, can move, and has not left: it stays a few per cent to the other side too."""
    near = abs(training.cost_first - LN2) < NEAR and training.cost_last >= ESCAPED
    return near and training.regime not in ("dead", "symmetric")


def with_faster(run: Training, parameters: Parameters, data: Data, model: Model, cap: int) -> Training:
    """Add the first iteration with a cost below 0.6 for a larger learning rate, None if not before the cap, and the end.

    That run is followed to a multiple of the model's iterations, well past its plateau: what leaves it may fall back.
    """
    quick = replace(model, learning_rate=larger_rate(model))
    steps = engine(data, quick)
    left = escape(parameters, data, quick, cap, engine=steps)
    ends: tuple[RateEnd, ...] = ()
    times = 0 if left is None else max(1, math.ceil(SETTLED * left / model.iterations))
    if left is not None and left + times * model.iterations <= FURTHER * cap:
        longer = replace(quick, iterations=times * model.iterations)
        last = train(parameters, data, longer, engine=steps)
        ends = (RateEnd(quick.learning_rate, longer.iterations, last.train_accuracy, last.test_accuracy),)
    return replace(run, rates=((quick.learning_rate, left),), rates_searched=cap, rate_ends=ends)
