"""Paths and cuts: which sources a loss reaches under a tape, and where the way to the others ends."""

from __future__ import annotations

import pytest

from .programs import connected, kinds, lost, read, sink

ONE = """
w = tf.Variable(2.0, name="w")
x = tf.constant([1.0, 2.0])
with tf.GradientTape() as tape:
    y = {expression}
    loss = tf.reduce_sum(y)
gradient = tape.gradient(loss, [w])
"""


@pytest.mark.parametrize(
    "expression",
    [
        "w * x",
        "tf.sin(w) + 1",
        "tf.cast(w, tf.float16)",
        "tf.where(x > 0, w * x, x)",
        "tf.gather(w * x, tf.argmax(x))",
        "w * tf.stop_gradient(x)",
        "w + tf.stop_gradient(tf.round(w) - w)",
        "tf.stack([w * 2.0, w])",
        "tf.convert_to_tensor([w, w])",
        "sum([w * 1.0, w * 2.0])",
        "(lambda v: v * 2)(w)",
        "some_library.function(w)",
        "-w",
        "abs(w)",
        "w ** 2",
        "(w * x)[0]",
        "w if unknown else w * 2",
        "w.read_value()",
        "tf.map_fn(lambda element: element * w, x)",
        "tf.experimental.numpy.sum(w * x)",
        "keras.ops.sum(w * x)",
    ],
)
def test_connected(expression: str) -> None:
    found = sink(read(ONE.format(expression=expression)))
    assert connected(found) == ["w"]
    assert lost(found) == [] and not found.dead


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("tf.argmax(w * x)", "integer"),
        ("tf.cast(tf.argmax(w * x), tf.float32)", "integer"),
        ("tf.cast(w > 1, tf.float32)", "integer"),
        ("tf.cast(tf.cast(w, tf.int32), tf.float32)", "integer"),
        ("tf.round(w)", "non-differentiable"),
        ("tf.floor(w * x)", "non-differentiable"),
        ("tf.sign(w)", "zero-slope"),
        ("tf.stop_gradient(w)", "gradient-stopped"),
        ("float(w)", "left-tensorflow"),
        ("w.numpy() * x", "left-tensorflow"),
        ("np.square(w * x)", "left-tensorflow"),
        ("tf.constant((w * x).numpy())", "left-tensorflow"),
        ("tf.one_hot(tf.cast(w, tf.int32), 3)", "non-differentiable"),
        ("tf.math.count_nonzero(w * x)", "integer"),
        ("w // 2", "non-differentiable"),
        ("tf.unique(w * x)[0]", "no-registered-gradient"),
    ],
)
def test_cut(expression: str, kind: str) -> None:
    found = sink(read(ONE.format(expression=expression)))
    assert found.dead, "a gradient arrives"
    assert lost(found) == ["w"]
    assert kind in kinds(found)


def test_recorded_too_early_and_too_late() -> None:
    program = read("""
        w = tf.Variable(1.0, name="w")
        early = w * 2
        with tf.GradientTape(persistent=True) as tape:
            inside = w * 3
        late = inside * w
        tape.gradient(early, [w])
        tape.gradient(late, [w])
        tape.gradient(inside, [w])
    """)
    first, second, third = program.sinks
    assert kinds(first) == ["before-tape"]
    assert kinds(second) == ["after-tape"]
    assert third.path.lost == ()


def test_the_target_depends_on_nothing_of_the_kind() -> None:
    found = sink(
        read("""
        w, v = tf.Variable(1.0, name="w"), tf.Variable(1.0, name="v")
        with tf.GradientTape() as tape:
            loss = v * 2
        tape.gradient(loss, [w, v])
    """)
    )
    assert lost(found) == ["w"] and connected(found) == ["v"]
    assert found.cuts == ()
    assert not found.dead


