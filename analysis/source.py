"""Source files: exact text, places in it, and the way back to exact bytes, for scripts and notebooks alike."""

from __future__ import annotations

import ast
import os
import re
import stat
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from regrad.analysis import room
from regrad.analysis.location import Location, Position, Span

if TYPE_CHECKING:
    from regrad.analysis.notebook import Cell, Notebook

_BREAK = re.compile(r"\r\n|\r|\n")
_FIRST_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)?")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Unreadable(Exception):
    """The file cannot be read as a program. The message names the file and the way out."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class SyntaxProblem(Unreadable):
    """The file can be read, but it is not Python. `position` is where, in the program text."""

    def __init__(self, path: str, message: str, position: Position | None) -> None:
        super().__init__(path, message)
        self.position = position


@dataclass(frozen=True)
class SourceFile:
    """One file: its bytes, and the Python program in them character by character.

    A notebook's program is its code cells in order, each under a comment line that marks its border; magics and shell
    lines are comments in it (or `pass` with a comment), so a line of a cell is a line of the program.
    """

    path: str
    content: bytes = field(repr=False)
    text: str = field(repr=False)
    newline: str
    """The line break that the file uses most."""
    encoding: str
    bom: bool
    notebook: bool = False
    cells: tuple[Cell, ...] = field(default=(), repr=False)
    _notebook: Notebook | None = field(default=None, repr=False, compare=False)

    @property
    def tree(self) -> ast.Module | None:
        """The syntax tree where reading the file has made it already, as it does for a notebook."""
        return None if self._notebook is None else self._notebook.tree

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The offset at which each line starts; lines are counted as `ast` counts them (a form feed ends none)."""
        return (0, *(found.end() for found in _BREAK.finditer(self.text)))

    @cached_property
    def ascii(self) -> bool:
        return self.text.isascii()

    def line(self, number: int) -> str:
        """The line `number` (from 1) without its line break; empty where there is no such line."""
        if not 1 <= number <= len(self.starts):
            return ""
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r\n")

    def position_at(self, line: int, byte_column: int) -> Position:
        """The position of `ast`'s line and its column in bytes."""
        if self.ascii:
            return Position(line, byte_column + 1)
        text = self.line(line)
        if text.isascii():
            return Position(line, byte_column + 1)
        before = text.encode("utf-8", "surrogatepass")[:byte_column]
        return Position(line, len(before.decode("utf-8", "ignore")) + 1)

    def span(self, node: ast.AST) -> Span:
        """The span of a node that has a place (inside f-strings, Python before 3.12 gives places only nearly)."""
        line: int = getattr(node, "lineno", 1)
        column: int = getattr(node, "col_offset", 0)
        end_line: int | None = getattr(node, "end_lineno", None)
        end_column: int | None = getattr(node, "end_col_offset", None)
        if self.ascii and end_line is not None and end_column is not None:
            return Span(Position(line, column + 1), Position(end_line, end_column + 1))
        start = self.position_at(line, column)
        if end_line is None or end_column is None:
            return Span(start, start)
        return Span(start, self.position_at(end_line, end_column))

    def location(self, node: ast.AST) -> Location:
        return Location(self.path, self.span(node))

    def offset(self, position: Position) -> int:
        """The place of `position` in `text`; a position outside the text is moved to its nearest end."""
        if position.line < 1:
            return 0
        if position.line > len(self.starts):
            return len(self.text)
        return min(self.starts[position.line - 1] + position.column - 1, len(self.text))

    def position(self, offset: int) -> Position:
        """The position of a place in `text`."""
        line = bisect_right(self.starts, offset)
        return Position(line, offset - self.starts[line - 1] + 1)

    def segment(self, span: Span) -> str:
        return self.text[self.offset(span.start) : self.offset(span.end)]

    def cell_at(self, line: int) -> tuple[int, int] | None:
        """For a line of a notebook, the cell's index among all cells and the line in it, from 1; None for a script."""
        if not self.cells:
            return None
        number = bisect_right([cell.first_line - 1 for cell in self.cells], line) - 1
        cell = self.cells[max(number, 0)]
        return cell.index, min(max(line - cell.first_line + 1, 1), max(cell.lines, 1))

    def with_text(self, text: str) -> bytes:
        """The file's bytes with the program `text`: same encoding, same mark; of a notebook, only changed cells.

        Raises `Unreadable` where that cannot be done without touching anything else.
        """
        if text == self.text:
            return self.content
        document = text
        mark = _BYTE_ORDER_MARK if self.bom else b""
        if self._notebook is not None:
            from regrad.analysis import notebook

            original = self.content[len(mark) :].decode("utf-8")
            try:
                document = notebook.rewritten(original, self._notebook, text)
            except notebook.CellsBlurred as problem:
                raise Unreadable(self.path, str(problem)) from None
        try:
            if mark + self.text.encode(self.encoding) != self.content and self._notebook is None:
                raise Unreadable(
                    self.path, f"its bytes are not the usual {self.encoding} form of its text; save as UTF-8"
                )
            return mark + document.encode(self.encoding)
        except UnicodeEncodeError:
            raise Unreadable(
                self.path, f"the new text cannot be written in {self.encoding}; save it as UTF-8"
            ) from None

    def edited(self, text: str) -> SourceFile:
        """The file as it would be with the program `text`. Raises what `with_text` raises."""
        return decode(self.path, self.with_text(text))


