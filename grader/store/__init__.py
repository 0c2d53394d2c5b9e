"""The store: SQLite with the secret, evidence, results, trainings and the ledger.  The only room that speaks SQL."""

from grader.store.caches import CacheReader, Trainings
from grader.store.ledger import ADJUSTMENTS, Decision, code_of, digest
from grader.store.packing import EvidenceKeys, Packed, pack_evidence
from grader.store.ruled import ruled
from grader.store.store import (
    Before,
    Kept,
    KnownSubmission,
    Store,
    Tally,
    refuse_self_check,
    require_ours,
    trust,
)

__all__ = [
    "ADJUSTMENTS",
    "Before",
    "CacheReader",
    "Decision",
    "EvidenceKeys",
    "Kept",
    "KnownSubmission",
    "Packed",
    "Store",
    "Tally",
    "Trainings",
    "code_of",
    "digest",
    "pack_evidence",
    "refuse_self_check",
    "require_ours",
    "ruled",
    "trust",
]
