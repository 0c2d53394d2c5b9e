"""Throws made-up answers and notebooks at the three readers of the trusted process: `make fuzz`.

    python tests/support/fuzz.py --minutes 5                            # a seed is drawn and printed
    python tests/support/fuzz.py --target extractor --seed 7 --case 12  # one case again, its input printed

Each case follows from seed, target and number alone.  Cases run in a process of their own, which is watched from outside:
an exception, a warning, code of the notebook that runs, a case that takes too long or too much memory, and the end of the
process are findings.  Ends with 1 if there is one.
"""

from __future__ import annotations

import argparse
import ast
import codecs
import contextlib
import copy
import json
import os
import random
import re
import resource
import secrets
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, solved

from grader.reading.extract import extract
from grader.reading.notebook import parse
from grader.records import Cell, Notebook
from grader.running.sandbox.wire import BadFrame, Returned, decode

CASE_SECONDS = 10.0  # the slowest ordinary case takes a hundredth of it
MEMORY_BYTES = 1 << 30  # beyond the start
MOST_BYTES = 1 << 16
SAY_SECONDS = 5.0
SAMPLES = Path(__file__).parents[2] / "submissions"
FORBIDDEN = {"exec", "import", "open", "ctypes.dlopen", "os.exec", "os.fork", "os.posix_spawn", "os.system"}
FORBIDDEN |= {"socket.__new__", "socket.connect", "subprocess.Popen"}

Random = random.Random


class Finding(Exception):
    """A reader gave something that it must not give."""


# --- answers of a child --------------------------------------------------------------------------------------------


def text(value: bytes) -> bytes:
    return struct.pack("<H", len(value)) + value


def frame(rng: Random) -> bytes:
    """Return a frame as the worker writes it, or nearly."""
    kind = rng.choice((0, 0, 0, 1, 2, 3, 255))
    head = struct.pack("<BH", kind, rng.choice((0, 1, 65535)))
    words = [text(rng.choice((b"", b"W1", b"float64", b"\xff\x00", b"x" * 300))) for _ in range(3)]
    if kind == 1:
        return head + struct.pack("<ii", rng.randint(-2, 9), rng.choice((-1, 0, 7, 2**31 - 1))) + words[0] + words[1]
    if kind == 0:
        count = rng.choice((0, 1, 2, 6))
        arrays = b"".join(array(rng) for _ in range(count))
        return head + struct.pack("<H", rng.choice((count, count, count, 64, 65, 65535))) + arrays
    return head + words[0]


def array(rng: Random) -> bytes:
    shape = [rng.choice((0, 0, 1, 2, 3, 5, 1 << 20, 1 << 32, 1 << 63, (1 << 64) - 1)) for _ in range(rng.randint(0, 8))]
    shape = shape if rng.random() < 0.3 else [size % 4 for size in shape]
    most = 8
    for size in shape:
        most = min(most * size, 800)
    dimensions = rng.choice((len(shape), len(shape), len(shape), 8, 9, 255))
    head = b"".join(text(word) for word in (b"W%d" % rng.randint(0, 3), b"ndarray", b"float64"))
    return head + struct.pack(f"<B{len(shape)}Q", dimensions, *shape) + rng.randbytes(most)


def make_answer(rng: Random, most: int) -> bytes:
    blocks = [frame(rng) for _ in range(rng.randint(1, 4))]
    stream = b"".join(struct.pack("<I", len(one)) + one for one in blocks)
    if rng.random() < 0.02:
        stream = rng.choice((bytes(4), stream)) * (most // max(4, len(stream)))
    return stream if rng.random() < 0.3 else spoilt(rng, stream)


def try_answer(data: bytes) -> None:
    """Only `BadFrame` comes out, and what is returned holds no more than what was received."""
    with contextlib.suppress(BadFrame):
        frames = decode(data)
        arrays = [one for frame in frames if isinstance(frame, Returned) for one in frame.arrays.values()]
        if sum(len(one.data) for one in arrays) > len(data):
            raise Finding("more numbers than bytes")
        for one in arrays:
            if one.numpy().shape != one.shape:
                raise Finding("another shape than it says")
        msgspec.msgpack.encode(frames)


def spoilt(rng: Random, data: bytes) -> bytes:
    """Return bytes with a few changes, each anywhere."""
    spoiled = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(spoiled) + 1)
        to = min(len(spoiled), at + rng.choice((1, 2, 4, 8, 60)))
        new = rng.choice((b"", rng.randbytes(to - at), b"\xff" * (to - at), bytes(to - at), bytes(spoiled[at:to]) * 2))
        spoiled[at:to] = new
    return bytes(spoiled)


