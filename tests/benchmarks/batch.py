"""A class of 1,000 different notebooks: `grader batch` cold and with nothing changed, beside other ways to grade them.

Prints seconds, peak memory and ratios of one run; asserts nothing.  `python tests/benchmarks/batch.py [COUNT]`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import classroom
import psutil

SAMPLE = 8  # notebooks that the slow ways are tried on
# what a script of an instructor's own would do: no isolation, no diagnosis, no page
BY_HAND = """
import json, sys
import numpy as np
from grader import exercise as exercises
from grader.training import course_data, train
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
sources = ["".join(cell["source"]) for cell in cells if "def initialize_parameters_" in "".join(cell["source"])]
space = {"np": np}
for source in sources:
    exec(source, space)
model = exercises.load().model
for name in ("zeros", "random", "he"):
    parameters = space[f"initialize_parameters_{name}"](list(model.layers))
    print(name, train(parameters, course_data(), model).train_accuracy)
"""


def timed(command: Sequence[str]) -> tuple[float, float, float]:
    """Return the seconds of a command, its processor seconds, and its peak memory in MB, with all that it starts.

    Memory is looked at four times a second: a look at all processes takes 30 ms of a processor, which they need.
    """
    started, peak, before = time.perf_counter(), 0, processor_seconds()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, memory_bytes(process))
        time.sleep(0.25)
    return time.perf_counter() - started, processor_seconds() - before, peak / 1e6


def processor_seconds() -> float:
    """Return what all processes of this machine have used: confined children are nobody's to wait for but their server's."""
    used = psutil.cpu_times()
    return float(used.user + used.system)


def memory_bytes(process: psutil.Process) -> int:
    """Return the memory of a process and its children that is theirs alone, shared pages counted once."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_full_info().pss
    except psutil.Error:
        return total
    return total


def shown(name: str, seconds: float, busy: float, peak: float, count: int) -> None:
    each = seconds / count * 1000
    print(f"{name:34} {seconds:6.2f} s  {each:6.1f} ms each  {busy:6.1f} s of processors  {peak:4.0f} MB at most")


def main(count: int) -> None:
    grader = [sys.executable, "-m", "grader"]
    with tempfile.TemporaryDirectory() as scratch:
        source, out = classroom.write(Path(scratch, "class"), count), Path(scratch, "out")
        batch = [*grader, "batch", str(source), "--out", str(out), "--quiet"]
        cold, busy, peak = timed(batch)
        shown(f"{count} notebooks, cold", cold, busy, peak, count)
        shown(f"{count} notebooks, nothing changed", *timed(batch), count)
        some = sorted(source.glob("*.ipynb"))[:SAMPLE]
        for name, command in (
            ("grader check, one after the other", lambda path: [*grader, "check", str(path), "--quiet"]),
            ("exec and train in a fresh Python, no isolation", lambda path: [sys.executable, "-c", BY_HAND, str(path)]),
        ):
            each = sum(timed(command(path))[0] for path in some) / len(some)
            print(f"{name:46} {each * 1000:7.1f} ms each   ratio to the batch {each / (cold / count):6.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
