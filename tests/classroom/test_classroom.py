"""A class: its counts are those of its rows, its files survive any name, two attempts are matched and told apart."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path

import builders
import classes
import pytest
from notebooks import HE, RANDOM, edit, solved, write
from rich.console import Console

from grader import api as service
from grader.classroom.publish import write_class
from grader.classroom.statistics import Classroom, assemble, compare, gather, line, note, overview
from grader.classroom.statistics.compare import wilson
from grader.classroom.statistics.note import hardest
from grader.classroom.statistics.note import words as mistake_words
from grader.classroom.statistics.overview import FAMILIES, CheckCount, MistakeCount, Runs
from grader.classroom.statistics.rows import OWN, general_words
from grader.classroom.submissions import Submission, with_folders
from grader.cli import main
from grader.explaining.words import tell
from grader.judging.diagnosis.causes import CODES
from grader.records import Cause, Diagnosis, Result, SubmissionInfo
from grader.rendering import charts, classfigures, classpage, gradebook, junit, summary, svg

EXERCISE = service.load_exercise()
COUNTS = overview(gather(classes.entries(60)))


def some(seed: int) -> list[classes.Entry]:
    """Return a class of up to 60, mixed at random."""
    rng = random.Random(seed)
    kinds = classes.results()
    return [
        (f"s{number}", 0.1, replace(rng.choice(kinds), submission=SubmissionInfo(f"s{number}.ipynb", "00" * 32)))
        for number in range(rng.randrange(60))
    ]


def read(result: Result) -> bool:
    return result.notebook.status in {"ok", "repaired"}


# --- counts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(25))
def test_every_count_is_that_of_the_results(seed):
    results = [result for _, _, result in some(seed)]
    counts = overview(gather(some(seed)))
    functions = [(name, one) for result in results if read(result) for name, one in result.functions.items()]

    assert counts.submissions == len(results) == sum(count for _, count in counts.statuses)
    assert counts.read == sum(map(read, results))
    assert counts.passed == sum(result.passed for result in results)
    assert counts.ruled == sum(any(one.ruling for one in result.functions.values()) for result in results)
    settled = sorted(result.score for result in results if read(result) and not result.provisional)
    if settled:
        assert counts.scores.count == sum(one.count for one in counts.scores.bins) == len(settled)
        assert counts.scores.lowest <= counts.scores.median <= counts.scores.highest
        assert (counts.scores.lowest, counts.scores.highest) == (settled[0], settled[-1])
    else:
        assert counts.scores is None
    causes = Counter((name, cause) for name, one in functions for cause in one.diagnosis.causes)
    assert {(one.function, one.cause): one.count for one in counts.causes} == causes
    for check in counts.checks:
        verdicts = [
            c.verdict for name, one in functions if name == check.function for c in one.checks if c.name == check.check
        ]
        assert check.judged == len(verdicts) - verdicts.count("broken")
        assert check.passed == verdicts.count("passed")
        assert 0 <= check.points <= check.possible
    assert sum(run.count for run in counts.runs) + counts.untrained == len(functions)


def test_order_of_submissions_changes_nothing():
    one, other = classes.entries(), reversed(list(classes.entries()))

    assert list(classpage.class_pages(gather(one))) == list(classpage.class_pages(gather(other)))


def test_an_empty_class_has_a_page_and_a_summary():
    found = gather([])

    assert "There are no submissions." in dict(classpage.class_pages(found))["index.html"]
    assert overview(found).scores is None
    assert "There is no readable notebook of this exercise" in note(found, overview(found))


def test_equal_answers_form_a_group_and_right_ones_do_not():
    groups = overview(gather(classes.entries(400))).groups

    assert {(group.function, group.causes) for group in groups} == {
        (builders.RANDOM, ("scale_constant",)),
        (builders.HE, ("seed_missing",)),
    }
    assert [group.count for group in groups] == sorted((group.count for group in groups), reverse=True)
    assert all(group.evidence_sha256 and group.count > 1 for group in groups)
    by_scale = {group.written for group in groups if group.function == builders.RANDOM}
    assert by_scale == {"np.random.randn(...) * 0.01", "np.random.randn(...) * 1"}


def test_equal_answers_with_different_causes_are_one_group():
    outside = replace(classes.no_seed(), diagnosis=replace(classes.no_seed().diagnosis, causes=("seed_outside",)))
    functions = (classes.no_seed(), outside, classes.no_seed())
    results = [builders.result({builders.HE: one}) for one in functions]
    (group,) = overview(gather((str(number), 0, one) for number, one in enumerate(results))).groups

    assert (group.count, group.causes) == (3, ("seed_missing", "seed_outside"))


def test_a_sample_has_no_other_cause_where_one_is_so():
    both = replace(classes.no_seed(), diagnosis=Diagnosis(causes=("seed_missing", "bias_shape")))
    first = builders.result({builders.HE: both}, submission=SubmissionInfo("a", ""))
    second = builders.result({builders.HE: classes.no_seed()}, submission=SubmissionInfo("b", ""))
    (seed,) = (
        one for one in overview(gather([("a", 0, first), ("b", 0, second)])).causes if one.cause == "seed_missing"
    )

    assert (seed.count, seed.sample.name) == (2, "b")


def test_equal_functions_of_a_class_are_one_object():
    rows = gather(classes.entries(2000)).rows

    assert len({id(part) for row in rows for part in row.parts}) <= 3 * len(classes.results())


def test_a_class_put_together_from_lines_is_the_one_from_results():
    lines = [line(*entry) for entry in classes.entries(50)]

    assert replace(assemble(lines), sweep=builders.SWEEP) == gather(classes.entries(50))


# --- the note ------------------------------------------------------------------------------------------------------


def test_note_counts_the_commonest_mistakes_and_names_nobody():
    found = gather(classes.entries(200))
    said = note(found, overview(found))

    assert "student_" not in said
    assert "Ada" not in said
    assert f"another constant ({sum('scale_constant' in [c for _, c in row.causes] for row in found.rows)} of" in said
    assert "What to do: multiply the random numbers by 10.\n" in said
    assert "0.01" not in said


def test_note_keeps_a_mistake_of_one_or_two_to_itself():
    found = gather(list(classes.entries(400))[:3])

    assert "No kind of mistake is in 3 or more notebooks." in note(found, overview(found))


def _check(function, title, passed, judged=10):
    return CheckCount(function, title, title, judged, passed, 1.0, 2.0)


def test_all_hardest_checks_are_named_together():
    counts = replace(COUNTS, checks=(_check("zeros", "bias", 9), _check("random", "seed", 4), _check("he", "seed", 4)))

    assert hardest(counts) == ["The hardest check: “seed” of random and he. In each, 4 of 10 passed it."]
    assert hardest(replace(counts, checks=(*counts.checks, _check("he", "scale", 4)))) == [
        "The hardest checks: “scale” of he (passed by 4 of 10) and “seed” of random and he (passed by 4 of 10 in each)."
    ]
    many = tuple(_check("he", f"check {number}", 4) for number in range(5))
    assert hardest(replace(counts, checks=many)) == ["5 checks tie for the hardest."]


def test_the_lecture_names_the_factor_of_those_who_have_it_right():
    point = MistakeCount("scale", 3, (("scale_constant", 2), ("scale_other", 1)), (builders.RANDOM,))
    part = line("folder", 0.0, builders.result()).row.parts[0]

    def says(*formulas, passed=True):
        parts = tuple(
            replace(part, name=builders.RANDOM, passed=passed, ruled=False, diagnosis=Diagnosis(scale_formula=formula))
            for formula in formulas
        )
        row = replace(line("folder", 0.0, builders.result()).row, parts=parts)
        return classpage.lecture_point(point, Classroom(rows=[row], functions=(builders.RANDOM,))).text

    assert says("10", "10").startswith("Multiply the random numbers by the required factor: 10 in `")
    general = "Multiply the random numbers by the factor that the task asks for."
    assert says("10", "1") == says("10", passed=False) == says(None) == general


def test_no_check_is_the_hardest_where_all_pass_or_too_few_fail_to_name_one():
    assert hardest(replace(COUNTS, checks=(_check("he", "seed", 10),))) == []
    assert hardest(replace(COUNTS, checks=())) == []
    assert hardest(replace(COUNTS, checks=(_check("he", "seed", 8),)), fewest=3) == []


def test_a_note_without_a_common_mistake_names_the_hardest_check():
    counts = replace(COUNTS, causes=(), mistakes=(), checks=(_check("random", "seed", 4), _check("he", "seed", 4)))

    assert "3 or more notebooks. The hardest check: “seed” of random and he. In each, 4 of 10 passed it." in note(
        Classroom(), counts
    )


def test_a_note_counts_as_readable_only_notebooks_of_the_exercise():
    counts = replace(COUNTS, submissions=37, read=35, statuses=(("ok", 35), ("wrong_notebook", 1), ("unreadable", 1)))

    assert note(Classroom(), counts).startswith(
        f"37 submissions were handed in. 35 are readable notebooks of the exercise “{COUNTS.title}”."
    )
    assert note(Classroom(), replace(counts, read=37)).startswith("37 notebooks of the exercise")


@pytest.mark.parametrize("cause", CODES)
def test_words_for_a_class_hold_nothing_that_one_submission_wrote(cause):
    mine = Diagnosis(scale_formula="MINE", written="MINE", seed=987, causes=(cause,))
    words = general_words(tell(cause, mine, Diagnosis(scale_formula="10", seed=3)))

    assert "MINE" not in words.action + words.reason
    assert "987" not in words.action
    assert not OWN.search(words.action)
    assert words.action


def test_advice_that_is_not_the_same_for_all_is_left_out():
    told = classes.constant().told[0]
    other = replace(classes.constant(), told=(replace(told, action="do something else", reason="because"),))
    results = [builders.result({builders.RANDOM: one}) for one in (classes.constant(), other)]
    words = gather(("", 0.0, one) for one in results).words(builders.RANDOM, "scale_constant")

    assert (words.title, words.action, words.reason) == ("another constant", "", "")


def _with_cause(cause, title):
    told = Cause(cause, "slip", title, f"do away with {cause}")
    return replace(classes.no_seed(), diagnosis=Diagnosis(causes=(cause,)), told=(told,))


def test_causes_that_one_action_removes_are_one_mistake_counted_by_notebook():
    missing, outside = _with_cause("seed_missing", "no seed"), _with_cause("seed_outside", "seed outside")
    results = [
        builders.result({builders.RANDOM: missing, builders.HE: missing}),
        builders.result({builders.RANDOM: outside, builders.HE: outside}),
        builders.result({builders.HE: _with_cause("seed_other", "another seed")}),
        builders.result({builders.HE: _with_cause("transposed", "transposed")}),
    ]
    found = gather((str(number), 0.0, result) for number, result in enumerate(results))
    counts = overview(found)

    assert [(mistake.family, mistake.count) for mistake in counts.mistakes] == [("seed", 3), ("shapes", 1)]
    assert dict(counts.mistakes[0].causes) == {"seed_missing": 1, "seed_outside": 1, "seed_other": 1}
    assert counts.mistakes[0].functions == (builders.RANDOM, builders.HE)
    assert "What to do: set the required seed inside the function, once, before the loop." in note(found, counts)
    page = dict(classpage.class_pages(found))["index.html"]
    lecture = re.sub(r"<[^>]*>", "", page[page.index("For the next lecture") :])
    assert "Set the required seed inside the function, once, before the loop. 3 of 4 notebooks" in lecture
    assert "No seed (1), another seed (1), seed outside (1)." in lecture
    assert "No other kind of mistake is in more than one notebook." in lecture


def test_a_mistake_with_one_cause_keeps_the_words_of_that_cause():
    found = gather([(str(number), 0.0, builders.result({builders.RANDOM: classes.constant()})) for number in range(3)])

    assert mistake_words(overview(found).mistakes[0], found).action == "multiply the random numbers by 10"


def test_every_cause_of_a_family_is_a_cause_and_in_no_other_family():
    causes = [cause for family in FAMILIES.values() for cause in family]

    assert set(causes) <= set(CODES)
    assert len(causes) == len(set(causes))


# --- two attempts --------------------------------------------------------------------------------------------------


def attempt(**functions: object) -> classes.Entry:
    """Return one submission by keyword `name`, perhaps `student`, and functions."""
    name, student = str(functions.pop("name")), functions.pop("student", None)
    given = {"zeros": builders.zeros(), "random": builders.random(), "he": builders.he(), **functions}
    made = {f"initialize_parameters_{short}": one for short, one in given.items()}
    return name, 0.1, builders.result(made, submission=SubmissionInfo(name, "", student))


MISSING = builders.he(status="missing", points=0.0, diagnosis=Diagnosis(causes=("missing",)), training=None)


@pytest.mark.parametrize(
    ("before", "after", "became"),
    [
        (classes.no_seed(), builders.he(), {"right": 1}),
        (classes.no_seed(), classes.no_seed(), {"still": 1}),
        (classes.no_seed(), MISSING, {"unseen": 1}),
        (builders.he(), classes.no_seed(), {"new": 1}),
        (
            classes.no_seed(),
            replace(classes.no_seed(), diagnosis=replace(classes.no_seed().diagnosis, causes=("scale_other",))),
            {"other": 1},
        ),
    ],
)
def test_what_became_of_a_cause(before, after, became):
    earlier, later = gather([attempt(name="a", he=before)]), gather([attempt(name="a", he=after)])
    (one,) = (one for one in compare(earlier, later).causes if one.cause == "seed_missing")

    found = {what: len(getattr(one, what)) for what in ("right", "other", "still", "unseen", "new")}
    assert {what: count for what, count in found.items() if count} == became
    assert one.had == sum(count for what, count in became.items() if what != "new")
    assert one.title == "no seed"


def test_attempts_are_matched_by_student_and_else_by_name():
    earlier = [
        attempt(name="1.ipynb", student="s1", he=classes.no_seed()),
        attempt(name="same.ipynb", he=classes.no_seed()),
        attempt(name="gone.ipynb"),
        attempt(name="x.ipynb", student="twice"),
        attempt(name="y.ipynb", student="twice"),
    ]
    later = [
        attempt(name="2.ipynb", student="s1"),
        attempt(name="same.ipynb", student="s2"),
        attempt(name="z.ipynb", student="twice"),
    ]
    found = compare(gather(earlier), gather(later))

    assert (found.by_student, found.by_name, found.matched) == (1, 1, 2)
    assert (found.higher, found.same, found.lower) == (2, 0, 0)
    (seed,) = found.causes
    assert seed.right == ("2.ipynb", "same.ipynb")


@pytest.mark.parametrize("seed", range(10))
def test_every_matched_submission_with_a_cause_is_counted_once(seed):
    earlier, later = gather(some(seed)), gather(some(seed + 1000))
    names = {row.name for row in earlier.rows} & {row.name for row in later.rows}
    found = compare(earlier, later)

    assert found.matched == len(names)
    for one in found.causes:
        key = one.function, one.cause
        assert one.had == sum(key in list(row.causes) for row in earlier.rows if row.name in names)
        assert len(one.still) + len(one.new) == sum(key in list(row.causes) for row in later.rows if row.name in names)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 1, 0.2065, 1.0),
        (900, 1000, 0.8799, 0.9171),
    ],
)
def test_interval_is_wilsons(hits, count, low, high):
    assert wilson(hits, count) == pytest.approx((low, high), abs=2e-4)


# --- files ---------------------------------------------------------------------------------------------------------

NAMES = [
    "=cmd|' /C calc'!A0.ipynb", "+1.ipynb", "-1.ipynb", "@SUM(A1).ipynb", "\t=1.ipynb", " =1.ipynb", "\uff1d1.ipynb", "%0.ipynb",
    'a,"b"\r\nc.ipynb', "]]>.ipynb", "</testsuite>.ipynb", '" onload="x.ipynb', "<script>alert(1)</script>.ipynb", "\x00\x1b[2J\x9b.ipynb",
    "\ud800.ipynb", "\ufffe\uffff.ipynb", "\u202egpj.ipynb", "{{7*7}}{% raw %}.ipynb", "x" * 300, "漢字 é.ipynb",
]  # fmt: skip


def hostile() -> list[classes.Entry]:
    """Return a class in which every name, student and message is an attack."""
    mixed = builders.mixed()
    return [
        (f"h{number}", 1.0, replace(mixed, submission=SubmissionInfo(name, "", name)))
        for number, name in enumerate(NAMES)
    ]


def written(entries, tmp_path: Path) -> Path:
    write_class(gather(entries), tmp_path, EXERCISE, ignored={name: name for name in NAMES})
    return tmp_path


def test_no_cell_of_grades_csv_can_start_a_formula(tmp_path):
    text = (written(hostile(), tmp_path) / "grades.csv").read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))

    assert len(rows) == 1 + len(NAMES)
    assert all(len(row) == len(rows[0]) for row in rows)
    for row in rows[1:]:
        assert not [cell for cell in row if re.match(r"\s*[=+\-@|%\uff1d]", cell)]
    assert all(
        line.endswith("\r\n") for line in text.splitlines(keepends=True) if line.endswith("\n") and line.startswith("h")
    )


def test_columns_of_grades_csv_are_those_of_the_contract_and_more():
    head = next(iter(gradebook.grades_csv([], EXERCISE))).strip().split(",")

    assert head[:9] == "submission student score possible status zeros random he causes".split()
    assert head[9:15] == [f"{kind}_accuracy_{name}" for kind in ("train", "test") for name in ("zeros", "random", "he")]
    assert head[15:] == "seconds provisional folder ruled review counts machine_score late handed_in".split()


def test_grades_csv_says_what_a_person_changed():
    rows = list(csv.DictReader(gradebook.grades_csv(gather(classes.entries()).rows, EXERCISE)))

    assert [row["ruled"] for row in rows if row["ruled"]] == ["random"]
    assert {row["review"] for row in rows} >= {"", "a part could not be judged"}


def test_json_lines_hold_one_submission_each(tmp_path):
    lines = (written(hostile(), tmp_path) / "grades.jsonl").read_text(encoding="utf-8").split("\n")
    records = [json.loads(line) for line in lines[:-1]]

    assert lines[-1] == ""
    assert sorted(record["submission"] for record in records) == sorted(NAMES)
    assert all(set(record["functions"]) == set(EXERCISE.names) for record in records)


def test_fields_of_json_lines_are_documented():
    text = (Path(__file__).parents[2] / "docs" / "class.md").read_text(encoding="utf-8")
    record = json.loads(next(iter(gradebook.grades_jsonl(gather(classes.entries()).rows))))
    fields = {*record, *record["functions"][builders.HE]}

    assert not {field for field in fields if f"`{field}`" not in text}


# the rules of junit-10.xsd, which Jenkins and its like read: element -> attributes (required ones first), children
JUNIT = {
    "testsuites": ({"name"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"testcase"}),
    "testcase": ({"classname", "name"}, {"failure", "error", "skipped"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
}


@pytest.mark.parametrize("entries", [list(classes.entries()), hostile(), []], ids=["all kinds", "hostile", "empty"])
def test_junit_xml_keeps_to_the_schema(entries):
    root = ET.fromstring("".join(junit.junit(entries)))

    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = JUNIT[element.tag]
        assert set(element.attrib) == attributes
        assert {child.tag for child in element} <= children
        assert len(element) <= 1 or element.tag != "testcase"
    assert len(root) == len(entries)
    for suite, (_, _, result) in zip(root, entries, strict=True):
        kinds = Counter(child.tag for case in suite for child in case)
        assert int(suite.attrib["tests"]) == len(suite)
        counted = {name: int(suite.attrib[name]) for name in ("failures", "errors", "skipped")}
        assert counted == {"failures": kinds["failure"], "errors": kinds["error"], "skipped": kinds["skipped"]}
        verdicts = Counter(check.verdict for one in result.functions.values() for check in one.checks)
        assert kinds["error"] == verdicts["broken"]
        assert kinds["failure"] == verdicts["failed"] + (not read(result))
        names = [(case.attrib["classname"], case.attrib["name"]) for case in suite]
        assert len(names) == len(set(names))


def test_junit_xml_is_the_golden_one(golden):
    golden("class.junit.xml", "".join(junit.junit(classes.entries())))


def test_no_name_breaks_out_of_a_page(tmp_path):
    page = (written(hostile(), tmp_path) / "index.html").read_text(encoding="utf-8")

    assert page.count("<script>") == 1
    assert "<script>alert" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert not re.search(r"<[^>]*\sonload=", page)


@pytest.mark.parametrize(
    ("folder", "link"),
    [
        ("ada", "ada/feedback.html"),
        ("a b&c%", "a%20b%26c%25/feedback.html"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29/feedback.html"),
        ('"><script>', "%22%3E%3Cscript%3E/feedback.html"),
        ("a/b", "a%2Fb/feedback.html"),
        ("Zoë", "Zo%C3%AB/feedback.html"),
        ("\udc80", "%3F/feedback.html"),
    ],
)
def test_links_are_percent_encoded(folder, link):
    assert classpage.link(folder) == link


# --- pages ---------------------------------------------------------------------------------------------------------


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page.partition("<main")[2].partition("<script>")[0]).split())


def test_class_page_counts_and_puts_those_who_need_a_person_first():
    said = words_of(dict(classpage.class_pages(gather(classes.entries())))["index.html"])

    assert "8 submissions 1 got everything right 27.5 median score of 30 2 for you to check" in said
    order = [
        "At least half",
        "For the next lecture",
        "before the grades",
        "By cause and function",
        "A draft",
        "by name",
    ]
    places = [said.index(words) for words in order]
    assert places == sorted(places)
    assert "the file could not be read" in said
    assert "provisional: a part could not be judged" in said
    assert "points changed by a person" in said


def test_causes_are_rows_over_all_functions_most_frequent_first():
    found = gather(classes.entries(60))
    counts = overview(found)
    rows = classpage.cause_rows(counts.causes, found)
    totals = [sum(cause.count for cause in row.counts.values()) for row in rows]

    assert totals == sorted(totals, reverse=True)
    assert sum(totals) == sum(cause.count for cause in counts.causes)
    assert len({row.title for row in rows}) == len(rows)
    assert all(row.sample.count == max(cause.count for cause in row.counts.values()) for row in rows)


def test_each_reason_counts_all_who_have_it_and_names_the_first():
    found = gather(classes.entries(400))
    reasons = classpage.review_rows(found)

    assert sum(reason.count for reason in reasons) == sum(len(row.reasons) for row in found.rows)
    assert all(len(reason.rows) == min(reason.count, classpage.MOST_NAMES) for reason in reasons)
    page = dict(classpage.class_pages(found))["index.html"]
    assert f"and {reasons[0].count - classpage.MOST_NAMES} more" in page


def test_what_a_sentence_has_in_backticks_is_code_or_a_link_and_nothing_else_is_markup():
    assert (
        classpage.marked_up("see `grades.csv`, `a <b>` & <i>")
        == 'see <a href="grades.csv">grades.csv</a>, <code>a &lt;b&gt;</code> &amp; &lt;i&gt;'
    )


@pytest.mark.parametrize(("count", "files"), [(2_000, 0), (2_001, 5), (5_000, 10)])
def test_above_2000_rows_stand_on_pages_of_500(count, files):
    pages = dict(classpage.class_pages(gather(classes.entries(count))))

    assert list(pages) == ["index.html", *(f"class-{number}.html" for number in range(1, files + 1))]
    holding = [page for name, page in pages.items() if files == 0 or name != "index.html"]
    rows = [re.findall("<tr data-is=", page) for page in holding]
    assert sum(map(len, rows)) == count
    assert max(map(len, rows)) == (500 if files else count)
    for number in range(1, files + 1):
        assert f'href="class-{number}.html"' in pages["index.html"]
        assert 'href="index.html"' in pages[f"class-{number}.html"]


def test_pages_of_rows_are_the_golden_ones(golden, monkeypatch):
    monkeypatch.setattr(classpage, "MOST_ON_ONE", 4)
    monkeypatch.setattr(classpage, "ON_A_PAGE", 5)
    pages = dict(classpage.class_pages(gather(classes.entries())))

    golden("class-2.html", pages["class-2.html"])
    assert list(pages) == ["index.html", "class-1.html", "class-2.html"]


def test_pages_of_a_class_that_became_smaller_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(classpage, "MOST_ON_ONE", 4)
    monkeypatch.setattr(classpage, "ON_A_PAGE", 5)
    written(classes.entries(), tmp_path)
    (tmp_path / "class-notes.html").write_text("mine")
    written(list(classes.entries())[:3], tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "class-notes.html",
        "grades.csv",
        "grades.jsonl",
        "index.html",
        "lab.html",
    ]


@pytest.mark.parametrize("name", ["class-1.html.ipynb", "CLASS-2.html", "grades.jsonl.py", "lab.html.ipynb"])
def test_no_submission_takes_the_place_of_a_file_of_the_class(name, tmp_path):
    (placed,) = with_folders([Submission(name, tmp_path / name)], {})

    assert not classpage.PAGE.fullmatch(placed.folder.lower())
    assert placed.folder.lower() not in {"grades.jsonl", "lab.html"}


def test_a_feedback_page_knows_nothing_of_the_class():
    from grader.rendering import html

    page = html.feedback_page(classes.results()[1])

    assert "index.html" not in page
    assert "class-" not in page
    assert 'href="../' not in page


def test_percent_never_rounds_something_to_nothing():
    shown = [classpage.percent(*pair) for pair in ((0, 9), (1, 1000), (1, 2), (999, 1000), (9, 9), (0, 0))]

    assert shown == ["0 %", "1 %", "50 %", "99 %", "100 %", "0 %"]


# --- the terminal --------------------------------------------------------------------------------------------------


def shown(found, *, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    summary.show(found, overview(found), console)
    return console.file.getvalue()


def test_plain_summary_is_the_golden_one(golden):
    found = gather(classes.entries(60))

    golden("class.plain.txt", "\n".join(summary.plain_lines(found, overview(found))) + "\n")


def test_summary_in_a_terminal_is_the_golden_one(golden):
    golden("class.txt", shown(gather(classes.entries(60))))


def test_names_cannot_command_the_terminal():
    found = gather(hostile())
    for said in (shown(found), *summary.plain_lines(found, overview(found))):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)


def test_json_of_the_summary_counts_as_the_page_does():
    found = gather(classes.entries(60))
    counts = overview(found)
    whole = json.loads(summary.to_json(found, counts))

    assert whole["submissions"] == 60
    assert whole["causes"][0]["count"] == counts.causes[0].count
    assert len(whole["review"]) == counts.needs_person
    assert whole["note"] == note(found, counts)


def test_comparison_is_the_golden_one(golden):
    earlier = gather(classes.entries(60))
    later = gather((folder, seconds, kept) for folder, seconds, kept in improved(60))

    golden(
        "compare.plain.txt",
        "\n".join(summary.comparison_lines(compare(earlier, later), later.functions, names=False)) + "\n",
    )


def improved(count: int) -> list[classes.Entry]:
    """Return the class's next attempt: everybody after the tenth mended what they had."""
    right = classes.results()[0]
    return [
        (folder, seconds, result if number < 10 else replace(right, submission=result.submission))
        for number, (folder, seconds, result) in enumerate(classes.entries(count))
    ]


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """Two attempts of a small class, really graded."""
    folder = tmp_path_factory.mktemp("class")
    wrong = edit(RANDOM, ("* 10", "* 0.01"))
    unseeded = edit(HE, ("np.random.seed(3)", "pass"))
    attempts = {
        "first": {
            "a": solved(random=wrong),
            "b": solved(random=wrong),
            "c": solved(he=unseeded),
            "d": b"",
            "e": solved(),
        },
        "second": {"a": solved(), "b": solved(random=wrong), "c": solved(), "d": solved(), "e": solved()},
    }
    for attempt_name, notebooks in attempts.items():
        (folder / attempt_name).mkdir()
        for name, content in notebooks.items():
            write(folder / attempt_name, f"{name}.ipynb", content)
        assert (
            main(
                [
                    "batch",
                    str(folder / attempt_name),
                    "--out",
                    str(folder / f"{attempt_name}-graded"),
                    "--jobs",
                    "1",
                    "--quiet",
                ]
            )
            == 0
        )
    return folder


