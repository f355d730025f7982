"""RG410 gradients-misapplied: the gradients are right, and the optimizer never gets them, or not as pairs, or for
other weights.

What it does
------------
Reports `apply_gradients(grads, variables)` and `apply_gradients(grads)` without a `zip`; pairs the wrong way round; a
`zip` or generator that was read before it is applied;
gradients of one model paired with the variables of a differently built one; a training loop in which an optimizer is
made and the gradients go nowhere; a network, layer or table that is trained through and in no optimizer's list; a
`None` that reaches
an operation which clips.

Why gradients stop
------------------
`apply_gradients` takes one iterable of (gradient, variable) pairs. Anything else raises, or pairs what does not
belong together; gradients that no one applies change nothing, without a word.

Example
-------
Broken::

    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(grads, model.trainable_variables)

Mended::

    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))

The fix and its safety
----------------------
Pairs are made or turned round: safe, since the program could not run before. Applying gradients that were not
applied, or training one more network, is unsafe: weights move that did not.

When it stays silent
--------------------
When the optimizer is of the program's own making; when what is left out has weights from elsewhere, is frozen, set or
asked for anywhere, or a comment or a name says that it is to stay as it is; variables that hold data or noise; when
gradients are used in another way (assigned by hand,
accumulated, drawn, returned to a caller that is not known, clipped where None is passed over); when the program only
reads gradients out (saliency, attacks, tests) and has no optimizer; when the gradients of a copy are applied to the
original of the same build (A3C).

References
----------
- https://github.com/tensorflow/tensorflow/issues/32478
- https://github.com/soumik12345/tf2_gans/issues/14
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from regrad.analysis import alive, applications, freshness, trainings, unreached
from regrad.analysis.cut import CutKind
from regrad.analysis.events import (
    Applied,
    Assigned,
    Compiled,
    Event,
    GradientTaken,
    Minimized,
    ModelCalled,
    Trained,
    WeightsRead,
)
from regrad.analysis.operations import is_integer
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import (
    Collection,
    Constant,
    Gradients,
    Instance,
    Layer,
    Network,
    Optimizer,
    Tensor,
    Unknown,
    Value,
    Variable,
    WeightList,
    Zip,
)
from regrad.analysis.weights import describe
from regrad.codemods.disconnected_target import spelled_at
from regrad.codemods.engine.clipped_none import ClippedNone, clipped_none, passed_by
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.used_up import UsedUp, kept, used_up


@dataclass(frozen=True)
class Unpaired:
    """The call has gradients and variables, but no pairs of them."""

    applied: Applied
    single: bool
    variables: ast.AST | None


@dataclass(frozen=True)
class Turned:
    """`zip(variables, gradients)`."""

    call: ast.Call
    path: str


@dataclass(frozen=True)
class Rows:
    """`zip(gradient, variable)` of one gradient and one variable."""

    call: ast.Call
    path: str


@dataclass(frozen=True)
class Foreign:
    """`zip(gradients of one, variables of another)`."""

    event: GradientTaken
    call: ast.Call
    path: str


@dataclass(frozen=True)
class Idle:
    """Gradients that nobody applies; `optimizer` as the place of the request spells it."""

    event: GradientTaken
    optimizer: str


@dataclass(frozen=True)
class Unapplied:
    """Gradients of a graph that nobody applies; the line that would."""

    line: str


@dataclass(frozen=True)
class LeftOut:
    """A network that the loss was computed through, and that no list of weights holds."""

    event: GradientTaken
    part: Value
    spelled: str


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    for finding in (
        *_pairs(program),
        *_used_up(program),
        *_idle(program),
        *_left_out(program),
        *_passed_over(program),
        *_clipped(program),
    ):
        if finding.location not in seen:
            seen.add(finding.location)
            yield finding


def _finding(
    program: Program,
    node: ast.AST,
    event: Event,
    message: str,
    evidence: object,
    variables: tuple[str, ...] = (),
    related: tuple[Related, ...] = (),
) -> Finding:
    return Finding(
        RULE.code,
        RULE.name,
        message,
        program.location(node, event.frame),
        CutKind.NEVER_USED,
        variables,
        related,
        evidence,
    )


# -- pairs -------------------------------------------------------------------------------------------------------------


def _pairs(program: Program) -> Iterator[Finding]:
    for applied in program.of(Applied):
        if (
            applied.method != "apply_gradients"
            or not isinstance(applied.optimizer, Optimizer)
            or not isinstance(applied.node, ast.Call)
        ):
            continue
        pairs = applied.pairs
        if isinstance(pairs, Collection) and pairs.kind == "arguments" and len(pairs.items) == 2:
            gradients, variables = pairs.items
            if (
                _are_gradients(gradients)
                and _are_variables(variables)
                and not applied.node.keywords
                and len(applied.node.args) == 2
            ):
                single = isinstance(variables, Variable)
                yield _finding(
                    program,
                    applied.node,
                    applied,
                    "`apply_gradients` takes pairs, and is given gradients and variables apart",
                    Unpaired(applied, single, None),
                )
        elif isinstance(pairs, Gradients) and len(applied.node.args) == 1 and not applied.node.keywords:
            single = isinstance(pairs.sources, Variable) and pairs.index == 0
            yield _finding(
                program,
                applied.node,
                applied,
                "`apply_gradients` takes pairs, and is given gradients alone",
                Unpaired(applied, single, pairs.event.sources_node),
            )
        elif (
            isinstance(pairs, Zip)
            and len(pairs.parts) == 2
            and isinstance(pairs.node, ast.Call)
            and len(pairs.node.args) == 2
        ):
            one, other = pairs.parts
            if isinstance(one, Gradients) and one.index == 0 and isinstance(other, Variable):
                yield _finding(
                    program,
                    pairs.node,
                    applied,
                    f"`zip` takes the gradient and `{describe(other)}` apart, row by row, where one pair is meant",
                    Rows(pairs.node, applied.frame.path),
                )
            elif _are_variables(one) and _are_gradients(other):
                yield _finding(
                    program,
                    pairs.node,
                    applied,
                    "the pairs are the wrong way round: the gradient comes first",
                    Turned(pairs.node, applied.frame.path),
                )
            elif (
                isinstance(one, Gradients)
                and one.index is None
                and isinstance(one.sources, WeightList)
                and isinstance(other, WeightList)
                and _foreign(one.sources, other)
            ):
                yield _finding(
                    program,
                    pairs.node,
                    applied,
                    f"the gradients are those of `{describe(one.sources.owners[0])}`,"
                    f" the variables those of `{describe(other.owners[0])}`",
                    Foreign(one.event, pairs.node, applied.frame.path),
                    (),
                    (Related(program.location(one.event.node, one.event.frame), "the gradients are taken here"),),
                )


def _are_gradients(value: Value) -> bool:
    if isinstance(value, Collection):
        return bool(value.items) and all(isinstance(item, Gradients) for item in value.items)
    return isinstance(value, Gradients)


def _are_variables(value: Value) -> bool:
    if isinstance(value, Collection):
        return bool(value.items) and all(isinstance(item, (Variable, WeightList)) for item in value.items)
    return isinstance(value, (WeightList, Variable))


def _foreign(asked: WeightList, paired: WeightList) -> bool:
    """Whether the two lists certainly belong to differently built models."""
    if (
        len(asked.owners) != 1
        or len(paired.owners) != 1
        or not asked.complete
        or not paired.complete
        or asked.owners[0] is paired.owners[0]
    ):
        return False
    one, other = _build(asked), _build(paired)
    return (
        one is not None
        and other is not None
        and one != other
        and not {id(s) for s in asked.sources} & {id(s) for s in paired.sources}
    )


def _build(weights: WeightList) -> list[tuple[str, object]] | None:
    found: list[tuple[str, object]] = []
    for source in weights.sources:
        if not isinstance(source, Layer):
            return None
        units = source.arguments.get("units", source.arguments.get("filters"))
        found.append((source.kind, units.value if isinstance(units, Constant) else None))
    return found or None


def _used_up(program: Program) -> Iterator[Finding]:
    for evidence in used_up(program):
        walk, applied = evidence.walk, evidence.applied
        yield _finding(
            program,
            applied.node,
            applied,
            f"the {evidence.kind} was read to its end before, so no pair is left to apply",
            evidence,
            (),
            (Related(program.location(walk.node, walk.frame), "its pairs are used up here"),),
        )


# -- never applied -----------------------------------------------------------------------------------------------------


def _idle(program: Program) -> Iterator[Finding]:
    """A training loop with an optimizer that is never called."""
    if (
        any(True for _ in program.of(Minimized))
        or any(not event.own_step for event in program.of(Trained))
        or _moved_by_hand(program)
    ):
        return
    if any(True for _ in program.of(Applied)):
        return
    yield from _graph_idle(program)
    requests = [
        event
        for event in program.of(GradientTaken)
        if event.method == "gradient" and _are_variables(event.sources) and not event.tape.fields.get("graph")
    ]
    nodes = {id(event.node) for event in requests}
    if len(nodes) != 1 or sum(1 for each in {id(event.node) for event in program.of(GradientTaken)}) != 1:
        return
    event = requests[0]
    statement = program.statement(event.node, event.frame.path)
    if (
        not isinstance(statement, ast.Assign)
        or statement.value is not event.node
        or len(statement.targets) != 1
        or not isinstance(statement.targets[0], ast.Name)
    ):
        return
    spelled = _optimizer(program, event)
    if spelled is None or not _repeated(program, event):
        return
    # An optimizer that nothing mentions again was meant to be used, whatever else is done with the gradients.
    if _mentioned(program, spelled) and _used(program, event, statement.targets[0].id):
        return
    yield _finding(
        program,
        event.node,
        event,
        f"the gradients are computed and never applied: `{spelled}` does nothing in this program",
        Idle(event, spelled),
    )


def _graph_idle(program: Program) -> Iterator[Finding]:
    """`compute_gradients` in a program that applies none."""
    names = ("apply_gradients", "minimize", "assign", "assign_sub", "assign_add")
    calls = [
        (path, node)
        for path in program.trees
        for node in program.nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    computed = [(path, node) for path, node in calls if node.func.attr == "compute_gradients"]  # type: ignore[attr-defined]
    if len(computed) != 1 or any(node.func.attr in names for _, node in calls):  # type: ignore[attr-defined]
        return
    path, node = computed[0]
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    statement = program.statement(node, path)
    runs = any(each.func.attr == "run" for _, each in calls)  # type: ignore[attr-defined]
    if not runs or not isinstance(statement, ast.Assign):
        return
    yield Finding(
        RULE.code,
        RULE.name,
        "the gradients are computed and never applied, so no variable moves",
        program.location(node, path),
        CutKind.NEVER_USED,
        (),
        (),
        Unapplied(f"train_op = {program.source(node.func.value, path)}.apply_gradients(gradients_and_variables)"),
    )


def _mentioned(program: Program, spelled: str) -> bool:
    """Whether anything reads the optimizer: its name, or the attribute that holds it."""
    attribute = spelled.rpartition(".")[2]
    for path in program.trees:
        for node in program.nodes(path):
            if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Load):
                return True
            if isinstance(node, ast.Name) and node.id == spelled and isinstance(node.ctx, ast.Load):
                return True
    return False


def _moved_by_hand(program: Program) -> bool:
    """Whether any weight is assigned anything, or gradients may be handed on to code that is not known."""
    names = {
        "assign",
        "assign_sub",
        "assign_add",
        "set_weights",
        "apply_gradients",
        "apply",
        "minimize",
        "update_step",
        "scatter_sub",
        "set_value",
        "update",
    }
    for path in program.trees:
        for node in program.nodes(path):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in names - {"update"}
            ):
                return True
    return any(True for _ in program.of(Assigned))


def _optimizer(program: Program, event: GradientTaken) -> str | None:
    """How the place of the request can say the only optimizer of the program."""
    path = event.frame.path
    makers: list[tuple[str, ast.AST]] = []
    for node in program.nodes(path):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                makers.append((target.id, node.value))
            elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                makers.append((f"self.{target.attr}", node.value))
    found: list[str] = []
    scope = event.frame.scope.find("self")
    this = scope.names["self"] if scope is not None else None
    for name, maker in makers:
        if name.startswith("self."):
            value = this.fields.get(name[5:]) if isinstance(this, Instance) else None
        else:
            holder = event.frame.scope.find(name)
            value = holder.names[name] if holder is not None else None
        if isinstance(value, Optimizer) and value.node is maker:
            found.append(name)
    if found:
        return found[0] if len(set(found)) == 1 else None
    if (
        isinstance(this, Instance)
        and this.role == "model"
        and event.frame.function is not None
        and event.frame.function.name == "train_step"
    ):
        compiled = [each for each in program.of(Compiled) if each.model is this]
        if compiled and isinstance(compiled[-1].compilation.optimizer, (Optimizer, Constant)):
            return "self.optimizer"
    return None


def _repeated(program: Program, event: GradientTaken) -> bool:
    """Whether the request is made again and again: in a loop, here or around a call that leads here."""
    node: ast.AST | None = event.node
    frame = event.frame
    while frame is not None and node is not None:
        parents = program.parents(frame.path)
        current = parents.get(node)
        while current is not None and not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            if isinstance(current, (ast.For, ast.While)):
                return True
            current = parents.get(current)
        if frame.function is not None and frame.function.name == "train_step":
            return True
        node, outer = frame.call, frame.caller
        if outer is None:
            return False
        frame = outer
    return False


def _used(program: Program, event: GradientTaken, name: str) -> bool:
    """Whether the gradients go anywhere but out of the function and into names that nobody reads."""
    path = event.frame.path
    parents = program.parents(path)
    function: ast.AST = event.frame.function.node if event.frame.function is not None else program.trees[path]
    returned = False
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            parent = parents.get(node)
            if isinstance(parent, ast.Tuple):
                parent = parents.get(parent)
            if isinstance(parent, ast.Return):
                returned = True
            else:
                return True
    if not returned:
        return False
    called = event.frame.function.name if event.frame.function is not None else ""
    for other, tree in program.trees.items():
        for node in ast.walk(tree):
            here = isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == called
            if here and isinstance(node, ast.Call) and _result_read(program, other, node, function):
                return True
    return False


def _result_read(program: Program, path: str, call: ast.Call, function: ast.AST) -> bool:
    statement = program.parents(path).get(call)
    if isinstance(statement, ast.Expr):
        return False
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return True
    target = statement.targets[0]
    names = (
        [target]
        if isinstance(target, ast.Name)
        else [part for part in getattr(target, "elts", []) if isinstance(part, ast.Name)]
    )
    own = {id(node) for node in ast.walk(function)}
    read = {
        node.id
        for node in program.nodes(path)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in own
    }
    # The loss that comes with the gradients may be printed.
    if len(names) == 1:
        return names[0].id in read
    return bool(names) and all(part.id in read for part in names)


# -- left out ----------------------------------------------------------------------------------------------------------


def _left_out(program: Program) -> Iterator[Finding]:
    """A fresh network on the way of the loss that no optimizer is given, while others of the same class are."""
    sinks = [sink for sink in program.sinks if sink.kind == "tape" and isinstance(sink.event, GradientTaken)]
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
                _judges(sink, inner)
                or trainings.Switches(program).settings(part)
                or part.fields.get("trainable") is not None
                or this.fields.get("#given")
            ):
                continue
            if not _made_here(part, this):
                continue
            yield _finding(
                program,
                event.sources_node,
                event,
                f"the loss goes through `self.{name}`, which no optimizer is given: it never changes",
                LeftOut(event, part, f"self.{name}"),
                tuple(dict.fromkeys(describe(value) for value in inner)),
            )
            return


_LOOKUPS = frozenset({"gather", "embedding_lookup"})
_PRODUCTS = frozenset({"matmul", "tensordot", "MatMult"})
_RANDOM = frozenset({"normal", "uniform", "truncated_normal", "random_normal", "random_uniform", "glorot_uniform"})


def _passed_over(program: Program) -> Iterator[Finding]:
    """A fresh layer or a table that the loss is computed with next to the weights of a model, that nothing in the
    program trains, sets, freezes or even asks for.
    """
    sinks = [
        sink
        for sink in unreached.trained(program)
        if isinstance(sink.event, GradientTaken) and isinstance(sink.event.sources, (WeightList, Collection))
    ]
    if not sinks or freshness.weights_may_come(program) or freshness.asserted(program):
        return
    moved = trainings.updated(program)
    moved |= {id(event.variable) for event in program.of(Assigned)}
    for read in program.of(WeightsRead):
        if read.attribute.endswith("variables") or read.attribute.startswith("trainable"):
            moved.update(id(value) for value in (*read.sources, *read.frozen, *trainings.inside(read.owner)))
    switches = trainings.Switches(program)
    for sink in sinks:
        event = sink.event
        assert isinstance(event, GradientTaken)
        path = sink.path
        if (
            path.anything
            or not path.complete
            or path.lost
            or event.conditional
            or event.sources_node is None
            or not any(isinstance(value, Layer) for value in path.connected)
        ):
            continue
        missing: list[Value] = []
        for value in sink.gradient_flow.reach(sink.target).sources.values():
            if id(value) in moved or switches.settings(value):
                continue
            if isinstance(value, Layer):
                counts = freshness.fresh(value) and not _made_in_call(value)
            elif isinstance(value, Variable):
                counts = _is_random_weight(sink, value)
            else:
                counts = False
            if counts and trainings.constructed_off(value) is None and not freshness.given_away(program, [value]):
                missing.append(value)
        part = _whole(program, sink, missing, moved)
        if part is None or _judges(sink, missing) or freshness.given_away(program, [part]):
            continue
        spelled = spelled_at(program, event.frame, part) or ""
        yield _finding(
            program,
            event.sources_node,
            event,
            f"the loss is computed with `{spelled or describe(part)}`, which no optimizer is given: it never changes",
            LeftOut(event, part, spelled),
            tuple(dict.fromkeys(describe(value) for value in missing)),
        )


def _judges(sink: Sink, parts: Sequence[Value]) -> bool:
    """Whether the parts only look at what is trained, or at nothing that is: a discriminator, a network that compares
    features, a teacher. Gradients come through such a part and it need not move; the weights in front of what is
    trained are another matter, since it can only learn from what they drew.
    """
    left_out = {id(part) for part in parts}
    moving = {id(value) for value in sink.path.connected}
    return alive.leads(sink, moving, left_out) or not alive.leads(sink, left_out, moving)


def _made_in_call(layer: Layer) -> bool:
    """Whether it is made anew in each `call`, or kept where Keras does not see it (RG205)."""
    frame = layer.frame
    while frame is not None:
        if frame.function is not None and frame.function.name in ("call", "__call__"):
            return True
        frame = frame.caller
    return False


def _is_random_weight(sink: Sink, variable: Variable) -> bool:
    """Whether a variable starts from random numbers and is used as weights are: looked up, or multiplied from the
    right. Data and noise are kept in variables, too.
    """
    stated, initial = variable.fields.get("trainable"), variable.initial
    if stated is not None and not (isinstance(stated, Constant) and stated.value):
        return False
    if is_integer(variable.fields.get("dtype")) or variable.owner is not None:
        return False
    if not isinstance(initial, Tensor) or initial.operation.name not in _RANDOM:
        return False
    uses = [
        (tensor.operation, [part is variable for part in tensor.operation.inputs])
        for tensor in sink.alive
        if any(part is variable for part in tensor.operation.inputs)
    ]
    return bool(uses) and all(
        (operation.name in _LOOKUPS and places.index(True) == 0)
        or (operation.name in _PRODUCTS and places.index(True) == 1)
        for operation, places in uses
    )


def _whole(program: Program, sink: Sink, missing: list[Value], moved: set[int]) -> Value | None:
    """The one thing that is missing: a variable, a layer, or a model all of whose layers are."""
    if not missing:
        return None
    ids = {id(value) for value in missing}
    if len(missing) == 1 and not any(
        missing[0] is not value and any(missing[0] is inner for inner in trainings.inside(value))
        for value in (*(call.model for call in program.of(ModelCalled)),)
    ):
        return missing[0]
    for call in program.of(ModelCalled):
        model = call.model
        if sink.tape not in call.tapes or not isinstance(model, (Network, Instance)):
            continue
        inside = trainings.inside(model)
        if any(isinstance(value, (Unknown, Variable)) or id(value) in moved for value in inside):
            continue
        if any(isinstance(value, Network) and value.form == "opaque" for value in inside):
            continue
        weighted = [value for value in inside if isinstance(value, Layer) and freshness.has_weights(value)]
        if weighted and ids == {id(value) for value in weighted}:
            return model
    return None


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


# -- clipping ----------------------------------------------------------------------------------------------------------


def _clipped(program: Program) -> Iterator[Finding]:
    for evidence in clipped_none(program):
        yield _finding(
            program,
            evidence.call,
            evidence.event,
            f"the gradient of {', '.join(f'`{each}`' for each in evidence.lost[:3])} is None,"
            f" and `{evidence.function}` cannot take it",
            evidence,
            evidence.lost,
            (Related(program.location(evidence.event.node, evidence.event.frame), "it is asked for here"),),
        )


# -- mending -----------------------------------------------------------------------------------------------------------


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.moving import CannotMove

    if isinstance(finding.evidence, Unapplied):
        return Withheld("which step of the session should apply them is the author's to say", finding.evidence.line)
    try:
        return [_mending(program, finding.evidence)]
    except CannotMove as problem:
        return Withheld(str(problem), "optimizer.apply_gradients(zip(gradients, variables))")


def _mending(program: Program, evidence: object) -> Mending:
    from regrad.codemods.engine.arguments import Change, Remove, Set, Swap, change_call
    from regrad.codemods.engine.moving import CannotMove, Rewrite, after

    if isinstance(evidence, Rows):
        gradient, variable = (program.source(each, evidence.path) for each in evidence.call.args)
        rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
        rewrite.replace(evidence.call, f"[({gradient}, {variable})]")
        return Mending("give the one pair", Safety.SAFE, rewrite.edits(), "the call raised before")
    if isinstance(evidence, Unpaired):
        call, path = evidence.applied.node, evidence.applied.frame.path
        assert isinstance(call, ast.Call)
        source = program.files[path]
        first = program.source(call.args[0], path)
        if len(call.args) == 2:
            second = program.source(call.args[1], path)
        elif evidence.variables is not None and isinstance(evidence.variables, (ast.Name, ast.Attribute, ast.List)):
            second = program.source(evidence.variables, path)
        else:
            raise CannotMove("how the variables are called here is not known")
        paired = f"[({first}, {second})]" if evidence.single else f"zip({first}, {second})"
        changes: list[Change] = [Set(0, paired), *([Remove(1)] if len(call.args) == 2 else [])]
        return Mending("make pairs of them", Safety.SAFE, (change_call(source, call, *changes),))
    if isinstance(evidence, Turned):
        return Mending(
            "turn the pairs round", Safety.SAFE, (change_call(program.files[evidence.path], evidence.call, Swap(0, 1)),)
        )
    if isinstance(evidence, Foreign):
        if evidence.event.sources_node is None or evidence.event.frame.path != evidence.path:
            raise CannotMove("the gradients are taken in another file")
        text = program.source(evidence.event.sources_node, evidence.path)
        return Mending(
            "apply them to the weights they belong to",
            Safety.UNSAFE,
            (change_call(program.files[evidence.path], evidence.call, Set(1, text)),),
            "other weights move than before",
        )
    if isinstance(evidence, Idle):
        event = evidence.event
        path = event.frame.path
        statement = program.statement(event.node, path)
        if not isinstance(statement, ast.Assign) or event.sources_node is None:
            raise CannotMove("the gradients have no name")
        rewrite = Rewrite(program.files[path], program.trees[path])
        name, variables = program.source(statement.targets[0], path), program.source(event.sources_node, path)
        last = _last_change(program, path, statement)
        rewrite.insert(f"{evidence.optimizer}.apply_gradients(zip({name}, {variables}))", after(last))
        return Mending("apply them", Safety.UNSAFE, rewrite.edits(), "weights move that did not move before")
    if isinstance(evidence, LeftOut):
        return _with_part(program, evidence)
    if isinstance(evidence, UsedUp):
        return kept(program, evidence)
    if isinstance(evidence, ClippedNone):
        return passed_by(program, evidence)
    raise CannotMove("no sound rewrite is known for this form")


def _last_change(program: Program, path: str, statement: ast.Assign) -> ast.stmt:
    """The last statement of the block that makes other gradients of them (clipped, scaled): those are applied."""
    target = statement.targets[0]
    block = next(
        (
            body
            for _, body in ast.iter_fields(program.parents(path)[statement])
            if isinstance(body, list) and any(each is statement for each in body)
        ),
        [statement],
    )
    changed: ast.stmt = statement
    for each in block[block.index(statement) + 1 :]:
        if isinstance(each, ast.Assign) and isinstance(target, ast.Name):
            names = [node for node in ast.walk(each) if isinstance(node, ast.Name) and node.id == target.id]
            if {type(node.ctx) for node in names} == {ast.Load, ast.Store}:
                changed = each
    return changed


def _with_part(program: Program, evidence: LeftOut) -> Mending:
    """The weights of the network join the list, where the list is written."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    event = evidence.event
    path = event.frame.path
    sources = event.sources
    if isinstance(sources, Collection) and sources.kind == "list" and evidence.spelled:
        return _appended(program, evidence)
    if not isinstance(sources, WeightList) or not isinstance(sources.node, ast.Attribute):
        raise CannotMove("the list of weights is not written in one place")
    text = program.source(sources.node, path)
    if not evidence.spelled:
        raise CannotMove("it has no name where the list of weights is written")
    single = isinstance(evidence.part, Variable)
    addition = f"[{evidence.spelled}]" if single else f"{evidence.spelled}.{sources.attribute}"
    function: ast.AST = event.frame.function.node if event.frame.function is not None else program.trees[path]
    if all(node is not sources.node for node in ast.walk(function)):
        raise CannotMove("the list of weights comes from another function")
    parents = program.parents(path)
    rewrite = Rewrite(program.files[path], program.trees[path])
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Attribute)
            and program.source(node, path) == text
            and not isinstance(parents.get(node), ast.BinOp)
        ):
            rewrite.replace(node, f"{text} + {addition}")
    return Mending(
        f"train `{evidence.spelled}` as well", Safety.UNSAFE, rewrite.edits(), "weights move that did not move before"
    )


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
    addition = f"[{evidence.spelled}]" if single else f"{evidence.spelled}.trainable_variables"
    rewrite.insert(f"{asked.id} += {addition}", before(statement))
    return Mending(
        f"train `{evidence.spelled}` as well", Safety.UNSAFE, rewrite.edits(), "weights move that did not move before"
    )


RULE = Rule(
    "RG410",
    "gradients-misapplied",
    "mixed",
    "Pairs that could not be read before are safe; weights that begin to move are not.",
    detect,
    mend,
)
