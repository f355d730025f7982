"""Whether a program certainly runs eagerly, by the words in its text."""

from __future__ import annotations

import re
from collections.abc import Iterable


class _Words:
    """Words that a text may speak of. Most texts have none of them, which needs no regular expression to be seen."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self._pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b")

    def speaks(self, text: str) -> bool:
        return any(word in text for word in self._words) and self._pattern.search(text) is not None


_GRAPH = _Words(
    *("placeholder", "Session", "InteractiveSession", "global_variables_initializer", "disable_eager_execution"),
    *("disable_v2_behavior", "EstimatorSpec", "Estimator", "model_fn", "contrib", "as_default", "set_session"),
    *("get_session", "Graph", "monitored_session"),
)
"""Names of graph programs, in which `minimize(tensor)` and `tf.gradients` are right."""
_SECOND = _Words(
    *("GradientTape", "compat.v1", "tf.function", "tf.keras", "tensorflow.keras", "from tensorflow import keras")
)


def speaks_of_graphs(texts: Iterable[str]) -> bool:
    """Whether any of the texts names what only graph programs have."""
    return any(_GRAPH.speaks(text) for text in texts)


def speaks_of_tensorflow_2(texts: Iterable[str]) -> bool:
    """Whether any of the texts names what TensorFlow 2 brought."""
    return any(_SECOND.speaks(text) for text in texts)
