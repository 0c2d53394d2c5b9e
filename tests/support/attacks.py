"""The attack gallery: what student code may try, how each try has to end, and what must not have happened outside.

A row is the body of `def f(d)`: to reach its end is to have won.  `python tests/support/attacks.py [WORD]` runs the rows whose
name holds WORD, all by default, and prints what happened; `--json` gives the same as JSON.

Only ever run confined; the few rows that name a control are also run without (`wins`), to show that they would work.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import re
import runpy
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import grader.running.sandbox
from grader import resources
from grader.errors import LateError
from grader.exercise.limits import Limits
from grader.records import Call, Function, Outcome, Place, Unit
from grader.running.sandbox import Sandbox

LIMITS = Limits(cpu_seconds=1, wall_seconds=60.0)  # a busy machine may need long for what computes little
CALLS = (Call((3, 2, 1), 11), Call((2, 4, 1), 12))
FLOOR = ("rlimits", "no_new_privs", "seccomp", *(("own uid",) if os.getuid() == 0 else ()))
SHORT_SECONDS = 2.0  # of wall time, for an attack that may end by running out of it
CPU_SECONDS_AN_ATTACK = 6.0  # of the child, of its server and of the grader, decoding included
PEAK_MIB = 200  # of the grader, above what it had before
PREFIX = "swordfish-"

STOPPED = frozenset({"raised", "refused", "timed_out", "out_of_memory", "crashed"})
RAISED, TIMED_OUT = frozenset({"raised"}), frozenset({"timed_out"})
MEMORY = frozenset({"out_of_memory", "timed_out", "crashed"})
RETURNED, REFUSED, CRASHED = frozenset({"returned"}), frozenset({"refused"}), frozenset({"crashed"})
SEARCHED = RETURNED | TIMED_OUT  # it came back and said that it had found nothing, or a busy machine left it no time


@dataclass(frozen=True)
class Attack:
    """A try: its name, the body of its function, the ways it may end, and what the next student's code must not see.

    `wins` names the control that shows it at work: "bare" is our child without its own layers, "alone" a plain process,
    "planted" a child in which there is a secret to find.
    """

    name: str
    body: str
    ends: frozenset[str] = RAISED
    then: str = ""
    wins: str = ""
    machine: str = ""


# What every attack has at hand: the arena's facts, raw system calls, and two ways to try several things at once.
PRELUDE = '''
import builtins, ctypes, gc, json, math, os, re, resource, signal, socket, struct, sys, threading, time, types
import numpy as np
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    """A raw system call by name or number."""
    number = NUMBERS[name] if isinstance(name, str) else name
    longs = [a if isinstance(a, (bytes, ctypes.Array)) else ctypes.c_long(a) for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *longs)
    if result == -1:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result

def attempt(way):
    try:
        return way(), None
    except BaseException as error:
        return None, error

def any_of(*ways):
    """Go on if one of the ways works, else raise what the last one said."""
    said = [attempt(way)[1] for way in ways]
    if None not in said:
        raise said[-1]
    print([number for number, error in enumerate(said) if error is None])

def forged(arrays, index=0):
    """The bytes of a frame that says that a call returned these plain numbers."""
    text = lambda data: struct.pack("<H", len(data)) + data
    entries = [text(name) + text(b"ndarray") + text(b"float64") + b"\\0" + struct.pack("<d", value)
               for name, value in arrays.items()]
    frame = struct.pack("<BHH", 0, index, len(entries)) + b"".join(entries)
    return struct.pack("<I", len(frame)) + frame

def look(data):
    """Say whether the secret stands in some text or bytes."""
    data = data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")
    return re.search(PREFIX.encode() + b"[0-9a-f]{16}", data) is not None

LOST = {"won": 0.0}
'''

_COLUMN = {"x86_64": 0, "aarch64": 1}
_NUMBERS = {
    "openat": (257, 56), "openat2": (437, 437), "execve": (59, 221), "execveat": (322, 281), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "keyctl": (250, 219), "add_key": (248, 217), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241), "shmget": (29, 194),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "unshare": (272, 97), "setns": (308, 268),
    "clone": (56, 220), "clone3": (435, 435), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "ptrace": (101, 117), "prlimit64": (302, 261), "open_by_handle_at": (304, 265), "inotify_init1": (294, 26),
    "fanotify_init": (300, 262), "mount": (165, 40), "ftruncate": (77, 46), "personality": (135, 92), "prctl": (157, 167),
    "futex": (202, 98), "madvise": (28, 233), "membarrier": (324, 283), "mincore": (27, 232), "msync": (26, 227),
    "flock": (73, 32), "fcntl": (72, 25), "eventfd2": (290, 19), "set_robust_list": (273, 99), "rseq": (334, 293),
    "sysinfo": (99, 179), "seccomp": (317, 277), "kcmp": (312, 272), "dup": (32, 23), "timer_create": (222, 107), "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138), "ioctl": (16, 29),
}  # fmt: skip
# not even tried with arguments that mean nothing: they take none, or could stop, end or double something
_NEVER_TRIED = {  # pause fork vfork kill setsid vhangup sync reboot tkill tgkill; 335 and 336 (u(ret)probe) pass any filter
    "x86_64": {34, 57, 58, 62, 112, 153, 162, 169, 200, 234, 335, 336},
    "aarch64": {58, 81, 129, 130, 131, 142, 157, 220},
}

ATTACKS = (
    # --- time
    Attack("a Python loop without end", "while True:\n    pass", TIMED_OUT),
    Attack("one NumPy call that takes minutes", "np.convolve(np.ones(10**6), np.ones(10**6))", TIMED_OUT),
    Attack("one call of a big integer that takes minutes", "pow(3, 10**9)", MEMORY),
    Attack("a sleep", "time.sleep(60)", TIMED_OUT),
    Attack(
        "a loop that ignores every signal",
        """
        for number in range(1, 65):
            attempt(lambda: signal.signal(number, signal.SIG_IGN))
        while True:
            pass
        """,
        TIMED_OUT,
    ),
    Attack(
        "a loop that catches everything",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        TIMED_OUT,
    ),
    Attack("stopping oneself (SIGSTOP)", "os.kill(os.getpid(), signal.SIGSTOP)", RAISED | TIMED_OUT),
    Attack("a timer of one's own", "any_of(lambda: signal.alarm(9) and 1/0, lambda: call('timer_create', 0, 0, 0))"),
    Attack(
        "a flush at the end that never ends",
        """
        class Endless:
            def write(self, text): pass
            def flush(self):
                while True: pass
        sys.stdout = Endless()
        return LOST
        """,
        RETURNED,
    ),
    Attack("waiting for input", "return {'won': float(len(input()))}"),
    # --- memory
    Attack("a NumPy memory bomb of 3 GB", "np.ones(4 * 10**8)", MEMORY),
    Attack("a lazy array of 16 GB", "return {'won': 1.0, 'W1': np.zeros(2 * 10**9)}", MEMORY),
    Attack("a bomb of small objects", "kept = []\nwhile True:\n    kept.append([len(kept)])", MEMORY),
    Attack("a bomb of one growing string", "text = 'x'\nwhile True:\n    text += text", MEMORY),
    Attack(
        "memory from the kernel, 3 GB at once",
        """
        libc.mmap.restype = ctypes.c_long
        address = libc.mmap(None, ctypes.c_size_t(3 << 30), 3, 0x22, -1, 0)
        if address == -1:
            raise MemoryError("mmap")
        """,
        MEMORY,
    ),
    Attack(
        "raising one's own limits",
        """
        most = resource.RLIM_INFINITY
        any_of(
            lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
            lambda: resource.setrlimit(resource.RLIMIT_CPU, (most, most)),
            lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
            lambda: call("prlimit64", 0, resource.RLIMIT_AS, struct.pack("qq", -1, -1), 0),
        )
        """,
    ),
    Attack(
        "taking more of the processor",
        """
        any_of(
            lambda: os.nice(-5), lambda: os.setpriority(os.PRIO_PROCESS, 0, -5), lambda: os.sched_setaffinity(0, {0}),
            lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
        )
        """,
    ),
    # --- processes
    Attack(
        "a fork bomb",
        """
        for _ in range(20):
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        """,
        wins="bare",
    ),
    Attack(
        "a thread bomb",
        """
        threads = [threading.Thread(target=time.sleep, args=(0.02,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
        wins="bare",
    ),
    Attack(
        "a daemon left behind",
        """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(20)
            os._exit(0)
        """,
    ),
    Attack(
        "other ways to make a process",
        """
        any_of(
            lambda: os.posix_spawn("/bin/true", ["true"], {}), lambda: os.forkpty(), lambda: os.popen("true").read(),
            lambda: __import__("subprocess").run(["true"]), lambda: __import__("multiprocessing").Process().start(),
            lambda: call("clone3", struct.pack("<QQQQQQQQ", 0, 0, 0, 0, 17, 0, 0, 0), 64),
        )
        """,
    ),
    Attack("a shell", "if os.system(f'touch {shared}/owned') != 0:\n    raise OSError('no shell')", wins="alone"),
    Attack("becoming another program", "os.execv('/bin/sh', ['sh', '-c', f'touch {shared}/owned'])"),
    Attack("leaving with exit code 0", "os._exit(0)", CRASHED),
    Attack("sys.exit", "sys.exit(0)"),
    Attack("a keyboard interrupt", "raise KeyboardInterrupt"),
    Attack("a segmentation fault", "ctypes.string_at(0)", CRASHED),
    Attack("abort", "os.abort()", CRASHED),
    Attack(
        "ending oneself as something outside would (signals)",
        """
        for number in range(1, 65):
            attempt(lambda: signal.signal(number, signal.SIG_DFL))
            for way in (lambda: os.kill(os.getpid(), number), lambda: os.kill(0, number), lambda: signal.raise_signal(number),
                        lambda: call("tgkill", os.getpid(), os.getpid(), number), lambda: call("rt_sigqueueinfo", os.getpid(), number, bytes(128))):
                if attempt(way)[1] is None:
                    return {"won": 1.0}
        for way in (lambda: signal.alarm(1), lambda: signal.setitimer(0, 0.001), lambda: signal.setitimer(1, 0.001), lambda: call("timer_create", 0, 0, 0),
                    *[lambda fd=fd: os.write(fd, b"x") for fd in (0, 3, *range(6, 20))], lambda: os.pread(0, 1, 0), lambda: call("prctl", 1, 9)):
            attempt(way)
        return LOST
        """,
        RETURNED,
    ),
    Attack(
        "a C stack overflow",
        """
        nest = ()
        for _ in range(10**6):
            nest = (nest,)
        hash(nest)
        """,
        CRASHED | TIMED_OUT,
    ),
    # --- disk and output
    Attack(
        "filling the disk",
        """
        def fill(path):
            with open(path, "wb") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
        any_of(*[lambda path=path: fill(path) for path in (f"{shared}/fill", "/tmp/fill", "/dev/shm/fill", "fill")])
        """,
    ),
    Attack("filling memory files", "call('memfd_create', b'x', 0)"),
    Attack("a flood of prints", "while True:\n    os.write(1, b'x' * (1 << 20))", TIMED_OUT),
    Attack("a flood of results", "while True:\n    os.write(4, b'x' * (1 << 20))", REFUSED | TIMED_OUT),
    Attack(
        "a flood of empty frames",
        "for _ in range(24):\n    os.write(4, bytes(1 << 20))\nreturn LOST",
        REFUSED | TIMED_OUT,
    ),
    Attack(
        "a flood of tiny right frames",
        "frame = forged({}) * 100_000\nfor _ in range(24):\n    os.write(4, frame)\nreturn LOST",
        REFUSED | SEARCHED,
    ),
    Attack(
        "five arrays of a million numbers",
        "return {'won': 1.0, **{str(n): np.zeros(1 << 20) for n in range(5)}}",
        REFUSED | TIMED_OUT,
    ),
    # --- network
    Attack("a TCP connection", "socket.socket().connect(('127.0.0.1', tcp))", wins="alone"),
    Attack(
        "a UDP packet",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('127.0.0.1', udp))",
        wins="alone",
    ),
    Attack("an abstract Unix socket", "socket.socket(socket.AF_UNIX).connect('\\0' + abstract)", wins="alone"),
    Attack("a Unix socket by its path", "socket.socket(socket.AF_UNIX).connect(unix)", wins="alone"),
    Attack("a server of one's own", "socket.socket().bind(('127.0.0.1', 0))", wins="alone"),
    Attack("a pair of sockets", "socket.socketpair()", wins="bare"),
    Attack("a pipe", "os.pipe()", wins="bare"),
    Attack(
        "sockets of other kinds",
        """
        kinds = [(40, 1), (16, 3), (17, 3), (38, 5), (10, 3), (2, 3)]  # vsock, netlink, packet, alg, raw
        any_of(*[lambda kind=kind: socket.socket(*kind) for kind in kinds])
        """,
    ),
    # --- reading
    Attack("reading /etc/passwd", "return {'won': float(len(open('/etc/passwd').read()))}", wins="alone"),
    Attack("reading the answers file", "return {'won': float(look(open(answers).read()))}", wins="alone"),
    Attack("reading the reference of the installation", "open(f'{reference}/solution.ipynb').read()", wins="alone"),
    Attack("reading the source of the grader", "open(f'{package}/pipeline.py').read()", wins="alone"),
    Attack("reading another student's submission", "return {'won': float(look(open(other).read()))}", wins="alone"),
    Attack("reading the results database", "return {'won': float(look(open(database, 'rb').read()))}", wins="alone"),
    Attack("changing the results database", "open(database, 'ab').write(b'30 of 30')"),
    Attack(
        "reading the grader through /proc",
        """
        def memory(pid):
            with open(f"/proc/{pid}/mem", "rb", 0) as file:
                file.seek(id(os))
                return file.read(8)
        ways = [lambda pid=pid, name=name: open(f"/proc/{pid}/{name}", "rb").read()
                for pid in (grader, server, os.getppid(), "self", 1)
                for name in ("environ", "maps", "cmdline", "root/etc/passwd", "cwd/etc/passwd", "stack", "status")]
        any_of(*ways, *[lambda pid=pid: memory(pid) for pid in (grader, server, os.getppid(), "self")])
        """,
    ),
    Attack("asking what the root folder is", "os.stat('/')", wins="bare"),
    Attack(
        "every other way to use a path",
        """
        there = f"{shared}/x"
        any_of(
            lambda: os.listdir("/"), lambda: os.scandir("."), lambda: os.lstat("/etc/passwd"), lambda: os.chdir("/"),
            lambda: os.access("/", os.R_OK) or 1 / 0, lambda: os.readlink("/proc/self/exe"), lambda: os.statvfs("/"),
            lambda: os.mkdir(there), lambda: os.mkfifo(there), lambda: os.mknod(there), lambda: os.chroot("/"),
            lambda: os.rename(other, there), lambda: os.unlink(other), lambda: os.chmod(other, 0o777),
            lambda: os.truncate(other, 0), lambda: os.utime(other), lambda: os.getxattr("/", "user.x"),
            lambda: os.open("/", os.O_PATH), lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR),
            lambda: call("openat", -100, b"/etc/passwd", 0, 0),
            lambda: call("openat2", -100, b"/etc/passwd", bytes(24), 24),
            lambda: call("open_by_handle_at", -100, bytes(64), 0), lambda: call("inotify_init1", 0),
            lambda: call("fanotify_init", 0, 0), lambda: call("execveat", -100, b"/bin/true", 0, 0, 0),
            lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
        )
        """,
        wins="bare",
    ),
    Attack(
        "importing the grader or its reference",
        """
        import importlib
                sys.path[:] = [str(package).rpartition("/")[0], package, reference, shared, ""]
        sys.path_importer_cache.clear()
        importlib.invalidate_caches()
        any_of(
            lambda: importlib.import_module("grader"), lambda: importlib.import_module("pipeline"),
            lambda: SourceFileLoader("pipeline", f"{package}/pipeline.py").load_module(),
        )
        """,
    ),
    Attack(
        "descriptors that others left open",
        "open_ones = [fd for fd in range(6, 1 << 12) if attempt(lambda: os.lseek(fd, 0, 1))[1].__class__ is not OSError"
        " or attempt(lambda: os.lseek(fd, 0, 1))[1].errno != 9]\nreturn {'won': float(len(open_ones))}",
        RETURNED,
    ),
    Attack(
        "changing the job that one was given",
        """
        libc.mmap.restype = ctypes.c_long
        def shared_map():
            if libc.mmap(None, ctypes.c_size_t(4096), 3, 1, 3, 0) == -1:
                raise OSError("mmap")
        any_of(lambda: os.write(3, b"x"), lambda: os.ftruncate(3, 0), lambda: os.pwrite(3, b"x", 0), shared_map)
        """,
    ),
    # --- other processes
    Attack("killing the fork server", "os.kill(server, 0)"),
    Attack("killing the parent", "os.kill(os.getppid() or 1, 0)"),
    Attack("signalling the grader", "any_of(lambda: os.kill(grader, 0), lambda: call('pidfd_open', grader, 0))"),
    Attack("killing another submission", "any_of(lambda: os.kill(sibling, 9), lambda: os.killpg(sibling, 9))"),
    Attack(
        "tracing another submission",
        "any_of(lambda: call('ptrace', 0x4206, sibling, 0, 0), lambda: call('kcmp', sibling, os.getpid(), 0, 0, 0))",
    ),
    Attack(
        "reading another process's memory",
        """
        room = ctypes.create_string_buffer(8)
        mine = struct.pack("QQ", ctypes.addressof(room), 8)
        theirs = struct.pack("QQ", id(os), 8)
        any_of(*[lambda pid=pid: call("process_vm_readv", pid, mine, 1, theirs, 1, 0)
                 for pid in (grader, server, sibling, os.getppid(), os.getpid())])
        """,
    ),
    # --- searching at home
    Attack(
        "searching the environment",
        """
        environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
        found, at = [], 0
        while environ and environ[at]:
            found.append(environ[at])
            at += 1
        return {"won": float(look(repr(dict(os.environ)) + repr(found) + repr(sys.argv) + repr(sys.orig_argv)))}
        """,
        SEARCHED,
        wins="planted",
    ),
    Attack(
        "walking frames and objects in search of answers",
        """
        def reachable():
            frame = sys._getframe()
            while frame is not None:
                yield from (frame.f_locals, frame.f_globals)
                frame = frame.f_back
            yield from (vars(module) for module in list(sys.modules.values()) if hasattr(module, "__dict__"))
            yield from (thing for thing in gc.get_objects() if type(thing) in (dict, list, tuple, set))
        def first(array):
            return float(array.flat[0]) if array.size and array.dtype.kind == "f" else 0.0
        hints = 0
        for holder in reachable():
            values = list(holder.values()) if isinstance(holder, dict) else list(holder)
            hints += sum(type(v) is str and look(v) for v in values)
            hints += sum(isinstance(v, np.ndarray) and abs(first(v) - 17.8862847) < 1e-6 for v in values)
        hints += sum(name.split(".")[0] == "grader" for name in sys.modules)
        return {"won": float(hints)}
        """,
        SEARCHED,
        wins="planted",
    ),
    Attack(
        "reading one's own memory as it is, page by page",
        """
        libc.sbrk.restype = ctypes.c_void_p
        page, most, found, seen = 1 << 12, 16 << 20, 0, set()
        anchors = [libc.sbrk(0) - page, id(os), id(look), id(PREFIX), id(np), ctypes.addressof(ctypes.c_long())]
        for anchor in anchors:
            for step in (page, -page):
                start = anchor & -page
                while start not in seen and abs(start - anchor) < most:
                    if libc.write(1, ctypes.c_void_p(start), 1) != 1:  # EFAULT: nothing there
                        break
                    seen.add(start)
                    found += look(ctypes.string_at(start, page))
                    start += step
                seen.discard(anchor & -page)
        return {"won": float(found)}
        """,
        SEARCHED,
        wins="planted",
    ),
    Attack(
        "signs of the grader in the list of modules",
        """
        names = ("answer", "confine", "kernel", "modules", "standins", "grader")
        return {"won": float(len([name for name in names if name in sys.modules]) + len(sys.path) + len(sys.argv[0]))}
        """,
        RETURNED,
    ),
    Attack(
        "an array that claims memory that is not its own",
        """
        class Claim:
            __array_interface__ = {"data": (id(os) & ~0xFFF, False), "shape": (1 << 18,), "typestr": "<f8", "version": 3}
        return {"W1": Claim()}
        """,
        RETURNED | CRASHED,
    ),
    # --- the next student
    Attack("a link in a shared folder", "any_of(lambda: os.symlink('/', f'{shared}/l'), lambda: os.link(other, f'{shared}/h'))",
           wins="alone"),
    Attack(
        "poisoning a module for the next run",
        """
        np.zeros = np.random.seed = np.ndarray.__add__ = None if False else lambda *a, **k: 1 / 0
        json.dumps = json.loads = struct.pack = lambda *a, **k: b""
        sys.modules["numpy.linalg"] = types.ModuleType("numpy.linalg")
        builtins.poisoned = True
        open(f"{shared}/numpy.py", "w").write("poisoned = True")
        """,
        then="return {'won': float(hasattr(builtins, 'poisoned') or np.zeros(2).sum() or not hasattr(np.linalg, 'solve'))}",
        ends=STOPPED,
    ),
    Attack(
        "a message to the next student",
        """
        any_of(
            lambda: open("/dev/shm/message", "w").write("x"), lambda: call("shmget", 0x5EC2E7, 4096, 0o1666),
            lambda: call("msgget", 0x5EC2E7, 0o1666), lambda: call("semget", 0x5EC2E7, 1, 0o1666),
            lambda: call("mq_open", b"message", 0o102, 0o666, 0),
            lambda: call("add_key", b"user", b"message", b"x", 1, -3), lambda: call("keyctl", 1, 0),
        )
        """,
        then="call('shmget', 0x5EC2E7, 4096, 0)\nreturn {'won': 1.0}",
    ),
    Attack(
        "waking another process that waits at a place of the C library (futex)",
        """
        libc.syscall.restype = ctypes.c_long
        place = ctypes.c_long(ctypes.cast(libc.getpid, ctypes.c_void_p).value & -8)
        at_once = struct.pack("qq", 0, 1)
        shared = [operation | clock for operation in range(16) for clock in (0, 256)] + [128 + n for n in (6, 7, 8, 13, 99)]
        any_of(*[lambda operation=operation: call("futex", place.value, operation, 1, at_once, 0, -1) or 1
                 for operation in shared])
        """,
        wins="bare",
    ),
    Attack(
        "other things that a kernel shares between processes",
        """
        page = id(os) & -4096
        own = struct.pack("hhqqi", 1, 0, 0, 0, 0)
        any_of(
            lambda: call("membarrier", 8, 0), lambda: call("mincore", page, 4096, bytes(8)), lambda: call("msync", page, 4096, 4),
            *[lambda advice=advice: call("madvise", page, 4096, advice) for advice in (3, 9, 12, 20, 21, 22, 23, 25, 100, 101)],
            *[lambda fd=fd: call("flock", fd, 6) for fd in range(6)],
            *[lambda fd=fd, ask=ask: call("fcntl", fd, ask, own) for fd in range(6) for ask in (1, 4, 6, 8, 9, 37, 1024, 1031, 1033)],
            lambda: call("eventfd2", 0, 0), lambda: call("set_robust_list", page, 24), lambda: call("sysinfo", bytes(128)),
            lambda: call("rseq", bytes(32), 32, 0, 1),
        )
        """,
    ),
    Attack(
        "a position in a file that all children have",
        "os.lseek(0, 1000, 0)\nreturn {'won': float(os.lseek(0, 0, 1))}",
        RETURNED,
        then="return {'won': float(os.lseek(0, 0, 1))}",
    ),
    Attack("writing where the next student reads", "os.lseek(0, 1000, 0)\nos.write(0, b'message')",
           then="return {'won': float(len(os.read(0, 10)))}"),
    # --- results
    Attack(
        "a forged frame with points in it",
        """
        os.write(4, forged({b"score": 30.0, b"points": 10.0, b"passed": 1.0}) + forged({b"verdict": 1.0}, 1))
        os._exit(0)
        """,
        RETURNED,
    ),
    Attack("saying that all is done, and going on", "os.write(5, b'.')\nwhile True:\n    pass", CRASHED),
    Attack("a flood of words that all is done", "while True:\n    os.write(5, b'.' * (1 << 16))", CRASHED),
    Attack("hanging up on the grader", "os.close(5)\nreturn LOST", RETURNED),
    Attack("bytes that are no frame", "os.write(4, b'\\x05\\0\\0\\0hello')\nos._exit(0)", REFUSED),
    Attack(
        "a frame whose sizes lie",
        "os.write(4, struct.pack('<IBHH', 5, 0, 0, 65535))\nos._exit(0)",
        REFUSED,
    ),
    Attack(
        "names of 64 KB full of escape sequences",
        "os.write(4, forged({b'\\x1b[2J' * 16_000 + b'%d' % n: 0.0 for n in range(64)}))\nos._exit(0)",
        REFUSED | RETURNED | CRASHED,
    ),
    Attack(
        "handlers that run at the end",
        """
        import atexit, weakref
        late = lambda *_: os.write(4, forged({b"won": 1.0}) * 2)
        atexit.register(late)
        threading._register_atexit(late)
        class Last:
            def __del__(self): late()
        builtins.kept = Last()
        sys.exitfunc = late
        os._exit(0)
        """,
        CRASHED,
    ),
    Attack(
        "patching what judges, measures and sends",
        """
        np.allclose = np.array_equal = np.testing.assert_allclose = lambda *a, **k: True
        time.monotonic = time.time = lambda: 0.0
        os.write = lambda fd, data: 0
        return LOST
        """,
        RETURNED,
    ),
    Attack(
        "patching the worker's own module",
        """
        answer = sys._getframe(1).f_globals
        answer["answer"] = lambda *_: b"\\x09" * 100
        answer["raised"] = answer["returned"] = lambda *_: 1 / 0
        answer["MAX_NUMBERS"] = answer["MAX_ITEMS"] = 10**12
        return LOST
        """,
        STOPPED,
    ),
    Attack(
        "a dictionary that lies",
        """
        class Evil(dict):
            def items(self): return iter([("won", 1.0)] * 10**9)
            keys = values = __iter__ = items
            def __len__(self): return -1
            def __eq__(self, other): return True
            def __getitem__(self, name): return 1.0
            def __reduce__(self): return os.system, ("touch owned",)
            __hash__ = None
        return Evil(W1=0.0)
        """,
        RETURNED,
    ),
    Attack(
        "an array that lies",
        """
        class Evil(np.ndarray):
            def __array__(self, *a, **k): raise SystemExit
            def __array_finalize__(self, other): pass
            def __array_function__(self, *a, **k): return True
            def __array_ufunc__(self, *a, **k): return True
            def __eq__(self, other): return True
            def __len__(self): return 10**12
            def __reduce__(self): return os.system, ("touch owned",)
            def tobytes(self, *a): return b"x" * 10**9
            shape = property(lambda self: (1 << 62,))
        return {"W1": np.zeros((2, 3)).view(Evil)}
        """,
        RETURNED | STOPPED,
    ),
    Attack(
        "an object with a conversion of its own",
        """
        class Evil:
            def __array__(self, *a, **k): return np.zeros(1 << 24)
            def __reduce__(self): return os.system, ("touch owned",)
        return {"W1": Evil()}
        """,
        REFUSED,
    ),
    Attack("a view of 80 GB", "return {'W1': np.broadcast_to(np.float64(1), (10**10,))}", REFUSED),
    Attack("an empty array with an endless side", "return {'W1': np.empty((0, 2**62))}", REFUSED | RAISED),
    Attack("an array of objects", "return {'W1': np.array([print, {}], dtype=object)}", REFUSED),
    Attack("an array of text", "return {'W1': np.array(['1.0'])}", REFUSED),
    Attack("NaN and infinity", "return {'W1': np.array([np.nan, np.inf, -np.inf])}", RETURNED),
    Attack(
        "a name that never ends",
        "class Name(str):\n    __repr__ = __str__ = lambda self: 'x' * 10**8\nreturn {Name(): 0.0, ('t',) * 10**6: 1.0}",
        RETURNED | MEMORY,
    ),
    Attack(
        "an exception that never ends and writes on the terminal",
        "raise type('\\x1b]0;owned\\x07' * 10**5, (Exception,), {})('\\x1b[2J\\u202e' * 10**6)",
    ),
    Attack(
        "an exception whose text is a loop",
        "class Evil(Exception):\n    def __str__(self):\n        while True: pass\nraise Evil",
        TIMED_OUT,
    ),
    Attack(
        "an exception that points at lines that are not there",
        """
        error = SyntaxError("here")
        error.filename, error.lineno = "<unit 99999>", 2**31 - 1
        raise error
        """,
    ),
    Attack(
        "an exception that breaks the frame it is sent in",
        """
        f.__code__ = f.__code__.replace(co_filename=f"<unit {10**20}>")
        raise SyntaxError("here")
        """,
        CRASHED | RAISED,
    ),
    Attack("our own exception", "raise sys._getframe(1).f_globals['Refused']('\\x1b[31m30 of 30\\u202e')", REFUSED),
    # --- the kernel
    Attack("a ring of io_uring", "call('io_uring_setup', 8, bytes(120))"),
    Attack("a user namespace", "any_of(*[lambda kind=kind: call('unshare', kind) for kind in (1 << 28, 1 << 17, 1 << 30)])"),
    Attack(
        "rare system calls",
        """
        any_of(
            lambda: call("memfd_create", b"x", 0), lambda: call("memfd_secret", 0), lambda: call("keyctl", 0, -3, 1),
            lambda: call("userfaultfd", 0), lambda: call("bpf", 0, bytes(48), 48), lambda: call("personality", 0xFFFFFFFF),
            lambda: call("perf_event_open", bytes(128), 0, -1, -1, 0), lambda: call("pidfd_getfd", 3, 0, 0),
            lambda: call("setns", 3, 0), lambda: call("dup", 4), lambda: call("ioctl", 1, 0x5401, bytes(64)),
        )
        """,
        wins="bare",
    ),
    Attack(
        "lifting the filter",
        """
        any_of(
            lambda: call("prctl", 22, 0, 0, 0, 0), lambda: call("seccomp", 1, 0, bytes(16)), lambda: call("prctl", 38, 0, 0, 0, 0),
            lambda: call("prctl", 4, 1, 0, 0, 0), lambda: os.setuid(0), lambda: os.setgroups([0]), lambda: os.setsid(),
        )
        """,
        wins="bare",
    ),
    Attack(
        "seeing that another process is there, and how long it has computed",
        """
        clock = (~sibling << 3) | 2
        any_of(
            lambda: os.sched_getaffinity(sibling), lambda: call("sched_getaffinity", sibling | 1 << 32, 8, bytes(8)),
            lambda: time.clock_gettime(clock), lambda: time.clock_getres(clock), lambda: time.clock_gettime(~grader << 3),
            lambda: os.getpgid(sibling), lambda: os.getsid(sibling), lambda: os.getpriority(0, sibling),
            lambda: os.sched_getscheduler(sibling), lambda: os.sched_getparam(sibling), lambda: os.kill(sibling, 0),
            lambda: os.pidfd_open(sibling), lambda: os.stat(f"/proc/{sibling}"),
        )
        """,
        wins="bare",
    ),
    Attack(
        "telling a process that is there from one that is not",
        """
        clock = lambda pid: (~pid << 3) | 2
        said = {}
        for pid in (sibling, grader, server, os.getppid() or 1, 4_194_303, 4_194_302):
            ways = [lambda: call(number, pid, bytes(64), bytes(64), bytes(64)) for number in sorted(set(range(470)) - set(NEVER_TRIED)
                    - set(ALLOWED))]
            ways += [lambda: os.sched_getaffinity(pid), lambda: time.clock_gettime(clock(pid))]
            for number, way in enumerate(ways):
                said.setdefault(number, set()).add(getattr(attempt(way)[1], "errno", 0))
        return {"won": float(any(len(codes) > 1 for codes in said.values()))}
        """,
        SEARCHED,
    ),
    Attack(
        "every system call that is not on the list",
        """
        listed = set(ALLOWED)
        let_through = []
        for number in set(range(470)) - listed - set(NEVER_TRIED):
            _, error = attempt(lambda: call(number, -1, -1, -1, -1, -1, -1))
            if getattr(error, "errno", 0) != 1:  # EPERM
                let_through.append(number)
        return {"won": float(len(let_through)), **{str(number): 1.0 for number in let_through[:60]}}
        """,
        RETURNED,
    ),
    Attack(
        "system calls of another machine (int 0x80)",
        """
        libc.mmap.restype = ctypes.c_long
        code = b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3"
        address = libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, 0)
        ctypes.memmove(address, code, len(code))
        ctypes.CFUNCTYPE(ctypes.c_int)(address)()
        """,
        CRASHED,
        machine="x86_64",
    ),
    Attack("system calls of another machine (x32)", "call(0x40000000 | 39)", machine="x86_64"),
)  # fmt: skip


