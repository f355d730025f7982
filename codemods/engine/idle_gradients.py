"""Gradients that are computed again and again, and that no optimizer is ever given."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import (
    Applied,
    Assigned,
    Compiled,
    Event,
    GradientTaken,
    Minimized,
    Trained,
)
from regrad.analysis.program import Program
from regrad.analysis.values import (
    Constant,
    Instance,
    Optimizer,
    Variable,
)
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.pairs import are_variables
from regrad.codemods.engine.parts_of_request import Part, unpacked_to
from regrad.codemods.engine.respelling import quoted
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.stepped_by_name import stepped_by_name
from regrad.codemods.engine.surroundings import function_around, loaded, owners

ASSIGNING = frozenset({"assign", "assign_add", "assign_sub"})
_SUMMING = frozenset({"sqrt", "sum", "reduce_sum", "add_n", "norm", "print", "float"})
MOVING = frozenset({"set_weights", "apply_gradients", "apply", "minimize", "update_step", "scatter_sub", "set_value"})
"""Methods that move weights, those apart that may assign to any variable."""


class Idle(NamedTuple):
    """Gradients that nobody applies; `optimizer` as the place of the request spells it."""

    event: GradientTaken
    optimizer: str
    part: Part | None = None
    """Which of several lists of weights it is that nobody moves."""


class Unapplied(NamedTuple):
    """Gradients of a graph that nobody applies, and the line that would."""

    node: ast.Call
    path: str
    line: str


def idle(program: Program) -> Iterator[Noticed]:
    """A training loop with an optimizer that is never called."""
    requests = [
        event
        for event in program.of(GradientTaken)
        if event.method == "gradient" and are_variables(event.sources) and not event.tape.fields.get("graph")
    ]
    nodes = {id(event.node) for event in requests}
    if len(nodes) != 1 or sum(1 for each in {id(event.node) for event in program.of(GradientTaken)}) != 1:
        return
    if not nothing_applied(program):
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
    spelled = only_optimizer(program, event)
    if spelled is None or not repeated(program, event):
        return
    # An optimizer that nothing mentions again was meant to be used, whatever else is done with the gradients.
    if mentioned(program, spelled) and _used(program, event, statement.targets[0].id):
        return
    if _squared(program, event, statement.targets[0].id):
        return
    # An optimizer that is left over from another way to train is no defect.
    if stepped_by_name(program, event, statement.targets[0].id):
        return
    yield Noticed(
        event.node,
        event,
        f"the gradients are computed and never applied: `{spelled}` does nothing in this program",
        Idle(event, spelled),
    )


def idle_in_graph(program: Program) -> Iterator[Unapplied]:
    """`compute_gradients` in a program that applies none, although a session runs something again and again; what is
    run once may be a test of the gradients themselves.
    """
    if not any("compute_gradients" in source.text for source in program.files.values()):
        return
    if not nothing_applied(program):
        return
    names = ("apply_gradients", "minimize", "assign", "assign_sub", "assign_add")
    calls = [
        (path, node)
        for path in program.trees
        for node in program.nodes_of(path, ast.Call)
        if isinstance(node.func, ast.Attribute)
    ]
    computed = [(path, node) for path, node in calls if node.func.attr == "compute_gradients"]  # type: ignore[attr-defined]
    if len(computed) != 1 or any(node.func.attr in names for _, node in calls):  # type: ignore[attr-defined]
        return
    path, node = computed[0]
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    statement = program.statement(node, path)
    runs = [(place, each) for place, each in calls if each.func.attr == "run"]  # type: ignore[attr-defined]
    around = function_around(program, node, path)
    beside = [run for run in runs if run[0] == path and function_around(program, run[1], path) is around]
    if not any(_again_and_again(program, each, place) for place, each in beside or runs):
        return
    if not isinstance(statement, ast.Assign):
        return
    line = f"train_op = {program.source(node.func.value, path)}.apply_gradients(gradients_and_variables)"
    yield Unapplied(node, path, line)


def _again_and_again(program: Program, node: ast.AST, path: str) -> bool:
    return any(isinstance(around, (ast.For, ast.While)) for around in owners(program, node, path))


def nothing_applied(program: Program) -> bool:
    """Whether nothing in the program moves a weight, be it an optimizer, a `fit` or an assignment."""
    return not (trains_by_optimizer(program) or _moved_by_hand(program))


def trains_by_optimizer(program: Program) -> bool:
    """Whether any optimizer is given gradients, or a loss, or a `fit` that is not the program's own step."""
    return (
        any(True for _ in program.of(Minimized))
        or any(not event.own_step for event in program.of(Trained))
        or any(True for _ in program.of(Applied))
    )


def mentioned(program: Program, spelled: str) -> bool:
    """Whether anything reads the optimizer: its name, or the attribute that holds it."""
    attribute = spelled.rpartition(".")[2]
    for path in program.trees:
        if any(
            node.attr == attribute and isinstance(node.ctx, ast.Load) for node in program.nodes_of(path, ast.Attribute)
        ) or any(node.id == spelled and isinstance(node.ctx, ast.Load) for node in program.nodes_of(path, ast.Name)):
            return True
    return False


def _moved_by_hand(program: Program) -> bool:
    """Whether any weight is assigned anything, or gradients may be handed on to code that is not known."""
    return any(True for _ in program.of(Assigned)) or any(True for _ in calls_that_move(program, ASSIGNING | MOVING))