# --- files ---------------------------------------------------------------------------------------------------------

VALUES: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    1e308,
    "",
    "code",
    "markdown",
    "\ud800",
    "\x00",
    [],
    {},
    [[]],
    ["x\r"],
)
BYTES = (
    *(
        b'{"cells": [',
        b'"cells": [{"cell_type"',
        b"NaN",
        b"-Infinity",
        b"\\ud800",
        b"\xef\xbb\xbf",
        b"\r",
        b"\r\n",
        b"\0",
    ),
    *(
        b"<<<<<<< HEAD\n",
        b"=======\n",
        b">>>>>>> x\n",
        b"||||||| y\n",
        b"%%\n",
        b"# %% [markdown]\n",
        b"# coding: cp1252\n",
    ),
    *(
        b"1e999",
        b"9" * 5000,
        b"def initialize_parameters_he(",
        b"\xed\xa0\x80",
        b"<html>",
        b"PK\x03\x04",
        b'{"worksheets": [{',
    ),
)
REPEATED = (
    b"[",
    b"{",
    b'{"cell_type":',
    b'{"a":',
    b'"',
    b"\\",
    b" ",
    b"\n",
    b"# %%\n",
    b"[],",
    b'"cells": [',
    b"<<<<<<< a\n",
    b"\xff",
    b"1,",
)
CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "cp1252", "latin-1", "gb18030")


def sources() -> list[bytes]:
    """Every sample notebook, and one of each kind that the tests build."""
    samples = [path.read_bytes() for path in sorted(SAMPLES.glob("*.ipynb")) + sorted(SAMPLES.glob("*.py"))]
    plain = f"{IMPORTS}\n# %%\n{ZEROS}\n# %% [markdown]\ntext\n# %%\n{RANDOM}{HE}".encode()
    sheet = {"worksheets": [{"cells": [{"cell_type": "code", "input": [HE], "language": "python"}]}], "nbformat": 3}
    return [solved(), plain, json.dumps(sheet).encode(), *[one for one in samples if len(one) < MOST_BYTES]]