def test_a_tensor_has_to_be_watched_before_its_use() -> None:
    program = read("""
        x = tf.constant(1.0)
        with tf.GradientTape() as tape:
            y = x * 2
        tape.gradient(y, x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * 2
        tape.gradient(y, x)
        with tf.GradientTape() as tape:
            y = x * 2
            tape.watch(x)
        tape.gradient(y, x)
    """)
    without, with_it, too_late = program.sinks
    assert kinds(without) == ["not-watched"] and without.dead
    assert not with_it.path.lost
    assert too_late.dead


def test_an_intermediate_tensor_is_a_source_without_being_watched() -> None:
    found = sink(
        read("""
        w = tf.Variable(1.0)
        with tf.GradientTape() as tape:
            hidden = w * 2
            loss = hidden * hidden
        tape.gradient(loss, hidden)
    """)
    )
    assert not found.path.lost and len(found.path.connected) == 1


def test_a_variable_that_is_assigned_keeps_no_path() -> None:
    found = sink(
        read("""
        w, v = tf.Variable(1.0, name="w"), tf.Variable(0.0, name="v")
        with tf.GradientTape() as tape:
            v.assign(w * 2)
            loss = v * v
        tape.gradient(loss, [w])
    """)
    )
    assert found.dead
    assert kinds(found) == ["assigned"]


def test_variables_that_no_tape_watches() -> None:
    program = read("""
        fixed = tf.Variable(1.0, trainable=False, name="fixed")
        whole = tf.Variable(1, name="whole")
        with tf.GradientTape(persistent=True) as tape:
            loss = fixed * 2.0 + tf.cast(whole, tf.float32)
        tape.gradient(loss, [fixed])
        tape.gradient(loss, [whole])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            w = tf.Variable(1.0)
            loss = w * 2
        tape.gradient(loss, [w])
    """)
    fixed, whole, unwatched = program.sinks
    assert fixed.dead and kinds(fixed) == ["not-trainable"]
    assert whole.dead and "integer" in kinds(whole)
    assert unwatched.dead


def test_a_loss_that_is_none_of_the_known_is_not_dead() -> None:
    found = sink(
        read("""
        from somewhere import compute
        model = keras.Sequential([layers.Dense(1)])
        with tf.GradientTape() as tape:
            loss = compute(data)
        tape.gradient(loss, model.trainable_variables)
    """)
    )
    assert not found.dead


def test_deep_models_are_linear() -> None:
    import time

    def seconds(count: int) -> float:
        text = "x = inputs = keras.Input((3,))\n" + "".join(f"x = layers.Dense({n})(x)\n" for n in range(1, count))
        text += "model = keras.Model(inputs, x)\nmodel.compile('adam', 'mse')\nmodel.fit(a, b)\n"
        program = read(text)
        start = time.process_time()
        assert len(sink(program).path.connected) == count - 1
        return time.process_time() - start

    seconds(100)
    assert seconds(2000) < 60 * max(seconds(100), 0.005)


def test_an_unknown_object_may_read_its_variables_whenever_it_is_used() -> None:
    text = """
        import some_library
        class Agent(keras.Model):
            def __init__(self):
                super().__init__()
                self.w = tf.Variable(0.0, name="w")
                self.made = some_library.{made}
            def train(self, x):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.made * tf.stop_gradient(x))
                tape.gradient(loss, [self.w])
        Agent().train(tf.random.normal([8]))
    """
    assert not sink(read(text.format(made="util.DeferredTensor(self.w)"))).path.lost
    assert lost(sink(read(text.format(made="util.function(self.w)")))) == ["w"]


def test_a_list_is_asked_for_as_it_is_then() -> None:
    program = read(
        """
        w = {"a": tf.Variable(2.0, name="a")}
        rest = [tf.Variable(3.0, name="b")]
        with tf.GradientTape() as tape:
            loss = w["a"] * rest[0]
        gradient = tape.gradient(loss, [w, rest])
        w["a"] = tf.Variable(1.0, name="later")
        rest[0] = tf.constant(1.0)
        """
    )
    assert sorted(connected(sink(program))) == ["a", "b"]
