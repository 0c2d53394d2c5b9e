"""The border: student code runs behind it, in a process that knows no test, no reference and no rubric.

Source and layer sizes go in; bounded arrays of floats come out, and the parent judges.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from grader.errors import LateError, SandboxError
from grader.exercise.limits import Limits
from grader.messages import say
from grader.records import Call, Ended, Fault, Function, Outcome, Place
from grader.running.sandbox.server import NEEDS_MODULES, NO_ANSWER, SLOTS, Ending, JobServer, OnceServer, start
from grader.running.sandbox.wire import BadFrame, Raised, RefusedReply, Returned, WireFrame, decode

__all__ = ["Limits", "Sandbox", "Variants"]

_FOLDERS = (str(Path(np.__file__).parent.parent), sys.prefix, sys.base_prefix)
AGAIN, LEAST_SECONDS = 1.5, 0.5  # how much more time than one run all may take, and the least that one gets
_TIME_IS_UP = -getattr(signal, "SIGXCPU", 24)  # the exit code of a process that used up its processor time
# Signals that the kernel sends a process for what it does itself, by whatever descriptor it has.  The child can send none, so
# any other one comes from outside.
_FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGABRT", "SIGSYS", "SIGPIPE", "SIGXFSZ")
OWN_FAULTS = {-getattr(signal, name) for name in _FAULTS if hasattr(signal, name)}

# What the confinement refuses: by error number (not permitted, no access, too many files, too large), or in Python's words.
_LINE_ELSEWHERE = re.compile(r" \(<[^>]*>, line \d+\)$")  # counted in what was run, not in the cell
_REFUSED = re.compile(
    r"^\w+: \[Errno (?:1|13|24|27)\] |^RuntimeError: can't start new thread|No usable temporary directory"
    r"|^(?:ModuleNotFound|Import)Error: No module named '_?tkinter'|^ZoneInfoNotFoundError|getpwuid\(\): uid not found"
    r"|^Error: unsupported locale setting|^OperationalError: unable to open database file"
    r"|^RuntimeError: no running event loop|^PackageNotFoundError: "  # what is installed beside NumPy is not told
)
# Files that are not part of a notebook's work: other than relative ones and those of the folders in which notebooks are kept.
_OF_THE_MACHINE = re.compile(r"\[Errno \d+\] .*: '/(?!content|kaggle|home/jovyan|mnt|tmp|Users|dev/null)")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Variants:
    """Other texts of the unit number `varied`; or numbers, which its text `schema` finds under the name `chosen`.

    With `limits_steps` the first one is the function as it is, and one that runs far more lines than that is ended: it raised.
    """

    varied: int
    variants: Sequence[str | int]
    schema: str = ""
    chosen: str = ""
    limits_steps: bool = False


class Sandbox:
    """Runs functions confined; the worker starts with the first one and is started again after a failure.

    A child that is ended from outside, by the kernel when memory runs out for example, says nothing about the function.
    The function is then run again in a new child, and if that is ended as well, the run fails with a `SandboxError`.

    A `self_check` runs functions unconfined, in a process of their own, because their owner asked for it on their own
    machine.

    Examples
    --------
    >>> with Sandbox() as sandbox:  # doctest: +SKIP
    ...     outcomes = sandbox.run(function, calls)
    """

    def __init__(
        self, limits: Limits | None = None, *, copies: Sandbox | None = None, self_check: bool = False
    ) -> None:
        self.limits = limits or Limits()
        self.self_check = self_check
        self._copies = copies
        self.server: JobServer | None = None
        self._ran: Function | None = None  # whose child may still be there
        self.cpu_seconds = 0.0  # that all jobs took together
        self._complete = False  # whether the worker has all modules, which takes longer to start

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers that confine the child."""
        return self._running().layers

    def copy(self) -> Sandbox:
        """Return a sandbox whose worker is a copy of this one's: there at once, and with children of its own."""
        return Sandbox(self.limits, copies=self, self_check=self.self_check)

    def run(
        self,
        function: Function,
        calls: Sequence[Call],
        *,
        layers: Sequence[str] | None = None,
        wall_seconds: float | None = None,
        stays: bool = False,
    ) -> tuple[Outcome, ...]:
        """Return what each call gave; after a call that did not come back the later ones are not made.

        `layers` names those to run behind, for tests of one alone; by default it is all that the machine has.  It may be
        given less time.  With `stays` the child waits for variants of the function, until the next function is run.

        Raises
        ------
        SandboxError
            If the worker cannot be started or does not answer, or if the child was ended from outside, twice each, or
            if the child had no processor: our fault, never the student's.
        """
        job = _job(function, calls)
        if len(job) > self.limits.source_bytes:
            problem = say("running.call.source_too_large", size=self.limits.source_bytes)
            return (Outcome(calls[0], "refused", message=problem),)
        limits = self.limits if wall_seconds is None else replace(self.limits, wall_seconds=wall_seconds)
        end = time.monotonic() + AGAIN * limits.wall_seconds  # for all runs that it takes

        def seconds() -> float | None:
            left = end - time.monotonic()
            return wall_seconds if left >= limits.wall_seconds else max(left, LEAST_SECONDS)

        ending = self._ended(lambda server: server.run(job, layers, seconds(), stays=stays))
        self._ran = function if stays else None
        if ending.starved:
            problem = say("running.call.starved")
            raise LateError(problem, hint=say("running.busy.hint"))
        return tuple(read_outcomes(function, calls, ending, limits))

    def run_again(self, function: Function, calls: Sequence[Call]) -> tuple[Outcome, ...]:
        """Return what `run` does, in the child that is still there, whichever function it ran before.

        This is for functions that may share a process: those of a solution.

        Raises
        ------
        SandboxError
            As `run` does.
        """
        with contextlib.suppress(SandboxError):  # the child or its worker is gone
            job = _job(function, calls)
            ending = self.with_server(lambda server: server.go_on(job, self.limits.wall_seconds))
            if outcomes := self._whole(function, calls, 1, ending):
                return outcomes[0]
        return self.run(function, calls, stays=True)

    def run_variants(
        self, function: Function, variants: Variants, calls: Sequence[Call], wall_seconds: float
    ) -> tuple[tuple[Outcome, ...], ...]:
        """Return what the calls give with each variant of a unit; all share one child.

        It is the one that ran the function, if it is still there; where not all comes back from that, a new one.
        Nothing comes back unless all of it does, in time: what does not may have kept the rest from running.

        Raises
        ------
        SandboxError
            If the worker cannot be started or does not answer.
        """
        job = _job(function, calls, **asdict(variants))
        if len(job) > self.limits.source_bytes:
            return ()
        if self._ran is function:
            ending = self._ended(lambda server: server.go_on(job, wall_seconds))
            if outcomes := self._whole(function, calls, len(variants.variants), ending):
                return outcomes
        ending = self._ended(lambda server: server.run(job, None, wall_seconds, stays=True))
        self._ran = function
        return self._whole(function, calls, len(variants.variants), ending)

    def _whole(
        self, function: Function, calls: Sequence[Call], variants: int, ending: Ending
    ) -> tuple[tuple[Outcome, ...], ...]:
        """Return what the calls of each variant gave, or nothing where not all came back."""
        if not ending.in_time or ending.code != 0:
            return ()
        outcomes = tuple(read_outcomes(function, list(calls) * variants, ending, self.limits))
        whole = len(outcomes) == variants * len(calls) and outcomes[-1].ended != "crashed"
        return tuple(zip(*[iter(outcomes)] * len(calls), strict=True)) if whole else ()

    def close(self) -> None:
        """End the worker."""
        if self.server is not None:
            self.server.close()
            self.server, self._ran = None, None

    def _ended(self, job: Callable[[JobServer], Ending]) -> Ending:
        """Run a job, and once more in a new child if its end may not have been its own fault."""
        with contextlib.suppress(SandboxError):
            ending = self.with_server(job)
            if self._needs_modules(ending):
                ending = self.with_server(job)
            if not _may_be_ours(ending):
                return ending
        ending = self.with_server(job)
        if ending.set_up == NO_ANSWER:
            problem = say("running.call.unconfined_late")
            raise LateError(problem, hint=say("running.busy.hint"))
        if _may_be_ours(ending) and not ending.set_up and ending.code not in OWN_FAULTS:
            raise SandboxError(
                say("running.call.ended_outside", signal=_signal_name(-ending.code)),
                hint=say("running.call.ended_outside.hint"),
            )
        return ending

    def with_server(self, job: Callable[[JobServer], Result]) -> Result:
        """Let the worker do a job; after a failure the worker is ended, and the next call starts another one."""
        try:
            answer = job(self._running())
        except BaseException:
            self.close()
            raise
        if isinstance(answer, Ending):
            self.cpu_seconds += answer.cpu_seconds
        return answer

    def _needs_modules(self, ending: Ending) -> bool:
        """Whether a child ended for want of a module; from then on the worker is one that has them all."""
        if self._complete or ending.code != NEEDS_MODULES:
            return False
        self.close()
        self._complete = True
        return True

    def _running(self) -> JobServer:
        if self.server is None:
            slot = os.getpid() % SLOTS + (SLOTS // 2 if self._copies else 0)
            if self.self_check:
                self.server = OnceServer(self.limits, slot % SLOTS, complete=self._complete, self_check=True)
            elif self._copies is None or self._complete:
                self.server = start(self.limits, slot % SLOTS, complete=self._complete)
            else:
                self.server = self._copies.with_server(lambda server: server.copy(slot % SLOTS))
        return self.server


def _may_be_ours(ending: Ending) -> bool:
    """Whether a child ended in a way that may be our fault: not confined, or by a signal that is not its time limit's."""
    return bool(ending.set_up) or (ending.in_time and ending.code < 0 and ending.code != _TIME_IS_UP)


def _job(function: Function, calls: Sequence[Call], **more: object) -> bytes:
    units = [{"source": unit.run} for unit in function.units]
    plain_calls = [_plain(call) for call in calls]
    return json.dumps({"units": units, "function": function.name, "calls": plain_calls, **more}).encode()


def _plain(call: Call) -> dict[str, object]:
    """Return a call as the child's program reads it."""
    plain: dict[str, object] = {"layers": call.layers, "ambient_seed": call.ambient_seed}
    return plain | ({"one_by_one": True} if call.parameters else {})


def read_outcomes(function: Function, calls: Sequence[Call], ending: Ending, limits: Limits) -> Iterator[Outcome]:
    """Read what the child wrote, call by call, and then how it ended."""
    if ending.set_up:
        yield Outcome(calls[0], "broken", message=say("running.call.unconfined", reason=ending.set_up))
        return
    try:
        frames = decode(ending.result)
    except BadFrame as error:
        yield Outcome(calls[0], "refused", message=say("running.call.unreadable", reason=error))
        return
    for frame, call in zip(frames, calls, strict=False):
        yield _outcome(frame, call, function)
    if len(frames) < len(calls):
        yield _unfinished(calls[len(frames)], ending, limits)


def _outcome(frame: WireFrame, call: Call, function: Function) -> Outcome:
    if isinstance(frame, Returned):
        return Outcome(call, "returned", frame.arrays)
    if isinstance(frame, RefusedReply):
        return Outcome(call, "refused", frame.arrays, message=_clean(frame.message))
    problem = (
        _LINE_ELSEWHERE.sub("", frame.message) if "Syntax" in frame.kind or "Indent" in frame.kind else frame.message
    )
    fault = Fault(_clean(frame.kind), _clean(problem), _place(frame, function))
    ended: Ended = "out_of_memory" if frame.kind in ("MemoryError", "_ArrayMemoryError") else "raised"
    message = f"{fault.kind}: {fault.message}".rstrip(": ")
    return Outcome(call, ended, message=message, fault=fault, held=_held(fault, message))


def _held(fault: Fault, message: str) -> str:
    """Say what a call needed that a notebook has and a child does not; the empty string where the fault is its own."""
    if fault.kind == "StandInNeeded":
        library = fault.message.strip("<>").partition(".")[0]
        return say("running.call.not_installed", library=library)
    if _REFUSED.search(message) and not _OF_THE_MACHINE.search(message):
        return say("running.call.not_allowed", message=message)
    return ""


def _place(frame: Raised, function: Function) -> Place | None:
    """Return the line of the notebook at which the exception left the student's code."""
    if not 0 <= frame.unit < len(function.units):
        return None
    unit = function.units[frame.unit]
    line = unit.line(frame.line)
    return Place(unit.place.line + line - 1, unit.place.cell) if 0 < line <= len(unit.source.splitlines()) else None


def _unfinished(call: Call, ending: Ending, limits: Limits) -> Outcome:
    """Say how the child ended before this call came back."""
    if ending.overflowed:
        return Outcome(call, "refused", message=say("running.call.too_much", size=limits.result_bytes))
    if ending.code == _TIME_IS_UP or (not ending.in_time and ending.cpu_seconds >= limits.cpu_seconds):
        return Outcome(call, "timed_out", message=say("running.call.computing", count=limits.cpu_seconds))
    if not ending.in_time:
        return Outcome(call, "timed_out", message=say("running.call.waiting", seconds=limits.wall_seconds))
    if ending.code < 0:
        return Outcome(call, "crashed", message=say("running.call.signal", signal=_signal_name(-ending.code)))
    return Outcome(call, "crashed", message=say("running.call.exit", code=ending.code))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _clean(text: str) -> str:
    """Return a student's text on one line, bounded, without control characters and without paths of this machine."""
    for folder in _FOLDERS:
        text = text.replace(folder, "…")
    return "".join(char if char.isprintable() else " " for char in text[:500]).strip()
