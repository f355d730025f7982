"""Gradients that no optimizer is given: forgotten, or taken to measure something."""

from __future__ import annotations

import pytest
from regrad.codemods.gradients_misapplied import RULE

from .programs import mended, read

PROGRAM = """import tensorflow as tf

model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])
optimizer = tf.keras.optimizers.Adam()
x = tf.random.normal((8, 4))
held = [tf.zeros_like(v) for v in model.trainable_variables]
for i in range(8):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x[i : i + 1]) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    {use}
print(held)
"""


@pytest.mark.parametrize(
    "use",
    [
        "held = [h + tf.square(g) / 8 for h, g in zip(held, gradients)]",
        "held = [h + g ** 2 for h, g in zip(held, gradients)]",
        "held = [h + tf.math.square(g) for h, g in zip(held, gradients)]",
    ],
)
def test_squares_measure_how_much_a_weight_matters(use: str) -> None:
    assert not list(RULE.detect(read(PROGRAM.format(use=use))))


@pytest.mark.parametrize(
    "use",
    [
        "pass",
        "gradients = [tf.clip_by_norm(g, 1.0) for g in gradients]",
        "print(tf.sqrt(sum(tf.reduce_sum(tf.square(g)) for g in gradients)))",
    ],
)
def test_a_step_that_is_forgotten_is_told(use: str) -> None:
    assert [finding.code for finding in RULE.detect(read(PROGRAM.format(use=use)))] == ["RG410"]


BY_HAND = """import tensorflow as tf

w, b = tf.Variable([1.0, 2.0]), tf.Variable(0.5)
weights = [w, b]
optimizer = tf.keras.optimizers.SGD(0.1)
for i in range(8):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((w - b) ** 2)
    gradients = tape.gradient(loss, {sources})
    {use}
print(w, b)
"""


@pytest.mark.parametrize(
    ("sources", "use"),
    [
        ("w", "w = w - 0.1 * gradients"),
        ("w", "w -= 0.1 * gradients"),
        ("w", "step = 0.1 * gradients; w = w - tf.clip_by_value(step, -1, 1)"),
        ("[w, b]", "w, b = w - gradients[0], b - gradients[1]"),
        ("weights", "weights = [v - 0.1 * g for v, g in zip(weights, gradients)]"),
        ("weights", "for k, g in enumerate(gradients): weights[k] = weights[k] - 0.1 * g"),
    ],
)
def test_a_step_by_hand_needs_no_optimizer(sources: str, use: str) -> None:
    program = read(BY_HAND.format(sources=sources, use=use))
    assert not [finding for finding in RULE.detect(program) if "never applied" in finding.message]


@pytest.mark.parametrize(
    "use", ["pass", "sizes = [tf.norm(g) for g in gradients]", "gradients = [2 * g for g in gradients]"]
)
def test_what_is_computed_of_them_is_no_step(use: str) -> None:
    (finding,) = RULE.detect(read(BY_HAND.format(sources="weights", use=use)))
    assert "never applied" in finding.message


def test_one_variable_is_one_pair() -> None:
    text = mended(RULE, BY_HAND.format(sources="w", use="pass"))
    assert "    optimizer.apply_gradients([(gradients, w)])\n" in text


IN_GRAPH = """import tensorflow.compat.v1 as tf
import numpy as np

x = tf.placeholder(tf.float32, [None, 3])
w = tf.get_variable("w", [3, 1])
loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
pairs = tf.train.AdamOptimizer(0.1).compute_gradients(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    {use}
"""


def test_gradients_that_a_session_runs_once_are_looked_at() -> None:
    use = "found = session.run(pairs, {x: np.ones((2, 3))}); assert not any(np.isnan(each).any() for each, _ in found)"
    assert not list(RULE.detect(read(IN_GRAPH.replace("{use}", use))))


def test_gradients_that_a_session_runs_again_and_again_were_to_be_applied() -> None:
    use = "for step in range(9): print(session.run([pairs, loss], {x: np.ones((2, 3))})[1])"
    assert [finding.code for finding in RULE.detect(read(IN_GRAPH.replace("{use}", use)))] == ["RG410"]


TWO_PARTS = """import numpy as np
import tensorflow as tf

base = tf.keras.Sequential([tf.keras.Input((6,)), tf.keras.layers.Dense(4)])
head = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
for_base, for_head = tf.keras.optimizers.SGD(0.01), tf.keras.optimizers.Adam(0.02)
{first}
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(head(base(tf.random.normal((8, 6)))) ** 2)
    of_base, of_head = tape.gradient(loss, [base.trainable_variables, head.trainable_variables])
    {use}
    for_head.apply_gradients(zip(of_head, head.trainable_variables))
"""


@pytest.mark.parametrize("first, use", [("base.load_weights('a.h5')", "pass"), ("found = []", "found.append(of_base)")])
def test_a_part_that_came_trained_or_is_kept_for_later_is_not_forgotten(first: str, use: str) -> None:
    assert not list(RULE.detect(read(TWO_PARTS.format(first=first, use=use))))


def test_a_part_of_which_only_the_size_is_shown_is_forgotten() -> None:
    text = TWO_PARTS.format(first="", use="print([tf.norm(each) for each in of_base])")
    (finding,) = RULE.detect(read(text))
    assert "`for_base` does nothing" in finding.message
