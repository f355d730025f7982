"""One model in the place of two: it gives the features and the prediction that is made of them."""

from __future__ import annotations

import ast

from regrad.analysis import unreached
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Network, Operation, Value
from regrad.codemods.engine.model_inside import Inside, model_inside
from regrad.codemods.engine.moving import CannotMove, Rewrite, before
from regrad.codemods.engine.operations_of import described, reached
from regrad.codemods.engine.rule import Edit, Mending, Safety
from regrad.codemods.engine.surroundings import block_of, free_name, index_in, loaded, stored
from regrad.codemods.engine.two_calls import TwoCalls, argument_of

_NAMES = ("prediction", "scores", "answer")


def one_model(program: Program, evidence: TwoCalls) -> Mending:
    """One model gives the features and the prediction, so that the second is computed from the first."""
    event = evidence.event
    operation, frame = evidence.source.operation, event.frame
    call, maker, path = operation.node, operation.callee, frame.path
    first = program.statement(call, path) if call is not None else None
    if (
        not isinstance(maker, Network)
        or maker.form != "functional"
        or not isinstance(call, ast.Call)
        or operation.frame is not frame
    ):
        raise CannotMove("the two calls do not stand side by side")
    if (
        not isinstance(first, ast.Assign)
        or first.value is not call
        or len(first.targets) != 1
        or not isinstance(first.targets[0], ast.Name)
    ):
        raise CannotMove("the source has no name of its own")
    other = _other_call(program, evidence, call)
    second = other.node
    whole = other.callee
    assert isinstance(second, ast.Call) and isinstance(whole, Network)
    build = maker.node
    outputs = argument_of(build, "outputs", 1)
    inputs = argument_of(build, "inputs", 0)
    if outputs is None or inputs is None or isinstance(outputs, (ast.List, ast.Tuple)):
        raise CannotMove("the model of the source is made elsewhere")
    made_at = maker.frame
    if made_at is None or made_at.path not in program.files:
        raise CannotMove("the model of the source is made elsewhere")
    _only_called(program, maker, build, call, path)
    inside: Inside | None = None
    try:
        output = _output_of(program, whole, maker, second, inputs, frame)
    except CannotMove:
        owner = _asked_of(inputs)
        if owner is None or made_at is not frame:
            raise
        inside = model_inside(program, whole, _value_of(owner, made_at), owner, second, frame)
        output = inside.output
    statement = program.statement(second, path)
    if statement is None or block_of(program, statement, path) is not block_of(program, first, path):
        raise CannotMove("the two calls do not stand side by side")
    text = f"[{program.source(outputs, made_at.path)}, {output}]"
    rewrites = {each: Rewrite(program.files[each], program.trees[each]) for each in {path, made_at.path}}
    rewrites[made_at.path].replace(outputs, text)
    _joined(program, rewrites[path], evidence, first, call, second, statement, inside)
    edits: list[Edit] = []
    for each in sorted(rewrites):
        edits.extend(rewrites[each].edits())
    reason = "the target is computed from the source, as a gradient needs it"
    return Mending("let one model give both", Safety.UNSAFE, tuple(edits), reason)


def _other_call(program: Program, evidence: TwoCalls, call: ast.Call) -> Operation:
    """The one call, of another model, on the same input, that the target comes from."""
    sinks = [sink for sink in program.sinks if sink.event is evidence.event]
    found: dict[int, Operation] = {}
    for tensor in reached(iter([sink.target for sink in sinks])):
        operation = tensor.operation
        if (
            operation.kind == "model"
            and not tensor.symbolic
            and operation.frame is evidence.event.frame
            and operation.node is not None
        ):
            found[id(operation.node)] = operation
    others = list(found.values())
    if len(others) != 1 or not isinstance(others[0].callee, Network):
        raise CannotMove("which call computes the target is not certain")
    other = others[0]
    same = isinstance(other.node, ast.Call) and _arguments(other.node) == _arguments(call)
    if not same:
        raise CannotMove("the two models are not given the same")
    return other


def _arguments(call: ast.Call) -> list[str]:
    return [ast.dump(each) for each in (*call.args, *call.keywords)]


def _only_called(program: Program, maker: Network, build: ast.AST | None, call: ast.Call, path: str) -> None:
    """Raises unless the call is all that becomes of the model of the source."""
    assert maker.frame is not None
    made_in = maker.frame.path
    parent = program.parents(made_in).get(build) if build is not None else None
    names = [call.func]
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        names.append(parent.targets[0])
    elif not isinstance(program.statement(build, made_in) if build is not None else None, ast.Return):
        raise CannotMove("what else is done with the model of the source is not certain")
    for name in names:
        spelled = name.id if isinstance(name, ast.Name) else name.attr if isinstance(name, ast.Attribute) else None
        if spelled is None:
            raise CannotMove("what else is done with the model of the source is not certain")
        reads = [
            each
            for file in program.files
            for each in (*program.nodes_of(file, ast.Name), *program.nodes_of(file, ast.Attribute))
            if isinstance(each, (ast.Name, ast.Attribute)) and isinstance(each.ctx, ast.Load)
            if (each.id if isinstance(each, ast.Name) else each.attr) == spelled
        ]
        handed = any(argument.arg == spelled for argument in program.nodes_of(path, ast.arg))
        if len(reads) > 1 or handed:
            raise CannotMove(f"`{spelled}` is used elsewhere as well")


