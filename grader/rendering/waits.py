"""How long small weights wait, by scale and depth: the first iteration with a cost below 0.6, on axes of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grader.messages import listed
from grader.records import Sweep, Table, WaitRow
from grader.rendering.figures import (
    BOTTOM,
    LEFT,
    RIGHT,
    Frame,
    Label,
    Layer,
    Picture,
    Scale,
    Stroke,
    Tick,
    head,
    kept,
    path,
    powers,
    spread_out,
)

FRAME = Frame(left=LEFT + 20, right=RIGHT - 54, top=34)


@kept
def waits_figure(sweep: Sweep) -> Picture | None:
    """Return the picture; None where too little was measured to draw a line."""
    rows = [row for row in sweep.waits if len(_left(row)) > 1]
    if not rows:
        return None
    scales = sorted({scale for row in rows for scale in row.scales})
    x = Scale(math.log10(scales[0]), math.log10(scales[-1]), FRAME.left + 26, FRAME.right - 10)
    y, y_ticks = powers([left for row in rows for _, left in _left(row)], BOTTOM, FRAME.top)
    marks = [scale for scale in scales if math.isclose(math.log10(scale) % 1, 0, abs_tol=1e-9)]
    x_ticks = tuple(Tick(x(math.log10(scale)), f"{scale:g}") for scale in marks)
    ground = (
        head("first iteration with a cost below 0.6")
        + FRAME.axes(x_ticks, y_ticks, "scale of the weights")
        + _lines(rows, x, y)
    )
    return Picture(says=_says(rows), ground=ground, note=_note(rows, sweep), table=_table(rows, scales, sweep))


def _left(row: WaitRow) -> list[tuple[float, int]]:
    """Return scale and iteration where there is one, smallest scale first."""
    return sorted((scale, left) for scale, left in zip(row.scales, row.iterations, strict=True) if left)


def _lines(rows: Sequence[WaitRow], x: Scale, y: Scale) -> Layer:
    lines = tuple(
        Stroke(f"layer{index % 3}", path([[(x(math.log10(scale)), y(math.log10(left))) for scale, left in _left(row)]]))
        for index, row in enumerate(rows)
    )
    ends = {_layers(row): y(math.log10(_left(row)[-1][1])) for row in rows}
    names = tuple(Label(FRAME.right, round(at + 4, 1), name, look="name") for name, at in spread_out(ends).items())
    return Layer(lines, names)


def _says(rows: Sequence[WaitRow]) -> str:
    """Say by how much the wait grows between two scales that all networks have."""
    shared = sorted(set.intersection(*({scale for scale, _ in _left(row)} for row in rows)))
    rates = sorted({row.learning_rate for row in rows})
    at = f"with learning rate {rates[0]:g} " if len(rates) == 1 else ""
    if len(shared) < 2:
        return f"Waiting time by scale, {at}for networks of {listed([_layers(row) for row in rows])}."
    low, high = shared[0], shared[-1]
    times = [dict(_left(row)) for row in rows]
    verb = "grows" if all(each[low] > each[high] for each in times) else "goes"
    said = [f"{each[high]:,} to {each[low]:,} with {_layers(row)}" for each, row in zip(times, rows, strict=True)]
    return f"From scale {high:g} to {low:g} the wait {verb} {at}from {listed(said)}."


def _note(rows: Sequence[WaitRow], sweep: Sweep) -> str:
    never = [
        f"{_layers(row)} at scale {scale:g}"
        for row in rows
        for scale, left in zip(row.scales, row.iterations, strict=True)
        if not left
    ]
    within = f" within {sweep.searched:,} iterations" if sweep.searched else ""
    return f"Not below 0.6{within}, so not drawn: {listed(never)}." if never else ""


def _layers(row: WaitRow) -> str:
    return f"{len(row.layers) - 1} layers"


def _table(rows: Sequence[WaitRow], scales: Sequence[float], sweep: Sweep) -> Table:
    never = f"not by {sweep.searched:,}" if sweep.searched else "none"
    columns = [dict(zip(row.scales, row.iterations, strict=True)) for row in rows]

    def cell(found: dict[float, int | None], scale: float) -> str:
        if scale not in found:
            return ""
        left = found[scale]
        return f"{left:,}" if left else never

    return Table(
        "First iteration with a cost below 0.6, by scale and number of layers",
        ("scale", *(f"{_layers(row)}, learning rate {row.learning_rate:g}" for row in rows)),
        tuple((f"{scale:g}", *(cell(found, scale) for found in columns)) for scale in reversed(scales)),
    )
