"""Functions that rank are told from others, and a soft rank comes near the rank that it stands for."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from regrad.codemods.engine.ranking import rank_function, soft_rank

FROM_ZERO = """
def ranks(v):
    order = np.argsort(v)
    out = np.empty(len(v), dtype="float32")
    out[order] = np.arange(len(v))
    return out
"""
RANKING = [
    (FROM_ZERO, 0),
    (FROM_ZERO.replace("np.arange(len(v))", "np.arange(1, len(v) + 1, dtype=np.float32)"), 1),
    (FROM_ZERO.replace("np.arange(len(v))", "np.arange(1, 1 + v.shape[0])"), 1),
    (
        FROM_ZERO.replace("np.empty(len(v), dtype=", "np.zeros_like(v, dtype=").replace(
            "return out", "return out.astype('f4')"
        ),
        0,
    ),
    ("def ranks(x):\n    return np.argsort(np.argsort(x)).astype('float32')\n", 0),
    ("def ranks(x):\n    return np.argsort(np.argsort(x, axis=-1), axis=-1)\n", 0),
    ('def ranks(x):\n    """Ranks."""\n    order = x.argsort()\n    return np.float32(order.argsort() + 1)\n', 1),
]
OTHERS = [
    FROM_ZERO.replace("np.arange(len(v))", "np.arange(len(v))[::-1]"),
    FROM_ZERO.replace("np.arange(len(v))", "np.arange(1, len(v))"),
    FROM_ZERO.replace("out[order] =", "out[v] ="),
    FROM_ZERO.replace("return out", "return order"),
    FROM_ZERO.replace("def ranks(v)", "def ranks(v, w)"),
    FROM_ZERO.replace("    return out", "    print(out)\n    return out"),
    "def ranks(x):\n    return np.argsort(np.argsort(x, -1, 'stable'))\n",
    "def order(x):\n    return np.argsort(x)\n",
    "def ranks(x):\n    return np.argsort(np.argsort(-x))\n",
    "def ranks(x):\n    return np.argsort(np.argsort(x, axis=0), axis=0)\n",
]


def _function(text: str) -> ast.FunctionDef:
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    return node


@pytest.mark.parametrize(("text", "first"), RANKING)
def test_ranks_are_seen_with_their_first_number(text: str, first: int) -> None:
    found = rank_function(_function(text))
    assert found is not None and found.first == first
    names: dict[str, object] = {"np": np}
    exec(text, names)
    assert list(names["ranks"](np.array([0.5, -1.0, 2.0]))) == [1 + first, first, 2 + first]  # type: ignore[operator]


@pytest.mark.parametrize("text", OTHERS)
def test_other_functions_are_left(text: str) -> None:
    assert rank_function(_function(text)) is None


class _Library:
    """What a soft rank calls."""

    reduce_sum = staticmethod(np.sum)
    float32 = np.float32

    @staticmethod
    def cast(x: np.ndarray, dtype: type) -> np.ndarray:
        return np.asarray(x, dtype)

    @staticmethod
    def sigmoid(x: np.ndarray) -> np.ndarray:
        return np.asarray(0.5 * (1.0 + np.tanh(x / 2)))


@given(st.permutations(range(12)), st.sampled_from([0, 1]))
def test_a_soft_rank_is_near_the_rank(order: list[int], first: int) -> None:
    values = np.array(order, dtype=float)
    text = soft_rank("v", first, lambda name: f"tf.{name}")
    soft = eval(text, {"tf": _Library, "v": values})
    assert np.abs(soft - (values + first)).max() < 1e-3


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_soft_ranks_along_an_axis_are_near_the_ranks(axis: int, descending: bool, whole: bool) -> None:
    values = np.random.default_rng(4).permutation(4 * 5 * 3).reshape(4, 5, 3)
    text = soft_rank("v", 0, lambda name: f"tf.{name}", axis, descending=descending, whole=whole)
    soft = eval(text, {"tf": _Library, "v": values if whole else values.astype(float)})
    order = np.argsort(-values if descending else values, axis=axis)
    assert np.abs(soft - np.argsort(order, axis=axis)).max() < 1e-3
