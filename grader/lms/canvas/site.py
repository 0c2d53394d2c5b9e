"""Canvas, live: grades in bulk jobs, comments with the page one by one, through the REST API (library `canvasapi`).

A grade that is set twice is the same grade, so the bulk job may be repeated.  A comment that is sent twice is there
twice, and the bulk job answers before it is done and cannot say to which attempt a comment belongs: so each comment goes
in a call of its own, which answers when it is done.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grader.classroom.manifest import Entry
from grader.errors import LiveError, Unanswered
from grader.lms.common.feedback import PAGE
from grader.lms.common.points import equal
from grader.lms.live.changes import Assignment, ChangeOutcome, GradeChange, Note, Standing
from grader.lms.live.http import TOLD_SECONDS, Http, HttpCall, origin, understood
from grader.lms.live.push import failed, is_final, stopping
from grader.lms.live.tokens import Secret
from grader.messages import failure, refusal, say

if TYPE_CHECKING:
    import requests

VARIABLE = "GRADER_CANVAS_TOKEN"
ADDRESS = re.compile(r"(?P<site>https?://[^/?#]+)/courses/(?P<course>\d+)/assignments/(?P<assignment>\d+)/?(?:[?#].*)?")
AT_ONCE = 100  # students in a bulk job
PATIENCE_SECONDS = 600.0  # with a bulk job
COMMENT_LIMIT = 65_535  # characters, Canvas's own
TAKES_POINTS = {"points", "percent", "letter_grade", "gpa_scale"}
NOBODY = 0  # an id that no record of Canvas has: a call that names it is refused for its scope, or finds nothing
_ONE = "/api/v1/courses/:course_id/assignments/:assignment_id/submissions"
SCOPES = (
    "url:GET|/api/v1/courses/:course_id/assignments/:id",
    f"url:GET|{_ONE}",
    f"url:GET|{_ONE}/:user_id",
    "url:GET|/api/v1/progress/:id",
    "url:GET|/api/v1/files/:id",
    "url:GET|/api/v1/files/:id/create_success",
    f"url:POST|{_ONE}/update_grades",
    f"url:PUT|{_ONE}/:user_id",
    f"url:POST|{_ONE}/:user_id/comments/files",
)  # all that a push asks for; a developer key with scopes must hold each of them
_PATTERNS = {
    scope: re.compile(re.sub(r":\w+", "[^/]+", scope.removeprefix("url:").replace("|", r"\|"))) for scope in SCOPES
}


class Canvas:
    """One assignment of a Canvas site, as the owner of a token sees it."""

    name, title = "canvas", "Canvas"

    def __init__(self, address: str, token: Secret, *, http: Callable[[str], Http] = Http) -> None:
        match = ADDRESS.fullmatch(address.strip())
        if match is None:
            raise refusal("lms.canvas.no_address", address=address)
        self.site, course, assignment = match["site"], match["course"], match["assignment"]
        self.target = f"{self.site}/courses/{course}/assignments/{assignment}"
        self._path = f"courses/{course}/assignments/{assignment}"
        self._http = http(self.site)
        self._requester = _Requester(self.site, self._http, self._http.keep_secret(token))
        try:
            import canvasapi.assignment
        except ImportError:
            raise refusal("lms.canvas.not_installed") from None
        with understood("canvas", self.site):
            attributes = {"id": int(assignment), "course_id": int(course)}
        self._is_group = False
        self._assignment = canvasapi.assignment.Assignment(self._requester, attributes)

    def assignment(self) -> Assignment:
        """Return the assignment's title and points."""
        with understood("canvas", self.site):
            record = self._http.json(self._requester.request("GET", self._path))
            if record.get("grading_type") not in TAKES_POINTS:
                raise refusal("lms.canvas.no_points_type", type=record.get("grading_type"))
            if record.get("points_possible") is None:
                raise refusal("lms.canvas.no_points")
            alone = bool(record.get("grade_group_students_individually"))
            self._is_group = record.get("group_category_id") is not None and not alone
            attention = []
            if record.get("post_manually"):
                attention.append(say("lms.canvas.hidden"))
            if alone:
                attention.append(say("lms.canvas.one_by_one"))
            return Assignment(
                self._http.clean(str(record["name"])), Decimal(str(record["points_possible"])), tuple(attention)
            )

    def standing(self, entries: Sequence[Entry]) -> Mapping[str, Standing]:
        """Return what Canvas holds, by `Entry.student`."""
        with understood("canvas", self.site):
            every = [vars(record) for record in self._assignment.get_submissions(include=["submission_comments"])]
            named = [(record, _standing(record)) for record in every if record.get("user_id")]
        if any("submission_comments" not in record for record in every):
            raise failure(LiveError, "lms.canvas.no_comments")
        by_user = {standing.user: standing for _, standing in named}
        by_user |= {
            f"anonymous {record['anonymous_id']}": standing for record, standing in named if record.get("anonymous_id")
        }
        return {entry.student: by_user[user] for entry in entries if (user := user_id(entry)) in by_user}

    def rights(self, *, writing: bool) -> tuple[str, ...]:
        """Ask for what is not there, once a scope: Canvas looks at the scope of a call before it looks for the record.

        Without `writing` only calls that read are tried. Those that write name nobody, so they write nothing.
        """
        submissions, missing = f"{self._path}/submissions", list[str]()
        tries = [
            ("GET", f"{submissions}/{NOBODY}"),
            ("GET", f"progress/{NOBODY}"),
            ("GET", f"files/{NOBODY}"),
            ("GET", f"files/{NOBODY}/create_success"),
        ]
        if writing:
            tries += [
                ("POST", f"{submissions}/update_grades"),
                ("PUT", f"{submissions}/{NOBODY}"),
                ("POST", f"{submissions}/{NOBODY}/comments/files"),
            ]
        for method, path in tries:
            try:
                self._requester.request(method, path)
            except MissingScope as error:
                missing.append(error.scope)
            except LiveError as error:
                if error.status in {0, 429} or error.status >= 500:
                    raise
        if missing:
            raise _without(missing)
        if writing:
            return ()
        untried = ", ".join(scope.removeprefix("url:") for scope in SCOPES if not scope.startswith("url:GET"))
        sentence = say("lms.canvas.scopes", untried=untried)
        return (sentence,)

    def send(self, changes: Sequence[GradeChange], note: Note) -> Iterator[ChangeOutcome]:
        """Send grades in bulk, then comments; a student whose grade did not go through gets no comment."""
        graded = [change for change in changes if change.grade]
        trouble = dict(self._grades(graded, note)) if graded else {}
        for index, change in enumerate(changes):
            if change.wish.student in trouble:
                yield trouble[change.wish.student]
                continue
            try:
                if change.comment:
                    self._comment(change, note)
                yield ChangeOutcome(change, "sent")
            except LiveError as error:
                yield failed(change, error)
                if is_final(error):
                    left = changes[index + 1 :]
                    yield from (trouble.get(change.wish.student) or next(stopping([change], error)) for change in left)
                    return

    # --- grades ----------------------------------------------------------------------------------------------------

    def _grades(self, changes: Sequence[GradeChange], note: Note) -> Iterator[tuple[str, ChangeOutcome]]:
        """Run the bulk jobs, look at what became of them, and yield who did not get the grade, with the reason."""
        errors: dict[str, LiveError] = {}
        for first in range(0, len(changes), AT_ONCE):
            some = changes[first : first + AT_ONCE]
            for change in some:
                note.write(change, "grade", "sending")
            try:
                job = self._job(some)
                errors |= dict.fromkeys((change.wish.student for change in some), job)
            except LiveError as error:
                errors |= dict.fromkeys((change.wish.student for change in changes[first:]), error)
                break
        standings = self._look(changes)
        for change in changes:
            now, student = standings.get(change.wish.student), change.wish.student
            if now is not None and equal(now.grade, change.wish.grade):
                note.write(change, "grade", "sent")
                continue
            outcome = failed(change, errors[student])
            note.write(change, "grade", "sending" if outcome.ended == "unanswered" else "failed")
            yield student, outcome

    def _look(self, changes: Sequence[GradeChange]) -> Mapping[str, Standing]:
        """Return what Canvas holds now; where it cannot be asked, nothing is known."""
        try:
            return self.standing([change.wish.graded.entry for change in changes])
        except LiveError:
            return {}

    def _job(self, changes: Sequence[GradeChange]) -> LiveError:
        """Run one bulk job to its end; return what to say of the students whose grade does not show afterwards."""
        data = {change.standing.user: {"posted_grade": str(change.wish.grade)} for change in changes}
        with understood("canvas", self.site):
            progress = self._assignment.submissions_bulk_update(grade_data=data)
            waited, pause = 0.0, 1.0
            while progress.workflow_state not in {"completed", "failed"}:
                if waited > PATIENCE_SECONDS:
                    return failure(Unanswered, "lms.canvas.job_unfinished", hint="lms.run_later.hint")
                if waited >= TOLD_SECONDS:
                    self._http.say(say("lms.canvas.waiting", count=len(changes), seconds=waited))
                self._http.sleep(pause)
                waited, pause = waited + pause, min(2 * pause, 10.0)
                progress = progress.query()
            message = self._http.clean(str(getattr(progress, "message", None) or ""))
        return LiveError(message or say("lms.canvas.grade_not_shown"), hint=say("lms.canvas.grade_not_shown.hint"))

    # --- comments --------------------------------------------------------------------------------------------------

    def _comment(self, change: GradeChange, note: Note) -> None:
        """Upload the page and send the comment that carries it; if no answer comes, look whether it is there."""
        import canvasapi.submission

        file = self._upload(change)
        comment: dict[str, object] = {"text_comment": change.wish.comment[:COMMENT_LIMIT], "file_ids": [file]}
        if change.standing.attempt:
            comment["attempt"] = change.standing.attempt
        if self._is_group:  # the zip names a single member, and only the assignment says that there are others
            comment["group_comment"] = True
        note.write(change, "comment", "sending", note=file)
        attributes = {"course_id": self._assignment.course_id, "assignment_id": self._assignment.id}
        submission = canvasapi.submission.Submission(self._requester, {**attributes, "user_id": change.standing.user})
        silent = failure(Unanswered, "lms.canvas.comment_not_shown", hint="lms.run_again.hint")
        try:
            with understood("canvas", self.site):
                submission.edit(comment=comment)
                shows = file in _standing(vars(submission)).files
        except Unanswered as error:
            shows, silent = False, error
        except LiveError as error:
            if error.status:
                note.write(change, "comment", "failed")
                raise
            shows, silent = False, Unanswered(error.problem, hint=error.hint)
        if not shows and not self._arrived(change, file):
            raise silent
        note.write(change, "comment", "sent", note=file)

    def _arrived(self, change: GradeChange, file: str) -> bool:
        """Whether a comment whose answer was lost is there. Seeing nothing proves nothing."""
        try:
            with understood("canvas", self.site):
                answer = self._assignment.get_submission(change.standing.user, include=["submission_comments"])
                return file in _standing(vars(answer)).files
        except LiveError:
            return False

    def _upload(self, change: GradeChange) -> str:
        """Upload the page in Canvas's three steps, and return the file's id."""
        from canvasapi.upload import Uploader

        path = f"{self._path}/submissions/{change.standing.user}/comments/files"
        with understood("canvas", self.site):
            _, upload = Uploader(self._requester, path, change.wish.page, content_type="text/html").start()
            return str(upload["id"])


