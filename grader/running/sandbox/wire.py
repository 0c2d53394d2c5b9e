"""The one decoder: bytes from a process that a student may own -> plain records, or `BadFrame`.

A total function: every count and every size is checked against what was received before it is used.  Nothing is
unpickled, evaluated or looked up.  A forger can only choose the bytes, and wrong arrays are just a wrong answer.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, field, replace

import numpy as np

from grader.messages import say
from grader.records import Array

RETURNED, RAISED, REFUSED = 0, 1, 2
MAX_ITEMS, MAX_DIMENSIONS, MAX_NUMBERS = 64, 8, 1 << 20
MAX_NAME, MAX_TYPE, MAX_DTYPE, MAX_MESSAGE = 80, 60, 20, 500  # characters, each of four bytes at most in UTF-8
MAX_FRAMES = 256  # more than there are calls; what comes after them is not read
_LENGTH, _HEAD, _PLACE, _COUNT, _DIMENSIONS = map(struct.Struct, ("<I", "<BH", "<ii", "<H", "<B"))
_UTF8_BYTES = 4
_NUMBERS = np.dtype("<f8")
_DTYPE = re.compile(r"bool|(?:u?int|float)\d{1,3}|u?(?:intc|longlong)|longdouble")
_SHAPES = [struct.Struct(f"<{dimensions}Q") for dimensions in range(MAX_DIMENSIONS + 1)]


class BadFrame(ValueError):
    """The bytes are not a frame."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A call returned a dictionary of numbers."""

    index: int
    arrays: dict[str, Array]


@dataclass(frozen=True, slots=True)
class Raised:
    """A call raised; `unit` and `line` say where in what was sent (-1 and 0 if nowhere in it)."""

    index: int
    kind: str
    message: str
    unit: int
    line: int


@dataclass(frozen=True, slots=True)
class RefusedReply:
    """A call returned something that is not a dictionary of bounded numbers; `arrays` are the entries that are numbers."""

    index: int
    message: str
    arrays: dict[str, Array] = field(default_factory=dict)


WireFrame = Returned | Raised | RefusedReply


def decode(data: bytes) -> list[WireFrame]:
    """Return the frames that are whole.

    Raises
    ------
    BadFrame
        If a frame is not what the worker writes.
    """
    return [_frame(_Reader(block)) for block in _blocks(data)]


def _blocks(data: bytes) -> list[bytes]:
    """Cut the stream into blocks by their lengths; a block that was cut off is left out."""
    blocks: list[bytes] = []
    at = 0
    while len(data) >= at + 4 and len(blocks) < MAX_FRAMES:
        (length,) = _LENGTH.unpack_from(data, at)
        begin, at = at + 4, at + 4 + length
        if len(data) < at:
            break
        blocks.append(data[begin:at])
    return blocks


class _Reader:
    """Takes values off the front of a block, never more than there is."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        """Return the next bytes, exactly as many as asked for."""
        taken = self.data[self.at : self.at + size]
        if len(taken) != size:
            raise BadFrame(say("running.frame.short"))
        self.at += size
        return taken

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        end = self.at + layout.size
        if end > len(self.data):
            raise BadFrame(say("running.frame.short"))
        values = layout.unpack_from(self.data, self.at)
        self.at = end
        return values

    def text(self, most: int) -> str:
        """Return a text of at most `most` characters, as the worker cuts it."""
        (size,) = self.unpack(_COUNT)
        if size > _UTF8_BYTES * most:
            raise BadFrame(say("running.frame.text"))
        return self.take(size).decode("utf-8", "replace")

    def array(self) -> Array:
        type_name, dtype = self.text(MAX_TYPE), self.text(MAX_DTYPE)
        if not _DTYPE.fullmatch(dtype):
            raise BadFrame(say("running.frame.type"))
        (dimensions,) = self.unpack(_DIMENSIONS)
        if dimensions > MAX_DIMENSIONS:
            raise BadFrame(say("running.frame.dimensions"))
        shape = self.unpack(_SHAPES[dimensions])
        count = math.prod(shape)
        multiplied = count or math.prod(
            side or 1 for side in shape
        )  # NumPy multiplies the sides of an empty array as well
        if multiplied > MAX_NUMBERS:
            raise BadFrame(say("running.frame.array"))
        return Array(shape, self.take(8 * count), dtype, type_name)

    def end(self) -> None:
        if self.at != len(self.data):
            raise BadFrame(say("running.frame.long"))


def _has_nans(data: bytes) -> bool:
    return bool(np.isnan(np.frombuffer(data, dtype=_NUMBERS)).any())


def _with_plain_nans(data: bytes) -> bytes:
    """Return numbers with the usual NaN for each NaN: of others, signalling ones, every sum is a warning or an error."""
    numbers = np.frombuffer(data, dtype=_NUMBERS)
    return np.where(np.isnan(numbers), np.nan, numbers).astype(_NUMBERS).tobytes()


def _frame(reader: _Reader) -> WireFrame:
    kind, index = reader.unpack(_HEAD)
    frame: WireFrame
    if kind == RETURNED:
        frame = Returned(index, _arrays(reader))
    elif kind == RAISED:
        unit, line = reader.unpack(_PLACE)
        frame = Raised(index, reader.text(MAX_TYPE), reader.text(MAX_MESSAGE), unit, line)
    elif kind == REFUSED:
        frame = RefusedReply(index, reader.text(MAX_MESSAGE), _arrays(reader))
    else:
        raise BadFrame(say("running.frame.kind"))
    reader.end()
    return frame


def _arrays(reader: _Reader) -> dict[str, Array]:
    (count,) = reader.unpack(_COUNT)
    if count > MAX_ITEMS:
        raise BadFrame(say("running.frame.entries"))
    arrays: dict[str, Array] = {}
    for _ in range(count):
        name = reader.text(MAX_NAME)
        arrays[name] = reader.array()
    if _has_nans(b"".join([array.data for array in arrays.values()])):  # one look at all of them: most have none
        arrays = {name: replace(array, data=_with_plain_nans(array.data)) for name, array in arrays.items()}
    return arrays
