"""Checks in a live session: a real kernel, and plain Python; the verdict is that of the saved file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from notebooks import HE, IMPORTS, RANDOM, ZEROS, edit, solved

import grader
from grader import api as service
from grader import messages, reading, session
from grader.rendering.cell import result_html

SAMPLES = Path(__file__).parents[2] / "submissions"
TELL = """
import json as _json
_result = grader.check()
print("RESULT", _json.dumps([_result.score, _result.possible, _result.provisional, _result.notebook.status,
    [problem.code for problem in _result.notebook.problems],
    {name: [one.status, one.points, list(one.diagnosis.causes)] for name, one in _result.functions.items()}]))
"""


def in_kernel(folder: Path, *sources: str) -> list[nbformat.NotebookNode]:
    """Run cells in a real kernel; return them with their outputs."""
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, timeout=300, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook.cells


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def data(cell: nbformat.NotebookNode) -> dict[str, str]:
    (output,) = [output for output in cell.outputs if output.output_type == "execute_result"]
    return output.data


def told(cell: nbformat.NotebookNode) -> list[object]:
    lines = [line for line in printed(cell).splitlines() if line.startswith("RESULT ")]
    assert lines, cell.outputs
    return json.loads(lines[0].removeprefix("RESULT "))


def facts(result) -> list[object]:
    functions = {name: [one.status, one.points, list(one.diagnosis.causes)] for name, one in result.functions.items()}
    return [result.score, result.possible, result.provisional, result.notebook.status, functions]


EVERY_SAMPLE = """
import json, signal
import grader
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
signal.signal(signal.SIGALRM, signal.default_int_handler)
for name, cells in {samples!r}:
    shell.reset(new_session=False)
    shell.history_manager.input_hist_raw[:] = [""]
    for cell in cells:
        signal.setitimer(signal.ITIMER_REAL, 2)  # as a student interrupts a cell that hangs
        shell.run_cell(cell, store_history=True, silent=False)
        signal.setitimer(signal.ITIMER_REAL, 0)
    result = grader.check()
    functions = {{
        name: [function.status, function.points, list(function.diagnosis.causes)]
        for name, function in result.functions.items()
    }}
    print("\\nRESULT", json.dumps([name, result.score, result.possible, result.provisional, functions]), flush=True)
"""


@pytest.mark.slow
def test_every_sample_has_in_a_session_the_verdict_of_its_file(tmp_path):
    paths = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".ipynb", ".py"))
    limits = service.load_exercise().limits
    samples = [
        (path.name, [cell.source for cell in reading.read(path, limits).cells if cell.kind == "code"]) for path in paths
    ]
    (tmp_path / "samples.py").write_text(EVERY_SAMPLE.format(samples=samples))
    ran = python(tmp_path, "samples.py", seconds=900)
    lines = [line.removeprefix("RESULT ") for line in ran.stdout.splitlines() if line.startswith("RESULT ")]
    live = {name: facts for name, *facts in map(json.loads, lines)}
    assert len(live) == len(paths) > 30, ran.stderr[-2000:]
    for path in paths:
        score, possible, provisional, _, functions = facts(grader.grade(path))
        assert live[path.name] == [score, possible, provisional, functions], path.name


def test_the_verdict_in_the_cell_is_that_of_the_saved_file(tmp_path):
    path = SAMPLES / "scale_one_hundredth.ipynb"
    cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    score, possible, provisional, status, _, functions = told(in_kernel(tmp_path, *cells, "import grader", TELL)[-1])
    assert [score, possible, provisional, status, functions] == facts(grader.grade(path))


@pytest.mark.slow
def test_a_session_that_differs_from_its_cells_says_so(tmp_path):
    cells = in_kernel(
        tmp_path,
        "%load_ext grader\n%grade",
        IMPORTS,
        ZEROS,
        edit(RANDOM, ("* 10", "* 0.01")),
        HE,
        "%grade initialize_parameters_random",
        "%grade he",
        "import grader\ngrader.lab()",
        "%grade nothing",
        "globals()['k'] = 10",
        edit(RANDOM, ("* 10", "* k")),
        TELL,
        "initialize_parameters_zeros = initialize_parameters_he",
        "del initialize_parameters_random",
        TELL,
    )
    shown = data(cells[5])
    assert shown["text/plain"].startswith("<Result 7 / 10>")
    assert "<script" not in shown["text/html"]
    assert "data:image/svg+xml" in shown["text/html"]
    assert data(cells[6])["text/plain"].startswith("<Result 10 / 10>")
    assert "#mine" not in data(cells[7])["text/html"]  # the last check was right
    (error,) = cells[8].outputs
    assert "initialize_parameters_he" in "".join(error.traceback)
    assert "File" not in "".join(error.traceback)
    assert "session_lost" in told(cells[11])[4]
    assert {"session_other", "session_not_live"} <= set(told(cells[14])[4])


@pytest.mark.slow
def test_a_saved_file_that_is_older_is_named(tmp_path, monkeypatch):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(solved(he=edit(HE, ("2 /", "1 /"))))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    [*_, old, _, saved] = in_kernel(
        tmp_path,
        IMPORTS,
        ZEROS,
        RANDOM,
        HE,
        "import grader",
        TELL,
        f"open({str(path)!r}, 'wb').write({solved()!r})",
        TELL,
    )
    assert "session_unsaved" in told(old)[4]
    assert "session_unsaved" not in told(saved)[4]


def python(folder: Path, *arguments: str, text: str = "", seconds: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=seconds)


IN_IPYTHON = """
import sys, logging
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for number, (cell, source) in enumerate({cells!r}):
    shell.run_cell(source, store_history=True, cell_id=cell)
