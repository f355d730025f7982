"""A target from a model that is called anew, computed from the source instead, by the layers that follow it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from regrad.analysis import unreached
from regrad.analysis.program import Program
from regrad.analysis.values import NONE, Layer, Network, Operation, Tensor, Value
from regrad.codemods.engine.model_inside import says_no_training
from regrad.codemods.engine.moving import CannotMove, Rewrite, after, before
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import block_of, free_name, index_in, stored
from regrad.codemods.engine.two_calls import TwoCalls

_NAMES = ("prediction", "scores", "answer")
_APART = "the two calls do not stand side by side"


def from_the_source(program: Program, evidence: TwoCalls) -> Mending:
    """The layers behind that of the source are called on it, one after the other, as a sequential model does."""
    event, source = evidence.event, evidence.source
    path = event.frame.path
    call, other = source.operation.node, _call_of_the_model(program, evidence)
    whole, again = other.callee, other.node
    assert isinstance(whole, Network)
    if not isinstance(call, ast.Call) or not isinstance(again, ast.Call) or source.operation.frame is not event.frame:
        raise CannotMove(_APART)
    layers = _one_after_the_other(whole)
    before_it, entered = _up_to(source, layers)
    if not any(part is entered for part in other.inputs) or before_it == len(layers):
        raise CannotMove("the two models are not given the same")
    first, statement = program.statement(call, path), program.statement(again, path)
    if not isinstance(first, ast.Assign) or first.value is not call or not isinstance(first.targets[0], ast.Name):
        raise CannotMove("the source has no name of its own")
    if statement is None or len(first.targets) != 1 or not isinstance(again.func, (ast.Name, ast.Attribute)):
        raise CannotMove(_APART)
    name = first.targets[0].id
    block = block_of(program, first, path)
    start, end = index_in(block, first), index_in(block, statement)
    if start is None or end is None or start >= end:
        raise CannotMove(_APART)
    if any(name in stored(each) for each in block[start + 1 : end]):
        raise CannotMove(f"`{name}` is bound anew before the model is called")
    rewrite = Rewrite(program.files[path], program.trees[path])
    around = unreached.scope_of(program, event.frame)
    whole_statement = isinstance(statement, ast.Assign) and statement.value is again and len(statement.targets) == 1
    told = statement.targets[0] if whole_statement and isinstance(statement, ast.Assign) else None
    result = told.id if isinstance(told, ast.Name) else free_name(program, path, around, _NAMES)
    each = free_name(program, path, around, ("layer", "each"))
    model = program.source(again.func, path)
    lines = [
        f"{result} = {name}",
        f"for {each} in {model}.layers[{before_it}:]:",
        f"    {result} = {each}({result})",
    ]
    if isinstance(told, ast.Name):
        rewrite.insert("\n".join(lines[1:]), after(statement))
        rewrite.replace(again, name)
    else:
        rewrite.insert("\n".join(lines), before(statement))
        rewrite.replace(again, result)
    reason = "the same layers are called in the same order, from the source on"
    return Mending(
        "compute the target from the source, by the layers that follow", Safety.SAFE, rewrite.edits(), reason
    )


def _call_of_the_model(program: Program, evidence: TwoCalls) -> Operation:
    """The one call that the target comes from: of a model of the library, on one thing and nothing else."""
    sinks = [sink for sink in program.sinks if sink.event is evidence.event]
    found = {
        id(tensor.operation.node): tensor.operation
        for tensor in reached(iter([sink.target for sink in sinks]))
        if tensor.operation.kind == "model" and not tensor.symbolic
        if tensor.operation.frame is evidence.event.frame
    }
    (other,) = found.values() if len(found) == 1 else (None,)
    call = other.node if other is not None else None
    if other is None or not isinstance(other.callee, Network) or not isinstance(call, ast.Call):
        raise CannotMove("which call computes the target is not certain")
    if len(call.args) != 1 or any(not says_no_training(word) for word in call.keywords):
        raise CannotMove("the model is called with more than its input")
    return other


def _one_after_the_other(whole: Network) -> tuple[Layer, ...]:
    """The layers of a sequential model as its `layers` gives them, each of them once."""
    known, complete = whole.fields.get("layers"), whole.fields.get("layers_complete")
    if whole.form != "sequential" or not isinstance(known, tuple) or not complete:
        raise CannotMove("the layers that follow the source are not called one after the other")
    layers = tuple(each for each in known if not isinstance(each, Tensor))
    if not all(isinstance(each, Layer) for each in layers) or len({id(each) for each in layers}) != len(layers):
        raise CannotMove("the layers that follow the source are not called one after the other")
    return tuple(each for each in layers if isinstance(each, Layer) and each.kind != "InputLayer")


def _up_to(source: Tensor, layers: Sequence[Layer]) -> tuple[int, Value]:
    """How many of the layers the source went through, from the first on, and what the first was given."""
    value: Value = source
    passed: list[Layer] = []
    while isinstance(value, Tensor) and value.operation.kind == "layer" and isinstance(value.operation.callee, Layer):
        node = value.operation.node
        if not isinstance(node, ast.Call) or len(node.args) != 1 or not all(map(says_no_training, node.keywords)):
            raise CannotMove("a layer is called with more than its input")
        passed.append(value.operation.callee)
        (value,) = value.operation.inputs if len(value.operation.inputs) == 1 else (NONE,)
    if not passed or any(one is not other for one, other in zip(reversed(passed), layers, strict=False)):
        raise CannotMove("the source is not what the first layers of the model give")
    return len(passed), value
