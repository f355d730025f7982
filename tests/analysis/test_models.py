"""Keras models in all their forms: their weights, their heads, and the training step that they give."""

from __future__ import annotations

import pytest
from regrad.analysis.events import Trained

from .programs import connected, lost, read, sink, trained

FORMS = {
    "sequential": "model = keras.Sequential([layers.Dense(4), layers.Dense(2, activation='softmax')])",
    "add": """
        model = keras.Sequential()
        model.add(keras.Input((3,)))
        model.add(layers.Dense(4))
        model.add(layers.Dense(2, activation="softmax"))
    """,
    "unpacked": """
        hidden = [layers.Dense(4)]
        model = keras.Sequential([*hidden, layers.Dense(2, activation="softmax")])
    """,
    "comprehension": """
        model = keras.Sequential([layers.Dense(n) for n in (4,)] + [layers.Dense(2, activation="softmax")])
    """,
    "from a configuration": """
        sizes = {"hidden": 4}
        model = keras.Sequential()
        for name, size in sizes.items():
            model.add(layers.Dense(size))
        model.add(layers.Dense(2, activation="softmax"))
    """,
    "functional": """
        inputs = keras.Input((3,))
        x = layers.Dense(4)(inputs)
        model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    """,
    "functional in a factory": """
        def dense(units, **options):
            return layers.Dense(units, **options)
        def build(classes):
            inputs = keras.Input((3,))
            outputs = dense(classes, activation="softmax")(dense(4)(inputs))
            return keras.Model(inputs=inputs, outputs=outputs)
        model = build(2)
    """,
    "subclassed": """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.hidden = layers.Dense(4)
                self.head = layers.Dense(2, activation="softmax")
            def call(self, x, training=False):
                return self.head(self.hidden(x))
        model = Net()
    """,
    "with a list of layers": """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.stack = [layers.Dense(4), layers.Dense(2, activation="softmax")]
            def call(self, x):
                for layer in self.stack:
                    x = layer(x)
                return x
        model = Net()
    """,
    "model in a model": """
        body = keras.Sequential([layers.Dense(4)])
        model = keras.Sequential([body, layers.Dense(2, activation="softmax")])
    """,
    "wrapped": """
        inputs = keras.Input((3,))
        body = keras.Sequential([layers.Dense(4)])
        model = keras.Model(inputs, layers.Dense(2, activation="softmax")(body(inputs)))
    """,
    "activation layer": """
        model = keras.Sequential([layers.Dense(4), layers.Dense(2), layers.Activation("softmax")])
    """,
    "softmax layer": "model = keras.Sequential([layers.Dense(4), layers.Dense(2), layers.Softmax()])",
    "function as activation": """
        model = keras.Sequential([layers.Dense(4), layers.Dense(2, activation=tf.nn.softmax)])
    """,
    "operation at the end": """
        inputs = keras.Input((3,))
        outputs = tf.nn.softmax(layers.Dense(2)(layers.Dense(4)(inputs)))
        model = keras.Model(inputs, outputs)
    """,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_form(form: str) -> None:
    import textwrap

    text = textwrap.dedent(form) + '\nmodel.compile("adam", "categorical_crossentropy")\nmodel.fit(x, y)\n'
    program = read(text)
    event = trained(program)
    (head,) = event.heads
    assert head.activation == "softmax"
    assert head.units == 2
    assert len(event.sources) == 2 and event.frozen == () and event.complete
    found = sink(program)
    assert len(connected(found)) == 2
    assert not found.path.lost


@pytest.mark.parametrize(
    ("head", "activation", "units"),
    [
        ("layers.Dense(3)", "linear", 3),
        ("layers.Dense(1, activation='sigmoid')", "sigmoid", 1),
        ("layers.Dense(units=5, activation=keras.activations.relu)", "relu", 5),
        ("layers.Dense(3, 'softmax')", "softmax", 3),
        ("layers.Dense(3, activation=None)", "linear", 3),
        ("layers.Dense(3, activation=lambda v: v)", None, None),
        ("layers.Dense(count)", "linear", None),
        ("layers.TimeDistributed(layers.Dense(7, activation='softmax'))", "softmax", 7),
        ("layers.Dense(3, activation=unknown)", None, 3),
        ("unknown_layer(3)", None, None),
    ],
)
def test_head(head: str, activation: str | None, units: int | None) -> None:
    program = read(
        f'model = keras.Sequential([layers.Dense(8), {head}])\nmodel.compile("adam", "mse")\nmodel.fit(x, y)'
    )
    (found,) = trained(program).heads
    assert found.activation == activation
    if units is not None or activation is not None:
        assert found.units == units


def test_a_frozen_base() -> None:
    event = trained(
        read("""
        base = keras.applications.ResNet50(include_top=False, weights="imagenet")
        base.trainable = False
        model = keras.Sequential([base, layers.GlobalAveragePooling2D(), layers.Dense(10, name="head")])
        model.compile("adam", "mse")
        model.fit(x, y)
    """)
    )
    assert len(event.sources) == 1 and len(event.frozen) == 1
    assert event.complete


@pytest.mark.parametrize(
    ("freezing", "count"),
    [
        ("model.trainable = False", 0),
        ("for layer in model.layers:\n    layer.trainable = False", 0),
        ("for layer in model.layers[:1]:\n    layer.trainable = False", 1),
        ("model.layers[-1].trainable = False", 1),
        ("model.get_layer('first').trainable = False", 1),
        ("model.trainable = False\nmodel.trainable = True", 2),
        ("model.trainable = unknown", 2),
        ("model.layers[0].trainable = not True", 1),
    ],
)
def test_freezing(freezing: str, count: int) -> None:
    text = f"""
model = keras.Sequential([layers.Dense(3, name="first"), layers.Dense(2, name="second")])
{freezing}
model.compile("adam", "mse")
model.fit(x, y)
"""
    assert len(trained(read(text)).sources) == count


def test_wrappers_hold_what_they_wrap() -> None:
    found = sink(
        read("""
        model = keras.Sequential([
            layers.Bidirectional(layers.LSTM(4, name="inner")),
            layers.Dense(1, name="head"),
        ])
        model.compile("adam", "mse")
        model.fit(x, y)
    """)
    )
    assert sorted(connected(found)) == ["head", "inner"]


def test_weights_of_a_layer_of_the_program() -> None:
    found = sink(
        read("""
        class Linear(layers.Layer):
            def build(self, shape):
                self.kernel = self.add_weight(name="kernel", shape=(3, 3))
                self.unused = self.add_weight(name="unused", shape=(3,))
            def call(self, x):
                return x @ self.kernel
        model = keras.Sequential([Linear()])
        model.compile("adam", "mse")
        model.fit(x, y)
    """)
    )
    assert connected(found) == ["kernel"]
    assert lost(found) == ["unused"]


def test_models_of_other_libraries_are_unknown() -> None:
    program = read("""
        from transformers import TFAutoModel
        model = TFAutoModel.from_pretrained("bert")
        model.compile("adam")
        model.fit(data)
    """)
    assert not any(found.path.lost for found in program.sinks)


def test_several_outputs() -> None:
    program = read("""
        inputs = keras.Input((3,))
        one = layers.Dense(1, name="one")(inputs)
        two = layers.Dense(4, activation="softmax", name="two")(inputs)
        model = keras.Model(inputs, [one, two])
        model.compile("adam", ["mse", "sparse_categorical_crossentropy"])
        model.fit(x, [a, b])
    """)
    assert [(head.activation, head.units) for head in trained(program).heads] == [("linear", 1), ("softmax", 4)]
    assert sorted(connected(sink(program))) == ["one", "two"]


def test_an_output_without_a_loss_is_not_reached() -> None:
    found = sink(
        read("""
        inputs = keras.Input((3,))
        one = layers.Dense(1, name="one")(inputs)
        two = layers.Dense(4, name="two")(inputs)
        model = keras.Model(inputs, {"a": one, "b": two})
        model.compile("adam", {"a": "mse"})
        model.fit(x, {"a": y})
    """)
    )
    assert connected(found) == ["one"]
    assert lost(found) == ["two"]


def test_outputs_that_a_program_sets_itself_are_left_aside() -> None:
    program = read("""
        features = keras.applications.VGG19(weights=None)
        features.outputs = [features.layers[9].output]
        seen = features(keras.Input((224, 224, 3)))
        model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(x, y)
    """)
    assert any(True for _ in program.of(Trained))


def test_a_wrapper_without_a_constructor_keeps_what_it_wraps() -> None:
    program = read(
        """
        class Scaled(layers.Wrapper):
            def call(self, inputs):
                return tf.round(2.0 * self.layer(inputs))

        scaled = Scaled(layers.Dense(3, name="inside"))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(scaled(tf.ones((4, 2))))
        tape.gradient(loss, scaled.trainable_variables)
        """
    )
    assert lost(sink(program)) == ["inside"]
