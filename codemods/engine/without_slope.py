"""What has no stand-in with a slope, and the code that its author could write."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.values import Operation, Tensor, Value

ROUNDING = frozenset({"round", "rint", "floor", "ceil", "trunc", "fix"})
GREATER = frozenset({"greater", "greater_equal"})
LESS = frozenset({"less", "less_equal"})
COMPARING = GREATER | LESS | {"equal", "not_equal"}


_SAME_NUMBERS = frozenset({"getitem", "reshape", "Reshape", "squeeze", "expand_dims", "cast"})


class NoSurrogate(Exception):
    """What stands here has no sound stand-in; `instead` is the code that the author could write."""

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.instead = instead


WITHOUT = {
    "bincount": (
        "counting has no slope; count softly, with a sigmoid for each border",
        "tf.reduce_sum(tf.sigmoid((x[:, None] - lower) / width) - tf.sigmoid((x[:, None] - upper) / width), axis=0)",
    ),
    "histogram_fixed_width": (
        "counting has no slope; count softly, with a sigmoid for each border",
        "tf.reduce_sum(tf.sigmoid((x[:, None] - lower) / width) - tf.sigmoid((x[:, None] - upper) / width), axis=0)",
    ),
    "confusion_matrix": (
        "counting has no slope; add up the probabilities of each class instead",
        "tf.matmul(tf.one_hot(labels, classes), tf.nn.softmax(logits), transpose_a=True)",
    ),
    "argsort": ("an order has no slope; a soft rank has", "tf.reduce_sum(tf.sigmoid(x[:, None] - x[None, :]), axis=1)"),
    "top_k_indices": ("an order has no slope; use the values of `top_k`", "tf.math.top_k(x, k).values"),
    "Embedding index": (
        "a row cannot be chosen with a slope; mix the rows",
        'bins = Dense(count, activation="softmax")(x)\nrows = Dense(width, use_bias=False)(bins)',
    ),
    "Embedding of others": (
        "a row cannot be chosen with a slope, and the embedding looks other rows up as well; mix its rows by hand",
        "tf.matmul(tf.nn.softmax(scores), embedding.embeddings)",
    ),
    "selector": (
        "a row cannot be chosen with a slope; mix the rows with probabilities",
        "tf.matmul(tf.nn.softmax(logits), rows)",
    ),
    "nearest": (
        "the nearest row cannot be chosen with a slope; let the gradient pass by the choice (straight through)",
        "chosen = z + tf.stop_gradient(rows - z)",
    ),
    "in_top_k": ("being among the best has no slope; use the cross-entropy", ""),
}


def selector(operation: Operation) -> str:
    """Which advice fits a choice of rows: by the smallest distance, or by a score."""
    return "nearest" if any(made_by(part) == "argmin" for part in operation.inputs[1:]) else "selector"


def made_by(value: Value | None) -> str:
    """The operation that a value comes from, casts and shapes apart."""
    while isinstance(value, Tensor):
        name = value.operation.name
        if name not in ("cast", "getitem", "reshape", "squeeze", "expand_dims") or not value.operation.inputs:
            return name
        value = value.operation.inputs[0]
    return ""


def is_probable(value: Value | None) -> bool:
    """Whether a value is known to be a probability, also after being indexed."""
    while isinstance(value, Tensor):
        if "probabilities" in value.facts:
            return True
        operation = value.operation
        if (
            operation.name in ("getitem", "reshape", "Reshape", "squeeze", "expand_dims", "cast")
            or operation.name in ROUNDING
        ):
            value = operation.inputs[0] if operation.inputs else None
        elif operation.kind == "model" and operation.inputs:
            value = operation.inputs[0]
        else:
            return False
    return False


def number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Call):
        name = called(node)
        return {"ones_like": 1.0, "zeros_like": 0.0}.get(name)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) else None


def shape_of(inputs: tuple[Value, ...]) -> tuple[int | None, ...]:
    first = inputs[0] if inputs else None
    return first.shape or () if isinstance(first, Tensor) else ()
