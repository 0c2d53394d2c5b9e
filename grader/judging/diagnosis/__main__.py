"""Make the index of seeds anew: ``python -m grader.judging.diagnosis``."""

from __future__ import annotations

import numpy as np

from grader.judging.diagnosis.streams import GENERATORS, INDEX, SEEDS, made


def main() -> None:
    """Go through every seed of every generator: about a minute."""
    np.save(INDEX, np.stack([made(generator, range(SEEDS)) for generator in GENERATORS], axis=1))


if __name__ == "__main__":
    main()
