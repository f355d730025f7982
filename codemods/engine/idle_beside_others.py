"""Gradients that go nowhere in a program that applies others: one of several steps forgets its optimizer."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from regrad.analysis import applications, freshness, intentions, trainings, unreached
from regrad.analysis.callee import called
from regrad.analysis.events import Applied, Assigned, Compiled, GradientTaken, Minimized, Trained
from regrad.analysis.flow import sources_of
from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Layer, Optimizer, Value, Variable, WeightList
from regrad.analysis.walking import each_once
from regrad.codemods.engine.idle_gradients import Idle, repeated
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.parts_of_request import Part, given_to_optimizer, parts_of, taken_from, unpacked_to

_SHOWN = frozenset({"print", "write", "info", "debug", "warning", "histogram", "scalar", "assert_all_finite", "log"})
_SCALARS = ("norm", "reduce_", "mean", "sum", "max", "min", "len", "any", "all", "is_nan", "isnan", "is_finite")
_DERIVING = frozenset({"zip", "list", "tuple", "enumerate", "map", "filter", "reversed", "sorted"})
_DERIVING_STARTS = ("clip_", "convert_to_tensor", "where", "zeros_like", "cast", "multiply", "add", "identity")


def idle_beside_others(program: Program) -> Iterator[Noticed]:
    """A request in a training step whose gradients no optimizer gets, for weights that nothing else moves."""
    requests: dict[ast.AST, list[GradientTaken]] = {}
    for event in program.of(GradientTaken):
        requests.setdefault(event.node, []).append(event)
    steps = any(True for kind in (Applied, Minimized) for _ in program.of(kind))
    if not requests or not steps or intentions.asserted(program):
        return
    moved = _moved(program)
    for node, events in requests.items():
        last = events[-1]
        for part in parts_of(last):
            same = [each for event in events for each in parts_of(event) if each.key == part.key]
            if len(same) != len(events) or not all(_may_be_forgotten(program, each) for each in same):
                continue
            optimizer = _forgotten(program, part, moved)
            if optimizer is not None:
                message = f"the gradients are computed and never applied: `{optimizer}` does nothing in this program"
                yield Noticed(node, last, message, Idle(last, optimizer, part))


def _forgotten(program: Program, part: Part, moved: set[int]) -> str | None:
    """The optimizer that was made for these weights, which start at random and which nothing moves."""
    weights, complete = sources_of(part.weights)
    fresh = [value for value in weights if isinstance(value, Layer) and freshness.fresh(value)]
    whole = [each for owner in part.weights.owners for each in trainings.inside(owner)]
    if not fresh or not complete or any(id(value) in moved for value in (*weights, *whole)):
        return None
    if any(getattr(value, "fields", {}).get("#loaded") for value in whole) or freshness.given_away(program, whole):
        return None
    statement = program.statement(part.event.node, part.event.frame.path)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    return _optimizer(program, part.event) if _dropped(program, part, statement) else None


def _may_be_forgotten(program: Program, part: Part) -> bool:
    event = part.event
    return (
        event.method == "gradient"
        and part.weights.trainable_only
        and not event.tape.fields.get("graph")
        and not given_to_optimizer(program, part)
        and not unreached.in_test(event.frame)
        and (repeated(program, event) or _beside_a_step(program, event))
    )


def _beside_a_step(program: Program, event: GradientTaken) -> bool:
    """Whether another method of the same object takes its step: then this one is a step as well."""
    this = event.frame.this
    return isinstance(this, Instance) and any(
        isinstance(each.frame.this, Instance) and each.frame.this.cls is this.cls for each in program.of(Applied)
    )


def _moved(program: Program) -> set[int]:
    """All that any optimizer, training or assignment moves, or may move."""
    found: set[int] = set()
    for event in program.events:
        if isinstance(event, Applied):
            for gradients in applications.gradients_in(event.pairs):
                found.update(id(value) for value in sources_of(gradients.sources)[0])
            found.update(_weights_in(event.pairs))
        elif isinstance(event, Minimized):
            found.update(id(value) for value in sources_of(event.variables)[0])
        elif isinstance(event, Trained) and not event.own_step:
            found.update(id(value) for value in event.sources)
        elif isinstance(event, Assigned):
            found.add(id(event.variable))
    return found


def _weights_in(pairs: Value) -> Iterator[int]:
    def parts(value: Value) -> tuple[Value, ...]:
        items = () if isinstance(value, (WeightList, dict)) else getattr(value, "items", ())
        return (*getattr(value, "parts", ()), *items)

    for value in each_once((pairs,), parts):
        if isinstance(value, (WeightList, Variable)):
            yield from (id(each) for each in sources_of(value)[0])


def _dropped(program: Program, part: Part, statement: ast.Assign) -> bool:
    """Whether nothing is made of the gradients but others that are dropped as well, and numbers to look at."""
    path = part.event.frame.path
    parents = program.parents(path)
    scope = unreached.scope_of(program, part.event.frame)
    last = float("inf")
    if part.key is None:
        names = _derived(part.event.node, parents)
        if not names:
            return False
        last = _bound_anew(statement, parents)
    elif (name := unpacked_to(part, statement)) is not None:
        names = {name}
    else:
        taken = taken_from(part, statement, scope, program)
        further = [_derived(each, parents) for each in taken or ()]
        if taken is None or None in further:
            return False
        names = {name for each in further for name in each or ()}
    reads = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and statement.lineno <= node.lineno <= last
    ]
    checked: set[int] = set()
    while True:
        waiting = [node for node in reads if node.id in names and id(node) not in checked]
        if not waiting:
            return True
        for node in waiting:
            checked.add(id(node))
            derived = _derived(node, parents)
            if derived is None:
                return False
            names |= derived


def _bound_anew(statement: ast.Assign, parents: Mapping[ast.AST, ast.AST]) -> float:
    """The line at which the same block binds the name to something else; what is read behind it are not these
    gradients.
    """
    name = statement.targets[0].id if isinstance(statement.targets[0], ast.Name) else None
    for body in (each for _, each in ast.iter_fields(parents[statement]) if isinstance(each, list)):
        if statement not in body:
            continue
        for later in body[body.index(statement) + 1 :]:
            used = [node for node in ast.walk(later) if isinstance(node, ast.Name) and node.id == name]
            if isinstance(later, ast.Assign) and used and all(isinstance(node.ctx, ast.Store) for node in used):
                return float(later.lineno)
    return float("inf")


def _derived(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> set[str] | None:
    """The names that what is made of one read is bound to; None where it is used for anything else."""
    child: ast.AST = node
    current = parents.get(node)
    while current is not None and not isinstance(current, ast.stmt):
        if isinstance(current, ast.Call) and child is not current.func:
            name = called(current)
            if name in _SHOWN or name.startswith(_SCALARS) or name.endswith("norm"):
                # `clip_by_norm` gives gradients, `global_norm` a number.
                if not name.startswith("clip_"):
                    return set()
            elif name not in _DERIVING and not name.startswith(_DERIVING_STARTS):
                return None
        elif isinstance(current, (ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda, ast.Dict)):
            return None
        elif isinstance(current, ast.Compare):
            return set()
        child, current = current, parents.get(current)
    if isinstance(current, ast.Assign) and len(current.targets) == 1:
        target = current.targets[0]
        if isinstance(target, ast.Name):
            return {target.id}
        value = current.value
        clipped = isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "clip_by_global_norm"
        if clipped and isinstance(target, (ast.Tuple, ast.List)) and isinstance(target.elts[0], ast.Name):
            return {target.elts[0].id}
        return None
    if isinstance(current, (ast.For, ast.AsyncFor)):
        return {each.id for each in ast.walk(current.target) if isinstance(each, ast.Name)}
    return set() if isinstance(current, (ast.Assert, ast.If)) else None


def _optimizer(program: Program, event: GradientTaken) -> str | None:
    """How the place can say the one optimizer that was made for these weights: it is at hand, and nothing calls it."""
    idle = {id(value): spelled for spelled, value in _at_hand(event) if not _called(program, value)}
    return next(iter(idle.values())) if len(idle) == 1 else None


def _at_hand(event: GradientTaken) -> Iterator[tuple[str, Optimizer]]:
    scope = event.frame.scope
    while scope is not None:
        for name, value in scope.names.items():
            if isinstance(value, Optimizer) and name.isidentifier():
                yield name, value
        scope = scope.parent  # type: ignore[assignment]
    this = event.frame.this
    if isinstance(this, Instance):
        for name, value in this.fields.items():
            if isinstance(value, Optimizer) and name.isidentifier():
                yield f"self.{name}", value


def _called(program: Program, optimizer: Optimizer) -> bool:
    steps = any(each.optimizer is optimizer for each in program.of(Applied))
    if steps or any(each.optimizer is optimizer for each in program.of(Minimized)):
        return True
    return any(each.compilation.optimizer is optimizer for each in program.of(Compiled))
