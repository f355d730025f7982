"""Moving code: whole statements from block to block, in and out of a `with`, with their comments and their layout.

A `Rewrite` collects what shall happen to one file and then gives the edits; all places are those of the file as it is.
The functions at the end are for rules that do one thing only. What cannot be done without harm raises `CannotMove`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from regrad.analysis.location import Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.draft import Draft, Insertion, Removal, Wishes
from regrad.codemods.engine.indentation import Reindented, indented
from regrad.codemods.engine.last_break import with_last_break, without_last_break
from regrad.codemods.engine.layout import Block, CannotMove, layout_of
from regrad.codemods.engine.parentheses import parenthesised, refuse_inexact, with_own_parentheses
from regrad.codemods.engine.rule import Edit

__all__ = [
    "CannotMove",
    "Place",
    "Rewrite",
    "after",
    "at_end",
    "at_start",
    "before",
    "copy_into",
    "insert_statements",
    "move_into",
    "remove_statement",
    "replace_expression",
    "unwrap",
    "wrap_statements_in_with",
]


@dataclass(frozen=True, eq=False)
class Place:
    """Where statements are put: see `at_start`, `at_end`, `before` and `after`."""

    kind: Literal["start", "end", "before", "after"]
    node: ast.AST


def at_start(owner: ast.AST) -> Place:
    """At the start of the body of `owner` (a `with`, a function, a module ...), after its docstring."""
    return Place("start", owner)


def at_end(owner: ast.AST) -> Place:
    """At the end of the body of `owner`."""
    return Place("end", owner)


def before(statement: ast.stmt) -> Place:
    """Before `statement` and the comment lines that belong to it, in its block."""
    return Place("before", statement)


def after(statement: ast.stmt) -> Place:
    """After `statement`, in its block."""
    return Place("after", statement)


class Rewrite:
    """Collects the changes of one file and gives them as edits."""

    def __init__(self, source: SourceFile, tree: ast.Module) -> None:
        self.tree = tree
        self._file = source
        self._source = source = with_last_break(source)
        self._layout = layout_of(source, tree)
        self._operations = 0
        self._replaced: list[tuple[int, int, str]] = []
        self._text = Reindented(self._layout, self._replaced)
        self._wishes = Wishes()
        self._draft = Draft(self._layout, self._wishes, self._text)

    # What shall happen

    def move(self, statements: Sequence[ast.stmt], place: Place, *, drop_empty: bool = False) -> None:
        """Moves whole statements, in the given order, to `place`.

        A block that is left empty gets a `pass`; a `with` that is left empty goes altogether if `drop_empty`.
        """
        self._take(statements, comments=True)
        operation = self._operations
        self._put(place, lambda indent: self._draft.moved(statements, indent, operation), taken=statements)
        if drop_empty:
            self._wishes.drop_empty.update(id(self._layout.place(statement)[0].owner) for statement in statements)

    def copy(self, statements: Sequence[ast.stmt], place: Place) -> None:
        """Puts copies of the statements, without their comments, at `place`."""
        self._operations += 1
        for statement in statements:
            self._refuse_elif(statement)
        self._put(place, lambda indent: [line for each in statements for line in self._text.bare(each, indent)])

    def insert(self, text: str, place: Place) -> None:
        """Puts new statements at `place`; the lines of `text` are indented as the block is."""
        self._operations += 1
        self._put(place, lambda indent: indented(text, indent))

    def remove(self, statements: Sequence[ast.stmt], *, keep_comments: bool = False, drop_empty: bool = False) -> None:
        """Removes whole statements, their comments too unless `keep_comments`."""
        self._take(statements, comments=not keep_comments)
        for statement in statements:
            self._wishes.touch(self._layout.place(statement)[0])
            if drop_empty:
                self._wishes.drop_empty.add(id(self._layout.place(statement)[0].owner))

    def wrap(
        self,
        statements: Sequence[ast.stmt],
        header: str,
        *,
        lead: str = "",
        tail: str = "",
        place: Place | None = None,
    ) -> None:
        """Moves statements into a new block under `header` (`with tape:`), where the first one stands or at `place`.

        `lead` are new statements at the start of that block, `tail` at its end.
        """
        if not statements:
            raise CannotMove("there is nothing to wrap")
        self._take(statements, comments=True)
        operation = self._operations
        block = self._layout.place(statements[0])[0]

        def render(indent: str) -> list[str]:
            inner = indent + self._layout.unit(block)
            lines = indented(lead, inner) if lead else []
            last = indented(tail, inner) if tail else []
            return [*indented(header, indent), *lines, *self._draft.moved(statements, inner, operation), *last]

        self._put(place or before(statements[0]), render, taken=() if place is None else statements)

    def unwrap(self, owner: ast.With | ast.AsyncWith) -> None:
        """Puts the body of a `with` in its place."""
        self._operations += 1
        self._wishes.unwrapped[id(owner)] = owner
        self._wishes.touch(self._layout.place(owner)[0])

    def replace(self, node: ast.expr | ast.stmt, text: str) -> None:
        """Puts `text` in the place of an expression (with parentheses where it needs them) or of a simple statement."""
        start, end = self._layout.start(node), self._layout.end(node)
        if isinstance(node, ast.stmt):
            if hasattr(node, "body"):
                raise CannotMove("a compound statement cannot be replaced as a whole")
            indent = self._layout.indent_of(node.lineno)
            text = "\n".join(indented(text, indent))[len(indent) :]
        else:
            refuse_inexact(node, self._source.text[start:end])
            text = parenthesised(node, *self._layout.parent_places[id(node)], text)
            start, end = with_own_parentheses(self._source, start, end, text)
        if any(one[0] < end and start < one[1] for one in self._replaced):
            raise CannotMove("one expression would be replaced twice")
        self._replaced.append((start, end, text))

    def edits(self) -> tuple[Edit, ...]:
        """The edits, in file order; raises `CannotMove` where the changes get in each other's way."""
        found = self._draft.page().edits()
        for start, end, text in self._replaced:
            if not any(one <= start and end <= other and one < other for one, other, _ in found):
                found.append((start, end, text))
        found.sort(key=lambda edit: edit[:2])
        for (_, end, _), (start, _, _) in pairwise(found):
            if start < end:
                raise CannotMove("two changes of the same lines get in each other's way")
        position = self._file.position
        return tuple(
            Edit(self._file.path, Span(position(start), position(end)), text)
            for start, end, text in without_last_break(self._file, self._source, found)
            if start < end or text
        )

    # Collecting

    def _take(self, statements: Sequence[ast.stmt], *, comments: bool) -> None:
        self._operations += 1
        for number, statement in enumerate(statements):
            self._refuse_elif(statement)
            if id(statement) in self._wishes.removed:
                raise CannotMove("one statement would be moved twice")
            self._wishes.removed[id(statement)] = Removal(self._operations, number, comments)
            self._wishes.touch(self._layout.place(statement)[0])

    def _put(self, place: Place, render: Callable[[str], list[str]], taken: Sequence[ast.stmt] = ()) -> None:
        layout = self._layout
        node = place.node
        if isinstance(node, ast.stmt) and place.kind in ("before", "after"):
            self._refuse_elif(node)
            block, slot = layout.place(node)
            follows = place.kind == "after"
            slot += follows
        else:
            block = layout.body(node)
            follows = place.kind == "end"
            slot = len(block.statements) if follows else _first_free_slot(block)
            follows = follows or slot > 0
        for owner in self._draft.owners(block):
            if any(owner is statement for statement in taken):
                raise CannotMove("a statement cannot be moved into itself")
        insertion = Insertion(slot, follows, place.kind == "end", render)
        self._wishes.touch(block)
        self._wishes.insertions.setdefault(id(block), []).append(insertion)

    def _refuse_elif(self, statement: ast.stmt) -> None:
        if self._layout.is_elif(statement):
            raise CannotMove("an `elif` is no statement of its own")


