"""Damaged JSON -> the cells in it.  After each damage the search goes on where the next cell begins."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from dataclasses import dataclass, field

_SEARCH_LIMIT = 20  # times its length is what the search in a damaged file may read: hostile text could cost hours
_DEEP = 10_000  # characters that an object nested too deeply costs, about

_CELLS = re.compile(r'"cells"\s*:\s*\[')  # never within a string: quotes are escaped there
_VALUE = re.compile(r"[^\s,]")
_OBJECT = re.compile(r'\{\s*"[^"\\\n]*"\s*:')
_PAIR = re.compile(r'[{,]\s*"([^"\\\n]*)"\s*:\s*')
_AFTER_LIST = re.compile(r"\s*(?=[,}]|\Z)")
_AFTER_VALUE = re.compile(r'\s*(?=\}|\Z|,\s*(?:\Z|"[^"\\\n]*(?:\Z|"\s*(?::|\Z))))')
_COLON = re.compile(r"\s*:")
# nbgrader keeps the type of a cell in its metadata as well; that match has no group
_TYPE = re.compile(r'"nbgrader"\s*:\s*\{\s*"cell_type"|(?<!\\)"cell_type"\s*:\s*"(\w*)"')
_VALUE_OF_KEY = re.compile(r":\s*\Z")
_SOURCE = re.compile(r'(?<!\\)"source"\s*:\s*(?=[\["])')
_DEFINITION = re.compile(r"(?:\\n|\b)def +(initialize_parameters_\w+) *\(")


@dataclass(slots=True)
class Salvaged:
    """What damaged JSON holds: its cells, with None for each that is lost, and whether their list is there to its end.

    `lost_functions` are definitions that a lost cell begins: the cell's number, counted from 1, and the name.
    """

    cells: list[object] = field(default_factory=list)
    ended: bool = False
    lost_functions: list[tuple[int, str]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether no cell is lost."""
        return self.ended and None not in self.cells


def salvage(text: str, decoder: json.JSONDecoder) -> Salvaged | None:
    """Return the cells of JSON that is cut off or damaged, None where nothing looks like a cell."""
    opening = _CELLS.search(text)
    if opening is None and _TYPE.search(text) is None:
        return None
    return _SalvageSearch(text, decoder).run(opening.end() if opening else 0)


class _SalvageSearch:
    """One pass over a damaged text."""

    def __init__(self, text: str, decoder: json.JSONDecoder) -> None:
        self._text, self._decoder = text, decoder
        self._left = _SEARCH_LIMIT * (len(text) + 1000)
        self._last_type = max((match.start() for match in _TYPE.finditer(text)), default=-1)
        self._salvaged = Salvaged()

    def run(self, position: int) -> Salvaged:
        """Return what can be read from a position on."""
        cells = self._salvaged.cells
        while value := _VALUE.search(self._text, position):
            begin = value.start()
            if value[0] == "]":
                self._salvaged.ended = begin > self._last_type
                if self._salvaged.ended:
                    break
                position = begin + 1
                continue
            cell, end = self._decoded(begin)
            whole = end > 0 and not (isinstance(cell, str) and _COLON.match(self._text, end))
            if whole:
                cells.append(cell)
                position = end
            else:
                position = self._damaged(begin)
        return self._salvaged

    def _decoded(self, begin: int) -> tuple[object, int]:
        """Return the value at a position and where it ends; if it is damaged, -1 or minus the place of the damage."""
        if self._left < 0:
            return None, -1
        try:
            value, end = self._decoder.raw_decode(self._text, begin)
        except json.JSONDecodeError as error:
            self._left -= 100 + error.pos - begin + error.pos // 8  # an error counts the lines before it
            return None, -max(error.pos, 1)
        except RecursionError:
            self._left -= _DEEP
            return None, -1
        self._left -= end - begin
        return value, end

    def _damaged(self, begin: int) -> int:
        """Take what a damaged cell still holds, and return where the next cell begins."""
        pairs, damage = self._pairs(begin)
        end = self._next_cell(max(damage, begin + 1))
        self._left -= end - begin  # the searches below read all of it
        types = [match for match in _TYPE.finditer(self._text, begin, end) if match[1] is not None]
        sources = list(_SOURCE.finditer(self._text, begin, end))
        count = max(1, len(types), len(sources))
        kind = pairs.get("cell_type") or (types[0][1] if types else None)
        source = pairs["source"] if "source" in pairs else self._later_source(damage, end)
        if isinstance(kind, str) and count == 1 and _is_source(source):
            self._salvaged.cells.append({"cell_type": kind, "source": source})
            return end
        number = len(self._salvaged.cells) + 1
        starts = [match.start() for match in sources]
        for definition in _DEFINITION.finditer(self._text, begin, end):
            before = bisect_left(starts, definition.start())
            self._salvaged.lost_functions.append((number + max(before - 1, 0), definition[1]))
        if end < len(self._text) and '"' in self._text[begin:end]:
            self._salvaged.cells += [None] * count
        return end

    def _pairs(self, begin: int) -> tuple[dict[str, object], int]:
        """Return the members of an object before its damage, and the place of the damage."""
        pairs: dict[str, object] = {}
        position = begin
        while pair := _PAIR.match(self._text, position):
            value, end = self._decoded(pair.end())
            if end < 0:
                return pairs, max(-end, pair.end())
            following = self._after(value, end)
            if following is None:
                return pairs, end
            pairs[pair[1]] = value
            position = following.end()
        return pairs, position

    def _next_cell(self, position: int) -> int:
        """Return where the next cell begins, whole or damaged itself; the end of the text where there is none."""
        while self._left > 0 and position <= self._last_type and (opening := _OBJECT.search(self._text, position)):
            self._left -= 1
            before = self._text[max(0, opening.start() - 200) : opening.start()]
            if _VALUE_OF_KEY.search(before):  # a cell is in a list
                position = opening.start() + 1
                continue
            value, end = self._decoded(opening.start())
            if isinstance(value, dict) and "cell_type" in value:
                return opening.start()
            if end < 0 and "cell_type" in self._pairs(opening.start())[0]:
                return opening.start()
            position = end if end > 0 else opening.start() + 1
        return len(self._text)

    def _later_source(self, begin: int, end: int) -> object:
        """Return the source that is behind the damage of a cell."""
        openings = list(_SOURCE.finditer(self._text, begin, end))
        value, after = self._decoded(openings[-1].end()) if openings else (None, -1)
        return value if 0 < after <= end and self._after(value, after) else None

    def _after(self, value: object, end: int) -> re.Match[str] | None:
        """Match what may follow a member's value, None where a stray quote ends a text too early."""
        return (_AFTER_LIST if isinstance(value, list) else _AFTER_VALUE).match(self._text, end)


def _is_source(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))
