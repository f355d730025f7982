"""A variable that a layer keeps as a plain attribute, made with `add_weight` instead, so that Keras 3 knows of it."""

from __future__ import annotations

import ast
import re

from regrad.analysis.callee import called
from regrad.analysis.frames import Frame
from regrad.analysis.location import Position, Span
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile
from regrad.analysis.values import Constant, Instance, Variable
from regrad.codemods.engine.drawn_start import drawn_shape
from regrad.codemods.engine.imports import spelling
from regrad.codemods.engine.moving import CannotMove, Rewrite
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.stated_start import stated_start

_WIDEST = 120
"""Columns of a line that is not broken."""


def added_weight(program: Program, variable: Variable) -> tuple[Edit, ...]:
    """`self.w = tf.Variable(start)` becomes `self.w = self.add_weight(shape=..., initializer=...)`.

    Raises `CannotMove` with the reason.
    """
    call, frame = variable.node, variable.frame
    assert frame is not None
    path = frame.path
    if not isinstance(call, ast.Call) or not _is_attribute(program, call, path):
        raise CannotMove("the variable is not a plain attribute of the layer")
    if not _while_made(frame):
        raise CannotMove("the variable is not made in `__init__` or `build`")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    start = call.args[0] if call.args else given.pop("initial_value", None)
    if start is None or None in given or len(call.args) > 1 or set(given) - {"name", "trainable", "dtype"}:
        raise CannotMove("the variable has arguments that `add_weight` does not know")
    drawn = drawn_shape(program, start, frame, converted="dtype" in given)
    stated = stated_start(program, start, frame, converted="dtype" in given)
    if stated is not None and (_is_eager(frame) or not _calls_tensorflow(program, start, path)):
        name, edits = _initializer(program, path, "Constant", start)
        shape, initializer = stated.shape, f"{name}({stated.value})"
    elif drawn is not None:
        # Both generations of Keras take an array there, and cast it.
        name, edits = _initializer(program, path, "Constant", start)
        shape, initializer = drawn, f"{name}({program.source(start, path)})"
    else:
        shape, initializer, edits = _start(program, path, start, frame)
    arguments = [
        f"shape={shape}",
        f"initializer={initializer}",
        *(f"{name}={program.source(value, path)}" for name, value in given.items() if name is not None),
    ]
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(call, f"self.add_weight({_arranged(program.files[path], call, arguments)})")
    return (*edits, *rewrite.edits())


def _is_attribute(program: Program, call: ast.Call, path: str) -> bool:
    """Whether it is what an attribute of `self` is set to, an element of a list there, or appended to such a list."""
    statement, held = program.statement(call, path), program.parents(path).get(call)
    target: ast.expr | None = None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        listed = (
            isinstance(held, (ast.List, ast.Tuple, ast.ListComp))
            and statement.value is held
            and not _by_name(call, held)
        )
        target = statement.targets[0] if statement.value is call or listed else None
    elif isinstance(statement, ast.Expr) and isinstance(held, ast.Call) and statement.value is held:
        appends = isinstance(held.func, ast.Attribute) and held.func.attr == "append" and held.args == [call]
        target = held.func.value if appends and isinstance(held.func, ast.Attribute) else None
    return isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"


def _by_name(call: ast.Call, held: ast.expr) -> bool:
    """Whether the shape is a name of the comprehension, which may be a whole number as well as a shape."""
    if not isinstance(held, ast.ListComp):
        return False
    bound = {node.id for each in held.generators for node in ast.walk(each.target) if isinstance(node, ast.Name)}
    return any(
        isinstance(part, ast.Name) and part.id in bound
        for node in ast.walk(call)
        if isinstance(node, ast.Call)
        for part in (*node.args, *(each.value for each in node.keywords if each.arg in ("shape", "size")))
    )


def _while_made(frame: Frame) -> bool:
    """Whether the layer is still being made: in `__init__` or `build`, or in a method of its own that these call."""
    current: Frame | None = frame
    while current is not None and current.function is not None and current.this is frame.this:
        if current.function.name in ("__init__", "build"):
            return True
        current = current.caller
    return False


def _is_eager(frame: Frame) -> bool:
    """Whether it runs in `__init__`: `build` may run where Keras only describes the model, as a graph of its own."""
    current: Frame | None = frame
    while current is not None and current.function is not None and current.this is frame.this:
        if current.function.name == "build":
            return False
        current = current.caller
    return True


