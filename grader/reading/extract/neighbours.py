"""The other notebooks of the course, each recognised by functions that no other one asks for."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from grader.reading.extract.cells import Code
from grader.reading.extract.targets import top_level

ASKED = {
    "Logistic Regression with a Neural Network mindset": {"initialize_with_zeros", "propagate"},
    "Planar data classification with one hidden layer": {"layer_sizes", "nn_model"},
    "Building your Deep Neural Network: Step by Step": {
        "linear_forward",
        "linear_activation_forward",
        "L_model_forward",
    },
    "Deep Neural Network - Application": {"two_layer_model", "L_layer_model"},
    "Regularization": {"compute_cost_with_regularization", "forward_propagation_with_dropout"},
    "Gradient Checking": {"gradient_check", "gradient_check_n"},
    "Optimization Methods": {"random_mini_batches", "initialize_velocity", "initialize_adam"},
    "TensorFlow Introduction": {"one_hot_matrix", "create_placeholders"},
}  # titles, and functions that a student writes there


def neighbour(codes: Iterable[Code]) -> str:
    """Return the title of the course's notebook whose functions are defined here; nothing where it is none or not clear."""
    defined = {
        statement.name
        for code in codes
        for statement in top_level(code.statements)
        if isinstance(statement, ast.FunctionDef)
    }
    titles = [title for title, names in ASKED.items() if names & defined]
    return titles[0] if len(titles) == 1 else ""
