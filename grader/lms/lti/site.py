"""LTI 1.3 Assignment and Grade Services: scores into a line item of any platform, without a launch.

Source: IMS AGS 2.0, and what Canvas and Moodle do in their own code.  A score that was not answered is never repeated
blindly: Canvas would show its comment twice, Moodle refuse its time; the result is read back instead.
"""

from __future__ import annotations

import html
import json
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from grader.classroom.manifest import Entry
from grader.errors import LiveError, Unanswered
from grader.lms.common.points import equal, rounded
from grader.lms.live.changes import Assignment, ChangeOutcome, GradeChange, Note, Standing
from grader.lms.live.http import Http, HttpCall, understood
from grader.lms.live.push import failed, has_text, is_final, stopping
from grader.lms.live.tokens import Secret
from grader.lms.lti.access import Access, PlatformSettings
from grader.messages import failure, refusal, say

LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
SCORE = "application/vnd.ims.lis.v1.score+json"
CANVAS_SUBMISSION = "https://canvas.instructure.com/lti/submission"
NEXT = re.compile(r"<([^>]*)>[^,<]*?\brel\s*=[^a-z,;<]*next(?![a-z])", re.IGNORECASE)  # Moodle writes rel=“next”
MOST_PAGES = 1000
COMMENT_LIMIT_BYTES = 60_000


@dataclass(frozen=True, slots=True)
class Tool:
    """The tool's own side: its settings, its key, and which user of the platform each entry is."""

    settings: PlatformSettings
    key: Secret
    users: Mapping[str, str]
    title: str
    possible: Decimal


