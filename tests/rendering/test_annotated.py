"""The annotated notebook: the student's cells stay as they were, the notes say what the page says, nothing runs."""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import nbformat
import pytest
from markdown_it import MarkdownIt
from notebooks import HE, IMPORTS, RANDOM, ZEROS, edit, notebook, solved, write

from grader import api as service
from grader.cli import main
from grader.records import Result
from grader.rendering import annotated, image

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

SAMPLES = Path(__file__).parents[2] / "submissions"
SCALE_001 = edit(RANDOM, ("* 10", "* 0.01"))
EVIL = (
    "<script>alert(1)</script> ``` `x` $\\\\alpha$ $$x$$ \\\\begin{equation} [a](http://evil.test) ![b](http://evil.test/p.png) "
    "www.evil.test https://evil.test <img src=x onerror=alert(1)> me@evil.test | **b** __c__ ~~d~~ &lt; # e"
)
PICTURE = re.compile(r'<img src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)" alt="([^"<>]+)">')  # as we write one


@pytest.fixture(autouse=True)
def own_home(in_process, tmp_path, monkeypatch):
    """Nothing is written into the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def annotate(path: Path) -> tuple[dict, dict]:
    """What the file holds and what its annotated notebook holds."""
    data = path.read_bytes()
    made = annotated.notebook(data, service.check(path))
    nbformat.validate(nbformat.reads(made, as_version=nbformat.NO_CONVERT))
    return json.loads(data), json.loads(made)


def notes(document: dict) -> list[str]:
    return ["".join(cell["source"]) for cell in document["cells"] if "note" in cell["metadata"].get("grader", {})]


def plain(cell: dict) -> dict:
    """A cell as any reader of notebooks sees it: lists of lines joined, without its id."""
    (cell,) = nbformat.v4.rwbase.rejoin_lines(nbformat.from_dict({"cells": [cell]}))["cells"]
    return {key: value for key, value in cell.items() if key != "id"}


@pytest.mark.parametrize("name", ["scale_one_hundredth", "hostile_text", "stale_output", "right", "untouched"])
def test_the_students_cells_stay_as_they_were(name):
    before, after = annotate(SAMPLES / f"{name}.ipynb")
    assert [plain(cell) for cell in annotated.without_notes(after)["cells"]] == [plain(c) for c in before["cells"]]
    assert after["metadata"] == before["metadata"]
    assert len(notes(after)) >= 2


def test_each_note_stands_below_its_functions_cell(tmp_path):
    _, after = annotate(write(tmp_path, "a.ipynb", solved(random=SCALE_001)))
    kinds = ["".join(cell["source"]).split("(")[0].split("\n")[0] for cell in after["cells"]]
    assert kinds == [
        "# Feedback: 27 of 30",
        "import numpy as np",
        "def initialize_parameters_zeros",
        "## Feedback: initialize_parameters_zeros: 10 of 10",
        "def initialize_parameters_random",
        "## Feedback: initialize_parameters_random: 7 of 10",
        "def initialize_parameters_he",
        "## Feedback: initialize_parameters_he: 10 of 10",
    ]
    assert all(cell["metadata"]["tags"] == ["grader-note"] for cell in after["cells"] if "grader" in cell["metadata"])


@pytest.mark.parametrize(
    ("sources", "note", "says"),
    [
        ([IMPORTS, ZEROS, SCALE_001, HE], 2, "multiplied by the required factor: failed** (0 of 3)"),
        ([IMPORTS, ZEROS, SCALE_001, HE], 2, "**To change: wrong scale.** Multiply the random numbers by 10"),
        ([IMPORTS, ZEROS, SCALE_001, HE], 2, "Yours: `np.random.randn(layers_dims[l], layers_dims[l-1]) * 0.01`"),
        ([IMPORTS, ZEROS, SCALE_001, HE], 2, "accuracy:** 0.4633 / 0.48; the right answer's: 0.83 / 0.86"),
        (
            [IMPORTS, ZEROS, SCALE_001, HE],
            2,
            "line 6), the function passes every check. Look at the number that you multiply by",
        ),
        ([IMPORTS, ZEROS, SCALE_001, HE], 0, "**Next step:** `initialize_parameters_random` (line 6 of its cell)"),
        ([IMPORTS, ZEROS, RANDOM], 0, "## Feedback: initialize_parameters_he: 0 of 10"),
        ([f"{IMPORTS}\n{ZEROS}\n{RANDOM}\n{HE}"], 3, "## Feedback: initialize_parameters_he: 10 of 10"),
        (["x = 1"], 0, "# Feedback: 0 of 30"),
    ],
)
def test_what_the_notes_say(sources, note, says, tmp_path):
    _, after = annotate(write(tmp_path, "a.ipynb", notebook(*sources)))
    assert says in notes(after)[note]


def test_the_note_at_the_top_follows_the_page():
    """Next step, why, picture, details: with words for who does not see the picture, and without anything that runs."""
    before, after = annotate(SAMPLES / "scale_one_hundredth.ipynb")
    top = notes(after)[0]
    parts = (
        "Next step:",
        "Your code works, only the scale differs",
        "<img",
        "A plateau",
        "`initialize_parameters_zeros`: 10 of 10",
    )
    images = [(base64.b64decode(data).decode(), words) for data, words in PICTURE.findall(top)]
    assert [top.count("<img"), *map(top.index, parts)] == [2, *sorted(map(top.index, parts))]
    for svg, _ in images:
        assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
        assert not re.search("script|href|url|import|foreignObject", svg)
    assert "yours 0.4633, right 0.83 and He 0.9933" in images[1][1]
    assert len(json.dumps(after)) - len(json.dumps(before)) < 50_000


def test_without_a_picture_the_note_at_the_top_is_words_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "draw", lambda _: 1 / 0)
    _, after = annotate(write(tmp_path, "a.ipynb", solved(random=SCALE_001)))
    assert "<img" not in notes(after)[0]
    assert "`initialize_parameters_zeros`: 10 of 10" in notes(after)[0]


def test_stale_outputs_are_noted():
    _, after = annotate(SAMPLES / "stale_output.ipynb")
    assert "**The output saved in your notebook:** Your notebook printed" in notes(after)[2]


def test_annotating_twice_gives_the_notes_once(tmp_path):
    before, once = annotate(SAMPLES / "scale_one_hundredth.ipynb")
    again = write(tmp_path, "again.ipynb", json.dumps(once).encode())
    _, twice = annotate(again)
    assert len(notes(twice)) == len(notes(once)) == 4
    assert [plain(c) for c in annotated.without_notes(twice)["cells"]] == [plain(cell) for cell in before["cells"]]


def verdict(result: Result) -> tuple:
    """All of a result that does not name a cell."""
    rows = [
        (name, one.status, one.points, one.diagnosis.causes, [(c.name, c.verdict, c.points) for c in one.checks])
        for name, one in result.functions.items()
    ]
    return result.score, result.possible, result.notebook.status, rows


@pytest.mark.parametrize(
    "name",
    [
        "right", "hostile_text", "untouched_old_course", "seed_at_the_top",
        *(pytest.param(name, marks=pytest.mark.slow) for name in (
            "scale_one_hundredth", "stale_output", "untouched", "random_biases", "seed_missing", "syntax_error", "global_math",
            "uniform", "he_without_root", "odd_but_right",
        )),
    ],
)  # fmt: skip
def test_an_annotated_notebook_gets_the_verdict_of_its_original(name, tmp_path):
    source = SAMPLES / f"{name}.ipynb"
    first = service.check(source)
    again = service.check(write(tmp_path, "again.ipynb", annotated.notebook(source.read_bytes(), first).encode()))
    assert verdict(again) == verdict(first)


def test_notes_are_taken_out_by_the_command(tmp_path, capsys):
    path = SAMPLES / "scale_one_hundredth.ipynb"
    with_notes, without = tmp_path / "with.ipynb", tmp_path / "without.ipynb"
    assert main(["check", str(path), "--annotated", str(with_notes), "--quiet"]) == 1
    assert main(["unannotate", str(with_notes), "--out", str(without)]) == 0
    after, before = json.loads(without.read_bytes()), json.loads(path.read_bytes())
    assert [plain(cell) for cell in after["cells"]] == [plain(cell) for cell in before["cells"]]
    assert str(without) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (solved(), "it has none of the grader's notes"),
        (b"[]", "it is not a notebook"),
        (b"\xff\xfe", "has no notes to take out"),
        (b'{"cells": [{"cell_type": "markdown", "metadata": {"grader": {"note": true}}, "source": ""}]}', "it has only the grader's notes"),
    ],
)  # fmt: skip
def test_what_has_no_notes_is_a_bad_request(data, says, tmp_path, capsys):
    path = write(tmp_path, "a.ipynb", data)
    assert main(["unannotate", str(path), "--out", str(tmp_path / "b.ipynb")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "b.ipynb").exists()


def test_code_that_says_it_is_a_note_stays(tmp_path):
    document = json.loads(solved())
    document["cells"][2]["metadata"] = {"grader": {"note": True}}
    _, after = annotate(write(tmp_path, "a.ipynb", json.dumps(document).encode()))
    assert [cell["cell_type"] for cell in annotated.without_notes(after)["cells"]] == ["code"] * 4


def old_format(version: int) -> bytes:
    cells = [
        {"cell_type": "code", "input": source, "language": "python", "outputs": [], "collapsed": False, "metadata": {}}
        for source in (IMPORTS, ZEROS, SCALE_001, HE)
    ]
    heading = {"cell_type": "heading", "level": 1, "source": "Initialization", "metadata": {}}
    sheets = [{"cells": [heading, *cells], "metadata": {}}]
    return json.dumps(
        {"nbformat": version, "nbformat_minor": 0, "metadata": {"name": "a"}, "worksheets": sheets}
    ).encode()


def edited(**changes: object) -> bytes:
    document = json.loads(solved())
    document["cells"][0] |= changes
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "own_cells"),
    [
        (old_format(3), 5),
        (old_format(2), 5),
        (b"\xef\xbb\xbf" + solved(), 4),
        (edited(id="same id!"), 4),
        (edited(source="import numpy as np\r\n"), 4),
        (edited(source="import numpy as np # \ud800"), 4),
        (edited(metadata=3), 4),
        (edited(outputs=[{"output_type": "stream", "name": "stdout", "text": 3}]), 4),
        (edited(metadata={"deep": json.loads("[" * 900 + "]" * 900)}), None),
        (solved().replace(b'"metadata": {}', b'"metadata": {"x": NaN}', 1), 4),
        (solved().replace(b'"metadata": {}', b'"metadata": {"x": 1e999}', 1), 4),
        (solved() + b"trailing", 0),
        (solved()[:-40], 0),
        (solved().decode().encode("utf-16"), 0),
        (b"", 0),
        (b"[]", 0),
        (b"\x80\x04", 0),
        (b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', 0),
    ],
)
def test_any_file_gives_a_valid_notebook(data, own_cells, tmp_path):
    path = write(tmp_path, "a.ipynb", data)
    result = service.check(path)
    for make in (annotated.notebook, annotated.page):
        make(data, result)
    after = json.loads(annotated.notebook(data, result))
    nbformat.validate(nbformat.from_dict(after))
    assert after["nbformat"] == 4
    assert notes(after)[0].startswith("# Feedback: ")
    if own_cells is not None:
        assert len(annotated.without_notes(after)["cells"]) == own_cells
    assert ("Your own cells are not in this file" in notes(after)[0]) == (len(after["cells"]) == len(notes(after)))


def foreign(*extra: object, metadata: object = None, **changes: object) -> bytes:
    """A notebook of another tool: further cells after the first, other settings."""
    document = json.loads(solved())
    document["cells"][1:1] = extra
    document["metadata"] = {} if metadata is None else metadata
    document |= changes
    return json.dumps({key: value for key, value in document.items() if value != "absent"}).encode()


DEEPNOTE = {"deepnote_notebook_id": "x", "deepnote_execution_queue": [], "orig_nbformat": 2, "deepnote": {}}
VSCODE = {
    "kernelspec": {"display_name": "Python 3"},
    "language_info": {"version": "3.11"},
    "vscode": {"interpreter": {}},
}


@pytest.mark.parametrize(
    ("data", "cells"),
    [
        (
            foreign(
                {"cell_type": "sql", "metadata": {"deepnote_cell_type": "sql"}, "source": "SELECT 1"}, metadata=DEEPNOTE
            ),
            5,
        ),
        (foreign({"cell_type": "input-text", "source": ["x"]}, {"source": "no type"}, 7, None), 8),
        (foreign(metadata=VSCODE), 4),
        (
            foreign(metadata={"kernelspec": None, "language_info": 3, "title": 3, "authors": "me", "orig_nbformat": 0}),
            4,
        ),
        (foreign({"cell_type": "code", "language": "python", "source": "x", "metadata": {"tags": "x", "name": 3}}), 5),
        (
            foreign(
                {
                    "cell_type": "code",
                    "source": "x",
                    "execution_count": "5",
                    "outputs": {},
                    "metadata": {"collapsed": 1},
                }
            ),
            5,
        ),
        (foreign({"cell_type": "markdown", "source": "x", "attachments": {"a.png": "x"}, "id": 3}), 5),
        (
            foreign(
                {"cell_type": "markdown", "source": "x", "attachments": {"a.png": {"image/png": "x"}}, "outputs": []}
            ),
            5,
        ),
        (foreign(nbformat="absent", nbformat_minor="absent"), 4),
        (foreign(nbformat_minor="2", metadata=[]), 4),
        (foreign(nbformat=5, extra={"x": 1}), 4),
    ],
)
def test_every_cell_of_another_tools_notebook_is_kept(data, cells, tmp_path):
    _, after = annotate(write(tmp_path, "a.ipynb", data))
    before = json.loads(data)["cells"]
    own = annotated.without_notes(after)["cells"]
    assert len(own) == cells
    assert len(notes(after)) == 4
    for cell, mine in zip(before, own, strict=True):
        source = cell.get("source", "") if isinstance(cell, dict) else json.dumps(cell)
        assert "".join(mine["source"]) == "".join(source)
    assert "Your own cells are not" not in notes(after)[0]


def test_a_cell_of_an_unknown_type_keeps_its_type_beside_it(tmp_path):
    data = foreign({"cell_type": "sql", "metadata": {"x": 1}, "source": "SELECT 1"})
    _, after = annotate(write(tmp_path, "a.ipynb", data))
    (cell,) = [cell for cell in after["cells"] if cell["cell_type"] == "raw"]
    assert cell["metadata"] == {"x": 1, "grader": {"cell_type": "sql"}}
    assert "Cells of an unknown type are raw cells" in notes(after)[0]


@pytest.mark.parametrize("data", [solved(random=SCALE_001), old_format(3)])
def test_the_same_file_gives_the_same_bytes(data, tmp_path):
    result = service.check(write(tmp_path, "a.ipynb", data))
    assert annotated.notebook(data, result) == annotated.notebook(data, result)
    assert annotated.page(data, result) == annotated.page(data, result)


@pytest.fixture
def evil(tmp_path) -> Path:
    raises = edit(HE, ("    parameters = {}", f"    raise ValueError('{EVIL}')"))
    return write(tmp_path, "evil [a](http:__evil.test) $x$.ipynb", solved(he=raises))


def test_text_of_the_student_is_nothing_but_text_in_markdown(evil):
    _, after = annotate(evil)
    allowed = {"text", "code_inline", "strong_open", "strong_close", "em_open", "em_close", "softbreak", "hardbreak"}
    markdown = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    for note in notes(after):
        tokens = markdown.parse(PICTURE.sub("", note))
        blocks = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
        assert blocks <= {"heading", "paragraph", "inline", "bullet_list", "list_item"}
        inline = [child for token in tokens for child in token.children or ()]
        assert {child.type for child in inline} <= allowed
        bare = " ".join(child.content for child in inline if child.type == "text")
        assert not re.search(r"[<$\\`\[|]|evil\.test|://", bare)
    assert any("<script>alert(1)</script>" in note for note in notes(after))


@pytest.mark.parametrize(
    ("said", "markdown"),
    [
        ("all is well, 0.5 / 0.5 (twice).", "all is well, 0.5 / 0.5 (twice)."),
        ("give b the shape (layers_dims[l], 1).", "give b the shape `(layers_dims[l], 1)`."),
        ("f_x, g_y and h", "`f_x`, `g_y` and h"),
        ("1. no list", "`1`. no list"),
        ("- no list", "`-` no list"),
        ("> no quotation", "`>` no quotation"),
        ("a `b` c", "a `b` c"),
        ("``", "``` `` ```"),
        ("$x$ and \\begin{a}", "`$x$` and `\\begin {a}`"),
        ("", ""),
        ("a\nb\x1b", "a `b\\x1b`"),
    ],
)
def test_prose(said, markdown):
    assert annotated.prose(said) == markdown


HOSTILE_OUTPUTS = [
    {"text/html": "<script>alert(1)</script><img src=x onerror=alert(2)><iframe src='http://evil.test'></iframe>"},
    {"text/html": "<link rel=stylesheet href=http://evil.test/a.css><style>@import 'http://evil.test/b.css'</style>"},
    {"text/html": "<table><tr><td background='http://evil.test/c.png' onclick=alert(3)>kept</td></tr></table>"},
    {"text/html": "<meta http-equiv=refresh content='0;url=http://evil.test'><base href='http://evil.test'>"},
    {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(4)'><script>alert(5)</script></svg>"},
    {"application/javascript": "alert(6)"},
    {"text/markdown": "![x](http://evil.test/d.png) [y](javascript:alert(7)) <script>alert(8)</script>"},
    {"text/latex": "$\\href{javascript:alert(9)}{x}$"},
    {"image/png": '"><script>alert(10)</script>'},
    {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}},
]


def hostile() -> bytes:
    """A notebook whose cells, outputs and metadata try to run and to fetch."""
    document = json.loads(solved(random=SCALE_001))
    shown = [
        {"output_type": "display_data", "data": data, "metadata": {"text/html": {"isolated": True}}}
        for data in HOSTILE_OUTPUTS
    ]
    stream = {"output_type": "stream", "name": "stdout", "text": "</pre><script>alert(11)</script>\x1b[31mred\x1b[0m"}
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["<script>alert(12)</script>"]}
    document["cells"][0]["outputs"] = [*shown, stream, error]
    document["cells"][0]["metadata"] = {"tags": ['"><script>alert(13)</script>']}
    text = "# Mine\n\n<script>alert(14)</script><img src=x onerror=alert(15)> ![z](http://evil.test/e.png) $x$\n\n```mermaid\ngraph\n```"
    document["cells"].append({"cell_type": "markdown", "metadata": {}, "source": text})
    document["cells"].append(
        {"cell_type": "raw", "metadata": {"raw_mimetype": "text/html"}, "source": "<script>alert(16)</script>"}
    )
    return json.dumps(document).encode()


def test_the_page_holds_no_script_and_no_address_to_load(tmp_path):
    path = write(tmp_path, "h.ipynb", hostile())
    page = annotated.page(path.read_bytes(), service.check(path))
    assert not re.search(r"<(?:script|iframe|link(?! rel=\"icon\")|object|embed|base|form|svg)\b", page)
    assert not re.search(r"<[^>]*\b(?:src|srcset|background|data|action)\s*=\s*['\"]?(?!['\"]?data:image/)", page)
    headings = re.findall(r"<h[12]>(.*?)<", page)
    assert {"Feedback: initialize_parameters_random: 7 of 10", "Mine"} <= set(headings)
    assert "kept</td>" in page


@pytest.mark.browser
@pytest.mark.parametrize("name", ["hostile", "hostile_text", "right"])
def test_in_a_browser_nothing_runs_and_nothing_leaves(name, tab: Callable[..., Page], tmp_path):
    source = write(tmp_path, "h.ipynb", hostile()) if name == "hostile" else SAMPLES / f"{name}.ipynb"
    page = write(tmp_path, "page.html", annotated.page(source.read_bytes(), service.check(source)).encode())
    asked, ran = [], []
    listeners = {
        "request": lambda request: asked.append(request.url),
        "dialog": lambda dialog: (ran.append(dialog.message), dialog.dismiss()),
        "pageerror": lambda error: ran.append(str(error)),
    }
    opened = tab(390, listeners)
    opened.goto(page.as_uri())
    opened.wait_for_load_state("networkidle")
    assert ran == []
    assert [url for url in asked if not url.startswith("data:")] == [page.as_uri()]
    assert opened.locator(".celltag_grader-note").count() == 4
    shown = opened.locator(".celltag_grader-note img").evaluate_all("all => all.map(image => image.naturalWidth)")
    assert shown == [480, 480]
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 253, 251)"
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("source", ["[" * 300_000, "`" * 300_000, "*a " * 100_000, "> " * 100_000, "$" * 300_000])
def test_a_page_of_endless_text_is_bounded(source, tmp_path):
    document = json.loads(solved())
    document["cells"] += [{"cell_type": "markdown", "metadata": {}, "source": source}] * 2
    data = json.dumps(document).encode()
    page = annotated.page(data, service.check(write(tmp_path, "a.ipynb", data)))
    assert len(page) < 2_000_000
    assert "left out on this page" in page


def words_of_the_student(page: str) -> int:
    """How many characters of cells and outputs stand on a page, notes and tags aside."""
    cells = page.split("<main>")[1].split('<div class="cell')
    return sum(
        len(html.unescape(re.sub(r"<[^>]*>|\s", "", cell))) for cell in cells if "celltag_grader-note" not in cell
    )


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("markdown", marks=pytest.mark.slow),
        pytest.param("code", marks=pytest.mark.slow),
        "outputs",
        "empty",
    ],
)
def test_a_page_holds_so_much_and_no_more(kind, tmp_path):
    """The time of rendering is bounded by what is rendered: size and number, whatever the file holds."""
    document = json.loads(solved())
    made = {
        "markdown": {"cell_type": "markdown", "metadata": {}, "source": "[" * 50_000},
        "code": {"cell_type": "code", "metadata": {}, "source": "<p" * 25_000, "outputs": [], "execution_count": 1},
        "outputs": {"cell_type": "code", "metadata": {}, "source": "1", "execution_count": 1, "outputs": [
            {"output_type": "stream", "name": "stdout", "text": "a"}] * 300},
        "empty": {"cell_type": "markdown", "metadata": {}, "source": ""},
    }  # fmt: skip
    document["cells"] += [made[kind]] * (8 if kind == "outputs" else 1_000)
    data = json.dumps(document).encode()
    page = annotated.page(data, service.check(write(tmp_path, "a.ipynb", data)))

    assert words_of_the_student(page) < 2 * annotated._PAGE
    assert page.count('<div class="cell') <= annotated._PAGE // annotated._EACH + 4
    assert page.count('<div class="output_area') <= annotated._PAGE // annotated._EACH
    assert page.count("celltag_grader-note") >= 4  # also when there is room for nothing else


@pytest.mark.parametrize("where", ["cells", "outputs", "old"])
def test_a_notebook_of_endless_cells_gets_its_notes_alone(where, tmp_path):
    document = json.loads(old_format(3) if where == "old" else solved())
    cells = document["worksheets"][0]["cells"] if where == "old" else document["cells"]
    if where == "outputs":
        cells[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "a"}] * 6_000
    else:
        cells += [{"cell_type": "markdown", "metadata": {}, "source": "a"}] * 6_000
    data = json.dumps(document).encode()
    after = json.loads(annotated.notebook(data, service.check(write(tmp_path, "a.ipynb", data))))
    assert len(notes(after)) == len(after["cells"]) == 4
    assert "of ordinary size" in notes(after)[0]


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["ipynb", "html"])
def test_check_writes_it(suffix, tmp_path, capsys):
    path = write(tmp_path, "a.ipynb", solved(random=SCALE_001))
    assert main(["check", str(path), "--annotated", str(tmp_path / f"out.{suffix}"), "--quiet"]) == 1
    assert "Feedback: initialize_parameters_random: 7 of 10" in (tmp_path / f"out.{suffix}").read_text("utf-8")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["ipynb", "html"])
def test_a_kind_alone_means_beside_the_notebook(kind, tmp_path, capsys, monkeypatch):
    path = write(tmp_path, "a.ipynb", solved())
    monkeypatch.chdir(tmp_path.parent)
    assert main(["check", str(path), "--annotated", kind]) == 0
    made = tmp_path / f"a-annotated.{kind}"
    assert "Feedback: initialize_parameters_random: 10 of 10" in made.read_text("utf-8")
    assert f"annotated: {made}" in capsys.readouterr().out
    assert not (tmp_path.parent / kind).exists()


@pytest.mark.parametrize(
    ("notebook_name", "out", "says"),
    [
        ("a.ipynb", "out.pdf", "names no kind of file"),
        ("a.ipynb", "a.ipynb", "is the notebook to be graded"),
        ("a.ipynb", "no/such/folder/out.ipynb", "cannot be written"),
        ("a.py", "out.ipynb", "is a script"),
    ],
)
def test_what_cannot_be_made_is_a_bad_request(notebook_name, out, says, tmp_path, capsys):
    path = write(tmp_path, notebook_name, solved())
    assert main(["check", str(path), "--annotated", str(tmp_path / out), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "hint:" in said
    assert path.read_bytes() == solved()


def test_a_notebook_that_changed_meanwhile_is_not_annotated(tmp_path):
    path = write(tmp_path, "a.ipynb", solved())
    result = service.check(path)
    path.write_bytes(solved(random=SCALE_001))
    with pytest.raises(service.RequestError, match="changed while it was graded"):
        service.write_annotated(path, result, tmp_path / "out.ipynb")


def test_the_libraries_wait_until_they_are_needed():
    import subprocess
    import sys

    code = "import sys, grader.cli, grader.api, grader.rendering.annotated; print({'nbformat', 'nbconvert', 'bleach'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
