"""Reading: from a file to its cells to its functions, within limits of time and memory.

What is plainly small and well-formed is read here.  Anything else, also what is damaged, is read in a process of its own,
which can be ended: Python's parser takes a hundred times the memory of the text, and for some texts the square of its
time.  What comes back is data in MessagePack, decoded by type.  Memory is limited on Linux only; processor time wherever
there are resource limits; time on the clock everywhere.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from grader import messages
from grader.errors import UnavailableError
from grader.faults import attempt
from grader.messages import say
from grader.reading import extract as extraction
from grader.reading import notebook as notebooks
from grader.reading.extract.facts import SyntaxFacts
from grader.records import Cell, Function, Notebook, Printed

if TYPE_CHECKING:
    from grader.exercise.limits import Limits

ORDINARY_BYTES = 8 << 20  # of a file; one with many pictures has 3 MB
ORDINARY_PARTS = 500_000  # commas, brackets and ends of lines: each may become an object of Python's
ORDINARY_CHARACTERS = 60_000  # of all code; the course's notebook with a student's code has under 10,000
ORDINARY_COLUMNS = 2_000  # of the longest line of code
WALL_SECONDS = 120.0  # a machine that is so busy is at fault itself
UNLIMITED_FACTOR = 3  # seconds on the clock for a second of computing where only the clock can end a process
NO_MEMORY, TOO_MUCH = 3, 4  # exit codes of the process
MOST_ANSWER_BYTES = 128 << 20
_BABEL = [spec.origin for spec in [find_spec("babel")] if spec and spec.origin]  # whose import takes long
_CHILD = Path(__file__).with_name("child.py")
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Extracted:
    """A notebook without its cells, its functions, what it printed for each, and what that cost where it was measured."""

    notebook: Notebook
    functions: Mapping[str, Function]
    printed: Mapping[str, Printed]
    cpu_seconds: float = 0.0


class Parse(msgspec.Struct, tag=True, frozen=True):
    """Read the bytes of a file."""

    data: bytes
    name: str


class Extract(msgspec.Struct, tag=True, frozen=True):
    """Find the functions of a notebook; `shorts` maps the course's words to their names."""

    notebook: Notebook
    names: tuple[str, ...]
    given: Mapping[str, str]
    shorts: Mapping[str, str]


Answer = TypeVar("Answer")


class LimitError(Exception):
    """A separate process that reads a file reached a limit, which the message names."""


def read(path: Path, limits: Limits, *, name: str | None = None) -> Notebook:
    """Read a file; whatever it holds, the answer is a Notebook.

    Raises
    ------
    UnavailableError
        If the file's bytes could not be had, or the machine had no time for them.
    """
    return notebooks.read_available(path, name=name, parse=partial(parse, limits=limits))


def parse(data: bytes, name: str, limits: Limits) -> Notebook:
    """Read a file's bytes within the limits; whatever they hold, the answer is a Notebook."""
    if is_small(data):
        with suppress(notebooks.DamagedError):
            return notebooks.parse(data, name, repairs=False)
    try:
        return answered(Parse(data, name), Notebook, limits)[0]
    except LimitError as reached:
        return notebooks.given_up(name, data, str(reached))


def is_small(data: bytes, most_parts: int = ORDINARY_PARTS) -> bool:
    """Return whether a file is so small, and of so few parts, that reading it costs next to nothing if it is well-formed."""
    return len(data) <= ORDINARY_BYTES and sum(data.count(part) for part in (b"[", b"{", b",", b"\n")) <= most_parts


def extract(
    notebook: Notebook,
    names: Sequence[str],
    given: Mapping[str, str],
    shorts: Mapping[str, str],
    limits: Limits,
    facts: SyntaxFacts | None = None,
) -> Extracted:
    """Find every function of `names` within the limits; where they are reached, the notebook is unreadable.

    `facts` is what was worked out of other notebooks.
    """
    job = Extract(notebook, tuple(names), given, shorts)
    if is_ordinary(notebook.cells):
        return extracted(job, facts)
    try:
        answer, cpu_seconds = answered(job, Extracted, limits)
        return replace(answer, cpu_seconds=cpu_seconds)
    except LimitError as reached:
        problem = notebooks.reading_limit(str(reached))
        unread = replace(notebook, status="unreadable", problems=(*notebook.problems, problem), cells=())
        return extracted(msgspec.structs.replace(job, notebook=unread))


