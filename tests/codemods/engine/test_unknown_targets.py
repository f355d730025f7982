"""What a loss is made of is not always known; nothing is said then of the variables that it is asked for."""

from __future__ import annotations

import pytest
from regrad.codemods.disconnected_target import RULE

from .programs import read

PROGRAM = """import tensorflow as tf

def train(model, images, labels, optimizer, measure):
    with tf.GradientTape() as tape:
        loss = {loss}
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
"""


@pytest.mark.parametrize(
    "loss",
    [
        "tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=model(images), labels=labels))",
        "tf.reduce_mean(tf.compat.v1.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=model(images)))",
        "tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, model(images)))",
        "tf.reduce_mean(max(model(images), model(labels)))",
        "tf.reduce_sum(min([measure(model(images)), 1.0]))",
        "tf.add_n(list(map(measure, zip(model(images), labels))))",
        "tf.reduce_mean(getattr(tf.losses, measure)(labels, model(images)))",
        "sum(measure(each) for each in model(images)) / len(labels)",
        "tf.reduce_mean(eval(measure)(model(images)))",
    ],
)
def test_an_unknown_loss_may_depend_on_anything(loss: str) -> None:
    assert not list(RULE.detect(read(PROGRAM.format(loss=loss))))


def test_the_loss_of_the_labels_alone_is_told() -> None:
    program = PROGRAM.replace("(model, images, labels, optimizer, measure)", "(images, labels, optimizer)")
    program = program.replace("def train", "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n\ndef train")
    assert [each.code for each in RULE.detect(read(program.format(loss="tf.reduce_mean(tf.square(labels))")))]
