"""`fit_generator` is handed what a function makes of each batch, by `map` or a generator expression."""

from __future__ import annotations

import pytest
from regrad.codemods.targets_missing import RULE

from .programs import read

PROGRAM = """from keras.models import Sequential
from keras.layers import Dense
from keras.preprocessing import image

def pair(batch):
    return batch / 255.0, batch

def scaled(batch):
    return batch / 255.0

model = Sequential([Dense(3, input_shape=(3,))])
model.compile("adam", "mse")
batches = image.ImageDataGenerator().flow_from_directory("images", class_mode=None)
model.fit_generator({data}, 100)
"""


@pytest.mark.parametrize("data", ["map(pair, batches)", "(pair(each) for each in batches)"])
def test_pairs_hold_the_targets(data: str) -> None:
    assert not list(RULE.detect(read(PROGRAM.format(data=data))))


@pytest.mark.parametrize("data", ["map(scaled, batches)", "(scaled(each) for each in batches)", "batches"])
def test_batches_alone_hold_none(data: str) -> None:
    assert [finding.code for finding in RULE.detect(read(PROGRAM.format(data=data)))] == ["RG601"]
