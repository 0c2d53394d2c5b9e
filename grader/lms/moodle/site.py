"""Moodle, live: grades, comments and pages through the web services of mod_assign, in the one call that sets all three.

What is set twice is the same, but students may be told twice, so a call that was not answered is not repeated: what
Moodle holds is read back instead.  The token goes in the body, never in an address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from grader.classroom.manifest import Entry
from grader.errors import LiveError, Unanswered
from grader.lms.common import feedback
from grader.lms.common.points import equal
from grader.lms.live.changes import Assignment, ChangeOutcome, GradeChange, Note, Standing
from grader.lms.live.http import Http, HttpCall, origin, understood
from grader.lms.live.push import failed, is_final, stopping
from grader.lms.live.tokens import Secret
from grader.messages import failure, refusal, say

VARIABLE = "GRADER_MOODLE_TOKEN"
ADDRESS = re.compile(r"(?P<site>https?://[^?#]+?)/mod/assign/view\.php\?(?:[^#]*&)?id=(?P<cmid>\d+)(?:[&#].*)?")
AT_ONCE = 20  # students in a call
FUNCTIONS = (
    "mod_assign_get_assignments",
    "mod_assign_get_user_mappings",
    "mod_assign_get_grades",
    "mod_assign_save_grades",
)
HTML, LATEST = "1", "-1"
NO_GRADE = Decimal(-1)


class Moodle:
    """One assignment of a Moodle site, as the owner of a token sees it."""

    name, title = "moodle", "Moodle"

    def __init__(self, address: str, token: Secret, *, http: Callable[[str], Http] = Http) -> None:
        match = ADDRESS.fullmatch(address.strip())
        if match is None:
            raise refusal("lms.moodle.no_address", address=address)
        self.site, self._cmid = match["site"], int(match["cmid"])
        self.target = f"{self.site}/mod/assign/view.php?id={self._cmid}"
        self._http = http(self.site)
        self._token = self._http.keep_secret(token)
        self._found: dict[str, Any] = {}

    def assignment(self) -> Assignment:
        """Return the assignment's title and points."""
        with understood("moodle", self.site):
            answer = self._ask("mod_assign_get_assignments")
            every = [assignment for course in answer["courses"] for assignment in course["assignments"]]
            this = next((assignment for assignment in every if assignment["cmid"] == self._cmid), None)
            if this is None:
                raise refusal("lms.moodle.no_assignment", cmid=self._cmid, site=self.site)
            self._found = this
            if this["grade"] <= 0:
                raise refusal("lms.moodle.no_points", title=self._http.clean(str(this["name"])))
            return Assignment(self._http.clean(str(this["name"])), Decimal(str(this["grade"])), tuple(_attention(this)))

    def standing(self, entries: Sequence[Entry]) -> Mapping[str, Standing]:
        """Return what Moodle holds, by `Entry.student`; a team has no number of its own there, so it is not found."""
        with understood("moodle", self.site):
            mappings = self._ask("mod_assign_get_user_mappings", [("assignmentids[0]", self._id)])
            pairs = [pair for mapping in mappings["assignments"] for pair in mapping["mappings"]]
            users = {str(pair["id"]): str(pair["userid"]) for pair in pairs}
            grades = self._grades()
        users_by_student = {
            entry.student: users[number] for entry in entries if (number := participant(entry)) in users
        }
        return {
            student: Standing(user, grade=_grade(grades.get(user)), by=_by(grades.get(user)))
            for student, user in users_by_student.items()
        }

    def rights(self, *, writing: bool) -> tuple[str, ...]:  # noqa: ARG002  # the protocol's
        """Nothing to try: a call sets grade, comment and page together, or is refused before it sets any."""
        return ()

    def send(self, changes: Sequence[GradeChange], note: Note) -> Iterator[ChangeOutcome]:
        """Send some students at once; where Moodle refuses them together, one by one."""
        for first in range(0, len(changes), AT_ONCE):
            some = changes[first : first + AT_ONCE]
            outcomes = self._save(some, note)
            if len(some) > 1 and any(outcome.ended == "failed" for outcome in outcomes):
                outcomes = [again for outcome in outcomes for again in self._again(outcome, note)]
            yield from outcomes
            stop = next((outcome for outcome in outcomes if outcome.ended == "not_tried"), None)
            if stop is None and len(some) > 1 and all(outcome.ended == "failed" for outcome in outcomes):
                stop = outcomes[-1]
            if stop is not None:
                yield from (ChangeOutcome(change, "not_tried", stop.why) for change in changes[first + AT_ONCE :])
                return

    @property
    def _on(self) -> set[str]:
        """Return the ways of feedback that are on in the assignment."""
        return _feedback_on(self._found)

    @property
    def _id(self) -> str:
        return str(self._found["id"])

    def _again(self, outcome: ChangeOutcome, note: Note) -> list[ChangeOutcome]:
        """Try a student again alone that was refused with others: one of them may have been the reason."""
        return self._save([outcome.change], note) if outcome.ended == "failed" else [outcome]

    def _save(self, changes: Sequence[GradeChange], note: Note) -> list[ChangeOutcome]:
        """Upload the pages, set grades and comments, and tell what came of each."""
        try:
            before = self._grades()
            drafts = [self._upload(change) if "file" in self._on else "" for change in changes]
        except LiveError as error:
            return self._ended(changes, error, note, {})
        for change in changes:
            note.write(change, "both", "sending")
        try:
            self._ask("mod_assign_save_grades", self._fields(changes, drafts))
        except LiveError as error:
            return self._ended(changes, error, note, before)
        return self._shown(changes, note)

    def _shown(self, changes: Sequence[GradeChange], note: Note) -> list[ChangeOutcome]:
        """Look whether grades that Moodle took do show: of a locked one it says nothing."""
        try:
            now: Mapping[str, Mapping[str, Any]] | None = self._grades()
        except LiveError:  # then Moodle's word has to do
            now = None
        silent = failure(LiveError, "lms.moodle.grade_not_shown")
        outcomes = []
        for change in changes:
            wanted = change.wish.grade
            grade_there = _grade(now.get(change.standing.user)) if now is not None else wanted
            shows = wanted is None or equal(grade_there, wanted) or change.wish.graded.absent
            note.write(change, "both", "sent" if shows else "failed")
            outcomes.append(ChangeOutcome(change, "sent") if shows else failed(change, silent))
        return outcomes

    def _ended(
        self, changes: Sequence[GradeChange], error: LiveError, note: Note, before: Mapping[str, Mapping[str, Any]]
    ) -> list[ChangeOutcome]:
        """Read back whose grade was set in spite of an error: Moodle saves one after the other."""
        if is_final(error) and error.status != 0:
            return list(stopping(changes, error))
        try:
            now = self._grades() if before or isinstance(error, Unanswered) else {}
        except LiveError:
            now = {}
        return [self._one(change, error, note, before, now) for change in changes]

    def _one(
        self,
        change: GradeChange,
        error: LiveError,
        note: Note,
        before: Mapping[str, Mapping[str, Any]],
        now: Mapping[str, Mapping[str, Any]],
    ) -> ChangeOutcome:
        user = change.standing.user
        if user in now and now[user] != before.get(user) and equal(_grade(now[user]), change.wish.grade):
            note.write(change, "both", "sent")
            return ChangeOutcome(change, "sent")
        outcome = failed(change, error)
        if outcome.ended == "failed":
            note.write(change, "both", "failed")
        return outcome

    def _fields(self, changes: Sequence[GradeChange], drafts: Sequence[str]) -> list[tuple[str, str]]:
        fields = [("assignmentid", self._id), ("applytoall", "0")]
        state = "readyforrelease" if self._found.get("markingworkflow") else ""
        for index, (change, draft) in enumerate(zip(changes, drafts, strict=True)):
            grade = change.wish.grade
            if grade is None:  # a person will give it: what is there stays
                grade = NO_GRADE if change.standing.grade is None else change.standing.grade
            form = {
                "[userid]": change.standing.user,
                "[grade]": str(grade),
                "[attemptnumber]": LATEST,
                "[addattempt]": "0",
                "[workflowstate]": state,
            }
            if "comments" in self._on:  # a plugin that the site has switched off makes Moodle refuse the whole call
                form["[plugindata][assignfeedbackcomments_editor][text]"] = feedback.html(change.wish.graded.result)
                form["[plugindata][assignfeedbackcomments_editor][format]"] = HTML
            if "file" in self._on:
                form["[plugindata][files_filemanager]"] = draft
            fields += [(f"grades[{index}]{name}", value) for name, value in form.items()]
        return fields

    def _upload(self, change: GradeChange) -> str:
        """Put the page into a draft area of the token's owner, and return the area's number."""
        fields: list[tuple[str, str | Secret]] = [
            ("token", self._token),
            ("filearea", "draft"),
            ("itemid", "0"),
            ("filepath", "/"),
        ]
        file = ("file_1", feedback.PAGE, change.wish.page.read_bytes())
        answer = self._answer(
            HttpCall("POST", f"{self.site}/webservice/upload.php", form=fields, file=file, repeatable=True)
        )
        with understood("moodle", self.site):
            if "error" in answer[0]:
                raise failure(LiveError, "lms.moodle.page_refused", message=self._http.clean(str(answer[0]["error"])))
            return str(int(answer[0]["itemid"]))

    def _grades(self) -> dict[str, Mapping[str, Any]]:
        """Return the grades that are there, by user id."""
        with understood("moodle", self.site):
            answer = self._ask("mod_assign_get_grades", [("assignmentids[0]", self._id)])
            return {str(grade["userid"]): grade for group in answer["assignments"] for grade in group["grades"]}

    def _ask(self, function: str, fields: Sequence[tuple[str, str]] = ()) -> Any:
        """Call a function of the web services; only those that read are repeated."""
        form: list[tuple[str, str | Secret]] = [
            ("wstoken", self._token),
            ("wsfunction", function),
            ("moodlewsrestformat", "json"),
        ]
        repeatable = "_get_" in function
        url = f"{self.site}/webservice/rest/server.php"
        return self._answer(HttpCall("POST", url, form=[*form, *fields], repeatable=repeatable))

    def _answer(self, call: HttpCall) -> Any:
        """Send a call and return its answer; Moodle reports errors with status 200."""
        response = self._http.send(call)
        if response.status_code >= 300:
            raise failure(LiveError, "lms.sent_on", site=origin(call.url))
        answer = self._http.json(response)
        if isinstance(answer, dict) and ("exception" in answer or "error" in answer):
            code = str(answer.get("errorcode", ""))
            message = self._http.clean(str(answer.get("message") or answer.get("error")))
            error = LiveError(
                say("lms.moodle.refused", message=message, code=self._http.clean(code)),
                hint=_refusal_hint(code),
            )
            error.status = 401 if code in {"invalidtoken", "accessexception"} else 400
            raise error
        return answer


