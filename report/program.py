"""The program text that a finding's lines belong to, and its places as other formats count them."""

from __future__ import annotations

from typing import Any

from regrad.analysis.location import Position, Span
from regrad.analysis.source import SourceFile, Unreadable, decode
from regrad.repair.outcome import FileOutcome


def program_of(outcome: FileOutcome) -> SourceFile | None:
    """The program that the findings were made in; None where it cannot be read (its findings are shown without it)."""
    if outcome.before is None:
        return None
    try:
        return decode(outcome.path, outcome.before)
    except Unreadable:
        return None


def notebook_of(outcome: FileOutcome) -> SourceFile | None:
    """The program of a notebook, whose places are given by cell; None for a script, not decoded for nothing."""
    return program_of(outcome) if outcome.path.endswith(".ipynb") else None


def place(position: Position, notebook: SourceFile | None) -> tuple[int | None, Position]:
    """The cell, counted from 1, and the position in it; for a script no cell and the position as it is."""
    found = notebook.cell_at(position.line) if notebook else None
    if found is None:
        return None, position
    return found[0] + 1, Position(found[1], position.column)


def place_text(path: str, position: Position, notebook: SourceFile | None) -> str:
    """`train.py:12:5`, or `train.ipynb:cell 3:2:5`."""
    cell, inner = place(position, notebook)
    return f"{path}:{inner.line}:{inner.column}" if cell is None else f"{path}:cell {cell}:{inner.line}:{inner.column}"


def fault_text(outcome: FileOutcome) -> str:
    """The file that could not be read, with the place where it stops being Python, if it is one."""
    fault = outcome.fault
    if fault is None:
        return outcome.path
    cell = "" if fault.cell is None else f"cell {fault.cell}:"
    return f"{outcome.path}:{cell}{fault.position.line}:{fault.position.column}"


def fault_in_file(outcome: FileOutcome) -> Position | None:
    """The same for formats that know files and lines only; None where there is none, as in a notebook's JSON text."""
    return None if outcome.fault is None or outcome.fault.cell is not None else outcome.fault.position


def byte_range(span: Span, program: SourceFile | None) -> dict[str, Any]:
    """The span with columns in bytes of UTF-8, from 1, as reviewdog counts them."""
    return {"start": _byte_position(span.start, program), "end": _byte_position(span.end, program)}


def _byte_position(position: Position, program: SourceFile | None) -> dict[str, int]:
    if program is None:
        return {"line": position.line, "column": position.column}
    before = program.line(position.line)[: position.column - 1]
    # A place beyond the end of the line (an insertion after it) keeps its distance.
    beyond = max(position.column - 1 - len(before), 0)
    return {"line": position.line, "column": len(before.encode("utf-8", "surrogatepass")) + beyond + 1}


def in_file(span: Span, message: str, notebook: SourceFile | None) -> tuple[Span, str]:
    """A span and message for formats that know files and lines only.

    The lines of a notebook's program are not those of its JSON text: the message names the cell instead.
    """
    cell, inner = place(span.start, notebook)
    if cell is None:
        return span, message
    return Span(Position(1, 1), Position(1, 1)), f"cell {cell}, line {inner.line}: {message}"
