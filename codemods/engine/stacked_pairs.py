"""`from_tensor_slices([x, y])`: a list is stacked into one tensor, of which no part is a target."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Dataset, Network, Tensor, Unknown
from regrad.codemods.engine.deliveries import around, inputs_of, validation
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.operations_of import described
from regrad.codemods.engine.respelling import file_of

_TAKES_ELEMENTS = frozenset({"map", "flat_map", "interleave", "filter", "apply", "scan", "window", "group_by_window"})
"""Methods of a data set whose function is written for the elements as they are."""
_MAKER = "from_tensor_slices"


class StackedPair(NamedTuple):
    """The list display, its file, and the lists from which the validation data of the same training are made."""

    node: ast.List
    path: str
    beside: tuple[ast.List, ...]


def stacked_pair(program: Program, event: Trained) -> StackedPair | None:
    """The list of two arrays that became the one tensor of a training's data set."""
    made = event.source
    node = made.node if isinstance(made, Dataset) and made.kind == "dataset" else None
    if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") != _MAKER or not _is_one_tensor(event):
        return None
    path = file_of(program, node)
    if path is None or inputs_of(event) not in (None, 1):
        return None
    given = _list_of_two(program, path, node)
    if given is None or _are_samples(event):
        return None
    if not _reads_pairs(program, node, path) or not _reads_pairs(program, event.node, event.frame.path):
        return None
    return StackedPair(given, path, tuple(each for each in _validation(program, event) if each is not given))


def _list_of_two(program: Program, path: str, call: ast.Call) -> ast.List | None:
    """The display that the call is given, of two things that are not lists of numbers themselves."""
    stated = next((word.value for word in call.keywords if word.arg == "tensors"), None)
    given = call.args[0] if call.args else stated
    if isinstance(given, ast.Name):
        given = only_value(program, path, given.id, used_once=True)
    if not isinstance(given, ast.List) or len(given.elts) != 2:
        return None
    written = (ast.List, ast.Tuple, ast.Constant, ast.UnaryOp, ast.Starred)
    return None if any(isinstance(part, written) for part in given.elts) else given


def _is_one_tensor(event: Trained) -> bool:
    element = event.data
    return isinstance(element, Tensor) or (isinstance(element, Unknown) and element.origin == "join")


def _are_samples(event: Trained) -> bool:
    """Whether the two things have the rank of one sample each: a data set of two samples is what it says."""
    element = event.data
    inputs = described(event.model, "inputs") if isinstance(event.model, Network) else ()
    wanted = inputs[0].shape if len(inputs) == 1 and isinstance(inputs[0], Tensor) else None
    known = element.shape if isinstance(element, Tensor) else None
    # In a batch of stacked arrays each sample has one axis too many.
    return wanted is not None and known is not None and len(known) <= len(wanted)


def _reads_pairs(program: Program, node: ast.AST, path: str) -> bool:
    """Whether every function that the code around maps over elements takes two of them, or there is none."""
    scope = around(program, node, path) or program.trees[path]
    for call in ast.walk(scope):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr in _TAKES_ELEMENTS and not (call.args and _takes_two(program, path, call.args[0])):
            return False
    return True


def _takes_two(program: Program, path: str, function: ast.expr) -> bool:
    if isinstance(function, ast.Lambda):
        return len(function.args.args) == 2
    if not isinstance(function, ast.Name):
        return False
    written = [each for each in program.nodes_of(path, ast.FunctionDef) if each.name == function.id]
    return len(written) == 1 and len(written[0].args.args) == 2


def _validation(program: Program, event: Trained) -> list[ast.List]:
    """The lists of two from which the validation data are made in the same way, as far as that is written there."""
    path, node = event.frame.path, validation(event)
    if isinstance(node, ast.Name):
        node = only_value(program, path, node.id)
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr != _MAKER:
        node = node.func.value
    if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") != _MAKER:
        return []
    found = _list_of_two(program, path, node)
    return [found] if found is not None else []
