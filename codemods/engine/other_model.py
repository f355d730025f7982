"""Weights that are asked of another model than the one that computed the loss."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications, unreached
from regrad.analysis.callee import called as called_name
from regrad.analysis.cut import CutKind
from regrad.analysis.events import Assigned, GradientTaken, ModelCalled
from regrad.analysis.flow import Flow
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.trainings import inside
from regrad.analysis.values import Collection, Instance, Layer, Network, Tensor, Value, Variable, WeightList
from regrad.analysis.weights import describe
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Finding, Mending, Related, Safety
from regrad.codemods.engine.second_network import handed_in, holders, making, owner_of
from regrad.codemods.engine.spelled import spelled_at


class OtherModel(NamedTuple):
    """The weights of a model that was not called; `called` is how the place spells the one that was."""

    event: GradientTaken
    asked: Value
    called: str
    meant: ast.Name | None = None
    """What the target is computed from, where both models work in this step and the other trains on its own: then the
    list is right.
    """
    instead: str = ""
    """The name of what the asked model has a part in."""
    both: bool = False
    asked_text: str = ""
    copied_calls: tuple[ast.Call, ...] = ()
    """The calls under the tape, where the called model is a copy: it gets its weights from the asked one."""
    model: Value | None = None
    """The called one."""
    trained_already: str = ""
    """What shows that the weights of the called model are not what is missing in the list, if anything does."""


def other_model(program: Program, code: str, name: str) -> Iterator[Finding]:
    for sink in (*unreached.trained(program), *_of_single_variables(program)):
        event = sink.event
        if (
            not isinstance(event, GradientTaken)
            or not sink.dead
            or sink.cuts
            or (asked := _asked(event.sources)) is None
        ):
            continue
        full = Flow(sink.tape, full=True, marks=sink.path.lost).reach(sink.target)
        if full.anything or weights_replaced(program) or unreached.told_by_a_call(program, sink):
            continue
        models = _called(program, sink, asked)
        if not models or any(value is asked for model in models for value in inside(model)):
            continue
        spelled = spelled_at(program, event.frame, models[0]) if len(models) == 1 else None
        names = tuple(dict.fromkeys(describe(value) for value in sink.path.lost))
        yield Finding(
            code,
            name,
            f"the weights of `{_text(program, event, asked)}` are asked for,"
            f" but the loss was computed by `{spelled or describe(models[0])}`",
            program.location(event.node, event.frame),
            CutKind.NEVER_USED,
            names,
            _made(program, models[0]),
            OtherModel(
                event,
                asked,
                spelled or "",
                *_what_was_meant(program, sink, asked, models),
                asked_text=_text(program, event, asked),
                copied_calls=_calls_of_copy(program, sink, models, spelled or "", _text(program, event, asked)),
                model=models[0] if len(models) == 1 else None,
                trained_already=_trained_already(program, sink, models, spelled or ""),
            ),
        )


_GIVEN = re.compile(
    r"(.*_)?(teacher|target|tgt|old|frozen|pretrained|expert|reference|ref|oracle|ema|slow)(_.*)?", re.I
)


def _trained_already(program: Program, sink: Sink, models: list[Value], called: str) -> str:
    """Why the called model may be the mistake, and not the list: it is trained elsewhere, or came trained."""
    parts = {id(value) for model in models for value in inside(model)}
    for other in program.sinks:
        if other.event.node is not sink.event.node and any(id(value) in parts for value in other.path.connected):
            return f"`{called}` is trained elsewhere"
    if any(isinstance(model, Network) and model.fields.get("loaded") for model in models):
        return f"`{called}` came trained"
    for path in program.trees:
        for call in program.nodes_of(path, ast.Call):
            loads = called_name(call) == "load_weights" and isinstance(call.func, ast.Attribute)
            if loads and program.source(call.func, path).rpartition(".")[0] == called:
                return f"`{called}` came trained"
    if called and _GIVEN.fullmatch(called.rpartition(".")[2]):
        return f"`{called}` is called by the name of a model that others learn from"
    under = [each for each in program.of(ModelCalled) if any(each.model is model for model in models)]
    if any(sink.tape not in each.tapes and id(each.result) in _full(sink) for each in under):
        return f"`{called}` gives what the loss is measured against, too"
    return ""


def _full(sink: Sink) -> set[int]:
    return {id(value) for value in reached(iter((sink.target,)))}


def _calls_of_copy(program: Program, sink: Sink, models: list[Value], called: str, asked: str) -> tuple[ast.Call, ...]:
    """Where `called.set_weights(asked.get_weights())` stands, `called` is a target network: it says what is wanted, and
    the asked one has to be called in its place.
    """
    tail, origin = called.rpartition(".")[2], asked.rpartition(".")[2]
    for path in program.trees:
        for call in program.nodes_of(path, ast.Call):
            if getattr(call.func, "attr", "") != "set_weights" or not _copied(call):
                continue
            owner, source = call.func.value, call.args[0].func.value  # type: ignore[attr-defined]
            texts = [program.source(each, path).rpartition(".")[2] for each in (owner, source)]
            if texts == [tail, origin]:
                events = [
                    each for each in program.of(ModelCalled) if each.model is models[0] and sink.tape in each.tapes
                ]
                return tuple({id(each.node): each.node for each in events if isinstance(each.node, ast.Call)}.values())
    return ()


def _text(program: Program, event: GradientTaken, asked: Value) -> str:
    """How the request says the model, where it does; two models of one class are else called the same."""
    node = event.sources.node if isinstance(event.sources, WeightList) else None
    scope = unreached.scope_of(program, event.frame)
    if isinstance(node, ast.Attribute) and any(each is node for each in ast.walk(scope)):
        return program.source(node.value, event.frame.path)
    spelled = spelled_at(program, event.frame, asked) if isinstance(event.sources, Collection) else None
    return spelled or describe(asked)


def _made(program: Program, model: Value) -> tuple[Related, ...]:
    made = making(program, model)
    if made is not None:
        return (Related(program.location(made.statement.value, made.frame), "the model that computed it is made here"),)
    node, frame = getattr(model, "node", None), getattr(model, "frame", None)
    if node is None or frame is None:
        return ()
    return (Related(program.location(node, frame), "the model that computed it is made here"),)


_POURING = frozenset({"assign", "assign_add", "assign_sub", "set_weights"})


_WEIGHTS = frozenset({"kernel", "bias", "gamma", "beta", "embeddings", "recurrent_kernel", "_kernel"})


def weights_replaced(program: Program) -> bool:
    """Whether the program puts tensors in the place of a layer's weights, or into them (a hypernetwork; RG406)."""
    resolved = {id(event.node) for event in program.of(Assigned)}
    for path in program.trees:
        for replaced in program.nodes_of(path, ast.Attribute):
            if replaced.attr in _WEIGHTS and isinstance(replaced.ctx, (ast.Store, ast.Del)):
                own = isinstance(replaced.value, ast.Name) and replaced.value.id == "self"
                if not own:
                    return True
        for call in program.nodes_of(path, ast.Call):
            name = called_name(call)
            if name == "set_weights" and _copied(call):
                continue
            if name in ("setattr", "delattr") or (name in _POURING and id(call) not in resolved):
                return True
    return False


