"""The untrusted side: a fresh `python -I` that has NumPy and nothing of ours, and forks one confined child a function.

Started by its folder, never imported; it imports nothing of this package.  It holds no test, no reference and no rubric:
jobs are sealed descriptors that only the child reads, once it is confined and was looked at from outside.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import answer  # noqa: TC004  # `load` imports it

if sys.platform == "win32":
    import msvcrt
else:
    import resource

JOB, RESULT, DONE, GATE, RULESET = 3, 4, 5, 6, 7  # a child's descriptors; 0 is nothing, 1 and 2 are prints
SET_UP_FAILED, BROKE_OFF = 70, 71
SET_UP_SECONDS = 5.0
NO_ANSWER = "no answer"
HARD_SECONDS = (
    3600  # of processor time, beyond the limit whose signal names the reason: more than any wall timer allows
)
PROCESS_CLOCK, TICK_SECONDS = 2, 0.001  # the kind of clock that tells a process's time: clock_getcpuclockid(3)
OURS = ("answer", "confine", "kernel", "modules", "notebook", "standins")  # the modules of this folder
SHORT_SECONDS = 0.02  # most jobs; one that takes longer may use whichever processor is free


class Server:
    """Forks a child for each job, hands the job over once the child is confined, ends it in time, says how it ended."""

    def __init__(self, control: socket.socket, limits: dict[str, Any]) -> None:
        import confine  # Linux only

        self.control, self.limits = control, limits
        self.nothing = os.open(os.devnull, os.O_RDONLY)
        self.confinement = confine.Confinement(limits)

    def serve(self) -> None:
        """Answer jobs until the other side hangs up."""
        layers, version = self.confinement.layers, self.confinement.landlock_version
        self._say({"layers": layers, "landlock": version})
        while True:
            message, fds, _, _ = socket.recv_fds(self.control, 1024, 4)
            if not message:
                return
            job = json.loads(message)
            if not fds:
                continue  # it was for a child that has ended
            if "copy" in job:
                self._copy(fds[0], job["copy"])
                continue
            wanted = job["layers"]
            self.confinement.work_on(job["cpu"])
            self._say(self._run(fds, frozenset(layers if wanted is None else wanted), job["wall_seconds"]))

    def _copy(self, control: int, slot: int) -> None:
        """Leave a copy of this server that takes its orders from a line of its own."""
        if self.confinement.pid_namespaces:
            self.confinement.next_child_together()
        if os.fork() == 0:
            try:
                self.confinement.be_a_copy(slot)
                self.control.close()
                self.control = socket.socket(fileno=control)
                self.serve()
            finally:
                os._exit(0)
        os.close(control)

    def _run(self, fds: list[int], layers: frozenset[str], wall_seconds: float) -> dict[str, Any]:
        if self.confinement.threads() != 1:
            os._exit(72)  # a fork would not be safe
        mine, gate = socket.socketpair()
        if "pid namespace" in layers:
            self.confinement.next_child_alone()
        elif self.confinement.pid_namespaces:
            self.confinement.next_child_together()
        pid = os.fork()
        if pid == 0:
            self._child(fds, gate.fileno(), layers)
        for fd in fds:
            os.close(fd)
        gate.close()
        with mine:
            problem = self._hand_over(pid, mine, layers)
            return {**self._reap(pid, 0.0 if problem else wall_seconds), "set_up": problem}

    def _hand_over(self, pid: int, gate: socket.socket, layers: frozenset[str]) -> str:
        """Let a child go on to its job once it is seen to be confined; return what is wrong if it is not."""
        gate.settimeout(SET_UP_SECONDS)
        try:
            answer: str = gate.recv(300).decode("utf-8", "replace")
        except OSError:
            answer = NO_ANSWER
        if answer != "ready":
            return answer or "the child ended before it was confined"
        problem: str = self.confinement.unlike(self.confinement.seen(pid), layers)
        if not problem:
            gate.sendall(b"go")
        return problem

    def _reap(self, pid: int, wall_seconds: float) -> dict[str, Any]:
        """Wait for a child until its time is up or the grader says so, end it and its group, and say how it ended."""
        pidfd = os.pidfd_open(pid)
        in_time, computed, starved = self.wait_for_child(pid, pidfd, wall_seconds)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
        _, status, usage = os.wait4(pid, 0)
        os.close(pidfd)
        seconds = max(usage.ru_utime + usage.ru_stime, computed)
        code = os.waitstatus_to_exitcode(status)
        return {"code": code, "in_time": in_time, "cpu_seconds": seconds, "starved": starved}

    def wait_for_child(self, pid: int, pidfd: int, seconds: float) -> tuple[bool, float, bool]:
        """Return whether a child ended before it had to, its processor time if that was up, and whether it was starved.

        A new job on the way gives it new time, but no new processor time.  While it waits for a processor its time does not
        run, up to a share of it; a child that has waited longer than that was starved by this machine.
        """
        most, clock = self.limits["cpu_seconds"], ~pid << 3 | PROCESS_CLOCK
        ready, moved = select.poll(), False
        ready.register(pidfd, select.POLLIN)
        ready.register(self.control, select.POLLIN)
        deadline, queued_before, granted = time.monotonic() + seconds, 0.0, 0.0
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                queued = self.confinement.queued_seconds(pid) - queued_before
                more = min(queued, self.limits["waiting"] * seconds) - granted
                if more <= TICK_SECONDS:
                    return False, 0.0, seconds > 0 and queued > granted + TICK_SECONDS
                granted, deadline = granted + more, deadline + more
                continue
            computed = time.clock_gettime(clock)
            if computed >= most:
                return False, computed, False
            left = min(left, most - computed + TICK_SECONDS)
            events = {fd for fd, _ in ready.poll((left if moved else min(left, SHORT_SECONDS)) * 1000)}
            if pidfd in events:
                return True, 0.0, False
            if events:
                order = json.loads(self.control.recv(1024) or b"{}")
                if "more_seconds" not in order:
                    return False, 0.0, False
                seconds = order["more_seconds"]
                queued_before, granted = self.confinement.queued_seconds(pid), 0.0
                deadline = time.monotonic() + seconds
            elif not moved:
                self.confinement.let_roam(pid)
                moved = True

    def _child(self, fds: list[int], gate: int, layers: frozenset[str]) -> None:
        """Be a child: confine, wait to be let go, run one job, never return."""
        status = SET_UP_FAILED
        try:
            os.setsid()
            job, result, prints, done = fds
            ruleset = max(self.confinement.ruleset, 0)
            arrange([self.nothing, prints, prints, job, result, done, gate, ruleset])
            self.confinement.child(layers, RULESET)
            os.close(RULESET)
            os.write(GATE, b"ready")
            if os.read(GATE, 2) == b"go":
                status = BROKE_OFF
                os.close(GATE)
                work()
                status = 0
        except BaseException as error:
            if status == SET_UP_FAILED:
                with contextlib.suppress(OSError):
                    os.write(GATE, str(error).encode("utf-8", "replace")[:300])
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
            os._exit(status)

    def _say(self, message: dict[str, Any]) -> None:
        self.control.send(json.dumps(message).encode())


def arrange(fds: list[int]) -> None:
    """Make these the descriptors 0, 1, 2, …, in this order, and close all others."""
    high = [os.dup(fd) for fd in fds]
    while min(high) < len(high):
        high = [os.dup(fd) for fd in high]
    for target, fd in enumerate(high):
        os.dup2(fd, target)
    os.closerange(len(high), os.sysconf("SC_OPEN_MAX"))


def read_all(fd: int) -> bytes:
    """Read a descriptor from its start to its end."""
    os.lseek(fd, 0, os.SEEK_SET)
    chunks = []
    while chunk := os.read(fd, 1 << 16):
        chunks.append(chunk)
    return b"".join(chunks)


def work() -> None:
    """Run the job, and those that follow it, until the other side hangs up."""
    request = read_all(JOB)
    os.close(JOB)  # to write to it, at a file size limit of 0, would end the process by a signal
    while request:
        answer.run(json.loads(request), RESULT)
        os.write(DONE, b".")
        request = read_exactly(DONE, int.from_bytes(read_exactly(DONE, 8), "little"))


def read_exactly(fd: int, size: int) -> bytes:
    """Read so many bytes; none where the other side has hung up."""
    data = bytearray()
    while len(data) < size:
        chunk = os.read(fd, size - len(data))
        if not chunk:
            return b""
        data += chunk
    return bytes(data)


def once(limits: dict[str, Any]) -> None:
    """Run the one job on standard input and write its frames to standard output: where there is no safe fork."""
    request = sys.stdin.buffer.read()
    result = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    if sys.platform == "win32":
        msvcrt.setmode(result, os.O_BINARY)
    else:
        cpu = int(time.process_time()) + 1 + limits["cpu_seconds"]  # what it took to start is not the job's
        for name, soft, hard in (("CPU", cpu, cpu + HARD_SECONDS), ("FSIZE", 0, 0), ("CORE", 0, 0)):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (soft, hard))
        with contextlib.suppress(OSError):  # only Linux tells how much is used already
            with open("/proc/self/statm", "rb") as statm:
                memory = int(statm.read().split()[0]) * resource.getpagesize() + limits["memory_bytes"]
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    answer.run(json.loads(request), result)
    os._exit(0)


def load(numpy_folder: str, *, complete: bool) -> None:
    """Load and warm what student code may use, then forget where modules come from."""
    sys.path.append(numpy_folder)
    global answer  # noqa: PLW0603  # a child can import nothing any more
    import answer
    import modules
    import notebook
    import numpy as np
    import standins

    modules.load(numpy_folder, complete=complete)
    sys.meta_path.append(standins.StandIns())
    notebook.install()
    np.linalg.solve(np.eye(64), np.ones((64, 64)) @ np.ones((64, 64)))
    np.random.default_rng(0).standard_normal(3)


def forget() -> None:
    """Leave no path to import from, no module of ours, no arguments, and an empty main module for the notebook's statements."""
    for name in OURS:
        sys.modules.pop(name, None)
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.argv[:] = [""]
    sys.modules["__main__"] = types.ModuleType("__main__")


def main(mode: str, settings: str, numpy_folder: str) -> None:
    """Load what student code may use, then serve or run once."""
    limits = json.loads(settings)
    load(numpy_folder, complete=limits["complete"])
    if mode == "once":
        forget()
        once(limits)
    import kernel

    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    server = Server(socket.socket(fileno=os.dup(0)), limits)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # after the namespaces, whose maps only a dumpable process may write
    forget()
    gc.collect()
    gc.freeze()
    server.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
