"""Hosts that lack a layer, imitated: a process that refuses system calls to itself grades, or refuses to.

This file is its own host: `python tests/running/test_hosts.py SPEC` becomes a user, refuses what SPEC says, and runs a job.
"""

from __future__ import annotations

import ctypes
import errno
import importlib.util
import json
import os
import platform
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from notebooks import solved, write

import grader
from grader.running.sandbox import doctor
from grader.running.sandbox.server import MANDATORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement is for Linux")
KERNEL = Path(grader.__file__).parent / "running" / "sandbox" / "worker" / "kernel.py"
SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
MACHINES = ("x86_64", "aarch64")
ROOT = os.getuid() == 0 if sys.platform != "win32" else False

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
KILL_PROCESS, EPERM, ALLOW = 0x80000000, 0x00050001, 0x7FFF0000
NUMBERS = {  # what hosts refuse: number on x86_64, on aarch64
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone": (56, 220),
    "clone3": (435, 435),
    "mount": (165, 40),
    "prctl": (157, 167),
    "seccomp": (317, 277),
    "capset": (126, 91),
    "prlimit64": (302, 261),
    "setrlimit": (160, 164),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setgroups": (116, 159),
    "pidfd_open": (434, 434),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "close_range": (436, 436),
}
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a user namespace is for processes with one
SET_SECCOMP, SET_NO_NEW_PRIVS, NEW_NAMESPACES = 22, 38, 0x7E020000


def load_kernel() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kernel_under_test", KERNEL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- being a host --------------------------------------------------------------------------------------------------


class Refused(NamedTuple):
    """A system call that gives an error, or with error 0 pretends to work; with `test`, only if its first argument equals or has any bit of `value`."""

    name: str
    error: int = errno.EPERM
    test: int = 0
    value: int = 0


PRETENDED = 0
NAMESPACES = (
    Refused("unshare"),
    Refused("setns"),
    Refused("clone", errno.EPERM, ANY_BIT, NEW_NAMESPACES),
    Refused("clone3", errno.ENOSYS),
)
LANDLOCK = tuple(Refused(name, errno.ENOSYS) for name in NUMBERS if name.startswith("landlock"))
SECCOMP = (Refused("prctl", errno.EINVAL, EQUAL, SET_SECCOMP), Refused("seccomp", errno.ENOSYS))


def refusing(calls: list[Refused]) -> bytes:
    """Return the filter that refuses these calls and allows all others."""
    column = MACHINES.index(platform.machine())
    lines = []
    for name, error, test, value in calls:
        lines += [(LOAD, 0, 0, 0), (EQUAL, 0, 3 if test else 1, NUMBERS[name][column])]
        lines += [(LOAD, 0, 0, 16), (test, 0, 1, value)] if test else []
        lines += [(RETURN, 0, 0, 0x50000 | error)]
    return b"".join(struct.pack("<HBBI", *line) for line in (*lines, (RETURN, 0, 0, ALLOW)))


def be_host(user: bool, refused: list[Refused], command: list[str]) -> int:
    """Become a host, and run a command there or a job that tries everything."""
    kernel = load_kernel()
    if user:
        uid, gid = os.getuid(), os.getgid()
        kernel.unshare(kernel.CLONE_NEWUSER)
        for name, said in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
            Path(f"/proc/self/{name}").write_text(said)
    if refused:
        if os.getuid() != 0 and not user:
            kernel.prctl(SET_NO_NEW_PRIVS, 1)
        kernel.seccomp(refusing(refused))
    if command:
        from grader.cli import main

        return main(command)
    print(json.dumps(job()))
    return 0


def job() -> dict[str, object]:
    """Run the doctor's attacks behind everything that this host has."""
    from grader.errors import SandboxError
    from grader.running.sandbox import Sandbox

    try:
        with Sandbox(doctor.QUICK) as sandbox:
            outcome = doctor.run_checks(sandbox, doctor.WHOLE)
            arrays = {name: float(array.numpy()) for name, array in outcome.arrays.items()}
            return {"layers": sandbox.layers, "ended": outcome.ended, "message": outcome.message, "stopped": arrays}
    except SandboxError as error:
        return {"layers": [], "ended": "broken", "message": error.problem, "stopped": {}}


# --- hosts ---------------------------------------------------------------------------------------------------------


