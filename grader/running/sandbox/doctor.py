"""Says whether student code would be confined on this machine, by trying to break each layer alone and then the whole.

A stack hides a missing layer, since others stop the same attack; so each layer is tested with no other one around it.
The canaries are run as student code is, in the real worker.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.errors import LateError, SandboxError
from grader.exercise.limits import Limits
from grader.messages import say
from grader.records import Call, Ended, Function, Outcome, Place, Unit
from grader.running.sandbox import Sandbox
from grader.running.sandbox.server import mandatory

ALL = ("rlimits", "no_new_privs", "seccomp", "own uid", "landlock", "namespaces", "pid namespace")
QUICK = Limits(cpu_seconds=1, wall_seconds=0.3, result_bytes=1 << 20)
PATIENT = Limits(cpu_seconds=20, wall_seconds=30.0, result_bytes=1 << 20)
SLEEP_SECONDS = 0.02  # after which a sleep of 30 has to be ended
_CALL = (Call((1,), 1),)

TRY = """
import ctypes, errno, os, socket, sys, threading, time
import numpy as np

def stopped(attempt, *what):
    "Whether an attempt was stopped, with one of these error numbers if any are named."
    try:
        attempt()
    except OSError as error:
        return float(not what or error.errno in what)
    except (MemoryError, RuntimeError, ValueError):
        return 1.0
    return 0.0

def child():
    if os.fork() == 0:
        os._exit(0)
    os.wait()

def f(sizes):
    return {CHECKS}