"""


def test_a_cell_that_was_changed_and_run_again_counts_with_its_last_text(tmp_path):
    cells = [
        ("a", "%load_ext grader"),
        ("b", f"import numpy as xp\n{IMPORTS}"),
        ("c", HE.replace("np.", "xp.")),
        ("d", "import grader\nr = grader.check('he')\nprint(r.score, [one.code for one in r.notebook.problems])"),
        ("b", IMPORTS),
        ("d", "r = grader.check('he')\nprint(r.score, [one.code for one in r.notebook.problems])"),
        ("c", "def initialize_parameters_he(layers_dims):\n    return {\n"),
        ("d", "r = grader.check('he')\nprint(r.score, [one.code for one in r.notebook.problems])"),
    ]
    ran = python(tmp_path, "-c", IN_IPYTHON.format(cells=cells))
    lines = [line for line in ran.stdout.splitlines() if "session_scope" in line]
    assert [line.split()[0] for line in lines] == ["10.0", "0.0", "0.0"], ran.stdout + ran.stderr
    assert "session_lost" not in lines[0]
    assert "session_lost" in lines[1]
    assert "session_only_live" in lines[2]


def test_plain_python_grades_the_file_that_defines_the_functions(tmp_path):
    (tmp_path / "mine.py").write_text(f"{IMPORTS}\n{ZEROS}\n{RANDOM}\n{HE}")
    ran = python(
        tmp_path,
        "-c",
        "import sys; sys.path.insert(0, '.'); import mine, grader; print(repr(grader.check(mine.initialize_parameters_he)))",
    )
    assert ran.stdout.startswith("<Result 10 / 10>"), ran.stderr


def test_in_a_real_terminal_a_file_and_a_prompt_name_the_places_that_their_student_sees(tmp_path):
    pexpect = pytest.importorskip("pexpect", reason="a terminal needs pexpect")
    wrong = edit(HE, ("(2 /", "(1 /"))
    (tmp_path / "mine.py").write_text(f"{IMPORTS}\n{wrong}")
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "dumb", "IPYTHONDIR": str(tmp_path)}

    def shown(arguments, prompt, *lines):
        terminal = pexpect.spawn(
            sys.executable, arguments, cwd=str(tmp_path), env=environment, encoding="utf-8", timeout=120
        )
        for line in lines:
            terminal.expect(prompt)
            terminal.sendline(line)
        terminal.expect(prompt)
        text = terminal.before
        terminal.close(force=True)
        return text

    text = shown(["-i", "mine.py"], ">>> ", "import grader", "grader.check('he')")
    assert "initialize_parameters_he (line 7): " in text, text
    arguments = ["-m", "IPython", "--colors=NoColor", "--simple-prompt"]
    text = shown(
        arguments, r"In \[\d+\]: ", "%load_ext grader", "%run -i mine.py", "%cpaste -q\n" + wrong + "--", "%grade he"
    )
    assert "<Result 7 / 10>" in text, text
    assert "(In [3], line " in text, text


def test_each_way_in_which_a_session_differs_from_its_cells_is_said(tmp_path):
    random = RANDOM.replace("* 10", "* k")
    told = "r = grader.check('random'); print('CODES', [one.code for one in r.notebook.problems], r.score)"
    cells = [
        ("a", "import grader"),
        ("b", f"import numpy as np\nk = 10\n{random}"),
        ("c", told),
        ("d", "globals().update(k=0.01)"),  # a value
        ("c", told),
        ("e", "k = 10"),
        ("c", told),
        ("f", "import math; globals().update(np=math)"),  # a module
        ("c", told),
        ("g", "import numpy as np"),
        ("h", f"exec({random!r})"),  # no source
        ("c", told),
        ("i", "def old(layers_dims):\n    return {}\nglobals().update(initialize_parameters_random=old)"),
        ("c", told),
    ]
    (tmp_path / "cells.py").write_text(IN_IPYTHON.format(cells=cells))
    ran = python(tmp_path, "cells.py")
    lines = [line for line in ran.stdout.splitlines() if line.startswith("CODES")]
    codes = ("session_changed", "session_no_source", "session_other", "session_only_live")
    found = [{code for code in codes if code in line} for line in lines]
    changed = {"session_changed"}
    assert found == [set(), changed, set(), changed, {"session_no_source"}, {"session_other"}], lines
    assert all(line.endswith(" 10.0") for line in lines)


@pytest.mark.parametrize(
    ("cells", "value", "changed"),
    [
        (("import os.path as k",), os.path, False),  # its own name is posixpath
        (("import numpy.linalg as k",), np.linalg, False),
        (("import json as k",), np, True),
        (("k = 1", "def k():\n    pass"), print, False),
        (("k = 1", "class k:\n    pass"), print, False),
        (("k = 1", "from math import pi as k"), 3.14, False),
        (("k = None", "try:\n    import numpy as k\nexcept ImportError:\n    pass"), np, False),
        (("import random as k", "from numpy import *"), np, False),
        (("k = 1", "k = 2"), 2, False),
        (("k = 2", "k = 1"), 2, True),
    ],
)
def test_a_name_is_called_changed_only_if_its_last_cell_gives_another_value(cells, value, changed):
    space = {"k": value}
    exec("def f(d):\n    return k", space)
    assert session.changed_names(session.LiveSession(cells, space), ["f"]) == (["k"] if changed else [])


MORE = """
import sys; sys.path.insert(0, '.')
import mine, grader
def hints(**options):
    problems = grader.check(mine.initialize_parameters_he, **options).notebook.problems
    return [one.message for one in problems if one.code == 'session_hint']
