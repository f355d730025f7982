"""A dataset that is made of the inputs alone, beside targets that are made and never read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine.handed_over import TARGET_WORDS
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around

_OF_ONE = frozenset({"from_tensor_slices", "from_tensors"})
_WITH_TARGETS = frozenset({"timeseries_dataset_from_array"})
_SHOWING = frozenset({"print", "info", "debug", "log"})


class Unread(NamedTuple):
    """The call that makes the dataset, and the name of the targets."""

    call: ast.Call
    path: str
    name: str


def unread_targets(program: Program) -> Unread | None:
    """Of all the datasets that the program makes of inputs alone, the only one with such targets beside it."""
    found = [each for path in program.trees for each in _in_file(program, path)]
    return found[0] if len(found) == 1 else None


def _in_file(program: Program, path: str) -> Iterator[Unread]:
    for call in program.nodes_of(path, ast.Call):
        name = called(call)
        if name in _OF_ONE:
            alone = len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], (ast.Tuple, ast.Starred))
        elif name in _WITH_TARGETS:
            stated = [word.value for word in call.keywords if word.arg == "targets"] or call.args[1:2]
            alone = not stated or (isinstance(stated[0], ast.Constant) and stated[0].value is None)
        else:
            continue
        names = _unread(program, path, call) if alone else []
        if len(names) == 1:
            yield Unread(call, path, names[0])


def _unread(program: Program, path: str, call: ast.Call) -> list[str]:
    """Names of targets that the same function binds before the call, and that nothing but a report reads."""
    scope = function_around(program, call, path) or program.trees[path]
    bound: dict[str, int] = {}
    read: set[str] = set()
    for node in ast.walk(scope):
        if not isinstance(node, ast.Name):
            continue
        if isinstance(node.ctx, ast.Store):
            if function_around(program, node, path) is function_around(program, call, path):
                bound[node.id] = max(node.lineno, bound.get(node.id, 0))
        else:
            statement = program.statement(node, path)
            shown = statement.value if isinstance(statement, ast.Expr) else None
            if not isinstance(shown, ast.Call) or called(shown) not in _SHOWING:
                read.add(node.id)
    return [
        name
        for name, line in bound.items()
        if name not in read and line < call.lineno and {*name.lower().split("_")} & {*TARGET_WORDS}
    ]


def handed_with(program: Program, found: Unread) -> tuple[Edit, ...]:
    """The targets go into the dataset with the inputs."""
    from regrad.codemods.engine.arguments import Set, change_call

    source = program.files[found.path]
    if called(found.call) in _WITH_TARGETS:
        stated = any(word.arg == "targets" for word in found.call.keywords) or len(found.call.args) < 2
        return (change_call(source, found.call, Set("targets" if stated else 1, found.name)),)
    inputs = found.call.args[0]
    return (Edit(found.path, source.span(inputs), f"({program.source(inputs, found.path)}, {found.name})"),)
