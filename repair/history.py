"""The versions of one file while it is mended, and the way from a place in the newest back to the file on disk."""

from __future__ import annotations

from typing import NamedTuple

from regrad.analysis.location import Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.edits import written
from regrad.codemods.engine.rule import Edit


class Version(NamedTuple):
    """A file as it is now, with the edits that made it, oldest first."""

    source: SourceFile
    steps: tuple[tuple[SourceFile, tuple[Edit, ...]], ...] = ()

    @property
    def original(self) -> SourceFile:
        return self.steps[0][0] if self.steps else self.source

    def edited(self, edits: tuple[Edit, ...], source: SourceFile) -> Version:
        """The next version, `source`, which the edits made of this one."""
        own = tuple(edit for edit in edits if edit.path == self.source.path)
        return Version(source, (*self.steps, (self.source, own)))

    def origin(self, span: Span) -> Span:
        """Where a span of this version stood in the original; what is new stands where it was put in."""
        start, end = self.source.offset(span.start), self.source.offset(span.end)
        for source, edits in reversed(self.steps):
            start, end = _back(source, edits, start), max(_back(source, edits, end), _back(source, edits, start))
        original = self.original
        return Span(original.position(start), original.position(end))


def _back(source: SourceFile, edits: tuple[Edit, ...], offset: int) -> int:
    shift = 0
    for edit in sorted(edits, key=lambda each: each.span):
        start, end = source.offset(edit.span.start), source.offset(edit.span.end)
        if offset < start + shift:
            break
        length = len(written(source, edit))
        if offset < start + shift + length:
            return start
        shift += length - (end - start)
    return offset - shift