# --- what must stay as it is -----------------------------------------------------------------------------------------


class Arena:
    """A place with things to steal, to change and to reach, that notices if somebody does."""

    def __init__(self, uid: int | None = None) -> None:
        self.secret = PREFIX + secrets.token_hex(8)
        self.folder = Path(tempfile.mkdtemp(prefix="arena-"))
        self.folder.chmod(0o755)
        self.shared = self.folder / "shared"
        self.shared.mkdir()
        self.shared.chmod(0o777)
        for name, mode in (("answers.txt", 0o600), ("eve.ipynb", 0o666), ("grades.sqlite", 0o666)):
            (self.folder / name).write_text(self.secret)
            (self.folder / name).chmod(mode)
        os.environ["GALLERY_SECRET"] = self.secret
        self._listeners = {kind: self._listen(*where) for kind, where in self._where().items()}
        become = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        sleep = [shutil.which("sleep") or "/bin/sleep", "600"]
        self._sibling = subprocess.Popen(sleep, env={}, start_new_session=True, **become)  # type: ignore[call-overload]
        self._tree = self._seen()

    def __enter__(self) -> Arena:
        return self

    def __exit__(self, *_: object) -> None:
        self._sibling.kill()
        self._sibling.wait()
        for listener in self._listeners.values():
            listener.close()
        os.environ.pop("GALLERY_SECRET", None)
        shutil.rmtree(self.folder)

    def facts(self, server: int) -> dict[str, Any]:
        """Return what an attacker is told, everything but the secret."""
        reference = resources.reference() / "dls-c2w1-initialization"
        return {
            **{name: str(self.folder / file) for name, file in _FILES.items()},
            "reference": str(reference),
            "package": str(Path(resources.__file__).parent),
            "tcp": self._listeners["tcp"].getsockname()[1],
            "udp": self._listeners["udp"].getsockname()[1],
            "abstract": self._abstract,
            "grader": os.getpid(),
            "server": server,
            "sibling": self._sibling.pid,
            "PREFIX": PREFIX[:4] + PREFIX[4:],
            "NUMBERS": {name: row[_COLUMN[platform.machine()]] for name, row in _NUMBERS.items()},
            "ALLOWED": _allowed_calls(),
            "NEVER_TRIED": sorted(_NEVER_TRIED[platform.machine()]),
        }

    def changed(self) -> list[str]:
        """Return what happened here since this was last asked."""
        said = [f"somebody reached {kind}" for kind, listener in self._listeners.items() if _reached(listener)]
        if self._sibling.poll() is not None:
            said.append("another process was killed")
        before, self._tree = self._tree, self._seen()
        said += [f"{name} changed" for name in sorted(before.items() ^ self._tree.items())]
        return said

    def _where(self) -> dict[str, tuple[int, int, Any]]:
        self._abstract = f"arena-{secrets.token_hex(6)}"
        return {
            "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, "\0" + self._abstract),
            "unix": (socket.AF_UNIX, socket.SOCK_STREAM, str(self.folder / "socket")),
        }

    def _listen(self, family: int, kind: int, address: Any) -> socket.socket:
        listener = socket.socket(family, kind)
        listener.bind(address)
        if family == socket.AF_UNIX and isinstance(address, str) and not address.startswith("\0"):
            Path(address).chmod(0o777)
        if kind == socket.SOCK_STREAM:
            listener.listen(8)
        listener.setblocking(False)
        return listener

    def _seen(self) -> dict[str, tuple[object, ...]]:
        places = [*self.folder.rglob("*"), *map(Path, ("/tmp/fill", "/dev/shm/fill", "/dev/shm/message", "/fill"))]
        found = {str(path): path.lstat() for path in places if path.is_symlink() or path.exists()}
        return {name: (s.st_mode, s.st_size, s.st_mtime_ns, s.st_nlink) for name, s in found.items()}


