"""The annotated notebook: the student's own cells, untouched, with notes of ours between them that can be taken out again.

A stranger's file never raises here: one that is not a plain notebook gives a notebook that holds the notes alone.  In the
notes every word that markdown, HTML, a linkifier or MathJax could obey is in a code span, whoever wrote it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

from grader import messages
from grader.explaining.summary import without_answers
from grader.faults import attempt, surviving
from grader.messages import say
from grader.records import Cause, CheckResult, FunctionResult, Result
from grader.records.wording import accuracies
from grader.rendering import text, words
from grader.rendering.image import ImagePicture, picture_images
from grader.rendering.lablink import lab_links

TAG = "grader-note"
MOST_COLUMNS = 400  # of a message, which may quote an exception's endless text
MOST_CODE = 2_000  # characters of one quoted line
_PARTS = 5_000  # cells and outputs of a notebook that is annotated: nbformat takes half a millisecond for each
_BRACKETS = 1_000_000  # of the file, also those that are in texts
# JSON lists and objects: an empty one takes 3 bytes of the file, but 64 of memory, and time
_CONTAINERS = 200_000
_VALUES = 1_000_000  # and the numbers and texts in these
_LINE_BYTES = 5  # that a value takes apart from itself and its indentation: quotes, a comma, the end of the line
_GROWTH_BYTES = (
    1 << 20
)  # by which the file may grow when it is written with a line for each value, in addition to a quarter
_PIECE = (
    10_000  # characters of one source or output on a page: the worst of that size take nbconvert 0.8 s, quadratically
)
_PAGE = 60_000  # and of all together, more than twice the largest seen: so a page is made in some 5 s, whatever the cells hold
_EACH = 100  # and what a cell or an output takes of these at least, also an empty one
_PICTURES = 20 * 2**20  # of all pictures together

NotebookNode = dict[str, Any]


def prepare() -> None:
    """Load the library that notebooks are written with, which takes a while and much memory."""
    import nbformat.validator  # noqa: F401


def notebook(data: bytes | None, result: Result) -> str:
    """Return the annotated notebook (format 4.5) as text; `data` is the file that was graded, None if it has no cells."""
    return _written(_annotated(data, result))


def page(data: bytes | None, result: Result) -> str:
    """Return the annotated notebook as an HTML page without scripts that asks for nothing."""
    try:
        body = render_notebook(_annotated(data, result))
    except Exception:  # a stranger's cells may break a library in any way; ours do not
        body = render_notebook(_annotated(None, result))
    return document_page(f"{text.of(result.score, result.possible)}: {text.clean(result.submission.name)}", body)


def removed(data: bytes) -> str:
    """Return an annotated notebook (format 4.5) without our notes, as text.

    Raises
    ------
    ValueError
        If it is not a notebook that was annotated, so that there is nothing to take out.
    """
    try:
        document: NotebookNode = json.loads(data.decode("utf-8-sig"))
        plain = without_notes(document)
        written = _written(plain)
    except Exception as error:  # a stranger's file may be anything
        raise ValueError(say("annotated.not_notebook")) from error
    if len(plain["cells"]) == len(document["cells"]):
        raise ValueError(say("annotated.no_note"))
    if not plain["cells"]:
        raise ValueError(say("annotated.notes_only"))
    return written


def without_notes(document: Mapping[str, Any]) -> NotebookNode:
    """Return a notebook without our notes; code is never taken out, whatever its metadata says."""
    return {**document, "cells": [cell for cell in document["cells"] if not _is_note(cell)]}


def _is_note(cell: Mapping[str, Any]) -> bool:
    mark = cell["metadata"].get("grader")
    return cell["cell_type"] == "markdown" and isinstance(mark, dict) and mark.get("note") is True


# --- the student's file --------------------------------------------------------------------------------------------


def _annotated(data: bytes | None, result: Result) -> NotebookNode:
    """Return the student's notebook with notes, or the notes alone."""
    if data is None:
        return _notes_alone(result)
    for read, remark in ((_read, say("annotated.unchanged")), (_conformed, say("annotated.conformed"))):
        try:
            document = _with_notes(read(data), result, remark)
            _written(document)  # half a surrogate pair, inf: what no file can hold
        except Exception:  # noqa: S112  # a stranger's file may break a library in any way, also by RecursionError
            continue
        return document
    return _notes_alone(result)


