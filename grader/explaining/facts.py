"""What a story may speak of: the student's run, the right answer's run, what was recovered, what was measured before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from grader.exercise.asides import Asides
from grader.exercise.quotes import Quotes
from grader.exercise.shipped import Spread
from grader.exercise.training import ESCAPED, LN2
from grader.records import Cause, Diagnosis, SettingRow, Sweep, Training

HE = "sqrt(2/n_in)"  # the rule of He et al. (2015), as a diagnosis writes it
HOLDS = 0.9  # the share of seeds for which a comparison must hold before it is made
# Borders of the descriptions here lie away from those of the regimes, so that a run a few per cent to either side of one
# reads the same; measured at the exercise's seed, gradients of 0.05 are those of scale 0.42, between 0.3 and He's.
SMALL_GRADIENT = 0.05
SMALL_WEIGHTS, LARGE_WEIGHTS = 0.5, 2.0  # sizes beside He's rule; of its own draws over seeds nearly all lie between
LARGER = 3.0  # times as large gradients are without the biases where these are the reason that they are small
MANY = 0.5  # share of saturated outputs; it goes from 0 at scale 1 to 0.66 at 1.5
HARDLY = 0.1  # how far from that of guessing a cost is that is about the same
BEGUN = 0.03  # how far below it a cost is before a run that started there had begun to learn
WORKS = 0.2  # a cost below it is that of a model that has learned
AS_FAR = 1.3  # times the right answer's cost; over seeds the right scale's own runs that learn differ by less
OFTEN = 0.1  # share of steps that overshoot


@dataclass(frozen=True, slots=True)
class Compared:
    """How two scales compare in train accuracy over the seeds: for how many the first ends above, and below, the second."""

    above: int
    below: int
    seeds: int

    @property
    def holds(self) -> bool:
        """Whether the first may be said to end above."""
        return self.above >= HOLDS * self.seeds

    @property
    def reversed(self) -> bool:
        """Whether the first may be said to end below."""
        return self.below >= HOLDS * self.seeds


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured once for the exercise; `runs` are those of its seed, by scale: 0 is zeros, None is He's.

    `quotes` are the words of its notebook, where it has any to quote.  `printed` is false where its notebook may set another
    seed before it trains, so that it prints other costs than these.
    """

    learning_rate: float
    iterations: int
    points: int
    sweep: Sweep | None = None
    runs: Mapping[float | None, Training] = field(default_factory=dict)
    spread: Mapping[float | None, Spread] = field(default_factory=dict)
    asides: Asides | None = None
    seed: int | None = None
    quotes: Quotes | None = None
    layers: tuple[int, ...] = ()
    printed: bool = True

    def setting(self, hidden: int, rate: float) -> SettingRow | None:
        """Return how a small scale fares over seeds with so many hidden layers at a learning rate, where it was measured."""
        rows = self.sweep.settings if self.sweep else ()
        return next(
            (row for row in rows if len(row.layers) - 2 == hidden and row.learning_rate == rate and row.seeds), None
        )

    def is_safe(self, rate: float) -> bool:
        """Return whether nothing was measured that speaks against a learning rate for this network."""
        row = self.setting(len(self.layers) - 2, rate)
        return row is None or row.layers != self.layers or row.learned >= HOLDS * row.seeds

    def compared(self, scale: float | None, other: float | None) -> Compared | None:
        """Compare two scales over the seeds, or return None where one of them was not measured."""
        if scale not in self.spread or other not in self.spread:
            return None
        pairs = list(zip(self.spread[scale].train_accuracy, self.spread[other].train_accuracy, strict=True))
        return Compared(sum(a > b for a, b in pairs), sum(a < b for a, b in pairs), len(pairs))

    def cheaper(self, scale: float | None, other: float | None) -> bool:
        """Return whether the first of two scales may be said to end at the lower cost."""
        if scale not in self.spread or other not in self.spread:
            return False
        pairs = list(zip(self.spread[scale].cost_last, self.spread[other].cost_last, strict=True))
        return sum(a < b for a, b in pairs) >= HOLDS * len(pairs)

    def middle(self, scale: float | None) -> float:
        """Return the median train accuracy of a scale."""
        return median(self.spread[scale].train_accuracy)