def calls_that_move(program: Program, names: frozenset[str]) -> Iterator[ast.Call]:
    """The calls of methods of these names, wherever they stand."""
    for path in program.trees:
        for node in program.nodes_of(path, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in names:
                yield node


def only_optimizer(program: Program, event: GradientTaken) -> str | None:
    """How the place of the request can say the only optimizer of the program."""
    path = event.frame.path
    makers: list[tuple[str, ast.AST]] = []
    for node in program.nodes_of(path, ast.Assign):
        if isinstance(node.value, ast.Call) and len(node.targets) == 1:
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


def repeated(program: Program, event: Event) -> bool:
    """Whether it happens again and again: in a loop, here or around a call that leads here."""
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
    own = event.frame.function.name if event.frame.function is not None else ""
    for other in program.trees:
        for node in program.nodes_of(other, ast.Call):
            if called(node) == own and _result_read(program, other, node, function):
                return True
    return False


def _squared(program: Program, event: GradientTaken, name: str) -> bool:
    """Whether each gradient is squared and kept: a measure of how much a weight matters, and no step. A norm that is
    written out, of all of them, is none.
    """
    path, maker = event.frame.path, event.frame.function
    function: ast.AST = maker.node if maker is not None else program.trees[path]
    parents = program.parents(path)
    each = {name}
    for node in ast.walk(function):
        if isinstance(node, (ast.comprehension, ast.For)) and name in loaded(node.iter):
            each |= {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
    for node in ast.walk(function):
        by_name = isinstance(node, ast.Call) and called(node) == "square" and each & loaded(node)
        power = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and each & loaded(node.left)
        if (by_name or power) and not _in_a_sum(parents, node):
            return True
    return False


def _in_a_sum(parents: Mapping[ast.AST, ast.AST], node: ast.AST) -> bool:
    current = parents.get(node)
    while current is not None and not isinstance(current, ast.stmt):
        if isinstance(current, ast.Call) and called(current) in _SUMMING:
            return True
        current = parents.get(current)
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
        node.id for node in program.nodes_of(path, ast.Name) if isinstance(node.ctx, ast.Load) and id(node) not in own
    }
    # The loss that comes with the gradients may be printed.
    if len(names) == 1:
        return names[0].id in read
    return bool(names) and all(part.id in read for part in names)


def _last_change(program: Program, path: str, statement: ast.Assign, name: str) -> tuple[ast.stmt, str]:
    """The last statement of the block that makes other gradients of them (clipped, scaled), and the name of those:
    they are applied.
    """
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
        if isinstance(each, ast.Assign) and name.isidentifier():
            names = [node for node in ast.walk(each) if isinstance(node, ast.Name) and node.id == name]
            if {type(node.ctx) for node in names} == {ast.Load, ast.Store}:
                changed = each
        clipped = _clipped_to(each, name)
        if clipped is not None:
            changed, name = each, clipped
    return changed, name


def _clipped_to(statement: ast.stmt, name: str) -> str | None:
    """The name that a statement binds to all of the gradients, clipped."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target, value = statement.targets[0], statement.value
    if isinstance(value, ast.ListComp) and len(value.generators) == 1 and isinstance(target, ast.Name):
        over, made = value.generators[0], value.elt
        made = made.body if isinstance(made, ast.IfExp) else made
        clips = isinstance(made, ast.Call) and called(made).startswith("clip_")
        return target.id if clips and not over.ifs and _is_called(over.iter, name) else None
    if not isinstance(value, ast.Call) or called(value) != "clip_by_global_norm" or not value.args:
        return None
    first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else None
    return first.id if isinstance(first, ast.Name) and _is_called(value.args[0], name) else None


def _is_called(node: ast.expr, name: str) -> bool:
    return ast.dump(node) == ast.dump(ast.parse(name, mode="eval").body)


def applied(program: Program, evidence: Idle) -> Mending:
    """The optimizer is given them, behind the last change that is made to them."""
    from regrad.codemods.engine.gathered_gradients import complete, gathered
    from regrad.codemods.engine.moving import CannotMove, Rewrite, after

    event, part = evidence.event, evidence.part
    path = event.frame.path
    statement = program.statement(event.node, path)
    asked = event.sources_node if part is None else part.asked
    if not isinstance(statement, ast.Assign) or asked is None:
        raise CannotMove("the gradients have no name")
    rewrite = Rewrite(program.files[path], program.trees[path])
    name, variables = program.source(statement.targets[0], path), program.source(asked, path)
    if part is not None and part.key is not None:
        key = quoted(program, path, part.key) if isinstance(part.key, str) else str(part.key)
        name = unpacked_to(part, statement) or f"{name}[{key}]"
    changed, name = _last_change(program, path, statement, name)
    place = after(changed)
    sum_of = gathered(statement, program.parents(path))
    if sum_of is not None:
        whole = complete(statement, sum_of, program.parents(path))
        if whole is None:
            line = sum_of.statement.lineno
            raise CannotMove(f"line {line} gathers the gradients; when they are applied is the author's to say")
        name, place = str(sum_of.name), whole
    # One variable has one gradient, which `zip` would take apart row by row.
    pairs = f"[({name}, {variables})]" if isinstance(event.sources, Variable) else f"zip({name}, {variables})"
    rewrite.insert(f"{evidence.optimizer}.apply_gradients({pairs})", place)
    return Mending("apply them", Safety.UNSAFE, rewrite.edits(), "weights move that did not move before")
