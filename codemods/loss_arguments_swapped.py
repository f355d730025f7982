"""RG108 loss-arguments-swapped: the loss is given the prediction where it wants the target.

What it does
------------
Reports a cross-entropy of the library that is called as `loss(prediction, target)`, by the program or in a loss
function whose parameters have the names the wrong way round.

Why gradients stop
------------------
`-sum(y_true * log(y_pred))` has its curve on the side of the prediction. With the two exchanged the logarithm is
taken of the labels, which are 0 and 1 and are clipped: the loss is a straight line of huge, constant slope, and its
minimum is no answer to anything. With class numbers the prediction is taken for integers, through which no gradient
passes at all.

Example
-------
Broken::

    loss = loss_fn(model(x), y)

Mended::

    loss = loss_fn(y, model(x))

The fix and its safety
----------------------
The two are exchanged: in the call, or in the parameters of the loss function that Keras calls with the target
first. Safe: the model computes what it computed, and the loss is now the one that was named.

When it stays silent
--------------------
For losses in which both sides count alike (squared and absolute error, cosine similarity), when the target may
depend on weights as well (distillation, a discriminator's labels made of its scores), and when either side is not
known.

References
----------
- Keras, "Losses", on the order of `y_true` and `y_pred`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from regrad.analysis.cut import CutKind
from regrad.analysis.events import LossCalled
from regrad.analysis.flow import Flow
from regrad.analysis.library.heads import head_of
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor, Unknown, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG108", "loss-arguments-swapped"
_ONE_WAY = frozenset(
    {
        "binary_crossentropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "binary_focal_crossentropy",
        "categorical_focal_crossentropy",
    }
)
_TARGET_NAMES = frozenset(
    "y y_true labels label targets target y_batch y_train batch_y y_batch_train true_labels ground_truth".split()
)
_MADE_LIKE = frozenset({"ones_like", "zeros_like", "full_like"})


def detect(program: Program) -> Iterable[Finding]:
    seen: set[int] = set()
    for event in program.of(LossCalled):
        if event.name not in _ONE_WAY or id(event.node) in seen or event.node not in program.parents(event.frame.path):
            continue
        target, prediction = event.arguments.get("y_true"), event.arguments.get("y_pred")
        if not isinstance(event.node, ast.Call) or not _predicted(target) or not _data(prediction):
            continue
        seen.add(id(event.node))
        message = f"`{event.name}` is given the prediction as the target and the target as the prediction"
        location = program.location(event.node, event.frame)
        yield Finding(CODE, NAME, message, location, CutKind.NON_DIFFERENTIABLE, (), (), event)


def _predicted(value: Value | None) -> bool:
    """Whether it is certainly what a model answered."""
    if not isinstance(value, Tensor):
        return False
    reach = Flow(None).reach(value)
    return bool(reach.sources) and head_of(value).dense is not None


def _data(value: Value | None) -> bool:
    """Whether it certainly comes from no model."""
    if isinstance(value, Unknown):
        return value.origin in ("name", "parameter") and value.label.rpartition(".")[2] in _TARGET_NAMES
    if not isinstance(value, Tensor):
        return False
    full = value.operation.name not in _MADE_LIKE
    reach = Flow(None, full=full).reach(value)
    return not reach.sources and not reach.anything and (not full or not reach.data)


def mend(program: Program, finding: Finding) -> Mendings:
    event: LossCalled = finding.evidence
    try:
        edits = _exchanged(program, event)
    except CannotMove as problem:
        return Withheld(problem.reason, "loss_fn(y_true, y_pred)")
    return [Mending("give the target first", Safety.SAFE, edits, keeps_loss=False)]


def _exchanged(program: Program, event: LossCalled) -> tuple[Edit, ...]:
    from regrad.codemods.engine.arguments import swap_arguments

    call, path = event.node, event.frame.path
    if not isinstance(call, ast.Call):
        raise CannotMove("the call of the loss is not written out")
    source = program.files[path]
    function = event.frame.function
    arguments = function.node.args if function is not None else None
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)] if arguments is not None else []
    shown = [node.id for node in (event.nodes.get("y_true"), event.nodes.get("y_pred")) if isinstance(node, ast.Name)]
    if arguments is not None and len(names) == 2 and len(shown) == 2 and shown == names[::-1]:
        # The call reads right; it is the parameters that have each other's names.
        first, second = [*arguments.posonlyargs, *arguments.args]
        if first.annotation is None and second.annotation is None:
            return (Edit(path, source.span(first), second.arg), Edit(path, source.span(second), first.arg))
    keys = [word.arg for word in call.keywords if word.arg in ("y_true", "y_pred", "target", "output")]
    if len(keys) == 2 and keys[0] is not None and keys[1] is not None:
        return (swap_arguments(source, call, keys[0], keys[1]),)
    return (swap_arguments(source, call),)


RULE = Rule(CODE, NAME, "safe", "The model computes what it computed, and the loss is now the one named.", detect, mend)
