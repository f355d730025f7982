"""A generator of batches hands over what it computes a value from, and the tape in the loop over it computes the value.

Each batch of a generator is made when the loop asks for it, just before its body runs: between the two places nothing
else happens than what stands before the tape in that body.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.location import Span
from regrad.analysis.parameters import positional, positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Operation
from regrad.analysis.weights import ATTRIBUTES
from regrad.codemods.engine import moving
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.effects import reading_of, swap
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.passage import behind_watches
from regrad.codemods.engine.recording import Recorder
from regrad.codemods.engine.renamed_text import renamed_text
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import block_of, function_around, index_in, loaded, stored, stored_locally

_PASSED_ON = {"enumerate": 1}
"""What a loop may go through instead of the generator itself, and which part of each element the batch is then."""


class _Yielded(NamedTuple):
    """The value that is computed too early: its expression, where it stands in a batch, and its statement if any."""

    value: ast.expr
    place: int | None
    """Its index in the tuple that is yielded; None where it is all that is."""
    parts: int
    handed: ast.expr
    """What stands for it in the `yield`."""
    statement: ast.stmt | None


class _Source(NamedTuple):
    """What the value is computed from: the expression that is yielded instead, and what the loop calls it."""

    node: ast.expr
    name: str


def computed_by_the_tape(program: Program, recorder: Recorder, operations: Sequence[Operation]) -> tuple[Edit, ...]:
    """The edits; raises `CannotMove` where no generator makes the value, or the loop may not compute it."""
    maker = _generator(operations, recorder.frame)
    assert maker.function is not None
    function, call = maker.function.node, maker.call
    if not isinstance(function, ast.FunctionDef) or not isinstance(call, ast.Call):
        raise CannotMove("the operation is not made by a generator")
    path, made_in = recorder.frame.path, maker.path
    if path not in program.files or made_in not in program.files:
        raise CannotMove("the generator is not part of the program")
    others = _other_calls(program, function, call)
    places = [place_in(each.frame, each.node, maker) for each in operations]
    yielded = _yielded(program, function, made_in, places)
    target, loop = _bound_in_loop(program, call, yielded, path)
    if index_in(loop.body, recorder.owner) is None:
        raise CannotMove("the tape does not stand in the loop over the generator itself")
    _check_way(program, recorder, loop, target.id, yielded.value, path)
    renamed = _renamed(recorder.frame, maker, function, call, yielded.value)
    source = _source(program, made_in, yielded.value, set(renamed), {id(each) for each in places})
    name = _free(program, recorder.owner, function, path, source.name)
    text = _computed_from(program, yielded, source, renamed, name, made_in)
    files = {path, made_in, *(each for each, _ in others)}
    rewrites = {each: moving.Rewrite(program.files[each], program.trees[each]) for each in sorted(files)}
    for file, other in others:
        bound, around = _bound_in_loop(program, other, yielded, file)
        there = _renamed_elsewhere(program, function, made_in, other, file, yielded.value, around)
        if not loaded(yielded.value) - loaded(source.node) <= there.keys():
            raise CannotMove("the generator serves other code as well, which does not see what it calls")
        called_there = _free(program, around, function, file, source.name)
        rewrites[file].replace(bound, called_there)
        computed = _computed_from(program, yielded, source, there, called_there, made_in)
        rewrites[file].insert(f"{bound.id} = {computed}", moving.at_start(around))
    rewrites[made_in].replace(yielded.handed, program.source(source.node, made_in))
    if yielded.statement is not None:
        rewrites[made_in].remove([yielded.statement], keep_comments=True)
    rewrites[path].replace(target, name)
    rewrites[path].insert(f"{target.id} = {text}", behind_watches(recorder.owner))
    edits = [edit for rewrite in rewrites.values() for edit in rewrite.edits()]
    calls = [(path, call), *others]
    return (*edits, *_without_parameters(program, function, made_in, calls, yielded, source))


def _computed_from(
    program: Program, yielded: _Yielded, source: _Source, renamed: Mapping[str, str], name: str, path: str
) -> str:
    """The expression of the value as a loop can say it, which calls what the generator yields by a name."""
    text = program.source(yielded.value, path)
    if isinstance(source.node, ast.Name):
        return renamed_text(text, {**renamed, source.node.id: name})
    before, _, behind = text.partition(program.source(source.node, path))
    if name in renamed:
        raise CannotMove("the generator uses the likely name for other things")
    return renamed_text(f"{before}{name}{behind}", renamed)


def _generator(operations: Sequence[Operation], frame: Frame) -> Frame:
    """The activation of the one generator that made all the operations, called where the tape stands."""
    found: list[Frame] = []
    for operation in operations:
        current = operation.frame
        while current is not None and current.caller is not None and current.caller.scope is not frame.scope:
            current = current.caller
        if current is None or current.caller is None or current.function is None:
            raise CannotMove("the operation is not made by a generator")
        found.append(current)
    first = found[0] if found else None
    if first is None or first.function is None:
        raise CannotMove("the operation is not made by a generator")
    if any(each.call is not first.call or each.function is None for each in found):
        raise CannotMove("the operations are made by several generators")
    return first


def _other_calls(program: Program, function: ast.FunctionDef, call: ast.Call) -> list[tuple[str, ast.Call]]:
    """The other calls of the generator, each with its file; any other use of its name is none that can be mended."""
    found: list[tuple[str, ast.Call]] = []
    for path in program.trees:
        parents = program.parents(path)
        aliases = [each for node in program.nodes_of(path, ast.ImportFrom) for each in node.names]
        named = [each for each in program.nodes_of(path, ast.Name) if each.id == function.name]
        dotted = [each for each in program.nodes_of(path, ast.Attribute) if each.attr == function.name]
        if any(each.name == function.name and each.asname for each in aliases):
            raise CannotMove("the generator has another name in another file")
        for use in (*named, *dotted):
            other = parents.get(use)
            if not isinstance(other, ast.Call) or other.func is not use:
                raise CannotMove("the generator serves other code as well")
            if other is not call:
                found.append((path, other))
    return found


def _yielded(program: Program, function: ast.FunctionDef, path: str, places: Sequence[ast.AST | None]) -> _Yielded:
    yields = [each for each in ast.walk(function) if isinstance(each, ast.Yield | ast.YieldFrom)]
    only = yields[0] if len(yields) == 1 else None
    own = only is not None and function_around(program, only, path) is function
    if not isinstance(only, ast.Yield) or only.value is None or not own or function.decorator_list:
        raise CannotMove("the operation is not made by a generator with a single `yield`")
    if not isinstance(program.parents(path).get(only), ast.Expr) or None in places:
        raise CannotMove("what the generator is sent back is not certain")
    whole = only.value
    parts = whole.elts if isinstance(whole, ast.Tuple) else [whole]
    for index, part in enumerate(parts):
        value, statement = part, None
        if isinstance(part, ast.Name):
            statement, value = _kept_in(program, function, path, part, only)
        inside = {id(each) for each in ast.walk(value)}
        if all(id(place) in inside for place in places):
            behind = parts[index + 1 :]
            reading = reading_of(program.trees[path])
            effects = reading.of(value)._replace(draws=True)
            if any(not swap(effects, reading.of(each)) for each in behind):
                raise CannotMove("what else the generator yields is computed behind it")
            place = index if isinstance(whole, ast.Tuple) else None
            return _Yielded(value, place, len(parts), part, statement)
    raise CannotMove("the generator computes more from it than it yields")


def _kept_in(
    program: Program, function: ast.FunctionDef, path: str, part: ast.Name, only: ast.Yield
) -> tuple[ast.stmt | None, ast.expr]:
    """The statement that computes a name for the `yield` alone, right before it, and the expression in it."""
    bound = [
        found for node in ast.walk(function) if (found := binding(node)) is not None and found.target.id == part.id
    ]
    named = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == part.id]
    if len(bound) != 1 or len(named) != 2:
        return None, part
    statement = bound[0].statement
    block = block_of(program, statement, path)
    handing = program.statement(only, path)
    start, end = index_in(block, statement), index_in(block, handing) if handing is not None else None
    if start is None or end is None or end < start:
        return None, part
    reading = reading_of(program.trees[path])
    effects = reading.of(statement)._replace(draws=True)
    if any(not swap(effects, reading.of(each)) or reading.of(each).leaves for each in block[start + 1 : end]):
        raise CannotMove("the generator goes on from the value before it yields it")
    return statement, bound[0].value


def _bound_in_loop(program: Program, call: ast.Call, yielded: _Yielded, path: str) -> tuple[ast.Name, ast.For]:
    """The name that the loop over the generator gives the value, and that loop."""
    owner = program.parents(path).get(call)
    target: ast.expr | None = None
    if isinstance(owner, ast.For) and owner.iter is call:
        loop, target = owner, owner.target
    elif isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.args[:1] == [call]:
        around = program.parents(path).get(owner)
        index = _PASSED_ON.get(called(owner))
        if not isinstance(around, ast.For) or around.iter is not owner or index is None:
            raise CannotMove("the batches of the generator go through other hands before the loop")
        loop = around
        parts = loop.target.elts if isinstance(loop.target, ast.Tuple) else []
        target = parts[index] if len(parts) == 2 else None
    else:
        raise CannotMove("the batches of the generator go through other hands before the loop")
    if yielded.place is not None:
        several = target.elts if isinstance(target, ast.Tuple | ast.List) else []
        target = several[yielded.place] if len(several) == yielded.parts else None
    if not isinstance(target, ast.Name):
        raise CannotMove("the loop has no name of its own for the value")
    return target, loop


def _check_way(program: Program, recorder: Recorder, loop: ast.For, name: str, value: ast.expr, path: str) -> None:
    """Nothing in the body of the loop uses the value before the tape, or minds that it is computed later."""
    ahead = loop.body[: index_in(loop.body, recorder.owner)]
    reading = reading_of(program.trees[path])
    effects = reading.of(value)._replace(draws=True, leaves=False)
    for statement in ahead:
        names = {each.id for each in ast.walk(statement) if isinstance(each, ast.Name)}
        here = reading.of(statement)
        weights = any(each.rpartition(".")[2] in ATTRIBUTES for each in here.reads)
        if name in names:
            raise CannotMove(f"`{name}` is used before the tape")
        if weights or here.leaves or not swap(effects, here):
            raise CannotMove("what stands before the tape in the loop would run in another order")
    named = [each for each in ast.walk(loop) if isinstance(each, ast.Name) and each.id == name]
    if sum(not isinstance(each.ctx, ast.Load) for each in named) != 1:
        raise CannotMove(f"`{name}` is bound anew in the loop")


def _renamed(frame: Frame, maker: Frame, function: ast.FunctionDef, call: ast.Call, value: ast.expr) -> dict[str, str]:
    """How each name of the expression that the loop can see is called there: what is left is the generator's own."""
    given = _given(function, call)
    own = stored_locally(function)
    parameters = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    bound = {
        each.id for each in ast.walk(function) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)
    }
    renamed: dict[str, str] = {}
    for name in loaded(value):
        if name in parameters and name not in bound:
            argument = given.get(name)
            if isinstance(argument, ast.Name | ast.Attribute | ast.Constant):
                renamed[name] = ast.unparse(argument)
        elif name not in own:
            holder, seen = maker.scope.find(name), frame.scope.find(name)
            same = holder is not None and seen is not None and holder.names[name] is seen.names[name]
            builtin = holder is None and seen is None and hasattr(builtins, name)
            if not same and not builtin:
                raise CannotMove(f"the loop does not see the `{name}` of the generator")
            renamed[name] = name
    return renamed


