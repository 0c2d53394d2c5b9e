"""The program `grader`, also as `python -m grader`."""

import sys

from grader.importing import isolate


def main() -> int:
    """Run the command, once nothing can be imported from where it was called."""
    isolate()
    from grader.garbage import collect_seldom

    collect_seldom()
    use_language(sys.argv[1:])
    from grader.cli import main as command

    return command()


def use_language(words: list[str]) -> None:
    """Use the language that a command line names, before the command and the texts of its --help are loaded.

    The environment comes next, then, for `check`, the language of the system.
    """
    import itertools
    import os

    from grader import messages
    from grader.errors import RequestError

    named = [after for word, after in itertools.pairwise(words) if word == "--lang"]
    named += [word.partition("=")[2] for word in words if word.startswith("--lang=")]
    language = next(iter([*named, os.environ.get(messages.LANGUAGE, "")]), "")
    try:
        if language:
            messages.use(language)
        elif "check" in words[:1]:
            messages.use_system_language()
    except RequestError:
        return  # the command says so, with what to do


if __name__ == "__main__":
    sys.exit(main())
