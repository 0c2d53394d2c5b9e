"""The attack gallery: none forges a point, reads an answer, touches another submission, outlives its run, leaves a page.

Four rooms: processes (the table in attacks.py), the same as a user without rights, cheats for points through the whole
engine, and what a notebook, its name or an archive carries.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import resource
import shutil
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import attacks
import numpy as np
import pytest
from attacks import ATTACKS, CALLS, FLOOR, LIMITS, Arena, function, here, left_behind, own_uid, perform, table
from notebooks import HE, IMPORTS, RANDOM, ZEROS, cells, edit, solved, write

from grader import resources
from grader.classroom import submissions
from grader.cli import main
from grader.errors import RequestError
from grader.exercise import load as exercises
from grader.memo import RememberingPipeline
from grader.reading.notebook import parse
from grader.records import Result
from grader.running.sandbox import Sandbox
from grader.running.sandbox.server import OnceServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement is for Linux")
HERE = Path(__file__).parents[1] / "support"

# --- processes -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with Arena(own_uid()) as made:
        yield made


@pytest.fixture(scope="module")
def sandbox(arena: Arena) -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as running:
        yield running


@pytest.mark.parametrize("attack", here(), ids=lambda attack: attack.name)
def test_no_attack_works(attack, sandbox, arena):
    record = perform(attack, sandbox, arena)
    assert not record.wrong, table([record])
    assert left_behind(sandbox) == []


@pytest.mark.slow
def test_the_layers_that_are_mandatory_stop_every_attack_alone():
    """In a container, say, there may be nothing but limits and seccomp."""
    records = attacks.gallery(here(), FLOOR)
    assert not [record for record in records if record.wrong], table(records)


def test_a_right_function_comes_through_what_stops_attacks(sandbox, arena):
    source = "return {'W1': np.arange(6.0).reshape(2, 3), 'b1': np.zeros((2, 1))}"
    for outcome in sandbox.run(function(source, arena.facts(1)), CALLS):
        assert outcome.ended == "returned"
        assert np.array_equal(outcome.numpy("W1"), np.arange(6.0).reshape(2, 3))


def won(outcomes: Sequence[Any]) -> bool:
    return any(outcome.arrays["won"].numpy() > 0 for outcome in outcomes if "won" in outcome.arrays)


def wins(kind: str) -> list[attacks.Attack]:
    return [attack for attack in here() if attack.wins == kind]


@pytest.mark.parametrize("attack", wins("bare"), ids=lambda attack: attack.name)
def test_without_its_layers_the_child_lets_the_attack_through(attack, sandbox, arena):
    outcomes = sandbox.run(function(attack.body, arena.facts(1)), CALLS, layers=[])
    assert won(outcomes), outcomes


@pytest.mark.slow
@pytest.mark.parametrize("attack", wins("alone"), ids=lambda attack: attack.name)
def test_without_confinement_the_attack_works_and_is_noticed(attack):
    """A plain process may do it: read or change the arena, or reach it; and where it changes something, that shows."""
    with Arena() as own, Sandbox(LIMITS) as plain:
        plain.server = OnceServer(LIMITS, 0)
        outcomes = plain.run(function(attack.body, own.facts(1)), CALLS)
        noticed = own.changed()
    assert won(outcomes), outcomes
    assert bool(noticed) == attack.name.startswith(("a TCP", "a UDP", "an abstract", "a Unix", "a shell", "a link"))


@pytest.mark.parametrize("attack", wins("planted"), ids=lambda attack: attack.name)
def test_a_search_finds_what_lies_there(attack, sandbox, arena):
    """The searches of the gallery find nothing; with the secret planted in the child they do."""
    planted = {**arena.facts(1), "PLANTED": arena.secret}
    body = f"os.environ['PLANTED'] = PLANTED\n{attacks.dedented(attack.body)}"
    assert won(sandbox.run(function(body, planted), CALLS))


def test_the_gallery_holds_every_kind_of_attack():
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names) >= 48
    assert {attack.wins for attack in ATTACKS} == {"", "bare", "alone", "planted"}


# --- the same as a user without rights -----------------------------------------------------------------------------

NOBODY = 65_534


@pytest.fixture(scope="module")
def readable() -> Iterator[tuple[Path, Path]]:
    """A Python and a folder with the package that everybody may read; both are copies where they have to be."""
    folder = Path(tempfile.mkdtemp(prefix="readable-"))
    try:
        folder.chmod(0o755)
        copy_package(folder / "site")
        yield _python(folder), folder
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="not root: THE GALLERY RAN AS THIS USER ALONE, not as another one")
def test_no_attack_works_as_a_user_without_rights(readable):
    python, folder = readable
    scratch = folder / "tmp"
    scratch.mkdir()
    scratch.chmod(0o1777)
    done = as_nobody([python, "-B", folder / "site" / "attacks.py", "--json"], folder / "site", scratch)
    assert done.stdout.startswith("{"), done.stderr[-2000:]
    said = json.loads(done.stdout)
    records = [attacks.Record(**{**row, "wrong": tuple(row["wrong"])}) for row in said["records"]]
    assert not [record for record in records if record.wrong], table(records)
    assert [record.name for record in records] == [attack.name for attack in here()]
    assert said["uid"] == NOBODY
    assert said["package"].startswith(str(folder))
    assert {"rlimits", "no_new_privs", "seccomp"} <= set(said["layers"])
    assert "own uid" not in said["layers"]


def as_nobody(command: Sequence[object], site: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with another user's id, no groups and nothing of our environment."""
    return subprocess.run(
        [str(part) for part in command],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site), "TMPDIR": str(scratch)},
        cwd="/",
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def copy_package(site: Path) -> None:
    """Copy the installed package, as a wheel lays it out, what the gallery imports, and the gallery."""
    copy(Path(resources.__file__).parent, site / "grader")
    for found in (resources.reference(), resources.templates()):
        copy(found, site / "grader" / found.name)
    for path in _imported():
        copy(path, site / path.name)
    copy(Path(np.__file__).parent.with_name("numpy.libs"), site / "numpy.libs")
    copy(HERE / "attacks.py", site / "attacks.py")
    for path in (site, *site.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _imported() -> list[Path]:
    """Return the packages and modules from outside the standard library that the gallery needs."""
    code = "import attacks, babel.messages.mofile, babel.messages.pofile, sys; print(*[f'{name}={module.__file__}' for name, module in sys.modules.items() if '.' not in name and getattr(module, '__file__', None)], sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": f"{HERE}:{Path(resources.__file__).parents[1]}"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    found = {name: Path(path) for name, _, path in (line.partition("=") for line in said.stdout.splitlines())}
    ours = sys.stdlib_module_names | {"attacks", "grader"}
    return [path.parent if path.stem == "__init__" else path for name, path in found.items() if name not in ours]


def copy(source: Path, target: Path) -> None:
    skipped = shutil.ignore_patterns("tests", "test", "site-packages", "config-*", "idlelib", "ensurepip", "*.a")
    if source.is_dir():
        shutil.copytree(source, target, ignore=skipped, dirs_exist_ok=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _python(folder: Path) -> Path:
    """Return an interpreter that anybody can run: this one's own file, or a copy of it where that lies in a closed home."""
    own = Path(os.path.realpath(sys.executable))
    for python in (own, _copied(own, folder / "python")):
        if _runs(python, folder):
            return python
    reason = f"no copy of {own} runs as another user: THE GALLERY DID NOT RUN WITHOUT RIGHTS"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _copied(own: Path, folder: Path) -> Path:
    """Copy an interpreter with its library; a search path in it that names a closed folder is made to name the copy."""
    if folder.exists():
        return folder / "bin" / own.name
    for path in (Path(os.__file__).parent, Path(sysconfig.get_config_var("DESTSHARED"))):
        copy(path, folder / path.relative_to(sys.base_prefix))
    libraries = Path(sysconfig.get_config_var("LIBDIR") or "/nowhere")
    for path in libraries.glob("libpython*.so*"):
        copy(path, folder / "lib" / path.name)
    python = folder / "bin" / own.name
    copy(own, python)
    old, new = os.fsencode(libraries), b"$ORIGIN/../lib"
    python.write_bytes(python.read_bytes().replace(old + b"\0", new.ljust(len(old) + 1, b"\0")))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    return python


def _runs(python: Path, folder: Path) -> bool:
    try:
        return (
            as_nobody([python, "-c", "import numpy, grader.running.sandbox"], folder / "site", folder).returncode == 0
        )
    except OSError:
        return False


# --- cheats for points ---------------------------------------------------------------------------------------------

SECRET = b"a secret of the gallery's own store"
EXERCISE = exercises.load()
TASK = next(task for task in EXERCISE.tasks if task.short == "he")
PUBLISHED = list(dict.fromkeys(call.layers for call in EXERCISE.calls(TASK, SECRET) if call.public))
HEAD = "def initialize_parameters_he(layers_dims):\n"
SHAPES = """    shapes = {}
    for l in range(1, len(layers_dims)):
        shapes['W' + str(l)] = (layers_dims[l], layers_dims[l - 1])
        shapes['b' + str(l)] = (layers_dims[l], 1)
"""
ALL_ZERO = f"{SHAPES}    return {{name: np.zeros(shape) for name, shape in shapes.items()}}\n"
GARBAGE = f"{SHAPES}    return {{name: np.full(shape, 0.5) for name, shape in shapes.items()}}\n"
OTHER_SEED = HE.replace("seed(3)", "seed(4)").split("\n", 1)[1]
RIGHT = HE.split("\n", 1)[1]


@pytest.fixture(scope="module")
def pipeline() -> Iterator[RememberingPipeline]:
    with RememberingPipeline(EXERCISE, SECRET, limits=LIMITS) as made:
        yield made


def judged(pipeline: RememberingPipeline, he: str, before: str = IMPORTS) -> Result:
    return pipeline.judge(pipeline.collect(parse(solved(he=he, before=before), "cheat.ipynb")))


def points(pipeline: RememberingPipeline, he: str, before: str = IMPORTS) -> float:
    result = judged(pipeline, he, before)
    held = result.functions[TASK.name].status == "broken"  # a file in a folder that a notebook may have: a person looks
    assert result.provisional == held
    assert result.score - result.functions[TASK.name].points == 20  # the other two functions get what they earn
    return result.functions[TASK.name].points


def right_arrays(layers: Sequence[int]) -> dict[str, list[list[float]]]:
    space: dict[str, Any] = {"np": np}
    exec(HE, space)
    return {name: array.tolist() for name, array in space[TASK.name](list(layers)).items()}


def hard_coded(sizes: Sequence[Sequence[int]], elsewhere: str) -> str:
    """A function that knows right arrays by heart for some sizes and does something else for all others."""
    known = {tuple(layers): right_arrays(layers) for layers in sizes}
    lines = "".join(f"        {layers}: {arrays},\n" for layers, arrays in known.items())
    learned = f"    known = {{\n{lines}    }}.get(tuple(layers_dims))\n"
    found = "    if known:\n        return {name: np.array(value) for name, value in known.items()}\n"
    return HEAD + learned + found + elsewhere


def only_at(sizes: Sequence[Sequence[int]], elsewhere: str) -> str:
    """A function with the right formula that is used for some sizes only."""
    guarded = "".join(f"    {line}\n" for line in RIGHT.rstrip("\n").split("\n"))
    return f"{HEAD}    if tuple(layers_dims) in {[tuple(layers) for layers in sizes]}:\n{guarded}{elsewhere}"


NOTHING = {
    "raises": "    raise IndexError\n",
    "returns nothing": "    return {}\n",
    "returns None": "    return None\n",
    "returns arrays of another size": "    return {'W1': np.zeros((2, 2)), 'b1': np.zeros((2, 1))}\n",
    "ends the process": "    import os\n    os._exit(0)\n",
    "runs for ever": "    while True:\n        pass\n",
    "returns text": "    return {'W1': 'right', 'b1': 'right'}\n",
}
SOMETHING = {"zeros": ALL_ZERO, "garbage": GARBAGE, "another seed": OTHER_SEED}


@pytest.mark.parametrize("elsewhere", NOTHING)
@pytest.mark.parametrize("cheat", [hard_coded, only_at])
def test_what_is_right_at_the_published_sizes_alone_earns_nothing(cheat, elsewhere, pipeline):
    assert points(pipeline, cheat(PUBLISHED, NOTHING[elsewhere])) == 0


@pytest.mark.slow
@pytest.mark.parametrize("secret", range(12))
@pytest.mark.parametrize("elsewhere", ["zeros", "another seed, far too wide"])
def test_no_draw_of_secret_sizes_pays_for_the_published_ones(elsewhere, secret):
    body = {"zeros": ALL_ZERO, "another seed, far too wide": OTHER_SEED.replace("* np.sqrt", "* 100 * np.sqrt")}[
        elsewhere
    ]
    with RememberingPipeline(EXERCISE, bytes([secret]) * 32) as pipeline:
        assert points(pipeline, hard_coded(PUBLISHED, body)) <= points(pipeline, HEAD + body)


@pytest.mark.parametrize("elsewhere", SOMETHING)
@pytest.mark.parametrize("cheat", [hard_coded, only_at])
def test_being_right_at_the_published_sizes_adds_nothing(cheat, elsewhere, pipeline):
    body = SOMETHING[elsewhere]
    assert points(pipeline, cheat(PUBLISHED, body)) <= points(pipeline, HEAD + body) < 10


READS_THE_SIZES = f"""{HEAD}    import sys
    frame = sys._getframe()
    while 'job' not in frame.f_locals:
        frame = frame.f_back
    raise ValueError([call['layers'] for call in frame.f_locals['job']['calls']][8:])
"""


def test_a_first_hand_in_that_shows_the_drawn_sizes_is_of_no_use_for_the_second(pipeline):
    first = judged(pipeline, READS_THE_SIZES).functions[TASK.name]
    shown_sizes = [
        tuple(map(int, sizes.split(", "))) for sizes in re.findall(r"\[([\d, ]+)\]", first.checks[0].message)
    ]
    assert set(shown_sizes) >= set(drawn(pipeline, READS_THE_SIZES))
    assert first.points == 0
    assert points(pipeline, hard_coded([*PUBLISHED, *shown_sizes], "    return {}\n")) == 0


def drawn(pipeline: RememberingPipeline, he: str) -> list[tuple[int, ...]]:
    """The sizes that nobody shall know and this code meets."""
    evidence = pipeline.collect(parse(solved(he=he), "cheat.ipynb")).functions[TASK.name]
    calls = pipeline.gatherer.calls(evidence.function)
    return list(dict.fromkeys(call.layers for call in calls if not call.public))


def test_the_same_code_meets_the_same_sizes_and_other_code_or_another_store_others(pipeline):
    mine = drawn(pipeline, HE)
    assert mine == drawn(pipeline, HE)
    assert not set(mine) & set(drawn(pipeline, HE.replace("parameters", "p")))
    with RememberingPipeline(EXERCISE, b"the secret of another store", limits=LIMITS) as other:
        assert not set(mine) & set(drawn(other, HE))


@pytest.mark.parametrize(
    "there", ["len(layers_dims) == 7", "layers_dims[0] == 100", "list(layers_dims) == [4, 3, 5, 2, 1]"]
)
def test_being_wrong_at_a_single_size_costs_points(there, pipeline):
    """At a drawn one, the large one, one in the middle."""
    guarded = "".join(f"    {line}\n" for line in RIGHT.rstrip("\n").split("\n"))
    assert points(pipeline, f"{HEAD}    if not ({there}):\n{guarded}{ALL_ZERO}") < 10


PATCHED = f"""{IMPORTS}
np.allclose = np.isclose = np.array_equal = np.array_equiv = lambda *a, **k: True
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
np.linalg.norm = lambda *a, **k: 0.0
"""
WRONG = edit(HE, ("2 / ", "1 / "))


def test_patching_numpy_changes_no_verdict(pipeline):
    he = judged(pipeline, WRONG, PATCHED).functions[TASK.name]
    assert he.points == points(pipeline, WRONG) == 7
    assert he.diagnosis.causes == ("scale_xavier",)


def test_the_patches_do_reach_the_child(pipeline):
    said = edit(HE, ("    parameters = {}", "    raise ValueError(f'patched: {np.allclose(1, 2)}')"))
    he = judged(pipeline, said, PATCHED).functions[TASK.name]
    assert "patched: True" in he.checks[0].message


OBJECTS = """
class Always:
    def __eq__(self, other): return True
    __ne__ = __lt__ = __gt__ = lambda self, other: False
    __hash__ = lambda self: 1
    def __array__(self, *a, **k): return np.zeros((1, 1))
    def __reduce__(self): return print, ("owned",)
    def __sub__(self, other): return 0.0
    __rsub__ = __abs__ = __mul__ = __rmul__ = __sub__
class Array(np.ndarray):
    def __eq__(self, other): return np.ones(np.shape(self), bool)
    def __array_ufunc__(self, ufunc, method, *a, **k): return 0.0
    def __array_function__(self, *a, **k): return True
    def __array__(self, *a, **k): return np.zeros((1, 1))
class ndarray(Array):
    pass
class Right(dict):
    def __getitem__(self, name): return Always()
    def __contains__(self, name): return True
    def __eq__(self, other): return True
    def items(self): return [("W1", Always())]
    __hash__ = None
    get = __missing__ = __getitem__
"""
CHEATS = {  # function body: the most that it may earn, what an honest function that returns the same earns
    "objects that equal everything": (f"{SHAPES}    return {{name: Always() for name in shapes}}\n", 0),
    "arrays that equal everything": (
        f"{SHAPES}    return {{name: np.zeros(shape).view(Array) for name, shape in shapes.items()}}\n",
        3,
    ),
    "arrays that equal everything and are called ndarray": (
        f"{SHAPES}    return {{name: np.zeros(shape).view(ndarray) for name, shape in shapes.items()}}\n",
        3,
    ),
    "a dictionary that has everything": ("    return Right()\n", 0),
    "a frame of garbage, and gone": (
        "    import os, struct\n    os.write(4, struct.pack('<I', 200) + os.urandom(200))\n    os._exit(0)\n",
        0,
    ),
    "a frame that says passed": (
        """    import os, struct
    text = lambda data: struct.pack('<H', len(data)) + data
    entry = text(b'passed') + text(b'ndarray') + text(b'float64') + b'\\0' + struct.pack('<d', 10)
    frame = struct.pack('<BHH', 0, 0, 1) + entry
    os.write(4, (struct.pack('<I', len(frame)) + frame) * 40)
    os._exit(0)
""",
        0,
    ),
    "right-looking garbage for every call at once": (
        f"""    import os, struct, sys
    text = lambda data: struct.pack('<H', len(data)) + data
    def entry(name, shape):
        head = text(name.encode()) + text(b'ndarray') + text(b'float64') + struct.pack('<BQQ', 2, *shape)
        return head + np.full(shape, 0.5 if name[0] == 'W' else 0.0).tobytes()
    frame = sys._getframe()
    while 'job' not in frame.f_locals:
        frame = frame.f_back
    for index, call in enumerate(frame.f_locals['job']['calls']):
        layers_dims = call['layers']
{re.sub("^", "    ", SHAPES, flags=re.MULTILINE)}
        data = struct.pack('<BHH', 0, index, len(shapes)) + b''.join(entry(*item) for item in shapes.items())
        os.write(4, struct.pack('<I', len(data)) + data)
    os._exit(0)
""",
        3,
    ),
    "zeros now and a handler at the end": (
        f"""    import atexit, os, threading
    atexit.register(os.write, 4, b'\\0' * 1000)
    threading._register_atexit(os.write, 4, b'\\0' * 1000)
{ALL_ZERO}""",
        3,
    ),
    "whatever looks like an answer": (
        f"""    import gc, sys
{SHAPES}
    found = {{}}
    def take(name, value):
        if isinstance(value, np.ndarray) and value.shape == shapes.get(name):
            found[str(name)] = value
    frame = sys._getframe()
    holders = [vars(module) for module in list(sys.modules.values()) if module is not None]
    while frame:
        holders += [frame.f_locals, frame.f_globals]
        frame = frame.f_back
    for holder in holders + [thing for thing in gc.get_objects() if type(thing) is dict]:
        for name, value in list(holder.items()):
            if isinstance(value, dict):
                for inner, array in list(value.items()):
                    take(inner, array)
            take(name, value)
    return found
""",
        0,
    ),
    "the solution from the installation": (
        f"""    import json
    for place in {[str(EXERCISE.folder), "/usr/lib/python3/dist-packages/grader/reference"]}:
        text = open(place + '/solution.ipynb').read()
        space = {{'np': np}}
        exec(json.loads(text)['cells'][-1]['source'], space)
        return space['initialize_parameters_he'](layers_dims)
""",
        0,
    ),
    "the grader's own code": ("    import grader\n    return grader.running.solution(layers_dims)\n", 0),
    "the names that the worker uses": (
        "    import answer, kernel, __main__\n    return {**vars(__main__), **vars(answer), **vars(kernel)}\n",
        0,
    ),
    "an exception in our own words": ("    raise MemoryError('not judged: we could not run the function')\n", 0),
    "our own fault, said by the student": (
        "    import os\n    os.write(4, b'\\x0d\\0\\0\\0\\x02\\0\\0\\x08\\0we failed')\n    os._exit(70)\n",
        0,
    ),
    "more memory than there is": ("    return {'W1': np.ones((10**5, 10**5))}\n", 0),
    "a flood": ("    import os\n    while True: os.write(4, b'x' * 10**6)\n", 0),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_earns_no_more_than_what_it_returns(cheat, pipeline):
    body, most = CHEATS[cheat]
    assert points(pipeline, HEAD + body, IMPORTS + OBJECTS) <= most


def test_the_next_submission_is_judged_as_if_there_had_been_no_cheat(pipeline):
    for body, _ in CHEATS.values():
        judged(pipeline, HEAD + body, IMPORTS + OBJECTS)
    assert judged(pipeline, HE + "# and once more\n").score == 30


# --- what a notebook carries ---------------------------------------------------------------------------------------

RUNS = "window.pwned=1"
STYLE = "http://127.0.0.1:9/x.css"
MARKUP = (
    f"</pre></code></style></title><script>{RUNS}</script><img src=x onerror={RUNS}><svg/onload={RUNS}>"
    f"<a href=javascript:{RUNS}>click</a>'\"><iframe srcdoc='<script>{RUNS}</script>'></iframe>{{{{7*7}}}}{{% raw %}}"
    f"<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'><link rel=stylesheet href={STYLE}>"
)
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\u202e\u2066\u0000\ufeff"
START = "    parameters = {}"
TYPES = "Evil = type('<img src=x onerror=window.pwned=1>', (list,), {})"


def outputs() -> bytes:
    """A notebook whose outputs, metadata and markdown carry what its code does not."""
    document = json.loads(solved())
    html = {"text/html": [MARKUP], "application/javascript": [RUNS], "image/svg+xml": [MARKUP], "text/plain": [ESCAPES]}
    document["cells"][0]["outputs"] = [
        {"output_type": "display_data", "data": html, "metadata": {}},
        {"output_type": "stream", "name": "stdout", "text": [ESCAPES, MARKUP]},
        {"output_type": "error", "ename": MARKUP, "evalue": MARKUP, "traceback": [ESCAPES]},
    ]
    document["metadata"] = {
        "title": MARKUP,
        "kernelspec": {"name": MARKUP, "display_name": ESCAPES},
        "authors": [MARKUP],
    }
    document["cells"] += [
        *cells(MARKUP, ESCAPES, "[x](javascript:window.pwned=1) ![y](http://127.0.0.1:9/y.png)", kind="markdown"),
        *cells(f"%%html\n{MARKUP}", f"%%javascript\n{RUNS}", "!touch owned", "def f(:\n  " + MARKUP),
        {"cell_type": MARKUP, "id": MARKUP, "metadata": {}, "source": MARKUP},
    ]
    return json.dumps(document).encode()


BY_CONTENT = {
    "markdown and outputs.ipynb": outputs(),
    "comment.ipynb": solved(he=edit(WRONG, (START, f"    # {MARKUP}\n    '''{MARKUP}{{# #}}'''\n{START}"))),
    "escapes in code.ipynb": solved(he=edit(WRONG, (START, f"    # {ESCAPES}\n{START}"))),
    "exception.ipynb": solved(he=edit(HE, (START, f"    raise ValueError({MARKUP + ESCAPES!r})"))),
    "exception type.ipynb": solved(he=edit(HE, (START, f"    raise type({MARKUP!r}, (Exception,), {{}})"))),
    "keys.ipynb": solved(
        he=edit(HE, (START, f"    parameters = {{{MARKUP[:70]!r}: 1.0, {ESCAPES!r}: 2.0, '=1+1': 3.0}}"))
    ),
    "keys that are no text.ipynb": solved(he=edit(HE, (START, f"    parameters = {{({MARKUP!r},): 1.0}}"))),
    "types.ipynb": solved(before=f"{IMPORTS}\n{TYPES}", he=edit(HE, ("np.zeros((layers_dims[l], 1))", "Evil([0.0])"))),
    "missing name.ipynb": solved(he=edit(HE, (START, f"    {'x' * 5000}\n{START}"))),
    "near miss.ipynb": solved(he=HE.replace("_he(", "_HE(")),
    "long line.ipynb": solved(he=edit(WRONG, (START, f"    x = '{'<b>' * 30_000}'\n{START}"))),
    "names of 64 KB.ipynb": solved(
        he=f"{HEAD}    import os, struct\n    text = lambda data: struct.pack('<H', len(data)) + data\n"
        f"    entry = text({(MARKUP + ESCAPES).encode()!r} * 80) + text(b'<b>' * 20_000) + text(b'float' * 9_000) + b'\\0' * 9\n"
        "    frame = struct.pack('<BHH', 0, 0, 1) + entry\n"
        "    os.write(4, (struct.pack('<I', len(frame)) + frame) * 12)\n    os._exit(0)\n"
    ),
}
VICTIM = "Zoë.ipynb"
TWIN = f"Zoe-{hashlib.sha256(VICTIM.encode()).hexdigest()[:10]}.ipynb"
BY_NAME = (
    f"<img src=x onerror={RUNS}>.ipynb", f"'\"><svg onload={RUNS}>.ipynb", f"javascript:{RUNS}.ipynb", "{{7*7}}{% raw %}.ipynb",
    "=cmd|' ! A0.ipynb", "+1+1.ipynb", "-1.ipynb", "@SUM(1).ipynb", "\t=1.ipynb", "\r=1.ipynb", " =1.ipynb", "%0d=1.ipynb",
    "a\nb.ipynb", "a\r\n=1,2.ipynb", 'a",=1,".ipynb', "\x1b[2J\x1b]0;owned\x07.ipynb", "\u202exfdp.ipynb", "a\u2066b.ipynb",
    "CON.ipynb", "con.py", "NUL.ipynb", "aux.h.ipynb", "index.ipynb", "index.html.ipynb", "grades.csv.ipynb", "grades.sqlite.ipynb",
    "grades.sqlite-wal.ipynb", "Ada.ipynb", "ada.ipynb", "ADA.ipynb", "ada.py", "caf\u00e9.ipynb", "cafe\u0301.ipynb", "cafe.ipynb",
    VICTIM, TWIN, "-.ipynb", "~.ipynb", "$(touch owned).ipynb", "`touch owned`.ipynb", "a;b&c|d.ipynb", "*.ipynb",
    "a\\..\\..\\x.ipynb", "a%2f..%2fx.ipynb", "x" * 240 + ".ipynb", "x" * 239 + "y.ipynb", "\ufeff.ipynb", "--out.ipynb",
    "a\u2215..\u2215b.ipynb", "\uff1d1.ipynb", "\u00a0=1.ipynb", "\udcff\udcfe.ipynb", "nul\u2400.ipynb",
)  # fmt: skip
HIDDEN = ("....ipynb", "..\\..\\x.ipynb", "..%2f..%2fx.ipynb", ".\u202e.ipynb")  # a dot in front: passed over
BY_MEMBER = ("../../slip.ipynb", "/slip.ipynb", "a\\..\\..\\slip.ipynb", "C:\\slip.ipynb", "a/../../slip.ipynb", "./slip.ipynb",
             f"</script><script>{RUNS}</script>.ipynb", "a//slip.ipynb", "slip.ipynb/slip.ipynb", "=1/slip.ipynb")  # fmt: skip
BOMB_BYTES = 1 << 30


def class_zip(path: Path) -> None:
    """An archive with a bomb, members that want to be written elsewhere, a link, twins, and a damaged member."""
    bomb_zip(path)
    with zipfile.ZipFile(path, "a") as archive:
        for name in BY_MEMBER:
            archive.writestr(name, solved())
        link = zipfile.ZipInfo("link.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("one.ipynb", solved(he=WRONG))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("one.ipynb", solved())
        archive.writestr("notes.txt\x1b[2J", "x")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("damaged.ipynb", os.urandom(5000))
        at = archive.getinfo("damaged.ipynb").header_offset + 200
    data = bytearray(path.read_bytes())
    data[at : at + 100] = bytes(100)
    path.write_bytes(data)


def bomb_zip(path: Path, name: str = "bomb.ipynb") -> None:
    """An archive of one member, 1 GiB of blanks in about a megabyte, made without ever having them."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = squeeze.compress(b" " * (1 << 20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(b" " * (1 << 20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    body = first + block * (BOMB_BYTES // (1 << 20) - 1) + squeeze.flush(zlib.Z_FINISH)
    sizes = (20, 0, 8, 0, 33, 0, len(body), BOMB_BYTES, len(name), 0)
    local = b"PK\3\4" + struct.pack("<HHHHHIIIHH", *sizes) + name.encode()
    central = (
        b"PK\1\2" + struct.pack("<H", 20) + struct.pack("<HHHHHIIIHH", *sizes) + bytes(6) + bytes(8) + name.encode()
    )
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(body), 0)
    path.write_bytes(local + body + central + end)


class Hostile:
    """Two classes of hostile hand-ins, a folder and an archive, graded by the command in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "work"
        self.outs = {"files": self.work / "out-files", "archive": self.work / "out-archive"}
        self._make_files(self.work / "files")
        class_zip(self.work / "class.zip")
        (folder / "temporary").mkdir()
        (folder / "home" / "grader").mkdir(parents=True)
        (folder / "home" / "grader" / "manifest.key").write_bytes(bytes(range(32)))
        (folder / "home" / "grader" / "manifest.key").chmod(0o600)
        self.before = self.tree()
        sources = {"files": self.work / "files", "archive": self.work / "class.zip"}
        running = [self._start(sources[kind], out, folder / f"{kind}.txt") for kind, out in self.outs.items()]
        self.codes, self.most_mib, self.cpu_seconds = zip(*map(self._wait, running), strict=True)
        said = [(folder / f"{kind}.txt").read_bytes() for kind in self.outs]
        self.said = b"".join(said).decode("utf-8", "surrogateescape")
        self.after = self.tree()

    def _make_files(self, source: Path) -> None:
        for name, data in {**BY_CONTENT, **dict.fromkeys(HIDDEN, solved())}.items():
            write(source, name, data)
        script = f"{IMPORTS}\n{ZEROS}\n{RANDOM}\n{HE}".encode()
        for name in BY_NAME:
            write(source, name, script if name.endswith(".py") else solved())
        (source / "link.ipynb").symlink_to("/etc/passwd")
        (source / "folder").symlink_to("/etc")
        (source / "loop").symlink_to(source)
        os.mkfifo(source / "pipe.ipynb")

    def _start(self, source: Path, out: Path, said: Path) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(HERE.parents[1]),
            "TMPDIR": str(self.folder / "temporary"),
            "XDG_DATA_HOME": str(self.folder / "home"),
            "LC_ALL": "C.UTF-8",
        }
        command = [sys.executable, "-B", "-m", "grader", "batch", source, "--out", out, "--jobs", "2", "--verbose"]
        with said.open("wb") as file:
            return subprocess.Popen(command, env=environment, cwd=self.work, stdout=file, stderr=file)

    @staticmethod
    def _wait(process: subprocess.Popen[bytes]) -> tuple[int, float, float]:
        """Return the exit code, the most memory in MiB and the processor time, those of its own children included."""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime

    def tree(self) -> set[str]:
        """Return everything that lies around, but not what is in the folders for results."""
        around = [*self.folder.rglob("*"), *self.folder.parent.glob("*"), Path("/slip.ipynb"), Path("/slip")]
        own = {*self.outs.values(), *(self.folder / f"{kind}.txt" for kind in self.outs)}
        found = [path for path in around if path.is_symlink() or path.exists()]
        return {str(path) for path in found if not own & {path, *path.parents}}

    def results(self, kind: str) -> dict[str, dict[str, Any]]:
        found = [json.loads(path.read_text(encoding="utf-8")) for path in self.outs[kind].glob("*/result.json")]
        return {one["submission"]["name"]: one for one in found}

    def pages(self) -> list[Path]:
        return [page for out in self.outs.values() for page in [out / "index.html", *sorted(out.glob("*/*.html"))]]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Hostile:
    return Hostile(tmp_path_factory.mktemp("hostile"))


def shown(name: str) -> str:
    """A file name as results have it."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def test_every_hostile_submission_has_a_result_of_its_own(hostile):
    assert hostile.codes == (0, 0), hostile.said[-3000:]
    expected = {
        "files": {shown(name) for name in (*BY_NAME, *BY_CONTENT)},
        "archive": {*BY_MEMBER, "one.ipynb", "damaged.ipynb", "bomb.ipynb"},
    }
    for kind, names in expected.items():
        assert set(hostile.results(kind)) == names
        assert len(list(hostile.outs[kind].glob("*/feedback.html"))) == len(names)


def test_a_hostile_name_changes_no_score(hostile):
    files, archive = hostile.results("files"), hostile.results("archive")
    scores = {**{name: files[shown(name)]["score"] for name in BY_NAME}, **{n: archive[n]["score"] for n in BY_MEMBER}}
    assert {name: score for name, score in scores.items() if score != 30} == {}
    assert not [name for name, one in {**files, **archive}.items() if one["provisional"]]


def test_folders_are_plain_and_belong_to_one_submission_each(hostile):
    for kind, out in hostile.outs.items():
        folders = [path.name for path in out.iterdir() if path.is_dir()]
        assert len({folder.casefold() for folder in folders}) == len(folders) == len(hostile.results(kind))
        assert [folder for folder in folders if not re.fullmatch(r"\w[\w.-]{0,120}", folder, re.ASCII)] == []


def test_nothing_is_written_outside_the_folder_for_results(hostile):
    assert hostile.after == hostile.before
    for out in hostile.outs.values():
        assert not [path for path in out.rglob("*") if path.is_symlink()]
        assert {path.name for path in out.glob("*/*")} == {"feedback.html", "result.json"}
        files = {path.name for path in out.iterdir() if path.is_file()}
        assert files - {"grades.sqlite-wal", "grades.sqlite-shm", ".grader.lock"} == {
            "index.html",
            "grades.csv",
            "grades.jsonl",
            "grades.sqlite",
            "lab.html",
        }


def test_links_pipes_and_loops_are_left_alone(hostile):
    text = "".join(page.read_text(encoding="utf-8") for page in hostile.pages())
    assert "root:" not in text
    assert [name for name in ("link.ipynb", "folder", "loop") if f"<dt>{name}</dt>" not in text] == []


def test_a_zip_bomb_is_refused_with_its_size_and_costs_little(hostile):
    one = hostile.results("archive")["bomb.ipynb"]
    assert (one["notebook"]["status"], one["score"]) == ("unreadable", 0)
    assert "1024 MB" in one["notebook"]["problems"][0]["message"].replace(",", "")
    own_mib = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    )  # Linux counts it for what this process starts, too
    assert max(hostile.most_mib) < max(500, own_mib + 50)
    assert list((hostile.folder / "temporary").iterdir()) == []
    in_files, in_archive = hostile.cpu_seconds
    assert in_archive < 2 * in_files, "the bomb costs more than the hostile files of the other class together"


def test_nothing_said_on_the_terminal_is_a_command_to_it(hostile):
    visible = {char for char in hostile.said if not char.isprintable() and char != "\n"}
    assert visible == set(), [line for line in hostile.said.splitlines() if not line.isprintable()]
    assert "ignored" in hostile.said


@pytest.mark.parametrize("kind", ["files", "archive"])
def test_no_cell_of_the_table_is_a_formula_or_a_row_of_its_own(hostile, kind):
    text = (hostile.outs[kind] / "grades.csv").read_bytes().decode("utf-8")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == 1 + len(hostile.results(kind))
    # what begins so is run by a spreadsheet, blanks in front or not; Excel and Numbers take the wide forms as well
    starts = {cell: unicodedata.normalize("NFKC", cell).strip()[:1] for row in rows for cell in row}
    assert [cell for cell, start in starts.items() if start and start in "=+-@|%"] == []
    assert [cell for cell in starts if cell[:1] in ("\t", "\r", "\n")] == []


def test_what_a_student_sends_does_not_swell_what_is_written(hostile):
    files = {path: path.stat().st_size for out in hostile.outs.values() for path in out.glob("*/*")}
    assert {path.parent.name: size for path, size in files.items() if size > 300_000} == {}


@pytest.mark.browser
def test_no_page_runs_a_script_asks_for_anything_or_leads_away(hostile, chromium: Browser):
    page = chromium.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for event in ("console", "pageerror", "dialog", "popup", "download"):
        page.on(event, lambda what, event=event: said.append(f"{event} {what}"))
    wrong = {}
    for path in hostile.pages():
        page.goto(path.as_uri())
        seen = page.evaluate(LOOK)
        own = OF_THE_CLASS_PAGE if path.name == "index.html" else {}
        trouble = [
            *said,
            *(f"{name} is {value}" for name, value in seen["wrong"].items() if value and value != own.get(name)),
        ]
        trouble += [f"asked for {address}" for address in asked if address != path.as_uri()]
        places = {(path.parent / there).resolve() for link in seen["links"] if (there := local(link))}
        trouble += [f"leads to {place}" for place in places if not place.is_file() or hostile.work not in place.parents]
        if trouble or not asked:
            wrong[f"{path.parent.name}/{path.name}"] = trouble
        asked.clear()
        said.clear()
    page.close()
    assert wrong == {}


OF_THE_CLASS_PAGE = {"scripts": 1, "parts": 1}  # its own script, named by its hash in the page's policy, and its filter
LOOK = """() => ({
    wrong: {
        flag: window.pwned, scripts: document.scripts.length, title: !document.title,
        parts: document.querySelectorAll('iframe, object, embed, form, img, base, audio, video, template').length,
        metas: document.querySelectorAll('meta[http-equiv]').length - 1,
        sheets: document.querySelectorAll('link:not([rel=icon]), style').length - 1,
        handlers: [...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on/i.test(a.name)).length,
        reckoned: document.body.innerText.includes('49{'),
    },
    links: [...document.querySelectorAll('[href], [src], [action]')].map(e => e.getAttribute('href') || e.getAttribute('src')
        || e.getAttribute('action')).filter(link => link !== 'data:,'),
})"""


def local(link: str) -> str:
    """Return the path that a link of a page leads to; one that leads elsewhere is an error."""
    parts = urlsplit(link)
    assert not parts.scheme, link
    assert not parts.netloc, link
    return unquote(parts.path)


@pytest.mark.browser
def test_what_would_run_does_run_in_this_browser(chromium: Browser, tmp_path):
    """The flag, the requests and the scripts are seen where nothing stops them: the test above can fail."""
    path = write(
        tmp_path,
        "page.html",
        f"<style><title>x{MARKUP.partition('<meta')[0]}<link href={STYLE} rel=stylesheet>".encode(),
    )
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route("http://**", lambda route: route.abort())
    page.goto(path.as_uri())
    seen = page.evaluate(LOOK)
    page.close()
    assert seen["wrong"]["flag"] == 1
    assert seen["wrong"]["scripts"] > 0
    assert len(asked) > 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "{evil}.ipynb"],
        ["check", "{right}", "--html", "{evil}/page.html"],
        ["batch", "{evil}.ipynb", "--out", "{out}"],
        ["batch", "{zip}", "--out", "{out}"],
        ["batch", "{empty}", "--out", "{out}"],
        ["regrade", "{evil}"],
    ],
)
def test_no_error_of_the_command_is_a_command_to_the_terminal(arguments, tmp_path, capsys):
    """`grader batch downloads/*` hands over names that students chose."""
    evil = tmp_path / "\x1b[2J\x1b]0;owned\x07\u202e"
    places = {
        "evil": evil,
        "out": tmp_path / "out",
        "right": write(tmp_path, "right.ipynb", solved()),
        "zip": write(tmp_path, f"{evil.name}.zip", b"PK\5\6" + b"\xff" * 10 + bytes(40)),
        "empty": write(tmp_path / f"{evil.name}.d", "notes.txt", b"").parent,
    }
    assert main([argument.format(**places) for argument in arguments]) == 2
    said = "".join(capsys.readouterr())
    assert {char for char in said if not char.isprintable()} <= {"\n"}


def test_a_terminal_is_told_nothing_by_a_student(tmp_path):
    """On a real terminal, where the grader itself uses colours: colours are all that there is."""
    write(tmp_path, "evil.ipynb", BY_CONTENT["exception.ipynb"])
    master, slave = os.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path),
                   "PYTHONPATH": str(HERE.parents[1]), "LC_ALL": "C.UTF-8"}  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "grader", "check", "evil.ipynb"], cwd=tmp_path, env=environment,
                               stdin=slave, stdout=slave, stderr=slave, start_new_session=True)  # fmt: skip
    os.close(slave)
    said = b"".join(_read(master)).decode()
    assert process.wait(60) == 1
    assert "ValueError" in said
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert plain != said
    assert {char for char in plain if not char.isprintable()} <= set("\r\n")


def _read(fd: int) -> Iterator[bytes]:
    try:
        while data := os.read(fd, 1 << 16):
            yield data
    except OSError:  # the other end is closed
        os.close(fd)


# --- names and archives --------------------------------------------------------------------------------------------


def folders_of(*names: str) -> list[str]:
    made = sorted((submissions.Submission(name, Path()) for name in names), key=lambda one: one.name)
    return [one.folder for one in submissions.with_folders(made, {})]


@pytest.mark.parametrize(
    "names",
    [
        ("a.ipynb", "A.ipynb", "a.py"),
        (VICTIM, TWIN),
        ("a b.ipynb", "a_b.ipynb", "a~b.ipynb", "a/b.ipynb", "a__b.ipynb"),
        ("caf\u00e9.ipynb", "cafe\u0301.ipynb", "cafe.ipynb"),
        ("x" * 200 + "1.ipynb", "x" * 200 + "2.ipynb", "x" * 80 + ".ipynb"),
        ("\u202e.ipynb", "\u2066.ipynb", "....ipynb", "submission.ipynb"),
    ],
)
def test_two_names_never_share_a_folder(names):
    folders = [folder.casefold() for folder in folders_of(*names)]
    assert len(set(folders)) == len(names)


@pytest.mark.parametrize("victim", [VICTIM, "a b.ipynb", "a~b.ipynb", "Ünï.ipynb", "é.ipynb", "~.ipynb", "index.ipynb"])
def test_nobody_can_take_the_folder_of_another_student(victim):
    """The mark in a folder's name follows from the file's name: a classmate can reckon it, at any length, and hand that in."""
    mark = hashlib.sha256(victim.encode()).hexdigest()
    (folder,) = folders_of(victim)
    stem = folder.removesuffix(f"-{mark[:10]}")
    wanted = [folder, folder.upper(), stem, *(f"{stem}-{mark[:length]}" for length in range(1, 65))]
    twins = dict.fromkeys(f"{name}{suffix}" for name in wanted for suffix in (".ipynb", ".py"))
    names = [victim, *(name for name in twins if name != victim)]
    folders = folders_of(*names)
    assert len({folder.casefold() for folder in folders}) == len(names)


def damaged_zips() -> Iterator[tuple[str, bytes]]:
    """Archives of every method with a byte changed here and there."""
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", method) as archive:
            archive.writestr("a.ipynb", solved())
            archive.writestr("é.ipynb", solved())
        data = made.getvalue()
        rng = np.random.default_rng(method)
        for case in range(30):
            changed = bytearray(data)
            for at in rng.integers(0, len(data), 3):
                changed[at] = rng.integers(0, 256)
            yield f"{method}/{case}", bytes(changed)
        for at in range(len(data) - 250, len(data), 3):  # the tables at the end
            yield f"{method}/end/{at}", data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def test_no_damage_to_an_archive_is_more_than_a_clear_error(tmp_path):
    escaped: dict[str, str] = {}
    for name, data in damaged_zips():
        path = write(tmp_path, "class.zip", data)
        try:
            for one in submissions.find([path]).submissions if zipfile.is_zipfile(path) else ():
                with submissions.opened(one):
                    pass
        except RequestError:
            pass
        except Exception as error:
            escaped.setdefault(f"{type(error).__name__}: {error}", name)
    assert escaped == {}


def test_a_name_in_an_archive_is_data(tmp_path):
    path = tmp_path / "class.zip"
    class_zip(path)
    found = submissions.find([path])
    assert "link.ipynb" in found.ignored
    for one in submissions.with_folders(found.submissions, {}):
        assert PurePosixPath(one.folder).name == one.folder
        with contextlib.suppress(RequestError), submissions.opened(one) as unpacked:
            assert unpacked.parent.parent == Path(tempfile.gettempdir())
            assert unpacked.name in ("member.ipynb", "member.py")
