"""How statements stand on the page: blocks, shared lines, indentation, the comments that belong to a statement."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

from regrad.analysis.source import SourceFile

_BREAK = re.compile(r"\r\n|\r|\n")
_STRING_STARTS = {getattr(tokenize, name) for name in ("FSTRING_START", "TSTRING_START") if hasattr(tokenize, name)}
_STRING_ENDS = {getattr(tokenize, name) for name in ("FSTRING_END", "TSTRING_END") if hasattr(tokenize, name)}
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
_OWN_COMMENT = re.compile(r"#\s*(?:%%|In\[|fmt:|region\b|endregion\b|-\*-|regrad:)|#!|#.*\bcoding[:=]")
"""Comments that belong to their place and not to the statement below: cell borders, switches, coding."""


class CannotMove(Exception):
    """The change cannot be made without harm; the message is for the user."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Block(NamedTuple):
    """A list of statements under one header (`field` of `owner`)."""

    owner: ast.AST
    field: str
    statements: list[ast.stmt]

    @property
    def is_module(self) -> bool:
        return isinstance(self.owner, ast.Module)


class Group(NamedTuple):
    """The statements of one block that share a logical line: one, or several joined by semicolons.

    `inline` says that the header of the block stands on the same line; `first` and `last` are lines, without comments.
    """

    block: Block
    indices: range
    inline: bool
    first: int
    last: int

    @property
    def statements(self) -> list[ast.stmt]:
        return self.block.statements[self.indices.start : self.indices.stop]


@lru_cache(maxsize=4)
def layout_of(source: SourceFile, tree: ast.Module) -> Layout:
    """The layout of a file; kept for a while, since every finding in the file asks for it again."""
    return Layout(source, tree)


