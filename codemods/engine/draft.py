"""The draft of a rewrite: what shall happen to statements, drawn up block by block as lines that go, come and stay."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from regrad.codemods.engine.indentation import Reindented, comments_between
from regrad.codemods.engine.layout import Block, CannotMove, Group, Layout
from regrad.codemods.engine.page import Page


@dataclass(frozen=True, eq=False)
class Insertion:
    slot: int
    """The index of the statement before which it goes."""
    follows: bool
    """Whether it stays with the statement above it, rather than with the one below."""
    at_end: bool
    render: Callable[[str], list[str]]
    """The lines for a given indentation."""


@dataclass(frozen=True, eq=False)
class Removal:
    operation: int
    number: int
    """Where the statement stands among those of its operation."""
    comments: bool
    """Whether the statement's comments go with it."""


@dataclass(frozen=True, eq=False)
class Wishes:
    """All that shall happen to one file, by the identities of blocks and statements; grows until it is drawn up."""

    removed: dict[int, Removal] = field(default_factory=dict)
    insertions: dict[int, list[Insertion]] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)
    """Those in which something happens."""
    unwrapped: dict[int, ast.With | ast.AsyncWith] = field(default_factory=dict)
    drop_empty: set[int] = field(default_factory=set)
    """The `with` statements that go if nothing is left in them."""

    def touch(self, block: Block) -> None:
        self.blocks[id(block)] = block


class Draft:
    """Draws the wishes up on a page."""

    def __init__(self, layout: Layout, wishes: Wishes, text: Reindented) -> None:
        self._layout = layout
        self._wishes = wishes
        self._text = text
        self._source = layout.source
        self._dropped: set[int] = set()

    def page(self) -> Page:
        """The page with everything on it; raises `CannotMove` where the wishes get in each other's way."""
        page = Page(self._layout)
        for block in list(self._wishes.blocks.values()):
            if self._can_drop(block):
                self._dropped.add(id(block.owner))
                self._wishes.touch(self._layout.place(_with(block.owner))[0])
        for block in self._wishes.blocks.values():
            if id(block.owner) not in self._dropped:
                self._plan(block, page)
        return page

    def owners(self, block: Block) -> Iterable[ast.AST]:
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
        return self._layout.parent_places.get(id(node), (None, ""))[0]

    def _plan(self, block: Block, page: Page) -> None:
        insertions = self._wishes.insertions.get(id(block), [])
        if any(
            id(owner) in self._wishes.removed or id(owner) in self._wishes.unwrapped for owner in self.owners(block)
        ):
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
            if id(each) in self._wishes.removed or id(each) in self._dropped
        }
        lonely_pass = bool(insertions) and not removed and len(block.statements) == 1
        lonely_pass = lonely_pass and isinstance(block.statements[0], ast.Pass)
        empty = len(removed) == len(block.statements) and not insertions and not block.is_module
        if lonely_pass:
            self._wishes.removed[id(block.statements[0])] = Removal(0, 0, comments=False)
            removed = {0}
        for group in groups:
            own = [index for index in group.indices if index in removed]
            inner = [
                each for each in insertions if group.indices.start < each.slot < group.indices.stop or group.inline
            ]
            whole = len(own) == len(group.indices)
            unwrapped = [each for each in group.statements if id(each) in self._wishes.unwrapped]
            if unwrapped:
                page.replace(
                    group.first,
                    self._layout.bottom(group),
                    self._text.body_of(self._wishes.unwrapped[id(unwrapped[0])]),
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
        self, insertion: Insertion, groups: list[Group], removed: set[int], indent: str, page: Page
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
        elif all(self._wishes.removed[id(each)].comments for each in group.statements):
            page.take(group, range(layout.top(group), bottom), [])
        else:
            comment = layout.tail(group).lstrip(" \t;")
            kept = [layout.indent_of(group.first) + comment] if comment else []
            page.take(group, range(group.first, bottom), kept)

    def _can_drop(self, block: Block) -> bool:
        """Whether this is the body of a `with` that is left empty and can go without losing anything."""
        layout, owner = self._layout, block.owner
        if not isinstance(owner, ast.With | ast.AsyncWith) or id(owner) not in self._wishes.drop_empty:
            return False
        removals = [self._wishes.removed.get(id(statement)) for statement in block.statements]
        if self._wishes.insertions.get(id(block)) or not all(removal and removal.comments for removal in removals):
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
        self, group: Group, removed: set[int], inner: list[Insertion], indent: str, empty: bool, page: Page
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
        takes_tail = id(last) in self._wishes.removed and not remaining and self._wishes.removed[id(last)].comments
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
        first, second = self._wishes.removed.get(id(one)), self._wishes.removed.get(id(other))
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

    def moved(self, statements: Sequence[ast.stmt], indent: str, operation: int) -> list[str]:
        layout = self._layout
        lines: list[str] = []
        for number, statement in enumerate(statements):
            block, index = layout.place(statement)
            group = next(each for each in layout.groups(block) if index in each.indices)
            if self._shared(group):
                rendered = self._text.bare(statement, indent)
                whole = all(
                    (removal := self._wishes.removed.get(id(each))) is not None and removal.operation == operation
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
