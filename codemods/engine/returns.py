"""Functions that compute a loss and do not return it, so that the training is handed None."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import GradientTaken
from regrad.analysis.frames import Frame
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Constant, Function, FunctionNode, Instance, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit

_NOTHING_YET = (ast.Pass, ast.Raise)
_TELLING = frozenset(
    {"print", "info", "debug", "warning", "log", "scalar", "update_state", "update", "append", "assign", "assign_add"}
)
_WHOLE = frozenset({"total", "overall", "final", "combined", "sum"})
_LOSS = frozenset({"loss", "objective", "cost", "nll", "elbo", "energy"})
_MEASURED = frozenset(
    {"rmse", "accuracy", "acc", "confidence", "count", "metric", "score", "precision", "recall", "r2"}
)
"""What is computed to be shown."""
_DOING = frozenset({"debugging", "summary", "assert_equal", "assert_all_finite", "check_numerics"})


class Unreturned(NamedTuple):
    """A function that ends without handing its value over; `wish` is what its caller calls this value, `asked` where
    the training asks for its gradient.
    """

    function: Function
    wish: str
    asked: ast.AST
    frame: Frame


def unreturned(program: Program) -> Iterator[Unreturned]:
    """The losses of a program that certainly come out as None because a `return` is missing; each function once."""
    seen: set[int] = set()
    for event in program.events:
        if isinstance(event, GradientTaken):
            none = isinstance(event.target, Constant) and event.target.value is None and not event.conditional
            made = _maker(program, event) if none else None
            wish = event.target_node.id if isinstance(event.target_node, ast.Name) else ""
        else:
            continue
        if not isinstance(made, Function) or not isinstance(made.node, ast.FunctionDef) or id(made.node) in seen:
            continue
        if made.module not in program.files or not _falls_through(made.node):
            continue
        seen.add(id(made.node))
        yield Unreturned(made, wish, event.node, event.frame)


def _maker(program: Program, event: GradientTaken) -> Value | None:
    """The function of the program whose call gave the target."""
    node = event.target_node
    frame = event.frame
    if isinstance(node, ast.Name):
        bound = [
            each
            for each in _own(scope_of(program, frame))
            if isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
        ]
        node = bound[0].value if len(bound) == 1 else None
    if not isinstance(node, ast.Call):
        return None
    callee = node.func
    if isinstance(callee, ast.Name):
        holder = frame.scope.find(callee.id)
        return holder.names[callee.id] if holder is not None else None
    if isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name):
        holder = frame.scope.find(callee.value.id)
        owner = holder.names[callee.value.id] if holder is not None else None
        found = owner.cls.find(callee.attr) if isinstance(owner, Instance) else None
        return found[0] if found is not None else None
    return None


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions in it."""
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(node))


def _falls_through(function: ast.FunctionDef) -> bool:
    """Whether its end is reached without a `return`, after something was computed."""
    last = function.body[-1]
    if isinstance(last, (*_NOTHING_YET, ast.Return)) or _documented_only(last):
        return False
    return not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _documented_only(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def with_return(program: Program, function: Function, wish: str = "") -> tuple[Edit, ...]:
    """`return` in front of the last expression, or of the one value that says it is the loss or that all the others
    lead to; what is called `wish` is taken first. Raises `CannotMove` where what to return is not certain.
    """
    from regrad.codemods.engine.moving import at_end, insert_statements

    node, path = function.node, function.module
    if isinstance(node, ast.Lambda):
        raise CannotMove("the function is a lambda")
    source = program.files[path]
    names = _certain(node.body)
    said = wish if wish in names else _said(node, names)
    last = node.body[-1]
    if isinstance(last, ast.Expr) and not _tells(last.value) and not (said and _is_for_others(last.value)):
        start = source.span(last).start
        return (Edit(path, Span(start, start), "return "),)
    chosen = said or _only_end(node, names)
    return insert_statements(source, program.trees[path], f"return {chosen}", at_end(node))


def _certain(body: Sequence[ast.stmt]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for statement in body:
        parts: dict[str, set[str]] = {}
        if isinstance(statement, ast.If):
            yes, no = _certain(statement.body), _certain(statement.orelse)
            both = set(found)
            sure = {name for name in {*yes, *no} if (name in yes or name in both) and (name in no or name in both)}
            parts = {name: yes.get(name, set()) | no.get(name, set()) for name in sure}
        elif isinstance(statement, (ast.With, ast.AsyncWith)):
            parts = _certain(statement.body)
        elif isinstance(statement, (ast.For, ast.AsyncFor, ast.While)):
            parts = {name: reads for name, reads in _certain(statement.body).items() if name in found}
        else:
            parts = {name: _reads(bound.value) for name, bound in _bound(statement)}
        for name, reads in parts.items():
            # What is added to a name comes to what it was computed from before.
            grows = name in reads or not isinstance(statement, (ast.Assign, ast.AnnAssign))
            found[name] = (found.get(name, set()) if grows else set()) | reads
    return {name: reads - {name} for name, reads in found.items()}


def _bound(statement: ast.stmt) -> Iterator[tuple[str, ast.Assign | ast.AnnAssign | ast.AugAssign]]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = [
            part for each in statement.targets for part in (each.elts if isinstance(each, ast.Tuple) else [each])
        ]
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign)) and statement.value is not None:
        targets = [statement.target]
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        yield from ((target.id, statement) for target in targets if isinstance(target, ast.Name))


