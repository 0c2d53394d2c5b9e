"""The trusted side: starts the worker, hands it sealed jobs, reads bounded bytes back, and trusts none of them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from grader.errors import SandboxError
from grader.sandbox.limits import Limits

WORKER = Path(__file__).with_name("worker.py")
SILENCE_SECONDS = 5.0  # beyond the job's own wall time; after it the fork server itself is ended
_SEALS = 0x0F  # F_SEAL_SEAL | SHRINK | GROW | WRITE
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job's process ended: exit code (negative: the signal), in time or not, its CPU time, what it wrote."""

    code: int
    in_time: bool
    result: bytes
    overflowed: bool = False
    cpu_seconds: float = 0.0


class Server(Protocol):
    """Runs jobs, one at a time."""

    layers: tuple[str, ...]

    def run(self, job: bytes) -> Ending:
        """Run one job to its end."""
        ...

    def close(self) -> None:
        """End the worker."""
        ...


class ForkServer:
    """A worker that is warm and forks a confined child for each job: milliseconds a job.  Linux only."""

    def __init__(self, limits: Limits, slot: int) -> None:
        self.limits = limits
        self.layers = ("fork server", "rlimits", "no_new_privs", *(("own uid",) if os.getuid() == 0 else ()))
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start("serve", limits, slot, stdin=theirs.fileno())
        self._control.settimeout(60)
        if not self._receive():
            raise _not_started(self._process)

    def run(self, job: bytes) -> Ending:
        """Run one job to its end."""
        result, result_theirs = os.pipe()
        prints, prints_theirs = os.pipe()
        sealed = _sealed(job)
        with contextlib.closing(_Pipes(result, prints)) as pipes:
            try:
                socket.send_fds(self._control, [b"job"], [sealed, result_theirs, prints_theirs])
            except OSError:
                raise SandboxError("the worker is gone", hint="run the command again") from None
            finally:
                for fd in (sealed, result_theirs, prints_theirs):
                    os.close(fd)
            reply = self._watch(pipes)
            return Ending(
                int(reply["code"]), bool(reply["in_time"]), bytes(pipes.result), pipes.overflowed, reply["cpu_seconds"]
            )

    def close(self) -> None:
        """End the worker and whatever it runs."""
        self._control.close()
        self._process.kill()
        self._process.communicate()

    def _watch(self, pipes: _Pipes) -> dict[str, float]:
        """Drain the pipes until the server says how the job ended."""
        deadline = time.monotonic() + self.limits.wall_seconds + SILENCE_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            pipes.register(selector)
            while time.monotonic() < deadline:
                for key, _ in selector.select(timeout=1.0):
                    if key.fileobj is self._control:
                        reply = self._receive()
                        pipes.drain(self.limits)
                        if not reply:
                            raise SandboxError("the worker ended unexpectedly", hint="run the command again")
                        return reply
                    pipes.drain(self.limits, selector)
        raise SandboxError("the worker does not answer", hint="run the command again; if it stays, report it")

    def _receive(self) -> dict[str, float]:
        try:
            return dict(json.loads(self._control.recv(4096) or b"{}"))
        except OSError:
            return {}


class OnceServer:
    """A fresh interpreter for each job, where there is no safe fork: macOS and Windows, for one's own notebook."""

    def __init__(self, limits: Limits, slot: int) -> None:
        self.limits, self.slot = limits, slot
        self.layers = ("separate process", *(("rlimits",) if os.name == "posix" else ()))

    def run(self, job: bytes) -> Ending:
        """Run one job to its end."""
        before = _children_seconds()
        process = _start("once", self.limits, self.slot, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        in_time = True
        try:
            result, _ = process.communicate(job, timeout=self.limits.wall_seconds + SILENCE_SECONDS)
        except subprocess.TimeoutExpired:
            in_time = False
            process.kill()
            result, _ = process.communicate()
        most = self.limits.result_bytes
        return Ending(
            process.returncode, in_time, result[:most], len(result) > most, _children_seconds() - before
        )

    def close(self) -> None:
        """Do nothing: every job ended its own process."""


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
        for fd in self._fds:
            os.set_blocking(fd, False)

    def register(self, selector: selectors.BaseSelector) -> None:
        for fd in self._fds:
            selector.register(fd, selectors.EVENT_READ)

    def drain(self, limits: Limits, selector: selectors.BaseSelector | None = None) -> None:
        """Read what is there; beyond the bound read on and drop it, so that the writer never blocks."""
        for fd in tuple(self._fds):
            for chunk in _chunks(fd):
                if fd == self._result_fd:
                    room = limits.result_bytes - len(self.result)
                    self.result += chunk[:room]
                    self.overflowed |= len(chunk) > room
                if not chunk:
                    self._fds.discard(fd)
                    if selector:
                        selector.unregister(fd)
                    os.close(fd)

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


def _not_started(process: subprocess.Popen[bytes]) -> SandboxError:
    process.kill()
    said = process.communicate()[1].decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
    return SandboxError(f"the confined worker did not start: {said[0]}", hint="check that NumPy is installed here")


def start(limits: Limits, slot: int) -> Server:
    """Start the strongest worker that this system has."""
    return ForkServer(limits, slot) if sys.platform == "linux" else OnceServer(limits, slot)
