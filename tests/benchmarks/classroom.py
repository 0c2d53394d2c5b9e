"""A class of different notebooks of real size, as alike and as different as a real one: for benchmarks, never committed.

How often each fault stands in it follows 297 public hand-ins of the exercise: four of five have everything right, then come
the missing seed, another constant, random biases, `rand`, biases of the wrong shape, the untouched template.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

SUBMISSIONS = Path(__file__).resolve().parents[2] / "submissions"
NOTEBOOK_BYTES = 270_000
# sample under submissions/: in how many of 297 hand-ins its fault was found
MIX = {
    "right": 120,
    "right_old_course": 80,
    "right_import_later": 20,
    "odd_but_right": 14,
    "seed_missing": 20,
    "seed_at_the_top": 4,
    "seed_in_the_loop": 3,
    "scale_one_hundredth": 6,
    "scale_one": 5,
    "random_biases": 5,
    "uniform": 5,
    "flat_biases": 6,
    "he_own_layer_size": 3,
    "he_without_root": 2,
    "transposed": 2,
    "extra_key": 2,
    "global_math": 3,
    "hard_coded_sizes": 3,
    "np_float": 2,
    "untouched": 5,
}
# ways to write the same thing: (what stands there, what may stand in its place)
HABITS = [
    ("parameters['W' + str(l)]", 'parameters["W" + str(l)]'),
    ("parameters['b' + str(l)]", "parameters[f'b{l}']"),
    ("np.zeros((layers_dims[l], 1))", "np.zeros(shape=(layers_dims[l], 1))"),
    ("range(1, L)", "range(1, len(layers_dims))"),
    ("np.sqrt(2 / layers_dims[l - 1])", "(2 / layers_dims[l - 1]) ** 0.5"),
    ("np.sqrt(2 / layers_dims[l-1])", "np.sqrt(2. / layers_dims[l-1])"),
    (" * 10\n", " * 10.0\n"),
    ("    return parameters", "    params = parameters\n    return params"),
    ("    parameters = {}", "    parameters = dict()"),
]


def notebooks(count: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield the name and bytes of each notebook; the same seed makes the same class."""
    rng = random.Random(seed)
    samples = {name: json.loads((SUBMISSIONS / f"{name}.ipynb").read_bytes()) for name in MIX}
    for number in range(count):
        (name,) = rng.choices(list(MIX), list(MIX.values()))
        yield f"student_{number:05d}.ipynb", _personal(json.loads(json.dumps(samples[name])), number, rng)


def write(folder: Path, count: int, seed: int = 1) -> Path:
    """Write a class into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in notebooks(count, seed):
        (folder / name).write_bytes(data)
    return folder


def _personal(notebook: dict, number: int, rng: random.Random) -> bytes:
    """Rewrite a sample as one student would: habits, comments, and pictures that fill it to real size."""
    habits = [habit for habit in HABITS if rng.random() < 0.35]
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if "def initialize_parameters_" in source:
            for old, new in habits:
                source = source.replace(old, new)
            cell["source"] = f"# student {number}: {rng.choice(['my', 'final', 'new'])} version\n{source}"
    missing = NOTEBOOK_BYTES - len(json.dumps(notebook))
    pixels = base64.b64encode(rng.randbytes(max(missing, 0) * 3 // 8)).decode()
    output = {"output_type": "display_data", "metadata": {}, "data": {"image/png": pixels, "text/plain": ["<Figure>"]}}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell in code[-2:]:
        cell["outputs"] = [*cell["outputs"], output]
    return json.dumps(notebook, indent=1).encode()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
