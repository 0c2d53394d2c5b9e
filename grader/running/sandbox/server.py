"""The trusted side: starts the worker, hands it sealed jobs, reads bounded bytes back, and trusts none of them."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import LateError, SandboxError
from grader.exercise.limits import Limits
from grader.messages import say
from grader.records import SELF_CHECK

if sys.platform != "win32":
    import fcntl

    _libc = ctypes.CDLL(None)

WORKER = Path(__file__).with_name("worker")
MANDATORY = ("rlimits", "no_new_privs", "seccomp")  # as root also the child's own uid
START_SECONDS = 60.0
PIPE_BYTES = 1 << 20
SLOTS = 1000  # user ids for children: where the grader is root, each of its processes uses one of its own
# The pipes hold what most jobs write, so waking for each piece would only cost time; who writes much must not wait long.
DRAIN_MILLISECONDS, FLOOD_MILLISECONDS = 20, 1
WAITING = 2.0  # times a job's wall time, on top of it: so long it may wait for a processor
SILENCE_SECONDS = 5.0  # beyond the job's own wall time; after it the fork server itself is ended
NO_ANSWER = "no answer"  # what the worker says of a child that was not confined in time
NEEDS_MODULES = 75  # the exit code of a child that imports what only a complete worker has
_SEALS = 0x0F  # F_SEAL_SEAL | SHRINK | GROW | WRITE
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job's process ended: exit code (negative: the signal), in time or not, its CPU time, what it wrote.

    `set_up` says what kept the child from being confined; then it ran nothing.  One that was `starved` had no processor for
    so long that its time was up before it had its share.
    """

    code: int
    in_time: bool
    result: bytes
    overflowed: bool = False
    cpu_seconds: float = 0.0
    set_up: str = ""
    starved: bool = False


GONE = Ending(0, in_time=False, result=b"")


class ForkServer:
    """A worker that is warm and forks a confined child for each job: milliseconds a job.  Linux only."""

    def __init__(
        self, limits: Limits, slot: int, original: ForkServer | None = None, *, complete: bool = False
    ) -> None:
        self.limits = limits
        _hide()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process: subprocess.Popen[bytes] | None = None
        try:
            with theirs:
                if original is None:
                    self.process = _start("serve", limits, slot, complete=complete, stdin=theirs.fileno())
                else:
                    original.send_order({"copy": slot}, [theirs.fileno()])
        except BaseException:
            self.control.close()
            raise
        self.control.settimeout(START_SECONDS)
        self._child: Child | None = None
        try:
            started = self._receive()
        except LateError:
            self.close()
            raise
        self.layers: tuple[str, ...] = tuple(started.get("layers", ()))
        missing = [name for name in mandatory() if name not in self.layers]
        if missing:
            reason = self._said() or (
                say("running.worker.layers", layers=missing) if started else say("running.worker.ended_starting")
            )
            self.close()
            raise SandboxError(
                say("running.worker.unconfined", reason=reason),
                hint=say("running.worker.unconfined.hint"),
            )

    def run(
        self,
        job: bytes,
        layers: Sequence[str] | None = None,
        wall_seconds: float | None = None,
        *,
        stays: bool = False,
    ) -> Ending:
        """Run one job, behind all layers or, to test them, behind some; it may be given less time.

        A child that `stays` waits for one more job, until the next child begins.
        """
        self.end_child()
        seconds = self.limits.wall_seconds if wall_seconds is None else wall_seconds
        child, theirs = Child.new()
        sealed = _sealed(job)
        try:
            self.send_order({"layers": layers, "cpu": _libc.sched_getcpu(), "wall_seconds": seconds}, [sealed, *theirs])
        except SandboxError:
            child.close()
            raise
        finally:
            for fd in (sealed, *theirs):
                os.close(fd)
        ending = self._ending(child, seconds)
        if not stays:
            self.end_child()
        return ending

    def go_on(self, job: bytes, wall_seconds: float) -> Ending:
        """Run one more job in the child of the last one; `GONE` if that is not there any more."""
        child, self._child = self._child, None
        if child is None:
            return GONE
        self._tell({"more_seconds": wall_seconds})
        child.hand(job, wall_seconds)
        return self._ending(child, wall_seconds)

    def copy(self, slot: int) -> ForkServer:
        """Return a server like this one, with children of its own; it ends with this one at the latest."""
        self.end_child()
        return ForkServer(self.limits, slot, self)

    def send_order(self, order: dict[str, Any], fds: Sequence[int]) -> None:
        """Send the worker an order and what belongs to it."""
        try:
            socket.send_fds(self.control, [json.dumps(order).encode()], list(fds))
        except OSError:
            raise SandboxError(say("running.worker.gone"), hint=say("running.again")) from None

    def end_child(self) -> None:
        """End the child that waits for more work, if there is one."""
        child, self._child = self._child, None
        if child is not None:
            with contextlib.closing(child):
                self._tell({"end": True})
                child.done.close()
                self._watch(child, self.limits.wall_seconds)

    def _tell(self, order: dict[str, Any]) -> None:
        """Send the worker an order about the current child, which it ignores if that child has ended."""
        with contextlib.suppress(OSError):  # it is gone, as will be seen
            self.control.send(json.dumps(order).encode())

    def _ending(self, child: Child, seconds: float) -> Ending:
        """Wait until a job is done, and keep its child, or until the child has ended."""
        try:
            reply = self._watch(child, seconds)
        except BaseException:
            child.close()
            raise
        ending = Ending(result=child.taken(), overflowed=child.overflowed, **reply)
        if reply is _DONE:
            self._child = child
        else:
            child.close()
        return ending

    def close(self) -> None:
        """End the worker and whatever it runs."""
        if self._child is not None:
            self._child.close()
        self.control.close()
        if self.process is None:  # a copy, which ends when nobody is left to give it orders
            return
        self.process.kill()
        with contextlib.suppress(ValueError):  # its pipe was read to the end before
            self.process.communicate()

    def _watch(self, child: Child, seconds: float) -> dict[str, Any]:
        """Drain the pipes until the child has done its job or the server says how it ended."""
        deadline = time.monotonic() + (1 + WAITING) * seconds + SILENCE_SECONDS
        poll, wait = select.poll(), DRAIN_MILLISECONDS
        for stream in (self.control, child.done):
            if stream.fileno() >= 0:
                poll.register(stream, select.POLLIN)
        while time.monotonic() < deadline:
            ready = {fd for fd, _ in poll.poll(wait)}
            wait = FLOOD_MILLISECONDS if child.drain(self.limits) else DRAIN_MILLISECONDS
            if child.done.fileno() in ready:
                if child.is_done():
                    child.drain(self.limits)
                    return _DONE
                poll.unregister(child.done)
            if self.control.fileno() in ready:
                reply = self._receive()
                child.drain(self.limits)
                if not reply:
                    raise SandboxError(say("running.worker.ended"), hint=say("running.again"))
                return reply
        raise LateError(say("running.worker.silent"), hint=say("running.worker.late.hint"))

    def _receive(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.control.recv(4096) or b"{}"))
        except TimeoutError:
            raise LateError(
                say("running.worker.slow_start", seconds=START_SECONDS), hint=say("running.worker.late.hint")
            ) from None
        except OSError:
            return {}

    def _said(self) -> str:
        """Return the last line that the worker wrote before it ended."""
        if self.process is None:
            return ""
        self.process.kill()
        lines = self.process.communicate()[1].decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


