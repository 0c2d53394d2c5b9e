"""Writes the pictures of the README from the sample notebooks: `make screenshots`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from browsers import ARGUMENTS, chromium_path
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


def write_pictures() -> None:
    """Grade the samples, and write a picture of one feedback page and of the class page."""
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
        browser.close()


if __name__ == "__main__":
    write_pictures()