def is_ordinary(cells: Sequence[Cell]) -> bool:
    """Return whether code is so little, in lines so short, that reading it costs next to nothing."""
    sources = [cell.source for cell in cells if cell.kind == "code"]
    return sum(map(len, sources)) <= ORDINARY_CHARACTERS and not any(
        len(source) > ORDINARY_COLUMNS and max(map(len, source.split("\n"))) > ORDINARY_COLUMNS for source in sources
    )


def extracted(job: Extract, facts: SyntaxFacts | None = None) -> Extracted:
    """Return the functions of a notebook, found in this process."""
    facts = facts or SyntaxFacts()
    notebook, functions = extraction.extract(job.notebook, job.names, job.given, facts)
    shown = attempt("reading saved outputs", lambda: extraction.printed(notebook, job.shorts, facts), lambda _: {})
    return Extracted(replace(notebook, cells=()), functions, shown)


def answer(job: bytes) -> bytes:
    """Return the answer to one job; this runs in the separate process."""
    request = msgspec.msgpack.decode(job, type=Parse | Extract)
    if isinstance(request, Parse):
        return msgspec.msgpack.encode(notebooks.parse(request.data, request.name))
    return msgspec.msgpack.encode(extracted(request))


def answered(
    job: msgspec.Struct, kind: type[Answer], limits: Limits, *, module: str = __name__
) -> tuple[Answer, float]:
    """Return the answer of a process of its own, which the module's function `answer` gives, and its processor time.

    Raises
    ------
    LimitError
        If it reached a limit.
    UnavailableError
        If the machine had no time for it.
    """
    seconds, size_bytes = limits.reading_cpu_seconds, limits.reading_memory_bytes
    packages = (_CHILD.parent, Path(msgspec.__file__), Path(np.__file__), *map(Path, _BABEL))
    folders: list[str] = list(dict.fromkeys(str(path.parent.parent) for path in packages))
    before = _children_seconds()
    with subprocess.Popen(  # noqa: S603  # our own interpreter and our own file
        [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_CHILD), str(seconds), str(size_bytes), module, *folders],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            **_ONE_THREAD,
            **messages.environment(),
            **{name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ},
        },
        cwd=Path(sys.executable).anchor or "/",
    ) as process:
        try:
            wall_seconds = UNLIMITED_FACTOR * seconds if sys.platform == "win32" else WALL_SECONDS
            output, _ = process.communicate(msgspec.msgpack.encode(job), timeout=wall_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            if sys.platform == "win32":
                raise LimitError(say("reading.limit.waiting", seconds=wall_seconds)) from None
            problem = say("reading.busy", seconds=wall_seconds)
            raise UnavailableError(problem, hint=say("reading.busy.hint")) from None
        except BaseException:
            process.kill()
            raise
    refuse_ending(process.returncode, seconds, size_bytes)
    return msgspec.msgpack.decode(output, type=kind), _children_seconds() - before


def refuse_ending(code: int, seconds: int, size_bytes: int) -> None:
    """Raise unless the process came to its end."""
    if code in (NO_MEMORY, TOO_MUCH):
        raise LimitError(say("reading.limit.memory", size=size_bytes >> 20))
    if sys.platform != "win32" and code in (-signal.SIGXCPU, -signal.SIGSEGV, -signal.SIGABRT):
        raise LimitError(
            say("reading.limit.computing", count=seconds) if code == -signal.SIGXCPU else say("reading.limit.parser")
        )
    if code != 0:
        problem = say("reading.ended", code=code)
        raise UnavailableError(problem, hint=say("reading.ended.hint"))


def _children_seconds() -> float:
    """Return the processor time of all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system
