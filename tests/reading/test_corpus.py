"""Every sample of submissions/ is graded as its table says, from the file to the result, and its page says so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import policy
import pytest

from grader import api as service
from grader.memo import RememberingPipeline
from grader.rendering import html

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parents[2] / "submissions"
EXPECTED = tomllib.loads((FOLDER / "expected.toml").read_text(encoding="utf-8"))
SHORTS = ("zeros", "random", "he")


@pytest.fixture(scope="module")
def pipeline():
    with RememberingPipeline(service.load_exercise(), b"a secret of the tests") as running:
        yield running


RESULTS = {}


def graded(pipeline, sample):
    """Grade a sample once."""
    if sample not in RESULTS:
        RESULTS[sample] = pipeline.grade(FOLDER / EXPECTED[sample]["file"])
    return RESULTS[sample]


@pytest.mark.parametrize("sample", EXPECTED)
def test_a_sample_is_graded_as_its_table_says(pipeline, sample):
    expected = EXPECTED[sample]
    result = graded(pipeline, sample)
    said = {name: [check.message for check in one.checks] for name, one in result.functions.items()}

    assert result.notebook.status == expected["notebook"], result.notebook.problems
    assert result.score == expected["score"], said
    assert not result.provisional
    for short in SHORTS:
        one = result.functions[f"initialize_parameters_{short}"]
        for key, want in expected.get(short, {}).items():
            got = getattr(one, key) if hasattr(one, key) else getattr(one.diagnosis, key)
            assert (list(got) if isinstance(got, tuple) else got) == want, (short, key, said)


@pytest.mark.parametrize("sample", EXPECTED)
def test_the_page_of_a_sample_is_short_at_first_and_light(pipeline, sample):
    page = html.feedback_page(graded(pipeline, sample))
    first = re.sub("<[^>]+>", " ", page[page.index("<header") : page.index("</header>")])

    assert len(first.split()) <= 150, first
    assert len(page.encode()) < 300_000


def test_every_sample_has_its_row_and_every_row_its_sample():
    files = {path.name for path in FOLDER.iterdir() if path.suffix in (".ipynb", ".py")}
    assert {row["file"] for row in EXPECTED.values()} == files
    assert len(files) >= 25


def test_the_reference_earns_full_marks(pipeline):
    result = pipeline.grade(pipeline.exercise.folder / "solution.ipynb")
    assert result.passed
    assert result.score == result.possible == 30


def test_the_starts_of_right_answers_are_shipped():
    with RememberingPipeline(service.load_exercise(), b"another secret") as fresh:
        assert fresh.grade(FOLDER / "right.ipynb").passed
        assert fresh.trainer.trained == 0


def test_the_policy_page_is_what_grading_the_samples_gives(pipeline):
    assert policy.PAGE.read_text(encoding="utf-8") == policy.page(*policy.graded(pipeline)), (
        "run `make policy`, review the diff"
    )