def _copied(call: ast.Call) -> bool:
    """`one.set_weights(other.get_weights())`: arrays, which bring no gradient along."""
    given = call.args[0] if len(call.args) == 1 else None
    return isinstance(given, ast.Call) and getattr(given.func, "attr", "") == "get_weights"


def _of_single_variables(program: Program) -> Iterator[Sink]:
    """The requests whose variables are written out one by one, and whose gradients an optimizer gets."""
    for sink in program.sinks:
        event = sink.event
        if sink.kind == "tape" and isinstance(event, GradientTaken) and isinstance(event.sources, Collection):
            plain = all(isinstance(value, Variable) for value in event.sources.items)
            if plain and not unreached.in_test(event.frame) and applications.of(program, event) is not None:
                yield sink


def _asked(sources: Value) -> Value | None:
    """The one model whose weights are asked for."""
    if isinstance(sources, WeightList):
        return sources.owners[0] if len(sources.owners) == 1 else None
    return owner_of(sources.items) if isinstance(sources, Collection) and sources.covered else None


def _called(program: Program, sink: Sink, asked: Value) -> list[Value]:
    """The models that were called under the tape and whose weights the target depends on."""
    reached = sink.reached
    found: list[Value] = []
    for call in program.of(ModelCalled):
        if (
            sink.tape not in call.tapes
            or not isinstance(call.model, (Network, Instance))
            or any(call.model is each for each in found)
        ):
            continue
        if isinstance(call.model, Instance) and call.model.role != "model":
            continue
        if any(id(value) in reached for value in inside(call.model) if isinstance(value, Layer)):
            found.append(call.model)
    found += holders(sink, asked)
    # A model inside another one is not what the author calls the model.
    return [
        model
        for model in found
        if not any(other is not model and any(value is model for value in inside(other)) for other in found)
    ]


