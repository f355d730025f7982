"""Training: `compile`, `fit` and its relatives, optimizers.

A Keras training step is interpreted as one, so that its loss is a value like any other.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import attributes, iterators, weights
from regrad.analysis.as_given import as_given
from regrad.analysis.events import Applied, Compilation, Compiled, GradientTaken, Head, Minimized, Trained
from regrad.analysis.library import data, graph_variables, heads, losses, operation_calls, sequential, tapes
from regrad.analysis.operations import Transfer
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    BoundMethod,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Gradients,
    Instance,
    Layer,
    Loss,
    Mapping,
    Network,
    Optimizer,
    Partial,
    Tape,
    Tensor,
    Unknown,
    Value,
    WeightList,
    Zip,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

TRAINING = frozenset({"fit", "fit_generator", "train_on_batch"})
_CALLABLE = (Function, BoundMethod, Partial)


def _optimizer(interpreter: Interpreter, name: str, call: Call) -> Value:
    last = name.rpartition(".")[2]
    if name in ("keras.optimizers.get", "keras.optimizers.deserialize"):
        return _named_optimizer(interpreter, name, call)
    if last[:1].islower() or ".schedules." in name or (".train." in name and not last.endswith("Optimizer")):
        return interpreter.unknown("call", name, ())
    return Optimizer(name, operation_calls.named(call), call.node, interpreter.frame, interpreter.tick())


def _named_optimizer(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`keras.optimizers.get("adam")`, or with the settings of one: `{"class_name": "Adam", "config": {...}}`."""
    given = call.get("identifier", 0) or call.get("config", 0)
    if isinstance(given, Optimizer):
        return given
    stated = given.entries.get("class_name") if isinstance(given, Mapping) else given
    settings = given.entries.get("config") if isinstance(given, Mapping) else None
    if not isinstance(stated, Constant) or not isinstance(stated.value, str):
        return interpreter.unknown("call", name, ())
    arguments = dict(settings.entries) if isinstance(settings, Mapping) else {}
    full = f"keras.optimizers.{stated.value}"
    return Optimizer(full, arguments, call.node, interpreter.frame, interpreter.tick())


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods that train: of models and optimizers."""
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
    if name == "apply_gradients" or (name == "apply" and isinstance(this, Optimizer)):
        pairs = call.get("grads_and_vars", 0) or call.get("grads") or UNKNOWN
        if name == "apply_gradients" and call.get(None, 1) is not None:
            pairs = Collection("arguments", call.positional, True, call.node)
        elif name == "apply":
            pairs = Collection("arguments", call.all(), True, call.node)
        spent = iterators.walked(interpreter, pairs)
        iterators.walk(interpreter, pairs, call.node)
        step = interpreter.unknown("call", name, ())
        given = as_given(pairs)
        interpreter.emit(Applied(call.node, interpreter.frame, interpreter.tick(), this, given, name, spent, step))
        return step
    if name == "minimize" and isinstance(this, (Optimizer, Unknown)):
        return _minimize(interpreter, this, call)
    if isinstance(this, Optimizer):
        if name == "compute_gradients":
            return _compute_gradients(interpreter, call)
        if name == "get_gradients":
            return interpreter.unknown("call", name, ())
        return UNKNOWN
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
        added = bool(interpreter.added_losses) or _adds_losses(model, set())
        if added and target is not None:
            target = interpreter.operation(
                "operator", "add", call.node, (target, *interpreter.added_losses, *_constructed_losses(model))
            )
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


def _constructed_losses(model: Value) -> tuple[Value, ...]:
    found: list[Value] = []
    if isinstance(model, Network):
        for layer in model.fields.get("layers") or ():
            if isinstance(layer, (Instance, Layer, Network)):
                found.extend(layer.fields.get("#losses") or ())
    return tuple(found)


def _adds_losses(value: Value, seen: set[int]) -> bool:
    """Whether a layer anywhere inside adds a loss of its own (`add_loss`, an activity regularizer)."""
    if id(value) in seen or not isinstance(value, (Layer, Network, Instance)):
        return False
    seen.add(id(value))
    if value.fields.get("#losses"):
        return True
    if isinstance(value, Layer) and any("regularizer" in name for name in value.arguments):
        return True
    return any(_adds_losses(inner, seen) for inner in weights.sublayers(value))


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
    return apply_loss(interpreter, compilation.loss, targets, output, node)


def apply_loss(interpreter: Interpreter, loss: Value, targets: Value, output: Value, node: ast.AST) -> Value | None:
    """The value of a `loss=` argument for these targets and outputs; None where it is not known."""
    from regrad.analysis.interpreter import Call as Arguments

    if isinstance(loss, Mapping):
        terms: list[Value] = []
        for key, part in loss.entries.items():
            if isinstance(part, Constant) and part.value is None:
                continue
            value = output.entries.get(key) if isinstance(output, Mapping) else _named_output(output, key)
            if value is None:
                # Which output is meant is not known, so any of them may be.
                value = interpreter.operation("join", "join", node, operation_calls.flatten((output,)), Transfer.JOIN)
            term = apply_loss(interpreter, part, as_any(interpreter, targets, node), value, node)
            if term is None:
                return None
            terms.append(term)
        return interpreter.operation("operator", "add", node, tuple(terms)) if terms else None
    if isinstance(loss, Collection):
        outputs = (
            output.items
            if isinstance(output, Collection)
            else tuple(output.entries.values())
            if isinstance(output, Mapping)
            else (output,)
        )
        if len(outputs) != len(loss.items):
            return None
        given = (
            targets.items
            if isinstance(targets, Collection) and len(targets.items) == len(outputs)
            else tuple(as_any(interpreter, targets, node) for _ in outputs)
        )
        found = [
            apply_loss(interpreter, part, y, value, node)
            for part, y, value in zip(loss.items, given, outputs, strict=False)
            if not (isinstance(part, Constant) and part.value is None)
        ]
        if not found or any(term is None for term in found):
            return None
        return interpreter.operation("operator", "add", node, tuple(term for term in found if term is not None))
    if isinstance(output, (Collection, Mapping)) and not isinstance(loss, (Tensor, Unknown)):
        outputs = output.items if isinstance(output, Collection) else tuple(output.entries.values())
        given = (
            targets.items
            if isinstance(targets, Collection) and len(targets.items) == len(outputs)
            else tuple(as_any(interpreter, targets, node) for _ in outputs)
        )
        every = [apply_loss(interpreter, loss, y, value, node) for y, value in zip(given, outputs, strict=False)]
        if not every or any(term is None for term in every):
            return None
        return interpreter.operation("operator", "add", node, tuple(term for term in every if term is not None))
    if isinstance(loss, (Tensor, Gradients)):
        return loss
    if losses.is_metric(loss):
        return interpreter.operation(
            "metric", _spelling(loss), node, (targets, output), Transfer.NONE, dtype="float32", callee=loss
        )
    standard = losses.name_of(loss)
    if standard is not None:
        return losses.call_loss(
            interpreter,
            standard,
            loss if isinstance(loss, Loss) else External("keras.losses." + standard),
            Arguments(node, (targets, output)),
        )
    if isinstance(loss, (*_CALLABLE, Instance, Class)):
        return interpreter.call(loss, Arguments(node, (targets, output)))
    return None


def _named_output(output: Value, key: object) -> Value | None:
    """The one output among several whose last layer has that name: Keras names the outputs after their layers."""
    items = output.items if isinstance(output, Collection) and output.complete else ()
    named = [item for item in items if _last_name(item) == key]
    return named[0] if len(named) == 1 else None


def _last_name(value: Value) -> object:
    while isinstance(value, Tensor) and value.operation.kind == "model" and value.operation.inputs:
        if not isinstance(value.operation.callee, Network) or value.operation.callee.form == "opaque":
            return None
        value = value.operation.inputs[0]
    callee = value.operation.callee if isinstance(value, Tensor) and value.operation.kind == "layer" else None
    stated = callee.arguments.get("name") if isinstance(callee, Layer) else None
    return stated.value if isinstance(stated, Constant) else None


def _spelling(value: Value) -> str:
    if isinstance(value, Constant):
        return str(value.value)
    return str(getattr(value, "name", "metric"))


def as_any(interpreter: Interpreter, value: Value, node: ast.AST) -> Value:
    """Some part of structured targets."""
    if isinstance(value, (Collection, Mapping)):
        return interpreter.operation("data", "data", node, ())
    return value


def _compute_loss(interpreter: Interpreter, model: Network | Instance, call: Call) -> Value:
    """`self.compute_loss(...)` or `self.compiled_loss(...)` where the class does not define it: the compiled loss."""
    compilation = _compilation_of(interpreter, model)
    old = call.get(None, 0) if "y" not in call.keywords and len(call.positional) == 2 else None
    targets = old or call.get("y", 1)
    output = call.get(None, 1) if old is not None else call.get("y_pred", 2)
    if compilation is not None and compilation.loss is not None and targets is not None and output is not None:
        value = apply_loss(interpreter, compilation.loss, targets, output, call.node)
        if value is not None:
            return interpreter.operation("operator", "add", call.node, (value, *interpreter.added_losses))
    return interpreter.operation("unknown", "compute_loss", call.node, call.all(), callee=model)


def _minimize(interpreter: Interpreter, optimizer: Value, call: Call) -> Value:
    from regrad.analysis.interpreter import Call as Arguments

    loss = call.get("loss", 0) or UNKNOWN
    # Those of TensorFlow 1 take a counter of steps in second place.
    first = isinstance(optimizer, Optimizer) and optimizer.name.startswith("tf1.")
    variables = call.get("var_list", 2 if first else 1) or UNKNOWN
    tape = call.get("tape")
    result: Value | None = None
    recorder: Tape | None = None
    if isinstance(loss, _CALLABLE):
        recorder = tapes.implicit(interpreter, call.node)
        saved, interpreter.tapes = interpreter.tapes, (recorder,)
        result = interpreter.call(loss, Arguments(call.node))
        interpreter.tapes = saved
    elif isinstance(loss, Tensor):
        result = loss
    if isinstance(variables, _CALLABLE):
        variables = interpreter.call(variables, Arguments(call.node))
    if isinstance(tape, Tape) and isinstance(loss, Tensor):
        nodes = (call.node_of("loss", 0), call.node_of("var_list", 1))
        gradients = tapes.ask(interpreter, tape, "gradient", Arguments(call.node, (loss, variables), nodes=nodes))
        pairs = Zip((gradients, variables), call.node)
        interpreter.emit(Applied(call.node, interpreter.frame, interpreter.tick(), optimizer, pairs, "minimize"))
    step = interpreter.unknown("call", "minimize", ())
    frame = interpreter.frame
    interpreter.emit(
        Minimized(call.node, frame, interpreter.tick(), optimizer, loss, variables, tape, result, recorder, step)
    )
    return step


def _graph_gradients(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.gradients(ys, xs)`, `K.gradients`: gradients of a graph, which records everything."""
    tape = tapes.implicit(interpreter, call.node)
    tape.fields["graph"] = True
    target, sources = (
        as_given(call.get("ys", 0) or call.get("loss") or UNKNOWN),
        as_given(call.get("xs", 1) or call.get("variables") or UNKNOWN),
    )
    event = GradientTaken(
        call.node,
        interpreter.frame,
        interpreter.tick(),
        tape,
        target,
        sources,
        name.rpartition(".")[2],
        True,
        0,
        interpreter.conditional > 0,
        call.node_of("ys", 0),
        call.node_of("xs", 1),
    )
    interpreter.emit(event)
    result = interpreter.operation(
        "gradient", "gradients", call.node, (target, *operation_calls.flatten((sources,))), dtype="float32"
    )
    return Gradients(event, sources, target, result)


