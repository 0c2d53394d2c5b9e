"""Results sent to a live LMS: nothing twice, nothing lost, no grade of a person replaced unasked, no secret shown."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import stat
import subprocess
import sys
import traceback
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest
from builders import result
from lms_sites import SIGNED, AgsSite, Answer, CanvasSite, MoodleSite

from grader import store as stores
from grader.classroom import manifest as manifests
from grader.classroom.manifest import Entry, Manifest
from grader.cli import main
from grader.errors import LiveError, RequestError
from grader.lms.adapters import SITES
from grader.lms.canvas.site import SCOPES, Canvas
from grader.lms.common import graded
from grader.lms.common.system import Graded
from grader.lms.live import tokens
from grader.lms.live.changes import Push, Standing, Wish
from grader.lms.live.http import Http, HttpCall, require_private
from grader.lms.live.journal import FILE, Journal, JournalLine
from grader.lms.live.push import JournalState, plan, push
from grader.lms.live.tokens import Secret, find, hide
from grader.lms.lti import access as lti_access
from grader.lms.lti import site as lti_ags
from grader.lms.lti.access import PlatformSettings
from grader.lms.lti.site import Ags, Tool
from grader.lms.moodle.site import Moodle
from grader.records import Evidence, Notebook, NotebookInfo, SubmissionInfo, Summary
from grader.store import Store

TOKEN = "7~pLaNtEdSeCrEt+needs/quoting=0123456789"
NOW = 1_800_000_000.0


class Clock:
    """Time that passes when it is slept."""

    def __init__(self):
        self.now, self.slept = NOW, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def made(folder, system, people):
    """Write what a batch leaves: `people` maps a student to (points or notebook status, what the LMS needs back)."""
    folder.mkdir(exist_ok=True)
    entries = []
    with Store(folder / "grades.sqlite") as store:
        for student, (points, lms) in people.items():
            name = f"{student}.ipynb"
            entries.append(Entry(file=name, student=student, name=f"Doe, {student}", lms=lms))
            one = result(submission=SubmissionInfo(name, "5f" * 32, student))
            if isinstance(points, str):
                provisional = points == "provisional"
                status = "ok" if provisional else points
                one = replace(one, score=0.0, provisional=provisional, notebook=NotebookInfo(status))
            else:
                said = f"{points} of 30. <b>{student}</b>"
                one = replace(one, score=float(points), summary=Summary(said, "Look at the scale.", "It is 0.01."))
            (folder / student).mkdir(exist_ok=True)
            (folder / student / "feedback.html").write_text(f"<title>{student} {points}</title>")
            evidence = Evidence(Notebook(name, "5f" * 32, "ok"), {}, one.exercise, "a1", (), "3", "2", student)
            known = stores.KnownSubmission(name, student, "5f" * 32, "", "", "", student)
            standing = stores.Tally(one.score, one.possible, one.passed, one.provisional, review=False)
            packed = stores.pack_evidence(evidence)
            store.put(stores.Kept(known, 0.1, packed, msgspec.json.encode(one), standing))
    (folder / manifests.FILE).write_text(manifests.encode(Manifest(system=system, entries=tuple(entries))))
    return folder


def request(folder, *, absent="blank", include_open=False, **options):
    found = graded.gather(folder, folder, include_open=include_open, absent=graded.absent_points(absent))
    return Push(found, folder, **options)


def journal(folder):
    return [json.loads(row) for row in (folder / FILE).read_text().splitlines()]


def text(report):
    return "\n".join((*report.messages, *report.attention))


# --- Canvas --------------------------------------------------------------------------------------------------------


@pytest.fixture
def canvas(tmp_path):
    site = CanvasSite(TOKEN)
    for user in (7, 8, 9):
        site.add(user, attempt=2)
    people = {
        str(user): (points, {"user_id": str(user), "is_group": False}) for user, points in ((7, 27), (8, 30), (9, 12.5))
    }
    site.folder = made(tmp_path / "graded", "canvas", people)
    site.made = people
    yield site
    site.close()


def to_canvas(site, clock, *, seconds=60.0, token=TOKEN, **options):
    def http(*sites):
        return Http(*sites, sleep=clock.sleep, answer_seconds=seconds)

    return push(request(site.folder, **options), Canvas(site.address, Secret(token), http=http), now=clock)


def test_canvas_gets_grade_comment_and_page_of_everybody(canvas, clock):
    report = to_canvas(canvas, clock)

    assert (report.failed, report.waiting) == (0, 0)
    assert [one["score"] for one in canvas.people.values()] == [27.0, 30.0, 12.5]
    for user, one in canvas.people.items():
        (comment,) = one["submission_comments"]
        assert comment["comment"].startswith(f"{canvas.made[user][0]} of 30. <b>{user}</b>\n\nLook at the scale.")
        assert comment["attempt"] == "2"
        file = canvas.files[str(comment["attachments"][0]["id"])]
        assert file["content"] == (canvas.folder / user / "feedback.html").read_bytes()
    assert len(canvas.calls("POST", "update_grades")) == 1
    assert "sent 3 of 3" in text(report)


@pytest.mark.parametrize("status", [201, 302])
def test_canvas_upload_is_followed_to_its_end(canvas, clock, status):
    canvas.upload_status = status
    assert to_canvas(canvas, clock).failed == 0
    assert all(file["ok"] for file in canvas.files.values())


def test_canvas_is_read_page_by_page(canvas, clock):
    canvas.page = 1
    assert to_canvas(canvas, clock).failed == 0
    assert len([one for one in canvas.seen if one.path.endswith("/submissions")]) == 2 * 3  # before, and after the job


def test_canvas_dry_run_shows_and_sends_nothing(canvas, clock):
    canvas.people["7"]["score"] = 20.0
    canvas.people["7"]["grader_id"], canvas.people["7"]["graded_at"] = 4, "2026-11-20T10:00:00Z"

    report = to_canvas(canvas, clock, dry_run=True)

    assert not [one for one in canvas.seen if one.writes]
    assert not (canvas.folder / FILE).exists()
    assert re.search(r"Doe, 7 +20 +27 +graded by user 4 on 2026-11-20, so nothing is sent", text(report))
    assert re.search(r"Doe, 9 +- +12\.5 +grade and comment", text(report))
    assert "dry run: nothing was sent" in text(report)


def test_people_of_one_name_are_told_apart_in_the_table(canvas, clock):
    manifest = manifests.read(canvas.folder / manifests.FILE)
    long = "Doe, Jane Elizabeth Alexandra "
    names = {"7": long + "Mary", "8": long + "Anne", "9": "Roe, Ann"}
    entries = tuple(msgspec.structs.replace(entry, name=names[entry.student]) for entry in manifest.entries)
    (canvas.folder / manifests.FILE).write_text(manifests.encode(msgspec.structs.replace(manifest, entries=entries)))
    said = text(to_canvas(canvas, clock, dry_run=True))
    assert re.search(r"Doe, Jane .*\(7\) +- +27 ", said)
    assert re.search(r"Doe, Jane .*\(8\) +- +30 ", said)
    assert re.search(r"Roe, Ann +- +12\.5 ", said)


def test_canvas_pushed_again_sends_nothing(canvas, clock):
    to_canvas(canvas, clock)
    canvas.seen.clear()

    report = to_canvas(canvas, clock)

    assert not [one for one in canvas.seen if one.writes]
    assert "nothing to send" in text(report)
    assert "3 had it already" in text(report)


def test_canvas_without_its_journal_sends_no_comment_twice(canvas, clock):
    to_canvas(canvas, clock)
    (canvas.folder / FILE).unlink()

    assert to_canvas(canvas, clock).failed == 0
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 1]


def test_canvas_gets_what_a_regrade_changed_and_nothing_else(canvas, clock):
    to_canvas(canvas, clock)
    canvas.seen.clear()
    made(canvas.folder, "canvas", canvas.made | {"8": (28, canvas.made["8"][1])})

    assert to_canvas(canvas, clock).failed == 0
    assert canvas.people["8"]["score"] == 28.0
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 2, 1]
    (bulk,) = canvas.calls("POST", "update_grades")
    assert list(bulk.form) == ["grade_data[8][posted_grade]"]


@pytest.mark.parametrize("score", [25.0, None], ids=["changed", "taken away"])
def test_canvas_grade_of_a_person_stays_unless_asked(canvas, clock, score):
    to_canvas(canvas, clock)
    canvas.people["7"]["score"] = score

    kept = to_canvas(canvas, clock)
    assert canvas.people["7"]["score"] == score
    assert kept.waiting == 1

    assert to_canvas(canvas, clock, overwrite=True).failed == 0
    assert canvas.people["7"]["score"] == 27.0
    assert len(canvas.people["7"]["submission_comments"]) == 1


def test_canvas_excused_student_stays_excused_unless_asked(canvas, clock):
    canvas.people["7"]["excused"] = True
    report = to_canvas(canvas, clock)
    assert report.waiting == 1
    assert "excused in Canvas, so nothing is sent" in text(report)
    assert canvas.people["7"]["score"] is None


def test_canvas_points_taken_off_for_lateness_are_no_grade_of_a_person(canvas, clock):
    bulk = canvas.job_progress

    def late(number):
        answer = bulk(number)
        for one in canvas.people.values():
            if one["score"] is not None:
                one["entered_score"], one["score"] = one["score"], one["score"] * 0.9
        return answer

    canvas.job_progress = late
    assert to_canvas(canvas, clock).failed == 0
    assert "3 had it already" in text(to_canvas(canvas, clock))


FAULTS = [
    ("GET", "/assignments/34", "throttle"),
    ("GET", "/submissions", "drop_before"),
    ("POST", "update_grades", "throttle"),
    ("POST", "update_grades", 429),
    ("POST", "update_grades", "drop_before"),
    ("POST", "update_grades", "drop_after"),
    ("POST", "update_grades", 503),
    ("GET", "/progress/", 502),
    ("POST", "/submissions/8/comments/files", "drop_after"),
    ("POST", "/upload/", "drop_after"),
    ("GET", "/create_success", 500),
    ("PUT", "/submissions/8", "throttle"),
    ("PUT", "/submissions/8", "drop_after"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_canvas_trouble_is_overcome_in_one_run(canvas, clock, fault):
    canvas.fault(*fault)
    report = to_canvas(canvas, clock)

    assert canvas.faults == []
    assert report.failed == 0, text(report)
    assert [one["score"] for one in canvas.people.values()] == [27.0, 30.0, 12.5]
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 1]


def test_canvas_comment_that_timed_out_is_looked_up_and_not_repeated(canvas, clock):
    canvas.fault("PUT", "/submissions/8", "hang_after")
    report = to_canvas(canvas, clock, seconds=2.0)

    assert report.failed == 0, text(report)
    assert len(canvas.people["8"]["submission_comments"]) == 1
    assert len(canvas.calls("PUT", "/submissions/8")) == 1


def test_canvas_comment_that_never_arrived_waits_until_it_cannot_any_more(canvas, clock):
    canvas.fault("PUT", "/submissions/8", "drop_before")

    first = to_canvas(canvas, clock)
    assert first.failed == 1
    assert "Doe, 8: may have arrived" in text(first)
    soon = to_canvas(canvas, clock)
    assert (soon.failed, soon.waiting) == (0, 1)
    assert "may still arrive" in text(soon)
    clock.sleep(301)
    assert to_canvas(canvas, clock).failed == 0
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 1]


def test_canvas_that_goes_down_half_way_gets_the_rest_later(canvas, clock):
    for _ in range(7):  # as often as an upload is tried
        canvas.fault("POST", "/submissions/8/comments/files", 503)

    report = to_canvas(canvas, clock)
    assert report.failed == 2
    assert re.search(r"Doe, 8 +- +30 +grade and comment, but not all of it", text(report))
    assert "Doe, 8: could not be sent" in text(report)
    assert "Doe, 9: was not tried" in text(report)
    assert to_canvas(canvas, clock).failed == 0
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 1]
    assert len(canvas.calls("POST", "update_grades")) == 1


def test_canvas_student_who_left_holds_up_nobody(canvas, clock):
    gone = canvas.people.pop("8")
    report = to_canvas(canvas, clock)

    assert (report.failed, report.waiting) == (0, 1)
    assert re.search(r"Doe, 8 .*Canvas shows no submission", text(report))
    assert gone["score"] is None
    assert canvas.people["9"]["score"] == 12.5


def test_canvas_student_who_leaves_meanwhile_is_named_and_the_others_get_theirs(canvas, clock):
    bulk = canvas.update_many
    canvas.update_many = lambda request: (canvas.people.pop("8"), bulk(request))[1]
    report = to_canvas(canvas, clock)

    assert report.failed == 1
    assert "Doe, 8: could not be sent: Couldn't find User(s) with API ids '8'" in text(report)
    assert canvas.people["9"]["score"] == 12.5


def test_canvas_is_asked_more_slowly_before_it_has_to_refuse(canvas, clock):
    canvas.remaining = 20.0
    to_canvas(canvas, clock)
    assert clock.slept.count(2.0) >= 10


def test_canvas_waits_as_long_as_it_is_told(canvas, clock):
    canvas.fault("GET", "/submissions", 429)
    to_canvas(canvas, clock)
    assert 7.0 in clock.slept


def test_canvas_other_points_are_converted_and_told(canvas, clock):
    canvas.record["points_possible"] = 100.0
    looked = to_canvas(canvas, clock, dry_run=True)
    assert "the LMS counts out of 100, the exercise out of 30, so scores are converted" in looked.messages
    assert not [one for one in canvas.seen if one.writes]

    to_canvas(canvas, clock)
    assert [one["score"] for one in canvas.people.values()] == [90.0, 100.0, 41.67]


def test_canvas_that_counts_no_points_gets_no_zeros(canvas, clock):
    canvas.record["points_possible"] = 0.0
    with pytest.raises(RequestError, match="out of 0 points"):
        to_canvas(canvas, clock)
    assert not [one for one in canvas.seen if one.writes]


def test_canvas_refuses_a_token_once_and_clearly(canvas, clock):
    with pytest.raises(LiveError, match="401: Invalid access token") as caught:
        to_canvas(canvas, clock, token="7~wrong-token")
    assert len(canvas.seen) == 1
    assert "create a new one" in caught.value.hint


@pytest.mark.parametrize("roster", [True, False])  # without one, collect cannot know whose hand-in is a group's
def test_canvas_group_gets_its_comment_as_a_group(canvas, clock, roster):
    canvas.record["group_category_id"] = 3
    made(canvas.folder, "canvas", {"7": (27, {"user_id": "7", "is_group": roster})})
    to_canvas(canvas, clock)
    assert canvas.calls("PUT")[0].form["comment[group_comment]"] == "true"


@pytest.mark.parametrize("record", [{}, {"group_category_id": 3, "grade_group_students_individually": True}])
def test_canvas_comment_goes_to_one_where_each_is_graded_alone(canvas, clock, record):
    canvas.record |= record
    to_canvas(canvas, clock)
    assert not any("comment[group_comment]" in one.form for one in canvas.calls("PUT"))


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("dry_run", [True, False])
def test_canvas_scope_that_is_missing_is_named_before_anything_is_written(canvas, clock, scope, dry_run):
    canvas.scopes.remove(scope)
    if dry_run and not scope.startswith("url:GET"):
        said = text(to_canvas(canvas, clock, dry_run=True))
        assert "cannot be tested by reading" in said
        assert scope.removeprefix("url:") in said
    else:
        with pytest.raises(LiveError, match=re.escape(scope)) as caught:
            to_canvas(canvas, clock, dry_run=dry_run)
        assert "developer key" in caught.value.hint
    assert not [one for one in canvas.seen if one.writes]
    assert not dry_run or not [one for one in canvas.tried if one.writes]
    assert [one["score"] for one in canvas.people.values()] == [None, None, None]


def test_canvas_key_without_include_parameters_is_refused_before_anything_is_written(canvas, clock):
    canvas.includes = False
    with pytest.raises(LiveError, match="leaves out existing comments") as caught:
        to_canvas(canvas, clock, dry_run=True)
    assert "Allow Include Parameters" in caught.value.hint


def test_canvas_is_tried_on_nobody_only_where_something_is_sent(canvas, clock):
    to_canvas(canvas, clock)
    assert canvas.tried
    canvas.tried.clear()
    to_canvas(canvas, clock)
    assert not canvas.tried


def test_canvas_anonymous_hand_ins_wait_until_names_are_shown(canvas, clock):
    made(canvas.folder, "canvas", {"acJ4Q": (27, {"anonymous_id": "acJ4Q", "is_group": False})})
    report = to_canvas(canvas, clock)
    assert report.waiting == 1
    assert not [one for one in canvas.seen if one.writes]

    canvas.people["8"]["anonymous_id"] = "acJ4Q"
    assert to_canvas(canvas, clock).failed == 0
    assert [one["score"] for one in canvas.people.values()] == [None, 27.0, None]
    assert len(canvas.people["8"]["submission_comments"]) == 1


def test_what_waits_for_a_person_is_held_back_unless_asked(canvas, clock):
    lms = {user: {"user_id": user} for user in "789"}
    people = {"7": ("provisional", lms["7"]), "8": ("wrong_notebook", lms["8"]), "9": ("unreadable", lms["9"])}
    made(canvas.folder, "canvas", people)

    report = to_canvas(canvas, clock)
    assert not [one for one in canvas.seen if one.writes]
    assert "held back: a part could not be judged" in text(report)
    assert "no notebook could be read" in text(report)

    to_canvas(canvas, clock, include_open=True, absent="zero")
    assert [one["score"] for one in canvas.people.values()] == [None, 0.0, 0.0]
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 1]


# --- Moodle --------------------------------------------------------------------------------------------------------


@pytest.fixture
def moodle(tmp_path):
    site = MoodleSite(TOKEN)
    for participant, user in ((101, 7), (102, 8), (103, 9)):
        site.add(participant, user)
    people = {
        str(number): (points, {"participant_id": str(number)}) for number, points in ((101, 27), (102, 30), (103, 12.5))
    }
    site.folder = made(tmp_path / "graded", "moodle", people)
    site.made = people
    yield site
    site.close()


def to_moodle(site, clock, *, seconds=60.0, **options):
    def http(*sites):
        return Http(*sites, sleep=clock.sleep, answer_seconds=seconds)

    return push(request(site.folder, **options), Moodle(site.address, Secret(TOKEN), http=http), now=clock)


def there(site):
    return {user: float(one["grade"]) for user, one in sorted(site.grades.items())}


def test_moodle_gets_grade_comment_and_page_of_everybody(moodle, clock):
    report = to_moodle(moodle, clock)

    assert report.failed == 0, text(report)
    assert there(moodle) == {"7": 27.0, "8": 30.0, "9": 12.5}
    assert moodle.comments["7"].startswith("<p><strong>27 of 30. &lt;b&gt;101&lt;/b&gt;</strong></p>")
    assert moodle.pages["9"] == (moodle.folder / "103" / "feedback.html").read_bytes()
    assert not any(TOKEN in one.path or one.query for one in moodle.seen)


def test_moodle_dry_run_shows_and_sends_nothing(moodle, clock):
    moodle.add(101, 7, grade=20)
    report = to_moodle(moodle, clock, dry_run=True)

    functions = {one.form.get("wsfunction") for one in moodle.seen}
    assert functions == {"mod_assign_get_assignments", "mod_assign_get_user_mappings", "mod_assign_get_grades"}
    assert re.search(r"Doe, 101 +20 +27 +graded by user 2, so nothing is sent", text(report))
    assert not (moodle.folder / FILE).exists()


def test_moodle_pushed_again_sends_nothing(moodle, clock):
    to_moodle(moodle, clock)
    moodle.seen.clear()
    report = to_moodle(moodle, clock)
    assert "mod_assign_save_grades" not in {one.form.get("wsfunction") for one in moodle.seen}
    assert "3 had it already" in text(report)


def test_moodle_grade_of_a_person_stays_unless_asked(moodle, clock):
    moodle.add(101, 7, grade=20)
    assert to_moodle(moodle, clock).waiting == 1
    assert there(moodle) == {"7": 20.0, "8": 30.0, "9": 12.5}
    to_moodle(moodle, clock, overwrite=True)
    assert there(moodle)["7"] == 27.0


@pytest.mark.parametrize("kind", ["drop_after", "hang_after", "drop_before", 503])
def test_moodle_save_that_was_not_answered_is_read_back(moodle, clock, kind):
    moodle.fault("POST", "mod_assign_save_grades", kind)
    report = to_moodle(moodle, clock, seconds=2.0 if kind == "hang_after" else 60.0)

    arrived = kind in {"drop_after", "hang_after"}
    assert report.failed == (0 if arrived else 3), text(report)
    clock.sleep(301)
    assert to_moodle(moodle, clock).failed == 0
    saved = [one for one in moodle.seen if one.form.get("wsfunction") == "mod_assign_save_grades"]
    assert len(saved) == (1 if arrived else 2)
    assert there(moodle) == {"7": 27.0, "8": 30.0, "9": 12.5}


def test_moodle_comment_that_was_lost_beside_a_right_grade_is_not_taken_for_sent(moodle, clock):
    moodle.add(101, 7, grade=27)
    moodle.fault("POST", "mod_assign_save_grades", "drop_before")

    assert to_moodle(moodle, clock).failed == 3
    assert "7" not in moodle.comments
    clock.sleep(301)
    assert to_moodle(moodle, clock).failed == 0
    assert "7" in moodle.comments


def test_moodle_that_refuses_one_of_many_gets_the_others(moodle, clock):
    moodle.refused.add("8")
    report = to_moodle(moodle, clock)

    assert report.failed == 1
    assert there(moodle) == {"7": 27.0, "9": 12.5}
    assert "Doe, 102: could not be sent: Moodle refused it: Sorry, but you do not currently have permissions" in text(
        report
    )


def test_moodle_grade_that_does_not_show_is_told(moodle, clock):
    moodle.locked.add("8")
    report = to_moodle(moodle, clock)
    assert report.failed == 1
    assert "Doe, 102: could not be sent: Moodle accepted the grade but does not show it" in text(report)


def test_moodle_errors_in_status_200_are_errors(moodle, clock):
    moodle.token = "another"
    with pytest.raises(LiveError, match="Invalid token") as caught:
        to_moodle(moodle, clock)
    assert "create a new one" in caught.value.hint
    assert len(moodle.seen) == 1


def test_moodle_settings_that_hide_what_is_sent_are_told(moodle, clock):
    moodle.record |= {"configs": [], "markingworkflow": 1}
    report = to_moodle(moodle, clock)
    assert "“Feedback comments” is off" in text(report)
    assert "ready for release" in text(report)
    saved = next(one for one in moodle.seen if one.form.get("wsfunction") == "mod_assign_save_grades")
    assert saved.form["grades[0][workflowstate]"] == "readyforrelease"


@pytest.mark.parametrize("on", [{"comments"}, {"file"}, set()], ids=lambda on: "+".join(on) or "none")
def test_moodle_without_a_way_of_feedback_gets_the_rest(moodle, clock, on):
    moodle.installed = on
    moodle.record["configs"] = [one for one in moodle.record["configs"] if one["plugin"] in on]
    report = to_moodle(moodle, clock)

    assert report.failed == 0, text(report)
    assert there(moodle) == {"7": 27.0, "8": 30.0, "9": 12.5}
    assert (len(moodle.comments), len(moodle.pages)) == (3 * ("comments" in on), 3 * ("file" in on))
    assert text(report).count("is off in this assignment") == 2 - len(on)


def test_moodle_team_is_left_to_the_worksheet(moodle, clock):
    made(moodle.folder, "moodle", {"t": (27, {"group_id": "101", "is_group": True})})
    assert to_moodle(moodle, clock).waiting == 1


# --- LTI -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key():
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()).decode()
    return pem, private.public_key()


@pytest.fixture(scope="module")
def load_key():
    """Read a private key once: to check that its numbers are primes costs more than a whole push."""
    from jwt import algorithms

    return cache(algorithms.load_pem_private_key)


@pytest.fixture(params=["moodle", "canvas"])
def platform(request, tmp_path, key, load_key, monkeypatch):
    monkeypatch.setattr("jwt.algorithms.load_pem_private_key", load_key)
    site = AgsSite(key[1], manner=request.param)
    site.users = {"7", "8", "9"}
    people = {user: (points, {"user_id": user}) for user, points in (("7", 27), ("8", 30), ("9", 12.5))}
    site.folder = made(tmp_path / "graded", "canvas", people)
    site.made, site.pem = people, key[0]
    yield site
    site.close()


def to_platform(site, clock, *, seconds=60.0, settings=None, **options):
    def http(*sites):
        return Http(*sites, sleep=clock.sleep, answer_seconds=seconds)

    found = {"client_id": site.client_id, "token_url": f"{site.url}/token", "platform": site.manner}
    found |= {"line_item": site.line_item()} if settings is None else settings
    tool = Tool(
        PlatformSettings(**found), Secret(site.pem), {user: user for user in "789"}, "Initialization", Decimal(30)
    )
    site.clock = clock
    return push(request(site.folder, **options), Ags(tool, http=http, now=clock), now=clock)


def scores(site):
    return {user: one["shown"].get("resultScore") for user, one in sorted(site.results.items())}


@pytest.fixture
def real_time():
    """A clock that starts now, for signed assertions end in a minute."""
    import time

    clock = Clock()
    clock.now = time.time()
    return clock


def test_platform_gets_every_score_with_its_comment(platform, real_time):
    report = to_platform(platform, real_time)

    assert report.failed == 0, text(report)
    assert scores(platform) == {"7": 90.0, "8": 100.0, "9": 41.66667}
    assert sorted(user for user, _ in platform.comments) == ["7", "8", "9"]
    posted = json.loads(platform.calls("POST", "/lineitem/scores")[0].body)
    assert posted["activityProgress"] == "Completed"
    assert (posted["scoreGiven"], posted["scoreMaximum"]) == (27, 30)
    assert ("https://canvas.instructure.com/lti/submission" in posted) is (platform.manner == "canvas")


def test_platform_dry_run_shows_and_posts_no_score(platform, real_time):
    report = to_platform(platform, real_time, dry_run=True)
    assert {one.path for one in platform.seen if one.writes} == {"/token"}
    assert re.search(r"Doe, 7 +- +27 +grade and comment", text(report))


def test_platform_pushed_again_gets_nothing(platform, real_time):
    to_platform(platform, real_time)
    platform.seen.clear()
    report = to_platform(platform, real_time)
    assert {one.path for one in platform.seen if one.writes} == {"/token"}
    assert "3 had it already" in text(report)


def test_platform_results_are_read_page_by_page(platform, real_time):
    platform.page = 1
    to_platform(platform, real_time)
    platform.seen.clear()
    assert "3 had it already" in text(to_platform(platform, real_time))
    assert len([one for one in platform.seen if "/results" in one.path and "user_id" not in dict(one.query)]) == 3


def test_platform_token_is_renewed_when_it_ends(platform, real_time):
    platform.life_seconds = 20  # less than the time before its end at which it is renewed
    assert to_platform(platform, real_time).failed == 0
    assert len(platform.calls("POST", "/token")) > 3


def test_platform_token_that_is_refused_is_renewed_once(platform, real_time):
    platform.uses_left = {0: 3}
    assert to_platform(platform, real_time).failed == 0
    assert len(platform.calls("POST", "/token")) == 2


def test_platform_that_refuses_every_token_stops_the_run(platform, real_time):
    to_platform(platform, real_time, dry_run=True)
    used = len(platform.tokens)
    enough_for_one_score = 4 if platform.manner == "moodle" else 7
    platform.uses_left = dict.fromkeys(range(used + 1, used + 50), 0) | {used: enough_for_one_score}

    report = to_platform(platform, real_time)
    assert report.failed == 2
    assert "answered 401" in text(report)
    assert len(platform.calls("POST", "/token")) == 3  # one of the dry run, one that ran out, one more


def test_platform_score_of_a_person_stays_unless_asked(platform, real_time):
    to_platform(platform, real_time)
    platform.results["7"]["shown"]["resultScore"] = 50.0
    assert to_platform(platform, real_time).waiting == 1
    assert to_platform(platform, real_time, overwrite=True).failed == 0
    assert scores(platform)["7"] == 90.0
    assert len([user for user, _ in platform.comments if user == "7"]) == 1


def test_platform_times_rise_with_every_post(platform, real_time):
    to_platform(platform, real_time)
    for points in (20, 21, 22):  # within one second
        made(platform.folder, "canvas", platform.made | {"7": (points, {"user_id": "7"})})
        assert to_platform(platform, real_time).failed == 0
    assert scores(platform)["7"] == round(22 / 30 * 100, 5)
    posts = [json.loads(one.body) for one in platform.calls("POST", "/scores")]
    moments = [one["timestamp"] for one in posts if one["userId"] == "7"]
    assert moments == sorted(set(moments))
    assert len({moment[:19] for moment in moments}) == 4


def test_platform_with_a_later_time_gets_one_after_it(platform, real_time):
    from datetime import datetime, timedelta, timezone

    later = datetime.fromtimestamp(real_time(), timezone.utc) + timedelta(seconds=0.4)
    platform.results["7"] = {
        "user": "7",
        "moment": later,
        "shown": {"userId": platform.name_of("7"), "resultMaximum": 100},
    }
    assert to_platform(platform, real_time).failed == 0
    assert scores(platform)["7"] == 90.0


@pytest.mark.parametrize("kind", ["drop_after", "hang_after", "drop_before", 503, "throttle"])
def test_platform_score_that_was_not_answered_is_read_back(platform, real_time, kind):
    platform.fault("POST", '"userId": "8"', kind)
    report = to_platform(platform, real_time, seconds=2.0 if kind == "hang_after" else 60.0)

    assert report.failed == (1 if kind in {"drop_before", 503} else 0), text(report)
    real_time.sleep(301)
    assert to_platform(platform, real_time).failed == 0
    assert scores(platform) == {"7": 90.0, "8": 100.0, "9": 41.66667}
    assert sorted(user for user, _ in platform.comments) == ["7", "8", "9"]


def test_platform_is_told_that_a_person_has_to_grade(platform, real_time):
    made(platform.folder, "canvas", {"7": ("provisional", {"user_id": "7"})})
    assert to_platform(platform, real_time).failed == 0
    assert platform.results == {}

    to_platform(platform, real_time, include_open=True)
    posted = json.loads(platform.calls("POST", "/scores")[0].body)
    assert (posted["gradingProgress"], posted["activityProgress"]) == ("PendingManual", "Submitted")
    assert "scoreGiven" not in posted
    assert posted["scoreMaximum"] == 30


def test_platform_score_that_is_there_is_not_taken_away(platform, real_time):
    to_platform(platform, real_time)
    made(platform.folder, "canvas", {"7": ("provisional", {"user_id": "7"})})
    assert to_platform(platform, real_time, include_open=True).waiting == 1
    assert scores(platform)["7"] == 90.0


def test_platform_line_item_is_found_or_made(platform, real_time):
    settings = {"line_items": platform.line_items}
    assert to_platform(platform, real_time, settings=settings).failed == 0
    assert len(platform.items) == 1

    another = {**settings, "resource_id": "another"}
    with pytest.raises(RequestError, match="no line item with the resource id 'another'"):
        to_platform(platform, real_time, settings=another)
    report = to_platform(platform, real_time, settings={**another, "create": True}, dry_run=True)
    assert len(platform.items) == 1
    assert "sending creates one" in text(report)
    platform.fault("POST", "/lineitems?", "drop_after")
    platform.results.clear()
    assert to_platform(platform, real_time, settings={**another, "create": True}).failed == 0
    assert [one["resourceId"] for one in platform.items.values()] == ["dls-c2w1-initialization", "another"]


def test_platform_student_it_does_not_know_holds_up_nobody(platform, real_time):
    platform.users.discard("8")
    report = to_platform(platform, real_time)
    assert report.failed == 1
    assert sorted(platform.results) == ["7", "9"]


@pytest.mark.parametrize(
    ("line_item", "url"),
    [
        ("https://m/x/lineitems/5/lineitem?type_id=1", "https://m/x/lineitems/5/lineitem/scores?type_id=1"),
        ("https://c/api/lti/courses/5/line_items/2", "https://c/api/lti/courses/5/line_items/2/scores"),
        ("https://c/items/2/?a=b%2Fc&d", "https://c/items/2/scores?a=b%2Fc&d"),
    ],
)
def test_scores_go_before_the_question_mark(line_item, url):
    assert lti_ags.service(line_item, "scores") == url


# --- secrets -------------------------------------------------------------------------------------------------------


def planted(tmp_path, monkeypatch, capfd, caplog, arguments):
    """Run a command with logs at their loudest, and return everything it showed or left, with its exit code."""
    caplog.set_level(logging.DEBUG)
    code = main([*arguments, "--token-file", str(secret_file(tmp_path))])
    out, err = capfd.readouterr()
    left = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "token"]
    return code, f"{out}\n{err}\n{caplog.text}".encode() + b"\n".join(left)


def secret_file(tmp_path, text=TOKEN, mode=0o600):
    path = tmp_path / "token"
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


@pytest.fixture
def quick(monkeypatch, clock):
    """Let commands wait on a clock of ours."""
    monkeypatch.setattr("time.sleep", clock.sleep)


@pytest.mark.parametrize("dry", [["--dry-run"], []], ids=["dry", "wet"])
@pytest.mark.parametrize("system", SITES)
def test_a_planted_token_is_nowhere(tmp_path, quick, request, monkeypatch, capfd, caplog, system, dry):
    site = request.getfixturevalue(system)
    code, everything = planted(
        tmp_path,
        monkeypatch,
        capfd,
        caplog,
        ["lms", system, "push", str(site.folder), "--assignment", site.address, *dry],
    )

    assert code == 0
    assert any(TOKEN in one.raw.decode() or TOKEN in one.form.get("wstoken", "") for one in site.seen)  # it was used
    for form in (TOKEN, TOKEN[:16], "pLaNtEdSeCrEt", SIGNED):
        assert form.encode() not in everything


@pytest.mark.parametrize(
    ("system", "method", "path"),
    [
        ("canvas", "GET", "/assignments/34"),
        ("canvas", "PUT", "/submissions/8"),
        ("canvas", "POST", "update_grades"),
        ("moodle", "POST", "mod_assign_get_assignments"),
        ("moodle", "POST", "mod_assign_save_grades"),
        ("moodle", "POST", "upload.php"),
    ],
)
def test_a_token_that_a_site_echoes_is_blotted_out(
    tmp_path, quick, request, monkeypatch, capfd, caplog, system, method, path
):
    site = request.getfixturevalue(system)
    site.fault(method, path, "echo")
    code, everything = planted(
        tmp_path, monkeypatch, capfd, caplog, ["lms", system, "push", str(site.folder), "--assignment", site.address]
    )

    assert code == (0 if (system, method) == ("moodle", "POST") and "_get_" not in path else 3)  # sent one by one then
    assert site.faults == []
    for form in (TOKEN, TOKEN[:16], "pLaNtEdSeCrEt", "signature"):
        assert form.encode() not in everything


@pytest.mark.parametrize("system", SITES)
def test_what_a_site_names_is_shown_without_secrets_and_controls(request, clock, capsys, monkeypatch, system):
    site = request.getfixturevalue(system)
    site.record["name"] = f"\x1b[2J{TOKEN}\u202e"
    monkeypatch.setenv(f"GRADER_{system.upper()}_TOKEN", TOKEN)
    code, out, err = run(capsys, system, "push", site.folder, "--assignment", site.address, "--dry-run")
    assert code == 0
    assert "[hidden]" in out
    assert not re.search("\x1b|\u202e|pLaNtEd", out + err)


def test_a_long_wait_is_told(canvas, capsys, monkeypatch, quick):
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
    canvas.fault("GET", "/submissions", 429)
    _, _, err = run(capsys, "canvas", "push", canvas.folder, "--assignment", canvas.address)
    assert f"{canvas.url} is busy or silent; the next try is in 7 s" in err


@pytest.mark.parametrize(
    ("live", "address", "target"),
    [
        (Canvas, "https://c.edu/courses/12/assignments/34", "https://c.edu/courses/12/assignments/34"),
        (
            Canvas,
            "https://c.edu/courses/12/assignments/34/?module_item_id=5#x",
            "https://c.edu/courses/12/assignments/34",
        ),
        (Canvas, "https://c.edu/courses/12/assignments/34/edit", None),
        (Canvas, "https://c.edu/courses/x/assignments/34", None),
        (Moodle, "https://m.edu/a/mod/assign/view.php?id=34", "https://m.edu/a/mod/assign/view.php?id=34"),
        (
            Moodle,
            "https://m.edu/mod/assign/view.php?action=grading&id=34&x=1",
            "https://m.edu/mod/assign/view.php?id=34",
        ),
        (Moodle, "https://m.edu/mod/assign/view.php?rid=34", None),
        (Moodle, "https://m.edu/mod/quiz/view.php?id=34", None),
    ],
)
def test_the_address_is_taken_from_the_browser(live, address, target):
    if target is None:
        with pytest.raises(RequestError, match="copy it from the browser"):
            live(address, Secret(TOKEN))
    else:
        assert live(address, Secret(TOKEN)).target == target


@pytest.mark.parametrize("fault", ["echo", "drop_after"])
@pytest.mark.parametrize(("system", "live"), [("canvas", Canvas), ("moodle", Moodle)])
def test_a_traceback_shows_no_secret_even_with_every_variable(request, clock, fault, system, live):
    site, secret = request.getfixturevalue(system), Secret(TOKEN)
    site.fault("GET" if system == "canvas" else "POST", "ssignments", fault)

    def asked():
        return live(site.address, secret, http=lambda *sites: Http(*sites, sleep=clock.sleep)).assignment()

    for _ in range(7):
        site.fault("GET" if system == "canvas" else "POST", "ssignments", fault)
    with pytest.raises(LiveError) as caught:
        asked()
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "secret = Secret([hidden])" in shown  # variables are there
    assert "pLaNtEdSeCrEt" not in shown


def test_keys_assertions_and_access_tokens_are_blotted_out(platform, real_time, caplog):
    caplog.set_level(logging.DEBUG)
    platform.fault("POST", "client_assertion", "echo")
    with pytest.raises(LiveError) as caught:
        to_platform(platform, real_time)
    platform.fault("POST", '"userId": "8"', "echo")
    report = to_platform(platform, real_time)

    shown = text(report) + str(caught.value) + caplog.text + (platform.folder / FILE).read_text()
    sent = [one.form["client_assertion"] for one in platform.calls("POST", "/token")]
    for secret in (*platform.tokens, *sent, *(line for line in platform.pem.splitlines() if len(line) > 30)):
        assert secret not in shown
    assert tokens.HIDDEN in shown


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    with pytest.raises(RequestError, match=r"others can read or change") as caught:
        find("UNSET", file=secret_file(tmp_path, mode=mode), account="a", what="a token")
    assert "chmod 600" in caught.value.hint
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("text", ["", "two words", "line\nbreak", "é", "a\x00b", "x" * 70_000], ids=range(6))
def test_a_file_without_a_token_is_refused_and_not_shown(tmp_path, text):
    with pytest.raises(RequestError) as caught:
        find("UNSET", file=secret_file(tmp_path, text), account="a", what="a token")
    assert len(text) < 3 or text not in str(caught.value)


def test_a_token_is_found_in_file_environment_and_keyring_in_this_order(tmp_path, monkeypatch):
    import keyring

    monkeypatch.setattr(keyring, "get_password", lambda service, account: f"{service}-{account}-kept".replace(" ", "-"))
    assert find("GRADER_X", file=None, account="a b", what="").reveal() == "grader-a-b-kept"
    monkeypatch.setenv("GRADER_X", "from-environment")
    assert find("GRADER_X", file=None, account="a", what="").reveal() == "from-environment"
    assert find("GRADER_X", file=secret_file(tmp_path), account="a", what="").reveal() == TOKEN


def test_no_token_at_all_says_where_it_may_be(monkeypatch):
    import keyring

    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(keyring, "get_password", broken)
    with pytest.raises(RequestError, match="a Canvas access token is needed") as caught:
        find("GRADER_UNSET", file=None, account="canvas x", what="a Canvas access token")
    assert all(word in caught.value.hint for word in ("GRADER_UNSET", "chmod 600", "keyring set"))


def test_a_secret_shows_in_no_form():
    import pickle

    secret = Secret(TOKEN)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>50}",
        repr([secret]),
        repr(HttpCall("GET", "u", bearer=secret)),
    ):
        assert "pLaNtEd" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize("quoted", [TOKEN, "7~pLaNtEdSeCrEt%2Bneeds%2Fquoting%3D0123456789"])
def test_a_secret_is_hidden_also_where_it_is_quoted(quoted):
    assert hide(f"a {quoted} b", [Secret(TOKEN)]) == "a [hidden] b"


def test_the_command_starts_without_what_it_sends_with():
    code = "import sys, grader.cli; sys.exit(any(name in sys.modules for name in ('requests', 'canvasapi', 'jwt', 'keyring')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_option_takes_a_secret():
    from typer.main import get_command

    from grader.cli.app import app

    for system in ("canvas", "moodle", "lti"):
        options = [
            name
            for one in get_command(app).commands["lms"].commands[system].commands["push"].params
            for name in one.opts
        ]
        secretive = [name for name in options if re.search("token|key|secret|password", name)]
        assert secretive
        assert all(name.endswith("-file") for name in secretive)


# --- all three: half-way failures and odd answers -------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a process that is killed between two lines."""


