"""Controls: programs that must be seen to be broken, and programs that must be seen to be sound."""

# The programs under test stand on long lines.
# ruff: noqa: E501
from __future__ import annotations

import pytest
from regrad.analysis.cut import CutKind
from regrad.verify import Gradient, Outcome, Symptom, Verdict
from regrad.verify.faults import sound

from . import programs
from .conftest import Compare, Step

pytestmark = pytest.mark.tensorflow


def fit(head: str, loss: str) -> str:
    return str(programs.FIT.format(head=head, loss=loss))


def test_a_sound_loop_stops_by_itself_and_every_variable_receives_a_gradient(step: Step) -> None:
    report = step(programs.SOUND_LOOP)
    assert sound(report) and report.data == "real" and report.supplied == ()
    assert {v.name for v in report.variables} == {
        f"sequential/{d}/{w}" for d in ("dense", "dense_1") for w in ("kernel", "bias")
    }
    assert all(
        v.gradient is Gradient.FLOWS and v.changed and v.norm and v.optimizer == "Adam" for v in report.variables
    )


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("FORWARD_OUTSIDE", CutKind.BEFORE_TAPE, "prediction = model(x)"),
        ("LOSS_OUTSIDE", CutKind.AFTER_TAPE, "loss = tf.reduce_mean"),
    ],
)
def test_what_stands_outside_the_tape_is_broken_and_its_line_is_named(
    step: Step, text: str, kind: CutKind, line: str
) -> None:
    program = getattr(programs, text)
    report = step(program)
    assert report.outcome is Outcome.RAISED
    assert report.exception is not None and report.exception.startswith(
        "ValueError: No gradients provided for any variable"
    )
    assert all(v.gradient is Gradient.NONE and not v.changed for v in report.variables) and len(report.variables) == 4
    assert {cut.kind for cut in report.cuts} == {kind}
    start = report.cuts[0].location.span.start
    assert program.splitlines()[start.line - 1].strip().startswith(line)
    assert {name for cut in report.cuts for name in cut.variables} == {v.name for v in report.variables}


def test_moving_into_the_tape_is_mended_and_computes_the_same(compare: Compare) -> None:
    evidence = compare(programs.FORWARD_OUTSIDE, programs.SOUND_LOOP, same_loss=True)
    assert evidence.verdict is Verdict.MENDED
    assert evidence.before.loss == pytest.approx(evidence.after.loss, rel=1e-6)


def test_a_rewrite_that_computes_something_else_is_caught(compare: Compare) -> None:
    other = programs.SOUND_LOOP.replace("** 2", "** 4")
    assert compare(programs.FORWARD_OUTSIDE, other, same_loss=True).verdict is Verdict.WORSE


def test_comparing_a_program_with_itself_repairs_nothing(compare: Compare) -> None:
    assert compare(programs.FORWARD_OUTSIDE, programs.FORWARD_OUTSIDE).verdict is Verdict.UNCHANGED
    assert compare(programs.SOUND_LOOP, programs.SOUND_LOOP).verdict is Verdict.WAS_NOT_BROKEN
    assert compare(programs.SOUND_LOOP, programs.FORWARD_OUTSIDE).verdict is Verdict.WORSE


def test_one_unit_with_categorical_crossentropy_has_a_loss_of_zero(compare: Compare) -> None:
    head = 'tf.keras.layers.Dense(1, activation="sigmoid")'
    evidence = compare(fit(head, '"categorical_crossentropy"'), fit(head, '"binary_crossentropy"'))
    assert evidence.verdict is Verdict.MENDED
    assert evidence.before.loss == 0.0 and Symptom.LOSS_IS_ZERO in evidence.before.symptoms
    assert any(v.changed for v in evidence.before.variables), "the weights move although nothing is learnt"


def test_softmax_over_one_unit_is_a_constant_output(step: Step) -> None:
    report = step(fit('tf.keras.layers.Dense(1, activation="softmax")', '"binary_crossentropy"'))
    assert Symptom.CONSTANT_OUTPUT in report.symptoms and not sound(report)


