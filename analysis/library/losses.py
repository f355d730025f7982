"""The losses of the Keras library under all their spellings, and what a call of one makes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.events import LossCalled
from regrad.analysis.names import snake_case
from regrad.analysis.operations import Transfer
from regrad.analysis.values import Constant, External, Loss, Metric, Tensor, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

FUNCTION_NAMES = frozenset(
    "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy mean_squared_error "
    "mean_absolute_error mean_absolute_percentage_error "
    "mean_squared_logarithmic_error cosine_similarity huber log_cosh poisson kl_divergence hinge squared_hinge "
    "categorical_hinge binary_focal_crossentropy "
    "categorical_focal_crossentropy dice tversky circle ctc".split()
)
_ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "logcosh": "log_cosh",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "bce": "binary_crossentropy",
    "kl_divergence": "kl_divergence",
    "huber_loss": "huber",
    "cosine_proximity": "cosine_similarity",
}
ACCURACIES = frozenset(
    "accuracy acc binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy "
    "sparse_top_k_categorical_accuracy precision recall auc f1 f1_score".split()
)
_CORRELATIONS = ("pearson_correlation", "concordance_correlation")
"""Functions among the metrics that are made of sums alone, and let gradients through (measured on Keras 3.15)."""


def standard_name(name: str) -> str | None:
    """The snake-case name of a loss of the library, however it is spelled (`MSE`, `BinaryCrossentropy`,
    `keras.losses.kld`); None for others.
    """
    last = name.rpartition(".")[2]
    for spelled in (last, last.lower(), snake_case(last)):
        spelled = _ALIASES.get(spelled, spelled)
        if spelled in FUNCTION_NAMES:
            return spelled
    return None


def name_of(value: Value | None) -> str | None:
    """The library loss that a `loss=` argument, or a loss function or object, stands for."""
    if isinstance(value, Constant) and isinstance(value.value, str):
        return standard_name(value.value)
    if isinstance(value, Loss):
        return value.name
    if isinstance(value, External) and value.name.startswith(("keras.losses.", "keras.metrics.", "K.")):
        return standard_name(value.name)
    return None


def from_logits(value: Value | None) -> bool | None:
    """Whether a loss argument says `from_logits=True`; None where that is not known."""
    if isinstance(value, Loss):
        stated = value.arguments.get("from_logits")
        if stated is None:
            return False
        return bool(stated.value) if isinstance(stated, Constant) else None
    return False


def _make(interpreter: Interpreter, name: str, call: Call) -> Value:
    last = name.rpartition(".")[2]
    # `MSE`, `MAE` and their like are functions, for all their capitals.
    if (last[:1].islower() or last.isupper()) and last not in ("get", "deserialize"):
        standard = standard_name(last)
        if standard is not None:
            return call_loss(interpreter, standard, External(name), call)
    if last in ("get", "deserialize"):
        found = name_of(call.get("identifier", 0))
        return (
            Loss(found, {}, call.node, interpreter.frame, interpreter.tick())
            if found
            else interpreter.unknown("call", name, ())
        )
    standard = standard_name(last)
    if standard is None:
        return interpreter.unknown("call", name, call.all())
    first = {
        "binary_crossentropy": "from_logits",
        "categorical_crossentropy": "from_logits",
        "sparse_categorical_crossentropy": "from_logits",
    }
    arguments: dict[str, Value] = {}
    if call.positional:
        arguments[first.get(standard, "first")] = call.positional[0]
    arguments.update(call.keywords)
    return Loss(standard, arguments, call.node, interpreter.frame, interpreter.tick())


def _make_metric(interpreter: Interpreter, name: str, call: Call) -> Value:
    last = name.rpartition(".")[2]
    if last[:1].islower() or last.isupper():
        standard = standard_name(last)
        if standard is not None:
            return call_loss(interpreter, standard, External(name), call)
        if last in _CORRELATIONS:
            return interpreter.operation("op", last, call.node, call.all(), dtype="float32")
        return interpreter.operation("metric", last, call.node, call.all(), Transfer.NONE, dtype="float32")
    return Metric(last, call.node, interpreter.frame, interpreter.tick())


def call_loss(interpreter: Interpreter, name: str, loss: Value, call: Call) -> Value:
    """A call of a library loss: it flows through the prediction and the target alike."""
    names = ("y_true", "y_pred", "sample_weight") if isinstance(loss, Loss) else ("y_true", "y_pred", "from_logits")
    if isinstance(loss, External) and loss.name.startswith("K."):
        names = ("target", "output", "from_logits")
    arguments: dict[str, Value] = dict(zip(names, call.positional, strict=False))
    arguments.update(call.keywords)
    nodes: dict[str, ast.AST] = {key: node for key, node in zip(names, call.nodes, strict=False) if node is not None}
    nodes.update(call.keyword_nodes)
    if isinstance(loss, External) and loss.name.startswith("K."):
        arguments = {{"target": "y_true", "output": "y_pred"}.get(key, key): value for key, value in arguments.items()}
        nodes = {{"target": "y_true", "output": "y_pred"}.get(key, key): node for key, node in nodes.items()}
    inputs = tuple(value for key, value in arguments.items() if key in ("y_true", "y_pred", "sample_weight"))
    whole = isinstance(loss, Loss) and not _unreduced(loss)
    result = interpreter.operation(
        "loss", name, call.node, inputs, dtype="float32", shape=() if whole else None, callee=loss, arguments=arguments
    )
    interpreter.emit(
        LossCalled(
            call.node,
            interpreter.frame,
            result.operation.serial,
            name,
            loss,
            arguments,
            nodes,
            result,
            interpreter.tapes,
        )
    )
    return result


def _unreduced(loss: Loss) -> bool:
    reduction = loss.arguments.get("reduction")
    return reduction is not None and not (
        isinstance(reduction, Constant) and reduction.value in ("sum", "sum_over_batch_size", "auto")
    )


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of losses and metrics."""
    if isinstance(owner, Loss) and name in ("call", "__call__"):
        return call_loss(interpreter, owner.name, owner, call)
    if isinstance(owner, Metric):
        if name in ("result", "update_state", "reset_states", "reset_state"):
            return interpreter.operation(
                "metric", owner.name, call.node, call.all(), Transfer.NONE, dtype="float32", callee=owner
            )
        return None
    return None


