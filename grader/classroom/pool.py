"""Runs work in several processes: they end with this one, get work a little ahead, and stop cleanly.

What hands out work knows `concurrent.futures.Executor` and nothing more, so the processes may as well be those of a cluster.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import multiprocessing
import multiprocessing.forkserver
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Generic, TypeVar, cast

from grader.errors import GraderError, fault_of_environment
from grader.messages import failure, say

AHEAD = 4  # pieces of work handed out a process before the first of them is done: bounds memory
LOADED = [
    "grader.rendering.loaded",
    "grader.classroom.worker",
]  # what the processes do; each of them would load it again
MOST_TEMPORARY = 107 - len("/pymp-01234567/listener-01234567")  # bytes of a path below which Python puts a socket
LOOK_SECONDS = 0.1  # how often it is looked whether somebody wants us to stop

Job = TypeVar("Job")
JobResult = TypeVar("JobResult")
StartWorkers = Callable[[int], AbstractContextManager[Executor]]


class Interrupted(KeyboardInterrupt):
    """Somebody pressed Ctrl-C or ended the command; what was done is kept."""


class Stop:
    """Notes Ctrl-C and SIGTERM, so that the command can stop cleanly; a second one ends it at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.asked:
            signal.signal(number, signal.SIG_DFL)
            raise Interrupted
        self.asked = True


@contextlib.contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """Give processes that do work; if the block ends with an error, their work is not waited for."""
    executor = Processes(jobs, _context())
    try:
        yield executor
    except BaseException:
        executor.kill()
        raise
    executor.shutdown()


class Processes(Executor):
    """Runs work in processes, each with a pipe of its own: one that dies takes only its own piece of work with it.

    `concurrent.futures` has one pipe for all results.  A process that is killed while it writes there blocks its reader.
    """

    def __init__(self, jobs: int, context: BaseContext) -> None:
        self._context = context
        self._pieces = SimpleQueue[_Piece | None]()
        self._processes: set[BaseProcess] = set()
        self._starting, self._is_over = threading.Lock(), False
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(jobs)]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., JobResult], /, *arguments: object, **named: object) -> Future[JobResult]:
        """Return the future of one piece of work; it raises `BrokenExecutor` if its process died."""
        future: Future[JobResult] = Future()
        self._pieces.put((future, partial(function, *arguments, **named)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002  # killed instead
        """End the processes when they have done what they were given."""
        for _ in self._threads:
            self._pieces.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def kill(self) -> None:
        """End the processes at once."""
        with self._starting:
            self._is_over = True
            for process in self._processes:
                process.kill()
        self.shutdown(wait=False)

    def _serve(self) -> None:
        """Do pieces of work, one at a time, in a process that is started for the first of them and after one that died."""
        pipe: Connection | None = None
        process: BaseProcess | None = None
        while (piece := self._pieces.get()) is not None:
            future, call = piece
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if pipe is None or process is None or not process.is_alive():
                    pipe, process = self._start()
                _end(future, *_answer(pipe, call))
            except Exception as error:  # what cannot be sent, too many processes, one that died
                _end(future, None, error)
                if isinstance(error, BrokenExecutor):
                    pipe = None
        if pipe is not None and process is not None:
            with contextlib.suppress(OSError):
                pipe.send(None)
            process.join()

    def _start(self) -> tuple[Connection, BaseProcess]:
        ours, theirs = self._context.Pipe()
        with self._starting:
            if self._is_over:
                raise BrokenExecutor(say("classroom.pool.over"))
            process = self._context.Process(target=_work, args=(theirs,), daemon=True)  # type: ignore[attr-defined]
            process.start()
            self._processes = {process, *(other for other in self._processes if other.is_alive())}
        theirs.close()  # so that the pipe ends with its process
        return ours, process


_Piece = tuple["Future[Any]", Callable[[], Any]]


def _answer(pipe: Connection, call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Return what a process gave or raised for a call."""
    try:
        pipe.send(call)
        value, error, report = pipe.recv()
    except (EOFError, OSError):
        raise BrokenExecutor(say("classroom.pool.died")) from None
    if error is not None:
        error.__cause__ = RuntimeError(report)  # where it was raised, for whoever reads the traceback
    return value, error


def _end(future: Future[Any], value: object, error: BaseException | None) -> None:
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def _work(pipe: Connection) -> None:
    """Do the work that comes through a pipe until it ends; this runs in each process."""
    _begin()
    with contextlib.suppress(EOFError):
        while (call := pipe.recv()) is not None:
            try:
                answer: tuple[object, BaseException | None, str] = call(), None, ""
            except BaseException as error:
                answer = None, error, traceback.format_exc()
            try:
                pipe.send(answer)
            except OSError:  # nobody listens any more
                return
            except Exception as error:
                pipe.send((None, RuntimeError(say("classroom.pool.not_sent", error=error)), answer[2]))


def begin() -> None:
    """Start to load what processes will need, while this one continues with something else."""
    # theirs and ours: threads beside processes only wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _context()


def _context() -> BaseContext:
    """Start processes as copies of one that has loaded what they need: sooner than each for itself, and it ends sooner."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    try:
        _start_fork_server()
    except OSError as error:
        reason = fault_of_environment(error) or str(error)
        raise failure(GraderError, "classroom.pool.none", reason=reason) from None
    return context


def _start_fork_server() -> None:
    """Start Python's fork server before it is needed: the one place that uses what the standard library does not document.

    Python would put the server's socket in a folder whose path may be too long for one, and end with a traceback where
    that folder cannot be removed; so the folder is ours.
    """
    settings = cast("Any", multiprocessing.current_process())._config
    if "tempdir" not in settings:
        is_long = len(os.fsencode(tempfile.gettempdir())) > MOST_TEMPORARY
        place = "/tmp" if is_long else None  # noqa: S108  # a private folder in it
        settings["tempdir"] = tempfile.mkdtemp(prefix="pymp-", dir=place)
        atexit.register(shutil.rmtree, settings["tempdir"], ignore_errors=True)
    with _in_root_folder():
        multiprocessing.forkserver.ensure_running()


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
    """Yield each piece of work with its result, as it ends; None if its process died twice.

    Work whose process died is done again when the rest is done, each piece with the machine for itself.
    """
    died: list[Job] = []
    with crew.start(crew.jobs) as executor:
        crew.begin(executor)
        yield from _in_order_of_end(executor, function, iter(work), died, crew)
    for piece in died:
        yield piece, _alone(function, piece, crew)


def default_jobs() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _in_order_of_end(
    executor: Executor, function: Callable[[Job], JobResult], waiting: Iterator[Job], died: list[Job], crew: Crew[Job]
) -> Iterator[tuple[Job, JobResult]]:
    ended = SimpleQueue[Future[JobResult]]()
    handed: dict[Future[JobResult], Job] = {}
    while True:
        for piece in itertools.islice(waiting, crew.jobs * AHEAD - len(handed)):
            future = executor.submit(function, piece)
            handed[future] = piece
            future.add_done_callback(ended.put)
        if not handed:
            return
        crew.running(list(handed.values())[: crew.jobs])
        future = _next(ended, crew.stop)
        piece = handed.pop(future)
        try:
            result = future.result()
        except BrokenExecutor:
            died.append(piece)
        else:
            yield piece, result


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
    """Set a new process up: it ignores Ctrl-C, and ends if the process that hands out the work ends."""
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
