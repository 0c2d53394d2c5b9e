"""The Linux system calls that confinement needs and Python does not have: a few lines of ctypes each.

Prepared in the server before any fork, so that a child allocates and imports nothing for them.
"""

import ctypes
import os
import platform
import struct

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 16384, 1 << 18

_libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Return the result of a system call, or raise what the kernel said."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def prctl(option: int, value: int, pointer: object = None) -> None:
    """prctl(2)."""
    check(_libc.prctl(option, ctypes.c_ulong(value), pointer, 0, 0), f"prctl {option}")


def unshare(flags: int) -> None:
    """unshare(2)."""
    check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2)."""
    check(_libc.setns(fd, kind), "setns")


def mount(kind: str, target: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    check(_libc.mount(b"none", target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()), "mount")


def drop_capabilities() -> None:
    """Give up every capability: capset(2), version 3."""
    check(_libc.capset(struct.pack("<Ii", 0x20080522, 0), bytes(24)), "capset")


# --- seccomp: the system calls that are left, not one of which takes a path ------------------------------------------

_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # audit number, column of the table below
_ALLOWED = {  # name: number on x86_64, on aarch64 (None: it has none)
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "pread64": (17, 67),
    "readv": (19, 65), "writev": (20, 66), "poll": (7, None), "ppoll": (271, 73), "select": (23, None),
    "pselect6": (270, 72), "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "sigaltstack": (131, 132), "restart_syscall": (219, 128), "futex": (202, 98),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "nanosleep": (35, 101), "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None),
    "times": (100, 153), "getrusage": (98, 165), "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getcpu": (309, 168), "getrandom": (318, 278), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
# Of these the first argument must be smaller: 0 is the process itself, and the clocks that every process has are 0 to 11.
# Another process's number, or a clock of another process (a negative number), would show that it is there and at work.
_BOUNDED = {"sched_getaffinity": 1, "clock_gettime": 12, "clock_getres": 12, "clock_nanosleep": 12}
# Of these an argument (its position) must be a listed number.
# A futex must be private (128): another process that maps the same file, such as the C library, could wake a shared one.
# The operations are those of glibc: wait, wake, requeue, wake and operate, and both with a bit set, also by the wall clock (256).
# Advice on memory must be that of an allocator: to drop or free one's own pages, or on huge ones.  Other advice reaches pages
# of the page cache, which all processes share.
_LISTED = {
    "futex": (1, (128, 129, 132, 133, 137, 138, 137 | 256)),
    "madvise": (2, (4, 8, 14, 15)),
}
_KILL_PROCESS, _EPERM, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_FIRST_ARGUMENT = 16  # where its lower half is, on machines that put that first; the kernel looks at no more of it
_ARGUMENT_BYTES = 8
_X32 = 0x40000000  # system calls of the x32 ABI begin here


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def allowed_calls(machine: str = platform.machine()) -> dict[str, int]:
    """Return the numbers of the system calls that are left, by name."""
    column = _MACHINES[machine][1]
    return {name: number for name, row in _ALLOWED.items() if (number := row[column]) is not None}


def seccomp_program(machine: str = platform.machine()) -> bytes:
    """Return the filter: other machine: kill; listed, with an argument that may be: allow; everything else: EPERM.

    Raises
    ------
    OSError
        If this kind of machine has no table of system calls here.
    """
    if machine not in _MACHINES:
        raise OSError(f"seccomp: no table of system calls for {machine}")
    calls = allowed_calls(machine)
    plain = sorted(number for name, number in calls.items() if name not in _BOUNDED and name not in _LISTED)
    left = len(plain) + 3 * len(_BOUNDED)  # instructions before the last two, which refuse and allow
    left += sum(3 + len(values) for _, values in _LISTED.values())
    lines = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, _MACHINES[machine][0]), (_RETURN, 0, 0, _KILL_PROCESS)]
    lines += [(_LOAD, 0, 0, 0), (_JUMP_AT_LEAST, left, 0, _X32)]
    lines += [(_JUMP_EQUAL, left - at, 0, number) for at, number in enumerate(plain)]
    left -= len(plain)
    for name, bound in _BOUNDED.items():
        left -= 3
        lines += [(_JUMP_EQUAL, 0, 2, calls[name]), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
        lines += [(_JUMP_AT_LEAST, left, left + 1, bound)]
    for name, (position, values) in _LISTED.items():
        lines += [(_JUMP_EQUAL, 0, 2 + len(values), calls[name])]
        lines += [(_LOAD, 0, 0, _FIRST_ARGUMENT + _ARGUMENT_BYTES * position)]
        left -= 3 + len(values)
        for at, value in enumerate(values):
            lines += [(_JUMP_EQUAL, left + len(values) - at + 1, 0, value)]
        lines += [(_RETURN, 0, 0, _EPERM)]
    lines += [(_RETURN, 0, 0, _EPERM), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def seccomp(program: bytes) -> None:
    """Install the filter, for good."""
    prctl(PR_SET_SECCOMP, 2, ctypes.byref(_Program(len(program) // 8, program)))


# --- Landlock: no path at all, as far as this kernel's version goes ---------------------------------------------------

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # the same numbers on every machine
_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}


def landlock_version() -> int:
    """Return the version of Landlock that this kernel has, 0 for none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def landlock_ruleset(version: int) -> int:
    """Return a descriptor of the rule set that allows nothing of what `version` knows."""
    rights = [_FILE_RIGHTS[min(version, 5)], *([0x3] if version >= 4 else []), *([0x3] if version >= 6 else [])]
    attributes = struct.pack(f"<{len(rights)}Q", *rights)
    return check(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0), "landlock")


def landlock_restrict(ruleset: int) -> None:
    """Put this process under a rule set, for good."""
    check(_libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock")
