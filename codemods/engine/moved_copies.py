"""Steps along the gradient whose outcome nobody reads: a copy of the weight moves, or only a name, and no weight."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import GradientTaken, Moved
from regrad.analysis.frames import Frame
from regrad.analysis.parameters import named
from regrad.analysis.program import Program
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Gradients, Tensor, Unknown, Value, Variable, WeightList
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.copied_variables import copies, plain_copy
from regrad.codemods.engine.idle_gradients import nothing_applied, repeated
from regrad.codemods.engine.pairs import are_variables
from regrad.codemods.engine.rule import Mending, Safety

_LOOKING = frozenset({"print", "norm", "global_norm", "reduce_mean", "reduce_sum", "len", "format"})
"""What may be done with gradients besides the step, without moving anything."""


class MovedCopy(NamedTuple):
    """A step by hand that is lost."""

    event: GradientTaken
    moved: Moved

    @property
    def name(self) -> str:
        """What the step moves, as it is written."""
        statement = self.moved.node
        assert isinstance(statement, (ast.Assign, ast.AugAssign))
        return ast.unparse(_target(statement))


def moved_copies(program: Program) -> Iterator[MovedCopy]:
    """The steps of a training by hand in which no weight moves, where nothing else in the program moves one."""
    steps: dict[int, list[Moved]] = {}
    for moved in program.of(Moved):
        for node in _requests(moved.value):
            steps.setdefault(id(node), []).append(moved)
    if not steps or not nothing_applied(program):
        return
    seen: set[int] = set()
    for event in program.of(GradientTaken):
        own = steps.get(id(event.node), [])
        if not own or event.method != "gradient" or not are_variables(event.sources) or not repeated(program, event):
            continue
        if not all(_lost(program, moved) for moved in own) or _goes_elsewhere(program, event, own):
            continue
        for moved in own:
            if id(moved.node) not in seen:
                seen.add(id(moved.node))
                yield MovedCopy(event, moved)


def _requests(value: Value) -> Iterator[ast.AST]:
    """The requests for gradients that a value is made from."""
    stack: list[tuple[Value, int]] = [(value, 0)]
    while stack:
        current, depth = stack.pop()
        if isinstance(current, Gradients):
            yield current.event.node
        elif isinstance(current, (Tensor, Unknown)) and current.operation is not None and depth < 8:
            if current.operation.kind == "gradient" and current.operation.node is not None:
                yield current.operation.node
            else:
                stack.extend((part, depth + 1) for part in current.operation.inputs)


def _target(statement: ast.Assign | ast.AugAssign) -> ast.expr:
    return statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]


def _lost(program: Program, moved: Moved) -> bool:
    """Whether nobody ever sees what the step made."""
    statement, frame = moved.node, moved.frame
    assert isinstance(statement, (ast.Assign, ast.AugAssign))
    target = _target(statement)
    if isinstance(statement, ast.Assign) and len(statement.targets) != 1:
        return False
    scope = scope_of(program, frame)
    if isinstance(target, ast.Name):
        if _declared_outside(scope, target.id) or _reads(scope, target.id, {id(each) for each in ast.walk(statement)}):
            return False
        # An array changes in place, so what holds it changes, too.
        in_place = isinstance(statement, ast.AugAssign) and not isinstance(moved.before, (Variable, WeightList))
        if in_place and not (isinstance(moved.before, Tensor) and not moved.before.numpy):
            return _holder_is_lost(program, frame, target.id, statement)
        return True
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        return _list_is_lost(scope, target.value.id, _loop_of(program, frame, statement))
    return False


def _declared_outside(scope: ast.AST, name: str) -> bool:
    return any(isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names for node in ast.walk(scope))


def _reads(scope: ast.AST, name: str, within: set[int]) -> list[ast.Name]:
    """Where the scope reads a name, apart from some nodes and from what means another thing by it."""
    other = _own_names(scope, name)
    return [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Load)
        and id(node) not in within
        and id(node) not in other
    ]


def _own_names(scope: ast.AST, name: str) -> set[int]:
    """The nodes inside comprehensions and functions that have a name of their own by that spelling."""
    found: set[int] = set()
    for node in ast.walk(scope):
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            bound = [part for each in node.generators for part in ast.walk(each.target)]
            if any(isinstance(part, ast.Name) and part.id == name for part in bound):
                # The first iterable is looked up outside.
                found |= {id(part) for part in ast.walk(node)} - {
                    id(part) for part in ast.walk(node.generators[0].iter)
                }
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and node is not scope:
            arguments = node.args
            if any(each.arg == name for each in named(arguments)):
                found |= {id(part) for part in ast.walk(node)}
    return found


def _loop_of(program: Program, frame: Frame, statement: ast.AST) -> ast.For | None:
    parents = program.parents(frame.path)
    current = parents.get(statement)
    while current is not None and not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
        if isinstance(current, ast.For):
            return current
        current = parents.get(current)
    return None


def _holder_is_lost(program: Program, frame: Frame, name: str, statement: ast.AST) -> bool:
    """Whether the list that the loop takes its arrays from is made for it, and read nowhere else."""
    made = _values(scope_of(program, frame), name)
    if len(made) == 1 and copies(made[0]):
        return True
    loop = _loop_of(program, frame, statement)
    taken = _taken_from(loop, name) if loop is not None else None
    if isinstance(taken, ast.ListComp) or _fetched(taken):
        return True
    return isinstance(taken, ast.Name) and _list_is_lost(scope_of(program, frame), taken.id, loop)


def _taken_from(loop: ast.For, name: str) -> ast.expr | None:
    """The expression whose elements the loop calls `name`."""
    over: ast.expr = loop.iter
    target: ast.expr = loop.target
    while isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.args:
        wrapper = over.func.id
        if wrapper == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
            over, target = over.args[0], target.elts[1]
        elif wrapper == "zip" and isinstance(target, ast.Tuple) and len(target.elts) == len(over.args):
            places = [i for i, each in enumerate(target.elts) if isinstance(each, ast.Name) and each.id == name]
            if len(places) != 1:
                return None
            over, target = over.args[places[0]], target.elts[places[0]]
        else:
            return None
    return over if isinstance(target, ast.Name) and target.id == name else None


def _list_is_lost(scope: ast.AST, name: str, loop: ast.For | None) -> bool:
    """Whether a local list of copies is read in the loop of the step alone."""
    made = _values(scope, name)
    stored = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == name and node.ctx.__class__ is ast.Store
    ]
    if loop is None or len(made) != 1 or len(stored) != 1 or _declared_outside(scope, name):
        return False
    copied = isinstance(made[0], ast.ListComp) and copies(made[0].elt)
    return (copied or _fetched(made[0])) and not _reads(scope, name, {id(each) for each in ast.walk(loop)})


def _fetched(node: ast.AST | None) -> bool:
    """Whether it is `model.get_weights()`, arrays that hold copies."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_weights"


