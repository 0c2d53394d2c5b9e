"""The notebooks of the course, each recognised by functions that students write in no other one."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from grader.reading.extract.cells import Code
from grader.reading.extract.targets import top_level

INITIALIZERS = frozenset(f"initialize_parameters{ending}" for ending in ("", "_zeros", "_random", "_he", "_deep"))
STUDENT_FUNCTIONS = {
    "Logistic Regression with a Neural Network mindset": {"initialize_with_zeros", "propagate"},
    "Planar data classification with one hidden layer": {"layer_sizes", "initialize_parameters", "nn_model"},
    "Building your Deep Neural Network: Step by Step": {
        "initialize_parameters",
        "initialize_parameters_deep",
        "linear_forward",
        "linear_activation_forward",
        "L_model_forward",
    },
    "Deep Neural Network - Application": {"two_layer_model", "L_layer_model"},
    "Regularization": {"compute_cost_with_regularization", "forward_propagation_with_dropout"},
    "Gradient Checking": {"gradient_check", "gradient_check_n"},
    "Optimization Methods": {"random_mini_batches", "initialize_velocity", "initialize_adam"},
    "TensorFlow Introduction": {"one_hot_matrix", "create_placeholders", "initialize_parameters"},
}  # by title


def neighbour(codes: Iterable[Code], required: Collection[str]) -> str:
    """Return the title of another notebook of the course whose functions are defined here; empty if none or several fit.

    A notebook that has one of the required functions may be the exercise itself.
    """
    defined = {
        statement.name
        for code in codes
        for statement in top_level(code.statements)
        if isinstance(statement, ast.FunctionDef)
    }
    titles = [
        title
        for title, names in STUDENT_FUNCTIONS.items()
        if names.isdisjoint(required) and (names - INITIALIZERS) & defined
    ]
    return titles[0] if len(titles) == 1 else ""
