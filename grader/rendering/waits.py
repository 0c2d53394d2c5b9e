"""How long small weights wait, by scale and depth: the first iteration with a cost below 0.6, on axes of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grader.messages import listed
from grader.records import Sweep, Table, WaitRow
from grader.rendering.charts import Axis, Chart, Curve, Panel, powers


def waits_chart(sweep: Sweep) -> Chart | None:
    """Return the chart; None where too little was measured to draw a line."""
    rows = [row for row in sweep.waits if len(_left(row)) > 1]
    if not rows:
        return None
    scales = sorted({scale for row in rows for scale in row.scales})
    ticks = [scale for scale in scales if math.isclose(math.log10(scale) % 1, 0, abs_tol=1e-9)]
    x = Axis(
        scales[0], scales[-1], tuple((scale, f"{scale:g}") for scale in ticks), "scale of the weights", is_log=True
    )
    y = powers([left for row in rows for _, left in _left(row)])
    lines = (Curve(f"layer{index % 3}", tuple(_left(row)), _layers(row)) for index, row in enumerate(rows))
    title = "first iteration with a cost below 0.6"
    return Chart(
        _says(rows), (Panel(x, y, tuple(lines)),), title, note=_note(rows, sweep), table=_table(rows, scales, sweep)
    )


def _left(row: WaitRow) -> list[tuple[float, int]]:
    """Return scale and iteration where there is one, smallest scale first."""
    return sorted((scale, left) for scale, left in zip(row.scales, row.iterations, strict=True) if left)


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
