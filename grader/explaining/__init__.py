"""From what was measured to plain sentences: the summary that everything shows first, and the story of a training."""

from grader.explaining.blocks import blocks, reasons
from grader.explaining.facts import Facts, Measured
from grader.explaining.known import LOOK_AT, known_fault
from grader.explaining.questions import about, asked_often, predict
from grader.explaining.stale import Course, stale
from grader.explaining.story import story
from grader.explaining.summary import summarize
from grader.explaining.sweep import sweep
from grader.explaining.words import CAUSES, tell

__all__ = [
    "CAUSES",
    "LOOK_AT",
    "Course",
    "Facts",
    "Measured",
    "about",
    "asked_often",
    "blocks",
    "known_fault",
    "predict",
    "reasons",
    "stale",
    "story",
    "summarize",
    "sweep",
    "tell",
]
