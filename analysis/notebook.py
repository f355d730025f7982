"""Jupyter notebooks as programs: the code cells joined in order, and the way back into the JSON text byte for byte."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]

_SPACE = re.compile(r"[ \t\r\n]*")
_BREAK = re.compile(r"\r\n|\r|\n")
_DECODER = json.JSONDecoder()

_MAGIC = re.compile(r"[ \t]*(?:[%!?]|(?:pip|conda) install\b)|[^#'\"]*[\w)\]]\?{1,2}[ \t]*$")
_ASSIGNED_MAGIC = re.compile(r"([ \t]*)([\w.,\[\]'\" \t]+?[ \t]*=[ \t]*)(?=[!%][\w{$/.~(\"'-])")
_TIMED = re.compile(r"([ \t]*)(%time(?:it)?[ \t]+)(?=[^-\s])")
_PYTHON_CELLS = frozenset(
    {"%%time", "%%timeit", "%%capture", "%%prun", "%%skip_if", "%%memit", "%%snakeviz", "%%wandb"}
)


class NotANotebook(ValueError):
    """The JSON is not a notebook that can be read as a Python program; the message says why and what to do."""


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
        language, code = _sources(document)
    except (ValueError, RecursionError) as problem:
        if _ends_too_early(document):
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
    programs = [_ended(_without_magics(source, sentinel)) for _, source in code]
    faults: list[Fault | None] = [None] * len(code)
    borders = [f"# %% {border} {index}\n" for index, _ in code]
    text = _joined(borders, programs)
    tree = _tree(text)
    if tree is None:
        # One unfinished cell must not hide the others.
        faults = [_fault(program) for program in programs]
        if not any(fault is None and _says_something(program) for fault, program in zip(faults, programs, strict=True)):
            faults = [None] * len(code)
        for number, fault in enumerate(faults):
            if fault is not None:
                programs[number] = _ended(_commented(code[number][1], sentinel))
        text = _joined(borders, programs)
    cells: list[Cell] = []
    line = 1
    for (index, source), program, fault in zip(code, programs, faults, strict=True):
        lines = len(_BREAK.findall(program))
        cells.append(Cell(index, line + 1, lines, source, program, fault))
        line += 1 + lines
    return Notebook(text, tuple(cells), sentinel, border, tree)


def _joined(borders: Sequence[str], programs: Sequence[str]) -> str:
    return "".join(border + program for border, program in zip(borders, programs, strict=True))


def _says_something(program: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line, _ in _lines(program))


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


def _ends_too_early(document: str) -> bool:
    """Whether the JSON text is cut off: all of it is good as far as it goes."""
    try:
        json.loads(document)
    except json.JSONDecodeError as problem:
        return problem.pos >= len(document.rstrip()) or problem.msg.startswith("Unterminated string")
    except RecursionError:
        return False
    return False


def rewritten(document: str, notebook: Notebook, text: str) -> str:
    """The JSON text with the program `text` in its cells; only the `source` of changed cells differs."""
    pieces: list[str] = []
    done = 0
    spans = {index: (start, end) for index, _, start, end in _code_cells(document)[1]}
    for cell, program in zip(notebook.cells, _split(notebook, text), strict=True):
        if program == cell.program:
            continue
        source = _with_magics(program, notebook.sentinel)
        if cell.source[-1:] not in ("\r", "\n"):
            source = re.sub(r"(\r\n|\r|\n)\Z", "", source)
        start, end = spans[cell.index]
        pieces.append(document[done:start])
        pieces.append(_encoded(document[start:end], cell.source, source))
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


# Magics


def _without_magics(source: str, sentinel: str) -> str:
    if "%" not in source and "!" not in source and "?" not in source and "install" not in source:
        return source
    if source.lstrip()[:2] == "%%":
        return _cell_magic(source, sentinel)
    # Most cells have these letters in strings and operators only, which is seen sooner than by parsing.
    if not any(_may_be_magic(line) for line, _ in _lines(source)) or _is_python(source):
        return source
    before = ""
    continued = False
    written: list[str] = []
    for line, line_break in _lines(source):
        replaced = line
        if continued or ((candidate := _disguised(line, sentinel)) is not None and not _is_open(before)):
            replaced = _comment(line, sentinel, alone=False) if continued else (candidate or line)
            continued = line.endswith("\\")
            before = ""
        else:
            before += line + line_break
        written.append(replaced + line_break)
    return "".join(written)


def _may_be_magic(line: str) -> bool:
    return any(each.match(line) for each in (_MAGIC, _TIMED, _ASSIGNED_MAGIC))


def _cell_magic(source: str, sentinel: str) -> str:
    lines = list(_lines(source))
    head = next(number for number, (line, _) in enumerate(lines) if line.strip())
    if lines[head][0].split()[0] not in _PYTHON_CELLS:
        return _commented(source, sentinel)
    comments = [_comment(line, sentinel, alone=False) + line_break for line, line_break in lines]
    body = _without_magics("".join(line + line_break for line, line_break in lines[head + 1 :]), sentinel)
    return "".join(comments[: head + 1]) + body


def _commented(source: str, sentinel: str) -> str:
    return "".join(_comment(line, sentinel, alone=False) + line_break for line, line_break in _lines(source))


def _disguised(line: str, sentinel: str) -> str | None:
    """The Python line that stands for a line of IPython; None where the line needs none."""
    if timed := _TIMED.match(line):
        indent, magic = timed.groups()
        statement = line[timed.end() :]
        if _is_python(statement):
            return f"{indent}{statement}  # {sentinel}< {magic}"
    if assigned := _ASSIGNED_MAGIC.match(line):
        # A call of something undefined is unknown to the reader, as the output of a shell is.
        return f"{assigned[1]}{assigned[2]}get_ipython()  # {sentinel} {line[len(assigned[1]) :]}"
    if _MAGIC.match(line):
        return _comment(line, sentinel)
    return None


def _comment(line: str, sentinel: str, *, alone: bool = True) -> str:
    if not line.strip():
        return line
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    # An indented magic may be the only statement of its block.
    return f"{indent}{'pass  ' if indent and alone else ''}# {sentinel} {line[len(indent) :]}"


def _with_magics(program: str, sentinel: str) -> str:
    if sentinel not in program:
        return program
    written = []
    for line, line_break in _lines(program):
        if f"# {sentinel} " in line:
            indent = line[: len(line) - len(line.lstrip(" \t"))]
            line = indent + line.partition(f"# {sentinel} ")[2]
        elif f"  # {sentinel}< " in line:
            indent = line[: len(line) - len(line.lstrip(" \t"))]
            statement, _, magic = line[len(indent) :].partition(f"  # {sentinel}< ")
            line = indent + magic + statement
        written.append(line + line_break)
    return "".join(written)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    start = 0
    for found in _BREAK.finditer(text):
        yield text[start : found.start()], found[0]
        start = found.end()
    if start < len(text):
        yield text[start:], ""


def _is_python(text: str) -> bool:
    return _tree(text) is not None


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_open(before: str) -> bool:
    """Whether a line after `before` continues a string, a bracket or a backslash."""
    if not before.strip():
        return False
    if before.rstrip("\r\n").endswith("\\"):
        return True
    try:
        for _ in tokenize.generate_tokens(io.StringIO(before).readline):
            pass
    except tokenize.TokenError as problem:
        message = str(problem.args[0])
        return "multi-line" in message or "triple-quoted" in message
    except (SyntaxError, IndentationError):
        return False
    return False


# JSON in place


def _sources(document: str) -> tuple[str | None, list[tuple[int, str]]]:
    """The kernel's language, and of each code cell its index and its source. Whether all is as it should be is looked
    at closely only where it is not: places in the text are needed for a change alone, and cost several times more.
    """
    try:
        whole = json.loads(document)
        cells = whole["cells"]
        code = [(index, cell["source"]) for index, cell in enumerate(cells) if cell.get("cell_type") == "code"]
        if isinstance(cells, list) and all(isinstance(source, (str, list)) for _, source in code):
            return _language(whole.get("metadata")), [(index, "".join(source)) for index, source in code]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    language, found = _code_cells(document)
    return language, [(index, source) for index, source, _, _ in found]


def _language(metadata: object) -> str | None:
    if isinstance(metadata, dict):
        for name, entry in (("language_info", "name"), ("kernelspec", "language")):
            described = metadata.get(name)
            if isinstance(described, dict) and isinstance(described.get(entry), str):
                return str(described[entry])
    return None


def _code_cells(document: str) -> tuple[str | None, list[tuple[int, str, int, int]]]:
    """The kernel's language, and of each code cell its index, its source and the span of its JSON value."""
    language: str | None = None
    code: list[tuple[int, str, int, int]] | None = None
    start = _skip(document, 0)
    if document[start : start + 1] != "{":
        raise NotANotebook("not a notebook: the JSON is no object")
    for key, value in _members(document, start):
        if key == "cells":
            code = _cells(document, value)
        elif key == "metadata":
            language = language or _language(_DECODER.raw_decode(document, value)[0])
    if code is None:
        raise NotANotebook(
            "no `cells`: an old notebook format, or no notebook; `jupyter nbconvert --to notebook` renews it"
        )
    return language, code


