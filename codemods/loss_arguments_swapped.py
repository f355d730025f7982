"""RG108 loss-arguments-swapped: the loss is given the prediction where it wants the target.

What it does
------------
Reports a cross-entropy of the library that is called as `loss(prediction, target)`, by the program or in a loss
function whose parameters have the names the wrong way round; `tf.nn.softmax_cross_entropy_with_logits` and its
relatives alike.

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

from regrad.analysis.callee import called
from regrad.analysis.cut import CutKind
from regrad.analysis.eager import speaks_of_graphs
from regrad.analysis.events import LossCalled, Trained
from regrad.analysis.flow import Flow
from regrad.analysis.library.heads import head_of
from regrad.analysis.parameters import positional, positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Function, Tensor, Unknown, Value, Variable
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.own_losses import single_loss, within
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
_WITH_LOGITS = frozenset(
    {
        "softmax_cross_entropy_with_logits",
        "softmax_cross_entropy_with_logits_v2",
        "sigmoid_cross_entropy_with_logits",
    }
)
_PLAIN = frozenset({"matmul", "MatMult", "add", "bias_add", "xw_plus_b", "tensordot"})
"""What stands last in a head without an activation that is written by hand."""
_TARGET_NAMES = frozenset(
    "y y_true labels label targets target y_batch y_train batch_y y_batch_train true_labels ground_truth".split()
)
_PREDICTION_NAMES = frozenset("output outputs logits probs probabilities y_hat yhat guess preds".split())
_LOGARITHMS = frozenset({"log", "log_softmax", "log_sigmoid", "xlogy", "one_hot"})
_MADE_LIKE = frozenset({"ones_like", "zeros_like", "full_like"})


def detect(program: Program) -> Iterable[Finding]:
    functions = misnamed(program)
    for function in functions:
        message = f"Keras calls the loss `{function.name}` with the target first, and it takes the prediction first"
        location = program.location(function.node, function.module)
        yield Finding(CODE, NAME, message, location, CutKind.NON_DIFFERENTIABLE, (), (), function)
    seen: set[int] = set()
    for event in program.of(LossCalled):
        if any(within(event.frame, function) for function in functions):
            continue
        if event.name not in _ONE_WAY | _WITH_LOGITS or id(event.node) in seen:
            continue
        target, prediction = event.arguments.get("y_true"), event.arguments.get("y_pred")
        if not isinstance(event.node, ast.Call):
            continue
        if not _predicted(target) and not (event.name in _WITH_LOGITS and _scores(target)):
            continue
        if event.name in _WITH_LOGITS and event.node.args and _of_tensorflow_1(program):
            continue
        if not _data(prediction, event.nodes.get("y_pred")):
            continue
        if event.node not in program.parents(event.frame.path):
            continue
        seen.add(id(event.node))
        message = f"`{event.name}` is given the prediction as the target and the target as the prediction"
        location = program.location(event.node, event.frame)
        yield Finding(CODE, NAME, message, location, CutKind.NON_DIFFERENTIABLE, (), (), event)


def _of_tensorflow_1(program: Program) -> bool:
    """Whether it is written for graphs: before TensorFlow 1.0 these functions took the logits first, and from then on
    they raised ValueError for what is given by position, until TensorFlow 2 took it again, labels first.
    """
    return program.graph or speaks_of_graphs(source.text for source in program.files.values())


def misnamed(program: Program) -> tuple[Function, ...]:
    """The losses whose two parameters Keras fills the wrong way round, each once."""
    return program.once(_all_misnamed)


def _all_misnamed(program: Program) -> tuple[Function, ...]:
    found: dict[int, Function] = {}
    for trained in program.of(Trained):
        function = single_loss(trained)
        if function is not None and _misnamed(function):
            found.setdefault(id(function.node), function)
    return tuple(found.values())


def _misnamed(function: Function) -> bool:
    """Whether the two parameters have each other's names, and the loss does not take both sides alike."""
    if isinstance(function.node, ast.Lambda):
        return False
    arguments = positional_names(function.node.args)
    if function.owner is not None:
        arguments = arguments[1:]
    required = arguments[: len(arguments) - len(function.node.args.defaults)]
    if (
        len(required) != 2
        or not ("pred" in required[0] or required[0] in _PREDICTION_NAMES)
        or not ("true" in required[1] or required[1] in _TARGET_NAMES)
    ):
        return False
    calls = {called(node) for node in ast.walk(function.node) if isinstance(node, ast.Call)}
    entropies = any("crossentropy" in name.lower().replace("_", "") for name in calls)
    one_way = bool(calls & _LOGARITHMS) or entropies
    # A squared or absolute difference of logarithms takes both sides alike.
    return one_way and not calls & {"square", "abs", "cosh", "pow", "squared_difference"}


def _predicted(value: Value | None) -> bool:
    """Whether it is certainly what a model answered."""
    if not isinstance(value, Tensor):
        return False
    reach = Flow(None).reach(value)
    return bool(reach.sources) and head_of(value).dense is not None


def _scores(value: Value | None) -> bool:
    """Whether it is certainly what a layer written by hand gives, with no activation: never a probability, so no
    label that a teacher gives either.
    """
    if not isinstance(value, Tensor) or value.operation.name.lower() not in {name.lower() for name in _PLAIN}:
        return False
    return any(isinstance(source, Variable) for source in Flow(None).reach(value).sources.values())


def _data(value: Value | None, node: ast.AST | None) -> bool:
    """Whether it certainly comes from no model."""
    if isinstance(value, Unknown):
        name = node.id if isinstance(node, ast.Name) else value.label.rpartition(".")[2]
        return value.origin in ("name", "parameter", "element") and name in _TARGET_NAMES
    if not isinstance(value, Tensor):
        return False
    full = value.operation.name not in _MADE_LIKE
    reach = Flow(None, full=full).reach(value)
    return not reach.sources and not reach.anything and (not full or not reach.data)


def mend(program: Program, finding: Finding) -> Mendings:
    evidence: LossCalled | Function = finding.evidence
    try:
        if isinstance(evidence, Function):
            edits = _renamed(program, evidence)
        else:
            edits = _exchanged(program, evidence)
    except CannotMove as problem:
        return Withheld(problem.reason, "loss_fn(y_true, y_pred)")
    return [Mending("give the target first", Safety.SAFE, edits, keeps_loss=False, seen_in_step=False)]


def _renamed(program: Program, function: Function) -> tuple[Edit, ...]:
    start = 1 if function.owner is not None else 0
    first, second = positional(function.node.args)[start : start + 2]
    if first.annotation is not None or second.annotation is not None:
        raise CannotMove("the parameters are annotated")
    source = program.files[function.module]
    return (
        Edit(source.path, source.span(first), second.arg),
        Edit(source.path, source.span(second), first.arg),
    )


def _exchanged(program: Program, event: LossCalled) -> tuple[Edit, ...]:
    from regrad.codemods.engine.arguments import swap_arguments

    call, path = event.node, event.frame.path
    if not isinstance(call, ast.Call):
        raise CannotMove("the call of the loss is not written out")
    source = program.files[path]
    sides = ("y_true", "y_pred", "target", "output", "labels", "logits")
    keys = [word.arg for word in call.keywords if word.arg in sides]
    if len(keys) == 2 and keys[0] is not None and keys[1] is not None:
        return (swap_arguments(source, call, keys[0], keys[1]),)
    return (swap_arguments(source, call),)


RULE = Rule(CODE, NAME, "safe", "The model computes what it computed, and the loss is now the one named.", detect, mend)
