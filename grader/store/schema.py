"""The store's tables, and how an older store becomes one of today."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime, timezone

import msgspec

from grader.records import Evidence, Result
from grader.store.packing import pack_evidence, seal

VERSION = 2
TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS trainings (start TEXT PRIMARY KEY, training BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outcomes (key TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS submissions (
    name TEXT PRIMARY KEY, folder TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, stat TEXT NOT NULL, student TEXT,
    handed TEXT NOT NULL, gathered_with TEXT NOT NULL, graded_with TEXT NOT NULL, graded_at TEXT NOT NULL, seconds REAL NOT NULL,
    score REAL NOT NULL, possible REAL NOT NULL, passed INTEGER NOT NULL, provisional INTEGER NOT NULL,
    review INTEGER NOT NULL, evidence BLOB NOT NULL, result BLOB NOT NULL,
    pages TEXT NOT NULL DEFAULT '', decided TEXT NOT NULL DEFAULT '', counts INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS functions (
    submission TEXT NOT NULL, function TEXT NOT NULL, code TEXT NOT NULL, alike TEXT NOT NULL,
    outcomes TEXT NOT NULL, training TEXT NOT NULL, PRIMARY KEY (submission, function)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS functions_code ON functions (code);
CREATE INDEX IF NOT EXISTS functions_alike ON functions (alike);
CREATE INDEX IF NOT EXISTS functions_outcomes ON functions (outcomes);
CREATE INDEX IF NOT EXISTS functions_training ON functions (training);
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, by TEXT NOT NULL, kind TEXT NOT NULL,
    submission TEXT NOT NULL, function TEXT NOT NULL, points REAL NOT NULL, before REAL NOT NULL, possible REAL NOT NULL,
    reason TEXT NOT NULL, sha256 TEXT NOT NULL, code TEXT NOT NULL, student TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS ledger_submission ON ledger (submission);
"""
ADDED = (  # columns that stores of version 2 did not have at first
    ("submissions", "pages TEXT NOT NULL DEFAULT ''"),
    ("submissions", "decided TEXT NOT NULL DEFAULT ''"),
    ("submissions", "counts INTEGER NOT NULL DEFAULT 1"),
    ("ledger", "student TEXT NOT NULL DEFAULT ''"),
)
GUARDS = {
    "ledger_is_not_changed": "BEFORE UPDATE ON ledger",
    "ledger_is_not_shortened": "BEFORE DELETE ON ledger",
}


def create(database: sqlite3.Connection) -> None:
    """Make what is missing, and bring a store of version 1 to today's."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "submissions" in tables and "ledger" not in tables:
        _from_version_1(database)
    else:
        for statement in TABLES.split(";"):
            database.execute(statement)
        for table, column in ADDED:
            if column.split()[0] not in {row[1] for row in database.execute(f"PRAGMA table_info({table})")}:
                database.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    guard(database)
    database.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (str(VERSION).encode(),))


def guard(database: sqlite3.Connection) -> None:
    """Let nobody change or shorten the ledger."""
    for name, moment in GUARDS.items():
        database.execute(
            f"CREATE TRIGGER IF NOT EXISTS {name} {moment} BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END"
        )


def unguard(database: sqlite3.Connection) -> None:
    """Let the ledger be shortened, for as long as somebody is forgotten."""
    for name in GUARDS:
        database.execute(f"DROP TRIGGER IF EXISTS {name}")


def _from_version_1(database: sqlite3.Connection) -> None:
    """Take over what version 1 kept; what cannot be read any more is left out, and so graded again."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")  # version 1 did not say when
    database.execute("ALTER TABLE submissions RENAME TO old")
    for statement in TABLES.split(";"):
        database.execute(statement)
    rows = database.execute("SELECT name, folder, sha256, graded_with, seconds, evidence, result FROM old")
    for name, folder, sha256, graded_with, seconds, evidence, result in rows:
        with suppress(msgspec.DecodeError):
            packed = pack_evidence(msgspec.msgpack.decode(evidence, type=Evidence))
            database.execute(
                "INSERT INTO submissions VALUES (?, ?, ?, '', NULL, '', '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 1)",
                (name, folder, sha256, graded_with, now, seconds, *_standing(result), seal(packed.head), seal(result)),
            )
            database.executemany("INSERT OR IGNORE INTO outcomes VALUES (?, ?)", packed.outcomes.items())
            made = [(name, *row) for row in packed.functions()]
            database.executemany("INSERT INTO functions VALUES (?, ?, ?, ?, ?, ?)", made)
    database.execute("DROP TABLE old")
    database.execute("UPDATE meta SET value = ? WHERE name = 'version'", (str(VERSION).encode(),))


def _standing(data: bytes) -> tuple[float, float, bool, bool, bool]:
    result = msgspec.json.decode(data, type=Result)
    unread = result.notebook.status not in {"ok", "repaired"}
    return result.score, result.possible, result.passed, result.provisional, result.provisional or unread
