"""Builders of notebooks for tests: the three right functions, edits of them, and files that hold them."""

from __future__ import annotations

import json
from pathlib import Path

IMPORTS = "import numpy as np"
ZEROS = """def initialize_parameters_zeros(layers_dims):
    parameters = {}
    L = len(layers_dims)
    for l in range(1, L):
        parameters['W' + str(l)] = np.zeros((layers_dims[l], layers_dims[l-1]))
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
    return parameters
"""
RANDOM = """def initialize_parameters_random(layers_dims):
    np.random.seed(3)
    parameters = {}
    L = len(layers_dims)
    for l in range(1, L):
        parameters['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * 10
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
    return parameters
"""
HE = """def initialize_parameters_he(layers_dims):
    np.random.seed(3)
    parameters = {}
    L = len(layers_dims) - 1
    for l in range(1, L + 1):
        parameters['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * np.sqrt(2 / layers_dims[l-1])
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
    return parameters
"""
NAMES = ("initialize_parameters_zeros", "initialize_parameters_random", "initialize_parameters_he")


def edit(source: str, *changes: tuple[str, str]) -> str:
    """Replace pieces of a source; each must be there."""
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


def cells(*sources: str, kind: str = "code") -> list[dict[str, object]]:
    return [
        {
            "cell_type": kind,
            "metadata": {},
            "source": source,
            **({"outputs": [], "execution_count": None} if kind == "code" else {}),
        }
        for source in sources
    ]


def notebook(*sources: str) -> bytes:
    """A notebook (format 4.4) of code cells."""
    return json.dumps({"cells": cells(*sources), "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def solved(*, zeros: str = ZEROS, random: str = RANDOM, he: str = HE, before: str = IMPORTS, after: str = "") -> bytes:
    """A notebook with the three functions, some of them edited."""
    return notebook(before, zeros, random, he, *([after] if after else []))


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
