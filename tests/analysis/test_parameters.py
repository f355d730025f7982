"""The parameters of a function, held against what Python itself says of it."""

from __future__ import annotations

import ast
import inspect

import pytest
from regrad.analysis import parameters

SIGNATURES = ["", "a", "a, b=1", "a, /, b, c=2, *, d, e=3", "a=0, /, b=1, *rest, c, **options", "*, d=4"]


@pytest.mark.parametrize("text", SIGNATURES)
def test_what_python_says_of_them(text: str) -> None:
    source = f"def function({text}): pass"
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    scope: dict[str, object] = {}
    exec(source, scope)
    expected = inspect.signature(scope["function"]).parameters.values()  # type: ignore[arg-type]
    in_order = [each.name for each in expected if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    rest = {each.name for each in expected if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}
    given = definition.args
    assert parameters.positional_names(given) == in_order
    assert {each.arg for each in parameters.every(given)} == {each.name for each in expected}
    assert {each.arg for each in parameters.named(given)} == {each.name for each in expected} - rest
    assert {name: ast.literal_eval(value) for name, value in parameters.defaults(given).items()} == {
        each.name: each.default for each in expected if each.default is not each.empty
    }
