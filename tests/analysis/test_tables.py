"""Lists of lists: what is put into a part of them, at a place that is not known, is in them from then on."""

from __future__ import annotations

import pytest

from .programs import connected, lost, read, sink

ROWS = """
w = tf.Variable(2.0, name="w")
size = some_library.size()
with tf.GradientTape() as tape:
{body}
gradient = tape.gradient(loss, [w])
"""


def _program(lines: list[str]) -> str:
    return ROWS.format(body="\n".join("    " + line for line in lines))


@pytest.mark.parametrize(
    "lines",
    [
        ["rows = [[0.0] * size for _ in range(size)]", "rows[size - 1][0] = w * 2.0", "loss = rows[0][size - 1]"],
        ["row = size * [0.0]", "row[size - 1] = w * 2.0", "loss = row[0]"],
        ["rows = [[] for _ in range(size)]", "rows[size - 1].append(w * 2.0)", "loss = tf.add_n(rows[0])"],
        ["rows = [[], []]", "rows[size % 2].append(w * 2.0)", "loss = tf.add_n(rows[0])"],
        ["rows = [[], []]", "row = rows[size % 2]", "row += [w * 2.0]", "loss = tf.add_n(rows[0])"],
        ["one, other = [], []", "row = one if size else other", "row.extend([w * 2.0])", "loss = tf.add_n(one)"],
    ],
)
def test_what_is_put_in_is_found(lines: list[str]) -> None:
    assert connected(sink(read(_program(lines)))) == ["w"]


@pytest.mark.parametrize(
    "lines",
    [
        ["row = [0.0] * size", "row[size - 1] = float(w)", "loss = tf.constant(row[0])"],
        ["loss = tf.reduce_sum(np.float32(w))"],
        ["rows = [[np.float32(1.0)] * size for _ in range(size)]", "loss = tf.constant(rows[0][0])"],
    ],
)
def test_plain_numbers_carry_nothing(lines: list[str]) -> None:
    assert lost(sink(read(_program(lines)))) == ["w"]
