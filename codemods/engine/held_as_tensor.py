"""What an object keeps in a variable of its own, and computes with, is kept as a tensor under the same name."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis import flow
from regrad.analysis.assigning import ASSIGNING, WHOLE, is_function, variable_of
from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Tensor
from regrad.codemods.engine.imports import spelled
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite
from regrad.codemods.engine.poured import Poured, loose
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import function_around

_LIBRARIES = frozenset({"tf", "tensorflow", "np", "numpy", "keras", "ops", "K"})
_PYTHON = frozenset({"float", "int", "bool", "len", "abs", "print", "round", "str", "list", "zip", "enumerate"})
_READING = frozenset({"read_value", "value"})
_ALIKE = frozenset({"numpy", "shape", "dtype", "ndim", "get_shape", *_READING})
"""What a variable and a tensor both have, but for the two that a tensor does not need."""
_GRAPHS = frozenset(
    {"function", "py_function", "numpy_function", "map_fn", "while_loop", "scan", "fit", "custom_gradient"}
)
"""What runs its body as a graph, whose tensors an object must not keep."""
_OPERANDS = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript, ast.FormattedValue)


class _Uses(NamedTuple):
    """Where the attribute is met: as the receiver of an assignment, as `….read_value()`, and handed out as it is."""

    assigned: list[ast.Expr]
    reading: list[tuple[ast.Call, ast.Attribute]]
    bare: bool


def held_as_tensor(program: Program, evidence: Poured) -> Mending:
    """`self.x.assign(f(self.x))` becomes `self.x = f(self.x)`, and `self.x` starts as what the variable started with.

    Raises `CannotMove` where the object is one that Keras or a graph keeps variables for, where something else relies
    on the variable, and where what is assigned may be no tensor of the variable's type.
    """
    call, path, this = evidence.node, evidence.frame.path, evidence.frame.this
    held_by = variable_of(call) if isinstance(call, ast.Call) else None
    if not isinstance(held_by, ast.Attribute) or program.source(held_by.value, path) != "self":
        raise CannotMove("the variable carries its content from one call to the next")
    if not isinstance(this, Instance) or this.role is not None or not this.cls.bases_known() or not evidence.eager:
        raise CannotMove("the object may have to hold a variable")
    maker = _maker(program, evidence, held_by.attr)
    _only_eager(program)
    uses = _uses_of(program, evidence, held_by.attr, maker)
    _same_type(program, evidence)
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(maker.value, _first(program, evidence, path))
    for statement in uses.assigned:
        rewrite.replace(statement, _bound(program, statement, path, uses))
    for reading, attribute in uses.reading:
        if not any(reading in set(ast.walk(each)) for each in uses.assigned):
            rewrite.replace(reading, program.source(attribute, path))
    safety = Safety.UNSAFE if uses.bare else Safety.SAFE
    why = "whoever was given the variable saw what was assigned to it later" if uses.bare else ""
    return Mending("keep a tensor instead of a variable", safety, rewrite.edits(), why)


def _maker(program: Program, evidence: Poured, name: str) -> ast.Assign:
    variable, path = evidence.variable, evidence.frame.path
    made = variable.frame is not None and variable.frame.path == path and variable.node is not None
    statement = program.statement(variable.node, path) if made and variable.node is not None else None
    if (
        not isinstance(statement, ast.Assign)
        or statement.value is not variable.node
        or len(statement.targets) != 1
        or program.source(statement.targets[0], path) != f"self.{name}"
    ):
        raise CannotMove("where the variable is made is not certain")
    return statement


def _only_eager(program: Program) -> None:
    for path in program.trees:
        said = {node.attr for node in program.nodes_of(path, ast.Attribute)}
        if _GRAPHS & (said | {node.id for node in program.nodes_of(path, ast.Name)}):
            raise CannotMove("a graph may assign to the variable")


def _uses_of(program: Program, evidence: Poured, name: str, maker: ast.Assign) -> _Uses:
    other = CannotMove("something else relies on the variable")
    own = set(ast.walk(maker))
    for path in program.trees:
        if any(node.value == name and node not in own for node in program.nodes_of(path, ast.Constant)):
            raise other  # as `getattr` and `__dict__` name it
    uses = _Uses([], [], False)
    bare = False
    for path in program.trees:
        parents = program.parents(path)
        for node in program.nodes_of(path, ast.Attribute):
            if node.attr != name or node is maker.targets[0]:
                continue
            around = parents.get(node)
            if not isinstance(node.ctx, ast.Load) or around is None:
                raise other
            outer = parents.get(around)
            if isinstance(around, ast.Attribute) and around.attr in WHOLE:
                statement = program.statement(node, path)
                whole = isinstance(statement, ast.Expr) and statement.value is outer
                if not whole or path != evidence.frame.path or not _within(program, evidence, node, path):
                    raise other
                assert isinstance(statement, ast.Expr)
                uses.assigned.append(statement)
            elif isinstance(around, ast.Attribute) and around.attr in _ALIKE:
                if around.attr in _READING:
                    if not isinstance(outer, ast.Call) or outer.args or outer.keywords or path != evidence.frame.path:
                        raise other
                    uses.reading.append((outer, node))
            elif isinstance(around, (ast.Return, ast.Assign)):
                bare = True
            elif isinstance(around, ast.Subscript) and isinstance(outer, ast.Attribute) and outer.attr in ASSIGNING:
                raise other
            elif not isinstance(around, _OPERANDS):
                while isinstance(around, (ast.keyword, ast.List, ast.Tuple)):
                    around = parents.get(around)
                if around is None or not _library_call(program, around, path):
                    raise other
    return uses._replace(bare=bare)


def _within(program: Program, evidence: Poured, node: ast.Attribute, path: str) -> bool:
    """Whether it is `self` of the object's own class."""
    this = evidence.frame.this
    own = isinstance(this, Instance) and any(each is node for each in ast.walk(this.cls.node))
    return own and program.source(node.value, path) == "self" and function_around(program, node, path) is not None


