"""Lines and cells of IPython that are no Python: comments stand for them in the program text, and become them again."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator

BREAK = re.compile(r"\r\n|\r|\n")
_MAGIC = re.compile(r"[ \t]*(?:[%!?]|(?:pip|conda) install\b)|[^#'\"]*[\w)\]]\?{1,2}[ \t]*$")
_ASSIGNED_MAGIC = re.compile(r"([ \t]*)([\w.,\[\]'\" \t]+?[ \t]*=[ \t]*)(?=[!%][\w{$/.~(\"'-])")
_TIMED = re.compile(r"([ \t]*)(%time(?:it)?[ \t]+)(?=[^-\s])")
_PYTHON_CELLS = frozenset(
    {"%%time", "%%timeit", "%%capture", "%%prun", "%%skip_if", "%%memit", "%%snakeviz", "%%wandb"}
)


def without_magics(source: str, sentinel: str) -> str:
    """The source of a cell with each line of IPython as a comment that `sentinel` marks; Python is left as it is."""
    if "%" not in source and "!" not in source and "?" not in source and "install" not in source:
        return source
    if source.lstrip()[:2] == "%%":
        return _cell_magic(source, sentinel)
    # Most cells have these letters in strings and operators only, which is seen sooner than by parsing.
    if not any(_may_be_magic(line) for line, _ in lines_of(source)) or _is_python(source):
        return source
    before = ""
    continued = False
    written: list[str] = []
    for line, line_break in lines_of(source):
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
    lines = list(lines_of(source))
    head = next(number for number, (line, _) in enumerate(lines) if line.strip())
    if lines[head][0].split()[0] not in _PYTHON_CELLS:
        return commented(source, sentinel)
    comments = [_comment(line, sentinel, alone=False) + line_break for line, line_break in lines]
    body = without_magics("".join(line + line_break for line, line_break in lines[head + 1 :]), sentinel)
    return "".join(comments[: head + 1]) + body


def commented(source: str, sentinel: str) -> str:
    """All of a cell as comments, for one that is no Python."""
    return "".join(_comment(line, sentinel, alone=False) + line_break for line, line_break in lines_of(source))


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


def with_magics(program: str, sentinel: str) -> str:
    """The source of a cell whose program text this is: `without_magics` undone."""
    if sentinel not in program:
        return program
    written = []
    for line, line_break in lines_of(program):
        if f"# {sentinel} " in line:
            indent = line[: len(line) - len(line.lstrip(" \t"))]
            line = indent + line.partition(f"# {sentinel} ")[2]
        elif f"  # {sentinel}< " in line:
            indent = line[: len(line) - len(line.lstrip(" \t"))]
            statement, _, magic = line[len(indent) :].partition(f"  # {sentinel}< ")
            line = indent + magic + statement
        written.append(line + line_break)
    return "".join(written)


def lines_of(text: str) -> Iterator[tuple[str, str]]:
    """Each line with its line break; only those of Jupyter count, not all that `str.splitlines` knows."""
    start = 0
    for found in BREAK.finditer(text):
        yield text[start : found.start()], found[0]
        start = found.end()
    if start < len(text):
        yield text[start:], ""


def _is_python(text: str) -> bool:
    return tree_of(text) is not None


def tree_of(text: str) -> ast.Module | None:
    """The syntax tree of the text; None where it is no Python, or too deep for the parser."""
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