def _renamed_elsewhere(
    program: Program, function: ast.FunctionDef, made_in: str, call: ast.Call, path: str, value: ast.expr, loop: ast.For
) -> dict[str, str]:
    """The same for another loop over the generator, as its text shows it: what it may read is bound once, outside."""
    given = _given(function, call)
    own = stored_locally(function)
    scope = function_around(program, loop, path)
    local = stored_locally(scope) if scope is not None else set()
    changing = {name for statement in (loop, *loop.body) for name in stored(statement)}
    renamed: dict[str, str] = {}
    for name in loaded(value):
        argument = given.get(name)
        if isinstance(argument, ast.Name | ast.Attribute | ast.Constant):
            if loaded(argument) & changing:
                raise CannotMove("the generator serves another loop as well, which binds what it is given anew")
            renamed[name] = ast.unparse(argument)
        elif name not in own and name not in local and (path == made_in or hasattr(builtins, name)):
            renamed[name] = name
    return renamed


def _given(function: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    names = positional_names(function.args)
    given: dict[str, ast.expr] = {}
    if names[:1] == ["self"] and isinstance(call.func, ast.Attribute):
        given["self"] = call.func.value
        names = names[1:]
    if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
        raise CannotMove("the generator is given a list of arguments")
    given.update(zip(names, call.args, strict=False))
    given.update({each.arg: each.value for each in call.keywords if each.arg is not None})
    return given


def _source(program: Program, path: str, value: ast.expr, known: set[str], missed: set[int]) -> _Source:
    """The one thing that the loop does not have: what the model is called with, or else a name of the generator."""
    unknown = loaded(value) - known
    callees = {id(each) for node in ast.walk(value) if isinstance(node, ast.Call) for each in ast.walk(node.func)}
    if any(isinstance(each, ast.Name) and each.id in unknown and id(each) in callees for each in ast.walk(value)):
        raise CannotMove("the loop does not see what the generator calls")
    if any(isinstance(each, ast.Lambda | ast.NamedExpr | ast.comprehension) for each in ast.walk(value)):
        raise CannotMove("the value is computed with names of its own")
    for first in value.args[:1] if isinstance(value, ast.Call) else ():
        inside = {id(each) for each in ast.walk(first)}
        names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name) and id(each) not in inside}
        once = program.source(value, path).count(program.source(first, path)) == 1
        if unknown <= loaded(first) and not unknown & names and not inside & missed and once:
            return _Source(first, first.id if isinstance(first, ast.Name) else "inputs")
    if len(unknown) == 1:
        name = next(iter(unknown))
        return _Source(next(each for each in ast.walk(value) if isinstance(each, ast.Name) and each.id == name), name)
    raise CannotMove("the value is computed from several things, which the loop does not have")


