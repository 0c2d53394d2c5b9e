"""Where the command imports from: what is installed, never a folder that a student could have filled.

This module runs before anything else is safe to import, so it needs what Python has loaded at its start and nothing more;
even `from __future__` would look in the current folder.
"""

import os
import site
import sys


def isolate() -> None:
    """Import from installed packages only, in this process and in every Python that it starts.

    These leave `sys.path`: the current folder; entries of PYTHONPATH that are relative, or that lie in the current folder's
    place or in a folder named as an argument; and the user's own packages, unless the grader is installed among them.
    """
    installed = {_real(os.path.dirname(os.__file__)), *map(_real, site.getsitepackages())}
    environment = [] if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "").split(os.pathsep)
    trusted = [entry for entry in environment if os.path.isabs(entry) and not _is_near(_real(entry))]
    refused = {_real(entry) for entry in environment if entry not in trusted}
    refused |= {_current(), *_unused_user_packages()}
    refused -= installed
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    left = [entry for entry in sys.path if entry and _real(entry) not in refused]
    sys.path[:] = left if home in left else [*left, home]
    os.environ["PYTHONSAFEPATH"] = "1"  # for what we start; Python reads it from 3.11 on
    if trusted:
        os.environ["PYTHONPATH"] = os.pathsep.join(trusted)
    else:
        os.environ.pop("PYTHONPATH", None)
    if _unused_user_packages():
        os.environ["PYTHONNOUSERSITE"] = "1"


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:  # the current folder was removed
        return ""


def _current() -> str:
    return _real(".")


def _is_near(folder: str) -> bool:
    """Whether a folder is the current one, or an argument of the command or in one."""
    named = {_real(argument) for argument in sys.argv[1:]}
    return folder == _current() or any(folder == place or folder.startswith(place + os.sep) for place in named)


def _unused_user_packages() -> list[str]:
    """Return the folder of the user's own packages, unless the grader is installed there."""
    if not site.ENABLE_USER_SITE:
        return []
    folder = _real(site.getusersitepackages())
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return (
        []
        if any(name.startswith("grader-") for name in names) or _real(__file__).startswith(folder + os.sep)
        else [folder]
    )
