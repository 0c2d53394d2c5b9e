"""What a command may write: never a file that it reads, another output, a person's notebook, or a file of another kind."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from grader.errors import RequestError
from grader.messages import refusal, say

OutputKind = Literal["page", "lab", "result", "annotated", "junit", "autograder", "rulings"]
_BEGINNING = 2**16  # bytes that tell what a file is
_MOST = 2**27  # bytes of an annotated notebook that are looked through


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a command is asked to write: the option that names it, its path, and what will be in it."""

    option: str
    path: Path
    kind: OutputKind


def require_writable(outputs: Sequence[Output], inputs: Iterable[Path]) -> None:
    """Refuse outputs that would replace something else than an earlier output of the same kind.

    A new file, an empty one and a device such as /dev/stdout are always possible.

    Raises
    ------
    RequestError
        If an output is an input or another output, also through a link or another spelling, or a file that is not ours.
    """
    inputs = list(inputs)
    for output in outputs:
        if any(_is_same(output.path, path) for path in inputs):
            raise _refusal(output, say("files.output.is_input"))
        _require_kind(output)
    for first, second in combinations(outputs, 2):
        if _is_same(first.path, second.path) and str(first.path) != os.devnull:
            raise _refusal(second, say("files.output.twice", option=first.option))


def require_folder(option: str, path: Path) -> None:
    """Refuse an output folder whose name is that of a file.

    Raises
    ------
    RequestError
        If there is a file in the folder's place.
    """
    if path.exists() and not path.is_dir():
        raise refusal("files.output.no_folder", option=option, path=path)


def _refusal(output: Output, why: str) -> RequestError:
    return refusal("files.output.refused", option=output.option, path=output.path, why=why)


def _is_same(first: Path, second: Path) -> bool:
    """Whether two paths name one file, or would name one where case does not count."""
    try:
        return first.samefile(second)
    except (OSError, ValueError):  # one of them is not there
        return os.path.realpath(first).casefold() == os.path.realpath(second).casefold()


def _require_kind(output: Output) -> None:
    path = output.path
    try:
        if path.is_dir():
            raise _refusal(output, say("files.output.is_folder"))
        if not path.is_file() or path.stat().st_size == 0:
            return
        fits = _KINDS[output.kind](path)
    except OSError as error:
        raise _refusal(output, say("files.output.unreadable", reason=error.strerror)) from None
    if not fits:
        raise _refusal(output, say(f"files.output.other_kind.{output.kind}"))


def _begins(pattern: bytes) -> Callable[[Path], bool]:
    expression = re.compile(pattern, re.IGNORECASE)

    def begins(path: Path) -> bool:
        with path.open("rb") as file:
            return expression.match(file.read(_BEGINNING)) is not None

    return begins


def _is_annotated(path: Path) -> bool:
    """Whether this is an annotated notebook, or the page of one."""
    if _begins(rb"\s*<!doctype html")(path):
        return path.suffix.lower() != ".ipynb"
    with path.open("rb") as file:
        return re.search(rb'"grader"\s*:\s*\{\s*"note"\s*:\s*true', file.read(_MOST)) is not None


def _is_autograder(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "run_autograder" in archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


_KINDS: Mapping[OutputKind, Callable[[Path], bool]] = {
    "page": _begins(rb"\s*<!doctype html"),
    "lab": _begins(rb"(?s)\s*<!doctype html.{,2000}<meta name=\"generator\" content=\"grader lab\">"),
    "result": _begins(rb'\s*\{\s*"schema"\s*:\s*"grader-result/'),
    "annotated": _is_annotated,
    "junit": _begins(rb"\s*(?:<\?xml[^>]*>\s*)?<testsuites?\b"),
    "autograder": _is_autograder,
    "rulings": _begins(rb'submission,function,points|\{"by":'),
}
