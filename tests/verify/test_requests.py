"""Each request for gradients by itself, and what other requests of the same variables would hide."""

from __future__ import annotations

import pytest
from regrad.analysis.cut import CutKind
from regrad.verify import Gradient, Symptom, Verdict
from regrad.verify.faults import faults_of, sound

from . import programs
from .conftest import Compare, Step

pytestmark = pytest.mark.tensorflow

SECOND = """
import tensorflow as tf
x = tf.Variable(3.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = x * x * x
{inside}    slope = inner.gradient(y, x)
{outside}print(outer.gradient(slope, x))
"""
GAN = """
import tensorflow as tf
generator = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(3)], name="generator")
critic = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)], name="critic")
g_optimizer, c_optimizer = tf.keras.optimizers.Adam(), tf.keras.optimizers.Adam()
for _ in range(100):
    with tf.GradientTape() as tape, tf.GradientTape() as other:
        fake = generator(tf.random.normal((4, 2)))
        c_loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(tf.random.normal((4, 3))))
        g_loss = -tf.reduce_mean(critic(fake))
    for_critic = tape.gradient(c_loss, critic.trainable_variables)
    for_generator = other.gradient(g_loss, generator.trainable_variables)
    g_optimizer.apply_gradients(zip(for_generator, generator.trainable_variables))
    c_optimizer.apply_gradients(zip(for_critic, critic.trainable_variables))
"""
POOLER = """
import tensorflow as tf
class Encoder(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = tf.keras.layers.Dense(6)
        self.pooler = tf.keras.layers.Dense(6, activation="tanh", name="pooler")
    def call(self, x):
        h = self.inner(x)
        return h, self.pooler(h[:, 0])
inputs = tf.keras.Input((5, 2))
sequence, pooled = Encoder()(inputs)
outputs = {head}
model = tf.keras.Model(inputs, outputs)
model.compile("adam", "mse")
model.fit(tf.random.normal((16, 5, 2)), tf.random.normal((16, 5, {width})), verbose=0)
"""


def test_a_second_derivative_that_is_lost_is_not_hidden_by_the_first(compare: Compare) -> None:
    stopped = SECOND.format(inside="", outside="").replace("gradient(slope", "gradient(tf.stop_gradient(slope)")
    evidence = compare(stopped, SECOND.format(inside="", outside=""))
    rows = {variable.name: variable.gradient for variable in evidence.before.variables}
    assert rows == {"x": Gradient.FLOWS, "x (line 8)": Gradient.NONE}
    assert evidence.verdict is Verdict.MENDED and [v.name for v in evidence.after.variables] == ["x"]


def test_zeros_in_the_place_of_missing_gradients_do_not_hide_them(step: Step) -> None:
    text = programs.PARTS.format(prepared="", variables="head.trainable_variables + encoder.trainable_variables")
    text = text.replace("    with tf.", "    code = encoder(x)\n    with tf.").replace("head(encoder(x))", "head(code)")
    filled = text.replace(
        "zip(tape.gradient(loss, variables), variables)",
        "[(g if g is not None else tf.zeros_like(v), v) for g, v in zip(tape.gradient(loss, variables), variables)]",
    )
    assert faults_of(step(filled)).none == {"encoder/dense/kernel", "encoder/dense/bias"}


def test_an_optimizer_that_is_never_told_to_step_is_noticed(compare: Compare) -> None:
    forgotten = GAN.replace("    c_optimizer.apply_gradients", "    0 and c_optimizer.apply_gradients")
    evidence = compare(forgotten, GAN)
    assert evidence.before.symptoms == (Symptom.UPDATE_MISSING,) and evidence.verdict is Verdict.MENDED


def test_a_pooler_that_nobody_asked_for_is_no_fault_and_an_unused_head_is_one(step: Step) -> None:
    aside = step(POOLER.format(head="tf.keras.layers.Dense(1)(sequence)", width=1))
    assert sound(aside) and faults_of(aside).surplus == {"encoder/pooler/kernel", "encoder/pooler/bias"}
    assert all(variable.surplus == (variable.gradient is Gradient.NONE) for variable in aside.variables)
    forgotten = step(POOLER.format(head="sequence", width=6))
    assert not sound(forgotten) and faults_of(forgotten).none == {"encoder/pooler/kernel", "encoder/pooler/bias"}


