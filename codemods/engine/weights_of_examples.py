"""An input of the model that only weighs the examples in the loss is handed to the training as `sample_weight`.

Keras multiplies what a loss gives for each example with its weight and takes the mean over the batch, which is what
such a loss computes.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Function, Network, Tensor
from regrad.codemods.engine.arguments import Change, Set, change_call
from regrad.codemods.engine.fed_calls import FED, fed_calls, is_loss_of, loss_given, words_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite
from regrad.codemods.engine.operations_of import described, reached
from regrad.codemods.engine.own_losses import captured
from regrad.codemods.engine.parameters_left_out import without_parameters
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around
from regrad.codemods.engine.two_calls import argument_of

_BY_ELEMENT = frozenset("log exp abs square sqrt pow clip clip_by_value maximum minimum sigmoid softplus".split())
_FLAT = frozenset({"squeeze", "flatten", "reshape", "ravel"})
_MEANS = frozenset({"reduce_mean", "mean"})
_OVER_THE_LAST = frozenset({"reduce_mean", "mean", "reduce_sum", "sum"})


class _Weighing(NamedTuple):
    """The loss of each example, and the statement of the loss that only the weight needs."""

    result: ast.expr
    kept: ast.expr
    needless: ast.Assign | None


def handed_to_fit(program: Program, function: Function) -> tuple[Edit, ...]:
    """The edits; raises `CannotMove` where the sum is not certain to stay as it is."""
    event = next((each for each in program.of(Trained) if is_loss_of(each, function)), None)
    model = event.model if event is not None else None
    path = function.module
    if event is None or not isinstance(model, Network) or event.compilation is None or event.target is None:
        raise CannotMove("the model is not one of the library")
    if {path, event.frame.path, event.compilation.frame.path} != {path} or path not in program.files:
        raise CannotMove("the loss and the training stand in different files")
    found = captured(event.target, function)
    given = found[1] if found is not None else None
    inputs = described(model, "inputs")
    place = next((index for index, each in enumerate(inputs) if each is given), None)
    if given is None or place is None or len(inputs) < 2 or (given.shape or (0,))[-1] != 1:
        raise CannotMove("the tensor is no weight of an example")
    if any(each is given for each in reached(iter(described(model, "outputs")))):
        raise CannotMove("the prediction is made of the tensor as well")
    if not isinstance(function.node, ast.FunctionDef):
        raise CannotMove("the loss is not a function of its own")
    rewrite = Rewrite(program.files[path], program.trees[path])
    name = _name_in(function, given)
    weighing = _weighing(function.node, name, len(given.shape or ()))
    rewrite.replace(weighing.result, program.source(weighing.kept, path))
    if weighing.needless is not None:
        rewrite.remove([weighing.needless])
    _without_input(program, rewrite, model, given, place, path)
    around = function_around(program, function.node, path)
    parameter = without_parameters(program, around, loss_given(event), [name], path)
    fed = _fed_without(program, model, event, place, len(inputs), path)
    return (*rewrite.edits(), *parameter, *fed)


def _name_in(function: Function, given: Tensor) -> str:
    names = {
        each.id for each in ast.walk(function.node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }
    own = {
        name
        for name in names
        if (holder := function.scope.find(name)) is not None
        and isinstance(holder.names[name], Tensor)
        and holder.names[name].symbolic  # type: ignore[attr-defined]
    }
    holder = function.scope.find(next(iter(own))) if len(own) == 1 else None
    name = next(iter(own), "")
    if holder is None or holder.names[name] is not given:
        raise CannotMove("the loss takes several tensors from the model")
    return name


def _weighing(node: ast.FunctionDef, name: str, rank: int) -> _Weighing:
    """What the loss weighs: `mean(weight * loss of each example)`, or of each pixel where the weights have `rank`."""
    bound = {
        each.targets[0].id: each
        for each in node.body
        if isinstance(each, ast.Assign) and len(each.targets) == 1 and isinstance(each.targets[0], ast.Name)
    }
    last = node.body[-1]
    if any(not isinstance(each, ast.Assign) and not _is_text(each) for each in node.body[:-1]):
        raise CannotMove("the loss does more than weigh the examples")
    result = last.value if isinstance(last, ast.Return) else None
    if isinstance(result, ast.Name) and result.id in bound:
        result = bound[result.id].value
    inner = whole = result
    by_example = False
    if isinstance(result, ast.Call) and called(result) in _OVER_THE_LAST and result.args:
        inner = result.args[0]
        full = called(result) in _MEANS and len(result.args) == 1 and not result.keywords
        by_example = not full and rank == 2 and _reduced(result, rank, bound) is True
        # What is taken of each example stays, around what is left.
        whole = result if full else inner if by_example else None
    if whole is None or not isinstance(inner, ast.BinOp) or not isinstance(inner.op, ast.Mult):
        raise CannotMove("the loss does more than weigh the examples")
    for weight, kept in ((inner.left, inner.right), (inner.right, inner.left)):
        needless = bound.get(weight.id) if isinstance(weight, ast.Name) else None
        flat = _flattened(needless.value if needless is not None else weight, name, rank)
        error = bound[kept.id].value if isinstance(kept, ast.Name) and kept.id in bound else kept
        reads = [each for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)]
        once = sum(each.id == name for each in reads) == 1
        alone = needless is None or sum(each.id == weight.id for each in reads) == 1  # type: ignore[attr-defined]
        if flat is not None and once and alone and flat == _reduced(error, rank, bound) and not (flat and by_example):
            return _Weighing(whole, kept, needless)
    raise CannotMove("the loss does more than weigh the examples")


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _flattened(node: ast.expr, name: str, rank: int) -> bool | None:
    """Whether the weight has lost its last axis; None where it is not just the weight."""
    if isinstance(node, ast.Name) and node.id == name:
        return False
    if isinstance(node, ast.Call) and called(node) in _FLAT and node.args:
        axis = argument_of(node, "axis", 1)
        last = called(node) == "squeeze" and axis is not None and ast.unparse(axis) == "-1"
        return True if isinstance(node.args[0], ast.Name) and node.args[0].id == name and (last or rank == 2) else None
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == name:
        taken = ast.unparse(node.slice).strip("()")
        return True if taken in ("..., 0", ", ".join([":"] * (rank - 1) + ["0"])) else None
    return None


def _reduced(node: ast.expr, rank: int, bound: Mapping[str, ast.Assign]) -> bool | None:
    """Whether the error of each example (or pixel) is one number; None where that is not certain."""
    if isinstance(node, ast.Call) and called(node) in _OVER_THE_LAST:
        axis = argument_of(node, "axis", 1)
        kept = any(word.arg in ("keepdims", "keep_dims") for word in node.keywords)
        return True if axis is not None and not kept and ast.unparse(axis) in ("-1", str(rank - 1)) else None
    if isinstance(node, ast.Call) and "crossentropy" in called(node).replace("_", ""):
        return True if rank == 2 or not node.keywords else None
    if isinstance(node, ast.Call) and called(node) in ("square", "abs", "pow"):
        return False
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return False
    return False if rank > 2 and _by_element(node, bound) else None


def _by_element(node: ast.expr, bound: Mapping[str, ast.Assign]) -> bool:
    """Whether a value is computed from the targets and the prediction without putting any of their numbers together."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and called(each) not in _BY_ELEMENT:
            return False
        if isinstance(each, (ast.Subscript, ast.Compare, ast.Starred, ast.Lambda)):
            return False
        if isinstance(each, ast.Name) and each.id in bound and not _over_itself(each, bound):
            return False
    return True


