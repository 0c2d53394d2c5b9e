"""What was measured beside the exercise's own runs, read only; `grader.precompute.asides` makes the file."""

from __future__ import annotations

import msgspec

from grader.exercise.load import Exercise
from grader.exercise.shipped import Shipped, Versions, decoded, terms

FILE = "asides.json"
DRAWN = ("randn", "rand", "narrow", "centred")  # the draws of `shipped.DRAWS` whose trainings are in trainings.json
STRETCHED = "rand, stretched to variance 1"
XAVIER_LAST = "randn, the last layer with sqrt(1/n)"


class Start(msgspec.Struct, frozen=True):
    """The training from initial weights that are not random draws times a scale."""

    name: str
    train_accuracy: float
    test_accuracy: float | None
    cost_first: float
    cost_last: float
    regime: str


class Patient(msgspec.Struct, frozen=True):
    """A small scale at the exercise's seed that is given enough iterations to leave the plateau."""

    scale: float
    iterations: int
    train_accuracy: float
    test_accuracy: float | None


class Variant(msgspec.Struct, frozen=True):
    """Another way to draw, on the scale of He's rule: train accuracies over the seeds 0, 1, 2, …"""

    name: str
    train_accuracy: tuple[float, ...]


class Moved(msgspec.Struct, frozen=True):
    """How many runs end with another train accuracy if the points are in another order, of how many, and by how much at most.

    What is added up is the same; its rounding is not.
    """

    scale: float | None
    seeds: int
    moved: int
    most: float


class Width(msgspec.Struct, frozen=True):
    """The exact cost at iteration 0 of a network: with the standard draws as they are, and with He's rule."""

    layers: tuple[int, ...]
    as_drawn: float
    he: float


class Signal(msgspec.Struct, frozen=True):
    """Root mean square of the activations of layer 1, 2, … of a deep ReLU network of equal layers, by the factor."""

    factor: str
    sizes: tuple[float, ...]


class Earlier(msgspec.Struct, frozen=True):
    """A run of an earlier exercise; `spread` are standard deviations of the activations by layer at the start."""

    factor: str
    learning_rate: float
    iterations: int
    train_accuracy: float
    cost_first: float
    cost_last: float
    escape: int | None
    searched: int
    spread: tuple[float, ...] = ()
    gradient_norms: tuple[float, ...] = ()


class Asides(msgspec.Struct, frozen=True):
    """All that the file asides.json holds for an exercise.

    `shifted` are the first number of W2 for [3, 2, 1] as the exercise asks for it, and after biases drawn with randn.
    `flower` and `pictures` are the course's earlier exercises, if there were any.
    """

    starts: tuple[Start, ...]
    patient: Patient
    variants: tuple[Variant, ...]
    moved: tuple[Moved, ...]
    shifted: tuple[float, float]
    widths: tuple[Width, ...]
    signals: tuple[Signal, ...]
    flower: tuple[Earlier, ...]
    pictures: tuple[Earlier, ...]
    made_with: Versions = Versions()


def load(exercise: Exercise, shipped: Shipped) -> Asides | None:
    """Read what was measured beside an exercise; None where nothing was, or for other settings than it has today.

    The variants that trainings.json holds are put before those of the file.
    """
    read = decoded(exercise.folder / FILE, Asides)
    if read is None:
        return None
    he = {row.draw: row.train_accuracy for row in (*shipped.spread, *shipped.draws) if row.scale is None}
    if read.made_with.terms != terms(exercise) or not he.keys() >= set(DRAWN):
        return None
    variants = (Variant(draw, he[draw]) for draw in DRAWN)
    return msgspec.structs.replace(read, variants=(*variants, *read.variants))