def _library_call(program: Program, node: ast.AST, path: str) -> bool:
    """Whether it is a function, and no class, of a library that takes a tensor for a variable."""
    if not isinstance(node, ast.Call):
        return False
    text = program.source(node.func, path)
    first, last = text.partition(".")[0], text.rpartition(".")[2]
    return text in _PYTHON or (first in _LIBRARIES and first != text and last.islower())


def _same_type(program: Program, evidence: Poured) -> None:
    """An assignment gives a variable's type to numbers and arrays; tensors have it already."""
    for value, node, frame in flow.assigned_values(evidence.variable):
        argument = node.args[0] if isinstance(node, ast.Call) and len(node.args) == 1 else None
        if node is evidence.variable.node or (argument is not None and _is_float(argument)):
            continue
        if not isinstance(value, Tensor) or value.numpy or frame is None or frame.path != evidence.frame.path:
            raise CannotMove("what is assigned may be no tensor")


def _is_float(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _first(program: Program, evidence: Poured, path: str) -> str:
    """What the variable starts with, as a tensor."""
    call, initial = evidence.variable.node, evidence.variable.initial
    if not isinstance(call, ast.Call) or len(call.args) != 1 or isinstance(call.args[0], ast.Starred):
        raise CannotMove("what the variable starts with is not certain")
    if any(word.arg not in ("trainable", "name") for word in call.keywords):
        raise CannotMove("the variable has a dtype or a shape of its own")
    if isinstance(initial, Tensor) and not initial.numpy:
        return program.source(call.args[0], path)
    return _constant(program, call.args[0], path)


def _constant(program: Program, node: ast.expr, path: str) -> str:
    said = spelled(program.trees[path], "tensorflow.constant", node)
    if not _is_float(node) or said is None:
        raise CannotMove("what is assigned may be no tensor")
    return f"{said}({program.source(node, path)})"


def _bound(program: Program, statement: ast.Expr, path: str, uses: _Uses) -> str:
    call = statement.value
    plain = isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords and not is_function(call)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not plain:
        raise CannotMove("the assignment is part of another expression")
    held, given = program.source(call.func.value, path), call.args[0]
    if isinstance(given, ast.Starred) or not isinstance(call.func.value, ast.Attribute):
        raise CannotMove("the assignment is part of another expression")
    text = program.source(given, path)
    inside = set(ast.walk(given))
    for reading, attribute in uses.reading:
        if reading in inside:
            text = text.replace(program.source(reading, path), program.source(attribute, path))
    sign = {"assign_add": "+", "assign_sub": "-"}.get(call.func.attr)
    if sign is not None:
        simple = not loose(given) and isinstance(given, (ast.Name, ast.Attribute, ast.Call, ast.BinOp, ast.Constant))
        return f"{held} = {held} {sign} {text if simple else f'({text})'}"
    if _is_float(given):
        return f"{held} = {_constant(program, given, path)}"
    several = "\n" in text
    return f"{held} = ({text})" if several and not isinstance(given, ast.Call) else f"{held} = {text}"
