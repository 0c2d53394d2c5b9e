"""The store: SQLite with the secret, evidence, results, trainings and the ledger.  The only room that speaks SQL."""

from grader.store.caches import Reader, Trainings
from grader.store.files import cut_lines, make_private_folder, never_replacing, open_in_place, replacing, write
from grader.store.ledger import ADJUSTMENTS, Decision, Ledger, code_hash, code_of, digest
from grader.store.lock import locked, locked_if_free
from grader.store.outputs import Output, require_folder, require_writable
from grader.store.packing import Keys, Packed, pack_evidence, unpack_evidence
from grader.store.ruled import ruled, said
from grader.store.store import Before, Counts, Kept, Known, Standing, Store, require_ours, trust

__all__ = [
    "ADJUSTMENTS",
    "Before",
    "Counts",
    "Decision",
    "Kept",
    "Keys",
    "Known",
    "Ledger",
    "Output",
    "Packed",
    "Reader",
    "Standing",
    "Store",
    "Trainings",
    "code_hash",
    "code_of",
    "cut_lines",
    "digest",
    "locked",
    "locked_if_free",
    "make_private_folder",
    "never_replacing",
    "open_in_place",
    "pack_evidence",
    "replacing",
    "require_folder",
    "require_ours",
    "require_writable",
    "ruled",
    "said",
    "trust",
    "unpack_evidence",
    "write",
]
