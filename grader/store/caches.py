"""The caches of a store for a process that grades: what code gave, and trainings; read when needed, never written."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import msgspec

from grader.records import Outcome
from grader.store.packing import is_whole, unpack_outcomes

HELD_TRAININGS = 1000  # in the memory of one process; each has some 10 kB


class CacheReader:
    """The caches of a store for a process that grades: read as they are needed, never written.

    Where the file is not there, on another machine say, there is nothing to be found.
    """

    def __init__(self, path: Path) -> None:
        self._database: sqlite3.Connection | None = None
        with contextlib.suppress(sqlite3.Error):
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)

    def outcomes(self, code: str) -> tuple[Outcome, ...] | None:
        """Return what the calls of a function with this key gave, or None."""
        row = self._one(
            "SELECT data, key FROM functions JOIN outcomes ON key = functions.outcomes WHERE functions.code = :key LIMIT 1",
            code,
        )
        with contextlib.suppress(msgspec.DecodeError):
            return unpack_outcomes(row[0]) if row and is_whole(row[1], row[0]) else None
        return None

    def training(self, start: str) -> bytes | None:
        """Return the training from this start, or None."""
        row = self._one("SELECT training FROM trainings WHERE start = :key", start)
        return bytes(row[0]) if row else None

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _one(self, query: str, key: str) -> tuple[Any, ...] | None:
        if self._database is None or not key:
            return None
        with contextlib.suppress(sqlite3.Error):  # a cache that cannot be read is an empty one
            row: tuple[Any, ...] | None = self._database.execute(query, {"key": key}).fetchone()
            return row
        return None


class Trainings(MutableMapping[str, bytes]):
    """The trainings of a store as a cache of a process, which keeps the last ones in memory."""

    def __init__(self, reader: CacheReader) -> None:
        self._reader = reader
        self._held: dict[str, bytes] = {}

    def __getitem__(self, start: str) -> bytes:
        training = self._held.get(start) or self._reader.training(start)
        if training is None:
            raise KeyError(start)
        self._hold(start, training)
        return training

    def __setitem__(self, start: str, training: bytes) -> None:
        self._hold(start, training)

    def __delitem__(self, start: str) -> None:
        del self._held[start]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def _hold(self, start: str, training: bytes) -> None:
        if start not in self._held and len(self._held) >= HELD_TRAININGS:
            del self._held[next(iter(self._held))]
        self._held[start] = training
