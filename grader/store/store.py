"""The store of a class: made when it is first opened, written as submissions end, read by resume, regrade and export."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from grader import keys
from grader.errors import RequestError
from grader.files import is_disk_full, make_private_folder, open_in_place
from grader.messages import refusal, say
from grader.records import Evidence, Result
from grader.store import schema
from grader.store.ledger import FILE as RULINGS
from grader.store.ledger import Decision, Ledger, SqlValues
from grader.store.packing import Packed, is_whole, seal, unpack_evidence, unseal
from grader.store.ruled import ruled

_KNOWN = "name, folder, sha256, stat, gathered_with, graded_with, student, handed, provisional, pages, decided"
_ADD_TRAINING = "INSERT OR REPLACE INTO trainings VALUES (:start, :training)"
_ADD_FUNCTION = "INSERT INTO functions VALUES (:submission, :function, :code, :alike, :outcomes, :training)"
_ADD_SUBMISSION = (
    "INSERT OR REPLACE INTO submissions VALUES (:name, :folder, :sha256, :stat, :student, :handed, :gathered_with,"
    " :graded_with, :graded_at, :seconds, :score, :possible, :passed, :provisional, :review, :evidence, :result,"
    " :pages, :decided, :counts)"
)
_NO_VALUES: SqlValues = {}


@dataclass(frozen=True, slots=True)
class KnownSubmission:
    """What was graded before, without evidence and result.

    `stat` is what the file system said of the file, `handed` names what was known of the hand-in; `gathered_with` names the
    grader and all of the exercise that decides evidence, `graded_with` the grader and the whole exercise.  What is
    `provisional` was not judged in full, by our fault, and no person has settled it: it is graded again.  `pages` is what
    the file system said of its pages when they were written, `decided` names the decisions of people that they show.
    """

    name: str
    folder: str
    sha256: str
    stat: str
    gathered_with: str
    graded_with: str
    student: str | None = None
    handed: str = ""
    provisional: bool = False
    pages: str = field(default="", compare=False)  # when they were written says nothing of the submission
    decided: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """All that is needed to judge a submission again: its evidence in bytes, who gathered it, and how long that took."""

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
class Tally:
    """What is counted of a result, with what people ruled.

    `review`: somebody has to look at it; it `counts` unless another file of the same student does.
    """

    score: float
    possible: float
    passed: bool
    provisional: bool
    review: bool
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Counts:
    """How many submissions a class has, by verdict."""

    submissions: int
    passed: int
    provisional: int
    review: int


@dataclass(frozen=True, slots=True)
class Kept:
    """One submission as it goes into the store; the result is the machine's, without what people ruled.

    `line` is what the class's files need of it, with what people ruled; the store does not keep it.
    """

    known: KnownSubmission
    seconds: float
    evidence: Packed
    result: bytes
    standing: Tally
    line: bytes = b""
    trainings: Mapping[str, bytes] = field(default_factory=dict)
    graded_at: str = ""


_TRUSTED: set[Path] = set()  # stores of other accounts that a person told this process to trust
_BESIDE = (RULINGS, "manifest.json")  # what is believed because it lies beside a store


def trust(path: Path) -> None:
    """Let this process open a store that this account did not make; opening it seals it for this account."""
    _TRUSTED.add(path.resolve())


def require_ours(path: Path) -> None:
    """Refuse a store that this account neither made nor was told to trust, and a place for one that is not ours.

    Raises
    ------
    RequestError
        If the store has no seal of this account; if there is none, and its folder is another user's, or holds files
        that would be believed beside a store.
    """
    if path.resolve() in _TRUSTED:
        return
    folder = path.parent
    if Store.is_there(path):
        if not _is_sealed(path):
            raise refusal("store.not_ours", path=path)
        return
    if beside := [name for name in _BESIDE if (folder / name).exists()]:
        raise refusal("store.no_store", folder=folder, name=beside[0])
    if (
        os.name == "posix"
        and folder.exists()
        and os.geteuid() not in {0, folder.stat().st_uid}
        and folder.stat().st_uid
    ):
        raise refusal("store.other_user", folder=folder)


def _is_sealed(path: Path) -> bool:
    key = keys.key()
    if key is None:
        return False
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as database:
            secret = database.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()
            if not secret or not isinstance(secret[0], bytes):
                return False
            seal_row = database.execute("SELECT 1 FROM meta WHERE name = :name", {"name": _seal_name(secret[0], key)})
            return seal_row.fetchone() is not None
    except sqlite3.DatabaseError:
        return True  # it holds nothing that could be believed; opening it says what is wrong


def _seal_name(secret: bytes, key: bytes) -> str:
    """Return under which name a store notes that an account made or trusted it."""
    return "seal " + hmac.new(key, b"grader-store/1\0" + secret, hashlib.sha256).hexdigest()


class Store:
    """A store in a file; made, with its secret and this account's seal, when it is opened for the first time.

    Raises
    ------
    RequestError
        If the file is not a store, is damaged, is of a newer version, cannot be written, or is not this account's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        require_ours(path)
        try:
            make_private_folder(path.parent)
            os.close(open_in_place(path, os.O_RDWR))
            self._database = sqlite3.connect(path, timeout=30)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise
        self.ledger = Ledger(self._rows, self._write_many, path.with_name(RULINGS))

    @staticmethod
    def is_there(path: Path) -> bool:
        """Return whether a file is a store, not an empty file or one that lost its beginning; a damaged one is one."""
        if not path.is_file():
            return False
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=30)) as database:
            return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is not None
        return True  # opening it says what is wrong

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()

    @property
    def secret(self) -> bytes:
        """The secret that the store's secret sizes are drawn from: made once, the same for all its submissions."""
        secret = self.note("secret")
        if secret is None:
            raise self._unusable(ValueError(say("store.missing_result", name="secret")))
        return secret

    # --- what was graded -------------------------------------------------------------------------------------------

    def put(self, *submissions: Kept) -> None:
        """Keep submissions, each in place of what was kept under its name; all of them or, on an error, none.

        Raises
        ------
        RequestError
            If one is a self-check, which is not a grade.
        """
        for submission in submissions:
            refuse_self_check(submission.known.name, msgspec.json.decode(submission.result, type=_Mark).self_check)
        with self._saving() as database:
            for submission in submissions:
                _put(database, submission)

    def known(self) -> dict[str, KnownSubmission]:
        """Return what was graded before, by name."""
        rows = self._rows(f"SELECT {_KNOWN} FROM submissions ORDER BY name")  # noqa: S608  # our own column names
        return {row[0]: KnownSubmission(*row) for row in rows}

    def results(self, *, without: Collection[str] = ()) -> Iterator[tuple[str, float, Result]]:
        """Yield folder, seconds and result of every submission but those, by name, with what people ruled."""
        standing = self.ledger.standing()
        names = [name for (name,) in self._rows("SELECT name FROM submissions ORDER BY name") if name not in without]
        for name in names:
            query = "SELECT folder, seconds, result FROM submissions WHERE name = :name"
            for folder, seconds, data in self._rows(query, {"name": name}):
                yield folder, seconds, ruled(self._result(name, data), standing.get(name, ()))

    def result(self, name: str) -> Result:
        """Return the machine's result of one submission, without what people ruled."""
        ((data,),) = self._rows("SELECT result FROM submissions WHERE name = :name", {"name": name})
        return self._result(name, data)

    def before(self, name: str) -> Before:
        """Return what judging one submission again needs."""
        query = "SELECT evidence, gathered_with, handed, seconds, graded_at FROM submissions WHERE name = :name"
        ((head, *rest),) = self._rows(query, {"name": name})
        outcomes = list(
            self._rows(
                "SELECT function, key, data FROM functions JOIN outcomes ON key = outcomes WHERE submission = :name",
                {"name": name},
            )
        )
        if not all(is_whole(key, data) for _, key, data in outcomes):
            raise self._damaged(name)
        return Before(self._unsealed(name, head), {function: data for function, _, data in outcomes}, *rest)

    def alike(self, name: str, function: str) -> tuple[str, ...]:
        """Return all submissions whose function gave the very same as this one's on every public call, by name."""
        rows = self._rows(
            "SELECT other.submission FROM functions AS mine JOIN functions AS other USING (function, alike)"
            " WHERE mine.submission = :name AND mine.function = :function AND mine.alike != '' ORDER BY other.submission",
            {"name": name, "function": function},
        )
        return tuple(other for (other,) in rows)

    def touch(self, stats: Mapping[str, str]) -> None:
        """Keep what the file system says today of files that have not changed, by name."""
        self._write_many(
            "UPDATE submissions SET stat = :stat WHERE name = :name",
            [{"name": name, "stat": stat} for name, stat in stats.items()],
        )

    def seen(self) -> frozenset[str]:
        """Return the submissions that a person has looked at since they were last changed."""
        hashes = self.ledger.seen()
        return frozenset(name for name, submission in self.known().items() if hashes.get(name) == submission.sha256)

    def put_standing(self, name: str, standing: Tally, *, pages: str, decided: str) -> None:
        """Store the verdict of a submission after people ruled on it, and what its pages were made from."""
        values = {**asdict(standing), "pages": pages, "decided": decided, "name": name}
        statement = (
            "UPDATE submissions SET score = :score, possible = :possible, passed = :passed, provisional = :provisional,"
            " review = :review, counts = :counts, pages = :pages, decided = :decided WHERE name = :name"
        )
        self._write_many(statement, [values])

    def counts(self) -> Counts:
        """Return how many submissions the class has, by verdict."""
        query = "SELECT COUNT(*), TOTAL(passed), TOTAL(provisional), TOTAL(review) FROM submissions WHERE counts"
        (numbers,) = self._rows(query)
        return Counts(*map(int, numbers))

    def drop(self, *names: str) -> None:
        """Forget submissions and what only they needed; the secret, the trainings and the ledger stay."""
        with self._saving() as database:
            _drop(database, [{"name": name} for name in names])

    def graded_before(self, moment: str) -> tuple[str, ...]:
        """Return the submissions that were graded before a moment (ISO 8601, UTC), by name."""
        rows = self._rows("SELECT name FROM submissions WHERE graded_at < :moment ORDER BY name", {"moment": moment})
        return tuple(name for (name,) in rows)

    def forget(self, names: Iterable[str], note: Decision, pending: bytes) -> int:
        """Remove submissions, what only they needed, and what people decided on them; say how many decisions went.

        The ledger gets `note`, which names nobody.  `pending` says what is left to be removed outside of the store; it stays
        until `forgotten`.
        """
        rows = [{"name": name} for name in names]
        with self._saving() as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT OR REPLACE INTO meta VALUES ('forgetting', :pending)", {"pending": pending})
            starts = {
                start
                for row in rows
                for (start,) in database.execute("SELECT training FROM functions WHERE submission = :name", row)
            }
            schema.unguard(database)
            gone = database.executemany("DELETE FROM ledger WHERE submission = :name", rows).rowcount
            schema.guard(database)
            _drop(database, rows)
            alone = "DELETE FROM trainings WHERE start = :start AND start NOT IN (SELECT training FROM functions)"
            database.executemany(alone, [{"start": start} for start in starts])
        self.ledger.rewrite()
        self.ledger.add(note)
        return gone

    def forgotten(self) -> None:
        """Note that nothing is left to be removed."""
        self._write_many("DELETE FROM meta WHERE name = :name", [{"name": "forgetting"}])

    def note(self, name: str) -> bytes | None:
        """Return what was noted of the class under a name, or None."""
        rows = list(self._rows("SELECT value FROM meta WHERE name = :name", {"name": name}))
        return bytes(rows[0][0]) if rows else None

    def set_note(self, name: str, value: bytes) -> None:
        """Note something of the class as a whole: its exercise, its class list, how its files were written."""
        self._write_many("INSERT OR REPLACE INTO meta VALUES (:name, :value)", [{"name": name, "value": value}])

    def version(self) -> bytes:
        """Return a mark of what the class's files are made from: another one whenever any of it has changed."""
        queries = (
            "SELECT name, folder, graded_at, graded_with, score, provisional, decided, seconds FROM submissions ORDER BY name",
            "SELECT MAX(id), COUNT(*) FROM ledger",
            "SELECT value FROM meta WHERE name = 'ignored'",
        )
        digest = hashlib.sha256()
        for query in queries:
            for row in self._rows(query):
                digest.update(repr(row).encode())
        return digest.hexdigest().encode()

    def compact(self) -> None:
        """Write the file again, so that nothing of what was removed is left in it or beside it."""
        with self._errors():
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @property
    def ignored(self) -> dict[str, str]:
        """The names of files that the last batch found and did not grade, with the reasons."""
        return msgspec.json.decode(self.note("ignored") or b"{}", type=dict[str, str])

    @ignored.setter
    def ignored(self, reasons: Mapping[str, str]) -> None:
        self.set_note("ignored", msgspec.json.encode(dict(reasons)))

    def same_files(self) -> tuple[tuple[str, ...], ...]:
        """Return the names of submissions that are one and the same file, where they are of more than one hand-in."""
        rows = self._rows(
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
        return dict(self._rows("SELECT start, training FROM trainings"))

    def add_trainings(self, trainings: Mapping[str, bytes]) -> None:
        """Keep trainings, in place of older ones."""
        self._write_many(_ADD_TRAINING, _training_rows(trainings))

    # --- inside ----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        with self._errors():
            self._database.execute("PRAGMA page_size=16384")  # of a new store: results are far larger than 4 kB
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(
                "PRAGMA synchronous=NORMAL"
            )  # a killed process loses nothing, a power cut the last writes
            self._database.execute("PRAGMA secure_delete=ON")
        self._check_version()
        with self._saving() as database:
            database.execute("BEGIN IMMEDIATE")
            schema.create(database)
            database.execute(
                "INSERT OR IGNORE INTO meta VALUES ('secret', :secret)", {"secret": secrets.token_bytes(32)}
            )
            if key := keys.key() or keys.new_key():
                ((secret,),) = database.execute("SELECT value FROM meta WHERE name = 'secret'")
                database.execute(
                    "INSERT OR IGNORE INTO meta VALUES (:name, X'')", {"name": _seal_name(bytes(secret), key)}
                )

    def _check_version(self) -> None:
        """Refuse a store of another schema: no other one was ever released, so there is none to take over."""
        with self._errors():
            tables = self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
            version = schema.version(self._database)
        if version > schema.VERSION:
            raise refusal("store.newer", path=self.path, version=version, known=schema.VERSION)
        if tables and version < schema.VERSION:
            raise refusal("store.older", path=self.path, file=RULINGS)

    def _rows(self, query: str, values: SqlValues = _NO_VALUES) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query; a store that turns out to be damaged on the way is a clear error."""
        with self._errors():
            for row in self._database.execute(query, values):  # noqa: UP028  # "yield from" would close the cursor, after the store
                yield row

    def _unsealed(self, name: str, data: bytes) -> bytes:
        content = unseal(data)
        if content is None:
            raise self._damaged(name)
        return content

    def _damaged(self, name: str) -> RequestError:
        return self._unusable(sqlite3.DatabaseError(say("store.damaged_result", name=name)))

    def _result(self, name: str, data: bytes) -> Result:
        try:
            result = msgspec.json.decode(self._unsealed(name, data), type=Result)
        except msgspec.DecodeError as error:
            raise refusal("store.unreadable_result", name=name, path=self.path, error=error) from None
        refuse_self_check(name, result.self_check)
        return result

    def _write_many(self, statement: str, rows: Iterable[SqlValues]) -> None:
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
        hint = say("store.disk.folder")
        if is_disk_full(error, self.path.parent):
            hint = say("store.disk.space")
        elif isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            hint = say("store.damaged.hint")
        return RequestError(say("store.unusable", path=self.path, error=error), hint=hint)


class _Mark(msgspec.Struct):
    """The part of a result that says whether it is a grade."""

    self_check: bool = False


def refuse_self_check(name: str, self_check: bool) -> None:
    """Refuse a result of code that ran unconfined for its owner.

    Raises
    ------
    RequestError
        If it is one.
    """
    if self_check:
        raise refusal("store.self_check", name=name)


def _put(database: sqlite3.Connection, submission: Kept) -> None:
    facts = submission.known
    at = submission.graded_at or datetime.now(timezone.utc).isoformat(timespec="seconds")
    database.executemany(_ADD_TRAINING, _training_rows(submission.trainings))
    outcomes = [{"key": key, "data": data} for key, data in submission.evidence.outcomes.items()]
    database.executemany("INSERT OR IGNORE INTO outcomes VALUES (:key, :data)", outcomes)
    database.execute("DELETE FROM functions WHERE submission = :name", {"name": facts.name})
    functions = [
        {"submission": facts.name, "function": name, **asdict(keys)} for name, keys in submission.evidence.keys.items()
    ]
    database.executemany(_ADD_FUNCTION, functions)
    row = {
        **asdict(facts),
        **asdict(submission.standing),
        "graded_at": at,
        "seconds": submission.seconds,
        "evidence": seal(submission.evidence.head),
        "result": seal(submission.result),
    }
    database.execute(_ADD_SUBMISSION, row)


def _drop(database: sqlite3.Connection, rows: Sequence[SqlValues]) -> None:
    """Delete submissions, each row with its `name`, and what only they needed."""
    database.executemany("DELETE FROM submissions WHERE name = :name", rows)
    database.executemany("DELETE FROM functions WHERE submission = :name", rows)
    database.execute("DELETE FROM outcomes WHERE key NOT IN (SELECT outcomes FROM functions)")


def _training_rows(trainings: Mapping[str, bytes]) -> list[SqlValues]:
    return [{"start": start, "training": training} for start, training in trainings.items()]
