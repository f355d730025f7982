"""The files that a command line and its settings name; one that is not there is told before any work."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from regrad.cli.mistake import Mistake, nearest

if TYPE_CHECKING:
    from regrad.cli.configuration import Configuration


def require_file(path: str) -> None:
    if os.path.isdir(path):
        raise Mistake(f"{path} is a folder; name one program in it.")
    if not os.path.exists(path):
        raise Mistake(f"{path}: no such file.", near_files(path))


def near_files(path: str) -> str:
    """The hint for a path that does not exist: a file beside it of nearly that name."""
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")
    except (OSError, ValueError):
        return ""
    # The folder is the same in all, and must not make names near that are not.
    near = nearest(name, names, cutoff=0.7)
    return f"Did you mean {' or '.join(os.path.join(folder, each) for each in near)}?" if near else ""


def require_named(settings: Configuration) -> None:
    """What a training step needs besides the program."""
    require_interpreter(settings.python)
    for wanted, given in settings.own_data:
        path = given.rpartition(":")[0] if not os.path.exists(given) and ":" in os.path.basename(given) else given
        if not os.path.exists(path):
            raise Mistake(
                f"{settings.path}: {path}, which [tool.regrad.verify.data] names for {wanted!r}, does not exist.",
                near_files(path),
            )


def require_interpreter(python: str | None) -> None:
    """A wrong `--python` is the user's to correct, and is said before anything is read or run."""
    if python is None:
        return
    if shutil.which(python) is None:
        raise Mistake(
            f"--python {python}: there is no such interpreter.", "Give a path, as in --python .venv/bin/python"
        )
