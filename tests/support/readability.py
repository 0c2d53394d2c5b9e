"""Measures how easy a text is to read: Flesch's formula, the length of sentences, and numbers for every 100 words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CODE = re.compile(
    r"`[^`]*`|(?:[A-Za-z]\w*\.)+\w+(?:\([^ ]*\))?|[A-Za-z]\w*\([^)]*\)|\w*_\w+(?:\[[^\]]*\])?|\[[^\]]*\]|\b[Wb]\d\b"
)
NUMBER = re.compile(
    r"(?<![\w.])(?:\d[\d,]*(?:\.\d+)?(?: \N{MULTIPLICATION SIGN} 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|%|e[+-]?\d+)?|inf\b)"
)
WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")


@dataclass(frozen=True)
class Reading:
    """What was counted in a text."""

    sentences: int
    words: int
    syllables: int
    numbers: int

    @property
    def ease(self) -> float:
        """Flesch's reading ease: 60 to 70 is plain English."""
        return 206.835 - 1.015 * self.words / self.sentences - 84.6 * self.syllables / self.words

    @property
    def density(self) -> float:
        """Numbers for every 100 words."""
        return 100 * self.numbers / self.words


def sentences(paragraphs: Iterable[str]) -> list[str]:
    """Return the sentences of a text."""
    return [sentence for text in paragraphs for sentence in re.split(r"(?<=[.?!])\s+(?=[A-Z0-9“])", text) if sentence]


def numbers(text: str) -> list[str]:
    """Return the numbers in a text; those in code and in names such as W1 are none."""
    return NUMBER.findall(_prose(text))


def words(text: str) -> list[str]:
    """Return the words of a text as a reader counts them: numbers are words, a piece of code is one."""
    return [word for word in text.split() if re.search(r"\w", word)]


def syllables(word: str) -> int:
    """Return about how many syllables an English word has: groups of vowels, without an e that is not spoken."""
    word = re.sub(r"[^a-z]", "", word.lower())
    spoken = re.sub(r"(?:(?<=[^aeiouyl])e|(?<=[aeiouy]l)e|(?<=[^aeioutd])ed|(?<=[^aeiouscxzgh])es)$", "", word)
    return max(1, len(re.findall(r"[aeiou]+y?|y(?![aeiou])", spoken)))


def read(paragraphs: Sequence[str]) -> Reading:
    """Count sentences, words, syllables and numbers of a text without its code."""
    prose = [_prose(text) for text in paragraphs]
    found = [word for text in prose for word in WORD.findall(text)]
    return Reading(
        len(sentences(prose)),
        len(found),
        sum(map(syllables, found)),
        sum(len(NUMBER.findall(text)) for text in prose),
    )


def _prose(text: str) -> str:
    return CODE.sub("code", text)
