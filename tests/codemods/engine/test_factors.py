"""The factors of a matrix give way to what they are used for, and to nothing that is not the same."""

from __future__ import annotations

import pytest
from regrad.codemods.operation_without_gradient import RULE

from .programs import mended

_PROGRAM = """import tensorflow as tf
W, V, b = tf.Variable([[2.0, 0.5], [0.1, 1.0]]), tf.Variable(tf.eye(2, batch_shape=[3])), tf.ones((2, 1))
with tf.GradientTape() as tape:
    lu, p = tf.linalg.lu(MATRIX)
    loss = tf.reduce_mean(USE)
tape.gradient(loss, [W, V])
"""


@pytest.mark.parametrize(
    ("matrix", "use", "written"),
    [
        ("W", "tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(lu))))", "tf.linalg.slogdet(W)[1]"),
        ("V", "tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(lu))), axis=-1)", "tf.linalg.slogdet(V)[1]"),
        (
            "2.0 * W",
            "tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(lu))), axis=-1)",
            "tf.linalg.slogdet(2.0 * W)[1]",
        ),
        (
            "V",
            "tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(lu))))",
            "tf.reduce_sum(tf.linalg.slogdet(V)[1])",
        ),
        ("W", "tf.abs(tf.reduce_prod(tf.linalg.diag_part(lu)))", "tf.abs(tf.linalg.det(W))"),
        ("W", "tf.linalg.lu_solve(lu, p, b)", "tf.linalg.solve(W, b)"),
        ("W", "tf.linalg.lu_matrix_inverse(lu, p)", "tf.linalg.inv(W)"),
    ],
)
def test_what_they_are_used_for(matrix: str, use: str, written: str) -> None:
    text = _PROGRAM.replace("MATRIX", matrix).replace("USE", use)
    wanted = text.replace(f"    lu, p = tf.linalg.lu({matrix})\n", "").replace(use, written)
    assert mended(RULE, text) == wanted


@pytest.mark.parametrize(
    "use",
    [
        "tf.reduce_prod(tf.linalg.diag_part(lu))",
        "tf.abs(tf.reduce_prod(tf.linalg.diag_part(lu), axis=0))",
        "tf.reduce_sum(tf.math.log(tf.linalg.diag_part(lu)))",
        "tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(lu))), axis=-1, keepdims=True)",
        "tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(lu)))) + lu[0, 0]",
        "tf.linalg.lu_solve(lu, p[::-1], b)",
    ],
)
def test_what_is_not_the_same(use: str) -> None:
    assert mended(RULE, _PROGRAM.replace("MATRIX", "W").replace("USE", use)).startswith("withheld: ")


def test_a_matrix_that_changes_in_between() -> None:
    use = "tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(lu))))"
    text = (
        _PROGRAM.replace("MATRIX", "W").replace("USE", use).replace("    loss =", "    W.assign(2.0 * W)\n    loss =")
    )
    assert mended(RULE, text).startswith("withheld: ")
