"""How long small weights wait, by scale and depth: the first iteration with a cost below 0.6, on axes of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grader.explaining.numbers import plain
from grader.messages import say
from grader.records import Sweep, Table, WaitRow
from grader.rendering.charts import Axis, Chart, Curve, Panel, powers


def waits_chart(sweep: Sweep) -> Chart | None:
    """Return the chart; None where too little was measured to draw a line."""
    rows = [row for row in sweep.waits if len(_left(row)) > 1]
    if not rows:
        return None
    scales = sorted({scale for row in rows for scale in row.scales})
    ticks = [scale for scale in scales if math.isclose(math.log10(scale) % 1, 0, abs_tol=1e-9)]
    x = Axis(scales[0], scales[-1], tuple((scale, f"{scale:g}") for scale in ticks), say("figures.scale"), is_log=True)
    y = powers([left for row in rows for _, left in _left(row)])
    lines = (Curve(f"layer{index % 3}", tuple(_left(row)), _layers(row)) for index, row in enumerate(rows))
    title = say("figures.waits")
    return Chart(
        _says(rows), (Panel(x, y, tuple(lines)),), title, note=_note(rows, sweep), table=_table(rows, scales, sweep)
    )


def _left(row: WaitRow) -> list[tuple[float, int]]:
    """Return scale and iteration where there is one, smallest scale first."""
    return sorted((scale, left) for scale, left in zip(row.scales, row.iterations, strict=True) if left)


def _says(rows: Sequence[WaitRow]) -> str:
    """Say how much longer the wait is between two scales that all networks have."""
    shared = sorted(set.intersection(*({scale for scale, _ in _left(row)} for row in rows)))
    rates = sorted({row.learning_rate for row in rows})
    rate = [say("figures.waits.rate", rate=rates[0])] if len(rates) == 1 else []
    if len(shared) < 2:
        return " ".join([say("figures.waits.networks", networks=[_layers(row) for row in rows]), *rate])
    low, high = shared[0], shared[-1]
    left = [dict(_left(row)) for row in rows]
    waits = [
        say("figures.waits.of", times=plain(each[low] / each[high]), layers=_layers(row))
        for each, row in zip(left, rows, strict=True)
    ]
    change = say("figures.waits.says", high=high, low=low, waits=waits)
    return " ".join([change, *rate])


def _note(rows: Sequence[WaitRow], sweep: Sweep) -> str:
    never = [
        say("figures.waits.at", layers=_layers(row), scale=scale)
        for row in rows
        for scale, left in zip(row.scales, row.iterations, strict=True)
        if not left
    ]
    if not never:
        return ""
    if sweep.searched:
        return say("figures.waits.never.searched", searched=sweep.searched, networks=never)
    return say("figures.waits.never", networks=never)


def _layers(row: WaitRow) -> str:
    return say("lab.hidden", count=len(row.layers) - 2)


def _table(rows: Sequence[WaitRow], scales: Sequence[float], sweep: Sweep) -> Table:
    never = say("figures.not_by", iteration=sweep.searched) if sweep.searched else say("figures.never")
    columns = [dict(zip(row.scales, row.iterations, strict=True)) for row in rows]

    def cell(waits: dict[float, int | None], scale: float) -> str:
        if scale not in waits:
            return ""
        left = waits[scale]
        return f"{left:,}" if left else never

    return Table(
        say("figures.waits.table"),
        (
            say("figures.waits.scale"),
            *(say("figures.waits.column", layers=_layers(row), rate=row.learning_rate) for row in rows),
        ),
        tuple((f"{scale:g}", *(cell(waits, scale) for waits in columns)) for scale in reversed(scales)),
    )
