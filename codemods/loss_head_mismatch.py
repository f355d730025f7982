"""RG102 loss-head-mismatch: the loss cannot teach the head that it judges.

What it does
------------
Reports a loss of the library that does not fit the last layer of the model it is given to, by `compile` or in a
loop of one's own:

- categorical or sparse categorical cross-entropy over one unit;
- binary cross-entropy over an n-way softmax whose targets are class numbers;
- binary cross-entropy over one sigmoid unit, or the logits of one, whose targets name more than two classes;
- binary cross-entropy over one sigmoid unit whose targets are quantities, drawn and added up in the program;
- a cross-entropy over `relu`, `tanh` and other activations that do not give probabilities;
- a cross-entropy over a head without activation that is not told of its logits;
- Poisson regression over a head that may answer with numbers below 0;
- `tf.nn.softmax_cross_entropy_with_logits` and its relatives over what a softmax (a sigmoid) has squashed already.

Why gradients stop
------------------
Categorical cross-entropy divides the outputs by their sum first. Over one unit that quotient is 1, whatever the unit
says: the loss is exactly 0 and teaches nothing. (Keras takes the logits of a sigmoid unit instead, so weights may even
move, towards one answer for every input.) A unit that is not a probability is clipped to the range from 0 to 1; where
it is clipped, its slope is 0: in 20 to 55 % of all random seeds not one sample of the first batch teaches an
unactivated head anything. A softmax of a softmax cannot come near the targets, and its slope shrinks. Poisson
regression takes the logarithm of the prediction, which is NaN below 0, and so are all weights after that step. Class
numbers above 1 pull a single unit to 1 for ever, with a loss that falls below 0.

Example
-------
Broken::

    model = Sequential([Dense(128, activation="relu"), Dense(1, activation="sigmoid")])
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.fit(X_train, y_train)

Mended::

    model = Sequential([Dense(128, activation="relu"), Dense(1, activation="sigmoid")])
    model.compile(optimizer="adam", loss="binary_crossentropy")
    model.fit(X_train, y_train)

The fix and its safety
----------------------
A sigmoid unit gets binary cross-entropy, in the author's spelling and with the arguments that both losses share. That
is safe: the model predicts what it predicted, the labels keep their meaning, and a loss that was the constant 0 becomes
one. A head without activation keeps it, and the loss is told `from_logits=True`; that too is safe. Where the program
reads the answers as probabilities (it compares them with one half, rounds them or takes their logarithm), the head gets
the activation instead. Where the head has to change (more units, another activation), the fix is unsafe; where the
labels do not decide, candidates are offered and the verifier chooses. Of heads in a table, the one that answers with
rates is taken for Poisson regression; otherwise the head gets `softplus`. Metrics are left alone.

When it stays silent
--------------------
When the number of units or the activation is not known, when the loss is the program's own, with `from_logits=True`
on a linear head, and for what other rules report: a softmax over one unit (RG105), labels in the wrong encoding
(RG103), a `from_logits` that is written and wrong (RG104). Binary cross-entropy over several sigmoid units (many labels
at
once), a softmax with mean squared error and categorical cross-entropy over several sigmoid units are unusual at
most; they train.

References
----------
- Keras, "Probabilistic losses".
- https://datascience.stackexchange.com/questions/38604
- regrad, facts: measured behaviour, 1; error sites, "Silent numerics".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis.cut import CutKind
from regrad.analysis.events import Trained
from regrad.analysis.flow import Flow
from regrad.analysis.library.heads import activation_of
from regrad.analysis.program import Program
from regrad.analysis.values import Layer, Operation, Tensor, Value
from regrad.codemods.engine.another_entry import another_entry
from regrad.codemods.engine.drawn_targets import are_quantities
from regrad.codemods.engine.judged import Judged, is_class_numbers, judged, layer_text, units_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.read_as_probabilities import read_as_probabilities
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld

CODE, NAME = "RG102", "loss-head-mismatch"
_CATEGORICAL = frozenset(
    {"categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy"}
)
_BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
_BINARY_OF = {"categorical_focal_crossentropy": "binary_focal_crossentropy"}
_TAKING_LOGITS = {
    "softmax_cross_entropy_with_logits": "softmax",
    "softmax_cross_entropy_with_logits_v2": "softmax",
    "sparse_softmax_cross_entropy_with_logits": "softmax",
    "sigmoid_cross_entropy_with_logits": "sigmoid",
}
_SHAPES = frozenset({"reshape", "squeeze", "expand_dims", "identity", "cast"})
NOT_PROBABILITIES = frozenset(
    ["relu", "relu6", "tanh", "elu", "selu", "leaky_relu", "gelu", "silu", "swish", "softplus", "softsign"]
)
_BELOW_ZERO = (NOT_PROBABILITIES | {"linear"}) - {"relu", "relu6", "softplus"}
_RATES = ("softplus", "exponential")
"""Activations whose values are above 0, without a bound."""


def detect(program: Program) -> Iterable[Finding]:
    for found in judged(program, untrained=True):
        message = _complaint(found)
        if message is not None:
            related: tuple[Related, ...] = ()
            layer = found.head.dense
            if layer is not None and layer.node is not None and layer.frame is not None:
                related = (Related(program.location(layer.node, layer.frame), f"the head, {_head_text(found)}"),)
            location = program.location(*found.place)
            yield Finding(CODE, NAME, message, location, CutKind.ZERO_SLOPE, (), related, found)
    yield from _squashed_twice(program)


class _Squashed(NamedTuple):
    """A loss that takes logits, and the step or layer that squashed them before."""

    loss: Operation
    squash: Operation


def _squashed_twice(program: Program) -> Iterator[Finding]:
    seen: set[int] = set()
    for tensor in tensors(program):
        operation = tensor.operation
        wanted = _TAKING_LOGITS.get(operation.name)
        if wanted is None or operation.kind != "op" or operation.node is None or operation.frame is None:
            continue
        if id(operation.node) in seen or operation.node not in program.parents(operation.frame.path):
            continue
        arguments = operation.arguments or {}
        squash = squashing(arguments.get("logits", arguments.get("1")), wanted)
        if squash is None:
            continue
        seen.add(id(operation.node))
        related: tuple[Related, ...] = ()
        if squash.node is not None and squash.frame is not None:
            related = (Related(program.location(squash.node, squash.frame), f"the {wanted}"),)
        message = f"`{operation.name}` takes logits, and is given what a {wanted} has squashed already"
        location = program.location(operation.node, operation.frame)
        yield Finding(CODE, NAME, message, location, CutKind.ZERO_SLOPE, (), related, _Squashed(operation, squash))


def squashing(value: Value | None, wanted: str) -> Operation | None:
    """The softmax or sigmoid over what weights made that the value comes from, through changes of shape alone."""
    for _ in range(16):
        if not isinstance(value, Tensor) or not value.operation.inputs:
            return None
        operation = value.operation
        layer = operation.callee
        if operation.kind == "layer" and isinstance(layer, Layer):
            if activation_of(layer) == wanted and layer.kind in ("Dense", "Activation", "Softmax"):
                return operation
            return None
        if operation.kind == "op" and operation.name == wanted:
            return operation if Flow(None).reach(operation.inputs[0]).sources else None
        through = operation.kind == "op" and operation.name in _SHAPES
        if not through and operation.kind != "model":
            return None
        value = operation.inputs[0]
    return None


def _complaint(found: Judged) -> str | None:
    head, units, targets = found.head, units_of(found.head), found.targets
    if _rates_below_zero(found):
        what = "has no activation" if head.activation == "linear" else f"has `{head.activation}`"
        return f"`poisson` wants rates above 0, and this head {what}: the logarithm of a number below 0 is NaN"
    if units is None or (head.activation == "softmax" and units == 1):
        return None
    if found.name in _CATEGORICAL and units == 1:
        return (
            f"`{found.name}` over one unit does not depend on the prediction: the quotient of the unit "
            "and its sum is always 1"
        )
    if not found.trained:
        return None
    yes_or_no = head.activation == "sigmoid" or (head.activation == "linear" and bool(found.logits))
    if found.name in _BINARY and units == 1 and yes_or_no and _many(found):
        kind = "sigmoid unit" if head.activation == "sigmoid" else "unit of logits"
        return (
            f"one {kind} answers yes or no, and the targets name {targets.classes} classes: "
            f"`{found.name}` pulls it to 1 for ever"
        )
    if _judges_quantities(found):
        return f"one sigmoid unit answers with numbers from 0 to 1, and the targets of `{found.name}` are quantities"
    if found.name in _BINARY and units > 1 and head.activation == "softmax" and is_class_numbers(found):
        return (
            f"`{found.name}` wants one target for each unit, and the targets of this {units}-way softmax "
            "are class numbers"
        )
    if _unannounced(found):
        return f"`{found.name}` wants probabilities, and this head gives logits: it has no activation"
    if found.logits is False and head.activation in NOT_PROBABILITIES and found.name in _BINARY | _CATEGORICAL:
        return (
            f"`{found.name}` wants probabilities, and `{head.activation}` does not give any: what lies "
            "outside 0 to 1 is clipped and teaches nothing"
        )
    return None


def _rates_below_zero(found: Judged) -> bool:
    """Whether Poisson regression is given what may be below 0; weights that are kept or begin above 0 may be sound."""
    layer = found.head.dense
    if found.name != "poisson" or not found.trained or layer is None or found.head.activation not in _BELOW_ZERO:
        return False
    return not any(name.endswith(("_constraint", "_initializer")) or name == "weights" for name in layer.arguments)


def _unannounced(found: Judged) -> bool:
    """Whether the loss takes the numbers of an unactivated head for probabilities because nobody told it otherwise."""
    head = found.head
    if found.name not in _BINARY | _CATEGORICAL or found.flagged or found.logits is not False:
        return False
    return head.activation == "linear" and head.dense is not None and units_of(head) is not None


def _judges_quantities(found: Judged) -> bool:
    """Whether a regression was given the head and the loss of a question with two answers."""
    targets = found.event.y if isinstance(found.event, Trained) else None
    one_unit = found.head.activation == "sigmoid" and units_of(found.head) == 1
    return found.name in _BINARY and one_unit and targets is not None and are_quantities(targets)


def _many(found: Judged) -> bool:
    return found.targets.encoding == "integers" and (found.targets.classes or 0) > 2 and is_class_numbers(found)


def _head_text(found: Judged) -> str:
    units = units_of(found.head)
    return (
        f"{layer_text(found.head.dense)} with {units} unit{'' if units == 1 else 's'} and activation "
        f"{found.head.activation or 'unknown'}"
    )


def mend(program: Program, finding: Finding) -> Mendings:
    if isinstance(finding.evidence, _Squashed):
        return _left_as_logits(program, finding.evidence)
    found: Judged = finding.evidence
    if _unannounced(found) and not (units_of(found.head) == 1 and found.name in _CATEGORICAL):
        return _told(program, found)
    offered: list[Mending] = []
    if _rates_below_zero(found) and found.head.dense is not None:
        entry = another_entry(program, found.head.dense, _RATES)
        if entry is not None:
            title, why = f"take the head of `{entry[0]}`", "it answers with rates, which this loss takes"
            offered.append(Mending(title, Safety.UNSAFE, entry[1], why, keeps_loss=False))
    reason = "what the head and the targets are meant to be is not certain"
    for title, safety, loss, logits, activation, units in _ways(found):
        try:
            edits = _edits(program, found, loss, logits, activation, units)
        except CannotMove as problem:
            reason = problem.reason
            continue
        offered.append(Mending(title, safety, edits, keeps_loss=False))
    return offered or Withheld(reason, _suggestion(found))


def _left_as_logits(program: Program, found: _Squashed) -> Mendings:
    """Without the squashing: the model answers with logits, as the loss wants them."""
    from regrad.codemods.engine.arguments import Remove, change_call
    from regrad.codemods.engine.broken_paths import says_nothing
    from regrad.codemods.engine.moving import Rewrite
    from regrad.codemods.engine.respelling import argument_node, path_of

    title, reason = "answer with logits, which this loss takes", "where the activation is written is not certain"
    layer, node, frame = found.squash.callee, found.squash.node, found.squash.frame
    try:
        if isinstance(layer, Layer) and layer.kind == "Dense" and isinstance(layer.node, ast.Call):
            key = argument_node(layer, "activation")[1]
            source = program.files[path_of(layer)]
            if isinstance(key, str):
                edits: tuple[Edit, ...] = (change_call(source, layer.node, Remove(key)),)
                return [Mending(title, Safety.UNSAFE, edits, keeps_loss=False, seen_in_step=False)]
        elif isinstance(node, ast.Call) and frame is not None and len(node.args) == 1 and not isinstance(layer, Layer):
            source = program.files[frame.path]
            inner = node.args[0]
            plain = isinstance(inner, (ast.Name, ast.Call, ast.Attribute, ast.Subscript))
            alone = isinstance(program.parents(frame.path).get(node), (ast.Return, ast.Assign))
            text = source.segment(source.span(inner))
            statement = program.statement(node, frame.path)
            if statement is not None and says_nothing(statement, node, text):
                rewrite = Rewrite(source, program.trees[frame.path])
                rewrite.remove([statement], keep_comments=True)
                return [Mending(title, Safety.UNSAFE, rewrite.edits(), keeps_loss=False, seen_in_step=False)]
            if alone and "\n" in text and not plain:
                alone = False
            edits = (Edit(frame.path, source.span(node), text if plain or alone else f"({text})"),)
            return [Mending(title, Safety.UNSAFE, edits, keeps_loss=False, seen_in_step=False)]
    except CannotMove as problem:
        reason = problem.reason
    return Withheld(reason, "logits = dense(x)  # tf.nn.softmax(logits) for the predictions only")


def _told(program: Program, found: Judged) -> Mendings:
    """The flag first, which leaves the model as it is; a head that gives probabilities where the loss is shared, or
    where the program reads the answers as such.
    """
    from regrad.codemods.engine import respelling

    offered: list[Mending] = []
    reason = ""
    try:
        edits = () if read_as_probabilities(program) else respelling.flagged(program, found)
        if edits:
            offered.append(Mending("say that the head gives logits", Safety.SAFE, edits, keeps_loss=False))
    except CannotMove as problem:
        reason = problem.reason
    activation = "sigmoid" if found.name in _BINARY else "softmax"
    try:
        edits = _edits(program, found, None, None, activation, None)
        title = f"answer with probabilities: `{activation}`"
        offered.append(Mending(title, Safety.UNSAFE, edits, keeps_loss=False))
    except CannotMove as problem:
        reason = reason or problem.reason
    name = respelling.CLASSES.get(found.name, found.name)
    return offered or Withheld(reason, f"keras.losses.{name}(from_logits=True)")


Way = tuple[str, Safety, "str | None", "bool | None", "str | None", "int | None"]


def _ways(found: Judged) -> list[Way]:
    """The changes in the order of their likelihood: title, safety, and the new loss, flag, activation and units."""
    head, units, targets = found.head, units_of(found.head), found.targets
    unsafe = Safety.UNSAFE
    if _rates_below_zero(found):
        return [(f"answer with rates: `{activation}`", unsafe, None, None, activation, None) for activation in _RATES]
    if _judges_quantities(found):
        title = "answer with any number and use the mean squared error"
        return [(title, unsafe, "mean_squared_error", None, "linear", None)]
    if units == 1 and targets.classes and (targets.encoding == "one-hot" or _many(found)):
        loss = "categorical_crossentropy" if targets.encoding == "one-hot" else "sparse_categorical_crossentropy"
        as_logits = bool(found.logits) and head.activation == "linear"
        what = "logits" if as_logits else "probabilities"
        title = f"answer with {targets.classes} {what}, one for each class"
        return [(title, unsafe, loss, None, None if as_logits else "softmax", targets.classes)]
    if found.name in _CATEGORICAL and units == 1:
        binary = _BINARY_OF.get(found.name, "binary_crossentropy")
        if head.activation == "sigmoid" or (found.logits and head.activation == "linear"):
            return [(f"use `{binary}`, which is made for one unit", Safety.SAFE, binary, None, None, None)]
        if head.activation == "linear":
            return [
                (f"use a sigmoid and `{binary}`", unsafe, binary, None, "sigmoid", None),
                (
                    "use the mean squared error, if the target is a quantity",
                    unsafe,
                    "mean_squared_error",
                    None,
                    None,
                    None,
                ),
            ]
        if head.activation in NOT_PROBABILITIES:
            return [(f"use a sigmoid and `{binary}`", unsafe, binary, None, "sigmoid", None)]
        return []
    if head.activation == "softmax":
        return [
            (
                "use `sparse_categorical_crossentropy`, which takes class numbers",
                Safety.SAFE,
                "sparse_categorical_crossentropy",
                None,
                None,
                None,
            )
        ]
    activation = "sigmoid" if found.name in _BINARY else "softmax"
    return [(f"answer with probabilities: `{activation}`", unsafe, None, None, activation, None)]


def _edits(
    program: Program, found: Judged, loss: str | None, logits: bool | None, activation: str | None, units: int | None
) -> tuple[Edit, ...]:
    from regrad.codemods.engine import respelling

    edits: tuple[Edit, ...] = ()
    if logits is None and found.logits and (activation or found.head.activation) in ("sigmoid", "softmax"):
        # Of probabilities the loss was told that they were logits.
        logits = False
    if (loss is not None and loss != found.name) or (logits is False and found.flagged):
        edits = respelling.swapped_loss(program, found, loss or found.name, logits)
    if activation is None and units is None:
        return edits
    holder, dense = found.head.layer, found.head.dense
    if holder is None or dense is None:
        raise CannotMove("the last layer is not known")
    if found.head.activation == activation:
        activation = None
    if activation is not None and holder is not dense:
        return (
            *edits,
            *respelling.layer_edits(program, holder, activation),
            *respelling.layer_edits(program, dense, None, units),
        )
    return (*edits, *respelling.layer_edits(program, dense, activation, units))


def _suggestion(found: Judged) -> str:
    if _rates_below_zero(found):
        return 'Dense(..., activation="softplus")  # rates are above 0'
    if units_of(found.head) == 1:
        return 'model.compile(loss="binary_crossentropy", ...)  # with Dense(1, activation="sigmoid")'
    return ""


RULE = Rule(
    CODE,
    NAME,
    "mixed",
    "Safe where the labels leave one loss that fits the head; where the head has to change, predictions change too.",
    detect,
    mend,
)