def test_a_frozen_fresh_layer_is_a_symptom_and_a_frozen_base_is_none(step: Step) -> None:
    plain = fit('tf.keras.layers.Dense(1, activation="sigmoid")', '"binary_crossentropy"')
    frozen = plain.replace("model.compile", "model.layers[0].trainable = False\nmodel.compile")
    assert Symptom.UNTRAINED_LAYER_FROZEN in step(frozen).symptoms
    base = frozen.replace(
        "tf.keras.layers.Dense(8", "tf.keras.Sequential([tf.keras.Input((6,)), tf.keras.layers.Dense(8"
    ).replace('"relu")', '"relu")])')
    assert sound(step(base))
    loaded = frozen.replace(
        "model.compile", "model.layers[0].set_weights([w * 2 for w in model.layers[0].get_weights()])\nmodel.compile"
    )
    assert sound(step(loaded))


def test_everything_frozen_changes_nothing(step: Step) -> None:
    plain = fit('tf.keras.layers.Dense(1, activation="sigmoid")', '"binary_crossentropy"')
    report = step(plain.replace("model.compile", "model.trainable = False\nmodel.compile"))
    assert report.outcome is Outcome.STEPPED and Symptom.NOTHING_CHANGED in report.symptoms
    assert {v.gradient for v in report.variables} == {Gradient.NOT_ASKED}


def test_gradients_that_are_never_applied_change_nothing(step: Step) -> None:
    report = step(programs.NEVER_APPLIED)
    assert report.symptoms == (Symptom.NOTHING_CHANGED,)
    assert {v.gradient for v in report.variables} == {Gradient.FLOWS}


def test_only_the_second_step_shows_a_replaced_variable(compare: Compare) -> None:
    before = programs.REPLACED.format(update="w = w - 0.1 * gradient")
    evidence = compare(before, programs.REPLACED.format(update="w.assign_sub(0.1 * gradient)"), same_loss=True)
    assert evidence.verdict is Verdict.MENDED and evidence.before.outcome is Outcome.RAISED
    assert [cut.kind for cut in evidence.before.cuts] == [CutKind.VARIABLE_REPLACED]


def test_each_model_of_a_gan_is_judged_by_itself(step: Step) -> None:
    report = step(programs.GAN)
    assert sound(report) and {v.model for v in report.variables} == {"generator", "critic"}
    assert {v.optimizer for v in report.variables} == {"Adam", "Adam_1"}
    dead = step(programs.GAN.replace("g_loss = -tf.reduce_mean(", "g_loss = 0.0 * tf.reduce_mean("))
    assert not sound(dead)
    assert {v.gradient for v in dead.variables if v.model == "generator"} == {Gradient.ZERO}


def test_the_exception_is_that_of_the_programs_own_mode(step: Step) -> None:
    text = fit("tf.keras.layers.Dense(1)", "loss").replace(
        "model =", "def loss(y_true, y_pred):\n    return tf.reduce_mean(abs(y_pred.numpy() - y_true))\nmodel =", 1
    )
    report = step(text)
    assert report.outcome is Outcome.RAISED and report.exception is not None
    assert report.exception.startswith("AttributeError: 'SymbolicTensor' object has no attribute 'numpy'")
    assert [cut.kind for cut in report.cuts] == [CutKind.LEFT_TENSORFLOW]


def test_nan_is_not_flowing_and_its_operation_is_named(step: Step) -> None:
    report = step(
        programs.REPLACED.format(update="w.assign_sub(gradient)").replace(
            "** 2)", "** 2) + tf.reduce_sum(tf.sqrt(w - w))"
        )
    )
    assert {v.gradient for v in report.variables} == {Gradient.NON_FINITE}
    assert [(cut.kind, cut.operation) for cut in report.cuts] == [(CutKind.NON_FINITE, "Sqrt")]


def test_tensors_without_variables_are_reported_as_sources(step: Step) -> None:
    report = step(
        "import tensorflow as tf\nx = tf.constant([1.0, 2.0])\nwith tf.GradientTape() as tape:\n"
        "    tape.watch(x)\n    y = tf.reduce_sum(x * x)\nprint(tape.gradient(y, x))\n"
    )
    assert sound(report) and [v.name for v in report.variables] == ["source 0 (line 6)"]


