"""Sites on this machine that keep the documented rules of Canvas, Moodle and LTI AGS, and fail when they are told to.

A fault is asked for by what it should strike, ``site.fault("PUT", "/submissions/7", "drop_after")``, and strikes once.
`drop_before` and `drop_after` close the connection without an answer, before or after doing what was asked; `hang_after`
does it and then keeps silent until the client gives up; `throttle` is Canvas's 403, a number is a status; `echo` is a 400
that repeats everything that was sent, secrets and all.
"""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
from datetime import datetime
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from grader.lms.canvas.site import SCOPES


class Answer(Exception):
    """Ends the handling of a request with this answer."""

    def __init__(self, status, body=None, **headers):
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


SIGNED = "signed-for-half-an-hour"
MISSING = Answer(404, {"errors": [{"message": "The specified resource does not exist."}]})


class Request:
    def __init__(self, handler, body):
        split = urllib.parse.urlsplit(handler.path)
        self.method, self.path, self.headers, self.body = handler.command, split.path, handler.headers, body
        self.query = urllib.parse.parse_qsl(split.query, keep_blank_values=True)
        self.raw = f"{self.method} {handler.path}\n{handler.headers}\n".encode() + body
        self.parts = []
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            self.parts = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
        elif kind.startswith("multipart/form-data"):
            message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            for part in message.iter_parts():
                name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
                self.parts.append((name, content if part.get_filename() else content.decode()))

    @property
    def form(self):
        return dict(self.parts)

    @property
    def writes(self):
        return self.method not in {"GET", "HEAD"}


