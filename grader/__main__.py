"""The program `grader`, also as `python -m grader`."""

import sys

from grader.importing import isolate


def main() -> int:
    """Run the command, once nothing can be imported from where it was called."""
    isolate()
    from grader.cli import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