def test_a_matrix_of_zeros_between_zeros_never_moves(step: Step) -> None:
    text = """
import tensorflow as tf
w1, w2 = tf.Variable(tf.zeros((3, 4)), name="w1"), tf.Variable(tf.zeros((4, 1)), name="w2")
b = tf.Variable(tf.zeros((1,)), name="b")
optimizer = tf.keras.optimizers.SGD(0.1)
x = tf.random.normal((8, 3), seed=1)
for _ in range(9):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((tf.tanh(x @ w1) @ w2 + b - 1.0) ** 2)
    optimizer.apply_gradients(zip(tape.gradient(loss, [w1, w2, b]), [w1, w2, b]))
"""
    report = step(text)
    assert report.symptoms == (Symptom.STUCK_AT_ZERO,)
    assert [place.line for place in report.places if "variable" in place.what] == [3]
    assert sound(step(text.replace("tf.Variable(tf.zeros((3, 4))", "tf.Variable(tf.random.normal((3, 4))")))


def test_a_model_that_is_told_to_train_and_stands_still_is_noticed_beside_others(step: Step) -> None:
    text = """
import numpy as np
import tensorflow as tf
def net(name):
    return tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(2, activation="sigmoid")], name=name)
first, second = net("first"), net("second")
first.compile("sgd", "mse")
second.trainable = False
second.compile("sgd", "mse")
for _ in range(30):
    first.train_on_batch(np.ones((4, 2)), np.zeros((4, 2)))
    second.train_on_batch(np.ones((4, 2)), np.zeros((4, 2)))
"""
    report = step(text)
    assert report.symptoms == (Symptom.NOTHING_CHANGED,)
    assert ("layers are switched off here", 8) in [(place.what, place.line) for place in report.places]
    assert sound(step(text.replace("second.trainable = False", "")))


@pytest.mark.parametrize(
    ("head", "loss", "line"),
    [("1, activation='softmax'", "binary_crossentropy", 4), ("1", "binary_crossentropy", 5)],
)
def test_a_symptom_leads_to_the_head_and_to_the_loss(step: Step, head: str, loss: str, line: int) -> None:
    report = step(f"""
import numpy as np
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense({head})])
model.compile("sgd", "{loss}")
x = np.random.RandomState(0).randn(32, 2).astype("float32") * 9
model.fit(x, (x[:, :1] > 0).astype("float32"))
""")
    assert report.symptoms and {4, 5} <= {place.line for place in report.places}
    assert line in [place.line for place in report.places][:2]


def test_an_operation_that_tensorflow_has_no_gradient_for_is_named(step: Step) -> None:
    text = """
import tensorflow as tf
w = tf.Variable(tf.eye(3) * 2.0)
for _ in range(3):
    with tf.GradientTape() as tape:
        upper, _ = tf.linalg.lu(w)
        loss = tf.reduce_sum(upper)
    w.assign_sub(tape.gradient(loss, w))
"""
    report = step(text)
    assert [(cut.kind, cut.operation, cut.location.span.start.line) for cut in report.cuts] == [
        (CutKind.NO_REGISTERED_GRADIENT, "Lu", 6)
    ]


def test_a_pipeline_without_targets_leads_to_where_it_begins(step: Step) -> None:
    report = step("""
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
model.compile("sgd", "mse")
data = tf.data.Dataset.from_tensor_slices(tf.ones((16, 2)))
data = data.shuffle(16).batch(4)
model.fit(data)
""")
    assert [place.line for place in report.places] == [7, 4, 5]


