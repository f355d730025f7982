"""Gradients that come to nothing, alone or added up over tasks, whatever else the program moves by hand: the optimizer
that was made for them is never mentioned.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from regrad.analysis import intentions, unreached
from regrad.analysis.callee import called
from regrad.analysis.events import Assigned, GradientTaken
from regrad.analysis.flow import sources_of
from regrad.analysis.program import Program
from regrad.analysis.values import WeightList
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.gathered_gradients import complete, gathered
from regrad.codemods.engine.idle_gradients import (
    ASSIGNING,
    calls_that_move,
    mentioned,
    only_optimizer,
    repeated,
    trains_by_optimizer,
)
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.pairs import are_variables
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import block_of, owners

_DERIVING = frozenset({"zip", "list", "tuple", "enumerate", "reversed", "divide", "multiply", "add", "add_n"})
_DERIVING_STARTS = ("clip_by_", "reduce_", "zeros_like", "stack", "convert_to_tensor")
_COPYING = frozenset({"set_weights", "clone_model"})
_WEIGHTS = frozenset({"trainable_variables", "trainable_weights"})


class Forsaken(NamedTuple):
    """Gradients that nobody applies, and the last name that is made of them, which nothing reads."""

    event: GradientTaken
    statement: ast.Assign
    optimizer: str
    last: ast.Assign


def idle_sums(program: Program) -> Iterator[Noticed]:
    """Requests that are repeated, and whose gradients come to nothing, though an optimizer was made."""
    requests = list(program.of(GradientTaken))
    if not requests or trains_by_optimizer(program) or intentions.asserted(program):
        return
    seen: set[ast.AST] = set()
    for event in requests:
        if event.node in seen or event.method != "gradient" or event.tape.fields.get("graph"):
            continue
        seen.add(event.node)
        bound = binding(program.statement(event.node, event.frame.path), event.node)
        if bound is None or not are_variables(event.sources) or unreached.in_test(event.frame):
            continue
        optimizer = only_optimizer(program, event)
        if optimizer is None or mentioned(program, optimizer) or not repeated(program, event):
            continue
        last = _unread(program, event, bound.statement)
        if last is None:
            continue
        added = gathered(bound.statement, program.parents(event.frame.path)) is not None
        what = "summed up" if added else "computed"
        message = f"the gradients are {what} and never applied: `{optimizer}` does nothing in this program"
        yield Noticed(event.node, event, message, Forsaken(event, bound.statement, optimizer, last))


def _unread(program: Program, event: GradientTaken, statement: ast.Assign) -> ast.Assign | None:
    """The statement that binds the last of what is made of the gradients; None where anything else is done with it."""
    path = event.frame.path
    parents = program.parents(path)
    scope = unreached.scope_of(program, event.frame)
    reads = [node for node in ast.walk(scope) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    chain, checked = [statement], 0
    while checked < len(chain):
        made = chain[checked]
        checked += 1
        name = made.targets[0].id if isinstance(made.targets[0], ast.Name) else ""
        for node in reads:
            if node.id != name or _is_another(node, name, program, path):
                continue
            derived = _derived(node, parents)
            if derived is None or (made is statement and node.lineno < statement.lineno):
                return None
            if all(derived is not each for each in chain):
                chain.append(derived)
    return chain[-1]


def _is_another(node: ast.Name, name: str, program: Program, path: str) -> bool:
    """Whether a loop or comprehension around the place binds the name to its own elements."""
    for owner in owners(program, node, path):
        targets: list[ast.AST] = []
        if isinstance(owner, ast.For):
            targets = [owner.target]
        elif isinstance(owner, (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            targets = [each.target for each in owner.generators]
        if any(isinstance(each, ast.Name) and each.id == name for target in targets for each in ast.walk(target)):
            return True
    return False


def _derived(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> ast.Assign | None:
    """The statement that gives a name to other gradients made of these; None for every other use."""
    current = parents.get(node)
    while current is not None and not isinstance(current, ast.stmt):
        if isinstance(current, ast.Call):
            if not _derives(current):
                return None
        elif isinstance(current, (ast.ListComp, ast.GeneratorExp)):
            if not all(_derives(call) for call in ast.walk(current) if isinstance(call, ast.Call)):
                return None
        elif not isinstance(current, (ast.comprehension, ast.BinOp, ast.Tuple, ast.List, ast.UnaryOp, ast.Starred)):
            return None
        current = parents.get(current)
    bound = binding(current)
    return bound.statement if bound is not None else None


def _derives(call: ast.Call) -> bool:
    name = called(call)
    return name in _DERIVING or name.startswith(_DERIVING_STARTS)


def applied_when_whole(program: Program, evidence: Forsaken) -> Mending:
    """The optimizer is given the last of them, behind the statement or the loop that makes it whole."""
    from regrad.codemods.engine.moving import Rewrite, after

    path = evidence.event.frame.path
    parents = program.parents(path)
    last, place = evidence.last, after(evidence.last)
    sum_of = gathered(evidence.statement, parents)
    if sum_of is not None:
        whole = complete(evidence.statement, sum_of, parents)
        if whole is None:
            raise CannotMove(
                f"line {sum_of.statement.lineno} gathers them; when they are applied is the author's to say"
            )
        begun = _begun(program, evidence, sum_of.name)
        if last is sum_of.statement:
            place = whole
        elif begun is None or last not in block_of(program, begun, path):
            raise CannotMove("when they are whole is not certain")
    variables = _variables(program, evidence, sum_of.name if sum_of is not None else None)
    rewrite = Rewrite(program.files[path], program.trees[path])
    name = program.source(last.targets[0], path)
    rewrite.insert(f"{evidence.optimizer}.apply_gradients(zip({name}, {variables}))", place)
    reason = "weights move that did not move before"
    # The weights that are moved by hand hide from one step that the others stand still.
    return Mending("apply them", Safety.UNSAFE, rewrite.edits(), reason, seen_in_step=sum_of is not None)


def _begun(program: Program, evidence: Forsaken, name: str | None) -> ast.Assign | None:
    """The one statement that begins the sum."""
    found = [
        bound.statement
        for node in ast.walk(unreached.scope_of(program, evidence.event.frame))
        if (bound := binding(node)) is not None
        and bound.target.id == name
        and not any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(bound.value))
    ]
    return found[0] if len(found) == 1 else None


def _variables(program: Program, evidence: Forsaken, name: str | None) -> str:
    """The weights that the sum was begun for, one number for each; else those that the gradients are of."""
    event, path = evidence.event, evidence.event.frame.path
    begun = _begun(program, evidence, name) if name is not None else None
    if begun is not None and isinstance(begun.value, ast.ListComp) and len(begun.value.generators) == 1:
        over = begun.value.generators[0]
        attribute = over.iter.attr if isinstance(over.iter, ast.Attribute) else ""
        holder = event.frame.scope.find(over.iter.id) if isinstance(over.iter, ast.Name) else None
        value = holder.names[over.iter.id] if holder is not None and isinstance(over.iter, ast.Name) else None
        if not over.ifs and (attribute in _WEIGHTS or isinstance(value, WeightList)):
            return program.source(over.iter, path)
    if event.sources_node is None or _moved_by_hand(program, event):
        raise CannotMove("the program moves weights by hand, so which ones these gradients are for is not certain")
    return program.source(event.sources_node, path)


def _moved_by_hand(program: Program, event: GradientTaken) -> bool:
    """Whether anything but the optimizer may move the weights that the gradients are of."""
    weights = {id(each) for each in sources_of(event.sources)[0]}
    assigned = list(program.of(Assigned))
    if any(id(each.variable) in weights or each.variable.owner is not None for each in assigned):
        return True
    followed = {id(each.node) for each in assigned}
    return any(id(call) not in followed for call in calls_that_move(program, ASSIGNING | _COPYING))
