"""The catalogue of every sentence that a person reads: `say("room.topic.what", name=value)` returns one of them.

Sentences are in `templates/messages/<language>/<room>.po`, by an id whose first word is the name of the file.  The code decides
what is true and gives the values; the catalogue has the words, the plurals and how numbers and lists are written.  A folder of
a teacher's own may hold files of the same form, whose sentences take the place of those that are shipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from gettext import c2py
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from grader import resources
from grader.errors import GraderError, RequestError

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

SOURCE = "en"  # the language that has every sentence; what a translation lacks is said in it
LANGUAGE, FOLDER = "GRADER_LANG", "GRADER_MESSAGES"  # variables of the environment: every process of a batch sees them
SYSTEM_LANGUAGE = "GRADER_SYSTEM_LANG"  # the language of a student's own system, which an exercise's setting overrules
Failure = TypeVar("Failure", bound=GraderError)
_CONVERSIONS = (None, "r", "s")
_SPECIFICATION = re.compile(r"[<>^]?\d*,?(?:\.\d+)?[a-z%]?|and|or")
_STRING = re.compile(r'^(msgid|msgstr(?:\[\d+\])?) ("(?:[^"\\\n]|\\.)*"(?:\n"(?:[^"\\\n]|\\.)*")*)', re.MULTILINE)
_ESCAPED = re.compile(r'\\([\\trn"])')
_PLURAL = re.compile(r"\bplural=([^;]+)")


@dataclass(frozen=True, slots=True)
class Wording:
    """The language of all sentences, a teacher's folder of sentences, and the teacher who has reviewed a translation."""

    language: str = SOURCE
    own: Path | None = None
    reviewed_by: str = ""

    def identity(self) -> bytes:
        """Return what tells these words from the shipped English ones: nothing for those, else the language and the files."""
        if self == Wording():
            return b""
        files = sorted(self.own.glob("*.po")) if self.own else []
        return repr((self.language, [(path.name, path.read_bytes()) for path in files], self.reviewed_by)).encode()


class Sentence(NamedTuple):
    """The forms of a sentence, one if it has no plurals, and what says which of them goes with a number."""

    forms: tuple[str, ...]
    form_of: Callable[[int], int]


