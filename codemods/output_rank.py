"""RG302 output-rank: the model answers for every place or step where one answer for each sample is wanted.

What it does
------------
Reports a head that keeps the axes of an image or a sequence (a `Dense` after a convolution without `Flatten` or
pooling, a `Dense` after a recurrent layer with `return_sequences=True`) while the targets are one label, row or
number for each sample.

Why gradients stop
------------------
The shapes cannot be compared, and Keras raises; or they can be stretched, and every place of the picture is taught
the label of the whole.

Example
-------
Broken::

    model.add(MaxPooling2D((2, 2)))
    model.add(Dense(10, activation="softmax"))

Mended::

    model.add(MaxPooling2D((2, 2)))
    model.add(Flatten())
    model.add(Dense(10, activation="softmax"))

The fix and its safety
----------------------
A `Flatten` before the first dense layer, or `return_sequences` taken from the last recurrent layer. Unsafe: the
model answers with another shape. Where the layers are called in a method, what to write is shown.

When it stays silent
--------------------
When either shape is not known, when the targets have as many axes as the output (a mask, a tagged sequence), and
when the axis that is too many has one entry.

References
----------
- Keras, "The Sequential model".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Layer, Tensor
from regrad.codemods.engine.judged import Judged, judged
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld

CODE, NAME = "RG302", "output-rank"
_KEEPING_RANK = frozenset({"Dense", "Dropout", "Activation", "BatchNormalization", "Softmax", "ReLU", "LeakyReLU"})
_RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN"})


def detect(program: Program) -> Iterable[Finding]:
    for found in judged(program):
        layer = found.head.dense
        if not _too_many_axes(found) or layer is None or layer.node is None or layer.frame is None:
            continue
        shape, wanted = found.head.shape or (), found.targets.shape or ()
        message = (
            f"the model answers with {len(shape) - 1} axes for each sample, and the targets have"
            f" {max(len(wanted) - 1, 0) or 'none'}"
        )
        related = (Related(program.location(found.node, found.frame), "the loss compares the two"),)
        location = program.location(layer.node, layer.frame)
        yield Finding(CODE, NAME, message, location, None, (), related, found)


def _too_many_axes(found: Judged) -> bool:
    shape, wanted = found.head.shape, found.targets.shape
    if shape is None or wanted is None or len(shape) < 3 or len(wanted) not in (1, 2):
        return False
    between = shape[1:-1]
    if any(size == 1 for size in between):
        return False
    numbers = found.targets.encoding in ("integers", "binary")
    if found.name == "sparse_categorical_crossentropy":
        if len(wanted) == 1:
            return numbers
        return numbers and wanted[1] == 1 and (len(shape) > 3 or shape[1] is not None)
    if found.name == "categorical_crossentropy":
        return len(wanted) == 2 and found.targets.encoding == "one-hot"
    if len(wanted) == 1:
        return all(size is not None for size in between)
    # One number for each step may be meant by (n, steps) against (n, steps, 1).
    return wanted[1] == 1 and all(size is not None for size in between)


def mend(program: Program, finding: Finding) -> Mendings:
    found: Judged = finding.evidence
    try:
        title, edits = _edits(program, found)
    except CannotMove as problem:
        return Withheld(problem.reason, "x = layers.Flatten()(x)")
    return [Mending(title, Safety.UNSAFE, edits)]


def _edits(program: Program, found: Judged) -> tuple[str, tuple[Edit, ...]]:
    first, before = _way(found)
    if before is not None and before.kind in _RECURRENT:
        return f"let the {before.kind} answer once", _without_sequences(program, before)
    return "flatten before the dense layer", _flattened(program, first)


def _way(found: Judged) -> tuple[Layer, Layer | None]:
    """The first layer after which only the last axis changes, and the layer before it."""
    value = found.head.output
    first: Layer | None = None
    for _ in range(64):
        if not isinstance(value, Tensor):
            break
        operation = value.operation
        if operation.kind == "model" and operation.inputs:
            value = operation.inputs[0]
            continue
        layer = operation.callee
        if operation.kind != "layer" or not isinstance(layer, Layer):
            break
        if layer.kind not in _KEEPING_RANK:
            if first is None:
                break
            return first, layer
        first = layer if layer.kind == "Dense" else first
        value = operation.inputs[0] if operation.inputs else None
    if first is None:
        raise CannotMove("the way through the model is not known")
    return first, None


def _without_sequences(program: Program, layer: Layer) -> tuple[Edit, ...]:
    from regrad.codemods.engine.arguments import remove_argument

    call = layer.node
    stated = layer.arguments.get("return_sequences")
    if not isinstance(call, ast.Call) or layer.frame is None or not isinstance(stated, Constant):
        raise CannotMove("the recurrent layer is not made by a call of its own")
    if not any(word.arg == "return_sequences" for word in call.keywords):
        raise CannotMove("the arguments of the recurrent layer are unpacked from elsewhere")
    return (remove_argument(program.files[layer.frame.path], call, "return_sequences"),)


def _flattened(program: Program, layer: Layer) -> tuple[Edit, ...]:
    from regrad.codemods.engine.moving import before, insert_statements

    call = layer.node
    if not isinstance(call, ast.Call) or layer.frame is None:
        raise CannotMove("the dense layer is not made by a call of its own")
    path = layer.frame.path
    source, tree = program.files[path], program.trees[path]
    parents = program.parents(path)
    parent = parents.get(call)
    text, edits = _spelled(program, path, call)
    if isinstance(parent, (ast.List, ast.Tuple)):
        start = source.span(call).start
        above = [each for each in parent.elts if each.end_lineno is not None and each.end_lineno < call.lineno]
        gap = ",\n" + " " * call.col_offset if above or parent.lineno < call.lineno else ", "
        return (*edits, Edit(path, Span(start, start), f"{text}(){gap}"))
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr == "add":
        statement = parents.get(parent)
        if isinstance(statement, ast.Expr):
            owner = source.segment(source.span(parent.func.value))
            return (*edits, *insert_statements(source, tree, f"{owner}.add({text}())", before(statement)))
    if isinstance(parent, ast.Call) and parent.func is call and len(parent.args) == 1:
        span = source.span(parent.args[0])
        return (*edits, Edit(path, span, f"{text}()({source.segment(span)})"))
    raise CannotMove("the layers are called in a method, which needs a layer of its own for it")


def _spelled(program: Program, path: str, call: ast.Call) -> tuple[str, tuple[Edit, ...]]:
    """`Flatten` as the file says `Dense`."""
    from regrad.codemods.engine import respelling

    source = program.files[path]
    if isinstance(call.func, ast.Attribute):
        return source.segment(source.span(call.func))[: -len(call.func.attr)] + "Flatten", ()
    if isinstance(call.func, ast.Name):
        return respelling.beside(program, path, call.func, "Flatten")
    raise CannotMove("the layer is chosen by an expression")


RULE = Rule(CODE, NAME, "unsafe", "The model answers with another shape.", detect, mend)
