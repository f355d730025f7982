"""A term of the loss that a function computes and that nothing reads, also where it has a value for each example."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.callee import called
from regrad.analysis.events import Trained
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import External, Tensor, Value
from regrad.codemods.engine.numbers_in_tensors import is_number
from regrad.codemods.engine.rule import Mending, Mendings, Safety, Withheld
from regrad.codemods.engine.spacing import plus
from regrad.codemods.engine.surroundings import owners

_REDUCING = frozenset({"reduce_mean", "reduce_sum", "mean", "sum"})
_CALLED = frozenset("loss losses cost error penalty nll bce mse mae kl term divergence".split())


class UnreadTerm(NamedTuple):
    """The name of the term, and what is given as the loss without it."""

    name: str
    total: ast.expr
    path: str
    whole: bool
    """Whether both are one number."""
    alike: bool
    """Whether the term has as many axes as what the total reduces."""


def unread_term(program: Program, sink: Sink, heads: list[Value]) -> UnreadTerm | None:
    """The one name that nothing reads and that holds a loss of the missing parts, beside what is given instead; of one
    of them where there is none of all.
    """
    found = _of_all(program, sink, heads)
    alone = (_of_all(program, sink, [head]) for head in heads if len(heads) > 1)
    return found or next((each for each in alone if each is not None), None)


def _of_all(program: Program, sink: Sink, heads: list[Value]) -> UnreadTerm | None:
    wanted = {id(part) for part in heads}
    flow = Flow(sink.tape, marks=heads)
    for total, frame in _totals(sink):
        node = total.operation.node
        scope = unreached.scope_of(program, frame)
        if not isinstance(node, ast.expr) or not any(each is node for each in ast.walk(scope)):
            continue
        found = [
            (name, value)
            for name, value in frame.scope.names.items()
            if isinstance(value, Tensor)
            and value is not total
            and _is_called_a_loss(name)
            and wanted <= set(flow.reach(value).sources)
            and _is_unread(scope, name)
        ]
        if len(found) != 1:
            continue
        name, value = found[0]
        if not _is_bound_before(program, name, node, frame.path):
            continue
        inner = total.operation.inputs[0] if _is_reduction(node) and total.operation.inputs else None
        ranks = (_rank(value), _rank(inner) if inner is not None else None)
        whole = is_number(total) and ranks[0] == 0
        return UnreadTerm(name, node, frame.path, whole, ranks[0] is not None and ranks[0] == ranks[1])
    return None


def _totals(sink: Sink) -> Iterator[tuple[Tensor, Frame]]:
    """What is given as the loss: to the tape, or by the layers that add their own."""
    target, event = sink.target, sink.event
    if not isinstance(target, Tensor):
        return
    parts: tuple[Value, ...] = (target,)
    if isinstance(event, Trained) and event.added_losses and target.operation.node is event.node:
        parts = target.operation.inputs
    for part in parts:
        if isinstance(part, Tensor) and part.operation.frame is not None:
            yield part, part.operation.frame


def _is_called_a_loss(name: str) -> bool:
    return not name.startswith("_") and bool(_CALLED.intersection(name.lower().split("_")))


def _is_unread(scope: ast.AST, name: str) -> bool:
    """Whether nothing but its own next value is made of what the name holds."""
    own = {
        id(node)
        for each in ast.walk(scope)
        if isinstance(each, ast.Assign) and [getattr(target, "id", None) for target in each.targets] == [name]
        for node in ast.walk(each.value)
    }
    for node in ast.walk(scope):
        if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
            return False
        if isinstance(node, ast.Name):
            if node.id in ("locals", "vars", "globals", "eval", "exec"):
                return False
            if node.id == name and not isinstance(node.ctx, ast.Store) and id(node) not in own:
                return False
    return True


def _is_bound_before(program: Program, name: str, node: ast.AST, path: str) -> bool:
    """Whether the name certainly has its last value where the node stands, and got it in the same pass of the loops."""
    around = owners(program, node, path)
    scope = next(
        (each for each in around if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module))), None
    )
    if scope is None or any(isinstance(each, (ast.Lambda, ast.comprehension)) for each in around):
        return False
    stores = [
        each
        for each in ast.walk(scope)
        if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store)
    ]
    place = program.statement(node, path)
    if place is None or any(each.lineno >= place.lineno for each in stores):
        return False
    current: ast.AST = place
    for owner in around[around.index(program.parents(path)[place]) :]:
        for _, block in ast.iter_fields(owner):
            if isinstance(block, list) and any(each is current for each in block):
                before = block[: next(at for at, each in enumerate(block) if each is current)]
                if any(_binds(each, name) for each in before):
                    return True
        if owner is scope or isinstance(owner, (ast.For, ast.AsyncFor, ast.While)):
            return False
        current = owner
    return False


def _binds(statement: ast.stmt, name: str) -> bool:
    """Whether a statement certainly binds the name."""
    if isinstance(statement, ast.Assign):
        return any(
            isinstance(each, ast.Name) and each.id == name for target in statement.targets for each in ast.walk(target)
        )
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None and getattr(statement.target, "id", None) == name
    if isinstance(statement, ast.If):
        ways = (statement.body, statement.orelse)
        return all(any(_binds(each, name) or isinstance(each, ast.Raise) for each in way) for way in ways)
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return any(_binds(each, name) for each in statement.body)
    return False


def _is_reduction(node: ast.AST) -> bool:
    """`mean(x)` over everything."""
    if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        return False
    return called(node) in _REDUCING


def _rank(value: Value) -> int | None:
    """How many axes a value has, where that is known."""
    if not isinstance(value, Tensor):
        return None
    if value.shape is not None:
        return len(value.shape)
    operation = value.operation
    if operation.kind == "op":
        return 0 if is_number(value) else None
    given = [_rank(each) for each in operation.inputs if isinstance(each, Tensor)]
    if not given or any(each is None for each in given):
        return None
    known = [each for each in given if each is not None]
    if operation.kind == "loss":
        # A function of the library takes the mean over the last axis; an object takes it over all.
        function = isinstance(operation.callee, External) and operation.callee.name.startswith("keras.losses.")
        return known[-1] - 1 if function and "sparse" not in operation.name else None
    if operation.kind == "join":
        return known[0] if len(set(known)) == 1 else None
    return max(known) if operation.kind == "operator" and operation.name != "matmul" else None


def joined(program: Program, evidence: UnreadTerm) -> Mendings:
    """The term joins what is reduced, or is reduced in the same way beside it."""
    from regrad.codemods.engine.moving import Rewrite

    total, name, path = evidence.total, evidence.name, evidence.path
    sign = plus(program, total, path)
    place: ast.expr = total
    if evidence.alike and isinstance(total, ast.Call):
        place, addition = total.args[0], name
    elif evidence.whole:
        addition = name
    elif _is_reduction(total) and isinstance(total, ast.Call):
        addition = f"{program.source(total.func, path)}({name})"
    else:
        return Withheld("whether the loss has a value for each example is not known", f"loss = loss + {name}")
    text = program.source(place, path)
    closed = isinstance(place, (ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Attribute, ast.Subscript))
    loose = isinstance(place, ast.BinOp) and isinstance(place.op, (ast.BitAnd, ast.BitOr, ast.BitXor))
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(place, f"{text if closed and not loose else f'({text})'}{sign}{addition}")
    return [Mending(f"add `{name}` to the loss", Safety.UNSAFE, rewrite.edits(), "another loss is computed")]