EXHAUSTED = """
import tensorflow as tf

actor, critic = tf.Variable([1.0, 2.0]), tf.Variable([3.0])
optimizer = tf.keras.optimizers.SGD(0.1)
with tf.GradientTape() as tape:
    gain, error = tf.reduce_sum(actor ** 2), tf.reduce_sum(critic ** 2)
optimizer.apply_gradients([(tape.gradient(gain, actor), actor)])
optimizer.apply_gradients([(tape.gradient(error, critic), critic)])
"""


def test_an_exception_that_is_swallowed_is_not_mended(compare: Compare) -> None:
    body = EXHAUSTED.strip().splitlines()
    swallowed = "\n".join([*body[:-1], "try:", f"    {body[-1]}", "except Exception:", "    pass", ""])
    evidence = compare(EXHAUSTED, swallowed)
    assert evidence.after.swallowed is not None and evidence.after.swallowed.startswith("RuntimeError: ")
    assert evidence.verdict is Verdict.UNCHANGED


BY_HAND = """
import tensorflow as tf

slope, shift = tf.Variable(0.3), tf.Variable(-0.2)
x = tf.linspace(-1.0, 1.0, 11)
for _ in range(2):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((slope * x + shift - tf.sin(x)) ** 2)
    for variable, gradient in zip((slope, shift), tape.gradient(loss, (slope, shift))):
        variable.assign_sub({rate} * gradient)
"""


@pytest.mark.parametrize(("rate", "symptoms"), [("0.0", (Symptom.NOTHING_CHANGED,)), ("0.1", ())])
def test_a_step_by_hand_that_goes_nowhere_is_told_at_once(step: Step, rate: str, symptoms: tuple[Symptom, ...]) -> None:
    assert step(BY_HAND.replace("{rate}", rate)).symptoms == symptoms


def test_the_same_gradients_again_and_again_change_nothing(compare: Compare) -> None:
    text = """
import tensorflow as tf
w = tf.Variable([[1.0], [2.0]])
for step in range(60):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.matmul([[1.0, 2.0]], w) ** 2)
    for value, slope in zip([w.read_value()], tape.gradient(loss, [w])):
        value -= 0.01 * slope
"""
    mended = text.replace("[w.read_value()]", "[w]").replace("value -= 0.01 * slope", "value.assign_sub(0.01 * slope)")
    evidence = compare(text, mended)
    assert evidence.before.symptoms == (Symptom.NOTHING_CHANGED,) and evidence.verdict is Verdict.MENDED


def test_logits_in_the_place_of_labels_are_noticed(compare: Compare) -> None:
    text = """
import tensorflow as tf
w = tf.Variable(tf.random.normal((3, 2), seed=1))
x, y = tf.random.normal((8, 3), seed=2), tf.one_hot(tf.range(8) % 2, 2)
for _ in range(9):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=x @ w, logits=y))
    w.assign_sub(0.1 * tape.gradient(loss, w))
"""
    evidence = compare(text, text.replace("labels=x @ w, logits=y", "labels=y, logits=x @ w"))
    assert evidence.before.symptoms == (Symptom.LOSS_ARGUMENTS_SWAPPED,) and evidence.verdict is Verdict.MENDED


LINKS = """
import tensorflow as tf
w = tf.Variable(tf.random.normal((3, 1), seed=1))
x, y = tf.random.normal((8, 3), seed=2), tf.cast(tf.range(8) % 2, tf.float32)[:, None]
for _ in range(9):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits({arguments}))
    w.assign_sub(0.1 * tape.gradient(loss, w))
"""


@pytest.mark.parametrize(
    ("wrong", "right"), [("labels=x @ w, logits=y", "labels=y, logits=x @ w"), ("x @ w, y", "y, x @ w")]
)
def test_scores_in_the_place_of_labels_are_noticed(compare: Compare, wrong: str, right: str) -> None:
    evidence = compare(LINKS.replace("{arguments}", wrong), LINKS.replace("{arguments}", right))
    assert evidence.before.symptoms == (Symptom.LOSS_ARGUMENTS_SWAPPED,) and evidence.verdict is Verdict.MENDED


