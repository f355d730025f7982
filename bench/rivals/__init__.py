"""What others offer, to be measured beside regrad: tools as they are, and the published rules of those for Keras 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..cases import Program


class Rival(Protocol):
    """Something that says which rules speak up about a program."""

    name: str
    causes: Mapping[str, frozenset[str]]
    """The kinds of defects that each of its rules names."""

    def reports(self, found: Sequence[Program]) -> list[frozenset[str]]: ...


class Reader:
    """A rival that reads one file at a time."""

    def rules(self, path: Path) -> frozenset[str]:
        raise NotImplementedError

    def reports(self, found: Sequence[Program]) -> list[frozenset[str]]:
        return [frozenset().union(*map(self.rules, program.files)) for program in found]