def _compute_gradients(interpreter: Interpreter, call: Call) -> Value:
    """`optimizer.compute_gradients(loss)` of a graph: pairs; without `var_list` of all its trainable variables."""
    loss, variables = call.get("loss", 0), call.get("var_list", 1)
    if variables is None or (isinstance(variables, Constant) and variables.value is None):
        variables = graph_variables.trainable(interpreter, None, call.node)
    # Without a graph it raises for a tensor, which a rule tells; the request is there all the same.
    if not isinstance(loss, Tensor) or not isinstance(variables, (Collection, WeightList)):
        return interpreter.unknown("call", "compute_gradients", ())
    arguments = type(call)(
        call.node, (loss, variables), {}, True, (call.node_of("loss", 0), call.node_of("var_list", 1))
    )
    gradients = _graph_gradients(interpreter, "compute_gradients", arguments)
    return Zip((gradients, variables), call.node, True)


def _graph_mode(interpreter: Interpreter, name: str, call: Call) -> Value:
    interpreter.graph = True
    return NONE


FUNCTIONS: dict[str, Handler] = {
    "tf.gradients": _graph_gradients,
    "tf1.gradients": _graph_gradients,
    "K.gradients": _graph_gradients,
    "tf1.disable_eager_execution": _graph_mode,
    "tf1.disable_v2_behavior": _graph_mode,
}
PREFIXES: dict[str, Handler] = {
    "keras.optimizers.": _optimizer,
    "tf.optimizers.": _optimizer,
    "tf.train.": _optimizer,
    "tf1.train.": _optimizer,
}
