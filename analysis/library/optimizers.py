"""Optimizers: how they are made, and the steps that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis import attributes, iterators
from regrad.analysis.as_given import as_given
from regrad.analysis.events import Applied, Minimized
from regrad.analysis.library import graph_variables, graphs, operation_calls, tapes
from regrad.analysis.values import (
    UNKNOWN,
    BoundMethod,
    Collection,
    Constant,
    Function,
    Mapping,
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
    """Methods that apply gradients, of whatever they are called, and all others of optimizers."""
    this = owner.this if isinstance(owner, attributes.Super) else owner
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
    gradients = graphs.gradients_of_graph(interpreter, "compute_gradients", arguments)
    return Zip((gradients, variables), call.node, True)


PREFIXES: dict[str, Handler] = {
    "keras.optimizers.": _optimizer,
    "tf.optimizers.": _optimizer,
    "tf.train.": _optimizer,
    "tf1.train.": _optimizer,
}
