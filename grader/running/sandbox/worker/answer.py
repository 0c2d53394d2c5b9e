"""Runs the student's function and writes what it gave as frames of bounded raw floats.

The other side of `grader.running.sandbox.wire`, which decodes the frames and trusts none of them.
"""

import __future__

import builtins
import functools
import linecache
import sys
import warnings
from contextlib import nullcontext
from ctypes import memmove, string_at
from os import write
from struct import pack
from types import FrameType
from typing import Any

import notebook
import standins
from numpy import array as array_of
from numpy import ndarray
from numpy.random import RandomState, mtrand, seed

RETURNED, RAISED, REFUSED = 0, 1, 2
STEPS_MORE, STEPS_TIMES = 5000, 10  # a variant may run as many lines, and as many times those of the first variant
MAX_ITEMS, MAX_DIMENSIONS, MAX_NUMBERS = 64, 8, 1 << 20
FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
AWAIT, COROUTINE = (
    0x2000,
    0x80,
)  # `await` at the top level, as in a notebook: ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, CO_COROUTINE
UNIT = "<unit "  # how the name of a statement begins, in place of that of a file
UNREADABLE = "it cannot be read as numbers"
globals().update(vars(builtins))  # so that student code which replaces `len` or `np.random.seed` changes nothing here

# The generator behind `np.random.randn` and its memory: 624 words and a position.  To seed it runs Python code that a student
# may have replaced, so the states are taken before any student code runs, and each call begins with a copied one.
STATE_BYTES = 625 * 4
_generator, _restart = mtrand._rand._bit_generator, functools.partial(RandomState.__init__, mtrand._rand)
_address = _generator.ctypes.state_address
_states: dict[int, bytes] = {}


class Refused(Exception):
    """What came back is not a set of bounded float arrays; `parts` are the entries beside it that are."""

    parts: tuple[bytes, ...] = ()


class TooManySteps(BaseException):
    """A variant of a function ran far more lines than the function itself."""


class StepLimit:
    """Ends a variant that runs far more lines of the notebook than the first one, which is the function as it is.

    An edit may take out what ends a loop, such as ``l += 1``.  Lines are counted, not seconds, so that the answer does not
    depend on how busy the machine is.
    """

    def __init__(self) -> None:
        self.steps, self.longest, self.most = 0, 0, sys.maxsize

    def __enter__(self) -> None:
        self.steps = 0
        sys.settrace(self.enter_function)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        self.longest = max(self.longest, self.steps)

    def begin(self) -> None:
        """Limit what follows to what was counted so far, and a margin."""
        self.most = STEPS_MORE + STEPS_TIMES * self.longest

    def enter_function(self, frame: FrameType, _event: str, _argument: object) -> Any:
        """Count the lines of a function of the notebook, and none of NumPy's."""
        return self.count if frame.f_code.co_filename.startswith(UNIT) else None

    def count(self, _frame: FrameType, _event: str, _argument: object) -> Any:
        """Count a line."""
        self.steps += 1
        if self.steps > self.most:
            raise TooManySteps
        return self.count


_blank: dict[str, Any] = {}  # the main module as it is before any of the notebook's statements


def run(job: dict[str, Any], result: int) -> None:
    """Execute the statements, call the function as often as asked, and write a frame for each call.

    With `variants`, all calls are made of each of them in turn: a text of the statement number `varied`, or a number,
    which the text `schema` of that statement finds under the name `chosen`.  With `limits_steps` the first variant is the
    function as it is, and others may not run far more lines than that.
    """
    warnings.simplefilter("ignore")
    if not _blank:
        _blank.update(vars(sys.modules["__main__"]), __builtins__=builtins, **notebook.names())
    for ambient_seed in {call["ambient_seed"] for call in job["calls"]} - _states.keys():
        seed(ambient_seed)
        _states[ambient_seed] = string_at(_address, STATE_BYTES)
    units = [unit["source"] for unit in job["units"]]
    if "variants" not in job:
        space = vars(sys.modules["__main__"])
        space.update(_blank)
        call_all(job, units, space, result)
        return
    varied = job["varied"]
    chosen = [*units[:varied], job["schema"], *units[varied + 1 :]]
    limit = StepLimit() if job["limits_steps"] else None
    for number, variant in enumerate(job["variants"]):
        if limit and number == 1:
            limit.begin()
        if type(variant) is int:
            call_all(job, chosen, {**_blank, job["chosen"]: variant}, result, limit)
        else:
            units[varied] = variant
            call_all(job, units, {**_blank}, result, limit)


def call_all(
    job: dict[str, Any], units: list[Any], space: dict[str, Any], result: int, limit: StepLimit | None = None
) -> None:
    """Execute statements in a name space and write a frame for each call of the function that they define.

    `units` are their texts; each that was compiled is left behind as code, for the next variant.
    """
    limited = limit or nullcontext()  # entered for each call: an error in it also ends the counting
    try:
        with limited:
            execute(units, space)
        function = space[job["function"]]
    except BaseException as error:
        for index in range(len(job["calls"])):
            send(result, raised(index, error))
        return
    for index, call in enumerate(job["calls"]):
        reset(_states[call["ambient_seed"]])
        with limited:
            arguments = call["layers"] if call.get("one_by_one") else [list(call["layers"])]
            frame = answer(index, function, arguments)
        send(result, frame)


