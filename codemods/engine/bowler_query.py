"""Rules as Bowler queries: the query runs in memory over one file's text, and what it changes becomes our edits.

Bowler writes nothing here, and of its output only the text is taken: it parses neither `match` nor the newer f-strings,
makes LF of CRLF and loses hunks at the end of a file without a line break. So the text is handed to it with plain line
breaks, what it gives back for an unchanged tree must be that text, and only the characters that differ become edits.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, NamedTuple

from regrad.analysis.location import Location, Position, Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, NotAnalysable, Rule, Safety, Withheld

if TYPE_CHECKING:
    from bowler import Query
    from regrad.analysis.program import Program

_BREAK = re.compile(r"\r\n|\r")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_OPTIONS = {"print_function": True}
"""Without it `print` would be a statement."""
INSTALL = 'Bowler is needed for it: python -m pip install "regrad[bowler]"'

QueryOf = Callable[["Query"], "Query"]
"""What a rule is written as: it selects, filters and modifies on the query that it is given, and returns it."""


class Match(NamedTuple):
    """One place that the query changes: where it matched, and the edits that the change comes to."""

    span: Span
    edits: tuple[Edit, ...]


def rule(
    *,
    code: str,
    name: str,
    safety: Safety,
    why: str,
    message: str,
    title: str,
    query: QueryOf,
    mentions: Sequence[str] = (),
) -> Rule:
    """A rule that reports what the query changes, with that change as its mending.

    Each match is a finding of its own, so a query's callbacks must not count on one another. `mentions` are words that
    a file must hold for the query to be run at all: Bowler's parser is some hundred times slower than a search.
    """

    def detect(program: Program) -> Iterator[Finding]:
        not_analysable: list[NotAnalysable] = []
        for path, source in sorted(program.files.items()):
            if not all(word in source.text for word in mentions):
                continue
            try:
                found = matches(source, query)
            except NotAnalysable as problem:
                not_analysable.append(problem)
                continue
            for match in found:
                yield Finding(code, name, message, Location(path, match.span), evidence=match.edits)
        # Told at the end: what was found in the other files counts.
        if not_analysable:
            raise not_analysable[0]

    def mend(program: Program, finding: Finding) -> Mendings:
        if not finding.evidence:
            return Withheld("the query names the place and changes nothing")
        return (Mending(title, safety, finding.evidence, "" if safety is Safety.SAFE else why),)

    return Rule(code, name, safety.value, why, detect, mend)


def matches(source: SourceFile, query: QueryOf) -> tuple[Match, ...]:
    """What the query changes in the file, each match alone and in the order of the text; raises `NotAnalysable`."""
    text = _BREAK.sub("\n", source.text)
    tree = _tree(source.path, text)
    places = [
        (order, index, node)
        for order, fixer in enumerate(_fixers(query))
        for index, node in enumerate(_nodes(fixer, tree))
        if fixer.accepts(node, source.path)
    ]
    found: dict[Span, Match] = {}
    for order, index, node in places:
        # A fresh tree and a fresh query each time: a callback may leave its mark on either.
        changed = tree.clone()
        changed.future_features = tree.future_features
        fixer = _fixers(query)[order]
        fixer.change(_nodes(fixer, changed)[index], source.path)
        edits = tuple(_edits(source.path, text, _written(changed, text)))
        if edits:
            span = _span(node)
            found.setdefault(span, Match(span, edits))
    return tuple(found[span] for span in sorted(found))


class _Fixer(NamedTuple):
    """One selector of a query, with its filters apart from its callbacks."""

    fixer: Any
    filters: tuple[Callable[..., bool], ...]

    def accepts(self, node: Any, path: str) -> bool:
        capture = self.fixer.match(node)
        return bool(capture) and all(each(node, capture, path) for each in self.filters)

    def change(self, node: Any, path: str) -> None:
        capture = self.fixer.match(node)
        self.fixer.filename = path
        new = self.fixer.transform(node, capture)
        if new is not None and new is not node:
            node.replace(new)


def _fixers(query: QueryOf) -> list[_Fixer]:
    from bowler import Query

    made = query(Query())
    found = []
    for transform, fixer in zip(made.transforms, made.compile(), strict=True):
        # The fixer keeps its own list of filters; asked once more, it gives the same answer.
        found.append(_Fixer(fixer(_OPTIONS, []), tuple(transform.filters)))
    return found


def _nodes(fixer: _Fixer, tree: Any) -> list[Any]:
    return list(tree.pre_order() if fixer.fixer.order == "pre" else tree.post_order())


def _tree(path: str, text: str) -> Any:
    """Bowler's tree of the text, after libcst has read it."""
    try:
        from fissix import pygram, pytree
        from fissix.pgen2.driver import Driver
        from fissix.pgen2.parse import ParseError
        from fissix.pgen2.tokenize import TokenError
    except ImportError:
        raise NotAnalysable(path, INSTALL) from None
    _require_libcst(path, text)
    # Its grammar knows no last line without a break; the break is taken off again.
    whole = text if text.endswith("\n") else text + "\n"
    try:
        tree = Driver(pygram.python_grammar_no_print_and_exec_statement, convert=pytree.convert).parse_string(whole)
    except (ParseError, TokenError, IndentationError, RecursionError) as problem:
        line = _line_of(problem)
        where = f" at line {line}" if line else ""
        raise NotAnalysable(path, f"Bowler's grammar ends{where} (it knows Python up to 3.7)") from None
    if str(tree) != whole:
        raise NotAnalysable(path, "Bowler would not give its text back as it is")
    tree.future_features = frozenset()
    return tree


