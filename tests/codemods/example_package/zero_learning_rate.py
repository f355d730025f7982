"""ZL001 zero-learning-rate: an optimizer of Keras is made with a learning rate of zero.

What it does
    Reports `Adam(learning_rate=0)` and its like. A rate that something else sets later (a schedule, a callback) is not
    written there as a number, or the file speaks of it.

Why gradients stop
    They do not: they arrive, and are multiplied by zero. No weight ever changes and nothing is said.

Example
    Broken::

        model.compile(optimizer=tf.keras.optimizers.SGD(learning_rate=0), loss="mse")

    Mended::

        model.compile(optimizer=tf.keras.optimizers.SGD(learning_rate=0.01), loss="mse")

The fix and its safety
    The number becomes the optimizer's own default. Unsafe: the program, which stood still, trains.

When it stays silent
    Where the file assigns a learning rate or names a scheduler, and where the call is not one of an optimizer.

References
    https://keras.io/api/optimizers/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.codemods.engine import bowler_query
from regrad.codemods.engine.rule import Safety

if TYPE_CHECKING:
    from bowler import Query
    from bowler.types import LN, Capture, Filename

DEFAULTS = {"SGD": "0.01", "Adam": "0.001", "AdamW": "0.001", "Nadam": "0.001", "RMSprop": "0.001", "Adagrad": "0.001"}


def query(query: Query) -> Query:
    """`learning_rate=0` among the arguments of an optimizer."""
    return (
        query.select("argument< 'learning_rate' '=' rate=NUMBER >")
        .filter(is_zero)
        .filter(is_of_an_optimizer)
        .filter(is_set_once)
        .modify(take_the_default)
    )


def is_zero(node: LN, capture: Capture, filename: Filename) -> bool:
    return float(capture["rate"].value) == 0


def is_of_an_optimizer(node: LN, capture: Capture, filename: Filename) -> bool:
    return optimizer(node) in DEFAULTS


def is_set_once(node: LN, capture: Capture, filename: Filename) -> bool:
    while node.parent is not None:
        node = node.parent
    text = str(node)
    return "learning_rate.assign" not in text and "Schedule" not in text


def take_the_default(node: LN, capture: Capture, filename: Filename) -> None:
    capture["rate"].value = DEFAULTS[optimizer(node)]


def optimizer(argument: LN) -> str:
    """The last name before the brackets that the argument stands in."""
    brackets = argument
    while brackets.parent is not None and not str(brackets).lstrip().startswith("("):
        brackets = brackets.parent
    name = brackets.prev_sibling
    return str(name).strip().rpartition(".")[2] if name is not None else ""


RULE = bowler_query.rule(
    code="ZL001",
    name="zero-learning-rate",
    safety=Safety.UNSAFE,
    why="the program, which stood still, trains",
    message="this optimizer has a learning rate of zero: gradients arrive, and no weight ever changes",
    title="take the optimizer's default learning rate",
    query=query,
    mentions=["learning_rate"],
)
