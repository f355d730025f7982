"""Which Python runs the program: the one asked for, else the active or the project's environment, else ours."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT_ENVIRONMENTS = (".venv", "venv", "env")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter and the reason why it was chosen."""

    path: str
    origin: str


def candidates(explicit: str | None, folder: str | None) -> tuple[Interpreter, ...]:
    """In the order of preference. An explicit choice stands alone: falling back from it would prove the wrong thing."""
    if explicit:
        found = shutil.which(explicit) or explicit
        return (Interpreter(found, "as asked for"),)
    chosen: list[Interpreter] = []
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    if active:
        chosen += at(Path(active), "the active environment")
    if folder is not None:
        start = Path(folder).resolve()
        for parent in (start, *start.parents):
            for name in PROJECT_ENVIRONMENTS:
                chosen += at(parent / name, "the project's environment")
            if (parent / ".git").exists() or (parent / "pyproject.toml").exists():
                break
    chosen.append(Interpreter(sys.executable, "the interpreter that runs regrad"))
    unique: dict[str, Interpreter] = {}
    for interpreter in chosen:
        unique.setdefault(interpreter.path, interpreter)
    return tuple(unique.values())


def at(environment: Path, origin: str) -> list[Interpreter]:
    if not (environment / "pyvenv.cfg").exists() and not (environment / "conda-meta").exists():
        return []
    python = environment / "bin" / "python"
    return [Interpreter(str(python), origin)] if python.exists() else []