def make_file(rng: Random, most: int) -> tuple[bytes, str]:
    data = rng.choice(SOURCES)
    if rng.random() < 0.5:
        data = reshaped(rng, data)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        data = data[:at] + rng.choice(BYTES) + data[at:]
    if rng.random() < 0.1:
        piece, at = rng.choice(REPEATED), rng.randrange(len(data) + 1)
        data = data[:at] + piece * rng.randint(1, max(1, most // len(piece))) + data[at:]
    if rng.random() < 0.3:
        data = spoilt(rng, data)
    if rng.random() < 0.2:
        data = data[: rng.randrange(len(data) + 1)]
    if rng.random() < 0.1:
        data = data.decode("utf-8", "replace").encode(rng.choice(CODECS), "replace")
    return data, rng.choice(("a.ipynb", "a.ipynb", "a.py", "a", "\ud800.ipynb", "a.IPYNB.txt"))


def reshaped(rng: Random, data: bytes) -> bytes:
    """Return a notebook with other values, keys or cells at a few places of its JSON."""
    try:
        document = json.loads(data)
    except ValueError:
        return data
    for _ in range(rng.randint(1, 5)):
        place = rng.choice(list(_containers(document)))
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            continue
        key = rng.choice(keys)
        action = rng.randrange(4)
        if action == 0:
            del place[key]
        elif action == 1:
            place[key] = copy.deepcopy(rng.choice(VALUES))
        elif action == 2 and isinstance(place, dict):
            place[rng.choice(("cell_type", "source", "input", "cells", "nbformat", "id", "worksheets"))] = place.pop(
                key
            )
        elif isinstance(place, list):
            place.insert(
                rng.randrange(len(place) + 1),
                copy.deepcopy(rng.choice((place[key], {"cell_type": "code", "source": HE}, 0))),
            )
    return json.dumps(document, indent=rng.choice((None, 1))).encode()


def _containers(node: Any) -> Iterator[Any]:
    if isinstance(node, dict | list):
        yield node
        for child in list(node.values() if isinstance(node, dict) else node):
            yield from _containers(child)


def try_file(made: tuple[bytes, str]) -> None:
    """A record comes out whatever the file is, and it can be stored."""
    notebook = parse(*made)
    if notebook.status not in ("ok", "repaired", "unreadable") or (notebook.status == "unreadable") == bool(
        notebook.cells
    ):
        raise Finding(f"{notebook.status} with {len(notebook.cells)} cells")
    if msgspec.msgpack.decode(msgspec.msgpack.encode(notebook), type=Notebook) != notebook:
        raise Finding("it changes when it is stored")


# --- code ----------------------------------------------------------------------------------------------------------

LINES = (
    *r"""
%matplotlib inline
!pip install x
x = !ls
np?
In [3]: np.random.seed(3)
>>> import math
%%time
from numpy import *
from math import sqrt as s
import numpy.random as r, os
from __future__ import annotations
from . import x
import a.b.c
global L
nonlocal q
return
yield
L = len(layers_dims)
L += 1
K = L = 3
K, *L = range(3)
K: int = 2
K: int
del K
(K := 4)
K = L; L = K
@np.vectorize
@property
async def f(): await g()
lambda: (yield)
class N(initialize_parameters_he): pass
initialize_parameters_he = initialize_parameters_random
initialize_parameters_he = lambda d: {}
if 1:
else:
try:
except* ValueError:
with open('x') as f:
match L:
    case [1, *_]: pass
for K in range(3):
while True:
raise SystemExit
__import__('os').system('false')
exit()
open('/etc/passwd')
exec('1')
def f(x=open('y')): return x
K = f()
print 'x'
K = '\d'
1 is 1
type X = int
def f[T](x: T): ...
print(f'{x!r:{1}}')
x = 1 if else 2
# type: ignore
[i for i in i]
""".strip("\n").split("\n"),
    *('"""', "'''", "'", "\\", "\x0c", "\t x = 1", "\u2028", "\uff58 = 1", "\u00aa = 1", "# \u202e", "\U0001d7d8"),
)
SHAPES: tuple[Callable[[int], str], ...] = (  # what grows: long, deep, wide
    lambda n: "(" * n,
    lambda n: f"K = {'(' * n}1{')' * n}",
    lambda n: f"K = 1{'+1' * n}",
    lambda n: f"K = {'-' * n}1",
    lambda n: f"K = np{'.a' * n}",
    lambda n: f"np{'.a' * n}.seed(3)",
    lambda n: f"K = {'lambda:' * n}1",
    lambda n: f"K = {'[i for i in ' * n}[]{']' * n}",
    lambda n: "if 1:\n    K = 1\n" + "elif 2:\n    K = 2\n" * n,
    lambda n: "".join(f"{' ' * i}if 1:\n" for i in range(n)) + " " * n + "K = 1",
    lambda n: "".join(f"{' ' * i}class C{i}:\n" for i in range(n)) + " " * n + "K = 1",
    lambda n: "".join(f"{' ' * i}def f{i}():\n" for i in range(n)) + " " * n + "K = 1",
    lambda n: "".join(f"k{i} = k{i + 1}\n" for i in range(n)) + f"k{n} = 1\nK = k0",
    lambda n: "".join(f"k{i} = k{i + 1}\nk{i} = k{i + 1} + 0\n" for i in range(n)) + f"k{n} = print()\nK = k0",
    lambda n: "".join(f"def f{i}(): return f{i + 1}()\n" for i in range(n)) + f"def f{n}(): return 1\nK = f0",
    lambda n: "K = 1;" * n,
    lambda n: "K = 1\n" * n,
    lambda n: "K = 1\n" + "K += 1\n" * n,
    lambda n: "K = = 1\n" * n,
    lambda n: "x = (\n" + " " * n,
    lambda n: "x = (\n" + "a " * n,
    lambda n: "x = (\n" + "a, " * n,
    lambda n: "x = (\n%" + "%" * n,
    lambda n: "x = (\n" + "a.*" * n,
    lambda n: '"""' * n,
    lambda n: "\\\n" * n,
    lambda n: "#" * n,
    lambda n: "@np\n" * n + "def f(): pass",
    lambda n: "a, " * n + "= b",
    lambda n: "".join(f"import m{i}\n" for i in range(n)),
    lambda n: "".join(f"def initialize_parameters_h{'e' * (i % 50)}(): pass\n" for i in range(n)),
    lambda n: "def initialize_parameters_he(d):\n" + "    K = 1\n" * n,
    lambda n: f"def initialize_parameters_{'h' * n}(d): pass",
    lambda n: (HE + "\n") * (n // 100),
    lambda n: f"K = '{'x' * n}'",
    lambda n: f"K = {'9' * n}",
    lambda n: f"K = {'é' * n}",
    lambda n: "K = " + "f'{" * n,
    lambda n: ">>> " * n,
)


START, USES = "    parameters = {}\n", "    parameters = {}\n    K, f0\n"
BEFORE = (IMPORTS, *(source.replace(START, USES) for source in (ZEROS, RANDOM, HE)))


def make_code(rng: Random, most: int) -> tuple[str, ...]:
    """Return the sources of a notebook's code cells: the course's, changed, with growths in a few."""
    parts = [IMPORTS, ZEROS, RANDOM, HE, *rng.sample(CODE, rng.randint(0, 2))]
    if rng.random() < 0.2:
        rng.shuffle(parts)
    parts = [changed(rng, part) if rng.random() < 0.5 else part for part in parts]
    if rng.random() < 0.1:
        parts.insert(rng.randint(0, len(parts)), grown(rng, most))
        parts = [part.replace(START, USES) for part in parts]
    if rng.random() < 0.2:
        parts = ["\n".join(parts)]
    return tuple(re.sub("[\0\r\ud800-\udfff]", " ", part) for part in parts)  # the reader of files mends these


def grown(rng: Random, most: int) -> str:
    shape = rng.choice(SHAPES)
    n = rng.choice((3, 20, 90, 300, 1000, most))
    while n > 3 and len(shape(min(n, 300))) * (n / min(n, 300)) > most:
        n = int(n * 0.7)
    return shape(n)[:most]


def changed(rng: Random, source: str) -> str:
    lines = source.split("\n")
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
        action = rng.randrange(9)
        if action == 0:
            del lines[at]
            lines = lines or [""]
        elif action == 1:
            lines.insert(at, " " * rng.choice((0, 0, 4, 4, 8, 3)) + rng.choice(LINES))
        elif action == 2:
            lines[at], lines[to] = lines[to], lines[at]
        elif action == 3:
            lines.insert(at, lines[to])
        elif action == 4:
            lines[at] = rng.choice(("    ", "\t", " ", "")) + lines[at].lstrip() * rng.choice((1, 1, 2))
        elif action == 5:
            lines[at] = f"{lines[at]}{rng.choice(('; ', ' ', '# '))}{lines[to].strip()}"
        else:
            lines[at] = retokened(rng, lines[at], source)
    return "\n".join(lines)


def retokened(rng: Random, line: str, source: str) -> str:
    """Return a line with one token gone, doubled, or in place of another."""
    tokens, pool = re.findall(r"\w+|\s+|\W", line), re.findall(r"\w+|[^\w\s]", source)
    if not tokens or not pool:
        return line
    at = rng.randrange(len(tokens))
    tokens[at] = rng.choice(
        ("", tokens[at] * 2, rng.choice(pool), rng.choice(pool), rng.choice('\\"#(){}[]:=,.\u202e'))
    )
    return "".join(tokens)


def try_code(made: tuple[str, ...]) -> None:
    """Every function gets its record, nothing is run, and what is carried to the child is Python."""
    cells = tuple(Cell("code", source, number) for number, source in enumerate(made, 1))
    with nothing_runs():
        notebook, functions = extract(Notebook("x.ipynb", "", "ok", (), cells), NAMES, {"np": IMPORTS})
    if tuple(functions) != NAMES:
        raise Finding("a function without a record")
    for function in functions.values():
        if (function.status == "found") != bool(function.units):
            raise Finding(f"{function.status} with {len(function.units)} statements")
        for unit in function.units:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(unit.source)
    msgspec.msgpack.encode((notebook, functions))


_armed = [False]


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    if _armed[0] and event in FORBIDDEN:
        _armed[0] = False
        raise Finding(f"{event} {arguments!r:.200}")


@contextlib.contextmanager
def nothing_runs() -> Iterator[None]:
    """Make every file, process, import, socket and execution a finding; an audit hook stays, so it is armed."""
    if not _armed[1:]:
        extract(Notebook("x.ipynb", "", "ok", (), (Cell("code", f"\u00aa = 1\n{HE}"),)), NAMES)  # loads late
        codecs.lookup("cp1252")
        sys.addaudithook(_guard)
        _armed.append(True)
    _armed[0] = True
    try:
        yield
    finally:
        _armed[0] = False


# --- running -------------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """What is made up, and what is done with it."""

    make: Callable[[Random, int], Any]
    check: Callable[[Any], None]


TARGETS = {
    "decoder": Target(make_answer, try_answer),
    "reader": Target(make_file, try_file),
    "extractor": Target(make_code, try_code),
}
SOURCES = sources()
CODE = [
    cell.source
    for source in SOURCES
    for cell in parse(source, "x.ipynb").cells
    if cell.kind == "code" and len(cell.source) < 5000
]


def made(target: str, seed: int, number: int, most: int = MOST_BYTES) -> Any:
    return TARGETS[target].make(random.Random(f"{seed} {target} {number}"), most)


def problem_of(target: str, case: Any) -> str:
    """Return what a case found, the empty string for nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            TARGETS[target].check(case)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        steps = [step for step in traceback.extract_tb(error.__traceback__) if "grader" in Path(step.filename).parts]
        at = f" at {Path(steps[-1].filename).name}:{steps[-1].lineno} {steps[-1].name}" if steps else ""
        return f"{type(error).__name__}: {str(error)[:200]}{at}"
    return ""


def stint(target: str, seed: int, number: int, seconds: float, now: Path) -> None:
    """Run cases from `number` on for a while; say what was found, one JSON line each; `now` holds the number of the case."""
    if sys.platform == "linux":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES,) * 2)
    current = os.open(now, os.O_WRONLY)
    slowest, ended = (0.0, number), time.monotonic() + seconds
    while (started := time.monotonic()) < ended:
        os.pwrite(current, struct.pack("<q", number), 0)
        case = made(target, seed, number)
        before = time.perf_counter()
        problem = problem_of(target, case)
        slowest = max(slowest, (time.perf_counter() - before, number))
        if problem:
            print(json.dumps({"case": number, "problem": problem}), flush=True)
        number += 1
        if time.monotonic() - started > CASE_SECONDS:
            print(json.dumps({"case": number - 1, "problem": f"it took more than {CASE_SECONDS:g} s"}), flush=True)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"next": number, "slowest": slowest, "rss": rss >> 10 if sys.platform == "linux" else rss >> 20}))


@dataclass
class Tally:
    """What one target has come to."""

    target: str
    next: int = 0
    slowest: tuple[float, int] = (0.0, 0)
    rss: int = 0
    problems: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def found(self, problem: str, case: int) -> None:
        """Note a finding; those that differ in numbers and names alone are of one kind."""
        kind = re.sub(r"\d+|'.*?'", "", problem)[:150]
        if kind not in self.problems:
            print(f"FOUND {self.target} case {case}: {problem}", flush=True)
        self.problems.setdefault(kind, []).append((case, problem))

    def line(self) -> str:
        found = sum(map(len, self.problems.values()))
        slow = f"slowest {self.slowest[0]:.2f} s (case {self.slowest[1]})"
        return f"{self.target}: {self.next} cases, {slow}, {self.rss} MiB, {found} found of {len(self.problems)} kinds"


def watched(tally: Tally, seed: int, seconds: float, now: Path) -> None:
    """Run a stint and wait for it; end it if a case hangs, and go on after that case."""
    now.write_bytes(struct.pack("<q", tally.next))
    settings = [tally.target, str(seed), str(tally.next), str(seconds), str(now)]
    process = subprocess.Popen([sys.executable, __file__, "--stint", *settings], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as lines:
        last, since, rest = tally.next, time.monotonic(), b""
        while True:
            ready, _, _ = select.select([lines], [], [], 0.5)
            chunk = os.read(lines.fileno(), 1 << 16) if ready else None
            if chunk == b"":
                break
            *whole, rest = (rest + (chunk or b"")).split(b"\n")
            for line in whole:
                _read_line(tally, json.loads(line))
            (case,) = struct.unpack("<q", now.read_bytes())
            last, since = (last, since) if case == last else (case, time.monotonic())
            if time.monotonic() - since > CASE_SECONDS + 2:
                process.send_signal(signal.SIGKILL)
                tally.found(f"it hangs: more than {CASE_SECONDS:g} s", case)
                tally.slowest = max(tally.slowest, (CASE_SECONDS, case))
    code = process.wait()
    if code and code != -signal.SIGKILL:
        tally.found(f"the process ended with {code}", struct.unpack("<q", now.read_bytes())[0])
    if code:
        tally.next = struct.unpack("<q", now.read_bytes())[0] + 1


def _read_line(tally: Tally, said: dict[str, Any]) -> None:
    if "problem" in said:
        tally.found(said["problem"], said["case"])
    else:
        tally.next, tally.rss = said["next"], max(tally.rss, said["rss"])
        tally.slowest = max(tally.slowest, tuple(said["slowest"]))


def campaign(targets: list[str], seed: int, minutes: float) -> int:
    """Take turns among the targets until the time is up."""
    print(f"seed {seed}, {minutes:g} minutes: {', '.join(targets)}", flush=True)
    tallies = [Tally(target) for target in targets]
    ends = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        while (left := ends - time.monotonic()) > 0:
            for tally in tallies:
                watched(tally, seed, min(SAY_SECONDS, max(left / len(tallies), 0.2)), Path(folder) / "now")
                print(tally.line(), flush=True)
    for tally in tallies:
        for cases in tally.problems.values():
            (case, problem), *_ = cases
            print(f"{len(cases)} x {problem}; again: --target {tally.target} --seed {seed} --case {case}")
    found = sum(len(tally.problems) for tally in tallies)
    print(f"seed {seed}: {sum(tally.next for tally in tallies)} cases, {found} kinds of findings")
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Throw made-up answers and notebooks at what reads them.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one; may be given again")
    parser.add_argument("--case", type=int, help="run one case and print its input")
    parser.add_argument("--stint", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stint:
        target, seed, number, seconds, now = given.stint
        stint(target, int(seed), int(number), float(seconds), Path(now))
        return 0
    targets = given.target or list(TARGETS)
    seed = secrets.randbits(32) if given.seed is None else given.seed
    if given.case is None:
        return campaign(targets, seed, given.minutes)
    case = made(targets[0], seed, given.case)
    print(case if isinstance(case, bytes) else "\n--- cell\n".join(map(str, case)))
    print("==>", problem := problem_of(targets[0], case))
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
