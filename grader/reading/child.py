"""The process that reads what is not plainly small: limits first, then a job from stdin, its answer to stdout.

Arguments: seconds of computing, bytes of memory, the module that answers, the folders to import from.  No student's code
runs here.
"""

from __future__ import annotations

import importlib
import os
import sys


def main() -> int:
    """Answer one job; the exit code says which limit was reached."""
    seconds, size_bytes = int(sys.argv[1]), int(sys.argv[2])
    sys.path[:0] = sys.argv[4:]
    from grader import messages, reading

    messages.use_environment()

    module = importlib.import_module(sys.argv[3])

    _limit(seconds, size_bytes)
    try:
        answer = module.answer(sys.stdin.buffer.read())
        if len(answer) > reading.MOST_ANSWER_BYTES:
            return reading.TOO_MUCH
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
    except MemoryError:
        return reading.NO_MEMORY
    return 0


def _limit(seconds: int, size_bytes: int) -> None:
    """Limit this process, as far as the system can; loading modules is not counted."""
    if sys.platform == "win32":
        return
    import resource

    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    at_most = int(used) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (at_most, at_most + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # one line, and nothing more to load
            pages = int(file.read().split()[0])
        size_bytes += pages * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))


if __name__ == "__main__":
    sys.exit(main())
