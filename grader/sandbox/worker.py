"""The untrusted side: a fresh `python -I` that has NumPy and nothing of ours, and forks one child a job.

Started by path, never imported; it imports nothing of this package.  A job comes in as JSON (statements, the function's
name, calls); what goes out is a series of frames of bounded raw floats, decoded by `grader.sandbox.wire`.  Student code
runs only in the child, after the child has given up what it can.
"""

import builtins
import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import time
import types
import warnings
from typing import Any

LINUX = sys.platform == "linux"
if os.name == "posix":
    import resource

# What student code may import: all that computes.  The child can open no file, so it is loaded before the fork.
PRELOADED = (
    "__future__ abc bisect cmath collections collections.abc copy dataclasses datetime decimal enum fractions functools "
    "heapq inspect io itertools logging math numbers numpy.char numpy.fft numpy.linalg numpy.ma numpy.polynomial "
    "numpy.random numpy.rec numpy.testing operator pprint random re statistics string textwrap time traceback typing"
).split()

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
RETURNED, RAISED, REFUSED = 0, 1, 2
MAX_ITEMS, MAX_DIMENSIONS, MAX_NUMBERS = 64, 8, 1 << 20
UNREADABLE = "it cannot be read as numbers"


class Refused(Exception):
    """What came back is not a set of bounded float arrays."""


# --- the child: gives up what it can, then runs the student's function ---------------------------------------------


def confine(limits: dict[str, Any], slot: int) -> None:
    """Lower every limit for good.  Any failure here is ours and ends the child before student code runs."""
    if LINUX and os.getuid() == 0:
        uid = limits["first_uid"] + slot
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
    cpu = limits["cpu_seconds"]
    lower("CPU", cpu, cpu + 1)
    for name in ("FSIZE", "CORE", "NPROC", "MEMLOCK", "MSGQUEUE"):
        lower(name, 0)
    if LINUX:
        lower("AS", virtual_bytes() + limits["memory_bytes"])
    lower("NOFILE", 0)  # what is open stays open; nothing else can be opened


def lower(name: str, soft: int, hard: "int | None" = None) -> None:
    """Lower one resource limit where this system has it."""
    which = getattr(resource, "RLIMIT_" + name, None)
    if which is not None:
        resource.setrlimit(which, (soft, soft if hard is None else hard))


def prctl(option: int, value: int) -> None:
    """Call prctl(2) and raise if the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def virtual_bytes() -> int:
    """Return the size of the address space in use."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def run(job: dict[str, Any], result: int) -> None:
    """Execute the statements, call the function as often as asked, and write a frame for each call."""
    import numpy as np

    warnings.simplefilter("ignore")
    space = vars(sys.modules["__main__"])
    space["__builtins__"] = builtins
    try:
        for index, unit in enumerate(job["units"]):
            exec(compile(unit["source"], f"<unit {index}>", "exec", dont_inherit=True), space)
        function = space[job["function"]]
    except BaseException as error:
        for index in range(len(job["calls"])):
            send(result, raised(index, error))
        return
    for index, call in enumerate(job["calls"]):
        np.random.seed(call["ambient_seed"])
        send(result, answer(index, function, list(call["layers"])))


def answer(index: int, function: Any, layers: list[int]) -> bytes:
    """Return the frame of one call."""
    try:
        return returned(index, function(layers))
    except Refused as error:
        return struct.pack("<BH", REFUSED, index) + text(str(error), 500)
    except BaseException as error:
        return raised(index, error)


def returned(index: int, value: object) -> bytes:
    """Return the frame of a dictionary of numbers, or raise Refused."""
    if not isinstance(value, dict):
        raise Refused(f"it returned {kind_of(value)} instead of a dictionary")
    items = list(dict.items(value))
    if len(items) > MAX_ITEMS:
        raise Refused(f"it returned {len(items)} entries; at most {MAX_ITEMS} are read")
    return struct.pack("<BHH", RETURNED, index, len(items)) + b"".join(item(key, entry) for key, entry in items)


def item(key: object, value: object) -> bytes:
    """Return one entry: name, type, dtype, shape and numbers."""
    import numpy as np

    name = key if type(key) is str else f"{kind_of(key)} {key!r:.40}"
    try:
        array = value if type(value) is np.ndarray else np.array(value)
    except (ValueError, TypeError, OverflowError):  # a ragged list, say
        raise Refused(f"{name!r} is {kind_of(value)}: {UNREADABLE}") from None
    if array.dtype.kind not in "fiub":
        raise Refused(f"{name!r} is {kind_of(value)}: {UNREADABLE}")
    if array.ndim > MAX_DIMENSIONS or array.size > MAX_NUMBERS:
        raise Refused(f"{name!r} has the shape {array.shape}: at most {MAX_NUMBERS} numbers are read")
    head = text(name, 80) + text(type(value).__name__, 60) + text(array.dtype.name, 20)
    shape = struct.pack(f"<B{array.ndim}Q", array.ndim, *array.shape)
    return head + shape + np.ascontiguousarray(array, dtype="<f8").tobytes()


