"""The one way out: every request to an LMS, with time-outs, retries and errors that hold no secret.

A call that may be repeated is repeated after a pause when the site is busy or silent.  One that may not is repeated only
when the site certainly did nothing with it (it said that it was busy, or no connection came about). If not, it ends as
`Unanswered`, and whoever called looks at what arrived.
"""

from __future__ import annotations

import ipaddress
import logging
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader.errors import LiveError, Unanswered
from grader.lms.live.tokens import Secret, hide
from grader.messages import failure, refusal, say
from grader.rendering.text import shorten

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0
PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
LONGEST_PAUSE_SECONDS = 120.0  # a site that asks for more is asked again by people
LOW_ALLOWANCE = 60.0  # of Canvas's bucket of 700, from which every call takes its cost
TOLD_SECONDS = 4.0
EXCERPT = 300

Send = Callable[["HttpCall"], "requests.Response"]


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request: where to, with what, as whom, and whether it may be sent twice.

    `form` is sent url-encoded, or as multipart with `file` (field, name, content) as its last part; `body` goes as it is.
    """

    method: str
    url: str
    query: Sequence[tuple[str, str]] = ()
    form: Sequence[tuple[str, str | Secret]] | None = field(default=None, repr=False)
    file: tuple[str, str, bytes] | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    bearer: Secret | None = None
    repeatable: bool = False


class Http:
    """Sends calls to the origins it was made for, one at a time; learns of every secret that its answers must not show."""

    def __init__(
        self,
        *sites: str,
        send: Send | None = None,
        sleep: Callable[[float], None] | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        say: Callable[[str], None] = lambda _message: None,
    ) -> None:
        for site in sites:
            require_private(site)
        self.origins = {origin(site) for site in sites}
        self.sleep, self.say = sleep or time.sleep, say
        self._secrets: list[Secret] = []
        self._send = send or _session(answer_seconds)
        self._pause_seconds = 0.0

    def keep_secret(self, secret: Secret) -> Secret:
        """Return `secret`, which no message of this client will show from now on."""
        self._secrets.append(secret)
        return secret

    def clean(self, text: str) -> str:
        """Return text of the site as a line that may be shown: no secret, no control character, not long."""
        return shorten(hide(text, self._secrets), EXCERPT)

    def send(self, call: HttpCall) -> requests.Response:
        """Return the answer to `call`; anything of 400 or above is an error.

        Raises
        ------
        LiveError
            If the site refused the call or could not be reached; then it did nothing with it.
        Unanswered
            If the call may not be repeated and the site did not say what it did with it.
        """
        require_private(call.url)
        if call.bearer is not None and origin(call.url) not in self.origins:
            raise failure(LiveError, "lms.http.sent_on", site=origin(call.url))
        tries = 0
        while True:
            self._rest()
            answer = self._once(call)
            if not isinstance(answer, _Again):
                return answer
            if tries >= answer.most_tries:
                raise answer.error
            self._wait(call, max(PAUSES_SECONDS[tries], answer.after_seconds))
            tries += 1

    def _wait(self, call: HttpCall, seconds: float) -> None:
        """Wait before a call is sent again, and say so if the wait is long."""
        if seconds >= TOLD_SECONDS:
            self.say(say("lms.http.waiting", site=origin(call.url), seconds=seconds))
        self.sleep(seconds)

    def _once(self, call: HttpCall) -> requests.Response | _Again:
        """Send a call once, and return the answer or the reason to send it again."""
        try:
            response = self._send(call)
        except _Silence as silence:
            error = _unreached(call, silence)
            if call.repeatable or silence.nothing_sent:
                return _Again(error, most_tries=silence.most_tries)
            raise Unanswered(error.problem, hint=say("lms.http.may_have_arrived.hint")) from None
        self._note_allowance(response)
        if response.status_code < 400:
            return response
        return self._refused(call, response)

    def _refused(self, call: HttpCall, response: requests.Response) -> _Again:
        """Return that a busy site should be asked again, or raise what it said."""
        error = self._error(call, response)
        if _is_throttled(response):
            return _Again(error, _after_seconds(response))
        if response.status_code < 500:
            raise error
        if call.repeatable:
            return _Again(error, _after_seconds(response))
        raise Unanswered(error.problem, hint=say("lms.http.may_have_arrived.hint"))

    def _error(self, call: HttpCall, response: requests.Response) -> LiveError:
        message = self.clean(_said(response))
        values = {"call": _place(call), "status": response.status_code}
        problem = (
            say("lms.http.answered_why", message=message, **values) if message else say("lms.http.answered", **values)
        )
        error = LiveError(problem, hint=_hint(response.status_code))
        error.status, error.date = response.status_code, response.headers.get("Date", "")
        return error

    def _note_allowance(self, response: requests.Response) -> None:
        """Slow down before a site that counts (Canvas) has to refuse."""
        try:
            left = float(response.headers.get("X-Rate-Limit-Remaining", LOW_ALLOWANCE))
        except ValueError:
            return
        self._pause_seconds = 2.0 if left < LOW_ALLOWANCE else 0.0

    def _rest(self) -> None:
        if self._pause_seconds:
            self.sleep(self._pause_seconds)
            self._pause_seconds = 0.0

    def json(self, response: requests.Response) -> Any:
        """Return what an answer holds, without the guard that Canvas may put before it."""
        import json

        try:
            return json.loads(response.text.removeprefix("while(1);"))
        except ValueError:
            text = self.clean(response.text) or "nothing"
            raise failure(LiveError, "lms.http.no_json", site=origin(response.url), text=text) from None


@contextmanager
def understood(system: str, site: str = "") -> Iterator[None]:
    """Raise an error in words where an answer has not the form that those of a system have."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError):
        raise failure(LiveError, f"lms.{system}.strange_answer", site=site) from None