def _calls_tensorflow(program: Program, start: ast.expr, path: str) -> bool:
    inner = [node for node in ast.walk(start) if isinstance(node, ast.Call)]
    return any(program.source(each.func, path).split(".")[0] not in ("np", "numpy", "math", "float") for each in inner)


def _is_number(node: ast.expr) -> bool:
    """Whether it is a number with a point, or one of two such numbers."""
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    if isinstance(node, ast.IfExp):
        return _is_number(node.body) and _is_number(node.orelse)
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _arranged(source: SourceFile, call: ast.Call, arguments: list[str]) -> str:
    """The arguments in a row; below each other where those of the call stand so, or where the row would be too long."""
    first = min(source.span(each).start for each in (*call.args, *call.keywords))
    begin = source.span(call).start
    ahead = source.segment(Span(Position(first.line, 1), first))
    line = source.segment(Span(Position(begin.line, 1), begin))
    outer = line[: len(line) - len(line.lstrip())]
    if first.line == begin.line or ahead.strip():
        row = ", ".join(arguments)
        within = line.lstrip().partition("[")[1]
        if len(line) + len("self.add_weight()") + len(row) <= _WIDEST or "\n" in row or within:
            return row
        ahead = outer + ("\t" if "\t" in outer else "    ")
    return "".join(f"\n{ahead}{each}," for each in arguments) + f"\n{outer}"


def _start(program: Program, path: str, start: ast.expr, frame: Frame) -> tuple[str, str, tuple[Edit, ...]]:
    """The shape and the initializer that give the same first value, as source text, and the import they need."""
    if _is_number(start):
        name, edits = _initializer(program, path, "Constant", start)
        return "()", f"{name}({program.source(start, path)})", edits
    if not isinstance(start, ast.Call):
        raise CannotMove("how the variable starts is not of a form that an initializer has")
    given = {keyword.arg: program.source(keyword.value, path) for keyword in start.keywords}
    positional = [_shape(program, argument, frame) for argument in start.args]
    if len(positional) == 2 and called(start) in ("zeros", "ones") and "dtype" not in given:
        positional.pop()
    shape = positional[0] if positional else given.pop("shape", "")
    function = program.source(start.func, path)
    last = function.rpartition(".")[2]
    if not shape or len(positional) > 1 or None in given:
        raise CannotMove("the shape of the variable is not stated plainly")
    given.pop("dtype", None)
    if last in ("zeros", "ones") and not given:
        return shape, f'"{last}"', ()
    if (last == "normal" and set(given) <= {"mean", "stddev", "seed"}) or (
        last == "truncated_normal" and set(given) <= {"mean", "stddev", "seed"}
    ):
        kind = "RandomNormal" if last == "normal" else "TruncatedNormal"
        name, edits = _initializer(program, path, kind, start)
        options = ", ".join(
            f"{key}={value}" for key, value in {"stddev": "1.0", **{str(k): v for k, v in given.items()}}.items()
        )
        return shape, f"{name}({options})", edits
    if last == "uniform" and set(given) <= {"minval", "maxval", "seed"}:
        name, edits = _initializer(program, path, "RandomUniform", start)
        limits = {"minval": "0.0", "maxval": "1.0", **{str(k): v for k, v in given.items()}}
        return shape, f"{name}({', '.join(f'{key}={value}' for key, value in limits.items())})", edits
    if not given and (isinstance(start.func, ast.Call) or re.search(r"init", last)):
        return shape, function, ()
    raise CannotMove("how the variable starts is not of a form that an initializer has")


def _shape(program: Program, node: ast.expr, frame: Frame) -> str:
    """A shape as `add_weight` takes it, which a whole number is not."""
    text, value = program.source(node, frame.path), None
    if isinstance(node, ast.Constant):
        value = node.value
    elif isinstance(node, ast.Name):
        found = frame.scope.names.get(node.id)
        value = found.value if isinstance(found, Constant) else None
    elif isinstance(node, ast.Attribute) and isinstance(frame.this, Instance):
        found = frame.this.fields.get(node.attr) if program.source(node.value, frame.path) == "self" else None
        value = found.value if isinstance(found, Constant) else None
    return f"({text},)" if isinstance(value, int) else text


def _initializer(program: Program, path: str, kind: str, at: ast.AST) -> tuple[str, tuple[Edit, ...]]:
    names = [f"tensorflow.keras.initializers.{kind}", f"keras.initializers.{kind}"]
    if any(each.name == "keras" for node in program.nodes_of(path, ast.Import) for each in node.names):
        names.reverse()  # The program's Keras, which TensorFlow's need not be.
    found = spelling(program.files[path], program.trees[path], names, at)
    return found.text, found.edits
