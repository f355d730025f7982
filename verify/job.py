"""What is to be run: an entry file, the texts that stand in for files, the arguments, and the user's own data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Job:
    """One program. Nothing on disk is touched: `overrides` says what the files are to contain during the run."""

    path: str
    """The entry file on disk; its folder is `sys.path[0]`, as with `python path`."""
    overrides: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Absolute real path -> the text in the place of the file's content. A notebook comes as its program text."""
    arguments: tuple[str, ...] = ()
    module: str | None = None
    """For `python -m pkg.train`: the dotted name; `path` is then that module's file."""
    function: str | None = None
    """Called without arguments once the file is imported (and is then not `__main__`)."""
    data: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What the program asks for -> what it gets: `[tool.regrad.verify.data]`, with absolute paths."""


class NoEntry(Exception):
    """What was named leads to no program; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A program as it is named on the command line."""

    path: str
    arguments: tuple[str, ...] = ()
    module: str | None = None
    function: str | None = None

    def job(self, overrides: Mapping[str, str] = NOTHING, data: Mapping[str, str] = NOTHING) -> Job:
        return Job(self.path, overrides, self.arguments, self.module, self.function, data)


def entry_of(text: str, folder: str = ".") -> Entry:
    """Reads `train.py --epochs 1`, `-m pkg.train --epochs 1`, `pkg.train:main` or `train.py:main`."""
    words = shlex.split(text)
    if words[:1] == ["-m"] and len(words) > 1:
        path, module = file_of_module(words[1], folder)
        return Entry(path, tuple(words[2:]), module=module)
    if not words:
        raise NoEntry("no program is named")
    first, arguments = words[0], tuple(words[1:])
    place, separator, function = first.rpartition(":")
    if separator and function.isidentifier() and place and not Path(folder, first).exists():
        if place.endswith(".py"):
            return Entry(str(Path(folder, place)) if folder != "." else place, arguments, function=function)
        path, module = file_of_module(place, folder)
        return Entry(path, arguments, module=module, function=function)
    return Entry(str(Path(folder, first)) if folder != "." else first, arguments)


def file_of_module(name: str, folder: str) -> tuple[str, str]:
    """The file that `python -m name` runs, started in this folder (or with the usual `src` beside it), and its name."""
    inner = Path(*name.split("."))
    for root in (Path(folder), Path(folder, "src")):
        if (root / inner.with_suffix(".py")).is_file():
            return str(root / inner.with_suffix(".py")), name
        if (root / inner / "__main__.py").is_file():
            return str(root / inner / "__main__.py"), f"{name}.__main__"
    raise NoEntry(
        f"there is no module {name} in {folder}: {inner.with_suffix('.py')} is looked for, and src/ beside it"
    )