def test_a_compat_v1_session_is_a_step(step: Step) -> None:
    report = step(
        "import numpy as np\nimport tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()\n"
        "x = tf.placeholder(tf.float32, [None, 2])\nw = tf.Variable(tf.ones([2, 1]), name='w')\n"
        "loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))\ntrain = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
        "with tf.Session() as session:\n    session.run(tf.global_variables_initializer())\n"
        "    while True:\n        session.run(train, {x: np.ones([4, 2])})\n"
    )
    assert sound(report) and report.loss == pytest.approx(4.0) and report.variables[0].norm is not None


def test_a_program_that_never_trains_is_no_step(step: Step) -> None:
    assert step("print('hello')").outcome is Outcome.NO_STEP
    left = step("import sys\nsys.exit('nothing to do')")
    assert left.outcome is Outcome.NO_STEP and left.reason is not None and "nothing to do" in left.reason


def test_a_forward_pass_that_draws_is_marked_and_data_that_was_drawn_is_not(step: Step) -> None:
    assert not step(programs.SOUND_LOOP).random
    dropout = 'activation="tanh"), tf.keras.layers.Dropout(0.5),'
    noisy = programs.SOUND_LOOP.replace('activation="tanh"),', dropout).replace("model(x)", "model(x, training=True)")
    assert step(noisy).random


@pytest.mark.parametrize(("margin", "fine"), [("distance + 1.0", True), ("0.0 * distance - 1.0", False)])
def test_samples_that_keep_the_margin_of_a_hinge_show_what_a_smaller_distance_does(
    step: Step, margin: str, fine: bool
) -> None:
    report = step(f"""
import numpy as np
import tensorflow as tf
x = np.random.RandomState(0).normal(1.0, 0.01, (16, 4)).astype("float32")
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, kernel_initializer="ones")])
def hinge(true, guess):
    distance = -tf.reduce_sum(tf.square(guess), axis=1)
    return tf.reduce_mean(tf.maximum({margin}, 0.0))
net.compile("sgd", hinge)
net.fit(x, x, verbose=0)
""")
    assert report.outcome is Outcome.STEPPED and sound(report) is fine


STEPS_OF = """
import tensorflow as tf
a, held = tf.Variable([1.0, 2.0]), tf.Variable([0.0, 0.0])
x = tf.constant([1.0, {second}])
optimizer = tf.keras.optimizers.SGD(0.1)
for _ in range(3):
    with tf.GradientTape() as tape:
        {made}
        loss = tf.reduce_mean({value})
    optimizer.apply_gradients(zip(tape.gradient(loss, [a]), [a]))
"""


def test_a_value_that_is_assigned_under_the_tape_is_named(step: Step) -> None:
    text = STEPS_OF.format(second=2.0, made="held.assign(a * x)", value="tf.square(held)")
    (cut,) = step(text).cuts
    assert (cut.kind, cut.operation, cut.variables) == (CutKind.ASSIGNED, "AssignVariableOp", ("a",))
    assert text.splitlines()[cut.location.span.start.line - 1].strip() == "held.assign(a * x)"


def test_what_the_library_stops_within_a_function_is_not_where_the_path_ends(step: Step) -> None:
    made = "mean, variance = tf.nn.moments(a * x, [0])"
    text = STEPS_OF.format(second=2.0, made=made, value="tf.round(a * x - mean) / variance")
    (cut,) = step(text.replace("/ variance", "/ tf.round(variance + 1.0)")).cuts
    assert (cut.kind, cut.operation, cut.variables) == (CutKind.NON_DIFFERENTIABLE, "Round", ("a",))


def test_the_operation_that_makes_nan_is_named_though_every_gradient_is_a_number(step: Step) -> None:
    text = STEPS_OF.format(second=-2.0, made="logarithms = tf.math.log(a * x)", value="logarithms")
    report = step(text)
    (cut,) = report.cuts
    assert report.variables[0].gradient is Gradient.FLOWS and not sound(report)
    assert (cut.kind, cut.operation) == (CutKind.NON_FINITE, "Log")
    assert text.splitlines()[cut.location.span.start.line - 1].strip() == "logarithms = tf.math.log(a * x)"