@functools.cache
def _allowed_calls() -> list[int]:
    """Return the numbers of the system calls that the worker's filter leaves; nothing of ours imports the worker."""
    path = Path(grader.running.sandbox.__file__).parent / "worker" / "kernel.py"
    return sorted(runpy.run_path(str(path))["allowed_calls"]().values())


_allowed_calls()  # before there are threads, in which runpy is not safe

_FILES = {
    "answers": "answers.txt",
    "other": "eve.ipynb",
    "database": "grades.sqlite",
    "shared": "shared",
    "unix": "socket",
}


def _reached(listener: socket.socket) -> bool:
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(100)
        else:
            listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


class Peak:
    """The largest resident memory of this process while it is open, above what it was before."""

    def __enter__(self) -> Peak:
        self._over = threading.Event()
        self._before = self._most = self._now()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def mib(self) -> float:
        return max(0.0, (max(self._most, self._now()) - self._before) / 2**20)

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._most = max(self._most, self._now())

    @staticmethod
    def _now() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


# --- one attack ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """What happened: how each call ended, what the grader says of it, what it cost, and what is wrong, if anything."""

    name: str
    ended: tuple[str, ...]
    message: str
    cpu_seconds: float
    peak_mib: float
    wrong: tuple[str, ...] = field(default=())


