"""What statements read, write, print and draw, and which of them may pass each other."""

from __future__ import annotations

import ast

import pytest
from regrad.codemods.engine.effects import Reading, followed, swap

_HEAD = """
import tensorflow as tf
import random

def log(value):
    print(value)

def noisy(value):
    return value + tf.random.normal(())

def remember(value):
    history.append(value)

"""


def _statements(text: str) -> tuple[Reading, list[ast.stmt]]:
    tree = ast.parse(_HEAD + text)
    return Reading(tree), tree.body[5:]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("y = model(x)", "print('hello')"),
        ("y = model(x)", "labels = tf.one_hot(labels, 3)"),
        ("y = model(x)", "accuracy.update_state(labels, old)"),
        ("self.output = self.model(x)", "self.count += 1"),
        ("y = f(x)", "z = f(x)"),
        ("y = noisy(x)", "print('hello')"),
        ("y = model(x)", "for name in names:\n    total = total + len(name)"),
    ],
)
def test_may_pass(earlier: str, later: str) -> None:
    reading, (one, other) = _statements(f"{earlier}\n{later}")
    assert swap(reading.of(one), reading.of(other))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("y = model(x)", "print(y)"),
        ("y = model(x)", "y = 0"),
        ("y = model(x)", "x = x / 255"),
        ("y = model(x)", "x += 1"),
        ("y = model(x)", "model.head.trainable = False"),
        ("y = model(x)", "model.load_weights('w')"),
        ("y = model(x)", "optimizer.apply_gradients(zip(g, model.trainable_variables))"),
        ("y = model(batch)", "batch.append(1)"),
        ("y = model(order)", "random.shuffle(order)"),
        ("self.y = self.model(x)", "print(self.y.shape)"),
        ("out['y'] = model(x)", "print(out)"),
        ("y = noisy(x)", "k = tf.random.uniform(())"),
        ("y = noisy(x)", "k = noisy(1.0)"),
        ("print('one')", "print('two')"),
        ("log(1)", "print('two')"),
        ("remember(x)", "n = len(history)"),
        ("n = len(history)", "remember(x)"),
        ("y = f(x)", "del x"),
        ("y = [value * scale for value in values]", "scale = 2"),
        ("callback = lambda: scale", "scale = 2"),
    ],
)
def test_may_not_pass(earlier: str, later: str) -> None:
    reading, (one, other) = _statements(f"{earlier}\n{later}")
    assert not swap(reading.of(one), reading.of(other))


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("for x in y:\n    if x:\n        break", False),
        ("if x:\n    break", True),
        ("while x:\n    continue", False),
        ("f = lambda: (yield)", False),
        ("value = yield x", True),
        ("def f():\n    return 1", False),
    ],
)
def test_leaves(text: str, leaves: bool) -> None:
    reading, (statement,) = _statements(text)
    assert reading.of(statement).leaves is leaves


def test_what_follows_keeps_its_order() -> None:
    reading, body = _statements("a = f(x)\nb = 1\nc = a + b\nb = 2\nprint(c)\nd = 3")
    moved = followed(reading, body, [body[0]])
    assert [ast.unparse(statement) for statement in moved] == ["a = f(x)", "c = a + b", "b = 2", "print(c)"]
