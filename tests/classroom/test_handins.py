"""Which files of a folder or zip are submissions, whose word counts on whose they are, and how large what is kept of one may get."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from notebooks import solved, write

from grader import api as service
from grader import keys
from grader.classroom import manifest, submissions
from grader.classroom.manifest import Entry, Manifest
from grader.cli import main
from grader.errors import RequestError
from grader.lms.common.archives import contents
from grader.lms.common.layout import HandedIn, HandedInFile, lay_out
from grader.lms.common.system import Collect
from grader.messages import say
from grader.pipeline import Pipeline
from grader.reading.notebook import parse
from grader.records import Array, Call, Outcome
from grader.rendering import gradebook, html
from grader.running.gather import bounded
from grader.store import Store, pack_evidence, require_ours, trust
from grader.store import store as store_module

RIGHT = solved()
FUNCTIONS = ("initialize_parameters_zeros", "initialize_parameters_random", "initialize_parameters_he")
JUPYTEXT = b"---\njupytext:\n  text_representation:\n    extension: .md\n---\n# Initialization\n"
FENCED = b"# Mine\n\n```python\ndef initialize_parameters_zeros(layers_dims):\n    return {}\n```\n"


@pytest.fixture(autouse=True)
def _own_key(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def grader(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def find(*sources: Path, most: int = 20, **more: object) -> submissions.Sources:
    return submissions.find(sources, submissions.Wanted(FUNCTIONS, most), **more)


def names(*sources: Path, most: int = 20) -> list[str]:
    return [one.name for one in find(*sources, most=most).submissions]


def encoded(*entries: Entry, seal: bool = True) -> bytes:
    plain = Manifest(system="moodle", entries=entries)
    return manifest.encode(manifest.sealed(plain) if seal else plain).encode()


# --- whose manifest counts -----------------------------------------------------------------------------------------

SWAPPED = (Entry(file="alice.ipynb", student="mallory"), Entry(file="mallory.ipynb", student="alice"))


def test_a_manifest_that_a_student_handed_in_changes_nothing_and_is_named(tmp_path, capsys):
    for name in ("alice.ipynb", "bob.ipynb", "mallory.ipynb"):
        write(tmp_path / "in", name, RIGHT if name == "alice.ipynb" else b"")
    write(tmp_path / "in", "manifest.json", encoded(*SWAPPED, seal=False))
    assert grader("batch", tmp_path / "in", "--out", tmp_path / "out", "--jobs", "1") == 0
    assert "ignored 'manifest.json': it was changed, or" in capsys.readouterr().out
    with (tmp_path / "out" / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["submission"]: (row["student"], row["score"]) for row in csv.DictReader(file)}
    assert rows == {"alice.ipynb": ("", "30.0"), "bob.ipynb": ("", "0.0"), "mallory.ipynb": ("", "0.0")}
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "did not write it in this account" in page
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"null", b'{"seal": 3}', b"\xff", b"[" * 100_000, b'{"seal": "\\ud800"}']
)
def test_a_manifest_without_our_seal_may_hold_anything(tmp_path, content):
    write(tmp_path, "a.ipynb", b"")
    write(tmp_path, "manifest.json", content)
    found = find(tmp_path)
    assert [one.name for one in found.submissions] == ["a.ipynb"]
    assert found.ignored == {"manifest.json": say("classroom.ignored.not_sealed")}


def test_any_change_breaks_the_seal(tmp_path):
    path = write(tmp_path, "manifest.json", encoded(*SWAPPED))
    assert manifest.is_sealed(path)
    document = json.loads(path.read_bytes())
    for name, value in (("system", "canvas"), ("entries", document["entries"][::-1]), ("seal", ""), ("new", 1)):
        path.write_text(json.dumps(document | {name: value}))
        assert not manifest.is_sealed(path)
    path.write_text(json.dumps(document, indent=4))
    assert not manifest.is_sealed(path)


@pytest.mark.parametrize("end", ["]}", f'], "seal": "{"0" * 64}"}}'])
def test_a_large_manifest_without_our_seal_is_never_parsed(tmp_path, monkeypatch, end):
    def parsed(path: Path) -> None:
        raise AssertionError(path)

    write(tmp_path / "in", "a.ipynb", b"")
    write(tmp_path / "out", "manifest.json", encoded(*SWAPPED))  # a copy of an earlier run
    manifest.sealed(Manifest(system="x"))  # there is a key
    write(tmp_path / "in", "manifest.json", b'{"system": "x", "entries": [' + b"[" * (1 << 20) + end.encode())
    monkeypatch.setattr(manifest, "read", parsed)
    monkeypatch.setattr(submissions.manifests, "load", lambda folder: Manifest(system="spreadsheet"))
    assert [one.name for one in find(tmp_path / "in", results_folder=tmp_path / "out").submissions] == ["a.ipynb"]


def test_a_manifest_larger_than_any_is_not_read(tmp_path, monkeypatch):
    path = write(tmp_path, "manifest.json", encoded(*SWAPPED))
    assert manifest.is_sealed(path)
    monkeypatch.setattr(manifest, "MOST_BYTES", path.stat().st_size - 1)
    assert not manifest.is_sealed(path)


def test_a_seal_of_another_account_does_not_count_until_a_person_names_the_manifest(tmp_path, monkeypatch):
    for name in ("alice.ipynb", "mallory.ipynb"):
        write(tmp_path / "in", name, b"")
    path = write(tmp_path / "in", "manifest.json", encoded(*SWAPPED))
    assert find(tmp_path / "in").manifest is not None
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    assert find(tmp_path / "in").manifest is None
    arguments = ("batch", tmp_path / "in", "--out", tmp_path / "out", "--jobs", "1", "--quiet")
    assert grader(*arguments, "--manifest", path) == 0
    found = find(tmp_path / "in", results_folder=tmp_path / "out")  # the copy in the folder of results was trusted
    assert [one.student for one in found.submissions] == ["mallory", "alice"]


def test_another_manifest_than_the_one_graded_with_stops_the_batch(tmp_path):
    write(tmp_path / "in", "alice.ipynb", b"")
    entry = Entry(file="alice.ipynb", student="1", original="a.ipynb")
    write(tmp_path / "out", "manifest.json", encoded(entry))
    write(tmp_path / "in", "manifest.json", encoded(*SWAPPED, seal=False))
    with pytest.raises(RequestError, match="was graded with"):
        find(tmp_path / "in", results_folder=tmp_path / "out")


def test_a_key_that_others_can_read_or_that_is_a_link_is_not_used(tmp_path):
    path = write(tmp_path, "manifest.json", encoded(*SWAPPED))
    key = tmp_path / "data" / "grader" / keys.KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    assert not manifest.is_sealed(path)
    assert manifest.sealed(Manifest(system="x")).seal == ""
    key.chmod(0o600)
    assert manifest.is_sealed(path)
    key.rename(tmp_path / "moved")
    key.symlink_to(tmp_path / "moved")
    assert not manifest.is_sealed(path)


def test_collect_seals_what_it_writes_and_says_so_where_it_cannot(tmp_path, monkeypatch):
    write(tmp_path, "down/a.ipynb", RIGHT)
    (member,) = contents([tmp_path / "down"]).members

    def collect(out: Path):
        handed_in = [HandedIn("1", "Ada", [HandedInFile("a.ipynb", member)])]
        return lay_out(Collect([tmp_path], out, functions=FUNCTIONS), "canvas", handed_in, contents([]))

    assert collect(tmp_path / "one").attention == ()
    assert manifest.is_sealed(tmp_path / "one" / "manifest.json")
    write(tmp_path, "file", b"")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert "--manifest" in collect(tmp_path / "two").attention[0]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ((Entry(file="/etc/passwd", student="1"),), "outside"),
        ((Entry(file="x/../../a.ipynb", student="1"),), "outside"),
        ((Entry(file="C:/a.ipynb", student="1"),), "outside"),
        ((Entry(file="a.ipynb", student="1"), Entry(file="a.ipynb", student="2")), "2 times"),
        ((Entry(file="a.ipynb", student="1"), Entry(file="b.ipynb", student="1")), "2 times"),
        ((Entry(file="a.ipynb", student="1"), Entry(file="link.ipynb", student="2")), "one file"),
        ((Entry(file="a.ipynb", student="1"), Entry(file="./a.ipynb", student="2")), "one file"),
    ],
)
def test_also_our_own_manifest_gives_each_student_a_file_of_their_own(tmp_path, entries, why):
    write(tmp_path, "a.ipynb", b"")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "a.ipynb")
    write(tmp_path, "manifest.json", encoded(*entries))
    with pytest.raises(RequestError, match=why):
        find(tmp_path)


def test_files_that_a_manifest_does_not_name_are_named_as_ignored(tmp_path):
    for name in ("a.ipynb", "more/late.ipynb", ".hidden/b.ipynb", "out/x/result.json"):
        write(tmp_path / "in", name, b"")
    write(tmp_path / "in", "manifest.json", encoded(Entry(file="a.ipynb", student="1")))
    assert find(tmp_path / "in", results_folder=tmp_path / "in" / "out").ignored == {
        "more/late.ipynb": say("classroom.ignored.not_in_manifest")
    }


# --- how much one hand-in may hold ---------------------------------------------------------------------------------


def many(count: int, prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}{number:04}.ipynb": b"" for number in range(count)}


@pytest.mark.parametrize("form", ["zip", "zip in a zip", "zips in a zip", "folder", "folder in a zip"])
def test_one_hand_in_is_at_most_so_many_submissions(tmp_path, form):
    class_ = {"alice/hw.ipynb": b"", "bob/hw.ipynb": b"", "bob/more.py": b""}
    bad = {
        "zip": {"mallory.zip": packed(many(500))},
        "zip in a zip": {"mallory.zip": packed({"hw.zip": packed(many(500))})},
        "zips in a zip": {"mallory.zip": packed({f"{number}.zip": packed(many(50)) for number in range(10)})},
        "folder": many(500, "mallory/deep/"),
        "folder in a zip": many(500, "mallory/deep/"),
    }[form]
    for name, data in (class_ | bad).items():
        write(tmp_path / "in", name, data)
    source = tmp_path / "in"
    if form == "folder in a zip":
        source = write(tmp_path, "all.zip", packed(class_ | bad))
    found = find(source)
    theirs = [one for one in found.submissions if one.name.startswith("mallory")]
    assert (len(theirs), len(found.submissions)) == (20, 23)
    assert found.left_out == {next(iter(found.left_out)): 480}
    assert all("500 notebooks and scripts. 20 are graded; 480 are left out." in one.notes[0] for one in theirs)
    assert len([one for one in find(source, most=3).submissions if one.name.startswith("mallory")]) == 3


def test_what_is_left_out_is_said_and_a_row_says_so(tmp_path, capsys):
    write(tmp_path / "in", "mallory.zip", packed(many(5)))
    write(tmp_path / "in", "alice.ipynb", b"")
    assert grader("batch", tmp_path / "in", "--out", tmp_path / "out", "--jobs", "1", "--max-files", "2") == 0
    assert "mallory.zip: more than 2 notebooks in one hand-in; 3 were left out" in capsys.readouterr().out
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "out").glob("mallory*/feedback.html")]
    assert len(pages) == 2
    assert all("3 are left out" in page for page in pages)


@pytest.mark.parametrize("prefix", ["", "section-a/", "spring/section-a/"])
def test_a_class_in_one_folder_or_in_sections_is_not_one_hand_in(tmp_path, prefix):
    files = many(60, prefix) | {"section-b/x.ipynb": b""} | many(40, "section-b/") if prefix else many(60)
    for name, data in files.items():
        write(tmp_path, name, data)
    assert len(names(tmp_path)) == len(files)


def test_of_many_files_notebooks_near_the_top_are_graded(tmp_path):
    files = {f"lib/{number:03}.py": b"" for number in range(30)} | {"z.ipynb": b"", "deep/er/y.ipynb": b""}
    write(tmp_path, "ada.zip", packed(files))
    assert {"ada.zip/z.ipynb", "ada.zip/deep/er/y.ipynb"} <= set(names(tmp_path))


def test_other_files_of_a_zip_are_counted_where_they_are_many(tmp_path):
    write(tmp_path, "ada.zip", packed({f"{number}.txt": b"" for number in range(100)} | {"a.ipynb": b""}))
    found = find(tmp_path)
    assert len(found.ignored) == 21
    assert found.ignored["ada.zip: 80 further files"] == "not a notebook"


def test_a_zip_of_too_many_members_is_refused_before_they_are_read(tmp_path, monkeypatch):
    write(tmp_path, "ada.zip", packed(many(300)))
    monkeypatch.setattr(submissions, "MOST_INNER_FILES", 299)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # it is not even opened
    assert "too many files" in find(tmp_path).ignored["ada.zip"]


def test_names_and_paths_without_end_are_read_and_shortened(tmp_path):
    deep = "/".join(["d"] * 20_000)
    write(
        tmp_path,
        "ada.zip",
        packed({f"{'x' * 30_000}.ipynb": b"1", f"{'x' * 29_999}.ipynb": b"2", f"{deep}/a.ipynb": b"3"}),
    )
    found = find(tmp_path).submissions
    assert len({one.name for one in found}) == 3
    assert all(len(one.name) < 1000 for one in found)
    assert all(one.name.endswith(".ipynb") for one in found)
    contents = set()
    for one in found:
        with submissions.opened(one) as path:
            contents.add(path.read_bytes())
    assert contents == {b"1", b"2", b"3"}


def test_folders_nested_deeper_than_python_recurses_are_walked(tmp_path):
    folders = [tmp_path]
    try:
        for _ in range(1200):
            folders.append(folders[-1] / "d")
            folders[-1].mkdir()
        (folders[-1] / "a.ipynb").write_bytes(b"")
        assert len(names(tmp_path)) == 1
    finally:  # what pytest clears away itself must not be so deep
        (folders[-1] / "a.ipynb").unlink(missing_ok=True)
        for folder in folders[:0:-1]:
            folder.rmdir()


# --- what is a notebook by its name --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.ipynb", ".ipynb"),
        ("A.IPYNB", ".ipynb"),
        ("a.py", ".py"),
        ("a.ipynb.json", ".ipynb"),
        ("a.ipynb.txt", ".ipynb"),
        ("a.ipynb.json.txt", ".ipynb"),
        ("a.ipynb (1).json", ".ipynb"),
        ("a.ipynb(2).txt", ".ipynb"),
        ("a.ipynb-1.json", ".ipynb"),
        ("a.ipynb (1)", ""),
        ("a.json", ""),
        ("a.txt", ""),
        ("a.ipynb.html", ""),
        ("a.ipynb.bak", ""),
        (".json", ""),
    ],
)
def test_notebooks_are_known_by_their_names_also_as_browsers_rename_them(name, suffix):
    assert submissions.suffix_of(name) == suffix


def test_renamed_notebooks_are_graded_and_get_annotated(tmp_path):
    write(tmp_path / "in", "safari.ipynb.json", RIGHT)
    assert grader("check", tmp_path / "in" / "safari.ipynb.json", "--quiet") == 0
    assert grader("batch", tmp_path / "in", "--out", tmp_path / "out", "--jobs", "1", "--quiet", "--annotated") == 0
    assert len(list((tmp_path / "out").glob("safari*/annotated.ipynb"))) == 1


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.md", JUPYTEXT, True),
        ("a.md", b"\xef\xbb\xbf" + JUPYTEXT, True),
        ("a.md", FENCED, True),
        ("a.MD", FENCED.replace(b"```python", b"```{code-cell} ipython3"), True),
        ("README.md", FENCED, False),
        ("README.md", JUPYTEXT, True),
        ("a.md", b"# Notes\n\nWrite `def initialize_parameters_zeros(layers_dims):` here.\n", False),
        ("a.md", b"```python\ndef other(x):\n    pass\n```\n", False),
        ("a.md", b"---\ntitle: mine\n---\ntext\n", False),
        ("a.md", b"", False),
    ],
)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_markdown_is_a_submission_if_it_is_a_notebook(tmp_path, name, content, found, form):
    write(tmp_path, name if form == "folder" else "x.zip", content if form == "folder" else packed({name: content}))
    assert len(names(tmp_path)) == found
    assert len(find(tmp_path).ignored) == (not found)


# --- what collect takes from a hand-in -----------------------------------------------------------------------------


def collected(tmp_path: Path, files: dict[str, bytes]) -> Entry:
    for name, data in files.items():
        write(tmp_path / "down", name, data)
    found = contents([tmp_path / "down"])
    handed_in = [HandedIn("1", "Ada", [HandedInFile(one.name, one, {"zip_member": one.name}) for one in found.members])]
    lay_out(Collect([tmp_path], tmp_path / "out", functions=FUNCTIONS), "canvas", handed_in, found)
    (entry,) = manifest.read(tmp_path / "out" / "manifest.json").entries
    return entry


@pytest.mark.parametrize(
    ("files", "original"),
    [
        ({"a.ipynb.json": RIGHT}, "a.ipynb.json"),
        ({"a.ipynb.txt": RIGHT, "notes.txt": b""}, "a.ipynb.txt"),
        ({"hw.zip": packed({"src/a.ipynb": RIGHT, "notes.txt": b""})}, "hw.zip/src/a.ipynb"),
        ({"hw.zip": packed({"a.ipynb.json": RIGHT}), "empty.ipynb": b""}, "hw.zip/a.ipynb.json"),
        ({"hw.zip": packed({"in.zip": packed({"a.ipynb": RIGHT})})}, "hw.zip/in.zip/a.ipynb"),
    ],
)
def test_collect_finds_what_batch_finds(tmp_path, files, original):
    entry = collected(tmp_path, files)
    assert (entry.file, entry.original) == ("Ada_1.ipynb", original)
    assert (tmp_path / "out" / "Ada_1.ipynb").read_bytes() == RIGHT
    assert entry.lms["zip_member"] == original.split("/")[0]
    assert {*entry.others} == {*files} - {original.split("/")[0]}


@pytest.mark.parametrize("data", [b"PK", packed({}), packed({"a.txt": b""}), RIGHT])
def test_collect_names_a_zip_without_a_notebook(tmp_path, data):
    entry = collected(tmp_path, {"hw.zip": data})
    assert entry.file is None
    assert entry.note == "There is no notebook in this hand-in: hw.zip"


def test_collect_looks_at_so_many_files_of_one_student(tmp_path):
    entry = collected(tmp_path, {"hw.zip": packed(many(300)), **many(100, "z")})
    assert entry.file == "Ada_1.ipynb"
    assert entry.note == "400 notebooks and scripts were handed in, and only 20 were looked at."
    assert len(entry.others) <= 51
    assert len(json.dumps(entry.others)) < 5000


# --- check ---------------------------------------------------------------------------------------------------------


def test_check_opens_a_zip_of_one_notebook(tmp_path, capsys):
    one = write(tmp_path, "hw.zip", packed({"src/a.ipynb": RIGHT, "notes.txt": b""}))
    assert grader("check", one, "--quiet") == 0
    two = write(tmp_path, "two.zip", packed({"a.ipynb": RIGHT, "b.ipynb": RIGHT}))
    assert grader("check", two) == 2
    assert "has 2 notebooks in it: two.zip/a.ipynb, two.zip/b.ipynb" in capsys.readouterr().err


def test_check_says_what_to_do_with_a_folder_and_with_two_notebooks(tmp_path, capsys):
    assert grader("check", tmp_path) == 2
    assert "is a folder, not a notebook" in (error := capsys.readouterr().err)
    assert "grader batch" in error
    assert grader("check", write(tmp_path, "a.ipynb", RIGHT), write(tmp_path, "b.ipynb", RIGHT)) == 2
    assert "grader batch" in capsys.readouterr().err


# --- how much is kept and shown of one function --------------------------------------------------------------------

DRAWN = """def initialize_parameters_random(layers_dims):
    np.random.seed(None)
    parameters = {}
    for l in range(1, len(layers_dims)):
        parameters["W" + str(l)] = np.random.randn(layers_dims[l], layers_dims[l - 1]) * 10
        parameters["b" + str(l)] = np.zeros((layers_dims[l], 1))
