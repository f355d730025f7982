"""Source lines with a span underlined and the places that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regrad.analysis.location import Position, Span
from regrad.analysis.source import SourceFile
from regrad.report.console import Glyphs, clean
from regrad.report.program import place
from rich.cells import cell_len
from rich.text import Text

SPAN_LINES = 5
"""Of a longer span only its first lines are shown."""
CONTEXT = 1
TAB = "    "


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to underline: the finding's own, or a related place with its message."""

    span: Span
    message: str = ""
    primary: bool = True


def excerpt(source: SourceFile, marks: Sequence[Mark], signs: Glyphs, width: int) -> list[Text]:
    """The lines around the marks, numbered; gaps are drawn as dots, and a message that does not fit stands below."""
    last = len(source.starts)
    if last > 1 and not source.line(last):
        # Behind the last line break stands nothing that is worth a line.
        last -= 1
    wanted = sorted({number for mark in marks for number in _shown(mark, last) if _is_written(source, number)})
    notebook = source if source.notebook else None
    labels = {number: str(place(Position(number, 1), notebook)[1].line) for number in wanted}
    margin = max((len(label) for label in labels.values()), default=1)
    drawn: list[Text] = []
    previous = None
    for number in wanted:
        if previous is not None and number > previous + 1:
            drawn.append(Text(f"  {signs.dots.rjust(margin)}", style="dim"))
        previous = number
        line = source.line(number)
        written = _as_written(source, number)
        drawn.append(_numbered(labels[number].rjust(margin), signs, Text(_expanded(written)), "bold"))
        for mark in marks:
            underline = _underline(mark, number, line)
            if underline is not None:
                room = width - margin - 5
                drawn += [
                    _numbered(" " * margin, signs, each, "") for each in _with_message(underline, mark, number, room)
                ]
    return drawn


def _as_written(source: SourceFile, number: int) -> str:
    """The line as its author wrote it: a magic of a notebook is a comment in the program."""
    found = source.cell_at(number)
    if found is None:
        return source.line(number)
    index, inner = found
    lines = next(cell.source for cell in source.cells if cell.index == index).splitlines()
    return lines[inner - 1] if inner <= len(lines) else source.line(number)


def _is_written(source: SourceFile, number: int) -> bool:
    """Whether the author wrote the line: between the cells of a notebook stand borders of ours."""
    return not source.cells or any(cell.first_line <= number < cell.first_line + cell.lines for cell in source.cells)


def _shown(mark: Mark, last: int) -> range:
    context = CONTEXT if mark.primary else 0
    end = min(mark.span.end.line, mark.span.start.line + SPAN_LINES - 1)
    return range(max(mark.span.start.line - context, 1), max(min(end + context, last), end) + 1)


def _numbered(number: str, signs: Glyphs, content: Text, style: str) -> Text:
    return Text.assemble((f"  {number} ", style or "dim"), (f"{signs.bar} ", "dim"), content)


def _underline(mark: Mark, number: int, line: str) -> Text | None:
    """The underline of the part of `mark` that lies on this line; its message stands at the first line."""
    start, end = mark.span.start, mark.span.end
    if not start.line <= number <= min(end.line, start.line + SPAN_LINES - 1):
        return None
    indentation = len(line) - len(line.lstrip())
    first = start.column - 1 if number == start.line else indentation
    stop = end.column - 1 if number == end.line else len(line)
    first = max(0, min(first, len(line)))
    stop = max(first, min(stop, len(line)))
    before, within = _expanded(line[:first]), _expanded(line[first:stop])
    if not within.strip() and number != start.line:
        return None
    width = max(cell_len(within), 1)
    sign, style = ("^", "bold red") if mark.primary else ("-", "cyan")
    return Text(" " * cell_len(before)).append(sign * width, style=style)


def _with_message(underline: Text, mark: Mark, number: int, room: int) -> list[Text]:
    """The mark's message after its underline, or under it where the terminal is too narrow."""
    if not mark.message or number != mark.span.start.line:
        return [underline]
    message = clean(mark.message)
    style = "" if mark.primary else "cyan"
    if underline.cell_len + 1 + cell_len(message) <= room:
        return [underline.append(f" {message}", style=style)]
    indentation = len(underline.plain) - len(underline.plain.lstrip())
    if indentation + cell_len(message) > room:
        indentation = 0
    return [underline, Text(" " * indentation).append(message, style=style)]


def _expanded(line: str) -> str:
    return clean(line.replace("\t", TAB))
