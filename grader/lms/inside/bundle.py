"""What brings the grader into a system: Gradescope's autograder zip, and folders from which Docker builds an image."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader import api as service
from grader import resources
from grader.files import write
from grader.lms.common.archives import write_zip
from grader.lms.common.system import Build, Done
from grader.lms.inside.coursera import functions as functions_of_part
from grader.lms.inside.gradescope import results
from grader.lms.inside.run import JudgedHandIn
from grader.lms.inside.wheel import NAME, requirements, wheel
from grader.messages import refusal, say

DATA = Path(__file__).parent.parent / "data"
PROGRAMS = ("run_autograder", "setup.sh")
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
DOWNLOAD_SECONDS = 300


def gradescope(request: Build) -> Done:
    """Make the zip for Gradescope: scripts, the grader and, unless it is to be fetched there, what the grader needs."""
    files = _exercise(request)
    options = shlex.join(request.options) + (' --exercise "$root/source/exercise"' if files else "")
    wheels, note = ({}, "") if request.online else _wheels(request.python)
    unfinished = results(JudgedHandIn(failure=say("lms.build.not_started")), "visible")
    files |= {f"wheels/{name}": data for name, data in wheels.items()}
    files |= {NAME: wheel(), "unfinished.json": json.dumps(unfinished, indent=1).encode()}
    files |= {name: _filled(name, {"OPTIONS": options, "WHEEL": NAME}) for name in PROGRAMS}
    write_zip(request.out, files, programs=PROGRAMS)
    size = request.out.stat().st_size / 1e6
    return Done(
        files=(request.out,),
        messages=(
            (
                say("lms.build.with_wheels", count=len(wheels), python=request.python, size=size)
                if wheels
                else say("lms.build.without_wheels", size=size)
            ),
            say("lms.build.gradescope", name=request.out.name, points=_possible(request)),
        ),
        attention=(note,) if note else (),
    )


def coursera(request: Build) -> Done:
    """Write the folder from which Coursera's image is built."""
    functions_of_part(
        None, request.options[1::2], service.load_exercise(request.exercise).names
    )  # refuses wrong ones now
    command = ["lms", "coursera", "run", "--root", "/shared", *request.options]
    return _image(request, "coursera", command)


def prairielearn(request: Build) -> Done:
    """Write the folder from which PrairieLearn's image is built, and the options for info.json."""
    command = ["lms", "prairielearn", "run", "--root", "/grade"]
    image = _image(request, "prairielearn", command)
    grading = {
        "enabled": True,
        "image": "YOUR_ACCOUNT/initialization-grader",
        "entrypoint": _entrypoint(request, command),
        "timeout": 300,
        "enableNetworking": False,
    }
    path = request.out / "info.externalGradingOptions.json"
    write(path, json.dumps({"gradingMethod": "External", "externalGradingOptions": grading}, indent=2) + "\n")
    return Done((*image.files, path), (*image.messages, say("lms.build.prairielearn", name=path.name)))


def _image(request: Build, system: str, command: Sequence[str]) -> Done:
    """Write a Dockerfile with all that it copies."""
    exercise = _exercise(request)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        for name in exercise:
            (request.out / name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(
            "lms.cannot_be_made", path=request.out, reason=error.strerror, hint="lms.build.out.hint"
        ) from None
    for name, data in {**exercise, NAME: wheel()}.items():
        write(request.out / name, data)
    filled = {
        "WHEEL": NAME,
        "COPY": "COPY exercise /grader/exercise\n" if exercise else "",
        "ENTRYPOINT": json.dumps(_entrypoint(request, command)),
    }
    path = request.out / "Dockerfile"
    write(path, _filled(f"{system}.Dockerfile", filled).decode())
    return Done((path, request.out / NAME), (say("lms.build.image", out=request.out),))


def _entrypoint(request: Build, command: Sequence[str]) -> list[str]:
    python = ["/grader/venv/bin/python", "-I", "-m", "grader"]
    exercise = ["--exercise", "/grader/exercise"] if _exercise(request) else []
    return ["/usr/bin/env", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", *python, *command, *exercise]


def _filled(name: str, values: Mapping[str, str]) -> bytes:
    """Return one of our scripts with its gaps filled, with the line ends of Unix."""
    text = (DATA / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text.encode()


def _exercise(request: Build) -> dict[str, bytes]:
    """Return the files of an exercise that is not one of ours; ours lie in the wheel."""
    folder = service.load_exercise(request.exercise).folder.resolve()
    if folder.parent == resources.reference().resolve():
        return {}
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {f"exercise/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files}


def _wheels(python: str) -> tuple[dict[str, bytes], str]:
    """Return the wheels that the grader needs on 64-bit Linux with that Python, or why there are none."""
    with tempfile.TemporaryDirectory(prefix="grader-") as folder:
        wanted = [
            requirement.partition(";")[0].strip() for requirement in requirements()
        ]  # pip judges markers by the Python it runs on
        platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
        command = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--quiet", "download", *wanted]
        command += ["--dest", folder, "--only-binary=:all:", "--implementation", "cp", "--python-version", python]
        try:
            ended = subprocess.run(  # noqa: S603  # our own words, each an argument of its own, and no shell
                [*command, *platforms], capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
            )
        except (OSError, subprocess.SubprocessError) as error:
            return {}, _unavailable(python, type(error).__name__)
        if ended.returncode:
            lines = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
            return {}, _unavailable(python, lines[-1])
        return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.whl"))}, ""


def _unavailable(python: str, reason: str) -> str:
    return say("lms.build.no_wheels", python=python, reason=reason)


def _possible(request: Build) -> str:
    tasks = service.load_exercise(request.exercise).tasks
    return f"{sum(task.possible for task in tasks):g}"
