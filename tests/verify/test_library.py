"""One step in the caller's own process, and the pytest plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

MODELS = """
import numpy as np
import pytest
import tensorflow as tf
from regrad.verify import Gradient, Outcome, Symptom, assert_gradients_flow, one_step

X = np.random.RandomState(0).randn(8, 3)
Y = X[:, :1]


def network(*last):
    return tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4, activation="tanh"), *last])


def sound():
    return network(tf.keras.layers.Dense(1))


def test_a_sound_model_passes_and_keeps_its_weights(gradients_flow):
    model = sound()
    before = [weight.copy() for weight in model.get_weights()]
    report = gradients_flow(model, X, Y, loss="mse")
    assert [v.gradient for v in report.variables] == [Gradient.FLOWS] * 4 and all(v.changed for v in report.variables)
    assert report.loss > 0 and report.outcome is Outcome.STEPPED
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights()))


def test_a_compiled_model_makes_its_own_step_and_is_put_back():
    model = sound()
    model.compile("adam", "mse")
    before = [weight.copy() for weight in model.get_weights()]
    report = assert_gradients_flow(model, X, Y)
    assert {v.gradient for v in report.variables} == {Gradient.FLOWS} and all(v.changed for v in report.variables)
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights()))
    assert int(model.optimizer.iterations.numpy()) == 0


def test_a_step_that_climbs_is_seen_and_undone():
    model = sound()
    model.compile(tf.keras.optimizers.SGD(50.0), "mse")
    before = [weight.copy() for weight in model.get_weights()]
    with pytest.raises(AssertionError, match="does not fall"):
        assert_gradients_flow(model, X, Y)
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights()))
    assert int(model.optimizer.iterations.numpy()) == 0


@tf.custom_gradient
def left_aside(x, weight):
    return tf.identity(x), lambda slope: (slope, tf.reduce_sum(slope)[None])


class Forgetful(tf.keras.layers.Layer):
    def build(self, shape):
        self.weight = self.add_weight(shape=(1,), initializer="ones")

    def call(self, x):
        return left_aside(x, tf.convert_to_tensor(self.weight))


def test_weights_without_a_part_in_the_output_are_seen():
    model = tf.keras.Sequential([tf.keras.Input((1,)), Forgetful()])
    report = one_step(model, X[:, :1], X[:, 1:2], loss="mse")
    assert Symptom.OUTPUT_FIXED in report.symptoms
    assert np.array_equal(model.get_weights()[0], [1.0])


def test_the_random_numbers_of_the_caller_are_left_alone():
    model = network(tf.keras.layers.Dropout(0.5), tf.keras.layers.Dense(1))
    model.compile("adam", "mse")
    tf.random.set_seed(7)
    expected = tf.random.normal((3,)).numpy()
    tf.random.set_seed(7)
    report = one_step(model, X, Y)
    assert report.symptoms == () and np.array_equal(tf.random.normal((3,)).numpy(), expected)


def test_a_custom_step_is_tested_as_it_is():
    class Broken(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.net = sound()

        def call(self, x):
            return self.net(x)

        def train_step(self, data):
            x, y = data
            prediction = self.net(x)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((prediction - y) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            return {"loss": loss}

    model = Broken()
    model.compile("adam")
    with pytest.raises(AssertionError, match="No gradients provided"):
        assert_gradients_flow(model, X, Y)
    assert {v.gradient for v in one_step(model, X, Y).variables} == {Gradient.NONE}


def test_a_variable_without_gradient_is_named_unless_allowed():
    class Unused(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.used, self.spare = tf.keras.layers.Dense(1), tf.keras.layers.Dense(1, name="spare")

        def call(self, x):
            self.spare(x)
            return self.used(x)

    with pytest.raises(AssertionError, match="spare/kernel: gradient none"):
        assert_gradients_flow(Unused(), X, Y, loss="mse")
    assert_gradients_flow(Unused(), X, Y, loss="mse", allow=["*spare/*"])


def test_flowing_is_not_enough():
    head = tf.keras.layers.Dense(1, activation="sigmoid")
    report = one_step(network(head), X, (Y > 0).astype("float32"), loss="categorical_crossentropy")
    assert Symptom.LOSS_IS_ZERO in report.symptoms
    with pytest.raises(AssertionError, match="exactly 0"):
        assert_gradients_flow(network(head), X, (Y > 0).astype("float32"), loss="categorical_crossentropy")
    constant = tf.keras.layers.Dense(1, activation="softmax")
    assert Symptom.CONSTANT_OUTPUT in one_step(network(constant), X, Y, loss="mse").symptoms


def test_an_exception_of_the_step_is_reported():
    report = one_step(sound(), X, Y, loss=lambda y, p: 1 / 0)
    assert report.outcome is Outcome.RAISED and report.exception == "ZeroDivisionError: division by zero"
    with pytest.raises(TypeError, match="needs a loss"):
        one_step(sound(), X, Y)


def test_a_module_of_ones_own():
    class Line(tf.Module):
        def __init__(self):
            self.w, self.idle = tf.Variable(tf.ones((3, 1)), name="w"), tf.Variable(1.0, name="idle")

        def __call__(self, x):
            return x @ self.w

    report = one_step(Line(), X, Y, loss="mse")
    assert {v.name: v.gradient for v in report.variables} == {"w": Gradient.FLOWS, "idle": Gradient.NONE}
"""

PROGRAMS = """
import pytest

@pytest.mark.gradients_flow("sound.py")
def test_sound():
    pass

@pytest.mark.gradients_flow("broken.py")
def test_broken():
    pass

@pytest.mark.gradients_flow("gone.py")
def test_gone():
    pass
"""
TRAINING = """
import tensorflow as tf
w = tf.Variable([1.0, 2.0], name="w")
{before}
with tf.GradientTape() as tape:
    loss = tf.reduce_sum({inside} ** 2)
w.assign_sub(0.1 * tape.gradient(loss, w))
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "regrad.verify.pytest_plugin", "-p", "no:cacheprovider", "-rA"]
    installed = subprocess.run(
        [sys.executable, "-c", "import importlib.metadata as m; print(*m.entry_points(group='pytest11').names)"],
        capture_output=True,
        text=True,
        check=True,
    )
    if "regrad" in installed.stdout.split():
        del command[3:5]
    return subprocess.run([*command, *options, str(folder)], capture_output=True, text=True, cwd=folder, timeout=300)


def test_the_library_in_a_test_suite(tmp_path: Path) -> None:
    (tmp_path / "test_models.py").write_text(MODELS)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "10 passed" in done.stdout


def test_the_marker_runs_programs(tmp_path: Path) -> None:
    (tmp_path / "test_programs.py").write_text(PROGRAMS)
    (tmp_path / "sound.py").write_text(TRAINING.format(before="", inside="w"))
    (tmp_path / "broken.py").write_text(TRAINING.format(before="double = 2 * w", inside="double"))
    done = run(tmp_path, "--strict-markers")
    assert done.returncode == 1 and "1 passed" in done.stdout and "2 failed" in done.stdout, done.stdout[-4000:]
    assert "broken.py:4: Mul (before-tape)" in done.stdout
    assert "gone.py is neither beside test_programs.py" in done.stdout