"""
HEAVY = {
    "many arrays": DRAWN
    + "    for i in range(40): parameters['x%d' % i] = np.random.rand(7000)\n    return parameters\n",
    "large arrays": DRAWN + "    parameters['W1'] = np.random.rand(400, 400)\n    return parameters\n",
    "long names": DRAWN
    + "    for i in range(59): parameters['<&' * 39 + str(i)] = np.zeros(1)\n    return parameters\n",
    "long message": "def initialize_parameters_random(layers_dims):\n    raise ValueError('<&' * 100_000)\n",
    "long code": DRAWN
    + "".join(f"    x{i} = {i} + (1 if {i} < 3 else 2)\n" for i in range(2000))
    + "    return parameters\n",
    "lines to be escaped": DRAWN + f"    s = '{'<&' * 78}'\n" * 500 + "    return parameters\n",
    "long line": DRAWN + f"    s = '{'<&' * 50_000}'\n    return parameters\n",
    "many definitions": (DRAWN + "    return parameters\n\n") * 300,
}


@pytest.fixture(scope="module")
def pipeline():
    with Pipeline(service.load_exercise(), b"0" * 32) as running:
        yield running


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in HEAVY.items()])
def test_page_result_and_store_are_bounded_whatever_a_function_is(pipeline, source):
    every = {name: source.replace("_random(", f"_{name}(") for name in ("zeros", "random", "he")}
    data = solved(**every)
    evidence, result = pipeline.graded(parse(data, "a.ipynb"))
    assert len(html.feedback_page(result).encode()) < 200_000
    assert len(gradebook.result_json(result).encode()) < 250_000
    packed_evidence = pack_evidence(evidence)
    assert sum(map(len, packed_evidence.outcomes.values())) < 1_200_000
    assert len(packed_evidence.head) < 100_000 + 8 * len(data)


def test_arrays_that_are_cut_short_are_said_to_be(pipeline):
    _, result = pipeline.graded(parse(solved(random=HEAVY["many arrays"]), "a.ipynb"))
    check = result.functions["initialize_parameters_random"].checks[0]
    assert "x0, x1" in check.message
    assert "and 20 more" in check.message
    assert "too large, so only samples of them are stored" in (check.hint or "")


def test_long_code_says_how_much_is_missing_and_changes_with_the_rest(pipeline):
    codes = []
    for last in ("1", "2"):
        source = HEAVY["long code"].replace("    return parameters", f"    y = {last}\n    return parameters")
        _, result = pipeline.graded(parse(solved(random=source), "a.ipynb"))
        codes.append(result.functions["initialize_parameters_random"].source.code)
    assert all("more characters are left out here" in code and len(code) < 21_000 for code in codes)
    assert codes[0] != codes[1]  # so a ruling on the one is none on the other


@pytest.mark.parametrize("value", [0.0, 2.5, float("nan"), float("inf")])
def test_a_sample_of_an_array_has_what_checks_look_for(value):
    numbers = np.zeros((300, 200))
    numbers[250, 7] = value
    array = Array.of(numbers).sample()
    assert array.is_sample
    assert len(array.data) < 200
    assert array.numpy().shape == (300, 200)
    assert bool(np.isfinite(array.numpy()).all()) == bool(np.isfinite(value))
    assert bool((array.numpy() == 0).all()) == (value == 0)


def test_arrays_of_the_size_asked_for_are_kept_whole():
    call = Call((300, 200, 1), 0)
    arrays = {"W1": Array.of(np.ones((300, 200))), "b1": Array.of(np.ones(200)), "W2": Array.of(np.ones((900, 900)))}
    (outcome,) = bounded([Outcome(call, "returned", arrays)])
    assert (outcome.arrays["W1"], outcome.arrays["b1"]) == (arrays["W1"], arrays["b1"])
    assert outcome.arrays["W2"].is_sample
    assert outcome.message
    (ordinary,) = bounded([Outcome(call, "returned", {"W1": arrays["W1"]})])
    assert ordinary.message == ""


def fence_seconds(data: bytes) -> float:
    started = time.process_time()
    for _ in range(5):
        assert not submissions.is_markdown_notebook("x.md", data, ["f"])
    return time.process_time() - started


@pytest.mark.parametrize("text", [b"`" * 4, b"~~~~", b"```\n", b"``` ", b" \t  ", b"def ", b"---\n", b"\n\n\n\n"])
def test_looking_into_markdown_takes_time_in_proportion_to_its_length(text):
    fence_seconds(text * 1000)
    shorter, longer = (min(fence_seconds(text * 8_000 * times) for _ in range(3)) for times in (1, 8))
    assert longer < 20 * shorter + 0.05  # quadratic time would be 64 times as much, and seconds of it


def test_choosing_a_file_reads_it_within_limits(monkeypatch):
    from grader import reading
    from grader.lms.common import choice

    code = "x = " + "(" * 90 + "1" + ")" * 90 + "\n" + "y = [" + "1," * 40_000 + "]\n"
    jobs = []

    def answered(job, kind, limits):
        jobs.append((job, limits.reading_cpu_seconds))
        raise reading.LimitError("more than 3 seconds of computing")

    monkeypatch.setattr(reading, "answered", answered)
    assert choice.done_in(code.encode(), "hw.py", FUNCTIONS) == (0, 0)
    assert len(jobs) == 1


def test_a_name_with_control_characters_reaches_no_terminal_through_the_gradebook():
    assert gradebook.shown_cell("a\x1b[31m\x07\x9b.ipynb") == "a\\x1b[31m\\x07\\x9b.ipynb"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder `graded` with store, rulings and manifest that another account made."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "theirs"))
    write(tmp_path, "downloads/eve.ipynb", solved())
    with Store(tmp_path / "downloads" / "graded" / "grades.sqlite"):
        pass
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "downloads" / "graded"


def test_a_store_that_another_account_made_is_refused_by_every_command(elsewhere, capsys):
    commands = (
        ("batch", elsewhere.parent, "--out", elsewhere), ("batch", elsewhere.parent, "--out", elsewhere, "--fresh"),
        ("regrade", elsewhere), ("regrade", elsewhere, "--preview"), ("review", elsewhere), ("summary", elsewhere),
        ("override", elsewhere, "eve.ipynb", "random", "10", "--reason", "x", "--by", "x"),
        ("rulings", "export", elsewhere, "--out", elsewhere.parent.parent / "r.csv"),
    )  # fmt: skip
    for command in commands:
        assert grader(*command) == 2
        said = capsys.readouterr().err
        assert "this account's grader did not write the store" in said
        assert "--trust-store" in said


def test_a_store_that_a_person_trusts_is_sealed_from_then_on(elsewhere, monkeypatch):
    monkeypatch.setattr(store_module, "_TRUSTED", set())
    trust(elsewhere / "grades.sqlite")
    with Store(elsewhere / "grades.sqlite"):
        pass
    monkeypatch.setattr(store_module, "_TRUSTED", set())
    require_ours(elsewhere / "grades.sqlite")
    monkeypatch.setenv("XDG_DATA_HOME", str(elsewhere.parent.parent / "theirs"))
    require_ours(elsewhere / "grades.sqlite")  # for the account that made it as well


@pytest.mark.parametrize("name", ["rulings.jsonl", "manifest.json"])
def test_what_would_be_believed_beside_a_store_is_refused_without_one(tmp_path, capsys, name):
    write(tmp_path, "in/eve.ipynb", solved())
    write(tmp_path, f"out/{name}", b"{}")
    assert grader("batch", tmp_path / "in", "--out", tmp_path / "out") == 2
    assert f"{name} without the store" in capsys.readouterr().err


def test_a_folder_that_was_handed_in_takes_no_results(tmp_path, capsys):
    write(tmp_path, "in/graded/hw.ipynb", solved())
    assert grader("batch", tmp_path / "in", "--out", tmp_path / "in/graded") == 2
    assert "may have handed them in" in capsys.readouterr().err


def test_a_new_store_in_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module.os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    if not tmp_path.stat().st_uid:
        store_module.os.chown(tmp_path, 12345, 12345)
    with pytest.raises(RequestError, match="belongs to another user"):
        require_ours(tmp_path / "grades.sqlite")
    monkeypatch.setattr(store_module.os, "geteuid", lambda: 0)
    require_ours(tmp_path / "grades.sqlite")  # root works in the folder of a user