"""
CANARIES = {  # layer: what must hold behind it alone
    "rlimits": '{"using 3 GB of memory": stopped(lambda: bytearray(3 << 30)), "opening files": stopped(os.pipe, errno.EMFILE)}',
    "no_new_privs": '{"gaining privileges": float(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 1)}',
    "seccomp": '{"looking up a path": stopped(lambda: os.stat("/"), errno.EPERM), '
    '"starting a process": stopped(child, errno.EPERM), '
    '"opening a socket": stopped(socket.socket, errno.EPERM), "starting a thread": stopped(threading.Thread(target=int).start), '
    '"asking about other processes": stopped(lambda: os.sched_getaffinity(os.getppid() or 1), errno.EPERM)}',
    "own uid": '{"running as a system user": float(os.getuid() >= 1000), '
    '"running in a system group": float(os.getgid() >= 1000), '
    '"becoming root again": stopped(lambda: os.setuid(0), errno.EPERM)}',
    "landlock": '{"listing files": stopped(lambda: os.listdir("/"), errno.EACCES)}',
    "namespaces": '{"using the network": float({name for _, name in socket.if_nameindex()} <= {"lo"}), '
    '"seeing files": stopped(lambda: os.stat("/usr"), errno.ENOENT)}',
    "pid namespace": '{"seeing other processes": float(os.getpid() == 1)}',
}
WHOLE = """{
    "reading a file": stopped(lambda: open("/etc/passwd")), "writing a file": stopped(lambda: open("/tmp/x", "w")),
    "looking up a path": stopped(lambda: os.stat("/")), "listing a folder": stopped(lambda: os.listdir("/proc")),
    "starting a process": stopped(child), "starting a thread": stopped(threading.Thread(target=int).start),
    "opening a socket": stopped(socket.socket), "opening a pipe": stopped(os.pipe),
    "using 3 GB of memory": stopped(lambda: bytearray(3 << 30)),
    "asking about other processes": stopped(lambda: os.sched_getaffinity(os.getppid() or 1)),
    "reading the clock of another process": stopped(lambda: time.clock_gettime(~(os.getppid() or 1) << 3 | 2)),
    "sending a signal": stopped(lambda: os.kill(os.getppid() or 1, 0)),
    "starting a shell": stopped(lambda: os.execv("/bin/sh", ["sh"])),
    "changing the user": stopped(lambda: os.setuid(0)), "creating a link": stopped(lambda: os.symlink("/etc", "/tmp/x")),
    "importing the grader": float("grader" not in sys.modules and not sys.path),
    "reading variables of the system": float(
        {name for name, value in os.environ.items() if value not in ("jovyan", "/home/jovyan")}
        <= {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LC_CTYPE"}
    ),
}"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that the doctor tried: whether it holds, whether it has to, and what was seen.

    With `unclear` it ran out of time, which says nothing about whether it holds.
    """

    name: str
    holds: bool
    required: bool
    seen: str
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Examination:
    """The results of all trials."""

    system: str
    python: str
    checks: tuple[Trial, ...]

    @property
    def confined(self) -> bool | None:
        """Whether everything that has to hold does; None where that could not be told."""
        return False if self.failures else None if self.unclear else True

    @property
    def failures(self) -> tuple[Trial, ...]:
        """What has to hold and does not."""
        return tuple(check for check in self.checks if check.required and not check.holds and not check.unclear)

    @property
    def unclear(self) -> tuple[Trial, ...]:
        """What has to hold and ran out of time."""
        return tuple(check for check in self.checks if check.required and check.unclear)


def examine() -> Examination:
    """Try every layer alone, the whole stack, and the bounds.

    What a canary did decides, never how long it took: one that ran out of time is tried again with much more of it.
    """
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    if sys.platform != "linux":
        seen = say("running.doctor.other_system")
        return Examination(system, platform.python_version(), (Trial("confinement", False, True, seen),))
    return Examination(system, platform.python_version(), tuple(_checks()))


def require() -> None:
    """Refuse to grade where student code would not be confined.

    Raises
    ------
    SandboxError
        If something that has to hold does not; the message names it.
    LateError
        If this machine was too busy to tell.
    """
    examination = examine()
    if examination.failures:
        seen = "; ".join(f"{check.name}: {check.seen}" for check in examination.failures)
        raise SandboxError(
            say("running.doctor.unconfined", seen=seen),
            hint=say("running.doctor.unconfined.hint"),
        )
    if examination.unclear:
        names = [check.name for check in examination.unclear]
        raise LateError(
            say("running.doctor.busy", names=names),
            hint=say("running.doctor.busy.hint"),
        )


def _checks() -> Iterator[Trial]:
    with Sandbox(QUICK) as sandbox:
        try:
            available = sandbox.layers
        except LateError as error:
            yield Trial("worker", False, True, error.problem, unclear=True)
            return
        except SandboxError as error:
            yield Trial("worker", False, True, error.problem)
            return
        for layer in ALL:
            required = layer in mandatory()
            if layer not in available:
                yield Trial(layer, not required and layer == "own uid", required, _absent(layer))
            else:
                yield _layer(sandbox, layer, required=required)
        yield _whole(sandbox)
        yield from _bounds(sandbox)


def _absent(layer: str) -> str:
    return say("running.doctor.not_root" if layer == "own uid" else "running.doctor.absent")


def _layer(sandbox: Sandbox, layer: str, *, required: bool) -> Trial:
    """Test one layer with no other around it."""
    needs = ("no_new_privs", layer)  # which stops none of the canaries, and the kernel asks for it
    return judge(layer, _tried(sandbox, CANARIES[layer], layers=needs), required=required)


def _whole(sandbox: Sandbox) -> Trial:
    """Test the stack as student code meets it, with a right answer as control."""
    right = _tried(sandbox, '{"product": np.arange(4.0).reshape(2, 2) @ np.ones((2, 2))}')
    if right is None:
        return _unclear("everything together", required=True)
    if right.ended != "returned" or right.arrays["product"].numpy().tolist() != [[1.0, 1.0], [5.0, 5.0]]:
        return Trial("everything together", False, True, say("running.doctor.no_answer", message=right.message))
    return judge("everything together", _tried(sandbox, WHOLE), required=True)


def _bounds(sandbox: Sandbox) -> Iterator[Trial]:
    """Test that the limits on time and on answers hold."""
    slept = _tried(sandbox, '{"x": time.sleep(30)}', wall_seconds=SLEEP_SECONDS)
    yield _ended("wall time", slept, "timed_out", say("running.doctor.sleeping"))
    flood = _tried(sandbox, "{str(i): np.ones(100_000) for i in range(9)}")
    yield _ended("size of the answer", flood, "refused", say("running.doctor.flood"))


def _ended(name: str, outcome: Outcome | None, wanted: Ended, attempt: str) -> Trial:
    if outcome is None:
        return _unclear(name, required=True)
    if outcome.ended == wanted:
        return Trial(name, True, True, say("running.doctor.stopped", attempts=attempt))
    return Trial(name, False, True, outcome.message or say("running.doctor.not_stopped", attempts=attempt))


def _unclear(name: str, *, required: bool) -> Trial:
    return Trial(name, False, required, say("running.doctor.unclear"), unclear=True)


def judge(name: str, outcome: Outcome | None, *, required: bool) -> Trial:
    """Return whether a layer of confinement holds, by what a canary found out."""
    if outcome is None:
        return _unclear(name, required=required)
    if outcome.ended != "returned":
        return Trial(name, False, required, outcome.message or outcome.ended)
    broken = [what for what, array in outcome.arrays.items() if array.numpy() != 1.0]
    seen = (
        say("running.doctor.not_stopped", attempts=broken)
        if broken
        else say("running.doctor.stopped", attempts=list(outcome.arrays))
    )
    return Trial(name, not broken, required, seen)


def _tried(
    sandbox: Sandbox, checks: str, *, layers: Sequence[str] | None = None, wall_seconds: float | None = None
) -> Outcome | None:
    """Return what came of a canary; None where it ran out of time, with little of it and then alone with much."""
    with Sandbox(PATIENT) as alone:
        for own in (sandbox, alone):
            try:
                outcome = run_checks(own, checks, layers=layers, wall_seconds=wall_seconds)
            except SandboxError:  # the worker did not answer, or somebody ended it
                continue
            if outcome.ended != "timed_out" or wall_seconds is not None:
                return outcome
    return None


def run_checks(
    sandbox: Sandbox, checks: str, *, layers: Sequence[str] | None = None, wall_seconds: float | None = None
) -> Outcome:
    """Run the lines of a canary in a child and return how it ended."""
    unit = Unit(TRY.replace("{CHECKS}", checks), Place(1))
    return sandbox.run(Function("f", "found", units=(unit,)), _CALL, layers=layers, wall_seconds=wall_seconds)[0]