def on_host(
    who: str, refused: tuple[Refused, ...], *command: str, home: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run this file as a host; `who` is root or user."""
    if platform.machine() not in MACHINES:
        pytest.skip("no numbers of system calls for this machine")
    if who == "root" and not ROOT:
        pytest.skip("only root can be root")
    spec = json.dumps([who == "user" and ROOT, refused, command])
    support = str(Path(__file__).parents[1] / "support")
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": support, **({"XDG_DATA_HOME": str(home)} if home else {})}
    done = subprocess.run([sys.executable, __file__, spec], capture_output=True, check=False, env=environment)
    if b"unshare: " in done.stderr and who == "user":
        pytest.skip("no user namespaces here, so root cannot pretend to be a user")
    return done


WHO = ("root", "user")


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    ("host", "refused", "missing"),
    [
        ("a container without namespaces", NAMESPACES, {"namespaces", "pid namespace"}),
        ("namespaces, but no mounts in them", (Refused("mount"),), {"namespaces"}),
        ("a kernel without Landlock", LANDLOCK, {"landlock"}),
        (
            "an old container: no namespaces, no Landlock",
            (*NAMESPACES, *LANDLOCK),
            {"namespaces", "pid namespace", "landlock"},
        ),
    ],
)
def test_a_host_that_lacks_what_is_not_mandatory_still_confines(who, host, refused, missing):
    done = on_host(who, refused)
    found = json.loads(done.stdout or "{}")
    assert found["ended"] == "returned", (found, done.stderr)
    assert set(found["stopped"].values()) == {1.0}, found["stopped"]
    assert len(found["stopped"]) >= 15
    assert not missing & set(found["layers"])
    assert set(found["layers"]) >= {*MANDATORY, *(("own uid",) if who == "root" else ())}


def test_root_has_every_layer_here():
    found = json.loads(on_host("root", ()).stdout)
    if not {"landlock", "namespaces"} <= set(found["layers"]):
        pytest.skip(f"this machine has {', '.join(found['layers'])}")
    assert set(found["layers"]) == set(doctor.ALL)


US = "root" if ROOT else "user"


@pytest.mark.parametrize(
    ("who", "refused", "says"),
    [
        ("root", SECCOMP, "seccomp: "),
        ("user", SECCOMP, "seccomp: "),
        ("root", (Refused("prctl", errno.EPERM, EQUAL, SET_NO_NEW_PRIVS),), "no_new_privs: "),
        ("root", (Refused("setresuid"),), "own uid: "),
        ("root", (Refused("setgroups"),), "own uid: "),
        ("root", (Refused("setresuid", PRETENDED),), "own uid: Uid is"),  # it is looked at from outside
        (US, (Refused("prctl", PRETENDED, EQUAL, SET_SECCOMP),), "seccomp: "),  # filters are counted
        (US, (Refused("prlimit64"), Refused("setrlimit")), "rlimits: "),
        (US, (Refused("capset"),), "capabilities: "),
        (
            US,
            (Refused("pidfd_open", errno.ENOSYS),),
            "the process that runs student code ended unexpectedly",
        ),  # Linux before 5.3
    ],
    ids=lambda value: value[0].name if isinstance(value, tuple) else value.strip(": "),
)
def test_a_host_that_refuses_what_is_mandatory_runs_nothing(who, refused, says):
    found = json.loads(on_host(who, refused).stdout or "{}")
    assert found["ended"] == "broken", found
    assert says in found["message"]
    assert found["stopped"] == {}


def test_nothing_is_graded_without_seccomp_and_nobody_gets_a_zero(tmp_path):
    """The three commands on such a host: no verdict, no file, exit code 3, and the reason."""
    notebook = str(write(tmp_path, "a.ipynb", solved()))

    checked = on_host(US, SECCOMP, "check", notebook, "--json", "-", home=tmp_path / "home")
    result = json.loads(checked.stdout)
    assert (checked.returncode, result["provisional"], result["possible"]) == (3, True, 0)
    assert {one["status"] for one in result["functions"].values()} == {"broken"}

    batch = on_host(US, SECCOMP, "batch", notebook, "--out", str(tmp_path / "out"))
    assert batch.returncode == 3
    assert b"seccomp" in batch.stderr
    written = [path.name for path in (tmp_path / "out").iterdir()]
    assert not [name for name in written if not name.startswith(("grades.sqlite", ".grader.lock"))]

    examined = on_host(US, SECCOMP, "doctor", "--json")
    found = json.loads(examined.stdout)
    assert (examined.returncode, found["confined"]) == (3, False)
    assert {one["name"] for one in found["checks"] if not one["holds"] and one["required"]} >= {
        "seccomp",
        "everything together",
    }


@pytest.mark.slow
def test_without_seccomp_a_student_may_check_code_of_their_own(tmp_path):
    notebook, home = str(write(tmp_path, "a.ipynb", solved())), tmp_path / "home"
    refused = on_host(US, SECCOMP, "check", notebook, home=home)
    assert refused.returncode == 3
    assert b"seccomp" in refused.stdout
    assert b"--trust-my-own-code" in refused.stdout
    checked = on_host(US, SECCOMP, "check", notebook, "--trust-my-own-code", "--json", "-", home=home)
    result = json.loads(checked.stdout)
    assert (checked.returncode, result["self_check"], result["score"]) == (0, True, 30)


# --- the filter, instruction by instruction ------------------------------------------------------------------------

TAKE_A_PATH = set(
    "open openat openat2 creat stat lstat fstatat newfstatat statx access faccessat faccessat2 execve execveat uselib unlink "
    "unlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat link linkat symlink symlinkat readlink readlinkat "
    "chdir chroot chmod fchmodat chown lchown fchownat truncate utime utimes utimensat futimesat statfs getcwd mount umount "
    "umount2 pivot_root swapon swapoff acct quotactl name_to_handle_at inotify_add_watch fanotify_mark open_tree move_mount "
    "fsopen fspick mount_setattr setxattr lsetxattr getxattr lgetxattr listxattr llistxattr removexattr lremovexattr bind "
    "connect mq_open mq_unlink shm_open finit_module landlock_add_rule".split()
)
MAKE_PROCESSES = set("fork vfork clone clone3 execve execveat setns unshare".split())
MAKE_DESCRIPTORS = set(
    "socket socketpair accept accept4 pipe pipe2 dup dup2 dup3 fcntl eventfd eventfd2 epoll_create epoll_create1 "
    "timerfd_create signalfd signalfd4 inotify_init inotify_init1 fanotify_init memfd_create memfd_secret userfaultfd "
    "perf_event_open bpf io_uring_setup pidfd_open pidfd_getfd landlock_create_ruleset open_by_handle_at mq_open "
    "recvmsg recvmmsg fsmount".split()
)
REACH_OTHERS = set(
    "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal ptrace process_vm_readv process_vm_writev kcmp "
    "process_madvise shmget shmat shmctl semget semop msgget msgsnd msgrcv keyctl add_key request_key sendto sendmsg "
    "sched_setaffinity sched_setscheduler setpriority ioprio_set setpgid setsid move_pages migrate_pages".split()
)
UNDO = set(
    "prctl arch_prctl seccomp setrlimit prlimit64 setuid setgid setresuid setresgid setreuid setregid setgroups capset ioctl "
    "personality modify_ldt io_uring_enter landlock_restrict_self settimeofday clock_settime reboot".split()
)


def decide(program: bytes, number: int, arch: int, *arguments: int) -> int:
    """Run a filter as the kernel would on one system call with these first arguments and return its action."""
    data, at, value = (
        struct.pack("<IIQ6Q", number, arch, 0, *[value % 2**64 for value in (*arguments, *[0] * 6)[:6]]),
        0,
        0,
    )
    while True:
        code, if_true, if_false, k = struct.unpack_from("<HBBI", program, 8 * at)
        at += 1
        if code == LOAD:
            (value,) = struct.unpack_from("<I", data, k)
        elif code in (EQUAL, AT_LEAST):
            at += if_true if (value == k if code == EQUAL else value >= k) else if_false
        else:
            assert code == RETURN
            return k


@pytest.fixture(scope="module")
def kernel() -> ModuleType:
    return load_kernel()


AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_allows_what_is_listed_and_nothing_else(kernel, machine):
    program, calls = kernel.seccomp_program(machine), kernel.allowed_calls(machine)
    arguments = {calls[name]: [0] * place + [values[0]] for name, (place, values) in kernel._LISTED.items()}
    for number in (*range(601), 0x3FFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF):
        decision = decide(program, number, AUDIT[machine], *arguments.get(number, ()))
        assert decision == (ALLOW if number in calls.values() else EPERM), number


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_allows_the_listed_values_of_an_argument_alone(kernel, machine):
    program, calls = kernel.seccomp_program(machine), kernel.allowed_calls(machine)
    for name, (place, values) in kernel._LISTED.items():
        allowed = [
            value for value in range(600) if decide(program, calls[name], AUDIT[machine], *[0] * place, value) == ALLOW
        ]
        assert allowed == sorted(values)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_lets_a_process_ask_for_its_own_clocks_and_processors_alone(kernel, machine):
    """Another process is named by its number; its clocks have negative numbers, of which the kernel sees 32 bits."""
    program, allowed = kernel.seccomp_program(machine), kernel.allowed_calls(machine)

    def bounds(name):
        values = (*range(-40, 40), 1 << 31, (1 << 32) - 1, (~4711 << 3) | 2, 4711, (1 << 32) | 4711)
        return [value for value in values if decide(program, allowed[name], AUDIT[machine], value) == ALLOW]

    assert bounds("sched_getaffinity") == [0]
    for name in ("clock_gettime", "clock_getres", "clock_nanosleep"):
        assert bounds(name) == list(range(12))
    for name in set(allowed) - set(kernel._BOUNDED) - set(kernel._LISTED):
        assert decide(program, allowed[name], AUDIT[machine], -1) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_refuses_every_x32_call(kernel, machine):
    """On x86_64 the same kernel answers them, under other numbers: 0x40000000 and what it is on x86_64."""
    program = kernel.seccomp_program(machine)
    assert {decide(program, 0x40000000 + number, AUDIT[machine]) for number in range(601)} == {EPERM}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("other", [0, 0x40000003, 0x40000028, 0xC00000F3, *AUDIT.values()])
def test_the_filter_ends_a_process_that_calls_as_another_machine(kernel, machine, other):
    """Int 0x80 on x86_64 calls as i386 (0x40000003), where the same numbers mean other calls."""
    if other != AUDIT[machine]:
        program = kernel.seccomp_program(machine)
        assert {decide(program, number, other) for number in range(601)} == {KILL_PROCESS}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_path_through_the_filter_ends_inside_it(kernel, machine):
    lines = list(struct.iter_unpack("<HBBI", kernel.seccomp_program(machine)))
    assert lines[-1][0] == RETURN
    assert all(at + 1 + max(line[1:3]) < len(lines) for at, line in enumerate(lines[:-1]))


@pytest.mark.parametrize("kind", [TAKE_A_PATH, MAKE_PROCESSES, MAKE_DESCRIPTORS, REACH_OTHERS, UNDO], ids=min)
def test_no_allowed_call_is_of_a_kind_that_reaches_out(kernel, kind):
    assert not kind & {name for machine in MACHINES for name in kernel.allowed_calls(machine)}


@pytest.mark.parametrize("machine", MACHINES)
def test_no_two_names_have_one_number(kernel, machine):
    allowed = kernel.allowed_calls(machine)
    assert len(set(allowed.values())) == len(allowed) <= 50


def test_the_numbers_are_those_of_the_kernels_headers(kernel):
    """Where the headers are installed (linux-libc-dev); by hand also compared with libseccomp's and another package's tables."""
    headers = {
        "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
        "aarch64": "/usr/include/asm-generic/unistd.h",
    }
    there = {machine: Path(name) for machine, name in headers.items() if Path(name).is_file()}
    if not there:
        pytest.skip("no kernel headers here")
    for machine, path in there.items():
        known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text()))
        assert {name: int(known[name]) for name in kernel.allowed_calls(machine)} == kernel.allowed_calls(machine)


@pytest.mark.parametrize("machine", ["riscv64", "ppc64le", "s390x", "i686", "armv7l", ""])
def test_a_machine_without_a_table_is_refused(kernel, machine):
    with pytest.raises(OSError, match="no table of system calls"):
        kernel.seccomp_program(machine)


def test_capabilities_and_filter_are_what_the_kernel_takes(kernel):
    """The record that holds the filter: its length in instructions and a pointer, as in linux/filter.h."""
    assert ctypes.sizeof(kernel._Program) == 16
    assert len(kernel.seccomp_program("x86_64")) % 8 == 0


# --- what the documentation says -----------------------------------------------------------------------------------


def test_the_documentation_names_every_layer_and_how_many_calls_are_left(kernel):
    said = SECURITY.read_text(encoding="utf-8")
    assert all(f"| {layer} |" in said for layer in doctor.ALL)
    assert [len(kernel.allowed_calls(machine)) for machine in MACHINES] == [
        int(number) for number in re.search(r"(\d+) system calls on x86_64 and (\d+) on aarch64", said).groups()
    ]


if __name__ == "__main__":
    as_user, those, what = json.loads(sys.argv[1])
    sys.exit(be_host(as_user, [Refused(*one) for one in those], what))