def function(body: str, facts: dict[str, Any]) -> Function:
    """Return the attack as a function that a notebook might hold."""
    given = "\n".join(f"{name} = {value!r}" for name, value in facts.items()) + PRELUDE
    text = "def f(d):\n" + textwrap.indent(dedented(body), "    ") + "\n    return {'won': 1.0}\n"
    return Function("f", "found", units=(Unit(given, Place(1, 1)), Unit(text, Place(1, 2))))


def dedented(body: str) -> str:
    """Return a body at the left margin."""
    return textwrap.dedent(body).strip("\n")


def perform(attack: Attack, sandbox: Sandbox, arena: Arena, layers: Sequence[str] | None = None) -> Record:
    """Run one attack, and after it the next student's code; say what is wrong with how it went."""
    assert sandbox.layers
    server = sandbox.server
    facts = arena.facts(server.process.pid)  # type: ignore[union-attr]
    before = _cpu_seconds(server)
    wall_seconds = SHORT_SECONDS if "timed_out" in attack.ends else None
    with Peak() as peak:
        try:
            outcomes = sandbox.run(function(attack.body, facts), CALLS, layers=layers, wall_seconds=wall_seconds)
        except LateError:  # a busy machine: once more, with all the time that a busy machine may need
            outcomes = sandbox.run(function(attack.body, facts), CALLS, layers=layers)
        after = sandbox.run(function(attack.then, facts), CALLS[:1], layers=layers) if attack.then else ()
        mib = peak.mib
    cpu_seconds = _cpu_seconds(server) - before
    wrong = [*_wrong(attack, outcomes, arena), *(f"the next student: {text}" for text in _won(after))]
    wrong += [] if cpu_seconds < CPU_SECONDS_AN_ATTACK else [f"it took {cpu_seconds:.0f} processor seconds"]
    wrong += [] if mib < PEAK_MIB else [f"the grader grew by {mib:.0f} MiB"]
    wrong += arena.changed()
    if sandbox.server is not server:
        wrong.append("the fork server is another one now")
    ended = tuple(outcome.ended for outcome in outcomes)
    return Record(attack.name, ended, _message(outcomes), cpu_seconds, mib, tuple(wrong))