@dataclass(frozen=True)
class Catalogue:
    """The sentences of one language; those of `own`, a teacher's folder, come first.

    Raises
    ------
    RequestError
        If a file of `own` cannot be read, or has a sentence that the code could not fill.
    """

    language: str = SOURCE
    own: Path | None = None
    reviewed_by: str = ""
    _rooms: dict[str, dict[str, Sentence]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.language != SOURCE and self.language not in languages():
            raise refusal("messages.no_language", language=self.language, languages=languages())
        if self.own is not None:
            self._check(self.own)

    def text(self, message_id: str, count: object = None) -> str:
        """Return a sentence with its placeholders; with a `count`, the form that goes with that number."""
        room = message_id.partition(".")[0]
        if room not in self._rooms:
            self._rooms[room] = self._load(room)
        sentence = self._rooms[room].get(message_id)
        if sentence is None:
            return message_id
        forms = sentence.forms
        if len(forms) == 1:
            return forms[0]
        return forms[min(sentence.form_of(count if isinstance(count, int) else 1), len(forms) - 1)]

    def _load(self, room: str) -> dict[str, Sentence]:
        """Return the sentences of a room: English, in place of them those of the language, then those of `own`."""
        sentences: dict[str, Sentence] = {}
        for name in dict.fromkeys((SOURCE, self.language)):
            path = _shipped(name) / f"{room}.po"
            if path.is_file():
                sentences |= read_shipped(path)
        if self.own is not None and (self.own / f"{room}.po").is_file():
            sentences |= read_own(self.own / f"{room}.po")
        return sentences

    def _check(self, folder: Path) -> None:
        """Refuse a folder whose sentences name values that the code does not give."""
        if not folder.is_dir():
            raise refusal("messages.no_folder", folder=folder)
        for path in sorted(folder.glob("*.po")):
            shipped = {entry.id: entry for entry in entries(_shipped(SOURCE) / path.name)}
            for entry in entries(path):
                if entry.id not in shipped:
                    raise refusal(
                        "messages.unknown_id",
                        file=path,
                        line=entry.line,
                        id=entry.id,
                        shipped=_shipped(SOURCE) / path.name,
                    )
                values = shipped[entry.id].placeholders
                unknown = sorted(entry.placeholders - values)
                if unknown:
                    raise refusal(
                        "messages.unknown_value",
                        file=path,
                        line=entry.line,
                        id=entry.id,
                        name=f"{{{unknown[0]}}}",
                        values=sorted(values) or ["-"],
                    )


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One sentence of a file: its id, its forms (several where it has plurals), and the line of the file it is in."""

    id: str
    forms: tuple[str, ...]
    line: int
    is_draft: bool

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the values that its forms use."""
        return frozenset(name for form in self.forms for name in placeholders(form))


def use(language: str = SOURCE, own: Path | None = None, reviewed_by: str = "") -> None:
    """Say everything from now on in a language, with the sentences of a teacher's folder in place of those that are shipped."""
    global _in_use  # noqa: PLW0603  # as gettext does: one language for each process
    language = nearest(language) or language
    if (language, own, reviewed_by) != (_in_use.language, _in_use.own, _in_use.reviewed_by):
        _in_use = Catalogue(language, own, reviewed_by)


def nearest(language: str) -> str | None:
    """Return the language with sentences that serves readers of another or the same one: es for es_MX, zh_CN for zh-SG.

    None if none does: traditional Chinese is not simplified Chinese.
    """
    if language in languages():
        return language
    from babel import Locale, UnknownLocaleError  # 20 ms

    def parse(name: str) -> Locale:
        return Locale.parse(name.partition(".")[0].replace("-", "_"))

    try:
        reader = parse(language)
    except (UnknownLocaleError, ValueError):
        return None
    for name in languages():
        shipped = parse(name)
        scripts = {shipped.script, reader.script} - {None}  # None is the usual one of the language
        if shipped.language == reader.language and len(scripts) < 2:
            return name
    return None


def use_system_language() -> None:
    """Use the language of the system, if there are sentences in it and nobody asks for another one.

    It is what gettext reads.  Babel's `default_locale` also reads LC_CTYPE, which says how letters are stored.
    """
    variables = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    names = next(filter(None, map(os.environ.get, variables)), SOURCE).split(":")  # LANGUAGE lists several
    language = next(filter(None, map(nearest, names)), None)
    if language and LANGUAGE not in os.environ:
        os.environ[SYSTEM_LANGUAGE] = language
        use(language)


def language_in_use() -> str:
    """Return the language of all sentences as HTML names it, such as en or zh-CN."""
    return _in_use.language.replace("_", "-")


def is_draft() -> bool:
    """Whether the sentences are a translation that no teacher has reviewed."""
    return _in_use.language != SOURCE and not _in_use.reviewed_by


def environment() -> dict[str, str]:
    """Return the variables of the environment by which another process uses the same language and sentences."""
    own = {FOLDER: str(_in_use.own)} if _in_use.own else {}
    return {LANGUAGE: _in_use.language, **own}


def use_environment() -> None:
    """Use the language and the sentences that the environment names, as `environment` gives them."""
    own = os.environ.get(FOLDER)
    use(os.environ.get(LANGUAGE, SOURCE), Path(own) if own else None)


def say(message_id: str, /, **values: object) -> str:
    """Return a sentence filled with values; a value called `count` chooses among its plurals, a tuple is written as a list."""
    text = _in_use.text(message_id, values.get("count"))
    return text.format_map(
        {name: _Listed(value) if isinstance(value, list | tuple) else value for name, value in values.items()}
    )


def failure(kind: type[Failure], message_id: str, /, *, hint: str = "", **values: object) -> Failure:
    """Return an error in words: its problem is a sentence, its hint that with `.hint` behind the id, or the one named.

    The values fill both.
    """
    hint_id = hint or f"{message_id}.hint"
    return kind(say(message_id, **values), hint=say(hint_id, **values))


def refusal(message_id: str, /, *, hint: str = "", **values: object) -> RequestError:
    """Return the error of a request that cannot be met, in words as those of `failure`."""
    return failure(RequestError, message_id, hint=hint, **values)


def has_words(message_id: str) -> bool:
    """Return whether the catalogue has a sentence, in the language in use or in English."""
    return _in_use.text(message_id) != message_id


def unfilled(message_id: str) -> str:
    """Return a sentence with its placeholders, for a script that fills them in a browser."""
    return _in_use.text(message_id)


def listed(items: Iterable[object], last: str = "and") -> str:
    """Return items as a sentence names them: "a, b and c"; `last` is "and" or "or"."""
    texts = [format(item) for item in items]
    if len(texts) < 2:
        return "".join(texts)
    return say(f"list.{last}", first=say("list.comma").join(texts[:-1]), last=texts[-1])


def languages() -> list[str]:
    """Return the languages that have sentences."""
    return sorted(folder.name for folder in (resources.templates() / "messages").iterdir() if folder.is_dir())


def entries(path: Path) -> list[CatalogueEntry]:
    """Return the sentences of a file in the form of gettext (.po).

    Raises
    ------
    RequestError
        If it is not one, or if a sentence has placeholders other than plain names.
    """
    sentences = []
    for message in _catalog(path):
        if message.id:
            name, text = message.id, message.string
            forms = tuple(map(str, text)) if isinstance(text, list | tuple) else (str(text),)
            entry = CatalogueEntry(
                str(name if isinstance(name, str) else name[0]), forms, message.lineno or 0, message.fuzzy
            )
            try:
                entry.placeholders  # noqa: B018  # to see whether they can be read
            except ValueError as error:
                raise refusal("messages.bad_value", file=path, line=entry.line, name=error) from None
            sentences.append(entry)
    return sentences


def placeholders(text: str) -> Iterator[str]:
    """Yield the names of the values in a sentence.

    Raises
    ------
    ValueError
        If a placeholder is more than a name and a format.
    """
    for _, name, specification, conversion in Formatter().parse(text):
        if name is None:
            continue
        if (
            not name.isidentifier()
            or conversion not in _CONVERSIONS
            or not _SPECIFICATION.fullmatch(specification or "")
        ):
            raise ValueError(name)
        yield name


class _Listed(tuple[object, ...]):
    """Items that a sentence writes as a list; the format `or` joins the last with "or"."""

    __slots__ = ()

    def __format__(self, specification: str) -> str:
        return listed(self, specification or "and")


def _shipped(language: str) -> Path:
    return resources.templates() / "messages" / language


def _catalog(path: Path) -> Catalog:
    """Return a file as the library reads it."""
    from babel.messages.pofile import PoFileError, read_po  # 30 ms, and only where something is said

    try:
        with path.open("rb") as file:
            return read_po(file, ignore_obsolete=True, abort_invalid=True)
    except (PoFileError, ValueError, OSError) as error:
        raise refusal("messages.not_po", file=path, reason=error) from None


def read_shipped(path: Path) -> dict[str, Sentence]:
    """Return the sentences of a shipped file; Babel would take 30 ms to load in each process, and 2 ms for a file."""
    forms: dict[str, list[str]] = {}
    last: list[str] = []
    for keyword, strings in _STRING.findall(path.read_text(encoding="utf-8")):
        text = strings[1:-1].replace('"\n"', "")
        if "\\" in text:
            text = _ESCAPED.sub(lambda match: {"t": "\t", "r": "\r", "n": "\n"}.get(match[1], match[1]), text)
        if keyword == "msgid":
            last = forms.setdefault(text, [])
        else:
            last.append(text)
    (header,) = forms.pop("")
    plural = _PLURAL.search(header)
    form_of = c2py(plural[1] if plural else "n != 1")
    return {name: Sentence(tuple(texts), form_of) for name, texts in forms.items() if all(texts)}


def read_own(path: Path) -> dict[str, Sentence]:
    """Return the sentences of a teacher's file, which may have any form that Babel reads."""
    form_of = c2py(_catalog(path).plural_expr)
    return {entry.id: Sentence(entry.forms, form_of) for entry in entries(path) if all(entry.forms)}


_in_use = Catalogue()