def _read(data: bytes) -> NotebookNode:
    """Return a file as a valid notebook of format 4.5.

    Raises
    ------
    Exception
        Of whatever kind, if it is none and cannot be made one.
    """
    import nbformat

    document = _loaded(data)
    if document["nbformat"] < 4:
        if data.count(b'"cell_type"') + data.count(b'"output_type"') > _PARTS:
            raise ValueError("cell count")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            upgraded = nbformat.convert(nbformat.from_dict(document), 4)  # type: ignore[no-untyped-call]
        document = json.loads(json.dumps(upgraded))
        for cell in document["cells"]:
            cell.pop("id", None)  # drawn by chance
    document["nbformat"], document["nbformat_minor"] = 4, max(5, document.get("nbformat_minor", 5))
    document.setdefault("metadata", {})
    if not 0 < sum(1 + len(cell.get("outputs", ())) for cell in document["cells"]) <= _PARTS:
        raise ValueError("cell count")
    for cell in document["cells"]:
        cell.setdefault("metadata", {})
        if cell["cell_type"] == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)
    return document


def has_too_many_parts(data: bytes) -> bool:
    """Return whether a file has so many parts that notes are not put between its cells."""
    return data.count(b"[") + data.count(b"{") > _BRACKETS or data.count(b",") > _VALUES


def _loaded(data: bytes) -> NotebookNode:
    """Return a file's JSON.

    Raises
    ------
    ValueError
        If it is not JSON, or has so many parts, or so deep ones, that it would take long to write or come out far larger.
    """
    if has_too_many_parts(data):
        raise ValueError("too large")
    document: NotebookNode = json.loads(data.decode("utf-8-sig"))
    waiting: list[tuple[object, int]] = [(document, 1)]
    containers, left = _CONTAINERS, _GROWTH_BYTES + len(data) + len(data) // 4
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            containers -= 1
            waiting += [(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value)]
        left -= depth + _LINE_BYTES
        if isinstance(value, str):
            left -= len(value) + (depth + _LINE_BYTES) * value.count("\n")  # a source is written as a list of its lines
        elif isinstance(value, int | float):
            left -= len(repr(value))
        elif isinstance(value, dict):
            left -= sum(map(len, value))
        if containers < 0 or left < 0:
            raise ValueError("too large")
    return document


def _conformed(data: bytes) -> NotebookNode:
    """Return a file as a valid notebook of format 4.5 with every cell it has, whatever else the format does not allow.

    Raises
    ------
    Exception
        Of whatever kind, if it is not a notebook, or one of too many cells.
    """
    import nbformat

    given = _storable(_loaded(data))
    if not 0 < sum(1 + _outputs(cell) for cell in given["cells"]) <= _PARTS:
        raise ValueError("cell count")
    cells = [_conformed_cell(cell) for cell in given["cells"]]
    metadata = given.get("metadata")
    document = {"cells": cells, "metadata": _conformed_metadata(metadata), "nbformat": 4, "nbformat_minor": 5}
    _valid(document, check=False)
    _, normal = nbformat.validator.normalize(
        nbformat.from_dict(document),  # type: ignore[no-untyped-call]
        strip_invalid_metadata=True,
    )
    conformed: NotebookNode = json.loads(json.dumps(normal))
    return conformed


