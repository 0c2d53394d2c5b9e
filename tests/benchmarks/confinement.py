"""What confinement costs: jobs behind no layer, behind each more, and behind all, beside a fresh interpreter a job.

A job is one function of one submission with all its calls.  Prints medians and ratios of one run; asserts nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from grader.exercise import load as exercises
from grader.reading.extract import extract
from grader.reading.notebook import read
from grader.running.sandbox import Sandbox

ROUNDS, JOBS = 5, 60
EXERCISE = exercises.load()
TASK = EXERCISE.tasks[-1]
FUNCTION = extract(read(EXERCISE.folder / "solution.ipynb"), EXERCISE.names)[1][TASK.name]
CALLS = EXERCISE.calls(TASK, b"benchmark")


def per_job(sandbox: Sandbox, layers: list[str] | None, calls=CALLS) -> float:
    """Median over rounds of the seconds a job takes."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(JOBS):
            sandbox.run(FUNCTION, calls, layers=layers)
        rounds.append((time.perf_counter() - started) / JOBS)
    return statistics.median(rounds)


def fresh_interpreter() -> float:
    started = time.perf_counter()
    for _ in range(ROUNDS):
        subprocess.run([sys.executable, "-c", "import numpy"], check=True)
    return (time.perf_counter() - started) / ROUNDS


def throughput(jobs: int) -> float:
    """Jobs a second of one process that has its own worker."""
    with Sandbox() as sandbox:
        sandbox.run(FUNCTION, CALLS)
        started = time.perf_counter()
        for _ in range(jobs):
            sandbox.run(FUNCTION, CALLS)
        return jobs / (time.perf_counter() - started)


def main() -> None:
    fresh = fresh_interpreter()
    print(f"{'':42}   ms a job   ratio to a fresh interpreter")
    print(f"{'a fresh interpreter with NumPy':42} {fresh * 1000:10.1f}")
    with Sandbox() as sandbox:
        for count in range(len(sandbox.layers) + 1):
            layers = list(sandbox.layers[:count])
            name = f"+ {layers[-1]}" if layers else "fork server, no layer"
            seconds = per_job(sandbox, layers)
            print(f"{name:42} {seconds * 1000:10.1f} {seconds / fresh:10.2f}")
        one = per_job(sandbox, None, CALLS[:1])
        print(f"{'all layers, one call instead of ' + str(len(CALLS)):42} {one * 1000:10.1f} {one / fresh:10.2f}")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        both = sum(pool.map(throughput, [300, 300]))
    print(f"two processes, all layers, all {len(CALLS)} calls: {both:.0f} jobs a second")


if __name__ == "__main__":
    main()
