"""Places in source text: positions, spans and the locations that findings and cuts point at."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A place between two characters; `line` and `column` start at 1, columns count characters (not bytes)."""

    line: int
    column: int


class Span(NamedTuple):
    """The text from `start` up to, not including, `end`. An empty span is an insertion point."""

    start: Position
    end: Position

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Span) -> bool:
        """Whether both claim the same characters; touching spans and two insertions at one point do not overlap."""
        return self.start < other.end and other.start < self.end


class Location(NamedTuple):
    """A span of one file. In a notebook, lines are those of the program text (see `source.SourceFile.cell_at`)."""

    path: str
    span: Span