def _reads(node: ast.AST | None) -> set[str]:
    if node is None:
        return set()
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _said(function: FunctionNode, names: Mapping[str, set[str]]) -> str:
    """The name that says that it is the loss, where nothing else is made of it that might be meant."""
    name = getattr(function, "name", "")
    for fits in (_is_whole, lambda each: each in ("loss", name), _is_loss):
        found = [each for each in names if fits(each)]
        if len(found) > 1:
            # Of several terms, the one that is made of the others.
            found = [each for each in found if all(other in _behind(each, names) for other in found if other != each)]
            if not found:
                return ""
        if len(found) == 1:
            later = [each for each in names if found[0] in names[each] and not _read_elsewhere(function, each, names)]
            if later:
                raise CannotMove(f"whether `{found[0]}` or `{later[-1]}` is the loss is not certain")
            return found[0]
    return ""


def _is_whole(name: str) -> bool:
    words = set(name.lower().split("_"))
    return bool(words & _WHOLE) and (words <= _WHOLE | _LOSS | {"batch"})


def _is_loss(name: str) -> bool:
    return name.lower().split("_")[-1] in _LOSS


def _only_end(function: FunctionNode, names: Mapping[str, set[str]]) -> str:
    """The one name that nothing else is computed from, or that is only shown."""
    unread = [name for name in names if not _read_elsewhere(function, name, names)]
    shown = unread or [name for name in names if not any(name in reads for reads in names.values())]
    if len(shown) == 1 and (unread or not set(shown[0].lower().split("_")) & _MEASURED):
        return shown[0]
    if not shown:
        raise CannotMove("which value the function should return is not certain")
    told = " or ".join(f"`{name}`" for name in shown[-3:])
    raise CannotMove(f"which of its values the function should return is not certain: {told}")


def _behind(name: str, names: Mapping[str, set[str]]) -> set[str]:
    """All that a name is computed from."""
    found: set[str] = set()
    waiting = list(names.get(name, ()))
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(names.get(current, ()))
    return found


def _read_elsewhere(function: FunctionNode, name: str, names: Mapping[str, set[str]]) -> bool:
    """Whether a value is used for anything: by another one, by a condition, or to be shown."""
    own = {
        id(part)
        for statement in ast.walk(function)
        if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign))
        and any(bound == name for bound, _ in _bound(statement))
        for part in ast.walk(statement)
    }
    return any(
        isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load) and id(each) not in own
        for each in ast.walk(function)
    )


def _is_for_others(node: ast.expr) -> bool:
    """Whether a call at the end is made for what it does: it is none of a library's functions on numbers."""
    root: ast.expr = node.func if isinstance(node, ast.Call) else node
    if not isinstance(node, ast.Call):
        return False
    while isinstance(root, ast.Attribute):
        if root.attr in _DOING:
            return True
        root = root.value
    return not isinstance(root, ast.Name) or root.id not in ("tf", "K", "np", "tensorflow", "keras", "ops", "tfp")


def _tells(node: ast.expr) -> bool:
    """Whether an expression only prints, logs, documents or counts."""
    if isinstance(node, ast.Constant):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = called(node)
    return name in _TELLING