class OnceServer:
    """A fresh interpreter for each job, where there is no safe fork: for one's own notebook.

    Only time and, where the system has such limits, memory and the size of files are limited.  A `self_check` says so in
    its layers: its result is never a grade.
    """

    def __init__(self, limits: Limits, slot: int, *, complete: bool = False, self_check: bool = False) -> None:
        self.limits, self.slot, self.complete, self.self_check = limits, slot, complete, self_check
        self._idle_seconds: float | None = None
        mark = (SELF_CHECK,) if self_check else ()
        self.layers = (*mark, "separate process", *(("rlimits",) if os.name == "posix" else ()))

    def run(
        self,
        job: bytes,
        layers: Sequence[str] | None = None,  # noqa: ARG002  # there are none to choose
        wall_seconds: float | None = None,
        *,
        stays: bool = False,  # noqa: ARG002  # every child ends with its job
    ) -> Ending:
        """Run one job to its end."""
        seconds = self.limits.wall_seconds if wall_seconds is None else wall_seconds
        idle, before = self._start_seconds(), _children_seconds()
        process, late = self._started(), threading.Event()

        def end_late() -> None:
            late.set()
            _end(process)

        timer, most = threading.Timer(seconds + SILENCE_SECONDS, end_late), self.limits.result_bytes
        timer.start()
        try:
            result = _answer(process, job, most + 1)
            if len(result) <= most:
                process.wait()
        finally:  # also where a person stops the check
            timer.cancel()
            _end(process)
            process.wait()
        computed = max(_children_seconds() - before - idle, 0.0)
        overflowed = len(result) > most
        code = 0 if overflowed and not late.is_set() else process.returncode  # it was ended because it answers too much
        return Ending(code, not late.is_set(), result[:most], overflowed, computed)

    def _start_seconds(self) -> float:
        """Return the processor time of a job that does nothing, which no function has to pay for."""
        if self._idle_seconds is None:
            before = _children_seconds()
            with self._started() as process:
                _answer(process, _NOTHING, 1)
            self._idle_seconds = _children_seconds() - before
        return self._idle_seconds

    def _started(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return _start("once", self.limits, self.slot, complete=self.complete, stdin=pipe, stdout=pipe)

    def go_on(self, job: bytes, wall_seconds: float) -> Ending:  # noqa: ARG002  # there is none to run it in
        """Return `GONE`: every child ends with its job."""
        return GONE

    def copy(self, slot: int) -> OnceServer:
        """Return a server like this one."""
        return OnceServer(self.limits, slot, self_check=self.self_check)

    def close(self) -> None:
        """Do nothing: every job ended its own process."""


JobServer = ForkServer | OnceServer
_NOTHING = json.dumps({"units": [], "function": "", "calls": []}).encode()


def _answer(process: subprocess.Popen[bytes], job: bytes, most_bytes: int) -> bytes:
    """Hand a process its job and read the beginning of what it answers."""
    if process.stdin is None or process.stdout is None:
        return b""
    with contextlib.suppress(OSError), process.stdin as stdin:  # it may have ended before
        stdin.write(job)
    with process.stdout as answer:
        return answer.read(most_bytes)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and, where there are groups, whatever it started."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _children_seconds() -> float:
    """Return the processor time of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


_DONE: dict[str, Any] = {"code": 0, "in_time": True, "cpu_seconds": 0.0, "set_up": ""}


class Child:
    """A child from outside: the pipes with what it answers, kept up to a bound, and prints, dropped; and a line to it.

    On the line it says that a job is done, and takes the next.
    """

    def __init__(self, result: int, prints: int, done: socket.socket) -> None:
        self.done = done
        self._fds = {result, prints}
        self._result_fd = result
        self._result = bytearray()
        self.overflowed = False
        with contextlib.suppress(OSError):  # a larger pipe saves the writer from waiting; without it all works as well
            fcntl.fcntl(result, 1031, PIPE_BYTES)  # F_SETPIPE_SZ
        for fd in self._fds:
            os.set_blocking(fd, False)

    @classmethod
    def new(cls) -> tuple[Child, list[int]]:
        """Return the pipes and the line of a child, and the descriptors of its own ends."""
        (result, result_theirs), (prints, prints_theirs) = os.pipe(), os.pipe()
        done, done_theirs = socket.socketpair()
        return cls(result, prints, done), [result_theirs, prints_theirs, done_theirs.detach()]

    def hand(self, job: bytes, seconds: float) -> None:
        """Hand the child one more job; a child that does not take it never says that it is done."""
        self.done.settimeout(seconds)
        with contextlib.suppress(OSError):
            self.done.sendall(len(job).to_bytes(8, "little") + job)

    def is_done(self) -> bool:
        """Whether the child said that its job is done, and did not just end."""
        try:
            return bool(self.done.recv(64))
        except OSError:
            return False

    def taken(self) -> bytes:
        """Return the bytes that the child answered since the last call."""
        result, self._result = bytes(self._result), bytearray()
        return result

    def drain(self, limits: Limits) -> bool:
        """Read what is there, and say whether there was any; beyond the bound it is dropped, so that no writer blocks."""
        received = False
        for fd in tuple(self._fds):
            for chunk in _chunks(fd):
                received |= bool(chunk)
                if fd == self._result_fd:
                    room = limits.result_bytes - len(self._result)
                    self._result += chunk[:room]
                    self.overflowed |= len(chunk) > room
                if not chunk:
                    self._fds.discard(fd)
                    os.close(fd)
        return received

    def close(self) -> None:
        """Close the pipes and the line of the child."""
        self.done.close()
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()


def _chunks(fd: int) -> Iterator[bytes]:
    """Yield at most 4 MiB of what can be read now; an empty chunk means the end."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(64):
            chunk = os.read(fd, 1 << 16)
            yield chunk
            if not chunk:
                return


def _sealed(job: bytes) -> int:
    """Return a descriptor of the job that nobody can change any more."""
    fd = os.memfd_create("job", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, job)
    fcntl.fcntl(fd, 1033, _SEALS)  # F_ADD_SEALS
    return fd


def _start(
    mode: str, limits: Limits, slot: int, *, complete: bool, stdin: int, stdout: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start the worker as a fresh isolated interpreter with an empty environment and NumPy's folder, nothing else."""
    settings = json.dumps({**asdict(limits), "slot": slot, "complete": complete, "waiting": WAITING})
    folder = str(Path(np.__file__).parent.parent)
    keep = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}  # Windows cannot start without
    return subprocess.Popen(  # noqa: S603  # our own interpreter and our own file
        [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(WORKER), mode, settings, folder],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL if mode == "once" else subprocess.PIPE,
        env={**_ONE_THREAD, **keep},
        cwd=Path(sys.executable).anchor or "/",
        start_new_session=True,
    )


def _hide() -> None:
    """Make this process undumpable: no other process of the user can then read its memory or its environment."""
    _libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


def mandatory() -> tuple[str, ...]:
    """Return the layers without which nothing runs on Linux."""
    return (*MANDATORY, "own uid") if os.getuid() == 0 else MANDATORY


def start(limits: Limits, slot: int, *, complete: bool = False) -> JobServer:
    """Start the strongest worker that this system has; a `complete` one has every module of a plain Python."""
    server = ForkServer if sys.platform == "linux" else OnceServer
    return server(limits, slot, complete=complete)
