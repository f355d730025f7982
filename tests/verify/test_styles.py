"""Ways of training that ask more of the verifier than one `apply_gradients` in an eager loop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from regrad.verify import Evidence, Gradient, Outcome, StepReport, Symptom, Verdict
from regrad.verify.faults import sound

pytestmark = pytest.mark.tensorflow
Step = Callable[..., StepReport]
Compare = Callable[..., Evidence]

HEAD = """
import numpy as np
import tensorflow as tf
layers = [tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(1)]
model = tf.keras.Sequential([tf.keras.Input((3,)), *layers])
optimizer = tf.keras.optimizers.Adam(0.01)
x = tf.random.normal((16, 3), seed=1)
y = tf.reduce_sum(x, axis=1, keepdims=True)
"""
ACCUMULATED = (
    HEAD
    + """
total = [tf.Variable(tf.zeros_like(v), trainable=False) for v in model.trainable_variables]
for step in range(1000):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2) / 4
    for kept, gradient in zip(total, tape.gradient(loss, model.trainable_variables)):
        kept.assign_add(gradient)
    if (step + 1) % 4 == 0:
        optimizer.apply_gradients(zip(total, model.trainable_variables))
        for kept in total:
            kept.assign(tf.zeros_like(kept))
"""
)
COMPILED = (
    HEAD
    + """
