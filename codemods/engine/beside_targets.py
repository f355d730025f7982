"""An input of the model that the loss mixes with the prediction comes to the loss beside the targets.

Keras gives a loss the targets of the batch as they were given to the training; more columns of them reach it the same
way. The model keeps its inputs, so whoever asks it for predictions goes on as before.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, Function, Mapping, Network, Tensor, Value
from regrad.codemods.engine import imports
from regrad.codemods.engine.arguments import Change, Set, change_call
from regrad.codemods.engine.fed_calls import FED, fed_calls, is_loss_of, loss_given, words_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite, at_start
from regrad.codemods.engine.operations_of import described
from regrad.codemods.engine.own_losses import captured
from regrad.codemods.engine.parameters_left_out import without_parameters
from regrad.codemods.engine.respelling import quoted
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around, stored
from regrad.codemods.engine.two_calls import argument_of

_DESCRIPTION = frozenset({"input", "inputs", "output", "outputs", "get_layer"})
_UNCERTAIN = "how the model is fed is not certain"


class _Extra(NamedTuple):
    """An input that the loss needs: its name in the loss, its place among the inputs, and how wide it is."""

    name: str
    place: int
    given: Tensor
    width: int
    key: str | None
    """What it is called in a dictionary of inputs."""


def beside_targets(program: Program, function: Function) -> tuple[Edit, ...]:
    """The edits; raises `CannotMove` where the columns of the targets are not certain."""
    event = next((each for each in program.of(Trained) if is_loss_of(each, function)), None)
    model, path, node = event.model if event is not None else None, function.module, function.node
    if event is None or not isinstance(model, Network) or event.compilation is None or event.target is None:
        raise CannotMove("the model is not one of the library")
    if {path, event.frame.path, event.compilation.frame.path} != {path} or path not in program.files:
        raise CannotMove("the loss and the training stand in different files")
    if not isinstance(node, ast.FunctionDef) or node.decorator_list or function.owner is not None:
        raise CannotMove("the loss is not a function of its own")
    compiling = event.compilation.node
    measured = {word.arg for word in compiling.keywords} if compiling is not None else {None}
    if event.compilation.metrics is not None or measured & {None, "metrics", "weighted_metrics", "loss_weights"}:
        raise CannotMove("what else is measured would be given the wider targets as well")
    if len(event.heads) != 1 or len(node.args.args) != 2 or node.args.vararg or node.args.kwonlyargs:
        raise CannotMove("the model has several outputs")
    extras = _extras(event, model, function, node)
    width = _width(event, extras)
    rewrite = Rewrite(program.files[path], program.trees[path])
    truth = node.args.args[0].arg
    rewrite.insert(_taken_apart(program, node, path, truth, width, extras), at_start(node))
    around = function_around(program, node, path)
    parameters = without_parameters(program, around, loss_given(event), [each.name for each in extras], path)
    if not parameters and not _only_compiled(program, event, function, path):
        raise CannotMove("the loss is used elsewhere as well")
    count = len(described(model, "inputs"))
    fed = [
        _fed(program, call, method, extras, count, path)
        for call, method in fed_calls(program, model, event, path)
        if FED[method]
    ]
    return (*rewrite.edits(), *parameters, *fed)


def _extras(event: Trained, model: Network, function: Function, node: ast.FunctionDef) -> list[_Extra]:
    """The inputs of the model that the loss takes from around itself, in the order of the inputs."""
    own = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
    own |= {name for statement in node.body for name in stored(statement)}
    inputs = described(model, "inputs")
    found: dict[str, _Extra] = {}
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and each.attr in _DESCRIPTION:
            raise CannotMove("the loss asks the model for more than its inputs")
        if not isinstance(each, ast.Name) or not isinstance(each.ctx, ast.Load) or each.id in own:
            continue
        holder = function.scope.find(each.id)
        value = holder.names[each.id] if holder is not None else None
        if not isinstance(value, Tensor) or not value.symbolic:
            continue
        place = next((index for index, one in enumerate(inputs) if one is value), None)
        last = value.shape[-1] if value.shape else None
        if place is None or not isinstance(last, int):
            raise CannotMove("the loss takes more than inputs from the model")
        found[each.id] = _Extra(each.id, place, value, last, _key(event, model, place, value))
    first = captured(event.target, function) if event.target is not None else None
    if not found or first is None or not any(each.given is first[1] for each in found.values()):
        raise CannotMove("the tensor has no name of its own")
    return sorted(found.values(), key=lambda each: each.place)


def _key(event: Trained, model: Network, place: int, given: Tensor) -> str | None:
    """The name of an input, where the training is given a dictionary that has it."""
    inputs = argument_of(model.node, "inputs", 0)
    stated = (given.operation.arguments or {}).get("name")
    key: object = stated.value if isinstance(stated, Constant) else None
    if isinstance(inputs, ast.Dict):
        said = inputs.keys[place] if place < len(inputs.keys) and None not in inputs.keys else None
        key = said.value if isinstance(said, ast.Constant) else None
    return key if isinstance(key, str) and isinstance(event.x, Mapping) and key in event.x.entries else None


def _width(event: Trained, extras: list[_Extra]) -> int:
    """How many columns the targets have; all that comes beside them is known to have the same form."""
    truth = _alone(event.y)
    shape = truth.shape if isinstance(truth, Tensor) else None
    if shape is None or len(shape) < 2 or not isinstance(shape[-1], int):
        raise CannotMove("the form of the targets is not certain")
    for each in extras:
        given = each.given.shape or ()
        real = _fed_with(event.x, each)
        known = real.shape if isinstance(real, Tensor) else None
        if known is None and len(given) < 3 and each.width == 1:
            # Keras makes a column of what has one axis only; beside the targets it would not be one.
            raise CannotMove("the form of the input is not certain")
        same = len(given) == len(shape) and (known is None or len(known) == len(shape))
        pairs = list(zip(given[1:-1], shape[1:-1], strict=False)) if same else []
        if not same or any(one is not None and other is not None and one != other for one, other in pairs):
            raise CannotMove("the input has another form than the targets")
    return shape[-1]


def _fed_with(data: Value | None, extra: _Extra) -> Value | None:
    """What the training is given for an input."""
    if isinstance(data, Mapping):
        return data.entries.get(extra.key)
    items = data.items if isinstance(data, Collection) else ()
    return items[extra.place] if extra.place < len(items) else None


def _alone(value: Value | None) -> Value | None:
    return value.items[0] if isinstance(value, Collection) and len(value.items) == 1 else value


def _taken_apart(
    program: Program, node: ast.FunctionDef, path: str, truth: str, width: int, extras: list[_Extra]
) -> str:
    """The statement at the start of the loss that takes the targets and the inputs apart."""
    names = ", ".join([truth, *(each.name for each in extras)])
    split = imports.spelled(program.trees[path], ["tensorflow.split", "keras.ops.split"], node)
    if split is not None and {each.width for each in extras} == {width}:
        return f"{names} = {split}({truth}, {len(extras) + 1}, axis=-1)"
    widths = [_said(program, each, path) for each in extras]
    sized = imports.spelled(program.trees[path], ["tensorflow.split"], node)
    if sized is not None and len(extras) > 1:
        return f"{names} = {sized}({truth}, [-1, {', '.join(widths)}], axis=-1)"
    ahead = ":, " if len(extras[0].given.shape or ()) == 2 else "..., "
    ends = [_from_the_end(widths[index:]) for index in range(len(widths))]
    parts = [f"{truth}[{ahead}:{ends[0]}]"]
    for index, start in enumerate(ends):
        parts.append(f"{truth}[{ahead}{start}:{ends[index + 1] if index + 1 < len(ends) else ''}]")
    return f"{names} = {', '.join(parts)}"


def _said(program: Program, extra: _Extra, path: str) -> str:
    """How the program says the width of an input, where the loss can say it too."""
    shape = argument_of(extra.given.operation.node, "shape", 0)
    last = shape.elts[-1] if isinstance(shape, ast.Tuple | ast.List) and shape.elts else None
    if isinstance(last, ast.Constant) and last.value == extra.width:
        return str(extra.width)
    frame = extra.given.operation.frame
    if isinstance(last, ast.Name) and frame is not None:
        holder = frame.scope.find(last.id)
        value = holder.names[last.id] if holder is not None and holder is holder.outermost() else None
        if isinstance(value, Constant) and value.value == extra.width:
            return last.id
    raise CannotMove("how wide the input is has no name that the loss can say")


def _from_the_end(widths: list[str]) -> str:
    if all(each.isdigit() for each in widths):
        return f"-{sum(map(int, widths))}"
    return f"-{widths[0]}" if len(widths) == 1 else f"-({' + '.join(widths)})"


def _only_compiled(program: Program, event: Trained, function: Function, path: str) -> bool:
    """Whether `compile` alone uses the loss."""
    node = loss_given(event)
    named = [each for each in program.nodes_of(path, ast.Name) if each.id == function.name]
    return len(named) == 1 and named[0] is node


def _fed(program: Program, call: ast.Call, method: str, extras: list[_Extra], count: int, path: str) -> Edit:
    given, truth = argument_of(call, "x", 0), argument_of(call, "y", 1)
    words = words_of(program, call, path)
    if words is None or words & {"sample_weight", "class_weight", "callbacks"} or truth is None or len(call.args) > 2:
        raise CannotMove(_UNCERTAIN)
    changes: list[Change] = [Set("y" if "y" in words else 1, _beside(program, given, truth, extras, count, path))]
    held = next((word.value for word in call.keywords if word.arg == "validation_data"), None)
    if held is not None:
        parts = held.elts if isinstance(held, ast.Tuple) and len(held.elts) == 2 else []
        if not parts:
            raise CannotMove("how the model is tested is not certain")
        wider = _beside(program, parts[0], parts[1], extras, count, path)
        changes.append(Set("validation_data", f"({program.source(parts[0], path)}, {wider})"))
    return change_call(program.files[path], call, *changes)


def _beside(
    program: Program, given: ast.expr | None, truth: ast.expr, extras: list[_Extra], count: int, path: str
) -> str:
    """The targets with the inputs behind them."""
    parts = _parts(program, given, extras, count, path)
    joined = imports.spelled(program.trees[path], ["numpy.concatenate"], given)
    joined = joined or imports.spelled(program.trees[path], ["tensorflow.concat", "keras.ops.concatenate"], given)
    alone = isinstance(truth, ast.List) and len(truth.elts) == 1
    inner = truth.elts[0] if isinstance(truth, ast.List) and alone else truth
    if joined is None or isinstance(inner, ast.List | ast.Tuple | ast.Dict | ast.Starred):
        raise CannotMove(_UNCERTAIN)
    text = ", ".join((program.source(inner, path), *parts))
    text = f"{joined}([{text}], axis=-1)"
    return f"[{text}]" if alone else text


def _parts(program: Program, given: ast.expr | None, extras: list[_Extra], count: int, path: str) -> list[str]:
    """How the inputs are said that go beside the targets."""
    keyed = [each.key for each in extras if each.key is not None]
    if isinstance(given, ast.Name | ast.Attribute) and len(keyed) == len(extras):
        return [f"{program.source(given, path)}[{quoted(program, path, key)}]" for key in keyed]
    nodes: list[ast.expr] = []
    if isinstance(given, ast.List | ast.Tuple) and len(given.elts) == count:
        nodes = [given.elts[each.place] for each in extras]
    elif isinstance(given, ast.Dict):
        said = {
            key.value: value
            for key, value in zip(given.keys, given.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        nodes = [said[key] for key in keyed if key in said]
    if len(nodes) != len(extras):
        raise CannotMove(_UNCERTAIN)
    if any(isinstance(each, ast.Call | ast.Starred) for part in nodes for each in ast.walk(part)):
        raise CannotMove("the input would be computed twice")
    return [program.source(each, path) for each in nodes]
