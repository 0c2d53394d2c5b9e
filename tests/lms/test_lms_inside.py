"""Graders that run inside a system: folders as it lays them out, the real command, and files as it reads them."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from builders import HE, HOSTILE, RANDOM, ZEROS, everyday, mixed, result, unreadable
from notebooks import RANDOM as RANDOM_SOURCE
from notebooks import edit, notebook, solved, write

from grader import api as service
from grader.cli import main
from grader.errors import RequestError, SandboxError
from grader.exercise.load import load
from grader.lms.common.system import Run
from grader.lms.inside import coursera, gradescope, prairielearn
from grader.lms.inside import run as inside
from grader.lms.inside.run import JudgedHandIn
from grader.messages import say
from grader.rendering import fragment

RIGHT = solved()
SMALL = solved(random=edit(RANDOM_SOURCE, ("* 10", "* 0.01")))
UNTOUCHED = (Path(__file__).parents[2] / "submissions" / "untouched.ipynb").read_bytes()
LOUD = solved(random=edit(RANDOM_SOURCE, ("    parameters = {}", "    raise ValueError('<script>alert(1)</script>')")))
SYSTEMS = {
    "gradescope": ("submission", "results/results.json"),
    "coursera": ("submission", "feedback.json"),
    "prairielearn": ("student", "results/results.json"),
}
# what each system publishes of its format: keys, types, which must be there; nothing else is expected
TEXT, SHARE = {"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
SCHEMAS = {
    "gradescope": {
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": ["score"]}, {"required": ["tests"]}],
        "properties": {
            "score": {"type": "number"}, "execution_time": {"type": "number"}, "output": TEXT, "output_format": FORMAT,
            "test_output_format": FORMAT, "test_name_format": FORMAT, "visibility": VISIBILITY,
            "stdout_visibility": VISIBILITY, "extra_data": {"type": "object"},
            "tests": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "score": {"type": "number"}, "max_score": {"type": "number"}, "status": {"enum": ["passed", "failed"]},
                        "name": TEXT, "name_format": FORMAT, "number": TEXT, "output": TEXT, "output_format": FORMAT,
                        "tags": {"type": "array", "items": TEXT}, "visibility": VISIBILITY, "extra_data": {"type": "object"},
                    },
                },
            },
        },
    },
    "coursera": {
        "type": "object",
        "additionalProperties": False,
        "required": ["feedback"],
        "properties": {
            "fractionalScore": SHARE, "feedback": {**TEXT, "maxLength": 65536}, "feedbackType": {"enum": ["HTML", "TXT"]}
        },
    },
    "prairielearn": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "gradable": {"type": "boolean"}, "score": SHARE, "message": TEXT, "output": TEXT,
            "format_errors": {"type": "array", "items": TEXT},
            "tests": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["name", "points", "max_points"],
                    "properties": {
                        "name": TEXT, "points": {"type": "number"}, "max_points": {"type": "number"},
                        "message": TEXT, "output": TEXT,
                    },
                },
            },
        },
        "if": {"properties": {"gradable": {"const": False}}, "required": ["gradable"]},
        "then": {"required": ["format_errors"]},
        "else": {"required": ["score"]},
    },
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("confined")


class Tags(HTMLParser):
    """The tags and attributes of a piece of HTML, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in {"br", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def laid(root: Path, system: str, files: dict[str, bytes]) -> Path:
    (root / SYSTEMS[system][0]).mkdir(parents=True)
    for name, data in files.items():
        write(root / SYSTEMS[system][0], name, data)
    return root


def run(system: str, root: Path, *options: str) -> dict:
    """The document that the command leaves behind; it fits the system's format and the command ended with 0."""
    assert main(["lms", system, "run", "--root", str(root), *options]) == 0
    document = json.loads((root / SYSTEMS[system][1]).read_bytes())
    jsonschema.validate(document, SCHEMAS[system])
    return document


def score(system: str, document: dict) -> float | None:
    share = document.get({"coursera": "fractionalScore"}.get(system, "score"))
    return None if share is None else round(share * (1 if system == "gradescope" else 30), 6)


def shown(document: dict) -> str:
    return json.dumps(document, ensure_ascii=False)


# --- the command in a copy of each layout --------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("files", "points", "says"),
    [
        ({"hw.ipynb": RIGHT}, 30, "All functions are right"),
        ({"hw.ipynb": SMALL}, 27, "multiply the random numbers by 10; you multiply by 0.01"),
        ({"hw.ipynb": LOUD}, 20, "ValueError"),
        ({"a.ipynb": SMALL, "b.ipynb": notebook("x = 1")}, 27, "a.ipynb was graded, not b.ipynb"),
        ({"a.ipynb": RIGHT, "b.ipynb": UNTOUCHED}, 30, "a.ipynb was graded, not b.ipynb"),
        ({"b.ipynb": RIGHT, "__MACOSX/._b.ipynb": b"", ".ipynb_checkpoints/b-checkpoint.ipynb": SMALL}, 30, "30 of 30"),
        ({"hw.ipynb": b"{"}, 0, "could not be read"),
        ({"<b>notes.txt": b"hello"}, 0, "No notebook was handed in"),
        ({}, 0, "No notebook was handed in"),
    ],
    ids=["right", "small", "raises", "two files", "template", "copies", "damaged", "no notebook", "nothing"],
)
def test_a_hand_in_is_graded_where_it_lies(tmp_path, system, files, points, says):
    document = run(system, laid(tmp_path, system, files))

    if system == "prairielearn" and points == 0:
        assert document["gradable"] is False  # that costs no attempt
        assert "score" not in document
    else:
        assert score(system, document) == points
    assert says in shown(document)
    assert "Traceback" not in shown(document)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_summary_comes_first(tmp_path, system):
    document = run(system, laid(tmp_path, system, {"hw.ipynb": SMALL}))

    first = document[{"gradescope": "output", "coursera": "feedback", "prairielearn": "message"}[system]]
    assert re.sub("<[^>]*>", "", first).startswith("27 of 30. One function is not right yet.")


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_same_hand_in_gives_the_same_bytes(tmp_path, system):
    root = laid(tmp_path, system, {"hw.ipynb": SMALL})
    run(system, root)
    first = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    run(system, root)

    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == first