def execute(units: list[Any], space: dict[str, Any]) -> None:
    """Execute statements in a name space; each that was compiled is left behind as code."""
    flags = 0  # of `from __future__ import …`, which counts for the statements after it as well
    for index, unit in enumerate(units):
        if type(unit) is str:
            name = f"{UNIT}{index}>"
            lines = f"{unit}\n".splitlines(keepends=True)
            linecache.cache[name] = (len(unit), None, lines, name)  # for inspect.getsource
            units[index] = compile(unit, name, "exec", flags=flags | AWAIT, dont_inherit=True)
        flags |= units[index].co_flags & FUTURE
        if units[index].co_flags & COROUTINE:
            finish(eval(units[index], space))  # noqa: S307
        else:
            exec(units[index], space)


def finish(coroutine: Any) -> None:
    """Run a statement that awaits something to its end; there is no event loop, so what needs one raises."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


def reset(state: bytes) -> None:
    """Give the ambient generator one of our states, whatever student code has put in its place."""
    _restart(_generator)
    memmove(_address, state, STATE_BYTES)


def answer(index: int, function: Any, arguments: list[Any]) -> bytes:
    """Return the frame of one call."""
    try:
        frame = returned(index, function(*arguments))
    except Refused as error:
        frame = (
            pack("<BH", REFUSED, index) + text(str(error), 500) + pack("<H", len(error.parts)) + b"".join(error.parts)
        )
    except BaseException as error:
        return raised(index, error)
    return raised(index, standins.StandInNeeded(standins.reached[0])) if standins.reached else frame


def returned(index: int, value: object) -> bytes:
    """Return the frame of a dictionary of numbers, or raise Refused."""
    if isinstance(value, standins.StandIn):
        raise standins.needed(value)
    if not isinstance(value, dict):
        raise Refused(f"it returned {kind_of(value)} instead of a dictionary")
    items = list(dict.items(value))
    if len(items) > MAX_ITEMS:
        raise Refused(f"it returned {len(items)} entries; at most {MAX_ITEMS} are read")
    parts, unread = [], []
    for key, entry in items:
        try:
            parts.append(item(key, entry))
        except Refused as error:
            unread.append(error)
    if unread:
        unread[0].parts = tuple(parts)
        raise unread[0]
    return pack("<BHH", RETURNED, index, len(items)) + b"".join(parts)


def item(key: object, value: object) -> bytes:
    """Return one entry: name, type, dtype, shape and numbers."""
    if isinstance(value, standins.StandIn):
        raise standins.needed(value)
    name = key if type(key) is str else f"{kind_of(key)} {key!r:.40}"
    try:
        array = value if type(value) is ndarray else array_of(value)
    except (ValueError, TypeError, OverflowError):  # a ragged list, say
        raise Refused(f"{name!r} is {kind_of(value)}: {UNREADABLE}") from None
    if array.dtype.kind not in "fiub":
        kind = f"an array of {array.dtype.name}" if type(value) is ndarray else kind_of(value)
        raise Refused(f"{name!r} is {kind}: {UNREADABLE}")
    numbers = 1
    for side in array.shape:
        numbers *= side or 1  # an empty array has sides as well
    if array.ndim > MAX_DIMENSIONS or numbers > MAX_NUMBERS:
        raise Refused(f"{name!r} has the shape {array.shape}: at most {MAX_NUMBERS} numbers are read")
    shape = pack(f"<B{array.ndim}Q", array.ndim, *array.shape)
    return (
        text(name, 80)
        + type_text(type(value).__name__, array.dtype)
        + shape
        + array.astype("<f8", copy=False).tobytes()
    )


@functools.cache  # NumPy builds the name of a number type again each time
def type_text(kind: str, dtype: Any) -> bytes:
    """Return the type of a value and that of its numbers."""
    return text(kind, 60) + text(dtype.name, 20)


def kind_of(value: object) -> str:
    """Return the type of a value in words."""
    return "None" if value is None else f"a {type(value).__name__}"


def raised(index: int, error: BaseException) -> bytes:
    """Return the frame of an exception: its type, its message, and the statement and line it came from."""
    if standins.reached:
        error = standins.StandInNeeded(standins.reached[0])
    unit, line = -1, 0
    if isinstance(error, SyntaxError) and (name := str(error.filename)).startswith("<unit "):
        unit, line = int(name[6:-1]), error.lineno or 0
    step = error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if name.startswith("<unit ") and name[6:-1].isdigit():
            unit, line = int(name[6:-1]), step.tb_lineno
        step = step.tb_next
    try:
        message = str(error)
    except BaseException:
        message = ""
    return pack("<BHii", RAISED, index, unit, line) + text(type(error).__name__, 60) + text(message, 500)


def text(value: str, most: int) -> bytes:
    """Return a string as its length and its UTF-8 bytes, cut to `most` characters."""
    data = value[:most].encode("utf-8", "replace")
    return pack("<H", len(data)) + data


def send(result: int, frame: bytes) -> None:
    """Write one frame, its length first."""
    data = memoryview(pack("<I", len(frame)) + frame)
    while data:
        data = data[write(result, data) :]


type_text("ndarray", ndarray(0).dtype)  # while NumPy's own code has the builtins that it calls for it
