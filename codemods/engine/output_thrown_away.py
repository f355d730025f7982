"""A whole model is called inside of another, which uses only some of its outputs: what leads to the others alone is
asked for its gradient all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import trainings, unreached
from regrad.analysis.callee import called
from regrad.analysis.events import ModelCalled, Trained
from regrad.analysis.library.keras_layers import WEIGHTED
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Layer, Mapping, Network, Tensor, Value
from regrad.analysis.weights import describe
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import loaded


class ThrownAway(NamedTuple):
    """The call of the model inside, made while the model around was built, and what one training misses."""

    sink: Sink
    called: ModelCalled
    inner: Network
    outer: Network
    names: tuple[str, ...]


def thrown_away(program: Program) -> Iterator[ThrownAway]:
    """The calls of models with several outputs whose other outputs nothing in the program teaches any more."""
    for sink in unreached.trained(program):
        event, path = sink.event, sink.path
        if not isinstance(event, Trained) or not isinstance(event.model, Network) or event.model.form != "functional":
            continue
        if event.added_losses or not path.lost or not path.connected or not path.complete or path.anything:
            continue
        if program.once(_adds_losses):
            return  # a layer inside may teach what its output does not
        cut_off = {id(value) for cut in sink.cuts for value in cut.sources}
        for inner in event.model.fields.get("layers") or ():
            if not _has_outputs(inner):
                continue
            held = {id(part) for part in trainings.inside(inner)}
            missing = [
                part
                for part in path.lost
                if isinstance(part, Layer) and part.kind in WEIGHTED and id(part) in held - cut_off
            ]
            call = _call(program, event, inner) if missing else None
            if call is None or any(part.fields.get("loaded") for part in missing):
                continue
            if any(id(part) in held for part in path.connected) and not _taught_later(program, sink, call, missing):
                names = tuple(dict.fromkeys(describe(part) for part in missing))
                yield ThrownAway(sink, call, inner, event.model, names)


def _adds_losses(program: Program) -> bool:
    return any(called(node) == "add_loss" for path in program.trees for node in program.nodes_of(path, ast.Call))


def _has_outputs(inner: object) -> bool:
    return (
        isinstance(inner, Network)
        and inner.form == "functional"
        and not inner.fields.get("loaded")
        and len(inner.fields.get("outputs") or ()) > 1
    )


def _call(program: Program, event: Trained, inner: Network) -> ModelCalled | None:
    """The one call of it that describes a model, where the statement itself throws outputs away."""
    calls = {
        id(each.node): each
        for each in program.of(ModelCalled)
        if each.model is inner and not each.tapes and each.serial < event.serial and _is_partial(program, each)
    }
    others = [
        each
        for each in program.of(ModelCalled)
        if each.model is inner and id(each.node) not in calls and not each.tapes and isinstance(each.node, ast.Call)
    ]
    return next(iter(calls.values())) if len(calls) == 1 and not others else None


def _is_partial(program: Program, call: ModelCalled) -> bool:
    """`depth, _ = geometry(x)`, also with a name that nothing reads, or `geometry(x)[0]`."""
    path = call.frame.path
    parent = program.parents(path).get(call.node)
    if isinstance(parent, ast.Subscript):
        return parent.value is call.node and isinstance(parent.slice, ast.Constant)
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return False
    target = parent.targets[0]
    if not isinstance(target, (ast.Tuple, ast.List)) or not all(isinstance(each, ast.Name) for each in target.elts):
        return False
    read = loaded(unreached.scope_of(program, call.frame))
    return any(isinstance(each, ast.Name) and each.id not in read for each in target.elts)


def _taught_later(program: Program, sink: Sink, call: ModelCalled, missing: list[Layer]) -> bool:
    """Whether anything but a training that was over by then teaches the parts as well."""
    wanted = {id(part) for part in missing}
    return any(other.event.serial > call.serial and wanted & other.reached for other in program.sinks) or any(
        isinstance(each, Trained) and each.own_step and wanted & {id(value) for value in each.sources}
        for each in program.events
    )


def taken_from_the_graph(program: Program, found: ThrownAway) -> Mending:
    """The model around begins at the inputs of the model inside, and takes the one output of its graph.

    Raises `CannotMove` where what the model inside is given is more than an input of the same shape.
    """
    from regrad.codemods.engine.moving import Rewrite

    call, frame = found.called.node, found.called.frame
    path, scope = frame.path, unreached.scope_of(program, frame)
    certain = "the model around would have to begin at the inputs of the model inside"
    if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords or not isinstance(call.args[0], ast.Name):
        raise CannotMove(certain)
    name = call.args[0].id
    uses = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == name]
    reads = [each for each in uses if isinstance(each.ctx, ast.Load) and each is not call.args[0]]
    bound = [each for each in uses if not isinstance(each.ctx, ast.Load)]
    made = program.statement(bound[0], path) if len(bound) == 1 else None
    if not isinstance(made, ast.Assign) or not isinstance(made.value, ast.Call) or called(made.value) != "Input":
        raise CannotMove(certain)
    parents = program.parents(path)
    place = parents.get(reads[0]) if len(reads) == 1 else None
    given: ast.expr | None = reads[0] if len(reads) == 1 else None
    listed = isinstance(place, ast.List) and len(place.elts) == 1
    if listed and isinstance(place, ast.List):
        given, place = place, parents.get(place)
    place = parents.get(place) if isinstance(place, ast.keyword) and place.arg == "inputs" else place
    if given is None or not isinstance(place, ast.Call) or called(place) not in ("Model", "Functional"):
        raise CannotMove(certain)
    if not _alike(found):
        raise CannotMove("the inputs of the two models are not known to be alike")
    model = program.source(call.func, path)
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(call, f"{model}.outputs")
    rewrite.replace(given, f"{model}.{'inputs' if listed else 'input'}")
    rewrite.remove([made])
    title = f"take the output from the graph of `{model}`, without the layers that lead to the others"
    return Mending(title, Safety.UNSAFE, rewrite.edits(), "the model around has other layers and fewer weights")


def _alike(found: ThrownAway) -> bool:
    """Whether both models have one input of the same shape and kind, that nothing is handed by its name."""
    ours: tuple[Value, ...] = found.outer.fields.get("inputs") or ()
    theirs: tuple[Value, ...] = found.inner.fields.get("inputs") or ()
    event = found.sink.event
    if len(ours) != 1 or len(theirs) != 1 or (isinstance(event, Trained) and isinstance(event.x, Mapping)):
        return False
    one, other = ours[0], theirs[0]
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape is None:
        return False
    return one.shape == other.shape and one.dtype == other.dtype