class Site:
    """A server in a thread; `seen` holds every request but those that name nobody (`tried`), `faults` what is still to go wrong."""

    def __init__(self):
        self.seen, self.tried, self.faults, self.given_up = [], [], [], threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self.given_up.set()
        self.server.shutdown()
        self.server.server_close()

    def fault(self, method, path, kind):
        self.faults.append((method, path, kind))

    def calls(self, method, path=""):
        return [one for one in self.seen if one.method == method and path in one.path]

    def answer(self, request):
        raise NotImplementedError

    def names_nobody(self, request):
        """Whether a request tries what the token may do, and can change nothing."""
        return False

    def fault_of(self, request):
        for one in self.faults:
            if one[0] == request.method and one[1] in request.raw.decode("utf-8", "replace"):
                self.faults.remove(one)
                return one[2]
        return ""

    def faulty_answer(self, fault, request):
        if fault == "throttle":
            return Answer(403, "403 Forbidden (Rate Limit Exceeded)\n")
        if fault == "echo":
            return Answer(400, {"errors": [{"message": request.raw.decode("utf-8", "replace")}]})
        if isinstance(fault, int):
            return Answer(fault, {"errors": [{"message": "told to"}]}, Retry_After="7")
        return None

    def _handler(site):  # noqa: N805  # `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer, or each waits 40 ms for the other side

            def log_message(self, *_):
                pass

            def _any(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(self, self.rfile.read(length))
                names_nobody = site.names_nobody(request)
                (site.tried if names_nobody else site.seen).append(request)
                fault = "" if names_nobody else site.fault_of(request)
                if fault == "drop_before":
                    self.close_connection = True
                    return
                try:
                    answer = site.faulty_answer(fault, request) or site.answer(request) or MISSING
                except Answer as found:
                    answer = found
                if fault == "hang_after":
                    site.given_up.wait(20)
                if fault in {"drop_after", "hang_after"}:
                    self.close_connection = True
                    return
                self._send(answer)

            def _send(self, answer):
                is_text = isinstance(answer.body, str)
                body = answer.body.encode() if is_text else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {
                    "Content-Type": "text/html" if is_text else "application/json",
                    **answer.headers,
                }.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = _any  # noqa: N815  # http.server's names

            def send_header(self, name, value):
                """Send UTF-8 as it is, as Moodle does."""
                self._headers_buffer = [*getattr(self, "_headers_buffer", []), f"{name}: {value}\r\n".encode()]

        return Handler


class CanvasSite(Site):
    """Course 12 with assignment 34; `people` maps user ids to submissions.

    The developer key of its token has `scopes`, as `validate_scopes` enforces them, and allows include parameters or not.
    """

    def __init__(self, token, *, points=30.0, page=2, upload_status=302):
        self.scopes, self.includes = list(SCOPES), True
        self.token, self.page, self.upload_status = token, page, upload_status
        self.record = {"id": 34, "name": "Initialization", "points_possible": points, "grading_type": "points"}
        self.people, self.jobs, self.files = {}, {}, {}
        self.remaining = 700.0
        super().__init__()

    @property
    def address(self):
        return f"{self.url}/courses/12/assignments/34"

    def add(self, user, score=None, *, attempt=1, grader=None):
        self.people[str(user)] = {
            "user_id": user, "assignment_id": 34, "score": score, "attempt": attempt, "submission_comments": [],
            "grader_id": grader, "graded_at": "2026-11-20T10:00:00Z" if grader else None,
        }  # fmt: skip

    def answer(self, request):  # noqa: PLR0911  # a way out for each of the site's addresses
        if request.path.startswith("/upload/"):
            return self.receive_file(request)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise Answer(401, {"errors": [{"message": "Invalid access token."}]}, WWW_Authenticate="Bearer")
        base, path = "/api/v1/courses/12/assignments/34", request.path
        if not any(self._allows(scope, request) for scope in self.scopes):  # before the record is looked for
            raise Answer(401, {"errors": [{"message": "Insufficient scopes on access token."}]})
        if path == base and request.method == "GET":
            return self._ok(self.record)
        if path == f"{base}/submissions" and request.method == "GET":
            return self._list(request)
        if path == f"{base}/submissions/update_grades" and request.method == "POST":
            if not request.parts:
                raise Answer(400, "'grade_data' parameter required")
            return self.update_many(request)
        if path.startswith("/api/v1/progress/"):
            return self.job_progress(path.rpartition("/")[2]) if path.rpartition("/")[2] in self.jobs else None
        if path.startswith("/api/v1/files/"):
            return self.file_to_attach(path.split("/")[4]) if path.split("/")[4] in self.files else None
        if path.startswith(f"{base}/submissions/"):
            user, _, rest = path.removeprefix(f"{base}/submissions/").partition("/")
            if user not in self.people:
                return None
            if rest == "comments/files":
                return self._preflight(request, user)
            return self._ok(self.people[user]) if request.method == "GET" else self._edit(request, user)
        return None

    def names_nobody(self, request):
        is_empty = request.path.endswith("/update_grades") and not request.parts
        return is_empty or re.search(r"/(submissions|progress|files)/0(/|$)", request.path) is not None

    def _allows(self, scope, request):
        method, _, path = scope.removeprefix("url:").partition("|")
        return method == request.method and re.fullmatch(re.sub(r":\w+", "[^/]+", path), request.path)

    def _ok(self, body, **headers):
        return Answer(200, body, X_Rate_Limit_Remaining=str(self.remaining), X_Request_Cost="0.1", **headers)

    def _list(self, request):
        query = dict(request.query)
        size, page = min(int(query.get("per_page", 10)), self.page), int(query.get("page", 1))
        every = list(self.people.values())
        some = every[(page - 1) * size : page * size]
        if query.get("include[]") != "submission_comments" or not self.includes:
            some = [{name: value for name, value in one.items() if name != "submission_comments"} for one in some]
        more = {**query, "page": page + 1}
        link = (
            f'<{self.url}{request.path}?{urllib.parse.urlencode(more)}>; rel="next"' if page * size < len(every) else ""
        )
        return self._ok(some, **({"Link": link} if link else {}))

    def update_many(self, request):
        wanted = {}
        for name, value in request.parts:
            kind, user, field = name.replace("]", "").split("[")
            if kind != "grade_data" or field != "posted_grade":
                raise Answer(400, {"errors": [{"message": f"unknown parameter {name}"}]})
            wanted[user] = float(value)
        number = str(len(self.jobs) + 1)
        self.jobs[number] = [2, wanted]
        return self._ok(
            {
                "id": int(number),
                "workflow_state": "queued",
                "completion": 0,
                "url": f"{self.url}/api/v1/progress/{number}",
            }
        )

    def job_progress(self, number):
        left, wanted = self.jobs[number]
        self.jobs[number][0] -= 1
        if left > 1:
            return self._ok({"id": int(number), "workflow_state": "running", "completion": 50})
        missing = [user for user in wanted if user not in self.people]
        for user, score in wanted.items():
            if user in self.people:
                self.people[user] |= {"score": score, "grader_id": 1, "graded_at": "2026-11-25T10:00:00Z"}
        said = "Couldn't find User(s) with API ids " + ", ".join(f"'{user}'" for user in missing) if missing else None
        return self._ok({"id": int(number), "workflow_state": "failed" if missing else "completed", "message": said})

    def _preflight(self, request, user):
        if not request.form.get("name") or not request.form.get("size", "").isdigit():
            raise Answer(400, {"errors": [{"message": "name and size are needed"}]})
        number = str(len(self.files) + 500)
        params = {"key": f"k{number}", "signature": "s" * 20, "content_type": "text/html"}
        self.files[number] = {
            "user": user,
            "params": params,
            "size": int(request.form["size"]),
            "ok": False,
            "content": None,
        }
        return self._ok({"upload_url": f"{self.url}/upload/{number}?token={SIGNED}", "upload_params": params})

    def receive_file(self, request):
        number = request.path.rpartition("/")[2]
        file = self.files[number]
        if "Authorization" in request.headers:
            raise Answer(400, "the token is not for this place")
        if dict(request.parts[:-1]) != file["params"] or request.parts[-1][0] != "file":
            raise Answer(400, "the signature does not fit")
        if len(request.parts[-1][1]) != file["size"]:
            raise Answer(400, "the size does not fit")
        file["content"] = request.parts[-1][1]
        end = "" if self.upload_status == 201 else f"/create_success?uuid={SIGNED}"
        return Answer(self.upload_status, {}, Location=f"{self.url}/api/v1/files/{number}{end}")

    def file_to_attach(self, number):
        self.files[number]["ok"] = True
        return self._ok(
            {"id": int(number), "url": "https://x/f", "display_name": "feedback.html", "content-type": "text/html"}
        )

    def _edit(self, request, user):
        person = self.people[user]
        values = dict(request.parts)
        if int(values.get("comment[attempt]", 1)) > person["attempt"]:
            raise Answer(400, {"errors": [{"message": "attempt is too large"}]})
        attached = []
        for name, number in request.parts:
            if name == "comment[file_ids][]":
                if not self.files[number]["ok"] or self.files[number]["user"] != user:
                    raise Answer(401, {"errors": [{"message": "user not authorized to perform that action"}]})
                attached.append({"id": int(number), "display_name": "feedback.html"})
        if "comment[text_comment]" in values:
            comment = {
                "comment": values["comment[text_comment]"],
                "attachments": attached,
                "attempt": values.get("comment[attempt]"),
            }
            person["submission_comments"] = [*person["submission_comments"], comment]
        return self._ok(person)


PLUGIN_FIELDS = {
    "comments": [f"[plugindata][assignfeedbackcomments_editor][{name}]" for name in ("text", "format")],
    "file": ["[plugindata][files_filemanager]"],
}


class MoodleSite(Site):
    """Assignment 5, course module 34; `mappings` maps participant numbers to user ids, `grades` holds what is there."""

    def __init__(self, token, *, points=30):
        self.token, self.mappings, self.grades, self.drafts, self.comments, self.pages = token, {}, {}, {}, {}, {}
        on = [
            {"plugin": name, "subtype": "assignfeedback", "name": "enabled", "value": "1"}
            for name in ("comments", "file")
        ]
        self.record = {
            "id": 5,
            "cmid": 34,
            "name": "Initialization",
            "grade": points,
            "configs": on,
            "markingworkflow": 0,
        }
        self.locked, self.refused, self.clock = set(), set(), 1000
        self.installed = {"comments", "file"}
        super().__init__()

    @property
    def address(self):
        return f"{self.url}/mod/assign/view.php?id=34"

    def add(self, participant, user, grade=None, grader=2):
        self.mappings[str(participant)] = str(user)
        if grade is not None:
            self._set(str(user), grade, grader)

    def _set(self, user, grade, grader=1):
        self.clock += 1
        self.grades[user] = {
            "userid": int(user), "grade": f"{float(grade):.5f}", "grader": grader, "timemodified": self.clock, "attemptnumber": 0,
        }  # fmt: skip

    def answer(self, request):
        if request.query:
            raise Answer(500, "a token in the address would stand in every log")
        if request.path == "/webservice/upload.php":
            return self._upload(request)
        if request.path != "/webservice/rest/server.php" or request.method != "POST":
            return None
        form = request.form
        if form.get("wstoken") != self.token:
            return self._exception("invalidtoken", "Invalid token - token not found")
        if form.get("moodlewsrestformat") != "json":
            return Answer(200, "<?xml version='1.0'?>")
        function = getattr(self, "_" + form["wsfunction"].removeprefix("mod_assign_"), None)
        return function(form) if function else self._exception("accessexception", "Access control exception")

    def _exception(self, code, message):
        return Answer(200, {"exception": "moodle_exception", "errorcode": code, "message": message})

    def _get_assignments(self, _form):
        return Answer(
            200,
            {
                "courses": [{"id": 9, "assignments": [{**self.record, "id": 4, "cmid": 33}, self.record]}],
                "warnings": [],
            },
        )

    def _get_user_mappings(self, form):
        assert form["assignmentids[0]"] == "5"
        pairs = [{"id": int(number), "userid": int(user)} for number, user in self.mappings.items()]
        return Answer(200, {"assignments": [{"assignmentid": 5, "mappings": pairs}], "warnings": []})

    def _get_grades(self, form):
        assert form["assignmentids[0]"] == "5"
        if not self.grades:
            warning = {"item": "assignment", "itemid": 5, "warningcode": "3", "message": "No grades found"}
            return Answer(200, {"assignments": [], "warnings": [warning]})
        return Answer(200, {"assignments": [{"assignmentid": 5, "grades": list(self.grades.values())}], "warnings": []})

    def _save_grades(self, form):
        if form.get("assignmentid") != "5" or form.get("applytoall") not in {"0", "1"}:
            return self._exception("invalidparameter", "Invalid parameter value detected")
        for index in range(1000):
            one = {
                name.removeprefix(f"grades[{index}]"): value
                for name, value in form.items()
                if name.startswith(f"grades[{index}]")
            }
            if not one:
                return Answer(200, None)
            if not {"[userid]", "[grade]", "[attemptnumber]", "[addattempt]", "[workflowstate]"} <= one.keys():
                return self._exception("invalidparameter", "Missing required key in single structure")
            given = {name for name in one if name.startswith("[plugindata]")}
            if given - ({name for plugin in self.installed for name in PLUGIN_FIELDS[plugin]}):
                return self._exception("invalidparameter", "Unexpected keys detected in parameter array")
            user = one["[userid]"]
            if user in self.refused:
                return self._exception("nopermissions", "Sorry, but you do not currently have permissions to do that")
            if user not in self.locked:
                if float(one["[grade]"]) >= 0:
                    self._set(user, one["[grade]"])
                if PLUGIN_FIELDS["comments"][0] in given:
                    self.comments[user] = one[PLUGIN_FIELDS["comments"][0]]
                if PLUGIN_FIELDS["file"][0] in given:
                    self.pages[user] = self.drafts[one[PLUGIN_FIELDS["file"][0]]]
        raise AssertionError

    def _upload(self, request):
        form = request.form
        if form.get("token") != self.token or form.get("filearea") != "draft":
            return Answer(200, {"error": "Invalid token - token not found", "errorcode": "invalidtoken"})
        number = str(900 + len(self.drafts))
        self.drafts[number] = form["file_1"]
        return Answer(
            200, [{"component": "user", "filearea": "draft", "itemid": int(number), "filename": "feedback.html"}]
        )


class AgsSite(Site):
    """A platform with line item 5; `manner` is what it does as Canvas or as Moodle."""

    client_id = "10000000000001"

    def __init__(self, public_key, *, manner="moodle", page=2):
        self.public_key, self.manner, self.page = public_key, manner, page
        self.tokens, self.assertions, self.life_seconds = {}, set(), 3600
        self.items = {"5": {"label": "Initialization", "scoreMaximum": 100, "resourceId": "dls-c2w1-initialization"}}
        self.results, self.users, self.uses_left, self.comments = {}, set(), {}, []
        self.clock = time.time
        super().__init__()

    @property
    def line_items(self):
        return f"{self.url}/mod/lti/services.php/2/lineitems?type_id=1"

    def line_item(self, number="5"):
        return f"{self.url}/mod/lti/services.php/2/lineitems/{number}/lineitem?type_id=1"

    def answer(self, request):  # noqa: PLR0911  # a way out for each of the site's addresses
        if request.path == "/token":
            return self._token(request)
        scope = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if scope is None or scope["uses"] == 0:
            raise Answer(401, {"error": "invalid token"})
        scope["uses"] -= 1
        start = "/mod/lti/services.php/2/lineitems"
        if not request.path.startswith(start) or ("type_id", "1") not in request.query:
            return None
        rest = request.path.removeprefix(start).strip("/").split("/")
        if rest == [""]:
            return self._items(request, scope["scope"])
        if rest[0] not in self.items or rest[1] != "lineitem":
            return None
        if rest[2:] == ["scores"]:
            return self._score(request, scope["scope"], rest[0])
        if rest[2:] == ["results"]:
            return self._results(request, scope["scope"])
        self._need(scope["scope"], "lineitem", "lineitem.readonly")
        self._accept(request, "application/vnd.ims.lis.v2.lineitem+json")
        return Answer(200, {**self.items[rest[0]], "id": self.line_item(rest[0])})

    def _token(self, request):
        import jwt

        form = request.form
        if form.get("grant_type") != "client_credentials" or not form["client_assertion_type"].endswith(":jwt-bearer"):
            raise Answer(400, {"error": "unsupported_grant_type"})
        try:
            claims = jwt.decode(
                form["client_assertion"], self.public_key, algorithms=["RS256"], audience=f"{self.url}/token",
                options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"], "verify_iat": False, "verify_exp": False},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise Answer(401, {"error": "invalid_client", "error_description": str(error)}) from None
        if not claims["iat"] <= self.clock() < claims["exp"] <= claims["iat"] + 120:
            raise Answer(401, {"error": "invalid_client", "error_description": "not of this minute"})
        if claims["iss"] != self.client_id or claims["sub"] != self.client_id or claims["jti"] in self.assertions:
            raise Answer(400, {"error": "invalid_client", "error_description": "used before, or of somebody else"})
        self.assertions.add(claims["jti"])
        token = f"access-{len(self.tokens)}-{'x' * 24}"
        self.tokens[token] = {"scope": form["scope"].split(), "uses": self.uses_left.pop(len(self.tokens), 10_000)}
        return Answer(
            200,
            {"access_token": token, "token_type": "Bearer", "expires_in": self.life_seconds, "scope": form["scope"]},
        )

    def _need(self, scope, *names):
        if not any(f"https://purl.imsglobal.org/spec/lti-ags/scope/{name}" in scope for name in names):
            raise Answer(403, {"error": "the scope does not allow it"})

    def _accept(self, request, kind):
        if request.headers.get("Accept") != kind:
            raise Answer(400, {"error": f"this service speaks {kind}"})

    def _items(self, request, scope):
        if request.method == "GET":
            self._need(scope, "lineitem", "lineitem.readonly")
            self._accept(request, "application/vnd.ims.lis.v2.lineitemcontainer+json")
            wanted = dict(request.query).get("resource_id")
            every = [
                {**one, "id": self.line_item(number)}
                for number, one in self.items.items()
                if one["resourceId"] == wanted
            ]
            return self._paged(request, every)
        self._need(scope, "lineitem")
        if request.headers.get("Content-Type") != "application/vnd.ims.lis.v2.lineitem+json":
            raise Answer(400, {"error": "wrong content type"})
        item = json.loads(request.body)
        if not item.get("label") or not item.get("scoreMaximum", 0) > 0:
            raise Answer(400, {"error": "label and scoreMaximum are needed"})
        number = str(5 + len(self.items))
        self.items[number] = item
        return Answer(201, {**item, "id": self.line_item(number)})

    def _results(self, request, scope):
        self._need(scope, "result.readonly")
        self._accept(request, "application/vnd.ims.lis.v2.resultcontainer+json")
        user = dict(request.query).get("user_id")
        every = [one["shown"] for one in self.results.values() if user in {None, one["user"]}]
        return self._paged(request, every)

    def _paged(self, request, every):
        query = dict(request.query)
        start = int(query.get("from", 0))
        some = every[start : start + self.page]
        if start + self.page >= len(every):
            return Answer(200, some)
        url = f"{self.url}{request.path}?" + urllib.parse.urlencode({**query, "from": start + self.page})
        if self.manner == "moodle":  # so it does: an address escaped for HTML, and typographic quotes
            return Answer(
                200, some, Link=f"<{url.replace('&', '&amp;')}>; rel=“first”, <{url.replace('&', '&amp;')}>; rel=“next”"
            )
        return Answer(200, some, Link=f'<{self.url}/nowhere>; rel="current",<{url}>; rel="next"')

    def _score(self, request, scope, number):
        self._need(scope, "score")
        if request.headers.get("Content-Type") != "application/vnd.ims.lis.v1.score+json" or request.method != "POST":
            raise Answer(400, {"error": "wrong content type"})
        score = json.loads(request.body)
        if not {"userId", "timestamp", "activityProgress", "gradingProgress"} <= score.keys():
            raise Answer(400, {"error": "Incorrect score received"})
        assert score["activityProgress"] in {"Initialized", "Started", "InProgress", "Submitted", "Completed"}
        assert score["gradingProgress"] in {"FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"}
        moment = datetime.fromisoformat(score["timestamp"])
        assert moment.tzinfo is not None
        assert "." in score["timestamp"]
        getattr(self, f"_as_{self.manner}")(score, moment)
        user, most = score["userId"], self.items[number]["scoreMaximum"]
        given = score.get("scoreGiven")
        shown = {
            "id": f"{self.url}/results/{user}",
            "userId": self.name_of(user),
            "resultMaximum": most,
            "comment": score.get("comment"),
        }
        if given is not None:
            shown["resultScore"] = round(given / score["scoreMaximum"] * most, 5)
        self.results[user] = {"user": user, "moment": moment, "shown": shown}
        if score.get("comment"):
            self.comments.append((user, score["comment"]))
        return Answer(200, {"resultUrl": shown["id"]})

    def name_of(self, user):
        return f"lti-{user}" if self.manner == "canvas" else user

    def _as_moodle(self, score, moment):
        if score["userId"] not in self.users:
            raise Answer(400, {"error": "Incorrect score received"})
        last = self.results.get(score["userId"])
        if last and int(last["moment"].timestamp()) >= int(moment.timestamp()):
            raise Answer(409, {"error": "Refusing score with an earlier timestamp"})
        if score["gradingProgress"] != "FullyGraded":
            score.pop("scoreGiven", None)

    def _as_canvas(self, score, moment):
        if score["userId"] not in self.users:
            raise Answer(422, {"errors": [{"message": "User not found in course or is not a student"}]})
        if score["gradingProgress"] in {"FullyGraded", "PendingManual"} and "scoreMaximum" not in score:
            raise Answer(422, {"errors": [{"message": "ScoreMaximum not supplied when ScoreGiven present."}]})
        last = self.results.get(score["userId"])
        if last and last["moment"] > moment:
            raise Answer(400, {"errors": [{"message": "Provided timestamp before last updated timestamp"}]})
        assert score["https://canvas.instructure.com/lti/submission"] == {"new_submission": False}
