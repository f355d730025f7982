"""Logarithms and roots of an output that lies below 0 as often as above it, where only a small constant is added."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from regrad.analysis.library.heads import activation_of
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, External, Layer, Network, Operation, Tensor, Unknown, Value, Variable
from regrad.analysis.walking import each_once
from regrad.codemods.engine import imports
from regrad.codemods.engine.computed_at import number_at
from regrad.codemods.engine.first_value import starts_at_zero
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Mendings, Safety, Withheld

_NEAR = 0.05
"""Any output that is spread around 0 goes this far to both sides at once, and no constant this large is an epsilon."""
_ODD = frozenset("tanh softsign sin sinh asinh atan elu selu leaky_relu hard_tanh".split())
_ACTIVATIONS = _ODD | {"linear"}
_UNITS = frozenset("Dense Conv1D Conv2D Conv3D Conv2DTranspose".split())
_SAID = frozenset("kernel_initializer bias_initializer kernel_constraint bias_constraint".split())
_SHAPES = frozenset("reshape squeeze expand_dims transpose getitem identity cast flatten unstack split".split())
_AROUND_ZERO = ("glorot", "xavier", "he_normal", "he_uniform", "lecun", "random_normal", "truncated_normal")
_DRAWN = frozenset({"normal", "random_normal", "truncated_normal"})
_DEEPEST = 16


class Below(NamedTuple):
    """The output that lies below 0 at times, and how it is called."""

    output: Tensor
    name: str


def below_zero(living: Iterable[Value], value: Value) -> Below | None:
    """The output for which the value is certainly negative at times."""
    found: dict[int, Tensor] = {}

    def parts(each: Value) -> Iterable[Value]:
        return each.operation.inputs if isinstance(each, Tensor) and not _both_signs(each) else ()

    for each in each_once([value], parts):
        if isinstance(each, Tensor) and _both_signs(each):
            found[id(each)] = each
    output = next(iter(found.values())) if len(found) == 1 else None
    if output is None or not any(each is output for each in living):
        return None
    numbers = (number_at(value, output, number) for number in (-_NEAR, _NEAR))
    if not any(number is not None and number < -_NEAR / 2 for number in numbers):
        return None
    return Below(output, _called(output))


def _called(output: Tensor) -> str:
    inner: Value = output
    for _ in range(_DEEPEST):
        if not isinstance(inner, Tensor):
            break
        operation = inner.operation
        if operation.kind == "layer" and isinstance(operation.callee, Layer):
            return activation_of(operation.callee) or "linear"
        if operation.name in _ODD:
            return operation.name
        if operation.kind != "model" and operation.name not in _SHAPES:
            break
        inner = operation.inputs[0]
    return "linear"


def _both_signs(value: Value, depth: int = 0) -> bool:
    """Whether fresh weights certainly spread the value around 0."""
    if not isinstance(value, Tensor) or depth > _DEEPEST or value.numpy:
        return False
    operation = value.operation
    first = operation.inputs[0] if operation.inputs else None
    if operation.kind == "layer":
        return isinstance(operation.callee, Layer) and _fresh(operation.callee)
    if operation.kind == "model":
        network = operation.callee
        known = isinstance(network, Network) and network.form != "opaque" and not network.fields.get("loaded")
        return known and first is not None and _both_signs(first, depth + 1)
    if first is None:
        return False
    if operation.name in _ODD or operation.name in _SHAPES:
        return _both_signs(first, depth + 1)
    if operation.name == "matmul" and len(operation.inputs) == 2:
        return _drawn_around_zero(operation.inputs[1])
    if operation.name in ("add", "bias_add") and len(operation.inputs) == 2:
        return _both_signs(first, depth + 1) and _small(operation.inputs[1])
    return False


def _fresh(layer: Layer) -> bool:
    plain = layer.kind in _UNITS and not _SAID & layer.arguments.keys() and not layer.fields.get("loaded")
    return plain and activation_of(layer) in _ACTIVATIONS


def _drawn_around_zero(value: Value) -> bool:
    if not isinstance(value, Variable) or value.fields.get("loaded") or "constraint" in value.arguments:
        return False
    initial = value.initial
    if isinstance(initial, Tensor):
        shifted = any(name in (initial.operation.arguments or {}) for name in ("mean", "1"))
        return initial.operation.name in _DRAWN and not shifted
    said = initial.value if isinstance(initial, Constant) else _initializer(initial)
    return isinstance(said, str) and any(each in said.lower() for each in _AROUND_ZERO)


def _initializer(initial: Value | None) -> str | None:
    """The name of the initializer that was called."""
    callee = initial.operation.callee if isinstance(initial, Unknown) and initial.operation is not None else None
    return callee.name.rpartition(".")[2] if isinstance(callee, External) else None


def _small(bias: Value) -> bool:
    """Whether a bias starts at 0 or next to it."""
    if not isinstance(bias, Variable) or bias.fields.get("loaded"):
        return False
    if starts_at_zero(bias) or _drawn_around_zero(bias):
        return True
    initial = bias.initial
    if not isinstance(initial, Unknown) or initial.operation is None or _initializer(initial) != "constant_initializer":
        return False
    numbers = [each.value for each in (*initial.operation.inputs, *initial.parents) if isinstance(each, Constant)]
    return bool(numbers) and all(isinstance(each, (int, float)) and abs(each) < _NEAR for each in numbers)


def mend(program: Program, found: Below, logarithms: Iterable[Operation]) -> Mendings:
    """A sigmoid for the output, where both its logarithm and that of one minus it are taken."""
    from regrad.codemods.engine.moving import replace_expression

    pattern = "activation='sigmoid'"
    reason = "no small constant helps below 0: the output has to be positive by its activation"
    if not any(_one_minus(each, found.output) for each in logarithms):
        return Withheld(reason, "activation='softplus'")
    place = _activation(program, found.output)
    if place is None:
        return Withheld(reason, pattern)
    node, path, text = place
    try:
        edits = replace_expression(program.files[path], program.trees[path], node, text)
    except CannotMove as problem:
        return Withheld(problem.reason, pattern)
    return (Mending("use `sigmoid` for the output", Safety.UNSAFE, edits, "the output lies between 0 and 1"),)


def _one_minus(logarithm: Operation, output: Tensor) -> bool:
    at_one = number_at(logarithm.inputs[0], output, 1.0) if logarithm.inputs else None
    at_zero = number_at(logarithm.inputs[0], output, 0.0) if logarithm.inputs else None
    return at_one is not None and at_zero is not None and abs(at_one) < 1e-3 and abs(at_zero - 1.0) < 1e-3


def _activation(program: Program, output: Tensor) -> tuple[ast.expr, str, str] | None:
    """Where the activation of this output is written, and what is to stand there."""
    value: Value = output
    while isinstance(value, Tensor) and (value.operation.kind == "model" or value.operation.name in _SHAPES):
        value = value.operation.inputs[0]
    if not isinstance(value, Tensor):
        return None
    operation = value.operation
    layer = operation.callee
    if operation.kind == "layer" and isinstance(layer, Layer):
        stated = layer.arguments.get("activation")
        written = stated.node if isinstance(stated, Constant) else None
        path = layer.frame.path if layer.frame is not None else None
        made = layer.node
        # A name that says it elsewhere may say it to other layers, too.
        here = made is not None and any(each is written for each in ast.walk(made))
        if path is None or not here or not isinstance(written, ast.Constant) or not isinstance(written.value, str):
            return None
        quote = program.source(written, path)[0]
        return written, path, f"{quote}sigmoid{quote}"
    return _handed(program, operation)


def _handed(program: Program, operation: Operation) -> tuple[ast.expr, str, str] | None:
    """The argument by which a function of the program is told its activation, in the call for this output."""
    node, frame = operation.node, operation.frame
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or frame is None or frame.caller is None:
        return None
    function, call = frame.function, frame.call
    if function is None or not isinstance(call, ast.Call) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    places = [each.arg for each in (*function.node.args.posonlyargs, *function.node.args.args)]
    name = node.func.id
    written = next((each.value for each in call.keywords if each.arg == name), None)
    if written is None and name in places and places.index(name) < len(call.args):
        written = call.args[places.index(name)]
    path = frame.caller.path
    text = imports.spelled(program.trees[path], ["tensorflow.nn.sigmoid", "tensorflow.compat.v1.nn.sigmoid"], call)
    return None if written is None or text is None else (written, path, text)