def test_the_installed_command_runs_as_a_process_of_its_own(tmp_path):
    root = laid(tmp_path, "gradescope", {"hw.ipynb": SMALL})
    write(root, "submission_metadata.json", METADATA)

    command = [sys.executable, "-I", "-m", "grader", "lms", "gradescope", "run", "--root", str(root)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "attempt 2" in ended.stdout
    assert "handed in by 2 people together" in ended.stdout
    assert "the assignment has 20 points here, and the exercise 30" in ended.stdout
    assert json.loads((root / "results" / "results.json").read_bytes())["score"] == 27


METADATA = json.dumps(
    {
        "id": 123456,
        "created_at": "2018-07-01T14:22:32.365935-07:00",
        "assignment": {"due_date": None, "group_submission": True, "total_points": "20.0", "title": "Initialization"},
        "submission_method": "upload",
        "users": [{"email": "a@b.edu", "id": 1, "name": "Ada"}, {"email": "c@d.edu", "id": 2, "name": "Bob"}],
        "previous_submissions": [{"submission_time": "2018-07-01", "score": 0.0, "autograder_error": False}],
    }
).encode()


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"assignment": 3, "users": 1}', b'{"assignment": {"total_points": "?"}}']
)
def test_metadata_that_are_of_no_use_change_nothing(tmp_path, data):
    root = laid(tmp_path, "gradescope", {"hw.ipynb": RIGHT})
    write(root, "submission_metadata.json", data)
    assert run("gradescope", root)["score"] == 30


def test_a_name_with_control_characters_is_shown_and_not_obeyed(tmp_path):
    files = {"a\x1b[31m\u202e.ipynb": SMALL, "b.ipynb": notebook("x = 1"), "<i>c\x07.txt": b""}
    for system in SYSTEMS:
        document = run(system, laid(tmp_path / system, system, files))
        assert "a\\\\x1b[31m" in shown(document)
        assert not re.search("[\x07\x1b\u202e]", shown(document))


@pytest.mark.parametrize(
    "manifest", [b"{", b"[]", b'{"system": "x", "entries": [{"file": "../../hw.ipynb", "student": "me"}]}']
)
def test_a_manifest_that_a_student_hands_in_is_a_file_like_any_other(tmp_path, manifest):
    root = laid(tmp_path, "gradescope", {"hw.ipynb": SMALL, "manifest.json": manifest})
    assert run("gradescope", root)["score"] == 27


def test_what_leads_out_of_the_folder_is_not_read(tmp_path):
    secret = write(tmp_path, "elsewhere.ipynb", RIGHT)
    root = laid(tmp_path / "root", "gradescope", {})
    (root / "submission" / "hw.ipynb").symlink_to(secret)
    assert run("gradescope", root)["score"] == 0


