"""What a class's store holds, as another program would read it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any


def selected(out: Path, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query to the store in a folder of graded work."""
    with contextlib.closing(sqlite3.connect(out / "grades.sqlite")) as database:
        return database.execute(query).fetchall()
