"""Variables that a model or its loss takes from outside, where Keras does not look, and whether they are to be trained.

Measured on Keras 3.15 and tf_keras 2.21: neither collects what the function of a `Lambda`, a loss, a regularizer or an
activation closes over. Constants are often made variables all the same, as class weights and masks are, and what a
callback sets has to be one: only what starts like a weight counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import trainings
from regrad.analysis.callee import called
from regrad.analysis.events import Assigned, Trained
from regrad.analysis.flow import Flow, sources_of
from regrad.analysis.freshness import is_random
from regrad.analysis.operations import is_integer
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Instance, Layer, Network, Tensor, Unknown, Value, Variable
from regrad.analysis.weights import describe
from regrad.codemods.engine.holders import collected_by_hand

_SETTING = frozenset({"assign", "assign_add", "assign_sub", "set_value", "batch_set_value", "load"})
_UPDATING = frozenset({"update", "update_add", "update_sub", "moving_average_update"})
_LISTS = frozenset({"trainable_weights", "trainable_variables"})
_OF_TENSORFLOW = frozenset({"tensorflow", "keras", "tf_keras", "numpy"})
_SAME = frozenset({"zeros", "ones"})
_RATES = ("lr", "learning_rate")


class FromOutside(NamedTuple):
    """A variable that the prediction (`inside` the model) or only the loss is computed with."""

    name: str
    variable: Variable
    inside: bool


def from_outside(program: Program, sink: Sink, held: set[int], moved: set[int]) -> Iterator[FromOutside]:
    """The variables that the training misses since no model holds them, and that start like something to be trained."""
    event = sink.event
    if not isinstance(event, Trained):
        return
    for value in sink.gradient_flow.reach(sink.target).sources.values():
        if not isinstance(value, Variable) or value.owner is not None or value.node is None or value.frame is None:
            continue
        if id(value) in held or id(value) in moved or not _may_be_trained(value):
            continue
        inside = event.output is not None and id(value) in Flow(sink.tape).reach(event.output).sources
        if _starts_like_a_weight(value, inside) and not program.once(_trained_by_hand):
            name = _name(program, value)
            if not _handed_to_a_library(program, name) and not _kept_by_a_part(event.model, value):
                yield FromOutside(name, value, inside)


def _may_be_trained(variable: Variable) -> bool:
    stated = variable.fields.get("trainable")
    return isinstance(stated, Constant) and bool(stated.value) and not is_integer(variable.fields.get("dtype"))


def _starts_like_a_weight(variable: Variable, inside: bool) -> bool:
    """Whether the program says that it is trainable, or starts it as weights start: at random, all the same, or, of
    one number, with the number in the call.

    A number that only the loss uses may be a setting, where it was made with the `K.variable` that settings are made
    with for callbacks.
    """
    if "trainable" in variable.arguments:
        return True
    initial = variable.initial
    if isinstance(initial, Tensor) or (isinstance(initial, Unknown) and initial.operation is not None):
        name = initial.operation.name if isinstance(initial, Tensor) else ""
        return is_random(initial) or name in _SAME
    if not isinstance(initial, Constant) or type(initial.value) not in (int, float):
        return False
    if not isinstance(variable.node, ast.Call):
        return False
    written = any(
        isinstance(each, ast.Constant) and each.value == abs(initial.value)
        for argument in (*variable.node.args, *(keyword.value for keyword in variable.node.keywords))
        for each in ast.walk(argument)
    )
    return written and (inside or called(variable.node) == "Variable")


def _trained_by_hand(program: Program) -> bool:
    """Whether some variable of the program may be set or trained in a way that is not followed."""
    if collected_by_hand(program):
        return True
    resolved = {id(event.node) for event in program.of(Assigned)}
    for path in program.trees:
        for node in program.nodes_of(path, ast.Call):
            if id(node) not in resolved and _sets(program, node, path):
                return True
        for attribute in program.nodes_of(path, ast.Attribute):
            around = program.parents(path).get(attribute)
            grown = isinstance(around, ast.Attribute) and around.attr in ("append", "extend")
            if attribute.attr in _LISTS and (grown or isinstance(attribute.ctx, ast.Store)):
                return True
    return any(_asks_for_unknown(sink) for sink in program.sinks if not isinstance(sink.event, Trained))


def _sets(program: Program, node: ast.Call, path: str) -> bool:
    """Whether it sets a variable, other than the rate of an optimizer."""
    if not isinstance(node.func, ast.Attribute):
        return isinstance(node.func, ast.Name) and node.func.id in ("assign", "set_value")
    name, owner = node.func.attr, program.source(node.func.value, path)
    if name in _UPDATING:
        return owner == "K" or owner.endswith("backend")
    set_there = [owner, *(program.source(each, path) for each in node.args[:1])]
    return name in _SETTING and not any(each.endswith(_RATES) for each in set_there)


def _asks_for_unknown(sink: Sink) -> bool:
    """Whether the gradient of something is asked that is not known: the variable may be among it."""
    items, whole = sources_of(sink.sources)
    return not whole or any(isinstance(each, Unknown) for each in items)


def _handed_to_a_library(program: Program, name: str) -> bool:
    """Whether something of that name is given to what another library makes, which may set or train it."""
    for path in program.trees:
        foreign = {
            (each.asname or each.name).partition(".")[0]
            for kind in (ast.Import, ast.ImportFrom)
            for node in program.nodes_of(path, kind)
            for each in node.names  # type: ignore[attr-defined]
            if (getattr(node, "module", None) or each.name).partition(".")[0] not in _OF_TENSORFLOW
        }
        for call in program.nodes_of(path, ast.Call):
            if program.source(call.func, path).partition(".")[0] in foreign and any(
                (isinstance(each, ast.Name) and each.id == name)
                or (isinstance(each, ast.Attribute) and each.attr == name)
                for argument in (*call.args, *(keyword.value for keyword in call.keywords))
                for each in ast.walk(argument)
            ):
                return True
    return False


def _kept_by_a_part(owner: Value, variable: Variable) -> bool:
    """Whether the program makes it an attribute of the model, or of a layer in it."""
    return any(
        each is variable
        for part in trainings.inside(owner)
        if isinstance(part, Layer | Network | Instance)
        for each in part.fields.values()
    )


def _name(program: Program, variable: Variable) -> str:
    """What the program calls it, where it has no name of its own."""
    name = describe(variable)
    if name != "variable" or variable.node is None or variable.frame is None:
        return name
    statement = program.statement(variable.node, variable.frame.path)
    if isinstance(statement, ast.Assign) and statement.value is variable.node:
        target = statement.targets[0]
        if isinstance(target, ast.Name | ast.Attribute):
            return target.id if isinstance(target, ast.Name) else target.attr
    return name
