"""Copies of weights that a loop moves, as in meta-learning: tensors that remember what they were made of."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from regrad.analysis import flow
from regrad.analysis.events import Applied
from regrad.analysis.program import Program
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Collection, Constant, Optimizer, Value, Zip
from regrad.analysis.walking import each_once
from regrad.codemods.engine.copies_in_turn import Copies, Inner, as_long, every_copy, is_name
from regrad.codemods.engine.imports import spelled
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite, at_start, before
from regrad.codemods.engine.poured import Poured, loose
from regrad.codemods.engine.rule import Mending, Safety

_SIGNS = {"assign_sub": "-", "assign_add": "+"}
_MADE = (ast.Call, ast.BinOp, ast.UnaryOp)


def is_adapted(program: Program, evidence: Poured) -> bool:
    """Whether the variable is made of something trained where it is assigned as well."""
    variable = evidence.variable
    if variable.initial is None or variable.frame is None:
        return False
    if not variable.fields.get("#assigned") and not list(_applied(program, evidence)):
        return False
    if scope_of(program, variable.frame) is not scope_of(program, evidence.frame):
        return False
    reach = flow.Flow(None).reach(variable.initial)
    return bool(reach.sources)


def adapted(program: Program, evidence: Poured) -> Mending:
    """The copies become tensors, each step a new value of the name, and the inner tape watches it."""
    path = evidence.frame.path
    scope = scope_of(program, evidence.frame)
    copies = _copies(program, evidence, path)
    steps = list(dict.fromkeys((*_steps(program, evidence, scope, path), *_stepping(program, evidence, scope, path))))
    inner = list(_inner(program, copies.name, scope, path))
    if not inner:
        raise CannotMove("which gradients move the copies is not written here")
    rewrite = Rewrite(program.files[path], program.trees[path])
    mentions = [node for node in ast.walk(scope) if isinstance(node, ast.Name) and node.id == copies.name]
    allowed = {id(node) for node in ast.walk(copies.statement)}
    for each in inner:
        allowed |= {id(node) for node in (*ast.walk(each.request), *ast.walk(each.recording))}
    _make_tensors(program, rewrite, copies, path)
    last = copies.statement.lineno
    for step in steps:
        descent = _descended(program, evidence, copies, step, inner, path)
        where, text = descent or _moved(program, copies, step, inner, path)
        allowed |= {id(node) for node in ast.walk(where)}
        if isinstance(where, ast.For):
            # Comments of the loop's body would go with it.
            said = [line.strip() for line in program.source(where, path).splitlines() if line.strip().startswith("#")]
            rewrite.insert("\n".join((*said, f"{copies.name} = {text}")), before(where))
            rewrite.remove([where], keep_comments=True)
        else:
            rewrite.replace(where, f"{copies.name} = {text}")
        last = max(last, where.end_lineno or where.lineno)
    for node in mentions:
        if id(node) not in allowed and (node.lineno <= last or _kept(program, node, path)):
            raise CannotMove(f"`{copies.name}` is used in another way before it is what it shall be")
    for recording, tape in {(each.recording, each.tape) for each in inner}:
        if not _watched(recording, tape, copies.name):
            rewrite.insert(f"{tape}.watch({copies.name})", at_start(recording))
    return Mending("move tensors in the place of copies in variables", Safety.SAFE, rewrite.edits())


def _copies(program: Program, evidence: Poured, path: str) -> Copies:
    maker = evidence.variable.node
    parents = program.parents(path)
    if not isinstance(maker, ast.Call) or maker not in parents or len(maker.args) != 1:
        raise CannotMove("the place where the variable is made is not known")
    if any(each.arg not in ("name", "trainable") for each in maker.keywords) or isinstance(maker.args[0], ast.Starred):
        raise CannotMove("the variable has a dtype or a shape of its own")
    around = parents.get(maker)
    several = around if isinstance(around, (ast.ListComp, ast.DictComp)) else None
    if several is not None:
        made = several.elt if isinstance(several, ast.ListComp) else several.value
        if made is not maker or len(several.generators) != 1 or several.generators[0].ifs:
            raise CannotMove("only some of the weights are copied")
        around = parents.get(several)
    if (
        not isinstance(around, ast.Assign)
        or len(around.targets) != 1
        or not isinstance(around.targets[0], ast.Name)
        or around.value is not (several or maker)
    ):
        raise CannotMove("the copies have no name of their own")
    return Copies(around.targets[0].id, maker, around, several)


def _make_tensors(program: Program, rewrite: Rewrite, copies: Copies, path: str) -> None:
    """A copy of a variable is its content as a tensor; what was computed already is one."""
    start = copies.maker.args[0]
    called = start.func.attr if isinstance(start, ast.Call) and isinstance(start.func, ast.Attribute) else ""
    if called in ("numpy", "copy", "deepcopy"):
        raise CannotMove("the copies are made of what NumPy holds")
    if isinstance(start, _MADE):
        rewrite.replace(copies.maker, program.source(start, path))
        return
    convert = spelled(program.trees[path], ["tensorflow.convert_to_tensor"], copies.statement)
    if convert is None:
        raise CannotMove("how `convert_to_tensor` is called here is not known")
    rewrite.replace(copies.maker, f"{convert}({program.source(start, path)})")


def _steps(program: Program, evidence: Poured, scope: ast.AST, path: str) -> Iterator[ast.Expr]:
    own = {id(node) for node in ast.walk(scope)}
    for _, node, _ in flow.assigned_values(evidence.variable):
        if node is None or node is evidence.variable.node:
            continue
        statement = program.statement(node, path) if id(node) in own else None
        if not isinstance(statement, ast.Expr) or statement.value is not node:
            raise CannotMove("a copy is assigned in another function, or within another expression")
        yield statement


def _applied(program: Program, evidence: Poured) -> Iterator[Applied]:
    """Where an optimizer moves the copies."""
    for event in program.of(Applied):
        if any(value is evidence.variable for value in each_once([event.pairs], _parts)):
            yield event


def _parts(value: Value) -> Iterable[Value]:
    return value.parts if isinstance(value, Zip) else value.items if isinstance(value, Collection) else ()


def _stepping(program: Program, evidence: Poured, scope: ast.AST, path: str) -> Iterator[ast.Expr]:
    own = {id(node) for node in ast.walk(scope)}
    for event in _applied(program, evidence):
        statement = program.statement(event.node, path) if id(event.node) in own else None
        if not isinstance(statement, ast.Expr) or statement.value is not event.node:
            raise CannotMove("an optimizer moves the copies in another function")
        yield statement


def _descended(
    program: Program, evidence: Poured, copies: Copies, step: ast.Expr, inner: list[Inner], path: str
) -> tuple[ast.Expr, str] | None:
    """`optimizer.apply_gradients(zip(gradients, copies))` of plain gradient descent, written out."""
    events = [event for event in _applied(program, evidence) if event.node is step.value]
    call = step.value
    if not events or not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    optimizer, pairs = events[0].optimizer, call.args[0] if len(call.args) == 1 and not call.keywords else None
    if not isinstance(optimizer, Optimizer) or not _plain_descent(optimizer):
        raise CannotMove("the optimizer that moves the copies does more than plain gradient descent")
    holder = program.source(call.func.value, path)
    if (
        copies.several is None
        or isinstance(copies.several, ast.DictComp)
        or not isinstance(pairs, ast.Call)
        or not is_name(pairs.func, "zip")
        or len(pairs.args) != 2
        or not is_name(pairs.args[1], copies.name)
        or not as_long(program, pairs.args[0], copies, inner, path)
        or holder.partition(".")[0] in ("g", "w")
    ):
        raise CannotMove("what the optimizer is given is not written out")
    return step, f"[w - {holder}.learning_rate * g for g, w in {program.source(pairs, path)}]"


def _plain_descent(optimizer: Optimizer) -> bool:
    """Whether an optimizer subtracts the gradient, scaled by one number, and does nothing else."""
    stated = {key: value for key, value in optimizer.arguments.items() if key != "name"}
    known = all(isinstance(value, Constant) and isinstance(value.value, (int, float)) for value in stated.values())
    return optimizer.name.endswith("keras.optimizers.SGD") and known and set(stated) <= {"0", "learning_rate"}


def _inner(program: Program, name: str, scope: ast.AST, path: str) -> Iterator[Inner]:
    """Where a tape is asked for the gradients of the copies."""
    for node in ast.walk(scope):
        if (
            not isinstance(node, ast.Call)
            or not isinstance(node.func, ast.Attribute)
            or node.func.attr != "gradient"
            or not isinstance(node.func.value, ast.Name)
        ):
            continue
        sources = (
            node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "sources"), None)
        )
        if sources is None or not any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(sources)):
            continue
        plain = sources.elts if isinstance(sources, (ast.List, ast.Tuple)) else [sources]
        if not all(isinstance(each, ast.Name) for each in plain):
            raise CannotMove("the gradients are asked of a part of the copies")
        tape = node.func.value.id
        recording = _recording(program, scope, tape, node, path)
        if recording is None:
            raise CannotMove("where the inner tape records is not written here")
        yield Inner(node, tape, recording)


def _recording(
    program: Program, scope: ast.AST, tape: str, request: ast.Call, path: str
) -> ast.With | ast.AsyncWith | None:
    found = [
        node
        for node in ast.walk(scope)
        if isinstance(node, (ast.With, ast.AsyncWith))
        and node.lineno < request.lineno
        and any(isinstance(each.optional_vars, ast.Name) and each.optional_vars.id == tape for each in node.items)
    ]
    return max(found, key=lambda node: node.lineno, default=None)


def _watched(recording: ast.With | ast.AsyncWith, tape: str, name: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "watch"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == tape
        and any(isinstance(each, ast.Name) and each.id == name for each in node.args)
        for node in ast.walk(recording)
    )


def _moved(
    program: Program, copies: Copies, step: ast.Expr, inner: list[Inner], path: str
) -> tuple[ast.For | ast.Expr, str]:
    """The statement that moves the copies, and what they are afterwards."""
    call = step.value
    assert isinstance(call, ast.Call)
    if not isinstance(call.func, ast.Attribute) or len(call.args) != 1 or call.keywords:
        raise CannotMove("the step of the copies is not written out")
    receiver, by = call.func.value, program.source(call.args[0], path)
    if "#" in program.source(step, path) or "\n" in by:
        raise CannotMove("the step goes over several lines")
    held = program.source(receiver, path)
    sign = _SIGNS.get(call.func.attr)
    plain = isinstance(call.args[0], (ast.Name, ast.Attribute, ast.Call, ast.BinOp)) and not loose(call.args[0])
    value = f"{held} {sign} {by if plain else f'({by})'}" if sign is not None else _content(program, call, path)
    if call.func.attr not in (*_SIGNS, "assign"):
        raise CannotMove("only a part of a copy is assigned")
    if copies.several is None:
        if not isinstance(receiver, ast.Name) or receiver.id != copies.name:
            raise CannotMove("the step of the copies is not written out")
        return step, value
    loop = program.parents(path).get(step)
    if not isinstance(loop, ast.For) or loop.body != [step] or loop.orelse:
        raise CannotMove("the loop over the copies does something else as well")
    target, over = program.source(loop.target, path), program.source(loop.iter, path)
    if not every_copy(program, copies, loop, receiver, inner, path):
        raise CannotMove("whether the loop comes to every copy is not known")
    if isinstance(copies.several, ast.DictComp):
        key = loop.target.elts[0] if isinstance(loop.target, ast.Tuple) else loop.target
        return loop, f"{{{program.source(key, path)}: {value} for {target} in {over}}}"
    return loop, f"[{value} for {target} in {over}]"


def _content(program: Program, call: ast.Call, path: str) -> str:
    """What is assigned as it is now: the name of a variable would go on to mean the variable."""
    text = program.source(call.args[0], path)
    if isinstance(call.args[0], _MADE):
        return text
    convert = spelled(program.trees[path], ["tensorflow.convert_to_tensor"], call)
    if convert is None:
        raise CannotMove("how `convert_to_tensor` is called here is not known")
    return f"{convert}({text})"


def _kept(program: Program, node: ast.Name, path: str) -> bool:
    """Whether a later mention asks for what only a variable has."""
    parent = program.parents(path).get(node)
    return isinstance(node.ctx, ast.Load) and isinstance(parent, ast.Attribute) and parent.attr.startswith("assign")