def _cpu_seconds(server: Any) -> float:
    """Return the processor time so far: of this thread, of a fork server, and of its children that have ended."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return time.thread_time() + sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _message(outcomes: Sequence[Outcome]) -> str:
    """Return what the grader says of the first call, or the names of what came back."""
    first = outcomes[0]
    return first.message or " ".join(f"{name[:20]!r}{list(array.shape)}" for name, array in first.arrays.items())[:200]


def _wrong(attack: Attack, outcomes: Sequence[Outcome], arena: Arena) -> Iterator[str]:
    yield from _won(outcomes)
    if outcomes[0].ended not in attack.ends:
        yield f"it {outcomes[0].ended} ({outcomes[0].message}), expected was {' or '.join(sorted(attack.ends))}"
    for outcome in outcomes:
        if not outcome.message.isprintable() or len(outcome.message) > 700:
            yield "its message is not clean"
        if arena.secret in outcome.message or any(arena.secret.encode() in a.data for a in outcome.arrays.values()):
            yield "the secret came back"


def _won(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for outcome in outcomes:
        won = outcome.arrays.get("won")
        if won is not None and not all(value == 0 for value in won.numpy().ravel()):
            yield f"it won: {outcome}"[:300]


def left_behind(sandbox: Sandbox) -> list[int]:
    """Return the processes that come from this sandbox's fork server and are not it."""
    server = sandbox.server.process.pid  # type: ignore[union-attr]
    own = Path(f"/proc/{server}/cmdline").read_bytes()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes() == own and int(path.parent.name) != server:
                found.append(int(path.parent.name))
    return found