def test_summary_of_a_graded_folder(graded, capsys):
    assert main(["summary", str(graded / "first-graded")]) == 0
    said = capsys.readouterr().out

    assert "CLASS Initialization: 5 submissions, everything right in 1, 1 for you to check" in said
    assert "CAUSE random: wrong scale: 2, example a.ipynb" in said
    assert "EQUAL random: 2 with the same numbers, example a.ipynb: wrong scale" in said


def test_summary_prints_only_the_note(graded, capsys):
    assert main(["summary", str(graded / "first-graded"), "--note"]) == 0

    assert capsys.readouterr().out.startswith("5 submissions were handed in. 4 are readable notebooks")


def test_summary_as_json(graded, capsys):
    assert main(["summary", str(graded / "first-graded"), "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["submissions"] == 5


def test_summary_writes_junit_xml(graded, tmp_path):
    assert main(["summary", str(graded / "first-graded"), "--junit", str(tmp_path / "junit.xml"), "--quiet"]) == 0

    root = ET.parse(tmp_path / "junit.xml").getroot()
    assert [suite.attrib["name"] for suite in root] == ["a.ipynb", "b.ipynb", "c.ipynb", "d.ipynb", "e.ipynb"]


def test_two_attempts_are_compared(graded, capsys):
    assert main(["summary", "--compare", str(graded / "first-graded"), str(graded / "second-graded"), "--verbose"]) == 0
    said = capsys.readouterr().out

    assert "5 in both attempts (0 by student, 5 by name)" in said
    assert "CAUSE random: wrong scale: 2 had it, 1 right now, 0 with another cause, 1 still" in said
    assert "fixed 1 of 2 (9 to 91 %)" in said
    assert "WHO random: wrong scale: still: b.ipynb" in said


def test_names_are_shown_only_when_asked(graded, capsys):
    for option in ([], ["--json"]):
        main(["summary", "--compare", str(graded / "first-graded"), str(graded / "second-graded"), *option])
        assert "b.ipynb" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{first}", "{second}"], "2 folders were given, but the command needs one folder"),
        (["--compare", "{first}"], "1 folder was given, but the command needs an EARLIER and a LATER folder"),
        (["--compare", "{first}", "{second}", "--note"], "--compare takes two folders"),
        (["{tmp}"], "has no results of a batch"),
        (["--compare", "{first}", "{tmp}"], "has no results of a batch"),
        ([], "Missing argument"),
        (["{tmp}/nowhere"], "there is no folder"),
    ],
)
def test_a_bad_request_is_told(graded, tmp_path, capsys, arguments, says):
    places = {"first": graded / "first-graded", "second": graded / "second-graded", "tmp": tmp_path}

    assert main(["summary", *(argument.format(**places) for argument in arguments)]) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_a_person_has_looked_at_is_no_longer_listed():
    entries = list(classes.entries())
    found = gather(entries, seen={entries[7][2].submission.name})

    assert overview(found).needs_person == overview(gather(entries)).needs_person - 1


