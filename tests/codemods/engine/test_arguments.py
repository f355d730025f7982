"""Changing the arguments of a call."""

from __future__ import annotations

import ast

import pytest
from regrad.analysis.source import decode, parse
from regrad.codemods.engine import edits
from regrad.codemods.engine.arguments import (
    Append,
    Callee,
    CannotChange,
    Change,
    Remove,
    Rename,
    Set,
    Swap,
    change_call,
)


def changed(text: str, *changes: Change) -> str:
    source = decode("a.py", text.encode())
    call = next(node for node in ast.walk(parse(source)) if isinstance(node, ast.Call))
    new = edits.apply(source, [change_call(source, call, *changes)])
    ast.parse(new)
    return new


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("f()", Set("a", "1"), "f(a=1)"),
        ("f(x)", Set("a", "1"), "f(x, a=1)"),
        ("f(x, a = 0, b=2)", Set("a", "1"), "f(x, a = 1, b=2)"),
        ("f(x, **kw)", Set("a", "1"), "f(x, a=1, **kw)"),
        ("f(x,)", Set("a", "1"), "f(x, a=1,)"),
        ("f(\n    x,\n    y,  # why\n)", Set("a", "1"), "f(\n    x,\n    y,  # why\n    a=1,\n)"),
        ("f(\n    x,\n    y  # why\n)", Set("a", "1"), "f(\n    x,\n    y,  # why\n    a=1\n)"),
        ("f(x,\n  y)", Set("a", "1"), "f(x,\n  y,\n  a=1)"),
        ("f(x, y)", Append("z"), "f(x, y, z)"),
        ("f(x, a=1)", Append("z"), "f(x, z, a=1)"),
        ("f(x, y)", Set(1, "z + 1"), "f(x, z + 1)"),
        ("f(x, a=1, b=2)", Remove("a"), "f(x, b=2)"),
        ("f(x, a=1)", Remove("a"), "f(x)"),
        ("f(x, a=1,)", Remove("a"), "f(x,)"),
        ("f(\n  a=1,\n)", Remove("a"), "f()"),
        ("f(\n  x,\n  a=1,\n)", Remove("a"), "f(\n  x,\n)"),
        ("f(a=1)", Rename("a", "b"), "f(b=1)"),
        ("f(x, 1)", Rename(1, "b"), "f(x, b=1)"),
        ("f(x, a=1)", Rename("a", ""), "f(x, 1)"),
        ("f(x,  y)", Swap(0, 1), "f(y,  x)"),
        ("f(y_true=x, y_pred = y)", Swap("y_true", "y_pred"), "f(y_true=y, y_pred = x)"),
        ("a.b.f(x)(y)", Callee("g"), "g(y)"),
        ("(a\n .f(x))", Set("k", "'v'"), "(a\n .f(x, k='v'))"),
        ("é = f(ü)", Set("k", "'ß'"), "é = f(ü, k='ß')"),
    ],
)
def test_changes(before: str, change: Change, after: str) -> None:
    assert changed(before, change) == after
    assert changed(before.replace("\n", "\r\n"), change) == after.replace("\n", "\r\n")


def test_several_changes_at_once() -> None:
    assert changed("f(x, loss='a')", Callee("g"), Set("loss", "'b'"), Swap(0, "loss")) == "g('b', loss=x)"


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("f(*x)", Set(0, "1")),
        ("f(x)", Swap(0, 1)),
        ("f(x)", Remove("a")),
        ("f(x, y)", Rename(0, "a")),
        ("f(**k, a=1)", Rename("a", "")),
        ("f(" + "-" * 300 + "a)", Remove(0)),
    ],
)
def test_refusals(text: str, change: Change) -> None:
    with pytest.raises(CannotChange):
        changed(text, change)
