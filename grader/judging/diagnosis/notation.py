"""Writes what was recovered as a student would type it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.judging.diagnosis.draws import Fit, Stream
from grader.judging.diagnosis.recovered import Recovered
from grader.judging.diagnosis.rules import plain

_SIDES = "layers_dims[l], layers_dims[l-1]"
_TURNED = "layers_dims[l-1], layers_dims[l]"
_TYPED = {"n_in": "layers_dims[l-1]", "n_out": "layers_dims[l]", "sqrt": "np.sqrt"}


def written(recovered: Recovered) -> str | None:
    """Return the drawing of one layer's weights in Python, or None where it is not known.

    Where the sizes are not in one list, it is the first layer.
    """
    parameters = next((outcome.call.parameters for outcome in recovered.evidence.outcomes), ())
    text = _written(recovered)
    return _of_first_layer(text, parameters) if text and parameters else text


def _of_first_layer(text: str, parameters: Sequence[str]) -> str:
    """Return text with the parameters of the first layer in place of the list's entries."""
    names = {"layers_dims[l]": parameters[1], "layers_dims[l-1]": parameters[0], "layers_dims[-1]": parameters[-1]}
    names |= {f"layers_dims[{at}]": name for at, name in enumerate(parameters)}
    names |= {"len(layers_dims)": f"{len(parameters)}", "sum(layers_dims)": f"({' + '.join(parameters)})"}
    return re.sub("|".join(map(re.escape, names)), lambda entry: names[entry[0]], text)


def _written(recovered: Recovered) -> str | None:
    if recovered.distribution == "zeros":
        return f"np.zeros(({_SIDES}))"
    if recovered.drawn is None or recovered.rule is None:
        return None
    fits = [fit for fits in recovered.drawn.fits for fit in fits if fit]
    if len({(plain(fit.times), plain(fit.shift)) for fit in fits}) == 1 and recovered.drawn.shifted:
        return _between(recovered.drawn.stream, fits[0])
    if recovered.drawn.shifted:
        centred = all(abs(fit.shift + fit.times / 2) <= 1e-6 * abs(fit.times) for fit in fits)
        return f"({_draw(recovered.drawn.stream)} - 0.5){_times(recovered.rule)}" if centred else None
    draw = _draw(recovered.drawn.stream)
    return f"{f'np.abs({draw})' if recovered.drawn.stream.absolute else draw}{_times(recovered.rule)}"


def typed(rule: str) -> str:
    """Return a rule as one types it: `sqrt(2/n_in)` is ``np.sqrt(2 / layers_dims[l-1])``."""
    named = re.sub("|".join(_TYPED), lambda match: _TYPED[match[0]], rule)
    return re.sub(r"(?<=[\w\])])([*/+])(?=[\w(])", r" \1 ", named)


def _times(rule: str) -> str:
    return "" if rule == "1" else f" * {typed(rule)}"


def _between(stream: Stream, fit: Fit) -> str:
    """Return a draw between two bounds, or around a mean, that are the same everywhere."""
    size = f"({_TURNED})).T" if stream.plan.by_column else f"({_SIDES}))"
    if stream.kind == "normal":
        return f"{_module(stream)}.normal({plain(fit.shift)}, {plain(fit.times)}, {size}"
    low, high = sorted((fit.shift, fit.shift + fit.times))
    return f"{_module(stream)}.uniform({plain(low)}, {plain(high)}, {size}"


def _draw(stream: Stream) -> str:
    sides, turned = (_TURNED, ".T") if stream.plan.by_column else (_SIDES, "")
    if stream.legacy:
        return f"np.random.{'randn' if stream.kind == 'normal' else 'rand'}({sides}){turned}"
    return f"{_module(stream)}.{'standard_normal' if stream.kind == 'normal' else 'random'}(({sides})){turned}"


def _module(stream: Stream) -> str:
    """Return the module that the draws come from, as a student would type it."""
    if stream.legacy:
        return "np.random"
    seed = "…" if stream.seed is None else stream.seed
    return {"default_rng": f"np.random.default_rng({seed})", "random": "random"}.get(
        stream.generator, f"np.random.Generator(np.random.{stream.generator}({seed}))"
    )
