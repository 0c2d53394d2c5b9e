"""The same class graded by one process, by two, and by a dask.distributed cluster of two workers on this machine.

Prints seconds, processor time of all that grades, and ratios of one run; asserts nothing.  `python tests/benchmarks/cluster.py [COUNT]`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import classroom
import psutil


def processor_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time of processes, of what they started and of what has ended below them."""
    total = 0.0
    for process in processes:
        for one in (process, *process.children(recursive=True)):
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextlib.contextmanager
def workers(folder: Path, count: int) -> Iterator[tuple[str, list[psutil.Popen]]]:
    """Give a scheduler's address, with the processes of it and its workers."""
    file, quiet = folder / "scheduler.json", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    at = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    started = [psutil.Popen([*dask, "scheduler", *at], **quiet)]
    try:
        while not file.is_file():
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        for number in range(count):
            how = (
                "--nthreads",
                "1",
                "--no-nanny",
                "--no-dashboard",
                "--local-directory",
                str((folder / str(number)).resolve()),
            )
            started.append(psutil.Popen([*dask, "worker", address, "--host", "127.0.0.1", *how], cwd="/", **quiet))
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(count)
        yield address, started
    finally:
        for process in started:
            process.terminate()
            process.wait()


def run(source: Path, out: Path, *how: str) -> tuple[float, float]:
    """Return the seconds of a batch, and the processor time of the command and its children."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "grader", "batch", str(source), "--out", str(out), "--quiet", *how]
    subprocess.run(command, check=False)
    seconds = time.perf_counter() - started
    time.sleep(0.5)
    with contextlib.suppress(ChildProcessError):  # a pool's confined workers end just after it, and come to us
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(count: int) -> None:
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what outlives its parent is counted here
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        source = classroom.write(scratch / "class", count)
        found = {f"{jobs} here": run(source, scratch / str(jobs), "--jobs", str(jobs)) for jobs in (1, 2)}
        with workers(scratch, 2) as (address, started):
            before = processor_seconds(started)
            seconds, client = run(source, scratch / "dask", "--executor", "dask", "--scheduler", address)
            there = processor_seconds(started) - before
            found["2 dask workers"] = seconds, client + there
            print(f"of the cluster's processor time {client:.1f} s are the command's own, {there:.1f} s the workers'")
        first = found["1 here"]
        for what, (seconds, processor) in found.items():
            rates = (
                f"{seconds / first[0]:5.2f} of the time, {processor / first[1]:5.2f} of the processor time of 1 here"
            )
            print(
                f"{what:16} {seconds:7.1f} s   {count / seconds:6.1f} a second   {processor:7.1f} s processor   {rates}"
            )
        size = (scratch / "dask" / "grades.sqlite").stat().st_size
        pages = sum(path.stat().st_size for path in (scratch / "dask").glob("*/*"))
        print(f"store {size / count:.0f} bytes each, pages {pages / count:.0f} bytes each")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