@dataclass(frozen=True, slots=True)
class Facts:
    """One function: its run and the right answer's, what was recovered from its numbers, and what is wrong with it."""

    mine: Training
    asked: Training
    diagnosis: Diagnosis
    asked_diagnosis: Diagnosis
    measured: Measured
    passed: bool
    causes: tuple[Cause, ...] = ()

    # --- the start

    @property
    def scale(self) -> float | None:
        """The plain number that the draws are multiplied with, in every layer, if it is one."""
        return plain_number(self.diagnosis.scale_formula)

    @property
    def asked_scale(self) -> float | None:
        """The plain number that is asked for, if it is one."""
        return plain_number(self.asked_diagnosis.scale_formula)

    @property
    def same_draws(self) -> bool:
        """Whether the start is a scale of the exercise's own draws and nothing else: then shipped runs are its kin."""
        of_seed = self.diagnosis.seed_status == "as_required" and self.diagnosis.biases == "zeros"
        return of_seed and set(self.diagnosis.causes) <= {"scale_constant", "scale_other"}

    @property
    def blind(self) -> bool:
        """Whether every weight is 0 and yet something moves: only biases speak, and every point gets the same answer."""
        return not any(self.mine.weight_norms) and any(self.mine.gradient_norms)

    @property
    def is_dead_of_zeros(self) -> bool:
        """Whether no weight moves because all are 0, and the cost stays: then the story quotes the notebook."""
        return self.mine.regime == "dead" and not any(self.mine.weight_norms) and self.cost_stays

    @property
    def weight_size(self) -> float | None:
        """How large the weights are beside those of He's rule, in the geometric mean of the layers; None where one is 0."""
        norms, units = self.mine.weight_norms, self.measured.layers[1:]
        if len(norms) != len(units) or not all(math.isfinite(norm) and norm > 0 for norm in norms):
            return None
        sizes = (math.log(norm / math.sqrt(2 * count)) for norm, count in zip(norms, units, strict=True))
        return math.exp(sum(sizes) / len(norms))

    @property
    def partly_still(self) -> bool:
        """Whether the gradients of some weight matrices are exactly 0 at the start, and those of others are not."""
        return any(self.mine.gradient_norms) and not all(self.mine.gradient_norms)

    @property
    def small(self) -> bool:
        """Whether small weights make the gradients of all weights small at the start."""
        size = self.weight_size
        return self._small_gradients and size is not None and size < SMALL_WEIGHTS and not self.biases_silence

    @property
    def _small_gradients(self) -> bool:
        return bool(self.mine.gradient_norms) and max(self.mine.gradient_norms) < SMALL_GRADIENT

    @property
    def biases_silence(self) -> bool:
        """Whether the gradients are small at the start, and would not be so with biases of zero."""
        without = self.mine.without_biases
        if without is None or not self._small_gradients:
            return False
        return max(without.gradient_norms) > LARGER * max(self.mine.gradient_norms)

    @property
    def biases_saturate(self) -> bool:
        """Whether most outputs are saturated at the start, and would not be so with biases of zero."""
        without = self.mine.without_biases
        return self.large and without is not None and without.saturated < MANY

    @property
    def large(self) -> bool:
        """Whether most outputs are saturated at the start."""
        return self.mine.saturated >= MANY

    # --- the end

    @property
    def lost(self) -> bool:
        """Whether the run ended in numbers that are none; the printed cost leaves such terms out and may look fine."""
        run = self.mine
        printed = (run.cost_first, run.cost_14000, run.cost_last)
        exact = (run.trace.exact_cost[0], run.trace.exact_cost[-1]) if run.trace.exact_cost else printed
        return any(map(math.isnan, run.outputs)) or (any(map(math.isnan, printed)) and any(map(math.isnan, exact)))

    @property
    def below_guessing(self) -> float:
        """How far the last printed cost lies below that of answering 0.5, as a share of it; below 0: above it."""
        return 1 - self.mine.cost_14000 / LN2

    @property
    def stuck(self) -> bool:
        """Whether the run ended about where guessing is."""
        return -HARDLY < self.below_guessing < HARDLY

    @property
    def cost_stays(self) -> bool:
        """Whether the cost is the same at the end, but for rounding."""
        return math.isclose(self.mine.cost_first, self.mine.cost_14000, rel_tol=1e-9)

    @property
    def hardly_begun(self) -> bool:
        """Whether small weights kept the run about where it started, at the cost of guessing."""
        near = abs(self.mine.cost_first / LN2 - 1) < HARDLY
        return self.small and near and abs(self.below_guessing) < BEGUN

    @property
    def stopped(self) -> int | None:
        """Where in the trace every gradient of the weights becomes exactly 0 for good; None if never, or from the start."""
        moves = [any(norms) for norms in self.mine.trace.gradient_norms]
        if not any(moves) or moves[-1]:
            return None
        return len(moves) - moves[::-1].index(True)

    @property
    def works(self) -> bool:
        """Whether the model has learned: to a low cost, or about as far as the right answer's where that learns."""
        learns = self.asked.regime == "healthy"
        return self.mine.cost_14000 <= max(WORKS, AS_FAR * self.asked.cost_14000 if learns else 0.0)

    @property
    def early(self) -> bool:
        """Whether the run had left the plateau by the second cost that is printed."""
        return any(cost < ESCAPED for _, cost in self.mine.costs[:2])

    @property
    def first_below(self) -> int | None:
        """The first iteration whose printed cost is below 0.6."""
        return next((iteration for iteration, cost in self.mine.costs if cost < ESCAPED), None)

    @property
    def overshoots(self) -> bool:
        """Whether many of the first steps raised the exact cost."""
        return self.mine.raised >= OFTEN * max(1, self.mine.watched)

    # --- what is asked

    @property
    def small_is_asked(self) -> bool:
        """Whether the exercise asks for one small number, and the right answer's run learns from it."""
        norms = self.asked.gradient_norms
        is_small = self.asked_scale is not None and bool(norms) and 0 < max(norms) < SMALL_GRADIENT
        return is_small and self.asked.regime == "healthy"

    @property
    def zeros_are_asked(self) -> bool:
        """Whether the exercise asks for weights of zero, from which the network cannot learn."""
        return self.asked.regime == "dead" and not any(self.asked.weight_norms)

    @property
    def harm_is_asked(self) -> bool:
        """Whether the exercise asks for a start that does badly, to show it."""
        return self.asked.saturated >= MANY

    @property
    def rule_is_asked(self) -> bool:
        """Whether the exercise asks for He's rule here."""
        return self.asked_diagnosis.scale_formula == HE

    @property
    def of_scale(self) -> bool:
        """Whether the first thing to change is the scale."""
        return self.diagnosis.causes[:1] != () and self.diagnosis.causes[0].startswith("scale_")

    @property
    def is_another_draw(self) -> bool:
        """Whether only the seed differs from what is asked for."""
        seeds = {"seed_missing", "seed_outside", "seed_other", "other_generator"}
        return bool(self.diagnosis.causes) and set(self.diagnosis.causes) <= seeds

    @property
    def apart(self) -> int:
        """By how many of the points trained on the accuracy differs from that of what is asked for."""
        return round(abs(self.mine.train_accuracy - self.asked.train_accuracy) * self.measured.points)


def plain_number(formula: str | None) -> float | None:
    """Return a formula that is a number, or None."""
    try:
        number = float(formula or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
