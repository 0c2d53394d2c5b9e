"""The store's tables and the version of their schema."""

from __future__ import annotations

import sqlite3

VERSION = 3
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
GUARDS = {
    "ledger_is_not_changed": "BEFORE UPDATE ON ledger",
    "ledger_is_not_shortened": "BEFORE DELETE ON ledger",
}


def create(database: sqlite3.Connection) -> None:
    """Create the tables that are missing, and note the version of the schema."""
    for statement in TABLES.split(";"):
        database.execute(statement)
    guard(database)
    database.execute(f"PRAGMA user_version = {VERSION}")


def version(database: sqlite3.Connection) -> int:
    """Return the version of the schema that the file was made with: 0 for a new file."""
    ((number,),) = database.execute("PRAGMA user_version")
    return int(number)


def guard(database: sqlite3.Connection) -> None:
    """Make the database refuse every change and removal of rows of the ledger."""
    for name, moment in GUARDS.items():
        database.execute(
            f"CREATE TRIGGER IF NOT EXISTS {name} {moment} BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END"
        )


def unguard(database: sqlite3.Connection) -> None:
    """Allow rows of the ledger to be removed while a person is forgotten."""
    for name in GUARDS:
        database.execute(f"DROP TRIGGER IF EXISTS {name}")
