"""Which generation of Keras a program was written for, as far as its text gives it away."""

from __future__ import annotations

import re

from regrad.analysis.program import Program

_ONLY_KERAS_2 = re.compile(
    r"advanced_activations|keras\.layers\.(core|convolutional|normalization|recurrent|merge|embeddings|pooling)\b"
    r"|\blr\s*=\s*[\d.]|\bdecay\s*=\s*[\d.]|fit_generator|np_utils|tensorflow_backend|keras\.engine"
    r"|tf\.Session|tf\.compat\.v1|predict_classes|\.set_learning_phase|keras\.legacy|nb_epoch|Convolution2D|\bnb_"
)


def only_keras_2(program: Program) -> bool:
    """Whether the program uses what Keras 3 no longer has, so that its author ran it on Keras 2."""
    return any(_ONLY_KERAS_2.search(source.text) for source in program.files.values())
