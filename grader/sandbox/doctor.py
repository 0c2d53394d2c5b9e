"""Says whether student code would be confined on this machine, by trying to break each layer alone and then the whole.

A stack hides a missing layer, since others stop the same attack; so each layer is tested with no other one around it.
The canaries are run as student code is, in the real worker.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.errors import SandboxError
from grader.records import Call, Function, Outcome, Place, Unit
from grader.sandbox import Sandbox
from grader.sandbox.limits import Limits
from grader.sandbox.server import mandatory

ALL = ("rlimits", "no_new_privs", "seccomp", "own uid", "landlock", "namespaces", "pid namespace")
QUICK = Limits(cpu_seconds=1, wall_seconds=0.3, result_bytes=1 << 20)
PATIENT = Limits(cpu_seconds=2, wall_seconds=5.0, result_bytes=1 << 20)
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
    "rlimits": '{"memory": stopped(lambda: bytearray(3 << 30)), "open files": stopped(os.pipe, errno.EMFILE)}',
    "no_new_privs": '{"set": float(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 1)}',
    "seccomp": '{"paths": stopped(lambda: os.stat("/"), errno.EPERM), "processes": stopped(child, errno.EPERM), '
    '"sockets": stopped(socket.socket, errno.EPERM), "threads": stopped(threading.Thread(target=int).start)}',
    "own uid": '{"uid": float(os.getuid() >= 1000), "gid": float(os.getgid() >= 1000), '
    '"back to root": stopped(lambda: os.setuid(0), errno.EPERM)}',
    "landlock": '{"files": stopped(lambda: os.listdir("/"), errno.EACCES)}',
    "namespaces": '{"network": float({name for _, name in socket.if_nameindex()} <= {"lo"}), '
    '"files": stopped(lambda: os.stat("/usr"), errno.ENOENT)}',
    "pid namespace": '{"alone": float(os.getpid() == 1)}',
}
WHOLE = """{
    "read a file": stopped(lambda: open("/etc/passwd")), "write a file": stopped(lambda: open("/tmp/x", "w")),
    "stat": stopped(lambda: os.stat("/")), "list": stopped(lambda: os.listdir("/proc")),
    "fork": stopped(child), "thread": stopped(threading.Thread(target=int).start),
    "socket": stopped(socket.socket), "pipe": stopped(os.pipe), "memory": stopped(lambda: bytearray(3 << 30)),
    "signal another": stopped(lambda: os.kill(os.getppid() or 1, 0)), "shell": stopped(lambda: os.execv("/bin/sh", ["sh"])),
    "change id": stopped(lambda: os.setuid(0)), "link": stopped(lambda: os.symlink("/etc", "/tmp/x")),
    "import the grader": float("grader" not in sys.modules and not sys.path),
    "environment": float(set(os.environ) <= {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LC_CTYPE"}),
}"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the doctor tried: whether it holds, whether it has to, and what was seen."""

    name: str
    holds: bool
    required: bool
    seen: str


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that the doctor found."""

    system: str
    python: str
    checks: tuple[Check, ...]

    @property
    def confined(self) -> bool:
        """Whether everything that has to hold does."""
        return all(check.holds for check in self.checks if check.required)

    @property
    def failures(self) -> tuple[Check, ...]:
        """What has to hold and does not."""
        return tuple(check for check in self.checks if check.required and not check.holds)


def examine(limits: Limits = QUICK) -> Examination:
    """Try every layer alone, the whole stack, and the bounds."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    if sys.platform != "linux":
        seen = "this system has no confinement; `grader check` runs your own notebook in a separate process"
        return Examination(system, platform.python_version(), (Check("confinement", False, True, seen),))
    return Examination(system, platform.python_version(), tuple(_checks(limits)))


def require() -> None:
    """Refuse to grade where student code would not be confined.

    Raises
    ------
    SandboxError
        If something that has to hold does not; the message names it.
    """
    failures = examine().failures and examine(PATIENT).failures  # a busy machine may be late the first time
    if failures:
        said = "; ".join(f"{check.name}: {check.seen}" for check in failures)
        raise SandboxError(
            f"student code cannot be confined here, so nothing is graded: {said}",
            hint="`grader doctor` shows every layer; docs/security.md says what each kind of host needs",
        )


def _checks(limits: Limits) -> Iterator[Check]:
    with Sandbox(limits) as sandbox:
        try:
            available = sandbox.layers
        except SandboxError as error:
            yield Check("worker", False, True, error.problem)
            return
        for layer in ALL:
            required = layer in mandatory()
            if layer not in available:
                yield Check(layer, not required and layer == "own uid", required, _absent(layer))
            else:
                yield _layer(sandbox, layer, required=required)
        yield _whole(sandbox)
        yield from _bounds(sandbox)


def _absent(layer: str) -> str:
    return "not root, so not needed" if layer == "own uid" else "this machine does not have it"


def _layer(sandbox: Sandbox, layer: str, *, required: bool) -> Check:
    """Test one layer with no other around it."""
    needs = ("no_new_privs", layer)  # which stops none of the canaries, and the kernel asks for it
    return _judged(layer, _run(sandbox, CANARIES[layer], layers=needs), required=required)


def _whole(sandbox: Sandbox) -> Check:
    """Test the stack as student code meets it, with a right answer as control."""
    right = _run(sandbox, '{"product": np.arange(4.0).reshape(2, 2) @ np.ones((2, 2))}')
    if right.ended != "returned" or right.arrays["product"].numpy().tolist() != [[1.0, 1.0], [5.0, 5.0]]:
        return Check("everything together", False, True, f"a right answer did not come back: {right.message}")
    return _judged("everything together", _run(sandbox, WHOLE), required=True)


def _bounds(sandbox: Sandbox) -> Iterator[Check]:
    """Test that time and answers are bounded."""
    slept = _run(sandbox, '{"x": time.sleep(30)}', wall_seconds=SLEEP_SECONDS)
    yield Check("wall time", slept.ended == "timed_out", True, slept.message or slept.ended)
    flood = _run(sandbox, "{str(i): np.ones(100_000) for i in range(9)}")
    yield Check("size of the answer", flood.ended == "refused", True, flood.message or flood.ended)


def _judged(name: str, outcome: Outcome, *, required: bool) -> Check:
    if outcome.ended != "returned":
        return Check(name, False, required, f"{outcome.ended}: {outcome.message}")
    broken = [what for what, array in outcome.arrays.items() if array.numpy() != 1.0]
    tried = ", ".join(outcome.arrays)
    return Check(name, not broken, required, f"not stopped: {', '.join(broken)}" if broken else f"held: {tried}")


def _run(
    sandbox: Sandbox, checks: str, *, layers: Sequence[str] | None = None, wall_seconds: float | None = None
) -> Outcome:
    unit = Unit(TRY.replace("{CHECKS}", checks), Place(1))
    return sandbox.run(Function("f", "found", units=(unit,)), _CALL, layers=layers, wall_seconds=wall_seconds)[0]
