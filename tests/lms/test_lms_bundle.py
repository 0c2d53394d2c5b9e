"""What brings the grader into a system: the wheel made of the running one, Gradescope's zip and the images' folders.

The slow tests carry out the steps of setup.sh and of the Dockerfiles as root in a scratch copy of each layout: no image can be
built where they run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from notebooks import RANDOM, edit, solved, write

from grader.cli import main
from grader.lms.inside.wheel import NAME, requirements, wheel
from grader.messages import say

CHECKOUT = Path(__file__).parents[2]
SMALL = solved(random=edit(RANDOM, ("* 10", "* 0.01")))
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def ran(*command: object, folder: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def members(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


# --- the wheel -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("ours") / NAME
    path.write_bytes(wheel())
    return path


def test_the_wheel_holds_what_the_built_one_holds(ours, tmp_path):
    ran(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, CHECKOUT, folder=tmp_path)
    (built,) = tmp_path.glob("*.whl")
    assert built.name == NAME
    assert members(ours) == members(built)


def test_the_same_installation_gives_the_same_wheel(ours):
    assert wheel() == ours.read_bytes()


def test_a_grader_installed_from_the_wheel_makes_the_same_wheel_outside_the_checkout(ours, tmp_path):
    site = tmp_path / "site"
    ran(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, ours, folder=tmp_path)
    code = "import sys, grader; from grader.lms.inside.wheel import wheel; sys.stdout.buffer.write(wheel())"
    again = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r}); {code}"],
        cwd=tmp_path, capture_output=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "again.whl").write_bytes(again)
    assert members(tmp_path / "again.whl") == members(ours)


def test_nothing_of_the_development_tools_is_needed():
    assert any(one.startswith("numpy") for one in requirements())
    assert not any("pytest" in one for one in requirements())


# --- Gradescope's zip ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def online(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("online") / "autograder.zip"
    assert main(["lms", "gradescope", "build", "--out", str(path), "--online", "--visibility", "after_published"]) == 0
    return path


def test_the_zip_has_its_scripts_at_the_root_executable_and_with_unix_line_ends(online):
    with zipfile.ZipFile(online) as archive:
        assert set(archive.namelist()) == {"run_autograder", "setup.sh", "unfinished.json", NAME}
        for name in ("run_autograder", "setup.sh"):
            assert stat.S_IMODE(archive.getinfo(name).external_attr >> 16) == 0o755
            script = archive.read(name).decode()
            assert script.startswith("#!/usr/bin/env bash\n")
            assert "\r" not in script
            assert not re.search("@[A-Z]+@", script)
        assert "--visibility after_published" in archive.read("run_autograder").decode()
        assert "score" not in archive.read("unfinished.json").decode().replace("no score", "")


def test_the_same_grader_gives_the_same_zip(online, tmp_path):
    again = tmp_path / "again.zip"
    main(["lms", "gradescope", "build", "--out", str(again), "--online", "--visibility", "after_published", "--quiet"])
    assert again.read_bytes() == online.read_bytes()


def test_an_exercise_of_ones_own_goes_along(tmp_path):
    mine = shutil.copytree(CHECKOUT / "reference" / "dls-c2w1-initialization", tmp_path / "mine")
    main(["lms", "gradescope", "build", "--out", str(tmp_path / "a.zip"), "--online", "--exercise", str(mine)])
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert "exercise/exercise.toml" in archive.namelist()
        assert '--exercise "$root/source/exercise"' in archive.read("run_autograder").decode()


def test_wheels_that_cannot_be_had_are_said_and_the_zip_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert main(["lms", "gradescope", "build", "--out", str(tmp_path / "a.zip")]) == 0
    assert "could not be downloaded here" in capsys.readouterr().out
    assert not any(name.startswith("wheels/") for name in members(tmp_path / "a.zip"))


def test_a_grader_that_does_not_start_leaves_a_result_without_a_score(online, tmp_path):
    root = laid_out(online, tmp_path)
    ran(root / "run_autograder", folder=root)
    document = json.loads((root / "results" / "results.json").read_bytes())
    assert "score" not in document
    assert say("lms.build.not_started") in document["output"]


def laid_out(path: Path, folder: Path) -> Path:
    """Gradescope's folders with the zip unpacked as its image has them."""
    root = folder / "autograder"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(root / "source")
    shutil.copy(root / "source" / "run_autograder", root / "run_autograder")
    (root / "run_autograder").chmod(0o755)
    for name in ("submission", "results"):
        (root / name).mkdir()
    return root


