"""Canonical names: one for each thing, whatever path it was imported by."""

from __future__ import annotations

import pytest
from regrad.analysis.names import canonical, snake_case


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("tensorflow.keras.layers.Dense", "keras.layers.Dense"),
        ("keras.layers.Dense", "keras.layers.Dense"),
        ("tf_keras.layers.Dense", "keras.layers.Dense"),
        ("keras.layers.core.Dense", "keras.layers.Dense"),
        ("tensorflow.python.keras.layers.Dense", "keras.layers.Dense"),
        ("tensorflow.compat.v1.keras.layers.Dense", "keras.layers.Dense"),
        ("keras.src.layers.Dense", "keras.layers.Dense"),
        ("tensorflow.keras.models.Sequential", "keras.Sequential"),
        ("keras.engine.training.Model", "keras.Model"),
        ("keras.layers.Input", "keras.Input"),
        ("tensorflow.losses.categorical_crossentropy", "keras.losses.categorical_crossentropy"),
        ("tensorflow.losses.mean_squared_error", "tf.losses.mean_squared_error"),
        ("tensorflow.compat.v1.train.AdamOptimizer", "tf1.train.AdamOptimizer"),
        ("tensorflow.GradientTape", "tf.GradientTape"),
        ("tensorflow.compat.v2.reduce_mean", "tf.reduce_mean"),
        ("tensorflow.experimental.numpy.argmax", "tnp.argmax"),
        ("keras.ops.argmax", "ops.argmax"),
        ("tensorflow.keras.backend.mean", "K.mean"),
        ("numpy.argmax", "np.argmax"),
        ("torch.nn.Linear", "torch.nn.Linear"),
        ("tensorflow_datasets.load", "tensorflow_datasets.load"),
        ("kerastuner.Tuner", "kerastuner.Tuner"),
    ],
)
def test_canonical(spelled: str, expected: str) -> None:
    assert canonical(spelled) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BinaryCrossentropy", "binary_crossentropy"),
        ("MeanSquaredError", "mean_squared_error"),
        ("KLDivergence", "kl_divergence"),
        ("Huber", "huber"),
        ("mse", "mse"),
    ],
)
def test_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected
