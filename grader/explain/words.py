"""The words for each cause: what is so, and what to do, filled with what was measured.

`{yours}` and `{asked}` are the scale rules, `{seed}` the required seed, `{where}` the place of the function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """A cause in a few words for tables, and the one thing to do about it."""

    short: str
    action: str


CAUSES: Mapping[str, Words] = {
    "not_attempted": Words("not started", "fill in the lines that the comments ask for"),
    "missing": Words("not found", "define the function under its exact name in a code cell"),
    "syntax_error": Words("does not parse", "mend the line that Python cannot read, then run the cell again"),
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
    "uniform_not_normal": Words("uniform instead of normal", "draw with np.random.randn in place of np.random.rand"),
    "distribution_other": Words("another distribution", "draw the weights with np.random.randn and only multiply them"),
    "scale_constant": Words("another constant", "multiply the weights by {asked}; now the factor is {yours}"),
    "scale_fan_out": Words("fan-out for fan-in", "use {asked}: the size of the layer before; now it is {yours}"),
    "scale_xavier": Words("Xavier for He", "use {asked}; now it is {yours}, Xavier's rule"),
    "scale_sqrt_missing": Words("root forgotten", "take the root: {asked}; now it is {yours}"),
    "scale_other": Words("another scale", "multiply the weights by {asked}{now}"),
    "seed_missing": Words("no seed", "set the seed inside the function, before the loop: np.random.seed({seed})"),
    "seed_outside": Words("seed set outside", "move np.random.seed({seed}) into the function, before the loop"),
    "seed_other": Words("another seed", "use the seed that is asked for: np.random.seed({seed})"),
    "seed_per_layer": Words("seed set in every layer", "set the seed once, before the loop"),
    "other_generator": Words("another generator", "use np.random.seed({seed}) and np.random.randn"),
    "draw_order": Words(
        "another order of drawing", "draw W1, W2, … in this order, each at once, and nothing in between"
    ),
    "bias_random": Words("random biases", "make the biases zero with np.zeros"),
    "bias_nonzero": Words("biases are not zero", "make the biases zero with np.zeros"),
    "bias_shape": Words("biases of another shape", "give b the shape (layers_dims[l], 1)"),
    "unknown": Words("cause not recognised", "compare your numbers with those asked for, shown in the feedback"),
}


def action(cause: str, *, yours: str | None, asked: str | None, seed: int | None) -> str:
    """Return what to do about a cause."""
    now = f"; now it is {yours}" if yours else ""
    return CAUSES[cause].action.format(yours=yours, asked=asked, seed=seed, now=now)
