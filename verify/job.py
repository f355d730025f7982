"""What is to be run: an entry file, the texts that stand in for files, and the arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Job:
    """One program. Nothing on disk is touched: `overrides` says what the files are to contain during the run."""

    path: str
    """The entry file on disk; its folder is `sys.path[0]`, as with `python path`."""
    overrides: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Absolute real path -> the text in the place of the file's content. A notebook comes as its program text."""
    arguments: tuple[str, ...] = ()
    module: str | None = None
    """For `python -m pkg.train`: the dotted name; `path` is then that module's file."""
