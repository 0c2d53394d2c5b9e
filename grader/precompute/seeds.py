"""The index of seeds, by which the seed of a stream is found: ``python -m grader.precompute.seeds``."""

from __future__ import annotations

import numpy as np

from grader.judging.diagnosis.streams import GENERATORS, INDEX, SEEDS, made


def main() -> None:
    """Draw from every seed of every generator and write the index; this takes about a minute."""
    np.save(INDEX, np.stack([made(generator, range(SEEDS)) for generator in GENERATORS], axis=1))


if __name__ == "__main__":
    main()