def dies_at(monkeypatch, number):
    """Let the journal's line of this number be the last thing that the process does, before or after it is written."""
    write, count = Journal.write, iter(range(1000))

    def dying(self, line):
        at = next(count)
        if at == number:
            raise Killed
        write(self, line)

    monkeypatch.setattr(Journal, "write", dying)
    return lambda: monkeypatch.setattr(Journal, "write", write)


@pytest.mark.parametrize("number", range(12))
def test_canvas_push_that_was_killed_anywhere_ends_with_everything_once(canvas, clock, monkeypatch, number):
    live_again = dies_at(monkeypatch, number)
    with pytest.raises(Killed):
        to_canvas(canvas, clock)
    live_again()
    clock.sleep(301)

    assert to_canvas(canvas, clock).failed == 0
    assert [one["score"] for one in canvas.people.values()] == [27.0, 30.0, 12.5]
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 1]


@pytest.mark.parametrize("number", range(6))
def test_platform_push_that_was_killed_anywhere_ends_with_everything_once(platform, real_time, monkeypatch, number):
    live_again = dies_at(monkeypatch, number)
    with pytest.raises(Killed):
        to_platform(platform, real_time)
    live_again()
    real_time.sleep(301)

    assert to_platform(platform, real_time).failed == 0
    assert scores(platform) == {"7": 90.0, "8": 100.0, "9": 41.66667}
    assert sorted(user for user, _ in platform.comments) == ["7", "8", "9"]


