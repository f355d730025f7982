"""What the rules about the path share: a finding made of an ending, and the text of code with parts replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from regrad.analysis.endings import Ending
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile
from regrad.analysis.weights import names
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.rule import Finding, Related

_ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set, ast.JoinedStr)
_LONGEST = 60


def finding(program: Program, code: str, name: str, ending: Ending, says: str) -> Finding:
    """The finding for an ending; `says` follows the text of the code: "`tf.round(x)` …"."""
    text = excerpt(program, ending.node, ending.frame)
    event = ending.sink.event
    related = (Related(program.location(event.node, event.frame), "the gradient is asked for here"),)
    place = program.location(ending.node, ending.frame)
    lost = names(ending.lost)
    return Finding(code, name, f"`{text}` {says.format(lost=listed(lost))}", place, ending.kind, lost, related, ending)


def excerpt(program: Program, node: ast.AST, frame: Frame) -> str:
    """The text of a node in one line, cut to a readable length."""
    text = " ".join(program.source(node, frame.path).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def listed(variables: Sequence[str]) -> str:
    """The names of variables as a message gives them."""
    if not variables:
        return "the variables"
    if len(variables) > 4:
        return ", ".join(variables[:3]) + f" and {len(variables) - 3} more"
    return ", ".join(variables)


def text_of(source: SourceFile, node: ast.AST, replaced: Mapping[Any, str] | None = None) -> str:
    """The text of a node in which every node of `replaced` reads differently; the outermost of nested ones counts."""
    start = source.offset(source.span(node).start)
    text = source.segment(source.span(node))
    if not replaced:
        return text
    if node in replaced:
        return replaced[node]
    for inner in sorted(outermost(node, replaced), key=lambda each: source.span(each).start, reverse=True):
        span = source.span(inner)
        first, last = source.offset(span.start) - start, source.offset(span.end) - start
        text = text[:first] + replaced[inner] + text[last:]
    return text


def outermost(node: ast.AST, wanted: Iterable[ast.AST]) -> list[ast.AST]:
    """The nodes of `wanted` inside `node` that are in no other of them."""
    chosen = set(wanted)
    found: list[ast.AST] = []
    stack: list[ast.AST] = [node]
    while stack:
        current = stack.pop()
        if current in chosen:
            found.append(current)
        else:
            stack.extend(ast.iter_child_nodes(current))
    return found


def says_nothing(statement: ast.stmt | None, node: ast.AST, text: str) -> bool:
    """Whether an assignment would read `x = x` with the text in the place of the node."""
    bound = binding(statement, node)
    return bound is not None and bound.target.id == text


def operand(text: str) -> str:
    """The text of an expression as an operand of an operator: in parentheses unless it is in one piece."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        try:
            node = ast.parse(f"({text})", mode="eval").body
        except SyntaxError:
            return f"({text})"
        return f"({text})"
    return text if isinstance(node, _ATOMS) else f"({text})"


def argument(call: ast.Call, position: int, *keywords: str) -> ast.expr | None:
    """The node of an argument by its place or one of its names."""
    if position < len(call.args) and not any(isinstance(each, ast.Starred) for each in call.args[: position + 1]):
        return call.args[position]
    return next((each.value for each in call.keywords if each.arg in keywords), None)
