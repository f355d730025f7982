"""What was walked through once is used up when it is applied, and what can be read again is not."""

from __future__ import annotations

import pytest
from regrad.analysis.events import Applied

from .programs import read

PROGRAM = """
w = tf.Variable(2.0, name="w")
optimizer = keras.optimizers.SGD()
with tf.GradientTape() as tape:
    loss = w * w
gradients = tape.gradient(loss, [w])
pairs = {pairs}
{between}
optimizer.apply_gradients({applied})
"""
ZIP = "zip(gradients, [w])"


def used_up(pairs: str, between: str, applied: str = "pairs") -> bool:
    events = list(read(PROGRAM.format(pairs=pairs, between=between, applied=applied)).of(Applied))
    return events[-1].spent is not None


@pytest.mark.parametrize(
    "between",
    [
        "for g, v in pairs:\n    print(g)",
        "for index, (g, v) in enumerate(pairs):\n    print(index, g)",
        "norms = [tf.norm(g) for g, v in pairs]",
        "by_name = {v.name: g for g, v in pairs}",
        "by_name = dict((v.name, g) for g, v in pairs)",
        "largest = max(tf.norm(g) for g, v in pairs)",
        "bad = any(tf.norm(g) > 1 for g, v in pairs)",
        "grads, variables = zip(*pairs)",
        "print(*pairs)",
        "kept = list(pairs)",
        "optimizer.apply_gradients(pairs)",
        "def look(them):\n    for g, v in them:\n        print(g)\nlook(pairs)",
        "if unknown:\n    print(list(pairs))",
    ],
)
def test_read_before(between: str) -> None:
    assert used_up(ZIP, between)


@pytest.mark.parametrize("pairs", ["((g * 2, v) for g, v in zip(gradients, [w]))", "map(tuple, zip(gradients, [w]))"])
def test_generators_and_maps(pairs: str) -> None:
    assert used_up(pairs, "kept = list(pairs)")


@pytest.mark.parametrize(
    "between",
    [
        "",
        "print(pairs)",
        "for g, v in pairs:\n    break",
        "pairs = list(pairs)\nprint(list(pairs))",
        "pairs = sorted(pairs)\nprint(list(pairs))",
        "lazily = (g for g, v in pairs)",
        "counted = enumerate(pairs)",
        "first = next(pairs)",
        "if unknown:\n    print(list(pairs))\n    raise ValueError",
    ],
)
def test_not_read(between: str) -> None:
    assert not used_up(ZIP, between)


def test_a_list_can_be_read_again() -> None:
    assert not used_up(f"list({ZIP})", "for g, v in pairs:\n    print(g)")


def test_what_the_pairs_are_drawn_from() -> None:
    assert used_up("(g * 2 for g in gradients)", "norm = sum(pairs)", "zip(pairs, [w])")


def test_other_branch() -> None:
    text = PROGRAM.format(
        pairs=ZIP,
        between="if unknown:\n    print(list(pairs))\nelse:\n    optimizer.apply_gradients(pairs)",
        applied="[]",
    )
    assert all(event.spent is None for event in read(text).of(Applied))