def _require_libcst(path: str, text: str) -> None:
    import libcst
    from regrad.codemods.engine.guard import fits_libcst

    try:
        if not fits_libcst(ast.parse(text)):
            raise NotAnalysable(path, "it is too deeply nested for Bowler")
        libcst.parse_module(text)
    except libcst.ParserSyntaxError as problem:
        raise NotAnalysable(path, f"libcst does not read it: {problem.message}") from None
    except (SyntaxError, ValueError, RecursionError) as problem:
        raise NotAnalysable(path, f"it is not valid Python: {problem}") from None


def _line_of(problem: Exception) -> int | None:
    """The line that a parser names in its own way: a `ParseError` in its context, a tokenizer in its arguments."""
    context = getattr(problem, "context", None)
    if isinstance(context, tuple) and len(context) == 2:
        return int(context[1][0])
    return next((int(each[0]) for each in problem.args[1:] if isinstance(each, tuple) and each), None)


def _written(tree: Any, text: str) -> str:
    written = str(tree)
    return written if text.endswith("\n") else written.removesuffix("\n")


def _span(node: Any) -> Span:
    """The node without the blanks and comments in front of it, and without the line break behind it."""
    leaves = [leaf for leaf in node.leaves() if leaf.value.strip()]
    if not leaves:
        start = Position(max(node.get_lineno(), 1), 1)
        return Span(start, start)
    first, last = leaves[0], leaves[-1]
    lines = last.value.split("\n")
    end_column = last.column + len(lines[0]) if len(lines) == 1 else len(lines[-1])
    return Span(Position(first.lineno, first.column + 1), Position(last.lineno + len(lines) - 1, end_column + 1))


def _edits(path: str, before: str, after: str) -> Iterator[Edit]:
    """The fewest characters to put in, line block by line block."""
    # Not `splitlines`: a form feed ends no line.
    old, new = _LINE.findall(before), _LINE.findall(after)
    above = _common(old, new)
    below = _common(old[above:][::-1], new[above:][::-1])
    old, new = old[above : len(old) - below], new[above : len(new) - below]
    for start, end, new_start, new_end in _blocks(old, new):
        gone, come = "".join(old[start:end]), "".join(new[new_start:new_end])
        head = _common(gone, come)
        tail = _common(gone[head:][::-1], come[head:][::-1])
        span = Span(_after(above + start + 1, gone[:head]), _after(above + start + 1, gone[: len(gone) - tail]))
        yield Edit(path, span, come[head : len(come) - tail])


def _blocks(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Where lines differ: one by one where there are as many as before, or else as `difflib` sees it."""
    if len(old) == len(new):
        # Of equal lines side by side, `difflib` might choose another than the one that was changed.
        yield from ((line, line + 1, line, line + 1) for line in range(len(old)) if old[line] != new[line])
        return
    for tag, *block in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield block[0], block[1], block[2], block[3]


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """How many elements both begin with."""
    shorter = min(len(first), len(second))
    return next((index for index in range(shorter) if first[index] != second[index]), shorter)


def _after(line: int, text: str) -> Position:
    """Where one stands after the text that begins in the first column of the line."""
    breaks = text.count("\n")
    return Position(line + breaks, len(text) - (text.rfind("\n") + 1) + 1)