def _refusal_hint(code: str) -> str:
    """Return what to do about a refusal, by Moodle's code for it."""
    if code == "invalidtoken":
        return say("lms.http.401.hint")
    if code == "accessexception":
        return say("lms.moodle.service.hint", functions=FUNCTIONS)
    if code == "nopermissions":
        return say("lms.http.403.hint")
    if code == "requireloginerror":
        return say("lms.moodle.login.hint")
    return say("lms.http.other.hint")


def participant(entry: Entry) -> str:
    """Return an entry's participant number, empty for a team, whose number is that of the group."""
    return "" if entry.lms.get("is_group") else str(entry.lms.get("participant_id") or "")


def _feedback_on(record: Mapping[str, Any]) -> set[str]:
    return {
        setting["plugin"]
        for setting in record["configs"]
        if (setting["subtype"], setting["name"], str(setting["value"])) == ("assignfeedback", "enabled", "1")
    }


def _attention(record: Mapping[str, Any]) -> Iterator[str]:
    """Say what keeps students from seeing what is sent."""
    for plugin, name in (("comments", "Feedback comments"), ("file", "Feedback files")):
        if plugin not in _feedback_on(record):
            yield say("lms.moodle.off", name=name)
    if record.get("markingworkflow"):
        yield say("lms.moodle.workflow")
    if record.get("teamsubmission"):
        yield say("lms.moodle.teams")


def _grade(record: Mapping[str, Any] | None) -> Decimal | None:
    """Return a grade; -1 is Moodle's word for none."""
    value = None if record is None or record["grade"] == "" else Decimal(str(record["grade"]))
    return None if value is None or value < 0 else value


def _by(record: Mapping[str, Any] | None) -> str:
    return say("lms.moodle.by_user", user=int(record["grader"])) if record else ""
