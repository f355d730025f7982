"""Arrays into which a loop puts tensors, one at each place in order: they are collected in a list, and stacked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.endings import Ending
from regrad.analysis.flow import Flow
from regrad.analysis.operations import Transfer
from regrad.analysis.values import Tensor
from regrad.analysis.walking import each_once
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import after
from regrad.codemods.engine.numpy_table import FLOATS, NotConverted
from regrad.codemods.engine.overwritten_places import overwritten_places, places
from regrad.codemods.engine.surroundings import block_of, function_around, index_in, stored, stored_locally

if TYPE_CHECKING:
    from regrad.codemods.engine.from_numpy import Conversion

_LEAVING = (ast.Break, ast.Continue, ast.Return, ast.Try, ast.Yield, ast.YieldFrom, ast.Await)
_OF_BOTH = frozenset({"dtype", "ndim", "shape"})
"""What a tensor has as well as an array."""


def written_into(conversion: Conversion, node: ast.Subscript, path: str) -> None:
    """What becomes of `array[index] = value`; raises `NotConverted` where that is not certain."""
    if not (overwritten_places(conversion, node, path) or _collected(conversion, node, path)):
        raise NotConverted("an array is filled element by element; collect the tensors in a list", "tf.stack(values)")


def leaving_before(ending: Ending) -> Iterator[Tensor]:
    """What leaves TensorFlow on its way into such an array: left there, it would make half a slope of the whole."""
    put = [each for each in ending.chain if each.operation.name == "setitem" and each.operation.kind == "numpy"]
    recorded = Flow(ending.sink.tape)
    for each in each_once(put, lambda value: value.operation.inputs if isinstance(value, Tensor) else ()):
        leaves = isinstance(each, Tensor) and each.operation.transfer is Transfer.LEAVES
        if isinstance(each, Tensor) and leaves and any(recorded.reach(part).sources for part in each.operation.inputs):
            yield each


class _Axis(NamedTuple):
    """A loop over the places along one axis: the name that counts them, and how many there are, as it is written."""

    name: str
    lengths: frozenset[str]


def _collected(conversion: Conversion, node: ast.Subscript, path: str) -> bool:
    program = conversion.program
    statement, function = program.statement(node, path), function_around(program, node, path)
    scope = function if function is not None else program.trees[path]
    if not isinstance(statement, ast.Assign) or statement.targets != [node] or not isinstance(node.value, ast.Name):
        return False
    name = node.value.id
    if len(places(scope, name)) != 1 or (function is not None and name not in stored_locally(function)):
        return False
    names = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == name]
    stores = [each for each in names if not isinstance(each.ctx, ast.Load)]
    bound = program.statement(stores[0], path) if len(stores) == 1 else None
    if not isinstance(bound, ast.Assign) or bound.targets != stores:
        return False
    indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    loops: list[ast.For] = []
    inner: ast.stmt = statement
    for _ in indices:
        loop = program.parents(path).get(inner)
        if not isinstance(loop, ast.For) or loop.orelse or index_in(loop.body, inner) is None:
            return False
        loops.insert(0, loop)
        inner = loop
    shape = _shape(conversion, bound.value)
    if shape is None or len(shape) != len(loops) or len(loops) > 2:
        return False
    try:
        block = block_of(program, loops[0], path)
    except CannotMove:
        return False
    start, end = index_in(block, bound), index_in(block, loops[0])
    if start is None or end is None or start >= end:
        return False
    for loop, index, length in zip(loops, indices, shape, strict=True):
        axis = _axis(loop)
        if axis is None or not isinstance(index, ast.Name) or index.id != axis.name:
            return False
        if ast.dump(length) not in axis.lengths or any(axis.name in stored(each) for each in loop.body):
            return False
    if any(isinstance(each, _LEAVING) for each in ast.walk(loops[0])):
        return False
    since = block[start + 1 : end + 1]
    read = [each for part in since for each in ast.walk(part) if isinstance(each, ast.Name) and each.id == name]
    sized = {each.id for length in shape for each in ast.walk(length) if isinstance(each, ast.Name)}
    if len(read) != 1 or any(sized & stored(each) for each in since) or not _serves_as_tensor(conversion, scope, name):
        return False
    _stack(conversion, node, path, statement, bound, loops[0], [program.source(each, path) for each in shape])
    return True


def _stack(
    conversion: Conversion,
    node: ast.Subscript,
    path: str,
    statement: ast.Assign,
    bound: ast.Assign,
    loop: ast.For,
    shape: list[str],
) -> None:
    assert isinstance(node.value, ast.Name)
    name, file = node.value.id, conversion.file(path)
    element = conversion.text(statement.value, path)
    put = conversion.values[node].operation.inputs[-1]
    if not isinstance(put, Tensor) or put.shape != ():
        # An array takes what has one element, whatever its shape.
        element = f"{conversion.say('reshape', path, node)}({element}, [])"
    file.replace(bound.value, "[]")
    file.replace_statement(statement, f"{name}.append({element})")
    stacked = f"{conversion.say('stack', path, node)}({name})"
    if len(shape) > 1:
        stacked = f"{conversion.say('reshape', path, node)}({stacked}, [{', '.join(shape)}])"
    file.insert(f"{name} = {stacked}", after(loop))


def _shape(conversion: Conversion, value: ast.expr) -> list[ast.expr] | None:
    """The lengths of a new array of floating-point numbers, as they are written."""
    if not isinstance(value, ast.Call) or called(value) not in ("zeros", "empty") or value in conversion.values:
        return None
    dtype = argument(value, 1, "dtype")
    if dtype is not None and ast.unparse(dtype).strip("'\"") not in FLOATS:
        return None
    if len(value.args) > 2 or any(word.arg not in ("shape", "dtype") for word in value.keywords):
        return None
    shape = argument(value, 0, "shape")
    if isinstance(shape, (ast.Tuple, ast.List)):
        return shape.elts
    return [shape] if shape is not None else None


def _axis(loop: ast.For) -> _Axis | None:
    """`for i in range(n)` and `for i, each in enumerate(values)`, with what `n` may be written like."""
    counted = loop.iter
    if not isinstance(counted, ast.Call) or len(counted.args) != 1 or counted.keywords:
        return None
    argument_given, name = counted.args[0], called(counted)
    if name == "range" and isinstance(loop.target, ast.Name):
        return _Axis(loop.target.id, frozenset({ast.dump(argument_given)}))
    if name != "enumerate" or not isinstance(loop.target, ast.Tuple) or len(loop.target.elts) != 2:
        return None
    first = loop.target.elts[0]
    if not isinstance(first, ast.Name) or not isinstance(argument_given, (ast.Name, ast.Attribute)):
        return None
    text = ast.unparse(argument_given)
    lengths = (ast.parse(each, mode="eval").body for each in (f"len({text})", f"{text}.shape[0]"))
    return _Axis(first.id, frozenset(map(ast.dump, lengths)))


def _serves_as_tensor(conversion: Conversion, scope: ast.AST, name: str) -> bool:
    """Whether nothing is asked of the array that a tensor does not have, what is converted apart."""
    converted = {id(each) for node in conversion.values for each in ast.walk(node)}
    return all(
        each.attr in _OF_BOTH or id(each) in converted
        for each in ast.walk(scope)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == name
    )