@pytest.mark.parametrize("number", range(6))
def test_moodle_push_that_was_killed_anywhere_ends_with_everything(moodle, clock, monkeypatch, number):
    live_again = dies_at(monkeypatch, number)
    with pytest.raises(Killed):
        to_moodle(moodle, clock)
    live_again()
    clock.sleep(301)

    assert to_moodle(moodle, clock).failed == 0
    assert there(moodle) == {"7": 27.0, "8": 30.0, "9": 12.5}
    assert sorted(moodle.comments) == ["7", "8", "9"]


def test_canvas_grade_that_went_out_before_the_process_died_is_ours(canvas, clock, monkeypatch):
    live_again = dies_at(monkeypatch, 3)  # the three lines before the job are written, none after it
    with pytest.raises(Killed):
        to_canvas(canvas, clock)
    live_again()
    made(canvas.folder, "canvas", canvas.made | {"8": (28, canvas.made["8"][1])})

    report = to_canvas(canvas, clock)
    assert (report.failed, report.waiting) == (0, 0)
    assert canvas.people["8"]["score"] == 28.0


def test_canvas_second_job_that_fails_takes_nothing_from_the_first(canvas, clock, monkeypatch):
    monkeypatch.setattr("grader.lms.canvas.site.AT_ONCE", 2)
    canvas.fault("POST", "grade_data%5B9%5D", 400)

    report = to_canvas(canvas, clock)
    assert report.failed == 1
    assert [one["score"] for one in canvas.people.values()] == [27.0, 30.0, None]
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 0]
    assert to_canvas(canvas, clock).failed == 0
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 1]


