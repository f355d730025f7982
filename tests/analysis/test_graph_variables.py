"""Variables of graph programs are known by their scopes and names, and collected by them."""

from __future__ import annotations

import pytest
from regrad.analysis.events import Assigned
from regrad.analysis.weights import describe

from .programs import lost, read, sink

HEAD = "import numpy as np\nimport tensorflow.compat.v1 as tf\ntf.disable_eager_execution()\n"
PROGRAM = """
def layer(x, scope, reuse=None):
    with tf.variable_scope(scope, reuse=reuse):
        w = tf.get_variable("w", [3, 3])
        fixed = tf.get_variable("fixed", [3], trainable=False)
    return tf.matmul(x, w) + fixed


x = tf.placeholder(tf.float32, [None, 3])
with tf.variable_scope("outer"):
    first = layer(x, "first")
second = layer(first, "second")
again = layer(x, "second", reuse=True)
loss = tf.reduce_mean({loss})
pairs = tf.train.AdamOptimizer().compute_gradients(loss{given})
"""


def asked(loss: str, given: str) -> tuple[set[str], set[str]]:
    """The names of the variables that the gradient is asked for, and of those among them that get none."""
    request = sink(read(PROGRAM.format(loss=loss, given=given), head=HEAD))
    every = {describe(value) for value in (*request.path.connected, *request.path.lost)}
    return every, set(lost(request))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", {"outer/first/w", "second/w"}),
        (", var_list=None", {"outer/first/w", "second/w"}),
        (", tf.trainable_variables()", {"outer/first/w", "second/w"}),
        (", tf.trainable_variables('second')", {"second/w"}),
        (", tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope='outer')", {"outer/first/w"}),
        (", [v for v in tf.trainable_variables() if 'first' in v.name]", {"outer/first/w"}),
        (", [v for v in tf.trainable_variables() if v.name.startswith('second/')]", {"second/w"}),
        (", [v for v in tf.trainable_variables() if v.name.endswith('w:0')]", {"outer/first/w", "second/w"}),
    ],
)
def test_asked_for(given: str, expected: set[str]) -> None:
    assert asked("second", given) == (expected, set())


def test_the_same_name_is_the_same_variable() -> None:
    assert asked("again", "") == ({"outer/first/w", "second/w"}, {"outer/first/w"})


def test_assigned_by_function() -> None:
    text = "v = tf.get_variable('v', [2])\nupdate = tf.assign(v, v * 2.0)\ntf.train.AdamOptimizer().minimize(v * v)\n"
    program = read(text, head=HEAD)
    assert [event.method for event in program.of(Assigned)] == ["assign"]


def test_regularisers_are_not_known() -> None:
    """What a collection holds that is not looked at may depend on anything."""
    program = read(
        PROGRAM.format(loss="x + tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))", given=""), head=HEAD
    )
    assert not sink(program).path.lost
