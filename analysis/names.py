"""One canonical name for each thing of TensorFlow, Keras and NumPy, whatever path the program imported it by.

Prefixes: `tf` TensorFlow 2, `tf1` compat.v1, `keras` (stand-alone, `tf.keras` and `tf_keras` alike), `ops` keras.ops,
`K` keras.backend,
`np` NumPy, `tnp` TensorFlow's NumPy. Everything else keeps its own name.
"""

from __future__ import annotations

from functools import lru_cache

_PREFIXES = (
    ("tensorflow.compat.v1.keras", "keras"),
    ("tensorflow.compat.v2.keras", "keras"),
    ("tensorflow.python.keras", "keras"),
    ("tensorflow.contrib.keras", "keras"),
    ("tensorflow.keras", "keras"),
    ("tensorflow.experimental.numpy", "tnp"),
    ("tensorflow.compat.v1", "tf1"),
    ("tensorflow.compat.v2", "tf"),
    ("tensorflow", "tf"),
    ("tf_keras", "keras"),
    ("numpy", "np"),
)
_CANONICAL_PREFIXES = (
    ("tf.keras", "keras"),
    ("tf1.keras", "keras"),
    ("tf1.data", "tf.data"),
    ("tf.compat.v1", "tf1"),
    ("tf.compat.v2", "tf"),
    ("tf.experimental.numpy", "tnp"),
    ("keras.api", "keras"),
    ("keras.src", "keras"),
    ("keras._tf_keras.keras", "keras"),
    ("keras.ops", "ops"),
    ("keras.backend", "K"),
)
_FLAT = (
    "keras.layers",
    "keras.losses",
    "keras.metrics",
    "keras.optimizers",
    "keras.activations",
    "keras.models",
    "keras.regularizers",
    "keras.initializers",
)
_SAME = {
    "keras.models.Sequential": "keras.Sequential",
    "keras.models.Model": "keras.Model",
    "keras.engine.Model": "keras.Model",
    "keras.engine.training.Model": "keras.Model",
    "keras.engine.Layer": "keras.layers.Layer",
    "keras.engine.base_layer.Layer": "keras.layers.Layer",
    "keras.layers.Input": "keras.Input",
    "keras.engine.Input": "keras.Input",
    "keras.layers.InputLayer": "keras.layers.InputLayer",
    "keras.Layer": "keras.layers.Layer",
    "keras.Loss": "keras.losses.Loss",
    "keras.Metric": "keras.metrics.Metric",
    "keras.Variable": "keras.Variable",
    "keras.objectives": "keras.losses",
    "tf.Module": "tf.Module",
    "tf1.GradientTape": "tf.GradientTape",
    "tf1.Variable": "tf.Variable",
    "tf.eager.GradientTape": "tf.GradientTape",
}


def _replace(name: str, prefixes: tuple[tuple[str, str], ...]) -> str:
    for prefix, canonical in prefixes:
        if name == prefix or name.startswith(prefix + "."):
            return canonical + name[len(prefix) :]
    return name


_LOSSES_OF_KERAS = frozenset(
    "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy categorical_hinge hinge squared_hinge"
    " cosine_similarity huber kl_divergence kld log_cosh logcosh poisson mse mae mape msle MSE MAE MAPE MSLE KLD"
    " mean_absolute_error mean_absolute_percentage_error mean_squared_logarithmic_error".split()
)
"""Functions that `tf.losses` only has in TensorFlow 2."""


@lru_cache(maxsize=8192)
def canonical(name: str) -> str:
    """The canonical form of a full dotted name (`tensorflow.keras.layers.Dense` and `keras.layers.core.Dense` give the
    same).
    """
    name = _replace(_replace(name, _PREFIXES), _CANONICAL_PREFIXES)
    if name.startswith("tf.losses.") and (name[10:11].isupper() or name[10:] in _LOSSES_OF_KERAS):
        # TensorFlow 2 says the losses of Keras this way too; other functions there were others in TensorFlow 1.
        name = "keras" + name[2:]
    if name.startswith("keras."):
        for flat in _FLAT:
            if name.startswith(flat + "."):
                last = name.rpartition(".")[2]
                if last[:1].isupper() or flat in ("keras.losses", "keras.activations"):
                    name = flat + "." + last
                break
        if name.startswith("keras.objectives."):
            name = "keras.losses." + name.rpartition(".")[2]
        if name.startswith("keras.engine.") and name not in _SAME:
            name = "keras." + name.rpartition(".")[2]
    return _SAME.get(name, name)


def namespace(name: str) -> str:
    """The first part of a canonical name."""
    return name.partition(".")[0]


def snake_case(name: str) -> str:
    """`BinaryCrossentropy` -> `binary_crossentropy`, as Keras itself converts identifiers."""
    out: list[str] = []
    for index, letter in enumerate(name):
        if (
            letter.isupper()
            and index
            and (not name[index - 1].isupper() or (index + 1 < len(name) and name[index + 1].islower()))
        ):
            out.append("_")
        out.append(letter.lower())
    return "".join(out)