before = grader.check(mine.initialize_parameters_he)._repr_html_()
print(len(hints()), [len(hints(more=True)) for _ in range(9)], len(hints()))
for hint in hints(more=True): print(hint)
print('sqrt(2/n_in)' in before, ', more=True)' in grader.check(mine.initialize_parameters_random)._repr_html_())
print(len(hints(more=True)))
"""


def test_each_use_of_more_shows_one_more_hint_and_a_check_alone_shows_none(tmp_path):
    (tmp_path / "mine.py").write_text(f"{IMPORTS}\n{RANDOM.replace('* 10', '* 1')}\n{HE.replace('(2 /', '(1 /')}")
    ran = python(tmp_path, "-c", MORE)
    first, *sentences, before, after = ran.stdout.splitlines()
    most = len(sentences)
    assert first == f"0 {[min(number, most) for number in range(1, 10)]} 0", ran.stdout + ran.stderr
    assert 3 <= most < 9
    assert "sqrt(2/n_in)" in sentences[-1]  # the answer comes last
    assert not any("sqrt(2/n_in)" in sentence for sentence in sentences[:-1])
    assert before == "False True"
    assert after == str(most)


def test_a_magic_takes_options_and_refuses_others(tmp_path):
    cells = [
        ("a", "%load_ext grader"),
        ("b", f"{IMPORTS}\n{HE.replace('(2 /', '(1 /')}"),
        ("c", "r = get_ipython().run_line_magic('grade', 'he --more')"),
        ("d", "print([one.code for one in r.notebook.problems])"),
        ("e", "%grade --nonsense"),
    ]
    ran = python(tmp_path, "-c", IN_IPYTHON.format(cells=cells))
    assert "['session_hint', 'session_more'" in ran.stdout, ran.stdout + ran.stderr
    assert messages.say("session.option", name="--nonsense") in ran.stdout + ran.stderr


def test_the_lab_begins_with_the_students_own_start_after_a_check(tmp_path):
    (tmp_path / "mine.py").write_text(f"{IMPORTS}\n{RANDOM.replace('* 10', '* 0.01')}\n{HE}")
    code = (
        "import sys; sys.path.insert(0, '.'); import mine, grader\n"
        "for f in (mine.initialize_parameters_random, mine.initialize_parameters_he):\n"
        "    grader.check(f); print('#mine=0.01' in grader.lab()._repr_html_())"
    )
    ran = python(tmp_path, "-c", code)
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["True", "False"], ran.stdout + ran.stderr


TYPED = """
import linecache, grader
for number, source in enumerate({sources!r}):
    name = f"<python-input-{{number}}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    exec(compile(source, name, "single"), globals())