def _storable(value: Any) -> Any:  # JSON of a stranger
    """Return a JSON value without what a notebook file cannot hold: NaN, inf and halves of surrogate pairs."""
    if isinstance(value, str):
        return value if value.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return {_storable(key): _storable(item) for key, item in value.items()} if isinstance(value, dict) else value


def _outputs(cell: object) -> int:
    outputs = cell.get("outputs") if isinstance(cell, dict) else None
    return len(outputs) if isinstance(outputs, list) else 0


def _conformed_cell(cell: object) -> NotebookNode:
    """Return a cell as the format wants it; one of an unknown type is shown as raw text, and its type is kept beside it."""
    if not isinstance(cell, dict):
        return {"cell_type": "raw", "metadata": {}, "source": json.dumps(cell)}
    kind, metadata, source = (cell.get(key) for key in ("cell_type", "metadata", "source"))
    lines = source if isinstance(source, list) else [source]
    conformed: NotebookNode = {
        "cell_type": kind if kind in {"code", "markdown", "raw"} else "raw",
        "metadata": metadata if isinstance(metadata, dict) else {},
        "source": "".join(line for line in lines if isinstance(line, str)),
        "id": cell.get("id"),
    }
    if kind != conformed["cell_type"]:
        conformed["metadata"] = {**conformed["metadata"], "grader": {"cell_type": kind}}
    if kind == "code":
        count, outputs = cell.get("execution_count"), cell.get("outputs")
        conformed["execution_count"] = count if type(count) is int and count >= 0 else None
        conformed["outputs"] = (
            [output for output in outputs if _is_valid(output, "output")] if isinstance(outputs, list) else []
        )
    elif _are_attachments(cell.get("attachments")):
        conformed["attachments"] = cell["attachments"]
    return conformed


def _are_attachments(value: object) -> bool:
    """Whether a cell's pictures are given as the format wants them: by name, then by kind, as text."""
    bundles = list(value.values()) if isinstance(value, dict) else [None]
    data = [item for bundle in bundles if isinstance(bundle, dict) for item in bundle.values()]
    return all(isinstance(bundle, dict) for bundle in bundles) and all(isinstance(item, str) for item in data)


def _is_valid(value: object, ref: str) -> bool:
    from nbformat.validator import isvalid

    return isinstance(value, dict) and isvalid(value, ref=ref, version=4, version_minor=5)  # type: ignore[no-untyped-call]


def _conformed_metadata(metadata: object) -> NotebookNode:
    """Return a notebook's metadata with the names that the format wants of a kernel and a language."""
    conformed = dict(metadata) if isinstance(metadata, dict) else {}
    for key, names in (("kernelspec", ("name", "display_name")), ("language_info", ("name",))):
        if key in conformed:
            given = conformed[key] if isinstance(conformed[key], dict) else {}
            texts = [given[name] for name in names if isinstance(given.get(name), str)]
            if len(texts) < len(names):
                given = {**given, **dict.fromkeys(names, texts[0] if texts else "python")}
            conformed[key] = given
    return conformed


def _with_notes(document: NotebookNode, result: Result, remark: str) -> NotebookNode:
    """Put the summary first and each function's note below its cell; the notes of an earlier time go."""
    homes = {name: _home(name, function, document["cells"]) for name, function in result.functions.items()}
    below: dict[int, list[NotebookNode]] = {}
    for name, index in homes.items():
        if index is not None:
            below.setdefault(index, []).append(_note(name, function_note(name, result.functions[name])))
    tagged = say("annotated.tagged", tag=TAG)
    cells = [_first_note(result, [name for name, index in homes.items() if index is None], f"{tagged} {remark}")]
    for index, cell in enumerate(document["cells"]):
        cells += [] if _is_note(cell) else [cell]
        cells += below.get(index, [])
    return _valid({**document, "cells": cells})


