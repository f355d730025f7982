"""Training by Keras: `compile`, `fit` and its relatives.

A Keras training step is interpreted as one, so that its loss is a value like any other.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import attributes, weights
from regrad.analysis.events import Compilation, Compiled, Head, Trained
from regrad.analysis.library import added_losses, compiled_losses, data, heads, sequential, tapes
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    BoundMethod,
    Collection,
    Constant,
    Function,
    Instance,
    Mapping,
    Network,
    Tape,
    Tensor,
    Unknown,
    Value,
    is_none,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter

TRAINING = frozenset({"fit", "fit_generator", "train_on_batch"})


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of models that train."""
    this = owner.this if isinstance(owner, attributes.Super) else owner
    if isinstance(this, (Network, Instance)) and (isinstance(this, Network) or this.role in ("model", "library")):
        if name == "compile":
            return _compile(interpreter, this, call)
        if name in TRAINING:
            return _train(interpreter, this, name, call)
        if name in ("compute_loss", "compiled_loss") and isinstance(owner, (attributes.Super, Instance)):
            return _compute_loss(interpreter, this, call)
        if name == "train_step" and isinstance(owner, attributes.Super):
            return interpreter.unknown("call", "train_step", (this,))
    return None


def _compile(interpreter: Interpreter, model: Network | Instance, call: Call) -> Value:
    loss = call.get("loss", 1)
    compilation = Compilation(
        call.node if isinstance(call.node, ast.Call) else None,
        interpreter.frame,
        interpreter.tick(),
        loss,
        call.node_of("loss", 1),
        call.get("optimizer", 0),
        call.get("metrics", 2) or call.get("metrics", 3),
        call.node_of("metrics", 2),
        # `compile(...)`, with a literal ellipsis, is a guide's way of leaving the arguments to the reader.
        call.complete and not any(isinstance(value, Constant) and value.value is ... for value in call.all()),
    )
    if isinstance(model, Network) and model.form == "sequential" and sequential.has_input(model, interpreter.keras):
        # Keras builds it as it is put together, so its output is known even where nothing trains it.
        sequential.build_sequential(interpreter, model, call.node)
    interpreter.store.put(model.fields, "#compiled", compilation)
    interpreter.store.put(model.fields, "#steps", 0)
    optimizer = compilation.optimizer
    if isinstance(optimizer, Value) and not isinstance(optimizer, Constant) and isinstance(model, Instance):
        interpreter.store.put(model.fields, "optimizer", optimizer)
    interpreter.emit(Compiled(call.node, interpreter.frame, compilation.serial, model, compilation))
    return NONE


def _compilation_of(interpreter: Interpreter, model: Network | Instance) -> Compilation | None:
    """The compilation that holds; where it is one of several, nothing is known of it but that it is there."""
    found = model.fields.get("#compiled")
    if found is None or isinstance(found, Compilation):
        return found
    return Compilation(None, interpreter.frame, interpreter.tick(), UNKNOWN, None, UNKNOWN, None, None, False)


def as_data(interpreter: Interpreter, value: Value | None, call: Call) -> Value:
    """A value as a training step gets it: what is not known is data, which no variable stands behind."""
    if value is None:
        return interpreter.operation("data", "data", call.node, ())
    if isinstance(value, Collection):
        return Collection(
            value.kind, tuple(as_data(interpreter, item, call) for item in value.items), value.complete, value.node
        )
    if isinstance(value, Mapping):
        return Mapping(
            {key: as_data(interpreter, item, call) for key, item in value.entries.items()}, value.complete, value.node
        )
    if isinstance(value, Tensor):
        shape = (None, *value.shape[1:]) if value.shape else value.shape
        dtype = "float32" if value.dtype == "float64" else value.dtype
        return interpreter.operation(
            "data", "data", call.node, (), dtype=dtype, shape=shape, facts=value.facts, high=value.high
        )
    return interpreter.operation("data", "data", call.node, ())


def _train(interpreter: Interpreter, model: Network | Instance, method_name: str, call: Call) -> Value:
    x, y = call.get("x", 0), call.get("y", 1)
    if method_name == "fit_generator":
        x, y = call.get("generator", 0), None
    element = data.element_of_data(interpreter, x, call) if x is not None else None
    given_x, given_y = x, y
    if element is not None:
        given_x, given_y = element, None
        if isinstance(element, Collection) and element.kind == "tuple" and len(element.items) in (2, 3):
            given_x, given_y = element.items[0], element.items[1]
        elif element is UNKNOWN or isinstance(element, Unknown):
            given_y = UNKNOWN
    elif y is None and (not call.complete or (x is not None and not isinstance(x, (Tensor, Collection, Mapping)))):
        # `fit(data)` of something unknown may be a dataset that carries the targets; `**options` may name them.
        given_y = UNKNOWN
    compilation = _compilation_of(interpreter, model)
    if isinstance(model, Network) and model.form == "sequential":
        sequential.build_sequential(interpreter, model, call.node, as_data(interpreter, given_x, call))
    own_step = isinstance(model, Instance) and model.cls.find("train_step") is not None
    steps = model.fields.get("#steps")
    step = _training_step(interpreter, model, compilation, given_x, given_y, call, own_step)
    recorder, target, output, heads, added = step
    found = weights.collect(interpreter, model)
    stated = model.fields.get("trainable")
    interpreter.emit(
        Trained(
            call.node,
            interpreter.frame,
            interpreter.tick(),
            model,
            method_name,
            given_x,
            given_y,
            call.node_of("x", 0),
            call.node_of("y", 1),
            element,
            compilation,
            own_step,
            target,
            output,
            heads,
            tuple(found.trained),
            tuple(found.frozen),
            found.complete,
            stated if isinstance(stated, Value) else Constant(True),
            recorder,
            added,
            not steps,
            x,
            call.get("callbacks"),
        )
    )
    interpreter.store.put(
        model.fields, "#steps", (steps or 0) + 1 if isinstance(steps, int) or steps is None else steps
    )
    return interpreter.unknown("call", method_name, ())


