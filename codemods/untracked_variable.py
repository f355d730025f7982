"""RG205 untracked-variable: a weight that Keras never collects, so that no training updates it.

What it does
------------
Reports a `tf.Variable` that is an attribute of a Keras 3 layer or model and is used in its `call`; a variable that a
`Lambda` or a loss takes from outside the model that is trained, or makes itself; a layer that is made anew in every
`call`; and what an ordinary object (under Keras 3 also a `tf.Module`) holds for a model, where Keras does not look.

Why gradients stop
------------------
Keras 3 trains what `add_weight`, `keras.Variable` and tracked layers give it. A plain `tf.Variable` is not among
`trainable_variables`, nor is anything that a model does not hold as an attribute. The program runs, and the weight
keeps its first value; a layer made in `call` starts anew each time, or TensorFlow raises "tf.function only supports
singleton tf.Variables".

Example
-------
Broken::

    class Scale(keras.layers.Layer):
        def build(self, shape):
            self.gain = tf.Variable(tf.ones((shape[-1],)))

        def call(self, x):
            return x * self.gain

Mended::

    class Scale(keras.layers.Layer):
        def build(self, shape):
            self.gain = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, x):
            return x * self.gain

The fix and its safety
----------------------
The variable is made with `add_weight`, starting from the same numbers or the same distribution; the layer is made in
`__init__`, under the name that it had; the class of an object that holds layers or variables becomes a layer, its
`__call__` a `call`. Unsafe, since weights move that did not move before. A variable from outside is the author's.

When it stays silent
--------------------
For attributes of a layer under Keras 2, which collects them, and where a program uses what only Keras 2 has; when the
variable is assigned, not trainable, an integer, made of data, or given to an optimizer anywhere in the program; when
the program itself says which weights a model has. What comes from outside is named where it starts as weights do.

References
----------
- https://github.com/keras-team/keras/issues/19154
- Keras, "Making new layers and models via subclassing".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis import generation, trainings, unreached
from regrad.analysis.events import Assigned, GradientTaken, Trained
from regrad.analysis.flow import Flow
from regrad.analysis.library.keras_layers import WEIGHTED
from regrad.analysis.operations import is_integer
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Instance, Layer, Value, Variable
from regrad.analysis.weights import describe
from regrad.codemods.engine.from_outside import FromOutside, from_outside
from regrad.codemods.engine.holders import Held, collected_by_hand, held_out_of_sight, made_to_stay
from regrad.codemods.engine.missing_from_training import missing_from_training
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Rule, Safety, Withheld


class Attribute(NamedTuple):
    """A `tf.Variable` that a layer or model holds."""

    variable: Variable


class Kept(NamedTuple):
    """An ordinary object that holds weights, and which of these are plain variables."""

    holder: Instance
    variables: tuple[Variable, ...]


class Anew(NamedTuple):
    """A layer that `call` makes."""

    layer: Layer
    owner: Instance


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    moved: set[int] | None = None
    for sink in unreached.trained(program):
        for owner in _owners(sink):
            if moved is None:
                moved = trainings.updated(program) | {id(event.variable) for event in program.of(Assigned)}
            for finding in (
                *_variables(program, sink, owner, moved),
                *_outside(program, sink, owner, moved),
                *_layers(program, sink, owner),
                *_held(program, sink, owner, moved),
            ):
                if finding.location not in seen:
                    seen.add(finding.location)
                    yield finding


def _owners(sink: Sink) -> list[Value]:
    if isinstance(sink.event, Trained):
        return [sink.event.model]
    if isinstance(sink.event, GradientTaken):
        return [part.owners[0] for part in trainings.lists_in(sink.event.sources) if len(part.owners) == 1]
    return []


def _variables(program: Program, sink: Sink, owner: Value, moved: set[int]) -> Iterator[Finding]:
    if program.keras == 2 or generation.only_keras_2(program):
        return
    held = {id(value) for value in trainings.inside(owner)}
    for value in sink.gradient_flow.reach(sink.target).sources.values():
        if (
            not isinstance(value, Variable)
            or value.maker != "tf.Variable"
            or value.owner is not None
            or id(value) in moved
        ):
            continue
        if value.node is None or value.frame is None or not _to_be_trained(program, value):
            continue
        if id(value) not in held:
            continue
        name = describe(value)
        keras = "Keras" if program.keras_known else "Keras 3, which is assumed here,"
        yield missing_from_training(
            program,
            RULE,
            sink,
            f"`{name}` is a plain `tf.Variable` that {keras} does not collect: no training updates it",
            program.location(value.node, value.frame),
            (name,),
            Attribute(value),
        )


def _outside(program: Program, sink: Sink, owner: Value, moved: set[int]) -> Iterator[Finding]:
    """What a `Lambda` or a loss closes over, which no generation of Keras collects."""
    held = {id(value) for value in trainings.inside(owner)}
    for found in from_outside(program, sink, held, moved):
        assert found.variable.node is not None and found.variable.frame is not None
        yield missing_from_training(
            program,
            RULE,
            sink,
            f"`{found.name}` is a plain `{found.variable.maker}` from outside the model, which Keras does not see:"
            " no training updates it",
            program.location(found.variable.node, found.variable.frame),
            (found.name,),
            found,
        )


def _to_be_trained(program: Program, variable: Variable) -> bool:
    """Whether nothing says that the variable is to keep its value, or gets it in another way."""
    stated = variable.fields.get("trainable")
    off = isinstance(stated, Constant) and not stated.value
    if off or is_integer(variable.fields.get("dtype")) or variable.node is None or variable.frame is None:
        return False
    return not _set_somewhere(program)


def _set_somewhere(program: Program) -> bool:
    """Whether some variable is set in a way that is not followed, as a callback does."""
    resolved = {id(event.node) for event in program.of(Assigned)}
    for path in program.trees:
        for node in program.nodes_of(path, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called in ("assign", "assign_add", "assign_sub", "set_value") and id(node) not in resolved:
                return True
    return False


def _layers(program: Program, sink: Sink, owner: Value) -> Iterator[Finding]:
    inside = trainings.inside(owner)
    held = {id(value) for value in inside}
    for value in Flow(sink.tape).reach(sink.target).sources.values():
        if not isinstance(value, Layer) or value.kind not in WEIGHTED or id(value) in held or value.frame is None:
            continue
        frame = value.frame
        if frame.function is None or frame.function.name != "call" or not isinstance(frame.this, Instance):
            continue
        if id(frame.this) not in held or not isinstance(value.node, ast.Call) or frame.function.owner is None:
            continue
        yield missing_from_training(
            program,
            RULE,
            sink,
            f"a new `{value.kind}` is made in every `call`: it never learns anything",
            program.location(value.node, frame),
            (describe(value),),
            Anew(value, frame.this),
        )


def _held(program: Program, sink: Sink, owner: Value, moved: set[int]) -> Iterator[Finding]:
    held = [each for each in held_out_of_sight(owner, program.keras) if id(each.part) not in moved]
    if not held:
        return
    used = Flow(sink.tape).reach(sink.target).sources
    holders: dict[int, list[Held]] = {}
    for each in held:
        if id(each.part) not in used or each.holder.node is None or each.holder.frame is None:
            continue
        if not isinstance(each.part, Variable) or (
            _to_be_trained(program, each.part)
            and not made_to_stay(program, each.part)
            and not collected_by_hand(program)
        ):
            holders.setdefault(id(each.holder), []).append(each)
    for parts in holders.values():
        holder = parts[0].holder
        assert holder.node is not None and holder.frame is not None
        names = tuple(describe(each.part) for each in parts)
        what = "a `tf.Module`" if holder.role == "module" else "an ordinary object"
        kinds = {type(each.part) for each in parts}
        held_there = "weights" if len(kinds) > 1 else "variables" if Variable in kinds else "layers"
        yield missing_from_training(
            program,
            RULE,
            sink,
            f"`{holder.cls.name}` is {what}: Keras does not find the {held_there} in it, and no training updates them",
            program.location(holder.node, holder.frame),
            names,
            Kept(holder, tuple(each.part for each in parts if isinstance(each.part, Variable))),
            part="them",
        )


# -- mending -----------------------------------------------------------------------------------------------------------


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.layout import CannotMove

    evidence = finding.evidence
    if isinstance(evidence, FromOutside):
        return _advice(evidence)
    try:
        if isinstance(evidence, Attribute):
            from regrad.codemods.engine.added_weight import added_weight

            edits = added_weight(program, evidence.variable)
            reason = "weights move that did not move before"
            return [Mending("make it with `add_weight`", Safety.UNSAFE, edits, reason)]
        if isinstance(evidence, Kept):
            return [_layer_made(program, evidence)]
        from regrad.codemods.engine.layer_made_once import made_in_init

        return [made_in_init(program, evidence.layer, evidence.owner)]
    except CannotMove as problem:
        suggestion = "self.w = self.add_weight(shape=..., initializer=...)"
        if isinstance(evidence, Kept):
            suggestion = f"class {evidence.holder.cls.name}(keras.layers.Layer):"
        return Withheld(str(problem), suggestion)


def _advice(evidence: FromOutside) -> Withheld:
    if evidence.inside:
        return Withheld(
            "a layer must hold the variable, and which one is the author's choice",
            "class Holder(keras.layers.Layer):\n    def build(self, shape):\n"
            f"        self.{evidence.name} = self.add_weight(...)",
        )
    return Withheld(
        "the model must hold the variable, and how the loss gets it is the author's choice",
        f'{evidence.name} = model.add_weight(name="{evidence.name}", shape=..., initializer=...)'
        "  # and give it to the loss before `compile`",
    )


def _layer_made(program: Program, kept: Kept) -> Mending:
    """The class of the object that holds the weights becomes a layer itself, and its variables that layer's weights."""
    from regrad.codemods.engine.added_weight import added_weight
    from regrad.codemods.engine.made_a_layer import made_a_layer

    edits = made_a_layer(program, kept.holder)
    for variable in {id(each.node): each for each in kept.variables}.values():
        edits += added_weight(program, variable)
    edits = tuple(dict.fromkeys(edits))
    return Mending(
        f"make `{kept.holder.cls.name}` a layer", Safety.UNSAFE, edits, "weights move that did not move before"
    )


RULE = Rule("RG205", "untracked-variable", "unsafe", "Weights are trained that were not trained before.", detect, mend)