def _home(name: str, function: FunctionResult, cells: Sequence[NotebookNode]) -> int | None:
    """Return the index of the cell that holds the definition that was graded, None if it is not where it should be."""
    number = function.source.cell if function.source else None
    if number is None or not 0 < number <= len(cells):
        return None
    holds = name in "".join(cells[number - 1]["source"])
    return number - 1 if holds else None


def _notes_alone(result: Result) -> NotebookNode:
    """Return a notebook of notes: the summary, and each function of which there is more to say."""
    graded = result.notebook.status in {"ok", "repaired"}
    defined = [name for name, function in result.functions.items() if graded and function.source]
    missing = [name for name in result.functions if graded and name not in defined]
    notes = (_note(name, function_note(name, result.functions[name])) for name in defined)
    cells = [_first_note(result, missing, say("annotated.alone")), *notes]
    return _valid({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def _valid(document: NotebookNode, *, check: bool = True) -> NotebookNode:
    """Give each cell an id of its own, the same every time, and let nbformat look at the whole."""
    import nbformat

    used: set[str] = set()
    for number, cell in enumerate(document["cells"], 1):
        own = cell.get("id")
        if not isinstance(own, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", own) or own in used:
            own = next(name for suffix in range(len(used) + 1) if (name := f"cell-{number}-{suffix}") not in used)
        cell["id"] = own
        used.add(own)
    if check:
        nbformat.validate(nbformat.from_dict(document))  # type: ignore[no-untyped-call]
    return document


def _written(document: NotebookNode) -> str:
    """Return a notebook as nbformat writes it.

    Raises
    ------
    ValueError
        If UTF-8 or JSON cannot hold it.
    """
    import nbformat

    node = nbformat.from_dict(document)  # type: ignore[no-untyped-call]
    written: str = nbformat.writes(node, nbformat.NO_CONVERT, allow_nan=False)  # type: ignore[no-untyped-call]
    written.encode()
    return written + "\n"


def _note(name: str, source: str) -> NotebookNode:
    own = re.sub("[^a-zA-Z0-9_-]", "-", f"feedback-{name}")[:64]
    metadata = {"grader": {"note": True}, "tags": [TAG]}
    return {"cell_type": "markdown", "id": own, "metadata": metadata, "source": source}


# --- the notes -----------------------------------------------------------------------------------------------------


def _first_note(result: Result, missing: Sequence[str], remark: str) -> NotebookNode:
    """Return the note at the top in the order of the page: next step and why, picture, details."""
    picture = picture_images(result)
    shown = [] if picture is None else _picture(picture)
    return _note("summary", _joined([*_summary(result), *shown, *_details(result, missing), remark]))


def _summary(result: Result) -> list[str]:
    parts = [
        f"# {say('annotated.title', points=text.of(result.score, result.possible))}",
        prose(f"{result.title}: {result.submission.name}"),
        f"**{prose(text.headline(result))}**",
        _named(say("annotated.next"), result.summary.next_step),
        _paragraph(result.summary.text),
        *(f"{link.words}: <{link.address}>" for link in lab_links(result)),
    ]
    if result.provisional:
        parts.append(f"**{say('annotated.provisional')}** {say('annotated.provisional.why')}")
    return parts


def _picture(picture: ImagePicture) -> list[str]:
    """Return a picture and its caption; as HTML, since JupyterLab shows no SVG that is attached to a cell."""
    images = [f'<img src="{image.address}" alt="{escape(image.alternative)}">' for image in picture.images]
    return [*images, prose(picture.caption)]


def _details(result: Result, missing: Sequence[str]) -> list[str]:
    """Return the state of each function; of those without a cell all is said here."""
    parts = []
    if result.notebook.status != "ok":
        parts.append(_named(say("annotated.notebook"), words.notebook(result.notebook.status)))
    parts += [f"- {prose(problem.message)}" for problem in result.notebook.problems]
    rows = (
        f"- {_span(name)}: {text.of(function.points, function.possible)}, "
        + attempt("a status", partial(words.status, function), lambda _: "")
        for name, function in result.functions.items()
    )
    parts.append("\n".join(rows))
    parts += [function_note(name, result.functions[name]) for name in missing]
    return parts


def function_note(name: str, function: FunctionResult) -> str:
    """Return the markdown of one function's note."""
    points = text.of(function.points, function.possible)
    return _joined(
        [
            f"## {say('annotated.title.function', name=name, points=points)}",
            say("annotated.right") if function.passed else "",
            *surviving(f"the note on {name}", _sections(without_answers(function))),
        ]
    )


def _sections(function: FunctionResult) -> Iterator[str]:
    yield from _verdicts(function)
    for cause in function.told:
        yield from _cause(cause)
    yield from _proved(function)
    yield _measured(function)
    yield from _story(function)
    yield from _stale(function)


def _story(function: FunctionResult) -> Iterator[str]:
    """Yield what the run did; what to change has been said."""
    for paragraph in function.explanation:
        if any(cause.action and cause.action in paragraph for cause in function.told):
            continue
        begins, goes_on = words.lead(paragraph)
        yield f"**{prose(begins)}** {_paragraph(goes_on)}" if begins else _paragraph(paragraph)


def _verdicts(function: FunctionResult) -> Iterator[str]:
    """Yield what did not pass; of a function that was not graded the one thing that is in the way."""
    if function.status != "graded":
        advice = words.advice(function)
        yield _paragraph(advice.message or words.sentence(words.status(function)))
        yield _named(say("words.hint"), advice.hint)
        return
    yield _paragraph(function.message)
    yield _named(say("words.hint"), function.hint)
    for check in function.checks:
        if check.verdict != "passed":
            yield _check(check)


def _check(check: CheckResult) -> str:
    verdict = f"**{prose(check.title)}: {words.verdict(check.verdict)}** ({words.worth(check)})"
    note = words.verdict_note(check.verdict)
    hint = f"*{say('words.hint')}* {_message(check.hint)}" if check.hint else ""
    return f"- {verdict}. {text.sentences([_message(_ended(check.message)), note, hint])}"


def _ended(message: str) -> str:
    """Return a message as a sentence of its own; a name at its beginning stays as it is spelled."""
    first = message.split(" ", 1)[0]
    message = message[:1].upper() + message[1:] if first.isalpha() and first.islower() else message
    return message if message.endswith((".", "!", "?")) else f"{message}."


def _cause(cause: Cause) -> Iterator[str]:
    yield f"**{say('annotated.change', title=prose(cause.title))}** {prose(words.sentence(cause.action))}"
    yield _quoted(say("words.change.wrote"), cause.wrote)
    yield _quoted(say("words.change.asked"), cause.asked)
    yield _paragraph(cause.reason)


def _proved(function: FunctionResult) -> Iterator[str]:
    fault = function.known
    if fault is not None:
        yield _named(say("words.proved"), fault.message)
        if fault.old is not None:
            yield _quoted(say("words.proved.now"), words.line_now(fault))
            yield _quoted(say("words.proved.right"), words.line_right(fault))


def _measured(function: FunctionResult) -> str:
    own, right = function.training, function.reference_training
    if own is None:
        return ""
    runs = accuracies(own)
    if right is not None and not function.passed:
        runs = say("annotated.measured.right", accuracies=runs, right=accuracies(right))
    return f"**{say('annotated.measured' if own.test_accuracy is not None else 'annotated.measured.train')}** {runs}"


def _stale(function: FunctionResult) -> Iterator[str]:
    for sentence in function.stale:
        yield _named(say("annotated.stale"), sentence)
    if function.stale:
        yield say("annotated.stale.points")


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)


# --- text of others in markdown ------------------------------------------------------------------------------------

_ODD = re.compile(r"[`<&\[\]*_\\$~|{}^#@]|://|www\.", re.IGNORECASE)
_LEADING = re.compile(r"\d+[.)]|[-+=>][-+=>:]*")  # a list, a rule, a quotation, a heading's underline
_MARKED = re.compile(r"`([^`]+)`")  # what our own sentences mark as code
_STOP = re.compile(r"[.,;:]*\Z")


def prose(sentence: str) -> str:
    """Return a sentence of anybody's as one line of markdown; words that mean something to a renderer become code."""
    parts: list[str] = []
    code = ""
    for index, word in enumerate(text.one_line(sentence).split(" ")):
        odd = _ODD.search(word) or (index == 0 and _LEADING.fullmatch(word))
        if not odd and not _is_open(code):
            parts += [*_as_code(code), word]
            code = ""
            continue
        code = f"{code} {word}".lstrip()
        if word.endswith((".", ",", ";", ":")) and not _is_open(code):
            parts += _as_code(code)
            code = ""
    return " ".join([*parts, *_as_code(code)])


def _is_open(code: str) -> bool:
    """Whether a bracket is open, so that the next word belongs to it."""
    return sum(code.count(letter) for letter in "([{") > sum(code.count(letter) for letter in ")]}")


def _as_code(code: str) -> list[str]:
    """Return words in one code span, if there are any; the full stop of our own sentence stays outside."""
    stop = _STOP.search(code)
    end = stop.start() if stop else len(code)
    marked = _MARKED.fullmatch(code[:end])
    return [f"{_span(marked[1] if marked else code[:end])}{code[end:]}"] if code[:end] else [code] * bool(code)


def _span(code: str) -> str:
    """Return one line as a code span that nothing in it can end."""
    shown = " ".join(text.clean(code)[:MOST_CODE].split("\n")).replace("\\begin{", "\\begin {")  # no math begins here
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if "`" in shown or shown != shown.strip(" ") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _quoted(name: str, code: str | None) -> str:
    """Return a line of code under its name."""
    return f"{name} {_span(code.strip())}" if code and code.strip() else ""


def _message(message: str) -> str:
    """Return a message that may quote the student, cut where it is endless."""
    return prose(text.shorten(message, MOST_COLUMNS))


def _named(name: str, message: str | None) -> str:
    return f"**{name}** {_message(message)}" if message else ""


def _paragraph(paragraph: str) -> str:
    """Return a paragraph of ours, its lines kept apart."""
    return "  \n".join(prose(line) for line in paragraph.split("\n") if line.strip())


# --- the page ------------------------------------------------------------------------------------------------------

_TAGS = frozenset(
    "a abbr b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s small span strong "
    "sub sup table tbody td tfoot th thead tr u ul".split()
)
_STYLE = """
:root { color-scheme: light dark; --paper: #fdfdfb; --ink: #1d2126; --soft: #5a626b;
  --rule: #dcdcd6; --tint: #f4f3ee; --accent: #a33b12; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181b; --ink: #e8e6e1; --soft: #a5abb2; --rule: #35393e; --tint: #1f2226; --accent: #ff9e73; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1, h2, h3, h4 { line-height: 1.25; }
code, pre { font-family: ui-monospace, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em; }
pre { margin: 0; white-space: pre-wrap; }
img { max-width: 100%; height: auto; background: #fff; }
a { color: inherit; }
table { border-collapse: collapse; } th, td { border: 1px solid var(--rule); padding: .25rem .5rem; }
.cell { margin: 1rem 0; }
.prompt, .anchor-link { display: none; }
.input_area { background: var(--tint); padding: .75rem 1rem; }
.output_wrapper { padding: .5rem 1rem; border-left: 1px solid var(--rule); }
.celltag_grader-note { border-left: 4px solid var(--accent); padding: .25rem 1rem; background: var(--tint); }
.celltag_grader-note h1, .celltag_grader-note h2 { margin-top: .5rem; font-size: 1.25rem; }
.k, .kn, .kc, .ow { font-weight: 650; } .c1, .s1, .s2, .sd { color: var(--soft); }
"""


def render_notebook(document: NotebookNode) -> str:
    """Return a notebook's cells as HTML by nbconvert, sanitized; scripts, frames and remote pictures are no more there."""
    import nbformat
    from nbconvert import HTMLExporter

    log = logging.getLogger("grader.nbconvert")
    log.disabled = True  # it speaks of the student's outputs, to stderr
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same, and of the missing IPython
        node = nbformat.reads(_written(_bounded(document)), as_version=4)  # type: ignore[no-untyped-call]
        exporter = HTMLExporter(  # type: ignore[no-untyped-call]
            template_name="basic",
            sanitize_html=True,
            log=log,
            extra_template_basedirs=[],  # by default the current folder, whose templates could run code
        )
        exporter.register_filter("clean_html", _sanitized)  # type: ignore[no-untyped-call]
        body, _ = exporter.from_notebook_node(node)
    return str(body)


def _sanitized(html: object) -> str:
    """Let through what text consists of; nbconvert's own list knows neither paragraphs nor headings."""
    import bleach  # type: ignore[import-untyped]  # nbconvert's sanitizer, without types

    markup = html.decode() if isinstance(html, bytes) else str(html)
    cleaned: str = bleach.clean(
        markup, tags=_TAGS, attributes=_attribute, protocols={"http", "https", "mailto", "data"}, strip_comments=True
    )
    return cleaned


def _attribute(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and value.startswith("data:image/")
    if name == "href":
        return tag == "a" and value.startswith(("http:", "https:", "mailto:", "#"))
    return name in {"alt", "class"}


def _bounded(document: NotebookNode) -> NotebookNode:
    """Return a notebook without metadata of the student's and without what is too long to render."""
    room = _Room()
    cells = [shown for cell in document["cells"] if (shown := room.cell(cell))]
    return {**document, "cells": cells, "metadata": {}}


class _Room:
    """What one page has room for: whoever comes first is shown whole."""

    def __init__(self) -> None:
        self._left, self._pictures = _PAGE, _PICTURES

    def cell(self, cell: NotebookNode) -> NotebookNode | None:
        """Return a cell as far as there is room, None where there is none; a note of ours is shown always."""
        if _is_note(cell):
            return cell
        if not self._enter():
            return None
        shown = {**cell, "source": self._text(cell["source"]), "metadata": {}}
        if "outputs" in cell:
            shown["outputs"] = [self._output(output) for output in cell["outputs"] if self._enter()]
        return shown

    def _enter(self) -> bool:
        self._left -= _EACH
        return self._left > 0

    def _output(self, output: NotebookNode) -> NotebookNode:
        if output["output_type"] == "stream":
            return {**output, "text": self._text(output["text"])}
        if output["output_type"] == "error":
            traceback = self._text("\n".join(output["traceback"]))
            return {"output_type": "stream", "name": "stderr", "text": traceback}
        data = {kind: self._data(kind, value) for kind, value in output["data"].items()}
        return {**output, "data": {kind: value for kind, value in data.items() if value}, "metadata": {}}

    def _data(self, kind: str, value: object) -> str:
        if kind in {"text/html", "text/plain", "text/markdown"}:
            return self._text(value)
        if kind not in {"image/png", "image/jpeg"}:
            return ""
        picture = _whole(value)
        self._pictures -= len(picture)
        return picture if self._pictures > 0 else ""

    def _text(self, value: object) -> str:
        whole = _whole(value)
        piece = whole[: max(0, min(_PIECE, self._left))]
        self._left -= len(piece)
        return piece if piece == whole else f"{piece}\n\n{say('annotated.left_out')}\n"


def _whole(value: object) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def document_page(title: str, body: str) -> str:
    """Return a whole page around cells: its policy lets nothing run and nothing be asked for."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html>\n<html lang="{messages.language_in_use()}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
