"""What a tape missed, where it goes, and when it may not go there."""

from __future__ import annotations

from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import SourceFile, decode
from regrad.codemods import forward_outside_tape, loss_outside_tape
from regrad.codemods.engine import edits
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.rule import Rule, Withheld

_HEAD = """import tensorflow as tf

model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
x, y = tf.ones((4, 2)), tf.ones((4, 1))
"""
_TAIL = """
gradients = tape.gradient(loss, model.trainable_variables)
"""


def _program(text: str) -> Program:
    source = decode("program.py", text.encode())

    def files(path: str) -> SourceFile | None:
        return source if path == "program.py" else None

    return Reader(files).read("program.py")


def _mended(rule: Rule, text: str) -> str:
    """The program after the first finding's mending, without what stands around; a reason where it was withheld."""
    program = _program(text)
    finding = next(iter(rule.detect(program)))
    offered = rule.mend(program, finding)
    if isinstance(offered, Withheld):
        return f"withheld: {offered.reason}"
    mended = edits.apply_all(program.files, offered[0].edits)["program.py"]
    return mended.removeprefix(_HEAD).removesuffix(_TAIL)


def test_missed_are_the_operations_on_the_way_in_order() -> None:
    program = _program(
        _HEAD
        + "a = model(x)\nb = a - y\nother = a * 2\nwith tf.GradientTape() as tape:\n    loss = tf.reduce_mean(b)"
        + _TAIL
    )
    (sink,) = program.sinks
    lines = [getattr(operation.node, "lineno", 0) for operation in missed(sink)]
    assert lines == [5, 6]


def test_what_was_assigned_to_a_variable_is_no_part_of_the_way() -> None:
    program = _program(
        "import tensorflow as tf\nw = tf.Variable(1.0)\n"
        "for i in range(2):\n    h = w * 2.0\n    with tf.GradientTape() as tape:\n        loss = h * h\n"
        "    g = tape.gradient(loss, w)\n    w.assign_sub(g)\n"
    )
    for sink in program.sinks:
        assert {getattr(operation.node, "lineno", 0) for operation in missed(sink)} == {4}


def test_only_what_has_to_comes_along() -> None:
    text = (
        "p = model(x)\nprint('go')\nn = p.shape[0]\nk = 3\n"
        "with tf.GradientTape() as tape:\n    loss = tf.reduce_mean(p - y) * n"
    )
    assert _mended(forward_outside_tape.RULE, _HEAD + text + _TAIL) == (
        "print('go')\nk = 3\nwith tf.GradientTape() as tape:\n    p = model(x)\n    n = p.shape[0]\n"
        "    loss = tf.reduce_mean(p - y) * n"
    )


def test_a_rebound_name_comes_along() -> None:
    text = "p = model(x)\nx = x / 2\nwith tf.GradientTape() as tape:\n    loss = tf.reduce_mean(p - y + x)"
    assert _mended(forward_outside_tape.RULE, _HEAD + text + _TAIL) == (
        "with tf.GradientTape() as tape:\n    p = model(x)\n    x = x / 2\n    loss = tf.reduce_mean(p - y + x)"
    )


def test_prints_keep_their_order() -> None:
    text = "p = model(x)\nprint('a', p)\nprint('b')\nwith tf.GradientTape() as tape:\n    loss = tf.reduce_mean(p - y)"
    assert _mended(forward_outside_tape.RULE, _HEAD + text + _TAIL) == (
        "with tf.GradientTape() as tape:\n    p = model(x)\n    print('a', p)\n    print('b')\n"
        "    loss = tf.reduce_mean(p - y)"
    )


def test_into_a_loop_what_is_used_outside_is_computed_in_both_places() -> None:
    text = (
        "p = model(x)\nprint(p)\nfor i in range(2):\n    with tf.GradientTape() as tape:\n"
        "        loss = tf.reduce_mean(p - y)\n    gradients = tape.gradient(loss, model.trainable_variables)\n"
    )
    assert _mended(forward_outside_tape.RULE, _HEAD + text) == (
        "p = model(x)\nprint(p)\nfor i in range(2):\n    with tf.GradientTape() as tape:\n        p = model(x)\n"
        "        loss = tf.reduce_mean(p - y)\n    gradients = tape.gradient(loss, model.trainable_variables)\n"
    )


def test_not_into_a_loop_that_uses_it_before_the_tape() -> None:
    text = (
        "p = model(x)\nfor i in range(2):\n    print(p)\n    with tf.GradientTape() as tape:\n"
        "        loss = tf.reduce_mean(p - y)\n    gradients = tape.gradient(loss, model.trainable_variables)\n"
    )
    assert "used in other parts of the loop" in _mended(forward_outside_tape.RULE, _HEAD + text)


def test_not_into_a_loop_when_it_draws() -> None:
    text = (
        "p = model(x) + tf.random.normal((4, 1))\nfor i in range(2):\n    with tf.GradientTape() as tape:\n"
        "        loss = tf.reduce_mean(p - y)\n    gradients = tape.gradient(loss, model.trainable_variables)\n"
    )
    assert "draws random numbers" in _mended(forward_outside_tape.RULE, _HEAD + text)


def test_reading_the_weights_waits_for_the_call_that_makes_them() -> None:
    head = _HEAD.replace("tf.keras.Input((2,)), ", "")
    text = (
        "p = model(x)\nvariables = model.trainable_variables\nwith tf.GradientTape() as tape:\n"
        "    loss = tf.reduce_mean(p - y)\ngradients = tape.gradient(loss, variables)\n"
    )
    mended = _mended(forward_outside_tape.RULE, head + text)
    assert "    p = model(x)\n    variables = model.trainable_variables\n" in mended


def test_the_loss_takes_along_what_it_reads_and_nothing_else() -> None:
    text = (
        "with tf.GradientTape() as tape:\n    p = model(x)\nprint('now')\nd = p - y\nk = 3\n"
        "s = tf.reduce_sum(d)\nprint(s)\nloss = s / 4"
    )
    assert _mended(loss_outside_tape.RULE, _HEAD + text + _TAIL) == (
        "with tf.GradientTape() as tape:\n    p = model(x)\n    d = p - y\n    s = tf.reduce_sum(d)\n    loss = s / 4\n"
        "print('now')\nk = 3\nprint(s)"
    )


def test_an_old_value_is_read_before_it_is_replaced() -> None:
    text = (
        "loss = tf.zeros(())\nwith tf.GradientTape() as tape:\n    p = model(x)\nprevious = loss\n"
        "loss = tf.reduce_mean(p - y)\nprint(previous)"
    )
    mended = _mended(loss_outside_tape.RULE, _HEAD + text + _TAIL)
    assert "    previous = loss\n    loss = tf.reduce_mean(p - y)\nprint(previous)" in mended


def test_a_branch_moves_as_a_whole() -> None:
    text = (
        "with tf.GradientTape() as tape:\n    p = model(x)\nif BIG:\n    loss = tf.reduce_sum(p - y)\n"
        "else:\n    loss = tf.reduce_mean(p - y)"
    )
    assert _mended(loss_outside_tape.RULE, _HEAD + text + _TAIL) == (
        "with tf.GradientTape() as tape:\n    p = model(x)\n    if BIG:\n        loss = tf.reduce_sum(p - y)\n"
        "    else:\n        loss = tf.reduce_mean(p - y)"
    )