def _values(scope: ast.AST, name: str) -> list[ast.expr]:
    bindings = filter(None, map(binding, ast.walk(scope)))
    return [bound.value for bound in bindings if bound.target.id == name]


def _goes_elsewhere(program: Program, event: GradientTaken, steps: list[Moved]) -> bool:
    """Whether the gradients may be used for anything but these steps and a look at them."""
    path = event.frame.path
    parents = program.parents(path)
    # The calls that lead from the place of the request to the steps, and what the loops around them go through.
    leading: set[int] = {id(moved.node) for moved in steps}
    for moved in steps:
        frame: Frame | None = moved.frame
        loop = _loop_of(program, moved.frame, moved.node)
        if loop is not None:
            leading.add(id(loop.iter))
        while frame is not None:
            leading.add(id(frame.call))
            frame = frame.caller
    statement = program.statement(event.node, path)
    places: list[ast.AST] = [event.node]
    if isinstance(statement, ast.Assign) and statement.value is event.node and len(statement.targets) == 1:
        made = statement.targets[0]
        names = made.elts if isinstance(made, (ast.Tuple, ast.List)) else [made]
        if not all(isinstance(name, ast.Name) for name in names):
            return True
        scope = scope_of(program, event.frame)
        places = [read for name in names if isinstance(name, ast.Name) for read in _reads(scope, name.id, set())]
    return not all(_harmless(parents, place, leading) for place in places)


def _harmless(parents: Mapping[ast.AST, ast.AST], place: ast.AST, leading: set[int]) -> bool:
    current: ast.AST | None = place
    while current is not None:
        if id(current) in leading:
            return True
        if isinstance(current, ast.Call) and current is not place:
            name = called(current)
            if name in _LOOKING:
                return True
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
            return False
        current = parents.get(current)
    return False


def moved_in_place(program: Program, evidence: MovedCopy) -> Mending:
    """The step is made on the variable itself."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    statement, path = evidence.moved.node, evidence.moved.frame.path
    assert isinstance(statement, (ast.Assign, ast.AugAssign))
    target = _target(statement)
    loop = _loop_of(program, evidence.moved.frame, statement)
    taken = _taken_from(loop, target.id) if loop is not None and isinstance(target, ast.Name) else None
    if not isinstance(target, ast.Name) or taken is None:
        raise CannotMove("which variable each copy belongs to is not written where the step is made")
    if isinstance(statement, ast.Assign):
        value = statement.value
        if not isinstance(value, ast.BinOp) or not isinstance(value.left, ast.Name) or value.left.id != target.id:
            raise CannotMove("what moves has another name than what it was")
        operator, by = value.op, value.right
    else:
        operator, by = statement.op, statement.value
    rewrite = Rewrite(program.files[path], program.trees[path])
    method = "assign_sub" if isinstance(operator, ast.Sub) else "assign_add"
    rewrite.replace(statement, f"{target.id}.{method}({program.source(by, path)})")
    if isinstance(evidence.moved.before, (Variable, WeightList)):
        pass
    else:
        made = _made(program, evidence.moved.frame, taken, loop)
        if made is None:
            raise CannotMove("the list of copies is made somewhere else")
        if isinstance(made, ast.ListComp):
            rewrite.replace(made, program.source(made.generators[0].iter, path))
        else:
            assert isinstance(made.func, ast.Attribute)
            rewrite.replace(made, f"{program.source(made.func.value, path)}.trainable_variables")
    # Without an optimizer nothing in one step tells a training from a program that only asks for gradients.
    reason = "weights move that did not move before"
    return Mending("move the variable itself", Safety.UNSAFE, rewrite.edits(), reason, seen_in_step=False)


def _made(program: Program, frame: Frame, taken: ast.expr, loop: ast.For | None) -> ast.ListComp | ast.Call | None:
    """What copies the variables: where the loop takes them from, or under a name of its own."""
    if isinstance(taken, ast.Name):
        scope = scope_of(program, frame)
        if loop is None or _reads(scope, taken.id, {id(each) for each in ast.walk(loop)}):
            return None
        values = _values(scope, taken.id)
        taken = values[0] if len(values) == 1 else taken
    if isinstance(taken, ast.Call):
        return taken if _fetched(taken) else None
    return taken if isinstance(taken, ast.ListComp) and plain_copy(taken) else None
