"""A loop that sums the terms of a loss goes through fewer of the outputs than there are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import iteration
from regrad.analysis.callee import called
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.parameters import named
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Collection, Constant, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Safety


class Fewer(NamedTuple):
    """`for i in range(passes)`, with the list that is read at `i` and has `size` parts."""

    loop: ast.For
    bound: ast.expr
    holder: str
    passes: int
    size: int
    function: ast.AST
    path: str


def loop_over_fewer(program: Program, sink: Sink, heads: list[Value]) -> Fewer | None:
    """The loop that reads the first parts of a list of which the later ones are what the training misses."""
    seen: set[int] = set()
    for tensor in sink.alive:
        frame = tensor.operation.frame
        while frame is not None and id(frame) not in seen:
            seen.add(id(frame))
            if frame.function is not None:
                for found in _loops(frame):
                    if _reads_the_heads(sink, frame, found, heads):
                        return found
            frame = frame.caller
    return None


def _loops(frame: Frame) -> Iterator[Fewer]:
    assert frame.function is not None
    names = frame.scope.names
    for loop in ast.walk(frame.function.node):
        if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name) or loop.orelse:
            continue
        count = loop.iter
        if not isinstance(count, ast.Call) or called(count) != "range" or len(count.args) != 1 or count.keywords:
            continue
        # Two loops with one name for their number tell of the last one alone how often it ran.
        if _stores(frame.function.node, loop.target.id) != 1:
            continue
        last = names.get(loop.target.id)
        if not isinstance(last, Constant) or not isinstance(last.value, int):
            continue
        if any(isinstance(each, (ast.Break, ast.Continue, ast.Return)) for each in ast.walk(loop)):
            continue
        for holder in _read_at(loop, loop.target.id):
            value = names.get(holder)
            if isinstance(value, Collection) and value.complete and not iteration.is_grown(value):
                size = len(value.items)
                if 0 <= last.value < size - 1:
                    function = frame.function.node
                    yield Fewer(loop, count.args[0], holder, last.value + 1, size, function, frame.path)


def _stores(function: ast.AST, name: str) -> int:
    nodes = (each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name)
    return sum(not isinstance(each.ctx, ast.Load) for each in nodes)


def _read_at(loop: ast.For, index: str) -> list[str]:
    """The names of what the loop reads at its number."""
    found = [
        each.value.id
        for each in ast.walk(loop)
        if isinstance(each, ast.Subscript)
        and isinstance(each.ctx, ast.Load)
        and isinstance(each.value, ast.Name)
        and isinstance(each.slice, ast.Name)
        and each.slice.id == index
    ]
    return list(dict.fromkeys(found))


def _reads_the_heads(sink: Sink, frame: Frame, found: Fewer, heads: list[Value]) -> bool:
    """Whether each part that the loop leaves out is computed by what the training misses, and the others are not
    alone in leading there.
    """
    value = frame.scope.names[found.holder]
    assert isinstance(value, Collection)
    flow, wanted = Flow(sink.tape, full=True, marks=heads), {id(head) for head in heads}
    reached = [wanted & set(flow.reach(item).sources) for item in value.items]
    left_out = reached[found.passes :]
    return all(left_out) and set().union(*left_out) == wanted and not set().union(*reached[: found.passes])


def over_all(program: Program, found: Fewer) -> Mending:
    """The loop goes through all parts. Raises `CannotMove` where the number of passes is read for more than that."""
    from regrad.codemods.engine.moving import Rewrite

    rewrite, text = Rewrite(program.files[found.path], program.trees[found.path]), f"len({found.holder})"
    if isinstance(found.bound, ast.Name):
        name = found.bound.id
        uses = [each for each in ast.walk(found.function) if isinstance(each, ast.Name) and each.id == name]
        if sum(isinstance(each.ctx, ast.Load) for each in uses) != 1:
            raise CannotMove(f"`{name}` is read elsewhere as well")
        stored = [program.statement(each, found.path) for each in uses if not isinstance(each.ctx, ast.Load)]
        made = stored[0] if len(stored) == 1 else None
        if isinstance(made, ast.Assign) and isinstance(made.targets[0], ast.Name) and _only_counts(made.value):
            rewrite.remove([made])
        elif stored or not isinstance(found.function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            raise CannotMove(f"`{name}` is not made in one place")
        elif name in {each.arg for each in named(found.function.args)}:
            raise CannotMove(f"how many parts count is handed over as `{name}`")
    rewrite.replace(found.bound, text)
    title = f"go through all of `{found.holder}`"
    return Mending(title, Safety.UNSAFE, rewrite.edits(), "another loss is computed")


def _only_counts(value: ast.expr) -> bool:
    """Whether it only counts what is there: nothing is lost with it."""
    calls = [each for each in ast.walk(value) if isinstance(each, ast.Call)]
    plain = (ast.BinOp, ast.Name, ast.Constant, ast.Call, ast.operator, ast.expr_context, ast.Attribute)
    return all(called(each) == "len" for each in calls) and all(isinstance(each, plain) for each in ast.walk(value))
