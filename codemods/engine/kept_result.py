"""A function that keeps what its first call computed, by `functools.cache` and its like: no later tape sees it made."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.frames import Frame
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.codemods.engine.imports import remove_import
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit

_ASKING = frozenset({"cache_clear", "cache_info", "cache_parameters", "__wrapped__"})
_KEEPING = ("cache", "lru_cache", "cached_property")


class Kept(NamedTuple):
    """The function, and the decorator that keeps its result."""

    function: ast.FunctionDef | ast.AsyncFunctionDef
    decorator: ast.expr
    path: str


def kept_result(program: Program, frame: Frame | None) -> Kept | None:
    """The function on the way to this frame that ran for its first call only."""
    while frame is not None:
        function = frame.function
        if function is not None and function.decorated(*_KEEPING) and not isinstance(function.node, ast.Lambda):
            for decorator in function.node.decorator_list:
                if _name(decorator) in _KEEPING:
                    return Kept(function.node, decorator, frame.path)
        frame = frame.caller
    return None


def _name(decorator: ast.expr) -> str:
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def computed_each_time(program: Program, kept: Kept) -> tuple[Edit, ...]:
    """The edits by which every call computes the result; raises `CannotMove` where the file asks the cache itself."""
    source, tree = program.files[kept.path], program.trees[kept.path]
    if any(node.attr in _ASKING for node in program.nodes_of(kept.path, ast.Attribute)):
        raise CannotMove("the program asks after what was kept, or clears it, at other places")
    span = source.span(kept.decorator)
    root = next((node.id for node in ast.walk(kept.decorator) if isinstance(node, ast.Name)), "")
    unused = remove_import(source, tree, root, [kept.decorator])
    if _name(kept.decorator) == "cached_property":
        return (Edit(kept.path, span, "property"), *unused)
    start = source.text.rindex("@", 0, source.offset(span.start))
    end = source.text.index("\n", source.offset(span.end)) + 1
    indentation = len(source.text[:start]) - len(source.text[:start].rstrip(" \t"))
    rest = source.text[source.offset(span.end) : end].strip()
    if rest:
        raise CannotMove("a comment stands beside the decorator")
    whole = Span(source.position(start - indentation), source.position(end))
    return (Edit(kept.path, whole, ""), *unused)