def _over_itself(name: ast.Name, bound: Mapping[str, ast.Assign]) -> bool:
    """Whether a name is bound to what is computed number by number as well, of itself or of others."""
    rest = {key: value for key, value in bound.items() if key != name.id}
    return _by_element(bound[name.id].value, rest)


def _without_input(program: Program, rewrite: Rewrite, model: Network, given: Tensor, place: int, path: str) -> None:
    """The model is described without the tensor, which is not made any more."""
    inputs = argument_of(model.node, "inputs", 0)
    maker = given.operation.node
    statement = program.statement(maker, path) if maker is not None else None
    if (
        not isinstance(inputs, (ast.List, ast.Tuple))
        or not isinstance(statement, ast.Assign)
        or statement.value is not maker
        or len(statement.targets) != 1
        or not isinstance(statement.targets[0], ast.Name)
    ):
        raise CannotMove("how the model is described is not certain")
    name = statement.targets[0].id
    scope = function_around(program, statement, path) or program.trees[path]
    uses = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == name]
    if len(uses) != 3 or not any(isinstance(each, ast.Name) and each.id == name for each in inputs.elts):
        # One makes it, one hands it to the model, and one to the loss.
        raise CannotMove("the tensor is used elsewhere as well")
    rewrite.replace(inputs, _rest(program, inputs, place, path))
    rewrite.remove([statement])


def _rest(program: Program, listed: ast.List | ast.Tuple, place: int, path: str) -> str:
    others = [program.source(each, path) for index, each in enumerate(listed.elts) if index != place]
    return others[0] if len(others) == 1 else f"[{', '.join(others)}]"


def _fed_without(
    program: Program, model: Network, event: Trained, place: int, count: int, path: str
) -> tuple[Edit, ...]:
    """Every call that feeds the model, with one input less; the trainings and tests get it as weights."""
    return tuple(
        _fed(program, call, method, place, count, event, path)
        for call, method in fed_calls(program, model, event, path)
    )


def _fed(program: Program, call: ast.Call, method: str, place: int, count: int, event: Trained, path: str) -> Edit:
    given = argument_of(call, "x", 0)
    words = words_of(program, call, path)
    listed = given if isinstance(given, (ast.List, ast.Tuple)) and len(given.elts) == count else None
    if listed is None or words is None or words & {"sample_weight", "callbacks"}:
        raise CannotMove("how the model is fed is not certain")
    changes: list[Change] = [Set("x" if "x" in words else 0, _rest(program, listed, place, path))]
    if FED[method]:
        truth = argument_of(call, "y", 1)
        if truth is None:
            raise CannotMove("how the model is fed is not certain")
        behind: str | int | None = "y" if "y" in words else 1 if len(call.args) == 2 else None
        changes.append(Set("sample_weight", program.source(listed.elts[place], path), behind))
    held = next((word.value for word in call.keywords if word.arg == "validation_data"), None)
    if held is not None:
        parts = held.elts if isinstance(held, ast.Tuple) and len(held.elts) == 2 else []
        if not parts or not isinstance(parts[0], (ast.List, ast.Tuple)) or len(parts[0].elts) != count:
            raise CannotMove("how the model is tested is not certain")
        weight = program.source(parts[0].elts[place], path)
        text = f"({_rest(program, parts[0], place, path)}, {program.source(parts[1], path)}, {weight})"
        changes.append(Set("validation_data", text))
    return change_call(program.files[path], call, *changes)
