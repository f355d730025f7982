"""What each kind of statement does."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from regrad.analysis import attributes, counting, iteration, iterators, operators, steps
from regrad.analysis.frames import Scope
from regrad.analysis.interpreter import UNROLLED, Call
from regrad.analysis.names import canonical
from regrad.analysis.truth import truth
from regrad.analysis.values import (
    NONE,
    BoundMethod,
    Class,
    External,
    Function,
    Imported,
    Instance,
    Module,
    Tape,
    Value,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter


def _expression(interpreter: Interpreter, node: ast.Expr) -> None:
    interpreter.evaluate(node.value)


def _assign(interpreter: Interpreter, node: ast.Assign) -> None:
    value = interpreter.evaluate(node.value)
    if isinstance(node.value, ast.BinOp) and isinstance(node.value.op, (ast.Add, ast.Sub)):
        steps.note(interpreter, node, value)
    for target in node.targets:
        interpreter.bind(target, value)


def _annotated(interpreter: Interpreter, node: ast.AnnAssign) -> None:
    if node.value is not None:
        interpreter.bind(node.target, interpreter.evaluate(node.value))


def _augmented(interpreter: Interpreter, node: ast.AugAssign) -> None:
    if isinstance(node.target, ast.Name):
        left = interpreter.look_up(node.target.id)
    else:
        left = interpreter.evaluate(node.target)
    right = interpreter.evaluate(node.value)
    value = operators.augmented(interpreter, node, left, right)
    if isinstance(node.op, (ast.Add, ast.Sub)):
        steps.note(interpreter, node, value)
    interpreter.bind(node.target, value)


def _if(interpreter: Interpreter, node: ast.If) -> str | None:
    # `elif` nests: a chain of a thousand of them is walked, not recursed into, and joined once.
    ways: list[list[ast.stmt]] = []
    current = node
    while True:
        interpreter.frame.statement = current
        tested = interpreter.evaluate(current.test)
        known = truth(tested)
        interpreter.decided += counting.decides(tested)
        if known is not False:
            ways.append(current.body)
        if known is True:
            break
        rest = current.orelse
        if len(rest) != 1 or not isinstance(rest[0], ast.If):
            ways.append(rest)
            break
        current = rest[0]
    if len(ways) == 1:
        return interpreter.body(ways[0])
    return interpreter.branches([partial(interpreter.body, way) for way in ways])


def _for(interpreter: Interpreter, node: ast.For | ast.AsyncFor) -> str | None:
    iterable = interpreter.evaluate(node.iter)
    if iterators.is_iterator(iterable) and iterators.to_the_end(node):
        iterators.walk(interpreter, iterable, node.iter)
    elements = iteration.known_elements(interpreter, iterable)
    # What one element stands for has to be gone through more than once, as any list of unknown length is.
    alone = elements is not None and len(elements) == 1 and iteration.is_grown(iterable)
    if elements is not None and not alone and len(elements) <= UNROLLED and iteration.worth_unrolling(elements):
        end = interpreter.run_unrolled(node.body, node.target, elements)
    else:
        end = interpreter.run_loop(
            node.body, lambda: interpreter.bind(node.target, iteration.element(interpreter, iterable, node.iter))
        )
    if end is not None:
        return end
    return interpreter.body(node.orelse)


def _while(interpreter: Interpreter, node: ast.While) -> str | None:
    if truth(interpreter.evaluate(node.test)) is False:
        return interpreter.body(node.orelse)
    return interpreter.run_loop(node.body, lambda: None)


def _with(interpreter: Interpreter, node: ast.With | ast.AsyncWith) -> str | None:
    from regrad.analysis.library import tapes
    from regrad.analysis.library.graph_variables import VariableScope

    opened: list[tuple[Tape, tuple[Tape, ...]]] = []
    scopes = interpreter.scopes
    for item in node.items:
        context = interpreter.evaluate(item.context_expr)
        entered = context
        if isinstance(context, Tape):
            opened.append((context, interpreter.tapes))
            tapes.open_tape(interpreter, context, item.context_expr, node)
        elif tapes.is_stop_recording(context):
            opened.append((context.owner, interpreter.tapes))  # type: ignore[attr-defined]
            interpreter.tapes = tuple(tape for tape in interpreter.tapes if tape is not context.owner)  # type: ignore[attr-defined]
        elif isinstance(context, VariableScope):
            interpreter.scopes = (*interpreter.scopes, context.name)
        elif isinstance(context, Instance):
            enter = context.cls.find("__enter__")
            if enter is not None and isinstance(enter[0], Function):
                entered = interpreter.call(BoundMethod(context, enter[0]), Call(item.context_expr))
        if item.optional_vars is not None:
            interpreter.bind(item.optional_vars, entered)
    end = interpreter.body(node.body)
    interpreter.scopes = scopes
    for tape, before in reversed(opened):
        if tape not in before:
            tapes.close_tape(interpreter, tape, node)
        interpreter.tapes = before
    return end


def _function(interpreter: Interpreter, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    decorators = tuple(interpreter.evaluate(decorator) for decorator in node.decorator_list)
    function = interpreter.make_function(node, decorators)
    from regrad.analysis import calls

    interpreter.assign_name(node.name, calls.decorate(interpreter, function))


def _class(interpreter: Interpreter, node: ast.ClassDef) -> None:
    bases = tuple(interpreter.evaluate(base) for base in node.bases)
    scope = Scope(interpreter.frame.scope)
    cls = Class(node, bases, interpreter.frame.scope, interpreter.frame.path)
    outer = interpreter.frame.scope
    interpreter.frame.scope = scope
    for statement in node.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            decorators = tuple(interpreter.evaluate(decorator) for decorator in statement.decorator_list)
            # Methods do not see the class body's names: their scope is the one around the class.
            interpreter.frame.scope = outer
            scope.names[statement.name] = interpreter.make_function(statement, decorators, cls)
            interpreter.frame.scope = scope
        else:
            interpreter.body([statement])
    interpreter.frame.scope = outer
    cls.fields = {name: value.value() if isinstance(value, Imported) else value for name, value in scope.names.items()}
    interpreter.assign_name(node.name, cls)
    interpreter.instances.setdefault(id(cls), [])


def _return(interpreter: Interpreter, node: ast.Return) -> str:
    interpreter.returns.append(NONE if node.value is None else interpreter.evaluate(node.value))
    return "return"


def _raise(interpreter: Interpreter, node: ast.Raise) -> str:
    return "raise"


def _try(interpreter: Interpreter, node: ast.Try) -> str | None:
    end = interpreter.body(node.body)
    if end is None:
        end = interpreter.body(node.orelse)
    ways: list[Callable[[], str | None]] = [lambda: end] if end is None else []
    for handler in node.handlers:
        ways.append(_handler(interpreter, handler))
    if end is None:
        if node.handlers:
            end = interpreter.branches(ways)
    elif end == "raise" and node.handlers:
        end = interpreter.branches(ways)
    finished = interpreter.body(node.finalbody)
    return finished or end


def _handler(interpreter: Interpreter, handler: ast.ExceptHandler) -> Callable[[], str | None]:
    def way() -> str | None:
        if handler.name:
            interpreter.assign_name(handler.name, interpreter.unknown("name", handler.name))
        return interpreter.body(handler.body)

    return way


def _delete(interpreter: Interpreter, node: ast.Delete) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            interpreter.store.delete(interpreter.frame.scope.names, target.id)


def _global(interpreter: Interpreter, node: ast.Global) -> None:
    interpreter.frame.scope.declared_global |= frozenset(node.names)


def _nonlocal(interpreter: Interpreter, node: ast.Nonlocal) -> None:
    interpreter.frame.scope.declared_nonlocal |= frozenset(node.names)


def _import(interpreter: Interpreter, node: ast.Import) -> None:
    for alias in node.names:
        module = interpreter.load_module(interpreter, alias.name, 0, interpreter.frame.path)
        top = alias.name.partition(".")[0]
        if module is not None and alias.asname is None and "." in alias.name:
            package = interpreter.load_module(interpreter, top, 0, interpreter.frame.path)
            # A folder without `__init__.py` is a package too; its modules are looked for as they are asked for.
            interpreter.assign_name(top, package or Module(top, interpreter.frame.path))
        elif module is not None:
            interpreter.assign_name(alias.asname or alias.name, module)
        elif alias.asname:
            interpreter.assign_name(alias.asname, External(canonical(alias.name)))
        else:
            interpreter.assign_name(top, External(canonical(top)))


def _import_from(interpreter: Interpreter, node: ast.ImportFrom) -> None:
    module = interpreter.load_module(interpreter, node.module or "", node.level, interpreter.frame.path)
    importer = interpreter.frame.path
    for alias in node.names:
        if alias.name == "*":
            if module is not None and module.scope is not None and module.followed:
                for name, value in module.scope.names.items():
                    if not name.startswith("_"):
                        interpreter.assign_name(name, value)
            else:
                _import_star(interpreter, canonical(node.module or ""))
            continue
        bound = alias.asname or alias.name
        if module is not None:
            interpreter.assign_name(bound, Imported(partial(_member, interpreter, module, node, alias, importer)))
        else:
            interpreter.assign_name(bound, _inner(interpreter, node, alias, importer, bool(node.level)))


def _member(interpreter: Interpreter, module: Module, node: ast.ImportFrom, alias: ast.alias, importer: str) -> Value:
    """What `from module import name` binds."""
    # A package that imports from itself means a module inside it: the name there is the one that is being bound.
    found = module.scope.names.get(alias.name) if module.path != importer else None
    return found if found is not None else _inner(interpreter, node, alias, importer, module.followed)


def _inner(interpreter: Interpreter, node: ast.ImportFrom, alias: ast.alias, importer: str, ours: bool) -> Value:
    """A module of a package, or what is not known of the project's, or what a library holds."""
    dotted = f"{node.module}.{alias.name}" if node.module else alias.name
    inner = interpreter.load_module(interpreter, dotted, node.level, importer)
    if inner is not None:
        return inner
    if ours:
        return interpreter.unknown("name", alias.asname or alias.name)
    return attributes.member(node.module or "", alias.name, node)


