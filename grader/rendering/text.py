"""Text of others made safe to show, and numbers made short to read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from markupsafe import Markup, escape

from grader.records import Number, Result
from grader.records.points import of, points
from grader.records.wording import accuracy, short_names

__all__ = [
    "accuracy",
    "clean",
    "coded",
    "costs",
    "headline",
    "of",
    "one_line",
    "points",
    "sentences",
    "short_names",
    "short_number",
    "shorten",
    "spell_out",
    "spell_out_json",
]

_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_ESCAPES = {code: f"\\x{code:02x}" for code in _CONTROLS if chr(code) not in "\n\t"} | {
    code: f"\\u{code:04x}" for code in _BIDI
}
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")  # a page in UTF-8 cannot hold half a character
_BREAKS = {code: f"\\x{code:02x}" for code in map(ord, "\n\r\t")}
_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), *_BIDI, *range(0xD800, 0xE000))}
_VISIBLE = str.maketrans(_ESCAPES | _SURROGATES)


def clean(text: str) -> str:
    r"""Return `text` with control characters and direction overrides spelled out (``\x1b``), all on the same line."""
    if text.isprintable():  # most is, and asking costs a fifth of translating
        return text
    visible = str(text).replace("\r\n", "\n").translate(_VISIBLE)
    return Markup(visible) if isinstance(text, Markup) else visible  # noqa: S704  # escaped before, and stays so


_NESTED = r"(?:[^()\n]|\([^()\n]*\))*"
_INDEX = r"\[[^\]\n]{0,80}\]"  # no longer, so that no text is searched to its end again and again
_CALL = rf"(?:\b\d+[*/])?(?:\bnp(?:\.\w+)+|\b[a-z]+(?:_\w+)+)(?:\({_NESTED}\)|{_INDEX})?"
_ROOT = rf"(?:\b\d+\*)?\bsqrt\({_NESTED}\)"
_CODE = re.compile(rf"`(?P<marked>[^`\n]+)`|{_CALL}|{_ROOT}", re.ASCII)


def coded(text: str) -> Markup:
    """Return a sentence as HTML: what is between backticks, names of functions and calls of them are set as code."""
    parts: list[str] = []
    end = 0
    for match in _CODE.finditer(whole := clean(text)):
        parts += [escape(whole[end : match.start()]), Markup("<code>%s</code>") % (match["marked"] or match[0])]
        end = match.end()
    return Markup("").join([*parts, escape(whole[end:])])


def spell_out(text: str) -> str:
    r"""Return `text` cleaned, its line breaks and tabs spelled out too (``\x0a``): for one line of a terminal, spaces kept."""
    return clean(text).translate(_BREAKS)


def spell_out_json(json: str) -> str:
    r"""Return JSON that means the same, without characters that a terminal could obey (``\u009b``)."""
    return json.translate(_JSON_ESCAPES)


def one_line(text: str) -> str:
    """Return `text` cleaned and on one line."""
    return " ".join(clean(text).split())


def shorten(text: str, width: int) -> str:
    """Return the first line's worth of `text`, at most `width` columns wide, marked where it was cut."""
    line = one_line(text)
    return line if columns(line) <= width else _cut(line, width - 4) + " ..."


def headline(result: Result) -> str:
    """Return the summary's headline without the score, for places that show it large."""
    return result.summary.verdict or result.summary.headline


def short_number(value: Number) -> str:
    """Return a number to six digits; inf and nan as they are."""
    return value if isinstance(value, str) else f"{value:.6g}"


def costs(values: Sequence[Number]) -> tuple[str, ...]:
    """Return costs to four decimals, or to ten where only these tell two of them apart."""
    finite = [value for value in values if not isinstance(value, str)]
    coarse, fine = ({f"{value:.{digits}f}" for value in finite} for digits in (4, 10))
    decimals = 10 if len(coarse) < len(fine) else 4
    return tuple(value if isinstance(value, str) else f"{value:.{decimals}f}" for value in values)


def sentences(parts: Sequence[str]) -> str:
    """Join the parts that say something."""
    return " ".join(part for part in parts if part)


def columns(text: str) -> int:
    """Return how many columns a text takes: two for a letter of Chinese, one for others."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, width: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += _width(character)
        if used > width:
            return text[:index]
    return text
