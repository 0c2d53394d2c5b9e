"""The catalogue and the code fit together: every id that is used exists, every id that exists is used, every value matches."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from pathlib import Path
from typing import TypeGuard

import jinja2
import pytest

import grader
from grader import messages, resources
from grader.errors import RequestError
from grader.exercise.load import load
from grader.messages import Catalogue, entries, languages, listed, say

PACKAGE = Path(grader.__file__).parent
OUTSIDE = {"worker", "data"}  # programs that run without the package, and so without its catalogue
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if OUTSIDE.isdisjoint(path.parts)]
FOLDER = resources.templates() / "messages"
TEMPLATES, SCRIPTS = (sorted(resources.templates().glob(pattern)) for pattern in ("*.html", "*.js"))
ENTRIES = {path.stem: entries(path) for path in sorted((FOLDER / messages.SOURCE).glob("*.po"))}
ENGLISH = {entry.id: entry for room in ENTRIES.values() for entry in room}

# Sentences that are not in the catalogue, by room: a number may only fall, and is lowered when it does.
LEFT_IN_CODE: dict[str, int] = {
    "errors.py": 1,
    "exercise": 2,  # names in the data of an exercise
    "lms": 3,
    "prepare.py": 1,
    "resources.py": 2,
    "running": 1,
}


FINDINGS = ("passed", "failed", "skipped", "broken", "fail")  # functions of the checks that say a message by its id
NO_VALUES = frozenset({"hint", "evidence"})  # of a finding: words and numbers beside its message
ERRORS = ("failure", "refusal")  # functions that say a problem and its hint


def _says(node: ast.AST, source: str) -> bool:
    """Return whether a call says a message whose id is its first argument."""
    if not isinstance(node, ast.Call) or not node.args or ast.unparse(node.args[0]) in {"message_id", "hint_id"}:
        return False  # this function got the id from a caller, where the test sees it
    name = ast.unparse(node.func)
    return name == "say" or (name in FINDINGS and "grader.judging.checks" in source)


def uses_in_code(source: str) -> list[tuple[str, frozenset[str] | None]]:
    """Return the ids that code says, `*` for what is known at run time only, each with the names of its values."""
    uses = []
    if "grader.messages import" not in source and "def say(message_id" not in source:
        return []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _says(node, source):
            function = ast.unparse(node.func)
            others = frozenset() if function == "say" else NO_VALUES
            is_open = function == "fail" or any(word.arg is None for word in node.keywords)
            names = None if is_open else frozenset(word.arg for word in node.keywords if word.arg) - others
            uses += [(message_id, names) for message_id in _ids(node.args[0])]
        if _fails(node):
            uses += [(message_id, None) for pair in _pairs(node) for message_id in pair]
    return uses


def _fails(node: ast.AST) -> TypeGuard[ast.Call]:
    """Return whether a call makes an error of a message and its hint."""
    return (
        isinstance(node, ast.Call) and ast.unparse(node.func) in ERRORS and ast.unparse(node.args[-1]) != "message_id"
    )


def _pairs(node: ast.Call) -> list[tuple[str, str]]:
    """Return the ids of an error's problem and hint, several where a condition chooses."""
    hints = [message_id for word in node.keywords if word.arg == "hint" for message_id in _ids(word.value)]
    return [(problem, hint) for problem in _ids(node.args[-1]) for hint in hints or [f"{problem}.hint"]]


def _ids(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(value)):
            return [value]
        case ast.JoinedStr(values=parts):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_ids(body), *_ids(orelse)]
    raise AssertionError(f"line {node.lineno}: the id of a message is written where it is said: {ast.unparse(node)}")


def uses_in_templates() -> list[tuple[str, frozenset[str] | None]]:
    """Return the ids that templates say, each with the names of its values."""
    environment = jinja2.Environment(autoescape=True)
    uses = []
    for path in TEMPLATES:
        for call in environment.parse(path.read_text(encoding="utf-8")).find_all(jinja2.nodes.Call):
            if isinstance(call.node, jinja2.nodes.Name) and call.node.name == "say":
                [message_id] = call.args
                pattern = "*" if not isinstance(message_id, jinja2.nodes.Const) else message_id.value
                if isinstance(message_id, jinja2.nodes.Concat):
                    pattern = "".join(n.value if isinstance(n, jinja2.nodes.Const) else "*" for n in message_id.nodes)
                uses.append((pattern, frozenset(word.key for word in call.kwargs)))
    return uses


