"""From what was measured to plain sentences: the summary that everything shows first, and the story of a training."""

from grader.explain.known import LOOK_AT, known_fault
from grader.explain.stale import Course, stale
from grader.explain.story import Facts, story
from grader.explain.summary import summarize
from grader.explain.sweep import sweep
from grader.explain.words import CAUSES, tell

__all__ = ["CAUSES", "LOOK_AT", "Course", "Facts", "known_fault", "stale", "story", "summarize", "sweep", "tell"]
