"""Where the pages' templates and the exercises' references lie: in a wheel, an editable install or a checkout."""

from __future__ import annotations

from pathlib import Path

from grader.errors import GraderError

_PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """Return the folder of the pages' templates."""
    return find("templates", _PACKAGE)


def reference() -> Path:
    """Return the folder that holds one folder for each exercise."""
    return find("reference", _PACKAGE)


def find(name: str, package: Path) -> Path:
    """Return the folder `name` inside the package (a wheel) or beside it (a checkout).

    Raises
    ------
    GraderError
        If it is in neither place.
    """
    places = (package / name, package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    looked = " nor ".join(str(place) for place in places)
    raise GraderError(
        f"the folder {name!r} that belongs to the grader is neither {looked}",
        hint="install the grader again: pip install --force-reinstall grader, or run it from a whole checkout",
    )
