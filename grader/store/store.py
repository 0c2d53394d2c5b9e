"""The store of a class: made when it is first opened, written as submissions end, read by resume, regrade and export."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType

import msgspec

from grader.errors import RequestError
from grader.records import Evidence, Outcome, Result
from grader.store import schema
from grader.store.files import OWNER_FILE, make_private_folder
from grader.store.ledger import Decision, Ledger
from grader.store.packing import Packed, unpack_evidence, unpack_outcomes
from grader.store.ruled import ruled

HELD_TRAININGS = 1000  # in the memory of one process; each has some 10 kB
_KNOWN = "name, folder, sha256, stat, gathered_with, graded_with, student, handed"


@dataclass(frozen=True, slots=True)
class Known:
    """What was graded before, without evidence and result.

    `stat` is what the file system said of the file, `handed` names what was known of the hand-in; `gathered_with` names the
    grader and all of the exercise that decides evidence, `graded_with` the grader and the whole exercise.
    """

    name: str
    folder: str
    sha256: str
    stat: str
    gathered_with: str
    graded_with: str
    student: str | None = None
    handed: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """What judging a submission again needs: its evidence in bytes, by whom it was gathered, and how long that took."""

    head: bytes
    outcomes: Mapping[str, bytes]
    gathered_with: str
    handed: str
    seconds: float
    graded_at: str

    def evidence(self) -> Evidence:
        """Return the evidence.

        Raises
        ------
        msgspec.DecodeError
            If an older grader kept it in another form.
        """
        return unpack_evidence(self.head, self.outcomes)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is counted of a result, with what people ruled; `review`: somebody has to look at it."""

    score: float
    possible: float
    passed: bool
    provisional: bool
    review: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """A class in numbers."""

    submissions: int
    passed: int
    provisional: int
    review: int


@dataclass(frozen=True, slots=True)
class Kept:
    """One submission as it goes into the store; the result is the machine's, without what people ruled."""

    known: Known
    seconds: float
    evidence: Packed
    result: bytes
    standing: Standing
    trainings: Mapping[str, bytes] = field(default_factory=dict)
    graded_at: str = ""


