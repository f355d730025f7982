"""What is suggested for functions of NumPy that have no counterpart: something that can be written instead."""

from __future__ import annotations

import ast

import pytest
from regrad.codemods.engine.numpy_table import WITHOUT


@pytest.mark.parametrize("name", sorted(name for name, (_, instead) in WITHOUT.items() if instead))
def test_a_suggestion_is_an_expression_that_computes_something(name: str) -> None:
    tree = ast.parse(WITHOUT[name][1], mode="eval").body
    assert any(isinstance(node, ast.Call) for node in ast.walk(tree))


@pytest.mark.parametrize("name", ["round", "rint", "floor", "ceil"])
def test_what_rounds_is_let_through(name: str) -> None:
    assert "tf.stop_gradient(" in WITHOUT[name][1]
