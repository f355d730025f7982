"""RG504 operation-without-gradient: an operation on the path has no gradient registered in TensorFlow.

What it does
------------
Reports an operation between the variables and the loss for which TensorFlow knows no gradient function: `tf.unique`,
`tf.linalg.lu`, `tf.linalg.logm`, `tf.image.adjust_contrast`, `adjust_hue`, `adjust_saturation`, `tf.image.resize` by
area and a few more, also in what a layer adds to the loss, and layers that are computed by one of them:
`RandomContrast` of Keras 2, `Resizing` by area; and in a graph with the variables of TensorFlow 1, what
`variable[index].assign(part)` gives where the loss is computed with it.

Why gradients stop
------------------
On its way back the tape asks each operation for its gradient. For these there is none, and the step ends with
`LookupError: gradient registry has no entry for: Unique` instead of an answer.

Example
-------
Broken::

    bright = tf.image.adjust_contrast(generator(z), 1.5)

Mended::

    image = generator(z)
    mean = tf.reduce_mean(image, axis=[-3, -2], keepdims=True)
    bright = (image - mean) * 1.5 + mean

The fix and its safety
----------------------
Mixed. Changes of contrast and saturation are written out, which is safe: it computes the same. Where the factors of
`tf.linalg.lu` are used for the size of a determinant, a solution or an inverse and for nothing else, `slogdet`, `det`,
`solve` or `inv` of the matrix takes their place, which is safe as well: TensorFlow computes these through the same
factors. A resize by area becomes a bilinear one with antialiasing, which is unsafe: it averages with other weights.
`RandomContrast` in a `Sequential` model moves before the first layer with weights, which is unsafe: it works on the
data then, as it is meant to. `logm` of a matrix that is symmetric whatever its entries are (`a @ tf.transpose(a) + 0.1
* tf.eye(n)`) is taken through `tf.linalg.eigh`; this gives the same, but is unsafe, as its slope is not exact where two
eigenvalues are equal. The result of `variable[:, :2].assign(part)` is put together of `part` and the rest of the
variable by `tf.concat`, which is unsafe: the variable itself keeps what it was made with. For the others there is no
operation of the same meaning that has a gradient; the page and the report say what is used in their place: sums over
`tf.math.unsorted_segment_sum` with ids that are known beforehand for `unique`, `tf.linalg.eigh` where the author knows
a matrix as symmetric. A hue cannot be turned with a slope: `tf.image.hsv_to_rgb` has none either.

When it stays silent
--------------------
When the operation works on data or targets only, in metrics, in an input pipeline, and behind something that stops
gradients anyway; where the LookupError is caught by its name. That the weights get a gradient on another way, too,
helps nothing: the LookupError ends the step.

References
----------
`tf.RegisterGradient`: https://www.tensorflow.org/api_docs/python/tf/RegisterGradient
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.endings import Ending, endings
from regrad.analysis.events import GradientTaken, Trained
from regrad.analysis.operations import Transfer, lookup
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Layer, Network, Operation, Tensor, Value
from regrad.codemods.engine import colours, demonstrated
from regrad.codemods.engine.broken_paths import finding
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.replaced_part import put_together
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG504", "operation-without-gradient"
_RAISING = frozenset(
    {"lu", "logm", "bincount_weighted", "adjust_contrast", "adjust_hue", "adjust_saturation", "resize_area"}
    | {"RandomContrast", "Resizing", "strided_slice_assign"}
)
_OTHER_WEIGHTS = "the pixels of an area are averaged with other weights"
_INSTEAD = {
    "unique": (
        "which values are equal is a decision that has no slope; group by ids that are known before the step",
        "tf.math.unsorted_segment_sum(values, ids, num_segments)",
    ),
    "lu": (
        "the factors have no gradient; what they are used for mostly has",
        "tf.linalg.solve(matrix, right) or tf.linalg.slogdet(matrix)",
    ),
    "logm": (
        "for a symmetric matrix the eigenvalues do it",
        "values, vectors = tf.linalg.eigh(matrix)\n"
        "logarithm = vectors @ tf.linalg.diag(tf.math.log(values)) @ tf.linalg.adjoint(vectors)",
    ),
    "bincount_weighted": (
        "a sum over segments is the same and has a gradient",
        "tf.math.unsorted_segment_sum(weights, numbers, num_segments)",
    ),
    "adjust_hue": ("leave the hue alone on the path; `tf.image.hsv_to_rgb` has no gradient either", ""),
}


def detect(program: Program) -> Iterator[Finding]:
    """Endings at an operation without a registered gradient, and such operations beside a way that is whole."""
    only = [ending for ending in endings(program) if ending.kind is CutKind.NO_REGISTERED_GRADIENT]
    beside = [ending for sink in program.sinks for ending in _beside(sink)]
    seen: set[int] = set()
    for found, says in (
        (only, "has no gradient in TensorFlow (LookupError), and {lost} can be reached only through it"),
        (beside, "has no gradient in TensorFlow: on the way to {lost} it ends the step with a LookupError"),
    ):
        for ending in found:
            if id(ending.node) not in seen and not _expected(program, ending):
                seen.add(id(ending.node))
                yield finding(program, CODE, NAME, ending, says)


def _expected(program: Program, ending: Ending) -> bool:
    """Whether the error is caught by its name where a tape is asked, as a lesson does."""
    event = ending.sink.event
    return isinstance(event, GradientTaken) and demonstrated.expected(
        program, event.node, event.frame.path, "LookupError"
    )


def _beside(sink: Sink) -> Iterator[Ending]:
    """Operations that raise although the same sources can be reached on another way as well."""
    flow = sink.gradient_flow
    seen: set[int] = set()
    stack: list[Value] = [sink.target]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if not isinstance(value, Tensor) or not flow.recorded(value):
            continue
        operation = value.operation
        if operation.transfer is Transfer.MISSING:
            reached = [part for part in operation.inputs if flow.arrives(part)]
            sources = tuple(
                {
                    id(source): source
                    for source in sink.path.connected
                    if any(flow.among(part, {id(source): source}) for part in reached)
                }.values()
            )
            node, frame = operation.node, operation.frame
            if operation.name in _RAISING and sources and frame is not None and isinstance(node, ast.expr):
                yield Ending(
                    sink, CutKind.NO_REGISTERED_GRADIENT, value, operation, node, frame, (value,), sources, False
                )
        elif operation.transfer in (Transfer.FLOWS, Transfer.JOIN):
            declared = lookup(operation.name)
            places = declared.positions if declared is not None and operation.kind == "op" else None
            stack.extend(part for place, part in enumerate(operation.inputs) if places is None or place in places)


def mend(program: Program, found: Finding) -> Mendings:
    """Write out what can be written out."""
    ending: Ending = found.evidence
    name = ending.operation.name if ending.operation is not None else ""
    if name in ("adjust_contrast", "random_contrast"):
        return colours.contrast(program, ending)
    if name in ("adjust_saturation", "random_saturation"):
        return colours.saturation(program, ending)
    if name in ("RandomContrast", "Resizing"):
        return _moved(program, ending)
    if name == "lu":
        return _factors(program, ending)
    if name == "resize_area":
        return _resized(program, ending)
    if name == "logm":
        return _logarithm(program, ending)
    if name == "bincount_weighted":
        return _summed(program, ending)
    if name == "strided_slice_assign" and ending.operation is not None:
        return _assigned_part(program, ending.operation)
    reason, suggestion = _INSTEAD.get(
        name.removesuffix("_with_counts"), ("no operation of the same meaning has a gradient", "")
    )
    return Withheld(reason, suggestion)


def _assigned_part(program: Program, assigning: Operation) -> Mendings:
    try:
        edits = put_together(program, assigning)
    except CannotMove as problem:
        return Withheld(problem.reason, "weights = variable * mask + part  # to compute with")
    reason = "the variable itself keeps what it was made with"
    return (Mending("put the tensor together of its pieces", Safety.UNSAFE, edits, reason),)


def _moved(program: Program, ending: Ending) -> Mendings:
    from regrad.codemods.engine.moved_layer import before_the_weights

    layer = ending.operation.callee if ending.operation is not None else None
    event = ending.sink.event
    model = event.model if isinstance(event, Trained) else None
    advice = "# before the first layer with weights, on the data themselves"
    if isinstance(layer, Layer) and layer.kind == "Resizing" and layer.frame is not None:
        return _smoothly(program, layer.node, layer.frame.path)
    if not isinstance(layer, Layer) or not isinstance(model, Network):
        return Withheld("the layer belongs on the data, where no gradient has to pass it", advice)
    try:
        return (before_the_weights(program, model, layer),)
    except CannotMove as problem:
        return Withheld(f"the layer belongs on the data, where no gradient has to pass it; {problem.reason}", advice)


def _smoothly(program: Program, call: ast.AST | None, path: str) -> Mendings:
    from regrad.codemods.engine.arguments import CannotChange, Set, change_call

    written = 'Resizing(height, width, interpolation="bilinear")'
    if not isinstance(call, ast.Call):
        return Withheld("the layer is not made here", written)
    try:
        edit = change_call(program.files[path], call, Set(2 if len(call.args) > 2 else "interpolation", '"bilinear"'))
    except CannotChange as problem:
        return Withheld(str(problem), written)
    return (Mending("resize with a way of reading that has a gradient", Safety.UNSAFE, (edit,), _OTHER_WEIGHTS),)


def _logarithm(program: Program, ending: Ending) -> Mendings:
    from regrad.codemods.engine.matrix_logarithm import through_eigenvalues

    reason, suggestion = _INSTEAD["logm"]
    try:
        return (through_eigenvalues(program, ending),)
    except CannotMove as problem:
        return Withheld(f"{reason}; {problem.reason}", suggestion)


def _summed(program: Program, ending: Ending) -> Mendings:
    from regrad.codemods.engine.segment_sums import by_segments

    reason, suggestion = _INSTEAD["bincount_weighted"]
    try:
        return (by_segments(program, ending),)
    except CannotMove as problem:
        return Withheld(f"{reason}; {problem.reason}", suggestion)


def _factors(program: Program, ending: Ending) -> Mendings:
    from regrad.codemods.engine.factors import without_factors

    reason, suggestion = _INSTEAD["lu"]
    try:
        return (without_factors(program, ending),)
    except CannotMove as problem:
        return Withheld(f"{reason}; {problem.reason}", suggestion)


def _resized(program: Program, ending: Ending) -> Mendings:
    """Bilinear with antialiasing averages over the same area, with other weights, and has a gradient."""
    from regrad.codemods.engine.arguments import CannotChange, Set, change_call

    call, path = ending.node, ending.frame.path
    written = 'tf.image.resize(images, size, method="bilinear", antialias=True)'
    if not isinstance(call, ast.Call):
        return Withheld("the call is not written out here", written)
    key = 2 if len(call.args) > 2 else "method"
    try:
        edit = change_call(program.files[path], call, Set(key, '"bilinear"'), Set("antialias", "True"))
    except CannotChange as problem:
        return Withheld(str(problem), written)
    title = "resize with antialiasing, which has a gradient"
    return (Mending(title, Safety.UNSAFE, (edit,), _OTHER_WEIGHTS),)


RULE = Rule(
    CODE, NAME, "mixed", "safe where the operation is written out, unsafe where another takes its place", detect, mend
)