def test_moodle_second_call_that_fails_takes_nothing_from_the_first(moodle, clock, monkeypatch):
    monkeypatch.setattr("grader.lms.moodle.site.AT_ONCE", 2)
    moodle.fault("POST", "%5Buserid%5D=9", 400)

    assert to_moodle(moodle, clock).failed == 1
    assert there(moodle) == {"7": 27.0, "8": 30.0}
    assert to_moodle(moodle, clock).failed == 0
    assert there(moodle) == {"7": 27.0, "8": 30.0, "9": 12.5}


GARBAGE = [None, [], {}, "<html>Sign in</html>", [[]], {"id": None}]


def gives_garbage_once(site, after, garbage):
    """Let a site answer one call, after so many right ones, with what it never answers; it does nothing then."""
    answer = site.answer
    site.answer = lambda one: Answer(200, garbage) if len(site.seen) == after + 1 else answer(one)


@pytest.mark.parametrize("after", [0, 1, 3, 4, 6, 8, 9, 10, 11, 14])
@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_canvas_that_answers_in_another_form_loses_nothing(canvas, clock, garbage, after):
    gives_garbage_once(canvas, after, garbage)
    with contextlib.suppress(LiveError, RequestError):
        to_canvas(canvas, clock)
    clock.sleep(301)

    assert to_canvas(canvas, clock).failed == 0
    assert [one["score"] for one in canvas.people.values()] == [27.0, 30.0, 12.5]
    assert [len(one["submission_comments"]) for one in canvas.people.values()] == [1, 1, 1]