def _first_free_slot(block: Block) -> int:
    """The index before which the first statement of a block may stand."""
    slot = 0
    statements = block.statements
    if isinstance(block.owner, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and statements:
        first = statements[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            slot = 1
    while block.is_module and slot < len(statements):
        following = statements[slot]
        if not isinstance(following, ast.ImportFrom) or following.module != "__future__":
            break
        slot += 1
    return slot


# One thing only


def move_into(source: SourceFile, tree: ast.Module, statements: Sequence[ast.stmt], place: Place) -> tuple[Edit, ...]:
    """Moves whole statements to `place`, into a block or out of one."""
    rewrite = Rewrite(source, tree)
    rewrite.move(statements, place)
    return rewrite.edits()


def copy_into(source: SourceFile, tree: ast.Module, statements: Sequence[ast.stmt], place: Place) -> tuple[Edit, ...]:
    """Puts copies of the statements at `place`."""
    rewrite = Rewrite(source, tree)
    rewrite.copy(statements, place)
    return rewrite.edits()


def insert_statements(source: SourceFile, tree: ast.Module, text: str, place: Place) -> tuple[Edit, ...]:
    """Puts new statements at `place`."""
    rewrite = Rewrite(source, tree)
    rewrite.insert(text, place)
    return rewrite.edits()


def remove_statement(source: SourceFile, tree: ast.Module, statement: ast.stmt) -> tuple[Edit, ...]:
    """Removes one statement with its comments."""
    rewrite = Rewrite(source, tree)
    rewrite.remove([statement])
    return rewrite.edits()


def replace_expression(source: SourceFile, tree: ast.Module, node: ast.expr, text: str) -> tuple[Edit, ...]:
    """Puts `text` in the place of an expression."""
    rewrite = Rewrite(source, tree)
    rewrite.replace(node, text)
    return rewrite.edits()


def wrap_statements_in_with(
    source: SourceFile, tree: ast.Module, statements: Sequence[ast.stmt], header: str
) -> tuple[Edit, ...]:
    """Puts statements under a new `with` line (`header`), where the first of them stands."""
    rewrite = Rewrite(source, tree)
    rewrite.wrap(statements, header)
    return rewrite.edits()


def unwrap(source: SourceFile, tree: ast.Module, owner: ast.With | ast.AsyncWith) -> tuple[Edit, ...]:
    """Puts the body of a `with` in its place."""
    rewrite = Rewrite(source, tree)
    rewrite.unwrap(owner)
    return rewrite.edits()
