"""The wheel holds all that the package needs: built, installed outside the checkout, and grading a sample there."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SAMPLE = CHECKOUT / "submissions" / "scale_one_hundredth.ipynb"


def run(*command: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**kept, "XDG_DATA_HOME": str(folder / "data"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT, folder=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_grades_a_sample_outside_the_checkout(wheel, tmp_path):
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "site")
    assert run(*pip, wheel, folder=tmp_path).returncode == 0
    graded = run(
        sys.executable, "-P" if sys.version_info >= (3, 11) else "-B", "-m", "grader", "check", SAMPLE,
        "--html", "page.html", folder=tmp_path, PYTHONPATH=str(tmp_path / "site"),
    )  # fmt: skip
    assert graded.returncode == 1, graded.stderr
    assert "27 of 30" in graded.stdout
    assert "27 of 30" in (tmp_path / "page.html").read_text(encoding="utf-8")
    where = run(
        sys.executable,
        "-c",
        "import grader; print(grader.__file__)",
        folder=tmp_path,
        PYTHONPATH=str(tmp_path / "site"),
    )
    assert str(tmp_path) in where.stdout


@pytest.mark.slow
def test_the_wheel_installs_with_what_it_needs_in_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / "bin"
    installed = run(scripts / "python", "-m", "pip", "install", "--quiet", wheel, folder=tmp_path)
    assert installed.returncode == 0, installed.stderr
    graded = run(scripts / "grader", "batch", SAMPLE, "--out", "out", folder=tmp_path)
    assert graded.returncode == 0, graded.stderr
    assert (tmp_path / "out" / "scale_one_hundredth" / "feedback.html").is_file()
