"""Backbones that are chosen when the program runs: their layers are not known, and so not what a loop does to them."""

from __future__ import annotations

import pytest
from regrad.codemods.nothing_trainable import RULE

from .programs import read

PROGRAM = """import sys
import numpy as np
from tensorflow import keras

def backbone(name):
    if name == "inception":
        return keras.applications.InceptionV3(weights="imagenet", include_top=False)
    return {other}

base = backbone(sys.argv[1])
features = keras.layers.GlobalAveragePooling2D()(base.output)
model = keras.Model(base.input, keras.layers.Dense(4, activation="softmax")(features))
thaw = False
for layer in model.layers:
    layer.trainable = thaw
    if layer.name == "{last}":
        thaw = True
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(np.random.rand(4, 75, 75, 3), np.arange(4))
"""


@pytest.mark.parametrize(
    "other",
    [
        'getattr(keras.applications, name)(weights="imagenet", include_top=False)',
        "keras.models.load_model(name)",
        'keras.applications.ResNet50(weights="imagenet", include_top=False)',
    ],
)
def test_from_a_layer_inside_of_it_on(other: str) -> None:
    assert not list(RULE.detect(read(PROGRAM.format(other=other, last="mixed3"))))


def test_all_of_it() -> None:
    other = 'keras.applications.InceptionV3(weights="imagenet", include_top=False)'
    program = PROGRAM.format(other=other, last="mixed3").replace("        thaw = True\n", "        thaw = False\n")
    assert [finding.code for finding in RULE.detect(read(program))] == ["RG201"]