def _what_was_meant(
    program: Program, sink: Sink, asked: Value, models: list[Value]
) -> tuple[ast.Name | None, str, bool]:
    """Where the asked model works under the tape as well, and the called one is trained by a request of its own, as in
    a GAN: the name that the target is computed from, what else the called model gave of the asked one's output, and
    that it is so.
    """
    event = sink.event
    assert isinstance(event, GradientTaken)
    works = any(call.model is asked and sink.tape in call.tapes for call in program.of(ModelCalled))
    others = [each for each in program.of(GradientTaken) if each.node is not event.node]
    trained = {id(owner) for each in others if isinstance(each.sources, WeightList) for owner in each.sources.owners}
    if not works or not all(id(model) in trained for model in models):
        return None, "", False
    names = event.frame.scope.names
    full = Flow(sink.tape, full=True, marks=sink.path.lost)
    lost = {id(value) for value in sink.path.lost}

    def by_the_called(value: Value | None) -> bool:
        return isinstance(value, Tensor) and value.operation.kind == "model" and value.operation.callee in models

    apart = [
        name for name, value in names.items() if by_the_called(value) and not lost & set(full.reach(value).sources)
    ]
    joint = [name for name, value in names.items() if by_the_called(value) and lost & set(full.reach(value).sources)]
    target = event.target_node
    scope = unreached.scope_of(program, event.frame)
    uses = [
        use
        for statement in ast.walk(scope)
        if isinstance(statement, ast.Assign) and isinstance(target, ast.Name)
        if any(isinstance(each, ast.Name) and each.id == target.id for each in statement.targets)
        for use in ast.walk(statement.value)
        if isinstance(use, ast.Name) and use.id in apart
    ]
    return (uses[0], joint[0], True) if len(uses) == len(joint) == 1 else (None, "", True)


def asked_of_the_called(program: Program, evidence: OtherModel) -> Mending:
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    if evidence.both:
        if evidence.meant is None:
            raise CannotMove("both models are trained, so the target has to be computed from what the asked one made")
        path = evidence.event.frame.path
        rewrite = Rewrite(program.files[path], program.trees[path])
        rewrite.replace(evidence.meant, evidence.instead)
        title = f"compute the target from `{evidence.instead}`"
        return Mending(title, Safety.UNSAFE, rewrite.edits(), "the other model is trained by a request of its own")

    sources, path = evidence.event.sources, evidence.event.frame.path
    node = sources.node if isinstance(sources, WeightList) else None
    if evidence.trained_already and not evidence.copied_calls:
        raise CannotMove(
            f"{evidence.trained_already}: `{evidence.asked_text}` may have been meant where the loss is computed"
        )
    if evidence.copied_calls:
        inside = set(map(id, ast.walk(unreached.scope_of(program, evidence.event.frame))))
        calls = [each for each in evidence.copied_calls if id(each) in inside]
        if len(calls) != 1 or program.source(calls[0].func, path) != evidence.called:
            raise CannotMove(f"which of the calls `{evidence.asked_text}` should make is not certain")
        rewrite = Rewrite(program.files[path], program.trees[path])
        rewrite.replace(calls[0].func, evidence.asked_text)
        return Mending(
            f"call `{evidence.asked_text}` in the loss",
            Safety.UNSAFE,
            rewrite.edits(),
            "another model computes the loss",
        )
    shared = handed_in(program, evidence.asked, evidence.model) if evidence.model is not None else None
    if shared is not None:
        return shared
    if not evidence.called or not isinstance(node, ast.Attribute):
        raise CannotMove("which model's weights are meant is not certain")
    scope = unreached.scope_of(program, evidence.event.frame)
    if all(each is not node for each in ast.walk(scope)):
        raise CannotMove("the list of weights comes from another function")
    places = [node]
    applied = applications.of(program, evidence.event)
    if applied is not None and applied.frame.path == path:
        text = program.source(node, path)
        places += [
            each
            for each in ast.walk(applied.node)
            if isinstance(each, ast.Attribute) and each is not node and program.source(each, path) == text
        ]
    rewrite = Rewrite(program.files[path], program.trees[path])
    for place in places:
        rewrite.replace(place.value, evidence.called)
    return Mending(f"ask for the weights of `{evidence.called}`", Safety.UNSAFE, rewrite.edits(), "other weights move")