def _import_star(interpreter: Interpreter, module: str) -> None:
    """`from tensorflow.keras.layers import *`: the names are not known, so an undefined name is looked for there."""
    from regrad.analysis.library.keras_layers import LAYERS

    if module == "keras.layers":
        for name in LAYERS:
            interpreter.assign_name(name, External("keras.layers." + name))
        interpreter.assign_name("Input", External("keras.Input"))
    elif module in ("keras.models", "keras"):
        interpreter.assign_name("Sequential", External("keras.Sequential"))
        interpreter.assign_name("Model", External("keras.Model"))


def _match(interpreter: Interpreter, node: Any) -> str | None:
    interpreter.evaluate(node.subject)

    def way(case: Any) -> Callable[[], str | None]:
        def run() -> str | None:
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None)
                if isinstance(name, str):
                    interpreter.assign_name(name, interpreter.unknown("name", name))
            return interpreter.body(case.body)

        return run

    return interpreter.branches([*(way(case) for case in node.cases), lambda: None])


HANDLERS: dict[type, Callable[[Interpreter, Any], str | None]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Try: _try,
    ast.Delete: _delete,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Break: lambda interpreter, node: "break",
    ast.Continue: lambda interpreter, node: "continue",
    ast.Match: _match,
}
if hasattr(ast, "TryStar"):
    HANDLERS[ast.TryStar] = _try
