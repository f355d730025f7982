"""A step by hand is lost where nobody reads what it made, and nowhere else."""

from __future__ import annotations

import pytest
from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import decode
from regrad.codemods.engine.moved_copies import moved_copies

HEAD = """
import tensorflow as tf
w = tf.Variable([[1.0], [2.0]])
b = tf.Variable([0.0])
x, y = tf.ones([4, 2]), tf.ones([4, 1])
arrays = [v.numpy() for v in (w, b)]
for step in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((x @ w + b - y) ** 2)
    gradients = tape.gradient(loss, [w, b])
"""


def program(step: str, after: str = "") -> Program:
    lines = "\n".join(f"    {line}" for line in step.splitlines())
    source = decode("train.py", f"{HEAD}{lines}\n{after}\n".encode())
    return Reader(lambda path: None).read_source(source)


@pytest.mark.parametrize(
    "step",
    [
        "for v, g in zip([w, b], gradients):\n    v = v - 0.1 * g",
        "for v, g in zip([v.read_value() for v in (w, b)], gradients):\n    v -= 0.1 * g",
        "for array, g in zip(arrays, gradients):\n    array -= 0.1 * g.numpy()",
        "for i, g in enumerate(gradients):\n    arrays[i] = arrays[i] - 0.1 * g.numpy()",
        "mine = w.numpy()\nmine -= 0.1 * gradients[0].numpy()",
        "print(tf.norm(gradients[0]))\nfor v, g in zip([w, b], gradients):\n    v = v - 0.1 * g",
    ],
)
def test_lost(step: str) -> None:
    assert list(moved_copies(program(step)))


@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("for array, g in zip(arrays, gradients):\n    array -= 0.1 * g.numpy()", "print(arrays)"),
        ("for i, g in enumerate(gradients):\n    arrays[i] = arrays[i] - 0.1 * g.numpy()", "tf.io.write(arrays)"),
        ("mine = w.numpy()\nmine -= 0.1 * gradients[0].numpy()\nprint(mine)", ""),
        ("fast = []\nfor v, g in zip([w, b], gradients):\n    v = v - 0.1 * g\n    fast.append(v)", ""),
        ("for v, g in zip([w, b], gradients):\n    v = v - 0.1 * g\nlibrary.move([w, b], gradients)", ""),
        ("for v, g in zip([w, b], gradients):\n    v.assign_sub(0.1 * g)", ""),
        ("for v, g in zip([w, b], gradients):\n    v = v - 0.1 * g\n    w.assign(w * 0.9)", ""),
        (
            "for v, g in zip([w, b], gradients):\n    v = v - 0.1 * g\noptimizer.apply_gradients([(gradients[0], w)])",
            "",
        ),
    ],
)
def test_read_or_moved_elsewhere(step: str, after: str) -> None:
    assert not list(moved_copies(program(step, after)))


def test_once_is_no_training() -> None:
    text = HEAD.replace("for step in range(3):", "if True:")
    step = "    for v, g in zip([w, b], gradients):\n        v = v - 0.1 * g\n"
    source = decode("train.py", (text + step).encode())
    assert not list(moved_copies(Reader(lambda path: None).read_source(source)))
