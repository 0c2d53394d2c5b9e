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
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from grader.errors import SandboxError
from grader.sandbox.limits import Limits

if sys.platform != "win32":
    import fcntl

    _libc = ctypes.CDLL(None)

WORKER = Path(__file__).with_name("worker")
MANDATORY = ("rlimits", "no_new_privs", "seccomp")  # as root also the child's own uid
START_SECONDS = 60.0
PIPE_BYTES = 1 << 20
# The pipes hold what most jobs write, so waking for each piece would only cost time; who writes much must not wait long.
DRAIN_MILLISECONDS, FLOOD_MILLISECONDS = 20, 1
SILENCE_SECONDS = 5.0  # beyond the job's own wall time; after it the fork server itself is ended
_SEALS = 0x0F  # F_SEAL_SEAL | SHRINK | GROW | WRITE
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job's process ended: exit code (negative: the signal), in time or not, its CPU time, what it wrote.

    `set_up` says what kept the child from being confined; then it ran nothing.
    """

    code: int
    in_time: bool
    result: bytes
    overflowed: bool = False
    cpu_seconds: float = 0.0
    set_up: str = ""


class Server(Protocol):
    """Runs jobs, one at a time."""

    layers: tuple[str, ...]

    def run(self, job: bytes, layers: Sequence[str] | None = None, wall_seconds: float | None = None) -> Ending:
        """Run one job to its end, behind all layers or, to test them, behind some; it may be given less time."""
        ...

    def close(self) -> None:
        """End the worker."""
        ...


class ForkServer:
    """A worker that is warm and forks a confined child for each job: milliseconds a job.  Linux only."""

    def __init__(self, limits: Limits, slot: int) -> None:
        self.limits = limits
        _hide()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start("serve", limits, slot, stdin=theirs.fileno())
        self._control.settimeout(START_SECONDS)
        started = self._receive()
        self.layers: tuple[str, ...] = tuple(started.get("layers", ()))
        missing = [name for name in mandatory() if name not in self.layers]
        if missing:
            said = self._said() or f"{', '.join(missing)} missing"
            self.close()
            raise SandboxError(
                f"student code cannot be confined here, so nothing was run: {said}",
                hint="`grader doctor` says which layer is missing and what to do",
            )

    def run(self, job: bytes, layers: Sequence[str] | None = None, wall_seconds: float | None = None) -> Ending:
        """Run one job to its end, behind all layers or, to test them, behind some; it may be given less time."""
        seconds = self.limits.wall_seconds if wall_seconds is None else wall_seconds
        result, result_theirs = os.pipe()
        prints, prints_theirs = os.pipe()
        sealed = _sealed(job)
        with contextlib.closing(_Pipes(result, prints)) as pipes:
            try:
                message = json.dumps({"layers": layers, "cpu": _libc.sched_getcpu(), "wall_seconds": seconds}).encode()
                socket.send_fds(self._control, [message], [sealed, result_theirs, prints_theirs])
            except OSError:
                raise SandboxError("the worker is gone", hint="run the command again") from None
            finally:
                for fd in (sealed, result_theirs, prints_theirs):
                    os.close(fd)
            reply = self._watch(pipes)
        return Ending(
            reply["code"],
            reply["in_time"],
            bytes(pipes.result),
            pipes.overflowed,
            reply["cpu_seconds"],
            reply["set_up"],
        )

    def close(self) -> None:
        """End the worker and whatever it runs."""
        self._control.close()
        self._process.kill()
        with contextlib.suppress(ValueError):  # its pipe was read to the end before
            self._process.communicate()

    def _watch(self, pipes: _Pipes) -> dict[str, Any]:
        """Drain the pipes until the server says how the job ended."""
        deadline = time.monotonic() + self.limits.wall_seconds + SILENCE_SECONDS
        ended, wait = select.poll(), DRAIN_MILLISECONDS
        ended.register(self._control, select.POLLIN)
        while time.monotonic() < deadline:
            if ended.poll(wait):
                reply = self._receive()
                pipes.drain(self.limits)
                if not reply:
                    raise SandboxError("the worker ended unexpectedly", hint="run the command again")
                return reply
            wait = FLOOD_MILLISECONDS if pipes.drain(self.limits) else DRAIN_MILLISECONDS
        raise SandboxError("the worker does not answer", hint="run the command again; if it stays, report it")

    def _receive(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._control.recv(4096) or b"{}"))
        except OSError:
            return {}

    def _said(self) -> str:
        """Return the last line that the worker wrote before it ended."""
        self._process.kill()
        lines = self._process.communicate()[1].decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


class OnceServer:
    """A fresh interpreter for each job, where there is no safe fork: macOS and Windows, for one's own notebook."""

    def __init__(self, limits: Limits, slot: int) -> None:
        self.limits, self.slot = limits, slot
        self.layers = ("separate process", *(("rlimits",) if os.name == "posix" else ()))

    def run(
        self,
        job: bytes,
        layers: Sequence[str] | None = None,  # noqa: ARG002  # there are none to choose
        wall_seconds: float | None = None,
    ) -> Ending:
        """Run one job to its end."""
        seconds = self.limits.wall_seconds if wall_seconds is None else wall_seconds
        before = _children_seconds()
        process = _start("once", self.limits, self.slot, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        in_time = True
        try:
            result, _ = process.communicate(job, timeout=seconds + SILENCE_SECONDS)
        except subprocess.TimeoutExpired:
            in_time = False
            _end(process)
            result, _ = process.communicate()
        most = self.limits.result_bytes
        return Ending(process.returncode, in_time, result[:most], len(result) > most, _children_seconds() - before)

    def close(self) -> None:
        """Do nothing: every job ended its own process."""


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


class _Pipes:
    """The two pipes of a job: what it answers, kept up to a bound, and what it prints, dropped."""

    def __init__(self, result: int, prints: int) -> None:
        self._fds = {result, prints}
        self._result_fd = result
        self.result = bytearray()
        self.overflowed = False
        with contextlib.suppress(OSError):  # a larger pipe saves the writer from waiting; without it all works as well
            fcntl.fcntl(result, 1031, PIPE_BYTES)  # F_SETPIPE_SZ
        for fd in self._fds:
            os.set_blocking(fd, False)

    def drain(self, limits: Limits) -> bool:
        """Read what is there, and say whether there was any; beyond the bound it is dropped, so that no writer blocks."""
        found = False
        for fd in tuple(self._fds):
            for chunk in _chunks(fd):
                found |= bool(chunk)
                if fd == self._result_fd:
                    room = limits.result_bytes - len(self.result)
                    self.result += chunk[:room]
                    self.overflowed |= len(chunk) > room
                if not chunk:
                    self._fds.discard(fd)
                    os.close(fd)
        return found

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)


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
    mode: str, limits: Limits, slot: int, *, stdin: int, stdout: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start the worker as a fresh isolated interpreter with an empty environment and NumPy's folder, nothing else."""
    settings = json.dumps({**asdict(limits), "slot": slot})
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


def start(limits: Limits, slot: int) -> Server:
    """Start the strongest worker that this system has."""
    return ForkServer(limits, slot) if sys.platform == "linux" else OnceServer(limits, slot)