@tf.function(jit_compile=True)
def train_step(x, y):
    with tf.GradientTape() as tape:
        prediction = model(x)
        loss = tf.reduce_mean((prediction - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss
for step in range(1000):
    train_step(x, y)
"""
)
FIT = (
    HEAD
    + """
model.compile(optimizer, "mse", jit_compile=True)
model.fit(x, y, epochs=9, verbose=0)
"""
)
MIXED = 'import tensorflow as tf\ntf.keras.mixed_precision.set_global_policy("mixed_float16")\n' + HEAD.replace(
    "layers.Dense(1)", 'layers.Dense(1, dtype="float32")'
)
SCALED = """
optimizer = tf.keras.mixed_precision.LossScaleOptimizer(tf.keras.optimizers.Adam(0.01))
scale = getattr(optimizer, "scale_loss", None) or optimizer.get_scaled_loss
for step in range(1000):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
        scaled = scale(loss)
    gradients = tape.gradient(scaled, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
SESSION = """
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
x = tf.placeholder(tf.float32, [None, 2])
w = tf.get_variable("w", [2, 1])
prediction = tf.matmul(x, w)
loss = tf.reduce_mean(tf.square(prediction - 1.0))
gradients, = tf.gradients(loss, [w])
update = w.assign_sub(0.1 * gradients)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(50):
        session.run(update, {x: np.ones([4, 2])})
"""


def test_gradients_that_are_summed_over_batches_are_applied_in_the_end(compare: Compare) -> None:
    broken = ACCUMULATED.replace("model(x) - y", "tf.stop_gradient(model(x)) - y").replace(
        "kept.assign_add(gradient)", "kept.assign_add(gradient if gradient is not None else tf.zeros_like(kept))"
    )
    evidence = compare(broken, ACCUMULATED)
    assert evidence.verdict is Verdict.MENDED and sound(evidence.after)
    assert {v.gradient for v in evidence.before.variables if v.name.startswith("sequential")} == {Gradient.NONE}


def test_a_sum_that_is_never_applied_changes_nothing(step: Step) -> None:
    report = step(ACCUMULATED.replace("(step + 1) % 4 == 0", "step < 0"))
    assert Symptom.NOTHING_CHANGED in report.symptoms


@pytest.mark.parametrize("text", [COMPILED, FIT], ids=["tf.function", "fit"])
def test_what_xla_compiles_is_seen(step: Step, text: str) -> None:
    assert sound(step(text))


def test_a_cut_inside_a_compiled_function_is_seen_and_its_line_named(compare: Compare) -> None:
    broken = COMPILED.replace("prediction = model(x)", "prediction = tf.round(model(x))")
    evidence = compare(broken, COMPILED)
    assert evidence.verdict is Verdict.MENDED and evidence.before.outcome is Outcome.RAISED
    line = broken.splitlines().index("        prediction = tf.round(model(x))") + 1
    assert [cut.location.span.start.line for cut in evidence.before.cuts] == [line]


@pytest.mark.parametrize("rest", [SCALED, 'model.compile("adam", "mse")\nmodel.fit(x, y, verbose=0)'])
def test_mixed_precision_with_a_scaled_loss(step: Step, rest: str) -> None:
    report = step(MIXED + rest)
    assert sound(report) and all(v.changed for v in report.variables if v.gradient is Gradient.FLOWS)


def test_a_scaled_loss_that_is_cut_is_seen(compare: Compare) -> None:
    broken = (MIXED + SCALED).replace("model(x) - y", "tf.sign(model(x)) - y")
    assert compare(broken, MIXED + SCALED).verdict is Verdict.MENDED


def test_a_session_without_optimizer(compare: Compare) -> None:
    broken = SESSION.replace("prediction - 1.0", "tf.round(prediction) - 1.0")
    evidence = compare(broken, SESSION)
    assert evidence.verdict is Verdict.MENDED and evidence.after.variables[0].changed


def test_a_list_of_variables_that_leaves_out_a_layer_of_a_graph_is_noticed(compare: Compare) -> None:
    text = """
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
x = tf.placeholder(tf.float32, [None, 3])
w, v = tf.get_variable("w", [3, 4]), tf.get_variable("v", [4, 1])
loss = tf.reduce_mean(tf.square(tf.matmul(tf.tanh(tf.matmul(x, w)), v) - 1.0))
train = tf.train.AdamOptimizer(0.1).minimize(loss, var_list=[v])
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(50):
        session.run(train, {x: np.ones([4, 3])})
"""
    evidence = compare(text, text.replace("[v])", "[v, w])"))
    assert evidence.before.symptoms == (Symptom.LEFT_OUT,) and evidence.verdict is Verdict.MENDED


IN_TURN = """
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_eager_execution()
plays = tf.constant(np.random.default_rng(0).poisson(2.0, (9, 7)).astype("float32"))
users = tf.get_variable("users", (9, 2), initializer=tf.random_normal_initializer(seed=1))
songs = tf.get_variable("songs", (7, 2), initializer=tf.random_normal_initializer(seed=2))
offset = tf.get_variable("offset", (1, 7), initializer=tf.zeros_initializer())
loss = tf.reduce_mean(tf.square(plays - tf.matmul(users, songs, transpose_b=True) - offset))
one = tf.train.AdamOptimizer(0.05).minimize(loss, var_list=[users])
other = tf.train.AdamOptimizer(0.05).minimize(loss, var_list=[songs, offset])
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(40):
        session.run(one)
    for _ in range(40):
        session.run(other)
"""


def test_weights_of_a_graph_whose_turn_has_not_come_are_not_stuck(step: Step) -> None:
    report = step(IN_TURN)
    assert report.outcome is Outcome.STEPPED
    assert not report.symptoms
    assert {each.gradient for each in report.variables} == {Gradient.FLOWS}


EPISODES = (
    HEAD
    + """
kept = []
for episode in range(150):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x[:2]) - y[:2]) ** 2)
    kept.append(tape.gradient(loss, model.trainable_variables))
{end}
"""
)
APPLIED = (
    "optimizer.apply_gradients([(tf.reduce_mean(g, axis=0), v) for g, v in zip(zip(*kept), model.trainable_variables)])"
)


@pytest.mark.parametrize(("end", "symptoms"), [(APPLIED, ()), ("", (Symptom.NOTHING_CHANGED,))])
def test_gradients_of_many_steps_are_kept_for_the_end(step: Step, end: str, symptoms: tuple[Symptom, ...]) -> None:
    report = step(EPISODES.format(end=end))
    assert report.outcome is Outcome.STEPPED
    assert report.symptoms == symptoms


EXPLAINED = (
    HEAD
    + """
model.compile("sgd", "mse")
model.fit(x, y, epochs=1, verbose=0)
inner = tf.keras.Model(model.inputs, [layers[0].output, *model.outputs])
{cam}
print(1 / 0)
"""
)


def test_gradients_of_a_graph_after_the_training_are_part_of_the_step(compare: Compare) -> None:
    before = "features, score = inner(x)\ntf.gradients(score, features)"
    after = "with tf.GradientTape() as tape:\n    features, score = inner(x)\ntape.gradient(score, features)"
    evidence = compare(EXPLAINED.format(cam=before), EXPLAINED.format(cam=after))
    assert evidence.verdict is Verdict.MENDED
