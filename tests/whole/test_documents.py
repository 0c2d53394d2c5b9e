"""What the documents point at is there: files, headings, commands and their options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from grader.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TESTS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")}
FILES = {
    path.relative_to(ROOT).as_posix() for top in ("grader", "templates", "tests") for path in (ROOT / top).rglob("*.*")
}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def names(paths):
    return [path.relative_to(ROOT).as_posix() for path in paths]


def anchors(page):
    """The headings of a page as its links name them."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [ROOT / "CONTRIBUTING.md", ROOT / "docs" / "developing.md"], ids=lambda path: path.name
)
def test_every_file_and_test_that_a_recipe_names_is_there(page):
    words = re.findall(r"`([\w/.]+)`", page.read_text(encoding="utf-8"))
    files = {word for word in words if re.fullmatch(r"[\w/]+\.(py|po|html|css|js)", word) and "/" in word}
    gone = {word for word in files if not any(file.endswith("/" + word) or file == word for file in FILES)}
    tests = {word for word in words if word.startswith("test_")}
    gone |= {word for word in tests if word not in TESTS and not any(f"def {word}(" in text for text in TESTS.values())}
    assert not gone


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_link_leads_somewhere(page):
    broken = []
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def commands(page):
    """The lines of a page that call the command, as words; what stands in brackets may be left out, so it counts too."""
    blocks = [found[0] for found in CODE.finditer(page.read_text(encoding="utf-8"))]
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    called = [re.split(r" [|>] ", line)[0] for line in lines if re.match(r"grader [a-z-]", line)]
    return [shlex.split(re.sub(r"[\[\]]", "", line), comments=True)[1:] for line in called]


def unknown(words):
    """What of a command line the command does not know."""
    at = get_command(app)
    while words and words[0] in getattr(at, "commands", {}):
        at, *words = at.commands[words[0]], *words[1:]
    known = {"--help", *(name for one in at.params for name in (*one.opts, *one.secondary_opts))}
    if hasattr(at, "commands"):  # a group alone, or SYSTEM in place of a name
        return [word for word in words[:1] if not word.isupper() and word not in known]
    return [word for word in words if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_command_and_option_is_there(page):
    assert not [(words, wrong) for words in commands(page) if (wrong := unknown(words))]


def test_commands_are_found_and_wrong_ones_are_seen():
    assert sum(len(commands(page)) for page in PAGES) > 30
    assert unknown(["batch", "a", "--out", "b"]) == []
    assert unknown(["lms", "canvas", "collekt", "a"]) == ["collekt"]
    assert unknown(["lms", "canvas", "push", "a", "--token=x"]) == ["--token=x"]
