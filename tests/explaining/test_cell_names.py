"""Messages name a cell by what its student sees: its execution count, or else its first line."""

import json
from dataclasses import replace

import msgspec
import pytest
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit, notebook

from grader.api import load_exercise
from grader.messages import use
from grader.pipeline import Pipeline
from grader.reading.notebook import parse
from grader.records import Cell, KnownFault, Place, Problem
from grader.records.places import marked, with_names
from grader.rendering import fragment, text
from grader.rendering.annotated import function_note

pytestmark = pytest.mark.usefixtures("confined")
SEEDLESS = edit(RANDOM, ("    np.random.seed(3)\n", ""))


@pytest.fixture(scope="module")
def graded():
    with Pipeline(load_exercise(), b"a secret of the tests") as pipeline:

        def grade(*sources, counts=()):
            document = json.loads(notebook(*sources))
            for cell, count in zip(document["cells"], counts, strict=False):
                cell["execution_count"] = count
            return pipeline.graded(parse(json.dumps(document).encode(), "ada.ipynb"))[1]

        yield grade


@pytest.fixture
def language():
    yield use
    use()


def test_a_place_in_a_message_is_named_and_student_text_is_not():
    problem = Problem("x", f"See {Place(2, 3):}, not the text “cell 3, line 2”; {Place(1, 5)} has no name.")
    assert (
        with_names(problem, {3: "In [8]"}).message
        == "See In [8], line 2, not the text “cell 3, line 2”; cell 5, line 1 has no name."
    )
    plain = Problem("x", "cell 3, line 2")
    assert with_names((plain,), {3: "In [8]"})[0] is plain


@pytest.mark.parametrize(
    ("name", "seen"), [("en", "In [8], line 2"), ("es", "In [8], línea 2"), ("zh_CN", "In [8]\uff0c第 2 行")]
)
def test_places_are_named_in_every_language(language, name, seen):
    language(name)
    assert with_names(f"{Place(2, 3)}", {3: "In [8]"}) == seen
    assert with_names(Place(2, 3).whole_cell, {3: "In [8]"}) == "In [8]"
    assert with_names(f"{Place(2)}", {3: "In [8]"}) == str(Place(2))


def test_a_name_begins_a_sentence_with_a_capital():
    assert with_names(f"{marked('Cell 3')} is", {3: "cell “x = 1”"}) == "Cell “x = 1” is"


def test_the_name_of_a_hostile_cell_is_one_short_printable_line():
    name = Cell("code", "\u2063cell 3\u2063\x1b[2J" + "x" * 1000, 1).name
    assert name.isprintable()
    assert len(name) < 80


def test_a_seed_outside_and_a_second_definition_are_at_names(graded):
    result = graded(IMPORTS, "np.random.seed(3)", ZEROS, SEEDLESS, HE, HE, counts=[1, 12, 3, 4, 5, 60])
    whole = msgspec.json.encode(result).decode()
    assert "In [12], line 1" in whole
    assert "(In [5], line 1 and In [60], line 1)" in result.notebook.problems[0].message
    assert "\u2063" not in whole
    assert "cell 2, line 1" not in whole

    shown = fragment.function_text(NAMES[1], result.functions[NAMES[1]])
    assert "In [12], line 1" in text.clean(shown)


def test_equal_code_in_other_cells_is_named_by_each_students_cells(graded):
    first = graded(IMPORTS, "np.random.seed(3)", ZEROS, SEEDLESS, HE, counts=[1, 12, 3, 4, 5])
    second = graded(IMPORTS, "np.random.seed(3)", ZEROS, SEEDLESS, HE, counts=[1, 99, 3, 4, 5])
    hint = {check.name: check.hint for check in first.functions[NAMES[1]].checks}
    other = {check.name: check.hint for check in second.functions[NAMES[1]].checks}
    assert "In [12]" in json.dumps(hint)
    assert "In [99]" in json.dumps(other)
    assert first.functions[NAMES[0]] == second.functions[NAMES[0]]


def test_what_has_no_folds_keeps_the_answer_of_an_idea_back(graded):
    result = graded(IMPORTS, ZEROS, RANDOM, edit(HE, ("np.sqrt(2 / layers_dims[l-1])", "(2 / layers_dims[l-1])")))
    function = result.functions[NAMES[2]]
    assert "sqrt(2/n_in)" in function.told[0].action + (function.told[0].asked or "")
    for piece in (
        fragment.function_html(function),
        fragment.function_text("he", function),
        function_note("he", function),
    ):
        assert "2/n_in" in piece
        assert "sqrt(2/n_in)" not in piece
    shown = replace(function, known=KnownFault("root", "One change.", None, "old", "new"))
    assert "sqrt(2/n_in)" in fragment.function_text("he", shown)
