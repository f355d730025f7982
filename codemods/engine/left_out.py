"""What a loss is computed through and no optimizer is given: a network, a layer or a table of weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications, freshness, intentions, trainings, unreached
from regrad.analysis.callee import called
from regrad.analysis.events import (
    Assigned,
    GradientTaken,
    ModelCalled,
    WeightsRead,
)
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import (
    Collection,
    Instance,
    Layer,
    Network,
    Unknown,
    Value,
    Variable,
    WeightList,
)
from regrad.analysis.weights import describe
from regrad.codemods.engine.judges import judges
from regrad.codemods.engine.made_further_out import said_where_made
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.rule import Edit, Mending, Safety
from regrad.codemods.engine.spelled import spelled_at
from regrad.codemods.engine.weight_use import is_random_weight


class LeftOut(NamedTuple):
    """A network that the loss was computed through, and that no list of weights holds."""

    event: GradientTaken
    part: Value
    spelled: str
    listed: str = ""
    """How the list of its weights is said, where that is not an attribute of the same name as that of the others."""


def left_out(program: Program) -> Iterator[Noticed]:
    """A fresh network on the way of the loss that no optimizer is given, while others of the same class are."""
    sinks = [
        sink
        for sink in program.sinks
        if sink.kind == "tape" and isinstance(sink.event, GradientTaken) and isinstance(sink.event.frame.this, Instance)
    ]
    if not sinks or freshness.weights_may_come(program):
        return
    moved = trainings.updated(program, own_steps=False)
    for sink in sinks:
        event = sink.event
        assert isinstance(event, GradientTaken)
        this = event.frame.this
        if (
            not isinstance(this, Instance)
            or sink.path.anything
            or not sink.path.complete
            or sink.path.lost
            or applications.of(program, event) is None
        ):
            continue
        if not isinstance(event.sources, WeightList) or event.sources_node is None:
            continue
        reached = _reached(sink)
        for name, part in this.fields.items():
            if (
                not isinstance(part, (Network, Instance))
                or name.startswith("#")
                or (isinstance(part, Instance) and part.role != "model")
            ):
                continue
            inner = [value for value in trainings.inside(part) if isinstance(value, Layer) and freshness.fresh(value)]
            if (
                not inner
                or not all(id(value) in reached for value in inner)
                or any(id(value) in moved for value in trainings.inside(part))
            ):
                continue
            if any(
                isinstance(value, (Unknown, Network)) and (not isinstance(value, Network) or value.form == "opaque")
                for value in trainings.inside(part)
            ):
                continue
            if (
                judges(program, sink, inner)
                or trainings.Switches(program).settings(part)
                or part.fields.get("trainable") is not None
                or this.fields.get("#given")
            ):
                continue
            if not _made_here(part, this):
                continue
            yield Noticed(
                event.sources_node,
                event,
                f"the loss goes through `self.{name}`, which no optimizer is given: it never changes",
                LeftOut(event, part, f"self.{name}"),
                tuple(dict.fromkeys(describe(value) for value in inner)),
            )
            return


def passed_over(program: Program) -> Iterator[Noticed]:
    """A fresh layer or a table that the loss is computed with next to the weights of a model, that nothing in the
    program trains, sets, freezes or even asks for.
    """
    sinks = [
        sink
        for sink in unreached.trained(program)
        if isinstance(sink.event, GradientTaken)
        and isinstance(sink.event.sources, (WeightList, Collection))
        and _all_arrives(sink)
    ]
    if not sinks or freshness.weights_may_come(program) or intentions.asserted(program):
        return
    moved = trainings.updated(program, own_steps=False)
    moved |= {id(event.variable) for event in program.of(Assigned)}
    for read in program.of(WeightsRead):
        if read.attribute.endswith("variables") or read.attribute.startswith("trainable"):
            moved.update(id(value) for value in (*read.sources, *read.frozen, *trainings.inside(read.owner)))
    switches = trainings.Switches(program)
    for sink in sinks:
        event = sink.event
        assert isinstance(event, GradientTaken) and event.sources_node is not None
        missing: list[Value] = []
        for value in sink.gradient_flow.reach(sink.target).sources.values():
            if id(value) in moved or switches.settings(value):
                continue
            if isinstance(value, Layer):
                counts = freshness.fresh(value) and not _made_in_call(value)
            elif isinstance(value, Variable):
                counts = is_random_weight(sink, value) and not intentions.random_meant(program)
            else:
                counts = False
            if counts and trainings.constructed_off(value) is None and not freshness.given_away(program, [value]):
                missing.append(value)
        if judges(program, sink, missing):
            continue
        parts = _wholes(program, sink, missing, moved)
        several = len(parts) > 1
        if several and (intentions.held_fixed(program) or any(judges(program, sink, each) for each in parts.values())):
            continue
        if freshness.given_away(program, list(parts)):
            continue
        for part, weights in parts.items():
            spelled = spelled_at(program, event.frame, part) or ""
            yield Noticed(
                event.sources_node,
                event,
                f"the loss is computed with `{spelled or describe(part)}`, which no optimizer is given: it never"
                " changes",
                LeftOut(event, part, spelled),
                tuple(dict.fromkeys(describe(value) for value in weights)),
            )


def _all_arrives(sink: Sink) -> bool:
    """Whether all that is certainly asked for gets its gradient, a layer among it."""
    event, path = sink.event, sink.path
    return (
        isinstance(event, GradientTaken)
        and not (path.anything or path.lost or event.conditional)
        and path.complete
        and event.sources_node is not None
        and any(isinstance(value, Layer) for value in path.connected)
    )


def _made_in_call(layer: Layer) -> bool:
    """Whether it is made anew in each `call`, or kept where Keras does not see it (RG205)."""
    frame = layer.frame
    while frame is not None:
        if frame.function is not None and frame.function.name in ("call", "__call__"):
            return True
        frame = frame.caller
    return False


def _wholes(program: Program, sink: Sink, missing: list[Value], moved: set[int]) -> dict[Value, list[Value]]:
    """What is missing, and the weights of each: a variable, a layer, or models all of whose layers are missing."""
    if not missing:
        return {}
    if len(missing) == 1 and not any(
        missing[0] is not value and any(missing[0] is inner for inner in trainings.inside(value))
        for value in (call.model for call in program.of(ModelCalled))
        if value is not sink.event.frame.this  # the model whose own step this is holds all of them
    ):
        return {missing[0]: missing}
    found: dict[Value, list[Value]] = {}
    ids = {id(value) for value in missing}
    for call in program.of(ModelCalled):
        model = call.model
        if sink.tape not in call.tapes or not isinstance(model, (Network, Instance)):
            continue
        inside = trainings.inside(model)
        if any(isinstance(value, (Unknown, Variable)) or id(value) in moved for value in inside):
            continue
        if any(isinstance(value, Network) and value.form == "opaque" for value in inside):
            continue
        weighted: list[Value] = [v for v in inside if isinstance(v, Layer) and freshness.has_weights(v)]
        held = {id(value) for value in weighted}
        if held == ids:
            return {model: weighted}
        if held and held < ids:
            found[model] = weighted
    every = [id(value) for weights in found.values() for value in weights]
    return found if len(every) == len(ids) and set(every) == ids else {}


def _reached(sink: Sink) -> set[int]:
    return set(sink.reached)


def _made_here(part: Value, this: Instance) -> bool:
    """Whether the network was made while its owner was made, not handed in ready."""
    frame = getattr(part, "frame", None)
    while frame is not None:
        if frame.this is this:
            return True
        frame = frame.caller
    return False


def joined(program: Program, evidence: LeftOut) -> Mending:
    """The weights of the network join the list, where the list is written."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    event = evidence.event
    path = event.frame.path
    sources = event.sources
    if isinstance(sources, Collection) and sources.kind == "list" and evidence.spelled:
        return _appended(program, evidence)
    if not isinstance(sources, WeightList) or not isinstance(sources.node, ast.Attribute):
        raise CannotMove("the list of weights is not written in one place")
    if not evidence.spelled:
        raise CannotMove("it has no name where the list of weights is written")
    whole = _outermost_sum(program, sources.node, path)
    text = program.source(whole, path)
    single = isinstance(evidence.part, Variable)
    addition = evidence.listed or (f"[{evidence.spelled}]" if single else f"{evidence.spelled}.{sources.attribute}")
    function: ast.AST = event.frame.function.node if event.frame.function is not None else program.trees[path]
    if all(node is not sources.node for node in ast.walk(function)):
        if not said_where_made(program, event.frame, sources.node, evidence.spelled):
            raise CannotMove("the list of weights comes from another function")
        function = whole
    parents = program.parents(path)
    rewrite = Rewrite(program.files[path], program.trees[path])
    together = _put_together(program, sources.node, path)
    if together is not None:
        rewrite.replace(together, f"{program.source(together, path)} + {addition}")
    starred: list[Edit] = []
    for node in ast.walk(function) if together is None else ():
        if (
            isinstance(node, (ast.Attribute, ast.BinOp))
            and not isinstance(parents.get(node), ast.BinOp)
            and program.source(node, path) == text
        ):
            if isinstance(parents.get(node), ast.Starred):
                end = program.files[path].span(node).end
                starred.append(Edit(path, Span(end, end), f", *{addition}"))
            else:
                rewrite.replace(node, f"{text} + {addition}")
    edits = (*rewrite.edits(), *starred)
    return Mending(f"train `{evidence.spelled}` as well", Safety.UNSAFE, edits, "weights move that did not move before")