def kind_of(value: object) -> str:
    """Return the type of a value in words."""
    return "None" if value is None else f"a {type(value).__name__}"


def raised(index: int, error: BaseException) -> bytes:
    """Return the frame of an exception: its type, its message, and the statement and line it came from."""
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
    return struct.pack("<BHii", RAISED, index, unit, line) + text(type(error).__name__, 60) + text(message, 500)


def text(value: str, most: int) -> bytes:
    """Return a string as its length and its UTF-8 bytes, cut to `most` characters."""
    data = value[:most].encode("utf-8", "replace")
    return struct.pack("<H", len(data)) + data


def send(result: int, frame: bytes) -> None:
    """Write one frame, its length first."""
    data = memoryview(struct.pack("<I", len(frame)) + frame)
    while data:
        data = data[os.write(result, data) :]


def child(job: int, result: int, prints: int, limits: dict[str, Any], slot: int) -> None:
    """Run one job and never return."""
    status = 70  # EX_SOFTWARE: the set-up failed
    try:
        os.setsid()
        arrange(job, result, prints)
        request = read_all(3)
        confine(limits, slot)
        os.write(4, struct.pack("<I", 0))  # ready: from here on a failure is the student's
        status = 0
        run(json.loads(request), 4)
    except BaseException:
        status = status or 71
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        os._exit(status)


def arrange(job: int, result: int, prints: int) -> None:
    """Make the descriptors 0 nothing, 1 and 2 prints, 3 job, 4 result, and close all others."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    high = [os.dup(fd) for fd in (nothing, prints, prints, job, result)]
    while min(high) < 5:
        high = [os.dup(fd) for fd in high]
    for target, fd in enumerate(high):
        os.dup2(fd, target)
    os.closerange(5, 4096)


def read_all(fd: int) -> bytes:
    """Read a descriptor to its end from its start."""
    with contextlib.suppress(OSError):
        os.lseek(fd, 0, os.SEEK_SET)
    chunks = []
    while chunk := os.read(fd, 1 << 16):
        chunks.append(chunk)
    return b"".join(chunks)


# --- the fork server: holds no secret, judges nothing --------------------------------------------------------------


def serve(control: socket.socket, limits: dict[str, Any], slot: int) -> None:
    """Answer jobs until the other side hangs up: fork a child for each, end it in time, say how it ended."""
    control.send(json.dumps({"ready": threads()}).encode())
    while True:
        message, fds, _, _ = socket.recv_fds(control, 64, 3)
        if not message:
            return
        if threads() != 1:
            os._exit(72)
        pid = os.fork()
        if pid == 0:
            control.close()
            job, result, prints = fds
            child(job, result, prints, limits, slot)
        for fd in fds:
            os.close(fd)
        control.send(json.dumps(reap(pid, limits["wall_seconds"])).encode())


def reap(pid: int, wall_seconds: float) -> dict[str, Any]:
    """Wait for a child, kill it and its group when its time is up, and say how it ended."""
    deadline, in_time = time.monotonic() + wall_seconds, True
    signal.set_wakeup_fd(-1)
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            in_time = False
            break
        signal.sigtimedwait({signal.SIGCHLD}, min(left, 1.0))
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "in_time": in_time, "cpu_seconds": usage.ru_utime + usage.ru_stime}


def threads() -> int:
    """Return how many threads this process has; forking is safe with one."""
    return len(os.listdir("/proc/self/task"))


def once(limits: dict[str, Any]) -> None:
    """Run the one job on standard input and write its frames to standard output: where there is no safe fork."""
    request = sys.stdin.buffer.read()
    result = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(result, os.O_BINARY)
    else:
        cpu = limits["cpu_seconds"]
        lower("CPU", cpu, cpu + 1)
        lower("FSIZE", 0)
        lower("CORE", 0)
    os.write(result, struct.pack("<I", 0))
    run(json.loads(request), result)
    os._exit(0)


def main(mode: str, settings: str, numpy_folder: str) -> None:
    """Load what student code may use, then serve or run once."""
    sys.path.append(numpy_folder)
    import numpy as np

    for name in PRELOADED:
        importlib.import_module(name)
    np.dot(np.ones((64, 64)), np.ones((64, 64)))
    np.random.default_rng(0).standard_normal(3)
    sys.path.clear()
    sys.argv[:] = [""]
    sys.modules["__main__"] = types.ModuleType("__main__")  # where the notebook's statements live
    limits = json.loads(settings)
    if mode == "once":
        once(limits)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=os.dup(0)), limits, limits["slot"])


if __name__ == "__main__":
    main(*sys.argv[1:])
