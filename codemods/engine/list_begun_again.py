"""A list of weights that is begun again where it was meant to grow: what it held before is in no list."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from regrad.analysis import freshness, intentions, trainings, unreached
from regrad.analysis.events import GradientTaken, Minimized, WeightsRead
from regrad.analysis.flow import sources_of
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Instance, Layer, Unknown, Value
from regrad.analysis.weights import describe
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.rule import Edit, Mending, Related, Safety
from regrad.codemods.engine.two_calls import argument_of


class BegunAgain(NamedTuple):
    """The statement that binds the name anew, or adds up without keeping the sum."""

    statement: ast.Assign | ast.Expr
    name: str
    path: str
    plain: bool
    """Whether what was bound before is a list, to which more can be added."""


def begun_again(program: Program) -> Iterator[Noticed]:
    """Weights that the loss is computed with, that were put into the list of a request, and are no longer there."""
    sinks = [sink for sink in program.sinks if isinstance(sink.event, (GradientTaken, Minimized))]
    if not sinks or intentions.asserted(program):
        return
    moved = trainings.updated(program, own_steps=False)
    for sink in sinks:
        event = sink.event
        node = event.sources_node if isinstance(event, GradientTaken) else _variables(event.node)
        if not isinstance(node, (ast.Name, ast.Attribute)) or unreached.in_test(event.frame):
            continue
        binding = _binding(program, sink, program.source(node, event.frame.path))
        if binding is None:
            continue
        earlier, last, path = binding
        reads = [read for read in program.of(WeightsRead) if read.frame.path == path and read.serial < event.serial]
        held = _sources(reads, earlier)
        now = sources_of(sink.sources)[0]
        if any(isinstance(value, Unknown) for value in now) or not any(isinstance(value, Layer) for value in now):
            continue
        kept = {id(value) for value in now}
        reached = sink.reached
        lost = [value for value in held if id(value) not in kept and isinstance(value, Layer)]
        if not lost or not all(freshness.fresh(value) and id(value) in reached for value in lost):
            continue
        if any(id(value) in moved for value in lost) or freshness.given_away(program, list(lost)):
            continue
        name = program.source(node, event.frame.path)
        names = tuple(dict.fromkeys(describe(value) for value in lost))
        owners = [owner for read in _inside(reads, earlier) for owner in [read.owner]]
        plain = not any(isinstance(owner, Instance) and owner.role != "model" for owner in owners)
        verb = "is added up and not kept" if isinstance(last, ast.Expr) else "is begun again"
        whose = ", ".join(f"`{each}`" for each in dict.fromkeys(describe(owner) for owner in owners))
        yield Noticed(
            last,
            event,
            f"`{name}` {verb} here, so the weights of {whose} are in no list: they never change",
            BegunAgain(last, name, path, plain),
            names,
            (Related(program.location(node, event.frame), "the list is used here"),),
        )


def _variables(call: ast.AST) -> ast.AST | None:
    return argument_of(call, "var_list", 1)


def _inside(reads: list[WeightsRead], statements: list[ast.stmt]) -> list[WeightsRead]:
    nodes = {id(node) for statement in statements for node in ast.walk(statement)}
    return [read for read in reads if id(read.node) in nodes and "non_trainable" not in read.attribute]


def _sources(reads: list[WeightsRead], statements: list[ast.stmt]) -> list[Value]:
    found: dict[int, Value] = {}
    for read in _inside(reads, statements):
        found.update((id(value), value) for value in read.sources)
    return list(found.values())


def _binding(program: Program, sink: Sink, name: str) -> tuple[list[ast.stmt], ast.Assign | ast.Expr, str] | None:
    """The statements whose weights are lost, the one that loses them, and their file."""
    event = sink.event
    path = event.frame.path
    # Most lists are asked of a model where they are used, which is seen without a walk through all statements.
    if re.search(re.escape(name) + r"[\s\\)]*[=+#]", program.files[path].text) is None:
        return None
    scope = unreached.scope_of(program, event.frame)
    if "." in name:
        # An attribute is bound in one method and used in another.
        scope = program.trees[path]
    statements = program.once(_statements).get((path, name), ())
    inside = [each for each in statements if _within(each, scope)]
    bound = sorted((each for each in inside if isinstance(each, ast.Assign)), key=lambda each: each.lineno)
    dropped = [each for each in inside if isinstance(each, ast.Expr)]
    if len(dropped) == 1 and len(bound) == 1:
        return [dropped[0]], dropped[0], path
    if not 1 <= len(bound) <= 4:
        return None
    parents = program.parents(path)
    last = bound[-1]
    assert isinstance(last, ast.Assign)
    loop = parents.get(last)
    block_of = loop if isinstance(loop, ast.For) and last in loop.body else last
    outer = parents.get(block_of) if block_of is not None else None
    if outer is None or (isinstance(outer, (ast.If, ast.While, ast.Try)) and block_of is loop):
        return None
    if any(parents.get(each) is not outer for each in bound[:-1]):
        return None
    if block_of is loop:
        earlier: list[ast.stmt] = [each for each in bound if isinstance(each, ast.stmt)]
        if len(bound) < 2 or not _a_list(bound[-2]):
            return None
    else:
        earlier = [each for each in bound[:-1] if isinstance(each, ast.stmt)]
    if not earlier or _read_between(program, path, scope, name, bound, last):
        return None
    return earlier, last, path


def _a_list(statement: ast.AST) -> bool:
    """Whether a statement binds a list, an empty one or one of weights."""
    value = statement.value if isinstance(statement, ast.Assign) else None
    return isinstance(value, (ast.List, ast.Attribute, ast.BinOp))


def _statements(program: Program) -> dict[tuple[str, str], list[ast.Assign | ast.Expr]]:
    """The statements of each file that bind a name, or add to what it holds and let the sum go."""
    found: dict[tuple[str, str], list[ast.Assign | ast.Expr]] = {}
    for path in program.trees:
        named: list[tuple[ast.Assign | ast.Expr, ast.expr]] = []
        for assignment in program.nodes_of(path, ast.Assign):
            if len(assignment.targets) == 1:
                named.append((assignment, assignment.targets[0]))
        for statement in program.nodes_of(path, ast.Expr):
            if isinstance(statement.value, ast.BinOp) and isinstance(statement.value.op, ast.Add):
                named.append((statement, statement.value.left))
        for node, name in sorted(named, key=lambda each: each[0].lineno):
            if isinstance(name, (ast.Name, ast.Attribute)):
                found.setdefault((path, program.source(name, path)), []).append(node)
    return found


def _within(statement: ast.stmt, scope: ast.AST) -> bool:
    first, last = getattr(scope, "lineno", 0), getattr(scope, "end_lineno", None)
    return first <= statement.lineno and (last is None or statement.lineno <= last)


def _read_between(
    program: Program, path: str, scope: ast.AST, name: str, bound: Sequence[ast.AST], last: ast.Assign
) -> bool:
    """Whether anything reads or changes the list before it is bound for the last time."""
    first = bound[0].lineno  # type: ignore[attr-defined]
    goals = {id(each.targets[0]) for each in bound if isinstance(each, ast.Assign)}
    tail = name.rpartition(".")[2]
    for node in ast.walk(scope):
        if isinstance(node, (ast.Name, ast.Attribute)) and getattr(node, "id", getattr(node, "attr", "")) == tail:
            within = first <= node.lineno <= (last.end_lineno or last.lineno)
            if within and id(node) not in goals and program.source(node, path) == name:
                return True
        if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
            return True
    return False


def grown(program: Program, evidence: BegunAgain) -> Mending:
    """The list grows: `=` becomes `+=`."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    statement, path = evidence.statement, evidence.path
    source = program.files[path]
    if not evidence.plain:
        raise CannotMove("the weights of a `tf.Module` are a tuple, to which no list can be added")
    if isinstance(statement, ast.Expr):
        assert isinstance(statement.value, ast.BinOp)
        rewrite = Rewrite(source, program.trees[path])
        rewrite.replace(statement, f"{evidence.name} += {program.source(statement.value.right, path)}")
        edits = rewrite.edits()
    else:
        start, end = source.span(statement.targets[0]), source.span(statement.value)
        between = Span(start.end, end.start)
        edits = (Edit(path, between, source.segment(between).replace("=", "+=", 1)),)
    return Mending("let the list grow", Safety.UNSAFE, tuple(edits), "weights move that did not move before")