def uses_in_scripts() -> list[tuple[str, frozenset[str] | None]]:
    """Return the ids that scripts of pages name, each with the names of its values where they are written beside it."""
    uses: list[tuple[str, frozenset[str] | None]] = []
    for path in SCRIPTS:
        script = path.read_text(encoding="utf-8")
        said = re.findall(r'\bsay\("([\w.]+)"(?:, \{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\})?\)', script)
        uses += [(message_id, None if "..." in values else frozenset(_keys(values))) for message_id, values in said]
        named = {name for name in re.findall(r'"([a-z]+\.[\w.]+)"', script) if name.partition(".")[0] in ENTRIES}
        uses += [(message_id, None) for message_id in sorted(named - {message_id for message_id, _ in said})]
    return uses


def _keys(values: str) -> list[str]:
    """Return the names in the braces of a script's object: `{scale, count: f(a, b)}`."""
    flat, depth = "", 0
    for letter in values:
        depth -= letter in ")]}"
        flat += letter if depth == 0 or letter in "()[]{}" else ""
        depth += letter in "([{"
    return [part.partition(":")[0].strip() for part in flat.split(",") if part.strip()]


USES = [
    *(
        (path.relative_to(PACKAGE).as_posix(), *use)
        for path in MODULES
        for use in uses_in_code(path.read_text(encoding="utf-8"))
    ),
    *(("a template", *use) for use in uses_in_templates()),
    *(("a script", *use) for use in uses_in_scripts()),
]


def test_every_id_that_is_said_exists():
    missing = {
        (place, pattern) for place, pattern, _ in USES if not any(fnmatchcase(known, pattern) for known in ENGLISH)
    }
    assert not missing


def test_every_id_that_exists_is_said():
    patterns = {pattern for _, pattern, _ in USES}
    assert not {known for known in ENGLISH if not any(fnmatchcase(known, pattern) for pattern in patterns)}


def test_no_pattern_says_everything():
    assert not {(place, pattern) for place, pattern, _ in USES if pattern.startswith("*")}


def test_values_and_placeholders_match():
    wrong = [
        (place, known, sorted(names ^ entry.placeholders))
        for place, pattern, names in USES
        if names is not None and "*" not in pattern
        for known, entry in ENGLISH.items()
        if known == pattern and names - {"count"} != entry.placeholders - {"count"}
    ]
    assert not wrong


def test_the_values_of_an_error_fill_its_problem_and_its_hint():
    wrong = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if _fails(node):
                names = {word.arg for word in node.keywords} - {"hint"}
                for problem, hint in _pairs(node):
                    used = [ENGLISH[known].placeholders for known in (problem, hint) if "*" not in known]
                    if None not in names and len(used) == 2 and names - {"count"} != frozenset.union(*used) - {"count"}:
                        wrong.append((path.name, problem, sorted(names ^ frozenset.union(*used))))
    assert not wrong


@pytest.mark.parametrize("room", ENTRIES)
def test_an_id_begins_with_the_name_of_its_file_and_is_there_once(room):
    ids = [entry.id for entry in ENTRIES[room]]
    assert all(known.startswith(f"{room}.") for known in ids)
    assert len(ids) == len(set(ids))
    assert all(form.strip() for entry in ENTRIES[room] for form in entry.forms)


TRANSLATIONS = [name for name in languages() if name != messages.SOURCE]
LEFT_TO_TRANSLATE = {"es": 20, "zh_CN": 20}  # for whoever adds a sentence and speaks English alone: English is shown


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_knows_no_other_ids_or_values(language):
    for path in sorted((FOLDER / language).glob("*.po")):
        for entry in entries(path):
            assert entry.id in ENGLISH
            assert entry.placeholders <= ENGLISH[entry.id].placeholders, entry.id


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_has_every_sentence(language):
    translated = {entry.id for path in (FOLDER / language).glob("*.po") for entry in entries(path)}
    missing = sorted(ENGLISH.keys() - translated)
    print(f"{language}: {len(missing)} of {len(ENGLISH)} sentences are missing", *missing, sep="\n")
    assert len(missing) <= LEFT_TO_TRANSLATE[language]


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_has_all_values_of_a_sentence_but_those_of_its_grammar(language):
    wrong = {
        entry.id: sorted(ENGLISH[entry.id].placeholders - entry.placeholders)
        for path in (FOLDER / language).glob("*.po")
        for entry in entries(path)
        if ENGLISH[entry.id].placeholders - entry.placeholders
    }
    assert not wrong


