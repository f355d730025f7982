"""What iterating over a value yields: the known elements, or one that stands for all."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import joining
from regrad.analysis.operations import Transfer
from regrad.analysis.values import (
    UNKNOWN,
    Collection,
    Constant,
    Dataset,
    Gradients,
    Instance,
    Mapping,
    Network,
    Tensor,
    Union_,
    Value,
    Variable,
    WeightList,
    Zip,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter


def known_elements(interpreter: Interpreter, value: Value) -> list[Value] | None:
    """All elements in order, where they are known."""
    if isinstance(value, Collection):
        return list(value.items) if value.complete else None
    if isinstance(value, Mapping):
        if value.complete and all(not isinstance(key, tuple) for key in value.entries):
            return [Constant(key) for key in value.entries]
        return None
    if isinstance(value, Constant) and isinstance(value.value, (str, bytes)) and len(value.value) <= 8:
        return [Constant(letter) for letter in value.value]
    if isinstance(value, WeightList):
        if value.complete and all(isinstance(source, Variable) for source in value.sources):
            return list(value.sources)
        return None
    if isinstance(value, Zip):
        parts = [known_elements(interpreter, part) for part in value.parts]
        known = [part for part in parts if part is not None]
        node = value.node
        if not known or node is None:
            return None
        if any(found is None and not isinstance(part, Tensor) for part, found in zip(value.parts, parts, strict=True)):
            return None
        # A tensor is taken to have as many rows as the list beside it has elements.
        count = min(len(part) for part in known)
        columns = [
            found[:count] if found is not None else [element(interpreter, part, node) for _ in range(count)]
            for part, found in zip(value.parts, parts, strict=True)
        ]
        return [Collection("tuple", row) for row in zip(*columns, strict=True)]
    if isinstance(value, Instance):
        from regrad.analysis.library import records

        return records.elements(value)
    if isinstance(value, Gradients) and value.index is None:
        sources = known_elements(interpreter, value.sources)
        if sources is None:
            return None
        return [
            Gradients(value.event, source, value.target, value.tensor, index) for index, source in enumerate(sources)
        ]
    return None


def is_grown(value: Value) -> bool:
    """Whether the known elements may stand for more than themselves: how many there are is not known."""
    if isinstance(value, Zip):
        return any(is_grown(part) for part in value.parts)
    return isinstance(value, Collection) and value.grown


def worth_unrolling(elements: list[Value]) -> bool:
    """Whether the elements differ in ways that matter; a `range` of plain numbers is worth it only when short."""
    if not elements:
        return True
    if all(isinstance(element, Constant) for element in elements):
        return len(elements) <= 4
    if all(isinstance(element, Tensor) for element in elements):
        return len(elements) <= 4
    return True


def element(interpreter: Interpreter, value: Value, node: ast.AST) -> Value:
    """One value that stands for every element."""
    if isinstance(value, Collection):
        if value.items:
            return joining.join_all(interpreter, value.items)
        return interpreter.unknown("element", "", (value,))
    if isinstance(value, Mapping):
        return interpreter.unknown("element", "", (value,))
    if isinstance(value, Dataset):
        if value.element is None:
            return interpreter.unknown("element", "", (value,))
        return value.element
    if isinstance(value, Zip):
        return Collection("tuple", tuple(element(interpreter, part, node) for part in value.parts))
    if isinstance(value, WeightList):
        return _any_weight(value)
    if isinstance(value, Gradients):
        return Gradients(value.event, value.sources, value.target, value.tensor, -1)
    if isinstance(value, Tensor) and may_be_several(value):
        return value
    if isinstance(value, (Tensor, Variable)):
        shape = value.shape if isinstance(value, Tensor) else value.fields.get("shape")
        numpy = isinstance(value, Tensor) and value.numpy
        dtype = value.dtype if isinstance(value, Tensor) else None
        facts = value.facts & {"labels", "binary", "probabilities"} if isinstance(value, Tensor) else frozenset()
        return interpreter.operation(
            "index",
            "getitem",
            node,
            (value,),
            Transfer.FLOWS,
            dtype=dtype,
            shape=shape[1:] if shape else None,
            numpy=numpy,
            facts=facts,
        )
    if isinstance(value, Union_):
        return joining.join_all(
            interpreter, [element(interpreter, alternative, node) for alternative in value.alternatives]
        )
    if isinstance(value, Instance):
        return _instance_element(interpreter, value, node)
    if value is UNKNOWN:
        return UNKNOWN
    return interpreter.unknown("element", "", (value,))


_SEVERAL = frozenset({"unstack", "split", "meshgrid", "dynamic_partition"})


def may_be_several(value: Tensor) -> bool:
    """Whether one tensor stands for what is, or may be, a list of them: taking one out of it is no operation."""
    operation = value.operation
    if operation.kind == "op":
        return operation.name in _SEVERAL
    callee = operation.callee
    opaque = isinstance(callee, Instance) or (isinstance(callee, Network) and callee.form == "opaque")
    return operation.kind == "model" and opaque and value.shape is None


def _instance_element(interpreter: Interpreter, value: Instance, node: ast.AST) -> Value:
    from regrad.analysis.interpreter import Call
    from regrad.analysis.values import BoundMethod, Function

    for name in ("__iter__", "__getitem__"):
        found = value.cls.find(name)
        if found is not None and isinstance(found[0], Function):
            arguments = (interpreter.unknown("element"),) if name == "__getitem__" else ()
            result = interpreter.call(BoundMethod(value, found[0]), Call(node, arguments))
            if name == "__getitem__":
                return result
            return (
                element(interpreter, result, node)
                if not isinstance(result, Instance)
                else interpreter.unknown("element", "", (value,))
            )
    return interpreter.unknown("element", "", (value,))


def _any_weight(value: WeightList) -> Value:
    """An element of a weight list: the variable itself where there is one, otherwise the list, which stands for any of
    them.
    """
    if len(value.sources) == 1 and isinstance(value.sources[0], Variable):
        return value.sources[0]
    return value
