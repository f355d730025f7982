"""RG107 loss-ignores-prediction: the value of the loss has nothing to do with the prediction.

What it does
------------
Reports a loss function of the program that returns nothing, one whose value does not depend on `y_pred` (in a loop
of one's own: one that is given the prediction and never reads it), a loss that was called when the model was
compiled, alone or in a list or dictionary of losses, so that `compile` is given a number instead of a function, and a
prediction that is made under the tape and never reaches the loss, which is computed from an earlier one.

Why gradients stop
------------------
Keras calls the loss with the targets and the prediction of each batch and follows the value back through the
prediction. A value that was computed from something else, or once and for all, or that is `None`, leads to no
weight.

Example
-------
Broken::

    def distance(y_true, y_pred):
        loss = tf.reduce_mean(tf.square(y_true - y_pred))

    model.compile(optimizer="adam", loss=distance)

Mended::

    def distance(y_true, y_pred):
        loss = tf.reduce_mean(tf.square(y_true - y_pred))
        return loss

    model.compile(optimizer="adam", loss=distance)

The fix and its safety
----------------------
The value is returned, which is safe: nothing could be trained without it. A loss that was called is handed over as
a function of the targets and the prediction, with its other arguments; unsafe, since it is now computed for each
batch. Where the prediction is used nowhere and the targets stand in its place, the prediction is put there, which is
unsafe: the targets, or one part of them, compared with themselves (`y_true - y_true`), computed with twice in the
same words, given a second name (that of the prediction, too: `y_pred = K.flatten(y_true)`), turned to the side of the
right class (`where(y_true > 0.5, y_true, 1 - y_true)`), or taken apart into triplets. In `old - stop_gradient(old)`
the prediction made under the tape takes the first place. What any other loss that
ignores the prediction should compute is the author's to say.

When it stays silent
--------------------
When the loss uses anything that is not known, when the model adds losses of its own (a loss that is 0 is then
usual), for models with several outputs, and for functions that make a loss (`loss=make_loss(0.5)`).

References
----------
- Keras, "Creating custom losses".
- https://github.com/tensorflow/addons/issues/1938
- regrad, facts: measured behaviour, 3.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis.cut import CutKind
from regrad.analysis.events import Compilation, Compiled, Trained
from regrad.analysis.flow import path
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, Function, Instance, Mapping, Tensor, Value
from regrad.analysis.weights import names
from regrad.codemods.engine.called_with_settings import settings_of, with_settings
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.own_losses import captured, depends, ignoring, single_loss
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.returns import with_return
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.truth_for_prediction import Slip, slip_in
from regrad.codemods.engine.unused_prediction import Unused, computed_from_it, unused_prediction

CODE, NAME = "RG107", "loss-ignores-prediction"


class _Silent(NamedTuple):
    function: Function


class _Called(NamedTuple):
    """A loss that was called already: where it stands in what `compile` was given."""

    compilation: Compilation
    node: ast.AST
    path: str
    value: Tensor


def detect(program: Program) -> Iterable[Finding]:
    yield from _called(program)
    yield from _of_functions(program)
    yield from _of_loops(program)
    yield from _of_earlier(program)


def _of_earlier(program: Program) -> Iterator[Finding]:
    seen: set[int] = set()
    for sink in program.sinks:
        unused = unused_prediction(program, sink)
        if unused is None or id(unused.bound.statement) in seen:
            continue
        seen.add(id(unused.bound.statement))
        lost = names(sink.path.lost)
        message = (
            f"`{unused.bound.target.id}` never reaches the loss, which is computed from what was predicted earlier:"
            " there is no gradient"
        )
        related = (Related(program.location(unused.event.node, unused.event.frame), "the gradient is asked for here"),)
        location = program.location(unused.bound.statement, unused.path)
        yield Finding(CODE, NAME, message, location, CutKind.NEVER_USED, lost, related, unused)


def _called(program: Program) -> Iterator[Finding]:
    seen: set[int] = set()
    for event in program.of(Compiled):
        compilation = event.compilation
        if isinstance(event.model, Instance) and event.model.cls.find("compile") is not None:
            continue
        for node, file, value in _values(program, compilation):
            if id(node) in seen:
                continue
            seen.add(id(node))
            message = "the loss was called already: `compile` is given its value, and wants a function that it can call"
            evidence = _Called(compilation, node, file, value)
            yield Finding(CODE, NAME, message, program.location(node, file), CutKind.CONSTANT, (), (), evidence)


def _values(program: Program, compilation: Compilation) -> Iterator[tuple[ast.AST, str, Tensor]]:
    """The losses that are values already and where they are written, alone or for each of several outputs."""
    node, given = compilation.loss_node, compilation.loss
    if node is None or compilation.node is None:
        return
    if isinstance(given, Tensor):
        yield node, compilation.frame.path, given
    parts: list[tuple[ast.AST | None, Value]] = []
    if isinstance(given, Mapping) and isinstance(given.node, ast.Dict) and len(given.entries) == len(given.node.values):
        parts = list(zip(given.node.values, given.entries.values(), strict=True))
    elif isinstance(given, Collection) and isinstance(given.node, (ast.List, ast.Tuple)):
        written = given.node.elts
        parts = list(zip(written, given.items, strict=True)) if len(written) == len(given.items) else []
    path = file_of(program, given.node) if parts and isinstance(given, (Mapping, Collection)) and given.node else None
    for part, value in parts:
        if isinstance(value, Tensor) and isinstance(part, (ast.Call, ast.Name)) and path is not None:
            yield part, path, value


def _of_functions(program: Program) -> Iterator[Finding]:
    seen: set[int] = set()
    for event in program.of(Trained):
        function = single_loss(event)
        if function is None or event.target is None or event.output is None or id(function.node) in seen:
            continue
        message = _complaint(event, function)
        if message is None or event.compilation is None or event.compilation.loss_node is None:
            continue
        seen.add(id(function.node))
        node = event.compilation.loss_node
        related = (Related(program.location(node, event.compilation.frame), "the model is compiled with it here"),)
        location = program.location(function.node, function.module)
        evidence = _Silent(function) if isinstance(event.target, Constant) else slip_in(function)
        yield Finding(CODE, NAME, message, location, CutKind.CONSTANT, (), related, evidence)


def _of_loops(program: Program) -> Iterator[Finding]:
    for each in ignoring(program):
        event = each.sink.event
        message = (
            f"the value of the loss `{_name(each.function)}` does not depend on the prediction:"
            f" `{each.parameter}` is never used"
        )
        related = (Related(program.location(event.node, event.frame), "the gradient is asked for here"),)
        location = program.location(each.function.node, each.function.module)
        lost = names(each.sink.path.lost)
        slip = slip_in(each.function)
        evidence = slip if slip is not None and slip.prediction == each.parameter else None
        yield Finding(CODE, NAME, message, location, CutKind.CONSTANT, lost, related, evidence)


def _complaint(event: Trained, function: Function) -> str | None:
    target, output = event.target, event.output
    if target is None or output is None:
        return None
    if isinstance(target, Constant):
        return f"the loss `{_name(function)}` returns nothing" if target.value is None else None
    if not isinstance(target, Tensor) or depends(target, output):
        return None
    sources = Collection("list", event.sources, event.complete)
    if path(event.recorder, target, sources).dead or captured(target, function) is not None:
        return f"the value of the loss `{_name(function)}` does not depend on the prediction"
    return None


def _name(function: Function) -> str:
    return function.owner.name if function.owner is not None and function.name == "call" else function.name


# -- mending -----------------------------------------------------------------------------------------------------------


def mend(program: Program, finding: Finding) -> Mendings:
    evidence = finding.evidence
    try:
        if isinstance(evidence, _Silent):
            return [Mending("return the value", Safety.SAFE, _returned(program, evidence.function))]
        if isinstance(evidence, Slip):
            source = program.files[evidence.path]
            slips = tuple(Edit(evidence.path, source.span(node), evidence.prediction) for node in evidence.nodes)
            why = "the targets stand in the place of the prediction, which is used nowhere"
            return [Mending("compute it from the prediction", Safety.UNSAFE, slips, why)]
        if isinstance(evidence, Unused):
            edits = computed_from_it(program, evidence)
            return [Mending(f"compute the loss from `{evidence.bound.target.id}`", Safety.UNSAFE, edits)]
        if isinstance(evidence, _Called):
            edits = _handed_over(program, evidence)
            return [Mending("hand the function over instead of its value", Safety.UNSAFE, edits)]
    except CannotMove as problem:
        return Withheld(
            problem.reason, "def loss(y_true, y_pred):\n    return tf.reduce_mean(tf.square(y_true - y_pred))"
        )
    reason = "what the loss should compute from the prediction is for its author to say"
    return Withheld(reason, "def loss(y_true, y_pred):\n    return tf.reduce_mean(tf.square(y_true - y_pred))")


def _returned(program: Program, function: Function) -> tuple[Edit, ...]:
    if any(isinstance(each, ast.Return) for each in ast.walk(function.node)):
        raise CannotMove("the function returns on some of its ways")
    return with_return(program, function)


def _handed_over(program: Program, found: _Called) -> tuple[Edit, ...]:
    path, node = found.path, found.node
    if (settings := settings_of(found.value)) is not None:
        return with_settings(program, settings)
    call: ast.AST | None = node
    if isinstance(node, ast.Name):
        call = _only_value(program, path, node)
    if not isinstance(call, ast.Call) or not isinstance(node, ast.expr):
        raise CannotMove("the loss is computed in a way that cannot be put off")
    source = program.files[path]
    callee = source.segment(source.span(call.func))
    if isinstance(call.func, (ast.Name, ast.Attribute)) and len(call.args) == 2 and not call.keywords:
        text = callee
    else:
        first = _place_of_targets(program, found, call)
        given = [source.segment(source.span(argument)) for argument in call.args]
        leading, rest = given[:first], given[first + 2 :]
        rest += [source.segment(source.span(word)) for word in call.keywords if word.arg not in ("y_true", "y_pred")]
        names = {each.id for each in ast.walk(call) if isinstance(each, ast.Name)}
        if not call.args and not {"y_true", "y_pred"} <= {word.arg for word in call.keywords}:
            raise CannotMove("which of its arguments are the targets and the prediction is not certain")
        if any(isinstance(argument, ast.Starred) for argument in call.args) or (
            len(call.args) == 1 and not call.keywords
        ):
            raise CannotMove("which of its arguments are the targets and the prediction is not certain")
        true, guess = ("y_true", "y_pred") if not {"y_true", "y_pred"} & (names - _given(call)) else ("true", "guess")
        text = f"lambda {true}, {guess}: {callee}({', '.join([*leading, true, guess, *rest])})"
    return (Edit(path, source.span(call), text),)


def _place_of_targets(program: Program, found: _Called, call: ast.Call) -> int:
    """Which positional argument the targets are; the prediction, which names the model, stands behind them."""
    receiver = found.compilation.node.func if found.compilation.node is not None else None
    model = ast.dump(receiver.value) if isinstance(receiver, ast.Attribute) else ""

    def names_model(argument: ast.expr) -> bool:
        if any(isinstance(each, ast.expr) and ast.dump(each) == model for each in ast.walk(argument)):
            return True
        bound = [only_value(program, found.path, each.id) for each in ast.walk(argument) if isinstance(each, ast.Name)]
        return any(isinstance(each, ast.Call) and ast.dump(each.func) == model for each in bound)

    naming = [place for place, argument in enumerate(call.args) if names_model(argument)]
    if len(naming) == 1 and naming[0] >= 1:
        return naming[0] - 1
    if len(call.args) > 2 or naming:
        raise CannotMove("which of its arguments are the targets and the prediction is not certain")
    return 0


def _given(call: ast.Call) -> set[str]:
    return {argument.id for argument in call.args[:2] if isinstance(argument, ast.Name)}


def _only_value(program: Program, path: str, name: ast.Name) -> ast.AST:
    value = only_value(program, path, name.id, used_once=True)
    if value is None:
        raise CannotMove(f"`{name.id}` is used elsewhere as well")
    return value


RULE = Rule(
    CODE,
    NAME,
    "mixed",
    "Returning the value is safe; a loss that was computed once and is now computed for each batch is another program.",
    detect,
    mend,
)
