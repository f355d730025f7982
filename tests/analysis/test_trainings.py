"""Trainings in all their forms."""

from __future__ import annotations

import pytest
from regrad.analysis.events import Applied, Compiled, Minimized, Trained
from regrad.analysis.values import Collection, Tensor, Unknown

from .programs import connected, lost, read, read_files, sink, trained

MODEL = 'model = keras.Sequential([layers.Dense(2, name="head")])\nmodel.compile("adam", "mse")\n'


@pytest.mark.parametrize(
    "training",
    [
        "model.fit(x, y)",
        "model.fit(x=x, y=y, epochs=3)",
        "model.train_on_batch(x, y)",
        "model.fit(tf.data.Dataset.from_tensor_slices((x, y)).shuffle(10).batch(2).prefetch(1))",
        "data = tf.data.Dataset.from_tensor_slices((x, y))\nmodel.fit(data.map(lambda a, b: (a * 2, b)).batch(2))",
        "model.fit(tf.data.Dataset.zip((xs, ys)))",
        "def batches():\n    while True:\n        yield x, y\nmodel.fit(batches())",
        "history = model.fit(np.ones((8, 3)), np.ones((8, 2)))",
        "for x, y in data:\n    model.train_on_batch(x, y)",
    ],
)
def test_a_training_step_reaches_the_weights(training: str) -> None:
    program = read(MODEL + training)
    event = next(iter(program.of(Trained)))
    assert event.y is not None or event.data is not None
    assert all(connected(found) == ["head"] and not lost(found) for found in program.sinks)
    assert program.trains


@pytest.mark.parametrize(
    ("data", "with_target"),
    [
        ("tf.data.Dataset.from_tensor_slices((np.ones((4, 3)), np.ones((4, 2))))", True),
        ("tf.data.Dataset.from_tensor_slices(np.ones((4, 3)))", False),
        ("tf.data.Dataset.from_tensor_slices((np.ones((4, 3)), np.ones((4, 2)))).map(lambda a, b: a)", False),
        ("np.ones((4, 3))", False),
    ],
)
def test_whether_the_data_carries_a_target(data: str, with_target: bool) -> None:
    event = trained(read(MODEL + f"model.fit({data})"))
    assert (event.y is not None) is with_target


def test_unknown_data_may_carry_a_target() -> None:
    assert trained(read(MODEL + "model.fit(load())")).y is not None


@pytest.mark.parametrize(
    "loss", ["lambda t, p: tf.reduce_mean(tf.square(t - p))", "own", "keras.losses.Huber()", "Own()"]
)
def test_losses(loss: str) -> None:
    found = sink(
        read(f"""
def own(truth, prediction):
    return tf.reduce_mean(tf.abs(truth - prediction))

class Own(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(y_true - y_pred)

model = keras.Sequential([layers.Dense(2, name="head")])
model.compile("adam", loss={loss})
model.fit(x, y)
""")
    )
    assert connected(found) == ["head"]


def test_a_loss_of_the_program_that_ends_the_path() -> None:
    found = sink(
        read("""
        def own(truth, prediction):
            return tf.cast(tf.argmax(prediction, -1) == tf.argmax(truth, -1), tf.float32)
        model = keras.Sequential([layers.Dense(2, name="head")])
        model.compile("adam", loss=own)
        model.fit(x, y)
    """)
    )
    assert found.dead and lost(found) == ["head"]


def test_own_train_step() -> None:
    program = read("""
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.head = layers.Dense(2, name="head")
            def call(self, x):
                return self.head(x)
            def train_step(self, data):
                x, y = data
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self(x, training=True) - y)
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
                return {"loss": loss}
        net = Net()
        net.compile("adam")
        net.fit(x, y)
    """)
    assert trained(program).own_step
    found = sink(program)
    assert found.kind == "tape"
    assert connected(found) == ["head"]
    assert len(list(program.of(Applied))) == 1


def test_own_compute_loss() -> None:
    found = sink(
        read("""
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.head = layers.Dense(2, name="head")
            def call(self, x):
                return self.head(x)
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
                return tf.reduce_mean(tf.stop_gradient(y_pred) - y)
        net = Net()
        net.compile("adam")
        net.fit(x, y)
    """)
    )
    assert found.dead


def test_a_loss_that_the_model_adds_itself() -> None:
    program = read("""
        class Penalty(layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = layers.Dense(2, name="inner")
            def call(self, x):
                y = self.inner(x)
                self.add_loss(tf.reduce_mean(y))
                return y
        model = keras.Sequential([Penalty()])
        model.compile("adam")
        model.fit(x)
    """)
    assert trained(program).added_losses