@pytest.mark.slow
def test_the_zip_grades_in_a_copy_of_gradescopes_folders_without_network(tmp_path):
    path = tmp_path / "autograder.zip"
    assert main(["lms", "gradescope", "build", "--out", str(path), "--python", PYTHON]) == 0
    root = laid_out(path, tmp_path)
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.symlink_to(Path(sys.base_prefix) / "bin" / f"python{PYTHON}")
    search = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    said = ran("bash", root / "source" / "setup.sh", folder=root, PATH=search, PIP_NO_INDEX="1")
    assert "The rest comes from the network" not in said
    assert "Student code is confined on this machine." in said

    write(root / "submission", "hw.ipynb", SMALL)
    said = ran(root / "run_autograder", folder=root, PATH=search)
    document = json.loads((root / "results" / "results.json").read_bytes())
    assert document["score"] == 27
    assert "27 of 30" in said
    if os.getuid() == 0:
        assert stat.S_IMODE((root / "source").stat().st_mode) & 0o007 == 0


# --- the images ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["coursera", "prairielearn"])
def test_the_folder_of_an_image_holds_all_that_its_dockerfile_copies(tmp_path, system):
    assert (
        main(["lms", system, "build", "--out", str(tmp_path), *(["--part", "a=he"] if system == "coursera" else [])])
        == 0
    )
    steps = dockerfile(tmp_path)
    assert all((tmp_path / source).is_file() for name, step in steps if name == "COPY" for source in step.split()[:1])
    entry = json.loads(dict(steps)["ENTRYPOINT"])
    assert entry[3:7] == ["/grader/venv/bin/python", "-I", "-m", "grader"]
    assert ("--part" in entry) == (system == "coursera")
    assert not re.search("@[A-Z]+@", (tmp_path / "Dockerfile").read_text(encoding="utf-8"))


def test_a_part_that_maps_to_nothing_is_refused_before_an_image_is_built(tmp_path, capsys):
    assert main(["lms", "coursera", "build", "--out", str(tmp_path / "image"), "--part", "a=nothing"]) == 2
    assert "zeros, random, he" in capsys.readouterr().err
    assert not (tmp_path / "image").exists()


def test_prairielearn_is_told_the_entry_point_and_the_time_that_grading_needs(tmp_path):
    main(["lms", "prairielearn", "build", "--out", str(tmp_path)])
    told = json.loads((tmp_path / "info.externalGradingOptions.json").read_bytes())["externalGradingOptions"]
    assert told["entrypoint"] == json.loads(dict(dockerfile(tmp_path))["ENTRYPOINT"])
    assert told["enabled"]
    assert 30 < told["timeout"] <= 600


def dockerfile(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "Dockerfile").read_text(encoding="utf-8").splitlines()
    steps = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in steps]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "submission", "out", "key"),
    [
        ("coursera", "shared/submission", "shared/feedback.json", "fractionalScore"),
        ("prairielearn", "grade/student", "grade/results/results.json", "score"),
    ],
)
def test_the_steps_of_a_dockerfile_grade_in_a_scratch_copy_of_its_layout(tmp_path, system, submission, out, key):
    image, root = tmp_path / "image", tmp_path / "root"
    main(["lms", system, "build", "--out", str(image)])
    steps = dockerfile(image)
    inside = [(name, re.sub(r"(?<![\w.])/(grader|shared|grade)\b", rf"{root}/\1", step)) for name, step in steps]
    (root / "grader").mkdir(parents=True)
    for name, step in inside:
        if name == "COPY":
            source, target = step.split()
            shutil.copy(image / source, target)
        elif name == "RUN":
            ran("bash", "-c", step.replace("python3 ", f"{sys.executable} "), folder=tmp_path)
    write(root / submission, "hw.ipynb", SMALL)
    entry = json.loads(dict(inside)["ENTRYPOINT"])
    ran(*entry, folder=root, HOME="/nonexistent")

    assert json.loads((root / out).read_bytes())[key] == 0.9
