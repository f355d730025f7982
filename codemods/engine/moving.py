"""Moving code: whole statements from block to block, in and out of a `with`, with their comments and their layout.

A `Rewrite` collects what shall happen to one file and then gives the edits; all places are those of the file as it is.
The functions at the end are for rules that do one thing only. What cannot be done without harm raises `CannotMove`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from regrad.analysis.location import Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.indentation import Reindented, comments_between, indented
from regrad.codemods.engine.last_break import with_last_break, without_last_break
from regrad.codemods.engine.layout import Block, CannotMove, Group, Layout
from regrad.codemods.engine.page import Page
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


@dataclass(frozen=True, eq=False)
class _Insertion:
    slot: int
    """The index of the statement before which it goes."""
    follows: bool
    """Whether it stays with the statement above it, rather than with the one below."""
    at_end: bool
    render: Callable[[str], list[str]]
    """The lines for a given indentation."""


@dataclass(frozen=True, eq=False)
class _Removal:
    operation: int
    number: int
    """Where the statement stands among those of its operation."""
    comments: bool
    """Whether the statement's comments go with it."""


class Rewrite:
    """Collects the changes of one file and gives them as edits."""

    def __init__(self, source: SourceFile, tree: ast.Module) -> None:
        self.tree = tree
        self._file = source
        self._source = source = with_last_break(source)
        self._layout = Layout(source, tree)
        self._operations = 0
        self._removed: dict[int, _Removal] = {}
        self._insertions: dict[int, list[_Insertion]] = {}
        self._blocks: dict[int, Block] = {}
        self._replaced: list[tuple[int, int, str]] = []
        self._text = Reindented(self._layout, self._replaced)
        self._unwrapped: dict[int, ast.With | ast.AsyncWith] = {}
        self._drop_empty: set[int] = set()
        self._dropped: set[int] = set()
        self._parents: dict[int, tuple[ast.AST, str]] | None = None

    # What shall happen

    def move(self, statements: Sequence[ast.stmt], place: Place, *, drop_empty: bool = False) -> None:
        """Moves whole statements, in the given order, to `place`.

        A block that is left empty gets a `pass`; a `with` that is left empty goes altogether if `drop_empty`.
        """
        self._take(statements, comments=True)
        operation = self._operations
        self._put(place, lambda indent: self._moved(statements, indent, operation), taken=statements)
        if drop_empty:
            self._drop_empty.update(id(self._layout.place(statement)[0].owner) for statement in statements)

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
            self._touch(self._layout.place(statement)[0])
            if drop_empty:
                self._drop_empty.add(id(self._layout.place(statement)[0].owner))

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
            return [*indented(header, indent), *lines, *self._moved(statements, inner, operation), *last]

        self._put(place or before(statements[0]), render, taken=() if place is None else statements)

    def unwrap(self, owner: ast.With | ast.AsyncWith) -> None:
        """Puts the body of a `with` in its place."""
        self._operations += 1
        self._unwrapped[id(owner)] = owner
        self._touch(self._layout.place(owner)[0])

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
            text = parenthesised(node, *self._parent_places()[id(node)], text)
            start, end = with_own_parentheses(self._source, start, end, text)
        if any(one[0] < end and start < one[1] for one in self._replaced):
            raise CannotMove("one expression would be replaced twice")
        self._replaced.append((start, end, text))

    def edits(self) -> tuple[Edit, ...]:
        """The edits, in file order; raises `CannotMove` where the changes get in each other's way."""
        page = Page(self._layout)
        for block in list(self._blocks.values()):
            if self._can_drop(block):
                self._dropped.add(id(block.owner))
                self._touch(self._layout.place(_with(block.owner))[0])
        for block in self._blocks.values():
            if id(block.owner) not in self._dropped:
                self._plan(block, page)
        found = page.edits()
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
            if id(statement) in self._removed:
                raise CannotMove("one statement would be moved twice")
            self._removed[id(statement)] = _Removal(self._operations, number, comments)
            self._touch(self._layout.place(statement)[0])

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
        for owner in self._owners(block):
            if any(owner is statement for statement in taken):
                raise CannotMove("a statement cannot be moved into itself")
        insertion = _Insertion(slot, follows, place.kind == "end", render)
        self._touch(block)
        self._insertions.setdefault(id(block), []).append(insertion)

    def _touch(self, block: Block) -> None:
        self._blocks[id(block)] = block

    def _owners(self, block: Block) -> Iterable[ast.AST]:
        owner = block.owner
        while True:
            yield owner
            if not isinstance(owner, ast.stmt):
                parent = self._parent(owner)
                if parent is None:
                    return
                owner = parent
                continue
            owner = self._layout.place(owner)[0].owner

    def _parent(self, node: ast.AST) -> ast.AST | None:
        return self._parent_places().get(id(node), (None, ""))[0]

    def _parent_places(self) -> dict[int, tuple[ast.AST, str]]:
        if self._parents is None:
            self._parents = {}
            waiting: list[ast.AST] = [self._layout.tree]
            while waiting:
                node = waiting.pop()
                for field, value in ast.iter_fields(node):
                    for child in value if isinstance(value, list) else [value]:
                        if isinstance(child, ast.AST):
                            self._parents[id(child)] = (node, field)
                            waiting.append(child)
        return self._parents

    def _refuse_elif(self, statement: ast.stmt) -> None:
        if self._layout.is_elif(statement):
            raise CannotMove("an `elif` is no statement of its own")

    # Planning

    def _plan(self, block: Block, page: Page) -> None:
        insertions = self._insertions.get(id(block), [])
        if any(id(owner) in self._removed or id(owner) in self._unwrapped for owner in self._owners(block)):
            raise CannotMove("a block would be changed while it is moved")
        if not block.statements:
            for insertion in insertions:
                page.insert(0, "".join(line + "\n" for line in insertion.render("")))
            return
        indent = self._layout.indent(block)
        groups = self._layout.groups(block)
        removed = {
            index
            for index, each in enumerate(block.statements)
            if id(each) in self._removed or id(each) in self._dropped
        }
        lonely_pass = bool(insertions) and not removed and len(block.statements) == 1
        lonely_pass = lonely_pass and isinstance(block.statements[0], ast.Pass)
        empty = len(removed) == len(block.statements) and not insertions and not block.is_module
        if lonely_pass:
            self._removed[id(block.statements[0])] = _Removal(0, 0, comments=False)
            removed = {0}
        for group in groups:
            own = [index for index in group.indices if index in removed]
            inner = [
                each for each in insertions if group.indices.start < each.slot < group.indices.stop or group.inline
            ]
            whole = len(own) == len(group.indices)
            unwrapped = [each for each in group.statements if id(each) in self._unwrapped]
            if unwrapped:
                page.replace(
                    group.first, self._layout.bottom(group), self._text.body_of(self._unwrapped[id(unwrapped[0])])
                )
            elif inner or (own and not whole) or (own and group.inline):
                self._render_shared(group, removed, inner, indent, empty, page)
            elif whole:
                self._delete(group, page)
        for group in groups:
            # A comment between two statements that move together moves with them, and so do blank lines.
            following = group.indices.stop
            if following < len(block.statements) and self._adjacent(
                block.statements[following - 1], block.statements[following]
            ):
                next_group = next(each for each in groups if each.indices.start == following)
                page.delete(range(self._layout.bottom(group) + 1, self._layout.top(next_group)))
        if empty and not groups[0].inline:
            page.put_in_place(groups[0], [indent + "pass"], first=False)
        for insertion in sorted(insertions, key=lambda each: (each.slot, not each.follows)):
            self._place_insertion(insertion, groups, removed, indent, page)

    def _place_insertion(
        self, insertion: _Insertion, groups: list[Group], removed: set[int], indent: str, page: Page
    ) -> None:
        slot = insertion.slot
        above = next((each for each in groups if slot - 1 in each.indices), None)
        below = next((each for each in groups if slot in each.indices), None)
        if (above is not None and above is below) or groups[0].inline:
            return
        lines = insertion.render(indent)
        use_above = above is not None and (insertion.follows or below is None)
        neighbour = above if use_above else below
        if neighbour is None:
            raise CannotMove("there is no place to move to")
        if all(index in removed for index in neighbour.indices):
            page.put_in_place(neighbour, lines, first=not use_above)
        elif use_above:
            line = self._layout.bottom(neighbour)
            while (
                insertion.at_end and self._layout.is_comment(line + 1) and not self._layout.is_fixed_comment(line + 1)
            ):
                if self._layout.indent_of(line + 1) != indent or not indent:
                    break
                line += 1
            page.insert(self._layout.line_end(line), "".join("\n" + each for each in lines))
        else:
            page.insert(self._layout.line_start(self._layout.top(neighbour)), "".join(each + "\n" for each in lines))

    def _delete(self, group: Group, page: Page) -> None:
        layout = self._layout
        bottom = layout.bottom(group) + 1
        if id(group.statements[0]) in self._dropped:
            page.take(group, range(group.first, bottom), [])
        elif all(self._removed[id(each)].comments for each in group.statements):
            page.take(group, range(layout.top(group), bottom), [])
        else:
            comment = layout.tail(group).lstrip(" \t;")
            kept = [layout.indent_of(group.first) + comment] if comment else []
            page.take(group, range(group.first, bottom), kept)

    def _can_drop(self, block: Block) -> bool:
        """Whether this is the body of a `with` that is left empty and can go without losing anything."""
        layout, owner = self._layout, block.owner
        if not isinstance(owner, ast.With | ast.AsyncWith) or id(owner) not in self._drop_empty:
            return False
        removals = [self._removed.get(id(statement)) for statement in block.statements]
        if self._insertions.get(id(block)) or not all(removal and removal.comments for removal in removals):
            return False
        parent, index = layout.place(owner)
        own = next(each for each in layout.groups(parent) if index in each.indices)
        leaving: set[int] = {owner.lineno}
        for group in layout.groups(block):
            leaving.update(range(layout.top(group), layout.bottom(group) + 1))
        lines = range(own.first, layout.bottom(own) + 1)
        header = range(own.first, layout.header_end(owner) + 1)
        if not layout.groups(block)[0].inline:
            if comments_between(layout, header.start, header.stop - 1):
                return False
            leaving.update(header)
        return all(line in leaving or layout.is_blank(line) for line in lines)

    def _render_shared(
        self, group: Group, removed: set[int], inner: list[_Insertion], indent: str, empty: bool, page: Page
    ) -> None:
        """A line that several statements, or a header and its body, share."""
        layout = self._layout
        lines: list[str] = []
        run: list[str] = []
        remaining = [index for index in group.indices if index not in removed]

        def flush() -> None:
            if run:
                lines.append(indent + "; ".join(run))
                run.clear()

        for index in (*group.indices, group.indices.stop):
            for insertion in sorted(inner, key=lambda each: not each.follows):
                if insertion.slot == index:
                    flush()
                    lines.extend(insertion.render(indent))
            if index in remaining:
                run.append(self._text.segment(group.block.statements[index]))
                if index == group.indices.stop - 1:
                    run[-1] += layout.tail(group)
        last = group.statements[-1]
        end = layout.line_end(group.last) if group.indices.stop - 1 in remaining else layout.end(last)
        tail = layout.tail(group).lstrip(" \t;")
        takes_tail = id(last) in self._removed and not remaining and self._removed[id(last)].comments
        if inner or not group.inline:
            flush()
        # A comment that stays behind cannot follow a line that came in with a comment of its own.
        left = bool(tail) and group.indices.stop - 1 not in remaining and not takes_tail
        crowded = left and bool(lines) and "#" in lines[-1]
        if not group.inline:
            if crowded:
                lines.insert(0, indent + tail)
                end = layout.line_end(group.last)
            page.change(layout.line_start(group.first), end, "\n".join(lines))
            return
        start = self._source.text.rindex(":", 0, layout.start(group.statements[0])) + 1
        if inner:
            comment = f"  {tail}" if tail and (crowded or not remaining) and not takes_tail else ""
            line_end = layout.line_end(group.last) if takes_tail or comment else end
            page.change(start, line_end, comment + "".join("\n" + line for line in lines))
        else:
            text = " " + ("; ".join(run) if run else "pass")
            page.change(start, layout.line_end(group.last) if takes_tail and empty else end, text)

    # Rendering

    def _adjacent(self, one: ast.stmt, other: ast.stmt) -> bool:
        """Whether two statements are moved together, so that what stands between them moves too."""
        first, second = self._removed.get(id(one)), self._removed.get(id(other))
        if first is None or second is None or not first.comments:
            return False
        if first.operation != second.operation or first.number + 1 != second.number:
            return False
        layout = self._layout
        block, index = layout.place(one)
        other_block, other_index = layout.place(other)
        if block is not other_block or other_index != index + 1:
            return False
        groups = layout.groups(block)
        above = next(each for each in groups if index in each.indices)
        below = next(each for each in groups if other_index in each.indices)
        if above is below or self._shared(above) or self._shared(below):
            return False
        between = range(layout.bottom(above) + 1, layout.top(below))
        return not any(layout.is_fixed_comment(line) for line in between)

    def _shared(self, group: Group) -> bool:
        return len(group.indices) > 1 or group.inline or self._layout.tail(group).lstrip().startswith(";")

    def _moved(self, statements: Sequence[ast.stmt], indent: str, operation: int) -> list[str]:
        layout = self._layout
        lines: list[str] = []
        for number, statement in enumerate(statements):
            block, index = layout.place(statement)
            group = next(each for each in layout.groups(block) if index in each.indices)
            if self._shared(group):
                rendered = self._text.bare(statement, indent)
                whole = all(
                    (removal := self._removed.get(id(each))) is not None and removal.operation == operation
                    for each in group.statements
                )
                comment = layout.tail(group).lstrip(" \t;")
                if whole and comment and statement is group.statements[-1]:
                    rendered[-1] += f"  {comment}"
                top = range(layout.top(group), group.first)
                if whole and statement is group.statements[0] and not group.inline:
                    rendered = [indent + layout.lines[line - 1].strip() for line in top] + rendered
                lines.extend(rendered)
                continue
            top_line, bottom = layout.top(group), layout.bottom(group)
            if number and self._adjacent(statements[number - 1], statement):
                above = next(each for each in layout.groups(block) if index - 1 in each.indices)
                top_line = layout.bottom(above) + 1
            lines.extend(self._text.lines(top_line, bottom, layout.indent_of(group.first), indent))
        return lines


def _with(owner: ast.AST) -> ast.stmt:
    if not isinstance(owner, ast.stmt):
        raise CannotMove("there is no statement around the block")
    return owner


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
