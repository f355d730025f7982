"""Whether a mistake is shown on purpose: the program expects the error, or does the same thing right beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.program import Program
from regrad.analysis.values import Tape


def expected(program: Program, node: ast.AST, path: str, *errors: str) -> bool:
    """Whether a place stands in a `try` that catches one of these errors by its name."""
    parents = program.parents(path)
    child: ast.AST = node
    current = parents.get(node)
    while current is not None:
        if isinstance(current, ast.Try) and any(child is statement for statement in current.body):
            caught = (handler.type for handler in current.handlers if handler.type is not None)
            if any(isinstance(part, ast.Name) and part.id in errors for each in caught for part in ast.walk(each)):
                return True
        child, current = current, parents.get(current)
    return False


def also_persistent(program: Program, tape: Tape) -> bool:
    """Whether the same lines stand under a persistent tape as well, as a lesson has them."""
    return any(
        _text(body) == _text(other) and _has_keyword(call, "persistent") for body, other, call in _beside(program, tape)
    )


def also_watched(program: Program, tape: Tape) -> bool:
    """Whether the same lines stand under a tape that watches as well, as a lesson has them."""
    for body, other, _ in _beside(program, tape):
        plain = [statement for statement in other if not _watches(statement)]
        if len(plain) < len(other) and _text(plain) == _text(body):
            return True
    return False


def _beside(program: Program, tape: Tape) -> Iterator[tuple[list[ast.stmt], list[ast.stmt], ast.Call]]:
    """The lines under a tape at the top level of its file, with those under each other tape there."""
    if tape.frame is None or tape.frame.function is not None:
        return
    blocks = [
        (statement.body, item.context_expr)
        for statement in program.trees[tape.frame.path].body
        if isinstance(statement, ast.With)
        for item in statement.items
        if isinstance(item.context_expr, ast.Call)
    ]
    own = next((body for body, call in blocks if call is tape.node), None)
    if own is not None:
        yield from ((own, body, call) for body, call in blocks if call is not tape.node)


def _text(body: list[ast.stmt]) -> list[str]:
    return [ast.dump(statement) for statement in body]


def _has_keyword(call: ast.Call, name: str) -> bool:
    return any(keyword.arg == name for keyword in call.keywords)


def _watches(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Attribute)
        and statement.value.func.attr == "watch"
    )
