"""The parameters of a function: in the order in which a call fills them, and what they stand for by default."""

from __future__ import annotations

import ast


def positional(given: ast.arguments) -> list[ast.arg]:
    """Those that a call can fill by position."""
    return [*given.posonlyargs, *given.args]


def positional_names(given: ast.arguments) -> list[str]:
    return [each.arg for each in positional(given)]


def named(given: ast.arguments) -> list[ast.arg]:
    """All that have a name of their own, by position or by keyword; `*rest` and `**options` are none."""
    return [*positional(given), *given.kwonlyargs]


def every(given: ast.arguments) -> list[ast.arg]:
    return [*named(given), *filter(None, (given.vararg, given.kwarg))]


def defaults(given: ast.arguments) -> dict[str, ast.expr]:
    """What each parameter stands for that a call leaves out."""
    found = dict(zip(reversed(positional_names(given)), reversed(given.defaults), strict=False))
    found |= {
        each.arg: value for each, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value is not None
    }
    return found
