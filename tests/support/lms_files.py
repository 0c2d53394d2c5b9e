"""What an LMS hands out, made by its own rules, and a graded folder made of results; for the tests of `grader lms`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import builders
import msgspec
from notebooks import solved

from grader.classroom.batch import DATABASE
from grader.classroom.manifest import FILE, Manifest, encode, load
from grader.records import Evidence, Notebook, NotebookInfo, Result, SubmissionInfo, Summary
from grader.store import Kept, KnownSubmission, Store, Tally, pack_evidence

RIGHT = solved()


def zipped(path: Path, members: Mapping[str, bytes], *, utf8: bool = True) -> Path:
    """A zip; without `utf8` its names are UTF-8 that nothing says to be so, as some zippers leave it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    if not utf8:
        data = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                encoded = info.filename.encode()
                for mark, flag_at, name_at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
                    at = data.find(mark)
                    while at >= 0:
                        if data[at + name_at : at + name_at + len(encoded)] == encoded:
                            data = data[: at + flag_at] + b"\0\0" + data[at + flag_at + 2 :]
                        at = data.find(mark, at + 4)
        path.write_bytes(data)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def scored(points: float, **changes: object) -> Result:
    """A result with so many of 30 points, all taken from He's function."""
    functions = {builders.ZEROS: builders.zeros(), builders.RANDOM: builders.random()}
    functions[builders.HE] = builders.he(points=points - 20)
    said = Summary(
        f"{points:g} of 30. One function is not right yet.",
        "Look at <He> & C:\\tmp.",
        "Measured: 0.99 / 0.96.",
        "One function is not right yet.",
    )
    return builders.result(functions, summary=said, **changes)


def unread(status: str) -> Result:
    """A result of what could not be read."""
    functions = {
        name: replace(one, points=0.0, status="missing", checks=()) for name, one in builders.result().functions.items()
    }
    return builders.result(
        functions, notebook=NotebookInfo(status), summary=Summary("No notebook.", "Hand one in.", "")
    )


def graded(collected: Path, out: Path, results: Mapping[str, Result], *, annotated: bool = True) -> Path:
    """What `grader batch` leaves of a collected folder, with these results by student."""
    manifest = load(collected)
    assert manifest is not None
    assert set(results) <= {entry.student for entry in manifest.entries}
    out.mkdir(parents=True)
    with Store(out / DATABASE) as store:
        (out / FILE).write_text(encode(manifest), encoding="utf-8")
        for entry in manifest.entries:
            if entry.student in results:
                name = entry.file or f"{entry.student}: no notebook"
                result = replace(
                    results[entry.student], submission=SubmissionInfo(name, entry.sha256 or "", entry.student)
                )
                folder = out / name.removesuffix(".ipynb").replace(":", "").replace(" ", "_")
                folder.mkdir()
                (folder / "feedback.html").write_text(f"<!doctype html><p>{result.score}", encoding="utf-8")
                if annotated:
                    (folder / "annotated.ipynb").write_text(f'{{"annotated": "{entry.student}"}}', encoding="utf-8")
                keep(store, folder.name, result)
    return out


def keep(store: Store, folder: str, result: Result) -> None:
    """Put a result into a store as a batch does."""
    info = result.submission
    known = KnownSubmission(info.name, folder, info.sha256, "", "", "", info.student)
    standing = Tally(result.score, result.possible, result.passed, result.provisional, review=False)
    store.put(Kept(known, 0.1, pack_evidence(_evidence(info.name)), msgspec.json.encode(result), standing))


def manifest_of(folder: Path) -> Manifest:
    found = load(folder)
    assert found is not None
    return found


def _evidence(name: str) -> Evidence:
    return Evidence(Notebook(name, "", "ok"), {}, "dls-c2w1-initialization", "", (), "3.11", "2.0")
