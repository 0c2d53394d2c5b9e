"""Grades a class on many machines: the workers of a dask.distributed scheduler, which share no folder.

A submission travels as bytes and its pages come back as bytes; what distributed pickles of ours is the name of a function and
bytes, and the records in them are read by their types.  Whoever reaches the scheduler's port can run code on all its machines, so
it has to be private: docs/scale.md.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import secrets
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    InvalidStateError,
    wait,
)
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np

from grader import api as service
from grader._version import __version__
from grader.classroom import pool
from grader.classroom import submissions as files
from grader.classroom import worker as work
from grader.classroom.submissions import Submission
from grader.classroom.worker import Work
from grader.errors import ExerciseError, GraderError, RequestError, SandboxError
from grader.exercise.load import Exercise
from grader.files import make_private_folder, write
from grader.messages import failure, refusal, say
from grader.reading.notebook import SOURCE_LIMIT_BYTES
from grader.store import Kept

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10.0  # for the scheduler to answer
WORKERS_SECONDS = 30.0  # for the first worker to be there, and for each to say whether it can grade
GONE_SECONDS = 60.0  # without any worker, after which the batch stops; one that is started again is there in a few
LOOK_SECONDS = 1.0
NO_STORE = Path(os.devnull) / "none"  # SQLite's log may not be read from another machine, not even on a shared disk
SAFE_START = (
    "cd / && PYTHONSAFEPATH=1"  # how a worker is kept from importing what lies around it; Python 3.11 reads the latter
)
ONE_THREAD = "--nthreads 1 --nworkers N"  # how workers are to be started
UNDER_WAY_BYTES = 256 << 20  # of submissions that are with the cluster at one time: the scheduler's memory holds them
NAMES = (*work.PAGES, work.ANNOTATED)  # what may come back

Grade = Callable[[Work], Kept]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class WorkerTerms:
    """What a worker must have in common with the one who asks, so that verdicts are the same wherever they are made.

    `batch` tells one batch from the next: what a worker keeps warm ends with it.
    """

    batch: str
    versions: Mapping[str, str]
    exercise: str
    sha256: str
    folder: Path
    trusted: bool

    def differences(self) -> str:
        """Return in words which versions differ on this worker."""
        pairs = [(name, version, self.versions.get(name)) for name, version in _versions().items()]
        return ", ".join(
            say("classroom.cluster.version", name=name, version=version, wanted=wanted)
            for name, version, wanted in pairs
            if version != wanted
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """A submission on its way to a worker: the work, and what its files hold, by the name that they get there."""

    work: Work
    file: bytes | None
    annotated: bytes | None


@dataclass(frozen=True, slots=True)
class ParcelResult:
    """What a worker sends back: the result for the store and the pages by name, or an error."""

    graded: Kept | None = None
    pages: dict[str, bytes] = field(default_factory=dict)
    error: tuple[str, str, str] | None = None  # its class, problem and hint


# --- on the machine that asks --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cluster:
    """A scheduler with workers that can grade; `start` is what a batch asks for."""

    client: Client
    address: str
    workers: int
    terms: bytes

    @contextlib.contextmanager
    def start(self, _jobs: int) -> Iterator[Executor]:
        """Give an executor that sends work to the workers; if the block ends with an error, waiting work is given up."""
        executor = _Workers(self)
        try:
            yield executor
        finally:
            executor.shutdown()


@contextlib.contextmanager
def connected(address: str, exercise: Exercise, *, trusted: bool = False) -> Iterator[Cluster]:
    """Give the cluster of a scheduler, after every worker that is there has checked that it can grade.

    Raises
    ------
    RequestError
        If the extra is not installed, nobody answers, there is no worker, or one differs from this machine.
    SandboxError
        If a worker cannot confine student code.
    """
    try:
        import dask
        from distributed import Client, fire_and_forget
    except ImportError:
        raise refusal("classroom.cluster.no_dask") from None
    if not address.startswith(("tcp://", "tls://")):
        raise refusal("classroom.cluster.address", address=address)
    for name in ("distributed", "distributed.client", "distributed.gc"):  # those that have a level of their own
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said once, by us
    settings = {"distributed.admin.large-graph-warning-threshold": UNDER_WAY_BYTES}  # files travel with their tasks
    with dask.config.set(settings):
        try:
            client = _client(partial(Client, address, timeout=CONNECT_SECONDS, set_as_default=False))
        except Exception as error:  # also wrong TLS files, names that do not resolve, and others' protocols
            raise refusal("classroom.cluster.no_answer", address=address, error=_said(error)) from None
        try:
            terms = encode(worker_terms(exercise, trusted=trusted))
            yield Cluster(client, address, _examined(client, address, terms), terms)
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                for worker in client.nthreads():
                    fire_and_forget(client.submit(leave, pure=False, workers=[worker]))
            with contextlib.suppress(Exception):
                client.close(timeout=CONNECT_SECONDS)


def _client(make: Callable[[], Client]) -> Client:
    """Return a client, in bounded time: distributed waits without end for a port that accepts a connection and sends nothing."""
    client: Future[Client] = Future()

    def run() -> None:
        try:
            client.set_result(make())
        except Exception as error:
            client.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return client.result(CONNECT_SECONDS * 2)


def _examined(client: Client, address: str, terms: bytes) -> int:
    """Return how many workers there are; refuse those that cannot grade, by name."""
    with contextlib.suppress(TimeoutError):
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    workers = list(client.nthreads())
    if not workers:
        raise refusal("classroom.cluster.no_workers", address=address, one_thread=ONE_THREAD)
    executors = [client.get_executor(pure=False, workers=[worker]) for worker in workers]
    examinations = {
        executor.submit(examine, terms): worker for executor, worker in zip(executors, workers, strict=True)
    }
    done, _ = wait(examinations, timeout=WORKERS_SECONDS)
    for future in done:  # one that is busy or just ended is asked again with its first submission
        with contextlib.suppress(BrokenExecutor), _translated(examinations[future]):
            open_result(future.result())
    return len(workers)


class _Workers(Executor):
    """Sends work to the cluster, and writes the pages that come back."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._sent = cluster.client.get_executor(pure=False)
        self._under_way: dict[Future[Any], int] = {}
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_named: object) -> Future[Any]:
        """Send one piece of work; what cannot travel is done here, since nothing of it is run."""
        (job,) = arguments
        parcel = pack(job)
        if parcel is None:
            with pool.here(1) as executor:
                return executor.submit(function, job)
        data = encode(parcel)
        while self._under_way and sum(self._under_way.values()) + len(data) > UNDER_WAY_BYTES:
            wait(list(self._under_way), return_when=FIRST_COMPLETED)
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self._under_way[future] = len(data)
        sent = self._sent.submit(grade_there, function, self._cluster.terms, data)
        sent.add_done_callback(lambda ended: self._came_back(ended, job, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002  # nothing waits here
        """Give up what is still with the cluster."""
        self._ended.set()
        with contextlib.suppress(Exception):  # the scheduler may be gone
            self._sent.shutdown(wait=False)

    def _came_back(self, ended: Future[bytes], job: Work, future: Future[Any]) -> None:
        try:
            with _translated(self._cluster.address):
                answer = open_result(ended.result())
                write_pages(job, answer.pages)
            self._end(future, _noted(job, answer.graded), None)
        except Exception as error:
            self._end(future, None, error)

    def _end(self, future: Future[Any], outcome: Kept | None, error: Exception | None) -> None:
        self._under_way.pop(future, None)
        with contextlib.suppress(InvalidStateError):  # the watch was there before
            future.set_exception(error) if error else future.set_result(outcome)

    def _watch(self) -> None:
        """Stop waiting if no worker is left."""
        without = 0.0
        while not self._ended.wait(LOOK_SECONDS):
            with contextlib.suppress(Exception):  # a scheduler that is gone is noticed by what waits for it
                without = 0.0 if self._cluster.client.nthreads() else without + LOOK_SECONDS
            if without >= GONE_SECONDS:
                error = failure(
                    GraderError,
                    "classroom.cluster.workers_lost",
                    address=self._cluster.address,
                    hint="classroom.cluster.go_on",
                )
                for future in list(self._under_way):
                    self._end(future, None, error)


def pack(job: Work) -> Parcel | None:
    """Return what is sent of one piece of work; None if its file cannot be read or is larger than any that is run."""
    submission, data, annotated = job.submission, None, None
    noted = job.out / submission.folder / work.ANNOTATED if job.out else None
    with contextlib.suppress(OSError):
        annotated = noted.read_bytes() if noted else None
    if submission.path is not None and (job.before is None or job.annotated or annotated is not None):
        data = _file(submission)
        if data is None and job.before is None:
            return None
    path = None if submission.path is None else Path()
    return Parcel(replace(job, submission=replace(submission, path=path, members=())), data, annotated)


def _file(submission: Submission) -> bytes | None:
    with contextlib.suppress(OSError, ValueError, GraderError):
        if files.unpacked_bytes(submission) <= SOURCE_LIMIT_BYTES:
            with files.opened(submission) as path:
                if path.is_file() and path.stat().st_size <= SOURCE_LIMIT_BYTES:
                    return path.read_bytes()
    return None


def write_pages(job: Work, pages: Mapping[str, bytes]) -> None:
    """Write what came back where it belongs, for its owner alone."""
    if job.out is not None:
        folder = job.out / job.submission.folder
        make_private_folder(folder)
        for name in NAMES:
            if name in pages:
                write(folder / name, pages[name], private=True)


def _noted(job: Work, outcome: Kept | None) -> Kept | None:
    """Return the result for the store, with the sizes and times of the pages as they are here."""
    if outcome is None or job.out is None:
        return outcome
    return replace(outcome, known=replace(outcome.known, pages=work.page_stats(job.out / job.submission.folder)))


def open_result(data: bytes) -> ParcelResult:
    """Return what came back, or raise what went wrong there."""
    answer = decode(data, ParcelResult)
    if answer.error is not None:
        kind, problem, hint = answer.error
        kinds = {error_class.__name__: error_class for error_class in (RequestError, SandboxError)}
        raise kinds.get(kind, GraderError)(problem, hint=hint)
    return answer


@contextlib.contextmanager
def _translated(where: str) -> Iterator[None]:
    """Raise our own errors in place of those of distributed."""
    from distributed import KilledWorker

    try:
        yield
    except GraderError:
        raise
    except KilledWorker as error:
        raise BrokenExecutor(str(error)) from None
    except CancelledError:
        raise failure(GraderError, "classroom.cluster.lost", where=where, hint="classroom.cluster.go_on") from None
    except Exception as error:
        raise refusal("classroom.cluster.worker", where=where, error=_said(error), version=__version__) from None


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ").splitlines()[0][:200]


# --- on a worker ---------------------------------------------------------------------------------------------------

_ONE = threading.Lock()  # a process has one confined worker, whatever its number of threads
_met: dict[bytes, Path] = {}  # the terms that this process was last found to meet, and its folder of the exercise


def examine(terms: bytes) -> bytes:
    """Return in bytes whether this worker can grade."""

    def examined() -> ParcelResult:
        _folder(terms)
        return ParcelResult()

    return _answered(examined)


def grade_there(function: Grade, terms: bytes, parcel: bytes) -> bytes:
    """Grade one submission in this process, with files that lie in a folder of its own for as long as that takes."""

    def graded() -> ParcelResult:
        folder = _folder(terms)
        with tempfile.TemporaryDirectory(prefix="grader-") as scratch:
            return _graded(function, decode(parcel, Parcel), folder, Path(scratch))

    return _answered(graded)


def leave() -> None:
    """End what this process keeps ready for a batch that is over."""
    with _ONE:
        _met.clear()
        work.finish()


def _folder(terms: bytes) -> Path:
    """Return this machine's folder of the exercise, once this process was found to meet the terms."""
    if terms not in _met:
        _met.clear()
        work.finish()  # what is warm was made on other terms
        _met[terms] = prepare_worker(decode(terms, WorkerTerms))
    return _met[terms]


def prepare_worker(terms: WorkerTerms) -> Path:
    """Refuse to grade on this worker with other versions, without confinement, unsafe imports, or more than one thread."""
    if differences := terms.differences():
        raise refusal("classroom.cluster.versions", name=_name(), said=differences)
    if (count := _threads()) != 1:
        raise refusal("classroom.cluster.threads", name=_name(), count=count, one_thread=ONE_THREAD)
    if not _is_safe():
        raise refusal(
            "classroom.cluster.imports", name=_name(), cwd=Path.cwd(), safe_start=SAFE_START, one_thread=ONE_THREAD
        )
    try:
        confine_worker(terms.trusted)
    except SandboxError as error:
        raise SandboxError(
            say("classroom.cluster.sandbox", name=_name(), problem=error.problem), hint=error.hint
        ) from None
    for name_or_path in (str(terms.folder), terms.exercise):
        with contextlib.suppress(ExerciseError):
            exercise = service.load_exercise(name_or_path)
            if exercise.sha256 == terms.sha256:
                return exercise.folder.resolve()
    raise refusal("classroom.cluster.exercise", name=_name(), exercise=terms.exercise, folder=terms.folder)


@cache  # once a process, unless it fails
def confine_worker(trusted: bool) -> None:
    """Confine this worker once; later calls cost nothing."""
    service.require_confinement(trusted=trusted)


def _graded(function: Grade, parcel: Parcel, exercise: Path, scratch: Path) -> ParcelResult:
    job, submission = parcel.work, parcel.work.submission
    path, out = None, scratch / "out"
    pages = out / submission.folder
    pages.mkdir(parents=True)
    if submission.path is not None:
        path = scratch / "submission"
        if parcel.file is not None:
            path.write_bytes(parcel.file)
    if parcel.annotated is not None:
        (pages / work.ANNOTATED).write_bytes(parcel.annotated)
    outcome = function(
        replace(
            job,
            setup=replace(job.setup, exercise=exercise, store=NO_STORE, whole=True),  # an answer may be lost on the way
            submission=replace(submission, path=path),
            out=None if job.out is None else out,
        )
    )
    files = {name: pages / name for name in NAMES}
    return ParcelResult(outcome, {name: page.read_bytes() for name, page in files.items() if page.is_file()})


def _answered(do: Callable[[], ParcelResult]) -> bytes:
    """Return an answer in bytes, also to what went wrong: no exception of ours crosses as an object."""
    with _ONE:
        try:
            return encode(do())
        except GraderError as error:
            return encode(ParcelResult(error=(type(error).__name__, error.problem, error.hint)))
        except Exception as error:
            problem = say("classroom.cluster.failed", name=_name(), error=_said(error))
            return encode(ParcelResult(error=("GraderError", problem, say("classroom.cluster.failed.hint"))))


def _name() -> str:
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:  # outside of a worker
        return platform.node()


def _is_safe() -> bool:
    """Whether no Python of this worker imported from the folder it was started in, if a student can have written there."""
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:  # outside of a worker the command has seen to it
        return True
    return bool(getattr(sys.flags, "safe_path", False)) or Path.cwd() == Path(Path.cwd().anchor)


def _threads() -> int:
    from distributed import get_worker

    try:
        return int(get_worker().state.nthreads)
    except ValueError:
        return 1


# --- what crosses --------------------------------------------------------------------------------------------------


def _versions() -> dict[str, str]:
    return {"grader": __version__, "Python": platform.python_version(), "NumPy": np.__version__}


def worker_terms(exercise: Exercise, *, trusted: bool) -> WorkerTerms:
    """Return what every worker must agree to before it gets work: versions, exercise, trust."""
    return WorkerTerms(
        secrets.token_hex(8), _versions(), exercise.name, exercise.sha256, exercise.folder.resolve(), trusted
    )


def encode(record: object) -> bytes:
    """Return a record as bytes of msgpack."""
    return msgspec.msgpack.encode(record, enc_hook=_plain)


def decode(data: bytes, kind: type[Record]) -> Record:
    """Return the record that `encode` wrote, checked against its type."""
    return msgspec.msgpack.decode(data, type=kind, dec_hook=_path)


def _plain(value: object) -> bytes:
    if isinstance(value, Path):
        return os.fsencode(value)
    raise NotImplementedError


def _path(kind: type, value: bytes) -> Path:
    if issubclass(kind, Path):
        return Path(os.fsdecode(value))
    raise NotImplementedError