def origin(url: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def require_private(url: str) -> None:
    """Refuse an address on which others could listen: not https, and not this machine itself."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" and parts.hostname and not parts.username:
        return
    if parts.scheme == "http" and not parts.username and _is_loopback(parts.hostname or ""):
        return
    raise refusal("lms.http.no_https", site=origin(url))


class _Silence(Exception):
    """The site did not answer; `nothing_sent` says that there was not even a connection."""

    def __init__(self, why: str, *, nothing_sent: bool, hint: str = "", most_tries: int = len(PAUSES_SECONDS)) -> None:
        super().__init__(why)
        self.why, self.nothing_sent, self.hint, self.most_tries = why, nothing_sent, hint, most_tries


@dataclass(frozen=True, slots=True)
class _Again:
    """A call that should be sent again: the error if that does not help, how long to wait, and how often to try."""

    error: LiveError
    after_seconds: float = 0.0
    most_tries: int = len(PAUSES_SECONDS)


def _session(answer_seconds: float) -> Send:
    """Return what sends a call over the network: certificates always checked, redirects never followed."""
    try:
        import requests
    except ImportError:
        raise refusal("lms.http.not_installed") from None

    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # its debug lines show signed addresses
    session = requests.Session()

    def send(call: HttpCall) -> requests.Response:
        def sign(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
            if call.bearer is not None:  # here, because requests would rather take a password from ~/.netrc
                prepared.headers["Authorization"] = f"Bearer {call.bearer.reveal()}"
            return prepared

        files = {call.file[0]: call.file[1:]} if call.file else None
        try:
            return session.request(
                call.method,
                call.url,
                params=list(call.query),
                data=call.body if call.form is None else [(name, _plain(value)) for name, value in call.form],
                files=files,
                headers=dict(call.headers),
                auth=sign,
                timeout=(CONNECT_SECONDS, answer_seconds),
                allow_redirects=False,
                verify=True,
            )
        except requests.RequestException as error:
            raise _silence(error) from None

    return send


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _silence(error: Exception) -> _Silence:
    """Return why the site did not answer, in words that quote nothing of the request."""
    import requests
    from urllib3.exceptions import NewConnectionError

    if isinstance(error, requests.exceptions.SSLError):
        hint = say("lms.http.certificate.hint")
        return _Silence(say("lms.http.certificate"), nothing_sent=True, hint=hint, most_tries=0)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return _Silence(say("lms.http.no_connection_in_time"), nothing_sent=True)
    if isinstance(error, requests.exceptions.Timeout):
        return _Silence(say("lms.http.no_answer_in_time"), nothing_sent=False)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NewConnectionError):
        return _Silence(say("lms.http.no_connection"), nothing_sent=True, most_tries=2)
    return _Silence(say("lms.http.broken"), nothing_sent=False)


def _unreached(call: HttpCall, silence: _Silence) -> LiveError:
    hint = silence.hint or say("lms.http.network.hint")
    return LiveError(say("lms.http.unreached", call=_place(call), why=silence.why), hint=hint)


def _place(call: HttpCall) -> str:
    """Name a call by its method, host and path: the part after the ``?`` may be private."""
    parts = urllib.parse.urlsplit(call.url)
    return f"{call.method} {origin(call.url)}{parts.path}"


def _is_throttled(response: requests.Response) -> bool:
    """Whether the site refused for want of time only; Canvas says so with 403."""
    return response.status_code == 429 or (response.status_code == 403 and "rate limit" in response.text[:500].lower())


def _after_seconds(response: requests.Response) -> float:
    """Return how long the site asks to wait, which it says in seconds or with a date."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        seconds = Retry().parse_retry_after(response.headers.get("Retry-After", "0"))
    except (InvalidHeader, ValueError, OverflowError):  # neither; or a year or a number that Python does not read
        return 0.0
    return min(seconds, LONGEST_PAUSE_SECONDS)


def _said(response: requests.Response) -> str:
    """Return the sentences that an error's JSON holds; a page in HTML says nothing to a terminal."""
    try:
        data = response.json()
    except ValueError:
        is_page = "html" in response.headers.get("Content-Type", "") or response.text.lstrip().startswith("<")
        return "" if is_page else response.text
    return "; ".join(_sentences(data))


def _sentences(data: object) -> list[str]:
    if isinstance(data, str):
        return [data]
    if isinstance(data, list):
        return [sentence for item in data for sentence in _sentences(item)]
    if isinstance(data, dict):
        names = ("error", "error_description", "message", "errors", "detail", "reason")
        return [sentence for name in names if name in data for sentence in _sentences(data[name])]
    return []


def _hint(status: int) -> str:
    if status == 401:
        return say("lms.http.401.hint")
    if status == 403:
        return say("lms.http.403.hint")
    if status == 404:
        return say("lms.http.404.hint")
    if status >= 500 or status == 429:
        return say("lms.http.trouble.hint")
    return say("lms.http.other.hint")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
