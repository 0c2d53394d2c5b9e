"""The store: SQLite with the secret, evidence, results, trainings and the ledger.  The only room that speaks SQL."""

from grader.store.caches import Reader, Trainings
from grader.store.files import make_private_folder, replacing, write
from grader.store.ledger import Decision, Ledger, code_hash
from grader.store.packing import Keys, Packed, pack_evidence, unpack_evidence
from grader.store.ruled import ruled, said
from grader.store.store import Before, Counts, Kept, Known, Standing, Store

__all__ = [
    "Before",
    "Counts",
    "Decision",
    "Kept",
    "Keys",
    "Known",
    "Ledger",
    "Packed",
    "Reader",
    "Standing",
    "Store",
    "Trainings",
    "code_hash",
    "make_private_folder",
    "pack_evidence",
    "replacing",
    "ruled",
    "said",
    "unpack_evidence",
    "write",
]