def _put_together(program: Program, node: ast.expr, path: str) -> ast.expr | None:
    """The list that a comprehension around this one's weights makes; None where there is no comprehension. Raises
    `CannotMove` where it is no list, or is not made by an assignment.
    """
    from regrad.codemods.engine.moving import CannotMove

    parents, inside, outer = program.parents(path), False, node
    while isinstance(parent := parents.get(outer), (ast.expr, ast.comprehension)):
        inside = inside or isinstance(parent, (ast.comprehension, ast.ListComp, ast.GeneratorExp, ast.SetComp))
        if isinstance(parent, ast.expr):
            outer = parent
        else:
            outer = parents[parent] if isinstance(parents.get(parent), ast.expr) else outer  # type: ignore[assignment]
    if not inside:
        return None
    is_list = isinstance(outer, (ast.List, ast.ListComp)) or (
        isinstance(outer, ast.Call) and called(outer) in ("list", "sum", "flatten", "reduce")
    )
    if not is_list or not isinstance(parents.get(outer), ast.Assign):
        raise CannotMove("the list of weights is put together in another expression")
    return outer


def _outermost_sum(program: Program, node: ast.expr, path: str) -> ast.expr:
    """The list of weights, with those that are added to it in the same expression."""
    parents = program.parents(path)
    while isinstance(parent := parents.get(node), ast.BinOp) and isinstance(parent.op, ast.Add):
        node = parent
    return node


def _appended(program: Program, evidence: LeftOut) -> Mending:
    """The weights join a list that grew from `[]` in the block in which it is used."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite, before
    from regrad.codemods.engine.surroundings import block_of

    event = evidence.event
    path, asked = event.frame.path, event.sources_node
    statement = program.statement(event.node, path)
    if not isinstance(asked, ast.Name) or statement is None:
        raise CannotMove("the list of weights has no name")
    made = [
        each
        for each in block_of(program, statement, path)
        if isinstance(each, ast.Assign)
        and isinstance(each.value, ast.List)
        and any(isinstance(target, ast.Name) and target.id == asked.id for target in each.targets)
    ]
    if len(made) != 1:
        raise CannotMove("the list of weights is not made where it is used")
    single = isinstance(evidence.part, Variable)
    rewrite = Rewrite(program.files[path], program.trees[path])
    addition = evidence.listed or (f"[{evidence.spelled}]" if single else f"{evidence.spelled}.trainable_variables")
    rewrite.insert(f"{asked.id} += {addition}", before(statement))
    return Mending(
        f"train `{evidence.spelled}` as well", Safety.UNSAFE, rewrite.edits(), "weights move that did not move before"
    )
