"""What every rewrite must pass: it parses, keeps the comments or is unsafe, and leaves all other bytes as they were."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from regrad.analysis.source import SourceFile, Unreadable, decode, parse
from regrad.codemods.engine.edits import Overlap, apply_all
from regrad.codemods.engine.left_undefined import left_undefined
from regrad.codemods.engine.rule import Edit, Mending, Mendings, Safety, Withheld

_DEEPEST_FOR_LIBCST = 200
"""libcst 1.9 raises from some 500 chained operators on, and brings the interpreter down at some 10,000."""
_BREAK = re.compile(r"\r\n|\r")


class Passed(NamedTuple):
    """A rewrite that may be made: the new files, and the comments that it would drop."""

    files: Mapping[str, SourceFile]
    lost_comments: tuple[str, ...]


class Refused(NamedTuple):
    """A rewrite that would do harm."""

    reason: str


def examine(files: Mapping[str, SourceFile], edits: Iterable[Edit], *, with_libcst: bool = True) -> Passed | Refused:
    """Whether the edits may be made in `files`. Without libcst, which takes its time to import, only for a report."""
    try:
        texts = apply_all(files, edits)
    except Overlap as problem:
        return Refused(str(problem))
    except KeyError as problem:
        return Refused(f"{problem.args[0]} is not part of the program")
    changed: dict[str, SourceFile] = {}
    lost: list[str] = []
    for path, text in sorted(texts.items()):
        outcome = _examine_file(files[path], text, with_libcst)
        if isinstance(outcome, Refused):
            return outcome
        undefined = left_undefined(files[path], outcome)
        if undefined:
            return Refused(f"{path}: the rewrite would use `{undefined[0]}` where it has no meaning")
        changed[path] = outcome
        if _may_lose_comments(files[path].text, text):
            lost.extend(_lost_comments(files[path].text, text))
    return Passed(changed, tuple(lost))


def settle(files: Mapping[str, SourceFile], mendings: Mendings, *, with_libcst: bool = True) -> Mendings:
    """A rule's mendings as they may be offered: what would do harm is withheld, what drops a comment is unsafe."""
    if isinstance(mendings, Withheld):
        return mendings
    offered: list[Mending] = []
    refusals: list[str] = []
    for mending in mendings:
        if mending.safety is Safety.DISPLAY_ONLY:
            offered.append(mending)
            continue
        outcome = examine(files, mending.edits, with_libcst=with_libcst)
        if isinstance(outcome, Refused):
            refusals.append(outcome.reason)
        elif not outcome.files:
            refusals.append("the rewrite would change nothing")
        elif outcome.lost_comments and mending.safety is Safety.SAFE:
            reason = f"it would drop the comment `{outcome.lost_comments[0]}`"
            reason = f"{mending.reason}; {reason}" if mending.reason else reason
            offered.append(replace(mending, safety=Safety.UNSAFE, reason=reason))
        else:
            offered.append(mending)
    if offered:
        return tuple(offered)
    return Withheld(refusals[0] if refusals else "no sound rewrite is known for this form")


def depth(tree: ast.AST) -> int:
    """How deeply the tree is nested; does not recurse."""
    deepest = 0
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting.extend((child, level + 1) for child in ast.iter_child_nodes(node))
    return deepest


def fits_libcst(tree: ast.AST) -> bool:
    """Whether libcst can be given this without danger to the process."""
    return depth(tree) <= _DEEPEST_FOR_LIBCST


def _examine_file(source: SourceFile, text: str, with_libcst: bool) -> SourceFile | Refused:
    try:
        new = decode(source.path, source.with_text(text))
        if new.text != text:
            return Refused(f"{source.path}: the rewrite would not be read back as it was written")
        tree = parse(new)
    except Unreadable as problem:
        return Refused(f"the rewrite could not be made: {problem}")
    if not with_libcst:
        return new
    first, last = _changed_lines(source.text, text)
    touched = [node for node in tree.body if _first_line(node) <= last and (node.end_lineno or node.lineno) >= first]
    touched = [node for node in touched if fits_libcst(node)]
    if touched:
        import libcst

        lines = _BREAK.sub("\n", text).split("\n")
        for node in touched:
            try:
                libcst.parse_module("\n".join(lines[_first_line(node) - 1 : node.end_lineno]) + "\n")
            except (libcst.ParserSyntaxError, RecursionError) as problem:
                reason = problem.message if isinstance(problem, libcst.ParserSyntaxError) else "nested too deeply"
                return Refused(f"{source.path}: libcst does not read the rewrite at line {node.lineno}: {reason}")
    return new


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _changed_lines(before: str, after: str) -> tuple[int, int]:
    """The first and the last line of `after` that differ from `before`, counted from both ends."""
    old, new = _BREAK.sub("\n", before).split("\n"), _BREAK.sub("\n", after).split("\n")
    shorter = min(len(old), len(new))
    first = next((number for number in range(shorter) if old[number] != new[number]), shorter)
    same_at_end = next(
        (number for number in range(shorter - first) if old[-1 - number] != new[-1 - number]), shorter - first
    )
    return first, len(new) - same_at_end + 1


def _may_lose_comments(before: str, after: str) -> bool:
    """Whether any line that goes away holds the sign of a comment; most rewrites need no look at the whole file."""
    old, new = Counter(_BREAK.sub("\n", before).split("\n")), Counter(_BREAK.sub("\n", after).split("\n"))
    return any("#" in line for line in old - new)


def _lost_comments(before: str, after: str) -> list[str]:
    return list((Counter(_comments(before)) - Counter(_comments(after))).elements())


def _comments(text: str) -> list[str]:
    if "#" not in text:
        return []
    found: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(_BREAK.sub("\n", text)).readline):
            if token.type == tokenize.COMMENT:
                found.append(token.string.strip())
    except (tokenize.TokenError, SyntaxError):
        # The tree parses, so this is tokenize's own weakness; what it saw counts.
        pass
    return found
