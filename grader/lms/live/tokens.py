"""Tokens and keys: from a private file, the environment or a keyring, never from arguments; what holds one never shows it."""

from __future__ import annotations

import os
import stat
import urllib.parse
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from grader.messages import refusal, say

LIMIT_BYTES = 64 * 1024
HIDDEN = "[hidden]"
SERVICE = "grader"  # under which a keyring keeps them


class Secret:
    """A token or key that is shown by nothing but `reveal`: not by print, a traceback, a log or a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, for the one line that sends or signs with it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret stays in its process")


def hide(text: str, secrets: Iterable[Secret]) -> str:
    """Return `text` with every secret hidden, also in a URL or over several lines."""
    for form in sorted({form for secret in secrets for form in _forms(secret.reveal())}, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def find(variable: str, *, file: Path | None, account: str, what: str) -> Secret:
    """Return a secret from `file` if one is given, else from the environment, else from the keyring.

    `what` names it in messages ("a Canvas access token"); `account` is its name in the keyring.

    Raises
    ------
    RequestError
        If there is none, or the file may be read by others.
    """
    if file is not None:
        return _checked(_read(file), str(file))
    if os.environ.get(variable):
        return _checked(os.environ[variable], variable)
    stored = _from_keyring(account)
    if stored:
        return _checked(stored, say("lms.token.keyring", account=account))
    raise refusal("lms.token.missing", what=what, variable=variable, service=SERVICE, account=account)


def _forms(value: str) -> set[str]:
    """Return how a secret may be written: as it is, quoted for a URL, or line by line."""
    lines = [line for line in value.split() if len(line) >= 16]
    plain = [value, *lines] if len(value) >= 4 else []
    return {form for text in plain for form in (text, urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text))}


def _read(path: Path) -> str:
    """Return a private file's text; a file that others may read is refused, for its secret is none."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise refusal("lms.token.no_file", path=path)
            if os.name == "posix" and status.st_mode & 0o077:
                raise refusal("lms.token.not_private", path=path, mode=f"{stat.S_IMODE(status.st_mode):03o}")
            content = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise refusal("lms.unreadable", path=path, reason=error.strerror, hint="lms.token.unreadable.hint") from None
    if len(content) > LIMIT_BYTES:
        raise refusal("lms.token.too_large", path=path)
    return content.decode("utf-8", "replace")


def _checked(value: str, where: str) -> Secret:
    """Return a secret that fits into a header, or that is a key in PEM."""
    value = value.strip()
    single = value.isascii() and value.isprintable() and " " not in value and value
    if not single and not value.startswith("-----BEGIN "):
        raise refusal("lms.token.none_in", where=where)
    return Secret(value)


def _from_keyring(account: str) -> str | None:
    """Return what the keyring keeps, where there is a keyring."""
    try:
        import keyring
    except ImportError:
        return None
    try:
        return keyring.get_password(SERVICE, account)
    except Exception:  # each backend fails in its own way; without one there is simply nothing kept
        return None
