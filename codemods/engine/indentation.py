"""The text of statements at another indentation, with what is replaced in them; the insides of strings stay."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Sequence

from regrad.analysis.source import decode
from regrad.codemods.engine.layout import Layout


class Reindented:
    """What the lines and statements of one file read like where they are moved to.

    `replaced` holds the replacements of expressions as `(start, end, text)`, and may grow until a text is asked for.
    """

    def __init__(self, layout: Layout, replaced: Sequence[tuple[int, int, str]]) -> None:
        self._layout = layout
        self._source = layout.source
        self._replaced = replaced

    def lines(self, first: int, last: int, old: str, new: str) -> list[str]:
        """The physical lines, re-indented."""
        layout = self._layout
        start = layout.line_start(first)
        text = layout.lines[first - 1]
        if text.strip():
            indent = layout.indent_of(first)
            start += len(indent)
            lead = _shifted(indent, old, new)
        else:
            lead = ""
        return (lead + self._between(start, layout.line_end(last), old, new)).split("\n")

    def bare(self, statement: ast.stmt, indent: str) -> list[str]:
        """The statement alone, without comments around it."""
        old = self._layout.indent_of(self._layout.first_line(statement))
        start, end = self._layout.start(statement), self._layout.end(statement)
        return (indent + self._between(start, end, old, indent)).split("\n")

    def segment(self, statement: ast.stmt) -> str:
        return self._between(self._layout.start(statement), self._layout.end(statement), "", "")

    def body_of(self, owner: ast.With | ast.AsyncWith) -> list[str]:
        layout = self._layout
        block = layout.body(owner)
        indent = layout.indent_of(layout.first_line(owner))
        groups = layout.groups(block)
        if groups[0].inline:
            comment = layout.tail(groups[0]).lstrip(" \t;")
            lines = [line for each in block.statements for line in self.bare(each, indent)]
            lines[-1] += f"  {comment}" if comment else ""
            return lines
        parent, index = layout.place(owner)
        own = next(each for each in layout.groups(parent) if index in each.indices)
        header = layout.header_end(owner)
        comments = [indent + text for text in comments_between(layout, owner.lineno, header)]
        return comments + self.lines(header + 1, layout.bottom(own), layout.indent(block), indent)

    def _between(self, start: int, end: int, old: str, new: str) -> str:
        """The text with its replacements made and every line but the first re-indented; line breaks are `\\n`."""
        pieces: list[str] = []
        for one, other, text in sorted(self._replaced):
            if start <= one and other <= end:
                pieces.append(self._plain(start, one, old, new))
                pieces.append("\n".join(_shifted_lines(text, old, new)))
                start = other
        pieces.append(self._plain(start, end, old, new))
        return "".join(pieces)

    def _plain(self, start: int, end: int, old: str, new: str) -> str:
        if start >= end:
            return ""
        layout = self._layout
        first, last = self._source.position(start), self._source.position(end)
        if first.line == last.line:
            return self._source.text[start:end]
        pieces = [self._source.text[start : layout.line_end(first.line)]]
        for number in range(first.line + 1, last.line + 1):
            line = layout.lines[number - 1]
            piece = line if number < last.line else line[: last.column - 1]
            if line.strip() and not layout.starts_in_string(number) and old != new:
                indent = line[: len(line) - len(line.lstrip(" \t"))]
                piece = _shifted(indent, old, new) + piece[len(indent) :]
            pieces.append(piece)
        return "\n".join(pieces)


def indented(text: str, indent: str) -> list[str]:
    """The lines of new code under an indentation; the insides of its strings stay."""
    text = text.strip("\n")
    inside: Callable[[int], bool]
    if '"""' in text or "'''" in text:
        inside = Layout(decode("", text.encode()), ast.Module([], [])).starts_in_string
    else:
        inside = frozenset[int]().__contains__
    return [
        line if inside(number) or not line.strip() else indent + line for number, line in enumerate(text.split("\n"), 1)
    ]


def _shifted(indent: str, old: str, new: str) -> str:
    """The indentation of a line that belongs to a statement which moves from `old` to `new`."""
    if indent.startswith(old):
        return new + indent[len(old) :]
    if new.startswith(old):
        return new[len(old) :] + indent
    if old.startswith(new):
        return indent[min(len(old) - len(new), len(indent)) :]
    return indent


def _shifted_lines(text: str, old: str, new: str) -> list[str]:
    first, *rest = text.split("\n")
    shifted = [first]
    for line in rest:
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        shifted.append(_shifted(indent, old, new) + line[len(indent) :] if line.strip() else line)
    return shifted


def comments_between(layout: Layout, first: int, last: int) -> list[str]:
    text = "\n".join(layout.lines[first - 1 : last]).lstrip() + "\n    pass\n"
    return [
        token.string for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
    ]