def sentences_in_code(path: Path) -> list[str]:
    """Return what looks like a sentence in a file's code: three words and more that is no docstring, pattern or code."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr):
            skipped.add(id(node.body[0].value))
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
        if isinstance(node, ast.Dict):
            skipped |= {id(key) for key in node.keys}  # what is looked up
        if isinstance(node, ast.Attribute) and node.attr == "split":
            skipped.add(id(node.value))  # a list of names
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "re.compile",
            "re.match",
            "re.search",
            "say",
            "note",
            "attempt",
            "surviving",  # what the log calls a step
            "AssertionError",
            "TypeError",  # a programmer's mistake
        ):
            skipped |= {id(inner) for inner in ast.walk(node)}
    texts = []
    for node in ast.walk(tree):
        if id(node) in skipped or not isinstance(node, ast.Constant | ast.JoinedStr):
            continue
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "" for part in parts
        )
        if re.search(r"[a-z]+ [a-z]+ [a-z]+", text):
            texts.append(text)
    return [text for text in texts if not _is_code(text)]


def _is_code(text: str) -> bool:
    """Whether a text is SQL, markup, a stylesheet, a path that is drawn, or what Python can read: code, never a sentence."""
    if re.match(r"\s*(SELECT|INSERT|CREATE|UPDATE|DELETE|PRAGMA|WITH|<)|[A-Za-z](?: [A-Za-z])+$", text):
        return True
    if re.search(r"\{[^{}]+:[^{}]+;[^{}]*\}", text):
        return True
    try:
        ast.parse(text.strip())
    except SyntaxError:
        return False
    return True


def test_no_new_sentence_is_left_in_code():
    counts = Counter(path.relative_to(PACKAGE).parts[0] for path in MODULES for _ in sentences_in_code(path))
    assert counts == LEFT_IN_CODE, "say it by the catalogue: templates/messages"


TWO_WORDS = re.compile(r"[A-Za-z]{2,}[,;:.!?]? [a-z]{2,}")


class Texts(HTMLParser):
    """Collects what a person reads or hears of a page: its text, and attributes that are spoken."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = {"aria-label", "aria-valuetext", "aria-description", "alt", "title", "placeholder", "value"}
        self.texts += [value for name, value in attrs if name in spoken and value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def sentences_in_template(source: str) -> list[str]:
    """Return what a template writes in two words or more that is not from the catalogue."""
    code = re.findall(r"\{[{%].*?[%}]\}", source, re.DOTALL)
    texts = Texts()
    texts.feed(re.sub(r"\{([{%#]).*?[}%#]\}", " ", source, flags=re.DOTALL))
    quoted = [text for piece in code for _, text in re.findall(r"([\"'])(.*?)\1", piece)]
    commands = re.compile(r"grader [a-z]+ ")  # what is typed into a terminal
    return [text.strip() for text in (*texts.texts, *quoted) if TWO_WORDS.search(text) and not commands.match(text)]


def sentences_in_script(source: str) -> list[str]:
    """Return the string literals of a script with two words or more that are not code."""
    texts = [text for text in strings(source) if TWO_WORDS.search(text) and text != "use strict"]
    return [text for text in texts if not re.search(r"[=;(){}]", text)]


COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
QUOTED = re.compile(r"""(["'])((?:\\.|(?!\1).)*)\1""")
REGULAR = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+/")


def strings(source: str) -> list[str]:
    """Return the string literals of a script, also those inside a template; of a template its text."""
    texts: list[str] = []
    _read_code(source, 0, texts)
    return texts


def _read_code(source: str, at: int, texts: list[str]) -> int:
    """Collect the literals of code up to a brace that closes more than is open; return where that is."""
    depth, before = 0, "("
    while at < len(source) and depth >= 0:
        letter = source[at]
        if match := COMMENT.match(source, at):
            at = match.end()
        elif match := QUOTED.match(source, at):
            texts.append(match[2])
            at = match.end()
        elif letter == "`":
            at = _read_template(source, at + 1, texts)
        elif letter == "/" and before in "(,=:[!&|?" and (match := REGULAR.match(source, at)):
            at = match.end()
        else:
            depth += (letter == "{") - (letter == "}")
            at += 1
        before = before if letter.isspace() else letter
    return at


def _read_template(source: str, at: int, texts: list[str]) -> int:
    text = ""
    while source[at] != "`":
        if source.startswith("${", at):
            at = _read_code(source, at + 2, texts)
            text += "…"
        else:
            text += source[at]
            at += 1 + (source[at] == "\\")
    texts.append(text)
    return at + 1


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_sentence_is_left_in_a_template(path: Path) -> None:
    assert sentences_in_template(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_sentence_is_left_in_a_script(path: Path) -> None:
    assert sentences_in_script(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('<p class="two words">{{ say("a.b") }} {# no text #}</p>', []),
        ("<p>Two words</p>", ["Two words"]),
        ('<img alt="a red square" src="x">', ["a red square"]),
        (
            '{% call fold("Which line?" if line else "Which code was graded?") %}',
            ["Which line?", "Which code was graded?"],
        ),
    ],
)
def test_a_sentence_in_a_template_is_seen(source: str, texts: list[str]) -> None:
    assert sentences_in_template(source) == texts


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('"use strict"; // some words\n/* more words */ say("lab.run", {a: "b"})', []),
        ('const parts = text.match(/"([^"]*)"|two words/g), x = "one two";', ["one two"]),
        (
            "report(`Done, ${count(n)} iterations of ${a ? `all of them` : 'so many'}`);",
            ["iterations of", "all of them", "so many"],
        ),
        ("lines.push(`const w${name} = W[${at}];`);", []),
    ],
)
def test_a_sentence_in_a_script_is_seen(source: str, texts: list[str]) -> None:
    seen = sentences_in_script(source)
    assert len(seen) == len(texts)
    assert all(any(text in part for part in seen) for text in texts)


