"""A list of weights that an object keeps goes, and whoever asks for it reads the weights that there are by then.

Where the class itself asks for them, it says so; where others ask, too, or the list is put together of several, a
property of the list's name says it once.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import WeightsRead
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Value
from regrad.codemods.engine import moving
from regrad.codemods.engine.broken_paths import text_of
from regrad.codemods.engine.layout import CannotMove, layout_of
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import owners

_CHANGING = frozenset("append extend insert remove pop clear sort reverse".split())


class _Kept(NamedTuple):
    """The statement `self.name = …`, its class, and the method in which it stands."""

    statement: ast.Assign
    target: ast.Attribute
    cls: ast.ClassDef
    method: ast.FunctionDef


def is_kept(statement: ast.stmt | None) -> bool:
    """Whether it reads `self.variables = ...`."""
    return (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Attribute)
        and isinstance(statement.targets[0].value, ast.Name)
        and statement.targets[0].value.id == "self"
    )


def lists_only(node: ast.expr) -> bool:
    """Whether an expression only puts lists of weights together: read later, it says the same of the same models."""
    parts = list(ast.walk(node))
    calls = [each for each in parts if isinstance(each, ast.Call)]
    return all(
        isinstance(
            each,
            (ast.Name, ast.Attribute, ast.BinOp, ast.Add, ast.List, ast.Tuple, ast.Starred, ast.Call, ast.expr_context),
        )
        for each in parts
    ) and all(isinstance(call.func, ast.Name) and call.func.id in ("list", "tuple") for call in calls)


def listed_afresh(program: Program, read: WeightsRead) -> tuple[Edit, ...]:
    """The edits; raises `CannotMove` where the object cannot say later what it lists now."""
    path = read.frame.path
    kept = _kept(program, read)
    text, single = _said_by_the_object(program, read, kept.statement.value)
    inner = {id(node) for node in ast.walk(kept.cls)}
    name = kept.target.attr
    inside: list[ast.Attribute] = []
    outside = False
    for file in program.trees:
        for node in program.nodes_of(file, ast.Attribute):
            if node.attr != name or node is kept.target:
                continue
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            if own and file == path and id(node) in inner:
                _check_use(program, node, file)
                inside.append(node)
            elif not (own and _in_another_class(program, node, file, kept.cls)):
                _check_use(program, node, file)
                outside = True
        if any(node.value == name for node in program.nodes_of(file, ast.Constant)):
            raise CannotMove("the list is asked for by its name as text")
    if not inside and not outside:
        raise CannotMove("where the list is used was not found")
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    for node in inside if single and not outside else ():
        rewrite.replace(node, text)
    rewrite.remove([kept.statement])
    asked = _property(program, kept, path, text) if not single or outside else ()
    return (*rewrite.edits(), *asked)


def _kept(program: Program, read: WeightsRead) -> _Kept:
    path = read.frame.path
    statement = program.statement(read.node, path)
    method = program.parents(path).get(statement) if statement is not None else None
    cls = program.parents(path).get(method) if method is not None else None
    if (
        not is_kept(statement)
        or not isinstance(statement, ast.Assign)
        or not isinstance(statement.targets[0], ast.Attribute)
    ):
        raise CannotMove("the list has no name of its own")
    if not isinstance(cls, ast.ClassDef) or not isinstance(method, ast.FunctionDef):
        raise CannotMove("the list is kept in a block of its own")
    return _Kept(statement, statement.targets[0], cls, method)


def _said_by_the_object(program: Program, read: WeightsRead, value: ast.expr) -> tuple[str, bool]:
    """What every method can say instead of the list, and whether it is that of a single model."""
    if isinstance(value, ast.Call) and called(value) in ("list", "tuple") and len(value.args) == 1:
        value = value.args[0]
    if not lists_only(value):
        raise CannotMove("more is done with the list than to keep it")
    owner_of = {id(each.node): each.owner for each in program.of(WeightsRead) if each.frame is read.frame}
    parts = [node for node in ast.walk(value) if id(node) in owner_of and isinstance(node, ast.Attribute)]
    said: dict[ast.AST, str] = {}
    for node in parts:
        assert isinstance(node, ast.Attribute)
        holder = _held_as(program, read, node.value, owner_of[id(node)])
        if holder is None:
            raise CannotMove("the object does not keep the model whose weights it lists")
        said[node.value] = holder
    covered = {id(inner) for node in said for inner in ast.walk(node)}
    others = [node for node in ast.walk(value) if isinstance(node, ast.Name) and id(node) not in covered]
    if any(node.id not in ("list", "tuple") for node in others) or not parts:
        raise CannotMove("the list is put together of more than weights")
    return text_of(program.files[read.frame.path], value, said), len(parts) == 1 and parts[0] is value


def _held_as(program: Program, read: WeightsRead, model: ast.expr, owner: Value | None) -> str | None:
    """How every method can say the model: `self.model`, also where the constructor says `model` and keeps it so."""
    text = program.source(model, read.frame.path)
    if text == "self" or text.startswith("self."):
        return text
    this = read.frame.this
    if isinstance(this, Instance):
        for name, value in this.fields.items():
            if value is owner and name.isidentifier():
                return f"self.{name}"
    return None


def _check_use(program: Program, node: ast.Attribute, path: str) -> None:
    """A list that is read afresh is another one each time: it cannot be changed, and what was built for it stays."""
    parents = program.parents(path)
    parent = parents.get(node)
    above = parents.get(parent) if parent is not None else None
    if not isinstance(node.ctx, ast.Load):
        raise CannotMove("the list is bound elsewhere, too")
    if isinstance(parent, ast.Attribute) and parent.attr in _CHANGING and isinstance(above, ast.Call):
        raise CannotMove("the list is changed after it was made")
    if isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load):
        raise CannotMove("the list is changed after it was made")
    if isinstance(parent, ast.Call) and called(parent) == "build":
        raise CannotMove("an optimizer is built for the list before the weights are there")


def _in_another_class(program: Program, node: ast.Attribute, path: str, cls: ast.ClassDef) -> bool:
    """Whether `self` is an object of a class of the program that has nothing to do with `cls`."""
    around = next((each for each in owners(program, node, path) if isinstance(each, ast.ClassDef)), None)
    return (
        around is not None and around.name not in _related(program, cls) and cls.name not in _related(program, around)
    )


def _related(program: Program, cls: ast.ClassDef) -> set[str]:
    """The names of a class and of all that it inherits from."""
    classes = {each.name: each for path in program.trees for each in program.nodes_of(path, ast.ClassDef)}
    found: set[str] = set()
    waiting = [cls.name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            bases = classes[name].bases if name in classes else []
            waiting += [called(ast.Call(base, [], [])) for base in bases]
    return found


def _property(program: Program, kept: _Kept, path: str, text: str) -> tuple[Edit, ...]:
    """The property behind the method that kept the list, an empty line in front of it as between methods."""
    _check_class(kept)
    source = program.files[path]
    layout = layout_of(source, program.trees[path])
    margin = " " * kept.method.col_offset
    step = " " * max(kept.statement.col_offset - kept.method.col_offset, 1)
    if "\t" in layout.indent_of(kept.statement.lineno) or kept.statement.lineno == kept.method.lineno:
        raise CannotMove("how the class is indented is not certain")
    lines = ("@property", f"def {kept.target.attr}(self):", f"{step}return {text}")
    position = source.position(layout.line_start((kept.method.end_lineno or kept.method.lineno) + 1))
    written = "".join(f"\n{margin}{line}" for line in lines)
    ends = source.text.endswith("\n")
    return (Edit(path, Span(position, position), f"{written}\n" if ends else f"\n{written}"),)


def _check_class(kept: _Kept) -> None:
    """A property takes the place of the attribute: nothing else in the class may have its name."""
    bound = {
        target.id
        for each in kept.cls.body
        for target in (each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)])
        if isinstance(target, ast.Name)
    } | {each.name for each in kept.cls.body if isinstance(each, (ast.FunctionDef, ast.ClassDef))}
    if kept.target.attr in bound:
        raise CannotMove("the class itself has that name, too")
    if kept.method.decorator_list:
        raise CannotMove("the method that keeps the list is decorated")