class Layout:
    """The layout of one parsed file; everything is found when it is first asked for."""

    def __init__(self, source: SourceFile, tree: ast.Module) -> None:
        self.source = source
        self.tree = tree
        self._groups: dict[int, list[Group]] = {}

    @cached_property
    def parent_places(self) -> dict[int, tuple[ast.AST, str]]:
        """For each node, by its id: the node that holds it, and in which field."""
        found: dict[int, tuple[ast.AST, str]] = {}
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            for field, value in ast.iter_fields(node):
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        found[id(child)] = (node, field)
                        waiting.append(child)
        return found

    # Lines

    @cached_property
    def lines(self) -> list[str]:
        """The physical lines without their breaks; index 0 is line 1."""
        return _BREAK.split(self.source.text)

    @cached_property
    def _tokens(self) -> tuple[frozenset[int], dict[int, int], frozenset[tuple[int, int]]]:
        """The lines that start in a string; by each line, the last of its logical line; where logical lines start."""
        inside: set[int] = set()
        ends: dict[int, int] = {}
        starts: set[tuple[int, int]] = set()
        open_strings: list[int] = []
        logical: tuple[int, int] | None = None
        text = "\n".join(self.lines) + "\n"
        try:
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type in _STRING_STARTS:
                    open_strings.append(token.start[0])
                elif token.type in _STRING_ENDS and open_strings:
                    inside.update(range(open_strings.pop() + 1, token.end[0] + 1))
                elif token.type == tokenize.STRING:
                    inside.update(range(token.start[0] + 1, token.end[0] + 1))
                if token.type == tokenize.NEWLINE and logical is not None:
                    for line in range(logical[0], token.start[0] + 1):
                        ends[line] = token.start[0]
                    logical = None
                elif token.type not in _NO_CODE and logical is None:
                    logical = token.start
                    starts.add(logical)
        except (tokenize.TokenError, SyntaxError):
            raise CannotMove("the layout of the file could not be understood") from None
        return frozenset(inside), ends, frozenset(starts)

    def starts_in_string(self, line: int) -> bool:
        return line in self._tokens[0]

    def is_blank(self, line: int) -> bool:
        return (
            1 <= line <= len(self.lines) and not self.lines[line - 1].strip(" \t") and not self.starts_in_string(line)
        )

    def is_comment(self, line: int) -> bool:
        return (
            1 <= line <= len(self.lines)
            and self.lines[line - 1].lstrip().startswith("#")
            and not self.starts_in_string(line)
            and line not in self._tokens[1]
        )

    def is_fixed_comment(self, line: int) -> bool:
        """Whether the comment on this line belongs to its place, so that no statement may take it along."""
        return self.is_comment(line) and bool(_OWN_COMMENT.match(self.lines[line - 1].lstrip()))

    def indent_of(self, line: int) -> str:
        text = self.lines[line - 1]
        return text[: len(text) - len(text.lstrip(" \t\f"))].rpartition("\f")[2]

    def line_start(self, line: int) -> int:
        """The offset at which the line starts, after a form feed, which stays where it is."""
        if line > len(self.source.starts):
            return len(self.source.text)
        start = self.source.starts[line - 1]
        text = self.lines[line - 1]
        return start + text[: len(text) - len(text.lstrip(" \t\f"))].rfind("\f") + 1

    def line_end(self, line: int) -> int:
        """The offset of the line's break."""
        return self.source.starts[line - 1] + len(self.lines[line - 1])

    # Statements

    @cached_property
    def _places(self) -> dict[int, tuple[Block, int]]:
        places: dict[int, tuple[Block, int]] = {}
        for block in self.blocks:
            for index, statement in enumerate(block.statements):
                places[id(statement)] = (block, index)
        return places

    @cached_property
    def blocks(self) -> list[Block]:
        return list(_blocks(self.tree))

    def place(self, statement: ast.stmt) -> tuple[Block, int]:
        found = self._places.get(id(statement))
        if found is None:
            raise CannotMove("the statement is not part of this file")
        return found

    def body(self, owner: ast.AST) -> Block:
        for block in self._blocks_by_owner.get(id(owner), ()):
            if block.field == "body":
                return block
        raise CannotMove("there is no block to move into")

    @cached_property
    def _blocks_by_owner(self) -> dict[int, list[Block]]:
        by_owner: dict[int, list[Block]] = {}
        for block in self.blocks:
            by_owner.setdefault(id(block.owner), []).append(block)
        return by_owner

    def start(self, node: ast.stmt | ast.expr) -> int:
        """The offset at which the node starts, its decorators included."""
        first: ast.stmt | ast.expr = min(
            [node, *getattr(node, "decorator_list", ())], key=lambda part: (part.lineno, part.col_offset)
        )
        offset = self.source.offset(self.source.position_at(first.lineno, first.col_offset))
        if first is not node:
            offset = self.source.text.rindex("@", 0, offset)
        return offset

    def end(self, node: ast.stmt | ast.expr) -> int:
        return self.source.offset(self.source.position_at(node.end_lineno or node.lineno, node.end_col_offset or 0))

    def first_line(self, statement: ast.stmt) -> int:
        return self.source.position(self.start(statement)).line

    def header_end(self, owner: ast.stmt) -> int:
        """The last line of the header of a compound statement."""
        return self._tokens[1].get(owner.lineno, owner.lineno)

    def groups(self, block: Block) -> list[Group]:
        """The block's statements by the lines that they share."""
        if id(block) not in self._groups:
            self._groups[id(block)] = self._grouped(block)
        return self._groups[id(block)]

    def _grouped(self, block: Block) -> list[Group]:
        _, ends, starts = self._tokens
        groups: list[Group] = []
        for index, statement in enumerate(block.statements):
            start = self.source.position(self.start(statement))
            last = ends.get(statement.end_lineno or statement.lineno, statement.end_lineno or statement.lineno)
            begins = (start.line, start.column - 1) in starts
            if not begins and index:
                before = groups[-1]
                groups[-1] = Group(block, range(before.indices.start, index + 1), before.inline, before.first, last)
            else:
                groups.append(Group(block, range(index, index + 1), not begins, start.line, last))
        return groups

    def is_elif(self, statement: ast.stmt) -> bool:
        return isinstance(statement, ast.If) and self.source.text.startswith("elif", self.start(statement))

    def top(self, group: Group) -> int:
        """The first line of the group with the comment lines directly above it, which belong to it."""
        line = group.first
        indent = self.indent_of(line)
        while self.is_comment(line - 1) and self.indent_of(line - 1) == indent and not self.is_fixed_comment(line - 1):
            line -= 1
        return line

    def bottom(self, group: Group) -> int:
        """The last line of the group with the comment lines that end its own blocks."""
        line = group.last
        indent = self.indent_of(group.first)
        if hasattr(group.statements[-1], "body"):
            below = line + 1
            while self.is_blank(below) or (
                self.is_comment(below) and len(self.indent_of(below)) > len(indent) and not self.is_fixed_comment(below)
            ):
                line = below if self.is_comment(below) else line
                below += 1
        return line

    def tail(self, group: Group) -> str:
        """What follows the group's last statement on its line: a semicolon, a comment, nothing."""
        return self.source.text[self.end(group.statements[-1]) : self.line_end(group.last)]

    # Indentation

    def indent(self, block: Block) -> str:
        """The indentation of the block's statements; of a block on the line of its header, what it would be."""
        if block.is_module:
            return ""
        group = self.groups(block)[0]
        if not group.inline:
            return self.indent_of(group.first)
        return self.header_indent(block) + self.unit(block)

    def header_indent(self, block: Block) -> str:
        if block.is_module:
            return ""
        owner = block.owner
        if isinstance(owner, ast.match_case):
            return self.indent_of(owner.pattern.lineno)
        line = getattr(owner, "lineno", 1)
        return self.indent_of(line)

    def unit(self, block: Block) -> str:
        """One step of indentation, as the surroundings of the block have it."""
        place: Block | None = block
        while place is not None and not place.is_module:
            unit = self._own_unit(place)
            if unit:
                return unit
            place = self._places[id(place.owner)][0] if id(place.owner) in self._places else None
        return next((unit for unit in map(self._own_unit, self.blocks) if unit), "    ")

    def _own_unit(self, block: Block) -> str:
        if block.is_module:
            return ""
        group = self.groups(block)[0]
        if group.inline:
            return ""
        outer, inner = self.header_indent(block), self.indent_of(group.first)
        return inner[len(outer) :] if inner.startswith(outer) else ""


def _blocks(tree: ast.Module) -> Iterator[Block]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop(0)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list) and (statements or isinstance(node, ast.Module)):
                yield Block(node, field, statements)
                waiting.extend(statements)
        waiting.extend(getattr(node, "handlers", ()))
        waiting.extend(getattr(node, "cases", ()))
