"""A variable that a layer keeps as a plain attribute, made with `add_weight` instead, so that Keras 3 knows of it."""

from __future__ import annotations

import ast
import re

from regrad.analysis.frames import Frame
from regrad.analysis.location import Position, Span
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile
from regrad.analysis.values import Constant, Instance, Variable
from regrad.codemods.engine.drawn_start import drawn_shape
from regrad.codemods.engine.imports import spelling
from regrad.codemods.engine.moving import CannotMove, Rewrite
from regrad.codemods.engine.rule import Edit

_WIDEST = 120
"""Columns of a line that is not broken."""


def added_weight(program: Program, variable: Variable) -> tuple[Edit, ...]:
    """`self.w = tf.Variable(start)` becomes `self.w = self.add_weight(shape=..., initializer=...)`.

    Raises `CannotMove` with the reason.
    """
    call, frame = variable.node, variable.frame
    assert frame is not None
    path = frame.path
    statement = program.statement(call, path) if call is not None else None
    if (
        not isinstance(call, ast.Call)
        or not isinstance(statement, ast.Assign)
        or statement.value is not call
        or len(statement.targets) != 1
    ):
        raise CannotMove("the variable is not a plain attribute of the layer")
    target = statement.targets[0]
    method = frame.function.name if frame.function is not None else ""
    if (
        not isinstance(target, ast.Attribute)
        or not isinstance(target.value, ast.Name)
        or target.value.id != "self"
        or method not in ("__init__", "build")
    ):
        raise CannotMove("the variable is not made in `__init__` or `build`")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    start = call.args[0] if call.args else given.pop("initial_value", None)
    if start is None or None in given or len(call.args) > 1 or set(given) - {"name", "trainable", "dtype"}:
        raise CannotMove("the variable has arguments that `add_weight` does not know")
    drawn = drawn_shape(program, start, frame, converted="dtype" in given)
    if drawn is not None:
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


def _arranged(source: SourceFile, call: ast.Call, arguments: list[str]) -> str:
    """The arguments in a row; below each other where those of the call stand so, or where the row would be too long."""
    first = min(source.span(each).start for each in (*call.args, *call.keywords))
    begin = source.span(call).start
    ahead = source.segment(Span(Position(first.line, 1), first))
    line = source.segment(Span(Position(begin.line, 1), begin))
    outer = line[: len(line) - len(line.lstrip())]
    if first.line == begin.line or ahead.strip():
        row = ", ".join(arguments)
        if len(line) + len("self.add_weight()") + len(row) <= _WIDEST or "\n" in row:
            return row
        ahead = outer + ("\t" if "\t" in outer else "    ")
    return "".join(f"\n{ahead}{each}," for each in arguments) + f"\n{outer}"


def _start(program: Program, path: str, start: ast.expr, frame: Frame) -> tuple[str, str, tuple[Edit, ...]]:
    """The shape and the initializer that give the same first value, as source text, and the import they need."""
    if isinstance(start, ast.Constant) and isinstance(start.value, float):
        name, edits = _initializer(program, path, "Constant", start)
        return "()", f"{name}({program.source(start, path)})", edits
    if not isinstance(start, ast.Call):
        raise CannotMove("how the variable starts is not of a form that an initializer has")
    given = {keyword.arg: program.source(keyword.value, path) for keyword in start.keywords}
    positional = [_shape(program, argument, frame) for argument in start.args]
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
    found = spelling(program.files[path], program.trees[path], names, at)
    return found.text, found.edits
