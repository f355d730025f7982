"""Whether Keras 2 or 3 semantics hold."""

from __future__ import annotations

import pytest
from regrad.analysis.generation import generation, spelled_for_keras_2
from regrad.analysis.reader import Reader

from .programs import read, source_of


@pytest.mark.parametrize(
    ("text", "stated", "pinned", "expected"),
    [
        ("import keras", None, None, (3, False)),
        ("import tf_keras as keras", None, None, (2, True)),
        ("os.environ['TF_USE_LEGACY_KERAS'] = '1'", None, 3, (2, True)),
        ("from keras import ops", None, 2, (3, True)),
        ("x = keras.ops.sum(y)", None, None, (3, True)),
        ("import tf_keras", 3, 2, (3, True)),
        ("import keras", 2, 3, (2, True)),
        ("import keras", None, 2, (2, True)),
        ("import keras", None, 3, (3, True)),
    ],
)
def test_who_says_it(text: str, stated: int | None, pinned: int | None, expected: tuple[int, bool]) -> None:
    assert generation(text, stated, pinned) == expected


def test_a_program_knows_it() -> None:
    pinned = {"train.py": 2}
    reader = Reader(lambda path: None, None, pinned.get)
    program = reader.read_source(source_of("import keras\n"))
    assert (program.keras, program.keras_known) == (2, True)
    assert (read("pass").keras, read("pass").keras_known) == (3, False)
    assert (read("pass", keras=2).keras, read("pass", keras=2).keras_known) == (2, True)


def test_keras_3_does_not_collect_a_plain_variable() -> None:
    text = """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.w = tf.Variable(1.0)
            def call(self, x):
                return x * self.w
        net = Net()
        with tf.GradientTape() as tape:
            loss = net(1.0)
        tape.gradient(loss, net.trainable_variables)
    """
    (three,) = read(text, keras=3).sinks
    (two,) = read(text, keras=2).sinks
    assert three.path.connected == ()
    assert len(two.path.connected) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer = keras.optimizers.Adam(lr=rate)", True),
        ("optimizer = tf.keras.optimizers.SGD(lr = 0.1)", True),
        ("model = Model(input=[a, b], output=c)", True),
        ("model.fit_generator(data)", True),
        ("optimizer = keras.optimizers.Adam(learning_rate=rate)", False),
        ("variables = tf.compat.v1.trainable_variables()", False),
    ],
)
def test_spellings_that_keras_3_does_not_take(text: str, expected: bool) -> None:
    assert spelled_for_keras_2(read(text)) is expected
