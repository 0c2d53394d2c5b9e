"""How often Python looks for objects that only hold each other."""

from __future__ import annotations

import gc

SELDOM = 10_000  # new objects before it looks: loading the grader makes 100,000 that stay, a submission leaves some 600


def collect_seldom() -> None:
    """Let this process look for unused cycles seldom: each look at what was loaded takes up to 25 ms."""
    gc.set_threshold(SELDOM)