class MissingScope(LiveError):
    """The token may not make a call of this kind; `scope` is what the developer key lacks."""

    scope: str = ""


def _without(scopes: Sequence[str]) -> MissingScope:
    error = MissingScope(
        say("lms.canvas.scope_missing", scopes=tuple(scopes)),
        hint=say("lms.canvas.scope_missing.hint"),
    )
    error.status, error.scope = 401, scopes[0]
    return error


class _Requester:
    """Replaces canvasapi's own requester: same calls, sent through our `Http`, which waits, retries and hides secrets."""

    def __init__(self, site: str, http: Http, token: Secret) -> None:
        self.original_url = site
        self.base_url = f"{site}/api/v1/"
        self.new_quizzes_url = f"{site}/api/quiz/v1/"
        self._http, self._token = http, token

    def request(
        self,
        method: str,
        endpoint: str | None = None,
        *,
        use_auth: bool = True,
        _url: str | None = None,
        _kwargs: Sequence[tuple[str, Any]] = (),
        file: Any = None,
        **more: Any,
    ) -> requests.Response:
        """Send what canvasapi asks for; an upload is followed to its end, which it is not in canvasapi 3.6."""
        fields = [(name, _text(value)) for name, value in (*_kwargs, *more.items())]
        reads = method == "GET"
        call = HttpCall(
            method,
            _url or self.base_url + (endpoint or ""),
            query=fields if reads else (),
            form=None if reads else fields,
            file=None if file is None else ("file", PAGE, file.read()),
            bearer=self._token if use_auth else None,
            repeatable=not any(name.startswith("comment[") for name, _ in fields),
        )
        response = self._send(call)
        if file is not None and response.headers.get("Location") and not self._is_finished(response):
            return self._finish_upload(call.url, response)
        if response.status_code >= 300:
            raise failure(LiveError, "lms.sent_on", site=origin(call.url))
        return response

    def _finish_upload(self, url: str, response: requests.Response) -> requests.Response:
        """Fetch the file's record; a file whose record nobody fetches may never become available."""
        where = urllib.parse.urljoin(url, response.headers["Location"])
        return self._send(HttpCall("GET", where, bearer=self._token, repeatable=True))

    def _is_finished(self, response: requests.Response) -> bool:
        """Whether the file's record came with the answer, so that it need not be fetched."""
        try:
            return response.status_code == 201 and {"id", "url"} <= response.json().keys()  # canvasapi reads both
        except (AttributeError, ValueError):
            return False

    def _send(self, call: HttpCall) -> requests.Response:
        """Send a call; where the token lacks the scope for it, the error names that scope."""
        try:
            return self._http.send(call)
        except LiveError as error:
            if error.status == 401 and "insufficient scope" in error.problem.lower():
                path = f"{call.method}|{urllib.parse.urlsplit(call.url).path}"
                scope = next((scope for scope, pattern in _PATTERNS.items() if pattern.fullmatch(path)), f"url:{path}")
                raise _without([scope]) from None
            raise


def user_id(entry: Entry) -> str:
    """Return an entry's Canvas user id, or what stands for it where the hand-in was anonymous."""
    if entry.lms.get("anonymous_id"):
        return f"anonymous {entry.lms['anonymous_id']}"
    user = str(entry.lms.get("user_id") or "")
    return user if user.isascii() and user.isdigit() else ""


def _standing(submission: Mapping[str, Any]) -> Standing:
    """Return what one submission's record says, in points; where Canvas takes points off for lateness, before it did."""
    comments = submission.get("submission_comments") or []
    files = [file for comment in comments for file in comment.get("attachments") or []]
    entered = submission.get("entered_score")
    score = submission.get("score") if entered is None else entered
    grader, when = submission.get("grader_id"), submission.get("graded_at")
    return Standing(
        user=str(submission["user_id"]),
        grade=None if score is None else Decimal(str(score)),
        by=say("lms.canvas.by_user", grader=int(grader), when=date.fromisoformat(str(when)[:10]))
        if grader and when
        else "",
        comments=tuple(str(comment.get("comment")) for comment in comments),
        files=tuple(str(file.get("id")) for file in files),
        attempt=submission.get("attempt"),
        settled=say("lms.canvas.excused_there") if submission.get("excused") else "",
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
