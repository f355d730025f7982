"""Jupyter notebooks as programs: the code cells joined in order, and the way back into the JSON text byte for byte."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from regrad.analysis.magics import BREAK, commented, lines_of, tree_of, with_magics, without_magics
from regrad.analysis.notebook_json import NotANotebook, code_cells, encoded, ends_too_early, sources

__all__ = ["Cell", "CellsBlurred", "Fault", "NotANotebook", "Notebook", "read", "rewritten"]


class CellsBlurred(ValueError):
    """A new program text in which the borders of the cells are no longer where they were."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a cell stops being Python; `line` and `column` are those of the cell."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell. `index` counts all cells from 0; `first_line` is the program line of the cell's line 1."""

    index: int
    first_line: int
    lines: int
    source: str
    """As the author wrote it, magics included."""
    program: str
    """As the program text has it: magics as comments, always ending in a line break unless empty."""
    fault: Fault | None = None
    """Why the cell is passed over: it is not Python (yet), and all of it stands in comments."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """The program text of a notebook and its code cells.

    `sentinel` marks what stands in the place of a magic, `border` the comment lines above the cells.
    """

    text: str
    cells: tuple[Cell, ...]
    sentinel: str
    border: str
    tree: ast.Module | None = field(default=None, repr=False, compare=False)
    """The syntax tree of the text, where it was parsed to see whether it is Python: parsing it again costs as much."""


def read(document: str) -> Notebook:
    """The program in the JSON text of a notebook; raises `NotANotebook`."""
    if not document.strip():
        raise NotANotebook("not valid JSON: the file is empty; make the notebook anew in Jupyter")
    try:
        language, code = sources(document)
    except (ValueError, RecursionError) as problem:
        if ends_too_early(document):
            raise NotANotebook(
                f"not valid JSON: the file ends in the middle of it, after {len(document)} characters; save it again,"
                " or take it from your version control"
            ) from None
        if isinstance(problem, NotANotebook):
            raise
        raise NotANotebook(f"not valid JSON ({problem}); open and save it in Jupyter") from None
    if language is not None and language.lower() not in ("python", "python2", "python3", "ipython"):
        raise NotANotebook(f"a notebook in {language}, not in Python")
    sentinel = _unused("regrad:magic", document)
    border = _unused("regrad:cell", document)
    programs = [_ended(without_magics(source, sentinel)) for _, source in code]
    faults: list[Fault | None] = [None] * len(code)
    borders = [f"# %% {border} {index}\n" for index, _ in code]
    text = _joined(borders, programs)
    tree = tree_of(text)
    if tree is None:
        # One unfinished cell must not hide the others.
        faults = [_fault(program) for program in programs]
        if not any(fault is None and _says_something(program) for fault, program in zip(faults, programs, strict=True)):
            faults = [None] * len(code)
        for number, fault in enumerate(faults):
            if fault is not None:
                programs[number] = _ended(commented(code[number][1], sentinel))
        text = _joined(borders, programs)
    cells: list[Cell] = []
    line = 1
    for (index, source), program, fault in zip(code, programs, faults, strict=True):
        lines = len(BREAK.findall(program))
        cells.append(Cell(index, line + 1, lines, source, program, fault))
        line += 1 + lines
    return Notebook(text, tuple(cells), sentinel, border, tree)


def _joined(borders: Sequence[str], programs: Sequence[str]) -> str:
    return "".join(border + program for border, program in zip(borders, programs, strict=True))


def _says_something(program: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line, _ in lines_of(program))


def _ended(program: str) -> str:
    return program + "\n" if program and program[-1] not in "\r\n" else program


def _fault(program: str) -> Fault | None:
    """Why the program of a cell is no Python by itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(program)
    except SyntaxError as problem:
        return Fault(max(problem.lineno or 1, 1), max(problem.offset or 1, 1), problem.msg)
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def rewritten(document: str, notebook: Notebook, text: str) -> str:
    """The JSON text with the program `text` in its cells; only the `source` of changed cells differs."""
    pieces: list[str] = []
    done = 0
    spans = {index: (start, end) for index, _, start, end in code_cells(document)[1]}
    for cell, program in zip(notebook.cells, _split(notebook, text), strict=True):
        if program == cell.program:
            continue
        source = with_magics(program, notebook.sentinel)
        if cell.source[-1:] not in ("\r", "\n"):
            source = re.sub(r"(\r\n|\r|\n)\Z", "", source)
        start, end = spans[cell.index]
        pieces.append(document[done:start])
        pieces.append(encoded(document[start:end], cell.source, source))
        done = end
    pieces.append(document[done:])
    return "".join(pieces)


def _split(notebook: Notebook, text: str) -> list[str]:
    """The new program of each cell."""
    programs: list[str] = []
    place = 0
    borders = [f"# %% {notebook.border} {cell.index}\n" for cell in notebook.cells]
    for border, following in zip(borders, [*borders[1:], None], strict=True):
        if not text.startswith(border, place):
            raise CellsBlurred("the change reaches across the border of two notebook cells")
        place += len(border)
        if following is None:
            end = len(text)
        else:
            end = text.find(following, place)
            if end == -1 or text[end - 1] not in "\r\n":
                raise CellsBlurred("the change reaches across the border of two notebook cells")
        programs.append(text[place:end])
        place = end
    if not borders and text:
        raise CellsBlurred("the notebook has no code cell that could take the change")
    return programs


def _unused(word: str, document: str) -> str:
    while word in document:
        word += "'"
    return word
