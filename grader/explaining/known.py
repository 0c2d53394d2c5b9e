"""A fault that trying edits has proved, in words; how much of it is told is the exercise's setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.messages import say
from grader.records import KnownFault, Repair, RepairKind, Show

LOOK_AT: Mapping[RepairKind, str] = {
    "constant": "the number",
    "index": "the index of the layer sizes",
    "root": "the square root: whether there is one, and what is under it",
    "factor": "what is multiplied, divided or added",
    "draw": "the function that makes the array",
    "shape_order": "the order of the two sizes",
    "shape": "how the sizes are handed over",
    "seed": "the seed: which one, where, and how often it is set",
    "bias": "the bias",
    "loop": "the first and the last layer that are gone through",
    "conversion": "the conversion or rounding",
    "name": "the names",
    "key": "the name under which a parameter is stored",
    "extra_line": "whether the line is needed",
    "order": "how often the line is run",
    "return": "when the function returns",
}


def known_fault(repairs: Sequence[Repair], show: Show) -> KnownFault | None:
    """Return the fault if all proved edits lead to one line, and of it only as much as may be shown."""
    if len({repair.fault for repair in repairs}) != 1:
        return None
    simplest = next(
        (repair for repair in repairs if repair.source is None), repairs[0]
    )  # at the source itself, if there is one
    look = LOOK_AT[simplest.kind]
    if show == "concept":
        return KnownFault(simplest.kind, f"One change of one line makes every number right: look at {look}.")
    change = "One change in" if simplest.old else "One line put in before"
    message = f"{change} {simplest.place} makes every number right: look at {look}."
    if simplest.source:
        message = f"{message} {say('steps.source', place=simplest.source)}"
    if show == "line":
        return KnownFault(simplest.kind, message, simplest.fault)
    return KnownFault(simplest.kind, message, simplest.fault, simplest.old, simplest.new)
