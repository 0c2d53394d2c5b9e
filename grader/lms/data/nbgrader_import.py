"""Put grades into nbgrader's gradebook.  Run it with the Python that nbgrader is installed for:

    python grader/import_grades.py grader/ASSIGNMENT.json

The gradebook is gradebook.db in the course folder unless --db names another.  The points of a function go to the grade cell
whose source names it, in proportion if that is worth another number of points; where the assignment has no grade cells, each
function gets one.  Running it again writes the same.  Points given by hand in nbgrader stay and are marked for a look.

An assignment never gets a second notebook: that would raise its maximum for everybody.  A hand-in under another file name
counts for the notebook that was released; where several were, it is named and left out, or --notebook says which.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

try:
    from nbgrader.api import Grade, Gradebook, MissingEntry, SubmittedNotebook
except ImportError:
    sys.exit("nbgrader is not installed for this Python: run this with the Python that runs nbgrader")


def main() -> None:
    """Read the grades and write them."""
    course = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grades", type=Path)
    parser.add_argument("--db", default=f"sqlite:///{course / 'gradebook.db'}", help="the gradebook's address")
    parser.add_argument(
        "--beside", action="store_true", help="give each function a grade cell beside those that are there"
    )
    parser.add_argument(
        "--notebook", metavar="NAME", help="for which notebook a hand-in under another file name counts"
    )
    options = parser.parse_args()
    grades = json.loads(options.grades.read_text(encoding="utf-8"))
    if grades["schema"] != "grader-nbgrader/1":
        sys.exit(f"{options.grades} is of another format: {grades['schema']!r}")
    warnings.simplefilter("ignore")  # nbgrader's own, on how it uses its database
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # for alembic
    with Gradebook(options.db) as gradebook:
        names = notebooks(gradebook, grades)
        if options.notebook and options.notebook not in names:
            sys.exit(f"{grades['assignment']} has no notebook {options.notebook!r}; there is {', '.join(names)}")
        places = [place(record, names, options.notebook) for record in grades["submissions"]]
        into = dict.fromkeys(filter(None, places))
        cells = {name: grade_cells(gradebook, grades, name, beside=options.beside) for name in into}
        placed = [(record, name) for record, name in zip(grades["submissions"], places) if name]  # noqa: B905  # of one length
        changed = sum(put(gradebook, grades, record, name, cells[name]) for record, name in placed)
    print(f"{grades['assignment']}: {len(placed)} submissions, {changed} with other points than before")
    left = [record for record, name in zip(grades["submissions"], places) if not name]  # noqa: B905  # of one length
    for record in left:
        print(
            f"{record['student']}: {record['notebook']!r} is none of {', '.join(names)}: no grade was written",
            file=sys.stderr,
        )
    if left:
        sys.exit("--notebook NAME says for which of them these count")


def notebooks(gradebook: Gradebook, grades: dict[str, Any]) -> list[str]:
    """Return the notebooks that were released in the assignment; one is made only where there is none at all."""
    assignment, released = grades["assignment"], grades.get("released", [])
    try:
        names = sorted(notebook.name for notebook in gradebook.find_assignment(assignment).notebooks)
    except MissingEntry:
        gradebook.add_assignment(assignment)
        names = []
    if not names:
        own = Counter(record["notebook"] for record in grades["submissions"] if record["notebook"])
        names = [max(released or own or [assignment], key=lambda name: (own[name], name))]
        gradebook.update_or_create_notebook(names[0], assignment)
    others = [name for name in names if name not in released]
    if released and others and len(others) < len(names):
        print(
            f"{assignment} has notebooks that were not released: {', '.join(others)}. An earlier import may have added them; "
            "then their points count for everybody. No grade goes there. Keep a copy of the gradebook, and take them out with "
            f"nbgrader's own interface: Gradebook(...).remove_notebook({others[0]!r}, {assignment!r})",
            file=sys.stderr,
        )
        names = [name for name in names if name in released]
    return names


def place(record: dict[str, Any], names: list[str], fallback: str | None) -> str | None:
    """Return the released notebook that a hand-in counts for, None where that cannot be told."""
    if record["notebook"] in names:
        return str(record["notebook"])
    return names[0] if len(names) == 1 else fallback


def put(
    gradebook: Gradebook, grades: dict[str, Any], record: dict[str, Any], notebook: str, cells: dict[str, Any]
) -> bool:
    """Write one submission's points; return whether any changed."""
    assignment, student = grades["assignment"], record["student"]
    gradebook.update_or_create_student(student)
    when = {"timestamp": record["timestamp"]} if record["timestamp"] else {}
    submission = gradebook.update_or_create_submission(assignment, student, **when)
    changed = False
    for cell in grades["cells"]:
        if (
            cell["name"] not in record["scores"]
        ):  # it could not be judged: nbgrader keeps it marked as to be graded by hand
            continue
        into = cells[cell["name"]]
        score = record["scores"][cell["name"]] * into.max_score / cell["max_score"]
        grade = find_grade(gradebook, submission, into, notebook)
        changed |= grade.auto_score != score
        grade.auto_score = score
        grade.needs_manual_grade = grade.manual_score is not None
    gradebook.db.commit()
    return changed


