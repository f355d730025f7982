"""Arguments of a command line: plain numbers and flags, through which no gradient can have come another way."""

from __future__ import annotations

import pytest

from .programs import connected, lost, read, sink

PROGRAM = """
import argparse
parser = argparse.ArgumentParser(description="training")
{arguments}
args = parser.parse_args()
w = tf.Variable(2.0, name="w")
with tf.GradientTape() as tape:
    loss = {loss}
gradient = tape.gradient(loss, [w])
"""


def _program(arguments: str, loss: str) -> str:
    return PROGRAM.format(arguments=arguments, loss=loss)


@pytest.mark.parametrize(
    ("arguments", "factor"),
    [
        ('parser.add_argument("--scale", type=float, default=1.0)', "args.scale"),
        ('parser.add_argument("-s", "--loss-scale", default=1.0)', "args.loss_scale"),
        ('parser.add_argument("--s", dest="scale", type=int, required=True)', "args.scale"),
        ('parser.add_argument("scale", type=float)', "vars(args)['scale']"),
        ('group = parser.add_argument_group("loss"); group.add_argument("--scale", type=float)', "args.scale"),
        ('parser.add_argument("--double", action="store_true")', "(2.0 if args.double else 1.0)"),
        ("parser.set_defaults(scale=0.5)", "args.scale"),
    ],
)
def test_an_argument_carries_no_gradient(arguments: str, factor: str) -> None:
    assert lost(sink(read(_program(arguments, f"tf.round(w) * {factor}")))) == ["w"]
    assert connected(sink(read(_program(arguments, f"tf.square(w) * {factor}")))) == ["w"]


@pytest.mark.parametrize(
    "factor",
    [
        'parser.add_argument("--model", type=load_model)\nfactor = "args.model"',
        'parser.add_argument("--scales", nargs="+")\nfactor = "args.scales[0]"',
        'factor = "args.of_another_file"',
    ],
)
def test_of_anything_else_nothing_is_known(factor: str) -> None:
    arguments, _, spelled = factor.rpartition("factor = ")
    found = sink(read(_program(arguments, f"tf.round(w) * {spelled.strip(chr(34))}")))
    assert found.path.anything


@pytest.mark.parametrize(
    ("default", "decided"), [("default=0.5", True), ("required=True", True), ("", False), ("default=None", False)]
)
def test_what_has_a_default_is_not_none(default: str, decided: bool) -> None:
    arguments = f'parser.add_argument("--threshold", type=float, {default})'
    found = sink(read(_program(arguments, "tf.round(w) if args.threshold is not None else tf.square(w)")))
    assert (lost(found) == ["w"]) is decided