# --- what the catalogue does ---------------------------------------------------------------------------------------


def own(folder: Path, text: str, room: str = "list") -> Path:
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    (folder / f"{room}.po").write_text(header + text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.po")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_shipped_file_is_read_as_babel_reads_it(path):
    quick, babel = messages.read_shipped(path), messages.read_own(path)
    assert {name: sentence.forms for name, sentence in quick.items()} == {
        name: sentence.forms for name, sentence in babel.items()
    }
    for sentence, other in zip(quick.values(), babel.values(), strict=True):
        assert [sentence.form_of(count) for count in range(3)] == [other.form_of(count) for count in range(3)]


def test_a_shipped_sentence_may_have_escapes_plurals_and_several_lines(tmp_path):
    text = 'msgid "list.and"\nmsgstr ""\n"a \\"b\\"\\n"\n"\\\\c"\n\nmsgid "list.or"\nmsgid_plural "list.or"\nmsgstr[0] "d"\nmsgstr[1] "e"\n'
    sentences = messages.read_shipped(own(tmp_path, text) / "list.po")
    assert sentences["list.and"].forms == ('a "b"\n\\c',)
    assert sentences["list.or"].forms == ("d", "e")


def test_a_teachers_sentence_without_plurals_takes_the_place_of_one_with_them(tmp_path):
    catalogue = Catalogue(own=own(tmp_path, 'msgid "list.more"\nmsgstr "{first}, {count} others"\n'))
    assert catalogue.text("list.more", 2) == "{first}, {count} others"


def test_items_are_listed_as_a_sentence_names_them():
    assert [listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", 3])] == ["", "a", "a and b", "a, b and 3"]
    assert listed(["a", "b"], "or") == "a or b"


def test_a_tuple_is_written_as_a_list():
    assert say("messages.no_language.hint", languages=("en", "es")) == "choose en or es"


def test_a_teachers_sentence_takes_the_place_of_the_shipped_one_and_the_others_stay(tmp_path):
    catalogue = Catalogue(own=own(tmp_path, 'msgid "list.and"\nmsgstr "{first} as well as {last}"\n'))
    assert catalogue.text("list.and") == "{first} as well as {last}"
    assert catalogue.text("list.or") == "{first} or {last}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('msgid "list.nor"\nmsgstr "x"\n', "no message has the id 'list.nor'"),
        ('msgid "list.and"\nmsgstr "{frist}"\n', "has no value {frist}"),
        ('msgid "list.and"\nmsgstr "{first.__class__}"\n', "a placeholder must be a plain name"),
        ('msgid "list.and"\nmsgstr "{first"\n', "a placeholder must be a plain name"),
        ("msgid list\n", "cannot be read as a .po file"),
    ],
)
def test_a_teachers_file_that_cannot_be_used_is_refused_with_its_line(tmp_path, text, problem):
    with pytest.raises(RequestError, match=re.escape(problem)) as error:
        Catalogue(own=own(tmp_path, text))
    assert "list.po" in str(error.value)


