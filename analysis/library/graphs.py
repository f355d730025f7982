"""Gradients of a graph, as TensorFlow 1 takes them: `tf.gradients`, and the switch to graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis.as_given import as_given
from regrad.analysis.events import GradientTaken
from regrad.analysis.library import operation_calls, tapes
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    Gradients,
    Value,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def gradients_of_graph(interpreter: Interpreter, name: str, call: Call) -> Value:
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


def _graph_mode(interpreter: Interpreter, name: str, call: Call) -> Value:
    interpreter.graph = True
    interpreter.references = interpreter.references or name == "tf1.disable_v2_behavior"
    return NONE


def _references(interpreter: Interpreter, name: str, call: Call) -> Value:
    interpreter.references = name == "tf1.disable_resource_variables"
    return NONE


FUNCTIONS: dict[str, Handler] = {
    "tf.gradients": gradients_of_graph,
    "tf1.gradients": gradients_of_graph,
    "K.gradients": gradients_of_graph,
    "tf1.disable_eager_execution": _graph_mode,
    "tf1.disable_v2_behavior": _graph_mode,
    "tf1.disable_resource_variables": _references,
    "tf1.enable_resource_variables": _references,
}