# --- copies that do not count --------------------------------------------------------------------------------------


def test_a_copy_that_does_not_count_is_in_no_number():
    found = gather(classes.entries(60))
    counts = overview(found)
    row = next(row for row in found.rows if row.passed)
    more = replace(
        found, rows=[*found.rows, *(replace(row, name=f"{index}.ipynb", counts=False) for index in range(7))]
    )

    assert overview(more) == counts
    assert note(more, overview(more)) == note(found, counts)
    assert compare(more, more).earlier == compare(more, more).later == 60


def test_the_number_of_a_point_stands_beside_it_and_on_no_other_number():
    runs = [(x / 8, y / 5, count) for x in range(8) for y in range(5) for count in (40, 3)]
    panel = charts.Panel(
        charts.Axis(0, 1, ((0, "0"),)),
        charts.Axis(0, 1),
        (charts.Bubbles(tuple((x, y, count, "here" if count == 40 else "here off") for x, y, count in runs)),),
    )
    shown = svg.draw(charts.Chart("", (panel,)))
    label = r'<text x="([^"]*)" y="([^"]*)"(?: text-anchor="(\w+)")? class="\w+ halo">(40|3)</text>'
    labels = [(float(x), float(y), anchor or "start", number) for x, y, anchor, number in re.findall(label, shown)]
    points = [(float(x) + float(r), float(y)) for x, y, r in re.findall(r'd="M([\d.]+) ([\d.]+)a([\d.]+) ', shown)]

    assert len(labels) > 40
    assert len(points) == len(runs)
    for x, y, *_ in labels:
        assert min(math.hypot(x - left, y - 4 - low) for left, low in points) < 22
    boxes = [svg.label_box(x, y, number, anchor) for x, y, anchor, number in labels]
    assert all(box.is_free(boxes[:index]) for index, box in enumerate(boxes))


