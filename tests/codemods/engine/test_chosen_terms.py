"""Terms of a loss that are taken by their names: which list a missing name joins, and when none does."""

from __future__ import annotations

import pytest
from regrad.codemods.partial_loss import RULE

from .programs import mended

_PROGRAM = """import tensorflow as tf

{names}
x = tf.random.normal((16, 6))
given = tf.keras.Input((6,))
inner = tf.keras.layers.Dense(4, "tanh")(given)
model = tf.keras.Model(given, [tf.keras.layers.Dense(6)(inner), tf.keras.layers.Dense(1)(inner)])
optimizer = tf.keras.optimizers.Adam()
for _ in range(2):
    with tf.GradientTape() as tape:
        copy, kind = model(x)
        parts = {{"copy": tf.reduce_mean((copy - x) ** 2), "kind": tf.reduce_mean((kind - x[:, :1]) ** 2)}}
{total}
    optimizer.apply_gradients(zip(tape.gradient(total, model.trainable_variables), model.trainable_variables))
    for name, part in parts.items():
        print(name, float(part))
"""
_LOOP = ("total = 0.0", "for name in NAMES:", "    total += parts[name]")


def _program(*total: str, names: str = "") -> str:
    return _PROGRAM.format(names=names, total="".join(f"        {line}\n" for line in total).rstrip("\n"))


@pytest.mark.parametrize(
    ("program", "left"),
    [
        (_program('total = sum(parts[name] for name in ["copy"])'), 'for name in ["copy", "kind"])'),
        (_program("terms = [parts[k] for k in ('copy',)]", "total = tf.add_n(terms)"), "for k in ('copy', 'kind')]"),
        (_program(*_LOOP, names='NAMES = ("copy",)'), '\nNAMES = ("copy", "kind")\n'),
        (_program(*_LOOP, names='NAMES = [\n    "copy",  # all of it\n]'), '"copy",  # all of it\n    "kind",\n]'),
        (_program("total = sum([2.0 * parts[name] for name in ['copy']])"), "['copy']]) + parts[\"kind\"]\n"),
    ],
)
def test_the_name_joins_the_others(program: str, left: str) -> None:
    assert left in mended(RULE, program)


def test_names_that_are_read_elsewhere_stay_as_they_are() -> None:
    text = mended(RULE, _program(*_LOOP, names='NAMES = ("copy",)\nprint(NAMES)'))
    assert text.startswith("withheld: ")
