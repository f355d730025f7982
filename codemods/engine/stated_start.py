"""Numbers that a program states for the start of a variable, one or several, and the shape that they have."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, Instance, Mapping, Value
from regrad.codemods.engine.named_value import only_value

_OF_NUMBERS = frozenset(
    "log log10 log2 log1p exp expm1 sqrt square abs negative tanh arctanh sin cos logit float softplus".split()
)
_CASTS = frozenset({"constant", "convert_to_tensor", "cast", "array", "asarray", "float32"})
_OPERATORS = (ast.Mult, ast.Div, ast.Add, ast.Sub, ast.Pow)
_PYTHON = frozenset({"math", ""})
_DOUBLE = frozenset({"np", "numpy"})


class Start(NamedTuple):
    """The shape and the numbers, as source text that an initializer takes."""

    shape: str
    value: str


class _Numbers(NamedTuple):
    sizes: tuple[int, ...]
    double: bool
    """Whether they are in double precision for certain, as NumPy computes."""


def stated_start(program: Program, start: ast.expr, frame: Frame, *, converted: bool) -> Start | None:
    """Numbers of which none is left to be known; None where they could be an array, or are in double precision and not
    `converted`.
    """
    found = _numbers(program, start, frame)
    if found is None or (found.double and not converted):
        return None
    sizes = ", ".join(map(str, found.sizes))
    return Start(f"({sizes}{',' if len(found.sizes) == 1 else ''})", program.source(_bare(start), frame.path))


def _bare(start: ast.expr) -> ast.expr:
    """Without the casts around it: a weight has a type of its own."""
    if isinstance(start, ast.Call) and _is_cast(start):
        method = called(start) == "astype" and isinstance(start.func, ast.Attribute)
        return _bare(start.func.value if method and isinstance(start.func, ast.Attribute) else start.args[0])
    return start


def _is_cast(node: ast.Call) -> bool:
    return (called(node) == "astype" and isinstance(node.func, ast.Attribute)) or (
        called(node) in _CASTS and bool(node.args) and not isinstance(node.args[0], ast.Starred)
    )


def _numbers(program: Program, node: ast.expr, frame: Frame) -> _Numbers | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        return _numbers(program, node.operand, frame)
    if isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATORS):
        left, right = _numbers(program, node.left, frame), _numbers(program, node.right, frame)
        if left is None or right is None or left.sizes or right.sizes:
            return None
        return _Numbers((), left.double or right.double)
    if isinstance(node, (ast.List, ast.Tuple)):
        read = [_numbers(program, each, frame) for each in node.elts]
        parts = [each for each in read if each is not None]
        if not parts or len(parts) < len(read) or len({each.sizes for each in parts}) > 1:
            return None
        return _Numbers((len(parts), *parts[0].sizes), any(each.double for each in parts))
    if isinstance(node, ast.Call):
        return _computed(program, node, frame)
    if isinstance(node, ast.Constant):
        return _Numbers((), False) if isinstance(node.value, float) else None
    value = known_at(node, frame)
    if isinstance(value, Constant):
        stays = _stays(program, node, frame)
        return _Numbers((), False) if stays and isinstance(value.value, float) else None
    if isinstance(node, ast.Name):
        local = only_value(program, frame.path, node.id)
        body = frame.function.node if frame.function is not None else program.trees[frame.path]
        if local is not None and any(each is local for each in ast.walk(body)):
            return _numbers(program, local, frame)
    return None


def _computed(program: Program, node: ast.Call, frame: Frame) -> _Numbers | None:
    name = called(node)
    holder = node.func.value if isinstance(node.func, ast.Attribute) else None
    if name == "astype" and holder is not None and len(node.args) == 1 and not node.keywords:
        inner = _numbers(program, holder, frame)
        return inner and _Numbers(inner.sizes, not _is_single(program, node.args[0], frame))
    if _is_cast(node):
        inner = _numbers(program, node.args[0], frame)
        kinds = [*node.args[1:], *(word.value for word in node.keywords if word.arg == "dtype")]
        if inner is None or len(kinds) > 1 or any(word.arg not in ("dtype", "name") for word in node.keywords):
            return None
        double = not _is_single(program, kinds[0], frame) if kinds else inner.double and name != "float32"
        return _Numbers(inner.sizes, double or (not kinds and name in ("array", "asarray")))
    module = program.source(holder, frame.path) if holder is not None else ""
    if name not in _OF_NUMBERS or node.keywords or not node.args:
        return None
    parts = [_numbers(program, each, frame) for each in node.args]
    if any(part is None or part.sizes for part in parts):
        return None
    python = module in _PYTHON
    return _Numbers((), not python and (module in _DOUBLE or any(part is not None and part.double for part in parts)))


def _is_single(program: Program, node: ast.expr, frame: Frame) -> bool:
    return program.source(node, frame.path).strip("'\"").rpartition(".")[2] == "float32"


def known_at(node: ast.expr, frame: Frame) -> Value | None:
    """What a name, an attribute of `self`, or a part of one of these is where the function runs."""
    if isinstance(node, ast.Constant):
        return Constant(node.value)
    if isinstance(node, ast.Name):
        scope = frame.scope.find(node.id)
        return scope.names[node.id] if scope is not None else None
    this = frame.this
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        held = this if node.value.id == "self" else known_at(node.value, frame)
        return held.fields.get(node.attr) if isinstance(held, Instance) else None
    if isinstance(node, ast.Subscript):
        held, key = known_at(node.value, frame), known_at(node.slice, frame)
        if isinstance(key, Constant) and isinstance(held, Mapping) and isinstance(key.value, str):
            return held.entries.get(key.value)
        if isinstance(key, Constant) and isinstance(held, Collection) and isinstance(key.value, int) and held.complete:
            return held.items[key.value] if -len(held.items) <= key.value < len(held.items) else None
    return None


def _stays(program: Program, node: ast.expr, frame: Frame) -> bool:
    """Whether it is such a number in every object of the class: what is given to one may differ from another's."""
    owner = frame.function.owner if frame.function is not None else None
    if owner is None or frame.function is None:
        return True
    made = sum(called(call) == owner.name for path in program.trees for call in program.nodes_of(path, ast.Call))
    root = node
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    parameters = frame.function.node.args
    said = [
        each.annotation
        for each in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs)
        if isinstance(root, ast.Name) and each.arg == root.id
    ]
    plainly = root is node and any(isinstance(each, ast.Name) and each.id == "float" for each in said)
    return made <= 1 or plainly
