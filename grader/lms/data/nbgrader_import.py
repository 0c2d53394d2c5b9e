"""Put grades into nbgrader's gradebook.  Run it with the Python that nbgrader is installed for:

    python grader/import_grades.py grader/ASSIGNMENT.json

The gradebook is gradebook.db in the course folder unless --db names another.  Each function of the exercise is one grade cell;
running it again writes the same.  Points given by hand in nbgrader stay and are marked for a look.
"""

from __future__ import annotations

import argparse
import json
import sys
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
    parser.add_argument("--beside", action="store_true", help="add to the scores of grade cells that are there already")
    options = parser.parse_args()
    found = json.loads(options.grades.read_text(encoding="utf-8"))
    if found["schema"] != "grader-nbgrader/1":
        sys.exit(f"{options.grades} is of another format: {found['schema']!r}")
    with Gradebook(options.db) as gradebook:
        refuse_others(gradebook, found, beside=options.beside)
        changed = sum(put(gradebook, found, one) for one in found["submissions"])
    print(f"{found['assignment']}: {len(found['submissions'])} submissions, {changed} with other points than before")


def refuse_others(gradebook: Gradebook, found: dict[str, Any], *, beside: bool) -> None:
    """Stop where the assignment has grade cells of its own: nbgrader would add their points to ours."""
    try:
        notebooks = gradebook.find_assignment(found["assignment"]).notebooks
    except MissingEntry:
        return
    ours = {cell["name"] for cell in found["cells"]}
    others = [cell for book in notebooks for cell in book.grade_cells if cell.name not in ours and cell.max_score]
    if others and not beside:
        points = sum(cell.max_score for cell in others)
        sys.exit(
            f"{found['assignment']} has grade cells of its own, worth {points:g} points: "
            f"{', '.join(cell.name for cell in others)}.\nTheir points would be added to these. "
            "Say --beside if that is meant, or set them to 0 in the source notebook and generate it again."
        )


def put(gradebook: Gradebook, found: dict[str, Any], one: dict[str, Any]) -> bool:
    """Write one submission's points; return whether any changed."""
    assignment, student = found["assignment"], one["student"]
    gradebook.update_or_create_assignment(assignment)
    notebook = one["notebook"] or assignment
    gradebook.update_or_create_notebook(notebook, assignment)
    cells = {
        cell["name"]: gradebook.update_or_create_grade_cell(
            cell["name"], notebook, assignment, max_score=cell["max_score"], cell_type="code"
        )
        for cell in found["cells"]
    }
    gradebook.update_or_create_student(student)
    when = {"timestamp": one["timestamp"]} if one["timestamp"] else {}
    submission = gradebook.update_or_create_submission(assignment, student, **when)
    changed = False
    for name, score in one["scores"].items():
        grade = find_grade(gradebook, submission, cells[name], notebook)
        changed |= grade.auto_score != score
        grade.auto_score = score
        grade.needs_manual_grade = grade.manual_score is not None
    gradebook.db.commit()
    return changed


def find_grade(gradebook: Gradebook, submission: Any, cell: Any, notebook: str) -> Grade:
    """Return the grade of a cell; a submission that was there before the cell has none yet."""
    handed_in = next((one for one in submission.notebooks if one.name == notebook), None)
    if handed_in is None:
        master = gradebook.find_notebook(notebook, submission.assignment.name)
        handed_in = SubmittedNotebook(notebook=master, assignment=submission)
        gradebook.db.add(handed_in)
    grade = next((one for one in handed_in.grades if one.cell_id == cell.id), None)
    if grade is None:
        grade = Grade(cell=cell, notebook=handed_in)
        gradebook.db.add(grade)
    return grade


if __name__ == "__main__":
    main()
