"""How Chromium is found and started, for tests and for the pictures of the README."""

from __future__ import annotations

import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",  # CI runs as root, where Chromium's own sandbox refuses to start; the pages are ours
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
)


def chromium_path() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
