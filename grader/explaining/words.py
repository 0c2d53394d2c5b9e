"""The words for each cause: what is so, and what to do, filled with what was measured.

`{yours}` and `{asked}` are the scale rules, `{seed}` the required seed.  A *slip* is against what the task text states: a
factor, the seed, a shape; a *misconception* is an idea about initialization that does not hold here, so it is told with its
reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from grader.exercise.quotes import Quotes
from grader.explaining.advice import advise
from grader.explaining.numbers import plain
from grader.judging.diagnosis import Case
from grader.judging.diagnosis import text as texts
from grader.records import Cause, Diagnosis, KnownFault, Number, Table


class Words(NamedTuple):
    """A cause in a few words for tables, and the one thing to do about it."""

    short: str
    action: str


CAUSES: Mapping[str, Words] = {
    "not_attempted": Words("not started", "fill in the lines that the comments ask for"),
    "missing": Words("not found", "define the function under its exact name in a code cell"),
    "syntax_error": Words("does not parse", "fix the line that Python cannot read, then run the cell again"),
    "raised": Words("stops with an error", "call the function in the notebook and follow the traceback"),
    "global_name": Words("uses a name from outside", "define or import the missing name in the notebook"),
    "removed_numpy_name": Words("uses a name NumPy no longer has", "use the name that today's NumPy has"),
    "timed_out": Words("does not finish", "look for a loop that never ends"),
    "out_of_memory": Words("needs too much memory", "look at the sizes of the arrays that are made"),
    "crashed": Words("ends Python", "take out calls that end Python"),
    "refused": Words("returns no arrays", "end the function with `return parameters`, a dictionary of NumPy arrays"),
    "hard_coded_dims": Words("sizes written into the code", "take the sizes from layers_dims, whatever they are"),
    "transposed": Words("weights transposed", "give W the shape (layers_dims[l], layers_dims[l-1])"),
    "layer_missing": Words("a layer is missing", "let the loop run over all layers, the last one included"),
    "bias_missing": Words("biases missing", "return a bias for every layer"),
    "weight_shape": Words("weights of another shape", "give W the shape (layers_dims[l], layers_dims[l-1])"),
    "extra_keys": Words("extra entries", "return only W1, b1, … up to the last layer"),
    "wrong_type": Words("no float arrays", "return NumPy arrays of floats, not lists or numbers"),
    "not_finite": Words("NaN or infinity", "find where the numbers stop being finite"),
    "weights_constant": Words("all weights the same", "give each weight its own value as the task asks"),
    "weights_not_zero": Words("weights are not zero", "make every weight zero with np.zeros"),
    "weights_zero": Words("weights are all zero", "draw the weights with np.random.randn"),
    "weights_shifted": Words("not around 0", "draw the weights with np.random.randn and add nothing to them"),
    "weights_rounded": Words(
        "rounded numbers", "leave the random numbers as they are: do not round them or shorten them"
    ),
    "weights_clipped": Words("clipped numbers", "leave the random numbers as they are: do not clip them at a bound"),
    "uniform_not_normal": Words(
        "uniform instead of normal", "draw the weights with np.random.randn; now they are uniform"
    ),
    "distribution_other": Words("another distribution", "draw the weights with np.random.randn and only multiply them"),
    "scale_constant": Words(
        "multiplied by another number", "multiply the weights by {asked}; now the factor is {yours}"
    ),
    "scale_fan_out": Words(
        "fan-out in place of fan-in", "use {asked}: the size of the layer before; now it is {yours}"
    ),
    "scale_xavier": Words("Xavier's rule in place of He's", "use {asked}; now it is {yours}, Xavier's rule"),
    "scale_sqrt_missing": Words("the square root is missing", "take the root: {asked}; now it is {yours}"),
    "scale_other": Words("multiplied by another factor", "multiply the weights by {asked}{now}"),
    "seed_missing": Words(
        "no seed in the function", "set the seed inside the function, before the loop: np.random.seed({seed})"
    ),
    "seed_outside": Words(
        "seed set outside the function", "move np.random.seed({seed}) into the function, before the loop"
    ),
    "seed_other": Words("another seed", "use the seed that is asked for: np.random.seed({seed})"),
    "seed_per_layer": Words("seed set in every layer", "set the seed once, before the loop"),
    "other_generator": Words(
        "another generator",
        "set np.random.seed({seed}) in the function, before the loop, and draw with np.random.randn",
    ),
    "draw_order": Words(
        "another order of drawing", "draw W1, W2, … in this order, each at once, and nothing in between"
    ),
    "bias_random": Words("random biases", "make the biases zero with np.zeros"),
    "bias_nonzero": Words("biases are not zero", "make the biases zero with np.zeros"),
    "bias_shape": Words("biases of another shape", "give b the shape (layers_dims[l], 1)"),
    "unknown": Words("cause not recognised", "compare your numbers with those asked for, shown in the feedback"),
}


SEED_ASSIGNED = Words(
    "seed assigned, not set",
    "call np.random.seed({seed}) before the loop; you assign to np.random.seed, which sets no seed",
)


def _words(cause: str, *, assigned: bool) -> Words:
    """Return the words of a cause; a seed that is missing because it was `assigned` has words of its own."""
    return SEED_ASSIGNED if assigned and cause in ("seed_missing", "seed_outside") else CAUSES[cause]


def action(cause: str, *, yours: str | None, asked: str | None, seed: int | None, assigned: bool = False) -> str:
    """Return what to do about a cause."""
    if cause == "weights_constant" and asked is None:  # where zeros are asked for, another constant is the wrong one
        cause = "weights_not_zero"
    now = f"; now it is {yours}" if yours else ""
    return _words(cause, assigned=assigned).action.format(yours=yours, asked=asked, seed=seed, now=now)


# why an idea does not hold here; a cause without a reason is a slip
REASONS: Mapping[str, str] = {
    "scale_fan_out": (
        "A unit adds up one product for each of its inputs: the more inputs, the wider its sums spread. The rule therefore "
        "divides by the size of the layer before (fan-in), not by the number of units in the layer itself "
        "(fan-out)."
    ),
    "scale_xavier": (
        "Rules with 1/n or with the sum of both sizes go back to Glorot and Bengio (2010) and were made for units such as "
        "tanh. A ReLU sets about half of its inputs to zero; He et al. (2015) make up for it with 2 in place of 1, over the "
        "size of the layer before."
    ),
    "scale_sqrt_missing": (
        "2/n is the variance that the weights should have. np.random.randn is multiplied with the standard deviation, which "
        "is the root of the variance."
    ),
    "scale_constant": (
        "One number for all layers takes no account of their sizes: a layer with more inputs needs smaller weights."
    ),
    "seed_per_layer": (
        "A seed starts the row of random numbers from its beginning. Set again in every layer, it gives each layer the same "
        "numbers as the one before; set once, before the loop, it makes the whole function repeatable."
    ),
    "weights_constant": (
        "Units that start with the same weights get the same gradient and stay the same for ever. Random numbers are there "
        "to make them differ."
    ),
}


_OF_HE = ("scale_fan_out", "scale_xavier", "scale_sqrt_missing")  # causes that say why the sizes are in the rule


def tell(
    cause: str,
    mine: Diagnosis,
    asked: Diagnosis,
    known: KnownFault | None = None,
    quotes: Quotes | None = None,
    case: Case | None = None,
) -> Cause:
    """Return a cause with its words: what was written and asked for, as far as it is known, and the reason.

    `known` is the proved fault; it says where this cause is if no other is left.  `quotes` has what the exercise says of others,
    `case` what came back; without it the words are those that hold for everybody.
    """
    reason = _reason(cause, mine, asked, quotes)
    general = action(
        cause, yours=mine.scale_formula, asked=asked.scale_formula, seed=asked.seed, assigned=mine.seed_assigned
    )
    advice = advise(cause, case) if case and not mine.seed_assigned else None
    proved = known.place if known and mine.causes == (cause,) else None
    return Cause(
        code=cause,
        kind="misconception" if reason else "slip",
        title=(advice.title if advice else "") or _words(cause, assigned=mine.seed_assigned).short,
        action=advice.action if advice else general,
        reason=reason,
        wrote=_own_text(cause, case.evidence.function.code) if case else None,
        asked=_wanted(cause, asked),
        factors=_factors(mine, asked) if cause.startswith("scale_") else None,
        place=proved or (advice.place if advice else None),
    )


def _factors(mine: Diagnosis, asked: Diagnosis) -> Table | None:
    """Set the measured factors beside those asked for, layer by layer."""
    if not mine.scale or not asked.scale or len(mine.scale) != len(asked.scale):
        return None
    rows = enumerate(zip(mine.scale, asked.scale, strict=True), start=1)
    return Table(
        "What the random numbers of each layer are multiplied by",
        ("weights", "yours", "asked for"),
        tuple((f"W{layer}", _factor(one), _factor(other)) for layer, (one, other) in rows),
    )


def _factor(factor: Number) -> str:
    return factor if isinstance(factor, str) else plain(factor) if abs(factor) >= 100 else f"{factor:.4g}"


def _reason(cause: str, mine: Diagnosis, asked: Diagnosis, quotes: Quotes | None) -> str:
    if cause == "weights_constant" and asked.scale_formula is None:
        return ""
    if cause in _OF_HE and "n_in" not in (asked.scale_formula or ""):
        return ""
    if cause != "scale_constant":
        return REASONS.get(cause, "")
    try:
        number, wanted = float(mine.scale_formula or ""), float(asked.scale_formula or "")
    except ValueError:  # a rule of the sizes is asked for, a number was written
        return REASONS[cause]
    return quotes.earlier if quotes and abs(number) < 1 < wanted else ""


def _own_text(cause: str, code: str) -> str | None:
    """Return the student's own text that a cause is about, where there is just one such place."""
    if cause in ("seed_other", "seed_per_layer"):
        return texts.seeding(code)
    if cause.startswith("scale_") or cause in ("uniform_not_normal", "weights_shifted", "other_generator"):
        return texts.drawing(code)
    return None


def _wanted(cause: str, asked: Diagnosis) -> str | None:
    """Return what is asked for where a cause is."""
    if cause in ("seed_missing", "seed_outside", "seed_other", "seed_per_layer"):
        return None if asked.seed is None else f"np.random.seed({asked.seed})"
    return f"the factor {asked.scale_formula}" if cause.startswith("scale_") and asked.scale_formula else None
