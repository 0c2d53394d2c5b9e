"""A class from its results: small rows, counts over them, what changed between two attempts, a note to everybody.

Pure: reads results in one pass and keeps of each only a row, so a class of 100,000 fits in memory.
"""

from grader.classroom.statistics.compare import CauseChange, Comparison, compare
from grader.classroom.statistics.note import note
from grader.classroom.statistics.overview import Overview, overview
from grader.classroom.statistics.rows import Classroom, FunctionRow, Line, SubmissionRow, assemble, gather, line

__all__ = [
    "CauseChange",
    "Classroom",
    "Comparison",
    "FunctionRow",
    "Line",
    "Overview",
    "SubmissionRow",
    "assemble",
    "compare",
    "gather",
    "line",
    "note",
    "overview",
]