Step = tuple["Tape | None", "Value | None", "Value | None", "tuple[Head, ...]", bool]


def _training_step(
    interpreter: Interpreter,
    model: Network | Instance,
    compilation: Compilation | None,
    x: Value | None,
    y: Value | None,
    call: Call,
    own_step: bool,
) -> Step:
    key = (id(model), id(compilation), id(model.fields.get("outputs")))
    cached = interpreter.training_steps.get(key)
    if cached is not None:
        known: Step = cached
        return known
    from regrad.analysis.interpreter import Call as Arguments

    saved_tapes, saved_losses = interpreter.tapes, interpreter.added_losses
    interpreter.tapes, interpreter.added_losses = (), []
    inputs, targets = as_data(interpreter, x, call), as_data(interpreter, y, call)
    recorder: Tape | None = None
    target: Value | None = None
    output: Value | None = None
    heads: tuple[Head, ...] = ()
    try:
        if own_step and isinstance(model, Instance):
            found = model.cls.find("train_step")
            if found is not None and isinstance(found[0], Function):
                step_data = inputs if y is None or y is UNKNOWN else Collection("tuple", (inputs, targets))
                if x is None or (isinstance(x, Unknown) and y is UNKNOWN):
                    step_data = interpreter.unknown("parameter", "data")
                interpreter.call(BoundMethod(model, found[0]), Arguments(call.node, (step_data,)))
        else:
            recorder = tapes.implicit(interpreter, call.node)
            interpreter.tapes = (recorder,)
            output = interpreter.call(
                model,
                Arguments(
                    call.node,
                    (inputs,),
                    {"training": Constant(True)} if isinstance(model, Instance) and _takes_training(model) else {},
                ),
            )
            heads = heads_of(model, output)
            target = _loss_value(interpreter, model, compilation, inputs, targets, output, call)
    finally:
        added = bool(interpreter.added_losses) or added_losses.adds_losses(model)
        terms = (*interpreter.added_losses, *added_losses.constructed(model)) if added else ()
        if added and target is not None:
            target = interpreter.operation("operator", "add", call.node, (target, *terms))
        elif terms and output is not None and _uses_added_losses_alone(model, compilation):
            target = interpreter.operation("operator", "add", call.node, terms)
        interpreter.tapes, interpreter.added_losses = saved_tapes, saved_losses
    step: Step = (recorder, target, output, heads, added)
    interpreter.training_steps[key] = step
    return step


def _takes_training(model: Instance) -> bool:
    found = model.cls.find("call")
    if found is None or not isinstance(found[0], Function):
        return False
    parameters = found[0].node.args
    return (
        any(parameter.arg == "training" for parameter in (*parameters.args, *parameters.kwonlyargs))
        or parameters.kwarg is not None
    )


def _uses_added_losses_alone(model: Network | Instance, compilation: Compilation | None) -> bool:
    """Whether the model certainly trains with what its layers add, and with nothing else."""
    if compilation is None or not compilation.complete:
        return False
    if isinstance(model, Instance) and model.cls.find("compute_loss") is not None:
        return False
    return compilation.loss is None or is_none(compilation.loss)


def heads_of(model: Value, output: Value) -> tuple[Head, ...]:
    """One head for each output of a model."""
    if isinstance(output, Mapping):
        return tuple(
            heads.head_of(value, key if isinstance(key, str) else None) for key, value in output.entries.items()
        )
    if isinstance(output, Collection):
        return tuple(heads.head_of(value) for value in output.items) if output.complete else ()
    return (heads.head_of(output),)


def _loss_value(
    interpreter: Interpreter,
    model: Network | Instance,
    compilation: Compilation | None,
    inputs: Value,
    targets: Value,
    output: Value,
    call: Call,
) -> Value | None:
    from regrad.analysis.interpreter import Call as Arguments

    if isinstance(model, Instance):
        own = model.cls.find("compute_loss")
        if own is not None and isinstance(own[0], Function):
            keywords = {"x": inputs, "y": targets, "y_pred": output, "sample_weight": NONE}
            return interpreter.call(BoundMethod(model, own[0]), Arguments(call.node, (), keywords))
    if compilation is None or compilation.loss is None:
        return None
    node = compilation.loss_node or call.node
    return compiled_losses.apply_loss(interpreter, compilation.loss, targets, output, node)


def _compute_loss(interpreter: Interpreter, model: Network | Instance, call: Call) -> Value:
    """`self.compute_loss(...)` or `self.compiled_loss(...)` where the class does not define it: the compiled loss."""
    compilation = _compilation_of(interpreter, model)
    old = call.get(None, 0) if "y" not in call.keywords and len(call.positional) == 2 else None
    targets = old or call.get("y", 1)
    output = call.get(None, 1) if old is not None else call.get("y_pred", 2)
    if compilation is not None and compilation.loss is not None and targets is not None and output is not None:
        value = compiled_losses.apply_loss(interpreter, compilation.loss, targets, output, call.node)
        if value is not None:
            return interpreter.operation("operator", "add", call.node, (value, *interpreter.added_losses))
    return interpreter.operation("unknown", "compute_loss", call.node, call.all(), callee=model)