def test_the_curve_of_a_class_counts_right_and_wrong_functions():
    def runs(scale, count, *, passed):
        mine = Diagnosis(distribution="normal", scale_formula=scale)
        return Runs(builders.RANDOM, passed=passed, diagnosis=mine, train_accuracy=0.77, count=count)

    def says(*runs):
        return classfigures.class_curve(builders.SWEEP, runs, 0).says

    wrong, right = runs("1", 3, passed=False), runs("10", 4, passed=True)
    assert says(wrong, right) == "The network was trained from 7 functions of the class: 4 right, 3 wrong."
    assert says(wrong) == "The network was trained from 3 functions of the class: 0 right, 3 wrong."
    assert says(right) == "All 4 trained functions are right."


def test_scores_judged_in_part_are_left_out_in_words():
    scores = overview(gather(classes.entries(60))).scores

    assert classfigures.histogram(scores, scores.count, scores.count).says.startswith(
        f"At least half of the {scores.count} scores are"
    )
    assert classfigures.histogram(scores, scores.count + 1, scores.count).says.startswith(
        f"{scores.count} of the {scores.count + 1} submissions are notebooks of this exercise; the scores are theirs."
    )
    assert classfigures.histogram(scores, scores.count + 1, scores.count + 1).says.startswith(
        f"{scores.count} of the {scores.count + 1} submissions could be graded in full."
    )


def test_the_axis_of_scales_reads_100():
    chart = classfigures.class_curve(builders.SWEEP, overview(gather(classes.entries(60))).runs, 0)

    assert ">100</text>" in svg.draw(chart)
