"""The input as its own target, where the data are a pipeline, a generator or batches of a class: handed over twice."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from regrad.analysis.callee import called
from regrad.analysis.events import Trained
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Dataset, Tensor, Value
from regrad.codemods.engine import deliveries
from regrad.codemods.engine.handed_over import function_behind, handed
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import free_name, owners

_TWICE = ".map(lambda x: (x, x))"
_TAKES_DATA = frozenset({"fit", "evaluate", "predict", "fit_generator", "evaluate_generator", "predict_generator"})
"""Methods of a model that take pairs as well as inputs alone."""


def handed_twice(program: Program, event: Trained) -> tuple[Edit, ...]:
    """The edits that give each batch as input and as target; raises `CannotMove` where the data come from elsewhere."""
    if function_behind(event) is not None:
        return _by_function(program, event)
    return _mapped(program, event)


# -- tf.data -----------------------------------------------------------------------------------------------------------


def _mapped(program: Program, event: Trained) -> tuple[Edit, ...]:
    node, path = event.x_node, event.frame.path
    if not isinstance(node, (ast.Name, ast.Call, ast.Attribute)) or not _is_pipeline(program, event):
        raise CannotMove("the data are handed over by a function or class; it has to give the target as well")
    places = [node, *_validated_alike(program, event)]
    statement = program.statement(event.node, path)
    names = [each.id for each in places if isinstance(each, ast.Name)]
    if statement is not None and len(names) == len(places) and _read_by_the_model_later(program, event, set(names)):
        from regrad.codemods.engine.moving import before, insert_statements

        lines = "\n".join(f"{name} = {name}{_TWICE}" for name in names)
        return insert_statements(program.files[path], program.trees[path], lines, before(statement))
    ends = [program.files[path].span(each).end for each in places]
    return tuple(Edit(path, Span(end, end), _TWICE) for end in ends)


def _is_pipeline(program: Program, event: Trained) -> bool:
    element = event.data
    names = {tensor.operation.name for tensor in reached(iter([element]))} if isinstance(element, Tensor) else set()
    maker = deliveries.assigned_call(program, event.frame.path, event.x_node)
    known = isinstance(event.source, Dataset) and event.source.kind == "dataset"
    return bool(names & {"batch"}) and (
        known or maker is None or "Dataset" in ast.unparse(maker) or "batch" in ast.unparse(maker)
    )


def _validated_alike(program: Program, event: Trained) -> list[ast.expr]:
    """The validation data, where they are inputs alone for certain: made by the same function, or seen to be."""
    node = deliveries.validation(event)
    if isinstance(node, ast.Name):
        scope = event.frame.scope.find(node.id)
        value: Value | None = scope.names.get(node.id) if scope is not None else None
        alone = isinstance(value, Dataset) and value.kind == "dataset" and isinstance(value.element, Tensor)
        return [node] if alone else []
    maker = deliveries.assigned_call(program, event.frame.path, event.x_node)
    if not isinstance(maker, ast.Call) or not isinstance(node, ast.Call):
        return []
    own = isinstance(maker.func, ast.Name) and isinstance(node.func, ast.Name)
    return [node] if own and called(node) == called(maker) else []


def _read_by_the_model_later(program: Program, event: Trained, names: set[str]) -> bool:
    """Whether all that reads the data sets behind this training are methods of a model, and there is one."""
    path = event.frame.path
    statement = program.statement(event.node, path)
    around = deliveries.around(program, event.node, path)
    if statement is None or any(isinstance(each, (ast.For, ast.While)) for each in owners(program, statement, path)):
        return False
    scope = around if around is not None else program.trees[path]
    later = [
        each
        for each in ast.walk(scope)
        if isinstance(each, ast.Name) and each.id in names and each.lineno > (statement.end_lineno or 0)
    ]
    parents = program.parents(path)
    return bool(later) and all(
        isinstance(each.ctx, ast.Load) and _is_given_to_model(_holder(parents, each)) for each in later
    )


def _holder(parents: Mapping[ast.AST, ast.AST], node: ast.AST) -> ast.AST | None:
    """The call that a node is an argument of, named or not."""
    parent = parents.get(node)
    return parents.get(parent) if isinstance(parent, ast.keyword) else parent


def _is_given_to_model(parent: ast.AST | None) -> bool:
    return isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr in _TAKES_DATA


# -- generators and classes --------------------------------------------------------------------------------------------


def _by_function(program: Program, event: Trained) -> tuple[Edit, ...]:
    """Each `yield batch` (or `return batch` of `__getitem__`) hands the batch over twice."""
    from regrad.codemods.engine import moving

    function = function_behind(event)
    path = file_of(program, function) if function is not None else None
    values = handed(function) if function is not None else []
    if function is None or path is None or not values:
        raise CannotMove("the data are handed over by a function or class; it has to give the target as well")
    if function.name != "__getitem__" and not only_trains(program, function):
        raise CannotMove(f"`{function.name}` is used for other things than models as well")
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    source = program.files[path]
    edits: list[Edit] = []
    for value in values:
        statement = program.statement(value, path)
        if isinstance(value, ast.Name):
            end = source.span(value).end
            edits.append(Edit(path, Span(end, end), f", {value.id}"))
        elif isinstance(value, (ast.Tuple, ast.List)) or not isinstance(statement, (ast.Expr, ast.Return)):
            raise CannotMove("what is handed over is not one expression")
        else:
            name = free_name(program, path, function, ("batch", "inputs"))
            word = "return" if isinstance(statement, ast.Return) else "yield"
            rewrite.replace(statement, f"{name} = {program.source(value, path)}\n{word} {name}, {name}")
    return (*edits, *rewrite.edits())


def only_trains(program: Program, function: ast.FunctionDef) -> bool:
    """Whether each call of a generator function stands where a model takes its data, or gives a name that does."""
    for path in program.trees:
        parents = program.parents(path)
        for call in program.nodes_of(path, ast.Call):
            if called(call) != function.name:
                continue
            parent = _holder(parents, call)
            if _is_given_to_model(parent):
                continue
            target = parent.targets[0] if isinstance(parent, ast.Assign) and len(parent.targets) == 1 else None
            if not isinstance(target, ast.Name) or only_value(program, path, target.id) is not call:
                return False
            loads = [each for each in program.nodes_of(path, ast.Name) if isinstance(each.ctx, ast.Load)]
            if any(each.id == target.id and not _is_given_to_model(_holder(parents, each)) for each in loads):
                return False
    return True