def decode(path: str, content: bytes) -> SourceFile:
    """The program in `content`; raises `Unreadable`."""
    bom = content.startswith(_BYTE_ORDER_MARK)
    if path.endswith(".ipynb"):
        return _decode_notebook(path, content, bom)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(path, "UTF-16, which Python does not read; save it as UTF-8")
    try:
        encoding = tokenize.detect_encoding(_first_lines(content))[0]
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        text = (content[len(_BYTE_ORDER_MARK) :] if bom else content).decode(encoding)
    except (SyntaxError, LookupError) as problem:
        raise Unreadable(path, f"{_reason(problem)}; correct the coding comment or save as UTF-8") from None
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise Unreadable(
            path,
            f"not {problem.encoding} at line {line} (byte 0x{content[problem.start]:02x}); save it as UTF-8 or declare"
            " its encoding in the first line (`# -*- coding: latin-1 -*-`)",
        ) from None
    except ValueError as problem:
        raise Unreadable(path, f"{problem}; save it as UTF-8") from None
    return SourceFile(path, content, text, _newline(text), encoding, bom)


def _decode_notebook(path: str, content: bytes, bom: bool) -> SourceFile:
    from regrad.analysis import notebook

    try:
        document = (content[len(_BYTE_ORDER_MARK) :] if bom else content).decode("utf-8")
        program = notebook.read(document)
    except UnicodeDecodeError:
        raise Unreadable(path, "not UTF-8, as every notebook is; open and save it in Jupyter") from None
    except notebook.NotANotebook as problem:
        raise Unreadable(path, str(problem)) from None
    return SourceFile(path, content, program.text, _newline(program.text), "utf-8", bom, True, program.cells, program)


def load(path: str) -> SourceFile:
    """Reads the file; raises `Unreadable`."""
    return decode(path, read(path))


def read(path: str) -> bytes:
    """The bytes of a regular file; raises `Unreadable`."""
    try:
        # A pipe or a device would never end.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Unreadable(path, "not a regular file")
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise Unreadable(path, f"cannot be read: {reason}") from None


def relevant(content: bytes) -> bool:
    """Whether the file mentions TensorFlow or Keras at all; what does not is not parsed."""
    return b"tensorflow" in content or b"keras" in content


def parse(source: SourceFile) -> ast.Module:
    """The syntax tree; raises `SyntaxProblem`, or `Unreadable` for a program too deep to be parsed."""
    if source.tree is not None:
        return source.tree
    try:
        with warnings.catch_warnings():
            # An invalid escape is the author's matter and would be printed on our terminal.
            warnings.simplefilter("ignore")
            try:
                return ast.parse(source.text, source.path)
            except (RecursionError, MemoryError):
                return room.with_room(lambda: ast.parse(source.text, source.path))
    except SyntaxError as problem:
        line = problem.lineno or 1
        position = Position(line, max(problem.offset or 1, 1))
        where = source.cell_at(line)
        place = f"line {line}" if where is None else f"cell {where[0] + 1}, line {where[1]}"
        raise SyntaxProblem(source.path, f"not valid Python at {place}: {problem.msg}", position) from None
    except (RecursionError, MemoryError):
        raise Unreadable(source.path, "too deeply nested to be parsed; split its longest expression") from None
    except ValueError as problem:
        raise SyntaxProblem(source.path, f"not valid Python: {problem}", None) from None


def _first_lines(content: bytes) -> Callable[[], bytes]:
    """A `readline` over the lines that may hold the coding comment; `tokenize` alone would not stop at a bare `\\r`."""
    place = 0

    def readline() -> bytes:
        nonlocal place
        found = _FIRST_LINES.match(content, place)
        if found is None:
            return b""
        place = found.end()
        # Whether the bytes are what the comment says is found out by decoding them all, which can name the line.
        mark = _BYTE_ORDER_MARK if found[0].startswith(_BYTE_ORDER_MARK) else b""
        return mark + _NOT_ASCII.sub(b"?", found[0][len(mark) :])

    return readline


def _reason(problem: Exception) -> str:
    text = str(problem.args[0] if problem.args else problem)
    return text[:1].lower() + text[1:]


def _newline(text: str) -> str:
    if "\r" not in text:
        return "\n"
    windows = text.count("\r\n")
    counts = {"\n": text.count("\n") - windows, "\r\n": windows, "\r": text.count("\r") - windows}
    return max(counts, key=lambda line_break: counts[line_break])
