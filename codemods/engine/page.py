"""The page of one file on which changes are drawn up: lines that go, come and are replaced, and tidy blank lines."""

from __future__ import annotations

from regrad.codemods.engine.layout import Group, Layout


class Page:
    """The lines and characters of one file that go, come and are replaced, and the blank lines left tidy."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._deleted: set[int] = set()
        self._in_place: dict[range, list[str]] = {}
        self._taken: dict[int, range] = {}
        self._changes: list[tuple[int, int, str]] = []

    def insert(self, offset: int, text: str) -> None:
        self._changes.append((offset, offset, text))

    def change(self, start: int, end: int, text: str) -> None:
        self._changes.append((start, end, text))

    def delete(self, lines: range) -> None:
        self._deleted.update(lines)

    def replace(self, first: int, last: int, lines: list[str]) -> None:
        self._in_place[range(first, last + 1)] = lines

    def take(self, group: Group, lines: range, kept: list[str]) -> None:
        """The group's lines go; `kept` stays in their place."""
        self._taken[id(group)] = lines
        if kept:
            self._in_place[lines] = kept
        else:
            self._deleted.update(lines)

    def put_in_place(self, group: Group, lines: list[str], *, first: bool) -> None:
        """New lines where the lines of a group that goes have been."""
        taken = self._taken[id(group)]
        present = self._in_place.setdefault(taken, [])
        self._deleted.difference_update(taken)
        present[:] = [*lines, *present] if first and not present else [*present, *lines]

    def edits(self) -> list[tuple[int, int, str]]:
        layout = self._layout
        runs = self._runs()
        edits: list[tuple[int, int, str]] = []
        for start, end, text in self._changes:
            place = self._above(start, runs) if start == end else start
            edits.append((place, place if start == end else end, text))
        for lines, new in self._in_place.items():
            edits.append((layout.line_start(lines.start), layout.line_end(lines.stop - 1), "\n".join(new)))
        return [*edits, *((start, end, "") for start, end in runs)]

    def _runs(self) -> list[tuple[int, int]]:
        """What goes, in characters."""
        layout = self._layout
        runs: list[tuple[int, int]] = []
        for first, last in self._tidied():
            end = layout.source.starts[last] if last < len(layout.lines) else layout.line_end(last)
            runs.append((layout.line_start(first), end))
        return runs

    def _above(self, offset: int, runs: list[tuple[int, int]]) -> int:
        """The place of an insertion; what would follow a line that goes follows the line above it."""
        for start, end in runs:
            if start < offset < end:
                return self._layout.line_end(self._layout.source.position(start).line - 1)
        return offset

    def _tidied(self) -> list[tuple[int, int]]:
        """The runs of lines that go, with the blank lines that would be too many."""
        layout = self._layout
        count = len(layout.lines)
        runs: list[tuple[int, int]] = []
        for line in sorted(self._deleted):
            if runs and all(layout.is_blank(between) for between in range(runs[-1][1] + 1, line)):
                runs[-1] = (runs[-1][0], line)
            else:
                runs.append((line, line))
        tidied: list[tuple[int, int]] = []
        for first, last in runs:
            above, below = first - 1, last + 1
            while layout.is_blank(above):
                above -= 1
            # The empty line that `split` finds after a final line break is no line.
            while layout.is_blank(below) and below <= count - (not layout.lines[-1]):
                below += 1
            before, after = first - 1 - above, below - 1 - last
            code = next(line for line in range(first, last + 1) if not layout.is_blank(line))
            indent = len(layout.indent_of(code))
            at_file_end = below > count - (not layout.lines[-1])
            # The indentation of a line that ends a string is the string's.
            while layout.starts_in_string(above):
                above -= 1
            if not at_file_end and (above == 0 or len(layout.indent_of(above)) < indent):
                last += after
            elif at_file_end or len(layout.indent_of(below)) < indent:
                first -= before
            else:
                last += min(before, after)
            tidied.append((first, last))
        return tidied
