"""Tapes in every arrangement of the collection of traps: correct programs whose gradients all arrive, and what each has
next to it that is wrong.
"""

from __future__ import annotations

import pytest

from .programs import connected, kinds, read, sink

MODEL = """
model = keras.Sequential([layers.Dense(2, name="head")])
other = keras.Sequential([layers.Dense(2, name="other")])
optimizer = keras.optimizers.Adam()
w = tf.Variable(1.0, name="w")
x = tf.constant([[1.0, 2.0]])
"""
SOUND = {
    "several in one with": """
        with tf.GradientTape() as one, tf.GradientTape() as two:
            a = tf.reduce_mean(model(x))
            b = tf.reduce_mean(other(x))
        one.gradient(a, model.trainable_variables)
        two.gradient(b, other.trainable_variables)
    """,
    "nested": """
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                y = w * w * w
            first = inner.gradient(y, w)
        outer.gradient(first, w)
    """,
    "gradient penalty": """
        with tf.GradientTape() as outer:
            mixed = x * 0.5
            with tf.GradientTape() as inner:
                inner.watch(mixed)
                score = model(mixed)
            slopes = inner.gradient(score, mixed)
            penalty = tf.reduce_mean(tf.square(tf.norm(slopes) - 1.0))
        outer.gradient(penalty, model.trainable_variables)
    """,
    "re-entered": """
        tape = tf.GradientTape()
        with tape:
            loss = tf.reduce_mean(model(x))
        with tape:
            scaled = loss * 2
        tape.gradient(scaled, model.trainable_variables)
    """,
    "persistent": """
        with tf.GradientTape(persistent=True) as tape:
            a, b = tf.reduce_mean(model(x)), tf.reduce_mean(other(x))
        tape.gradient(a, model.trainable_variables)
        tape.gradient(b, other.trainable_variables)
        del tape
    """,
    "as an argument": """
        def update(tape, loss, variables):
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x))
        update(tape, loss, model.trainable_variables)
    """,
    "returned": """
        def forward():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x))
            return loss, tape
        loss, tape = forward()
        tape.gradient(loss, model.trainable_variables)
    """,
    "in a method of another class": """
        class Trainer:
            def __init__(self, net):
                self.net = net
            def loss(self, x):
                return tf.reduce_mean(self.net(x))
            def step(self, x):
                with tf.GradientTape() as tape:
                    loss = self.loss(x)
                return tape.gradient(loss, self.net.trainable_variables)
        Trainer(model).step(x)
    """,
    "the loss in a closure": """
        def loss():
            return tf.reduce_mean(model(x))
        with tf.GradientTape() as tape:
            value = loss()
        tape.gradient(value, model.trainable_variables)
    """,
    "asked inside the block": """
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x))
            tape.gradient(loss, model.trainable_variables)
    """,
    "target in the call, inside the block": """
        with tf.GradientTape() as tape:
            y = model(x)
            tape.gradient(tf.reduce_mean(y), model.trainable_variables)
    """,
    "gradients of the input": """
        image = tf.constant([[1.0, 2.0]])
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_mean(model(image))
        tape.gradient(loss, image)
    """,
    "an intermediate tensor (Grad-CAM)": """
        inputs = keras.Input((2,))
        hidden = layers.Dense(4)(inputs)
        both = keras.Model(inputs, [hidden, layers.Dense(3)(hidden)])
        with tf.GradientTape() as tape:
            features, scores = both(x)
            best = scores[:, tf.argmax(scores[0])]
        tape.gradient(best, features)
    """,
    "teacher outside": """
        target = other(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x) - target))
        tape.gradient(loss, model.trainable_variables)
    """,
    "targets of Q-learning by predict": """
        future = other.predict(x)
        target = 1.0 + 0.9 * np.max(future, axis=1)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x) - target))
        tape.gradient(loss, model.trainable_variables)
    """,
    "straight through": """
        with tf.GradientTape() as tape:
            y = model(x)
            hard = y + tf.stop_gradient(tf.round(y) - y)
            loss = tf.reduce_mean(hard)
        tape.gradient(loss, model.trainable_variables)
    """,
    "accuracy beside the loss": """
        with tf.GradientTape() as tape:
            y = model(x)
            accuracy = tf.reduce_mean(tf.cast(tf.argmax(y, 1) == 0, tf.float32))
            loss = tf.reduce_mean(y)
            print(loss.numpy(), float(accuracy))
        tape.gradient(loss, model.trainable_variables)
    """,
    "one-hot labels": """
        labels = tf.constant([1])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x) * tf.one_hot(labels, 2))
        tape.gradient(loss, model.trainable_variables)
    """,
    "argmax of the prediction as an index": """
        with tf.GradientTape() as tape:
            y = model(x)
            loss = tf.reduce_mean(tf.gather(y, tf.argmax(y, axis=1), axis=1))
        tape.gradient(loss, model.trainable_variables)
    """,
    "a list of losses": """
        with tf.GradientTape() as tape:
            losses = []
            for _ in range(3):
                losses.append(tf.reduce_mean(model(x)))
            loss = tf.reduce_sum(tf.stack(losses))
        tape.gradient(loss, model.trainable_variables)
    """,
    "loss from zero": """
        with tf.GradientTape() as tape:
            loss = tf.zeros(())
            for i in range(8):
                loss += tf.reduce_mean(model(x))
        tape.gradient(loss, model.trainable_variables)
    """,
    "constant that is watched anew in every step": """
        point = tf.constant([1.0, 2.0])
        for step in range(200):
            with tf.GradientTape() as tape:
                tape.watch([point])
                loss = tf.reduce_sum(tf.square(point))
            gradient = tape.gradient(loss, [point])[0]
            point -= 0.01 * gradient
    """,
    "dictionary of sources": """
        weights = {"a": tf.Variable(1.0), "b": tf.Variable(2.0)}
        with tf.GradientTape() as tape:
            loss = weights["a"] * weights["b"]
        tape.gradient(loss, weights)
        with tf.GradientTape() as tape:
            loss = weights["a"] * weights["b"]
        tape.gradient(loss, list(weights.values()))
    """,
    "watched variables": """
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x))
        tape.gradient(loss, tape.watched_variables())
    """,
    "stop_recording around what needs none": """
        with tf.GradientTape() as tape:
            y = model(x)
            with tape.stop_recording():
                print(tf.reduce_mean(y))
            loss = tf.reduce_mean(y)
        tape.gradient(loss, model.trainable_variables)
    """,
    "jacobian": """
        with tf.GradientTape() as tape:
            y = model(x)
        tape.jacobian(y, model.trainable_variables)
    """,
    "recording again as libraries do it": """
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean(model(x), axis=1)
        with tape._ensure_recording():
            loss = tf.reshape(loss, [-1])
        tape.jacobian(loss, model.trainable_variables)
    """,
    "recording already": """
        with tf.GradientTape() as tape:
            y = model(x)
            with tape._ensure_recording():
                y = tf.square(y)
            loss = tf.reduce_mean(y)
        tape.gradient(loss, model.trainable_variables)
    """,
    "wrapped by another library": """
        import horovod.tensorflow as hvd
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x))
        tape = hvd.DistributedGradientTape(tape)
        tape.gradient(loss, model.trainable_variables)
    """,
    "entered by hand": """
        tape = tf.GradientTape()
        tape.__enter__()
        loss = tf.reduce_mean(model(x))
        tape.__exit__(None, None, None)
        tape.gradient(loss, model.trainable_variables)
    """,
    "own gradient": """
        @tf.custom_gradient
        def rounded(v):
            return tf.round(v), lambda upstream: upstream
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(rounded(model(x)))
        tape.gradient(loss, model.trainable_variables)
    """,
    "weights of two models together": """
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x)) + tf.reduce_mean(other(x))
        tape.gradient(loss, model.trainable_variables + other.trainable_variables)
    """,
}
WRONG = {
    "after the block": (
        """
        with tf.GradientTape() as tape:
            y = model(x)
        loss = tf.reduce_mean(y)
        tape.gradient(loss, model.trainable_variables)
        """,
        "after-tape",
    ),
    "before the block": (
        """
        y = model(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(y)
        tape.gradient(loss, model.trainable_variables)
        """,
        "before-tape",
    ),
    "not recorded": (
        """
        with tf.GradientTape() as tape:
            with tape.stop_recording():
                y = model(x)
            loss = tf.reduce_mean(y)
        tape.gradient(loss, model.trainable_variables)
        """,
        "tape-paused",
    ),
    "the other tape": (
        """
        with tf.GradientTape() as one:
            y = model(x)
        with tf.GradientTape() as two:
            loss = tf.reduce_mean(y)
        two.gradient(loss, model.trainable_variables)
        """,
        "before-tape",
    ),
    "inner gradient outside": (
        """
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                y = w * w
        first = inner.gradient(y, w)
        outer.gradient(first, w)
        """,
        "after-tape",
    ),
    "predict": (
        """
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.predict(x))
        tape.gradient(loss, model.trainable_variables)
        """,
        "left-tensorflow",
    ),
    "computed in the call": (
        """
        with tf.GradientTape() as tape:
            y = model(x)
        tape.gradient(tf.reduce_mean(y), model.trainable_variables)
        """,
        "after-tape",
    ),
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND.keys())
def test_sound(text: str) -> None:
    import textwrap

    program = read(MODEL + textwrap.dedent(text))
    assert program.sinks or "horovod" in text
    for found in program.sinks:
        assert not found.path.lost, [connected(found), kinds(found)]


@pytest.mark.parametrize(("text", "kind"), WRONG.values(), ids=WRONG.keys())
def test_wrong(text: str, kind: str) -> None:
    import textwrap

    found = list(read(MODEL + textwrap.dedent(text)).sinks)[-1]
    assert found.dead
    assert kind in kinds(found)


def test_how_often_a_tape_was_asked() -> None:
    program = read(
        MODEL
        + """
with tf.GradientTape() as tape:
    y = w * w
tape.gradient(y, w)
tape.gradient(y, w)
with tape:
    y = w * w
tape.gradient(y, w)
"""
    )
    assert [found.event.uses for found in program.sinks] == [0, 1, 0]  # type: ignore[union-attr]


def test_the_same_request_in_two_contexts_is_two_sinks() -> None:
    program = read(
        MODEL
        + """
def step(net):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x))
    return tape.gradient(loss, net.trainable_variables)
step(model)
step(other)
"""
    )
    right, wrong = program.sinks
    assert not right.path.lost
    assert wrong.dead and wrong.cuts == ()
    assert sink(read("pass\n" + MODEL + "with tf.GradientTape() as t:\n    y = w * w\nt.gradient(y, w)")).kind == "tape"
