"""Which generation of Keras a program was written for, as far as its text gives it away."""

from __future__ import annotations

import re

from regrad.analysis.program import Program

# Each starts with letters that `re` can look for quickly.
_ONLY_KERAS_2 = tuple(
    re.compile(pattern)
    for pattern in (
        r"advanced_activations",
        r"keras\.layers\.(?:core|convolutional|normalization|recurrent|merge|embeddings|pooling)\b",
        r"lr(?<=\blr)\s*=\s*[\d.]",
        r"(?:Adam|Adamax|Nadam|SGD|RMS[Pp]rop|Adagrad|Adadelta)\(\s*lr\s*=",
        r"Model\(\s*input\s*=",
        r"decay(?<=\bdecay)\s*=\s*[\d.]",
        r"fit_generator",
        r"np_utils",
        r"tensorflow_backend",
        r"keras\.engine",
        r"tensorflow_compression",
        r"tensorflow_addons",
        r"tensorflow_model_optimization",
        r"tensorflow(?:-gpu|-cpu)?\s*[=~]=\s*(?:1\.|2\.(?:\d|1[0-5])\b)",
        r"tf\.Session",
        r"tf\.placeholder",
        r"predict_classes",
        r"\.set_learning_phase",
        r"keras\.legacy",
        r"nb_epoch",
        r"Convolution2D",
        r"nb_(?<=\bnb_)",
    )
)


_GRAPHS = re.compile(r"tf\.compat\.v1")


def generation(text: str, stated: int | None, pinned: int | None = None) -> tuple[int, bool]:
    """Whether Keras 2 or 3 semantics hold, and whether anything says so.

    The configuration says it first, then the program, then the versions that its project requires.
    """
    if stated is not None:
        return stated, True
    if "tf_keras" in text or "TF_USE_LEGACY_KERAS" in text:
        return 2, True
    if "import keras_core" in text or "keras.ops" in text or "from keras import ops" in text:
        return 3, True
    if pinned is not None:
        return pinned, True
    return 3, False


def only_keras_2(program: Program) -> bool:
    """Whether the program uses what Keras 3 no longer has, or graphs, so that its author ran it on Keras 2."""
    return program.once(_only_keras_2)


def spelled_for_keras_2(program: Program) -> bool:
    """Whether it uses what Keras 3 no longer has: on Keras 3 it would have failed before anything was trained."""
    return program.once(_spelled_for_keras_2)


def _only_keras_2(program: Program) -> bool:
    return spelled_for_keras_2(program) or any(_GRAPHS.search(source.text) for source in program.files.values())


def _spelled_for_keras_2(program: Program) -> bool:
    return any(pattern.search(source.text) for source in program.files.values() for pattern in _ONLY_KERAS_2)