def _free(program: Program, inside: ast.AST, function: ast.FunctionDef, path: str, wish: str) -> str:
    """A name for what is yielded instead, which the code around the loop does not use."""
    scope = function_around(program, inside, path) or program.trees[path]
    own = {id(each) for each in ast.walk(function)}
    taken = {each.id for each in ast.walk(scope) if isinstance(each, ast.Name) and id(each) not in own}
    taken |= {each.arg for each in ast.walk(scope) if isinstance(each, ast.arg) and id(each) not in own}
    free = next((each for each in (wish, "inputs", "batch_inputs") if each not in taken), None)
    if free is None:
        raise CannotMove("the loop uses every likely name for other things")
    return free


def _without_parameters(
    program: Program,
    function: ast.FunctionDef,
    made_in: str,
    calls: Sequence[tuple[str, ast.Call]],
    yielded: _Yielded,
    source: _Source,
) -> list[Edit]:
    """The parameters that only the value was computed with go, and so do their arguments."""
    kept = {id(each) for each in ast.walk(source.node)}
    gone = {id(each) for each in ast.walk(yielded.value)} - kept
    edits: list[Edit] = []
    parameters = positional(function.args)
    for parameter in parameters:
        uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == parameter.arg]
        if parameter.arg == "self" or not uses or any(id(each) not in gone for each in uses):
            continue
        optional = parameters.index(parameter) >= len(parameters) - len(function.args.defaults)
        if optional or edits:
            raise CannotMove("how the generator would be called without the model is not certain")
        edits.append(_left_out(program, made_in, parameters, parameter))
        for path, call in calls:
            given = _given(function, call).get(parameter.arg)
            arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
            values = [each.value if isinstance(each, ast.keyword) else each for each in arguments]
            place = next((place for place, each in enumerate(values) if each is given), None)
            if place is None:
                raise CannotMove("how the generator would be called without the model is not certain")
            edits.append(_left_out(program, path, arguments, arguments[place]))
    return edits


def _left_out(program: Program, path: str, parts: Sequence[ast.AST], part: ast.AST) -> Edit:
    source = program.files[path]
    spans = [source.span(each) for each in parts]
    index = next(place for place, each in enumerate(parts) if each is part)
    if len(parts) == 1:
        span = spans[0]
    elif index > 0:
        span = Span(spans[index - 1].end, spans[index].end)
    else:
        span = Span(spans[0].start, spans[1].start)
    return Edit(path, span, "")


def made_by_a_generator(operations: Sequence[Operation]) -> bool:
    """Whether a function with a `yield` made any of the operations."""
    for operation in operations:
        frame: Frame | None = operation.frame
        while frame is not None:
            node = frame.function.node if frame.function is not None else None
            if isinstance(node, ast.FunctionDef) and any(isinstance(each, ast.Yield) for each in ast.walk(node)):
                return True
            frame = frame.caller
    return False