def _output_of(
    program: Program, whole: Network, maker: Network, second: ast.Call, inputs: ast.expr, frame: Frame
) -> str:
    """How the output of the whole model is spelled where the model of the source is made."""
    made_at = maker.frame
    assert made_at is not None
    outputs, features = described(whole, "outputs"), described(maker, "outputs")
    if outputs and features:
        if len(outputs) != 1 or not any(each is features[0] for each in reached(iter(outputs))):
            raise CannotMove("the prediction is not made of the source")
        named = [name for name, value in made_at.scope.names.items() if value is outputs[0]]
        scope = unreached.scope_of(program, made_at)
        stores = [each.id for each in ast.walk(scope) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
        if not isinstance(inputs, ast.Attribute) and len(named) == 1 and stores.count(named[0]) == 1:
            return named[0]
    owner = _asked_of(inputs)
    if owner is not None:
        spelled = program.source(owner, made_at.path)
        called = made_at is frame and spelled == program.source(second.func, frame.path)
        if called or _value_of(owner, made_at) is whole:
            # Keras 3 denies a Sequential its `output` until it was called.
            return f"{spelled}.outputs[0]" if whole.form == "sequential" else f"{spelled}.output"
    raise CannotMove("the two models do not share their input")


def _asked_of(inputs: ast.expr) -> ast.expr | None:
    """The model whose input is taken: `model.inputs`, `[model.input]`."""
    if isinstance(inputs, ast.Subscript):
        inputs = inputs.value
    if isinstance(inputs, (ast.List, ast.Tuple)) and len(inputs.elts) == 1:
        inputs = inputs.elts[0]
    return inputs.value if isinstance(inputs, ast.Attribute) and inputs.attr in ("input", "inputs") else None


def _value_of(node: ast.expr, frame: Frame) -> Value | None:
    """What a name, or an attribute of one, stands for."""
    if isinstance(node, ast.Name):
        holder = frame.scope.find(node.id)
        return holder.names[node.id] if holder is not None else None
    if isinstance(node, ast.Attribute):
        owner = _value_of(node.value, frame)
        value = owner.fields.get(node.attr) if isinstance(owner, Instance) else None
        return value if isinstance(value, Value) else None
    return None


def _joined(
    program: Program,
    rewrite: Rewrite,
    evidence: TwoCalls,
    first: ast.Assign,
    call: ast.Call,
    second: ast.Call,
    statement: ast.stmt,
    inside: Inside | None,
) -> None:
    """One call where the earlier of the two stood; the other one is read from it, or computed on from there."""
    path = evidence.event.frame.path
    block = block_of(program, first, path)
    plain = (
        isinstance(statement, ast.Assign)
        and statement.value is second
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
    )
    if plain:
        assert isinstance(statement, ast.Assign)
        name = program.source(statement.targets[0], path)
    else:
        name = free_name(program, path, unreached.scope_of(program, evidence.event.frame), _NAMES)
    features = program.source(first.targets[0], path)
    text = f"{features}, {name} = {program.source(call, path)}"
    places = index_in(block, statement) or 0, index_in(block, first) or 0
    earlier = places[0] < places[1]
    between = block[min(places) + 1 : max(places)]
    if any(loaded(call) & stored(each) for each in (*between, *([first] if not earlier else [statement]))):
        raise CannotMove("the two models are not given the same")
    if not earlier:
        rewrite.replace(first, text)
    elif inside is not None:
        raise CannotMove("the two calls do not stand side by side")
    if inside is not None:
        each = free_name(program, path, unreached.scope_of(program, evidence.event.frame), ("layer", "each"))
        rewrite.insert(f"for {each} in {inside.following}:\n    {name} = {each}({name})", before(statement))
    if plain and earlier:
        rewrite.replace(statement, text)
    elif plain:
        rewrite.remove([statement])
    else:
        rewrite.replace(second, name)
        if earlier:
            rewrite.insert(text, before(statement))
    if earlier:
        rewrite.remove([first])
    # Watching what was computed already changes nothing, and says that it did.
    rewrite.remove([each for each in block if isinstance(each, ast.Expr) and _watches(each.value, features)])


def _watches(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "watch"
        and not node.keywords
        and [ast.unparse(each) for each in node.args] == [name]
    )