print(repr(grader.check()))
"""


def test_what_was_typed_is_graded_with_what_it_needs_where_python_keeps_its_text(tmp_path):
    sources = ["import numpy as xp\n", "k = 2\n", HE.replace("np.", "xp.").replace("2 /", "k /")]
    ran = python(tmp_path, "-c", TYPED.format(sources=sources))
    assert ran.stdout.startswith("<Result 10 / 30>"), ran.stdout + ran.stderr


def test_a_function_without_a_source_is_refused_with_what_to_do(tmp_path):
    code = f"import grader\nexec({HE!r})\ngrader.check()\n"
    ran = python(tmp_path, "-c", code)
    assert messages.say("session.unread", name="initialize_parameters_he") in ran.stderr


def test_the_functions_that_a_plain_session_lacks_are_named(tmp_path):
    ran = python(tmp_path, "-c", "import grader; grader.check()")
    assert messages.say("session.nothing") in ran.stderr


def test_the_settings_of_a_session_change_no_verdict_and_stay(tmp_path):
    (tmp_path / "mine.py").write_text(f"{IMPORTS}\n{RANDOM}")
    code = (
        "import sys; sys.path.insert(0, '.'); import warnings, mine, grader, numpy as np\n"
        "np.random.seed(7); np.seterr(all='raise'); warnings.simplefilter('error')\n"
        "print(grader.check(mine.initialize_parameters_random).score, np.geterr()['under'])\n"
        "print(np.random.rand() == np.random.RandomState(7).rand())"
    )
    ran = python(tmp_path, "-c", code)
    assert ran.stdout == "10.0 raise\nTrue\n", ran.stderr


def test_a_result_in_a_cell_has_no_script_and_escapes_what_a_student_wrote(tmp_path):
    path = SAMPLES / "hostile_text.ipynb"
    result = grader.grade(path)
    shown = result_html(result)
    assert result._repr_html_() == shown
    assert "<script" not in shown.lower()
    assert "onerror=" not in shown.lower() or "&lt;" in shown
    assert len(repr(result)) < 2_000
    assert len(shown) < 100_000
