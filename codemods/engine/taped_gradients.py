"""`tf.gradients` written out for eager code: what computes the loss under a tape, and that tape is asked."""

from __future__ import annotations

import ast

from regrad.analysis.events import GradientTaken
from regrad.analysis.flow import Flow
from regrad.analysis.freshness import has_weights
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Layer, Tensor, Unknown, Value, Variable, WeightList
from regrad.codemods.engine.effects import reading_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.leading_up import leading_up, operations_behind
from regrad.codemods.engine.rule import Edit, Mending, Mendings, Safety
from regrad.codemods.engine.surroundings import block_of, free_name, function_around, index_in, loaded, stored
from regrad.codemods.engine.taped_minimize import tape_spelling

_TARGETS, _SOURCES = ("ys", "loss"), ("xs", "variables", "var_list")
_WITHOUT_EFFECT = frozenset({"name", "colocate_gradients_with_ops", "gate_gradients", "aggregation_method"})
"""Arguments of `tf.gradients` that change how a graph is laid out, and no value."""
_HOLD_WEIGHTS = ("variables", "weights", "params", "parameters")


def tape_for_gradients(program: Program, event: GradientTaken) -> Mendings:
    """Put the statements that compute the loss under a tape that watches the sources, and ask that tape."""
    return (Mending("ask a tape for the gradient", Safety.SAFE, _edits(program, event)),)


def _edits(program: Program, event: GradientTaken) -> tuple[Edit, ...]:
    from regrad.codemods.engine import moving

    path, node = event.frame.path, event.node
    statement = program.statement(node, path)
    if statement is None or not isinstance(node, ast.Call) or isinstance(statement, ast.While):
        raise CannotMove("the gradients are not asked for in a statement of their own")
    target, sources, rest = _arguments(program, node, path)
    found = leading_up(program, event, target, operations_behind(event, event.target, event.sources))
    row = found.statements or _bound_by_name(program, target, statement, path)
    if not row and not found.in_given:
        raise CannotMove("where the loss is computed was not found")
    scope = function_around(program, statement, path) or program.trees[path]
    tape = free_name(program, path, scope, ("tape",))
    parts = _to_watch(program, event, sources, row)
    lead = _watch(program, event, parts, tape)
    if lead:
        _refuse_late_sources(program, row, parts, statement, path)
    name, tail = program.source(target, path), ""
    if found.in_given:
        name = free_name(program, path, scope, ("target", "loss", "value"))
        tail = f"{name} = {program.source(target, path)}"
    asked = program.source(sources, path)
    # `tf.gradients` answers with a list, whatever it is asked for.
    listed = asked if _is_list(event.sources, sources) else f"[{asked}]"
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    header = f"with {tape_spelling(program, path)}() as {tape}:"
    if row:
        if tail:
            row = _up_to(program, row, statement, path)
        rewrite.wrap(row, header, lead=lead, tail=tail)
    else:
        inner = "".join(f"\n    {line}" for line in (lead, tail) if line)
        rewrite.insert(f"{header}{inner}", moving.before(statement))
    gradients = f"{tape}.gradient({', '.join((name, listed, *rest))})"
    rewrite.replace(node, f"list(zip({gradients}, {listed}))" if event.method == "compute_gradients" else gradients)
    return rewrite.edits()


def _arguments(program: Program, node: ast.Call, path: str) -> tuple[ast.expr, ast.expr, list[str]]:
    """What is differentiated, with respect to what, and the other arguments as `tape.gradient` takes them."""
    if any(isinstance(each, ast.Starred) for each in node.args) or any(word.arg is None for word in node.keywords):
        raise CannotMove("the arguments of the call are unpacked from elsewhere")
    stated = {word.arg: word.value for word in node.keywords if word.arg is not None}
    given = dict(enumerate(node.args))
    target = given.get(0) or next((stated.pop(word) for word in _TARGETS if word in stated), None)
    sources = given.get(1) or next((stated.pop(word) for word in _SOURCES if word in stated), None)
    incoming = given.get(2) or stated.pop("grad_ys", None)
    if target is None or sources is None or len(node.args) > 3:
        raise CannotMove("the arguments of the call are not all known")
    rest: list[str] = []
    if incoming is not None and not (isinstance(incoming, ast.Constant) and incoming.value is None):
        rest.append(f"output_gradients={program.source(incoming, path)}")
    for word, value in stated.items():
        if word == "unconnected_gradients":
            rest.append(f"{word}={program.source(value, path)}")
        elif word not in _WITHOUT_EFFECT:
            raise CannotMove(f"`{word}` has no counterpart in `tape.gradient`")
    return target, sources, rest


def _is_list(value: Value, node: ast.expr) -> bool:
    return (
        isinstance(value, (Collection, WeightList))
        or isinstance(node, (ast.List, ast.Tuple, ast.ListComp))
        or _names_weights(node)
    )


def _names_weights(node: ast.expr) -> bool:
    """Whether a name says that it holds the weights of something."""
    word = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return any(word == each or word.endswith(f"_{each}") for each in _HOLD_WEIGHTS)


def _to_watch(program: Program, event: GradientTaken, sources: ast.expr, row: tuple[ast.stmt, ...]) -> list[ast.expr]:
    """The expressions of the sources that a tape around the row would not know by itself."""
    plain = (Variable, Layer, WeightList)
    value = event.sources
    items = value.items if isinstance(value, Collection) else (value,)
    if all(isinstance(each, plain) or _known_by_weights(program, each, row, event.frame.path) for each in items):
        return []
    if isinstance(value, Unknown) and _names_weights(sources):
        return []
    if isinstance(sources, (ast.List, ast.Tuple)):
        if isinstance(value, Collection) and len(value.items) == len(sources.elts):
            pairs = zip(sources.elts, value.items, strict=True)
            return [
                each
                for each, item in pairs
                if not (isinstance(item, plain) or _known_by_weights(program, item, row, event.frame.path))
            ]
        return list(sources.elts)
    return [sources]


def _known_by_weights(program: Program, value: Value, row: tuple[ast.stmt, ...], path: str) -> bool:
    """Whether a model or layer gives a tensor in the row: its weights, which a tape watches, have it recorded."""
    if not isinstance(value, Tensor) or value.symbolic or value.operation.kind not in ("model", "layer"):
        return False
    operation = value.operation
    place = program.statement(operation.node, path) if operation.node is not None else None
    if operation.frame is None or operation.frame.path != path or not any(place is each for each in row):
        return False
    reached = Flow(None).reach(value).sources.values()
    return any(isinstance(each, Layer) and has_weights(each) for each in reached)


def _watch(program: Program, event: GradientTaken, parts: list[ast.expr], tape: str) -> str:
    """The statement that has the tape watch what is no variable."""
    if not parts:
        return ""
    for part in parts:
        if not isinstance(part, (ast.Name, ast.Attribute)):
            raise CannotMove("what the gradient is asked for has no name of its own")
    value = event.sources
    items = value.items if isinstance(value, Collection) else (value,)
    if any(isinstance(item, Tensor) and item.numpy for item in items):
        raise CannotMove("the gradient is asked for with respect to a NumPy array")
    texts = [program.source(part, event.frame.path) for part in parts]
    watched = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return f"{tape}.watch({watched})"


def _bound_by_name(program: Program, target: ast.expr, statement: ast.stmt, path: str) -> tuple[ast.stmt, ...]:
    """Where the way is not known: all from the first to the last statement of the block that binds the target."""
    if not isinstance(target, ast.Name):
        return ()
    block = block_of(program, statement, path)
    places = [at for at, other in enumerate(block[: index_in(block, statement)]) if target.id in stored(other)]
    return tuple(block[places[0] : places[-1] + 1]) if places else ()


def _refuse_late_sources(
    program: Program, row: tuple[ast.stmt, ...], sources: list[ast.expr], statement: ast.stmt, path: str
) -> None:
    """A source that is bound anew after the tape has begun is not the one that the tape was told to watch."""
    if not row:
        return
    block = block_of(program, row[0], path)
    first = index_in(block, row[0]) or 0
    names = set().union(*(loaded(each) for each in sources))
    for other in block[first:]:
        if other.lineno >= statement.lineno:
            break
        if stored(other) & names:
            raise CannotMove("what the gradient is asked for is bound among the statements that compute the loss")


def _up_to(program: Program, row: tuple[ast.stmt, ...], statement: ast.stmt, path: str) -> tuple[ast.stmt, ...]:
    """The row with everything up to the statement that asks, where the loss itself is computed in that statement."""
    block = block_of(program, row[0], path)
    first, end = index_in(block, row[0]), index_in(block, statement)
    if first is None or end is None:
        raise CannotMove("the loss is computed in another block")
    reading = reading_of(program.trees[path])
    if any(reading.of(each).leaves for each in block[first:end]):
        raise CannotMove("a `return`, `break` or `continue` stands in front of the loss")
    return tuple(block[first:end])
