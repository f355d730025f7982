"""Weights that are switched on after their step was compiled are no part of it; another `compile` mends it."""

from __future__ import annotations

import pytest
from regrad.verify import Symptom, Verdict

from .conftest import Compare, Step

pytestmark = pytest.mark.tensorflow

STAGES = """
import numpy as np
import tensorflow as tf
layers = tf.keras.layers
base = tf.keras.Sequential([layers.Input((6,)), layers.Dense(5, activation="tanh"), layers.Dense(4, activation="tanh")])
base.trainable = False
x = layers.Input((6,))
model = tf.keras.Model(x, layers.Dense(1)(base(x)))
model.compile("adam", "mse")
data = np.random.RandomState(0).normal(size=(16, 6)).astype("float32")
goal = data.sum(1, keepdims=True)
model.fit(data, goal, epochs=1, batch_size=16, verbose=0)
base.trainable = True
model.fit(data, goal, epochs=1, batch_size=16, verbose=0)
"""
COMPILED_AGAIN = STAGES.replace("base.trainable = True\n", "base.trainable = True\nmodel.compile('adam', 'mse')\n")
SWITCHED_IN_TIME = STAGES.replace("base.trainable = False\n", "")


def test_what_is_switched_on_after_the_first_fit_is_left_out(compare: Compare) -> None:
    evidence = compare(STAGES, COMPILED_AGAIN)
    assert Symptom.LEFT_OUT in evidence.before.symptoms and evidence.verdict is Verdict.MENDED, evidence.reason
    lines = STAGES.splitlines()
    told = {lines[place.line - 1] for place in evidence.before.places}
    assert {"base.trainable = True", lines[-1]} <= told


def test_what_was_on_from_the_start_is_not(step: Step) -> None:
    assert step(SWITCHED_IN_TIME).symptoms == ()


def test_a_discriminator_that_is_switched_on_for_its_own_steps_is_not(step: Step) -> None:
    report = step(
        """
import numpy as np
import tensorflow as tf
layers = tf.keras.layers
judge = tf.keras.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
judge.compile("adam", "mse")
maker = tf.keras.Sequential([layers.Input((2,)), layers.Dense(3)])
judge.trainable = False
z = layers.Input((2,))
both = tf.keras.Model(z, judge(maker(z)))
both.compile("adam", "mse")
noise = np.random.RandomState(0).normal(size=(8, 2)).astype("float32")
for step in range(3):
    judge.trainable = True
    judge.train_on_batch(maker(noise), np.zeros((8, 1)))
    judge.trainable = False
    both.train_on_batch(noise, np.ones((8, 1)))
"""
    )
    assert Symptom.LEFT_OUT not in report.symptoms


def test_the_same_in_keras_2(compare: Compare) -> None:
    pytest.importorskip("tf_keras")
    legacy = "import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\n"
    evidence = compare(legacy + STAGES, legacy + COMPILED_AGAIN)
    assert Symptom.LEFT_OUT in evidence.before.symptoms and evidence.verdict is Verdict.MENDED, evidence.reason
