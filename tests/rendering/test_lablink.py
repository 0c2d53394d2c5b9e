"""Links from a feedback page to the lab carry a student's own numbers, and nothing else of theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from notebooks import HE, RANDOM, edit, solved, write

from grader import api as service
from grader.classroom import manifest
from grader.classroom.publish import lab_address
from grader.cli import main
from grader.errors import ExerciseError
from grader.lms.common import feedback
from grader.pipeline import Pipeline
from grader.records import Diagnosis
from grader.rendering import annotated, html
from grader.rendering.lablink import links, own_start

LAB = "../lab.html"
START = Diagnosis(
    distribution="normal", seed=3, seed_status="as_required", scale=(0.01, 0.01, 0.01), scale_formula="0.01", biases="zeros"
)  # fmt: skip


@pytest.fixture(scope="module")
def pipeline():
    with Pipeline(service.load_exercise(), b"secret") as opened:
        yield opened


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({}, "#mine=0.01&seed=3"),
        ({"seed": 42, "seed_status": "other", "causes": ("scale_constant", "seed_other")}, "#mine=0.01&seed=42"),
        ({"scale": (0.8, 0.4, 0.6), "causes": ("scale_fan_out",)}, "#mine=0.8:0.4:0.6&seed=3"),
        ({"scale": (0.1, 0.2, 0.3), "scale_formula": "sqrt(2/n_in)"}, "#mine=he&seed=3"),
        ({"distribution": "zeros", "seed": None, "seed_status": None, "scale": None}, "#mine=0"),
        ({"distribution": "zeros", "biases": "nonzero"}, ""),
        ({"seed_status": "missing", "seed": None}, ""),
        ({"seed_status": "reset_per_layer"}, ""),
        ({"distribution": "uniform"}, ""),
        ({"biases": "nonzero"}, ""),
        ({"causes": ("draw_order",)}, ""),
        ({"scale": ("inf", 1.0, 1.0)}, ""),
        ({"scale": (1e9, 1e9, 1e9)}, ""),
        ({"seed": 2**32}, ""),
        ({"scale": None}, ""),
    ],
)
def test_an_own_start_is_numbers_or_nothing(changes, address):
    assert own_start(replace(START, **changes)) == address


@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        ({}, ["../lab.html"]),
        ({"random": edit(RANDOM, ("* 10", "* 0.01"))}, ["../lab.html#mine=0.01&seed=3"]),
        ({"random": edit(RANDOM, ("    np.random.seed(3)\n", ""))}, ["../lab.html"]),
        (
            {"random": edit(RANDOM, ("* 10", "* 0.01")), "he": edit(HE, ("seed(3)", "seed(1)"))},
            ["../lab.html#mine=0.01&seed=3", "../lab.html#mine=he&seed=1"],
        ),
    ],
)
def test_a_page_links_to_each_run_that_is_not_right_yet(functions, expected, pipeline, tmp_path):
    result = pipeline.grade(write(tmp_path, "ada.ipynb", solved(**functions)))
    page = html.feedback_page(result, LAB)

    assert [link.address for link in links(result, LAB)] == expected
    assert all(f'href="{address}"'.replace("&", "&amp;") in page for address in expected)
    assert "lab-link" not in html.feedback_page(result).partition("</style>")[2]


def test_check_writes_the_lab_beside_the_page_unless_told_not_to(tmp_path):
    notebook = write(tmp_path, "ada.ipynb", solved())
    page, lab = tmp_path / "page.html", tmp_path / "lab.html"

    assert main(["check", str(notebook), "--html", str(page), "--no-lab", "--quiet"]) == 0
    assert not lab.exists()
    assert "lab.html" not in page.read_text(encoding="utf-8")
    assert main(["check", str(notebook), "--html", str(page), "--quiet"]) == 0
    assert lab.read_text(encoding="utf-8") == service.lab_page(service.load_exercise())
    assert 'href="lab.html"' in page.read_text(encoding="utf-8")


def test_check_replaces_no_other_page_of_that_name(tmp_path, capsys):
    notebook = write(tmp_path, "ada.ipynb", solved())
    (tmp_path / "lab.html").write_text("<!doctype html><title>My own lab</title>", encoding="utf-8")

    assert main(["check", str(notebook), "--html", str(tmp_path / "page.html"), "--quiet"]) == 2
    assert "lab.html" in capsys.readouterr().err
    assert "My own lab" in (tmp_path / "lab.html").read_text(encoding="utf-8")


def exercise_with(folder, lab_url):
    shipped = service.load_exercise().folder
    folder.mkdir()
    for path in shipped.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    toml = folder / "exercise.toml"
    toml.write_text(f"lab_url = {lab_url!r}\n{toml.read_text(encoding='utf-8')}", encoding="utf-8")
    return str(folder)


def test_a_page_links_to_the_lab_s_own_address_where_the_exercise_gives_one(tmp_path):
    notebook, page = write(tmp_path, "ada.ipynb", solved()), tmp_path / "page.html"
    exercise = exercise_with(tmp_path / "mine", "https://example.org/lab.html")

    options = ["--html", str(page), "--json", str(tmp_path / "a.json"), "--exercise", exercise, "--quiet"]
    assert main(["check", str(notebook), *options]) == 0
    assert 'href="https://example.org/lab.html"' in page.read_text(encoding="utf-8")
    assert '"lab_url": "https://example.org/lab.html"' in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert not (tmp_path / "lab.html").exists()


def test_comments_and_notes_link_to_the_lab_only_where_the_exercise_gives_its_address(pipeline, tmp_path):
    """With the student's own start; the address is text, so that it stays where a system takes out tags."""
    wrong = {"random": edit(RANDOM, ("* 10", "* 0.01")), "he": edit(HE, ("seed(3)", "seed(1)"))}
    path = write(tmp_path, "ada.ipynb", solved(**wrong))
    without = pipeline.grade(path)
    result = replace(without, lab_url="https://example.org/lab.html?a=1&b=2")

    for start in ("mine=0.01&seed=3", "mine=he&seed=1"):
        address = f"{result.lab_url}#{start}"
        escaped = address.replace("&", "&amp;")
        assert f": {address}" in feedback.plain(result)
        assert f'<a href="{escaped}">{escaped}</a>' in feedback.html(result)
        assert f": <{address}>" in annotated.notebook(path.read_bytes(), result)
    assert "(he): https://example.org" in feedback.plain(result)
    for text in (feedback.plain(without), feedback.html(without), annotated.notebook(path.read_bytes(), without)):
        assert "lab" not in text.replace("label", "")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "lab.html", 'https://example.org/"x', "https://example.org/#a"]
)
def test_an_address_that_is_none_is_refused_with_its_line(address, tmp_path):
    with pytest.raises(ExerciseError, match=r"exercise.toml, line 1: lab_url is"):
        service.load_exercise(exercise_with(tmp_path / "mine", address))


def test_a_class_has_one_lab_and_each_page_links_to_it(tmp_path):
    write(tmp_path / "in", "ada.ipynb", solved(random=edit(RANDOM, ("* 10", "* 0.01"))))
    out = tmp_path / "out"
    assert main(["batch", str(tmp_path / "in"), "--out", str(out), "--jobs", "1", "--quiet"]) == 0

    assert (out / "lab.html").read_text(encoding="utf-8") == service.lab_page(service.load_exercise())
    page = next(out.glob("*/feedback.html"))
    assert 'href="../lab.html#mine=0.01&amp;seed=3"' in page.read_text(encoding="utf-8")
    assert (page.parent / "../lab.html").resolve() == (out / "lab.html").resolve()


def test_pages_for_an_lms_link_only_to_the_address_that_the_exercise_gives(tmp_path):
    entries = (manifest.Entry(file="ada.ipynb", student="1", original="hw.ipynb"),)
    sealed = manifest.sealed(manifest.Manifest(system="canvas", entries=entries))
    (tmp_path / manifest.FILE).write_text(manifest.encode(sealed), encoding="utf-8")
    exercise = service.load_exercise()

    assert lab_address(exercise, tmp_path / "elsewhere") == "../lab.html"
    assert lab_address(exercise, tmp_path) == ""
    assert lab_address(replace(exercise, lab_url="https://example.org/"), tmp_path) == "https://example.org/"
    assert lab_address(replace(exercise, model=replace(exercise.model, layers=(3, 2, 1))), tmp_path / "elsewhere") == ""
