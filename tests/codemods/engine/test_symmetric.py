"""A matrix is called symmetric where it is so for any entries, and never where it is not."""

from __future__ import annotations

import pytest
from regrad.analysis.values import Tensor, Value
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.symmetric import nonnegative, symmetric

from .programs import read

_PROGRAM = """import tensorflow as tf
A, B, s = tf.Variable(tf.ones((3, 3))), tf.Variable(tf.ones((3, 3))), tf.Variable(2.0)
C = tf.Variable(tf.complex(tf.ones((3, 3)), tf.ones((3, 3))))
S = A @ tf.transpose(A)
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(tf.linalg.logm(MATRIX))
tape.gradient(loss, [A, B, s])
"""
NONNEGATIVE = [
    "tf.matmul(A, A, transpose_b=True)",
    "tf.linalg.matmul(A, A, adjoint_a=True) + 0.1 * tf.eye(3)",
    "A @ tf.transpose(A)",
    "tf.linalg.matrix_transpose(A) @ A / 20.0",
    "tf.cast(tf.exp(s) * tf.matmul(A, A, transpose_a=True), tf.float64)",
    "S / tf.cast(tf.shape(A)[0], tf.float32) + tf.linalg.inv(S)",
    "tf.linalg.expm(A + tf.transpose(A))",
]
SYMMETRIC = [
    "0.5 * (A + tf.transpose(A))",
    "S - tf.eye(3)",
    "tf.matmul(A @ (B + tf.transpose(B)), A, transpose_b=True)",
    "-s * S",
    "S + tf.linalg.diag(B[0])",
    "S * S - 3.0",
]
OTHERS = [
    "A",
    "A @ B",
    "A @ A",
    "tf.matmul(A, A)",
    "tf.matmul(A, B, transpose_b=True)",
    "tf.matmul(A, A, transpose_a=True, transpose_b=True)",
    "A @ tf.transpose(A, perm=[0, 1])",
    "tf.linalg.expm(A - tf.transpose(A))",
    "A - tf.transpose(A)",
    "B[0] * S",
    "S + B[0]",
    "S @ tf.linalg.diag(B[0])",
    "tf.matmul(C, C, transpose_b=True)",
    "tf.matmul(A @ B, A, transpose_b=True)",
]


def _matrix(text: str) -> Value:
    program = read(_PROGRAM.replace("MATRIX", text))
    (logarithm,) = {
        id(each): each for sink in program.sinks for each in reached(iter((sink.target,))) if _is_logarithm(each)
    }.values()
    return logarithm.operation.inputs[0]


def _is_logarithm(value: Tensor) -> bool:
    return value.operation.name == "logm"


@pytest.mark.parametrize("text", NONNEGATIVE)
def test_a_product_with_its_own_transpose_has_no_negative_eigenvalue(text: str) -> None:
    assert symmetric(_matrix(text)) and nonnegative(_matrix(text))


@pytest.mark.parametrize("text", SYMMETRIC)
def test_a_symmetric_matrix_may_have_negative_eigenvalues(text: str) -> None:
    assert symmetric(_matrix(text)) and not nonnegative(_matrix(text))


@pytest.mark.parametrize("text", OTHERS)
def test_other_matrices_are_not_called_symmetric(text: str) -> None:
    assert not symmetric(_matrix(text))
