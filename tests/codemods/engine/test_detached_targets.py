"""Values that play the target of a loss: what shows it, and what is refused where nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.analysis.reader import Reader
from regrad.analysis.source import SourceFile, decode, load
from regrad.codemods.engine.detached_targets import roles
from regrad.codemods.engine.registry import rules
from regrad.codemods.engine.rule import Mendings, Withheld

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
HEAD = """
import numpy as np
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(8, "tanh"), tf.keras.layers.Dense(2)])
optimizer = tf.keras.optimizers.Adam()
a, b = np.ones((8, 4), "float32"), np.zeros((8, 4), "float32")
r = np.ones(8, "float32")
with tf.GradientTape() as tape:
"""
END = """
gradients = tape.gradient(loss, net.trainable_variables)
optimizer.apply_gradients(zip(gradients, net.trainable_variables))
"""


def judged(*lines: str) -> tuple[set[str], str]:
    """The calls of the network that give targets alone, and the doubt, if there is one."""
    text = HEAD + "\n".join(f"    {line}" for line in lines) + END
    program = Reader({"a.py": decode("a.py", text.encode())}.get).read("a.py")
    (sink,) = program.sinks
    found = roles(program, sink)
    calls = [value.operation for value in found.values if value.operation.kind in ("model", "predict")]
    return {program.source(each.node, "a.py") for each in calls if each.node is not None}, found.doubt


@pytest.mark.parametrize(
    "loss",
    [
        "tf.reduce_mean((r + 0.9 * far - near) ** 2)",
        "tf.reduce_mean((near - (r + 0.9 * far)) ** 2)",
        "tf.reduce_mean(tf.square(r - near + 0.9 * far))",
        "tf.reduce_mean(tf.square(0.9 * far - near + r))",
        "tf.reduce_mean(tf.math.squared_difference(r + 0.9 * far, near))",
        "tf.keras.losses.MeanSquaredError()(r + 0.9 * far, near)",
        "tf.keras.losses.MeanSquaredError()(near, r + 0.9 * far)",
        "tf.keras.losses.MeanSquaredError()(far, near)",
        "tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=far, logits=near))",
        "-tf.reduce_mean(far * tf.math.log(near))",
    ],
)
def test_what_the_loss_says_of_a_target(loss: str) -> None:
    assert judged("near = net(a).numpy()", "far = net(b).numpy()", f"loss = {loss}") == ({"net(b)"}, "")


@pytest.mark.parametrize("name", ["teacher", "target_values", "nxt", "next_values", "pseudo_labels", "old"])
def test_what_a_name_says_of_a_target(name: str) -> None:
    lines = ("near = net.predict(a)", f"{name} = net.predict(b)", f"loss = tf.reduce_mean((near - {name}) ** 2)")
    assert judged(*lines) == ({"net.predict(b)"}, "")


@pytest.mark.parametrize("said", ["# target: no gradient", "# detached", "# the teacher", "# on purpose"])
def test_what_a_comment_says_of_a_target(said: str) -> None:
    beside = ("near = net(a).numpy()", f"far = net(b).numpy()  {said}", "loss = tf.reduce_mean((near - far) ** 2)")
    assert judged(*beside) == ({"net(b)"}, "")
    above = ("near = net(a).numpy()", said, "far = net(b).numpy()", "loss = tf.reduce_mean((near - far) ** 2)")
    assert judged(*above) == ({"net(b)"}, "")


@pytest.mark.parametrize("said", ["# why is there no gradient?", "# bug: no gradient comes here", "# the other view"])
def test_a_comment_on_the_fault_says_nothing(said: str) -> None:
    lines = ("near = net(a).numpy()", f"far = net(b).numpy()  {said}", "loss = tf.reduce_mean((near - far) ** 2)")
    targets, doubt = judged(*lines)
    assert not targets
    assert "compared with each other" in doubt


@pytest.mark.parametrize(
    "loss",
    [
        "tf.reduce_mean(tf.nn.softplus(far - near))",
        "tf.reduce_mean(far) - tf.reduce_mean(near)",
        "tf.reduce_mean((near - 1) ** 2) + tf.reduce_mean((far - r[:, None]) ** 2)",
        "tf.reduce_mean(tf.maximum(1 - tf.reduce_sum((near - far) ** 2, 1), 0))",
        "tf.reduce_mean((tf.norm(near - far, axis=1) - r) ** 2)",
        "tf.reduce_mean(((far - near)[:, 0] / 0.1 - r) ** 2)",
        "tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(np.arange(8), np.matmul(near, far.T)))",
        "tf.reduce_mean((tf.reduce_sum(near * far, axis=1) - r) ** 2)",
    ],
)
def test_two_predictions(loss: str) -> None:
    assert judged("near = net(a).numpy()", "far = net(b).numpy()", f"loss = {loss}") == (set(), "")


@pytest.mark.parametrize(
    "loss", ["tf.reduce_mean(tf.abs(near - far))", "-tf.reduce_mean(tf.reduce_sum(near * far, axis=1))"]
)
def test_either_could_be_the_target(loss: str) -> None:
    targets, doubt = judged("near = net(a).numpy()", "far = net(b).numpy()", f"loss = {loss}")
    assert not targets
    assert "which of them is the target is not certain" in doubt


def test_one_value_alone_is_never_in_doubt() -> None:
    assert judged("target = net(a).numpy()  # no gradient", "loss = tf.reduce_mean(target**2)") == (set(), "")


@pytest.mark.parametrize(
    ("loss", "doubtful"),
    [
        ("tf.reduce_mean((r[:-1, None] - q[:-1] + 0.9 * q[1:]) ** 2)", True),
        ("tf.reduce_mean(tf.square(r[:-1, None] + 0.9 * q[1:] - q[:-1]))", True),
        ("tf.reduce_sum((q - 2.0) ** 2) + tf.reduce_sum((0.9 * q - r[:, None]) ** 2)", False),
        ("tf.reduce_sum(q) + tf.reduce_sum(tf.abs(tf.cumsum(0.9 * q) - 1.0) + tf.abs(q - r[:, None]))", False),
        ("tf.reduce_mean(q - r[:, None]) + 0.5 * tf.reduce_mean(tf.square(0.95 * q - r[:, None]))", False),
    ],
)
def test_a_factor_under_a_square_is_no_discount(loss: str, doubtful: bool) -> None:
    targets, doubt = judged("q = net(a).numpy()", f"loss = {loss}")
    assert not targets
    assert bool(doubt) == doubtful


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("predict_inside_tape/broken/either_could_be_the_target.py", "not certain"),
        ("predict_inside_tape/broken/one_function_for_both.py", "is a target in one part of the loss"),
        ("left_tensorflow/broken/two_views.py", "not certain"),
        ("left_tensorflow/broken/values_of_one_rollout.py", "is a target in one part of the loss"),
        ("left_tensorflow/broken/error_that_weighs_the_choice.py", "is a target in one part of the loss"),
        ("forward_outside_tape/broken/targets_on_purpose.py", "a comment says"),
        ("disconnected_target/broken/teacher_against_itself.py", "is trained elsewhere"),
        ("nothing_trainable/broken/judge_frozen_where_it_is_made.py", "another model that contains it"),
    ],
)
def test_what_is_refused(place: str, says: str) -> None:
    offered = list(_offered(FIXTURES / place))
    assert offered
    for each in offered:
        assert isinstance(each, Withheld)
        assert says in each.reason


def _offered(place: Path) -> list[Mendings]:
    def files(path: str) -> SourceFile | None:
        return load(path) if Path(path).is_file() else None

    program = Reader(files).read(str(place))
    return [rule.mend(program, finding) for rule in rules() for finding in rule.detect(program)]
