"""From what was measured to plain sentences: the summary that everything shows first, and the story of a training."""

from grader.explain.facts import Facts, Measured
from grader.explain.known import LOOK_AT, known_fault
from grader.explain.questions import about, asked_often, predict
from grader.explain.stale import Course, stale
from grader.explain.story import story
from grader.explain.summary import summarize
from grader.explain.sweep import sweep
from grader.explain.words import CAUSES, tell

__all__ = [
    "CAUSES",
    "LOOK_AT",
    "Course",
    "Facts",
    "Measured",
    "about",
    "asked_often",
    "known_fault",
    "predict",
    "stale",
    "story",
    "summarize",
    "sweep",
    "tell",
]