def grade_cells(gradebook: Gradebook, grades: dict[str, Any], notebook: str, *, beside: bool) -> dict[str, Any]:
    """Return the grade cell of each function: the notebook's own, or one that is made for it."""
    assignment, names = grades["assignment"], [cell["name"] for cell in grades["cells"]]
    cells = [cell for cell in gradebook.find_notebook(notebook, assignment).grade_cells if cell.max_score]
    others = [cell for cell in cells if cell.name not in names]
    if others and not beside:
        return own_cells(gradebook, others, names, notebook, assignment)
    points = sum(
        float(other.max_score) for other in gradebook.find_assignment(assignment).notebooks if other.name != notebook
    )
    if points and not cells and not beside:
        sys.exit(
            f"{notebook} of {assignment} has no grade cells, and its other notebooks are worth {points:g} points. Grade cells of "
            "ours would add to the maximum of everybody: --notebook NAME names another notebook, --beside adds them."
        )
    return {
        cell["name"]: gradebook.update_or_create_grade_cell(
            cell["name"], notebook, assignment, max_score=cell["max_score"], cell_type="code"
        )
        for cell in grades["cells"]
    }


def own_cells(
    gradebook: Gradebook, cells: list[Any], names: list[str], notebook: str, assignment: str
) -> dict[str, Any]:
    """Return the one grade cell whose source names each function, or stop: its points would be added to ours."""
    sources = {cell.name: source(gradebook, cell, notebook, assignment) for cell in cells}
    naming = {name: [cell for cell in cells if re.search(rf"\b{name}\b", sources[cell.name])] for name in names}
    unclear = [name for name, tests in naming.items() if len(tests) != 1]
    if unclear or len({tests[0].name for tests in naming.values()}) < len(names):
        points = sum(cell.max_score for cell in cells)
        sys.exit(
            f"{notebook} of {assignment} has grade cells of its own, worth {points:g} points: "
            f"{', '.join(cell.name for cell in cells)}.\n"
            f"Not exactly one of them tests {', '.join(unclear or names)}, so it is not clear where the points belong. "
            "--beside gives each function a grade cell of its own; nbgrader adds their points to those of the others."
        )
    return {name: tests[0] for name, tests in naming.items()}


def source(gradebook: Gradebook, cell: Any, notebook: str, assignment: str) -> str:
    """Return the source of a grade cell as nbgrader keeps it."""
    try:
        return str(gradebook.find_source_cell(cell.name, notebook, assignment).source)
    except MissingEntry:
        return ""


def find_grade(gradebook: Gradebook, submission: Any, cell: Any, notebook: str) -> Grade:
    """Return the grade of a cell; a submission that was there before the cell has none yet."""
    handed_in = next((candidate for candidate in submission.notebooks if candidate.name == notebook), None)
    if handed_in is None:
        master = gradebook.find_notebook(notebook, submission.assignment.name)
        handed_in = SubmittedNotebook(notebook=master, assignment=submission)
        gradebook.db.add(handed_in)
    grade = next((candidate for candidate in handed_in.grades if candidate.cell_id == cell.id), None)
    if grade is None:
        grade = Grade(cell=cell, notebook=handed_in)
        gradebook.db.add(grade)
    return grade


if __name__ == "__main__":
    main()
