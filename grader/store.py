"""The store: SQLite with the secret, evidence, results and trainings.  The only module that speaks SQL."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

from grader.errors import RequestError
from grader.records import Evidence, Result

VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS trainings (start TEXT PRIMARY KEY, training BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS submissions (
    name TEXT PRIMARY KEY, folder TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, graded_with TEXT NOT NULL,
    seconds REAL NOT NULL, evidence BLOB NOT NULL, result BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One graded submission as it is stored; `graded_with` names the exercise and the grader that made the evidence."""

    name: str
    folder: str
    sha256: str
    graded_with: str
    seconds: float
    evidence: Evidence
    result: Result


class Store:
    """A store in a file; made, with its secret, when it is opened for the first time.

    Raises
    ------
    RequestError
        If the file is no store, is of a newer version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, timeout=30)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()

    @property
    def secret(self) -> bytes:
        """The secret that the store's secret sizes are drawn from: made once, the same for all its submissions."""
        self._write("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (secrets.token_bytes(32),))
        return self._meta("secret")

    def trainings(self) -> dict[str, bytes]:
        """Return every training by the key of its start."""
        return dict(self._database.execute("SELECT start, training FROM trainings"))

    def add_trainings(self, trainings: Mapping[str, bytes]) -> None:
        """Keep trainings, in place of older ones."""
        with self._saving():
            self._database.executemany("INSERT OR REPLACE INTO trainings VALUES (?, ?)", trainings.items())

    def put(self, entry: Entry) -> None:
        """Keep one submission, in place of what was kept under its name."""
        evidence, result = msgspec.msgpack.encode(entry.evidence), msgspec.json.encode(entry.result)
        row = (entry.name, entry.folder, entry.sha256, entry.graded_with, entry.seconds, evidence, result)
        self._write("INSERT OR REPLACE INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def known(self) -> dict[str, tuple[str, str, str]]:
        """Return folder, file hash and `graded_with` of every submission by name."""
        rows = self._database.execute("SELECT name, folder, sha256, graded_with FROM submissions ORDER BY name")
        return {name: (folder, sha256, graded_with) for name, folder, sha256, graded_with in rows}

    def results(self) -> Iterator[tuple[str, float, Result]]:
        """Yield folder, seconds and result of every submission, by name."""
        for folder, seconds, result in self._database.execute(
            "SELECT folder, seconds, result FROM submissions ORDER BY name"
        ):
            yield folder, seconds, msgspec.json.decode(result, type=Result)

    def entries(self) -> Iterator[Entry]:
        """Yield every submission, by name."""
        rows = self._database.execute("SELECT * FROM submissions ORDER BY name").fetchall()
        for name, folder, sha256, graded_with, seconds, evidence, result in rows:
            decoded = msgspec.msgpack.decode(evidence, type=Evidence), msgspec.json.decode(result, type=Result)
            yield Entry(name, folder, sha256, graded_with, seconds, *decoded)

    def clear(self) -> None:
        """Forget every submission; the secret and the trainings stay."""
        self._write("DELETE FROM submissions", ())

    def _prepare(self) -> None:
        with self._saving():
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.executescript(_SCHEMA)
        self._check_version()

    def _check_version(self) -> None:
        self._write("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (str(VERSION).encode(),))
        if int(self._meta("version")) > VERSION:
            raise RequestError(
                f"{self.path} was written by a newer grader", hint="update the grader, or give another --out folder"
            )

    def _meta(self, name: str) -> bytes:
        (value,) = self._database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return bytes(value)

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with self._saving():
            self._database.execute(statement, values)

    @contextlib.contextmanager
    def _saving(self) -> Iterator[None]:
        try:
            with self._database:
                yield
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> RequestError:
        return RequestError(
            f"the store {self.path} cannot be used: {error}",
            hint="free disk space or choose a folder you can write to; what was graded before stays in it",
        )


def write(path: Path, content: str) -> None:
    """Write a text file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(content, encoding="utf-8", newline="")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        hint = "free disk space or choose another folder"
        raise RequestError(f"{path} cannot be written: {error.strerror}", hint=hint) from None
