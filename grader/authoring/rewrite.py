"""Changes single values in the text of exercise.toml and of the right answers; all else, comments too, stays as it is."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from grader.messages import refusal

_VALUE = r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|\[[^#\n\[\]]*\]|[^#\s"\'\[][^#\n]*?'  # of one line; """ begins several


def number(value: float) -> str:
    """Return a number as it is written in code: 10 and not 10.0."""
    return f"{int(value)}" if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def literal(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(literal, value))}]"
    return str(value)


def set_value(text: str, section: str, key: str, value: object) -> str:
    """Return TOML with another value for a key of one line; the comment behind it stays.

    Raises
    ------
    RequestError
        If the file does not have this key, or has its value on several lines.
    """
    lines, current = text.splitlines(keepends=True), ""
    for at, line in enumerate(lines):
        if header := re.match(r"\s*\[+([^\[\]]+)\]+", line):
            current = header[1].strip().replace('"', "")
        match = re.match(rf'(\s*"?{re.escape(key)}"?\s*=\s*)({_VALUE})(\s*(?:#.*)?\r?\n?)$', line)
        if current == section and match:
            lines[at] = f"{match[1]}{literal(value)}{match[3]}"
            return "".join(lines)
    raise refusal("authoring.toml.key", key=key, section=section)


def drop(text: str, section: str, key: str) -> str:
    """Return TOML without a key, whose value may be a text of several lines; the same where it has no such key."""
    lines, current, end = text.splitlines(keepends=True), "", ""
    kept = []
    for line in lines:
        if end:
            end = "" if end in line else end
            continue
        if header := re.match(r"\s*\[+([^\[\]]+)\]+", line):
            current = header[1].strip().replace('"', "")
        value = re.match(rf'\s*"?{re.escape(key)}"?\s*=\s*(.*)', line) if current == section else None
        if value is None:
            kept.append(line)
        elif quotes := re.match(r'"""|\'\'\'', value[1]):
            end = "" if quotes[0] in value[1][3:] else quotes[0]
    return "".join(kept)


def add(text: str, section: str, key: str, value: object) -> str:
    """Return TOML with a new key at the beginning of a section, which is added at the end if it is not there."""
    line = f"{key} = {literal(value)}\n"
    header = re.compile(rf"^\[{re.escape(section)}\][^\n]*\n", re.MULTILINE)
    if header.search(text):
        return header.sub(lambda match: match[0] + line, text, count=1)
    return f"{text.rstrip()}\n\n[{section}]\n{line}"


def set_numbers(text: str, seeds: tuple[int, int], scales: tuple[float, float] | None) -> str:
    """Return the words that describe a task with another seed and scale: `np.random.seed(3)`, "seed 3" and `* 10`."""
    text = re.sub(rf"\b(seed[ (]){seeds[0]}\b", rf"\g<1>{seeds[1]}", text)
    if scales:
        before = re.escape(number(scales[0]))
        text = re.sub(rf"(randn\([^)]*\)\s*\*\s*){before}(?![\w.])", rf"\g<1>{number(scales[1])}", text)
    return text


def set_code(source: str, seed: int, scales: Mapping[float, float]) -> str:
    """Return code that sets another seed and multiplies its draws by other numbers."""
    tree, changes = ast.parse(source), list[tuple[ast.expr, str]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "seed":
            changes += [(argument, str(seed)) for argument in node.args[:1] if isinstance(argument, ast.Constant)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            changes += _factors(node, scales)
    lines = source.split("\n")
    for node, text in sorted(changes, key=lambda change: (change[0].lineno, change[0].col_offset), reverse=True):
        line = lines[node.lineno - 1].encode()
        end = node.end_col_offset or node.col_offset
        lines[node.lineno - 1] = (line[: node.col_offset] + text.encode() + line[end:]).decode()
    return "\n".join(lines)


def _factors(node: ast.BinOp, scales: Mapping[float, float]) -> Iterator[tuple[ast.expr, str]]:
    """Yield the plain numbers by which a draw is multiplied here."""
    for draw, factor in ((node.left, node.right), (node.right, node.left)):
        is_draw = isinstance(draw, ast.Call) and isinstance(draw.func, ast.Attribute) and draw.func.attr == "randn"
        value = factor.value if isinstance(factor, ast.Constant) else None
        if is_draw and isinstance(value, int | float) and value in scales:
            yield factor, number(scales[value])