def is_metric(value: Value | None) -> bool:
    """Whether a `loss=` argument is really a metric: an accuracy by name, a metric object or function."""
    if isinstance(value, Metric):
        # Also one that is called like a loss: the object adds up in variables, through which no gradient passes.
        return True
    if isinstance(value, Constant) and isinstance(value.value, str):
        return value.value.lower() in ACCURACIES
    if isinstance(value, External) and value.name.startswith("keras.metrics."):
        last = value.name.rpartition(".")[2]
        return standard_name(last) is None and last not in ("get", "deserialize", *_CORRELATIONS)
    return False


def counted(value: Value) -> bool:
    """Whether a tensor is the outcome of a library metric."""
    return isinstance(value, Tensor) and value.operation.kind == "metric"


_WITH_LOGITS = (
    "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2",
    "sigmoid_cross_entropy_with_logits",
)


def _with_logits(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.nn.softmax_cross_entropy_with_logits(labels, logits)`: an operation of the table, noted as a loss."""
    from regrad.analysis.library import operation_calls

    made = operation_calls.from_table(interpreter, name.removesuffix("_v2"), call)
    if not isinstance(made, Tensor):
        return interpreter.unknown("call", name, call.all())
    names = ("labels", "logits")
    arguments: dict[str, Value] = dict(zip(names, call.positional, strict=False))
    nodes: dict[str, ast.AST] = {key: node for key, node in zip(names, call.nodes, strict=False) if node is not None}
    arguments.update(call.keywords)
    nodes.update(call.keyword_nodes)
    renamed = {"labels": "y_true", "logits": "y_pred"}
    interpreter.emit(
        LossCalled(
            call.node,
            interpreter.frame,
            made.operation.serial,
            name.rpartition(".")[2],
            External(name),
            {renamed.get(key, key): value for key, value in arguments.items()},
            {renamed.get(key, key): node for key, node in nodes.items()},
            made,
            interpreter.tapes,
        )
    )
    return made


FUNCTIONS: dict[str, Handler] = {
    **{f"{space}.nn.{name}": _with_logits for space in ("tf", "tf1") for name in _WITH_LOGITS},
    **{
        f"K.{name}": _make
        for name in ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy")
    },
}
PREFIXES: dict[str, Handler] = {"keras.losses.": _make, "keras.metrics.": _make_metric}