class Store:
    """A store in a file; made, with its secret, when it is opened for the first time.

    Raises
    ------
    RequestError
        If the file is no store, is damaged, is of a newer version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            make_private_folder(path.parent)
            if not path.exists():
                path.touch()
                path.chmod(OWNER_FILE)
            self._database = sqlite3.connect(path, timeout=30)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise
        self.ledger = Ledger(self._database, self._write_many)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()

    @property
    def secret(self) -> bytes:
        """The secret that the store's secret sizes are drawn from: made once, the same for all its submissions."""
        self._write_many("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", [(secrets.token_bytes(32),)])
        return self._meta("secret")

    # --- what was graded -------------------------------------------------------------------------------------------

    def put(self, *kept: Kept) -> None:
        """Keep submissions, each in place of what was kept under its name; all of them or, on an error, none."""
        with self._saving() as database:
            for one in kept:
                _put(database, one)

    def known(self) -> dict[str, Known]:
        """Return what was graded before, by name."""
        rows = self._database.execute(f"SELECT {_KNOWN} FROM submissions ORDER BY name")  # noqa: S608  # our own column names
        return {row[0]: Known(*row) for row in rows}

    def results(self) -> Iterator[tuple[str, float, Result]]:
        """Yield folder, seconds and result of every submission, by name, with what people ruled."""
        standing = self.ledger.standing()
        for name, folder, seconds, data in self._database.execute(
            "SELECT name, folder, seconds, result FROM submissions ORDER BY name"
        ):
            result = msgspec.json.decode(data, type=Result)
            yield folder, seconds, ruled(result, standing.get(name, ()))

    def result(self, name: str) -> Result:
        """Return the machine's result of one submission, without what people ruled."""
        (data,) = self._database.execute("SELECT result FROM submissions WHERE name = ?", (name,)).fetchone()
        return msgspec.json.decode(data, type=Result)

    def before(self, name: str) -> Before:
        """Return what judging one submission again needs."""
        query = "SELECT evidence, gathered_with, handed, seconds, graded_at FROM submissions WHERE name = ?"
        head, *rest = self._database.execute(query, (name,)).fetchone()
        outcomes = self._database.execute(
            "SELECT function, data FROM functions JOIN outcomes ON key = outcomes WHERE submission = ?", (name,)
        )
        return Before(head, dict(outcomes.fetchall()), *rest)

    def alike(self, name: str, function: str) -> tuple[str, ...]:
        """Return all submissions whose function gave the very same as this one's on every public call, by name."""
        rows = self._database.execute(
            "SELECT other.submission FROM functions AS mine JOIN functions AS other USING (function, alike)"
            " WHERE mine.submission = ? AND mine.function = ? ORDER BY other.submission",
            (name, function),
        )
        return tuple(other for (other,) in rows)

    def touch(self, stats: Mapping[str, str]) -> None:
        """Keep what the file system says today of files that have not changed, by name."""
        self._write_many(
            "UPDATE submissions SET stat = ? WHERE name = ?", [(stat, name) for name, stat in stats.items()]
        )

    def seen(self) -> frozenset[str]:
        """Return the submissions that a person has looked at since they were last changed."""
        hashes = self.ledger.seen()
        return frozenset(name for name, one in self.known().items() if hashes.get(name) == one.sha256)

    def stand(self, name: str, standing: Standing) -> None:
        """Keep how a submission stands after people ruled on it."""
        values = (*astuple(standing), name)
        statement = (
            "UPDATE submissions SET score = ?, possible = ?, passed = ?, provisional = ?, review = ? WHERE name = ?"
        )
        self._write_many(statement, [values])

    def counts(self) -> Counts:
        """Count the class."""
        query = "SELECT COUNT(*), TOTAL(passed), TOTAL(provisional), TOTAL(review) FROM submissions"
        return Counts(*map(int, self._database.execute(query).fetchone()))

    def drop(self, *names: str) -> None:
        """Forget submissions and what only they needed; the secret, the trainings and the ledger stay."""
        with self._saving() as database:
            database.executemany("DELETE FROM submissions WHERE name = ?", [(name,) for name in names])
            database.executemany("DELETE FROM functions WHERE submission = ?", [(name,) for name in names])
            database.execute("DELETE FROM outcomes WHERE key NOT IN (SELECT outcomes FROM functions)")

    def graded_before(self, moment: str) -> tuple[str, ...]:
        """Return the submissions that were graded before a moment (ISO 8601, UTC), by name."""
        rows = self._database.execute("SELECT name FROM submissions WHERE graded_at < ? ORDER BY name", (moment,))
        return tuple(name for (name,) in rows)

    def forget(self, names: Iterable[str], note: Decision) -> int:
        """Remove submissions, what only they needed, and what people decided on them; say how many decisions went.

        The ledger gets `note`, which names nobody.
        """
        rows = [(name,) for name in names]
        with self._saving() as database:
            database.execute("BEGIN IMMEDIATE")
            starts = {
                start
                for row in rows
                for (start,) in database.execute("SELECT training FROM functions WHERE submission = ?", row)
            }
            schema.unguard(database)
            gone = database.executemany("DELETE FROM ledger WHERE submission = ?", rows).rowcount
            schema.guard(database)
            database.executemany("DELETE FROM submissions WHERE name = ?", rows)
            database.executemany("DELETE FROM functions WHERE submission = ?", rows)
            database.execute("DELETE FROM outcomes WHERE key NOT IN (SELECT outcomes FROM functions)")
            alone = "DELETE FROM trainings WHERE start = ? AND start NOT IN (SELECT training FROM functions)"
            database.executemany(alone, [(start,) for start in starts])
        self.ledger.add(note)
        return gone

    def compact(self) -> None:
        """Write the file anew, so that nothing of what was removed is left in it or beside it."""
        with self._errors():
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @property
    def ignored(self) -> list[str]:
        """The names of files that the last batch found and did not grade."""
        row = self._database.execute("SELECT value FROM meta WHERE name = 'ignored'").fetchone()
        return [] if row is None else msgspec.json.decode(row[0], type=list[str])

    @ignored.setter
    def ignored(self, names: Sequence[str]) -> None:
        self._write_many("INSERT OR REPLACE INTO meta VALUES ('ignored', ?)", [(msgspec.json.encode(list(names)),)])

    def same_files(self) -> tuple[tuple[str, ...], ...]:
        """Return the names of submissions that are one and the same file, where they are of more than one hand-in."""
        rows = self._database.execute(
            "SELECT sha256, name FROM submissions WHERE sha256 IN (SELECT sha256 FROM submissions WHERE sha256 != ''"
            " GROUP BY sha256 HAVING COUNT(*) > 1) ORDER BY sha256, name"
        )
        groups: dict[str, list[str]] = {}
        for sha256, name in rows:
            groups.setdefault(sha256, []).append(name)
        return tuple(sorted(map(tuple, groups.values())))

    # --- caches ----------------------------------------------------------------------------------------------------

    def trainings(self) -> dict[str, bytes]:
        """Return every training by the key of its start."""
        return dict(self._database.execute("SELECT start, training FROM trainings"))

    def add_trainings(self, trainings: Mapping[str, bytes]) -> None:
        """Keep trainings."""
        self._write_many("INSERT OR IGNORE INTO trainings VALUES (?, ?)", list(trainings.items()))

    # --- inside ----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        with self._errors():
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(
                "PRAGMA synchronous=NORMAL"
            )  # a killed process loses nothing, a power cut the last writes
            self._database.execute("PRAGMA secure_delete=ON")
        self._check_version()
        with self._saving() as database:
            database.execute("BEGIN IMMEDIATE")
            schema.create(database)

    def _check_version(self) -> None:
        with self._errors():
            found = self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
            version = int(self._meta("version")) if found else schema.VERSION
        if version > schema.VERSION:
            raise RequestError(
                f"{self.path} was written by a newer grader (store of version {version}; this one knows {schema.VERSION})",
                hint="update the grader, or give another --out folder",
            )

    def _meta(self, name: str) -> bytes:
        row = self._database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise self._unusable(ValueError(f"it has no {name}"))
        return row[0].encode() if isinstance(row[0], str) else bytes(row[0])

    def _write_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        with self._saving() as database:
            database.executemany(statement, rows)

    @contextlib.contextmanager
    def _saving(self) -> Iterator[sqlite3.Connection]:
        with self._errors(), self._database:
            yield self._database

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> RequestError:
        return RequestError(
            f"the store {self.path} cannot be used: {error}",
            hint="free disk space or choose a folder you can write to; what was graded before stays in it",
        )


