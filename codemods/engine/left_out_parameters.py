"""Single variables that a loss is computed with and no training moves, where they can mean nothing unless they move."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis import applications, freshness, intentions, trainings, unreached
from regrad.analysis.callee import called
from regrad.analysis.events import Assigned, GradientTaken, WeightsRead
from regrad.analysis.frames import Scope
from regrad.analysis.location import Span
from regrad.analysis.operations import is_integer, lookup
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Collection, Constant, Instance, Tensor, Value, Variable, WeightList
from regrad.analysis.weights import describe
from regrad.codemods.engine.first_value import starts_at_zero
from regrad.codemods.engine.held_parameters import holder, is_read_harmlessly, only_renamed, statement_of
from regrad.codemods.engine.left_out import LeftOut
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.rule import Edit, Mending, Safety
from regrad.codemods.engine.spelled import spelled_at
from regrad.codemods.engine.term_in_vain import UNBOUNDED, in_vain, lists_are_known, written_by_its_logarithm

_PRODUCTS = frozenset({"mul", "multiply"})
_SUMS = frozenset({"add", "bias_add"})
_GIVEN = frozenset({"data", "input"})
_LOOKED_AT = frozenset({"numpy", "read_value", "value", "shape", "name", "dtype", "path"})
_SHOWING = frozenset({"print", "float", "format", "str", "repr", "round"})


def left_out_parameters(program: Program) -> Iterator[Noticed]:
    """A variable that the only training does not ask for, or of several none that has a term for it alone: written by
    its logarithm, or zero where it is a factor.
    """
    sinks = list(_trained(program))
    if not sinks or not isinstance(sinks[0].event, GradientTaken):
        return
    # Where there are several trainings, each moves some weights and leaves the others as they are; and what is loaded
    # may be complete. A term that is there for the variable alone says more.
    doubtful = len({id(sink.event.node) for sink in sinks}) != 1 or freshness.weights_may_come(program)
    if doubtful and not lists_are_known(program):
        return
    if intentions.asserted(program) or intentions.random_meant(program):
        return
    moved = trainings.updated(program)
    moved |= {id(event.variable) for event in program.of(Assigned)}
    for read in program.of(WeightsRead):
        moved.update(id(value) for value in (*read.sources, *read.frozen, *trainings.inside(read.owner)))
    switches = trainings.Switches(program)
    for sink in sinks:
        event, path = sink.event, sink.path
        if not isinstance(event, GradientTaken) or not isinstance(event.sources, (WeightList, Collection)):
            return
        if path.anything or not path.complete or path.lost or event.conditional or event.sources_node is None:
            continue
        missing = [
            value
            for value in sink.gradient_flow.reach(sink.target).sources.values()
            if isinstance(value, Variable) and id(value) not in moved and not switches.settings(value)
        ]
        missing = [value for value in missing if _may_train(value) and _only_computed_with(program, value)]
        ids = {id(value) for value in missing}
        for value in missing:
            has_its_term = in_vain(sink, value, ids)
            if doubtful and not has_its_term:
                continue
            if not _must_move(sink, value) and not (has_its_term and written_by_its_logarithm(program, value)):
                continue
            spelled = _spelled(program, event, value)
            whole = holder(event.frame, value, ids) if not spelled else None
            said = whole.spelled if whole is not None else spelled
            yield Noticed(
                event.sources_node,
                event,
                f"the loss is computed with `{said or describe(value)}`, which no optimizer is given: it never changes",
                LeftOut(event, value if whole is None else whole.value, said, whole.listed if whole else ""),
                (describe(value),),
            )


def _trained(program: Program) -> Iterator[Sink]:
    """The requests for gradients that reach an optimizer, and what Keras trains."""
    for sink in program.sinks:
        event = sink.event
        if not isinstance(event, GradientTaken):
            yield sink
            continue
        if sink.kind == "tape" and applications.of(program, event) is not None and not unreached.in_test(event.frame):
            yield sink


def _may_train(variable: Variable) -> bool:
    stated = variable.fields.get("trainable")
    if stated is not None and not (isinstance(stated, Constant) and stated.value):
        return False
    return variable.owner is None and not is_integer(variable.fields.get("dtype"))


def _must_move(sink: Sink, variable: Variable) -> bool:
    """Whether the variable would be written another way, or not at all, if it were to stay as it is."""
    zero, number = starts_at_zero(variable), variable.fields.get("shape") in ((), None)
    for tensor in _users(sink, variable):
        operation = tensor.operation
        name = operation.name.lower()
        scaled = name in _PRODUCTS and any(isinstance(part, Constant) for part in operation.inputs)
        turned = (name == "negative" or scaled) and any(
            user.operation.name in UNBOUNDED for user in _users(sink, tensor)
        )
        if name in UNBOUNDED or turned:
            return True
        others = [part for part in operation.inputs if part is not variable and isinstance(part, Tensor)]
        # A factor of zero: what is multiplied by it counts for nothing. A state that starts at zero is no number.
        if zero and number and name in _PRODUCTS and any(part.operation.kind not in _GIVEN for part in others):
            return True
        if zero and name in _SUMS and any(_product(part) for part in others):
            return True
    return False


def _users(sink: Sink, value: Value) -> list[Tensor]:
    return [tensor for tensor in sink.alive if any(part is value for part in tensor.operation.inputs)]


def _product(value: Tensor) -> bool:
    return value.operation.name.lower() in {"matmul", "tensordot", "conv2d"}


def _only_computed_with(program: Program, variable: Variable) -> bool:
    """Whether every mention of the variable is a part of a computation or a look at it: nothing else can move it,
    and nobody is told of it.
    """
    path = variable.frame.path if variable.frame is not None else ""
    statement = statement_of(program, variable, path)
    if statement is None:
        return False
    alone = statement.value is variable.node
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    if isinstance(statement, ast.Assign) and len(statement.targets) != 1:
        return False
    name = target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else None
    if name is None:
        return False
    stores = 0
    for each in program.trees:
        parents = program.parents(each)
        for node in program.nodes_of(each, ast.Constant):
            if node.value == name and not _is_its_name(parents.get(node), variable):
                # `setattr(model, "rate", ...)`, or a name that is looked for among the variables.
                return False
        mentions: tuple[ast.Attribute | ast.Name, ...] = (
            *(node for node in program.nodes_of(each, ast.Attribute) if node.attr == name),
            *(node for node in program.nodes_of(each, ast.Name) if node.id == name),
        )
        for mention in mentions:
            if isinstance(mention.ctx, ast.Store):
                stores += 1
            elif not _computed_with(program, each, mention, alone):
                return False
    return stores == 1


def _computed_with(program: Program, path: str, mention: ast.AST, alone: bool) -> bool:
    """Whether a mention of the variable, or of what holds it and others, is a part of a computation or a look at it."""

    def harmless(node: ast.AST, parent: ast.AST | None) -> bool:
        return _harmless(node, parent) or only_renamed(program, path, node, _harmless)

    if alone:
        return harmless(mention, program.parents(path).get(mention))
    return is_read_harmlessly(program, path, mention, harmless) or only_renamed(program, path, mention, _harmless)


def _is_its_name(parent: ast.AST | None, variable: Variable) -> bool:
    """Whether a text that reads like the variable is its own name, or is printed beside its value."""
    return (isinstance(parent, ast.Call) and called(parent) in _SHOWING) or (
        isinstance(parent, ast.keyword)
        and variable.node is not None
        and parent in getattr(variable.node, "keywords", [])
    )


def _harmless(node: ast.AST, parent: ast.AST | None) -> bool:
    if isinstance(parent, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.FormattedValue)):
        return True
    if isinstance(parent, ast.Attribute):
        return parent.attr in _LOOKED_AT
    if isinstance(parent, ast.Call):
        name = called(parent)
        return parent.func is not node and (name in _SHOWING or lookup(name) is not None)
    return False


def _spelled(program: Program, event: GradientTaken, variable: Variable) -> str:
    """How the place of the request can say the variable: as itself, or as an attribute of what it can say."""
    found = spelled_at(program, event.frame, variable)
    if found:
        return found
    current: Scope | None = event.frame.scope
    while current is not None:
        for name, value in current.names.items():
            if isinstance(value, Instance):
                for attribute, part in value.fields.items():
                    if part is variable and attribute.isidentifier():
                        return f"{name}.{attribute}"
        current = current.parent
    return ""


def listed(program: Program, evidence: LeftOut) -> Mending | None:
    """The variable joins the list of variables that is written out where the gradients are asked for; None where there
    is no such list.
    """
    event = evidence.event
    path, made = event.frame.path, event.sources.node if isinstance(event.sources, Collection) else None
    if (
        not isinstance(made, ast.List)
        or not made.elts
        or not isinstance(evidence.part, Variable)
        or not evidence.spelled
    ):
        return None
    scope: ast.AST = event.frame.function.node if event.frame.function is not None else program.trees[path]
    nodes = list(ast.walk(scope))
    if made not in nodes:
        return None
    text, source = program.source(made, path), program.files[path]
    edits: list[Edit] = []
    for node in nodes:
        if isinstance(node, ast.List) and isinstance(node.ctx, ast.Load) and program.source(node, path) == text:
            end = source.span(node.elts[-1]).end
            edits.append(Edit(path, Span(end, end), f", {evidence.spelled}"))
    reason = "weights move that did not move before"
    return Mending(f"train `{evidence.spelled}` as well", Safety.UNSAFE, tuple(edits), reason)