def test_the_line_that_nothing_passes_back_of_is_a_place(step: Step) -> None:
    text = """
import tensorflow as tf
layers = tf.keras.layers
inner, head = layers.Dense(4), layers.Dense(1)
first = layers.Dense(4, activation="tanh")
x, y = tf.random.normal((8, 3), seed=1), tf.random.normal((8, 1), seed=2)
optimizer = tf.keras.optimizers.SGD(0.1)
for _ in range(3):
    with tf.GradientTape() as tape:
        signs = tf.sign(inner(first(x)))
        loss = tf.reduce_mean((head(signs) - y) ** 2)
    weights = first.trainable_variables + inner.trainable_variables + head.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
"""
    report = step(text)
    assert report.cuts == ()
    told = {text.splitlines()[place.line - 1].strip(): place.what for place in report.places}
    assert told["signs = tf.sign(inner(first(x)))"].startswith("the slope is exactly zero here")


SPARSE_REWARD = """
import tensorflow as tf

policy = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])
optimizer = tf.keras.optimizers.Adam(0.01)
for episode in range({episodes}):
    states = tf.random.normal((4, 3), seed=episode)
    reward = 1.0 if episode == {rewarded} else 0.0
    {before}
    with tf.GradientTape() as tape:
        {under}
        loss = -tf.reduce_sum(chances) * reward
    gradients = tape.gradient(loss, policy.trainable_variables)
    optimizer.apply_gradients(zip(gradients, policy.trainable_variables))
"""
CHANCES = "chances = tf.nn.log_softmax(policy(states))[:, 0]"


def test_an_episode_without_a_reward_says_nothing_and_the_next_is_asked(compare: Compare) -> None:
    places = {"episodes": 8, "rewarded": 5}
    broken = SPARSE_REWARD.format(before=CHANCES, under="pass", **places)
    evidence = compare(broken, SPARSE_REWARD.format(before="pass", under=CHANCES, **places))
    assert evidence.verdict is Verdict.MENDED
    assert {v.gradient for v in evidence.after.variables} == {Gradient.FLOWS}


def test_where_no_episode_has_a_reward_nothing_is_proved(compare: Compare) -> None:
    places = {"episodes": 8, "rewarded": 9}
    broken = SPARSE_REWARD.format(before=CHANCES, under="pass", **places)
    evidence = compare(broken, SPARSE_REWARD.format(before="pass", under=CHANCES, **places))
    assert evidence.verdict is not Verdict.MENDED


GATHERED = """
import numpy as np
import tensorflow as tf
from tensorflow import keras

class Gathering(keras.Model):
    def __init__(self, every, *args, **options):
        super().__init__(*args, **options)
        self.every, self.passed = every, tf.Variable(0, trainable=False)
        self.sums = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in self.trainable_variables]

    def train_step(self, data):
        x, y = data
        self.passed.assign_add(1)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        for gathered, gradient in zip(self.sums, tape.gradient(loss, self.trainable_variables)):
            gathered.assign_add(gradient / self.every)
        APPLIED
        return {"loss": loss}

    def apply(self):
        self.optimizer.apply_gradients(zip([s.read_value() for s in self.sums], self.trainable_variables))
        for gathered in self.sums:
            gathered.assign(tf.zeros_like(gathered))

inputs = keras.Input((3,))
model = Gathering(5, inputs, keras.layers.Dense(1)(inputs))
optimizer = keras.optimizers.SGD(0.1)
optimizer.build(model.trainable_variables)
model.compile(optimizer=optimizer, loss="mse")
x = np.random.default_rng(0).random((160, 3)).astype("float32")
model.fit(x, x[:, :1], batch_size=8, epochs=1, verbose=0)
"""


def test_gradients_that_fit_gathers_reach_the_weights_later(step: Step) -> None:
    applied = "tf.cond(tf.equal(self.passed % self.every, 0), self.apply, lambda: None)"
    report = step(GATHERED.replace("APPLIED", applied))
    assert not report.symptoms
    assert all(variable.changed for variable in report.variables if variable.trainable)


def test_gradients_that_fit_gathers_for_nothing_are_told(step: Step) -> None:
    assert Symptom.NOTHING_CHANGED in step(GATHERED.replace("APPLIED", "pass")).symptoms
