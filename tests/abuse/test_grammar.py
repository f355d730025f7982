"""Reading and rewriting keep their promises on programs that nobody would write."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from regrad.analysis.source import Unreadable
from regrad.bench import promises

from .grammar import notebooks, parses, scripts, texts

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 20.0
"""Seconds of processor time for one program that are no hang on a slow machine."""


gently = settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def keep_promises(name: str, content: bytes) -> None:
    place = f"/nowhere/{name}"
    started = time.process_time()
    try:
        made = promises.rewrite(place, {place: content})
    except Unreadable as problem:
        assert problem.message
        return
    assert time.process_time() - started < LONGEST
    if made is not None:
        assert list(promises.complaints(made)) == []


@gently
@given(scripts())
def test_scripts(content: bytes) -> None:
    keep_promises("train.py", content)


@gently
@given(notebooks())
def test_notebooks(content: bytes) -> None:
    keep_promises("train.ipynb", content)


@gently
@given(st.binary(max_size=400).map(lambda noise: b"import tensorflow\n" + noise))
def test_noise(content: bytes) -> None:
    keep_promises("train.py", content)
    keep_promises("train.ipynb", content)


def test_the_programs_are_python_and_many_are_mended() -> None:
    """A generator of which nothing parses, or nothing is mended, would test nothing."""
    python: list[bool] = []
    mended: list[bool] = []

    @settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(texts())
    def run(text: str) -> None:
        python.append(parses(text))
        if python[-1]:
            mended.append(promises.rewrite("/nowhere/train.py", {"/nowhere/train.py": text.encode()}) is not None)

    run()
    assert sum(python) > 0.6 * len(python)
    assert sum(mended) > 0.1 * len(mended)


FOLLOWING = {
    "labels that only the mended call delivers": """\
import tensorflow as tf
from tensorflow import keras
(x, y), _ = keras.datasets.mnist.load_data()
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile('adam', loss='categorical_crossentropy', metrics=['accuracy'])
model.fit([x, y])
""",
    "a head that is mended together with its loss": """\
import tensorflow as tf
from tensorflow import keras
x = y = tf.constant([[1, 2, 3]])
model = keras.Sequential()
model.add(keras.layers.Dense(4))
model.add(keras.layers.Dense(10))
optimizer = keras.optimizers.SGD(0.1)
model.compile(optimizer, 'categorical_crossentropy')
model.fit(x, y, epochs=2)
y = tf.ones((8, 1))
model.compile(optimizer, 'binary_crossentropy')
model.fit(tf.ones((8, 3)), y)
""",
    "one call for two models": """\
import tensorflow as tf
import keras
from keras import layers
x, y = tf.ones((8, 3)), tf.ones((8, 1))
model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
for epoch in range(3):
    model.compile('adam', loss='binary_crossentropy', metrics=['accuracy'])
    model.fit(x, y)
    model = keras.Sequential()
    model.add(layers.Dense(4))
    model.add(layers.Dense(10))
""",
}


@pytest.mark.parametrize("text", FOLLOWING.values(), ids=FOLLOWING)
def test_what_a_mending_brings_to_light_at_its_own_place_is_mended_too(text: str) -> None:
    made = promises.rewrite("/nowhere/train.py", {"/nowhere/train.py": text.encode()})
    assert made is not None
    assert any(applied.candidate.key.turn for applied in made.plan.applied)
    assert list(promises.complaints(made)) == []