@pytest.mark.parametrize("arguments", ["tf.sigmoid(x @ w), y", "labels=tf.sigmoid(x[:, :1]), logits=x @ w"])
def test_soft_labels_of_a_network_or_of_data_are_labels(step: Step, arguments: str) -> None:
    assert step(LINKS.replace("{arguments}", arguments)).symptoms == ()


ANGLES = """
import tensorflow as tf

angle = tf.Variable([0.3, 6.1], name="angle")
rate = tf.Variable(0.5, name="rate")
moved = [angle, rate]
optimizer = tf.keras.optimizers.SGD(0.05)
for step in range(4):
    with tf.GradientTape() as tape:
        REBOUND
        loss = tf.reduce_sum(tf.square(tf.sin(angle) - rate))
    optimizer.apply_gradients(zip(tape.gradient(loss, moved), moved))
"""


def test_what_flows_in_the_first_step_alone_is_no_mending(step: Step, compare: Compare) -> None:
    broken = ANGLES.replace("REBOUND", "angle = tf.Variable(angle % 6.28)")
    tensor = ANGLES.replace("REBOUND", "angle = angle % 6.28")
    mended = ANGLES.replace("REBOUND", "angle.assign(angle % 6.28)")
    assert Symptom.DRIED_UP in step(tensor).symptoms
    assert compare(broken, tensor).verdict is Verdict.UNCHANGED
    assert compare(broken, mended).verdict is Verdict.MENDED


TURNS = """
import tensorflow as tf

one, two = tf.Variable([0.3, 0.1], name="one"), tf.Variable([0.5, 0.2], name="two")
optimizer = tf.keras.optimizers.SGD(0.05)
for step in range(4):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(one - 1.0)) if step % 2 == 0 else tf.reduce_sum(tf.square(two + 1.0))
    gradients = tape.gradient(loss, [one, two])
    optimizer.apply_gradients([(g, v) for g, v in zip(gradients, [one, two]) if g is not None])
"""


def test_weights_that_train_in_turns_have_not_dried_up(step: Step) -> None:
    assert Symptom.DRIED_UP not in step(TURNS).symptoms


MASKED = """
import tensorflow as tf
from tensorflow import keras

class Masked(keras.layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(3, 2))
        self.bias = self.add_weight(name="bias", shape=(2,), initializer="zeros")
        IN_BUILD

    def call(self, x):
        return tf.matmul(x, IN_CALL) + self.bias

model = keras.Sequential([Masked()])
optimizer = keras.optimizers.Adam(1e-2)
x = tf.random.stateless_normal((16, 3), (1, 2))
for step in range(4):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x) - x[:, :2]))
    weights = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
"""


def test_a_product_that_the_first_step_made_is_seen(compare: Compare) -> None:
    broken = MASKED.replace("IN_BUILD", "self.masked = 2.0 * self.kernel").replace("IN_CALL", "self.masked")
    mended = MASKED.replace("IN_BUILD", "pass").replace("IN_CALL", "2.0 * self.kernel")
    evidence = compare(broken, mended)
    assert Symptom.DRIED_UP in evidence.before.symptoms
    assert evidence.verdict is Verdict.MENDED


TASKS = """
import tensorflow as tf
from tensorflow import keras

body, heads = keras.layers.Dense(4), [keras.layers.Dense(1, name="first"), keras.layers.Dense(1, name="second")]
x = tf.random.stateless_normal((16, 3), (1, 2))
for head in heads:
    head(body(x))
weights = body.trainable_variables + heads[0].trainable_variables + heads[1].trainable_variables
optimizer = keras.optimizers.Adam(1e-2)
for task in [0, 1, 1, 1, 0, 1]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(heads[task](body(x)) - x[:, task : task + 1]))
    gradients = tape.gradient(loss, weights)
    optimizer.apply_gradients([(g, v) for g, v in zip(gradients, weights) if g is not None])
"""


def test_a_head_that_waits_for_its_task_has_not_dried_up(step: Step) -> None:
    assert Symptom.DRIED_UP not in step(TASKS).symptoms