@pytest.mark.parametrize("after", range(9))
@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_moodle_that_answers_in_another_form_loses_nothing(moodle, clock, garbage, after):
    gives_garbage_once(moodle, after, garbage)
    with contextlib.suppress(LiveError, RequestError):
        to_moodle(moodle, clock)
    clock.sleep(301)

    assert to_moodle(moodle, clock).failed == 0
    assert there(moodle) == {"7": 27.0, "8": 30.0, "9": 12.5}


@pytest.mark.parametrize("after", range(5))
@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_a_platform_that_answers_in_another_form_loses_nothing(platform, real_time, garbage, after):
    gives_garbage_once(platform, after, garbage)
    with contextlib.suppress(LiveError, RequestError):
        to_platform(platform, real_time)
    real_time.sleep(301)

    assert to_platform(platform, real_time).failed == 0
    assert scores(platform) == {"7": 90.0, "8": 100.0, "9": 41.66667}


# --- the plan ------------------------------------------------------------------------------------------------------


def wish(points=27):
    one = graded_one(points)
    return Wish(one, None if points is None else Decimal(points), "a comment", one.folder, "digest")


def graded_one(points):
    return Graded(Entry(file="a", student="a"), result(), Path("a"))


OURS, THEIRS, NONE = Decimal(27), Decimal(25), None
PLANS = [
    # what is there, what the journal knows, overwrite: what is done, with grade, with comment
    ("nobody gave anything", NONE, {}, False, ("send", True, True)),
    ("the same grade and no comment", OURS, {}, False, ("send", False, True)),
    ("all of it went out", OURS, {"grades": {"27"}, "comment_sent": True}, False, ("same", False, False)),
    ("our older grade", THEIRS, {"grades": {"25"}}, False, ("send", True, True)),
    ("the grade of a person", THEIRS, {}, False, ("kept", False, False)),
    ("a person changed ours", THEIRS, {"grades": {"27"}, "comment_sent": True}, False, ("kept", False, False)),
    ("a person took ours away", NONE, {"grades": {"27"}, "comment_sent": True}, False, ("kept", False, False)),
    (
        "a person changed ours, and it is asked",
        THEIRS,
        {"grades": {"27"}, "comment_sent": True},
        True,
        ("send", True, False),
    ),
    ("the grade of a person, and it is asked", THEIRS, {}, True, ("send", True, True)),
    ("a comment that was never answered", OURS, {"grades": {"27"}, "is_fresh": True}, False, ("open", False, False)),
]


