"""Writes the pictures of the README and of docs/notebook.md from sample notebooks: `make screenshots`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from browsers import ARGUMENTS, chromium_path
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from notebooks import HE, IMPORTS, RANDOM, ZEROS, edit
from playwright.sync_api import Page, sync_playwright

from grader.cli import main

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
PICTURES = {  # file name: page below the folder of results
    "feedback.png": "scale_one_hundredth/feedback.html",
    "class.png": "index.html",
}
SIZE = {"width": 860, "height": 1000}
MOST_BYTES = 150_000  # a README should load quickly


def draw(page: Page, source: Path, target: Path) -> None:
    """Write the first screen of a page as a picture."""
    page.goto(source.as_uri())
    page.screenshot(path=target)
    size = target.stat().st_size
    if size > MOST_BYTES:
        sys.exit(f"{target.name} has {size:,} bytes, and at most {MOST_BYTES:,} are allowed: make SIZE smaller")


def write_notebook(path: Path) -> None:
    """Run a check in a real kernel, and write the notebook as JupyterLab's own styles show it."""
    sources = [ZEROS, edit(RANDOM, ("* 10", "* 0.01")), HE]
    cells = [
        nbformat.v4.new_code_cell(source) for source in ("%load_ext grader", IMPORTS, "\n".join(sources), "%grade")
    ]
    checked = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(checked, kernel_name="python3", timeout=300).execute()
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(checked)
    path.write_text(page, encoding="utf-8")


def draw_check(page: Page, source: Path, target: Path) -> None:
    """Write the cell of a check and its output as a picture."""
    page.route("http*://**", lambda route: route.abort())  # formulas need a script from elsewhere; there is none here
    page.goto(source.as_uri(), wait_until="domcontentloaded")
    page.locator(".jp-Cell", has=page.locator(".grader-result")).screenshot(path=target)


def write_pictures() -> None:
    """Grade the samples, and write pictures of a feedback page, of the class page, and of a check in a notebook."""
    browser_path = chromium_path()
    if browser_path is None:
        sys.exit("No Chromium was found, so no pictures can be made. Install it, for example: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        graded = Path(temporary) / "graded"
        if main(["batch", str(ROOT / "submissions"), "--out", str(graded), "--quiet"]) != 0:
            sys.exit("The samples could not all be graded, so no pictures were made. Run `make demo` to see why.")
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(ARGUMENTS))
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        for name, source in PICTURES.items():
            draw(page, graded / source, IMAGES / name)
        write_notebook(Path(temporary) / "notebook.html")
        draw_check(page, Path(temporary) / "notebook.html", IMAGES / "check.png")
        browser.close()


if __name__ == "__main__":
    write_pictures()