# --- what is our fault is no score ---------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    "error",
    [
        SandboxError("seccomp is missing", hint="use another host"),
        RuntimeError("<script>boom</script>"),
        MemoryError(),
    ],
    ids=["not confined", "a bug", "no memory"],
)
def test_a_fault_of_ours_is_said_and_is_no_zero(tmp_path, monkeypatch, capsys, system, error):
    def fails(*arguments, **named):
        raise error

    monkeypatch.setattr(service, "grade_once", fails)
    document = run(system, laid(tmp_path, system, {"hw.ipynb": RIGHT}))

    assert score(system, document) is None
    assert not any("score" in test for test in document.get("tests", ()))
    assert say("lms.inside.ours") in shown(document)
    assert "boom" not in shown(document)
    assert "no score was written" in capsys.readouterr().out


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_first_file_says_that_grading_did_not_finish(tmp_path, monkeypatch, system):
    root = laid(tmp_path, system, {"hw.ipynb": RIGHT})
    seen = []

    def looks(*arguments, **named):
        seen.append(json.loads((root / SYSTEMS[system][1]).read_bytes()))
        return result()

    monkeypatch.setattr(service, "grade_once", looks)
    run(system, root)

    (first,) = seen
    jsonschema.validate(first, SCHEMAS[system])
    assert say("lms.inside.unfinished") in shown(first)
    assert score(system, first) is None


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_the_first_file(tmp_path):
    endless = edit(RANDOM_SOURCE, ("    parameters = {}", "    while True: pass"))
    root = laid(tmp_path, "gradescope", {"hw.ipynb": solved(random=endless)})
    path = root / "results" / "results.json"
    command = [sys.executable, "-I", "-m", "grader", "lms", "gradescope", "run", "--root", str(root)]
    with subprocess.Popen(command, cwd=root) as process:
        while process.poll() is None and not path.exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.kill()

    assert process.returncode == -signal.SIGKILL  # it had not ended by itself
    document = json.loads(path.read_bytes())
    jsonschema.validate(document, SCHEMAS["gradescope"])
    assert say("lms.inside.unfinished") in shown(document)
    assert score("gradescope", document) is None