@pytest.mark.parametrize(
    ("system", "served"),
    [
        ("es_MX.UTF-8", "es"),
        ("zh-SG", "zh_CN"),
        ("zh", "zh_CN"),
        ("zh_TW", None),
        ("en_GB", "en"),
        ("de_DE", None),
        ("C", "en"),
        ("", None),
    ],
)
def test_readers_of_a_language_get_the_nearest_one_with_sentences(system, served):
    assert messages.nearest(system) == served


@pytest.fixture
def english(monkeypatch):
    """Let a test choose a language, and go back to English after it."""
    for variable in (messages.LANGUAGE, messages.SYSTEM_LANGUAGE, "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    yield monkeypatch
    messages.use()


def exercise_with(folder: Path, words: str) -> Path:
    """Copy the shipped exercise, with these lines under [words]."""
    shutil.copytree(load().folder, folder)
    table = folder / "exercise.toml"
    table.write_text(table.read_text(encoding="utf-8") + f"\n[words]\n{words}\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("words", "language", "draft"),
    [
        ("", "zh-CN", True),
        ('language = "es"', "es", True),
        ('language = "es"\nreviewed_by = "Prof. Vega"', "es", False),
        ('language = "en"', "en", False),
    ],
)
def test_an_exercise_overrules_the_system_and_a_teachers_name_ends_the_draft(tmp_path, english, words, language, draft):
    english.setenv("LANG", "zh_CN.UTF-8")
    english.setenv(messages.SYSTEM_LANGUAGE, "")  # what is set is taken back after the test
    messages.use_system_language()
    exercise = load(str(exercise_with(tmp_path / "mine", words)))
    assert (messages.language_in_use(), messages.is_draft()) == (language, draft)
    assert exercise.language == language.replace("-", "_")


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "es_ES.UTF-8", "LC_CTYPE": "C.UTF-8"}, "es"),
        ({"LANG": "es_ES.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de:zh_CN:es"}, "zh-CN"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_of_the_system_is_what_gettext_reads(english, variables, language):
    english.setenv(messages.SYSTEM_LANGUAGE, "")  # what is set is taken back after the test
    for name, value in variables.items():
        english.setenv(name, value)
    messages.use_system_language()
    assert messages.language_in_use() == language


def test_evidence_in_another_language_is_other_evidence(tmp_path, english):
    spanish = load(str(exercise_with(tmp_path / "mine", 'language = "es"')))
    assert spanish.evidence_sha256 != load().evidence_sha256


@pytest.mark.parametrize("words", [["--lang", "es", "--help"], ["check", "--help", "--lang=es"]])
def test_help_is_in_the_language_that_the_command_line_names(words):
    run = subprocess.run([sys.executable, "-m", "grader", *words], capture_output=True, text=True, check=True)
    english = subprocess.run(
        [sys.executable, "-m", "grader", *(word for word in words if "es" not in word.split("=") and word != "--lang")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout != english.stdout


def test_a_language_that_is_not_there_names_those_that_are():
    with pytest.raises(RequestError, match=r"choose .*en"):
        Catalogue("xx")


def test_a_language_and_a_teachers_folder_are_part_of_the_identity(tmp_path):
    own(tmp_path, 'msgid "list.and"\nmsgstr "{first} & {last}"\n')
    wordings = [messages.Wording(), messages.Wording("es"), messages.Wording(own=tmp_path)]
    assert wordings[0].identity() == b""
    assert len({wording.identity() for wording in wordings}) == 3


def test_a_folder_in_the_environment_is_used_when_an_exercise_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv(messages.FOLDER, str(own(tmp_path, 'msgid "cli.batch.page"\nmsgstr "Look at {index}"\n', "cli")))
    try:
        load()
        assert say("cli.batch.page", index="x") == "Look at x"
    finally:
        monkeypatch.delenv(messages.FOLDER)
        load()
    assert say("cli.batch.page", index="x") != "Look at x"