@pytest.mark.parametrize(
    ("grade", "known", "overwrite", "done"), [row[1:] for row in PLANS], ids=[row[0] for row in PLANS]
)
def test_plan(grade, known, overwrite, done):
    known = {name: frozenset(value) if name == "grades" else value for name, value in known.items()}
    change = plan(wish(), Standing("7", grade=grade), JournalState(**known), overwrite=overwrite)
    assert (change.step, change.grade, change.comment) == done


@pytest.mark.parametrize("there", ["27", "27.00", "27.00000", "27.004"])
def test_grades_are_compared_as_they_are_shown(there):
    assert plan(wish(), Standing("7", grade=Decimal(there)), JournalState(comment_sent=True)).step == "same"


def test_a_grade_that_waits_for_a_person_takes_none_away():
    assert plan(wish(None), Standing("7", grade=THEIRS), JournalState()).step == "kept"
    assert plan(wish(None), Standing("7"), JournalState()).grade is False


# --- the way out, and the journal ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_private"),
    [
        ("https://canvas.example.edu/x", True),
        ("http://127.0.0.1:80/x", True),
        ("http://localhost/x", True),
        ("http://[::1]/x", True),
        ("http://canvas.example.edu/x", False),
        ("http://127.0.0.1.example.edu/x", False),
        ("http://user@127.0.0.1/x", False),
        ("https://user:pass@canvas.example.edu/x", False),
        ("ftp://127.0.0.1/x", False),
        ("//x", False),
    ],
)
def test_nothing_is_sent_where_others_could_listen(url, is_private):
    if is_private:
        require_private(url)
    else:
        with pytest.raises(RequestError, match="not an address that begins with https"):
            require_private(url)


