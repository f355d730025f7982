"""A softmax over single scores of a sequence, turned to run over the steps that its weights are summed over."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Layer, Tensor, Value
from regrad.codemods.engine import imports, respelling
from regrad.codemods.engine.arguments import Remove, Set, change_call, changed_call
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.rule import Edit, Mending, Safety

_PRODUCTS = frozenset({"multiply", "Multiply"})
_SUMS = frozenset({"reduce_sum", "sum", "reduce_mean", "mean"})
_PASSING = frozenset({"Dropout", "identity", "Identity", "cast"})


def over_the_steps(program: Program, softmax: Tensor, layer: Layer | None) -> Mending:
    """The weights of a mean add up to 1 over what the mean is taken of: that axis is read from the sum.

    `softmax` has the shape (batch, steps, …, 1). Raises `CannotMove` where no sum, or more than one, tells the axis.
    """
    axes = set(_summed(program, softmax))
    if len(axes) != 1 or None in axes:
        raise CannotMove(
            "which axis the softmax was meant for is not certain; over the steps of a sequence it is axis 1"
        )
    (axis,) = axes
    edits = _edits(program, softmax, layer, str(axis))
    return Mending(f"weigh along axis {axis}, which is summed over", Safety.UNSAFE, edits, keeps_loss=False)


def _summed(program: Program, softmax: Tensor) -> Iterator[int | None]:
    """The axes that are summed over after something was multiplied with the weights; None for one that is not known."""
    rank = len(softmax.shape or ())
    weights, products = {id(softmax)}, set[int]()
    # Operations are numbered in the order in which they are made: what uses a tensor comes behind it.
    for tensor in sorted(tensors(program), key=lambda each: each.operation.serial):
        operation = tensor.operation
        given = {id(value) for value in operation.inputs}
        if given & weights:
            if operation.name in _PASSING:
                weights.add(id(tensor))
            elif operation.name in _PRODUCTS:
                products.add(id(tensor))
            elif operation.name == "Dot":
                yield _dotted(operation.callee, operation.inputs, weights)
            elif operation.name == "matmul" and id(operation.inputs[0]) in weights:
                turned = (operation.arguments or {}).get("transpose_a")
                yield rank - 2 if isinstance(turned, Constant) and turned.value is True and rank > 2 else None
        if given & products:
            arguments = operation.arguments or {}
            if operation.name in _SUMS:
                yield _axis(arguments.get("axis", arguments.get("1")), rank)
            elif operation.name == "GlobalAveragePooling1D":
                yield _pooled(operation.callee, rank)


def _axis(value: Value | None, rank: int) -> int | None:
    """The axis from the front, if it is one of those between the batch and the scores."""
    if not isinstance(value, Constant) or type(value.value) is not int:
        return None
    axis = value.value + rank if value.value < 0 else value.value
    return axis if 0 < axis < rank - 1 else None


def _pooled(layer: Value | None, rank: int) -> int | None:
    stated = layer.arguments.get("data_format") if isinstance(layer, Layer) else None
    return 1 if stated is None and rank == 3 else None


def _dotted(layer: Value | None, inputs: tuple[Value, ...], weights: set[int]) -> int | None:
    axes = layer.arguments.get("axes") if isinstance(layer, Layer) else None
    shapes = [value.shape for value in inputs if isinstance(value, Tensor) and id(value) in weights]
    return _axis(axes, len(shapes[0] or ())) if len(shapes) == 1 else None


def _edits(program: Program, softmax: Tensor, layer: Layer | None, axis: str) -> tuple[Edit, ...]:
    if layer is None:
        operation = softmax.operation
        if operation.frame is None:
            raise CannotMove("the place of the softmax is not known")
        return (_with_axis(program, operation.frame.path, operation.node, axis, 1),)
    if layer.kind == "Softmax":
        return (_with_axis(program, respelling.path_of(layer), layer.node, axis, 0),)
    return _after_the_layer(program, softmax, layer, axis)


def _with_axis(program: Program, path: str, call: ast.AST | None, axis: str, place: int) -> Edit:
    if not isinstance(call, ast.Call):
        raise CannotMove("the softmax is not written as a call")
    positional = place < len(call.args)
    return change_call(program.files[path], call, Set(place if positional else "axis", axis))


def _after_the_layer(program: Program, softmax: Tensor, layer: Layer, axis: str) -> tuple[Edit, ...]:
    """A softmax that is the activation of a layer has no axis: it becomes a step of its own behind that layer."""
    made, called, frame = layer.node, softmax.operation.node, softmax.operation.frame
    path = respelling.path_of(layer)
    alike = {id(each.operation.node) for each in tensors(program) if each.operation.callee is layer}
    if not isinstance(made, ast.Call) or not isinstance(called, ast.Call) or frame is None or len(alike) > 1:
        raise CannotMove("the softmax is the activation of a layer, which takes no axis")
    source = program.files[path]
    if layer.kind == "Activation":
        name, edits = respelling.library_name(program, path, "keras.layers.Softmax", made)
        return (*edits, Edit(path, source.span(made), f"{name}(axis={axis})"))
    node, key = respelling.argument_node(layer, "activation")
    if not isinstance(node, ast.Constant):
        raise CannotMove("the softmax is the activation of a layer, which takes no axis")
    unbent = changed_call(source, made, (Remove(key),))
    if called.func is made:
        name, edits = respelling.library_name(program, path, "keras.layers.Softmax", called)
        end = source.span(called).end
        opened = Edit(path, source.span(made), f"{name}(axis={axis})({unbent}")
        return (*edits, opened, Edit(path, Span(end, end), ")"))
    if frame.function is None or frame.function.owner is None:
        raise CannotMove("the layer and its call stand apart")
    where = program.files[frame.path]
    spelling = imports.spelling(
        where, program.trees[frame.path], ("tensorflow.nn.softmax", "keras.ops.softmax"), called
    )
    wrapped = f"{spelling.text}({where.segment(where.span(called))}, axis={axis})"
    return (Edit(path, source.span(made), unbent), *spelling.edits, Edit(frame.path, where.span(called), wrapped))
