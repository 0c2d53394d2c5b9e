"""Put grades into nbgrader's gradebook.  Run it with the Python that nbgrader is installed for:

    python grader/import_grades.py grader/ASSIGNMENT.json

The gradebook is gradebook.db in the course folder unless --db names another.  The points of a function go to the grade cell
whose source names it, in proportion if that is worth another number of points; where the notebook has no grade cells, each
function gets one.  Running it again writes the same.  Points given by hand in nbgrader stay and are marked for a look.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import warnings
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
    options = parser.parse_args()
    grades = json.loads(options.grades.read_text(encoding="utf-8"))
    if grades["schema"] != "grader-nbgrader/1":
        sys.exit(f"{options.grades} is of another format: {grades['schema']!r}")
    warnings.simplefilter("ignore")  # nbgrader's own, on how it uses its database
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # for alembic
    with Gradebook(options.db) as gradebook:
        changed = sum(put(gradebook, grades, record, beside=options.beside) for record in grades["submissions"])
    print(f"{grades['assignment']}: {len(grades['submissions'])} submissions, {changed} with other points than before")


def put(gradebook: Gradebook, grades: dict[str, Any], record: dict[str, Any], *, beside: bool) -> bool:
    """Write one submission's points; return whether any changed."""
    assignment, student = grades["assignment"], record["student"]
    gradebook.update_or_create_assignment(assignment)
    notebook = record["notebook"] or assignment
    gradebook.update_or_create_notebook(notebook, assignment)
    cells = grade_cells(gradebook, grades, notebook, beside=beside)
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
    unclear = [name for name, found in naming.items() if len(found) != 1]
    if unclear or len({found[0].name for found in naming.values()}) < len(names):
        points = sum(cell.max_score for cell in cells)
        sys.exit(
            f"{notebook} of {assignment} has grade cells of its own, worth {points:g} points: "
            f"{', '.join(cell.name for cell in cells)}.\n"
            f"Not exactly one of them tests {', '.join(unclear or names)}, so it is not clear where the points belong. "
            "--beside gives each function a grade cell of its own; nbgrader adds their points to those of the others."
        )
    return {name: found[0] for name, found in naming.items()}


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