def own_uid(limits: Limits = LIMITS) -> int | None:
    """Return the id that children have when the grader is root."""
    return limits.first_uid + os.getpid() % 1000 if os.getuid() == 0 else None


def here(attacks: Sequence[Attack] = ATTACKS) -> list[Attack]:
    """Return the attacks that exist on this kind of machine."""
    return [attack for attack in attacks if attack.machine in ("", platform.machine())]


# --- the whole gallery -----------------------------------------------------------------------------------------------


def gallery(attacks: Sequence[Attack], layers: Sequence[str] | None = None, lanes: int = 2) -> list[Record]:
    """Perform attacks in a few lanes, each with an arena and a fork server of its own."""
    with ThreadPoolExecutor(
        lanes
    ) as pool:  # its threads live until the end: a server dies with the thread that made it
        parts = [pool.submit(_lane, attacks[lane::lanes], layers) for lane in range(lanes)]
        records = {record.name: record for part in parts for record in part.result()}
    return [records[attack.name] for attack in attacks]


def _lane(attacks: Sequence[Attack], layers: Sequence[str] | None) -> list[Record]:
    with Arena(own_uid()) as arena, Sandbox(LIMITS) as sandbox:
        return [perform(attack, sandbox, arena, layers) for attack in attacks]


def table(records: Sequence[Record]) -> str:
    """Return a line for each attack: what it was, how it ended, what the grader says, and what is wrong."""
    wide = max(len(record.name) for record in records)
    lines = [f"{'attack':{wide}}  {'ended':22}  {'cpu':>4}  {'MiB':>4}  message"]
    for record in records:
        ended = "/".join(dict.fromkeys(record.ended))
        said = re.sub(r"^(.{90}).+", r"\1 ...", record.message)
        lines.append(f"{record.name:{wide}}  {ended:22}  {record.cpu_seconds:4.1f}  {record.peak_mib:4.0f}  {said}")
        lines += [f"{'':{wide}}  WRONG: {text}" for text in record.wrong]
    worked = sum(bool(record.wrong) for record in records)
    cpu_seconds = sum(record.cpu_seconds for record in records)
    lines.append(f"{len(records)} attacks, {worked} went wrong, {cpu_seconds:.0f} processor seconds")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the gallery, or write it as JSON; end with 1 if something went wrong."""
    words = [word for word in arguments if not word.startswith("--")]
    chosen = [attack for attack in here() if all(word in attack.name for word in words)]
    records = gallery(chosen, FLOOR if "--floor" in arguments else None)
    if "--json" in arguments:
        with Sandbox(LIMITS) as sandbox:
            facts = {"uid": os.getuid(), "layers": sandbox.layers, "package": resources.__file__}
        print(json.dumps({**facts, "records": [asdict(record) for record in records]}))
    else:
        print(table(records))
    return int(any(record.wrong for record in records))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