class Reader:
    """The caches of a store for a process that grades: read as they are needed, never written.

    Where the file is not there, on another machine say, there is nothing to be found.
    """

    def __init__(self, path: Path) -> None:
        self._database: sqlite3.Connection | None = None
        with contextlib.suppress(sqlite3.Error):
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)

    def outcomes(self, code: str) -> tuple[Outcome, ...] | None:
        """Return what the calls of a function with this key gave, or None."""
        data = self._one(
            "SELECT data FROM functions JOIN outcomes ON key = functions.outcomes WHERE functions.code = ? LIMIT 1",
            code,
        )
        if data is None:
            return None
        with contextlib.suppress(msgspec.DecodeError):
            return unpack_outcomes(data)
        return None

    def training(self, start: str) -> bytes | None:
        """Return the training from this start, or None."""
        return self._one("SELECT training FROM trainings WHERE start = ?", start)

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _one(self, query: str, key: str) -> bytes | None:
        if self._database is None or not key:
            return None
        with contextlib.suppress(sqlite3.Error):  # a cache that cannot be read is an empty one
            row = self._database.execute(query, (key,)).fetchone()
            return None if row is None else bytes(row[0])
        return None


class Trainings(MutableMapping[str, bytes]):
    """The trainings of a store as a cache of a process, which keeps the last ones and notes those that it made."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._held: dict[str, bytes] = {}
        self._made: dict[str, bytes] = {}

    def take(self) -> dict[str, bytes]:
        """Return what was made since the last time."""
        made, self._made = self._made, {}
        return made

    def close(self) -> None:
        """Let go of the store."""
        self._reader.close()

    def __getitem__(self, start: str) -> bytes:
        found = self._held.get(start) or self._reader.training(start)
        if found is None:
            raise KeyError(start)
        self._hold(start, found)
        return found

    def __setitem__(self, start: str, training: bytes) -> None:
        self._made[start] = training
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


def _put(database: sqlite3.Connection, kept: Kept) -> None:
    known = kept.known
    at = kept.graded_at or datetime.now(timezone.utc).isoformat(timespec="seconds")
    database.executemany("INSERT OR IGNORE INTO trainings VALUES (?, ?)", kept.trainings.items())
    database.executemany("INSERT OR IGNORE INTO outcomes VALUES (?, ?)", kept.evidence.outcomes.items())
    database.execute("DELETE FROM functions WHERE submission = ?", (known.name,))
    rows = [(known.name, *row) for row in kept.evidence.functions()]
    database.executemany("INSERT INTO functions VALUES (?, ?, ?, ?, ?, ?)", rows)
    database.execute(
        f"INSERT OR REPLACE INTO submissions VALUES ({', '.join('?' * 17)})",  # noqa: S608  # marks
        (known.name, known.folder, known.sha256, known.stat, known.student, known.handed, known.gathered_with,
         known.graded_with, at,
         kept.seconds, *astuple(kept.standing), kept.evidence.head, kept.result),
    )  # fmt: skip
