"""Remembers what was worked out from texts and syntax trees, so that nothing is worked out twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Fact = TypeVar("Fact")


class SyntaxFacts:
    """Remembers what pure functions of texts and syntax trees return, for as long as one notebook is read.

    It decides speed alone.  Statements are told apart by their identity, so what is known of them is known as long as the
    tree that they are part of is.
    """

    def __init__(self) -> None:
        self._values: dict[object, object] = {}

    def of(self, function: Callable[Arguments, Fact], *arguments: Arguments.args, **named: Arguments.kwargs) -> Fact:
        """Return what a pure function returns for arguments that can be hashed."""
        key = (function, *arguments, *named.items())
        if key not in self._values:
            self._values[key] = function(*arguments, **named)
        return cast("Fact", self._values[key])
