"""Words that readers had to decode are in no document and no template, and become fewer in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "reference").rglob("*.toml")),
    ROOT / "Makefile",
]
TEMPLATES = [path for path in sorted((ROOT / "templates").rglob("*")) if path.is_file()]
CODE = sorted((ROOT / "grader").rglob("*.py"))

# the word, and what to write in its place
HABITS = {
    r"mend(?:s|ed|ing)?\b": "fix",
    r"anew\b": "again",
    r"otherwise\b": "differently, or: if not",
    r"besides\b": "also",
    r"by and by\b": "soon",
    r"tongues?\b": "language",
    r"(?:stands?|stood)\b(?!-| among\b| for\b)": "is, or: applies",
    r"heard? of through\b": "report through",
    r"(?<!there )(?:is|are|was|were) no (?!longer\b|more\b|fewer\b|less\b)\w+": "is not a",
}
PATTERN = re.compile(rf"\b(?:{'|'.join(HABITS)})", re.IGNORECASE)

# How many are left in the code: a key of JSON that programs read.  The number may only fall.
LEFT_IN_CODE = 1


def habits(path: Path) -> list[str]:
    """Return the habit words of a file, each with its line and what to write in its place."""
    text = path.read_text(encoding="utf-8")
    return [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}; write: {advice(match[0])}"
        for match in PATTERN.finditer(text)
    ]


def advice(word: str) -> str:
    """Return what to write in place of a habit word."""
    return next((plain for habit, plain in HABITS.items() if re.match(habit, word, re.IGNORECASE)), "plain words")


@pytest.mark.parametrize("files", [DOCUMENTS, TEMPLATES], ids=["documents", "templates"])
def test_documents_and_templates_have_no_habit_words(files: list[Path]) -> None:
    assert [found for path in files for found in habits(path)] == []


def test_habit_words_in_the_code_become_fewer() -> None:
    left = [found for path in CODE for found in habits(path)]
    assert len(left) <= LEFT_IN_CODE, "more habit words than before; these are all:\n" + "\n".join(left)


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("This is no JSON.", "is no JSON"),
        ("There is no page.", None),
        ("It is no longer there.", None),
        ("The file was mended.", "mended"),
        ("It stands in cell 3.", "stands"),
        ("Stand-ins take every use.", None),
        ("a recommendation", None),
    ],
)
def test_a_habit_word_is_recognised(sentence: str, word: str | None) -> None:
    match = PATTERN.search(sentence)
    assert (match and match[0]) == word