class Ags:
    """One line item of a platform."""

    name, title = "lti", "LTI"

    def __init__(
        self,
        tool: Tool,
        *,
        http: Callable[..., Http] = Http,
        now: Callable[[], float] = time.time,
    ) -> None:
        settings = tool.settings
        self._tool, self._now = tool, now
        self._http = http(settings.line_item or settings.line_items)
        self._access = Access(settings, tool.key, self._http, now)
        self._line_item = settings.line_item
        self.target = settings.line_item or f"{settings.line_items}#{settings.resource_id}"

    def assignment(self) -> Assignment:
        """Return the line item's label; a score goes out with its own maximum, so the points need not be the same."""
        with understood("lti"):
            line_item = self._one_line_item() if self._line_item else self._found_line_item()
            if line_item is not None:
                self._line_item = self._line_item or str(line_item["id"])
                return Assignment(self._http.clean(str(line_item["label"])), None)
        if not self._tool.settings.create:
            raise refusal(
                "lms.lti.no_line_item",
                line_items=self._tool.settings.line_items,
                resource_id=self._tool.settings.resource_id,
            )
        return Assignment(self._tool.title, None, (say("lms.lti.will_make"),))

    def standing(self, entries: Sequence[Entry]) -> Mapping[str, Standing]:
        """Return what the platform holds, by `Entry.student`."""
        users = {entry.student: user for entry in entries if (user := self._user(entry))}
        with understood("lti"):
            results = {result.user: result for result in self._results()} if self._line_item else {}
            if self._line_item and self._tool.settings.platform == "canvas":  # answers with its own name for a user
                answers = {user: list(self._results(user)) for user in users.values() if user not in results}
                results |= {user: rows[0] for user, rows in answers.items() if rows}
        return {student: results.get(user, Standing(user)) for student, user in users.items()}

    def rights(self, *, writing: bool) -> tuple[str, ...]:  # noqa: ARG002  # the protocol's
        """Nothing to try: the platform names the scopes that it grants with the token, before the first score."""
        return ()

    def send(self, changes: Sequence[GradeChange], note: Note) -> Iterator[ChangeOutcome]:
        """Post the scores one by one, never two of a student at once."""
        try:
            if not self._line_item:
                self._line_item = self._create()
        except LiveError as error:
            yield from stopping(changes, error)
            return
        for index, change in enumerate(changes):
            try:
                self._post_in_time(change, note)
                yield ChangeOutcome(change, "sent")
            except LiveError as error:
                yield failed(change, error)
                if is_final(error):
                    yield from stopping(changes[index + 1 :], error)
                    return

    # --- scores ----------------------------------------------------------------------------------------------------

    def _post_in_time(self, change: GradeChange, note: Note) -> None:
        """Post a score; where the platform has a later one, once more with a time after that."""
        moment = self._moment(change, note, after=None)
        try:
            self._post(change, note, moment)
        except LiveError as error:
            if isinstance(error, Unanswered) or not _is_stale(error):
                raise
            self._http.sleep(2.0)  # Moodle compares whole seconds
            self._post(change, note, self._moment(change, note, after=error))

    def _post(self, change: GradeChange, note: Note, moment: str) -> None:
        url = service(self._line_item, "scores")
        body = json.dumps(self._score(change, moment)).encode()
        note.write(change, "both", "sending", moment)
        silent = failure(Unanswered, "lms.lti.score_not_shown", hint="lms.run_again.hint")
        try:
            self._access.ask(HttpCall("POST", url, body=body, headers={"Content-Type": SCORE}))
        except Unanswered as error:
            silent = error
            arrived = self._arrived(change, with_comment=True)
        except LiveError:
            note.write(change, "both", "failed", moment)
            raise
        else:  # the platform's word has to do where it cannot be asked, or where there are no points to see
            arrived = change.wish.grade is None or self._arrived(change) is not False
        if not arrived:
            raise silent
        note.write(change, "both", "sent", moment)

    def _score(self, change: GradeChange, moment: str) -> dict[str, object]:
        """Return a score as the platform reads it; one that a person has to give carries no points."""
        grade, settings = change.wish.grade, self._tool.settings
        score: dict[str, object] = {
            "userId": change.standing.user,
            "scoreMaximum": _json_number(self._tool.possible),
            "activityProgress": "Submitted" if grade is None else "Completed",
            "gradingProgress": "PendingManual" if grade is None else "FullyGraded",
            "timestamp": moment,
        }
        if grade is not None:
            score["scoreGiven"] = _json_number(grade)
        if change.comment:
            score["comment"] = _cut(change.wish.comment)
        if settings.platform == "canvas":
            score[CANVAS_SUBMISSION] = {"new_submission": False}
        return score

    def _arrived(self, change: GradeChange, *, with_comment: bool = False) -> bool | None:
        """Whether a score shows, with its comment if asked; None if the platform cannot be asked."""
        try:
            with understood("lti"):
                results = list(self._results(change.standing.user))
        except LiveError:
            return None
        comment = _cut(change.wish.comment) if with_comment and change.comment else ""
        return any(equal(result.grade, change.wish.grade) and has_text(result.comments, comment) for result in results)

    def _moment(self, change: GradeChange, note: Note, *, after: LiveError | None) -> str:
        """Return the time of a score: now, and at least a second after the last one of this student that we know of."""
        moment = datetime.fromtimestamp(self._now(), timezone.utc)
        last = note.journal.last(self.target, change.wish.student, "both")
        times = [last.note] if last and last.note else []
        moments = [datetime.fromisoformat(moment_text) for moment_text in times]
        if after is not None:
            moments += [time_read for time_read in [_time_there(after)] if time_read is not None]
        moment = max([moment, *(earlier + timedelta(seconds=1) for earlier in moments)])
        return moment.isoformat(timespec="milliseconds")

    # --- line items and results ------------------------------------------------------------------------------------

    def _one_line_item(self) -> Any:
        return self._http.json(
            self._access.ask(HttpCall("GET", self._line_item, headers={"Accept": LINE_ITEM}, repeatable=True))
        )

    def _found_line_item(self) -> Any:
        settings = self._tool.settings
        query = (("resource_id", settings.resource_id), ("limit", "100"))
        fitting = [
            line_item
            for line_item in self._pages(settings.line_items, LINE_ITEMS, query)
            if line_item.get("resourceId") == settings.resource_id
        ]
        if len(fitting) > 1:
            ids = " and ".join(self._http.clean(str(line_item["id"])) for line_item in fitting)
            raise refusal("lms.lti.two_line_items", resource_id=settings.resource_id, ids=ids)
        return fitting[0] if fitting else None

    def _create(self) -> str:
        """Make the line item; if no answer comes, look whether it is there."""
        tool = self._tool
        item = {
            "label": tool.title,
            "scoreMaximum": _json_number(tool.possible),
            "resourceId": tool.settings.resource_id,
            "tag": "grade",
        }
        headers = {"Content-Type": LINE_ITEM, "Accept": LINE_ITEM}
        with understood("lti"):
            try:
                call = HttpCall("POST", tool.settings.line_items, body=json.dumps(item).encode(), headers=headers)
                return str(self._http.json(self._access.ask(call))["id"])
            except Unanswered:
                line_item = self._found_line_item()
                if line_item is None:
                    raise
                return str(line_item["id"])

    def _results(self, user: str = "") -> Iterator[Standing]:
        """Yield the results of the line item, or of one user in it."""
        query = (("user_id", user),) if user else (("limit", "100"),)
        for result in self._pages(service(self._line_item, "results"), RESULTS, query):
            score, most = result.get("resultScore"), result.get("resultMaximum")
            grade = None
            if score is not None:
                grade = Decimal(str(score)) / Decimal(str(most or 1)) * self._tool.possible
            comment = result.get("comment")
            yield Standing(
                user or str(result["userId"]),
                None if grade is None else rounded(grade),
                comments=(str(comment),) if comment else (),
            )

    def _pages(self, url: str, accept: str, query: Sequence[tuple[str, str]]) -> Iterator[Any]:
        """Yield what a list holds, page by page as its Link headers say."""
        for _ in range(MOST_PAGES):
            response = self._access.ask(HttpCall("GET", url, query=query, headers={"Accept": accept}, repeatable=True))
            yield from self._http.json(response)
            following = NEXT.search(response.headers.get("Link", ""))
            if following is None:
                return
            url, query = urllib.parse.urljoin(url, html.unescape(following[1])), ()
        raise failure(LiveError, "lms.lti.endless", url=url)

    def _user(self, entry: Entry) -> str:
        if entry.student in self._tool.users:
            return self._tool.users[entry.student]
        canvas = self._tool.settings.platform == "canvas"
        return str(entry.lms.get("user_id") or "") if canvas else ""


def service(line_item: str, name: str) -> str:
    """Return the address of a line item's scores or results: the name goes before the ``?``."""
    parts = urllib.parse.urlsplit(line_item)
    return urllib.parse.urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


def _is_stale(error: LiveError) -> bool:
    """Whether a platform refused a score for its time: 409 in Moodle, 400 in Canvas."""
    return error.status == 409 or (error.status == 400 and "timestamp" in error.problem.lower())


def _time_there(error: LiveError) -> datetime | None:
    """Return what the platform's clock shows, where the error came with it."""
    try:
        return parsedate_to_datetime(error.date)
    except (TypeError, ValueError):
        return None


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _cut(comment: str) -> str:
    """Return a comment no longer than any platform takes."""
    return comment.encode("utf-8", "replace")[:COMMENT_LIMIT_BYTES].decode("utf-8", "ignore")
