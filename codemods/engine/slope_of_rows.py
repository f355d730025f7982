"""The slope is asked of the numbers that pick rows of a table, where that of the rows is meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Watched
from regrad.analysis.picked_rows import picked_rows
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Tensor
from regrad.codemods.engine import recording
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Related, Safety
from regrad.codemods.engine.surroundings import stored

ADVICE = "rows = table(ids)\ntape.watch(rows)\nscore = rest_of_the_model(rows)\nslope = tape.gradient(score, rows)"


class Rows(NamedTuple):
    """The request, what its sources picked, and the name by which the function around knows that."""

    event: GradientTaken
    picked: Tensor
    name: str | None


def slopes_of_rows(program: Program, code: str, rule: str) -> Iterator[Finding]:
    """The requests for the gradient of what only picks rows."""
    seen: set[int] = set()
    for sink in program.sinks:
        event = sink.event
        if sink.kind != "tape" or not isinstance(event, GradientTaken) or id(event.node) in seen:
            continue
        if event.sources_node is None or recording.zeros_expected(event):
            continue
        picked = picked_rows(sink)
        if not picked:
            continue
        seen.add(id(event.node))
        rows = Rows(event, picked[0], _name(sink, picked))
        text = program.source(event.sources_node, event.frame.path)
        instead = f"`{rows.name}`" if rows.name is not None else "the rows"
        related = [
            Related(program.location(watch.node, watch.frame), "this is watched")
            for watch in program.of(Watched)
            if watch.tape is event.tape
        ]
        if picked[0].operation.node is not None and picked[0].operation.frame is not None:
            place = program.location(picked[0].operation.node, picked[0].operation.frame)
            related.append(Related(place, "the rows are taken here"))
        yield Finding(
            code,
            rule,
            f"`{text}` only says which rows of a table are taken, so its gradient is None; there is one of {instead}",
            program.location(event.sources_node, event.frame),
            CutKind.NOT_WATCHED,
            (text,),
            tuple(related),
            rows,
        )


def _name(sink: Sink, picked: Sequence[Tensor]) -> str | None:
    """The one name of the function around by which it knows all that was picked."""
    if len(picked) != 1:
        return None
    names = [name for name, value in sink.event.frame.scope.names.items() if value is picked[0]]
    return names[0] if len(names) == 1 else None


def asked_of_rows(program: Program, evidence: Rows) -> Mending:
    """The rows are watched and asked for. Raises `CannotMove` where they have no name, or the place is not certain."""
    from regrad.codemods.engine import moving

    event, name, path = evidence.event, evidence.name, evidence.event.frame.path
    recorder = recording.recorder_of(program, event.tape)
    if name is None:
        raise CannotMove("the rows have no name where the gradient is asked for")
    if recorder is None or recorder.frame is not event.frame or not isinstance(event.sources_node, ast.Name):
        raise CannotMove("the tape is not opened by one `with` statement of the same function")
    tape = recording.tape_name(recorder, event)
    if tape is None:
        raise CannotMove("the tape has no plain name")
    scope = event.frame.function.node if event.frame.function is not None else program.trees[path]
    bound = [each for each in ast.walk(scope) if isinstance(each, ast.stmt) and _binds(each, name)]
    body: list[ast.stmt] = list(getattr(recorder.owner, "body", ()))
    inside = [each for each in bound if any(each is part for part in body)]
    if len(bound) != 1 or (not inside and any(name in stored(part) for part in body)):
        raise CannotMove(f"`{name}` is not bound once, by a statement of its own")
    watches = [
        statement
        for watch in program.of(Watched)
        if watch.tape is event.tape and isinstance(watch.node, ast.Call) and watch.frame is event.frame
        for statement in [program.statement(watch.node, path)]
        if statement is not None and [ast.unparse(each) for each in watch.node.args] == [event.sources_node.id]
    ]
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    watch_rows = f"{tape}.watch({name})"
    if len(watches) == 1 and not inside and any(watches[0] is part for part in body):
        assert isinstance(watches[0], ast.Expr)
        rewrite.replace(watches[0].value, watch_rows)
    else:
        rewrite.remove(list({id(each): each for each in watches}.values()))
        rewrite.insert(watch_rows, moving.after(inside[0]) if inside else moving.at_start(recorder.owner))
    rewrite.replace(event.sources_node, name)
    return Mending(f"ask for the gradient of `{name}`", Safety.UNSAFE, rewrite.edits(), "another gradient is asked for")


def _binds(statement: ast.stmt, name: str) -> bool:
    bound = binding(statement)
    return bound is not None and bound.target.id == name