def test_a_token_does_not_follow_to_another_host(canvas, clock):
    other = CanvasSite(TOKEN)
    canvas.file_to_attach = lambda number: None
    receive = canvas.receive_file

    def sent_on(request):
        answer = receive(request)
        answer.headers["Location"] = f"{other.url}/api/v1/files/1"
        return answer

    canvas.receive_file = sent_on
    report = to_canvas(canvas, clock)
    other.close()
    assert report.failed == 3
    assert "does not get our token" in text(report)
    assert other.seen == []


def test_certificates_are_always_checked(monkeypatch):
    import requests

    asked = []

    def watch(_self, _method, _url, **options):
        asked.append(options)
        raise requests.exceptions.SSLError("certificate verify failed: " + TOKEN)

    monkeypatch.setattr(requests.Session, "request", watch)
    http = Http("https://canvas.example.edu", sleep=lambda _: None)
    with pytest.raises(LiveError, match="certificate cannot be trusted") as caught:
        http.send(HttpCall("GET", "https://canvas.example.edu/x", bearer=Secret(TOKEN)))
    assert TOKEN not in str(caught.value)
    assert all(one["verify"] is True and one["allow_redirects"] is False and one["timeout"] for one in asked)


def test_a_password_file_of_the_machine_does_not_replace_the_token(canvas, clock, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert to_canvas(canvas, clock).failed == 0


def test_the_journal_is_private_and_survives_a_cut_line(tmp_path):
    line = JournalLine(at=1.0, target="t", student="7", part="grade", step="sent", value="27")
    with Journal(tmp_path) as journal:
        journal.write(line)
    path = tmp_path / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open("ab") as file:
        file.write(b'{"at":2.0,"target":"t","stud')
    with Journal(tmp_path) as journal:
        assert journal.sent("t", "7", "grade") == line
        journal.write(msgspec.structs.replace(line, value="28"))
    with Journal(tmp_path) as journal:
        assert journal.sent("t", "7", "grade").value == "28"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (format_datetime(datetime.now(timezone.utc) + timedelta(days=2), usegmt=True), 120.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0),
        ("soon", 1.0),
        ("Fri, 31 Dec 999999 23:59:59 GMT", 1.0),
        ("9" * 5000, 1.0),
    ],
    ids=[
        "seconds",
        "a date to come",
        "a date in the past",
        "words",
        "no year",
        "no number",
    ],  # the same in every process that runs tests
)
def test_a_busy_site_is_asked_again_when_it_says(header, seconds):
    import requests

    busy, answer = requests.Response(), requests.Response()
    busy.status_code, answer.status_code = 503, 200
    busy.headers["Retry-After"] = header
    answers, slept = [answer, busy], []
    http = Http("https://canvas.example.edu", send=lambda _call: answers.pop(), sleep=slept.append)
    assert http.send(HttpCall("GET", "https://canvas.example.edu/api", repeatable=True)).status_code == 200
    assert slept == [seconds]