def _cells(document: str, start: int) -> list[tuple[int, str, int, int]]:
    code = []
    if document[start : start + 1] != "[":
        raise NotANotebook("not a notebook: `cells` is no list")
    for index, place in enumerate(_elements(document, start)):
        if document[place : place + 1] != "{":
            raise NotANotebook(f"cell {index + 1} is no JSON object")
        kind: object = None
        source: tuple[str, int, int] | None = None
        for key, value in _members(document, place):
            if key == "cell_type":
                kind = _DECODER.raw_decode(document, value)[0]
            elif key == "source":
                content, end = _DECODER.raw_decode(document, value)
                if isinstance(content, list) and all(isinstance(line, str) for line in content):
                    content = "".join(content)
                if isinstance(content, str):
                    source = (content, value, end)
        if kind == "code" and source is not None:
            code.append((index, *source))
    return code


def _members(document: str, start: int) -> Iterator[tuple[str, int]]:
    """Each key of the object at `start` with the place of its value."""
    place = _skip(document, start + 1)
    if document[place : place + 1] == "}":
        return
    while True:
        if document[place : place + 1] != '"':
            raise NotANotebook(f"not valid JSON at character {place + 1}: a key is missing")
        key, place = scanstring(document, place + 1, True)
        place = _skip(document, place)
        if document[place : place + 1] != ":":
            raise NotANotebook(f"not valid JSON at character {place + 1}: a colon is missing")
        value = _skip(document, place + 1)
        yield key, value
        place = _skip(document, _DECODER.raw_decode(document, value)[1])
        if document[place : place + 1] == "}":
            return
        if document[place : place + 1] != ",":
            raise NotANotebook(f"not valid JSON at character {place + 1}: a comma is missing")
        place = _skip(document, place + 1)


