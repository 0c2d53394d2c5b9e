"""Many things at once: processes that end with us, work handed out a little ahead, and a clean stop.

What hands out work knows `concurrent.futures.Executor` and nothing more, so the processes may as well be those of a cluster.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import multiprocessing.context
import multiprocessing.forkserver
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Generic, TypeVar, cast

from grader.errors import GraderError, fault_of_environment

AHEAD = 4  # pieces of work handed out a process before the first of them is done: bounds memory
LOADED = [
    "grader.classroom.worker",
    "grader.rendering.loaded",
]  # what the processes do; each of them would load it again
MOST_TEMPORARY = 107 - len("/pymp-01234567/listener-01234567")  # bytes of a path below which Python puts a socket
LOOK_SECONDS = 0.1  # how often it is looked whether somebody wants us to stop

Job = TypeVar("Job")
JobResult = TypeVar("JobResult")
StartWorkers = Callable[[int], AbstractContextManager[Executor]]


class Interrupted(KeyboardInterrupt):
    """Somebody pressed Ctrl-C or ended us; what was done is kept."""


class Stop:
    """Notes Ctrl-C and SIGTERM instead of letting them end whatever line is running; a second one ends us at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._note) for one in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.asked:
            signal.signal(number, signal.SIG_DFL)
            raise Interrupted
        self.asked = True


@contextlib.contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """Give a pool of processes; where the block ends with an error, what they are doing is not waited for."""
    before = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(jobs, mp_context=_context(), initializer=_begin)
    kill = partial(_kill, before, cast("Any", executor)._result_queue._writer)
    try:
        with _watched(before, kill):
            yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        kill()
        raise
    executor.shutdown()


@contextlib.contextmanager
def _watched(before: Collection[BaseProcess], kill: Callable[[], None]) -> Iterator[None]:
    """Kill all processes when one has died: the pool does not notice while it waits for the rest of what that one was saying."""
    ended = threading.Event()

    def watch() -> None:
        ours: set[BaseProcess] = set()
        while not ended.wait(LOOK_SECONDS):
            ours |= set(multiprocessing.active_children()).difference(before)
            if not all(process.is_alive() for process in ours):
                kill()
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()


def _kill(before: Collection[BaseProcess], results: Connection) -> None:
    """Kill the pool's processes and close our own end of what they write to, so that its reader sees that nothing follows."""
    for process in set(multiprocessing.active_children()).difference(before):
        process.kill()
    results.close()


def begin() -> None:
    """Load what processes will need, while this one goes on with something else."""
    # theirs and ours: threads beside processes only wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _context()


def _context() -> multiprocessing.context.BaseContext:
    """Start processes as copies of one that has loaded what they need: sooner than each for itself, and it ends sooner."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    try:
        _make_temporary_folder()
        with _in_root_folder():
            multiprocessing.forkserver.ensure_running()
    except OSError as error:
        reason = fault_of_environment(error) or str(error)
        hint = "free disk space, or set TMPDIR to a folder that can be written; then run the same command again"
        raise GraderError(f"no processes can be started: {reason}", hint=hint) from None
    return context


def _make_temporary_folder() -> None:
    """Make the folder for the socket of Python's fork server.

    Python would make one whose path may be too long for a socket, and end with a traceback where it cannot be removed.
    """
    settings = cast("Any", multiprocessing.current_process())._config
    if "tempdir" not in settings:
        is_long = len(os.fsencode(tempfile.gettempdir())) > MOST_TEMPORARY
        place = "/tmp" if is_long else None  # noqa: S108  # a private folder in it
        settings["tempdir"] = tempfile.mkdtemp(prefix="pymp-", dir=place)
        atexit.register(shutil.rmtree, settings["tempdir"], ignore_errors=True)


@contextlib.contextmanager
def _in_root_folder() -> Iterator[None]:
    """Leave the current folder for a moment: Python starts its fork server such that it imports from there first."""
    before = os.open(".", os.O_PATH)
    try:
        os.chdir("/")
        yield
    finally:
        os.fchdir(before)
        os.close(before)


@contextlib.contextmanager
def here(_jobs: int) -> Iterator[Executor]:
    """Give an executor that does the work at once, in this process."""
    yield _Here()


@dataclass(frozen=True, slots=True)
class Crew(Generic[Job]):
    """Who does the work: `jobs` processes that `start` starts, until `stop`; `running` is told what is being done.

    `begin` is called when they are there, before the first of them is given anything.
    """

    jobs: int
    start: StartWorkers
    stop: Stop
    running: Callable[[list[Job]], None]
    begin: Callable[[Executor], None] = lambda _executor: None


def each(
    function: Callable[[Job], JobResult], work: Iterable[Job], crew: Crew[Job]
) -> Generator[tuple[Job, JobResult | None], None, None]:
    """Yield each piece of work with what came of it, as it ends; None where its process died, twice.

    When a process dies, the work that was handed out is done again piece by piece, each in a process of its own, and the
    rest goes on in a new pool.
    """
    waiting = iter(work)
    while True:
        handed: dict[Future[JobResult], Job] = {}
        try:
            with crew.start(crew.jobs) as executor:
                crew.begin(executor)
                yield from _in_order_of_end(executor, function, waiting, handed, crew)
        except BrokenExecutor:
            for one in list(handed.values()):
                yield one, _alone(function, one, crew)
        else:
            return


def default_jobs() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _in_order_of_end(
    executor: Executor,
    function: Callable[[Job], JobResult],
    waiting: Iterator[Job],
    handed: dict[Future[JobResult], Job],
    crew: Crew[Job],
) -> Iterator[tuple[Job, JobResult]]:
    ended = SimpleQueue[Future[JobResult]]()
    while True:
        while len(handed) < crew.jobs * AHEAD and (one := next(waiting, None)) is not None:
            try:
                future = executor.submit(function, one)
            except BrokenExecutor:
                handed[Future()] = one  # a process has just died: done again, like those it was given
                raise
            handed[future] = one
            future.add_done_callback(ended.put)
        if not handed:
            return
        crew.running(list(handed.values())[: crew.jobs])
        future = _next(ended, crew.stop)
        result = future.result()
        yield handed.pop(future), result


def _next(ended: SimpleQueue[Future[JobResult]], stop: Stop) -> Future[JobResult]:
    while not stop.asked:
        with contextlib.suppress(Empty):
            return ended.get(timeout=LOOK_SECONDS)
    raise Interrupted


def _alone(function: Callable[[Job], JobResult], work: Job, crew: Crew[Job]) -> JobResult | None:
    try:
        with crew.start(1) as executor:
            ended = SimpleQueue[Future[JobResult]]()
            executor.submit(function, work).add_done_callback(ended.put)
            return _next(ended, crew.stop).result()
    except BrokenExecutor:
        return None


def _begin() -> None:
    """Set a new process up: Ctrl-C is for the one that hands out the work, and where that one dies, so does this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


class _Here(Executor):
    """Runs what it is given before it returns."""

    def submit(self, function: Callable[..., JobResult], /, *arguments: object, **named: object) -> Future[JobResult]:
        future: Future[JobResult] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future
