"""Moving code: whole statements from block to block, in and out of a `with`, with their comments and their layout.

A `Rewrite` collects what shall happen to one file and then gives the edits; all places are those of the file as it is.
The functions at the end are for rules that do one thing only. What cannot be done without harm raises `CannotMove`.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from regrad.analysis.location import Span
from regrad.analysis.source import SourceFile, decode
from regrad.codemods.engine.layout import Block, CannotMove, Group, Layout
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

_BEFORE_OPERAND = frozenset("=+-*/%@<>&|^~,([{:")
_SIMPLE = (
    ast.Name,
    ast.Constant,
    ast.Call,
    ast.Attribute,
    ast.Subscript,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.JoinedStr,
)
"""Expressions that need parentheses nowhere (a number before a dot apart)."""


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
        self._source = source
        self._layout = Layout(source, tree)
        self._operations = 0
        self._removed: dict[int, _Removal] = {}
        self._insertions: dict[int, list[_Insertion]] = {}
        self._blocks: dict[int, Block] = {}
        self._replaced: list[tuple[int, int, str]] = []
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
        self._put(place, lambda indent: [line for each in statements for line in self._bare(each, indent)])

    def insert(self, text: str, place: Place) -> None:
        """Puts new statements at `place`; the lines of `text` are indented as the block is."""
        self._operations += 1
        self._put(place, lambda indent: _indented(text, indent))

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
            lines = _indented(lead, inner) if lead else []
            last = _indented(tail, inner) if tail else []
            return [*_indented(header, indent), *lines, *self._moved(statements, inner, operation), *last]

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
            text = "\n".join(_indented(text, indent))[len(indent) :]
        else:
            self._refuse_inexact(node)
            text = self._parenthesised(node, text)
            start, end = self._without_parentheses(start, end, text)
        if any(one[0] < end and start < one[1] for one in self._replaced):
            raise CannotMove("one expression would be replaced twice")
        self._replaced.append((start, end, text))

    def edits(self) -> tuple[Edit, ...]:
        """The edits, in file order; raises `CannotMove` where the changes get in each other's way."""
        page = _Page(self._layout)
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
        position = self._source.position
        return tuple(
            Edit(self._source.path, Span(position(start), position(end)), text)
            for start, end, text in found
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

    def _refuse_inexact(self, node: ast.expr) -> None:
        text = self._source.text[self._layout.start(node) : self._layout.end(node)]
        try:
            found = ast.parse(f"({text}\n)", mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            found = None
        if found is None or _dump(found) != _dump(node):
            raise CannotMove("the place of the expression is not known exactly (inside an f-string?)")

    def _parenthesised(self, node: ast.expr, text: str) -> str:
        if isinstance(node, ast.GeneratorExp):
            return f"({text})"
        text = text.strip()
        try:
            new = ast.parse(f"({text}\n)", mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise CannotMove(f"`{text}` is no expression") from None
        parent, field = self._parent_places()[id(node)]
        # An expression whose own place is not where `text` starts has brought its parentheses along.
        starts = 0 if isinstance(new, ast.Tuple | ast.GeneratorExp) else 1
        if new.lineno > 1 or new.col_offset > starts:
            return text
        if not _same(text, new):
            return f"({text})"
        if isinstance(new, _SIMPLE):
            return f"({text})" if isinstance(new, ast.Constant) and isinstance(parent, ast.Attribute) else text
        free = (
            isinstance(
                parent, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Expr | ast.keyword | ast.Lambda
            )
            or (isinstance(parent, ast.Call) and field == "args")
            or (isinstance(parent, ast.List | ast.Tuple | ast.Set) and field == "elts")
            or (isinstance(parent, ast.If | ast.While) and field == "test")
        )
        plain = isinstance(new, ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp | ast.IfExp | ast.Lambda)
        return text if free and plain else f"({text})"

    def _without_parentheses(self, start: int, end: int, text: str) -> tuple[int, int]:
        """The place with the parentheses around it, where the new text is in one piece and needs none."""
        written = self._source.text
        if written[start - 1 : start] != "(" or written[end : end + 1] != ")":
            return start, end
        line = max(written.rfind("\n", 0, start), written.rfind("\r", 0, start)) + 1
        # Behind a name, a closing bracket or a string they are those of a call.
        if written[line : start - 1].rstrip(" \t")[-1:] not in _BEFORE_OPERAND:
            return start, end
        new = ast.parse(f"({text}\n)", mode="eval").body
        return (start - 1, end + 1) if isinstance(new, _SIMPLE) and not text.startswith("(") else (start, end)

    # Planning

    def _plan(self, block: Block, page: _Page) -> None:
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
                page.replace(group.first, self._layout.bottom(group), self._body_of(self._unwrapped[id(unwrapped[0])]))
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
        self, insertion: _Insertion, groups: list[Group], removed: set[int], indent: str, page: _Page
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

    def _delete(self, group: Group, page: _Page) -> None:
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
            if _comments_between(layout, header.start, header.stop - 1):
                return False
            leaving.update(header)
        return all(line in leaving or layout.is_blank(line) for line in lines)

    def _render_shared(
        self, group: Group, removed: set[int], inner: list[_Insertion], indent: str, empty: bool, page: _Page
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
                run.append(self._segment(group.block.statements[index]))
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
                rendered = self._bare(statement, indent)
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
            lines.extend(self._lines(top_line, bottom, layout.indent_of(group.first), indent))
        return lines

    def _lines(self, first: int, last: int, old: str, new: str) -> list[str]:
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

    def _bare(self, statement: ast.stmt, indent: str) -> list[str]:
        """The statement alone, without comments around it."""
        old = self._layout.indent_of(self._layout.first_line(statement))
        start, end = self._layout.start(statement), self._layout.end(statement)
        return (indent + self._between(start, end, old, indent)).split("\n")

    def _segment(self, statement: ast.stmt) -> str:
        return self._between(self._layout.start(statement), self._layout.end(statement), "", "")

    def _body_of(self, owner: ast.With | ast.AsyncWith) -> list[str]:
        layout = self._layout
        block = layout.body(owner)
        indent = layout.indent_of(layout.first_line(owner))
        groups = layout.groups(block)
        if groups[0].inline:
            comment = layout.tail(groups[0]).lstrip(" \t;")
            lines = [line for each in block.statements for line in self._bare(each, indent)]
            lines[-1] += f"  {comment}" if comment else ""
            return lines
        parent, index = layout.place(owner)
        own = next(each for each in layout.groups(parent) if index in each.indices)
        header = layout.header_end(owner)
        comments = [indent + text for text in _comments_between(layout, owner.lineno, header)]
        return comments + self._lines(header + 1, layout.bottom(own), layout.indent(block), indent)

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


class _Page:
    """The lines and characters of one file that go, come and are replaced, and the blank lines left tidy."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._deleted: set[int] = set()
        self._in_place: dict[range, list[str]] = {}
        self._taken: dict[int, range] = {}
        self._changes: list[tuple[int, int, str]] = []

    def insert(self, offset: int, text: str) -> None:
        self._changes.append((offset, offset, text))

    def change(self, start: int, end: int, text: str) -> None:
        self._changes.append((start, end, text))

    def delete(self, lines: range) -> None:
        self._deleted.update(lines)

    def replace(self, first: int, last: int, lines: list[str]) -> None:
        self._in_place[range(first, last + 1)] = lines

    def take(self, group: Group, lines: range, kept: list[str]) -> None:
        """The group's lines go; `kept` stays in their place."""
        self._taken[id(group)] = lines
        if kept:
            self._in_place[lines] = kept
        else:
            self._deleted.update(lines)

    def put_in_place(self, group: Group, lines: list[str], *, first: bool) -> None:
        """New lines where the lines of a group that goes have been."""
        taken = self._taken[id(group)]
        present = self._in_place.setdefault(taken, [])
        self._deleted.difference_update(taken)
        present[:] = [*lines, *present] if first and not present else [*present, *lines]

    def edits(self) -> list[tuple[int, int, str]]:
        layout = self._layout
        runs = self._runs()
        edits: list[tuple[int, int, str]] = []
        for start, end, text in self._changes:
            place = self._above(start, runs) if start == end else start
            edits.append((place, place if start == end else end, text))
        for lines, new in self._in_place.items():
            edits.append((layout.line_start(lines.start), layout.line_end(lines.stop - 1), "\n".join(new)))
        return [*edits, *((start, end, "") for start, end in runs)]

    def _runs(self) -> list[tuple[int, int]]:
        """What goes, in characters."""
        layout = self._layout
        runs: list[tuple[int, int]] = []
        for first, last in self._tidied():
            if last < len(layout.lines):
                runs.append((layout.line_start(first), layout.source.starts[last]))
            else:
                # Without a line break at its end, the file keeps none.
                start = layout.line_end(first - 1) if first > 1 else layout.line_start(first)
                runs.append((start, layout.line_end(last)))
        return runs

    def _above(self, offset: int, runs: list[tuple[int, int]]) -> int:
        """The place of an insertion; what would follow a line that goes follows the line above it."""
        for start, end in runs:
            if start < offset < end:
                return self._layout.line_end(self._layout.source.position(start).line - 1)
        return offset

    def _tidied(self) -> list[tuple[int, int]]:
        """The runs of lines that go, with the blank lines that would be too many."""
        layout = self._layout
        count = len(layout.lines)
        runs: list[tuple[int, int]] = []
        for line in sorted(self._deleted):
            if runs and all(layout.is_blank(between) for between in range(runs[-1][1] + 1, line)):
                runs[-1] = (runs[-1][0], line)
            else:
                runs.append((line, line))
        tidied: list[tuple[int, int]] = []
        for first, last in runs:
            above, below = first - 1, last + 1
            while layout.is_blank(above):
                above -= 1
            # The empty line that `split` finds after a final line break is no line.
            while layout.is_blank(below) and below <= count - (not layout.lines[-1]):
                below += 1
            before, after = first - 1 - above, below - 1 - last
            code = next(line for line in range(first, last + 1) if not layout.is_blank(line))
            indent = len(layout.indent_of(code))
            at_file_end = below > count - (not layout.lines[-1])
            if above == 0 or len(layout.indent_of(above)) < indent:
                last += after
            elif at_file_end or len(layout.indent_of(below)) < indent:
                first -= before
            else:
                last += min(before, after)
            tidied.append((first, last))
        return tidied


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


def _indented(text: str, indent: str) -> list[str]:
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


def _comments_between(layout: Layout, first: int, last: int) -> list[str]:
    text = "\n".join(layout.lines[first - 1 : last]).lstrip() + "\n    pass\n"
    return [
        token.string for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
    ]


def _dump(node: ast.AST) -> str:
    return ast.dump(node).replace("Store()", "Load()").replace("Del()", "Load()")


def _same(text: str, node: ast.expr) -> bool:
    """Whether the text means the same without parentheses around it."""
    try:
        return _dump(ast.parse(text, mode="eval").body) == _dump(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


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