def test_minimize() -> None:
    program = read("""
        w = tf.Variable(1.0, name="w")
        keras.optimizers.SGD().minimize(lambda: w * w, [w])
        keras.optimizers.SGD().minimize(lambda: tf.stop_gradient(w), [w])
    """)
    assert len(list(program.of(Minimized))) == 2
    first, second = program.sinks
    assert connected(first) == ["w"] and not first.path.lost
    assert second.dead


def test_graph_programs() -> None:
    program = read("""
        tf.compat.v1.disable_eager_execution()
        w = tf.compat.v1.get_variable("w", (3,))
        loss = tf.reduce_sum(w * 2)
        gradients = tf.compat.v1.gradients(loss, [w])
    """)
    assert all(not found.path.lost for found in program.sinks)


@pytest.mark.parametrize(
    "call", ["step(x)", "strategy.run(step, args=(x,))", "tf.function(step)(x)", "strategy.run(step, (x,))"]
)
def test_steps_that_are_called_around_corners(call: str) -> None:
    found = sink(
        read(f"""
strategy = tf.distribute.MirroredStrategy()
w = tf.Variable(1.0, name="w")

@tf.function
def step(x):
    with tf.GradientTape() as tape:
        loss = tf.stop_gradient(w * x)
    return tape.gradient(loss, [w])

{call}
""")
    )
    assert found.dead


def test_compile_twice() -> None:
    program = read(MODEL + 'model.fit(x, y)\nmodel.compile("sgd", "mae")\nmodel.fit(x, y)\n')
    assert len(list(program.of(Compiled))) == 2
    first, second = program.of(Trained)
    assert first.compilation is not second.compilation
    assert first.first and second.first


def test_the_events_tell_what_was_true_at_the_moment() -> None:
    program = read(MODEL + "model.fit(x, y)\nmodel.trainable = False\nmodel.fit(x, y)\n")
    first, second = program.of(Trained)
    assert len(first.sources) == 1 and len(second.sources) == 0


def test_labels_are_known_where_the_program_makes_them() -> None:
    event = trained(read(MODEL + "model.fit(np.ones((9, 3)), np.random.randint(0, 4, size=9))"))
    assert isinstance(event.y, Tensor)
    assert "labels" in event.y.facts and event.y.high == 3 and event.y.shape == (9,)
    event = trained(read(MODEL + "model.fit(x, keras.utils.to_categorical(labels, 5))"))
    assert isinstance(event.y, Tensor)
    assert "one-hot" in event.y.facts and event.y.shape == (None, 5)


def test_undefined_names_are_unknown() -> None:
    event = trained(read(MODEL + "model.fit(X_train, y_train)"))
    assert isinstance(event.x, Unknown) and event.x.label == "X_train"


def test_a_list_is_told_from_a_tuple() -> None:
    event = trained(read(MODEL + "model.fit([x, y])"))
    assert isinstance(event.x, Collection) and event.x.kind == "list" and event.y is None


def test_whoever_is_run_first_trains(tmp_path: object) -> None:
    program = read("def train():\n    model.fit(x, y)\n")
    assert not program.trains
    assert read(MODEL + "def train():\n    model.fit(x, y)\ntrain()\n").trains
    assert read(MODEL + "if __name__ == '__main__':\n    model.fit(x, y)\n").trains
    guarded = read_files(
        {
            "model.py": "import keras\nif __name__ == '__main__':\n    keras.Model().fit(1, 2)\n",
            "use.py": "import model\n",
        },
        "use.py",
        str(tmp_path),
    )
    assert not guarded.trains


def test_a_model_compiled_in_one_of_two_ways_is_compiled() -> None:
    program = read("""
        model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        if fast:
            model.compile("sgd", first_loss)
        else:
            model.compile("adam", second_loss)
        model.fit(x, y)
    """)
    event = trained(program)
    assert event.compilation is not None and not event.compilation.complete


def test_a_step_that_only_another_file_calls_does_not_train_here(tmp_path: object) -> None:
    files = {
        "learner.py": (
            "import keras\nimport tensorflow as tf\n"
            "class Learner:\n"
            "    def __init__(self):\n"
            "        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])\n"
            "        self.optimizer = keras.optimizers.SGD()\n"
            "    def update(self, x):\n"
            "        with tf.GradientTape() as tape:\n"
            "            loss = tf.reduce_mean(self.model(x))\n"
            "        weights = self.model.trainable_variables\n"
            "        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))\n"
        ),
        "main.py": "import tensorflow as tf\nfrom learner import Learner\nLearner().update(tf.ones((2, 3)))\n",
    }
    assert not read_files(files, "learner.py", str(tmp_path)).trains
    assert read_files(files, "main.py", str(tmp_path)).trains