@pytest.mark.parametrize("system", SYSTEMS)
def test_student_code_does_not_write_its_own_result(tmp_path, system):
    path = tmp_path / SYSTEMS[system][1]
    forged = f"    open({str(path)!r}, 'w').write('{{}}')\n    parameters = {{}}"
    root = laid(tmp_path, system, {"hw.ipynb": solved(random=edit(RANDOM_SOURCE, ("    parameters = {}", forged)))})
    assert score(system, run(system, root)) is None  # a notebook may write there, so a person looks


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_part_that_could_not_be_judged_leaves_the_whole_without_a_score(tmp_path, monkeypatch, system):
    monkeypatch.setattr(service, "grade_once", lambda *_, **__: mixed())
    document = run(system, laid(tmp_path, system, {"hw.ipynb": RIGHT}))

    assert score(system, document) is None
    assert say("lms.inside.ours") in shown(document)
    assert "<script" not in document.get("output", "")


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_exercise_that_is_not_there_is_said_in_the_result(tmp_path, system):
    document = run(system, laid(tmp_path, system, {"hw.ipynb": RIGHT}), "--exercise", "no-such-exercise")
    assert score(system, document) is None
    assert "no-such-exercise" in shown(document)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_folder_that_the_system_did_not_lay_out(tmp_path, capsys, system):
    assert main(["lms", system, "run", "--root", str(tmp_path / "absent")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    (tmp_path / "root").mkdir()
    document = run(system, tmp_path / "root")
    assert score(system, document) is None
    assert "does not exist" in shown(document)


# --- hostile text --------------------------------------------------------------------------------------------------


def test_the_pieces_hold_few_tags_no_attributes_and_nothing_hostile():
    pieces = [fragment.said_html([HOSTILE]), *map(fragment.function_html, mixed().functions.values())]
    pieces += [
        fragment.function_html(function)
        for record in (everyday(), unreadable())
        for function in record.functions.values()
    ]
    for piece in pieces:
        found = Tags(piece)
        assert found.tags <= fragment.TAGS
        assert not found.attributes
        assert not found.open
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800]", piece)


@pytest.mark.parametrize("record", [mixed(), everyday(), unreadable()])
def test_results_of_gradescope_show_hostile_text_and_obey_none_of_it(record):
    document = gradescope.results(JudgedHandIn(replace(record, provisional=False), (HOSTILE,)), "visible")
    for text in [document["output"], *(test["output"] for test in document["tests"])]:
        assert Tags(text).tags <= fragment.TAGS
    json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("record", [mixed(), everyday(), unreadable()])
def test_the_page_of_coursera_is_whole_and_safe(record):
    page = coursera.page(JudgedHandIn(record, (HOSTILE,)), (ZEROS, RANDOM, HE))
    found = Tags(page)
    assert found.tags <= fragment.TAGS | {"html", "head", "meta", "title", "body"}
    assert found.attributes <= {"lang", "charset"}
    assert not found.open
    page.encode()


@pytest.mark.parametrize("lines", [1, 20, 4_000])
def test_feedback_stays_within_what_a_system_takes(lines):
    explained = ("é" * 300,) * lines
    functions = {name: replace(one, explanation=explained) for name, one in everyday().functions.items()}
    judged = JudgedHandIn(replace(everyday(), functions=functions))

    feedback = coursera.document(judged, (ZEROS, RANDOM, HE))["feedback"]
    assert len(json.dumps(feedback, ensure_ascii=False).encode()) <= 64 << 10
    assert feedback.startswith("Two of three functions are right")
    assert feedback.endswith(fragment.cut_note()) == (lines > 20)
    assert len(json.dumps(prairielearn.results(judged), ensure_ascii=False).encode()) < 1_000_000
    assert len(json.dumps(gradescope.results(judged, "visible"), ensure_ascii=False).encode()) < 1_000_000
    assert len(coursera.page(judged, (ZEROS, RANDOM, HE)).encode()) <= coursera.MOST_PAGE_BYTES


@pytest.mark.parametrize("most", [100, 200, 1000])
@pytest.mark.parametrize("text", ["a\nb", "é\n" * 90, '"\n' * 300, "x" * 5000, "\\" * 300 + "\nend", ""])
def test_a_cut_text_fits_and_ends_on_a_line(text, most):
    kept = fragment.cut(text, most)
    assert len(json.dumps(kept, ensure_ascii=False).encode()) <= most
    assert kept == text or (
        kept.endswith(fragment.cut_note()) and text.startswith(kept.removesuffix(fragment.cut_note()))
    )


# --- Gradescope ----------------------------------------------------------------------------------------------------


def test_the_scores_add_up_and_each_function_is_a_test(tmp_path):
    document = run("gradescope", laid(tmp_path, "gradescope", {"hw.ipynb": SMALL}))
    tests = document["tests"]
    assert [test["name"] for test in tests] == [ZEROS, RANDOM, HE]
    assert [(test["score"], test["max_score"], test["status"]) for test in tests] == [
        (10, 10, "passed"), (7, 10, "failed"), (10, 10, "passed"),
    ]  # fmt: skip
    assert document["score"] == sum(test["score"] for test in tests)
    assert (document["visibility"], document["stdout_visibility"]) == ("visible", "hidden")
    assert document["output_format"] == document["test_output_format"] == "html"
    assert document["extra_data"]["causes"][RANDOM] == ["scale_constant"]


def test_visibility_is_the_instructors(tmp_path, capsys):
    root = laid(tmp_path, "gradescope", {"hw.ipynb": RIGHT})
    assert run("gradescope", root, "--visibility", "after_due_date")["visibility"] == "after_due_date"
    assert main(["lms", "gradescope", "run", "--root", str(root), "--visibility", "never"]) == 2
    assert "after_published" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "mib"),
    [
        ({}, 512),
        ({"memory.max": "max"}, 512),
        ({"memory.max": str(768 << 20)}, 512),
        ({"memory.max": str(600 << 20)}, 344),
        ({"memory.max": str(100 << 20)}, 128),
        ({"memory/memory.limit_in_bytes": str(9223372036854771712)}, 512),
        ({"memory/memory.limit_in_bytes": str(640 << 20)}, 384),
        ({"memory/deep/er/memory.limit_in_bytes": str(640 << 20)}, 384),
        ({"new/memory.max": str(640 << 20)}, 384),
    ],
)
def test_a_function_may_use_what_the_container_leaves(tmp_path, files, mib):
    own = write(tmp_path, "own", b"4:memory:/deep/er\n3:cpu,cpuacct:/\n0::/new\n")
    for name, data in files.items():
        write(tmp_path, name, data.encode())
    assert inside.job_bytes(load(), own, tmp_path) >> 20 == mib