def _elements(document: str, start: int) -> Iterator[int]:
    """The place of each element of the list at `start`."""
    place = _skip(document, start + 1)
    if document[place : place + 1] == "]":
        return
    while True:
        yield place
        place = _skip(document, _DECODER.raw_decode(document, place)[1])
        if document[place : place + 1] == "]":
            return
        if document[place : place + 1] != ",":
            raise NotANotebook(f"not valid JSON at character {place + 1}: a comma is missing")
        place = _skip(document, place + 1)


def _skip(document: str, place: int) -> int:
    found = _SPACE.match(document, place)
    return place if found is None else found.end()


def _encoded(written: str, old: str, new: str) -> str:
    """The JSON value `written` of the source `old` for the source `new`, in the same manner."""
    if written.startswith('"'):
        known = dict(zip(_parts(old), _raw_parts(written), strict=False))
        return '"' + "".join(known.get(part) or _dumped(part, written)[1:-1] for part in _parts(new)) + '"'
    places = list(_elements(written, 0))
    ends = [_DECODER.raw_decode(written, place)[1] for place in places]
    elements = [written[place:end] for place, end in zip(places, ends, strict=True)]
    texts = [json.loads(element) for element in elements]
    known = dict(zip(texts, elements, strict=True))
    parts = new.splitlines(keepends=True) if texts == old.splitlines(keepends=True) else _parts(new)
    if len(texts) > 1 and not texts[-1] and parts and parts[-1].endswith(("\n", "\r")):
        # Some writers end with an empty text behind the last line break.
        parts = [*parts, ""]
    if not parts:
        return "[]"
    if not places:
        return "[" + ", ".join(_dumped(part, written) for part in parts) + "]"
    opening = written[: places[0]]
    separator = written[ends[0] : places[1]] if len(places) > 1 else "," + (opening[1:] or " ")
    return opening + separator.join(known.get(part) or _dumped(part, written) for part in parts) + written[ends[-1] :]


def _parts(text: str) -> list[str]:
    return [line + line_break for line, line_break in _lines(text)]


def _raw_parts(written: str) -> Sequence[str]:
    """The JSON string `written`, still escaped, cut after each line break of what it says."""
    parts: list[str] = []
    start = place = 1
    for character in re.finditer(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", written[1:-1], re.DOTALL):
        place = character.end() + 1
        following = written[place : place + 6].lower()
        said = character[0].lower()
        if said in ("\\n", "\\u000a") or (
            said in ("\\r", "\\u000d") and not following.startswith("\\n") and following != "\\u000a"
        ):
            parts.append(written[start:place])
            start = place
    if start < len(written) - 1:
        parts.append(written[start:-1])
    return parts


def _dumped(text: str, manner: str) -> str:
    # Jupyter leaves characters as they are, other writers escape them; a lone surrogate can only be escaped.
    escape = "\\u" in manner and manner.isascii()
    return json.dumps(text, ensure_ascii=escape or any("\ud800" <= character <= "\udfff" for character in text))
