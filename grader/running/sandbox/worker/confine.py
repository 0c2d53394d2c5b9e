"""What a child gives up, step by step, before it sees the job; and what the server gives up once, for all of them."""

import contextlib
import os
import resource
import signal
from collections.abc import Callable
from typing import Any

import kernel

# In this order: an id before limits that depend on it, seccomp last, since it forbids the calls of all the others.
STEPS = ("own uid", "parent", "capabilities", "rlimits", "no_new_privs", "landlock", "seccomp")
ALWAYS = ("parent", "capabilities")  # not layers one can test alone
CAP_SYS_NICE = 1 << 23  # root needs it to move a process of another user; many containers take it away
FAR_SECONDS = 3600
BOUNDED_TO_ZERO = ("FSIZE", "CORE", "NPROC", "MEMLOCK", "MSGQUEUE", "NOFILE")  # what is open stays open


class Confinement:
    """Everything prepared in the server; `child` is called in the child."""

    def __init__(self, limits: dict[str, Any]) -> None:
        self.limits = limits
        self.is_root = os.getuid() == 0
        self.server = os.getpid()
        self.program = kernel.seccomp_program()
        self.landlock_version = kernel.landlock_version()
        self.ruleset = kernel.landlock_ruleset(self.landlock_version) if self.landlock_version else -1
        self.cpus = os.sched_getaffinity(0)
        self.proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self.namespaces = works_in_child(self.enter_namespaces)
        if self.namespaces:
            self.enter_namespaces()
        self.pid_namespaces = works_in_child(self.next_child_alone)
        self.virtual_bytes = self._virtual_bytes()
        can = int(self.seen("self").get("CapEff", "0"), 16)
        self.may_move_children = not self.is_root or bool(can & CAP_SYS_NICE)
        self.filters = int(self.seen("self").get("Seccomp_filters", 0))  # a container may have put one on us already

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that this machine has, those that must hold first."""
        have = {
            "own uid": self.is_root,
            "landlock": self.landlock_version > 0,
            "namespaces": self.namespaces,
            "pid namespace": self.pid_namespaces,
        }
        names = ("rlimits", "no_new_privs", "seccomp", *have)
        return tuple(name for name in names if have.get(name, True))

    def child(self, layers: frozenset[str], ruleset: int) -> None:
        """Take every step of `layers`, in order; the first that fails raises, named."""
        steps: dict[str, Callable[[], None]] = {
            "own uid": self._become_nobody,
            "parent": self._die_with_parent,
            "capabilities": kernel.drop_capabilities,
            "rlimits": self._lower_limits,
            "no_new_privs": lambda: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1),
            "landlock": lambda: kernel.landlock_restrict(ruleset),
            "seccomp": lambda: kernel.seccomp(self.program),
        }
        for name in STEPS:
            if name in layers or name in ALWAYS:
                try:
                    steps[name]()
                except (OSError, ValueError) as error:
                    raise OSError(f"{name}: {error}") from None

    def be_a_copy(self, slot: int) -> None:
        """Be the server of another line: children die with this process, and this one with the first server."""
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.server:
            raise OSError("the first server is gone")
        self.server, self.limits = os.getpid(), {**self.limits, "slot": slot}

    def enter_namespaces(self) -> None:
        """Leave the host's mounts, network, IPC and name behind, for an empty read-only root."""
        uid, gid = os.getuid(), os.getgid()
        flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
        kernel.unshare(flags if self.is_root else flags | kernel.CLONE_NEWUSER)
        if not self.is_root:
            for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                    file.write(text)
        kernel.mount("", "/", kernel.MS_REC | kernel.MS_PRIVATE)
        closed = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        kernel.mount("tmpfs", "/tmp", closed, "size=4k,nr_inodes=2,mode=0555")
        os.chroot("/tmp")
        os.chdir("/")

    def next_child_alone(self) -> None:
        """Give the next child a pid namespace of its own."""
        kernel.setns(self.own_pids, kernel.CLONE_NEWPID)  # undoes the last one, which could not be followed by another
        kernel.unshare(kernel.CLONE_NEWPID)

    def next_child_together(self) -> None:
        """Let the next child be an ordinary one."""
        kernel.setns(self.own_pids, kernel.CLONE_NEWPID)

    def work_on(self, cpu: int) -> None:
        """Stay, with the next child, on the processor of the grader: waking another one costs a fifth of a job."""
        if self.may_move_children and cpu in self.cpus:
            os.sched_setaffinity(0, {cpu})

    def let_roam(self, pid: int) -> None:
        """Let a child use every processor again."""
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, self.cpus)

    def threads(self) -> int:
        """Return how many threads this process has; forking is safe with one."""
        folder = os.open("self/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.proc)
        try:
            return len(os.listdir(folder))
        finally:
            os.close(folder)

    def seen(self, pid: "int | str") -> dict[str, str]:
        """Look at a process from outside: the lines of its /proc/PID/status, by name."""
        lines = self._read(f"{pid}/status").decode("ascii", "replace").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def queued_seconds(self, pid: int) -> float:
        """Return how long a process could run and had no processor; 0 where the kernel does not tell."""
        try:
            return int(self._read(f"{pid}/schedstat").split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0

    def unlike(self, seen: dict[str, str], layers: frozenset[str]) -> str:
        """Say which layer a look from outside does not confirm; the empty string if all are there."""
        uid = str(self.limits["first_uid"] + self.limits["slot"])
        wanted = {
            "seccomp": ("Seccomp", "2"),
            "no_new_privs": ("NoNewPrivs", "1"),
            "own uid": ("Uid", "\t".join([uid] * 4)),
        }
        rows = [(layer, *row) for layer, row in wanted.items() if layer in layers]
        if "seccomp" in layers and "Seccomp_filters" in seen:  # from kernel 5.9 on
            rows.append(("seccomp", "Seccomp_filters", str(self.filters + 1)))
        rows += [("capabilities", "CapEff", "0" * 16), ("one thread", "Threads", "1")]
        if self.is_root and "own uid" not in layers:  # a test of another layer alone, as root
            rows.remove(("capabilities", "CapEff", "0" * 16))
        return "; ".join(
            f"{layer}: {name} is {seen.get(name)!r}, not {want!r}"
            for layer, name, want in rows
            if seen.get(name) != want
        )

    def _become_nobody(self) -> None:
        uid = self.limits["first_uid"] + self.limits["slot"]
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)

    def _die_with_parent(self) -> None:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # after setresuid, which clears it
        if os.getppid() not in (self.server, 0):  # 0: the parent is outside this pid namespace
            raise OSError("the server is gone")

    def _lower_limits(self) -> None:
        cpu, memory = self.limits["cpu_seconds"], self.virtual_bytes + self.limits["memory_bytes"]
        # The server ends a child whose time is up, and says so.  The kernel would send the same SIGKILL as to a process
        # that takes too much memory, so its limit only stands for a server that is gone: no wall timer allows as much.
        resource.setrlimit(resource.RLIMIT_CPU, (cpu + FAR_SECONDS, cpu + FAR_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        for name in BOUNDED_TO_ZERO:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (0, 0))

    def _virtual_bytes(self) -> int:
        return int(self._read("self/statm").split()[0]) * resource.getpagesize()

    def _read(self, name: str) -> bytes:
        fd = os.open(name, os.O_RDONLY, dir_fd=self.proc)
        try:
            return os.read(fd, 1 << 16)
        finally:
            os.close(fd)


def works_in_child(step: Callable[[], None]) -> bool:
    """Try something that cannot be undone in a child, and say whether it works here."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            step()
            os._exit(0)
        os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