# --- Coursera ------------------------------------------------------------------------------------------------------

NAMES = (ZEROS, RANDOM, HE)


@pytest.mark.parametrize(
    ("part", "parts", "expected"),
    [
        (None, (), NAMES),
        (None, ("a=zeros",), NAMES),
        ("5ShhY", (), NAMES),
        ("he", (), (HE,)),
        (RANDOM, (), (RANDOM,)),
        ("5ShhY", ("5ShhY=random", "x=he"), (RANDOM,)),
        ("x", (f"x={HE},zeros",), (ZEROS, HE)),
        ("he", ("x=zeros",), (HE,)),
        ("y", ("x=zeros",), "not mapped to a function"),
        ("y", ("y=nothing",), "does not map a part"),
        ("y", ("zeros",), "does not map a part"),
    ],
)
def test_which_functions_a_part_holds(part, parts, expected):
    if isinstance(expected, tuple):
        assert coursera.functions(part, parts, NAMES) == expected
    else:
        with pytest.raises(RequestError, match=expected):
            coursera.functions(part, parts, NAMES)


@pytest.mark.parametrize(
    ("part", "share"), [("5ShhY", 0.7), ("abc", 1.0), ("zeros", 1.0), (None, 0.9), ("other", None)]
)
def test_a_part_gets_its_own_share(tmp_path, monkeypatch, part, share):
    monkeypatch.delenv("partId", raising=False)
    if part:
        monkeypatch.setenv("partId", part)
    root = laid(tmp_path, "coursera", {"hw.ipynb": SMALL})
    document = run("coursera", root, "--part", "5ShhY=random", "--part", "abc=he")

    assert document.get("fractionalScore") == share
    page = (root / "htmlFeedback.html").read_text(encoding="utf-8")
    assert (f"<h4>{ZEROS}</h4>" in page) == (part in {None, "zeros"})
    assert ("27 of 30" in page) == (part is None)  # a part is spoken of as a part
    first = {"5ShhY": "7 of 10. One function is not right yet.", "abc": "10 of 10. This part is right.",
             "zeros": "10 of 10. This part is right.", None: "27 of 30. One function is not right yet."}  # fmt: skip
    assert (
        document["feedback"].startswith(first.get(part, "The part 'other' is not mapped to a function."))
        or part == "other"
    )


def test_the_name_that_the_author_asks_for_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("fileName", "submission.ipynb")
    root = laid(tmp_path, "coursera", {"submission.ipynb": SMALL, "x.ipynb": RIGHT})
    document = run("coursera", root)
    assert document["fractionalScore"] == 0.9
    assert (
        "submission.ipynb was graded, not x.ipynb: it has the name that the exercise asks for." in document["feedback"]
    )


def test_a_part_that_was_judged_counts_also_where_another_was_not():
    judged, names = coursera.of_part(JudgedHandIn(mixed()), Run(Path(), "", part="he"))
    assert coursera.document(judged, names)["fractionalScore"] == 1.0
    judged, names = coursera.of_part(JudgedHandIn(mixed()), Run(Path(), "", part="random"))
    assert "fractionalScore" not in coursera.document(judged, names)


@pytest.mark.parametrize("points", [(0.1, 0.2, 0.3), (1 / 3, 1 / 3, 1 / 3)])
def test_sums_of_points_have_no_binary_rest(points):
    parts = zip(everyday().functions.items(), points, strict=True)
    functions = {name: replace(one, points=earned) for (name, one), earned in parts}
    judged = JudgedHandIn(result(functions))
    total = round(sum(points), 6)
    assert gradescope.results(judged, "visible")["score"] == total
    assert prairielearn.results(judged)["score"] == total / 30


@pytest.mark.parametrize("name", ["gradescope", "coursera", "prairielearn", "nbgrader"])
def test_each_system_has_its_page(name):
    page = Path(__file__).parents[2] / "docs" / "lms" / f"{name}.md"
    assert f"grader lms {name}" in page.read_text(encoding="utf-8")


# --- PrairieLearn --------------------------------------------------------------------------------------------------


def test_prairielearn_gets_a_share_and_plain_text(tmp_path):
    document = run("prairielearn", laid(tmp_path, "prairielearn", {"hw.ipynb": SMALL}))
    assert (document["gradable"], document["score"]) == (True, 0.9)
    assert [(test["points"], test["max_points"]) for test in document["tests"]] == [(10, 10), (7, 10), (10, 10)]
    assert "<" not in document["message"]
