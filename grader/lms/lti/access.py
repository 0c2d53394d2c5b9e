"""Access to a platform's services: what its administrator gave, and tokens, asked for with a signed assertion.

A token is renewed before it ends, and once when the platform refuses it.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec.toml

from grader.errors import LiveError, Unanswered
from grader.lms.live.http import Http, HttpCall, understood
from grader.lms.live.tokens import Secret
from grader.messages import failure, refusal

if TYPE_CHECKING:
    import requests

VARIABLE = "GRADER_LTI_KEY"
SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EARLY_SECONDS = 30.0  # a token is renewed so long before it ends

Platform = Literal["canvas", "moodle", "other"]


class PlatformSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a platform's administrator gives when the tool is registered; the private key is kept elsewhere.

    `line_item` is the address of the line item; or `line_items` that of their list, in which the one with our `resource_id`
    is looked for, and made if `create` is set.  `users` is a CSV file with the columns student and user_id.
    """

    client_id: str
    token_url: str
    platform: Platform = "other"
    audience: str = ""
    key_id: str = ""
    line_item: str = ""
    line_items: str = ""
    resource_id: str = "dls-c2w1-initialization"
    create: bool = False
    users: str = ""


def load(path: Path) -> PlatformSettings:
    """Return the settings of a TOML file.

    Raises
    ------
    RequestError
        If it cannot be used.
    """
    try:
        settings = msgspec.toml.decode(path.read_text(encoding="utf-8"), type=PlatformSettings)
    except OSError as error:
        raise refusal("lms.unreadable", path=path, reason=error.strerror, hint="lms.lti.settings.hint") from None
    except ValueError as error:
        raise refusal("lms.lti.settings_unusable", path=path, reason=error, hint="lms.lti.settings.hint") from None
    if bool(settings.line_item) == bool(settings.line_items):
        raise refusal("lms.lti.line_item_or_items", path=path, hint="lms.lti.settings.hint")
    return settings


def users(path: Path) -> dict[str, str]:
    """Return the platform's user ids by student, as a CSV file lists them.

    Raises
    ------
    RequestError
        If it cannot be used, or names a student twice.
    """
    users_by_id: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                student, user = row["student"].strip(), row["user_id"].strip()
                if student in users_by_id:
                    raise refusal("lms.lti.twice", path=path, student=student, hint="lms.lti.users.hint")
                users_by_id[student] = user
    except OSError as error:
        raise refusal("lms.unreadable", path=path, reason=error.strerror, hint="lms.lti.users.hint") from None
    except (KeyError, AttributeError, UnicodeDecodeError, csv.Error):
        raise refusal("lms.lti.users_unusable", path=path, hint="lms.lti.users.hint") from None
    return users_by_id


class Access:
    """A tool's access to one platform: sends calls with a token that it keeps valid."""

    def __init__(self, settings: PlatformSettings, key: Secret, http: Http, now: Callable[[], float]) -> None:
        self._settings, self._key, self._http, self._now = settings, key, http, now
        self._http.keep_secret(key)
        self._token: Secret | None = None
        self._token_ends = 0.0

    def ask(self, call: HttpCall) -> requests.Response:
        """Send a call with a token; a token that is refused is renewed once."""
        try:
            return self._signed(call)
        except LiveError as error:
            if error.status != 401:
                raise
            self._token = None
            return self._signed(call)

    def _signed(self, call: HttpCall) -> requests.Response:
        response = self._http.send(replace(call, bearer=self._bearer()))
        if response.status_code >= 300:
            raise failure(LiveError, "lms.lti.sent_on")
        return response

    def _bearer(self) -> Secret:
        if self._token is None or self._now() > self._token_ends - EARLY_SECONDS:
            try:
                self._renew()
            except Unanswered:  # with a new assertion, for an assertion is good for one time
                self._renew()
        assert self._token is not None  # noqa: S101  # set by _renew
        return self._token

    def _renew(self) -> None:
        settings = self._settings
        kinds = ["score", "result.readonly", "lineitem" if settings.create else "lineitem.readonly"]
        form: list[tuple[str, str | Secret]] = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", self._assertion()),
            ("scope", " ".join(SCOPE + kind for kind in kinds)),
        ]
        with understood("lti"):
            answer = self._http.json(self._http.send(HttpCall("POST", settings.token_url, form=form)))
            self._token = self._http.keep_secret(Secret(str(answer["access_token"])))
            self._token_ends = self._now() + float(answer.get("expires_in") or 3600)

    def _assertion(self) -> Secret:
        """Return a signed statement of who we are, good for a minute and for one time."""
        try:
            import jwt
        except ImportError:
            raise refusal("lms.lti.not_installed") from None
        settings, now = self._settings, int(self._now())
        claims = {
            "iss": settings.client_id,
            "sub": settings.client_id,
            "aud": settings.audience or settings.token_url,
            "iat": now - 5,
            "exp": now + 60,
            "jti": str(uuid.uuid4()),
        }
        headers = {"kid": settings.key_id} if settings.key_id else None
        try:
            token = jwt.encode(claims, self._key.reveal(), algorithm="RS256", headers=headers)
        except (ValueError, TypeError, jwt.PyJWTError):
            raise refusal("lms.lti.no_key") from None
        return self._http.keep_secret(Secret(token))
