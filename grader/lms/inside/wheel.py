"""The grader as a wheel, made from the files of the one that runs: an installed wheel, an editable install or a checkout."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib import metadata
from pathlib import Path

from grader import resources
from grader._version import __version__
from grader.errors import GraderError
from grader.messages import failure

NAME = f"grader-{__version__}-py3-none-any.whl"
_INFO = f"grader-{__version__}.dist-info"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_WHEEL = "Wheel-Version: 1.0\nGenerator: grader\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel() -> bytes:
    """Return the wheel; the same installation gives the same bytes.

    Raises
    ------
    GraderError
        If the grader runs from a folder into which it was not installed: then nothing says what it needs.
    """
    files = {**_package(), **_info()}
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in sorted(files.items()))
    files[f"{_INFO}/RECORD"] = f"{record}{_INFO}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files, key=lambda name: (name.startswith(_INFO), name)):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(info, files[name])
    return buffer.getvalue()


def requirements() -> tuple[str, ...]:
    """Return what the grader needs, as its metadata say it, without extras."""
    return tuple(
        requirement for requirement in _distribution().requires or () if "extra ==" not in requirement.replace("'", '"')
    )


def _package() -> dict[str, bytes]:
    """Return the package with the two folders that are beside it in a checkout."""
    package = Path(resources.__file__).parent
    folders = {"grader": package, "grader/templates": resources.templates(), "grader/reference": resources.reference()}
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for name, folder in folders.items()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _info() -> dict[str, bytes]:
    distribution = _distribution()
    texts = {name: distribution.read_text(name) for name in ("METADATA", "entry_points.txt", "licenses/LICENSE")}
    return {f"{_INFO}/{name}": text.encode() for name, text in {**texts, "WHEEL": _WHEEL}.items() if text}


def _distribution() -> metadata.Distribution:
    try:
        return metadata.distribution("grader")
    except metadata.PackageNotFoundError:
        raise failure(GraderError, "lms.build.not_installed") from None


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