def test_the_command_forget_reaches_the_journal(canvas, clock, capsys):
    to_canvas(canvas, clock)
    before = journal(canvas.folder)
    assert main(["forget", str(canvas.folder), "8", "--yes"]) == 0, capsys.readouterr().err
    assert journal(canvas.folder) == [line for line in before if line["student"] != "8"]
    assert {line["student"] for line in before} == {"7", "8", "9"}
    assert stat.S_IMODE((canvas.folder / FILE).stat().st_mode) == 0o600


def test_two_pushes_of_one_folder_do_not_run_at_once(tmp_path):
    with Journal(tmp_path), pytest.raises(RequestError, match="another push is using"), Journal(tmp_path):
        pass


def test_a_journal_is_not_written_through_a_link(tmp_path):
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RequestError, match="cannot be written"), Journal(tmp_path):
        pass


# --- the command ---------------------------------------------------------------------------------------------------


def run(capsys, *arguments):
    code = main(["lms", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_the_command_sends_and_says_what_was_never_tried(canvas, capsys, monkeypatch, tmp_path, quick):
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
    code, out, err = run(capsys, "canvas", "push", canvas.folder, "--assignment", canvas.address)
    assert code == 0, err
    assert "sent 3 of 3" in out
    assert "Never tried on a live site" in out

    canvas.people["7"]["score"] = 1.0
    code, out, err = run(capsys, "canvas", "push", canvas.folder, "--assignment", canvas.address)
    assert code == 1
    assert "--overwrite replaces it" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("canvas", "push", "{folder}", "--assignment", "https://canvas.example.edu/courses/12"),
            "not the address of a Canvas",
        ),
        (
            ("canvas", "push", "{folder}", "--assignment", "http://canvas.example.edu/courses/1/assignments/2"),
            "begins with https",
        ),
        (
            ("moodle", "push", "{folder}", "--assignment", "https://m/mod/assign/view.php?id=3"),
            "was collected from canvas",
        ),
        (("canvas", "push", "nowhere", "--assignment", "https://c/courses/1/assignments/2"), "has no manifest.json"),
        (("lti", "push", "{folder}", "--platform", "nowhere.toml"), "cannot be read"),
    ],
)
def test_a_request_that_cannot_be_met_ends_with_2(canvas, capsys, monkeypatch, arguments, says):
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
    code, _, err = run(capsys, *(one.format(folder=canvas.folder) for one in arguments))
    assert code == 2
    assert says in err
    assert "hint: " in err


def test_a_site_that_cannot_be_reached_ends_with_3(canvas, capsys, monkeypatch, quick):
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
    canvas.close()
    code, _, err = run(capsys, "canvas", "push", canvas.folder, "--assignment", canvas.address)
    assert code == 3
    assert "there was no connection" in err


def test_the_lti_command_reads_its_settings_and_key(platform, capsys, tmp_path, monkeypatch):
    settings = tmp_path / "platform.toml"
    settings.write_text(
        f'client_id = "{platform.client_id}"\ntoken_url = "{platform.url}/token"\nplatform = "{platform.manner}"\n'
        f'line_item = "{platform.line_item()}"\nusers = "users.csv"\n'
    )
    (tmp_path / "users.csv").write_text("student,user_id\n7,7\n8,8\n9,9\n")
    file = secret_file(tmp_path, platform.pem)
    code, out, err = run(capsys, "lti", "push", platform.folder, "--platform", settings, "--key-file", file)
    assert code == 0, err
    assert "sent 3 of 3" in out


@pytest.mark.parametrize("library", ["requests", "canvasapi.assignment"])
def test_a_missing_library_is_named(canvas, capsys, monkeypatch, library):
    monkeypatch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
    monkeypatch.setitem(sys.modules, library, None)
    code, _, err = run(capsys, "canvas", "push", canvas.folder, "--assignment", canvas.address)
    assert code == 2
    assert "pip install 'grader[canvas]'" in err


def test_a_missing_library_for_lti_is_named(platform, real_time, monkeypatch):
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(RequestError, match="LTI needs one more library"):
        to_platform(platform, real_time)


def test_a_key_that_is_none_is_refused_and_not_shown(platform, real_time):
    platform.pem = "-----BEGIN PRIVATE KEY-----\n" + "pLaNtEdSeCrEt" * 4 + "\n-----END PRIVATE KEY-----"
    with pytest.raises(RequestError, match="not an RSA private key") as caught:
        to_platform(platform, real_time)
    assert "pLaNtEd" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("client_id = 'a'\ntoken_url = 'https://x/t'\n", "either line_item or line_items"),
        ("client_id = 'a'\ntoken_url = 'https://x/t'\nline_item='https://x/1'\nkey='k'\n", "unknown field `key`"),
        ("client_id = ", "cannot be used"),
        ("client_id = 'a'\ntoken_url = 'https://x/t'\nplatform='blackboard'\n", "Invalid enum value"),
    ],
)
def test_settings_that_cannot_be_used_say_why(tmp_path, settings, says):
    path = tmp_path / "platform.toml"
    path.write_text(settings)
    with pytest.raises(RequestError, match=says):
        lti_access.load(path)


@pytest.mark.parametrize("rows", ["student\n7\n", "student,user_id\n7,1\n7,2\n", "student,user_id\n7\n", "\xff"])
def test_a_list_of_users_that_cannot_be_used_is_refused(tmp_path, rows):
    path = tmp_path / "users.csv"
    path.write_bytes(rows.encode("latin-1"))
    with pytest.raises(RequestError):
        lti_access.users(path)


# --- the documents -------------------------------------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs" / "lms"


def test_the_documents_name_every_option_right_and_setting():
    from typer.main import get_command

    from grader.cli.app import app
    from grader.lms.moodle import site as moodle_ws

    push_page, lti_page = ((DOCS / name).read_text(encoding="utf-8") for name in ("push.md", "lti.md"))
    commands = get_command(app).commands["lms"].commands
    options = {
        name
        for system in ("canvas", "moodle", "lti")
        for one in commands[system].commands["push"].params
        for name in one.opts
    }
    common = {"--help", "--quiet", "-q", "-h", "directory"}
    assert not {name for name in options - common if name not in push_page + lti_page}
    assert not {name for name in moodle_ws.FUNCTIONS if name not in push_page}
    assert not {name for name in PlatformSettings.__struct_fields__ if name not in lti_page}
    assert all(name in lti_page for name in ("`score`", "`result.readonly`", "`lineitem.readonly`", "`lineitem`"))


def test_the_documents_list_exactly_what_canvas_is_asked_for():
    page = (DOCS / "push.md").read_text(encoding="utf-8")
    assert re.findall(r"^url:\w+\|\S+$", page, re.MULTILINE) == list(SCOPES)
