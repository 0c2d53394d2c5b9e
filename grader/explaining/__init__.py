"""From what was measured to plain sentences: the summary that everything shows first, and the story of a training."""

from grader.explaining.blocks import blocks, reasons
from grader.explaining.facts import Facts, Measured
from grader.explaining.known import known_fault
from grader.explaining.questions import about, asked_often, predict
from grader.explaining.stale import Course, stale
from grader.explaining.story import story
from grader.explaining.summary import summarize
from grader.explaining.sweep import sweep
from grader.explaining.words import cause_title, tell

__all__ = [
    "Course",
    "Facts",
    "Measured",
    "about",
    "asked_often",
    "blocks",
    "cause_title",
    "known_fault",
    "predict",
    "reasons",
    "stale",
    "story",
    "summarize",
    "sweep",
    "tell",
]
