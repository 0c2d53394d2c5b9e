"""From what was measured to plain sentences: the summary that everything shows first, and the story of a training."""

from grader.explain.story import Facts, story
from grader.explain.summary import summarize
from grader.explain.words import CAUSES

__all__ = ["CAUSES", "Facts", "story", "summarize"]
