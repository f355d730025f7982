"""A term of the loss that is computed and left out of it."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.events import GradientTaken
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Instance, Tensor, Value
from regrad.codemods.engine.rule import Mending, Mendings, Safety
from regrad.codemods.engine.spacing import plus


class Term(NamedTuple):
    """A term of the loss that was left out: its name, and the expression to which it should be added."""

    name: str
    total: ast.expr
    coefficient: str
    path: str


def forgotten_term(program: Program, sink: Sink, heads: list[Value]) -> Term | None:
    """The one local value that depends on the missing part and could be a loss, and the place where the loss is
    put together.
    """
    target = sink.target
    if not isinstance(target, Tensor) or target.operation.frame is None:
        return None
    frame = target.operation.frame
    path = frame.path
    scope = unreached.scope_of(program, frame)
    wanted = {id(part) for part in heads}
    flow = Flow(sink.tape, marks=heads)
    candidates = [
        name
        for name, value in frame.scope.names.items()
        if isinstance(value, Tensor)
        and _scalar(value)
        and value is not target
        and wanted <= set(flow.reach(value).sources)
    ]
    total = _bound(scope, sink, frame) or _total(program, scope, target, path)
    if len(candidates) != 1 or total is None:
        return None
    name = candidates[0]
    bound = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    if len(bound) != 1 or bound[0].lineno >= total.lineno:
        return None
    return Term(name, total, _coefficient(program, frame, name), path)


_REDUCTIONS = frozenset({"reduce_mean", "reduce_sum", "mean", "sum"})


def _scalar(value: Tensor) -> bool:
    """Whether a value certainly has no axes, as a loss has none."""
    if value.shape == ():
        return True
    operation = value.operation
    if operation.kind in ("loss", "op") and operation.name in _REDUCTIONS and isinstance(operation.node, ast.Call):
        return len(operation.node.args) == 1 and not operation.node.keywords
    if operation.kind == "operator":
        parts = [part for part in operation.inputs if isinstance(part, Tensor)]
        return bool(parts) and all(_scalar(part) for part in parts)
    return operation.kind == "loss"


def _bound(scope: ast.AST, sink: Sink, frame: Frame) -> ast.expr | None:
    """What the target's name is bound to, where that happens once, in the function that asks for the gradient."""
    event = sink.event
    if not isinstance(event, GradientTaken) or event.frame is not frame or not isinstance(event.target_node, ast.Name):
        return None
    name = event.target_node.id
    bound = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    statements = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and any(part is each for each in node.targets for part in bound)
    ]
    return statements[0].value if len(bound) == 1 and len(statements) == 1 else None


def _total(program: Program, scope: ast.AST, target: Tensor, path: str) -> ast.expr | None:
    """The expression that makes the target: what is bound to its name, or returned."""
    node = target.operation.node
    statement = program.statement(node, path) if node is not None else None
    if not isinstance(statement, (ast.Assign, ast.Return)) or statement.value is None:
        return None
    whole = statement.value is node or (isinstance(statement.value, ast.BinOp) and isinstance(node, ast.BinOp))
    return statement.value if whole and any(each is statement for each in ast.walk(scope)) else None


def _coefficient(program: Program, frame: Frame, name: str) -> str:
    """The weight that was made for the term and is used nowhere: `self.value_coef` or `VALUE` for `value_loss`."""
    stem = name.removesuffix("_loss").removeprefix("loss_")
    if stem == name:
        return ""
    endings = ("coef", "coeff", "coefficient", "weight", "scale", "loss_weight", "loss_coef", "lambda")
    fitting = {f"{stem}_{ending}" for ending in endings} | {f"{ending}_{stem}" for ending in endings}
    for other, value in frame.scope.outermost().names.items():
        number = isinstance(value, Constant) and isinstance(value.value, float)
        if number and other.lower() in fitting | {stem} and not _loaded(program, frame.path, other):
            return other
    holder = frame.scope.find("self")
    this = holder.names["self"] if holder is not None else None
    if not isinstance(this, Instance):
        return ""
    for attribute in this.fields:
        if attribute not in fitting:
            continue
        read = [
            node
            for node in ast.walk(program.trees[frame.path])
            if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Load)
        ]
        if not read:
            return f"self.{attribute}"
    return ""


def _loaded(program: Program, path: str, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in program.nodes(path)
    )


def added(program: Program, evidence: Term) -> Mendings:
    """The term joins the others, with its coefficient if it has one."""
    from regrad.codemods.engine.moving import Rewrite

    addition = f"{evidence.coefficient} * {evidence.name}" if evidence.coefficient else evidence.name
    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    sign = plus(program, evidence.total, evidence.path)
    rewrite.replace(evidence.total, f"{program.source(evidence.total, evidence.path)}{sign}{addition}")
    return [Mending(f"add `{evidence.name}` to the loss", Safety.UNSAFE, rewrite.edits(), "another loss is computed")]
