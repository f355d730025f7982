"""Whether code can run once more without any other effect than that its value is there twice."""

from __future__ import annotations

import ast
import builtins

from regrad.analysis.callee import called
from regrad.analysis.events import ModelCalled
from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Layer, Network, Value
from regrad.codemods.engine.effects import FUNCTIONS, path_of, reading_of

_LIBRARIES = frozenset("tensorflow keras tf_keras numpy math tensorflow_probability".split())
_LEAVING_TRACES = ("write", "save", "assign", "print", "Iterator", "iterator", "dump", "remove", "set_")
_BUILTIN = frozenset(
    "len int float bool str range zip list tuple dict set min max sum abs enumerate reversed sorted round".split()
)
_ASKING = frozenset("numpy astype reshape items keys values get sum mean max min item tolist copy".split())
"""Methods of arrays and containers that only give something."""
_GROWING = frozenset({"append", "extend"})
_DEEPEST = 6


def repeatable(program: Program, path: str, node: ast.AST, depth: int = 0) -> bool:
    """Whether all that a piece of code calls is known to do no more than to compute, or to draw random numbers."""
    models = {id(event.node) for event in program.of(ModelCalled) if is_network(event.model)}
    return depth < _DEEPEST and all(_only_computes(program, path, each, models, node, depth) for each in ast.walk(node))


def is_network(value: Value) -> bool:
    """Whether it is certainly a model or layer; an environment that nobody knows is called in the same way."""
    return isinstance(value, (Network, Layer)) or (isinstance(value, Instance) and value.role in ("model", "layer"))


def _only_computes(program: Program, path: str, node: ast.AST, models: set[int], within: ast.AST, depth: int) -> bool:
    if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Global, ast.Nonlocal, ast.Delete)):
        return False
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        return False
    if not isinstance(node, ast.Call) or id(node) in models:
        return True
    name = called(node)
    if isinstance(node.func, ast.Name) and name in _BUILTIN and hasattr(builtins, name):
        return True
    library = _library_of(program, path, node.func)
    if library is not None:
        return not any(word in name for word in _LEAVING_TRACES)
    own = [(file, each) for file in program.trees for each in reading_of(program.trees[file]).functions.get(name, ())]
    if own:
        return len(own) == 1 and isinstance(own[0][1], ast.FunctionDef) and repeatable(program, *own[0], depth + 1)
    if not isinstance(node.func, ast.Attribute):
        return False
    if name in _GROWING:
        return (
            isinstance(within, FUNCTIONS)
            and isinstance(node.func.value, ast.Name)
            and _made_in(within, node.func.value)
        )
    return name in _ASKING


def _library_of(program: Program, path: str, callee: ast.expr) -> str | None:
    """The known package from which the file imports what is called, if it does."""
    root = (path_of(callee) or "").partition(".")[0]
    for statement in ast.walk(program.trees[path]):
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        whole = isinstance(statement, ast.Import)
        for alias in statement.names:
            if (alias.asname or (alias.name.partition(".")[0] if whole else alias.name)) == root:
                package = (alias.name if isinstance(statement, ast.Import) else statement.module or "").partition(".")[
                    0
                ]
                return package if package in _LIBRARIES and not getattr(statement, "level", 0) else None
    return None


def _made_in(function: ast.AST, name: ast.Name) -> bool:
    """Whether a function makes the list of this name itself."""
    return any(
        isinstance(each, ast.Name) and each.id == name.id and isinstance(each.ctx, ast.Store)
        for each in ast.walk(function)
    )
