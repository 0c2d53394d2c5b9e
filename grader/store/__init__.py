"""The store: SQLite with the secret, evidence, results, trainings and the ledger.  The only room that speaks SQL."""

from grader.store.caches import CacheReader, Trainings
from grader.store.ledger import ADJUSTMENTS, Decision, Ledger, code_hash, code_of, digest
from grader.store.packing import EvidenceKeys, Packed, pack_evidence, unpack_evidence
from grader.store.ruled import ruled
from grader.store.store import (
    Before,
    Counts,
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
    "Counts",
    "Decision",
    "EvidenceKeys",
    "Kept",
    "KnownSubmission",
    "Ledger",
    "Packed",
    "Store",
    "Tally",
    "Trainings",
    "code_hash",
    "code_of",
    "digest",
    "pack_evidence",
    "refuse_self_check",
    "require_ours",
    "ruled",
    "said",
    "trust",
    "unpack_evidence",
]
